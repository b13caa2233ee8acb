/*
 * fuzz_coap.c - CoAP messages and their mapping in both roles. Input: datagrams, each with its length in two octets before it.
 * The contents of all requests are blocks of one body. What was read as a request is written again and must then read the same.
 */
#include <stdlib.h>
#include <string.h>

#include "binding/coap_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1780315200000
#define BODY_MAX 4096u

static void require(bool ok)
{
    if (!ok)
        abort();
}

static bool same(const char *a, const char *b)
{
    return !a == !b && (!a || !strcmp(a, b));
}

/* The octets of a message that is in order come out as they went in: but for options in a longer form than they need. */
static void write_message_again(const struct esc_coap_msg *m)
{
    struct esc_coap_msg back;
    escertke_buf out;

    escertke_buf_init(&out, 2 * ESC_COAP_MESSAGE_MAX);
    require(esc_coap_write(m, NULL, 0, &out) == ESCERTKE_OK);
    require(esc_coap_parse(escertke_buf_span(&out), &back) == ESCERTKE_OK);
    require(back.type == m->type && back.code == m->code && back.mid == m->mid && back.token_len == m->token_len &&
            back.options.len <= m->options.len && escertke_span_equal(back.payload, m->payload));
    escertke_buf_free(&out);
}

/* Only plain addresses are compared: Uri-Path cannot give back all that a text can hold. */
static bool comparable(const escertke_primitive *req)
{
    escertke_address to;

    return req->to && !req->other_params && !strchr(req->to, '#') && req->to[strlen(req->to) - 1] != '.' &&
           escertke_address_parse(escertke_span_str(req->to), &to) == ESCERTKE_OK && !strstr(req->to, "/./") &&
           strncmp(req->to, "./", 2) != 0 && strcmp(req->to, ".") != 0 && strcmp(req->to, "~") != 0 &&
           strncmp(req->to, "~/", 2) != 0 && strcmp(req->to, "_") != 0 && strncmp(req->to, "_/", 2) != 0;
}

static void write_request_again(const escertke_primitive *req)
{
    struct esc_http_url base;
    struct esc_coap_msg m = { .type = ESC_COAP_CON };
    struct esc_coap_in in;
    escertke_primitive again;
    escertke_buf options;

    if (!comparable(req) || (req->op == ESCERTKE_OP_CREATE && !req->ty))
        return;
    escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
    escertke_primitive_init(&again);
    require(esc_coap_url_parse("coap://127.0.0.1/p", &base, NULL) == ESCERTKE_OK);
    if (esc_coap_out_request(&base, false, req, NOW_MS, &m.code, &options, NULL) == ESCERTKE_OK) {
        m.options = escertke_buf_span(&options);
        require(esc_coap_in_request(&in, &m, "/p", &again, NULL) == ESCERTKE_OK || in.rsc == ESCERTKE_RSC_NOT_ACCEPTABLE);
        require(again.op == req->op && same(again.to, req->to) && same(again.fr, req->fr) && same(again.rqi, req->rqi) &&
                same(again.atrl, req->atrl) && again.rt == req->rt && again.rcn == req->rcn);
    }
    escertke_primitive_clear(&again);
    escertke_buf_free(&options);
}

static void one_request(const struct esc_coap_msg *m, escertke_buf *body)
{
    struct esc_coap_in in;
    escertke_primitive req, rsp;
    escertke_detail d;
    escertke_buf options;
    int code;

    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
    if (esc_coap_in_request(&in, m, "", &req, &d) == ESCERTKE_OK) {
        require(req.op != ESCERTKE_OP_NONE && req.rqi && *req.rqi);
        write_request_again(&req);
        if (in.has_block1) {
            size_t before = body->len;
            code = esc_coap_block_take(&in.block1, m->payload, body);
            require(code == 0 ? body->len >= before : body->len == before);
        }
    } else {
        require(in.rsc >= 4000 && in.code >= 400 && d.reason[0]);
    }
    rsp.rsc = in.rsc ? in.rsc : ESCERTKE_RSC_OK;
    require(esc_coap_out_response(&req, &rsp, NOW_MS, &code, &options) == ESCERTKE_OK && code >= 204);
    escertke_buf_free(&options);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
}

static void one_response(const struct esc_coap_msg *m)
{
    struct esc_coap_in in;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    if (esc_coap_in_response(&in, m, "r1", &rsp, NULL) == ESCERTKE_OK)
        require(rsp.rsc >= 1000 && rsp.rsc <= 6999 && same(rsp.rqi, "r1"));
    escertke_primitive_clear(&rsp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_buf body;

    escertke_buf_init(&body, BODY_MAX);
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        struct esc_coap_msg m;

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        if (esc_coap_parse((escertke_span){ data, len }, &m) == ESCERTKE_OK) {
            write_message_again(&m);
            if (m.code && m.code < 200)
                one_request(&m, &body);
            else
                one_response(&m);
        }
        data += len;
        size -= len;
    }
    escertke_buf_free(&body);
    return 0;
}

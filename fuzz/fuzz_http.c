/*
 * fuzz_http.c - the HTTP mapping in both roles. Input: a start line, header lines, an empty line, a body. A start line
 * "HTTP/1.1 ..." makes it a response to the request "r1", "http..." a URL, anything else a request "METHOD target".
 * What was read as a request is written again and must then read the same.
 */
#include <stdlib.h>
#include <string.h>

#include "binding/http_map.h"
#include "binding/http_target.h"
#include "binding/http_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX "/p"

static void require(bool ok)
{
    if (!ok)
        abort();
}

static bool same(const char *a, const char *b)
{
    return !a == !b && (!a || !strcmp(a, b));
}

static escertke_span next_line(escertke_span *rest)
{
    const uint8_t *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    escertke_span line = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
    size_t used = end ? line.len + 1 : line.len;

    if (rest->len) {
        rest->ptr += used;
        rest->len -= used;
    }
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static void feed(struct esc_http_in *in, escertke_span *rest)
{
    for (escertke_span line; rest->len && (line = next_line(rest)).len;) {
        escertke_span value = line, name;
        esc_http_next_part(&value, ':', &name);
        esc_http_in_field(in, name, value);
    }
}

/* Text of the standard's parameters may hold what a path cannot give back: only plain addresses are compared. */
static bool comparable(const escertke_primitive *req)
{
    escertke_address to;

    return req->to && !req->other_params && !strchr(req->to, '#') &&
           escertke_address_parse(escertke_span_str(req->to), &to) == ESCERTKE_OK && req->to[strlen(req->to) - 1] != '/';
}

static void write_and_read_again(const escertke_primitive *req)
{
    struct esc_http_url base;
    struct esc_http_out out;
    escertke_primitive again;
    escertke_buf target;

    require(esc_http_out_request(req, &out, NULL) == ESCERTKE_OK);
    if (!comparable(req))
        return;
    escertke_buf_init(&target, 4 * ESC_HTTP_TARGET_MAX);
    escertke_primitive_init(&again);
    require(esc_http_url_parse("http://h" PREFIX, &base, NULL) == ESCERTKE_OK);
    require(esc_http_target_write(&base, false, req, &target, NULL) == ESCERTKE_OK);
    if (target.len <= ESC_HTTP_TARGET_MAX) {
        require(esc_http_target_read(escertke_buf_span(&target), PREFIX, &again, NULL) == ESCERTKE_OK);
        require(same(again.to, req->to) && same(again.atrl, req->atrl) && again.rt == req->rt && again.rcn == req->rcn);
    }
    escertke_primitive_clear(&again);
    escertke_buf_free(&target);
}

static void one_request(escertke_span line, escertke_span rest)
{
    struct esc_http_in in;
    struct esc_http_out out;
    escertke_primitive req, rsp;
    escertke_detail d;
    escertke_span target = line, word;
    char method[24] = "";

    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    esc_http_in_init(&in, false, &req, &d);
    esc_http_next_part(&target, ' ', &word);
    if (word.len && word.len < sizeof method)
        memcpy(method, word.ptr, word.len);
    esc_http_in_line(&in, method, target, PREFIX);
    feed(&in, &rest);
    esc_http_in_head(&in);
    if (escertke_buf_append(&req.content, rest.ptr, rest.len) == ESCERTKE_OK && esc_http_in_end(&in) == ESCERTKE_OK) {
        require(req.op != ESCERTKE_OP_NONE && req.rqi && *req.rqi);
        write_and_read_again(&req);
    } else if (in.err != ESCERTKE_OK) {
        require(in.rsc >= 4000 && in.status >= 400 && d.reason[0]);
    }
    rsp.rsc = in.rsc ? in.rsc : ESCERTKE_RSC_OK;
    esc_http_out_response(&req, &rsp, &out);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
}

static void one_response(escertke_span rest)
{
    struct esc_http_in in;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    esc_http_in_init(&in, true, &rsp, NULL);
    feed(&in, &rest);
    if (escertke_buf_append(&rsp.content, rest.ptr, rest.len) == ESCERTKE_OK &&
        esc_http_in_response_end(&in, "r1") == ESCERTKE_OK)
        require(rsp.rsc >= 1000 && rsp.rsc <= 6999 && same(rsp.rqi, "r1"));
    escertke_primitive_clear(&rsp);
}

static void one_url(escertke_span line)
{
    struct esc_http_url url;
    escertke_buf text;
    char copy[1024];

    if (line.len >= sizeof copy)
        return;
    memcpy(copy, line.ptr, line.len);
    copy[line.len] = '\0';
    escertke_buf_init(&text, sizeof copy);
    if (esc_http_url_parse(copy, &url, NULL) == ESCERTKE_OK)
        require(esc_http_url_authority(&url, &text) == ESCERTKE_OK);
    escertke_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_span rest = { data, size }, line = next_line(&rest);

    if (line.len >= 5 && !memcmp(line.ptr, "HTTP/", 5))
        one_response(rest);
    else if (line.len >= 4 && !memcmp(line.ptr, "http", 4))
        one_url(line);
    else
        one_request(line, rest);
    return 0;
}

/*
 * refuse.c - what it costs to refuse. Handshakes and messages that come to nothing, all as NOTIFY primitives to one end-point, in
 * rounds that alternate; and through the HTTP server, where each of them is a request more or less.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIMITED_MAX = 64, CONNECTIONS = 16, KEYS_MAX = 16 };

static const char fr_client[] = "/in1/Cb1", fr_flood[] = "Cflood";

struct refuse {
    const struct people *people;
    escertke_store server_store, client_store;
    void *server_credential, *client_credential;
    escertke_identity client;
    escertke_terminator *terminator, *limited; /* without limits of rate, and with the default ones */
    escertke_http_server *server;
    escertke_now now;
    escertke_primitive requests[REFUSALS];
};

static const struct {
    const char *name;
    int rsc;
} refusals[REFUSALS] = {
    [REFUSAL_LIMITED] = { "limited", ESCERTKE_RSC_INTERNAL_SERVER_ERROR },
    [REFUSAL_NOT_JSON] = { "not_json", ESCERTKE_RSC_BAD_REQUEST },
    [REFUSAL_NO_SECI] = { "no_seci", ESCERTKE_RSC_BAD_REQUEST },
    [REFUSAL_NOT_BASE64] = { "not_base64", ESCERTKE_RSC_BAD_REQUEST },
    [REFUSAL_NO_TLS] = { "no_tls", ESCERTKE_RSC_BAD_REQUEST },
    [REFUSAL_CUT_HELLO] = { "cut_hello", ESCERTKE_RSC_CONTENTS_UNACCEPTABLE },
    [REFUSAL_NO_FROM] = { "no_from", ESCERTKE_RSC_BAD_REQUEST },
    [REFUSAL_NO_PENDING] = { "no_pending", ESCERTKE_RSC_BAD_REQUEST },
};

const char *refusal_name(size_t which)
{
    return refusals[which].name;
}

/* ---- one message ----------------------------------------------------------------------------------------------- */

static escertke_err set_request(escertke_primitive *req, const char *fr)
{
    escertke_err err;

    req->op = ESCERTKE_OP_NOTIFY;
    snprintf(req->source, sizeof req->source, "127.0.0.1"); /* as the HTTP server says it: tokens are counted per source */
    if ((err = escertke_primitive_set(&req->to, escertke_span_str("/in1/Cb0"))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&req->fr, escertke_span_str(fr))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&req->rqi, escertke_span_str("1"))) == ESCERTKE_OK)
        err = escertke_primitive_set(&req->rvi, escertke_span_str("3"));
    return err;
}

static escertke_err set_message(escertke_primitive *req, escertke_span message)
{
    escertke_buf_reset(&req->content);
    return escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &req->content);
}

/* To the end-point without limits, but for the one who has used up all that somebody may send. */
static void answer(const struct refuse *r, const escertke_primitive *req, escertke_primitive *rsp)
{
    bool flood = req->fr && strcmp(req->fr, fr_flood) == 0;

    escertke_notify_serve(flood ? r->limited : r->terminator, req, r->now, rsp);
}

/* The answer's RSC, and its message if there is one. */
static int serve(struct refuse *r, const escertke_primitive *req, escertke_buf *message, double *us)
{
    escertke_primitive rsp;
    escertke_seci seci;
    double start = meter_cpu_us();

    escertke_primitive_init(&rsp);
    answer(r, req, &rsp);
    *us += meter_cpu_us() - start;
    int rsc = rsp.rsc;
    escertke_seci_init(&seci);
    if (message && rsc == ESCERTKE_RSC_OK &&
        escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&rsp.content), &seci, NULL) == ESCERTKE_OK) {
        escertke_buf_reset(message);
        if (escertke_buf_append(message, seci.eckm.ptr, seci.eckm.len) != ESCERTKE_OK)
            rsc = 0;
    }
    escertke_seci_clear(&seci);
    escertke_primitive_clear(&rsp);
    return rsc;
}

/* A whole handshake; of its messages @p m3 is kept where that is wanted. */
static bool handshake(struct refuse *r, escertke_buf *m3, double *us)
{
    escertke_initiator *i = NULL;
    escertke_span out;
    escertke_primitive req;
    escertke_buf answer;
    escertke_key_entry entry = { 0 };

    escertke_primitive_init(&req);
    escertke_buf_init(&answer, ESCERTKE_MESSAGE_MAX);
    bool ok = set_request(&req, fr_client) == ESCERTKE_OK &&
              escertke_initiator_new(&r->client, r->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, r->now, &out) == ESCERTKE_OK && set_message(&req, out) == ESCERTKE_OK &&
              serve(r, &req, &answer, us) == ESCERTKE_RSC_OK &&
              escertke_initiator_step(i, escertke_buf_span(&answer), r->now, &out) == ESCERTKE_OK &&
              set_message(&req, out) == ESCERTKE_OK && (!m3 || escertke_buf_append(m3, out.ptr, out.len) == ESCERTKE_OK) &&
              serve(r, &req, &answer, us) == ESCERTKE_RSC_OK &&
              escertke_initiator_step(i, escertke_buf_span(&answer), r->now, &out) == ESCERTKE_OK &&
              escertke_initiator_entry(i, &entry) == ESCERTKE_OK;
    /* the stores stay small: their growth is not what is measured here */
    ok = ok && r->server_store.ops->remove(r->server_store.state, entry.key.id, NULL) == ESCERTKE_OK &&
         r->client_store.ops->remove(r->client_store.state, entry.key.id, NULL) == ESCERTKE_OK;
    escertke_key_entry_wipe(&entry);
    escertke_initiator_free(i);
    escertke_buf_free(&answer);
    escertke_primitive_clear(&req);
    return ok;
}

/* ---- what is refused ---------------------------------------------------------------------------------------------- */

static bool new_m1(struct refuse *r, escertke_buf *out)
{
    escertke_initiator *i = NULL;
    escertke_span m1;
    bool ok = escertke_initiator_new(&r->client, r->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, r->now, &m1) == ESCERTKE_OK;

    escertke_buf_reset(out);
    ok = ok && escertke_buf_append(out, m1.ptr, m1.len) == ESCERTKE_OK;
    escertke_initiator_free(i);
    return ok;
}

/* As many M1 as somebody may send, and the one that is too much. */
static bool make_limited(struct refuse *r, escertke_primitive *req, escertke_buf *m1)
{
    double us = 0;

    for (int i = 0; i < LIMITED_MAX; i++) {
        if (!new_m1(r, m1) || set_message(req, escertke_buf_span(m1)) != ESCERTKE_OK)
            return false;
        if (serve(r, req, NULL, &us) != ESCERTKE_RSC_OK)
            return true;
    }
    return false;
}

/* A ClientHello that ends in the middle of its cipher suites, in a record that knows of it. */
static escertke_span cut_hello(escertke_buf *m1)
{
    enum { RECORD = 5, HANDSHAKE = 4, KEPT = 38 };

    m1->len = RECORD + HANDSHAKE + KEPT;
    m1->ptr[3] = 0, m1->ptr[4] = HANDSHAKE + KEPT;
    m1->ptr[6] = 0, m1->ptr[7] = 0, m1->ptr[8] = KEPT;
    return escertke_buf_span(m1);
}

static bool set_text(escertke_primitive *req, const char *text)
{
    return escertke_buf_append(&req->content, text, strlen(text)) == ESCERTKE_OK;
}

static bool make_requests(struct refuse *r, escertke_buf *m1, escertke_buf *m3)
{
    escertke_primitive *q = r->requests;
    double us = 0;
    bool ok = true;

    for (size_t i = 0; i < REFUSALS; i++) {
        escertke_primitive_init(&q[i]);
        ok = ok && set_request(&q[i], i == REFUSAL_NO_FROM   ? "no one"
                                      : i == REFUSAL_LIMITED ? fr_flood
                                                             : fr_client) == ESCERTKE_OK;
    }
    return ok && make_limited(r, &q[REFUSAL_LIMITED], m1) && handshake(r, m3, &us) && handshake(r, NULL, &us) &&
           set_text(&q[REFUSAL_NOT_JSON], "hello") && set_text(&q[REFUSAL_NO_SECI], "{\"m2m:sgn\":{}}") &&
           set_text(&q[REFUSAL_NOT_BASE64], "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"*\"}}") &&
           set_message(&q[REFUSAL_NO_TLS], escertke_span_str("hello")) == ESCERTKE_OK &&
           set_message(&q[REFUSAL_NO_FROM], escertke_buf_span(m1)) == ESCERTKE_OK &&
           set_message(&q[REFUSAL_NO_PENDING], escertke_buf_span(m3)) == ESCERTKE_OK &&
           set_message(&q[REFUSAL_CUT_HELLO], cut_hello(m1)) == ESCERTKE_OK;
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)now; /* it stands still here, so that nobody gets a token */
    answer(ctx, req, rsp);
}

static escertke_err open_all(struct refuse *r, escertke_detail *d)
{
    const escertke_tls_ops *tls = escertke_tls_openssl();
    escertke_http_server_config http = {
        .listen = "http://127.0.0.1:0/notify", .handler = handle, .handler_ctx = r, .threads = 1
    };
    escertke_err err;

    if ((err = escertke_store_memory(KEYS_MAX, &r->server_store)) != ESCERTKE_OK ||
        (err = escertke_store_memory(KEYS_MAX, &r->client_store)) != ESCERTKE_OK ||
        (err = people_credential(r->people, 0, tls, false, 0, &r->server_credential, d)) != ESCERTKE_OK ||
        (err = people_credential(r->people, 1, tls, false, 0, &r->client_credential, d)) != ESCERTKE_OK)
        return err;
    r->client = (escertke_identity){ .tls = tls,
                                     .credential = r->client_credential,
                                     .id = r->people->all[1].id,
                                     .ctx = { "//m2m.example.org", "/in1" },
                                     .store = &r->client_store };
    escertke_terminator_config cfg = { .identity = r->client };
    cfg.identity.credential = r->server_credential;
    cfg.identity.id = r->people->all[0].id;
    cfg.identity.store = &r->server_store;
    if ((err = escertke_terminator_new(&cfg, &r->limited, d)) != ESCERTKE_OK)
        return err;
    cfg.rate_from.burst = ESCERTKE_NO_LIMIT;
    err = escertke_terminator_new(&cfg, &r->terminator, d);
    return err == ESCERTKE_OK ? escertke_http_server_start(&http, &r->server, d) : err;
}

struct refuse *refuse_new(const struct people *p, escertke_detail *d)
{
    struct refuse *r = calloc(1, sizeof *r);
    escertke_buf m1, m3;

    if (!r)
        return NULL;
    *r = (struct refuse){ .people = p, .now = { 1, time(NULL) } };
    escertke_buf_init(&m1, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&m3, ESCERTKE_MESSAGE_MAX);
    bool ok = open_all(r, d) == ESCERTKE_OK && make_requests(r, &m1, &m3);
    escertke_buf_free(&m1);
    escertke_buf_free(&m3);
    if (ok)
        return r;
    refuse_free(r);
    return NULL;
}

void refuse_free(struct refuse *r)
{
    if (!r)
        return;
    escertke_http_server_stop(r->server, 1000);
    for (size_t i = 0; i < REFUSALS; i++)
        escertke_primitive_clear(&r->requests[i]);
    escertke_terminator_free(r->terminator);
    escertke_terminator_free(r->limited);
    escertke_store_close(&r->server_store);
    escertke_store_close(&r->client_store);
    escertke_tls_openssl()->credential_free(r->server_credential);
    escertke_tls_openssl()->credential_free(r->client_credential);
    free(r);
}

/* ---- rounds --------------------------------------------------------------------------------------------------------- */

bool refuse_round(struct refuse *r, unsigned count, struct refuse_cost *out)
{
    bool ok = true;

    *out = (struct refuse_cost){ 0 };
    for (unsigned i = 0; ok && i < count; i++) {
        ok = handshake(r, NULL, &out->handshake_us);
        for (size_t k = 0; ok && k < REFUSALS; k++) {
            int rsc = serve(r, &r->requests[k], NULL, &out->refusal_us[k]);
            ok = rsc == refusals[k].rsc;
            if (!ok)
                fprintf(stderr, "escertke: bench: refuse %s: %d\n", refusals[k].name, rsc);
        }
    }
    out->handshake_us /= count;
    for (size_t k = 0; k < REFUSALS; k++)
        out->refusal_us[k] /= count;
    return ok;
}

static escertke_err write_request(const escertke_primitive *req, struct load_message *m)
{
    char head[400];
    int len = snprintf(head, sizeof head,
                       "POST /notify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M2M-Origin: %s\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                       req->fr, req->content.len);

    escertke_buf_init(&m->request, ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&m->response, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_buf_append(&m->request, head, (size_t)len);
    return err == ESCERTKE_OK ? escertke_buf_append(&m->request, req->content.ptr, req->content.len) : err;
}

escertke_err refuse_http(struct refuse *r, size_t which, size_t count, double *us, escertke_detail *d)
{
    struct load_message *messages = calloc(count, sizeof *messages);
    uint16_t port = (uint16_t)atoi(strrchr(escertke_http_server_url(r->server), ':') + 1);
    escertke_err err = messages ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;

    for (size_t i = 0; err == ESCERTKE_OK && i < count; i++)
        err = write_request(&r->requests[which], &messages[i]);
    struct load *load = NULL;
    if (err == ESCERTKE_OK)
        err = load_open(LOAD_HTTP, port, CONNECTIONS, &load, d);
    double all = meter_process_us(), own = meter_cpu_us();
    if (err == ESCERTKE_OK)
        err = load_run(load, messages, count);
    *us = (meter_process_us() - all - (meter_cpu_us() - own)) / (double)count;
    load_close(load);
    for (size_t i = 0; messages && i < count; i++) {
        if (err == ESCERTKE_OK && messages[i].status != escertke_rsc_http(refusals[which].rsc))
            err = ESCERTKE_ERR_HTTP;
        escertke_buf_free(&messages[i].request);
        escertke_buf_free(&messages[i].response);
    }
    free(messages);
    return err;
}

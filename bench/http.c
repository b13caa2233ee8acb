/*
 * http.c - handshakes per second of a terminator behind the HTTP server. On a machine of two cores the load must not take what is
 * to be measured: all M1 are sent, then the M3 are computed with the clock stopped, then all M3 are sent. What is timed is the
 * server at work and a client that only copies octets.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"

enum { CONNECTIONS = 32 };

struct caller {
    void *credential;
    escertke_identity identity;
    escertke_initiator *run;
};

struct stage {
    const struct people *people;
    void *credential;
    escertke_store server_store, caller_store;
    escertke_terminator *terminator;
    escertke_http_server *server;
    uint16_t port;
    struct caller *callers; /* callers[0] is nobody: people[0] is the terminator */
    struct load_message *messages;
    size_t count;
    escertke_now now;
    struct http_result *out;
    escertke_detail *d;
};

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

static escertke_err open_server(struct stage *s, unsigned threads)
{
    escertke_terminator_config cfg = { .identity = { .tls = escertke_tls_openssl(),
                                                     .credential = s->credential,
                                                     .id = s->people->all[0].id,
                                                     .ctx = { "//m2m.example.org", "/in1" },
                                                     .store = &s->server_store },
                                       .max_pending = s->count + 1 };
    escertke_http_server_config http = { .listen = "http://127.0.0.1:0/notify", .handler = handle, .threads = threads };

    escertke_err err = escertke_terminator_new(&cfg, &s->terminator, s->d);
    if (err != ESCERTKE_OK)
        return err;
    http.handler_ctx = s->terminator;
    if ((err = escertke_http_server_start(&http, &s->server, s->d)) == ESCERTKE_OK)
        s->port = (uint16_t)atoi(strrchr(escertke_http_server_url(s->server), ':') + 1);
    return err;
}

static escertke_err open_caller(struct stage *s, size_t i)
{
    struct caller *c = &s->callers[i];
    escertke_err err = people_credential(s->people, i + 1, escertke_tls_openssl(), false, 0, &c->credential, s->d);

    c->identity = (escertke_identity){ .tls = escertke_tls_openssl(),
                                       .credential = c->credential,
                                       .id = s->people->all[i + 1].id,
                                       .ctx = { "//m2m.example.org", "/in1" },
                                       .store = &s->caller_store };
    return err == ESCERTKE_OK ? escertke_initiator_new(&c->identity, s->people->all[0].id, 0, &c->run, s->d) : err;
}

static escertke_err put_request(struct stage *s, size_t i, escertke_span message)
{
    struct load_message *m = &s->messages[i];
    char head[512];
    escertke_buf body;

    escertke_buf_init(&body, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &body);
    int len = snprintf(head, sizeof head,
                       "POST /notify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M2M-Origin: %s\r\nX-M2M-RI: %zu\r\nX-M2M-RVI: 3\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                       s->people->all[i + 1].id, i, body.len);
    escertke_buf_reset(&m->request);
    escertke_buf_reset(&m->response);
    if (err == ESCERTKE_OK && (err = escertke_buf_append(&m->request, head, (size_t)len)) == ESCERTKE_OK)
        err = escertke_buf_append(&m->request, body.ptr, body.len);
    escertke_buf_free(&body);
    return err;
}

/* Take the answer of one caller in and give its next message out (none after M4). */
static escertke_err next_message(struct stage *s, size_t i, escertke_span *out)
{
    const struct load_message *m = &s->messages[i];
    escertke_seci seci;

    if (m->status != 200)
        return esc_fail(s->d, ESCERTKE_ERR_HTTP, "", "bench: status %d: %.*s", m->status, (int)m->response.len,
                        (const char *)m->response.ptr);
    escertke_seci_init(&seci);
    escertke_err err = escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&m->response), &seci, s->d);
    if (err == ESCERTKE_OK)
        err = escertke_initiator_step(s->callers[i].run, escertke_buf_span(&seci.eckm), s->now, out);
    escertke_seci_clear(&seci);
    return err;
}

static escertke_err timed_load(struct stage *s)
{
    double wall = meter_wall_us(), all = meter_process_us(), own = meter_cpu_us();

    escertke_err err = load_run(s->port, s->messages, s->count, CONNECTIONS, s->d);
    own = meter_cpu_us() - own;
    s->out->load_us += own;
    s->out->server_us += meter_process_us() - all - own;
    s->out->per_second += meter_wall_us() - wall; /* the time, until finish_result makes a rate of it */
    return err;
}

static escertke_err play(struct stage *s)
{
    escertke_span out;
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; err == ESCERTKE_OK && i < s->count; i++)
        if ((err = open_caller(s, i)) == ESCERTKE_OK &&
            (err = escertke_initiator_start(s->callers[i].run, s->now, &out)) == ESCERTKE_OK)
            err = put_request(s, i, out);
    if (err == ESCERTKE_OK)
        err = timed_load(s);
    for (size_t i = 0; err == ESCERTKE_OK && i < s->count; i++)
        if ((err = next_message(s, i, &out)) == ESCERTKE_OK)
            err = put_request(s, i, out);
    if (err == ESCERTKE_OK)
        err = timed_load(s);
    for (size_t i = 0; err == ESCERTKE_OK && i < s->count; i++)
        err = next_message(s, i, &out); /* M4: every caller has its key, or the figure is worth nothing */
    return err;
}

static void finish_result(struct http_result *r, size_t count)
{
    double wall = r->per_second;

    r->handshakes = count;
    r->per_second = (double)count * 1e6 / wall;
    r->server_cores = r->server_us / wall;
    r->load_cores = r->load_us / wall;
    r->server_us /= (double)count;
    r->load_us /= (double)count;
}

static void close_stage(struct stage *s)
{
    escertke_http_server_stop(s->server, 1000);
    for (size_t i = 0; s->callers && i < s->count; i++) {
        escertke_initiator_free(s->callers[i].run);
        escertke_tls_openssl()->credential_free(s->callers[i].credential);
    }
    for (size_t i = 0; s->messages && i < s->count; i++) {
        escertke_buf_free(&s->messages[i].request);
        escertke_buf_free(&s->messages[i].response);
    }
    escertke_terminator_free(s->terminator);
    escertke_store_close(&s->server_store);
    escertke_store_close(&s->caller_store);
    escertke_tls_openssl()->credential_free(s->credential);
    free(s->callers);
    free(s->messages);
}

escertke_err http_run(const struct people *p, unsigned threads, size_t handshakes, struct http_result *out, escertke_detail *d)
{
    struct stage s = { .people = p, .count = handshakes, .now = { 1, time(NULL) }, .out = out, .d = d };
    escertke_err err;

    *out = (struct http_result){ 0 };
    if (handshakes + 1 > p->count)
        return ESCERTKE_ERR_ARG;
    s.callers = calloc(handshakes, sizeof *s.callers);
    s.messages = calloc(handshakes, sizeof *s.messages);
    for (size_t i = 0; s.messages && i < handshakes; i++) {
        escertke_buf_init(&s.messages[i].request, ESCERTKE_PRIMITIVE_MAX);
        escertke_buf_init(&s.messages[i].response, ESCERTKE_PRIMITIVE_MAX);
    }
    err = s.callers && s.messages ? people_credential(p, 0, escertke_tls_openssl(), false, 0, &s.credential, d)
                                  : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK && (err = escertke_store_memory(handshakes, &s.server_store)) == ESCERTKE_OK &&
        (err = escertke_store_memory(handshakes, &s.caller_store)) == ESCERTKE_OK &&
        (err = open_server(&s, threads)) == ESCERTKE_OK)
        err = play(&s);
    if (err == ESCERTKE_OK)
        finish_result(out, handshakes);
    close_stage(&s);
    return err;
}

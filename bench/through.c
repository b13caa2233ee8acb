/*
 * through.c - handshakes per second of a terminator behind a server of a binding. On a machine of two cores the load must not
 * take what is to be measured: all M1 are sent, then the M3 are computed with the clock stopped, then all M3 are sent. What is
 * timed is the server at work and a client that only copies octets; connections are made before that.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "binding/binding.h"

enum { CONNECTIONS = 32, READY_MS = 10000 };

struct caller {
    void *credential;
    escertke_identity identity;
    escertke_initiator *run;
};

struct stage {
    const struct people *people;
    const struct through_config *cfg;
    const struct way_ops *way;
    struct cores cores;
    void *credential;
    escertke_store server_store, caller_store;
    escertke_terminator *terminator;
    struct broker *broker; /* NULL: none is needed */
    struct esc_hops *hops;
    struct esc_listener listener;
    struct load *load;
    struct caller *callers; /* callers[0] is nobody: people[0] is the terminator */
    struct load_message *messages;
    size_t count;
    escertke_now now;
    struct through_result *out;
    escertke_detail *d;
};

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

static void enter(const struct stage *s, enum cores_part part)
{
    if (s->cfg->apart)
        cores_enter(&s->cores, part);
}

/* Where the handler runs in event loops, there are so many; where workers run it, so many of these. */
static escertke_err open_listener(struct stage *s)
{
    const unsigned threads = s->cfg->threads;
    const struct esc_hops_config hops = { .self = s->people->all[0].id };
    char url[64];
    struct esc_listen listen = { .url = s->way->url,
                                 .handler = handle,
                                 .handler_ctx = s->terminator,
                                 .threads = s->way->own_loops ? threads : 0,
                                 .workers = s->way->own_loops ? 0 : threads };
    escertke_err err;

    if (!listen.url) {
        enter(s, CORES_OTHERS);
        if ((err = bench_broker_start(&s->broker, s->d)) != ESCERTKE_OK)
            return err;
        snprintf(url, sizeof url, "mqtt://127.0.0.1:%u", bench_broker_port(s->broker));
        listen.url = url;
    }
    enter(s, CORES_SERVER);
    if ((err = esc_hops_new(&hops, &s->hops, s->d)) != ESCERTKE_OK ||
        (err = esc_hops_listen(s->hops, &listen, &s->listener, s->d)) != ESCERTKE_OK ||
        (err = esc_listener_ready(&s->listener, READY_MS, s->d)) != ESCERTKE_OK)
        return err;
    enter(s, CORES_ALL);
    uint16_t port = (uint16_t)atoi(strrchr(esc_listener_url(&s->listener), ':') + 1);
    return load_open(&s->way->protocol, port, CONNECTIONS, &s->load, s->d);
}

static escertke_err open_server(struct stage *s)
{
    escertke_terminator_config cfg = { .identity = { .tls = escertke_tls_openssl(),
                                                     .credential = s->credential,
                                                     .id = s->people->all[0].id,
                                                     .ctx = { "//m2m.example.org", "/in1" },
                                                     .store = &s->server_store },
                                       .max_pending = s->count + 1 };
    escertke_err err = escertke_terminator_new(&cfg, &s->terminator, s->d);

    return err == ESCERTKE_OK ? open_listener(s) : err;
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

    escertke_buf_reset(&m->request);
    escertke_buf_reset(&m->response);
    return s->way->write(s->people->all[0].id, s->people->all[i + 1].id, i, message, m);
}

/* Take the answer of one caller in and give its next message out (none after M4). */
static escertke_err next_message(struct stage *s, size_t i, escertke_span *out)
{
    escertke_seci seci;
    escertke_err err = s->way->read(&s->messages[i], &seci, s->d);

    if (err == ESCERTKE_OK)
        err = escertke_initiator_step(s->callers[i].run, escertke_buf_span(&seci.eckm), s->now, out);
    escertke_seci_clear(&seci);
    return err;
}

static escertke_err timed_load(struct stage *s)
{
    enter(s, CORES_OTHERS);
    double wall = meter_wall_us(), all = meter_process_us(), own = meter_cpu_us(), broker = bench_broker_us(s->broker);
    escertke_err err = load_run(s->load, s->messages, s->count);
    own = meter_cpu_us() - own;
    s->out->load_us += own;
    s->out->server_us += meter_process_us() - all - own;
    s->out->broker_us += bench_broker_us(s->broker) - broker;
    s->out->per_second += meter_wall_us() - wall; /* the time, until finish_result makes a rate of it */
    enter(s, CORES_ALL);
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

static void finish_result(struct through_result *r, size_t count)
{
    double wall = r->per_second;

    r->handshakes = count;
    r->per_second = (double)count * 1e6 / wall;
    r->server_cores = r->server_us / wall;
    r->load_cores = r->load_us / wall;
    r->broker_cores = r->broker_us / wall;
    r->server_us /= (double)count;
    r->load_us /= (double)count;
    r->broker_us /= (double)count;
}

static void close_stage(struct stage *s)
{
    enter(s, CORES_ALL);
    load_close(s->load);
    esc_listener_stop(&s->listener, 1000);
    esc_hops_free(s->hops);
    bench_broker_stop(s->broker);
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

escertke_err through_run(const struct people *p, const struct through_config *cfg, struct through_result *out, escertke_detail *d)
{
    size_t handshakes = cfg->handshakes;
    struct stage s = {
        .people = p, .cfg = cfg, .way = &way_ops[cfg->way], .count = handshakes, .now = { 1, time(NULL) }, .out = out, .d = d
    };
    escertke_err err;

    *out = (struct through_result){ 0 };
    if (handshakes + 1 > p->count)
        return ESCERTKE_ERR_ARG;
    if (cfg->apart)
        out->own_cores = cores_split(cfg->threads, &s.cores);
    s.callers = calloc(handshakes, sizeof *s.callers);
    s.messages = calloc(handshakes, sizeof *s.messages);
    for (size_t i = 0; s.messages && i < handshakes; i++) {
        escertke_buf_init(&s.messages[i].request, ESCERTKE_PRIMITIVE_MAX);
        escertke_buf_init(&s.messages[i].response, ESCERTKE_PRIMITIVE_MAX);
    }
    err = s.callers && s.messages ? people_credential(p, 0, escertke_tls_openssl(), false, 0, &s.credential, d)
                                  : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK && (err = escertke_store_memory(handshakes, &s.server_store)) == ESCERTKE_OK &&
        (err = escertke_store_memory(handshakes, &s.caller_store)) == ESCERTKE_OK && (err = open_server(&s)) == ESCERTKE_OK)
        err = play(&s);
    if (err == ESCERTKE_OK)
        finish_result(out, handshakes);
    close_stage(&s);
    return err;
}

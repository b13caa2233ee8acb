/*
 * flood.c - strangers send M1 in the names of many, and never anything else; at the same time others make genuine runs, all of it
 * through the HTTP server, from one address, with memory for a part of it only. Do the genuine runs complete, and does memory
 * stay in its bounds?
 */
#include "bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"

enum {
    CHUNK = 400, /* forged messages that are ready at once */
    CONNECTIONS = 32,
    CALLERS = 4, /* genuine runs under way at once */
    WORKERS = 8,
    MAX_CONNECTIONS = 64,
    MAX_PENDING = 100000, /* as `serve` has it: octets are the limit that counts */
    RANDOM_AT = 11,       /* of a ClientHello: behind the headers of record and message, and the version */
    PATIENCE_MS = 60000
};

#define PENDING_BYTES ((size_t)64 << 20)
/* Of one connection: request line and headers, content, the rest; see decision D-221. */
#define CONNECTION_BYTES ((size_t)176 << 10)

struct flood {
    const struct people *people;
    void *credential;
    escertke_store store, caller_store;
    escertke_terminator *terminator;
    escertke_http_server *server;
    escertke_http_client *client;
    escertke_buf m1;
    size_t heap; /* before it began */
    atomic_size_t sent, next_caller, completed, peak;
    atomic_uint messages, runs;
    atomic_bool failed; /* nothing more is sent */
    struct flood_result *out;
    escertke_detail *d;
};

/* ---- what is watched --------------------------------------------------------------------------------------------- */

static void sample(struct flood *f)
{
    size_t heap = meter_heap(), grown = heap > f->heap ? heap - f->heap : 0, peak = atomic_load(&f->peak);

    while (grown > peak && !atomic_compare_exchange_weak(&f->peak, &peak, grown))
        ;
}

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

/* ---- those who are genuine ----------------------------------------------------------------------------------------- */

static escertke_err send_request(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct flood *f = ctx;

    return escertke_http_send(f->client, escertke_http_server_url(f->server), true, req, rsp, d);
}

static void wait_until(void *ctx, uint64_t until_ms)
{
    uint64_t now_ms = escertke_system_clock(NULL).mono_ms, wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct timespec time = { .tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000L };

    (void)ctx;
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

static bool genuine_run(struct flood *f, size_t index)
{
    const struct person *who = &f->people->all[index];
    escertke_identity identity = {
        .tls = escertke_tls_openssl(), .id = who->id, .ctx = { "//m2m.example.org", "/in1" }, .store = &f->caller_store
    };
    const escertke_notify_params params = { .to = "/in1/Cb0",
                                            .from = strrchr(who->id, '/') + 1,
                                            .send = send_request,
                                            .send_ctx = f,
                                            .clock = escertke_system_clock,
                                            .pause = wait_until };
    escertke_attempt *attempt = NULL;
    void *credential = NULL;
    unsigned messages = 0, runs = 0;
    escertke_detail d;

    escertke_detail_init(&d);
    bool ok = people_credential(f->people, index, identity.tls, false, 0, &credential, &d) == ESCERTKE_OK;
    identity.credential = credential;
    ok = ok &&
         escertke_attempt_new(&identity, f->people->all[0].id, NULL, escertke_system_clock(NULL), &attempt, &d) == ESCERTKE_OK &&
         escertke_notify_establish(attempt, &params, &d) == ESCERTKE_OK;
    if (attempt)
        escertke_attempt_effort(attempt, &messages, &runs);
    atomic_fetch_add(&f->messages, messages);
    atomic_fetch_add(&f->runs, runs);
    if (!ok)
        fprintf(stderr, "escertke: bench: flood: run of %s: %s\n", who->id, d.reason);
    escertke_attempt_free(attempt);
    identity.tls->credential_free(credential);
    return ok;
}

/* The runs are spread over the flood. */
static void *call(void *ctx)
{
    struct flood *f = ctx;

    for (;;) {
        size_t i = atomic_fetch_add(&f->next_caller, 1);
        if (i >= f->out->genuine)
            return NULL;
        while (!atomic_load(&f->failed) && atomic_load(&f->sent) < f->out->forged * i / f->out->genuine)
            wait_until(NULL, escertke_system_clock(NULL).mono_ms + 1);
        if (!atomic_load(&f->failed) && genuine_run(f, i + 1))
            atomic_fetch_add(&f->completed, 1);
        sample(f);
    }
}

/* ---- the flood ------------------------------------------------------------------------------------------------------ */

static escertke_err forge(struct flood *f, size_t number, struct load_message *m)
{
    char from[32];

    for (size_t i = 0; i < sizeof number; i++) /* another M1 each time */
        f->m1.ptr[RANDOM_AT + i] = (uint8_t)(number >> (8 * i));
    snprintf(from, sizeof from, "Cforged%zu", number);
    escertke_buf_reset(&m->request);
    escertke_buf_reset(&m->response);
    return way_ops[WAY_HTTP].write(f->people->all[0].id, from, number, escertke_buf_span(&f->m1), m);
}

static void note_answers(struct flood *f, const struct load_message *messages, size_t count)
{
    escertke_terminator_stats stats;

    for (size_t i = 0; i < count; i++)
        *(messages[i].status == 200 ? &f->out->taken_on : &f->out->refused) += 1;
    escertke_terminator_tick(f->terminator, escertke_system_clock(NULL));
    escertke_terminator_get_stats(f->terminator, &stats);
    if (stats.pending_bytes > f->out->pending_bytes)
        f->out->pending_bytes = stats.pending_bytes;
    f->out->evicted = stats.evicted;
    sample(f);
}

static escertke_err send_chunk(struct flood *f, uint16_t port, struct load_message *messages, size_t count)
{
    struct load *load;
    escertke_err err = load_open(LOAD_HTTP, port, CONNECTIONS, &load, f->d);

    if (err == ESCERTKE_OK)
        err = load_run(load, messages, count);
    load_close(load);
    return err;
}

static escertke_err send_all(struct flood *f, struct load_message *messages)
{
    uint16_t port = (uint16_t)atoi(strrchr(escertke_http_server_url(f->server), ':') + 1);
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; err == ESCERTKE_OK && i < f->out->forged;) {
        size_t count = f->out->forged - i < CHUNK ? f->out->forged - i : CHUNK;
        for (size_t k = 0; err == ESCERTKE_OK && k < count; k++)
            err = forge(f, i + k, &messages[k]);
        if (err == ESCERTKE_OK && (err = send_chunk(f, port, messages, count)) == ESCERTKE_OK)
            note_answers(f, messages, count);
        i += count;
        atomic_store(&f->sent, i);
    }
    return err;
}

static escertke_err play(struct flood *f, struct load_message *messages)
{
    pthread_t threads[CALLERS];
    double start = meter_wall_us();
    unsigned count = 0;
    escertke_err err = ESCERTKE_OK;

    while (count < CALLERS && pthread_create(&threads[count], NULL, call, f) == 0)
        count++;
    if (count == CALLERS)
        err = send_all(f, messages);
    else
        err = esc_fail(f->d, ESCERTKE_ERR_IO, "", "bench: no thread");
    atomic_store(&f->failed, err != ESCERTKE_OK);
    f->out->seconds = (meter_wall_us() - start) / 1e6;
    while (count)
        pthread_join(threads[--count], NULL);
    return err;
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

static escertke_err make_m1(struct flood *f)
{
    escertke_identity identity = { .tls = escertke_tls_openssl(),
                                   .id = f->people->all[1].id,
                                   .ctx = { "//m2m.example.org", "/in1" },
                                   .store = &f->caller_store };
    escertke_initiator *i = NULL;
    void *credential = NULL;
    escertke_span m1;
    escertke_err err = people_credential(f->people, 1, identity.tls, false, 0, &credential, f->d);

    identity.credential = credential;
    if (err == ESCERTKE_OK && (err = escertke_initiator_new(&identity, f->people->all[0].id, 0, &i, f->d)) == ESCERTKE_OK &&
        (err = escertke_initiator_start(i, escertke_system_clock(NULL), &m1)) == ESCERTKE_OK)
        err = escertke_buf_append(&f->m1, m1.ptr, m1.len);
    escertke_initiator_free(i);
    identity.tls->credential_free(credential);
    return err;
}

static escertke_err open_all(struct flood *f)
{
    const escertke_http_client_config client = { .timeout_ms = PATIENCE_MS, .connect_timeout_ms = PATIENCE_MS };
    escertke_http_server_config http = {
        .listen = "http://127.0.0.1:0/notify", .handler = handle, .workers = WORKERS, .max_connections = MAX_CONNECTIONS
    };
    escertke_err err;

    if ((err = escertke_store_memory(f->out->genuine, &f->store)) != ESCERTKE_OK ||
        (err = escertke_store_memory(f->out->genuine, &f->caller_store)) != ESCERTKE_OK ||
        (err = people_credential(f->people, 0, escertke_tls_openssl(), false, 0, &f->credential, f->d)) != ESCERTKE_OK ||
        (err = make_m1(f)) != ESCERTKE_OK || (err = escertke_http_client_new(&client, &f->client)) != ESCERTKE_OK)
        return err;
    const escertke_terminator_config cfg = { .identity = { .tls = escertke_tls_openssl(),
                                                           .credential = f->credential,
                                                           .id = f->people->all[0].id,
                                                           .ctx = { "//m2m.example.org", "/in1" },
                                                           .store = &f->store },
                                             .max_pending = MAX_PENDING,
                                             .max_pending_bytes = PENDING_BYTES };
    if ((err = escertke_terminator_new(&cfg, &f->terminator, f->d)) != ESCERTKE_OK)
        return err;
    http.handler_ctx = f->terminator;
    return escertke_http_server_start(&http, &f->server, f->d);
}

static void close_all(struct flood *f)
{
    escertke_http_server_stop(f->server, 1000);
    escertke_http_client_free(f->client);
    escertke_terminator_free(f->terminator);
    escertke_store_close(&f->store);
    escertke_store_close(&f->caller_store);
    escertke_tls_openssl()->credential_free(f->credential);
    escertke_buf_free(&f->m1);
}

escertke_err flood_run(const struct people *p, size_t forged, size_t genuine, struct flood_result *out, escertke_detail *d)
{
    struct flood f = { .people = p, .out = out, .d = d };
    struct load_message *messages = calloc(CHUNK, sizeof *messages);

    *out = (struct flood_result){ .forged = forged, .genuine = genuine, .pending_bound = PENDING_BYTES };
    out->bound = PENDING_BYTES + MAX_CONNECTIONS * CONNECTION_BYTES;
    if (genuine + 1 > p->count) {
        free(messages);
        return ESCERTKE_ERR_ARG;
    }
    escertke_buf_init(&f.m1, ESCERTKE_MESSAGE_MAX);
    for (size_t i = 0; messages && i < CHUNK; i++) {
        escertke_buf_init(&messages[i].request, ESCERTKE_PRIMITIVE_MAX);
        escertke_buf_init(&messages[i].response, ESCERTKE_PRIMITIVE_MAX);
    }
    escertke_err err = messages ? open_all(&f) : ESCERTKE_ERR_NOMEM;
    f.heap = meter_heap();
    if (err == ESCERTKE_OK)
        err = play(&f, messages);
    out->completed = atomic_load(&f.completed);
    out->messages = atomic_load(&f.messages);
    out->runs = atomic_load(&f.runs);
    out->peak = atomic_load(&f.peak);
    close_all(&f);
    for (size_t i = 0; messages && i < CHUNK; i++) {
        escertke_buf_free(&messages[i].request);
        escertke_buf_free(&messages[i].response);
    }
    free(messages);
    return err;
}

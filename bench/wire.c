/*
 * wire.c - what a run needs on the wire: two end-points as a program has them, over a binding's own client and server, and
 * between them a port that counts.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "binding/binding.h"
#include "cli/broker.h"

enum { RUNS = 3, KEYS = 4, READY_MS = 10000, TIMEOUT_MS = 20000 };

const struct wire_binding wire_bindings[WIRE_BINDINGS] = {
    { .name = "HTTP", .scheme = "http", .path = "/notify" },
    { .name = "MQTT", .scheme = "mqtt", .path = "", .connects = true, .broker = true },
    { .name = "CoAP", .scheme = "coap", .path = "/notify", .datagrams = true },
    { .name = "WebSocket", .scheme = "ws", .path = "/notify", .connects = true },
};

struct end {
    void *credential;
    escertke_store store;
    escertke_identity identity;
    escertke_peer peer; /* of raw keys: how the other one is known */
    char pin[72];
};

struct wire {
    const struct wire_config *cfg;
    const struct wire_binding *binding;
    struct end server, client;
    escertke_terminator *terminator;
    struct broker *broker;
    struct esc_hops *server_hops, *client_hops;
    struct esc_listener listener;
    struct tap *tap;
    char url[80]; /* the client's */
    escertke_detail *d;
};

/* ---- end-points ------------------------------------------------------------------------------------------------------ */

static escertke_err open_end(const struct wire *w, size_t index, struct end *e)
{
    const struct wire_config *cfg = w->cfg;
    uint8_t digest[32];
    escertke_err err = escertke_store_memory(KEYS, &e->store);

    if (err == ESCERTKE_OK)
        err = people_credential(cfg->people, index, cfg->tls, cfg->raw, 0, &e->credential, w->d);
    if (err == ESCERTKE_OK && cfg->raw &&
        (err = cfg->tls->sha256(cfg->tls->credential_cert(e->credential), digest)) == ESCERTKE_OK)
        err = escertke_key_identifier(digest, 256, e->pin);
    e->identity = (escertke_identity){ .tls = cfg->tls,
                                       .credential = e->credential,
                                       .raw = cfg->raw,
                                       .id = cfg->people->all[index].id,
                                       .ctx = { "//m2m.example.org", "/in1" },
                                       .store = &e->store };
    return err;
}

static void introduce(struct end *e, const struct end *other)
{
    e->peer = (escertke_peer){ .id = other->identity.id, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = other->pin };
    e->identity.peers = &e->peer;
    e->identity.peer_count = 1;
}

static void close_end(const struct wire *w, struct end *e)
{
    if (e->credential)
        w->cfg->tls->credential_free(e->credential);
    escertke_store_close(&e->store);
}

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

/* ---- between them ----------------------------------------------------------------------------------------------------- */

static uint16_t port_of(const char *url)
{
    return (uint16_t)atoi(strrchr(url, ':') + 1);
}

static escertke_err open_server(struct wire *w)
{
    const struct esc_hops_config hops = { .self = w->server.identity.id };
    unsigned port = 0;
    char url[80];
    escertke_err err;

    if (w->binding->broker) {
        if ((err = bench_broker_start(&w->broker, w->d)) != ESCERTKE_OK)
            return err;
        port = bench_broker_port(w->broker);
    }
    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", w->binding->scheme, port, w->binding->path);
    const struct esc_listen listen = { .url = url, .handler = handle, .handler_ctx = w->terminator, .threads = 1 };
    if ((err = esc_hops_new(&hops, &w->server_hops, w->d)) != ESCERTKE_OK ||
        (err = esc_hops_listen(w->server_hops, &listen, &w->listener, w->d)) != ESCERTKE_OK)
        return err;
    return esc_listener_ready(&w->listener, READY_MS, w->d);
}

static escertke_err open_client(struct wire *w)
{
    const struct esc_hops_config hops = { .self = w->client.identity.id, .format = w->cfg->format, .timeout_ms = TIMEOUT_MS };
    uint16_t port = 0;
    escertke_err err = tap_open(w->binding->datagrams, port_of(esc_listener_url(&w->listener)), &w->tap, &port, w->d);

    snprintf(w->url, sizeof w->url, "%s://127.0.0.1:%u%s", w->binding->scheme, (unsigned)port, w->binding->path);
    return err == ESCERTKE_OK ? esc_hops_new(&hops, &w->client_hops, w->d) : err;
}

static escertke_err open_all(struct wire *w)
{
    escertke_err err;

    if ((err = open_end(w, 0, &w->server)) != ESCERTKE_OK || (err = open_end(w, 1, &w->client)) != ESCERTKE_OK)
        return err;
    if (w->cfg->raw) {
        introduce(&w->server, &w->client);
        introduce(&w->client, &w->server);
    }
    const escertke_terminator_config cfg = { .identity = w->server.identity, .max_pending = KEYS };
    if ((err = escertke_terminator_new(&cfg, &w->terminator, w->d)) != ESCERTKE_OK || (err = open_server(w)) != ESCERTKE_OK)
        return err;
    return open_client(w);
}

static void close_all(struct wire *w)
{
    esc_hops_free(w->client_hops);
    tap_close(w->tap);
    esc_listener_stop(&w->listener, 1000);
    esc_hops_free(w->server_hops);
    bench_broker_stop(w->broker);
    escertke_terminator_free(w->terminator);
    close_end(w, &w->server);
    close_end(w, &w->client);
}

/* ---- runs --------------------------------------------------------------------------------------------------------------- */

static escertke_err send_request(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct wire *w = ctx;
    const struct esc_next next = { .url = w->url, .receiver = w->server.identity.id, .to_ae = true };

    return esc_hops_send(w->client_hops, &next, req, rsp, d);
}

/* Octets of one run, up and down, until the last confirmation. */
static escertke_err run(struct wire *w, struct tap_counts *out)
{
    const escertke_notify_params params = { .to = strchr(w->server.identity.id + 2, '/'),
                                            .from = strrchr(w->client.identity.id, '/') + 1,
                                            .send = send_request,
                                            .send_ctx = w,
                                            .clock = escertke_system_clock,
                                            .format = w->cfg->format };
    escertke_attempt *attempt = NULL;
    struct tap_counts before, after;

    tap_read(w->tap, &before);
    escertke_err err =
        escertke_attempt_new(&w->client.identity, w->server.identity.id, NULL, escertke_system_clock(NULL), &attempt, w->d);
    if (err == ESCERTKE_OK)
        err = escertke_notify_establish(attempt, &params, w->d);
    escertke_attempt_free(attempt);
    tap_wait(w->tap);
    tap_read(w->tap, &after);
    *out = (struct tap_counts){ after.up - before.up, after.down - before.down, after.pieces - before.pieces };
    return err;
}

static int by_size(const void *a, const void *b)
{
    const struct tap_counts *x = a, *y = b;
    uint64_t of_x = x->up + x->down, of_y = y->up + y->down;

    return of_x < of_y ? -1 : of_x > of_y;
}

escertke_err wire_run(const struct wire_config *cfg, struct wire_result *out, escertke_detail *d)
{
    struct wire w = { .cfg = cfg, .binding = &wire_bindings[cfg->binding], .d = d };
    struct tap_counts again[RUNS];
    escertke_err err = open_all(&w);

    memset(out, 0, sizeof *out);
    if (err == ESCERTKE_OK)
        err = run(&w, &out->first);
    for (size_t i = 0; err == ESCERTKE_OK && i < RUNS; i++)
        err = run(&w, &again[i]);
    close_all(&w);
    if (err != ESCERTKE_OK)
        return err;
    qsort(again, RUNS, sizeof *again, by_size);
    out->again = again[RUNS / 2]; /* signatures differ by a few octets */
    return ESCERTKE_OK;
}

const char *wire_missing(size_t binding)
{
    char url[80], program[BROKER_PATH_MAX];
    const struct wire_binding *b = &wire_bindings[binding];

    snprintf(url, sizeof url, "%s://127.0.0.1:1%s", b->scheme, b->path);
    if (esc_url_check(url, NULL) == ESCERTKE_ERR_UNSUPPORTED)
        return "not in this build";
    return b->broker && !broker_find(program) ? BROKER_MISSING : NULL;
}

/* cmd_bench.c - measure on this machine: handshakes beside a bare libssl loop and beside the floor, memory, and the HTTP
 * terminator. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "commands.h"
#include "options.h"
#include "out.h"

enum { ROUNDS_MAX = 101, PENDING = 2000 };

struct settings {
    long rounds, count, http;
    bool json;
};

static const struct option_def bench_options[] = {
    { .name = "rounds",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, rounds),
      .min = 1,
      .max = ROUNDS_MAX,
      .help = "alternating rounds, medians are shown (default 15)" },
    { .name = "count",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, count),
      .min = 1,
      .max = 100000,
      .help = "handshakes in a round (default 100)" },
    { .name = "http",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, http),
      .min = 0,
      .max = 4000,
      .help = "handshakes in a run through the HTTP server (default 800); 0 = leave these rows out" },
    { .name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct settings, json), .help = "JSON, one object per row" },
    { .name = NULL },
};

static const struct options_spec spec = {
    .command = "bench",
    .synopsis = "[--rounds N] [--count N] [--http N] [--json]",
    .about = "Measure ESCertKE on this machine: CPU time of both sides beside a bare loop around libssl with the same settings "
             "and beside "
             "the floor (key generation, ECDH, one signature, two verifications), memory of a pending handshake, allocations, "
             "message sizes, and handshakes per second through the HTTP server with one and two threads.",
    .groups = { bench_options },
};

/* All figures of one kind, a place per round. */
struct series {
    double ours_server[ROUNDS_MAX], ours_client[ROUNDS_MAX], bare_server[ROUNDS_MAX], bare_client[ROUNDS_MAX], floor[ROUNDS_MAX];
    double vs_bare_server[ROUNDS_MAX], vs_bare_client[ROUNDS_MAX];
    struct cost ours, bare; /* of the last round: allocations and sizes do not vary */
    double pending, bare_pending;
    bool metered;
};

static void real(json_t *event, const char *name, double value)
{
    json_object_set_new(event, name, json_real(value));
}

/* A ratio is taken within a round, where both sides saw the same machine; then the median of the ratios. */
static bool measure(const struct settings *s, struct ours *o, struct bare *b, struct series *out)
{
    unsigned count = (unsigned)s->count;
    struct cost warm_up;
    bool ok = ours_round(o, count / 4 + 1, &warm_up) && bare_round(b, count / 4 + 1, &warm_up);

    for (long i = 0; ok && i < s->rounds; i++) {
        ok = bare_round(b, count, &out->bare) && ours_round(o, count, &out->ours) && floor_round(count, &out->floor[i]);
        out->ours_server[i] = out->ours.server_us;
        out->ours_client[i] = out->ours.client_us;
        out->bare_server[i] = out->bare.server_us;
        out->bare_client[i] = out->bare.client_us;
        out->vs_bare_server[i] = out->ours.server_us / out->bare.server_us;
        out->vs_bare_client[i] = out->ours.client_us / out->bare.client_us;
    }
    return ok && bare_pending(b, PENDING, &out->bare_pending) && ours_pending(o, PENDING, &out->pending);
}

static void say_handshake(const struct settings *s, struct series *r)
{
    size_t n = (size_t)s->rounds;
    double server = meter_median(r->ours_server, n), client = meter_median(r->ours_client, n), floor = meter_median(r->floor, n);
    double bare_server = meter_median(r->bare_server, n), bare_client = meter_median(r->bare_client, n);
    double vs_server = meter_median(r->vs_bare_server, n), vs_client = meter_median(r->vs_bare_client, n);
    json_t *event = out_new_event("bench"), *sizes = json_array();

    for (size_t i = 0; i < 4; i++)
        json_array_append_new(sizes, json_integer((json_int_t)r->ours.sizes[i]));
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_text(event, "suite", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    real(event, "server_us", server);
    real(event, "client_us", client);
    real(event, "floor_us", floor);
    real(event, "ratio_server", floor / server);
    real(event, "ratio_client", floor / client);
    if (r->metered) {
        real(event, "pending_bytes", r->pending);
        real(event, "bare_pending_bytes", r->bare_pending);
        real(event, "vs_bare_pending", r->pending / r->bare_pending);
        real(event, "allocs_server", r->ours.server_allocs);
        real(event, "allocs_client", r->ours.client_allocs);
    }
    json_object_set_new(event, "sizes", sizes);
    real(event, "per_second", 1e6 / server);
    out_number(event, "threads", 1);
    real(event, "bare_server_us", bare_server);
    real(event, "bare_client_us", bare_client);
    real(event, "vs_bare_server", vs_server);
    real(event, "vs_bare_client", vs_client);
    out_event(
        event,
        "openssl x509 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CPU us per handshake (medians of %zu alternating rounds of %ld)\n"
        "                     server   client    per pending handshake   allocations\n"
        "  escertke          %7.1f  %7.1f    %9.0f octets         %.0f / %.0f\n"
        "  bare libssl loop  %7.1f  %7.1f    %9.0f octets         %.0f / %.0f\n"
        "  floor             %7.1f  %7.1f\n"
        "  escertke / bare   %7.3f  %7.3f    %9.3f\n"
        "  floor / escertke  %7.3f  %7.3f\n"
        "  messages          M1 %zu, M2 %zu, M3 %zu, M4 %zu octets",
        n, s->count, server, client, r->pending, r->ours.server_allocs, r->ours.client_allocs, bare_server, bare_client,
        r->bare_pending, r->bare.server_allocs, r->bare.client_allocs, floor, floor, vs_server, vs_client,
        r->pending / r->bare_pending, floor / server, floor / client, r->ours.sizes[0], r->ours.sizes[1], r->ours.sizes[2],
        r->ours.sizes[3]);
}

static void say_http(unsigned threads, const struct http_result *r, double ratio)
{
    json_t *event = out_new_event("bench");

    out_text(event, "row", "http");
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_number(event, "threads", threads);
    real(event, "per_second", r->per_second);
    real(event, "server_us", r->server_us);
    real(event, "load_us", r->load_us);
    real(event, "server_cores", r->server_cores);
    real(event, "load_cores", r->load_cores);
    if (ratio > 0)
        real(event, "vs_one_thread", ratio);
    out_event(event,
              "http terminator, %u thread%s: %7.0f handshakes/s, CPU per handshake: server %.0f us, load %.0f us; cores: server "
              "%.2f, load %.2f%s",
              threads, threads > 1 ? "s" : " ", r->per_second, r->server_us, r->load_us, r->server_cores, r->load_cores, "");
    if (ratio > 0)
        out_line("  two threads / one: %.3f (median of alternating pairs)", ratio);
}

enum { HTTP_PAIRS = 5 };

static escertke_err bench_http(const struct settings *s, const struct people *people, escertke_detail *d)
{
    struct http_result one[HTTP_PAIRS], two[HTTP_PAIRS];
    double ratios[HTTP_PAIRS], rates[HTTP_PAIRS];
    size_t pick_one = 0, pick_two = 0;
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; err == ESCERTKE_OK && i < HTTP_PAIRS; i++) {
        if ((err = http_run(people, 1, (size_t)s->http, &one[i], d)) == ESCERTKE_OK)
            err = http_run(people, 2, (size_t)s->http, &two[i], d);
        ratios[i] = err == ESCERTKE_OK ? two[i].per_second / one[i].per_second : 0;
    }
    if (err != ESCERTKE_OK)
        return err;
    for (int which = 0; which < 2; which++) { /* the run in the middle speaks for its kind */
        const struct http_result *r = which ? two : one;
        for (size_t i = 0; i < HTTP_PAIRS; i++)
            rates[i] = r[i].per_second;
        double middle = meter_median(rates, HTTP_PAIRS);
        for (size_t i = 0; i < HTTP_PAIRS; i++)
            if (r[i].per_second == middle)
                *(which ? &pick_two : &pick_one) = i;
    }
    say_http(1, &one[pick_one], 0);
    say_http(2, &two[pick_two], meter_median(ratios, HTTP_PAIRS));
    return ESCERTKE_OK;
}

static int run(const struct settings *s)
{
    struct people people;
    struct series *series = calloc(1, sizeof *series);
    escertke_detail d;

    escertke_detail_init(&d);
    bool metered = meter_install();
    escertke_err err = people_make((size_t)s->http + 2, &people, &d);
    struct ours *ours = err == ESCERTKE_OK ? ours_new(&people, escertke_tls_openssl()) : NULL;
    struct bare *bare = err == ESCERTKE_OK ? bare_new(&people) : NULL;
    if (series && ours && bare) {
        series->metered = metered;
        if (measure(s, ours, bare, series))
            say_handshake(s, series);
        else
            err = ESCERTKE_ERR_BACKEND;
    } else if (err == ESCERTKE_OK) {
        err = ESCERTKE_ERR_NOMEM;
    }
    ours_free(ours);
    bare_free(bare);
    meter_stop_counting();
    if (err == ESCERTKE_OK && s->http)
        err = bench_http(s, &people, &d);
    people_free(&people);
    free(series);
    return err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "bench");
}

int cmd_bench(int argc, char **argv)
{
    struct settings s = { .rounds = 15, .count = 100, .http = 800 };
    struct options o;
    int code = options_parse(&spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        code = out_finish(run(&s));
    }
    options_free(&o);
    return code;
}

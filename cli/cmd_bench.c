/* cmd_bench.c - measure on this machine: handshakes of every back end (bench_rows.c), and the HTTP terminator. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench_rows.h"
#include "commands.h"
#include "options.h"
#include "out.h"

struct settings {
    struct bench_settings bench;
    bool json;
};

static const struct option_def bench_options[] = {
    { .name = "rounds",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, bench.rounds),
      .min = 1,
      .max = BENCH_ROUNDS_MAX,
      .help = "alternating rounds, medians are shown (default 15)" },
    { .name = "count",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, bench.count),
      .min = 1,
      .max = 100000,
      .help = "handshakes in a round (default 100)" },
    { .name = "http",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, bench.http),
      .min = 0,
      .max = 4000,
      .help = "handshakes in a run through the HTTP server (default 800); 0 = leave these rows out" },
    { .name = "flood",
      .arg = "N",
      .kind = OPTION_NUMBER,
      .offset = offsetof(struct settings, bench.flood),
      .min = 0,
      .max = 1000000,
      .help = "forged M1 beside 100 genuine runs (default 20000); 0 = leave this row out" },
    { .name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct settings, json), .help = "JSON, one object per row" },
    { .name = NULL },
};

static const struct options_spec spec = {
    .command = "bench",
    .synopsis = "[--rounds N] [--count N] [--http N] [--flood N] [--json]",
    .about = "Measure ESCertKE on this machine: CPU time of both sides with every TLS back end, beside a bare loop around libssl "
             "with the same settings and beside the floor (key generation, ECDH, one signature, two verifications), memory of a "
             "pending handshake, allocations, message sizes, what a client that comes again costs, what refusing costs, "
             "handshakes per second through the HTTP server with one and two threads, and a flood of forged messages beside "
             "genuine runs.",
    .groups = { bench_options },
};

static void say_http(unsigned threads, const struct http_result *r, double ratio)
{
    json_t *event = out_new_event("bench");

    out_text(event, "row", "http");
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_number(event, "threads", threads);
    bench_real(event, "per_second", r->per_second);
    bench_real(event, "server_us", r->server_us);
    bench_real(event, "load_us", r->load_us);
    bench_real(event, "server_cores", r->server_cores);
    bench_real(event, "load_cores", r->load_cores);
    if (ratio > 0)
        bench_real(event, "vs_one_thread", ratio);
    out_event(event,
              "http terminator, %u thread%s: %7.0f handshakes/s, CPU per handshake: server %.0f us, load %.0f us; cores: server "
              "%.2f, load %.2f%s",
              threads, threads > 1 ? "s" : " ", r->per_second, r->server_us, r->load_us, r->server_cores, r->load_cores, "");
    if (ratio > 0)
        out_line("  two threads / one: %.3f (median of alternating pairs)", ratio);
}

enum { HTTP_PAIRS = 5, PEOPLE_LEAST = 100 };

static escertke_err bench_http(const struct bench_settings *s, const struct people *people, escertke_detail *d)
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

static int run(const struct bench_settings *s)
{
    struct people people;
    escertke_detail d;

    escertke_detail_init(&d);
    bool metered = meter_install();
    size_t count = s->http > PEOPLE_LEAST ? (size_t)s->http : PEOPLE_LEAST;
    escertke_err err = people_make(count + 2, false, &people, &d);
    if (err == ESCERTKE_OK && !bench_handshakes(s, &people, metered))
        err = ESCERTKE_ERR_BACKEND;
    if (err == ESCERTKE_OK)
        err = bench_repeats(s, &d);
    meter_stop_counting();
    if (err == ESCERTKE_OK && s->http)
        err = bench_http(s, &people, &d);
    if (err == ESCERTKE_OK)
        err = bench_refusals(s, &people, &d);
    if (err == ESCERTKE_OK && s->flood)
        err = bench_flood(s, &people, &d);
    people_free(&people);
    return err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "bench");
}

int cmd_bench(int argc, char **argv)
{
    struct settings s = { .bench = { .rounds = 15, .count = 100, .http = 800, .flood = 20000 } };
    struct options o;
    int code = options_parse(&spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        code = out_finish(run(&s.bench));
    }
    options_free(&o);
    return code;
}

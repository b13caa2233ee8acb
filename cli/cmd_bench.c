/* cmd_bench.c - measure on this machine: what bench_rows.c, bench_through.c, bench_wire.c and bench_attack.c say. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench_rows.h"
#include "commands.h"
#include "options.h"
#include "out.h"

enum { PEOPLE_LEAST = 100 };

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
      .help = "handshakes in a run through a server (default 800); 0 = leave these rows out" },
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
             "handshakes per second through the HTTP server with one and two threads, and through WebSocket and a broker of MQTT "
             "(mosquitto, if there is one) with the same two, and a flood of forged messages beside genuine runs.",
    .groups = { bench_options },
};

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
        err = bench_through(s, &people, &d);
    if (err == ESCERTKE_OK)
        err = bench_wire(&d);
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

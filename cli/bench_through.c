/*
 * bench_through.c - rows of `escertke bench` about a terminator behind a server: HTTP with one thread and two; then HTTP again
 * and the other bindings with two threads, on cores of the server's own, since a broker would take its share else. All in each
 * round.
 */
#include "bench/bench.h"

#include <stdio.h>

#include "bench_rows.h"
#include "out.h"

enum { ROUNDS = 5 };

/* What is run in each round, in this order. */
static const struct run {
    enum way way;
    unsigned threads;
    bool apart;
    const char *row, *ratio; /* its names in JSON; it is compared with... */
    int beside;              /* ...this one; -1 = none */
} runs[] = {
    { WAY_HTTP, 1, false, "http", NULL, -1 },       { WAY_HTTP, 2, false, "http", "vs_one_thread", 0 },
    { WAY_HTTP, 2, true, "binding", NULL, -1 },     { WAY_WS, 2, true, "binding", "vs_http", 2 },
    { WAY_MQTT, 2, true, "binding", "vs_http", 2 },
};

enum { RUNS = sizeof runs / sizeof *runs };

/* Half as many where there are three to run. */
static size_t part_of(const struct bench_settings *s, const struct run *run)
{
    return (size_t)(run->apart ? (s->http + 1) / 2 : s->http);
}

static void say(const struct run *run, const struct through_result *r, double ratio)
{
    json_t *event = out_new_event("bench");
    char compared[80] = "";

    out_text(event, "row", run->row);
    out_text(event, "binding", way_ops[run->way].name);
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_number(event, "threads", run->threads);
    if (run->apart)
        out_number(event, "own_cores", r->own_cores);
    bench_real(event, "per_second", r->per_second);
    bench_real(event, "server_us", r->server_us);
    bench_real(event, "load_us", r->load_us);
    bench_real(event, "broker_us", r->broker_us);
    bench_real(event, "server_cores", r->server_cores);
    bench_real(event, "load_cores", r->load_cores);
    bench_real(event, "broker_cores", r->broker_cores);
    if (run->ratio) {
        bench_real(event, run->ratio, ratio);
        snprintf(compared, sizeof compared, run->apart ? "   %.3f of HTTP" : "   %.3f of one thread", ratio);
    }
    out_event(event, "  %-9s %u thread%s %7.0f/s   %6.0f %6.0f %6.0f   %5.2f %5.2f %5.2f%s", way_ops[run->way].name, run->threads,
              run->threads > 1 ? "s" : " ", r->per_second, r->server_us, r->load_us, r->broker_us, r->server_cores, r->load_cores,
              r->broker_cores, compared);
}

static void say_missing(const struct run *run, const char *why)
{
    json_t *event = out_new_event("bench");

    out_text(event, "row", run->row);
    out_text(event, "binding", way_ops[run->way].name);
    out_text(event, "missing", why);
    out_event(event, "  %-9s left out: %s", way_ops[run->way].name, why);
}

/* The run in the middle speaks for its kind. */
static const struct through_result *middle(const struct through_result r[ROUNDS])
{
    double rates[ROUNDS];
    size_t i = 0;

    for (size_t k = 0; k < ROUNDS; k++)
        rates[k] = r[k].per_second;
    double rate = meter_median(rates, ROUNDS);
    while (r[i].per_second != rate)
        i++;
    return &r[i];
}

static void head(const struct run *run, size_t handshakes, unsigned own_cores)
{
    if (run->beside >= 0)
        return;
    if (!run->apart)
        out_line("a terminator behind a server, medians of %d rounds in each of which all had their turn; %zu handshakes\n"
                 "                      handshakes   CPU us of server, load, broker   cores",
                 ROUNDS, handshakes);
    else if (own_cores)
        out_line(
            "bindings beside HTTP, the server on %u core%s of its own, load and broker on the others; %zu handshakes; 0.8 wanted",
            own_cores, own_cores > 1 ? "s" : "", handshakes);
    else
        out_line("bindings beside HTTP, all of it on one core; %zu handshakes; 0.8 wanted", handshakes);
}

escertke_err bench_through(const struct bench_settings *s, const struct people *people, escertke_detail *d)
{
    struct through_result results[RUNS][ROUNDS] = { { { 0 } } };
    double ratios[RUNS][ROUNDS] = { { 0 } };
    escertke_err err;

    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < RUNS; i++) {
            const struct through_config cfg = {
                .way = runs[i].way, .threads = runs[i].threads, .apart = runs[i].apart, .handshakes = part_of(s, &runs[i])
            };
            struct through_result *r = &results[i][round];
            if (way_missing(cfg.way))
                continue;
            if ((err = through_run(people, &cfg, r, d)) != ESCERTKE_OK)
                return err;
            if (runs[i].beside >= 0)
                ratios[i][round] = r->per_second / results[runs[i].beside][round].per_second;
        }
    for (size_t i = 0; i < RUNS; i++) {
        const char *why = way_missing(runs[i].way);
        head(&runs[i], part_of(s, &runs[i]), results[i][0].own_cores);
        if (why)
            say_missing(&runs[i], why);
        else
            say(&runs[i], middle(results[i]), meter_median(ratios[i], ROUNDS));
    }
    return ESCERTKE_OK;
}

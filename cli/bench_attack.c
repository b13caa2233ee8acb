/* bench_attack.c - rows of `escertke bench` about an end-point that is attacked: what refusing costs, and a flood. */
#include "bench/bench.h"

#include <stdlib.h>

#include "base/fail.h"
#include "bench_rows.h"
#include "out.h"

enum { HTTP_PAIRS = 3, HTTP_REFUSALS = 4000, HTTP_HANDSHAKES = 300, GENUINE = 100 };

/* ---- refusing --------------------------------------------------------------------------------------------------- */

/* A ratio is taken within a round, where both sides saw the same machine; a place per round. */
struct refusing {
    double handshake[BENCH_ROUNDS_MAX], us[REFUSALS][BENCH_ROUNDS_MAX], ratio[REFUSALS][BENCH_ROUNDS_MAX];
    double http_handshake[HTTP_PAIRS], http_us[HTTP_PAIRS], http_ratio[HTTP_PAIRS];
};

static escertke_err measure_rounds(const struct bench_settings *s, struct refuse *r, struct refusing *out)
{
    struct refuse_cost cost;

    if (!refuse_round(r, (unsigned)s->count / 4 + 1, &cost)) /* warm up */
        return ESCERTKE_ERR_BACKEND;
    for (long round = 0; round < s->rounds; round++) {
        if (!refuse_round(r, (unsigned)s->count, &cost))
            return ESCERTKE_ERR_BACKEND;
        out->handshake[round] = cost.handshake_us;
        for (size_t i = 0; i < REFUSALS; i++) {
            out->us[i][round] = cost.refusal_us[i];
            out->ratio[i][round] = cost.refusal_us[i] / cost.handshake_us;
        }
    }
    return ESCERTKE_OK;
}

static escertke_err measure_http(struct refuse *r, const struct people *p, struct refusing *out, escertke_detail *d)
{
    size_t handshakes = p->count - 1 < HTTP_HANDSHAKES ? p->count - 1 : HTTP_HANDSHAKES;
    const struct through_config cfg = { .way = WAY_HTTP, .threads = 1, .handshakes = handshakes };
    struct through_result http;
    escertke_err err;

    for (size_t i = 0; i < HTTP_PAIRS; i++) {
        if ((err = through_run(p, &cfg, &http, d)) != ESCERTKE_OK ||
            (err = refuse_http(r, REFUSAL_LIMITED, HTTP_REFUSALS, &out->http_us[i], d)) != ESCERTKE_OK)
            return err;
        out->http_handshake[i] = http.server_us;
        out->http_ratio[i] = out->http_us[i] / http.server_us;
    }
    return ESCERTKE_OK;
}

static void say_refusal(const char *kind, const char *way, double handshake_us, double us, double ratio)
{
    json_t *event = out_new_event("bench");

    out_text(event, "row", "refuse");
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_text(event, "kind", kind);
    out_text(event, "way", way);
    bench_real(event, "refuse_us", us);
    bench_real(event, "handshake_us", handshake_us);
    bench_real(event, "vs_handshake", ratio);
    out_event(event, "  %-11s %-9s %7.1f  %7.1f   %5.2f %%", kind, way, us, handshake_us, 100 * ratio);
}

static void say_refusals(const struct bench_settings *s, struct refusing *r, bool http)
{
    size_t n = (size_t)s->rounds;
    double handshake = meter_median(r->handshake, n);

    out_line("what it costs to refuse, CPU us beside those of a handshake of the same rounds (under 5 %% is wanted)\n"
             "                         refusal  handshake");
    for (size_t i = 0; i < REFUSALS; i++)
        say_refusal(refusal_name(i), "end-point", handshake, meter_median(r->us[i], n), meter_median(r->ratio[i], n));
    if (http)
        say_refusal(refusal_name(REFUSAL_LIMITED), "http", meter_median(r->http_handshake, HTTP_PAIRS),
                    meter_median(r->http_us, HTTP_PAIRS), meter_median(r->http_ratio, HTTP_PAIRS));
}

escertke_err bench_refusals(const struct bench_settings *s, const struct people *p, escertke_detail *d)
{
    struct refusing *all = calloc(1, sizeof *all);
    struct refuse *r = all ? refuse_new(p, d) : NULL;
    escertke_err err = r ? measure_rounds(s, r, all) : !all ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_BACKEND;

    if (err == ESCERTKE_OK && s->http)
        err = measure_http(r, p, all, d);
    if (err == ESCERTKE_OK)
        say_refusals(s, all, s->http > 0);
    refuse_free(r);
    free(all);
    return err;
}

/* ---- a flood ----------------------------------------------------------------------------------------------------- */

static void say_flood(const struct flood_result *r)
{
    json_t *event = out_new_event("bench");
    const double mib = 1024 * 1024;

    out_text(event, "row", "flood");
    out_text(event, "engine", "openssl");
    out_text(event, "credential", "x509");
    out_number(event, "forged", (json_int_t)r->forged);
    out_number(event, "taken_on", (json_int_t)r->taken_on);
    out_number(event, "refused", (json_int_t)r->refused);
    out_number(event, "evicted", (json_int_t)r->evicted);
    out_number(event, "genuine", (json_int_t)r->genuine);
    out_number(event, "completed", (json_int_t)r->completed);
    out_number(event, "messages", r->messages);
    out_number(event, "runs", r->runs);
    out_number(event, "pending_bytes", (json_int_t)r->pending_bytes);
    out_number(event, "pending_bound", (json_int_t)r->pending_bound);
    out_number(event, "heap_bytes", (json_int_t)r->peak);
    out_number(event, "heap_bound", (json_int_t)r->bound);
    bench_real(event, "seconds", r->seconds);
    out_event(event,
              "flood: %zu forged M1 from as many originators in %.1f s (%zu answered, %zu refused, %zu evicted) and %zu of %zu "
              "genuine runs complete (%u messages, %u runs begun)\n"
              "  memory: half-open handshakes %.1f of %.0f MiB, heap %.1f of %.0f MiB",
              r->forged, r->seconds, r->taken_on, r->refused, r->evicted, r->completed, r->genuine, r->messages, r->runs,
              (double)r->pending_bytes / mib, (double)r->pending_bound / mib, (double)r->peak / mib, (double)r->bound / mib);
}

escertke_err bench_flood(const struct bench_settings *s, const struct people *p, escertke_detail *d)
{
    struct flood_result r;
    size_t genuine = p->count - 1 < GENUINE ? p->count - 1 : GENUINE;
    escertke_err err = flood_run(p, (size_t)s->flood, genuine, &r, d);

    if (err != ESCERTKE_OK)
        return err;
    say_flood(&r);
    if (r.completed != r.genuine)
        return esc_fail(d, ESCERTKE_ERR_STATE, "", "flood: %zu of %zu genuine runs completed", r.completed, r.genuine);
    if (r.pending_bytes > r.pending_bound || r.peak > r.bound)
        return esc_fail(d, ESCERTKE_ERR_STATE, "", "flood: memory was not within its bound");
    return ESCERTKE_OK;
}

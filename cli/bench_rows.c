#include "bench_rows.h"

#include <stdlib.h>

#include "bench/bench.h"
#include "out.h"

enum { PENDING = 2000, OTHERS_PENDING = 200, CLIENTS = 100 };

/* What is measured beside OpenSSL, in the same rounds. Where a handshake takes long, there are fewer in a round. */
static const struct {
    const char *engine;
    bool raw;
    long share; /* of the handshakes of a round: one in so many */
} others[] = {
    { "gnutls", false, 2 },
    { "gnutls", true, 1 },
    { "mbedtls", false, 10 },
};

enum { OTHERS = sizeof others / sizeof *others, ROWS = OTHERS + 1 };

/* One back end with one kind of credential, a place per round. */
struct row {
    const char *engine;
    bool raw;
    unsigned count;
    struct ours *ours; /* NULL: this build has no such back end */
    double server[BENCH_ROUNDS_MAX], client[BENCH_ROUNDS_MAX], vs_server[BENCH_ROUNDS_MAX], vs_client[BENCH_ROUNDS_MAX];
    struct cost last; /* allocations and sizes do not vary */
    double pending;
};

struct series {
    struct row rows[ROWS]; /* OpenSSL with X.509 first; it is compared with the bare loop, the others with it */
    struct bare *bare;
    double bare_server[BENCH_ROUNDS_MAX], bare_client[BENCH_ROUNDS_MAX], floor[BENCH_ROUNDS_MAX];
    double
        vs_matching[BENCH_ROUNDS_MAX]; /* server, beside a bare loop that would match M3 by its signature first, as ours must */
    struct cost bare_last;
    double bare_pending;
    bool metered;
};

void bench_real(json_t *event, const char *name, double value)
{
    json_object_set_new(event, name, json_real(value));
}

static const char *credential_name(bool raw)
{
    return raw ? "raw" : "x509";
}

/* ---- measuring ---------------------------------------------------------------------------------------------- */

static unsigned part_of(long count, long share)
{
    return (unsigned)(count > share ? count / share : 1);
}

static bool open_series(const struct bench_settings *s, const struct people *p, struct series *out)
{
    out->bare = bare_new(p);
    for (size_t i = 0; i < ROWS; i++) {
        struct row *r = &out->rows[i];
        *r = (struct row){ .engine = i ? others[i - 1].engine : "openssl",
                           .raw = i && others[i - 1].raw,
                           .count = part_of(s->count, i ? others[i - 1].share : 1) };
        const struct ours_config cfg = { .tls = escertke_tls_by_name(r->engine), .raw = r->raw };
        if (cfg.tls && !(r->ours = ours_new(p, &cfg)))
            return false;
    }
    return out->bare != NULL;
}

static void close_series(struct series *r)
{
    bare_free(r->bare);
    for (size_t i = 0; i < ROWS; i++)
        ours_free(r->rows[i].ours);
    free(r);
}

/* A ratio is taken within a round, where both sides saw the same machine; then the median of the ratios. */
static bool measure_row(struct row *r, const struct cost *reference, long round)
{
    if (!r->ours)
        return true;
    bool ok = ours_round(r->ours, r->count, &r->last);
    r->server[round] = r->last.server_us;
    r->client[round] = r->last.client_us;
    r->vs_server[round] = r->last.server_us / reference->server_us;
    r->vs_client[round] = r->last.client_us / reference->client_us;
    return ok;
}

static bool measure(const struct bench_settings *s, struct series *out)
{
    unsigned count = (unsigned)s->count;
    struct cost warm_up;
    double verify_us;
    bool ok = bare_round(out->bare, count / 4 + 1, &warm_up);

    for (size_t i = 0; ok && i < ROWS; i++)
        ok = !out->rows[i].ours || ours_round(out->rows[i].ours, out->rows[i].count / 4 + 1, &warm_up);
    for (long round = 0; ok && round < s->rounds; round++) {
        ok = bare_round(out->bare, count, &out->bare_last) && floor_round(count, &out->floor[round]);
        out->bare_server[round] = out->bare_last.server_us;
        out->bare_client[round] = out->bare_last.client_us;
        ok = ok && verification_round(escertke_tls_openssl(), &verify_us);
        for (size_t i = 0; ok && i < ROWS; i++)
            ok = measure_row(&out->rows[i], i ? &out->rows[0].last : &out->bare_last, round);
        out->vs_matching[round] = out->rows[0].last.server_us / (out->bare_last.server_us + verify_us);
    }
    ok = ok && bare_pending(out->bare, PENDING, &out->bare_pending);
    for (size_t i = 0; ok && i < ROWS; i++)
        ok = !out->rows[i].ours || ours_pending(out->rows[i].ours, i ? OTHERS_PENDING : PENDING, &out->rows[i].pending);
    return ok;
}

/* ---- saying ------------------------------------------------------------------------------------------------- */

/* What every row of a handshake has. */
struct figures {
    double server, client, floor, vs_server, vs_client;
    size_t together; /* octets of the four messages */
};

static json_t *new_row(struct row *r, size_t rounds, double floor, struct figures *f)
{
    json_t *event = out_new_event("bench"), *sizes = json_array();

    *f = (struct figures){ .server = meter_median(r->server, rounds),
                           .client = meter_median(r->client, rounds),
                           .floor = floor,
                           .vs_server = meter_median(r->vs_server, rounds),
                           .vs_client = meter_median(r->vs_client, rounds) };
    for (size_t i = 0; i < 4; i++) {
        json_array_append_new(sizes, json_integer((json_int_t)r->last.sizes[i]));
        f->together += r->last.sizes[i];
    }
    out_text(event, "engine", r->engine);
    out_text(event, "credential", credential_name(r->raw));
    out_text(event, "suite", ours_suite(r->ours));
    bench_real(event, "server_us", f->server);
    bench_real(event, "client_us", f->client);
    bench_real(event, "floor_us", floor);
    bench_real(event, "ratio_server", floor / f->server);
    bench_real(event, "ratio_client", floor / f->client);
    if (r->pending > 0)
        bench_real(event, "pending_bytes", r->pending);
    json_object_set_new(event, "sizes", sizes);
    out_number(event, "sizes_together", (json_int_t)f->together);
    bench_real(event, "per_second", 1e6 / f->server);
    out_number(event, "threads", 1);
    return event;
}

static void say_openssl(const struct bench_settings *s, struct series *all, double floor)
{
    size_t n = (size_t)s->rounds;
    struct row *r = &all->rows[0];
    const struct cost *bare = &all->bare_last;
    double bare_server = meter_median(all->bare_server, n), bare_client = meter_median(all->bare_client, n);
    double matching = meter_median(all->vs_matching, n);
    struct figures f;
    json_t *event = new_row(r, n, floor, &f);

    if (all->bare_pending > 0) {
        bench_real(event, "bare_pending_bytes", all->bare_pending);
        bench_real(event, "vs_bare_pending", r->pending / all->bare_pending);
    }
    if (all->metered) {
        bench_real(event, "allocs_server", r->last.server_allocs);
        bench_real(event, "allocs_client", r->last.client_allocs);
    }
    bench_real(event, "bare_server_us", bare_server);
    bench_real(event, "bare_client_us", bare_client);
    bench_real(event, "vs_bare_server", f.vs_server);
    bench_real(event, "vs_bare_client", f.vs_client);
    bench_real(event, "vs_bare_matching_server", matching);
    out_event(event,
              "openssl x509 %s, CPU us per handshake (medians of %zu alternating rounds of %ld)\n"
              "                     server   client    per pending handshake   allocations\n"
              "  escertke          %7.1f  %7.1f    %9.0f octets         %.0f / %.0f\n"
              "  bare libssl loop  %7.1f  %7.1f    %9.0f octets         %.0f / %.0f\n"
              "  floor             %7.1f  %7.1f\n"
              "  escertke / bare   %7.3f  %7.3f    %9.3f\n"
              "  / bare that verifies M3 first (R-HS-37)\n"
              "                    %7.3f\n"
              "  floor / escertke  %7.3f  %7.3f\n"
              "  messages          M1 %zu, M2 %zu, M3 %zu, M4 %zu: %zu octets",
              ours_suite(r->ours), n, s->count, f.server, f.client, r->pending, r->last.server_allocs, r->last.client_allocs,
              bare_server, bare_client, all->bare_pending, bare->server_allocs, bare->client_allocs, floor, floor, f.vs_server,
              f.vs_client, r->pending / all->bare_pending, matching, floor / f.server, floor / f.client, r->last.sizes[0],
              r->last.sizes[1], r->last.sizes[2], r->last.sizes[3], f.together);
}

static void say_other(struct row *r, size_t rounds, double floor)
{
    struct figures f;
    json_t *event = new_row(r, rounds, floor, &f);
    const size_t *m = r->last.sizes;

    bench_real(event, "vs_openssl_server", f.vs_server);
    bench_real(event, "vs_openssl_client", f.vs_client);
    out_event(event, "  %-7s %-4s      %7.1f  %7.1f    %7.3f  %7.3f    %9.0f   M1 %zu, M2 %zu, M3 %zu, M4 %zu: %zu", r->engine,
              credential_name(r->raw), f.server, f.client, f.vs_server, f.vs_client, r->pending, m[0], m[1], m[2], m[3],
              f.together);
}

bool bench_handshakes(const struct bench_settings *s, const struct people *p, bool metered)
{
    struct series *all = calloc(1, sizeof *all);

    if (!all)
        return false;
    all->metered = metered;
    bool ok = open_series(s, p, all) && measure(s, all);
    if (ok) {
        double floor = meter_median(all->floor, (size_t)s->rounds);
        say_openssl(s, all, floor);
        out_line("the other back ends, in the same rounds\n"
                 "                     server   client    / openssl x509    per pending   messages, octets");
        for (size_t i = 1; i < ROWS; i++)
            if (all->rows[i].ours)
                say_other(&all->rows[i], (size_t)s->rounds, floor);
    }
    close_series(all);
    return ok;
}

/* ---- clients that come again -------------------------------------------------------------------------------- */

/* Room for the paths of all clients of a round. */
#define PATH_CACHE ((size_t)1 << 20)

static const struct {
    const char *engine;
    long share;
} repeats[] = { { "openssl", 1 }, { "gnutls", 2 }, { "mbedtls", 10 } };

static void say_repeat(const char *engine, const char *suite, unsigned clients, double figures[5][BENCH_ROUNDS_MAX], size_t n)
{
    static const char *const names[5] = { "first_us", "server_us", "saved_us", "verify_us", "saved_verifications" };
    json_t *event = out_new_event("bench");
    double m[5];

    out_text(event, "row", "repeat");
    out_text(event, "engine", engine);
    out_text(event, "credential", credential_name(false));
    out_text(event, "suite", suite);
    out_number(event, "clients", clients);
    for (size_t i = 0; i < 5; i++) {
        m[i] = meter_median(figures[i], n);
        bench_real(event, names[i], m[i]);
    }
    out_event(event, "  %-7s x509      %7.1f  %7.1f    %7.1f = %.2f verifications of %.1f", engine, m[0], m[1], m[2], m[4], m[3]);
}

/* The difference is taken within a round, as a ratio is. */
static bool repeat_engine(const struct bench_settings *s, const struct people *p, size_t which)
{
    double figures[5][BENCH_ROUNDS_MAX];
    unsigned clients = part_of(s->count < CLIENTS ? s->count : CLIENTS, repeats[which].share);
    const struct ours_config cfg = { .tls = escertke_tls_by_name(repeats[which].engine),
                                     .clients = clients,
                                     .path_cache = PATH_CACHE };
    struct ours *o = cfg.tls ? ours_new(p, &cfg) : NULL;
    struct repeat_round r;
    bool ok = o || !cfg.tls;

    for (long round = 0; o && ok && round < s->rounds; round++) {
        ok = repeat_round(o, cfg.tls, clients, &r);
        const double these[5] = { r.first_us, r.again_us, r.first_us - r.again_us, r.verify_us,
                                  (r.first_us - r.again_us) / r.verify_us };
        for (size_t i = 0; ok && i < 5; i++)
            figures[i][round] = these[i];
    }
    if (o && ok)
        say_repeat(repeats[which].engine, ours_suite(o), clients, figures, (size_t)s->rounds);
    ours_free(o);
    return ok;
}

escertke_err bench_repeats(const struct bench_settings *s, escertke_detail *d)
{
    struct people fleet; /* as `pki init` and `pki issue` make it */
    escertke_err err = people_make(CLIENTS + 1, true, &fleet, d);
    bool ok = err == ESCERTKE_OK;

    if (ok)
        out_line("a terminator with a cache of verified paths, and clients that come again; two signatures on their paths\n"
                 "                  first time    again      saved");
    for (size_t i = 0; ok && i < sizeof repeats / sizeof *repeats; i++)
        ok = repeat_engine(s, &fleet, i);
    people_free(&fleet);
    return ok || err != ESCERTKE_OK ? err : ESCERTKE_ERR_BACKEND;
}

/* M1 at the Terminating End-Point: repetitions, limits, and genuine runs in the middle of a flood. */
#include "endpoint_support.h"

#include <malloc.h>
#include <stdlib.h>

/* What takes OpenSSL seconds takes the others a while. */
static unsigned scale(void)
{
    const char *name = fixture_tls()->name;

    return strcmp(name, "openssl") == 0 ? 1 : strcmp(name, "gnutls") == 0 ? 5 : 20;
}

static void repetitions_cost_nothing(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_terminator_stats stats;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    for (int i = 0; i < 100; i++) {
        escertke_answer a = send(&w, "Cpanel", span(&m1));
        assert_int_equal(a.rsc, 2000);
        escertke_answer_clear(&a);
    }
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.replayed, 100);
    assert_int_equal(stats.pending, 1);
    assert_int_equal(stats.limited, 0);
    escertke_session_free(s);
    world_close(&w);
}

/* What leads to a key uses nothing up: a peer may run as often as it likes. */
static void success_is_not_limited(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    for (int i = 0; i < 30; i++) {
        escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
        escertke_answer a = send(&w, "Cpanel", span(&m3));
        finish(&w, s, &a);
    }
    world_close(&w);
}

static void limited_per_from(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_terminator_stats stats;

    world_open(&w, *state, &(escertke_terminator_config){ .rate_from = { .burst = 3, .per_minute = 60 }, .max_pending_per_from = 64 });
    for (int i = 0; i < 3; i++)
        escertke_session_free(until_m3(&w, "Cpanel", &m1, &m3));
    assert_null(try_m3(&w, "/in1/Cpanel", &m1, &m3)); /* another form of the same From */
    escertke_session_free(until_m3(&w, "Cother", &m1, &m3));
    pass(&w, 1000);
    escertke_session_free(until_m3(&w, "Cpanel", &m1, &m3));
    assert_null(try_m3(&w, "Cpanel", &m1, &m3));
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.limited, 2);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.pending, 5);
    world_close(&w);
}

static void limited_in_all(void **state)
{
    struct world w;
    struct copy m1, m3;
    char from[16];
    unsigned good = 0;

    world_open(&w, *state, &(escertke_terminator_config){ .rate_all = { .burst = 5, .per_minute = 60 } });
    for (int i = 0; i < 12; i++) {
        snprintf(from, sizeof from, "Cx%d", i);
        escertke_session *s = try_m3(&w, from, &m1, &m3);
        good += s != NULL;
        escertke_session_free(s);
    }
    assert_int_equal(good, 5);
    world_close(&w);
}

/* ---- a flood --------------------------------------------------------------------------------------------------------- */

/* So far apart are those that are panel's by certificate, too, and so lead to a key. */
enum { PANEL_EVERY = 25 };

/* One genuine run: begun, and some while later completed. */
struct genuine {
    escertke_session *session;
    struct copy m1, m3;
    char from[16];
    uint64_t due_ms;
};

struct flood {
    unsigned forged, genuine;    /* how many */
    unsigned per_second;         /* forged M1 */
    uint64_t round_trip_ms;      /* of a genuine run, M1 to M3 */
    size_t max_pending;
    unsigned refused, completed; /* genuine: M1 that came too early; runs that have led to a key */
};

static escertke_answer forge(struct world *w, const struct copy *m1, unsigned n)
{
    char from[16];

    snprintf(from, sizeof from, "Cf%u", n);
    return send(w, from, span(m1));
}

static void complete(struct world *w, struct flood *x, struct genuine *g)
{
    escertke_answer a = send(w, g->from, span(&g->m3));

    /* The certificate is panel's: whose certificate it was is all that is wrong with the run, and that is found out at the end. */
    if (a.detail.err != ESCERTKE_ERR_IDENTITY && a.rsc != 2000)
        fail_msg("%s: %s", g->from, a.detail.reason);
    x->completed++;
    escertke_answer_clear(&a);
    escertke_session_free(g->session);
    g->session = NULL;
}

static void play(struct world *w, struct flood *x)
{
    struct genuine *g = calloc(x->genuine, sizeof *g);
    struct copy forged_m1, unused;
    unsigned begun = 0, sent = 0, more = x->forged / x->genuine, first = 0;
    escertke_terminator_stats stats;

    assert_non_null(g);
    escertke_session_free(until_m3(w, "Cforger", &forged_m1, &unused));
    while (x->completed < x->genuine) {
        if (begun < x->genuine && sent >= begun * more) {
            snprintf(g[begun].from, sizeof g->from, begun % PANEL_EVERY ? "Cg%u" : "Cpanel", begun);
            g[begun].session = try_m3(w, g[begun].from, &g[begun].m1, &g[begun].m3);
            g[begun].due_ms = w->now.mono_ms + x->round_trip_ms;
            if (g[begun].session)
                begun++;
            else
                x->refused++;
        }
        escertke_answer a = forge(w, &forged_m1, sent++);
        escertke_answer_clear(&a);
        if (sent % 100 == 0)
            escertke_terminator_tick(w->t, w->now);
        for (unsigned i = first; i < begun; i++)
            if (g[i].session && g[i].due_ms <= w->now.mono_ms)
                complete(w, x, &g[i]);
        while (first < begun && !g[first].session)
            first++;
        if (sent % (x->per_second / 1000) == 0)
            pass(w, 1);
    }
    assert_true(sent >= x->forged - more);
    escertke_terminator_get_stats(w->t, &stats);
    assert_true(stats.pending <= x->max_pending);
    free(g);
}

static struct flood flood_of(unsigned per_second)
{
    return (struct flood){ .forged = 20000 / scale(), .genuine = 100 / scale(), .per_second = per_second, .round_trip_ms = 300 / scale(),
                           .max_pending = 1000 / scale() };
}

/*
 * 20,000 forged M1 from as many From values, and 100 genuine runs that take 300 ms each, with places for a second of it: every
 * genuine run is let in at once and completes, some of them to a key.
 */
static void flood_as_fast_as_places_allow(void **state)
{
    struct flood x = flood_of(1000);
    struct world w;

    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = x.max_pending, .max_pending_bytes = x.max_pending * 60000 });
    play(&w, &x);
    assert_int_equal(x.completed, x.genuine);
    assert_int_equal(x.refused, 0);
    assert_int_equal(w.events[ESCERTKE_EVENT_ESTABLISHED], (x.genuine + PANEL_EVERY - 1) / PANEL_EVERY);
    world_close(&w);
}

/*
 * Ten times as fast: places for a third of a run's time. Now a genuine M1 may be refused and has to come again; but who has been let
 * in completes, whatever comes after him.
 */
static void flood_faster_than_that(void **state)
{
    struct flood x = flood_of(10000);
    struct world w;

    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = x.max_pending, .rate_from = { .burst = ESCERTKE_NO_LIMIT } });
    play(&w, &x);
    assert_int_equal(x.completed, x.genuine);
    assert_true(x.refused > 0);
    world_close(&w);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

/* What is counted for pending handshakes is not less than what the heap grows by. A limit of octets would be none. */
static void memory_is_counted(void **state)
{
    enum { MANY = 200 };
    struct world w;
    struct copy m1, m3;
    char from[16];
    escertke_terminator_stats stats;

    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = 2 * MANY });
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3); /* and what is made once is there */
    size_t before = heap_in_use();
    escertke_terminator_get_stats(w.t, &stats);
    size_t counted = stats.pending_bytes;
    for (int i = 0; i < MANY; i++) {
        snprintf(from, sizeof from, "Cx%d", i);
        escertke_answer a = send(&w, from, span(&m1));
        assert_int_equal(a.rsc, 2000);
        escertke_answer_clear(&a);
    }
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.pending, MANY + 1);
    size_t grown = heap_in_use() - before; /* 0 under a sanitizer or valgrind, whose heap is another one */
    if (grown > stats.pending_bytes - counted)
        fail_msg("%zu octets counted for a handshake, %zu held", (stats.pending_bytes - counted) / MANY, grown / MANY);
    escertke_session_free(s);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetitions_cost_nothing), cmocka_unit_test(success_is_not_limited), cmocka_unit_test(limited_per_from),
        cmocka_unit_test(limited_in_all), cmocka_unit_test(flood_as_fast_as_places_allow), cmocka_unit_test(flood_faster_than_that),
        cmocka_unit_test(memory_is_counted),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/*
 * A new key in place of an older one: which ends get an end, which one is used, and that both ends of a pair agree, whatever the
 * order of arrival, their clocks, and what was lost.
 */
#include "keys_support.h"

#define SMALL OWN /* octet order: in1 comes before mn1 */
#define GREAT PEER
#define FAR 100000000

static char dir[256];
static escertke_store store;

static void put(escertke_store *s, const char *own, escertke_role role, uint32_t n, int64_t created_s, int64_t overlap_s)
{
    const escertke_put_options o = { .replace = overlap_s >= 0, .overlap_s = overlap_s };
    escertke_key_entry e = entry_make(n, created_s, FAR);

    strcpy(e.own, own);
    strcpy(e.peer, strcmp(own, SMALL) == 0 ? GREAT : SMALL);
    e.role = role;
    assert_ok(s->ops->put(s->state, &e, &o, NULL));
}

static int64_t expiry(escertke_store *s, uint32_t n)
{
    escertke_key_entry e = entry_make(n, 0, 0), out;

    assert_ok(s->ops->get(s->state, e.key.id, 0, &out, NULL));
    return out.expires_s;
}

/* The number of the entry to use; 0 = none. */
static uint32_t in_use(escertke_store *s, const char *own, int64_t unix_s)
{
    escertke_key_entry out;
    uint32_t n = 0;

    escertke_err err =
        s->ops->find(s->state, own, strcmp(own, SMALL) == 0 ? GREAT : SMALL, ESCERTKE_USAGE_ESPRIM, unix_s, &out, NULL);
    if (err == ESCERTKE_OK)
        memcpy(&n, out.key.id + 4, sizeof n);
    else
        assert_int_equal(err, ESCERTKE_ERR_NOT_FOUND);
    return n;
}

#define I ESCERTKE_INITIATOR
#define T ESCERTKE_TERMINATOR

/* Key 1 is there, key 2 comes. */
static void a_new_key_ends_the_older(void)
{
    static const struct {
        const char *name, *own;
        escertke_role first, second;
        int64_t created_1, created_2, overlap, expected;
    } rows[] = {
        { "initiator again", SMALL, I, I, 1000, 2000, 300, 2300 },
        { "terminator again", SMALL, T, T, 1000, 2000, 300, 2360 },
        { "the greater, initiator again", GREAT, I, I, 1000, 2000, 300, 2300 },
        { "the greater, terminator again", GREAT, T, T, 1000, 2000, 300, 2360 },
        { "same second", SMALL, T, T, 1000, 1000, 300, 1360 },
        { "no overlap", SMALL, I, I, 1000, 2000, 0, 2000 },
        { "left alone", SMALL, I, I, 1000, 2000, -1, FAR },
        { "longest overlap", SMALL, I, I, 1000, 2000, INT64_MAX, FAR },
        { "longest overlap of a terminator", SMALL, T, T, 1000, 2000, INT64_MAX, FAR },
        { "created later: the clock was put back", SMALL, I, I, 2000, 1999, 300, FAR },
        { "the other direction", SMALL, T, I, 1000, 2000, 300, FAR },
        { "the other direction, the other way", SMALL, I, T, 1000, 2000, 300, FAR },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(&store, rows[i].own, rows[i].first, 1, rows[i].created_1, -1);
        put(&store, rows[i].own, rows[i].second, 2, rows[i].created_2, rows[i].overlap);
        if (expiry(&store, 1) != rows[i].expected || expiry(&store, 2) != FAR)
            fail_msg("%s: %lld", rows[i].name, (long long)expiry(&store, 1));
        assert_ok(store.ops->prune(store.state, INT64_MAX, NULL, NULL));
    }
}

static void an_end_is_never_put_off(void)
{
    put(&store, SMALL, I, 1, 1000, -1);
    put(&store, SMALL, I, 2, 2000, 10);
    put(&store, SMALL, I, 3, 3000, 10);
    assert_int_equal(expiry(&store, 1), 2010);
    assert_int_equal(expiry(&store, 2), 3010);
    put(&store, SMALL, I, 4, 3001, 1000);
    assert_int_equal(expiry(&store, 2), 3010);
    assert_int_equal(expiry(&store, 3), 4001);
}

static void others_are_left_alone(void)
{
    escertke_key_entry e = entry_make(1, 1000, FAR);
    const escertke_put_options o = { .replace = true };

    strcat(e.peer, "x");
    assert_ok(store.ops->put(store.state, &e, NULL, NULL));
    e = entry_make(2, 1000, FAR);
    e.own[strlen(e.own) - 1] = '\0';
    assert_ok(store.ops->put(store.state, &e, NULL, NULL));
    e = entry_make(3, 1000, FAR);
    e.usage = ESCERTKE_USAGE_ESDATA;
    assert_ok(store.ops->put(store.state, &e, NULL, NULL));
    e = entry_make(4, 2000, FAR);
    assert_ok(store.ops->put(store.state, &e, &o, NULL));
    for (uint32_t n = 1; n <= 4; n++)
        assert_int_equal(expiry(&store, n), FAR);
    e.peer[0] = 'x';
    assert_ok(store.ops->put(store.state, &e, &o, NULL)); /* the entry itself, with another peer */
    assert_int_equal(expiry(&store, 4), FAR);
}

static void an_initiator_retires_its_own(void)
{
    put(&store, SMALL, I, 1, 1000, -1);
    put(&store, SMALL, I, 2, 2000, -1);
    put(&store, SMALL, T, 3, 3000, -1);
    assert_int_equal(store.ops->retire(store.state, SMALL, GREAT, ESCERTKE_USAGE_ESPRIM, -1, NULL), ESCERTKE_ERR_ARG);
    assert_ok(store.ops->retire(store.state, SMALL, GREAT, ESCERTKE_USAGE_ESDATA, 5, NULL));
    assert_ok(store.ops->retire(store.state, GREAT, SMALL, ESCERTKE_USAGE_ESPRIM, 5, NULL));
    assert_int_equal(expiry(&store, 2), FAR);
    assert_ok(store.ops->retire(store.state, SMALL, GREAT, ESCERTKE_USAGE_ESPRIM, 4000, NULL));
    assert_int_equal(expiry(&store, 1), 4000);
    assert_int_equal(expiry(&store, 2), 4000);
    assert_int_equal(expiry(&store, 3), FAR); /* its initiator knows better */
    assert_ok(store.ops->retire(store.state, SMALL, GREAT, ESCERTKE_USAGE_ESPRIM, 5000, NULL));
    assert_int_equal(expiry(&store, 1), 4000);
}

static void which_key_is_used(void)
{
    static const struct {
        const char *name, *own;
        struct {
            escertke_role role;
            int64_t created;
        } keys[3]; /* numbers 1 to 3, put in this order; created 0 = none */
        uint32_t expected;
    } rows[] = {
        { "the newer", SMALL, { { I, 1000 }, { I, 1001 } }, 2 },
        { "the newer, put first", SMALL, { { I, 1001 }, { I, 1000 } }, 1 },
        { "of the same second the one put last", SMALL, { { T, 1000 }, { T, 1000 } }, 2 },
        { "same moment: the smaller's", SMALL, { { I, 1000 }, { T, 1120 } }, 1 },
        { "same moment: the smaller's, seen by the greater", GREAT, { { T, 1000 }, { I, 1120 } }, 1 },
        { "the other order of arrival", SMALL, { { T, 1120 }, { I, 1000 } }, 2 },
        { "same second", GREAT, { { T, 1000 }, { I, 1000 } }, 1 },
        { "the smaller's is newer anyway", SMALL, { { T, 1000 }, { I, 1100 } }, 2 },
        { "not the same moment any more", SMALL, { { I, 1000 }, { T, 1121 } }, 2 },
        { "not the same moment any more, seen by the greater", GREAT, { { T, 1000 }, { I, 1121 } }, 2 },
        { "newest of the smaller's", SMALL, { { I, 1000 }, { I, 1050 }, { T, 1100 } }, 2 },
        { "against the newest of the greater's", SMALL, { { T, 1050 }, { I, 1000 }, { T, 1121 } }, 3 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (uint32_t n = 0; n < 3 && rows[i].keys[n].created; n++)
            put(&store, rows[i].own, rows[i].keys[n].role, n + 1, rows[i].keys[n].created, -1);
        if (in_use(&store, rows[i].own, 500) != rows[i].expected)
            fail_msg("%s: %u", rows[i].name, in_use(&store, rows[i].own, 500));
        assert_ok(store.ops->prune(store.state, INT64_MAX, NULL, NULL));
    }
}

/* ---- two ends ---------------------------------------------------------------------------------------------------- */

enum { A, B };

/* Two ends with their stores and clocks, and a true time; a run is M3 at its terminator, then M4 at its initiator. */
struct pair {
    escertke_store end[2];
    int64_t skew[2];
    uint32_t next;
};

static const char *const names[2] = { SMALL, GREAT };

struct run {
    int64_t begin, m3, m4; /* true times at which M3 leaves and arrives, and M4 arrives; m4 0 = lost */
    int from;
    uint32_t n;
};

static int64_t at(const struct pair *p, int end, int64_t t)
{
    return t + p->skew[end];
}

static void m3_comes(struct pair *p, const struct run *r)
{
    put(&p->end[!r->from], names[!r->from], T, r->n, at(p, !r->from, r->m3), ESCERTKE_KEY_OVERLAP_S);
}

static void m4_comes(struct pair *p, const struct run *r)
{
    put(&p->end[r->from], names[r->from], I, r->n, at(p, r->from, r->m4), ESCERTKE_KEY_OVERLAP_S);
}

static void m3_leaves(struct pair *p, const struct run *r)
{
    escertke_store *s = &p->end[r->from];

    assert_ok(s->ops->retire(s->state, names[r->from], names[!r->from], ESCERTKE_USAGE_ESPRIM,
                             at(p, r->from, r->begin) + ESCERTKE_KEY_OVERLAP_S, NULL));
}

static bool valid_at(struct pair *p, int end, uint32_t n, int64_t t)
{
    escertke_key_entry e = entry_make(n, 0, 0), out;

    return p->end[end].ops->get(p->end[end].state, e.key.id, at(p, end, t), &out, NULL) == ESCERTKE_OK;
}

static void open_pair(struct pair *p, bool sqlite, int64_t skew_a, int64_t skew_b)
{
    *p = (struct pair){ .skew = { skew_a, skew_b }, .next = 1 };
    for (int i = 0; i < 2; i++) {
        char uri[320];
        snprintf(uri, sizeof uri, "sqlite:%s/%c.db", dir, 'a' + i);
        assert_ok(escertke_store_open(sqlite ? uri : "memory:", &p->end[i], NULL));
    }
}

static void close_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        assert_ok(p->end[i].ops->prune(p->end[i].state, INT64_MAX, NULL, NULL));
        escertke_store_close(&p->end[i]);
    }
}

/* All four events of two runs in the order of their times; of equal times in one of two orders. */
static void play_two(struct pair *p, const struct run *a, const struct run *b, bool b_first)
{
    const struct {
        int64_t t;
        void (*fn)(struct pair *p, const struct run *r);
        const struct run *r;
    } events[] = { { a->m3, m3_comes, a }, { a->m4, m4_comes, a }, { b->m3, m3_comes, b }, { b->m4, m4_comes, b } };

    for (int64_t t = 0; t <= 400; t++)
        for (size_t i = 0; i < 4; i++) {
            size_t k = b_first ? (i + 2) % 4 : i;
            if (events[k].t == 1000000 + t)
                events[k].fn(p, events[k].r);
        }
}

/* Both believe in one key, both hold it, now and when all that was replaced has ended. */
static void expect_agreement(struct pair *p, const char *what)
{
    static const int64_t times[] = { 1000400, 1000400 + 1000, FAR - 500000 };

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint32_t a = in_use(&p->end[A], SMALL, at(p, A, times[i])), b = in_use(&p->end[B], GREAT, at(p, B, times[i]));
        if (a == 0 || a != b || !valid_at(p, A, a, times[i]) || !valid_at(p, B, a, times[i]))
            fail_msg("%s: %u and %u at %lld", what, a, b, (long long)times[i]);
    }
}

static void both_ends_agree(bool sqlite)
{
    static const int64_t delays[] = { 0, 1, 30, 58 }, skews[] = { -300000, 0, 7, 300000 };
    const int step = sqlite ? 59 : 3;

    /* run a lasts from 100 to at most 160; run b begins while it lasts, or ends in it */
    for (int from = 0; from < 2; from++)
        for (int64_t begin = 41; begin < 159; begin += step)
            for (size_t i = 0; i < 16; i++)
                for (size_t k = 0; k < (sqlite ? 1 : 4); k++) {
                    struct run a = { .m3 = 1000101, .from = from, .n = 1 };
                    struct run b = { .m3 = 1000001 + begin, .from = !from, .n = 2 };
                    struct pair p;
                    char what[80];

                    a.m4 = a.m3 + delays[i / 4];
                    b.m4 = b.m3 + delays[i % 4];
                    if (b.m3 - 1 > a.m4 || a.m3 - 1 > b.m4)
                        continue; /* one after the other */
                    snprintf(what, sizeof what, "b at %lld, from %d, delays %zu, skew %zu", (long long)begin, from, i, k);
                    open_pair(&p, sqlite, skews[k], 0);
                    play_two(&p, &a, &b, begin % 2);
                    expect_agreement(&p, what);
                    close_pair(&p);
                }
}

static uint32_t seed = 1;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/*
 * What an end holds as initiator the other holds as terminator, as long as it does; and when nothing is under way, what it would
 * use the other holds, unless the other's M4 was lost and it does not know.
 */
static void check_pair(struct pair *p, const struct run *runs, uint32_t count, int64_t t)
{
    for (uint32_t i = 0; i < count; i++)
        if (runs[i].m4 && runs[i].m4 <= t && valid_at(p, runs[i].from, runs[i].n, t) && !valid_at(p, !runs[i].from, runs[i].n, t))
            fail_msg("seed %u: at %lld %s still has key %u, the other no more", seed, (long long)t, names[runs[i].from], runs[i].n);
    for (int end = 0; end < 2; end++) {
        uint32_t n = in_use(&p->end[end], names[end], at(p, end, t));
        bool known = n && runs[n - 1].m4 && runs[n - 1].m4 <= t;
        if (known && !valid_at(p, !end, n, t))
            fail_msg("seed %u: at %lld %s uses key %u, the other has it no more", seed, (long long)t, names[end], n);
    }
}

/* Each end begins runs again and again, any time after its own last; some M4 are lost. */
static void runs_at_random(bool sqlite)
{
    enum { RUNS = 40 };
    struct run runs[RUNS] = { 0 };
    int64_t free_at[2] = { 1000000, 1000000 }, last;
    struct pair p;

    open_pair(&p, sqlite, (int64_t)chance(4000) - 2000, (int64_t)chance(4000) - 2000);
    for (uint32_t i = 0; i < RUNS; i++) {
        struct run *r = &runs[i];
        *r = (struct run){ .from = (int)chance(2), .n = i + 1 };
        r->begin = free_at[r->from] + chance(chance(3) ? 100 : 900);
        r->m3 = r->begin + chance(30);
        r->m4 = chance(6) ? r->m3 + chance(30) : 0;
        free_at[r->from] = r->begin + 60;
    }
    last = (free_at[0] > free_at[1] ? free_at[0] : free_at[1]) + 1000;
    for (int64_t t = 1000000; t <= last; t++) {
        for (uint32_t i = 0; i < RUNS; i++) {
            if (runs[i].begin == t)
                m3_leaves(&p, &runs[i]);
            if (runs[i].m3 == t)
                m3_comes(&p, &runs[i]);
            if (runs[i].m4 == t)
                m4_comes(&p, &runs[i]);
        }
        if (t % (sqlite ? 50 : 7) == 0)
            check_pair(&p, runs, RUNS, t);
    }
    close_pair(&p);
}

static const struct {
    const char *name;
    void (*run)(void);
} suite[] = {
#define ROW(f) { #f, f }
    ROW(a_new_key_ends_the_older), ROW(an_end_is_never_put_off), ROW(others_are_left_alone),
    ROW(an_initiator_retires_its_own), ROW(which_key_is_used),
#undef ROW
};

static void run_suite(const char *uri)
{
    for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
        print_message("  %.6s: %s\n", uri, suite[i].name);
        assert_ok(escertke_store_open(uri, &store, NULL));
        suite[i].run();
        assert_ok(store.ops->prune(store.state, INT64_MAX, NULL, NULL));
        escertke_store_close(&store);
    }
}

static void memory_passes_the_suite(void **state)
{
    (void)state;
    run_suite("memory:");
}

static void sqlite_passes_the_suite(void **state)
{
    char uri[320];

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/a.db", dir);
    run_suite(uri);
}

static void both_ends_agree_in_memory(void **state)
{
    (void)state;
    both_ends_agree(false);
}

static void both_ends_agree_in_sqlite(void **state)
{
    (void)state;
    both_ends_agree(true);
}

static void what_one_counts_on_the_other_has(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        seed = 4711u + (uint32_t)i;
        runs_at_random(i % 20 == 19);
    }
}

static int set_up(void **state)
{
    (void)state;
    dir_make(dir, sizeof dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dir_remove(dir, (const char *const[]){ "a.db", "b.db", NULL });
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_passes_the_suite),
        cmocka_unit_test(sqlite_passes_the_suite),
        cmocka_unit_test(both_ends_agree_in_memory),
        cmocka_unit_test(both_ends_agree_in_sqlite),
        cmocka_unit_test(what_one_counts_on_the_other_has),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

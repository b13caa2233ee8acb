/* The table behind the Terminating End-Point: who goes first when places are short, and that nothing in use goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "endpoint/runs.h"
#include "fixture.h"

static const uint8_t digest[32] = { 1 };
static const escertke_span m2 = { (const uint8_t *)"M2", 2 }, m4 = { (const uint8_t *)"M4", 2 };

static struct esc_run *enter(struct esc_runs *r, const char *peer)
{
    struct esc_run *run;

    assert_int_equal(esc_runs_enter(r, peer, &run), ESCERTKE_OK);
    assert_string_equal(run->peer, peer);
    return run;
}

static escertke_err put(struct esc_runs *r, const struct fixture *f, struct esc_run *run, uint64_t until_ms)
{
    escertke_session *s = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
    escertke_err err = esc_runs_put_pending(r, run, s, digest, m2, until_ms);

    if (err != ESCERTKE_OK)
        escertke_session_free(s);
    return err;
}

static void add(struct esc_runs *r, const struct fixture *f, const char *peer, uint64_t until_ms)
{
    struct esc_run *run = enter(r, peer);

    assert_int_equal(put(r, f, run, until_ms), ESCERTKE_OK);
    esc_runs_leave(r, run);
}

static bool pending(struct esc_runs *r, const char *peer)
{
    struct esc_run *run = enter(r, peer);
    bool is = run->session != NULL;

    esc_runs_leave(r, run);
    return is;
}

static struct esc_runs *open_runs(size_t max)
{
    struct esc_runs *r;

    assert_int_equal(esc_runs_new(fixture_tls(), max, 1 << 20, &r), ESCERTKE_OK);
    return r;
}

static void oldest_first(void **state)
{
    struct esc_runs *r = open_runs(2);

    add(r, *state, "a", 10);
    add(r, *state, "b", 10);
    add(r, *state, "c", 10);
    assert_false(pending(r, "a"));
    assert_true(pending(r, "b"));
    assert_true(pending(r, "c"));
    esc_runs_free(r);
}

/* An alert, which anybody can send, only moves a handshake to the front of the queue. */
static void marked_first(void **state)
{
    struct esc_runs *r = open_runs(2);

    add(r, *state, "a", 10);
    add(r, *state, "b", 10);
    struct esc_run *run = enter(r, "b");
    esc_runs_mark_first_to_go(r, run);
    esc_runs_leave(r, run);
    assert_true(pending(r, "b"));
    add(r, *state, "c", 10);
    assert_true(pending(r, "a"));
    assert_false(pending(r, "b"));
    esc_runs_free(r);
}

static void nothing_in_use_goes(void **state)
{
    struct esc_runs *r = open_runs(1);
    struct esc_run *a, *b;

    add(r, *state, "a", 10);
    a = enter(r, "a");
    b = enter(r, "b");
    assert_int_equal(put(r, *state, b, 10), ESCERTKE_ERR_LIMIT);
    assert_non_null(a->session);
    esc_runs_leave(r, a);
    assert_int_equal(put(r, *state, b, 10), ESCERTKE_OK);
    esc_runs_leave(r, b);
    assert_false(pending(r, "a"));
    esc_runs_free(r);
}

static void counts_come_back_to_zero(void **state)
{
    struct esc_runs *r = open_runs(8);
    struct esc_runs_counts c;

    for (int i = 0; i < 3; i++)
        add(r, *state, "a", 10); /* one per From: the newer takes the place */
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.pending, 1);
    assert_in_range(c.octets, fixture_tls()->conn_memory, 2 * fixture_tls()->conn_memory);
    struct esc_run *run = enter(r, "a");
    escertke_session_free(esc_runs_take_pending(r, run));
    assert_null(esc_runs_take_pending(r, run));
    esc_runs_leave(r, run);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.pending, 0);
    assert_int_equal(c.octets, 0);
    esc_runs_free(r);
}

static void answers_are_bounded_and_expire(void **state)
{
    struct esc_runs *r = open_runs(2);
    struct esc_runs_counts c;
    struct esc_run *run;
    char name[8];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "p%d", i);
        run = enter(r, name);
        assert_int_equal(esc_runs_put_done(r, run, digest, m4, 100 + (uint64_t)i), ESCERTKE_OK);
        esc_runs_leave(r, run);
    }
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.done, 2);
    run = enter(r, "p4");
    assert_true(run->done);
    assert_memory_equal(run->m4.ptr, "M4", 2);
    esc_runs_leave(r, run);
    esc_runs_tick(r, 103, NULL, NULL);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.done, 1);
    esc_runs_tick(r, 104, NULL, NULL);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.done, 0);
    esc_runs_free(r);
}

static void note_peer(void *ctx, const char *peer)
{
    strcat(ctx, peer);
}

/* Deadlines need not be in order of age. */
static void expiry(void **state)
{
    struct esc_runs *r = open_runs(8);
    struct esc_runs_counts c;
    char gone[64] = "";

    add(r, *state, "a", 30);
    add(r, *state, "b", 10);
    add(r, *state, "c", 20);
    esc_runs_tick(r, 9, note_peer, gone);
    assert_string_equal(gone, "");
    esc_runs_tick(r, 20, note_peer, gone);
    assert_string_equal(gone, "bc");
    assert_true(pending(r, "a"));
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.expired, 2);
    esc_runs_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(oldest_first), cmocka_unit_test(marked_first), cmocka_unit_test(nothing_in_use_goes),
                                        cmocka_unit_test(counts_come_back_to_zero), cmocka_unit_test(answers_are_bounded_and_expire),
                                        cmocka_unit_test(expiry) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

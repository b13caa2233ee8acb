/* Who goes when places are short: by age, grace, alerts and crowds; and that nothing in use goes. */
#include <stdio.h>

#include "runs_support.h"

enum { GRACE = 100 };

static void oldest_first(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 2, .gone = note_gone, .gone_ctx = &gone });
    struct esc_runs_counts c;

    add(r, *state, "a", 1, 0);
    add(r, *state, "b", 1, 10);
    add(r, *state, "c", 1, GRACE);
    add(r, *state, "d", 1, GRACE + 10);
    assert_string_equal(gone.names, "Va Vb ");
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.evicted, 2);
    assert_int_equal(c.pending, 2);
    esc_runs_free(r);
}

/* A flood that is faster than a handshake is refused; it pushes out nobody who may still be on the way. */
static void young_ones_stay(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 2 });

    add(r, *state, "a", 1, 0);
    add(r, *state, "b", 1, 0);
    assert_int_equal(try_add(r, *state, "c", 1, NULL, GRACE - 1, 9999), ESCERTKE_ERR_LIMIT);
    assert_true(is_pending(r, "a", 1));
    assert_true(is_pending(r, "b", 1));
    assert_int_equal(try_add(r, *state, "c", 1, NULL, GRACE, 9999), ESCERTKE_OK);
    assert_false(is_pending(r, "a", 1));
    esc_runs_free(r);
}

/* Whoever comes once more pays with his own old handshake, not with somebody's young one. */
static void own_old_one_goes(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 3, .gone = note_gone, .gone_ctx = &gone });

    add(r, *state, "a", 1, 0);
    add(r, *state, "b", 1, GRACE + 10);
    add(r, *state, "c", 1, GRACE + 10);
    assert_int_equal(try_add(r, *state, "a", 2, NULL, GRACE + 20, 9999), ESCERTKE_OK); /* nobody knows how long runs take */
    assert_string_equal(gone.names, "Va ");
    assert_true(is_pending(r, "a", 2));
    esc_runs_tick(r, UINT64_MAX);
    succeed(r, *state, "good", 1000, 1000);
    esc_runs_tick(r, UINT64_MAX);
    gone.names[0] = '\0';
    add(r, *state, "a", 1, 1000);
    add(r, *state, "b", 1, 1000 + GRACE);
    add(r, *state, "c", 1, 1000 + GRACE);
    add(r, *state, "a", 2, 1000 + GRACE);
    assert_string_equal(gone.names, "Va ");
    assert_true(is_pending(r, "b", 1));
    esc_runs_free(r);
}

/* Once it is known how long runs take, young means younger than that. */
static void grace_follows_what_runs_take(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 2 });

    succeed(r, *state, "good", 10, 10);
    esc_runs_tick(r, 10);
    add(r, *state, "a", 1, 1000);
    add(r, *state, "b", 1, 1000);
    assert_int_equal(try_add(r, *state, "c", 1, NULL, 1019, 9999), ESCERTKE_ERR_LIMIT);
    assert_int_equal(try_add(r, *state, "c", 1, NULL, 1020, 9999), ESCERTKE_OK); /* twice 10 */
    assert_false(is_pending(r, "a", 1));
    esc_runs_tick(r, UINT64_MAX);
    succeed(r, *state, "slow", 5000, 5000); /* counts at once, and is bounded by the grace */
    esc_runs_tick(r, UINT64_MAX);
    add(r, *state, "a", 1, 6000);
    add(r, *state, "b", 1, 6000);
    assert_int_equal(try_add(r, *state, "c", 1, NULL, 6000 + GRACE - 1, 9999), ESCERTKE_ERR_LIMIT);
    esc_runs_tick(r, UINT64_MAX);
    for (int i = 0; i < 200; i++) { /* and is forgotten slowly */
        succeed(r, *state, "good", 10, 10);
        esc_runs_tick(r, UINT64_MAX);
    }
    add(r, *state, "a", 1, 7000);
    add(r, *state, "b", 1, 7000);
    assert_int_equal(try_add(r, *state, "c", 1, NULL, 7021, 9999), ESCERTKE_OK);
    esc_runs_free(r);
}

/* Of one From: K of them, and the oldest gives way when it is not young any more, whatever the places in all. */
static void few_of_one_from(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 100, .max_per_from = 3 });

    succeed(r, *state, "good", 1, 1); /* how long runs take does not matter here */
    esc_runs_tick(r, 1);
    for (uint8_t i = 1; i <= 3; i++)
        add(r, *state, "a", i, i);
    assert_int_equal(try_add(r, *state, "a", 4, NULL, GRACE, 9999), ESCERTKE_ERR_LIMIT);
    add(r, *state, "a", 4, GRACE + 1);
    assert_false(is_pending(r, "a", 1));
    for (uint8_t i = 2; i <= 4; i++)
        assert_true(is_pending(r, "a", i));
    add(r, *state, "b", 1, GRACE + 1);
    esc_runs_free(r);
}

/* Whoever floods a From does not keep out who comes by another way, and drives nobody young out, by whatever way. */
static void a_flood_of_one_from_leaves_places(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 100, .max_per_from = 2 });
    const char *elsewhere = "198.51.100.7";

    for (uint8_t i = 1; i <= 2; i++)
        assert_int_equal(try_add(r, *state, "a", i, elsewhere, i, 9999), ESCERTKE_OK);
    assert_int_equal(try_add(r, *state, "a", 3, elsewhere, 3, 9999), ESCERTKE_ERR_LIMIT);
    for (uint8_t i = 10; i <= 11; i++)
        assert_int_equal(try_add(r, *state, "a", i, NULL, i, 9999), ESCERTKE_OK);
    assert_int_equal(try_add(r, *state, "a", 12, NULL, 12, 9999), ESCERTKE_ERR_LIMIT);
    assert_int_equal(try_add(r, *state, "a", 3, elsewhere, 13, 9999), ESCERTKE_ERR_LIMIT);
    assert_true(is_pending(r, "a", 1) && is_pending(r, "a", 2) && is_pending(r, "a", 10) && is_pending(r, "a", 11));
    assert_int_equal(try_add(r, *state, "a", 12, NULL, GRACE + 2, 9999), ESCERTKE_ERR_LIMIT); /* none of its own is old */
    assert_int_equal(try_add(r, *state, "a", 3, elsewhere, GRACE + 2, 9999), ESCERTKE_OK);
    assert_false(is_pending(r, "a", 1));
    assert_int_equal(try_add(r, *state, "b", 1, elsewhere, GRACE + 2, 9999), ESCERTKE_OK);
    esc_runs_free(r);
}

/* A crowd of ways has twice the places of one, and then waits until the oldest is not young any more. */
static void many_ways_to_one_from(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 100, .max_per_from = 2 });
    char way[16];
    unsigned came = 0;

    for (unsigned i = 0; i < 50; i++) {
        snprintf(way, sizeof way, "192.0.2.%u", i);
        came += try_add(r, *state, "a", (uint8_t)i, way, 10, 9999) == ESCERTKE_OK;
    }
    assert_int_equal(came, 4);
    assert_int_equal(try_add(r, *state, "a", 200, NULL, GRACE + 9, 9999), ESCERTKE_ERR_LIMIT);
    assert_int_equal(try_add(r, *state, "a", 200, NULL, GRACE + 10, 9999), ESCERTKE_OK);
    assert_false(is_pending(r, "a", 0));
    esc_runs_free(r);
}

/* An alert, which anybody can send, only moves a handshake to the front of the queue, and not while it is young. */
static void marked_first(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 3, .gone = note_gone, .gone_ctx = &gone });

    add(r, *state, "a", 1, 0);
    add(r, *state, "b", 1, 0);
    add(r, *state, "c", 1, 50);
    for (int twice = 0; twice < 2; twice++) {
        struct esc_run *run = enter(r, "c");
        esc_runs_mark_first_to_go(r, run);
        esc_runs_leave(r, run);
    }
    assert_true(is_pending(r, "c", 1));
    add(r, *state, "d", 1, GRACE);
    assert_string_equal(gone.names, "Va ");
    add(r, *state, "e", 1, GRACE + 50);
    assert_string_equal(gone.names, "Va Vc ");
    assert_true(is_pending(r, "b", 1));
    esc_runs_free(r);
}

/* Who has brought most of what is pending pays first. The quiet one's source is not known: known ones may fall into one group. */
static void crowds_pay_first(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 5, .gone = note_gone, .gone_ctx = &gone });

    assert_int_equal(try_add(r, *state, "quiet", 1, NULL, 0, 9999), ESCERTKE_OK);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(try_add(r, *state, (char[]){ 'a', (char)('0' + i), 0 }, 1, "198.51.100.7", 1 + i, 9999), ESCERTKE_OK);
    for (uint8_t i = 0; i < 3; i++)
        assert_int_equal(try_add(r, *state, (char[]){ 'b', (char)('0' + i), 0 }, 1, "198.51.100.7", GRACE + 1 + i, 9999), ESCERTKE_OK);
    assert_string_equal(gone.names, "Va0 Va1 Va2 ");
    assert_true(is_pending(r, "quiet", 1));
    esc_runs_free(r);
}

static void nothing_in_use_goes(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 1 });
    struct esc_run *a, *b;

    add(r, *state, "a", 1, 0);
    a = enter(r, "a");
    b = enter(r, "b");
    assert_int_equal(put(r, *state, b, 1, NULL, GRACE, 9999), ESCERTKE_ERR_LIMIT);
    assert_non_null(a->pending);
    esc_runs_leave(r, a);
    assert_int_equal(put(r, *state, b, 1, NULL, GRACE, 9999), ESCERTKE_OK);
    esc_runs_leave(r, b);
    assert_false(is_pending(r, "a", 1));
    esc_runs_free(r);
}

/* Whoever computes an M2 has the run entered, and paused: that holds nobody's place. */
static void paused_is_not_in_use(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 1 });
    struct esc_run *a;

    add(r, *state, "a", 1, 0);
    a = enter(r, "a");
    esc_runs_pause(r, a);
    add(r, *state, "b", 1, GRACE);
    esc_runs_resume(r, a);
    assert_null(a->pending);
    esc_runs_leave(r, a);
    esc_runs_free(r);
}

static void bounded_by_octets(void **state)
{
    size_t one;
    struct esc_runs_counts c;
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8 });

    add(r, *state, "a", 1, 0);
    esc_runs_get_counts(r, &c);
    one = c.octets;
    esc_runs_free(r);
    r = open_runs(&(struct esc_runs_config){ .max_pending = 8, .max_octets = 3 * one + one / 2 });
    for (uint8_t i = 0; i < 6; i++)
        add(r, *state, (char[]){ (char)('a' + i), 0 }, 1, i * GRACE);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.pending, 3);
    assert_int_equal(c.octets, 3 * one);
    esc_runs_free(r);
    r = open_runs(&(struct esc_runs_config){ .max_pending = 8, .max_octets = one / 2 });
    assert_int_equal(try_add(r, *state, "a", 1, NULL, 0, 9999), ESCERTKE_ERR_LIMIT);
    esc_runs_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_first), cmocka_unit_test(young_ones_stay), cmocka_unit_test(own_old_one_goes), cmocka_unit_test(grace_follows_what_runs_take),
        cmocka_unit_test(few_of_one_from), cmocka_unit_test(a_flood_of_one_from_leaves_places), cmocka_unit_test(many_ways_to_one_from), cmocka_unit_test(marked_first), cmocka_unit_test(crowds_pay_first),
        cmocka_unit_test(nothing_in_use_goes), cmocka_unit_test(paused_is_not_in_use), cmocka_unit_test(bounded_by_octets),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

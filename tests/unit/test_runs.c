/* The table behind the Terminating End-Point: what a From has pending, answers that are kept, and time. Who goes: test_room. */
#include "runs_support.h"

static void one_m1_one_handshake(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8 });
    struct esc_run *run;
    uint8_t other[32] = { 9 };

    add(r, *state, "a", 1, 0);
    add(r, *state, "a", 2, 0);
    run = enter(r, "a");
    assert_int_equal(run->pending_count, 2);
    const struct esc_pending *first = esc_runs_find(run, digest_of(1).octets), *second = esc_runs_find(run, digest_of(2).octets);
    assert_true(first && second && first != second);
    assert_memory_equal(first->m1.ptr, "M1", 2);
    assert_memory_equal(first->m2.ptr, "M2", 2);
    assert_true(second->number == first->number + 1);
    assert_null(esc_runs_find(run, other));
    esc_runs_leave(r, run);
    esc_runs_free(r);
}

static void counts_come_back_to_zero(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8 });
    struct esc_runs_counts c;

    for (uint8_t i = 0; i < 3; i++)
        add(r, *state, "a", i, 0);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.pending, 3);
    assert_in_range(c.octets, 3 * fixture_tls()->conn_memory, 6 * fixture_tls()->conn_memory);
    struct esc_run *run = enter(r, "a");
    while (run->pending) {
        struct esc_pending *p = run->pending;
        esc_runs_take(r, p);
        esc_pending_free(p);
    }
    esc_runs_leave(r, run);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.pending, 0);
    assert_int_equal(c.octets, 0);
    esc_runs_free(r);
}

static void success_drops_the_others(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8, .gone = note_gone, .gone_ctx = &gone });
    struct esc_runs_counts c;

    for (uint8_t i = 0; i < 3; i++)
        add(r, *state, "a", i, 0);
    add(r, *state, "b", 7, 0);
    succeed(r, *state, "a", 20, 100);
    assert_string_equal(gone.names, "Va Va Va ");
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.superseded, 3);
    assert_int_equal(c.evicted, 0);
    assert_int_equal(c.pending, 1);
    assert_true(is_pending(r, "b", 7));
    esc_runs_free(r);
}

static void answers_are_bounded_and_expire(void **state)
{
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 2 });
    struct esc_runs_counts c;
    char name[8];

    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "p%u", i);
        succeed(r, *state, name, 0, 100 + i);
    }
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.done, 2);
    struct esc_run *run = enter(r, "p4");
    assert_true(run->done);
    assert_memory_equal(run->m4.ptr, "M4", 2);
    esc_runs_leave(r, run);
    for (unsigned i = 0; i < 2; i++) {
        esc_runs_tick(r, 102 + i);
        esc_runs_get_counts(r, &c);
        assert_int_equal(c.done, 2 - i);
    }
    esc_runs_tick(r, 104);
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.done, 0);
    esc_runs_free(r);
}

/* Deadlines need not be in order of age. */
static void expiry(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8, .gone = note_gone, .gone_ctx = &gone });
    struct esc_runs_counts c;

    add_until(r, *state, "a", 1, 0, 30);
    add_until(r, *state, "b", 1, 0, 10);
    add_until(r, *state, "c", 1, 0, 20);
    add_until(r, *state, "b", 2, 0, 40);
    esc_runs_tick(r, 9);
    assert_string_equal(gone.names, "");
    esc_runs_tick(r, 20);
    assert_true(strcmp(gone.names, "Xb Xc ") == 0 || strcmp(gone.names, "Xc Xb ") == 0);
    assert_true(is_pending(r, "a", 1));
    assert_true(is_pending(r, "b", 2));
    assert_false(is_pending(r, "b", 1));
    gone.names[0] = '\0';
    esc_runs_tick(r, 29);
    assert_string_equal(gone.names, "");
    esc_runs_tick(r, 30);
    assert_string_equal(gone.names, "Xa ");
    esc_runs_get_counts(r, &c);
    assert_int_equal(c.expired, 3);
    assert_int_equal(c.pending, 1);
    esc_runs_free(r);
}

/* What somebody looks at does not expire under his eyes, and does when he has gone. */
static void not_while_it_is_looked_at(void **state)
{
    struct gone gone = { 0 };
    struct esc_runs *r = open_runs(&(struct esc_runs_config){ .max_pending = 8, .gone = note_gone, .gone_ctx = &gone });

    add_until(r, *state, "a", 1, 0, 10);
    struct esc_run *run = enter(r, "a");
    esc_runs_tick(r, 20);
    assert_int_equal(run->pending_count, 1);
    esc_runs_leave(r, run);
    esc_runs_tick(r, 20);
    assert_string_equal(gone.names, "Xa ");
    esc_runs_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_m1_one_handshake), cmocka_unit_test(counts_come_back_to_zero), cmocka_unit_test(success_drops_the_others),
        cmocka_unit_test(answers_are_bounded_and_expire), cmocka_unit_test(expiry), cmocka_unit_test(not_while_it_is_looked_at),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/* Who is reached over which connection: whose place it is, and how long it is known. */
#include "binding/ws_places.h"

#include "binding_support.h"

static void belongs_to_one(void **state)
{
    struct esc_ws_places p = { 0 };
    struct esc_ws_conn a = { 0 }, b = { 0 };

    (void)state;
    assert_null(esc_ws_places_find(&p, "//sp/in1/Ca"));
    assert_true(esc_ws_places_take(&p, "//sp/in1/Ca", &a));
    assert_true(esc_ws_places_take(&p, "//sp/in1/Ca", &a)); /* again */
    assert_false(esc_ws_places_take(&p, "//sp/in1/Ca", &b));
    assert_ptr_equal(esc_ws_places_find(&p, "//sp/in1/Ca")->conn, &a);
    assert_null(esc_ws_places_find(&p, "//sp/in1/CA"));
    expect_int("held", p.held, 1);
    expect_int("of a", a.places, 1);
    esc_ws_places_leave(&p, &a, 5);
    expect_int("of a", a.places, 0);
    expect_int("held", p.held, 0);
    assert_non_null(esc_ws_places_find(&p, "//sp/in1/Ca")); /* known, by nobody held */
    assert_true(esc_ws_places_take(&p, "//sp/in1/Ca", &b));
    expect_int("known", p.count, 1);
    esc_ws_places_leave(&p, &a, 6); /* who holds nothing takes nothing along */
    assert_ptr_equal(esc_ws_places_find(&p, "//sp/in1/Ca")->conn, &b);
    esc_ws_places_leave(&p, &b, 7);
    esc_ws_places_expire(&p, 7, true);
    expect_int("known", p.count, 0);
}

static void is_not_given_to_who_has_gone(void **state)
{
    struct esc_ws_places p = { 0 };
    struct esc_ws_conn gone = { .gone = true };

    (void)state;
    assert_false(esc_ws_places_take(&p, "//sp/in1/Ca", &gone));
    expect_int("known", p.count, 0);
}

static void are_forgotten_after_a_minute(void **state)
{
    struct esc_ws_places p = { 0 };
    struct esc_ws_conn a = { 0 }, b = { 0 };

    (void)state;
    assert_true(esc_ws_places_take(&p, "lost", &a));
    assert_true(esc_ws_places_take(&p, "awaited", &a));
    assert_true(esc_ws_places_take(&p, "held", &b));
    esc_ws_places_leave(&p, &a, 1000);
    esc_ws_places_find(&p, "awaited")->waiting = 1;
    esc_ws_places_expire(&p, 1000 + ESC_WS_PLACE_KEPT_MS - 1, false);
    expect_int("known", p.count, 3);
    esc_ws_places_expire(&p, 1000 + ESC_WS_PLACE_KEPT_MS, false);
    assert_null(esc_ws_places_find(&p, "lost"));
    assert_non_null(esc_ws_places_find(&p, "awaited"));
    assert_non_null(esc_ws_places_find(&p, "held"));
    esc_ws_places_find(&p, "awaited")->waiting = 0;
    esc_ws_places_leave(&p, &b, 1000);
    esc_ws_places_expire(&p, 1000, true);
    expect_int("known", p.count, 0);
}

static void are_bounded(void **state)
{
    static struct esc_ws_conn conns[ESC_WS_PLACES_MAX / ESC_WS_PLACES_PER_CONN + 1];
    struct esc_ws_places p = { 0 };
    char id[20];

    (void)state;
    for (unsigned i = 0; i < ESC_WS_PLACES_MAX; i++) {
        snprintf(id, sizeof id, "C%u", i);
        assert_true(esc_ws_places_take(&p, id, &conns[i / ESC_WS_PLACES_PER_CONN]));
    }
    assert_false(esc_ws_places_take(&p, "one more", &conns[COUNT(conns) - 1]));
    expect_int("known", p.count, ESC_WS_PLACES_MAX);
    esc_ws_places_leave(&p, &conns[0], 0);
    esc_ws_places_expire(&p, ESC_WS_PLACE_KEPT_MS, false);
    expect_int("known", p.count, ESC_WS_PLACES_MAX - ESC_WS_PLACES_PER_CONN);
    for (unsigned i = 0; i < ESC_WS_PLACES_PER_CONN; i++) { /* a gateway's share, and no more */
        snprintf(id, sizeof id, "D%u", i);
        assert_true(esc_ws_places_take(&p, id, &conns[0]));
    }
    esc_ws_places_leave(&p, &conns[1], 0);
    esc_ws_places_expire(&p, ESC_WS_PLACE_KEPT_MS, false);
    assert_false(esc_ws_places_take(&p, "one more of his", &conns[0]));
    assert_true(esc_ws_places_take(&p, "one more of another", &conns[1]));
    for (size_t i = 0; i < COUNT(conns); i++)
        esc_ws_places_leave(&p, &conns[i], 0);
    expect_int("held", p.held, 0);
    esc_ws_places_expire(&p, 0, true);
    expect_int("known", p.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(belongs_to_one),
        cmocka_unit_test(is_not_given_to_who_has_gone),
        cmocka_unit_test(are_forgotten_after_a_minute),
        cmocka_unit_test(are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

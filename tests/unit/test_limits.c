/* Token buckets: what each lets through, and that no crowd uses up what another name may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "endpoint/limits.h"
#include "fixture.h"

static struct esc_limits *open_limits(escertke_rate from, escertke_rate source, escertke_rate all)
{
    struct esc_limits_config cfg = { .from = from, .source = source, .all = all };
    struct esc_limits *l;

    assert_int_equal(esc_limits_new(fixture_tls(), &cfg, &l), ESCERTKE_OK);
    return l;
}

static bool take(struct esc_limits *l, const char *from, const char *source, uint64_t now_ms)
{
    return esc_limits_take(l, ESC_LIMITED_M1, &(struct esc_who){ from, escertke_span_str(source) }, now_ms);
}

static unsigned take_all(struct esc_limits *l, const char *from, const char *source, uint64_t now_ms)
{
    unsigned n = 0;

    while (n < 1000 && take(l, from, source, now_ms))
        n++;
    return n;
}

static const escertke_rate none = { 0, 0 };

static void burst_and_rate(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ 8, 120 }, none, none);

    (void)state;
    assert_int_equal(take_all(l, "a", NULL, 5), 8);
    assert_int_equal(take_all(l, "a", NULL, 504), 0);
    assert_int_equal(take_all(l, "a", NULL, 505), 1);
    assert_int_equal(take_all(l, "a", NULL, 1505), 2);
    assert_int_equal(take_all(l, "a", NULL, 1505 + 3999), 7);
    assert_int_equal(take_all(l, "a", NULL, 1000000), 8); /* and no more, however long it was quiet */
    esc_limits_free(l);
}

static void buckets_are_apart(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ 3, 60 }, none, none);
    struct esc_who a = { .from = "a" };

    (void)state;
    assert_int_equal(take_all(l, "a", NULL, 0), 3);
    assert_int_equal(take_all(l, "b", NULL, 0), 3);
    assert_int_equal(take_all(l, "a", "192.0.2.1", 0), 3); /* a stranger elsewhere does not use up what the peer has */
    assert_int_equal(take_all(l, "a", "192.0.2.2", 0), 3);
    assert_true(esc_limits_take(l, ESC_LIMITED_M3, &a, 0));
    esc_limits_free(l);
}

static void sources_and_all(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ ESCERTKE_NO_LIMIT, 0 }, (escertke_rate){ 5, 60 }, (escertke_rate){ 12, 60 });

    (void)state;
    assert_int_equal(take_all(l, "a", "192.0.2.1", 0), 5);
    assert_int_equal(take_all(l, "b", "192.0.2.1", 0), 0);
    assert_int_equal(take_all(l, "b", "192.0.2.2", 0), 5);
    assert_int_equal(take_all(l, "c", NULL, 0), 2); /* of a source that is not known only all are counted */
    assert_int_equal(take_all(l, "d", "192.0.2.3", 0), 0);
    assert_int_equal(take_all(l, "d", "192.0.2.3", 3000), 3);
    esc_limits_free(l);
}

/* A refused message costs nothing: neither here nor in the other buckets. */
static void refused_costs_nothing(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ 1, 60 }, none, (escertke_rate){ 3, 1 });

    (void)state;
    for (int i = 0; i < 100; i++)
        take(l, "a", NULL, 0);
    assert_true(take(l, "a", NULL, 1000));
    assert_true(take(l, "b", NULL, 1000));
    assert_false(take(l, "c", NULL, 1000));
    esc_limits_free(l);
}

static void given_back(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ 2, 1 }, none, none);
    struct esc_who who = { .from = "a" };

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_true(take(l, "a", NULL, 0));
        esc_limits_give_back(l, ESC_LIMITED_M1, &who, 0);
    }
    for (int i = 0; i < 5; i++)
        esc_limits_give_back(l, ESC_LIMITED_M1, &who, 0); /* a bucket is never more than full */
    assert_int_equal(take_all(l, "a", NULL, 0), 2);
    esc_limits_give_back(l, ESC_LIMITED_M1, &(struct esc_who){ .from = "nobody" }, 0);
    esc_limits_free(l);
}

/*
 * Far more names than places. None of them is kept from its burst by the others; and who has emptied his bucket does not get
 * another by the crowd that he sends.
 */
static void crowds(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ 8, 6 }, none, none);
    char name[32];

    (void)state;
    assert_int_equal(take_all(l, "greedy", NULL, 0), 8);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "C%u", i);
        assert_true(take(l, name, NULL, i / 10));
        if (i % 1000 == 0) { /* seldom enough that no set of places is full of them, whatever the key */
            snprintf(name, sizeof name, "Cgood%u", i);
            assert_int_equal(take_all(l, name, NULL, i / 10), 8);
        }
    }
    assert_false(take(l, "greedy", NULL, 2000));
    esc_limits_free(l);
}

static void no_limits(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ ESCERTKE_NO_LIMIT, 60 }, none, none);

    (void)state;
    assert_int_equal(take_all(l, "a", "192.0.2.1", 0), 1000);
    esc_limits_free(l);
    esc_limits_free(NULL);
}

/* The greatest and smallest rates that can be written do not turn into something else. */
static void extreme_rates(void **state)
{
    struct esc_limits *l = open_limits((escertke_rate){ ESCERTKE_NO_LIMIT - 1, UINT32_MAX }, none, none);

    (void)state;
    assert_int_equal(take_all(l, "a", NULL, UINT32_MAX), 1000);
    esc_limits_free(l);
    l = open_limits((escertke_rate){ 1, 0 }, none, none);
    assert_int_equal(take_all(l, "a", NULL, 0), 1);
    assert_int_equal(take_all(l, "a", NULL, 59999), 0);
    assert_int_equal(take_all(l, "a", NULL, 60000), 1);
    esc_limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_and_rate), cmocka_unit_test(buckets_are_apart), cmocka_unit_test(sources_and_all),
        cmocka_unit_test(refused_costs_nothing), cmocka_unit_test(given_back), cmocka_unit_test(crowds),
        cmocka_unit_test(no_limits), cmocka_unit_test(extreme_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

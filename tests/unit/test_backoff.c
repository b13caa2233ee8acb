#include "binding/backoff.h"

#include "binding_support.h"

static void waits_longer_each_time(void **state)
{
    struct esc_backoff b = { .first_ms = 500, .most_ms = 30000 };
    static const uint32_t whole[] = { 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(whole); i++) {
            uint32_t wait = esc_backoff_next(&b);
            assert_in_range(wait, whole[i] - whole[i] / 2, whole[i]);
        }
        esc_backoff_reset(&b);
    }
}

static void differs_by_chance(void **state)
{
    uint32_t first = 0, others = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct esc_backoff b = { .first_ms = 100000, .most_ms = 100000 };
        uint32_t wait = esc_backoff_next(&b);
        first = first ? first : wait;
        others += wait != first;
    }
    assert_true(others > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(waits_longer_each_time), cmocka_unit_test(differs_by_chance) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

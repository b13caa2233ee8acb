#include "m2m_support.h"

static void wipes_all_of_it_and_no_more(void **state)
{
    uint8_t bytes[34];

    (void)state;
    memset(bytes, 0xA5, sizeof bytes);
    escertke_wipe(bytes + 1, 32);
    assert_int_equal(bytes[0], 0xA5);
    assert_int_equal(bytes[33], 0xA5);
    for (int i = 1; i < 33; i++)
        assert_int_equal(bytes[i], 0);
    escertke_wipe(NULL, 0);
}

static void compares_every_byte(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = b[i] = (uint8_t)(i * 7);
    assert_true(escertke_ct_equal(a, b, sizeof a));
    assert_true(escertke_ct_equal(a, b, 0));
    for (size_t i = 0; i < sizeof a * 8; i++) {
        b[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(escertke_ct_equal(a, b, sizeof a));
        b[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipes_all_of_it_and_no_more),
        cmocka_unit_test(compares_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

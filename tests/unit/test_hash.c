/* The keyed hash: the published vectors of SipHash-2-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "endpoint/hash.h"

static void published_vectors(void **state)
{
    static const struct {
        size_t len;
        uint64_t expected;
    } rows[] = {
        { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 7, 0xab0200f58b01d137u },
        { 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u }, { 63, 0x958a324ceb064572u },
    };
    struct esc_hash_key key;
    uint8_t in[64];

    (void)state;
    for (uint8_t i = 0; i < 64; i++)
        in[i] = i;
    for (uint8_t i = 0; i < 16; i++)
        key.octets[i] = i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(esc_hash(&key, (escertke_span){ in, rows[i].len }) == rows[i].expected);
    assert_true(esc_hash(&key, (escertke_span){ NULL, 0 }) == rows[0].expected);
}

static void another_key_is_another_hash(void **state)
{
    struct esc_hash_key a = { { 1 } }, b = { { 2 } };

    (void)state;
    assert_true(esc_hash(&a, escertke_span_str("Cpanel")) != esc_hash(&b, escertke_span_str("Cpanel")));
    assert_true(esc_hash(&a, escertke_span_str("Cpanel")) != esc_hash(&a, escertke_span_str("Cpanem")));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(published_vectors), cmocka_unit_test(another_key_is_another_hash) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

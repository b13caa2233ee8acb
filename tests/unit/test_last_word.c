/* What leaves of a handshake that has failed: one alert, and nothing of the flight that was being made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tls/last_word.h"

static const uint8_t before[] = { 1, 2, 3 }, flight[] = { 22, 3, 3, 0, 4, 0xAA, 0xBB, 0xCC, 0xDD };

static void begin(escertke_buf *b, size_t max)
{
    escertke_buf_init(b, max);
    assert_int_equal(escertke_buf_append(b, before, sizeof before), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(b, flight, sizeof flight), ESCERTKE_OK);
}

static void in_its_place(void **state)
{
    static const uint8_t expected[] = { 1, 2, 3, 21, 3, 3, 0, 2, 2, 51 };
    escertke_buf b;
    (void)state;

    begin(&b, 64);
    esc_last_word(&b, sizeof before, 51);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.ptr, expected, sizeof expected);
    for (size_t i = b.len; i < sizeof before + sizeof flight; i++) /* behind it, the flight is wiped */
        assert_int_equal(b.ptr[i], 0);
    escertke_buf_free(&b);
}

static void none(void **state)
{
    escertke_buf b;
    (void)state;

    begin(&b, 64);
    esc_last_word(&b, sizeof before, -1);
    assert_int_equal(b.len, sizeof before);
    for (size_t i = b.len; i < sizeof before + sizeof flight; i++)
        assert_int_equal(b.ptr[i], 0);
    esc_last_word(&b, sizeof before, -1); /* and nothing where there is nothing */
    assert_int_equal(b.len, sizeof before);
    escertke_buf_free(&b);
}

static void without_room(void **state)
{
    escertke_buf b;
    (void)state;

    escertke_buf_init(&b, 6);
    assert_int_equal(escertke_buf_append(&b, before, sizeof before), ESCERTKE_OK);
    esc_last_word(&b, sizeof before, 40);
    assert_int_equal(b.len, sizeof before);
    assert_memory_equal(b.ptr, before, sizeof before);
    escertke_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_its_place), cmocka_unit_test(none), cmocka_unit_test(without_room) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

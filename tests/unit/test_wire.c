/* test_wire.c - records, handshake messages and certificates of a flight: read to their ends and not beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handshake/wire.h"

#define SPAN(text) ((escertke_span){ (const uint8_t *)(text), sizeof(text) - 1 })

static void test_records(void **state)
{
    struct rd r = rd_init(SPAN("\x16\x03\x03\x00\x02" "ab" "\x14\x03\x01\x00\x01\x01" "\x16\x03\x03\x00\x05" "ab"));
    struct esc_record rec;

    (void)state;
    assert_int_equal(esc_wire_record(&r, &rec), ESCERTKE_OK);
    assert_int_equal(rec.type, WIRE_HANDSHAKE);
    assert_int_equal(rec.version, 0x0303);
    assert_true(escertke_span_equal(rec.body, SPAN("ab")));
    assert_int_equal(esc_wire_record(&r, &rec), ESCERTKE_OK);
    assert_int_equal(rec.type, WIRE_CCS);
    assert_int_equal(rec.version, 0x0301);
    size_t left = rd_left(&r);
    assert_int_equal(esc_wire_record(&r, &rec), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), left); /* it stays where it was */
}

static void test_handshake(void **state)
{
    struct rd r = rd_init(SPAN("\x0e\0\0\0" "\x0b\0\0\3" "abc" "\x0b\0\1\0" "abc"));
    struct esc_handshake m;

    (void)state;
    assert_int_equal(esc_wire_handshake(&r, &m), ESCERTKE_OK);
    assert_int_equal(m.type, WIRE_SERVER_HELLO_DONE);
    assert_int_equal(m.body.len, 0);
    assert_int_equal(esc_wire_handshake(&r, &m), ESCERTKE_OK);
    assert_true(escertke_span_equal(m.body, SPAN("abc")));
    size_t left = rd_left(&r);
    assert_int_equal(esc_wire_handshake(&r, &m), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), left);
}

static void test_certificate_list(void **state)
{
    const struct {
        const char *name;
        escertke_span body;
        size_t max, count;
    } cases[] = {
        { "none", SPAN("\0\0\0"), 3, 0 },
        { "two", SPAN("\0\0\x09\0\0\2ab\0\0\1c"), 3, 2 },
        { "more than there is room for", SPAN("\0\0\x09\0\0\2ab\0\0\1c"), 1, 1 },
        { "empty", SPAN(""), 3, 0 },
        { "length too short", SPAN("\0\0\x08\0\0\2ab\0\0\1c"), 3, 0 },
        { "length too long", SPAN("\0\0\x0a\0\0\2ab\0\0\1c"), 3, 0 },
        { "certificate too long", SPAN("\0\0\x09\0\0\2ab\0\0\2c"), 3, 0 },
        { "length of a certificate cut", SPAN("\0\0\x07\0\0\2ab\0\0"), 3, 0 },
    };
    escertke_span out[3];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (esc_wire_certificate_list(cases[i].body, out, cases[i].max) != cases[i].count)
            fail_msg("%s", cases[i].name);
    assert_int_equal(esc_wire_certificate_list(cases[1].body, out, 3), 2);
    assert_true(escertke_span_equal(out[0], SPAN("ab")) && escertke_span_equal(out[1], SPAN("c")));
}

static void test_flight(void **state)
{
    escertke_span out[2];

    (void)state;
    assert_int_equal(esc_wire_certificates(SPAN("\x16\x03\x03\x00\x0e" "\x02\0\0\0" "\x0b\0\0\6\0\0\3\0\0\0"), out, 2), 1);
    assert_int_equal(esc_wire_certificates(SPAN("\x16\x03\x03\x00\x04" "\x02\0\0\0" "\x16\x03\x03\x00\x0b" "\x0b\0\0\7\0\0\4\0\0\1x"),
                                           out, 2), 1);
    assert_true(escertke_span_equal(out[0], SPAN("x")));
    /* what is behind ChangeCipherSpec is encrypted */
    assert_int_equal(esc_wire_certificates(SPAN("\x14\x03\x03\x00\x01\x01" "\x16\x03\x03\x00\x0b" "\x0b\0\0\7\0\0\4\0\0\1x"), out, 2), 0);
    assert_int_equal(esc_wire_certificates(SPAN(""), out, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_records), cmocka_unit_test(test_handshake),
                                        cmocka_unit_test(test_certificate_list), cmocka_unit_test(test_flight) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cert/der.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* In a block of exactly its size, so that the sanitizer sees every octet read too many. */
static escertke_span exact(const void *bytes, size_t len)
{
    uint8_t *p = malloc(len ? len : 1);

    assert_non_null(p);
    memcpy(p, bytes, len);
    return (escertke_span){ p, len };
}

static void release(escertke_span s)
{
    free((void *)(uintptr_t)s.ptr);
}

static void test_elements(void **state)
{
    static const struct {
        const char *name;
        uint8_t len, in[6];
        bool ok;
        size_t value_len;
    } rows[] = {
        { "empty", 0, { 0 }, false, 0 },
        { "tag alone", 1, { 0x30 }, false, 0 },
        { "no content", 2, { 0x30, 0 }, true, 0 },
        { "content", 4, { 0x04, 2, 1, 2 }, true, 2 },
        { "content cut", 3, { 0x04, 2, 1 }, false, 0 },
        { "indefinite length", 4, { 0x30, 0x80, 0, 0 }, false, 0 },
        { "long form for a short length", 4, { 0x04, 0x81, 1, 0 }, false, 0 },
        { "long form cut", 2, { 0x04, 0x82 }, false, 0 },
        { "leading zero in the length", 4, { 0x04, 0x82, 0, 0x80 }, false, 0 },
        { "length of four octets", 6, { 0x04, 0x84, 1, 0, 0, 0 }, false, 0 },
        { "reserved length", 2, { 0x04, 0xFF }, false, 0 },
        { "high tag number", 3, { 0x1F, 0x20, 0 }, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_span in = exact(rows[i].in, rows[i].len);
        struct der r = esc_der_init(in);
        struct der_tlv t;
        bool ok = esc_der_next(&r, &t);
        if (ok != rows[i].ok)
            fail_msg("%s", rows[i].name);
        if (ok) {
            assert_int_equal(t.value.len, rows[i].value_len);
            assert_int_equal(t.whole.len, rows[i].len);
            assert_true(esc_der_done(&r));
        } else {
            assert_ptr_equal(r.at, esc_der_init(in).at); /* stays where it was */
        }
        release(in);
    }
}

static void test_long_lengths(void **state)
{
    static const size_t lens[] = { 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000 };

    (void)state;
    for (size_t i = 0; i < COUNT(lens); i++) {
        size_t len = lens[i], head = len < 0x80 ? 2 : len < 0x100 ? 3 : len < 0x10000 ? 4 : 5;
        uint8_t *p = calloc(1, head + len);
        assert_non_null(p);
        p[0] = DER_OCTET_STRING;
        p[1] = (uint8_t)(head == 2 ? len : 0x80 | (head - 2));
        for (size_t j = 2; j < head; j++)
            p[j] = (uint8_t)(len >> 8 * (head - 1 - j));
        struct der_tlv t;
        assert_true(esc_der_only((escertke_span){ p, head + len }, DER_OCTET_STRING, &t));
        assert_int_equal(t.value.len, len);
        assert_false(esc_der_only((escertke_span){ p, head + len - 1 }, DER_OCTET_STRING, &t));
        assert_false(esc_der_only((escertke_span){ p, head + len }, DER_SEQUENCE, &t));
        free(p);
    }
}

static void test_integers(void **state)
{
    static const struct {
        uint8_t len, in[8];
        bool integer, small;
        int value;
    } rows[] = {
        { 3, { 2, 1, 0 }, true, true, 0 },
        { 3, { 2, 1, 0x7F }, true, true, 127 },
        { 3, { 2, 1, 0x80 }, true, false, 0 },
        { 4, { 2, 2, 0, 0x80 }, true, true, 128 },
        { 4, { 2, 2, 0, 0x7F }, false, false, 0 },
        { 4, { 2, 2, 0xFF, 0x80 }, false, false, 0 },
        { 4, { 2, 2, 0xFF, 0x7F }, true, false, 0 },
        { 6, { 2, 4, 0x7F, 0xFF, 0xFF, 0xFF }, true, true, 2147483647 },
        { 7, { 2, 5, 0, 0x80, 0, 0, 0 }, true, false, 0 },
        { 2, { 2, 0 }, false, false, 0 },
        { 3, { 4, 1, 0 }, false, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_span in = { rows[i].in, rows[i].len }, octets;
        struct der a = esc_der_init(in), b = a;
        int v = -1;
        assert_int_equal(esc_der_integer(&a, &octets), rows[i].integer);
        assert_int_equal(esc_der_small(&b, &v), rows[i].small);
        if (rows[i].small)
            assert_int_equal(v, rows[i].value);
    }
}

static void test_default_false(void **state)
{
    static const struct {
        uint8_t len, in[4];
        bool ok, value;
    } rows[] = {
        { 0, { 0 }, true, false },           { 2, { 4, 0 }, true, false },        { 3, { 1, 1, 0xFF }, true, true },
        { 3, { 1, 1, 0 }, false, false },    { 3, { 1, 1, 1 }, false, false },    { 4, { 1, 2, 0xFF, 0xFF }, false, false },
        { 2, { 1, 0 }, false, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct der r = esc_der_init((escertke_span){ rows[i].in, rows[i].len });
        bool v = true;
        assert_int_equal(esc_der_default_false(&r, &v), rows[i].ok);
        assert_int_equal(v, rows[i].value);
    }
}

static void test_oids(void **state)
{
    static const struct {
        uint8_t len, in[4];
        bool ok;
    } rows[] = {
        { 0, { 0 }, false },          { 1, { 0x2A }, true },        { 3, { 0x2A, 0x86, 0x48 }, true },
        { 2, { 0x2A, 0x86 }, false }, { 2, { 0x80, 1 }, false },    { 3, { 0x2A, 0x80, 1 }, false },
        { 3, { 0x2A, 0x81, 0x80 }, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(esc_der_oid_valid((escertke_span){ rows[i].in, rows[i].len }), rows[i].ok);
}

static void test_times(void **state)
{
    static const struct {
        uint8_t tag;
        const char *text;
        bool ok;
        int64_t unix_s;
    } rows[] = {
        { DER_UTC_TIME, "700101000000Z", true, 0 },
        { DER_UTC_TIME, "270115080000Z", true, 1800000000 },
        { DER_UTC_TIME, "500101000000Z", true, -631152000 }, /* 1950 */
        { DER_UTC_TIME, "491231235959Z", true, 2524607999 }, /* 2049 */
        { DER_UTC_TIME, "000229120000Z", true, 951825600 },
        { DER_UTC_TIME, "010229120000Z", false, 0 },
        { DER_UTC_TIME, "240301000000Z", true, 1709251200 },
        { DER_GENERALIZED_TIME, "20500101000000Z", true, 2524608000 },
        { DER_GENERALIZED_TIME, "99991231235959Z", true, 253402300799 },
        { DER_GENERALIZED_TIME, "00010101000000Z", true, -62135596800 },
        { DER_GENERALIZED_TIME, "00000101000000Z", false, 0 },
        { DER_GENERALIZED_TIME, "21000229000000Z", false, 0 },
        { DER_GENERALIZED_TIME, "20000229000000Z", true, 951782400 },
        { DER_GENERALIZED_TIME, "20270115080000.5Z", false, 0 },
        { DER_UTC_TIME, "270115080000+0100", false, 0 },
        { DER_UTC_TIME, "2701150800Z", false, 0 },
        { DER_UTC_TIME, "2701150800000", false, 0 },
        { DER_UTC_TIME, "271301000000Z", false, 0 },
        { DER_UTC_TIME, "270001000000Z", false, 0 },
        { DER_UTC_TIME, "270100000000Z", false, 0 },
        { DER_UTC_TIME, "270132000000Z", false, 0 },
        { DER_UTC_TIME, "270431000000Z", false, 0 },
        { DER_UTC_TIME, "270115240000Z", false, 0 },
        { DER_UTC_TIME, "270115006000Z", false, 0 },
        { DER_UTC_TIME, "270115000060Z", false, 0 },
        { DER_UTC_TIME, "2701150000-1Z", false, 0 },
        { DER_UTC_TIME, "20270115080000Z", false, 0 },
        { DER_GENERALIZED_TIME, "270115080000Z", false, 0 },
        { DER_IA5_STRING, "270115080000Z", false, 0 },
    };
    uint8_t der[32];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].text);
        int64_t t = 0;
        der[0] = rows[i].tag;
        der[1] = (uint8_t)len;
        memcpy(der + 2, rows[i].text, len);
        struct der r = esc_der_init((escertke_span){ der, len + 2 });
        if (esc_der_time(&r, &t) != rows[i].ok || t != rows[i].unix_s)
            fail_msg("%s: %lld", rows[i].text, (long long)t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),      cmocka_unit_test(test_long_lengths), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_default_false), cmocka_unit_test(test_oids),         cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_oid.c - object identifiers between text and octets, against libcrypto where it can; otherNames taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

#include "cert/der.h"
#include "cert/oid.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UUID_ARC "329800735698586629295641978511506172918" /* below 2.25: 128 bits */

static escertke_span content_of(const ASN1_OBJECT *o)
{
    return (escertke_span){ OBJ_get0_data(o), OBJ_length(o) };
}

static void test_text_and_back(void **state)
{
    static const char *const good[] = { "0.0",
                                        "0.39",
                                        "1.0",
                                        "1.39",
                                        "2.0",
                                        "2.39",
                                        "2.40",
                                        "2.47",
                                        "2.48",
                                        "2.999",
                                        "2.999.3",
                                        "2.175.0",
                                        "2.16303",
                                        "2.16304",
                                        "0.2.481.1",
                                        "0.2.481.1.100.3030.10011",
                                        "1.2.840.10045.3.1.7",
                                        "1.3.127.128.16383.16384",
                                        "2.9223372036854775807",
                                        "1.3.9223372036854775808.1",
                                        "1.3.18446744073709551616",
                                        ("2.25." UUID_ARC) };
    static const char *const bad[] = {
        "",       "0",     "2",     ".",    "0.",   ".2",     "0.2.",    "0..2",           "3.1",
        "0.40",   "1.40",  "1.128", "0.02", "00.2", "0.2.01", "0.2.-1",  "0.2.+1",         "0.2. 1",
        "0.2.1 ", "0.2.x", "0x0.2", "a.b",  "10.2", "0,2",    "0.2.1:3", ("2.25.1" UUID_ARC)
    };
    char text[OID_MAX];
    struct esc_oid oid;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        ASN1_OBJECT *o = OBJ_txt2obj(good[i], 1);
        assert_non_null(o);
        if (!esc_oid_parse(escertke_span_str(good[i]), &oid) ||
            !escertke_span_equal((escertke_span){ oid.octets, oid.len }, content_of(o)))
            fail_msg("%s: not what libcrypto writes", good[i]);
        assert_true(esc_der_oid_valid(content_of(o)));
        esc_oid_text(content_of(o), false, text, sizeof text);
        assert_string_equal(text, good[i]);
        ASN1_OBJECT_free(o);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (esc_oid_parse(escertke_span_str(bad[i]), &oid))
            fail_msg("\"%s\" is taken for an OID", bad[i]);
}

static void test_arcs(void **state)
{
    static const uint8_t octets[] = { 100, 0x97, 0x56, 0xCE, 0x1B };
    struct esc_oid oid = { .len = 0 };
    char text[32], narrow[14];

    (void)state;
    assert_true(esc_oid_add_arcs(&oid, escertke_span_str("100.3030.10011")));
    assert_true(escertke_span_equal((escertke_span){ oid.octets, oid.len }, (escertke_span){ octets, sizeof octets }));
    esc_oid_text((escertke_span){ octets, sizeof octets }, true, text, sizeof text);
    assert_string_equal(text, "100.3030.10011");
    esc_oid_text((escertke_span){ octets, sizeof octets }, true, narrow, sizeof narrow);
    assert_string_equal(narrow, ""); /* cut numbers would be other numbers */
    oid.len = 0;
    assert_true(esc_oid_add_arcs(&oid, escertke_span_str("40"))); /* no first pair here */
    assert_int_equal(oid.octets[0], 40);
    assert_false(esc_oid_add_arcs(&oid, escertke_span_str("")));
}

/* As many arcs as fit, and one more. */
static void test_room(void **state)
{
    char text[2 * OID_MAX + 8] = "2.0";
    struct esc_oid oid;

    (void)state;
    for (size_t arcs = 1; arcs < OID_MAX - 1; arcs++)
        strcat(text, ".1");
    assert_true(esc_oid_parse(escertke_span_str(text), &oid));
    strcat(text, ".1");
    strcat(text, ".1");
    assert_false(esc_oid_parse(escertke_span_str(text), &oid));
}

#define TYPE 0x06, 3, 0x02, 0x83, 0x61 /* 0.2.481 */

static void test_other_names(void **state)
{
    static const struct {
        const char *name;
        uint8_t len, der[24];
        bool readable;
        const char *text, *oid; /* NULL = no hardware instance identifier */
    } rows[] = {
        { "RELATIVE-OID", 11, { TYPE, 0xA0, 4, 0x0D, 2, 1, 100 }, true, "0.2.481:1.100", "0.2.481.1.100" },
        { "OBJECT IDENTIFIER", 14, { TYPE, 0xA0, 7, 0x06, 5, 0x02, 0x83, 0x61, 1, 100 }, true, "0.2.481:1.100", "0.2.481.1.100" },
        { "its type-id only", 12, { TYPE, 0xA0, 5, 0x06, 3, 0x02, 0x83, 0x61 }, true, "0.2.481", "0.2.481" },
        { "OBJECT IDENTIFIER elsewhere", 12, { TYPE, 0xA0, 5, 0x06, 3, 0x02, 0x83, 0x62 }, true, "0.2.481", NULL },
        { "UTF8String", 14, { TYPE, 0xA0, 7, 0x0C, 5, '1', '.', '1', '0', '0' }, true, "0.2.481:1.100", "0.2.481.1.100" },
        { "UTF8String, leading zero", 14, { TYPE, 0xA0, 7, 0x0C, 5, '1', '.', '0', '1', '0' }, true, "0.2.481:1.010", NULL },
        { "UTF8String, words", 11, { TYPE, 0xA0, 4, 0x0C, 2, 'a', 'b' }, true, "0.2.481:ab", NULL },
        { "IA5String", 14, { TYPE, 0xA0, 7, 0x16, 5, '1', '.', '1', '0', '0' }, true, "0.2.481", NULL },
        { "NULL", 9, { TYPE, 0xA0, 2, 5, 0 }, true, "0.2.481", NULL },
        { "RELATIVE-OID, empty", 9, { TYPE, 0xA0, 2, 0x0D, 0 }, true, "0.2.481", NULL },
        { "RELATIVE-OID, leading zero digit", 11, { TYPE, 0xA0, 4, 0x0D, 2, 0x80, 1 }, true, "0.2.481", NULL },
        { "RELATIVE-OID, arc cut short", 11, { TYPE, 0xA0, 4, 0x0D, 2, 1, 0x81 }, true, "0.2.481", NULL },
        { "nothing", 0, { 0 }, false, NULL, NULL },
        { "no value", 5, { TYPE }, false, NULL, NULL },
        { "empty value", 7, { TYPE, 0xA0, 0 }, false, NULL, NULL },
        { "two values", 12, { TYPE, 0xA0, 5, 0x0D, 1, 1, 5, 0 }, false, NULL, NULL },
        { "value without its tag", 8, { TYPE, 0x0D, 1, 1 }, false, NULL, NULL },
        { "value of another tag", 10, { TYPE, 0xA1, 3, 0x0D, 1, 1 }, false, NULL, NULL },
        { "something behind", 12, { TYPE, 0xA0, 3, 0x0D, 1, 1, 5, 0 }, false, NULL, NULL },
        { "type-id not minimal", 9, { 0x06, 2, 0x80, 1, 0xA0, 3, 0x0D, 1, 1 }, false, NULL, NULL },
        { "length past the end", 10, { TYPE, 0xA0, 3, 0x0D, 2, 1 }, false, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_span der = { rows[i].der, rows[i].len };
        struct esc_other other;
        struct esc_oid oid;
        char text[64];
        if (esc_other_read(der, &other) != rows[i].readable)
            fail_msg("%s", rows[i].name);
        if (!rows[i].readable)
            continue;
        esc_other_text(der, text, sizeof text);
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("%s: %s", rows[i].name, text);
        if (esc_other_oid(&other, &oid) != (rows[i].oid != NULL))
            fail_msg("%s: hardware instance identifier or not?", rows[i].name);
        if (!rows[i].oid)
            continue;
        esc_oid_text((escertke_span){ oid.octets, oid.len }, false, text, sizeof text);
        assert_string_equal(text, rows[i].oid);
    }
}

static void test_within(void **state)
{
    static const uint8_t a[] = { 0x2B, 6, 1 }, b[] = { 0x2B, 6 }, c[] = { 0x2B, 7 };

    (void)state;
    assert_true(esc_oid_within((escertke_span){ a, 3 }, (escertke_span){ a, 3 }));
    assert_true(esc_oid_within((escertke_span){ a, 3 }, (escertke_span){ b, 2 }));
    assert_false(esc_oid_within((escertke_span){ b, 2 }, (escertke_span){ a, 3 }));
    assert_false(esc_oid_within((escertke_span){ a, 3 }, (escertke_span){ c, 2 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_back), cmocka_unit_test(test_arcs),   cmocka_unit_test(test_room),
        cmocka_unit_test(test_other_names),   cmocka_unit_test(test_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

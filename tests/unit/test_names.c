#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cert/names.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_domains(void **state)
{
    static const char label63[] = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-";
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        { "in1", true }, { "in1.m2m.example.org", true }, { "IN_1.x-y.org", true }, { "1.2", true },  { label63, true },
        { "", false },   { ".", false },                  { "a.", false },          { ".a", false },  { "a..b", false },
        { "a b", false }, { "a*", false },                { "a/b", false },         { "\xC3\xA4", false },
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (esc_domain_valid(escertke_span_str(rows[i].text)) != rows[i].ok)
            fail_msg("%s", rows[i].text);

    strcpy(text, label63);
    strcat(text, "x");
    assert_false(esc_domain_valid(escertke_span_str(text))); /* a label of 64 */
    memset(text, 'a', sizeof text);
    for (size_t i = 49; i < sizeof text; i += 50)
        text[i] = '.';
    assert_true(esc_domain_valid((escertke_span){ (uint8_t *)text, 253 }));
    assert_false(esc_domain_valid((escertke_span){ (uint8_t *)text, 254 }));
}

static void test_uri_hosts(void **state)
{
    static const struct {
        const char *uri, *host; /* NULL = none */
    } rows[] = {
        { "//m2m.example.org/in1/Cx", "m2m.example.org" },
        { "//m2m.example.org", "m2m.example.org" },
        { "//m2m.example.org:8080/x", "m2m.example.org" },
        { "//m2m.example.org:/x", "m2m.example.org" },
        { "//m2m.example.org?q", "m2m.example.org" },
        { "//m2m.example.org#f", "m2m.example.org" },
        { "coap+tcp://m2m.example.org/x", "m2m.example.org" },
        { "https://1a.example.org/x", "1a.example.org" },
        { "//host", "host" },
        { "", NULL },
        { "/", NULL },
        { "//", NULL },
        { "///x", NULL },
        { "/in1/Cx", NULL },
        { "m2m.example.org/x", NULL },
        { "urn:gsma:imei:1", NULL },
        { "urn:a//b.org/", NULL },
        { "1http://a.org/", NULL },
        { "://a.org/", NULL },
        { "a b://a.org/", NULL },
        { "//user@a.org/", NULL },
        { "//a.org:80@b.org/", NULL },
        { "//a.org:8x/", NULL },
        { "//a.org:80:80/", NULL },
        { "//a..org/", NULL },
        { "//a.org./", NULL },
        { "//*.org/", NULL },
        { "//192.0.2.1/", NULL },
        { "//1/", NULL },
        { "//[2001:db8::1]/", NULL },
        { "//a\\b/", NULL },
    };
    escertke_span host;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool ok = esc_uri_host(escertke_span_str(rows[i].uri), &host);
        if (ok != (rows[i].host != NULL) || (ok && !escertke_span_equal(host, escertke_span_str(rows[i].host))))
            fail_msg("%s", rows[i].uri);
    }
}

/* Names: O = 55 04 0A, CN = 55 04 03, written by hand. */
#define ATTR(oid, tag, a, b) 0x30, 9, 6, 3, 0x55, 4, oid, tag, 2, a, b
static const uint8_t empty[] = { 0x30, 0 };
static const uint8_t o_ab[] = { 0x30, 13, 0x31, 11, ATTR(10, 0x0C, 'a', 'b') };
static const uint8_t o_ab_printable[] = { 0x30, 13, 0x31, 11, ATTR(10, 0x13, 'A', 'b') };
static const uint8_t o_ab_octets[] = { 0x30, 13, 0x31, 11, ATTR(10, 0x04, 'a', 'b') };
static const uint8_t cn_ab[] = { 0x30, 13, 0x31, 11, ATTR(3, 0x0C, 'a', 'b') };
static const uint8_t o_ab_cn_xy[] = { 0x30, 26, 0x31, 11, ATTR(10, 0x0C, 'a', 'b'), 0x31, 11, ATTR(3, 0x0C, 'x', 'y') };
static const uint8_t o_ab_and_cn_xy[] = { 0x30, 24, 0x31, 22, ATTR(10, 0x0C, 'a', 'b'), ATTR(3, 0x0C, 'x', 'y') };

static void test_dn_within(void **state)
{
#define N(x) { x, sizeof x }
    static const struct {
        escertke_span name, base;
        bool within;
    } rows[] = {
        { N(empty), N(empty), true },
        { N(o_ab), N(empty), true },
        { N(empty), N(o_ab), false },
        { N(o_ab), N(o_ab), true },
        { N(o_ab_printable), N(o_ab), true },
        { N(o_ab_octets), N(o_ab), false },
        { N(cn_ab), N(o_ab), false },
        { N(o_ab_cn_xy), N(o_ab), true },
        { N(o_ab), N(o_ab_cn_xy), false },
        { N(o_ab_and_cn_xy), N(o_ab), false }, /* one RDN of two attributes is another RDN */
        { N(o_ab_cn_xy), N(o_ab_and_cn_xy), false },
        { N(o_ab_and_cn_xy), N(o_ab_and_cn_xy), true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(esc_dn_valid(rows[i].name));
        if (esc_dn_within(rows[i].name, rows[i].base) != rows[i].within)
            fail_msg("row %zu", i);
    }
    assert_true(esc_dn_empty((escertke_span)N(empty)));
    assert_false(esc_dn_empty((escertke_span)N(o_ab)));
}

static void test_dn_malformed(void **state)
{
    static const struct {
        const char *name;
        uint8_t len, der[18];
    } rows[] = {
        { "nothing", 0, { 0 } },
        { "not a sequence", 2, { 0x31, 0 } },
        { "trailing octet", 3, { 0x30, 0, 0 } },
        { "empty RDN", 4, { 0x30, 2, 0x31, 0 } },
        { "RDN is a sequence", 15, { 0x30, 13, 0x30, 11, ATTR(10, 0x0C, 'a', 'b') } },
        { "attribute is a set", 15, { 0x30, 13, 0x31, 11, 0x31, 9, 6, 3, 0x55, 4, 10, 0x0C, 2, 'a', 'b' } },
        { "no value", 11, { 0x30, 9, 0x31, 7, 0x30, 5, 6, 3, 0x55, 4, 10 } },
        { "bad OID", 15, { 0x30, 13, 0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 0x8A, 0x0C, 2, 'a', 'b' } },
        { "two values", 17, { 0x30, 15, 0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 10, 0x0C, 0, 0x0C, 2, 'a', 'b' } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (esc_dn_valid((escertke_span){ rows[i].der, rows[i].len }))
            fail_msg("%s", rows[i].name);
}

static void test_dn_find(void **state)
{
    static const uint8_t cn[] = { 0x55, 4, 3 }, c[] = { 0x55, 4, 6 };
    static const uint8_t twice[] = { 0x30, 26, 0x31, 11, ATTR(3, 0x0C, 'a', 'b'), 0x31, 11, ATTR(3, 0x0C, 'x', 'y') };
    size_t at = 0;
    escertke_span value;

    (void)state;
    assert_true(esc_dn_find((escertke_span)N(twice), (escertke_span)N(cn), &at, &value));
    assert_memory_equal(value.ptr, "ab", 2);
    assert_true(esc_dn_find((escertke_span)N(twice), (escertke_span)N(cn), &at, &value));
    assert_memory_equal(value.ptr, "xy", 2);
    assert_false(esc_dn_find((escertke_span)N(twice), (escertke_span)N(cn), &at, &value));
    at = 0;
    assert_false(esc_dn_find((escertke_span)N(twice), (escertke_span)N(c), &at, &value));
}

static void test_general_names(void **state)
{
    static const struct {
        const char *name;
        uint8_t len, der[20];
        int type; /* -1 = refused */
    } rows[] = {
        { "dNSName", 4, { 0x82, 2, 'a', 'b' }, NAME_DNS },
        { "dNSName, constructed", 4, { 0xA2, 2, 'a', 'b' }, -1 },
        { "dNSName, universal tag", 4, { 0x16, 2, 'a', 'b' }, -1 },
        { "dNSName, application class", 4, { 0x42, 2, 'a', 'b' }, -1 },
        { "dNSName, private class", 4, { 0xC2, 2, 'a', 'b' }, -1 },
        { "dNSName, NUL", 4, { 0x82, 2, 'a', 0 }, -1 },
        { "dNSName, DEL", 4, { 0x82, 2, 'a', 0x7F }, -1 },
        { "dNSName, Latin-1", 4, { 0x82, 2, 'a', 0xE4 }, -1 },
        { "URI, tab", 4, { 0x86, 2, 'a', 9 }, -1 },
        { "rfc822Name, NUL", 4, { 0x81, 2, 'a', 0 }, -1 },
        { "no such choice", 4, { 0x89, 2, 'a', 'b' }, -1 },
        { "otherName", 9, { 0xA0, 7, 6, 1, 0x2A, 0xA0, 2, 5, 0 }, NAME_OTHER },
        { "otherName, primitive", 9, { 0x80, 7, 6, 1, 0x2A, 0xA0, 2, 5, 0 }, -1 },
        { "otherName, no type-id", 6, { 0xA0, 4, 0xA0, 2, 5, 0 }, -1 },
        { "otherName, no value", 5, { 0xA0, 3, 6, 1, 0x2A }, -1 },
        { "directoryName", 4, { 0xA4, 2, 0x30, 0 }, NAME_DIRECTORY },
        { "directoryName, implicit", 2, { 0xA4, 0 }, -1 },
        { "directoryName, malformed", 4, { 0xA4, 2, 0x31, 0 }, -1 },
        { "directoryName, two", 6, { 0xA4, 4, 0x30, 0, 0x30, 0 }, -1 },
        { "registeredID", 3, { 0x88, 1, 0x2A }, NAME_REGISTERED_ID },
        { "registeredID, cut arc", 3, { 0x88, 1, 0x8A }, -1 },
        { "cut", 3, { 0x82, 2, 'a' }, -1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct der r = esc_der_init((escertke_span){ rows[i].der, rows[i].len });
        struct esc_name name = { 99, { NULL, 0 } };
        bool ok = esc_general_name(&r, &name);
        if (ok != (rows[i].type >= 0) || (ok && name.type != rows[i].type))
            fail_msg("%s", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domains),      cmocka_unit_test(test_uri_hosts), cmocka_unit_test(test_dn_within),
        cmocka_unit_test(test_dn_malformed), cmocka_unit_test(test_dn_find),   cmocka_unit_test(test_general_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_describe.c - a certificate in words: complete, printable, and never longer than the room. */
#include "cert_case.h"

#include "cert/san.h"
#include "cert/words.h"

static void test_words(void **state)
{
    const struct pki_params ca = { .is_ca = true };
    const struct pki_params leaf = { NAMES(san, URI(AE_ID), DNS("in1.m2m.example.org"),
                                           { PKI_IP, "\1\2\3\4", 4 }, { PKI_EMAIL, "a@b", 0 }) };
    struct chain c = chain_make(leaf, ca, ca);
    static const uint8_t serial[] = { 0x1F, 0xA0 };
    static const char whole[] = "subject CN=leaf, serial 1FA0, URI:" AE_ID
                                ", DNS:in1.m2m.example.org, iPAddress:1.2.3.4, email:a@b";
    char out[200];
    escertke_cert cert;

    (void)state;
    assert_int_equal(escertke_cert_parse(c.path[0], &cert, NULL), ESCERTKE_OK);
    cert.serial = (escertke_span){ serial, sizeof serial };
    escertke_cert_describe(&cert, out, sizeof out);
    assert_string_equal(out, whole);
    for (size_t cap = 1; cap <= sizeof whole; cap++) {
        memset(out, '#', sizeof out);
        escertke_cert_describe(&cert, out, cap);
        assert_int_equal(strlen(out), cap - 1);
        assert_memory_equal(out, whole, cap - 1);
        assert_int_equal(out[cap], '#');
    }
    for (size_t cap = 1; cap < 80; cap++) {
        memset(out, '#', sizeof out);
        esc_san_text(&cert, out, cap);
        assert_true(strlen(out) < cap);
        assert_int_equal(out[cap], '#');
    }
    escertke_cert_describe(&cert, out, 0);
    chain_free(&c);
}

static void test_long_and_empty(void **state)
{
    uint8_t serial[64];
    escertke_cert cert = { .serial = { serial, sizeof serial } };
    char out[100];

    (void)state;
    memset(serial, 0xAB, sizeof serial);
    escertke_cert_describe(&cert, out, sizeof out);
    assert_string_equal(out, "no subject, serial ABABABABABABABABABABABABABABABABABABABAB..., no subjectAltName");
}

/* Text of a certificate must not be able to look like another certificate's. */
static void test_no_forgery(void **state)
{
    const struct pki_params ca = { .is_ca = true };
    const struct pki_params leaf = { .cn = "x, serial 00, URI:" AE_ID "\n\\", .org = "A+B \xC3\xA4",
                                     NAMES(san, URI("//a, URI:" AE_ID), { PKI_DIR, "O, CN=x", 0 }) };
    struct chain c = chain_make(leaf, ca, ca);
    char out[400];
    escertke_cert cert;

    (void)state;
    assert_int_equal(escertke_cert_parse(c.path[0], &cert, NULL), ESCERTKE_OK);
    cert.serial = (escertke_span){ (const uint8_t *)"\x01", 1 };
    escertke_cert_describe(&cert, out, sizeof out);
    assert_string_equal(out, "subject O=A\\+B \xC3\xA4, CN=x\\, serial 00\\, URI:" AE_ID "?\\\\, serial 01, URI://a\\, URI:" AE_ID
                             ", directoryName:O=O\\, CN=x");
    chain_free(&c);
}

/* Whole names as far as there is room, and how many were left off. */
static void test_list(void **state)
{
    static const struct {
        size_t cap;
        unsigned types;
        size_t count;
        const char *text;
    } cases[] = {
        { 100, ESC_NAMES_OF(NAME_URI), 3, "URI //sp/a, URI //sp/b, URI //sp/c" },
        { 58, ESC_NAMES_OF(NAME_URI), 3, "URI //sp/a, URI //sp/b, and 1 more" },
        { 40, ESC_NAMES_OF(NAME_URI), 3, "URI //sp/a, and 2 more" },
        { 30, ESC_NAMES_OF(NAME_URI), 3, "3 more" },
        { 100, ESC_NAMES_OF(NAME_DNS), 1, "DNS a.b" },
        { 100, ESC_NAMES_OF(NAME_IP), 1, "iPAddress 2001:db8:0:0:0:0:0:1" },
        { 100, ESC_NAMES_OF(NAME_EMAIL), 0, "" },
    };
    const struct pki_params ca = { .is_ca = true };
    const struct pki_params leaf = { NAMES(san, URI("//sp/a"), DNS("a.b"), URI("//sp/b"), URI("//sp/c"),
                                           { PKI_IP, "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1", 16 }) };
    struct chain c = chain_make(leaf, ca, ca);
    escertke_cert cert;
    char out[128];

    (void)state;
    assert_int_equal(escertke_cert_parse(c.path[0], &cert, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(out, '#', sizeof out);
        assert_int_equal(esc_names_text(cert.san, cases[i].types, out, cases[i].cap), cases[i].count);
        assert_string_equal(out, cases[i].text);
    }
    for (size_t cap = 1; cap < 100; cap++) {
        memset(out, '#', sizeof out);
        esc_names_text(cert.san, ~0u, out, cap);
        assert_true(strlen(out) < cap);
        assert_int_equal(out[cap], '#');
    }
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_long_and_empty),
                                        cmocka_unit_test(test_no_forgery), cmocka_unit_test(test_list) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_describe.c - a certificate in words: complete, printable, and never longer than the room. */
#include "cert_case.h"

#include "cert/san.h"

static void test_words(void **state)
{
    const struct pki_params ca = { .is_ca = true };
    const struct pki_params leaf = { NAMES(san, URI(AE_ID), DNS("in1.m2m.example.org"),
                                           { PKI_IP, "\1\2\3\4", 4 }, { PKI_EMAIL, "a@b", 0 }) };
    struct chain c = chain_make(leaf, ca, ca);
    static const uint8_t serial[] = { 0x1F, 0xA0 };
    static const char whole[] = "serial 1FA0, URI:" AE_ID ", DNS:in1.m2m.example.org, iPAddress, email:a@b";
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
    assert_string_equal(out, "serial ABABABABABABABABABABABABABABABABABABABAB..., no subjectAltName");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_long_and_empty) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

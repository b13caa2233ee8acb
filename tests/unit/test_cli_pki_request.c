/* test_cli_pki_request.c - certificate requests cut at every length and changed in every bit: none is ever accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "pki_request.h"

#define AE "//m2m.example.org/in1/Cmeter"

/* A request for AE, as DER in one span and as PEM in the other; free both with OPENSSL_free. */
struct made {
    escertke_span der, pem;
};

static void make(struct made *m)
{
    struct pki_who who = { .ae_id = AE };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct pki_name name;
    STACK_OF(X509_EXTENSION) *exts = NULL;
    X509_REQ *req = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    uint8_t *der = NULL;
    char *pem;

    assert_non_null(key);
    assert_int_equal(pki_name_make(&who, &name, NULL), ESCERTKE_OK);
    GENERAL_NAMES *names = pki_name_list(&name);
    assert_int_equal(X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, 0), 1);
    assert_int_equal(X509_REQ_set_version(req, X509_REQ_VERSION_1), 1);
    assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
    assert_int_equal(X509_REQ_add_extensions(req, exts), 1);
    assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(req, &der);
    assert_true(len > 0);
    m->der = (escertke_span){ der, (size_t)len };
    assert_int_equal(PEM_write_bio_X509_REQ(bio, req), 1);
    long pem_len = BIO_get_mem_data(bio, &pem);
    m->pem = (escertke_span){ OPENSSL_memdup(pem, (size_t)pem_len), (size_t)pem_len };
    BIO_free(bio);
    X509_REQ_free(req);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    EVP_PKEY_free(key);
}

static void drop(struct made *m)
{
    OPENSSL_free((void *)(uintptr_t)m->der.ptr);
    OPENSSL_free((void *)(uintptr_t)m->pem.ptr);
}

static void count(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text)
{
    assert_true(*clause && *text);
    assert_int_equal(level == ESCERTKE_LINT_ERROR, err != ESCERTKE_OK);
    ++*(size_t *)ctx;
}

/* The verdict of reading and judging together. */
static escertke_err verdict(escertke_span file, struct pki_name *name)
{
    X509_REQ *req;
    size_t findings = 0;
    escertke_err err = pki_request_parse("x", file, &req, NULL);

    if (err == ESCERTKE_OK) {
        err = pki_request_judge(req, ESCERTKE_FLAVOUR_BY_ID, count, &findings, name);
        assert_int_equal(err != ESCERTKE_OK, findings > 0);
    } else {
        assert_int_equal(err, ESCERTKE_ERR_CREDENTIAL);
        assert_null(req);
    }
    X509_REQ_free(req);
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next caller */
    return err;
}

static void good(void **state)
{
    struct made m;
    struct pki_name name;

    (void)state;
    make(&m);
    assert_int_equal(verdict(m.der, &name), ESCERTKE_OK);
    assert_int_equal(verdict(m.pem, &name), ESCERTKE_OK);
    assert_int_equal(name.flavour, ESCERTKE_FLAVOUR_AE);
    assert_string_equal(name.text, AE);
    assert_true(pki_request_is_pem(m.pem));
    assert_false(pki_request_is_pem(m.der));
    drop(&m);
}

static void cut_at_every_length(void **state)
{
    struct made m;
    struct pki_name name;

    (void)state;
    make(&m);
    for (size_t len = 0; len < m.der.len; len++)
        assert_int_equal(verdict((escertke_span){ m.der.ptr, len }, &name), ESCERTKE_ERR_CREDENTIAL);
    for (size_t len = 0; len + 1 < m.pem.len; len++) /* the last line feed is not needed */
        assert_int_equal(verdict((escertke_span){ m.pem.ptr, len }, &name), ESCERTKE_ERR_CREDENTIAL);
    drop(&m);
}

static void every_bit_changed(void **state)
{
    struct made m;
    struct pki_name name;

    (void)state;
    make(&m);
    uint8_t *der = (uint8_t *)(uintptr_t)m.der.ptr;
    for (size_t bit = 0; bit < 8 * m.der.len; bit++) {
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(verdict(m.der, &name), ESCERTKE_OK);
        der[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(verdict(m.der, &name), ESCERTKE_OK);
    drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(every_bit_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Own credentials: what our loader refuses, by its exact error (R-CE-5, R-CE-15, R-CE-16). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "fixture.h"

static escertke_err load(const char *chain, const char *key, const char *trust, int64_t unix_s, escertke_detail *d)
{
    escertke_credential_source src = { .chain = escertke_span_str(chain), .key = escertke_span_str(key),
                                       .trust = escertke_span_str(trust), .unix_s = unix_s };
    void *credential;

    escertke_detail_init(d);
    escertke_err err = fixture_tls()->credential_new(&src, &credential, d);
    if (err != ESCERTKE_OK)
        assert_null(credential);
    fixture_tls()->credential_free(credential);
    return err;
}

static void good(void **state)
{
    const struct fixture *f = *state;
    escertke_detail d;

    assert_int_equal(load(f->meter.chain, f->meter.key, f->trust, f->now.unix_s, &d), ESCERTKE_OK);
    assert_int_equal(d.err, ESCERTKE_OK);
}

static void broken_inputs(void **state)
{
    const struct fixture *f = *state;
    char *cut = strdup(f->meter.chain), *late_cut = strdup(f->meter.chain);
    cut[strlen(cut) / 4] = '\0';
    late_cut[strlen(late_cut) - 40] = '\0'; /* in the second certificate */
    const struct {
        const char *name, *chain, *key, *trust;
        escertke_err err;
    } cases[] = {
        { "no chain", "", f->meter.key, f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "chain is no PEM", "hello", f->meter.key, f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "leaf cut", cut, f->meter.key, f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "intermediate cut", late_cut, f->meter.key, f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "no key", f->meter.chain, "", f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "key is a certificate", f->meter.chain, f->meter.chain, f->trust, ESCERTKE_ERR_CREDENTIAL },
        { "key of somebody else", f->meter.chain, f->panel.key, f->trust, ESCERTKE_ERR_KEY_MISMATCH },
        { "no trust anchor", f->meter.chain, f->meter.key, "", ESCERTKE_ERR_CREDENTIAL },
        { "trust anchor is a key", f->meter.chain, f->meter.key, f->meter.key, ESCERTKE_ERR_CREDENTIAL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_detail d;
        escertke_err err = load(cases[i].chain, cases[i].key, cases[i].trust, f->now.unix_s, &d);
        if (err != cases[i].err || !d.reason[0])
            fail_msg("%s: %s, \"%s\"", cases[i].name, escertke_err_name(err), d.reason);
    }
    free(cut);
    free(late_cut);
}

static void outside_the_profile(void **state)
{
    const struct fixture *f = *state;
    static const struct pki_name ae = { PKI_URI, METER, 0 };
    const struct {
        const char *name;
        struct pki_params params;
        escertke_err err;
    } cases[] = {
        { "RSA", { .san = &ae, .san_count = 1, .key = PKI_RSA2048 }, ESCERTKE_ERR_PROFILE },
        { "P-384", { .san = &ae, .san_count = 1, .key = PKI_P384 }, ESCERTKE_ERR_PROFILE },
        { "no keyUsage", { .san = &ae, .san_count = 1, .no_key_usage = true }, ESCERTKE_ERR_PROFILE },
        { "keyUsage without digitalSignature", { .san = &ae, .san_count = 1, .key_usage = 0x0800 }, ESCERTKE_ERR_PROFILE },
        { "SHA-384", { .san = &ae, .san_count = 1, .digest = "SHA384" }, ESCERTKE_ERR_PROFILE },
        { "expired", { .san = &ae, .san_count = 1, .not_before_s = -7200, .not_after_s = -3600 }, ESCERTKE_ERR_VALIDITY },
        { "not yet valid", { .san = &ae, .san_count = 1, .not_before_s = 3600, .not_after_s = 7200 }, ESCERTKE_ERR_VALIDITY },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct party p = party_new(f, &cases[i].params);
        if (p.load_err != cases[i].err)
            fail_msg("%s: %s", cases[i].name, escertke_err_name(p.load_err));
        party_free(&p);
    }
}

static void encrypted_key_is_refused_not_asked_for(void **state)
{
    const struct fixture *f = *state;
    BIO *bio = BIO_new(BIO_s_mem());
    escertke_detail d;
    char *text;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, f->meter.cert.key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &text);
    char *pem = strndup(text, (size_t)len);
    assert_int_equal(load(f->meter.chain, pem, f->trust, f->now.unix_s, &d), ESCERTKE_ERR_CREDENTIAL);
    free(pem);
    BIO_free(bio);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(broken_inputs), cmocka_unit_test(outside_the_profile),
                                        cmocka_unit_test(encrypted_key_is_refused_not_asked_for) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

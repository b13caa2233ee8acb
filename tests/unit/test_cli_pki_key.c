/* An existing private key of the pki commands: the same door for a file and for a token; what is refused. */
#include "cli_support.h"

#include <escertke/tls.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "pki_key.h"
#include "softhsm.h"
#include "token.h"

static char *key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &at);
    char *text = strndup(at, (size_t)len);
    BIO_free(bio);
    return text;
}

static EVP_PKEY *own;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", softhsm_folder(), name);
}

static void file_with(const char *name, const char *text, char path[128])
{
    path_of(name, path);
    write_text(path, text);
    assert_int_equal(chmod(path, 0600), 0);
}

static void opens_and_signs(const char *where, const char *pin_file)
{
    static const uint8_t data[] = "to be signed";
    struct pki_key *key;
    escertke_detail d;
    escertke_buf signature;
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(own, &spki);

    escertke_detail_init(&d);
    if (pki_key_open(where, pin_file, &key, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", where, d.reason);
    escertke_span said = pki_key_spki(key);
    assert_int_equal(said.len, len);
    assert_memory_equal(said.ptr, spki, said.len);
    escertke_buf_init(&signature, 1000);
    assert_int_equal(escertke_buf_append(&signature, "x", 1), ESCERTKE_OK); /* it is appended */
    assert_int_equal(pki_key_sign(key, (escertke_span){ data, sizeof data }, &signature, &d), ESCERTKE_OK);
    escertke_span made = { signature.ptr + 1, signature.len - 1 };
    assert_int_equal(escertke_tls_openssl()->ecdsa_verify(said, (escertke_span){ data, sizeof data }, made), ESCERTKE_OK);
    assert_int_equal(escertke_tls_openssl()->ecdsa_verify(said, (escertke_span){ data, sizeof data - 1 }, made), ESCERTKE_ERR_SIGNATURE);
    signature.max = signature.len;
    assert_int_equal(pki_key_sign(key, (escertke_span){ data, sizeof data }, &signature, &d), ESCERTKE_ERR_TOO_LARGE);
    escertke_buf_free(&signature);
    pki_key_close(key);
    OPENSSL_free(spki);
}

static void from_a_file(void **state)
{
    char path[128], *pem = key_pem(own);

    (void)state;
    file_with("own.key", pem, path);
    opens_and_signs(path, NULL);
    free(pem);
}

static void from_a_token(void **state)
{
    char pin[128];

    (void)state;
    if (!softhsm_is_there())
        skip();
    file_with("pin", SOFTHSM_PIN "\n", pin);
    opens_and_signs("pkcs11:token=ours;object=own", pin);
    opens_and_signs("pkcs11:token=ours;object=own?pin-value=" SOFTHSM_PIN, NULL);
}

static void refusals(void **state)
{
    char pin[128], rsa[128], p384[128], certificate[128], *text;
    EVP_PKEY *key = EVP_RSA_gen(2048);

    (void)state;
    file_with("pin", SOFTHSM_PIN "\n", pin);
    file_with("rsa.key", text = key_pem(key), rsa);
    EVP_PKEY_free(key);
    free(text);
    key = EVP_EC_gen("P-384");
    file_with("p384.key", text = key_pem(key), p384);
    EVP_PKEY_free(key);
    free(text);
    file_with("x.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", certificate);
    const struct {
        const char *where, *pin_file;
        escertke_err err;
        const char *reason;
    } cases[] = {
        { "/nowhere/x.key", NULL, ESCERTKE_ERR_IO, "/nowhere/x.key" },
        { certificate, NULL, ESCERTKE_ERR_CREDENTIAL, "expected a private key in PEM that is not encrypted" },
        { rsa, NULL, ESCERTKE_ERR_CREDENTIAL, "expected a private key on P-256, found RSA" },
        { p384, NULL, ESCERTKE_ERR_CREDENTIAL, "expected a private key on P-256, found secp384r1" },
        { p384, pin, ESCERTKE_ERR_CONFIG, "--pin-file goes with a key in a token" },
        { "pkcs11:token=x", pin, ESCERTKE_ERR_CONFIG, "names a token but no key" },
        { "pkcs11:object=x?pin-value=1", pin, ESCERTKE_ERR_CONFIG, "one is expected" },
        { "pkcs11:token=nobodys;object=own", pin, ESCERTKE_ERR_CREDENTIAL, "no token fits" },
        { "pkcs11:token=nobodys;object=own", "/nowhere/pin", ESCERTKE_ERR_CREDENTIAL, "/nowhere/pin cannot be opened" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pki_key *opened;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_err err = pki_key_open(cases[i].where, cases[i].pin_file, &opened, &d);
        if (err != cases[i].err || opened)
            fail_msg("%s: %s, %s", cases[i].where, escertke_err_name(err), d.reason);
        expect_words(cases[i].where, d.reason, cases[i].reason);
    }
}

static void shows_no_query(void **state)
{
    const struct {
        const char *key, *shown;
    } cases[] = {
        { "pkcs11:object=a?pin-value=1", "pkcs11:object=a" },
        { "PKCS11:object=a?", "PKCS11:object=a" },
        { "what?.key", "what?.key" },
        { "a\nb", "a?b" },
    };
    char shown[64];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        token_show(cases[i].key, shown, sizeof shown);
        assert_string_equal(shown, cases[i].shown);
    }
}

static int set_up(void **state)
{
    (void)state;
    own = EVP_EC_gen("P-256");
    softhsm_begin();
    if (softhsm_is_there()) {
        char *pem = key_pem(own);
        softhsm_token("ours");
        softhsm_import("ours", "own", "01", pem);
        free(pem);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(own);
    softhsm_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(from_a_file), cmocka_unit_test(from_a_token), cmocka_unit_test(refusals),
                                        cmocka_unit_test(shows_no_query) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

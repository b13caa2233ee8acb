/* test_identifier.c - public key identifiers; vector V-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include <escertke/cert.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* SPKI of the P-256 public key of private scalar 1: the generator itself. */
static const char v4_spki[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
                              "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                              "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
static const char v4_256[] = "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM";
static const char v4_128[] = "ni:///sha-256-128;XNJS-wzokyQ2-vjM0QQJgQ";
static const char v4_120[] = "ni:///sha-256-120;XNJS-wzokyQ2-vjM0QQJ";

static void v4_digest(uint8_t digest[32])
{
    uint8_t spki[91];

    assert_int_equal(strlen(v4_spki), 2 * sizeof spki);
    assert_int_equal(escertke_unhex(v4_spki, spki, sizeof spki), ESCERTKE_OK);
    assert_int_equal(EVP_Digest(spki, sizeof spki, digest, NULL, EVP_sha256(), NULL), 1);
}

static void test_vector_v4(void **state)
{
    static const struct {
        int bits;
        const char *text;
    } rows[] = { { 256, v4_256 }, { 128, v4_128 }, { 120, v4_120 } };
    uint8_t digest[32];
    char out[72];

    (void)state;
    v4_digest(digest);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(escertke_key_identifier(digest, rows[i].bits, out), ESCERTKE_OK);
        assert_string_equal(out, rows[i].text);
        assert_int_equal(escertke_key_identifier_match(rows[i].text, digest), ESCERTKE_OK);
    }
}

static void test_no_such_length(void **state)
{
    static const int bits[] = { 0, 32, 64, 96, 119, 160, 255, 257, -256 };
    uint8_t digest[32] = { 0 };
    char out[72];

    (void)state;
    for (size_t i = 0; i < COUNT(bits); i++)
        assert_int_equal(escertke_key_identifier(digest, bits[i], out), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_key_identifier(NULL, 256, out), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_key_identifier(digest, 256, NULL), ESCERTKE_ERR_ARG);
}

static void test_every_bit_counts(void **state)
{
    uint8_t digest[32];

    (void)state;
    v4_digest(digest);
    for (size_t bit = 0; bit < 256; bit++) {
        digest[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
        assert_int_equal(escertke_key_identifier_match(v4_256, digest), ESCERTKE_ERR_IDENTITY);
        assert_int_equal(escertke_key_identifier_match(v4_128, digest), bit < 128 ? ESCERTKE_ERR_IDENTITY : ESCERTKE_OK);
        assert_int_equal(escertke_key_identifier_match(v4_120, digest), bit < 120 ? ESCERTKE_ERR_IDENTITY : ESCERTKE_OK);
        digest[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
    }
}

static void test_refused_forms(void **state)
{
    static const char *const forms[] = {
        "",
        "ni:///",
        "ni:///sha-256",
        "ni:///sha-256;",
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfN",     /* one short */
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNMA",   /* one long */
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM=",   /* padded */
        "ni:///sha-256;XNJS+wzokyQ2+vjM0QQJgbie5K1rn+niorfnGqyyfNM",    /* the other alphabet */
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNN",    /* unused bits not zero */
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM?ct", /* a query */
        "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn niorfnGqyyfNM",
        "ni:///sha-256-128;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM", /* length of another suite */
        "ni:///sha-256-96;XNJS-wzokyQ2-vjM",                             /* too short to trust */
        "ni:///sha-256-64;XNJS-wzokyQ",
        "ni:///sha-256-32;XNJS-w",
        "ni:///SHA-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM",
        "ni:///sha-384;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM",
        "ni://host/sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM",
        "NI:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM",
        "sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM",
    };
    uint8_t digest[32];

    (void)state;
    v4_digest(digest);
    for (size_t i = 0; i < COUNT(forms); i++)
        if (escertke_key_identifier_match(forms[i], digest) != ESCERTKE_ERR_ARG)
            fail_msg("%s", forms[i]);
    assert_int_equal(escertke_key_identifier_match(NULL, digest), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_key_identifier_match(v4_256, NULL), ESCERTKE_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_v4),
        cmocka_unit_test(test_no_such_length),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_refused_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

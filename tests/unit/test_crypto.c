/*
 * Signatures as each back end verifies them: published vectors, what OpenSSL signs, and everything that must not pass. Every back
 * end gives the same verdict on all of it. And digests, whose vectors are FIPS 180's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "fixture.h"

#define KEY_X "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
#define KEY_Y "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
/* SubjectPublicKeyInfo: sequence of sequence of id-ecPublicKey and curve, then the point */
#define EC_KEY_OID "06072A8648CE3D0201"
#define P256_OID "06082A8648CE3D030107"
#define SPKI(point) "3059" "3013" EC_KEY_OID P256_OID "034200" point
#define GOOD_KEY SPKI("04" KEY_X KEY_Y)

#define N "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"
#define N_MINUS_1 "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550"
/* of "sample" and "test" (RFC 6979 A.2.5, SHA-256), of "sample" with SHA-1 and with SHA-384 */
#define R1 "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
#define S1 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
#define S1_NEGATIVE "0834E36AD29A83BF2BC9385E491D6099C8FDF9D1ED67AA7EA5F51F93782857A9" /* n - s: as good as s */
#define R2 "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
#define S2 "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"
#define R_SHA1 "61340C88C3AAEBEB4F6D667F672CA9759A6CCAA9FA8811313039EE4A35471D32"
#define S_SHA1 "6D7F147DAC089441BB2E2FE8F7A3FA264B9C475098FDCF6E00D7C996E1B8B7EB"
#define R_SHA384 "0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719"
#define S_SHA384 "4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954"

#define SIG(r, s) "3046" "022100" r "022100" s
#define GOOD SIG(R1, S1)
#define GOOD_SHORT_S "3045" "022100" R2 "0220" S2

static const struct {
    const char *name, *key, *text, *signature;
    escertke_err expected;
} cases[] = {
    { "sample", GOOD_KEY, "sample", GOOD, ESCERTKE_OK },
    { "test, s below 2^255", GOOD_KEY, "test", GOOD_SHORT_S, ESCERTKE_OK },
    { "n - s", GOOD_KEY, "sample", "3045" "022100" R1 "0220" S1_NEGATIVE, ESCERTKE_OK },
    { "other text", GOOD_KEY, "samplf", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "no text", GOOD_KEY, "", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "SHA-1", GOOD_KEY, "sample", "3045" "0220" R_SHA1 "0220" S_SHA1, ESCERTKE_ERR_SIGNATURE },
    { "SHA-384", GOOD_KEY, "sample", "3044" "0220" R_SHA384 "0220" S_SHA384, ESCERTKE_ERR_SIGNATURE },
    { "another's signature", GOOD_KEY, "sample", GOOD_SHORT_S, ESCERTKE_ERR_SIGNATURE },

    { "no key", "", "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "key cut", "3059" "3013" EC_KEY_OID P256_OID "03420004" KEY_X, "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "octet behind the key", GOOD_KEY "00", "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "length of the key not minimal", "308159" "3013" EC_KEY_OID P256_OID "03420004" KEY_X KEY_Y, "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "unused bits", "3059" "3013" EC_KEY_OID P256_OID "03420104" KEY_X KEY_Y, "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "the point alone", "04" KEY_X KEY_Y, "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "compressed", "3039" "3013" EC_KEY_OID P256_OID "032200" "03" KEY_X, "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "hybrid", SPKI("07" KEY_X KEY_Y), "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "point at infinity", "3018" "3013" EC_KEY_OID P256_OID "030200" "00", "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "off the curve", SPKI("04" KEY_Y KEY_X), "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "one bit off the curve", SPKI("04" KEY_X "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462298"), "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "the other point with this x",
      SPKI("04" KEY_X "86FC01EEF74743675BE51616A9D7439B0D0E4DF4D28160AE885C3D6B2BB9DD66"), "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "coordinate not below p",
      SPKI("04" "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF"
           "66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4"),
      "sample", GOOD, ESCERTKE_ERR_SIGNATURE },
    { "secp256k1, right length", "3056" "3010" EC_KEY_OID "06052B8104000A" "03420004" KEY_X KEY_Y, "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "another curve of the same length", "3059" "3013" EC_KEY_OID "06082A8648CE3D030106" "03420004" KEY_X KEY_Y, "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "id-ecDH of the same curve", "3057" "3011" "06052B8104010C" P256_OID "03420004" KEY_X KEY_Y, "sample", GOOD,
      ESCERTKE_ERR_SIGNATURE },
    { "no curve", "304F" "3009" EC_KEY_OID "03420004" KEY_X KEY_Y, "sample", GOOD, ESCERTKE_ERR_SIGNATURE },

    { "no signature", GOOD_KEY, "sample", "", ESCERTKE_ERR_SIGNATURE },
    { "empty sequence", GOOD_KEY, "sample", "3000", ESCERTKE_ERR_SIGNATURE },
    { "no s", GOOD_KEY, "sample", "3023" "022100" R1, ESCERTKE_ERR_SIGNATURE },
    { "three numbers", GOOD_KEY, "sample", "3049" "022100" R1 "022100" S1 "020101", ESCERTKE_ERR_SIGNATURE },
    { "octet behind it", GOOD_KEY, "sample", GOOD "00", ESCERTKE_ERR_SIGNATURE },
    { "octet short", GOOD_KEY, "sample", "3047" "022100" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "r and s side by side", GOOD_KEY, "sample", R1 S1, ESCERTKE_ERR_SIGNATURE },
    { "a set", GOOD_KEY, "sample", "3146" "022100" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "length in two octets", GOOD_KEY, "sample", "308146" "022100" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "length of r in two octets", GOOD_KEY, "sample", "3047" "02812100" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "indefinite length", GOOD_KEY, "sample", "3080" "022100" R1 "022100" S1 "0000", ESCERTKE_ERR_SIGNATURE },
    { "needless zero before r", GOOD_KEY, "sample", "3047" "02220000" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "needless zero before s", GOOD_KEY, "test", "3046" "022100" R2 "022100" S2, ESCERTKE_ERR_SIGNATURE },
    { "negative r", GOOD_KEY, "sample", "3045" "0220" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "negative s", GOOD_KEY, "sample", "3045" "022100" R1 "0220" S1, ESCERTKE_ERR_SIGNATURE },
    { "r of no octets", GOOD_KEY, "sample", "3025" "0200" "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "r = 0", GOOD_KEY, "sample", "3026" "020100" "022100" S1, ESCERTKE_ERR_SIGNATURE },
    { "s = 0", GOOD_KEY, "sample", "3026" "022100" R1 "020100", ESCERTKE_ERR_SIGNATURE },
    { "both 0", GOOD_KEY, "sample", "3006" "020100" "020100", ESCERTKE_ERR_SIGNATURE },
    { "r = n", GOOD_KEY, "sample", SIG(N, S1), ESCERTKE_ERR_SIGNATURE },
    { "s = n", GOOD_KEY, "sample", SIG(R1, N), ESCERTKE_ERR_SIGNATURE },
    { "r and s = n - 1", GOOD_KEY, "sample", SIG(N_MINUS_1, N_MINUS_1), ESCERTKE_ERR_SIGNATURE },
    { "s + n", GOOD_KEY, "test",
      "3046" "022100" R2 "0221" "01019F4113742A2B14BD25926B49C649151C0D790E7A98E9D100820D13E0D225D4", ESCERTKE_ERR_SIGNATURE },
    { "r of 33 octets", GOOD_KEY, "sample", "3046" "022101" R1 "022100" S1, ESCERTKE_ERR_SIGNATURE },
};

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Octets of hexadecimal text, in memory of just that size: a read past its end is found out. */
static escertke_span octets(const char *hex)
{
    uint8_t *out = malloc(strlen(hex) / 2 + 1), *at = out, *fit;
    size_t len;

    for (; *hex; hex += 2)
        *at++ = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
    len = (size_t)(at - out);
    fit = len ? malloc(len) : NULL;
    if (len)
        memcpy(fit, out, len);
    free(out);
    return (escertke_span){ fit, len };
}

static void release(escertke_span s)
{
    free((void *)(uintptr_t)s.ptr);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_span key = octets(cases[i].key), signature = octets(cases[i].signature);
        escertke_err err = fixture_tls()->ecdsa_verify(key, escertke_span_str(cases[i].text), signature);
        if (err != cases[i].expected)
            print_error("%s: %s\n", cases[i].name, escertke_err_name(err));
        assert_int_equal(err, cases[i].expected);
        release(key);
        release(signature);
    }
}

/* One bit of the key, the text or the signature is enough. */
static void every_bit(void **state)
{
    static const char *const parts[] = { GOOD_KEY, "74657374", GOOD_SHORT_S };
    escertke_span in[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        in[i] = octets(parts[i]);
    for (size_t i = 0; i < 3; i++)
        for (size_t bit = 0; bit < 8 * in[i].len; bit++) {
            uint8_t *at = (uint8_t *)(uintptr_t)in[i].ptr + bit / 8, mask = (uint8_t)(1u << bit % 8);
            *at ^= mask;
            assert_int_equal(fixture_tls()->ecdsa_verify(in[0], in[1], in[2]), ESCERTKE_ERR_SIGNATURE);
            *at ^= mask;
        }
    assert_int_equal(fixture_tls()->ecdsa_verify(in[0], in[1], in[2]), ESCERTKE_OK);
    for (size_t i = 0; i < 3; i++)
        release(in[i]);
}

/* The data, and the signature by that key; both to be freed. */
struct signed_text {
    escertke_span data, signature;
};

static struct signed_text sign(EVP_PKEY *key, const EVP_MD *md, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *data = calloc(1, len + 1), *signature = malloc(512);
    size_t signature_len = 512;

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &signature_len, data, len), 1);
    EVP_MD_CTX_free(ctx);
    return (struct signed_text){ { data, len }, { signature, signature_len } };
}

static escertke_err verdict(const struct pki_cert *cert, escertke_span data, escertke_span signature)
{
    size_t len;
    uint8_t *spki = pki_spki(cert, &len);
    escertke_err err = fixture_tls()->ecdsa_verify((escertke_span){ spki, len }, data, signature);

    free(spki);
    return err;
}

/* Data of any length, none included. */
static void signed_by_another_library(void **state)
{
    static const size_t lengths[] = { 0, 1, 55, 56, 64, 65, 4096, 200000 };
    struct pki_cert one = pki_make(&(struct pki_params){ 0 }), two = pki_make(&(struct pki_params){ 0 });

    (void)state;
    for (size_t i = 0; i < 4 * sizeof lengths / sizeof *lengths; i++) { /* lengths of r and s vary */
        struct signed_text t = sign(one.key, EVP_sha256(), lengths[i / 4]);
        escertke_span longer = { t.data.ptr, t.data.len + 1 }, none = { NULL, 0 };
        assert_int_equal(verdict(&one, t.data.len ? t.data : none, t.signature), ESCERTKE_OK);
        assert_int_equal(verdict(&one, longer, t.signature), ESCERTKE_ERR_SIGNATURE);
        assert_int_equal(verdict(&two, t.data, t.signature), ESCERTKE_ERR_SIGNATURE);
        release(t.data);
        release(t.signature);
    }
    pki_cert_free(&one);
    pki_cert_free(&two);
}

/* Signatures that are good ones, by keys and with digests that the profile does not know. */
static void other_algorithms(void **state)
{
    static const enum pki_key kinds[] = { PKI_P256_COMPRESSED, PKI_P256_EXPLICIT, PKI_P384, PKI_K256, PKI_RSA2048, PKI_ED25519 };
    struct pki_cert good = pki_make(&(struct pki_params){ 0 });
    const EVP_MD *const digests[] = { EVP_sha1(), EVP_sha224(), EVP_sha384(), EVP_sha512(), EVP_sha3_256() };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pki_cert cert = pki_make(&(struct pki_params){ .key = kinds[i] });
        struct signed_text t = sign(cert.key, kinds[i] == PKI_ED25519 ? NULL : EVP_sha256(), 6);
        assert_int_equal(verdict(&cert, t.data, t.signature), ESCERTKE_ERR_SIGNATURE);
        release(t.data);
        release(t.signature);
        pki_cert_free(&cert);
    }
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        struct signed_text t = sign(good.key, digests[i], 6);
        assert_int_equal(verdict(&good, t.data, t.signature), ESCERTKE_ERR_SIGNATURE);
        release(t.data);
        release(t.signature);
    }
    pki_cert_free(&good);
}

static void digests(void **state)
{
    static const struct {
        const char *text, *digest;
    } vectors[] = {
        { "", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855" },
        { "abc", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248D6A61D20638B8E5C026930C3E6039A33CE45964FF2167F6ECEDD419DB06C1" },
    };
    uint8_t digest[32];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        escertke_span expected = octets(vectors[i].digest);
        assert_int_equal(fixture_tls()->sha256(escertke_span_str(vectors[i].text), digest), ESCERTKE_OK);
        assert_memory_equal(digest, expected.ptr, sizeof digest);
        release(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(table), cmocka_unit_test(every_bit),
                                        cmocka_unit_test(signed_by_another_library), cmocka_unit_test(other_algorithms),
                                        cmocka_unit_test(digests) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

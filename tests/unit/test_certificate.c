/* test_certificate.c - parsing: the fields of real certificates, and that nothing malformed is taken or read past its end. */
#include "cert_case.h"

#include <openssl/x509v3.h>

static struct chain everything;

static int make_certificates(void **state)
{
    const struct pki_params leaf = { .org = "Org", NAMES(san, URI(AE_ID), DNS("in1.m2m.example.org")), .eku = PKI_EKU_CLIENT };
    const struct pki_params ca = { .is_ca = true, .has_path_len = true, NAMES(permitted, URI("m2m.example.org")) };

    (void)state;
    everything = chain_make(leaf, ca, (struct pki_params){ .is_ca = true });
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    chain_free(&everything);
    return 0;
}

static void test_fields(void **state)
{
    escertke_cert c;
    size_t len;
    uint8_t *spki = pki_spki(&everything.cert[0], &len);

    (void)state;
    assert_int_equal(escertke_cert_parse(everything.path[0], &c, NULL), ESCERTKE_OK);
    assert_int_equal(c.version, 3);
    assert_int_equal(c.serial.len, 9);
    assert_int_equal(c.not_before, NOW - 3600);
    assert_int_equal(c.not_after, NOW + INT64_C(365) * 86400);
    assert_int_equal(c.spki.len, len);
    assert_memory_equal(c.spki.ptr, spki, len);
    assert_true(c.key_is_p256 && c.key_is_uncompressed && c.sig_is_ecdsa_sha256);
    assert_ptr_equal(c.public_key.ptr, c.spki.ptr + 26);
    assert_int_equal(c.public_key.len, 65);
    assert_true(c.has_key_usage && !c.has_basic_constraints && !c.is_ca && !c.has_name_constraints && !c.unknown_critical);
    assert_int_equal(c.key_usage, ESCERTKE_KEY_USAGE_DIGITAL_SIGNATURE);
    assert_true(c.has_eku && c.eku_client && !c.eku_server);
    assert_int_equal(c.path_len, -1);
    assert_int_equal(c.san.len, 2 + strlen(AE_ID) + 2 + strlen("in1.m2m.example.org"));
    free(spki);

    assert_int_equal(escertke_cert_parse(everything.path[1], &c, NULL), ESCERTKE_OK);
    assert_true(c.is_ca && c.has_basic_constraints && c.has_name_constraints && !c.has_eku && c.san.len == 0);
    assert_int_equal(c.path_len, 0);
    assert_int_equal(c.key_usage,
                     ESCERTKE_KEY_USAGE_DIGITAL_SIGNATURE | ESCERTKE_KEY_USAGE_KEY_CERT_SIGN | ESCERTKE_KEY_USAGE_CRL_SIGN);
}

static void test_arguments(void **state)
{
    escertke_cert c;

    (void)state;
    assert_int_equal(escertke_cert_parse(everything.path[0], NULL, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_parse((escertke_span){ NULL, 1 }, &c, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_parse((escertke_span){ NULL, 0 }, &c, NULL), ESCERTKE_ERR_CERT);
}

/* Every prefix in a block of its own size, so that the sanitizer sees an octet read too many. */
static void test_truncation(void **state)
{
    escertke_cert c;
    escertke_detail d;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < everything.path[i].len; len++) {
            uint8_t *cut = malloc(len ? len : 1);
            assert_non_null(cut);
            memcpy(cut, everything.der[i], len);
            escertke_detail_init(&d);
            assert_int_equal(escertke_cert_parse((escertke_span){ cut, len }, &c, &d), ESCERTKE_ERR_CERT);
            assert_string_equal(d.clause, "RFC 5280 4.1");
            free(cut);
        }
    }
}

static void test_trailing_octet(void **state)
{
    size_t len = everything.path[0].len;
    uint8_t *longer = calloc(1, len + 1);
    escertke_cert c;

    (void)state;
    assert_non_null(longer);
    memcpy(longer, everything.der[0], len);
    assert_int_equal(escertke_cert_parse((escertke_span){ longer, len + 1 }, &c, NULL), ESCERTKE_ERR_CERT);
    free(longer);
}

static bool same_octets(escertke_span span, const unsigned char *der, int len)
{
    return len >= 0 && span.len == (size_t)len && memcmp(span.ptr, der, span.len) == 0;
}

static void compare_name(escertke_span ours, const X509_NAME *name)
{
    const unsigned char *der;
    size_t len;

    assert_true(X509_NAME_get0_der(name, &der, &len));
    assert_true(same_octets(ours, der, (int)len));
}

/* What we accept with the profile's algorithms, libcrypto must accept and read alike. */
static void compare_with_libcrypto(escertke_span der, const escertke_cert *c)
{
    const unsigned char *at = der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    time_t before = (time_t)c->not_before, after = (time_t)c->not_after;

    assert_non_null(x);
    assert_ptr_equal(at, der.ptr + der.len);
    compare_name(c->issuer, X509_get_issuer_name(x));
    compare_name(c->subject, X509_get_subject_name(x));
    assert_int_equal(X509_get_version(x) + 1, c->version);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(x), before), 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x), after), 0);
    uint32_t flags = X509_get_extension_flags(x);
    if (!(flags & EXFLAG_INVALID)) {
        assert_int_equal(c->has_basic_constraints, (flags & EXFLAG_BCONS) != 0);
        assert_int_equal(c->has_key_usage, (flags & EXFLAG_KUSAGE) != 0);
        assert_int_equal(c->has_eku, (flags & EXFLAG_XKUSAGE) != 0);
        if (c->has_key_usage)
            assert_int_equal(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE ? 1 : 0, c->key_usage >> 15);
    }
    X509_free(x);
}

static bool inside(escertke_span span, const uint8_t *at)
{
    return at >= span.ptr && at < span.ptr + span.len;
}

/* Each bit of each certificate turned once. */
static void test_bit_flips(void **state)
{
    escertke_cert c;
    size_t accepted = 0, refused = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t bit = 0; bit < everything.path[i].len * 8; bit++) {
            everything.der[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
            escertke_err err = escertke_cert_parse(everything.path[i], &c, NULL);
            if (err == ESCERTKE_OK) {
                const uint8_t *at = everything.der[i] + bit / 8;
                /* which string types a Name may hold, and foreign algorithms' parameters, are not read here */
                if (!inside(c.issuer, at) && !inside(c.subject, at) && c.key_is_p256 && c.sig_is_ecdsa_sha256)
                    compare_with_libcrypto(everything.path[i], &c);
                accepted++;
            } else {
                assert_int_equal(err, ESCERTKE_ERR_CERT);
                refused++;
            }
            everything.der[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_true(accepted > 1000 && refused > 1000); /* both sides were tried */
}

/* Extensions and fields that no library writes: an element replaced in a real certificate, lengths kept. */
static void test_replaced(void **state)
{
    static const struct {
        const char *name;
        size_t cert, len;
        uint8_t from[12], to[12];
    } rows[] = {
        { "critical FALSE written out", 1, 6, { 0x55, 0x1D, 0x13, 1, 1, 0xFF }, { 0x55, 0x1D, 0x13, 1, 1, 0x00 } },
        { "critical as 01", 1, 8, { 0x55, 0x1D, 0x13, 1, 1, 0xFF, 4, 8 }, { 0x55, 0x1D, 0x13, 1, 1, 0x01, 4, 8 } },
        { "cA FALSE written out", 1, 5, { 0x30, 6, 1, 1, 0xFF }, { 0x30, 6, 1, 1, 0x00 } },
        { "pathLen without cA", 1, 8, { 0x30, 6, 1, 1, 0xFF, 2, 1, 0 }, { 0x30, 6, 2, 4, 1, 0xFF, 2, 1 } },
        { "negative pathLen", 1, 6, { 1, 1, 0xFF, 2, 1, 0 }, { 1, 1, 0xFF, 2, 1, 0x80 } },
        { "keyUsage with dirty unused bits", 0, 4, { 3, 2, 7, 0x80 }, { 3, 2, 7, 0xC0 } },
        { "keyUsage with 8 unused bits", 0, 4, { 3, 2, 7, 0x80 }, { 3, 2, 8, 0x00 } },
        { "keyUsage as OCTET STRING", 0, 4, { 3, 2, 7, 0x80 }, { 4, 2, 7, 0x80 } },
        { "the same extension twice", 0, 3, { 0x55, 0x1D, 0x25 }, { 0x55, 0x1D, 0x0F } },
        { "EKU is a set", 0, 4, { 4, 12, 0x30, 10 }, { 4, 12, 0x31, 10 } },
        { "EKU with something else", 0, 4, { 0x30, 10, 6, 8 }, { 0x30, 10, 4, 8 } },
        { "version 4", 0, 5, { 0xA0, 3, 2, 1, 2 }, { 0xA0, 3, 2, 1, 3 } },
        { "version 1 written out", 0, 5, { 0xA0, 3, 2, 1, 2 }, { 0xA0, 3, 2, 1, 0 } },
        { "extensions in version 2", 0, 5, { 0xA0, 3, 2, 1, 2 }, { 0xA0, 3, 2, 1, 1 } },
        { "public key with unused bits", 0, 4, { 3, 0x42, 0, 4 }, { 3, 0x42, 1, 4 } },
    };
    escertke_cert c;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *at = NULL, *der = everything.der[rows[i].cert];
        for (size_t j = 0; j + rows[i].len <= everything.path[rows[i].cert].len && !at; j++)
            if (memcmp(der + j, rows[i].from, rows[i].len) == 0)
                at = der + j;
        if (!at)
            fail_msg("%s: not found", rows[i].name);
        memcpy(at, rows[i].to, rows[i].len);
        if (escertke_cert_parse(everything.path[rows[i].cert], &c, NULL) != ESCERTKE_ERR_CERT)
            fail_msg("%s: accepted", rows[i].name);
        memcpy(at, rows[i].from, rows[i].len);
    }
}

/* The algorithm stands inside and outside of what is signed; both count. */
static void test_two_algorithms(void **state)
{
    static const uint8_t oid[] = { 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2 };
    uint8_t *der = everything.der[0];
    escertke_cert c;
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i + sizeof oid <= everything.path[0].len; i++) {
        if (memcmp(der + i, oid, sizeof oid) != 0)
            continue;
        found++;
        der[i + sizeof oid - 1] = 3; /* ecdsa-with-SHA384 */
        assert_int_equal(escertke_cert_parse(everything.path[0], &c, NULL), ESCERTKE_OK);
        assert_false(c.sig_is_ecdsa_sha256);
        der[i + sizeof oid - 1] = 2;
    }
    assert_int_equal(found, 2);
}

static void test_made_wrong(void **state)
{
    static const struct pki_name one[] = { URI(AE_ID) }, ip[] = { { PKI_IP, "12345", 5 } };
    static const struct {
        const char *name;
        struct pki_params p;
        escertke_err err;
    } rows[] = {
        { "SAN twice", { .san = one, .san_count = 1, .repeat_san = true }, ESCERTKE_ERR_CERT },
        { "SAN without names", { .empty_san = true }, ESCERTKE_ERR_CERT },
        { "iPAddress of 5 octets", { .san = ip, .san_count = 1 }, ESCERTKE_ERR_CERT },
        { "version 1", { .version_1 = true }, ESCERTKE_OK },
        { "empty subject", { .cn = "", .san = one, .san_count = 1 }, ESCERTKE_OK },
        { "RSA", { .key = PKI_RSA2048 }, ESCERTKE_OK },
        { "P-384", { .key = PKI_P384 }, ESCERTKE_OK },
        { "unknown critical", { .unknown_critical = true }, ESCERTKE_OK },
        { "negative serial", { .negative_serial = true }, ESCERTKE_OK },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pki_cert cert = pki_make(&rows[i].p);
        escertke_span der;
        uint8_t *bytes = pki_der(&cert, &der.len);
        escertke_cert c;
        der.ptr = bytes;
        if (escertke_cert_parse(der, &c, NULL) != rows[i].err)
            fail_msg("%s", rows[i].name);
        free(bytes);
        pki_cert_free(&cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),        cmocka_unit_test(test_arguments), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_trailing_octet), cmocka_unit_test(test_bit_flips), cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_two_algorithms), cmocka_unit_test(test_made_wrong),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}

/* test_profile.c - every rule of the certificate profile, each broken alone in an otherwise good path. */
#include "cert_case.h"

#include "cert/profile.h"

#define BAD ALERT_BAD_CERTIFICATE
#define UNSUPPORTED ALERT_UNSUPPORTED_CERTIFICATE
#define EXPIRED ALERT_CERTIFICATE_EXPIRED
#define DAY 86400L
#define CA .is_ca = true

enum { AS_SERVER = 1, STRICT = 2 };

static const struct profile_case {
    const char *name;
    struct pki_params leaf, ca, root;
    int how;
    escertke_err err;
    int alert;
    const char *reason;
} cases[] = {
    { "good, client", { 0 }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "good, server", { 0 }, { CA }, { CA }, AS_SERVER, ESCERTKE_OK, 0, NULL },

    { "leaf RSA", { .key = PKI_RSA2048 }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "found: RSA" },
    { "leaf P-384", { .key = PKI_P384 }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "found: P-384" },
    { "leaf compressed point", { .key = PKI_P256_COMPRESSED }, { CA }, { CA },
      0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "uncompressed" },
    { "leaf explicit curve", { .key = PKI_P256_EXPLICIT }, { CA }, { CA },
      0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "not given by name" },
    { "CA P-384", { 0 }, { CA, .key = PKI_P384 }, { CA }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "CA certificate 1" },
    { "CA RSA signs the leaf", { 0 }, { CA, .key = PKI_RSA2048 }, { CA }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED,
      "found: sha256WithRSAEncryption" },
    { "root P-384", { 0 }, { CA }, { CA, .key = PKI_P384 }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "trust anchor 2" },
    { "root compressed point", { 0 }, { CA }, { CA, .key = PKI_P256_COMPRESSED },
      0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "trust anchor 2" },
    { "leaf signed with SHA-384", { .digest = "SHA384" }, { CA }, { CA },
      0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "ecdsa-with-SHA384" },
    { "leaf signed with SHA-1", { .digest = "SHA1" }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "ecdsa-with-SHA1" },
    { "CA signed with SHA-384", { 0 }, { CA, .digest = "SHA384" }, { CA },
      0, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "CA certificate 1" },
    { "leaf's signature with needless zeros", { .padded_signature = true }, { CA }, { CA },
      0, ESCERTKE_ERR_CERT, BAD, "Ecdsa-Sig-Value" },
    { "CA's signature of two octets", { 0 }, { CA, .no_signature = true }, { CA },
      0, ESCERTKE_ERR_CERT, BAD, "Ecdsa-Sig-Value" },
    { "root's signature of two octets does not count", { 0 }, { CA }, { CA, .no_signature = true }, 0, ESCERTKE_OK, 0, NULL },
    { "root's own signature does not count", { 0 }, { CA }, { CA, .digest = "SHA384" }, 0, ESCERTKE_OK, 0, NULL },

    { "CA version 1", { 0 }, { .version_1 = true }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "version 3" },
    { "root version 1", { 0 }, { CA }, { .version_1 = true }, 0, ESCERTKE_OK, 0, NULL },
    { "negative serial", { .negative_serial = true }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "serial" },
    { "serial of 21 octets", { .long_serial = true }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "serial" },
    { "unknown critical, leaf", { .unknown_critical = true }, { CA }, { CA }, 0, ESCERTKE_ERR_CERT, BAD, "critical" },
    { "unknown critical, CA", { 0 }, { CA, .unknown_critical = true }, { CA }, 0, ESCERTKE_ERR_CERT, BAD, "critical" },
    { "unknown critical, root", { 0 }, { CA }, { CA, .unknown_critical = true }, 0, ESCERTKE_ERR_CERT, BAD, "critical" },

    { "leaf expired", { .not_before_s = -2 * DAY, .not_after_s = -1 }, { CA }, { CA }, 0, ESCERTKE_ERR_VALIDITY, EXPIRED,
      "2027-01-15T07:59:59Z, 1 second ago" },
    { "leaf's last second", { .not_before_s = -2 * DAY, .not_after_s = 0 }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "leaf not yet valid", { .not_before_s = 1, .not_after_s = DAY }, { CA }, { CA }, 0, ESCERTKE_ERR_VALIDITY, EXPIRED,
      "2027-01-15T08:00:01Z, in 1 second" },
    { "leaf's first second", { .not_before_s = 0, .not_after_s = DAY }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "CA expired", { 0 }, { CA, .not_before_s = -2 * DAY, .not_after_s = -1 }, { CA },
      0, ESCERTKE_ERR_VALIDITY, EXPIRED, "CA certificate 1" },
    { "root expired", { 0 }, { CA }, { CA, .not_before_s = -2 * DAY, .not_after_s = -1 },
      0, ESCERTKE_ERR_VALIDITY, EXPIRED, "trust anchor 2" },

    { "leaf without keyUsage", { .no_key_usage = true }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "no keyUsage" },
    { "leaf keyAgreement only", { .key_usage = 0x0800 }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "keyUsage without it" },
    { "leaf digitalSignature and more", { .key_usage = 0x8880 }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "CA as leaf", { CA }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "end-point" },
    { "client with clientAuth", { .eku = PKI_EKU_CLIENT }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "client with serverAuth only", { .eku = PKI_EKU_SERVER }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "serverAuth only" },
    { "server with serverAuth", { .eku = PKI_EKU_SERVER }, { CA }, { CA }, AS_SERVER, ESCERTKE_OK, 0, NULL },
    { "server with clientAuth only", { .eku = PKI_EKU_CLIENT }, { CA }, { CA },
      AS_SERVER, ESCERTKE_ERR_PROFILE, BAD, "clientAuth only" },
    { "any purpose", { .eku = PKI_EKU_ANY }, { CA }, { CA }, AS_SERVER, ESCERTKE_OK, 0, NULL },
    { "code signing", { .eku = PKI_EKU_OTHER }, { CA }, { CA }, 0, ESCERTKE_ERR_PROFILE, BAD, "other purposes" },

    { "CA without basicConstraints", { 0 }, { CA, .no_basic_constraints = true }, { CA },
      0, ESCERTKE_ERR_CERT, BAD, "must be a CA" },
    { "leaf as CA", { 0 }, { .key_usage = 0x8400 }, { CA }, 0, ESCERTKE_ERR_CERT, BAD, "must be a CA" },
    { "CA without keyUsage", { 0 }, { CA, .no_key_usage = true }, { CA }, 0, ESCERTKE_ERR_CERT, BAD, "no keyUsage" },
    { "CA without keyCertSign", { 0 }, { CA, .key_usage = 0x8200 }, { CA }, 0, ESCERTKE_ERR_CERT, BAD, "keyCertSign" },
    { "CA without digitalSignature", { 0 }, { CA, .key_usage = 0x0600 }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "the same, strict", { 0 }, { CA, .key_usage = 0x0600, NAMES(permitted, URI("m2m.example.org")) }, { CA }, STRICT,
      ESCERTKE_ERR_PROFILE, BAD, "digitalSignature" },
    { "root without keyUsage", { 0 }, { CA }, { CA, .no_key_usage = true }, 0, ESCERTKE_OK, 0, NULL },
    { "root whose keyUsage forbids it", { 0 }, { CA }, { CA, .key_usage = 0x8000 },
      0, ESCERTKE_ERR_CERT, BAD, "trust anchor 2" },
    { "root pathLen 0 above a CA", { 0 }, { CA }, { CA, .has_path_len = true }, 0, ESCERTKE_ERR_CERT, BAD, "pathLenConstraint" },
    { "root pathLen 1 above a CA", { 0 }, { CA }, { CA, .has_path_len = true, .path_len = 1 }, 0, ESCERTKE_OK, 0, NULL },
    { "root pathLen 0 above its own change of keys", { 0 }, { CA, .cn = "root" }, { CA, .has_path_len = true }, 0, ESCERTKE_OK, 0,
      NULL },
    { "CA pathLen 0 above the leaf", { 0 }, { CA, .has_path_len = true }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "issuing CA without constraints", { 0 }, { CA }, { CA }, 0, ESCERTKE_OK, 0, NULL },
    { "the same, strict", { 0 }, { CA }, { CA }, STRICT, ESCERTKE_ERR_PROFILE, BAD, "nameConstraints" },
    { "constraints of other names, strict", { 0 }, { CA, NAMES(permitted, DNS("m2m.example.org")) }, { CA }, STRICT,
      ESCERTKE_ERR_PROFILE, BAD, "permit URIs" },
    { "URIs excluded, none permitted, strict", { 0 }, { CA, NAMES(excluded, URI("other.org")) }, { CA }, STRICT,
      ESCERTKE_ERR_PROFILE, BAD, "permit URIs" },
    { "with constraints, strict", { 0 }, { CA, NAMES(permitted, URI("m2m.example.org")) }, { CA }, STRICT, ESCERTKE_OK, 0, NULL },
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct profile_case *t = &cases[i];
        escertke_expect expect = { .id = AE_ID, .client = !(t->how & AS_SERVER), .strict = t->how & STRICT };
        struct chain c = chain_make(t->leaf, t->ca, t->root);
        expect_verdict(t->name, c.path, 3, &expect, t->err, t->alert, t->reason);
        chain_free(&c);
    }
}

/* Only an AE-ID certificate's issuer needs nameConstraints, and an anchor never does. */
static void test_strict_exceptions(void **state)
{
    const struct pki_params ca = { CA }, cse = { NAMES(san, DNS("in1.m2m.example.org")) };
    escertke_expect expect = { .id = "//m2m.example.org/in1", .client = true, .strict = true };
    struct chain c = chain_make(cse, ca, ca);

    (void)state;
    expect_verdict("CSE leaf", c.path, 3, &expect, ESCERTKE_OK, 0, NULL);
    chain_free(&c);

    c = chain_make((struct pki_params){ 0 }, ca, ca);
    struct pki_params direct = { .issuer = &c.cert[2], .base_s = NOW, NAMES(san, URI(AE_ID)) };
    struct pki_cert leaf = pki_make(&direct);
    escertke_span path[2] = { { NULL, 0 }, c.path[2] };
    uint8_t *der = pki_der(&leaf, &path[0].len);
    path[0].ptr = der;
    expect.id = AE_ID;
    expect_verdict("leaf of the root", path, 2, &expect, ESCERTKE_OK, 0, NULL);
    free(der);
    pki_cert_free(&leaf);
    chain_free(&c);
}

/* An anchor that is an intermediate is held to what a CA is held to. */
static void test_anchor_not_self_issued(void **state)
{
    const struct pki_params ca = { CA };
    struct pki_params bad = { CA, .digest = "SHA384" };
    escertke_expect expect = { .id = AE_ID, .client = true };
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);

    (void)state;
    expect_verdict("good", c.path, 2, &expect, ESCERTKE_OK, 0, NULL);
    chain_free(&c);
    c = chain_make((struct pki_params){ 0 }, bad, ca);
    expect_verdict("SHA-384", c.path, 2, &expect, ESCERTKE_ERR_PROFILE, UNSUPPORTED, "CA certificate 1");
    chain_free(&c);
}

/* A self-issued leaf that is its own anchor is still a leaf. */
static void test_leaf_is_anchor(void **state)
{
    static const struct pki_name san[] = { URI(AE_ID) };
    struct pki_params p = { .base_s = NOW, .san = san, .san_count = 1 };
    escertke_expect expect = { .id = AE_ID, .client = true };

    (void)state;
    for (int as_ca = 0; as_ca < 2; as_ca++) {
        p.is_ca = as_ca;
        struct pki_cert cert = pki_make(&p);
        escertke_span path;
        uint8_t *der = pki_der(&cert, &path.len);
        path.ptr = der;
        expect_verdict("alone", &path, 1, &expect, as_ca ? ESCERTKE_ERR_PROFILE : ESCERTKE_OK, BAD, NULL);
        free(der);
        pki_cert_free(&cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_strict_exceptions),
        cmocka_unit_test(test_anchor_not_self_issued),
        cmocka_unit_test(test_leaf_is_anchor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

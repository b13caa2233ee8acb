/*
 * test_constraints.c - name constraints: each type permitted and excluded, what is refused, the bounds.
 * Where libcrypto can judge a case too, its verdict must be the same.
 */
#include "cert_case.h"

#include <openssl/x509v3.h>

#include "cert/constraints.h"
#include "cert/der.h"

#define URN "urn:gsma:imei:90420156-025763-0;svn=42"
#define RAW(type, ...) { type, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }

#define HW(...)                                                                                                                  \
    RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 2 + HW_LEN(__VA_ARGS__), 0x0D, HW_LEN(__VA_ARGS__), __VA_ARGS__) /* type-id 1.2.3 */
#define HW_LEN(...) sizeof((const uint8_t[]){ __VA_ARGS__ })
#define EMAIL(text) { PKI_EMAIL, text, 0 }
#define DIR(text) { PKI_DIR, text, 0 }
#define SAN(...) { NAMES(san, __VA_ARGS__) }
#define ALLOW(...) { NAMES(permitted, __VA_ARGS__) }
#define FORBID(...) { NAMES(excluded, __VA_ARGS__) }

enum { ALONE = 1 }; /* libcrypto cannot judge it, or is known to judge otherwise */

static const struct constraint_case {
    const char *name;
    struct pki_params leaf, ca, root;
    escertke_err err;
    int alone;
} cases[] = {
    /* URI: exactly this host, or everything below it */
    { "URI permitted", SAN(URI(AE_ID)), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_OK, ALONE },
    { "URI, other case", SAN(URI("//m2m.EXAMPLE.org/in1/Cx")), ALLOW(URI("M2M.example.org")), { 0 }, ESCERTKE_OK, ALONE },
    { "URI of another host", SAN(URI("//other.org/in1/Cx")), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI of a host below",
      SAN(URI("//a.m2m.example.org/in1/Cx")),
      ALLOW(URI("m2m.example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "URI below .host", SAN(URI("//a.m2m.example.org/in1/Cx")), ALLOW(URI(".m2m.example.org")), { 0 }, ESCERTKE_OK, ALONE },
    { "URI host itself, .host", SAN(URI(AE_ID)), ALLOW(URI(".m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI host that only ends alike",
      SAN(URI("//evilm2m.example.org/in1/Cx")),
      ALLOW(URI("m2m.example.org"), URI(".m2m.example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "URI name in the path only",
      SAN(URI("//evil.org/m2m.example.org")),
      ALLOW(URI("m2m.example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "URI user information",
      SAN(URI("//m2m.example.org@evil.org/x")),
      ALLOW(URI("m2m.example.org"), URI("evil.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "URI host then user information",
      SAN(URI("//m2m.example.org:80@evil.org/x")),
      ALLOW(URI("m2m.example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "URI with port", SAN(URI("//m2m.example.org:8443/x")), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_OK, ALONE },
    { "URI with scheme", SAN(URI("coap://m2m.example.org/x")), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "URI with scheme, other host", SAN(URI("coap://evil.org/x")), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "URN under a URI constraint", SAN(URI(URN)), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "URN under an excluded URI", SAN(URI(URN)), FORBID(URI("evil.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "URN under DNS constraints", SAN(URI(URN)), ALLOW(DNS("m2m.example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "URN with // inside", SAN(URI("urn:x//m2m.example.org/y")), ALLOW(URI("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "URI with an IPv4 host", SAN(URI("//192.0.2.1/x")), ALLOW(URI("192.0.2.1")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI with an IPv6 host", SAN(URI("//[2001:db8::1]/x")), FORBID(URI("evil.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI without host", SAN(URI("///in1/Cx")), FORBID(URI("evil.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI excluded", SAN(URI(AE_ID)), FORBID(URI("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "URI not the excluded one", SAN(URI(AE_ID)), FORBID(URI("other.org"), URI(".m2m.example.org")), { 0 }, ESCERTKE_OK, ALONE },
    { "excluded wins",
      SAN(URI(AE_ID)),
      { NAMES(permitted, URI("m2m.example.org")), NAMES(excluded, URI("m2m.example.org")) },
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "all URIs excluded", SAN(URI(AE_ID)), FORBID(URI("")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "no URI permitted", SAN(URI(AE_ID)), ALLOW(URI("")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "second URI outside",
      SAN(URI(AE_ID), URI("//evil.org/x")),
      ALLOW(URI("m2m.example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },

    /* dNSName: this name and everything below it */
    { "DNS itself", SAN(DNS("m2m.example.org")), ALLOW(DNS("m2m.example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS below", SAN(DNS("a.b.M2M.example.org")), ALLOW(DNS("m2m.example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS that only ends alike", SAN(DNS("evilm2m.example.org")), ALLOW(DNS("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "DNS above", SAN(DNS("example.org")), ALLOW(DNS("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "DNS one of two", SAN(DNS("in1.b.org")), ALLOW(DNS("a.org"), DNS("b.org")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS .host, below", SAN(DNS("in1.m2m.example.org")), ALLOW(DNS(".m2m.example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS .host, itself", SAN(DNS("m2m.example.org")), ALLOW(DNS(".m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "DNS excluded", SAN(DNS("in1.m2m.example.org")), FORBID(DNS("m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "DNS all excluded", SAN(DNS("in1.m2m.example.org")), FORBID(DNS("")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "DNS all permitted", SAN(DNS("in1.m2m.example.org")), ALLOW(DNS("")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS constraint, URI name", SAN(URI(AE_ID)), ALLOW(DNS("a.org")), { 0 }, ESCERTKE_OK, 0 },
    { "DNS constraint with final dot", SAN(DNS("in1.a.org")), FORBID(DNS("a.org.")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "DNS constraint with wildcard", SAN(DNS("in1.a.org")), ALLOW(DNS("*.a.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "URI constraint that is a URI", SAN(URI(AE_ID)), ALLOW(URI("//m2m.example.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },

    /* the other types */
    { "directory permitted", { .org = "Meters", NAMES(san, URI(AE_ID)) }, ALLOW(DIR("Meters")), { 0 }, ESCERTKE_OK, 0 },
    { "directory, other case", { .org = "METERS", NAMES(san, URI(AE_ID)) }, ALLOW(DIR("meters")), { 0 }, ESCERTKE_OK, 0 },
    { "directory outside", { .org = "Others", NAMES(san, URI(AE_ID)) }, ALLOW(DIR("Meters")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "directory, subject without it", SAN(URI(AE_ID)), ALLOW(DIR("Meters")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "directory, empty subject", { .cn = "", NAMES(san, URI(AE_ID)) }, ALLOW(DIR("Meters")), { 0 }, ESCERTKE_OK, 0 },
    { "directory excluded", { .org = "Meters", NAMES(san, URI(AE_ID)) }, FORBID(DIR("Meters")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "directory excluded in the SAN", SAN(URI(AE_ID), DIR("Meters")), FORBID(DIR("Meters")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "IPv4 permitted",
      SAN(RAW(PKI_IP, 192, 0, 2, 77)),
      ALLOW(RAW(PKI_IP, 192, 0, 2, 64, 255, 255, 255, 192)),
      { 0 },
      ESCERTKE_OK,
      0 },
    { "IPv4 outside",
      SAN(RAW(PKI_IP, 192, 0, 2, 1)),
      ALLOW(RAW(PKI_IP, 192, 0, 2, 64, 255, 255, 255, 192)),
      { 0 },
      ESCERTKE_ERR_CERT,
      0 },
    { "IPv4 excluded",
      SAN(RAW(PKI_IP, 192, 0, 2, 77)),
      FORBID(RAW(PKI_IP, 0, 0, 0, 0, 0, 0, 0, 0)),
      { 0 },
      ESCERTKE_ERR_CERT,
      0 },
    { "IPv6 under IPv4",
      SAN(RAW(PKI_IP, 0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
      ALLOW(RAW(PKI_IP, 0, 0, 0, 0, 0, 0, 0, 0)),
      { 0 },
      ESCERTKE_ERR_CERT,
      0 },
    { "IP constraint of 4 octets",
      SAN(RAW(PKI_IP, 192, 0, 2, 1)),
      ALLOW(RAW(PKI_IP, 192, 0, 2, 1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      0 },
    { "email on the host", SAN(EMAIL("a@Example.org")), ALLOW(EMAIL("example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "email below the host", SAN(EMAIL("a@b.example.org")), ALLOW(EMAIL("example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "email below .host", SAN(EMAIL("a@b.example.org")), ALLOW(EMAIL(".example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "email exactly", SAN(EMAIL("a@EXAMPLE.org")), ALLOW(EMAIL("a@example.org")), { 0 }, ESCERTKE_OK, 0 },
    { "email, case of the mailbox", SAN(EMAIL("A@example.org")), ALLOW(EMAIL("a@example.org")), { 0 }, ESCERTKE_ERR_CERT, 0 },
    { "email with two @", SAN(EMAIL("a@evil.org@example.org")), ALLOW(EMAIL("example.org")), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "email in the subject",
      { .email = "a@evil.org", NAMES(san, URI(AE_ID)) },
      ALLOW(EMAIL("example.org")),
      { 0 },
      ESCERTKE_ERR_CERT,
      0 },
    { "email in the subject, permitted",
      { .email = "a@example.org", NAMES(san, URI(AE_ID)) },
      ALLOW(EMAIL("example.org")),
      { 0 },
      ESCERTKE_OK,
      0 },
    { "OID below", SAN(RAW(PKI_RID, 0x2B, 6, 1, 4)), ALLOW(RAW(PKI_RID, 0x2B, 6)), { 0 }, ESCERTKE_OK, ALONE },
    { "OID outside", SAN(RAW(PKI_RID, 0x2B, 7)), ALLOW(RAW(PKI_RID, 0x2B, 6)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "OID excluded", SAN(RAW(PKI_RID, 0x2B, 6, 1)), FORBID(RAW(PKI_RID, 0x2B, 6)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "hardware below", SAN(HW(1, 2, 3)), ALLOW(HW(1, 2)), { 0 }, ESCERTKE_OK, ALONE },
    { "hardware itself", SAN(HW(1, 2)), ALLOW(HW(1, 2)), { 0 }, ESCERTKE_OK, ALONE },
    { "hardware outside", SAN(HW(1, 3)), ALLOW(HW(1, 2)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "hardware above", SAN(HW(1)), ALLOW(HW(1, 2)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "one hardware of two outside", SAN(HW(1, 2, 3), HW(1, 3)), ALLOW(HW(1, 2)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "hardware excluded", SAN(HW(1, 2, 3)), FORBID(HW(1, 2)), { 0 }, ESCERTKE_ERR_CERT, ALONE },
    { "hardware not excluded", SAN(HW(1, 3)), FORBID(HW(1, 2)), { 0 }, ESCERTKE_OK, ALONE },
    { "hardware as OID below",
      SAN(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 6, 6, 4, 0x2A, 3, 1, 2)),
      ALLOW(HW(1)),
      { 0 },
      ESCERTKE_OK,
      ALONE },
    { "hardware as OID excluded",
      SAN(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 6, 6, 4, 0x2A, 3, 1, 2)),
      FORBID(HW(1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware as text excluded",
      SAN(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 5, 0x0C, 3, '1', '.', '2')),
      FORBID(HW(1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware under a base of text",
      SAN(HW(1, 2)),
      ALLOW(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 3, 0x0C, 1, '1')),
      { 0 },
      ESCERTKE_OK,
      ALONE },
    { "whole type permitted",
      SAN(HW(7)),
      ALLOW(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 4, 6, 2, 0x2A, 3)),
      { 0 },
      ESCERTKE_OK,
      ALONE },
    { "hardware cut elsewhere, inside",
      SAN(RAW(PKI_OTHER, 6, 3, 0x2A, 3, 1, 0xA0, 3, 0x0D, 1, 2)),
      ALLOW(HW(1)),
      { 0 },
      ESCERTKE_OK,
      ALONE },
    { "hardware cut elsewhere, outside",
      SAN(RAW(PKI_OTHER, 6, 3, 0x2A, 3, 9, 0xA0, 3, 0x0D, 1, 2)),
      ALLOW(HW(1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware cut elsewhere, excluded",
      SAN(RAW(PKI_OTHER, 6, 1, 0x2A, 0xA0, 4, 0x0D, 2, 3, 1)),
      FORBID(HW(1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware of another type", SAN(RAW(PKI_OTHER, 6, 2, 0x2A, 4, 0xA0, 3, 0x0D, 1, 9)), ALLOW(HW(1)), { 0 }, ESCERTKE_OK, 0 },
    { "hardware, text that is no arcs",
      SAN(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 3, 0x0C, 1, 'x')),
      FORBID(HW(1)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware, base that is no arcs",
      SAN(HW(1)),
      ALLOW(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 3, 0x0C, 1, 'x')),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "hardware, excluded base that is no arcs",
      SAN(HW(1)),
      FORBID(RAW(PKI_OTHER, 6, 2, 0x2A, 3, 0xA0, 3, 0x0C, 1, 'x')),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "otherName constrained",
      SAN(RAW(PKI_OTHER, 6, 1, 0x2A, 0xA0, 2, 5, 0)),
      ALLOW(RAW(PKI_OTHER, 6, 1, 0x2A, 0xA0, 2, 5, 0)),
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "otherName constraint, no such name",
      SAN(URI(AE_ID)),
      ALLOW(RAW(PKI_OTHER, 6, 1, 0x2A, 0xA0, 2, 5, 0)),
      { 0 },
      ESCERTKE_OK,
      0 },
    { "otherName unconstrained", SAN(RAW(PKI_OTHER, 6, 1, 0x2A, 0xA0, 2, 5, 0)), ALLOW(URI("a.org")), { 0 }, ESCERTKE_OK, 0 },

    /* form of the extension, and which CA */
    { "minimum",
      SAN(URI(AE_ID)),
      { NAMES(permitted, URI("m2m.example.org")), .constraint_minimum = 1 },
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "maximum",
      SAN(URI(AE_ID)),
      { NAMES(permitted, URI("m2m.example.org")), .constraint_maximum = 1 },
      { 0 },
      ESCERTKE_ERR_CERT,
      ALONE },
    { "root constrains the leaf", SAN(DNS("in1.evil.org")), { 0 }, ALLOW(DNS("m2m.example.org")), ESCERTKE_ERR_CERT, ALONE },
    { "root constrains the CA",
      SAN(URI(AE_ID)),
      { NAMES(san, DNS("ca.evil.org")) },
      ALLOW(DNS("m2m.example.org")),
      ESCERTKE_ERR_CERT,
      ALONE },
    { "root and CA, both satisfied", SAN(DNS("in1.a.m2m.example.org")), ALLOW(DNS("a.m2m.example.org")),
      ALLOW(DNS("m2m.example.org")), ESCERTKE_OK, ALONE },
    { "CA permits more than root", SAN(DNS("in1.b.org")), ALLOW(DNS("b.org")), ALLOW(DNS("m2m.example.org")), ESCERTKE_ERR_CERT,
      ALONE },
    { "leaf's own constraints bind nobody",
      { NAMES(san, URI(AE_ID)), NAMES(permitted, URI("evil.org")) },
      { 0 },
      { 0 },
      ESCERTKE_OK,
      ALONE },
};

static escertke_err check(const struct chain *c, escertke_detail *d)
{
    escertke_cert certs[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(escertke_cert_parse(c->path[i], &certs[i], d), ESCERTKE_OK);
    return esc_constraints_check(certs, 3, d);
}

static void compare_with_libcrypto(const struct constraint_case *t, const struct chain *c)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(c->cert[1].x509, NID_name_constraints, NULL, NULL);

    X509_get_extension_flags(c->cert[0].x509); /* makes libcrypto read the SAN */
    if (nc && (NAME_CONSTRAINTS_check(c->cert[0].x509, nc) == X509_V_OK) != (t->err == ESCERTKE_OK))
        fail_msg("%s: libcrypto judges otherwise: %s", t->name,
                 X509_verify_cert_error_string(NAME_CONSTRAINTS_check(c->cert[0].x509, nc)));
    NAME_CONSTRAINTS_free(nc);
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct constraint_case *t = &cases[i];
        struct pki_params ca = t->ca, root = t->root;
        escertke_detail d;
        ca.is_ca = root.is_ca = true;
        struct chain c = chain_make(t->leaf, ca, root);
        escertke_detail_init(&d);
        escertke_err err = check(&c, &d);
        if (err != t->err)
            fail_msg("%s: got %s: %s", t->name, escertke_err_name(err), d.reason);
        assert_string_equal(d.clause, err == ESCERTKE_OK ? "" : "RFC 5280 4.2.1.10");
        if (!t->alone)
            compare_with_libcrypto(t, &c);
        chain_free(&c);
    }
}

static void test_check_path_applies_them(void **state)
{
    const struct pki_params outside = { NAMES(san, URI("//other.org/in1/Cx")) }, root = { .is_ca = true };
    const struct pki_params ca = { .is_ca = true, NAMES(permitted, URI("m2m.example.org")) };
    escertke_expect expect = { .id = "//other.org/in1/Cx", .client = true };
    struct chain c = chain_make(outside, ca, root);

    (void)state;
    expect_verdict("outside", c.path, 3, &expect, ESCERTKE_ERR_CERT, 42,
                   "uniformResourceIdentifier //other.org/in1/Cx of certificate 0 is not permitted "
                   "(name constraints of certificate 1)");
    chain_free(&c);
}

/* RFC 5280 6.1.3 (b): a self-issued intermediate's own names are not held against it; a leaf's always are. */
static void test_self_issued(void **state)
{
    const struct pki_params leaf = { NAMES(san, DNS("in1.m2m.example.org")) };
    const struct pki_params bad_leaf = { .cn = "root", NAMES(san, DNS("evil.org")) };
    const struct pki_params root = { .is_ca = true, NAMES(permitted, DNS("m2m.example.org")) };
    struct pki_params ca = { .is_ca = true, .cn = "root", NAMES(san, DNS("evil.org")) };
    struct chain c = chain_make(leaf, ca, root);

    (void)state;
    assert_int_equal(check(&c, NULL), ESCERTKE_OK);
    chain_free(&c);
    ca.cn = "another";
    c = chain_make(leaf, ca, root);
    assert_int_equal(check(&c, NULL), ESCERTKE_ERR_CERT);
    chain_free(&c);
    ca.cn = "root";
    c = chain_make(bad_leaf, ca, root);
    assert_int_equal(check(&c, NULL), ESCERTKE_ERR_CERT);
    chain_free(&c);
}

static void test_bounds(void **state)
{
    static const struct {
        size_t names, subtrees;
        escertke_err err;
    } rows[] = {
        { 1, 64, ESCERTKE_OK },
        { 1, 65, ESCERTKE_ERR_CERT },
        { 256, 1, ESCERTKE_OK },
        { 257, 1, ESCERTKE_ERR_CERT },
        { 255, 64, ESCERTKE_OK },
        { 256, 64, ESCERTKE_ERR_CERT }, /* the subject is compared as well */
    };
    struct pki_name names[257], bases[65];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = (struct pki_name)DNS("m.org");
    for (size_t i = 0; i < COUNT(bases); i++)
        bases[i] = (struct pki_name)DNS("m.org");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pki_params leaf = { .san = names, .san_count = rows[i].names };
        struct pki_params ca = { .is_ca = true, .permitted = bases, .permitted_count = rows[i].subtrees };
        struct pki_params root = { .is_ca = true };
        struct chain c = chain_make(leaf, ca, root);
        assert_int_equal(check(&c, NULL), rows[i].err);
        chain_free(&c);
    }
}

/* What a library never writes. */
static void test_malformed(void **state)
{
    static const struct {
        const char *name;
        uint8_t len, der[16];
        escertke_err err;
    } rows[] = {
        { "good", 9, { 0xA0, 7, 0x30, 5, 0x82, 3, 'a', '.', 'b' }, ESCERTKE_OK },
        { "empty list", 2, { 0xA0, 0 }, ESCERTKE_ERR_CERT },
        { "excluded before permitted", 18,
          { 0xA1, 7, 0x30, 5, 0x82, 3, 'x', '.', 'y', 0xA0, 7, 0x30, 5, 0x82, 3, 'a' }, ESCERTKE_ERR_CERT },
        { "another tag", 9, { 0xA2, 7, 0x30, 5, 0x82, 3, 'a', '.', 'b' }, ESCERTKE_ERR_CERT },
        { "subtree is no sequence", 9, { 0xA0, 7, 0x31, 5, 0x82, 3, 'a', '.', 'b' }, ESCERTKE_ERR_CERT },
        { "no name in the subtree", 4, { 0xA0, 2, 0x30, 0 }, ESCERTKE_ERR_CERT },
        { "minimum 0 written out", 12, { 0xA0, 10, 0x30, 8, 0x82, 3, 'a', '.', 'b', 0x80, 1, 0 }, ESCERTKE_ERR_CERT },
        { "NUL in the name", 9, { 0xA0, 7, 0x30, 5, 0x82, 3, 'a', 0, 'b' }, ESCERTKE_ERR_CERT },
        { "length past the end", 9, { 0xA0, 7, 0x30, 5, 0x82, 4, 'a', '.', 'b' }, ESCERTKE_ERR_CERT },
    };
    static const uint8_t san[] = { 0x82, 3, 'a', '.', 'b' }, empty[] = { DER_SEQUENCE, 0 };
    uint8_t der[24] = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_cert certs[2] = { { .subject = { empty, 2 }, .san = { san, sizeof san } }, { .has_name_constraints = true } };
        memcpy(der, rows[i].der, sizeof rows[i].der);
        certs[1].name_constraints = (escertke_span){ der, rows[i].len };
        if (esc_constraints_check(certs, 2, NULL) != rows[i].err)
            fail_msg("%s", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_check_path_applies_them), cmocka_unit_test(test_self_issued),
        cmocka_unit_test(test_bounds),   cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

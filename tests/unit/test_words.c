/* test_words.c - what a refusal says to people: which certificate, what was expected, what was there, what to do. Exact texts. */
#include "cert_case.h"

#include "cert/words.h"

#define CSE_ID "//m2m.example.org/in1"
#define CSE_NAME "in1.m2m.example.org"
#define DAY 86400L
#define CA .is_ca = true
#define NODE_URN "urn:gsma:imei:90420156-025763-0"

#define LEAF(names) "leaf, subject CN=leaf, serial *, " names
#define AE_LEAF LEAF("URI:" AE_ID)
#define ISSUE "escertke pki issue DIR --ae-id ID --out PREFIX"

enum { AS_SERVER = 1, STRICT = 2 };

static const struct words_case {
    const char *name;
    struct pki_params leaf, ca, root;
    int how;
    escertke_flavour flavour;
    const char *id, *san;
    escertke_err err;
    const char *certificate, *expected, *found, *advice;
} cases[] = {
    { "another AE", { NAMES(san, URI("//m2m.example.org/in1/Cother"), DNS("x.example.org")) }, { CA }, { CA },
      0, 0, AE_ID, NULL, ESCERTKE_ERR_IDENTITY,
      LEAF("URI://m2m.example.org/in1/Cother, DNS:x.example.org"), "URI " AE_ID, "URI //m2m.example.org/in1/Cother",
      "issue a certificate for it with: escertke pki issue DIR --ae-id " AE_ID " --out PREFIX" },
    { "another AE, at the initiator", { NAMES(san, URI("//m2m.example.org/in1/Cother")) }, { CA }, { CA },
      AS_SERVER, 0, AE_ID, NULL, ESCERTKE_ERR_IDENTITY,
      LEAF("URI://m2m.example.org/in1/Cother"), "URI " AE_ID, "URI //m2m.example.org/in1/Cother",
      "check --to; issue a certificate for it with: escertke pki issue DIR --ae-id " AE_ID " --out PREFIX" },
    { "no name", { .empty_san = true }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT,
      "leaf", "a certificate in strict DER", "",
      "have it issued again; escertke pki issue makes certificates that every peer can read" },
    { "another CSE", { NAMES(san, DNS("in2.m2m.example.org")) }, { CA }, { CA },
      0, ESCERTKE_FLAVOUR_CSE, CSE_ID, NULL, ESCERTKE_ERR_IDENTITY,
      LEAF("DNS:in2.m2m.example.org"), "DNS " CSE_NAME, "DNS in2.m2m.example.org",
      "if this CSE's domain name is another one, add --peer '" CSE_ID ",flavour=cse,san=NAME'" },
    { "an AE in place of a CSE", { 0 }, { CA }, { CA }, 0, ESCERTKE_FLAVOUR_CSE, CSE_ID, NULL, ESCERTKE_ERR_IDENTITY,
      AE_LEAF, "DNS " CSE_NAME, "URI " AE_ID ", but no DNS",
      "if this CSE's domain name is another one, add --peer '" CSE_ID ",flavour=cse,san=NAME'" },
    { "an AE or a CSE", { NAMES(san, { PKI_EMAIL, "a@b.org", 0 }) }, { CA }, { CA },
      0, 0, "//m2m.example.org/S5f0e", NULL, ESCERTKE_ERR_IDENTITY,
      LEAF("email:a@b.org"), "URI //m2m.example.org/S5f0e or DNS s5f0e.m2m.example.org", "email a@b.org, but no URI or DNS",
      "say what the peer is: --peer '//m2m.example.org/S5f0e,flavour=ae' or '//m2m.example.org/S5f0e,flavour=cse,san=NAME'" },
    { "another Node", { NAMES(san, URI("urn:gsma:imei:1")) }, { CA }, { CA },
      0, ESCERTKE_FLAVOUR_NODE, AE_ID, NODE_URN, ESCERTKE_ERR_IDENTITY,
      LEAF("URI:urn:gsma:imei:1"), "URI " NODE_URN, "URI urn:gsma:imei:1",
      "if san= of the --peer rule for this peer is right, it needs: escertke pki issue DIR --node-id ID --out PREFIX" },
    { "no Device", { 0 }, { CA }, { CA }, 0, ESCERTKE_FLAVOUR_DEVICE, AE_ID, "0.2.481.1:100.3030", ESCERTKE_ERR_IDENTITY,
      AE_LEAF, "otherName 0.2.481.1:100.3030", "URI " AE_ID ", but no otherName",
      "if san= of the --peer rule for this peer is right, it needs: escertke pki issue DIR --device-id ID --out PREFIX" },
    { "wildcard", { NAMES(san, DNS("*.m2m.example.org")) }, { CA }, { CA }, 0, 0, CSE_ID, NULL, ESCERTKE_ERR_PROFILE,
      LEAF("DNS:*.m2m.example.org"), "names without wildcard", "DNS *.m2m.example.org",
      "have it issued with the exact name, e.g. by: escertke pki issue DIR --cse-id ID --dns NAME" },
    { "final dot", { NAMES(san, DNS(CSE_NAME ".")) }, { CA }, { CA }, 0, 0, CSE_ID, NULL, ESCERTKE_ERR_CERT,
      LEAF("DNS:" CSE_NAME "."), "dNSNames that are domain names: labels of letters, digits, \"-\" and \"_\"", "DNS " CSE_NAME ".",
      "have it issued without this name; one that is not ASCII is written as A-label (xn--...)" },
    { "expired", { .not_before_s = -30 * DAY, .not_after_s = -12 * DAY }, { CA }, { CA },
      0, 0, AE_ID, NULL, ESCERTKE_ERR_VALIDITY,
      AE_LEAF, "a certificate that is valid now", "notAfter 2027-01-03T08:00:00Z, 12 days ago",
      "renew it, e.g. by: " ISSUE "; if the date is still to come, set this machine's clock" },
    { "CA not yet valid", { 0 }, { CA, .not_before_s = 3 * 3600, .not_after_s = DAY }, { CA },
      0, 0, AE_ID, NULL, ESCERTKE_ERR_VALIDITY,
      "intermediate 1, subject CN=CA, serial *, no subjectAltName", "a certificate that is valid now",
      "notBefore 2027-01-15T11:00:00Z, in 3 hours",
      "set this machine's clock if it is slow; else wait until then, or use a certificate that is valid now" },
    { "anchor expired", { 0 }, { CA }, { CA, .not_before_s = -DAY, .not_after_s = -90 }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_VALIDITY,
      "trust anchor, subject CN=root, serial *, no subjectAltName", "a certificate that is valid now",
      "notAfter 2027-01-15T07:58:30Z, 90 seconds ago", "renew it, e.g. by: " ISSUE
                                                       "; if the date is still to come, set this machine's clock" },
    { "curve", { .key = PKI_P384 }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "a public key on the named curve secp256r1 (P-256)", "P-384",
      "make a new key on secp256r1 and have it certified, e.g. by: " ISSUE },
    { "point form", { .key = PKI_P256_COMPRESSED }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "an uncompressed point, 65 octets that begin with 04", "a point of 33 octets that begins with 0?",
      "write the same public key uncompressed (openssl ec -conv_form uncompressed) and have it certified again" },
    { "signature", { .digest = "SHA384" }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "signature algorithm ecdsa-with-SHA256, in both places and without parameters", "ecdsa-with-SHA384",
      "have its CA, with a key on secp256r1, sign it again with ecdsa-with-SHA256; escertke pki issue does" },
    { "keyUsage", { .key_usage = 0x0800 }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "keyUsage with digitalSignature", "keyUsage without it",
      "have it issued again in the profile of TS-0003 10.1.1, e.g. by: " ISSUE },
    { "extKeyUsage", { .eku = PKI_EKU_SERVER }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "no extKeyUsage, or one with clientAuth for an initiator and serverAuth for a terminator", "serverAuth only",
      "have it issued again without extKeyUsage, as escertke pki issue does, or with both clientAuth and serverAuth" },
    { "CA as leaf", { CA }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "an end-point's own certificate", "a CA certificate (basicConstraints CA)",
      "the peer must show a certificate that a CA issued to it, e.g. by: " ISSUE },
    { "critical", { .unknown_critical = true }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT,
      AE_LEAF, "critical extensions among keyUsage, subjectAltName, basicConstraints, nameConstraints and extKeyUsage only",
      "another critical extension", "have it issued again without the extension, or with it not critical" },
    { "serial", { .negative_serial = true }, { CA }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      AE_LEAF, "a serial number that is positive and has 20 octets at most", "a negative number of 9 octets",
      "have it issued again in the profile of TS-0003 10.1.1, e.g. by: " ISSUE },
    { "issuer", { 0 }, { .cn = "no CA" }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT,
      "intermediate 1, subject CN=no CA, serial *, no subjectAltName", "an issuer with basicConstraints CA",
      "a certificate that is no CA's", "the peer's certificate must come from a CA; this issuer may not issue any" },
    { "path length", { 0 }, { CA }, { CA, .has_path_len = true, .path_len = 0 }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT,
      "trust anchor, subject CN=root, serial *, no subjectAltName",
      "no more intermediate certificates below it than its pathLenConstraint", "1 below it, pathLenConstraint 0",
      "issue end-point certificates from a CA higher up, or make this CA again with a greater pathLenConstraint" },
    { "strict", { 0 }, { CA, .key_usage = 0x8600 }, { CA }, STRICT, 0, AE_ID, NULL, ESCERTKE_ERR_PROFILE,
      "intermediate 1, subject CN=CA, serial *, no subjectAltName",
      "nameConstraints with a permitted URI in the CA that issues AE-ID certificates (strict profile)", "no nameConstraints",
      "make the CA again with escertke pki init --sp DOMAIN, or do without --strict-profile here" },
    { "not permitted", { 0 }, { CA, NAMES(permitted, URI("example.com"), URI(".example.com"), DNS("example.com")) }, { CA },
      0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT, AE_LEAF,
      "a name within URI example.com, URI .example.com (name constraints of the intermediate 1)", "URI " AE_ID,
      "have it issued by a CA whose name constraints permit this name, or with a name inside them: escertke inspect shows both" },
    { "excluded", { 0 }, { CA }, { CA, NAMES(excluded, URI("m2m.example.org")) }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT, AE_LEAF,
      "no name within URI m2m.example.org (name constraints of the trust anchor)", "URI " AE_ID,
      "have it issued by a CA whose name constraints permit this name, or with a name inside them: escertke inspect shows both" },
    { "bad constraint", { 0 }, { CA, NAMES(permitted, URI("a/b")) }, { CA }, 0, 0, AE_ID, NULL, ESCERTKE_ERR_CERT,
      "intermediate 1, subject CN=CA, serial *, no subjectAltName", "name constraints that can be compared with the names below",
      "a name that is no constraint for its type",
      "the CA has to be made again, e.g. by: escertke pki init; it must not be trusted as it is" },
    { "impossible flavour", { 0 }, { CA }, { CA }, 0, ESCERTKE_FLAVOUR_CSE, AE_ID, NULL, ESCERTKE_ERR_IDENTITY,
      "", "an identity of which the flavour can speak", "",
      "flavour=ae goes with AE-IDs, flavour=cse with CSE-IDs; correct the --peer rule, or leave flavour= out of it" },
};

/* Serial numbers are made anew each time: "serial *". The second octet of a compressed point is one of two: "0?". */
static void mask(char *text)
{
    char *serial = strstr(text, ", serial "), *point = strstr(text, "begins with 0");

    if (serial) {
        serial += strlen(", serial ");
        size_t len = strspn(serial, "0123456789ABCDEF");
        *serial = '*';
        memmove(serial + 1, serial + len, strlen(serial + len) + 1);
    }
    if (point)
        point[strlen("begins with 0")] = '?';
}

static void expect_text(const char *name, const char *field, char *text, const char *expected)
{
    mask(text);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: %s: expected \"%s\", got \"%s\"", name, field, expected, text);
}

static void expect_words(const char *name, escertke_detail *d, const char *certificate, const char *expected, const char *found,
                         const char *advice)
{
    expect_text(name, "certificate", d->certificate, certificate);
    expect_text(name, "expected", d->expected, expected);
    expect_text(name, "found", d->found, found);
    expect_text(name, "advice", d->advice, advice);
    assert_true(*d->clause);
    assert_true(*d->reason);
}

static void test_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct words_case *w = &cases[i];
        struct chain c = chain_make(w->leaf, w->ca, w->root);
        escertke_expect expect = { .flavour = w->flavour, .id = w->id, .san = w->san, .client = !(w->how & AS_SERVER),
                                   .strict = (w->how & STRICT) != 0 };
        escertke_detail d;
        int alert;

        escertke_detail_init(&d);
        escertke_err err = escertke_cert_check_path(c.path, 3, &expect, NOW, &alert, &d);
        if (err != w->err)
            fail_msg("%s: expected %s, got %s: %s", w->name, escertke_err_name(w->err), escertke_err_name(err), d.reason);
        expect_words(w->name, &d, w->certificate, w->expected, w->found, w->advice);
        chain_free(&c);
    }
}

#define HEAD "\x30\x59\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\x03\x42\x00\x04"
#define HEAD_384 "\x30\x76\x30\x10\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x05\x2B\x81\x04\x00\x22\x03\x62\x00\x04"

static void test_raw(void **state)
{
    static const uint8_t digest[32] = { 1, 2, 3 };
    static const struct {
        const char *name, *head, *pin;
        size_t len;
        escertke_err err;
        const char *certificate, *expected, *found, *advice;
    } raw[] = {
        { "another key", HEAD, "ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 91, ESCERTKE_ERR_IDENTITY,
          "raw public key, secp256r1, ni:///sha-256;AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "ni:///sha-256;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ni:///sha-256;AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "if the peer has a new key, put its identifier, as its owner says it, into pin= of the --peer rule; else somebody "
          "answers in its name" },
        { "another key, short pin", HEAD, "ni:///sha-256-120;AAAAAAAAAAAAAAAAAAAA", 91, ESCERTKE_ERR_IDENTITY,
          "raw public key, secp256r1, ni:///sha-256;AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "ni:///sha-256-120;AAAAAAAAAAAAAAAAAAAA", "ni:///sha-256-120;AQIDAAAAAAAAAAAAAAAA",
          "if the peer has a new key, put its identifier, as its owner says it, into pin= of the --peer rule; else somebody "
          "answers in its name" },
        { "curve", HEAD_384, "ni:///sha-256-120;AAAAAAAAAAAAAAAAAAAA", 120, ESCERTKE_ERR_PROFILE,
          "raw public key, P-384, ni:///sha-256;AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "a key on secp256r1 as an uncompressed point, 91 octets", "P-384, 120 octets",
          "make the peer's key with: escertke pki rawkey --out PREFIX" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(raw); i++) {
        uint8_t spki[128] = { 0 };
        escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_RAW, .id = AE_ID, .pin = raw[i].pin };
        escertke_detail d;
        int alert;

        memcpy(spki, raw[i].head, raw[i].len == 91 ? sizeof HEAD - 1 : sizeof HEAD_384 - 1);
        escertke_detail_init(&d);
        assert_int_equal(escertke_cert_check_raw((escertke_span){ spki, raw[i].len }, &expect, digest, &alert, &d), raw[i].err);
        expect_words(raw[i].name, &d, raw[i].certificate, raw[i].expected, raw[i].found, raw[i].advice);
    }
}

/* The first failure keeps all its words. */
static void test_first_wins(void **state)
{
    const struct esc_refusal r = { .expected = "a", .found = "b", .advice = "c" };
    escertke_detail d = { .err = ESCERTKE_ERR_IO, .reason = "before" };

    (void)state;
    assert_int_equal(esc_fail_cert(&d, ESCERTKE_ERR_IO, "C", &r, "later"), ESCERTKE_ERR_IO);
    assert_string_equal(d.reason, "before");
    assert_string_equal(d.expected, "");
    assert_int_equal(esc_refusal_add(&d, ESCERTKE_ERR_CERT, &r), ESCERTKE_ERR_CERT);
    assert_string_equal(d.expected, "");
    assert_int_equal(esc_fail_cert(NULL, ESCERTKE_ERR_IO, "C", &r, "x"), ESCERTKE_ERR_IO);
}

/* Nothing that a peer sent gets out unprintable. */
static void test_printable(void **state)
{
    const struct esc_refusal r = { .expected = "a\n", .found = "\x1b[31m", .advice = "\xff" };
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    esc_fail_cert(&d, ESCERTKE_ERR_CERT, "C", &r, "x\ty");
    assert_string_equal(d.reason, "x?y");
    assert_string_equal(d.expected, "a?");
    assert_string_equal(d.found, "?[31m");
    assert_string_equal(d.advice, "?");
}

static void test_dates(void **state)
{
    static const struct {
        int64_t at, now;
        const char *text;
    } dates[] = {
        { NOW, NOW, "2027-01-15T08:00:00Z, in 0 seconds" },
        { NOW - 119, NOW, "2027-01-15T07:58:01Z, 119 seconds ago" },
        { NOW - 120, NOW, "2027-01-15T07:58:00Z, 2 minutes ago" },
        { NOW + 7200, NOW, "2027-01-15T10:00:00Z, in 2 hours" },
        { NOW + 2 * DAY, NOW, "2027-01-17T08:00:00Z, in 2 days" },
        { 0, DAY * 365, "1970-01-01T00:00:00Z, 365 days ago" },
        { -5, 5, "before 1970-01-01T00:00:00Z, 10 seconds ago" },
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        esc_date_text(dates[i].at, dates[i].now, out, sizeof out);
        assert_string_equal(out, dates[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_path), cmocka_unit_test(test_raw), cmocka_unit_test(test_first_wins),
                                        cmocka_unit_test(test_printable), cmocka_unit_test(test_dates) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_lint.c - the lint of an own chain: level and clause of each finding, and the verdict. */
#include "cert_case.h"

#include <stdio.h>

#define DAY 86400L
#define CA .is_ca = true
#define AE_CERT "N0 TS-0003 8.1.2.1; "
#define CSE_CERT "N0 TS-0003 8.1.2.1; "
#define OCTETS(type, ...)                                                                                                        \
    {                                                                                                                            \
        type, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                                         \
    }
#define CONSTRAINED CA, NAMES(permitted, URI("m2m.example.org"), DNS("m2m.example.org"))

/* Findings as "E0 clause; N2 clause; ", in the order told. */
struct findings {
    char text[2000];
    size_t len;
};

static void note(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    struct findings *f = ctx;

    assert_true(*text != '\0');
    f->len += (size_t)snprintf(f->text + f->len, sizeof f->text - f->len, "%c%zu %s; ", "NWE"[level], position, clause);
    assert_true(f->len < sizeof f->text);
}

static const struct lint_case {
    const char *name;
    struct pki_params leaf, ca, root;
    bool strict;
    escertke_err err;
    const char *findings;
} cases[] = {
    { "good", { 0 }, { CONSTRAINED }, { CA }, true, ESCERTKE_OK, AE_CERT },
    { "CSE", { NAMES(san, DNS("in1.m2m.example.org")) }, { CA }, { CA }, true, ESCERTKE_OK, CSE_CERT },
    { "no constraints", { 0 }, { CA }, { CA }, false, ESCERTKE_OK, "W1 TS-0003 10.1.1.5; " AE_CERT },
    { "the same, strict", { 0 }, { CA }, { CA }, true, ESCERTKE_ERR_PROFILE, "E1 TS-0003 10.1.1.5; " AE_CERT },
    { "CA without digitalSignature",
      { 0 },
      { CONSTRAINED, .key_usage = 0x0600 },
      { CA },
      false,
      ESCERTKE_OK,
      "N1 TS-0003 10.1.1.1; " AE_CERT },
    { "the same, strict",
      { 0 },
      { CONSTRAINED, .key_usage = 0x0600 },
      { CA },
      true,
      ESCERTKE_ERR_PROFILE,
      "E1 TS-0003 10.1.1.1; " AE_CERT },
    { "in 29 days",
      { .not_before_s = -DAY, .not_after_s = 29 * DAY },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      "N0 RFC 5280 4.1.2.5; " AE_CERT },
    { "in 30 days", { .not_before_s = -DAY, .not_after_s = 30 * DAY }, { CONSTRAINED }, { CA }, false, ESCERTKE_OK, AE_CERT },
    { "expired",
      { .not_before_s = -DAY, .not_after_s = -1 },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_ERR_VALIDITY,
      "E0 RFC 5280 4.1.2.5; " AE_CERT },
    { "expires never",
      { .not_before_s = -DAY, .not_after_s = 3000L * 365 * DAY },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      AE_CERT },
    { "not yet valid CA",
      { 0 },
      { CONSTRAINED, .not_before_s = 1, .not_after_s = 100 * DAY },
      { CA },
      false,
      ESCERTKE_ERR_VALIDITY,
      "E1 RFC 5280 4.1.2.5; " AE_CERT },
    { "several at once",
      { .no_key_usage = true, .key = PKI_P384, .eku = PKI_EKU_OTHER },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_ERR_PROFILE,
      "E0 TS-0003 10.1.1.1; E0 TS-0003 10.1.1.1; E0 RFC 5280 4.2.1.12; " AE_CERT },
    { "one role only", { .eku = PKI_EKU_SERVER }, { CONSTRAINED }, { CA }, false, ESCERTKE_OK, "W0 RFC 5280 4.2.1.12; " AE_CERT },
    { "leaf with keyCertSign",
      { .key_usage = 0x8400 },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      "W0 RFC 5280 4.2.1.3; " AE_CERT },
    { "leaf with constraints",
      { NAMES(permitted, DNS("a.org")) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      "W0 RFC 5280 4.2.1.10; " AE_CERT },
    { "root signed with SHA-384",
      { 0 },
      { CONSTRAINED },
      { CA, .digest = "SHA384" },
      false,
      ESCERTKE_OK,
      "N2 TS-0003 10.1.1.3; " AE_CERT },
    { "URI with scheme",
      { NAMES(san, URI("coap:" AE_ID)) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      "W0 TS-0003 8.1.2.5; " },
    { "URI of a CSE",
      { NAMES(san, URI("//m2m.example.org/in1")) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      "W0 TS-0003 8.1.2.5; " },
    { "Node-ID, URN", { NAMES(san, URI("urn:gsma:imei:1")) }, { CA }, { CA }, false, ESCERTKE_OK, "N0 TS-0003 8.1.2.1; " },
    { "Node-ID, OID", { NAMES(san, OCTETS(PKI_RID, 0x2A, 3)) }, { CA }, { CA }, false, ESCERTKE_OK, "N0 TS-0003 8.1.2.1; " },
    { "Node-ID, URN under a URI constraint",
      { NAMES(san, URI("urn:gsma:imei:1")) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_ERR_CERT,
      "N0 TS-0003 8.1.2.1; E0 RFC 5280 4.2.1.10; " },
    { "Device",
      { NAMES(san, OCTETS(PKI_OTHER, 6, 1, 0x2A, 0xA0, 3, 0x0D, 1, 7)) },
      { CA },
      { CA },
      false,
      ESCERTKE_OK,
      "N0 TS-0003 10.1.1.4; " },
    { "Device, UTF8String",
      { NAMES(san, OCTETS(PKI_OTHER, 6, 1, 0x2A, 0xA0, 3, 0x0C, 1, '7')) },
      { CA },
      { CA },
      false,
      ESCERTKE_OK,
      "W0 TS-0003 10.1.1.4; " },
    { "otherName of text",
      { NAMES(san, OCTETS(PKI_OTHER, 6, 1, 0x2A, 0xA0, 3, 0x0C, 1, 'x')) },
      { CA },
      { CA },
      false,
      ESCERTKE_OK,
      "N0 TS-0003 8.1.2.1; " },
    { "no name that anybody looks for",
      { NAMES(san, { PKI_EMAIL, "a@b.org", 0 }, URI("/in1/Cmeter")) },
      { CA },
      { CA },
      false,
      ESCERTKE_OK,
      "N0 TS-0003 8.1.2.1; W0 RFC 5280 4.2.1.6; W0 TS-0003 8.1.2.1; " },
    { "several flavours",
      { NAMES(san, DNS("in1.m2m.example.org"), URI(AE_ID)) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_OK,
      CSE_CERT AE_CERT },
    { "wildcard", { NAMES(san, DNS("*.m2m.example.org")) }, { CA }, { CA }, false, ESCERTKE_ERR_PROFILE, "E0 TS-0003 10.1.1; " },
    { "final dot",
      { NAMES(san, DNS("in1.m2m.example.org.")) },
      { CA },
      { CA },
      false,
      ESCERTKE_ERR_CERT,
      "E0 RFC 5280 4.2.1.6; " },
    { "outside the constraints",
      { NAMES(san, URI("//other.org/in1/Cx")) },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_ERR_CERT,
      AE_CERT "E0 RFC 5280 4.2.1.10; " },
    { "issuer of another name",
      { .issuer_cn = "Somebody" },
      { CONSTRAINED },
      { CA },
      false,
      ESCERTKE_ERR_CERT,
      "E1 RFC 5246 7.4.2; " AE_CERT },
};

static void test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct lint_case *t = &cases[i];
        struct chain c = chain_make(t->leaf, t->ca, t->root);
        struct findings f = { .len = 0 };
        escertke_err err = escertke_cert_lint(c.path, 3, NOW, t->strict, note, &f);
        if (err != t->err || strcmp(f.text, t->findings) != 0)
            fail_msg("%s: %s with %s", t->name, escertke_err_name(err), f.text);
        assert_int_equal(escertke_cert_lint(c.path, 3, NOW, t->strict, NULL, NULL), t->err); /* the verdict alone */
        chain_free(&c);
    }
}

/* Who refuses it, of the first finding; those of a name come after those of the rules. */
static const struct who_case {
    const char *name;
    struct pki_params leaf, ca;
    bool strict;
    escertke_lint_level level;
    size_t position;
    const char *who;
    bool advice;
} whos[] = {
    { "good", { 0 }, { CONSTRAINED }, true, ESCERTKE_LINT_NOTE, 0, "peers that expect another ID or flavour", false },
    { "CSE", { NAMES(san, DNS("in1.m2m.example.org")) }, { CA }, true, ESCERTKE_LINT_NOTE, 0,
      "peers that expect another name or flavour", false },
    { "CSE as URI", { NAMES(san, URI("//m2m.example.org/in1")) }, { CONSTRAINED }, false, ESCERTKE_LINT_WARN, 0,
      "peers that expect a CSE-ID certificate", false },
    { "node", { NAMES(san, URI("urn:x:1")) }, { CA }, false, ESCERTKE_LINT_NOTE, 0,
      "peers without a rule flavour=node for this M2M-Node-ID", false },
    { "device", { NAMES(san, OCTETS(PKI_OTHER, 6, 1, 0x2A, 0xA0, 3, 0x0D, 1, 7)) }, { CA }, false, ESCERTKE_LINT_NOTE, 0,
      "peers without a rule flavour=device for this hardware instance identifier", false },
    { "device in another encoding", { NAMES(san, OCTETS(PKI_OTHER, 6, 1, 0x2A, 0xA0, 3, 0x0C, 1, '7')) }, { CA }, false,
      ESCERTKE_LINT_WARN, 0, "peers that know no other encoding, or have no rule flavour=device for this", false },
    { "nobody's", { NAMES(san, { PKI_EMAIL, "a@b.org", 0 }) }, { CA }, false, ESCERTKE_LINT_NOTE, 0, NULL, false },
    { "P-384", { .key = PKI_P384 }, { CONSTRAINED }, false, ESCERTKE_LINT_ERROR, 0, "every peer", true },
    { "expires soon", { .not_before_s = -DAY, .not_after_s = DAY }, { CONSTRAINED }, false, ESCERTKE_LINT_NOTE, 0,
      "every peer, from then on", false },
    { "not yet", { .not_before_s = DAY, .not_after_s = 90 * DAY }, { CONSTRAINED }, false, ESCERTKE_LINT_ERROR, 0,
      "every peer, until then", true },
    { "one role", { .eku = PKI_EKU_SERVER }, { CONSTRAINED }, false, ESCERTKE_LINT_WARN, 0, "every peer, in the other role", false },
    { "leaf with keyCertSign", { .key_usage = 0x8400 }, { CONSTRAINED }, false, ESCERTKE_LINT_WARN, 0,
      "peers of other makes that are stricter than this library", false },
    { "no constraints", { 0 }, { CA }, false, ESCERTKE_LINT_WARN, 1, "peers with strict_profile", true },
    { "the same, strict", { 0 }, { CA }, true, ESCERTKE_LINT_ERROR, 1, "peers with strict_profile", true },
    { "CA without digitalSignature", { 0 }, { CONSTRAINED, .key_usage = 0x0600 }, false, ESCERTKE_LINT_NOTE, 1,
      "peers with strict_profile", true },
    { "CA without cRLSign", { 0 }, { CONSTRAINED, .key_usage = 0x8400 }, true, ESCERTKE_LINT_NOTE, 1,
      "peers that require a CRL (--require-crl)", true },
    { "issuer of another name", { .issuer_cn = "Somebody" }, { CONSTRAINED }, false, ESCERTKE_LINT_ERROR, 1, "every peer", true },
};

struct first {
    escertke_finding finding;
    char who[120], text[400];
    size_t count;
};

static void keep_first(void *ctx, const escertke_finding *f)
{
    struct first *first = ctx;

    assert_true(*f->text && *f->clause);
    assert_true(f->refused_by || f->level == ESCERTKE_LINT_NOTE); /* what nobody minds is no departure */
    assert_null(strstr(f->text, "refuse"));
    if (first->count++)
        return;
    first->finding = *f;
    snprintf(first->who, sizeof first->who, "%s", f->refused_by ? f->refused_by : "");
    snprintf(first->text, sizeof first->text, "%s", f->text);
}

/* The same finding in words. */
static void same_in_words(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    struct first *first = ctx;
    char expected[600];

    (void)clause;
    if (first->count++)
        return;
    snprintf(expected, sizeof expected, "%s%s%s", first->text, *first->who ? "; refused by " : "", first->who);
    assert_string_equal(text, expected);
    assert_int_equal(level, first->finding.level);
    assert_int_equal(position, first->finding.position);
}

static void test_who_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(whos); i++) {
        const struct who_case *t = &whos[i];
        struct chain c = chain_make(t->leaf, t->ca, (struct pki_params){ CA });
        struct first f = { .count = 0 };
        escertke_err err = escertke_cert_examine(c.path, 3, NOW, t->strict, keep_first, &f);
        assert_int_equal(err != ESCERTKE_OK, t->level == ESCERTKE_LINT_ERROR);
        if (f.finding.level != t->level || f.finding.position != t->position || strcmp(f.who, t->who ? t->who : "") != 0 ||
            (f.finding.advice != NULL) != t->advice)
            fail_msg("%s: level %d of %zu: %s; refused by %s", t->name, f.finding.level, f.finding.position, f.text, f.who);
        f.count = 0;
        assert_int_equal(escertke_cert_lint(c.path, 3, NOW, t->strict, same_in_words, &f), err);
        chain_free(&c);
    }
}

static void test_no_san(void **state)
{
    const struct pki_params p = { .base_s = NOW };
    struct pki_cert cert = pki_make(&p);
    escertke_span path[6];
    uint8_t *der = pki_der(&cert, &path[0].len);
    struct findings f = { .len = 0 };

    (void)state;
    path[0].ptr = der;
    assert_int_equal(escertke_cert_lint(path, 1, NOW, false, note, &f), ESCERTKE_ERR_PROFILE);
    assert_string_equal(f.text, "E0 TS-0003 8.1.2.5; ");

    f = (struct findings){ .len = 0 };
    for (size_t i = 1; i < 6; i++)
        path[i] = path[0];
    assert_int_equal(escertke_cert_lint(path, 6, NOW, false, note, &f), ESCERTKE_ERR_CERT);
    assert_string_equal(f.text, "E5 TS-0003 10.1.1.3; ");

    f = (struct findings){ .len = 0 };
    path[1].len--;
    assert_int_equal(escertke_cert_lint(path, 2, NOW, false, note, &f), ESCERTKE_ERR_CERT);
    assert_string_equal(f.text, "E1 RFC 5280 4.1; ");
    assert_int_equal(escertke_cert_lint(path, 0, NOW, false, note, &f), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_lint(NULL, 1, NOW, false, note, &f), ESCERTKE_ERR_ARG);
    free(der);
    pki_cert_free(&cert);
}

/* Without its anchor, as a credential holds it. */
static void test_anchor_optional(void **state)
{
    const struct pki_params ca = { CONSTRAINED }, root = { CA };
    struct chain c = chain_make((struct pki_params){ 0 }, ca, root);

    (void)state;
    assert_int_equal(escertke_cert_lint(c.path, 2, NOW, true, NULL, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_cert_lint(c.path, 1, NOW, true, NULL, NULL), ESCERTKE_OK);
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_who_refuses),
        cmocka_unit_test(test_no_san),
        cmocka_unit_test(test_anchor_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

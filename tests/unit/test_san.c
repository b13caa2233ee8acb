/* test_san.c - which certificate names which peer: flavours, near misses, forms that are refused wherever they stand. */
#include "cert_case.h"

#include "cert/profile.h"

#define DENIED ALERT_ACCESS_DENIED
#define BAD ALERT_BAD_CERTIFICATE
#define UNSUPPORTED ALERT_UNSUPPORTED_CERTIFICATE
#define CSE_ID "//m2m.example.org/in1"
#define CSE_NAME "in1.m2m.example.org"
#define S_ID "//m2m.example.org/S5f0e"
#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* longer than a label can be */
#define HW_TYPE 0x06, 4, 0x02, 0x83, 0x61, 1                                      /* 0.2.481.1 */
#define HW_ARCS 100, 0x97, 0x56, 0xCE, 0x1B                                       /* 100.3030.10011 */
#define HW_ID "0.2.481.1:100.3030.10011"
#define HW_OID "0.2.481.1.100.3030.10011"
#define BYTES(type, ...)                                                                                                         \
    {                                                                                                                            \
        type, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                                         \
    }
#define HW BYTES(PKI_OTHER, HW_TYPE, 0xA0, 7, 0x0D, 5, HW_ARCS)
#define NODE ESCERTKE_FLAVOUR_NODE
#define DEVICE ESCERTKE_FLAVOUR_DEVICE
#define NODE_ID "urn:gsma:imei:90420156-025763-0;svn=42"

static const struct san_case {
    const char *name;
    escertke_flavour flavour;
    const char *id, *san;
    struct pki_params leaf;
    escertke_err err;
    int alert; /* with the peer as client */
} cases[] = {
    { "AE by id", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID)) }, ESCERTKE_OK, 0 },
    { "AE", ESCERTKE_FLAVOUR_AE, AE_ID, NULL, { NAMES(san, URI(AE_ID)) }, ESCERTKE_OK, 0 },
    { "AE among several",
      0,
      AE_ID,
      NULL,
      { NAMES(san, DNS("a.example.org"), URI("//m2m.example.org/in1/Cother"), URI(AE_ID)) },
      ESCERTKE_OK,
      0 },
    { "another AE", 0, AE_ID, NULL, { NAMES(san, URI("//m2m.example.org/in1/Cother")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "case of the stem", 0, AE_ID, NULL, { NAMES(san, URI("//m2m.example.org/in1/CMeter")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "case of the host", 0, AE_ID, NULL, { NAMES(san, URI("//M2M.example.org/in1/Cmeter")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "longer", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID "x")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "shorter", 0, AE_ID, NULL, { NAMES(san, URI("//m2m.example.org/in1/Cmete")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "final slash", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID "/")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "final space", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID " ")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "scheme in front", 0, AE_ID, NULL, { NAMES(san, URI("coap:" AE_ID)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "percent form", 0, AE_ID, NULL, { NAMES(san, URI("//m2m.example.org/in1/%43meter")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "SP-relative", 0, AE_ID, NULL, { NAMES(san, URI("/in1/Cmeter")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "right text, type dNSName",
      0,
      "//m2m.example.org/in1/Cm",
      NULL,
      { NAMES(san, DNS("m2m.example.org")) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "right text, type rfc822Name", 0, AE_ID, NULL, { NAMES(san, { PKI_EMAIL, AE_ID, 0 }) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CN only",
      0,
      AE_ID,
      NULL,
      { .cn = AE_ID, .empty_san = false, NAMES(san, DNS("a.example.org")) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "configured SAN", 0, AE_ID, "coap:" AE_ID, { NAMES(san, URI("coap:" AE_ID)) }, ESCERTKE_OK, 0 },
    { "configured SAN replaces the id", 0, AE_ID, "coap:" AE_ID, { NAMES(san, URI(AE_ID)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "configured SAN that is no URI", 0, AE_ID, CSE_NAME, { NAMES(san, DNS(CSE_NAME)) }, ESCERTKE_ERR_ARG, 80 },
    { "AE flavour, CSE certificate",
      ESCERTKE_FLAVOUR_AE,
      AE_ID,
      NULL,
      { NAMES(san, DNS(CSE_NAME)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "AE flavour for a CSE", ESCERTKE_FLAVOUR_AE, CSE_ID, NULL, { NAMES(san, URI(CSE_ID)) }, ESCERTKE_ERR_IDENTITY, DENIED },

    { "CSE by id", 0, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME)) }, ESCERTKE_OK, 0 },
    { "CSE", ESCERTKE_FLAVOUR_CSE, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME)) }, ESCERTKE_OK, 0 },
    { "CSE, other case", 0, "//m2m.example.org/IN1", NULL, { NAMES(san, DNS("In1.M2M.example.ORG")) }, ESCERTKE_OK, 0 },
    { "CSE, underscore", 0, "//m2m.example.org/id_1", NULL, { NAMES(san, DNS("id_1.m2m.example.org")) }, ESCERTKE_OK, 0 },
    { "CSE, configured name", 0, "//m2m.example.org/mn1", "mn1." CSE_NAME, { NAMES(san, DNS("mn1." CSE_NAME)) }, ESCERTKE_OK, 0 },
    { "CSE below, not configured",
      0,
      "//m2m.example.org/mn1",
      NULL,
      { NAMES(san, DNS("mn1." CSE_NAME)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "CSE, SP only", 0, CSE_ID, NULL, { NAMES(san, DNS("m2m.example.org")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE, label more", 0, CSE_ID, NULL, { NAMES(san, DNS("x." CSE_NAME)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE with its id as URI", 0, CSE_ID, NULL, { NAMES(san, URI(CSE_ID)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE with its name as URI", 0, CSE_ID, NULL, { NAMES(san, URI("//" CSE_NAME)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE with its bare name as URI", 0, CSE_ID, NULL, { NAMES(san, URI(CSE_NAME)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE, CN only", 0, CSE_ID, NULL, { .cn = CSE_NAME, NAMES(san, DNS("a.example.org")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "CSE flavour for an AE", ESCERTKE_FLAVOUR_CSE, AE_ID, NULL, { NAMES(san, URI(AE_ID)) }, ESCERTKE_ERR_IDENTITY, DENIED },

    { "CSE without domain name",
      0,
      "//m2m.example.org/" LONG64,
      NULL,
      { NAMES(san, DNS(CSE_NAME)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "S-type without domain name",
      0,
      "//m2m.example.org/S" LONG64,
      NULL,
      { NAMES(san, URI("//m2m.example.org/S" LONG64)) },
      ESCERTKE_OK,
      0 },

    { "S-type as AE", 0, S_ID, NULL, { NAMES(san, URI(S_ID)) }, ESCERTKE_OK, 0 },
    { "S-type as CSE", 0, S_ID, NULL, { NAMES(san, DNS("s5f0e.m2m.example.org")) }, ESCERTKE_OK, 0 },
    { "S-type, flavour AE", ESCERTKE_FLAVOUR_AE, S_ID, NULL, { NAMES(san, URI(S_ID)) }, ESCERTKE_OK, 0 },
    { "S-type, flavour AE, CSE certificate",
      ESCERTKE_FLAVOUR_AE,
      S_ID,
      NULL,
      { NAMES(san, DNS("s5f0e.m2m.example.org")) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "S-type, flavour CSE, AE certificate",
      ESCERTKE_FLAVOUR_CSE,
      S_ID,
      NULL,
      { NAMES(san, URI(S_ID)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },

    { "node", ESCERTKE_FLAVOUR_NODE, CSE_ID, NODE_ID, { NAMES(san, URI(NODE_ID)) }, ESCERTKE_OK, 0 },
    { "another node", ESCERTKE_FLAVOUR_NODE, CSE_ID, NODE_ID, { NAMES(san, URI(NODE_ID "3")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "node, id not configured",
      ESCERTKE_FLAVOUR_NODE,
      CSE_ID,
      NULL,
      { NAMES(san, URI(NODE_ID)) },
      ESCERTKE_ERR_UNSUPPORTED,
      UNSUPPORTED },
    { "node for an AE", NODE, AE_ID, NODE_ID, { NAMES(san, URI(NODE_ID)) }, ESCERTKE_OK, 0 },
    { "node for nobody", NODE, "node1", NODE_ID, { NAMES(san, URI(NODE_ID)) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "node, case of the scheme",
      NODE,
      CSE_ID,
      NODE_ID,
      { NAMES(san, URI("URN:gsma:imei:90420156-025763-0;svn=42")) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "node, URN as dNSName", NODE, CSE_ID, "urn:x", { NAMES(san, DNS("urn")) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "node, any scheme", NODE, CSE_ID, "imei:90420156025763", { NAMES(san, URI("imei:90420156025763")) }, ESCERTKE_OK, 0 },
    { "node named by its CSE-ID", NODE, CSE_ID, CSE_ID, { NAMES(san, URI(CSE_ID)) }, ESCERTKE_OK, 0 },
    { "node, OID", NODE, CSE_ID, HW_OID, { NAMES(san, BYTES(PKI_RID, 0x02, 0x83, 0x61, 1, HW_ARCS)) }, ESCERTKE_OK, 0 },
    { "node, OID as URI", NODE, CSE_ID, HW_OID, { NAMES(san, URI(HW_OID)) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "node, OID above",
      NODE,
      CSE_ID,
      HW_OID,
      { NAMES(san, BYTES(PKI_RID, 0x02, 0x83, 0x61, 1, 100)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "node, OID in an otherName", NODE, CSE_ID, HW_OID, { NAMES(san, HW) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "node, otherName", NODE, CSE_ID, HW_ID, { NAMES(san, HW) }, ESCERTKE_OK, 0 },
    { "node, otherName of text",
      NODE,
      CSE_ID,
      "0.2.481.1:A-7",
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 5, 0x0C, 3, 'A', '-', '7')) },
      ESCERTKE_OK,
      0 },
    { "node, neither URI nor OID", NODE, CSE_ID, "A-7", { NAMES(san, URI("A-7")) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "node, SP-relative", NODE, CSE_ID, "/in1", { NAMES(san, URI("/in1")) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "node, almost an OID", NODE, CSE_ID, "0.2.481.01", { NAMES(san, URI(NODE_ID)) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },

    { "device, not configured", DEVICE, CSE_ID, NULL, { NAMES(san, HW) }, ESCERTKE_ERR_UNSUPPORTED, UNSUPPORTED },
    { "device, RELATIVE-OID", DEVICE, CSE_ID, HW_ID, { NAMES(san, HW) }, ESCERTKE_OK, 0 },
    { "device, OBJECT IDENTIFIER",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 11, 0x06, 9, 0x02, 0x83, 0x61, 1, HW_ARCS)) },
      ESCERTKE_OK,
      0 },
    { "device, UTF8String",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 16, 0x0C, 14, '1', '0', '0', '.', '3', '0', '3', '0', '.', '1', '0', '0', '1',
                         '1')) },
      ESCERTKE_OK,
      0 },
    { "device, IA5String",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 16, 0x16, 14, '1', '0', '0', '.', '3', '0', '3', '0', '.', '1', '0', '0', '1',
                         '1')) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, one of several",
      DEVICE,
      AE_ID,
      HW_ID,
      { NAMES(san, URI("urn:x:1"), BYTES(PKI_OTHER, HW_TYPE, 0xA0, 4, 0x0D, 2, 100, 2), HW) },
      ESCERTKE_OK,
      0 },
    { "device, another arc",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 7, 0x0D, 5, 100, 0x97, 0x56, 0xCE, 0x1C)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, an arc more",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 8, 0x0D, 6, HW_ARCS, 1)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, another type-id", DEVICE, CSE_ID, "0.2.481.2:100.3030.10011", { NAMES(san, HW) }, ESCERTKE_ERR_IDENTITY, DENIED },
    { "device, leading zero digit",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 8, 0x0D, 6, 0x80, HW_ARCS)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, same OID cut elsewhere",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, 0x06, 5, 0x02, 0x83, 0x61, 1, 100, 0xA0, 6, 0x0D, 4, 0x97, 0x56, 0xCE, 0x1B)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, OID where arcs are due",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 7, 0x06, 5, HW_ARCS)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, as registeredID",
      DEVICE,
      CSE_ID,
      HW_ID,
      { NAMES(san, BYTES(PKI_RID, 0x02, 0x83, 0x61, 1, HW_ARCS)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, arc of 65 bits",
      DEVICE,
      CSE_ID,
      "0.2.481.1:18446744073709551617",
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 12, 0x0D, 10, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)) },
      ESCERTKE_OK,
      0 },
    { "device, that arc without its top",
      DEVICE,
      CSE_ID,
      "0.2.481.1:18446744073709551617",
      { NAMES(san, BYTES(PKI_OTHER, HW_TYPE, 0xA0, 3, 0x0D, 1, 1)) },
      ESCERTKE_ERR_IDENTITY,
      DENIED },
    { "device, no colon", DEVICE, CSE_ID, HW_OID, { NAMES(san, HW) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "device, URN", DEVICE, CSE_ID, NODE_ID, { NAMES(san, URI(NODE_ID)) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "device, no arcs", DEVICE, CSE_ID, "0.2.481.1:", { NAMES(san, HW) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },
    { "otherName without value", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID), BYTES(PKI_OTHER, HW_TYPE)) }, ESCERTKE_ERR_CERT, BAD },
    { "raw", ESCERTKE_FLAVOUR_RAW, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME)) }, ESCERTKE_ERR_UNSUPPORTED, UNSUPPORTED },
    { "no such identity", 0, "in1", NULL, { NAMES(san, DNS(CSE_NAME)) }, ESCERTKE_ERR_ARG, ALERT_INTERNAL_ERROR },

    /* refused wherever it stands, also beside the right name */
    { "wildcard dNSName", 0, CSE_ID, NULL, { NAMES(san, DNS("*.m2m.example.org")) }, ESCERTKE_ERR_PROFILE, BAD },
    { "wildcard beside the name",
      0,
      CSE_ID,
      NULL,
      { NAMES(san, DNS(CSE_NAME), DNS("*.m2m.example.org")) },
      ESCERTKE_ERR_PROFILE,
      BAD },
    { "wildcard inside a label",
      0,
      CSE_ID,
      NULL,
      { NAMES(san, DNS(CSE_NAME), DNS("i*1.m2m.example.org")) },
      ESCERTKE_ERR_PROFILE,
      BAD },
    { "wildcard URI", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID), URI("//m2m.example.org/in1/*")) }, ESCERTKE_ERR_PROFILE, BAD },
    { "final dot", 0, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME ".")) }, ESCERTKE_ERR_CERT, BAD },
    { "final dot beside the name", 0, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME), DNS(CSE_NAME ".")) }, ESCERTKE_ERR_CERT, BAD },
    { "empty label", 0, CSE_ID, NULL, { NAMES(san, DNS("in1..m2m.example.org")) }, ESCERTKE_ERR_CERT, BAD },
    { "dot in front", 0, CSE_ID, NULL, { NAMES(san, DNS("." CSE_NAME)) }, ESCERTKE_ERR_CERT, BAD },
    { "empty dNSName", 0, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME), DNS("")) }, ESCERTKE_ERR_CERT, BAD },
    { "space in a dNSName", 0, CSE_ID, NULL, { NAMES(san, DNS(CSE_NAME " ")) }, ESCERTKE_ERR_CERT, BAD },
    { "NUL in a dNSName", 0, CSE_ID, NULL, { NAMES(san, { PKI_DNS, CSE_NAME "\0.evil.org", 29 }) }, ESCERTKE_ERR_CERT, BAD },
    { "NUL at the end of a URI", 0, AE_ID, NULL, { NAMES(san, { PKI_URI, AE_ID "\0", sizeof AE_ID }) }, ESCERTKE_ERR_CERT, BAD },
    { "NUL in another name", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID), { PKI_EMAIL, "a\0b@c", 5 }) }, ESCERTKE_ERR_CERT, BAD },
    { "not IA5", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID), URI("//m2m.example.org/in1/C\xC3\xA4")) }, ESCERTKE_ERR_CERT, BAD },
    { "control character", 0, AE_ID, NULL, { NAMES(san, URI(AE_ID), URI("//m2m.example.org/in1/C\n")) }, ESCERTKE_ERR_CERT, BAD },
    { "empty SAN extension", 0, AE_ID, NULL, { .cn = AE_ID, .empty_san = true }, ESCERTKE_ERR_CERT, BAD },
};

static void test_identities(void **state)
{
    const struct pki_params ca = { .is_ca = true };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct san_case *t = &cases[i];
        escertke_expect expect = { .flavour = t->flavour, .id = t->id, .san = t->san, .client = true };
        struct chain c = chain_make(t->leaf, ca, ca);
        expect_verdict(t->name, c.path, 3, &expect, t->err, t->alert, NULL);
        expect.client = false; /* a client says bad_certificate to a server of another name */
        expect_verdict(t->name, c.path, 3, &expect, t->err, t->alert == DENIED ? BAD : t->alert, NULL);

        escertke_cert leaf;
        if (escertke_cert_parse(c.path[0], &leaf, NULL) == ESCERTKE_OK)
            assert_int_equal(escertke_cert_match_identity(&leaf, &expect, NULL), t->err);
        else
            assert_int_equal(t->err, ESCERTKE_ERR_CERT);
        chain_free(&c);
    }
}

static void test_match_arguments(void **state)
{
    escertke_expect expect = { .id = AE_ID }, nobody = { .id = NULL };
    escertke_cert leaf = { .version = 3 };

    (void)state;
    assert_int_equal(escertke_cert_match_identity(NULL, &expect, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_match_identity(&leaf, NULL, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_match_identity(&leaf, &nobody, NULL), ESCERTKE_ERR_ARG);
}

static void test_no_san(void **state)
{
    const struct pki_params p = { .cn = "in1.m2m.example.org", .base_s = NOW };
    escertke_expect expect = { .id = CSE_ID, .client = true };
    struct pki_cert cert = pki_make(&p);
    escertke_span path;
    uint8_t *der = pki_der(&cert, &path.len);

    (void)state;
    path.ptr = der;
    expect_verdict("no SAN", &path, 1, &expect, ESCERTKE_ERR_IDENTITY, DENIED, "no subjectAltName");
    free(der);
    pki_cert_free(&cert);
}

static void test_reason_names_both(void **state)
{
    const struct pki_params ca = { .is_ca = true }, leaf = { NAMES(san, URI("//m2m.example.org/in1/Cother"), DNS("x.y")) };
    escertke_expect expect = { .id = AE_ID, .client = true };
    struct chain c = chain_make(leaf, ca, ca);

    (void)state;
    expect_verdict("reason", c.path, 3, &expect, ESCERTKE_ERR_IDENTITY, DENIED,
                   "expected URI:" AE_ID ", certificate has URI://m2m.example.org/in1/Cother, DNS:x.y");
    expect.flavour = DEVICE;
    expect.san = HW_ID;
    expect_verdict("device", c.path, 3, &expect, ESCERTKE_ERR_IDENTITY, DENIED,
                   "expected otherName:" HW_ID ", certificate has URI://m2m.example.org/in1/Cother, DNS:x.y");
    expect = (escertke_expect){ .id = S_ID, .client = true };
    expect_verdict("either", c.path, 3, &expect, ESCERTKE_ERR_IDENTITY, DENIED,
                   "expected URI:" S_ID " or DNS:s5f0e.m2m.example.org, certificate");
    chain_free(&c);
}

static void test_domain_name(void **state)
{
    static const struct {
        escertke_flavour flavour;
        const char *id, *san;
        escertke_err err;
        const char *name;
    } rows[] = {
        { 0, CSE_ID, NULL, ESCERTKE_OK, CSE_NAME },
        { ESCERTKE_FLAVOUR_CSE, CSE_ID, "mn1." CSE_NAME, ESCERTKE_OK, "mn1." CSE_NAME },
        { ESCERTKE_FLAVOUR_CSE, S_ID, NULL, ESCERTKE_OK, "s5f0e.m2m.example.org" },
        { 0, S_ID, NULL, ESCERTKE_ERR_ARG, NULL },
        { 0, AE_ID, NULL, ESCERTKE_ERR_ARG, NULL },
        { ESCERTKE_FLAVOUR_AE, AE_ID, NULL, ESCERTKE_ERR_ARG, NULL },
        { ESCERTKE_FLAVOUR_NODE, CSE_ID, NODE_ID, ESCERTKE_ERR_ARG, NULL },
        { 0, CSE_ID, "in1.m2m.example.org.", ESCERTKE_ERR_ID, NULL },
        { 0, "in1", NULL, ESCERTKE_ERR_ID, NULL },
    };
    char out[ESCERTKE_ID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_expect expect = { .flavour = rows[i].flavour, .id = rows[i].id, .san = rows[i].san };
        assert_int_equal(escertke_expect_domain_name(&expect, out), rows[i].err);
        if (rows[i].name)
            assert_string_equal(out, rows[i].name);
    }
}

/* Before any peer comes: can this rule ever match? */
static void test_expectations(void **state)
{
    static const struct {
        escertke_expect expect;
        escertke_err err;
    } rows[] = {
        { { .id = AE_ID }, ESCERTKE_OK },
        { { .id = "in1" }, ESCERTKE_ERR_ARG },
        { { .id = NULL }, ESCERTKE_ERR_ARG },
        { { .flavour = ESCERTKE_FLAVOUR_CSE, .id = AE_ID }, ESCERTKE_ERR_IDENTITY },
        { { .flavour = ESCERTKE_FLAVOUR_AE, .id = CSE_ID }, ESCERTKE_ERR_IDENTITY },
        { { .flavour = NODE, .id = CSE_ID }, ESCERTKE_ERR_UNSUPPORTED },
        { { .flavour = NODE, .id = CSE_ID, .san = NODE_ID }, ESCERTKE_OK },
        { { .flavour = DEVICE, .id = CSE_ID, .san = HW_ID }, ESCERTKE_OK },
        { { .flavour = DEVICE, .id = CSE_ID, .san = HW_OID }, ESCERTKE_ERR_ARG },
        { { .flavour = ESCERTKE_FLAVOUR_RAW, .id = CSE_ID }, ESCERTKE_ERR_ARG },
        { { .flavour = ESCERTKE_FLAVOUR_RAW, .id = CSE_ID, .pin = "ni:///sha-256;short" }, ESCERTKE_ERR_ARG },
        { { .flavour = ESCERTKE_FLAVOUR_RAW, .id = CSE_ID, .pin = "ni:///sha-256-120;AAAAAAAAAAAAAAAAAAAA" }, ESCERTKE_OK },
        { { .flavour = (escertke_flavour)99, .id = CSE_ID }, ESCERTKE_ERR_UNSUPPORTED },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (escertke_expect_check(&rows[i].expect, NULL) != rows[i].err)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities),        cmocka_unit_test(test_match_arguments), cmocka_unit_test(test_no_san),
        cmocka_unit_test(test_reason_names_both), cmocka_unit_test(test_expectations),    cmocka_unit_test(test_domain_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

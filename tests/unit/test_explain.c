/* test_explain.c - words for what a TLS library refused by itself, from the certificates in the flight. */
#include "cert_case.h"

#include "handshake/explain.h"
#include "handshake/wire.h"

#define UNKNOWN_CA 48
#define BAD 42

struct flight {
    uint8_t octets[8192];
    size_t len;
};

static void put(struct flight *f, const void *bytes, size_t len)
{
    assert_true(f->len + len <= sizeof f->octets);
    memcpy(f->octets + f->len, bytes, len);
    f->len += len;
}

static void put_uint(struct flight *f, size_t octets, size_t v)
{
    for (size_t i = octets; i-- > 0;)
        put(f, &(uint8_t){ (uint8_t)(v >> (8 * i)) }, 1);
}

/* A ServerHello of no use, then Certificate with these, in one record or in two. */
static void make_flight(const escertke_span *certs, size_t count, bool one_record, struct flight *f)
{
    size_t list = 0;

    f->len = 0;
    for (size_t i = 0; i < count; i++)
        list += 3 + certs[i].len;
    size_t message = 4 + 3 + list;
    put(f, "\x16\x03\x03", 3);
    put_uint(f, 2, one_record ? 5 + message : 5);
    put(f, "\x02\0\0\1x", 5);
    if (!one_record) {
        put(f, "\x16\x03\x03", 3);
        put_uint(f, 2, message);
    }
    put(f, "\x0b", 1);
    put_uint(f, 3, 3 + list);
    put_uint(f, 3, list);
    for (size_t i = 0; i < count; i++) {
        put_uint(f, 3, certs[i].len);
        put(f, certs[i].ptr, certs[i].len);
    }
}

static const struct pki_params ca = { .is_ca = true };

static const struct explain_case {
    const char *name;
    struct pki_params leaf;
    size_t sent[3], count; /* of leaf, CA, root */
    escertke_err err;
    int alert;
    const char *certificate, *expected, *found;
} cases[] = {
    { "issuer not there", { 0 }, { 0 }, 1, ESCERTKE_ERR_CERT, UNKNOWN_CA,
      "leaf, subject CN=leaf, ", "a path to one of the trust anchors", "issuer CN=CA, of which no certificate" },
    { "issuer of the CA not there", { 0 }, { 0, 1 }, 2, ESCERTKE_ERR_CERT, UNKNOWN_CA,
      "intermediate 1, subject CN=CA, ", "a path to one", "issuer CN=root, of which no certificate" },
    { "root not trusted, out of order", { 0 }, { 0, 2, 1 }, 3, ESCERTKE_ERR_CERT, UNKNOWN_CA,
      "intermediate 1, subject CN=root, ", "a path to one", "a self-signed certificate that is no trust anchor here" },
    { "signature of the path", { 0 }, { 0, 1 }, 2, ESCERTKE_ERR_CERT, BAD,
      "leaf, subject CN=leaf, ", "signatures that hold", "words of the library" },
    { "signature of the key", { 0 }, { 0, 1 }, 2, ESCERTKE_ERR_SIGNATURE, 51,
      "leaf, subject CN=leaf, ", "a signature by the key of this certificate", "another one" },
    { "curve", { .key = PKI_P384 }, { 0 }, 1, ESCERTKE_ERR_NEGOTIATION, 40,
      "leaf, subject CN=leaf, ", "a public key on the named curve secp256r1", "P-384" },
    { "type of key", { .key = PKI_RSA2048 }, { 0 }, 1, ESCERTKE_ERR_PROFILE, 43, "leaf, ", "a public key on", "RSA" },
    { "curve is right", { 0 }, { 0 }, 1, ESCERTKE_ERR_NEGOTIATION, 40, NULL, NULL, NULL },
    { "not about certificates", { 0 }, { 0 }, 1, ESCERTKE_ERR_TLS, 10, NULL, NULL, NULL },
    { "no certificate", { 0 }, { 0 }, 0, ESCERTKE_ERR_NO_CERT, 40, NULL, "a certificate of the peer", "none" },
};

static void expect_part(const char *name, const char *text, const char *part)
{
    if (part ? strncmp(text, part, strlen(part)) != 0 : *text)
        fail_msg("%s: expected \"%s\", got \"%s\"", name, part ? part : "", text);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        const struct explain_case *x = &cases[i / 2];
        struct chain c = chain_make(x->leaf, ca, ca);
        escertke_span sent[3];
        struct flight f;
        escertke_detail d = { .err = x->err, .alert = x->alert, .backend = "words of the library" };

        for (size_t k = 0; k < x->count; k++)
            sent[k] = c.path[x->sent[k]];
        make_flight(sent, x->count, i % 2, &f);
        esc_explain((escertke_span){ f.octets, f.len }, x->err, &d);
        expect_part(x->name, d.certificate, x->certificate);
        expect_part(x->name, d.expected, x->expected);
        expect_part(x->name, d.found, x->found);
        assert_int_equal(!*d.advice, !x->expected);
        chain_free(&c);
    }
}

/* Any flight, cut anywhere or changed anywhere, is only ever not explained. */
static void test_hostile(void **state)
{
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);
    struct flight f;

    (void)state;
    make_flight(c.path, 3, true, &f);
    for (size_t len = 0; len < f.len; len++) {
        uint8_t *exact = malloc(len + 1);
        escertke_detail d = { .err = ESCERTKE_ERR_CERT, .alert = UNKNOWN_CA };
        memcpy(exact, f.octets, len);
        esc_explain((escertke_span){ exact, len }, ESCERTKE_ERR_CERT, &d);
        assert_string_equal(d.certificate, "");
        exact[0] = 0;
        memcpy(exact, f.octets, len);
        if (len > 20)
            exact[len / 2] ^= 0x80;
        esc_explain((escertke_span){ exact, len }, ESCERTKE_ERR_CERT, &d);
        free(exact);
    }
    chain_free(&c);
}

/* Of two with the same name, and of one that names itself as issuer, the way up ends. */
static void test_circle(void **state)
{
    struct chain c = chain_make((struct pki_params){ .cn = "same" }, (struct pki_params){ .cn = "same", .is_ca = true },
                                (struct pki_params){ .cn = "same", .is_ca = true });
    struct flight f;
    escertke_detail d = { .err = ESCERTKE_ERR_CERT, .alert = UNKNOWN_CA };

    (void)state;
    make_flight(c.path, 3, true, &f);
    esc_explain((escertke_span){ f.octets, f.len }, ESCERTKE_ERR_CERT, &d);
    expect_part("circle", d.certificate, "intermediate 2, subject CN=same");
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_hostile), cmocka_unit_test(test_circle) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An M3 taken apart before TLS sees it, and its signature over the M1 and M2 that it answers (R-HS-37). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "handshake/match.h"
#include "m3_support.h"

/* ---- a genuine run ---------------------------------------------------------------------------------------------- */

struct genuine {
    struct octets m1, m2, m3;
};

static struct genuine genuine_run(const struct fixture *f)
{
    escertke_session *i = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
    escertke_session *t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
    struct genuine g = { .m1 = { .len = 0 } };
    escertke_span out;

    assert_int_equal(escertke_session_start(i, f->now, &out), ESCERTKE_OK);
    append(&g.m1, out.ptr, out.len);
    assert_int_equal(escertke_session_step(t, out, f->now, &out), ESCERTKE_OK);
    append(&g.m2, out.ptr, out.len);
    assert_int_equal(escertke_session_step(i, out, f->now, &out), ESCERTKE_OK);
    append(&g.m3, out.ptr, out.len);
    escertke_session_free(i);
    escertke_session_free(t);
    return g;
}

static escertke_err verify_all(const struct octets *m3, bool raw, const struct octets *m1, const struct octets *m2)
{
    struct esc_m3 read;
    escertke_err err = esc_m3_read(span_of(m3), raw, &read, NULL);

    if (err == ESCERTKE_OK)
        err = esc_m3_verify(&read, fixture_tls(), span_of(m1), span_of(m2));
    esc_m3_clear(&read);
    return err;
}

static void genuine_fits_its_own_run(void **state)
{
    struct genuine a = genuine_run(*state), b = genuine_run(*state);

    assert_int_equal(verify_all(&a.m3, false, &a.m1, &a.m2), ESCERTKE_OK);
    assert_int_equal(verify_all(&b.m3, false, &b.m1, &b.m2), ESCERTKE_OK);
    assert_int_equal(verify_all(&a.m3, false, &b.m1, &b.m2), ESCERTKE_ERR_SIGNATURE);
    assert_int_equal(verify_all(&a.m3, false, &a.m1, &b.m2), ESCERTKE_ERR_SIGNATURE);
    assert_int_equal(verify_all(&a.m3, false, &b.m1, &a.m2), ESCERTKE_ERR_SIGNATURE);
}

/* Records are packaging: neither how M3 is cut nor how M1 and M2 were changes what has been signed (R-HS-22). */
static void any_fragmentation(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 17, 100, 1000, 8000 };
    struct genuine g = genuine_run(*state);
    struct octets clear = clear_of(&g.m3), hello = clear_of(&g.m1);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct octets m1 = { .len = 0 }, m3 = sealed(&clear, sizes[i]);
        for (size_t at = 0; at < hello.len; at += sizes[i])
            append_record(&m1, 22, 0x0301, hello.at + at, hello.len - at < sizes[i] ? hello.len - at : sizes[i]);
        assert_int_equal(verify_all(&m3, false, &m1, &g.m2), ESCERTKE_OK);
    }
}

static bool same_digest(const struct octets *a, const struct octets *b)
{
    uint8_t of_a[32], of_b[32];

    assert_int_equal(esc_m3_digest(fixture_tls(), span_of(a), of_a), ESCERTKE_OK);
    assert_int_equal(esc_m3_digest(fixture_tls(), span_of(b), of_b), ESCERTKE_OK);
    return memcmp(of_a, of_b, sizeof of_a) == 0;
}

/* An M3 is known again in whatever records it comes, and by each octet of what it says. */
static void digest(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 17, 100, 8000 };
    struct genuine g = genuine_run(*state);
    struct octets clear = clear_of(&g.m3), longer = g.m3;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct octets other = in_other_records(&g.m3, sizes[i]);
        assert_true(same_digest(&g.m3, &other));
    }
    for (size_t at = 0; at < clear.len; at++) {
        struct octets changed = clear;
        changed.at[at] ^= 1;
        struct octets a = sealed(&clear, 8000), b = sealed(&changed, 8000);
        assert_false(same_digest(&a, &b));
    }
    for (size_t at = g.m3.len - 40; at < g.m3.len; at++) {
        struct octets changed = g.m3;
        changed.at[at] ^= 1;
        assert_false(same_digest(&g.m3, &changed));
    }
    append(&longer, "", 1);
    assert_false(same_digest(&g.m3, &longer));
}

/* What is sealed is not what is in the clear, though the octets are the same, one behind the other. */
static void digest_tells_clear_from_sealed(void **state)
{
    static const uint8_t ccs = 1, finished[40] = { 0 };
    struct octets seal = { .len = 0 }, once = { .len = 0 }, twice;
    (void)state;

    append_record(&seal, 20, 0x0303, &ccs, 1);
    append_record(&seal, 22, 0x0303, finished, sizeof finished);
    append_record(&once, 22, 0x0303, "abc", 3);
    twice = once;
    append(&once, seal.at, seal.len);
    append(&once, seal.at, seal.len);
    append_record(&twice, 22, 0x0303, seal.at, seal.len);
    append(&twice, seal.at, seal.len);
    assert_false(same_digest(&once, &twice));
}

/* ---- every other M3 --------------------------------------------------------------------------------------------- */

typedef void (*wrong_fn)(struct bodies *b, struct octets *out);

static void cut_list(struct octets *o, size_t list_len)
{
    o->len = 0;
    append_number(o, list_len, 3);
}

static void no_certificate_message(struct bodies *b, struct octets *out)
{
    append_message(out, EXCHANGE, &b->exchange);
    append_message(out, VERIFY, &b->verify);
}

static void empty_certificate(struct bodies *b, struct octets *out)
{
    cut_list(&b->certificate, 0);
    append_message(out, CERTIFICATE, &b->certificate);
    append_message(out, EXCHANGE, &b->exchange); /* and rightly no CertificateVerify */
}

static void no_exchange(struct bodies *b, struct octets *out)
{
    append_message(out, CERTIFICATE, &b->certificate);
    append_message(out, VERIFY, &b->verify);
}

static void no_verify(struct bodies *b, struct octets *out)
{
    append_message(out, CERTIFICATE, &b->certificate);
    append_message(out, EXCHANGE, &b->exchange);
}

static void verify_twice(struct bodies *b, struct octets *out)
{
    put_together(b, out);
    append_message(out, VERIFY, &b->verify);
}

static void certificate_twice(struct bodies *b, struct octets *out)
{
    append_message(out, CERTIFICATE, &b->certificate);
    put_together(b, out);
}

static void one_octet_more(struct bodies *b, struct octets *out)
{
    put_together(b, out);
    append(out, "", 1);
}

static void last_is_not_whole(struct bodies *b, struct octets *out)
{
    put_together(b, out);
    out->len--;
}

static void hello_request_between(struct bodies *b, struct octets *out)
{
    static const uint8_t hello_request[4] = { 0 };
    append_message(out, CERTIFICATE, &b->certificate);
    append(out, hello_request, 4);
    append_message(out, EXCHANGE, &b->exchange);
    append_message(out, VERIFY, &b->verify);
}

static void list_too_long(struct bodies *b, struct octets *out)
{
    b->certificate.at[2]++;
    put_together(b, out);
}

static void list_too_short(struct bodies *b, struct octets *out)
{
    b->certificate.at[2]--;
    put_together(b, out);
}

static void no_list(struct bodies *b, struct octets *out)
{
    b->certificate.len = 2;
    put_together(b, out);
}

static void first_entry_too_long(struct bodies *b, struct octets *out)
{
    b->certificate.at[3] = 0xFF;
    put_together(b, out);
}

static void first_entry_empty(struct bodies *b, struct octets *out)
{
    cut_list(&b->certificate, 3);
    append_number(&b->certificate, 0, 3);
    put_together(b, out);
}

static void not_a_certificate(struct bodies *b, struct octets *out)
{
    cut_list(&b->certificate, 5);
    append_number(&b->certificate, 2, 3);
    append(&b->certificate, "\x30", 2);
    put_together(b, out);
}

static void damaged_certificate(struct bodies *b, struct octets *out)
{
    b->certificate.at[6] ^= 1;
    put_together(b, out);
}

static void other_algorithm(struct bodies *b, struct octets *out)
{
    b->verify.at[0] = 5; /* ecdsa with SHA-384 */
    put_together(b, out);
}

static void rsa_algorithm(struct bodies *b, struct octets *out)
{
    b->verify.at[1] = 1;
    put_together(b, out);
}

static void signature_too_long(struct bodies *b, struct octets *out)
{
    b->verify.at[3]++;
    put_together(b, out);
}

static void octet_behind_signature(struct bodies *b, struct octets *out)
{
    append(&b->verify, "", 1);
    put_together(b, out);
}

static void verify_of_one_octet(struct bodies *b, struct octets *out)
{
    b->verify.len = 1;
    put_together(b, out);
}

static void empty_signature(struct bodies *b, struct octets *out)
{
    b->verify.len = 2;
    append_number(&b->verify, 0, 2);
    put_together(b, out);
}

static void other_signature(struct bodies *b, struct octets *out)
{
    b->verify.at[b->verify.len - 1] ^= 1;
    put_together(b, out);
}

static void other_share(struct bodies *b, struct octets *out)
{
    b->exchange.at[b->exchange.len - 1] ^= 1;
    put_together(b, out);
}

static void empty_exchange(struct bodies *b, struct octets *out)
{
    b->exchange.len = 0;
    put_together(b, out);
}

static void unchanged(struct bodies *b, struct octets *out)
{
    put_together(b, out);
}

static void wrong_messages(void **state)
{
    static const struct {
        const char *name;
        wrong_fn make;
        escertke_err expected;
        int alert;
    } rows[] = {
        { "unchanged", unchanged, ESCERTKE_OK, -1 },
        { "no Certificate", no_certificate_message, ESCERTKE_ERR_TLS, 10 },
        { "empty Certificate", empty_certificate, ESCERTKE_ERR_NO_CERT, 40 },
        { "no ClientKeyExchange", no_exchange, ESCERTKE_ERR_TLS, 10 },
        { "no CertificateVerify", no_verify, ESCERTKE_ERR_TLS, 10 },
        { "CertificateVerify twice", verify_twice, ESCERTKE_ERR_TLS, 10 },
        { "Certificate twice", certificate_twice, ESCERTKE_ERR_TLS, 10 },
        { "HelloRequest between", hello_request_between, ESCERTKE_ERR_TLS, 10 },
        { "one octet more", one_octet_more, ESCERTKE_ERR_TLS, 10 },
        { "last message not whole", last_is_not_whole, ESCERTKE_ERR_TLS, 50 },
        { "list too long", list_too_long, ESCERTKE_ERR_TLS, 50 },
        { "list too short", list_too_short, ESCERTKE_ERR_TLS, 50 },
        { "no list", no_list, ESCERTKE_ERR_TLS, 50 },
        { "first entry too long", first_entry_too_long, ESCERTKE_ERR_TLS, 50 },
        { "first entry empty", first_entry_empty, ESCERTKE_ERR_TLS, 50 },
        { "not a certificate", not_a_certificate, ESCERTKE_ERR_CERT, -1 },
        { "damaged certificate", damaged_certificate, ESCERTKE_ERR_CERT, -1 },
        { "another hash", other_algorithm, ESCERTKE_ERR_TLS, 47 },
        { "RSA", rsa_algorithm, ESCERTKE_ERR_TLS, 47 },
        { "signature too long", signature_too_long, ESCERTKE_ERR_TLS, 50 },
        { "octet behind the signature", octet_behind_signature, ESCERTKE_ERR_TLS, 50 },
        { "CertificateVerify of one octet", verify_of_one_octet, ESCERTKE_ERR_TLS, 50 },
        { "empty signature", empty_signature, ESCERTKE_ERR_SIGNATURE, -1 },
        { "another signature", other_signature, ESCERTKE_ERR_SIGNATURE, -1 },
        { "another share", other_share, ESCERTKE_ERR_SIGNATURE, -1 },
        { "empty ClientKeyExchange", empty_exchange, ESCERTKE_ERR_SIGNATURE, -1 },
    };
    struct genuine g = genuine_run(*state);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bodies b = take_apart(&g.m3);
        struct octets messages = { .len = 0 };
        escertke_detail d;
        struct esc_m3 read;
        rows[i].make(&b, &messages);
        struct octets m3 = sealed(&messages, 700);
        escertke_detail_init(&d);
        escertke_err err = esc_m3_read(span_of(&m3), false, &read, &d);
        if (err == ESCERTKE_OK)
            err = esc_m3_verify(&read, fixture_tls(), span_of(&g.m1), span_of(&g.m2));
        esc_m3_clear(&read);
        if (err != rows[i].expected || d.alert != rows[i].alert)
            fail_msg("%s: %s, alert %d, \"%s\"", rows[i].name, escertke_err_name(err), d.alert, d.reason);
    }
}

/* A record header is not signed, so it is held to what TLS would hold it to. */
static void record_versions(void **state)
{
    struct genuine g = genuine_run(*state);
    escertke_detail d;
    struct esc_m3 read;

    for (size_t at = 0; at < g.m3.len; at += 5 + ((size_t)g.m3.at[at + 3] << 8 | g.m3.at[at + 4])) {
        struct octets m3 = g.m3;
        m3.at[at + 2] = 1;
        escertke_detail_init(&d);
        assert_int_equal(esc_m3_read(span_of(&m3), false, &read, &d), ESCERTKE_ERR_TLS);
        assert_int_equal(d.alert, 70);
    }
}

static void keys_that_are_none_of_ours(void **state)
{
    static const enum pki_key kinds[] = { PKI_P384, PKI_K256, PKI_RSA2048, PKI_ED25519, PKI_P256_COMPRESSED, PKI_P256_EXPLICIT };
    struct genuine g = genuine_run(*state);
    escertke_detail d;
    struct esc_m3 read;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pki_cert cert = pki_make(&(struct pki_params){ .key = kinds[i] });
        struct bodies b = take_apart(&g.m3);
        struct octets messages = { .len = 0 };
        size_t len;
        uint8_t *der = pki_der(&cert, &len);
        cut_list(&b.certificate, 3 + len);
        append_number(&b.certificate, len, 3);
        append(&b.certificate, der, len);
        put_together(&b, &messages);
        struct octets m3 = sealed(&messages, 8000);
        escertke_detail_init(&d);
        assert_int_equal(esc_m3_read(span_of(&m3), false, &read, &d), ESCERTKE_ERR_PROFILE);
        assert_int_equal(d.alert, 43);
        free(der);
        pki_cert_free(&cert);
    }
}

/* ---- raw public keys ----------------------------------------------------------------------------------------------- */

static void raw_key(void **state)
{
    const struct fixture *f = *state;
    struct genuine g = genuine_run(f);
    struct bodies b = take_apart(&g.m3);
    struct octets data = clear_of(&g.m1), m2 = clear_of(&g.m2), messages = { .len = 0 };
    size_t len;
    uint8_t *spki = pki_spki(&f->panel.cert, &len);

    b.certificate.len = b.verify.len = 0;
    append_number(&b.certificate, len, 3);
    append(&b.certificate, spki, len);
    append(&data, m2.at, m2.len);
    append_message(&data, CERTIFICATE, &b.certificate);
    append_message(&data, EXCHANGE, &b.exchange);
    sign(&f->panel.cert, &data, &b.verify);
    put_together(&b, &messages);
    struct octets m3 = sealed(&messages, 50);
    assert_int_equal(verify_all(&m3, true, &g.m1, &g.m2), ESCERTKE_OK);
    assert_int_equal(verify_all(&m3, true, &g.m2, &g.m1), ESCERTKE_ERR_SIGNATURE);
    assert_int_equal(verify_all(&m3, false, &g.m1, &g.m2), ESCERTKE_ERR_TLS); /* the type is configured, never guessed */
    assert_int_equal(verify_all(&g.m3, true, &g.m1, &g.m2), ESCERTKE_ERR_SIGNATURE);
    cut_list(&b.certificate, 0);
    messages.len = 0;
    put_together(&b, &messages);
    m3 = sealed(&messages, 50);
    assert_int_equal(verify_all(&m3, true, &g.m1, &g.m2), ESCERTKE_ERR_NO_CERT);
    free(spki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genuine_fits_its_own_run), cmocka_unit_test(any_fragmentation), cmocka_unit_test(digest),
        cmocka_unit_test(digest_tells_clear_from_sealed), cmocka_unit_test(wrong_messages),
        cmocka_unit_test(record_versions), cmocka_unit_test(keys_that_are_none_of_ours), cmocka_unit_test(raw_key),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

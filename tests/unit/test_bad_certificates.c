/*
 * Certificates and signatures that no library would make, as a peer's, in both roles, for every engine: each length field of each
 * certificate wrong in every way, more and larger certificates than anybody needs, a key that is another's, signatures in every
 * form but the right one. What can be said in one line of tests/data/certificates.txt is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificate_splice.h"
#include "fixture.h"
#include "handshake/wire.h"
#include "rawpeer.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RECORD_MAX 16384u

/* ---- a handshake with a stock peer whose flight is changed on its way -------------------------------------------- */

/* What is done to a flight; those without the message are left alone. */
typedef void (*edit_fn)(escertke_buf *wire, const void *what);

struct outcome {
    escertke_err err;
    int message, alert; /* at which ours failed; what it answered, -1 = nothing */
    char reason[512];
};

static struct outcome meet(const struct fixture *f, bool client, edit_fn edit, const void *what)
{
    const struct party *peer = client ? &f->panel : &f->meter, *ours = client ? &f->meter : &f->panel;
    const struct rawpeer_config cfg = { .server = !client, .chain = peer->chain, .key = peer->key };
    struct rawpeer *raw = rawpeer_openssl(&cfg);
    escertke_session *s = session_of(f, ours, client ? ESCERTKE_TERMINATOR : ESCERTKE_INITIATOR, client ? PANEL : METER);
    struct outcome o = { .alert = -1 };
    escertke_span out = { NULL, 0 };
    escertke_buf wire;

    escertke_buf_init(&wire, 4u << 20);
    if (!client)
        o.err = escertke_session_start(s, f->now, &out);
    while (o.err == ESCERTKE_OK && !escertke_session_done(s)) {
        escertke_buf_reset(&wire);
        (void)rawpeer_step(raw, out, &wire);
        assert_true(wire.len);
        edit(&wire, what);
        o.err = escertke_session_step(s, escertke_buf_span(&wire), f->now, &out);
    }
    o.message = escertke_session_detail(s)->message;
    o.alert = o.err != ESCERTKE_OK && out.len == 7 && out.ptr[0] == WIRE_ALERT ? out.ptr[6] : -1;
    snprintf(o.reason, sizeof o.reason, "%s | %s", escertke_session_detail(s)->reason, escertke_session_detail(s)->backend);
    escertke_buf_free(&wire);
    escertke_session_free(s);
    rawpeer_free(raw);
    return o;
}

static void expect(const char *name, bool client, const struct outcome *o, escertke_err err, int alert)
{
    if (o->err != err || o->alert != alert)
        fail_msg("%s, peer a %s: got %s at M%d, alert %d (%s); expected %s, alert %d", name, client ? "client" : "server",
                 escertke_err_name(o->err), o->message, o->alert, o->reason, escertke_err_name(err), alert);
}

struct certs {
    escertke_span der[400];
    size_t count;
};

static void put_certificates(escertke_buf *wire, const void *what)
{
    const struct certs *c = what;

    splice_certificates(wire, c->der, c->count);
}

static escertke_span der_of(const struct pki_cert *cert)
{
    escertke_span out;

    out.ptr = pki_der(cert, &out.len);
    return out;
}

static void free_der(escertke_span der)
{
    free((void *)(uintptr_t)der.ptr);
}

/* ---- every length field ------------------------------------------------------------------------------------------- */

enum length_form { ZERO, ONE_LESS, ONE_MORE, NEEDLESS_OCTET, INDEFINITE, TWO_GIB, EIGHT_OCTETS, RESERVED, LENGTH_FORMS };

static void add(escertke_buf *out, const void *octets, size_t len)
{
    if (len)
        assert_int_equal(escertke_buf_append(out, octets, len), ESCERTKE_OK);
}

/* In so many octets behind the one that says how many; 0 = in that one. */
static void add_length(escertke_buf *out, size_t len, size_t octets)
{
    uint8_t first = octets ? (uint8_t)(0x80 | octets) : (uint8_t)len;

    add(out, &first, 1);
    while (octets-- > 0) {
        uint8_t octet = (uint8_t)(len >> 8 * octets);
        add(out, &octet, 1);
    }
}

static size_t octets_of(size_t len)
{
    return len < 0x80 ? 0 : len < 0x100 ? 1 : 2;
}

static void add_wrong_length(escertke_buf *out, size_t len, enum length_form form)
{
    static const uint8_t huge[] = { 0x84, 0x7F, 0xFF, 0xFF, 0xFF }, eight[] = { 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

    switch (form) {
    case ZERO: add_length(out, len ? 0 : 1, 0); return;
    case ONE_LESS: add_length(out, len ? len - 1 : 2, octets_of(len)); return;
    case ONE_MORE: add_length(out, len + 1, octets_of(len + 1)); return;
    case NEEDLESS_OCTET: add_length(out, len, octets_of(len) + 1); return;
    case INDEFINITE: add(out, "\x80", 1); return;
    case TWO_GIB: add(out, huge, sizeof huge); return;
    case EIGHT_OCTETS: add(out, eight, sizeof eight); return;
    case RESERVED:
    default: add(out, "\xFF", 1); return;
    }
}

/* Splits one element off; the test's own certificates are good DER. */
static bool next_element(escertke_span *in, uint8_t *tag, escertke_span *content)
{
    size_t head = 2, len = in->len > 1 ? in->ptr[1] : 0;

    if (in->len < 2)
        return false;
    *tag = in->ptr[0];
    for (size_t n = len > 0x80 ? len & 0x7F : 0; n > 0; n--) {
        if (head == 2)
            len = 0;
        if (head >= in->len)
            return false;
        len = len << 8 | in->ptr[head++];
    }
    if (len > in->len - head)
        return false;
    *content = (escertke_span){ in->ptr + head, len };
    *in = (escertke_span){ in->ptr + head + len, in->len - head - len };
    return true;
}

static bool is_der(escertke_span in)
{
    escertke_span content;
    uint8_t tag;

    if (!in.len)
        return false;
    while (in.len)
        if (!next_element(&in, &tag, &content) || (tag != 0x30 && tag != 0x03 && tag != 0x04 && tag != 0x06 && tag != 0x02))
            return false;
    return true;
}

/* A copy in which the length of element number @p wrong has that form, while all lengths around it fit. */
static void copy(escertke_span in, size_t *number, size_t wrong, enum length_form form, escertke_buf *out)
{
    escertke_span content;
    uint8_t tag;

    while (next_element(&in, &tag, &content)) {
        size_t own = (*number)++;
        escertke_buf inner;
        escertke_buf_init(&inner, 1u << 16);
        if (tag & 0x20 || (tag == 0x04 && is_der(content))) /* an extension's value is DER in an OCTET STRING */
            copy(content, number, wrong, form, &inner);
        else
            add(&inner, content.ptr, content.len);
        add(out, &tag, 1);
        if (own == wrong)
            add_wrong_length(out, inner.len, form);
        else
            add_length(out, inner.len, octets_of(inner.len));
        add(out, inner.ptr, inner.len);
        escertke_buf_free(&inner);
    }
}

static escertke_err judge_path(void *ctx, const escertke_span *path, size_t count, int *alert)
{
    const escertke_expect panel = { .id = PANEL, .client = true };
    const struct fixture *f = ctx;

    return escertke_cert_check_path(path, count, &panel, f->now.unix_s, alert, NULL);
}

static void *open_conn(struct fixture *f)
{
    const escertke_tls_open open = { .role = ESCERTKE_TERMINATOR, .credential = f->meter.credential, .verify = judge_path, .verify_ctx = f };
    void *conn;

    assert_int_equal(fixture_tls()->open(&open, &conn), ESCERTKE_OK);
    return conn;
}

static bool refused_for_itself(escertke_err err)
{
    return err == ESCERTKE_ERR_CERT || err == ESCERTKE_ERR_PROFILE;
}

/* @p changed: its place among those sent. */
static void each_length_of(const struct fixture *f, void *conn, const struct certs *good, size_t changed, size_t *tried)
{
    size_t number = 0;
    escertke_buf whole;

    escertke_buf_init(&whole, 1u << 16);
    copy(good->der[changed], &number, SIZE_MAX, ZERO, &whole);
    assert_true(escertke_span_equal(escertke_buf_span(&whole), good->der[changed])); /* every element was found */
    assert_in_range(number, 40, 400);
    for (size_t i = 0; i < number * LENGTH_FORMS; i++, ++*tried) {
        struct certs c = *good;
        size_t at = 0;
        escertke_buf_reset(&whole);
        copy(good->der[changed], &at, i / LENGTH_FORMS, (enum length_form)(i % LENGTH_FORMS), &whole);
        c.der[changed] = escertke_buf_span(&whole);
        escertke_err err = fixture_tls()->judge(conn, c.der, c.count, f->now.unix_s);
        if (!refused_for_itself(err))
            fail_msg("certificate %zu, element %zu, form %zu: %s", changed, i / LENGTH_FORMS, i % LENGTH_FORMS, escertke_err_name(err));
        if (i % 29)
            continue; /* all of them in a handshake would take long */
        bool client = i / 29 % 2;
        struct outcome o = meet(f, client, put_certificates, &c);
        if (!refused_for_itself(o.err) || (o.alert != 42 && o.alert != 43 && o.alert != 48))
            fail_msg("certificate %zu, element %zu, form %zu, peer a %s: %s, alert %d: %s", changed, i / LENGTH_FORMS, i % LENGTH_FORMS,
                     client ? "client" : "server", escertke_err_name(o.err), o.alert, o.reason);
    }
    escertke_buf_free(&whole);
}

static void every_length_field(void **state)
{
    struct fixture *f = *state;
    const struct certs good = { .der = { der_of(&f->panel.cert), der_of(&f->pki.ca) }, .count = 2 };
    void *conn = open_conn(f);
    size_t tried = 0;

    each_length_of(f, conn, &good, 0, &tried);
    each_length_of(f, conn, &good, 1, &tried);
    assert_int_equal(fixture_tls()->judge(conn, good.der, good.count, f->now.unix_s), ESCERTKE_OK);
    print_message("%zu lengths\n", tried);
    fixture_tls()->close(conn);
    free_der(good.der[0]);
    free_der(good.der[1]);
}

/* ---- too many, too large ------------------------------------------------------------------------------------------- */

/* Mbed TLS takes no handshake message that needs a second record. */
static bool fits(size_t octets)
{
    return strcmp(fixture_tls()->name, "mbedtls") != 0 || octets + 7 <= RECORD_MAX;
}

static void expect_by_size(const char *name, const struct fixture *f, const struct certs *c)
{
    size_t octets = 0;

    for (size_t i = 0; i < c->count; i++)
        octets += c->der[i].len + 3;
    for (int client = 0; client < 2; client++) {
        struct outcome o = meet(f, client, put_certificates, c);
        if (octets > ESCERTKE_MESSAGE_MAX)
            expect(name, client, &o, ESCERTKE_ERR_TOO_LARGE, -1);
        else if (fits(octets))
            expect(name, client, &o, ESCERTKE_ERR_CERT, 42);
        else
            expect(name, client, &o, ESCERTKE_ERR_TLS, 50);
    }
}

static void many_certificates(void **state)
{
    static const size_t counts[] = { 6, 7, 20, 100, 400 };
    const struct fixture *f = *state;
    escertke_span leaf = der_of(&f->panel.cert), ca = der_of(&f->pki.ca);
    char name[32];

    for (size_t i = 0; i < COUNT(counts); i++) {
        struct certs c = { .der = { leaf }, .count = counts[i] };
        for (size_t j = 1; j < c.count; j++)
            c.der[j] = ca;
        snprintf(name, sizeof name, "%zu certificates", c.count);
        expect_by_size(name, f, &c);
    }
    free_der(leaf);
    free_der(ca);
}

/* A leaf with so many names, from the CA that permits them all. */
static struct party with_names(const struct fixture *f, size_t count)
{
    struct pki_name *names = calloc(count + 1, sizeof *names);
    char(*text)[40] = calloc(count, sizeof *text);

    assert_true(names && text);
    for (size_t i = 0; i < count; i++) {
        snprintf(text[i], sizeof text[i], "h%zu.m2m.example.org", i);
        names[i] = (struct pki_name){ PKI_DNS, text[i], 0 };
    }
    names[count] = (struct pki_name){ PKI_URI, PANEL, 0 };
    struct party p = party_new(f, &(struct pki_params){ .san = names, .san_count = count + 1 });
    free(names);
    free(text);
    return p;
}

static void many_names(void **state)
{
    static const size_t counts[] = { 300, 600, 2000 };
    struct fixture *f = *state;
    void *conn = open_conn(f);
    char name[48];

    for (size_t i = 0; i < COUNT(counts); i++) {
        struct party large = with_names(f, counts[i]);
        struct certs c = { .der = { der_of(&large.cert), der_of(&f->pki.ca) }, .count = 2 };
        snprintf(name, sizeof name, "%zu names, %zu octets", counts[i], c.der[0].len);
        expect_by_size(name, f, &c);
        if (fixture_tls()->judge(conn, c.der, c.count, f->now.unix_s) != ESCERTKE_ERR_CERT) /* however it may have come */
            fail_msg("%s: not refused", name);
        free_der(c.der[0]);
        free_der(c.der[1]);
        party_free(&large);
    }
    fixture_tls()->close(conn);
}

/* The panel's certificate, good in all but that it has an extension of so many octets. */
static escertke_span with_large_extension(const struct fixture *f, size_t octets)
{
    X509 *x = X509_dup(f->panel.cert.x509);
    ASN1_OBJECT *comment = OBJ_nid2obj(NID_netscape_comment);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    uint8_t *zeros = calloc(octets, 1), *der = NULL;
    X509_EXTENSION *extension;

    assert_int_equal(ASN1_OCTET_STRING_set(value, zeros, (int)octets), 1);
    extension = X509_EXTENSION_create_by_OBJ(NULL, comment, 0, value);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    assert_true(X509_sign(x, f->pki.ca.key, EVP_sha256()) > 0);
    int len = i2d_X509(x, &der);
    assert_true(len > (int)octets);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    X509_free(x);
    free(zeros);
    return (escertke_span){ der, (size_t)len };
}

/* A mebibyte is no message, and cut short it is no certificate; who has it already finds nothing wrong with it but its size. */
static void a_mebibyte(void **state)
{
    struct fixture *f = *state;
    struct certs c = { .der = { with_large_extension(f, 1u << 20), der_of(&f->pki.ca) }, .count = 2 };
    void *conn = open_conn(f);

    expect_by_size("1 MiB", f, &c);
    assert_int_equal(fixture_tls()->judge(conn, c.der, c.count, f->now.unix_s), ESCERTKE_OK);
    c.der[0].len = 60000;
    expect_by_size("60000 octets of it", f, &c);
    assert_int_equal(fixture_tls()->judge(conn, c.der, c.count, f->now.unix_s), ESCERTKE_ERR_CERT);
    fixture_tls()->close(conn);
    OPENSSL_free((void *)(uintptr_t)c.der[0].ptr);
    free_der(c.der[1]);
}

/* ---- whose key it is ----------------------------------------------------------------------------------------------- */

/* A good certificate of the very identity that is expected, and somebody who has not its key. */
static void key_of_another(void **state)
{
    const struct fixture *f = *state;

    for (int client = 0; client < 2; client++) {
        const struct pki_name san = { PKI_URI, client ? PANEL : METER, 0 };
        struct party right = party_new(f, &(struct pki_params){ .san = &san, .san_count = 1 });
        const struct certs c = { .der = { der_of(&right.cert), der_of(&f->pki.ca) }, .count = 2 };
        struct outcome o = meet(f, client, put_certificates, &c);
        expect("another's certificate", client, &o, ESCERTKE_ERR_SIGNATURE, 51);
        free_der(c.der[0]);
        free_der(c.der[1]);
        party_free(&right);
    }
}

/* ---- forms of a signature ------------------------------------------------------------------------------------------ */

enum signature_form { OTHER_S, OCTET_BEHIND, OCTET_SHORT, NO_OCTETS, ZERO_BEFORE_R, R_IS_ZERO, SIDE_BY_SIDE, SIGNATURE_TWICE, FORMS };

static const char *const form_names[] = { "n - s", "octet behind", "octet short", "no octets", "needless zero before r", "r = 0", "r and s side by side", "twice" };

static size_t with_other_s(escertke_span in, uint8_t *out)
{
    const unsigned char *at = in.ptr;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)in.len);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *r = BN_dup(ECDSA_SIG_get0_r(sig)), *s = BN_new();

    assert_int_equal(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(sig)), 1);
    assert_int_equal(ECDSA_SIG_set0(sig, r, s), 1);
    size_t len = (size_t)i2d_ECDSA_SIG(sig, &out);
    ECDSA_SIG_free(sig);
    EC_GROUP_free(group);
    return len;
}

static size_t side_by_side(escertke_span in, uint8_t *out)
{
    const unsigned char *at = in.ptr;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)in.len);

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
    ECDSA_SIG_free(sig);
    return 64;
}

/* The signature anew; @p out has room for two. */
static size_t reshape(escertke_span in, enum signature_form form, uint8_t *out)
{
    size_t r_len = in.ptr[3];

    memcpy(out, in.ptr, in.len);
    switch (form) {
    case OTHER_S: return with_other_s(in, out);
    case OCTET_BEHIND: out[in.len] = 0; return in.len + 1;
    case OCTET_SHORT: return in.len - 1;
    case ZERO_BEFORE_R:
        memmove(out + 6, out + 4, in.len - 4); /* two: one might be needed */
        out[1] = (uint8_t)(out[1] + 2), out[3] = (uint8_t)(out[3] + 2), out[4] = out[5] = 0;
        return in.len + 2;
    case R_IS_ZERO:
        memmove(out + 5, in.ptr + 4 + r_len, in.len - 4 - r_len);
        out[1] = (uint8_t)(out[1] - r_len + 1), out[3] = 1, out[4] = 0;
        return in.len - r_len + 1;
    case SIDE_BY_SIDE: return side_by_side(in, out);
    case SIGNATURE_TWICE: memcpy(out + in.len, in.ptr, in.len); return 2 * in.len;
    case NO_OCTETS:
    case FORMS:
    default: return 0;
    }
}

/* CertificateVerify is algorithm, length, signature; in ServerKeyExchange curve and point stand before that. */
static void change_signature(escertke_buf *wire, const void *what)
{
    uint8_t body[512];

    for (int server = 0; server < 2; server++) {
        uint8_t type = server ? WIRE_SERVER_KEY_EXCHANGE : WIRE_CERTIFICATE_VERIFY;
        size_t before = (server ? 4 + 65 : 0) + 2;
        escertke_buf room;
        escertke_buf_init(&room, ESCERTKE_MESSAGE_MAX);
        escertke_span old = splice_find(escertke_buf_span(wire), type, &room);
        if (old.len) {
            escertke_span signature = { old.ptr + before + 2, old.len - before - 2 };
            assert_in_range(signature.len, 60, 80);
            memcpy(body, old.ptr, before);
            size_t len = reshape(signature, *(const enum signature_form *)what, body + before + 2);
            body[before] = (uint8_t)(len >> 8), body[before + 1] = (uint8_t)len;
            assert_true(splice_message(wire, type, (escertke_span){ body, before + 2 + len }));
        }
        escertke_buf_free(&room);
    }
}

/*
 * Of a valid signature in another form the handshake's Finished does not know: what TLS signs says what was signed with. Who has
 * signed learns it first, and ours from its alert, where the form is one that the back end reads.
 */
static void forms_of_a_signature(void **state)
{
    const struct fixture *f = *state;
    bool strict = strcmp(fixture_tls()->name, "openssl") == 0;

    for (enum signature_form form = OTHER_S; form < FORMS; form++)
        for (int client = 0; client < 2; client++) {
            bool read = form == OTHER_S || (form == ZERO_BEFORE_R && !strict);
            struct outcome o = meet(f, client, change_signature, &form);
            expect(form_names[form], client, &o, read && !client ? ESCERTKE_ERR_ALERT : ESCERTKE_ERR_SIGNATURE, read && !client ? -1 : 51);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_field),   cmocka_unit_test(many_certificates), cmocka_unit_test(many_names),
        cmocka_unit_test(a_mebibyte), cmocka_unit_test(key_of_another), cmocka_unit_test(forms_of_a_signature),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/* inspect_chain.c - how certificates hang together, whether a path to a trust anchor holds, and whom it is accepted as. */
#include <stdio.h>
#include <string.h>

#include <escertke/tls.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/pem.h"
#include "cert/fields.h"
#include "cert/names.h"
#include "cert/words.h"
#include "files.h"
#include "inspect.h"
#include "out.h"

#define PATH_CERTS_MAX (ESCERTKE_CHAIN_MAX + 1)

/* All certificates of the input, and of --trust. */
struct chain {
    escertke_cert certs[INSPECT_CERTS_MAX];
    size_t count;
    escertke_buf trust_pem;
    escertke_buf anchor_der;             /* the anchors one behind the other */
    size_t anchor_at[INSPECT_CERTS_MAX]; /* where each begins */
    escertke_cert anchors[INSPECT_CERTS_MAX];
    size_t anchor_count;
    escertke_span path[PATH_CERTS_MAX]; /* leaf first, anchor last */
    size_t path_count;
    size_t steps; /* signatures that may still be looked at: names alone could lead anywhere */
};

/* Has this issuer signed it? NULL-safe answer for keys that are none. */
static bool signed_by(const escertke_cert *cert, const escertke_cert *issuer)
{
    struct esc_signed s;
    const escertke_tls_ops *tls = escertke_tls_openssl();

    return tls && cert->sig_is_ecdsa_sha256 && esc_signed(cert->der, &s) &&
           tls->ecdsa_verify(issuer->spki, s.body.whole, s.signature) == ESCERTKE_OK;
}

static bool names_issuer(const escertke_cert *cert, const escertke_cert *issuer)
{
    return escertke_span_equal(cert->issuer, issuer->subject);
}

/* What certificate @p at says of its issuer, and what is there. */
static void link_text(const struct chain *c, size_t at, char *out, size_t cap)
{
    char issuer[200];

    if (names_issuer(&c->certs[at], &c->certs[at])) {
        snprintf(out, cap, "certificate %zu is self-signed; its signature %s", at + 1,
                 signed_by(&c->certs[at], &c->certs[at]) ? "holds" : "does not hold");
        return;
    }
    for (size_t i = 0; i < c->count; i++)
        if (i != at && names_issuer(&c->certs[at], &c->certs[i])) {
            snprintf(out, cap, "certificate %zu was issued by certificate %zu%s; the signature %s", at + 1, i + 1,
                     i == at + 1 ? "" : ", which is not the next one",
                     signed_by(&c->certs[at], &c->certs[i]) ? "holds" : "does not hold");
            return;
        }
    esc_dn_text(c->certs[at].issuer, issuer, sizeof issuer);
    snprintf(out, cap, "certificate %zu was issued by %s, which is not here", at + 1, issuer);
}

/* ---- the path to an anchor ------------------------------------------------------------------------------------- */

static escertke_err read_trust(const char *path, struct chain *c, escertke_detail *d)
{
    escertke_err err = file_read(path, &c->trust_pem, d);
    escertke_span text = escertke_buf_span(&c->trust_pem);

    while (err == ESCERTKE_OK && c->anchor_count < INSPECT_CERTS_MAX) {
        c->anchor_at[c->anchor_count] = c->anchor_der.len;
        err = esc_pem_next(&text, "CERTIFICATE", &c->anchor_der);
        if (err == ESCERTKE_OK)
            c->anchor_count++;
    }
    if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOT_FOUND)
        return d->err != ESCERTKE_OK ? err : esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: a PEM block cannot be read", path);
    if (!c->anchor_count)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: no certificate in PEM in it", path);
    for (size_t i = 0; i < c->anchor_count; i++) {
        size_t end = i + 1 < c->anchor_count ? c->anchor_at[i + 1] : c->anchor_der.len;
        err =
            escertke_cert_parse((escertke_span){ c->anchor_der.ptr + c->anchor_at[i], end - c->anchor_at[i] }, &c->anchors[i], d);
        if (err != ESCERTKE_OK)
            return err;
    }
    return ESCERTKE_OK;
}

static bool on_path(const struct chain *c, const escertke_cert *cert)
{
    for (size_t i = 0; i < c->path_count; i++)
        if (c->path[i].ptr == cert->der.ptr || escertke_span_equal(c->path[i], cert->der))
            return true;
    return false;
}

static bool is_issuer(struct chain *c, const escertke_cert *cert, const escertke_cert *issuer)
{
    if (on_path(c, issuer) || !names_issuer(cert, issuer) || !c->steps)
        return false;
    c->steps--;
    return signed_by(cert, issuer);
}

/* From the certificate upwards, an anchor as soon as there is one. */
static bool climb(struct chain *c, const escertke_cert *cert)
{
    c->path[c->path_count++] = cert->der;
    for (size_t i = 0; i < c->anchor_count && c->path_count < PATH_CERTS_MAX; i++)
        if (is_issuer(c, cert, &c->anchors[i])) {
            c->path[c->path_count++] = c->anchors[i].der;
            return true;
        }
    for (size_t i = 0; i < c->anchor_count; i++)
        if (escertke_span_equal(cert->der, c->anchors[i].der))
            return true; /* it is an anchor itself */
    for (size_t i = 0; i < c->count && c->path_count < PATH_CERTS_MAX; i++)
        if (is_issuer(c, cert, &c->certs[i]) && climb(c, &c->certs[i]))
            return true;
    c->path_count--;
    return false;
}

static const escertke_cert *leaf_of(const struct chain *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (!c->certs[i].is_ca)
            return &c->certs[i];
    return &c->certs[0];
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

struct first_error {
    char text[400], clause[64];
};

static void keep_error(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    struct first_error *e = ctx;

    (void)position;
    if (level != ESCERTKE_LINT_ERROR || e->text[0])
        return;
    snprintf(e->text, sizeof e->text, "%s", text);
    snprintf(e->clause, sizeof e->clause, "%s", clause);
}

/* Without --id: what the profile says of the whole path. */
static bool judge_path(const struct inspect *in, const struct chain *c, json_t *thing)
{
    struct first_error e = { .text = "" };

    if (escertke_cert_lint(c->path, c->path_count, in->now_s, false, keep_error, &e) == ESCERTKE_OK)
        return true;
    out_text(thing, "reason", e.text);
    out_text(thing, "clause", e.clause);
    return false;
}

/* With --id: what an end-point says that expects this identity. */
static bool judge_identity(const struct inspect *in, const struct chain *c, const escertke_cert *leaf, bool whole, json_t *thing)
{
    static const struct {
        const char *name;
        bool client;
    } roles[] = { { "as_initiator", true }, { "as_terminator", false } };
    bool ok = true;
    int alert;

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const escertke_expect expect = { .id = in->id, .client = roles[i].client };
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_err err = whole ? escertke_cert_check_path(c->path, c->path_count, &expect, in->now_s, &alert, &d)
                                 : escertke_cert_match_identity(leaf, &expect, &d);
        out_text(thing, roles[i].name, err == ESCERTKE_OK ? "accepted" : "refused");
        if (err != ESCERTKE_OK && ok)
            inspect_refusal(thing, &d);
        ok = ok && err == ESCERTKE_OK;
    }
    return ok;
}

static void judge(struct inspect *in, struct chain *c, json_t *thing)
{
    const escertke_cert *leaf = leaf_of(c);
    char anchor[400];
    escertke_cert cert;
    bool ok = true;

    if (in->trust) {
        c->steps = 256;
        ok = climb(c, leaf);
        if (ok && escertke_cert_parse(c->path[c->path_count - 1], &cert, NULL) == ESCERTKE_OK) {
            escertke_cert_describe(&cert, anchor, sizeof anchor);
            out_text(thing, "trust_anchor", anchor);
        }
        out_text(thing, "path", ok ? "leads to a trust anchor; all signatures on it hold" : "leads to no trust anchor");
        if (!ok)
            out_text(thing, "to_do",
                     "the file must hold all CAs below the anchor, and --trust the anchor that issued the topmost");
    }
    if (ok && in->id)
        ok = judge_identity(in, c, leaf, in->trust != NULL, thing);
    else if (ok && in->trust)
        ok = judge_path(in, c, thing);
    out_text(thing, "verdict", ok ? "accepted" : "refused");
    in->refused = in->refused || !ok;
}

/* With --key: is it the leaf's? */
static escertke_err compare_key(struct inspect *in, const struct chain *c, json_t *thing, escertke_detail *d)
{
    escertke_buf spki;
    escertke_buf_init(&spki, 4096);
    escertke_err err = inspect_read_spki(in->key, &spki, d);

    if (err == ESCERTKE_OK) {
        bool fits = escertke_span_equal(escertke_buf_span(&spki), leaf_of(c)->spki);
        out_text(thing, "key_fits", fits ? "yes: it is the key of the certificate" : "no: it is another key");
        in->refused = in->refused || !fits;
    }
    escertke_buf_free(&spki);
    return err;
}

static void place_of(const struct chain *c, size_t at, char *out, size_t cap)
{
    const escertke_cert *cert = &c->certs[at];

    if (!cert->is_ca)
        snprintf(out, cap, "%s", cert == leaf_of(c) ? "end-point's certificate" : "another end-point's certificate");
    else
        snprintf(out, cap, "%s", names_issuer(cert, cert) ? "root CA, self-signed" : "intermediate CA");
}

/* What the profile says of the CAs; of an end-point's certificate it is said there. */
static void add_ca_finding(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    static const char *const levels[] = { "note", "warning", "error" };

    if (position)
        inspect_add(ctx, "%s: %s (%s)", levels[level], text, clause);
}

static void put_ca_findings(const struct inspect *in, const struct inspect_certs *certs, json_t *thing)
{
    json_t *list = json_array();

    if (certs->count > 1 && certs->count <= PATH_CERTS_MAX &&
        escertke_cert_lint(certs->der, certs->count, in->now_s, false, add_ca_finding, list) != ESCERTKE_OK)
        out_text(thing, "profile", "not kept: peers refuse it");
    if (certs->count > PATH_CERTS_MAX)
        inspect_add(list, "error: more than four certificates and an anchor: peers refuse the chain (TS-0003 10.1.1.3)");
    if (json_array_size(list))
        json_object_set(thing, "findings", list);
    json_decref(list);
}

static escertke_err explain(struct inspect *in, const struct inspect_certs *certs, struct chain *c, escertke_detail *d)
{
    char text[512];
    escertke_err err;
    json_t *thing, *links;

    for (; c->count < certs->count; c->count++)
        if ((err = escertke_cert_parse(certs->der[c->count], &c->certs[c->count], d)) != ESCERTKE_OK) {
            snprintf(text, sizeof text, "%zu certificates before it can be read", c->count);
            return esc_refusal_add(d, err, &(struct esc_refusal){ .expected = "a certificate in strict DER", .found = text });
        }
    for (size_t i = 0; i < c->count; i++) {
        place_of(c, i, text, sizeof text);
        if ((err = inspect_certificate(in, c->certs[i].der, i, text, d)) != ESCERTKE_OK)
            return err;
    }
    if (in->trust && (err = read_trust(in->trust, c, d)) != ESCERTKE_OK)
        return err;
    thing = out_new_event("chain");
    out_number(thing, "certificates", (json_int_t)certs->count + (json_int_t)certs->left_off);
    links = json_array();
    for (size_t i = 0; i < c->count; i++) {
        link_text(c, i, text, sizeof text);
        inspect_add(links, "%s", text);
    }
    if (certs->left_off)
        inspect_add(links, "and %zu certificates that are not explained", certs->left_off);
    json_object_set_new(thing, "links", links);
    put_ca_findings(in, certs, thing);
    err = in->key ? compare_key(in, c, thing, d) : ESCERTKE_OK;
    if (in->trust || in->id)
        judge(in, c, thing);
    inspect_say(in, thing, c->count == 1 ? "where it comes from" : "how they hang together");
    return err;
}

escertke_err inspect_certificates(struct inspect *in, const struct inspect_certs *certs, escertke_detail *d)
{
    struct chain *c = esc_zalloc(sizeof *c);

    if (!c)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    escertke_buf_init(&c->trust_pem, FILE_MAX);
    escertke_buf_init(&c->anchor_der, FILE_MAX);
    escertke_err err = explain(in, certs, c, d);
    escertke_buf_free(&c->trust_pem);
    escertke_buf_free(&c->anchor_der);
    esc_release(c);
    return err;
}

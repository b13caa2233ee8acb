/* crls_load.c - CRLs from files: read, put in order, verified where the issuer is known. All of them, or none. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/pem.h"
#include "cert/crl.h"
#include "cert/crls.h"
#include "cert/crls_issuers.h"
#include "cert/fields.h"
#include "cert/words.h"

#define LABEL "X509 CRL"
#define EARLY_S 86400 /* how far ahead thisUpdate may be: clocks and time zones, not another year */

struct load {
    const escertke_crls_source *src;
    escertke_crls *set;
    struct esc_issuers issuers;
    escertke_detail *d;
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The reason of a CRL that cannot be used, with its place in front. */
static escertke_err refuse_crl(const struct load *l, const struct esc_crl *x, escertke_err err, const escertke_detail *why)
{
    static const struct {
        escertke_err from, to;
        const char *advice;
    } errors[] = {
        { ESCERTKE_ERR_CERT, ESCERTKE_ERR_CREDENTIAL, "get the CRL again from its issuer, as DER or PEM" },
        { ESCERTKE_ERR_TOO_LARGE, ESCERTKE_ERR_LIMIT, "get a CRL of less than 16 MiB" },
        { ESCERTKE_ERR_UNSUPPORTED, ESCERTKE_ERR_UNSUPPORTED,
          "get a complete CRL of version 2 from the issuer itself, signed with ecdsa-with-SHA256" },
    };

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].from == err)
            return esc_fail_cert(l->d, errors[i].to, why->clause, &(struct esc_refusal){ .advice = errors[i].advice },
                                 "CRL %zu of file %zu: %s", x->position, x->file, why->reason);
    return err;
}

static escertke_err prepare(const struct load *l, struct esc_crl *x)
{
    escertke_detail why;

    escertke_detail_init(&why);
    escertke_err err = escertke_crl_parse(escertke_buf_span(&x->der), &x->crl, &why);
    if (err != ESCERTKE_OK)
        return refuse_crl(l, x, err, &why);
    if (l->set->count == ESCERTKE_CRLS_MAX)
        return esc_fail(l->d, ESCERTKE_ERR_LIMIT, "", "more than %u CRLs", ESCERTKE_CRLS_MAX);
    if ((err = esc_crl_index(&x->crl, &x->index)) != ESCERTKE_OK)
        return err;
    return l->src->sha256(x->crl.issuer, x->issuer);
}

/* Takes the octets over in any case. */
static escertke_err add(struct load *l, escertke_buf *der, size_t file, size_t position)
{
    struct esc_crl x = { .der = *der, .file = file, .position = position };
    escertke_crls *set = l->set;

    escertke_buf_init(&x.spki, ESCERTKE_MESSAGE_MAX);
    escertke_err err = prepare(l, &x);
    if (err == ESCERTKE_OK) {
        struct esc_crl *list = esc_resize(set->list, (set->count + 1) * sizeof *list);
        if (list) {
            set->list = list;
            list[set->count++] = x;
            return ESCERTKE_OK;
        }
        err = ESCERTKE_ERR_NOMEM;
    }
    esc_crl_free(&x);
    return err;
}

/* DER, or what was DER once: no text begins like a SEQUENCE of more than 127 octets, as every signed CRL is. */
static bool is_der(escertke_span file)
{
    return file.len >= 2 && file.ptr[0] == DER_SEQUENCE && (file.ptr[1] >= 0x80 || file.ptr[1] + 2u == file.len);
}

static escertke_err read_failed(const struct load *l, escertke_err err, size_t file, size_t position)
{
    if (err == ESCERTKE_ERR_TOO_LARGE)
        return esc_fail(l->d, ESCERTKE_ERR_LIMIT, "", "CRL %zu of file %zu is larger than %u octets", position, file,
                        ESCERTKE_CRL_MAX);
    if (err == ESCERTKE_ERR_BASE64)
        return esc_fail(l->d, ESCERTKE_ERR_CREDENTIAL, "RFC 7468", "CRL %zu of file %zu: broken PEM block", position, file);
    if (err == ESCERTKE_ERR_NOT_FOUND)
        return esc_fail(l->d, ESCERTKE_ERR_CREDENTIAL, "RFC 7468",
                        "file %zu is no CRL: neither DER nor a PEM block \"" LABEL "\"", file);
    return err;
}

static escertke_err read_file(struct load *l, size_t file)
{
    escertke_span text = l->src->files[file - 1];
    bool pem = !is_der(text);
    escertke_err err;
    escertke_buf der;

    for (size_t position = 1;; position++) {
        escertke_buf_init(&der, ESCERTKE_CRL_MAX);
        err = pem ? esc_pem_next(&text, LABEL, &der) : escertke_buf_append(&der, text.ptr, text.len);
        if (err != ESCERTKE_OK) {
            escertke_buf_free(&der);
            return err == ESCERTKE_ERR_NOT_FOUND && position > 1 ? ESCERTKE_OK : read_failed(l, err, file, position);
        }
        if ((err = add(l, &der, file, position)) != ESCERTKE_OK || !pem)
            return err;
    }
}

/* ---- verifying ----------------------------------------------------------------------------------------------- */

static bool may_be_of(const escertke_crl *crl, const struct esc_issuer *issuer)
{
    return esc_name_equal(crl->issuer, issuer->cert.subject) &&
           (!crl->key_id.len || !issuer->key_id.len || escertke_span_equal(crl->key_id, issuer->key_id));
}

static escertke_err remember_issuer(const struct load *l, struct esc_crl *x, const escertke_cert *issuer)
{
    escertke_err err;

    if ((err = escertke_buf_append(&x->spki, issuer->spki.ptr, issuer->spki.len)) == ESCERTKE_OK &&
        (err = l->src->sha256(issuer->spki, x->key)) == ESCERTKE_OK)
        err = l->src->sha256(issuer->subject, x->subject);
    x->verified = err == ESCERTKE_OK;
    return err;
}

static escertke_err refuse_signer(const struct load *l, const struct esc_crl *x, size_t known, size_t barred)
{
    char who[ESC_CRL_TEXT], why[96];

    esc_crl_text(x->crl.issuer, who, sizeof who);
    if (barred == known)
        snprintf(why, sizeof why, "its certificate may not sign CRLs (keyUsage without cRLSign)");
    else
        snprintf(why, sizeof why, "the signature holds with none of the %zu certificates of that name here", known - barred);
    return esc_fail_cert(l->d, ESCERTKE_ERR_SIGNATURE, "RFC 5280 6.3.3",
                         &(struct esc_refusal){ .expected = "a CRL signed by its issuer, whose certificate is known here",
                                                .found = why,
                                                .advice = "get the CRL again from its issuer, over a way that you trust" },
                         "the %s (CRL %zu of file %zu) is not signed by its issuer: %s", who, x->position, x->file, why);
}

static escertke_err verify(const struct load *l, struct esc_crl *x)
{
    size_t known = 0, barred = 0;

    for (size_t i = 0; i < l->issuers.count; i++) {
        const struct esc_issuer *issuer = &l->issuers.list[i];
        if (!may_be_of(&x->crl, issuer))
            continue;
        known++;
        if (!esc_may_sign_crls(&issuer->cert)) {
            barred++;
            continue;
        }
        escertke_err err = l->src->verify(issuer->cert.spki, x->crl.tbs, x->crl.signature);
        if (err != ESCERTKE_ERR_SIGNATURE)
            return err == ESCERTKE_OK ? remember_issuer(l, x, &issuer->cert) : err;
    }
    /* Nobody of that name: its issuer may stand on some peer's path, and it is verified there. */
    return known ? refuse_signer(l, x, known, barred) : ESCERTKE_OK;
}

/* ---- what counts --------------------------------------------------------------------------------------------- */

static bool same_issuer_and_key(const struct esc_crl *a, const struct esc_crl *b)
{
    return a->verified && b->verified && memcmp(a->key, b->key, sizeof a->key) == 0 &&
           esc_name_equal(a->crl.issuer, b->crl.issuer);
}

/* Is there another one of the same issuer and key that counts in its place? */
static bool superseded(const escertke_crls *set, size_t at)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct esc_crl *x = &set->list[at], *other = &set->list[i];
        if (i != at && same_issuer_and_key(x, other) && (i > at ? esc_crl_supersedes(other, x) : !esc_crl_supersedes(x, other)))
            return true;
    }
    return false;
}

static void drop_superseded(escertke_crls *set)
{
    bool drop[ESCERTKE_CRLS_MAX];
    size_t kept = 0;

    for (size_t i = 0; i < set->count; i++)
        drop[i] = superseded(set, i);
    for (size_t i = 0; i < set->count; i++) {
        if (drop[i])
            esc_crl_free(&set->list[i]);
        else
            set->list[kept++] = set->list[i];
    }
    set->count = kept;
}

static escertke_err check_dates(const struct load *l, const struct esc_crl *x)
{
    int64_t now = l->src->unix_s;
    bool expired = now >= x->crl.next_update;
    char who[ESC_CRL_TEXT], date[64];

    if (!expired && x->crl.this_update <= now + EARLY_S)
        return ESCERTKE_OK;
    esc_crl_text(x->crl.issuer, who, sizeof who);
    esc_date_text(expired ? x->crl.next_update : x->crl.this_update, now, date, sizeof date);
    return esc_fail_cert(
        l->d, ESCERTKE_ERR_VALIDITY, "RFC 5280 5.1.2.5",
        &(struct esc_refusal){ .expected = expired ? "a CRL whose nextUpdate is to come" : "a CRL of today",
                               .found = date,
                               .advice = expired ? "get a new CRL from its issuer" : "look at this machine's clock" },
        "the %s (CRL %zu of file %zu) %s at %s", who, x->position, x->file, expired ? "expired" : "begins to be valid", date);
}

static escertke_err load(struct load *l)
{
    escertke_err err = esc_issuers_read(l->src->issuers, &l->issuers, l->d);

    for (size_t file = 1; file <= l->src->count && err == ESCERTKE_OK; file++)
        err = read_file(l, file);
    for (size_t i = 0; i < l->set->count && err == ESCERTKE_OK; i++)
        err = verify(l, &l->set->list[i]);
    if (err != ESCERTKE_OK)
        return err;
    drop_superseded(l->set);
    for (size_t i = 0; i < l->set->count && err == ESCERTKE_OK; i++)
        err = check_dates(l, &l->set->list[i]);
    return err;
}

escertke_err escertke_crls_new(const escertke_crls_source *src, escertke_crls **out, escertke_detail *d)
{
    if (!out)
        return ESCERTKE_ERR_ARG;
    *out = NULL;
    if (!src || (src->count && !src->files) || !src->verify || !src->sha256)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "files, verify or sha256 is missing");
    escertke_crls *set = esc_zalloc(sizeof *set);
    if (!set)
        return ESCERTKE_ERR_NOMEM;
    atomic_init(&set->holders, 1);
    set->check_path = escertke_crls_check_path;
    set->verify = src->verify;
    set->require = src->require;
    struct load l = { .src = src, .set = set, .d = d };
    escertke_err err = load(&l);
    esc_issuers_free(&l.issuers);
    if (err != ESCERTKE_OK) {
        escertke_crls_free(set);
        return err;
    }
    *out = set;
    return ESCERTKE_OK;
}

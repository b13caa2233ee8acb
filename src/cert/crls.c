/* crls.c - a set of CRLs: loaded once, counted, asked by any thread. */
#include "cert/crls.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "cert/crl.h"
#include "cert/crls_issuers.h"
#include "cert/fields.h"
#include "cert/names.h"
#include "cert/profile.h"
#include "cert/words.h"

#define CLAUSE "RFC 5280 6.3.3"

escertke_crls *escertke_crls_hold(escertke_crls *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->holders, 1, memory_order_relaxed);
    return c;
}

void esc_crl_free(struct esc_crl *x)
{
    escertke_buf_free(&x->der);
    escertke_buf_free(&x->spki);
    esc_release(x->index);
}

void escertke_crls_free(escertke_crls *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < c->count; i++)
        esc_crl_free(&c->list[i]);
    esc_release(c->list);
    esc_release(c);
}

void esc_crl_text(escertke_span issuer, char *out, size_t cap)
{
    char name[128];

    esc_dn_text(issuer, name, sizeof name);
    snprintf(out, cap, "CRL of %s", name);
}

bool esc_crl_supersedes(const struct esc_crl *a, const struct esc_crl *b)
{
    if (a->crl.this_update != b->crl.this_update)
        return a->crl.this_update > b->crl.this_update;
    return esc_number_compare(a->crl.number, b->crl.number) >= 0;
}

/* ---- the verdict on one certificate -------------------------------------------------------------------------- */

/* One certificate that is asked about, and what the set has of its issuer. */
struct question {
    const escertke_crls *set;
    int64_t now;
    escertke_span serial;
    const escertke_cert *cert;   /* NULL = only who issued it is known */
    size_t at, count;            /* its place on the path */
    const struct esc_crl *crl;   /* the one that counts; NULL = none */
    const struct esc_crl *other; /* one of that issuer's name that does not count: another key has signed it; NULL = none */
    bool may_sign;               /* the issuer may sign CRLs */
    escertke_detail *d;
};

static struct esc_refusal words(const struct question *q, const char *expected, const char *found, const char *advice)
{
    return (struct esc_refusal){
        .cert = q->cert, .at = q->at, .count = q->count, .expected = expected, .found = found, .advice = advice
    };
}

static escertke_err no_crl(const struct question *q)
{
    char who[ESC_CRL_TEXT] = "CRL of its issuer";

    if (q->other) {
        struct esc_refusal r = words(q, "a CRL signed by the issuer's key", "one signed by another key or by nobody",
                                     "get the CRL that this key has signed and reload");
        esc_crl_text(q->other->crl.issuer, who, sizeof who);
        return esc_fail_cert(q->d, ESCERTKE_ERR_STATUS, CLAUSE, &r, "the %s is not signed by the key that issued the certificate",
                             who);
    }
    if (!q->set->require)
        return ESCERTKE_OK;
    if (q->cert)
        esc_crl_text(q->cert->issuer, who, sizeof who);
    struct esc_refusal r = words(q, who, "none", "configure the issuer's CRL and reload, or require none");
    return esc_fail_cert(q->d, ESCERTKE_ERR_STATUS, CLAUSE, &r, "there is no %s, and a CRL is required", who);
}

static escertke_err not_for_signing(const struct question *q)
{
    struct esc_refusal r = words(q, "an issuer that may sign CRLs", "keyUsage without cRLSign",
                                 "have the CA's certificate issued anew with cRLSign");
    char who[ESC_CRL_TEXT];

    esc_crl_text(q->crl->crl.issuer, who, sizeof who);
    return esc_fail_cert(q->d, ESCERTKE_ERR_STATUS, CLAUSE, &r,
                         "the %s counts for nothing: its issuer's certificate has keyUsage without cRLSign", who);
}

static escertke_err out_of_date(const struct question *q)
{
    bool expired = q->now >= q->crl->crl.next_update;
    char who[ESC_CRL_TEXT], date[64];

    esc_crl_text(q->crl->crl.issuer, who, sizeof who);
    esc_date_text(expired ? q->crl->crl.next_update : q->crl->crl.this_update, q->now, date, sizeof date);
    struct esc_refusal r = words(q, "a CRL that is valid now", date,
                                 expired ? "get a new CRL from its issuer and reload" : "look at this machine's clock");
    return esc_fail_cert(q->d, ESCERTKE_ERR_STATUS, CLAUSE, &r,
                         expired ? "%s expired at %s; get a new one and reload" : "%s is not valid before %s", who, date);
}

static escertke_err revoked(const struct question *q, const struct esc_crl_entry *entry)
{
    char who[ESC_CRL_TEXT], date[64], serial[2 * ESC_SERIAL_MAX + 1], found[128];

    esc_crl_text(q->crl->crl.issuer, who, sizeof who);
    esc_date_text(entry->revoked_s, q->now, date, sizeof date);
    escertke_hex(entry->serial, serial);
    snprintf(found, sizeof found, "revoked at %s: %s", date, esc_crl_reason_name(entry->reason));
    struct esc_refusal r =
        words(q, "a certificate that its issuer has not revoked", found,
              entry->reason == ESC_REASON_HOLD ? "the certificate is on hold: ask its issuer, or have a new one issued"
                                               : "have a new certificate issued for a new key");
    return esc_fail_cert(q->d, ESCERTKE_ERR_REVOKED, CLAUSE, &r, "the certificate with serial number %s was %s (%s)", serial,
                         found, who);
}

static escertke_err judge(const struct question *q)
{
    struct esc_crl_entry entry;

    if (!q->crl)
        return no_crl(q);
    if (!q->may_sign)
        return not_for_signing(q);
    if (q->now < q->crl->crl.this_update || q->now >= q->crl->crl.next_update)
        return out_of_date(q);
    return esc_crl_find(&q->crl->crl, q->crl->index, q->serial, &entry) ? revoked(q, &entry) : ESCERTKE_OK;
}

/* ---- paths --------------------------------------------------------------------------------------------------- */

static bool signed_by(const escertke_crls *c, const struct esc_crl *x, escertke_span spki)
{
    if (x->verified)
        return escertke_span_equal(escertke_buf_span(&x->spki), spki);
    return c->verify(spki, x->crl.tbs, x->crl.signature) == ESCERTKE_OK;
}

/* The CRL counts that stands behind in the set, unless the one found before is newer. */
static void consider(struct question *q, const struct esc_crl *x, bool counts)
{
    if (!counts)
        q->other = x;
    else if (!q->crl || esc_crl_supersedes(x, q->crl))
        q->crl = x;
}

static escertke_err check_certificate(struct question *q, const escertke_cert *issuer)
{
    const escertke_crls *c = q->set;

    q->serial = q->cert->serial;
    q->may_sign = esc_may_sign_crls(issuer);
    for (size_t i = 0; i < c->count; i++)
        if (esc_name_equal(c->list[i].crl.issuer, q->cert->issuer))
            consider(q, &c->list[i], signed_by(c, &c->list[i], issuer->spki));
    return judge(q);
}

static int alert_of(escertke_err err)
{
    return err == ESCERTKE_ERR_REVOKED ? ALERT_CERTIFICATE_REVOKED : ALERT_CERTIFICATE_UNKNOWN;
}

/* From the anchor down: what a CA says counts while that CA itself is good. */
escertke_err escertke_crls_check_path(const escertke_crls *c, const escertke_span *path, size_t count, int64_t unix_s, int *alert,
                                      escertke_detail *d)
{
    escertke_cert issuer, cert;

    if (!c)
        return ESCERTKE_OK;
    if (!alert)
        return ESCERTKE_ERR_ARG;
    *alert = ALERT_INTERNAL_ERROR;
    if (!path || !count)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no path to ask the status of");
    for (size_t at = count; at-- > 0; issuer = cert) {
        *alert = ALERT_CERTIFICATE_UNKNOWN;
        if (escertke_cert_parse(path[at], &cert, NULL) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_STATUS, CLAUSE, "a certificate of the path cannot be read");
        if (at + 1 == count)
            continue;
        struct question q = { .set = c, .now = unix_s, .cert = &cert, .at = at, .count = count, .d = d };
        escertke_err err = check_certificate(&q, &issuer);
        if (err != ESCERTKE_OK) {
            *alert = alert_of(err);
            return err;
        }
    }
    return ESCERTKE_OK;
}

/* ---- certificates remembered --------------------------------------------------------------------------------- */

static bool equal32(const uint8_t a[32], const uint8_t b[32])
{
    return memcmp(a, b, 32) == 0;
}

static escertke_err check_one_issued(const escertke_crls *c, const escertke_issued *one, struct question *q)
{
    q->serial = (escertke_span){ one->serial, one->serial_len };
    q->may_sign = true; /* else the CRL would not have been verified when it was loaded */
    for (size_t i = 0; i < c->count; i++) {
        const struct esc_crl *x = &c->list[i];
        if (equal32(x->issuer, one->issuer) || (x->verified && equal32(x->subject, one->issuer)))
            consider(q, x, x->verified && equal32(x->key, one->key));
    }
    return judge(q);
}

escertke_err escertke_crls_check_issued(const escertke_crls *c, const escertke_issued *issued, size_t count, int64_t unix_s,
                                        escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    if (!c)
        return ESCERTKE_OK;
    if (count && !issued)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no certificates to ask the status of");
    for (size_t at = count; at-- > 0 && err == ESCERTKE_OK;) {
        struct question q = { .set = c, .now = unix_s, .at = at, .count = count + 1, .d = d };
        if (issued[at].serial_len > sizeof issued[at].serial)
            return esc_fail(d, ESCERTKE_ERR_ARG, "", "serial number of more than 20 octets");
        err = check_one_issued(c, &issued[at], &q);
    }
    return err;
}

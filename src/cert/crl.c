/*
 * crl.c - one CRL taken apart (RFC 5280 5). One pass over its octets, nothing is allocated. That it is well-formed counts first;
 * only of a well-formed one it is said what cannot be judged here.
 */
#include "cert/crl.h"

#include <string.h>

#include "base/fail.h"
#include "cert/fields.h"
#include "cert/names.h"

/* What is behind id-ce (2.5.29). */
enum { CE_NUMBER = 20, CE_REASON = 21, CE_INVALIDITY = 24, CE_DELTA = 27, CE_POINT = 28, CE_ISSUER = 29, CE_KEY_ID = 35 };

/* The last arc of 2.5.29.x; 0 = another OID. */
static uint8_t ce_arc(escertke_span oid)
{
    return oid.len == 3 && oid.ptr[0] == 0x55 && oid.ptr[1] == 0x1D ? oid.ptr[2] : 0;
}

/* ---- entries ------------------------------------------------------------------------------------------------- */

const char *esc_crl_reason_name(int reason)
{
    static const char *const names[ESC_REASON_LAST + 1] = {
        "unspecified",     "keyCompromise",        "cACompromise",  "affiliationChanged", "superseded",   "cessationOfOperation",
        "certificateHold", "(unused reason code)", "removeFromCRL", "privilegeWithdrawn", "aACompromise",
    };

    return reason < 0 || reason > ESC_REASON_LAST ? "no reason given" : names[reason];
}

static bool read_reason(escertke_span value, int *reason)
{
    struct der_tlv t;

    if (!esc_der_only(value, DER_ENUMERATED, &t) || t.value.len != 1 || t.value.ptr[0] > ESC_REASON_LAST || t.value.ptr[0] == 7)
        return false;
    *reason = t.value.ptr[0];
    return true;
}

static bool read_invalidity(escertke_span value)
{
    struct der r = esc_der_init(value);
    int64_t unused;

    return esc_der_peek(&r, DER_GENERALIZED_TIME) && esc_der_time(&r, &unused) && esc_der_done(&r);
}

static const char *read_entry_extension(const struct esc_extension *ext, struct esc_crl_entry *e)
{
    switch (ce_arc(ext->oid)) {
    case CE_REASON:
        if (!read_reason(ext->value, &e->reason))
            return "reason code";
        if (e->reason == ESC_REASON_REMOVE)
            e->unsupported = "it takes an entry back (removeFromCRL), as delta CRLs do";
        return NULL;
    case CE_INVALIDITY: return read_invalidity(ext->value) ? NULL : "invalidity date";
    case CE_ISSUER: e->unsupported = "it is an indirect CRL: an entry names another issuer (certificateIssuer)"; return NULL;
    default:
        if (ext->critical)
            e->unsupported = "an entry has a critical extension that is not known";
        return NULL;
    }
}

/* Positive, of 20 octets at most: the serial numbers that a certificate may have. */
static bool read_serial(struct der *r, escertke_span *serial)
{
    return esc_der_integer(r, serial) && serial->len <= ESC_SERIAL_MAX && serial->ptr[0] < 0x80 &&
           (serial->len > 1 || serial->ptr[0] != 0);
}

const char *esc_crl_entry_read(struct der *r, struct esc_crl_entry *e)
{
    struct esc_extension ext;
    struct der_tlv entry, list;
    const char *wrong = NULL;

    *e = (struct esc_crl_entry){ .reason = ESC_REASON_NONE };
    if (!esc_der_take(r, DER_SEQUENCE, &entry))
        return "not a SEQUENCE";
    struct der in = esc_der_init(entry.value);
    if (!read_serial(&in, &e->serial))
        return "serial number";
    if (!esc_der_time(&in, &e->revoked_s))
        return "revocation date";
    if (esc_der_done(&in))
        return NULL;
    if (!esc_der_take(&in, DER_SEQUENCE, &list) || !esc_der_done(&in))
        return "field behind the date that is not an extension list";
    e->has_extensions = true;
    struct esc_extensions walk = esc_extensions(list.whole);
    while (!wrong && esc_extensions_next(&walk, &ext))
        wrong = read_entry_extension(&ext, e);
    return wrong ? wrong : walk.wrong;
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

struct parse {
    escertke_crl *crl;
    int version;
    bool entry_extensions;
    const char *unsupported; /* the first thing that cannot be judged here; NULL = none */
    escertke_detail *d;
};

static escertke_err malformed(const struct parse *p, const char *what)
{
    return esc_fail(p->d, ESCERTKE_ERR_CERT, "RFC 5280 5.1", "malformed CRL: %s", what);
}

static void note_unsupported(struct parse *p, const char *what)
{
    if (!p->unsupported)
        p->unsupported = what;
}

/* v2 (1) is the only version that is written down: version 1 has no such field. */
static bool read_version(struct der *r, struct parse *p)
{
    int v = 0;

    if (esc_der_peek(r, DER_INTEGER) && (!esc_der_small(r, &v) || v != 1))
        return false;
    p->version = v + 1;
    if (v == 0)
        note_unsupported(p, "it is of version 1");
    return true;
}

static bool read_times(struct der *r, struct parse *p)
{
    if (!esc_der_time(r, &p->crl->this_update))
        return false;
    if (esc_der_peek(r, DER_UTC_TIME) || esc_der_peek(r, DER_GENERALIZED_TIME))
        return esc_der_time(r, &p->crl->next_update);
    note_unsupported(p, "it has no nextUpdate, so nobody can tell when it is out of date");
    return true;
}

static escertke_err read_entries(struct der *r, struct parse *p)
{
    struct esc_crl_entry e;
    struct der_tlv list;

    if (!esc_der_peek(r, DER_SEQUENCE))
        return ESCERTKE_OK;
    if (!esc_der_next(r, &list) || !list.value.len)
        return malformed(p, "list of revoked certificates, which is left out if there is none");
    p->crl->revoked = list.value;
    for (struct der in = esc_der_init(list.value); !esc_der_done(&in);) {
        const char *wrong = esc_crl_entry_read(&in, &e);
        p->crl->revoked_count++;
        if (wrong)
            return esc_fail(p->d, ESCERTKE_ERR_CERT, "RFC 5280 5.1.2.6", "malformed CRL: entry %zu: %s", p->crl->revoked_count,
                            wrong);
        p->entry_extensions |= e.has_extensions;
        if (e.unsupported)
            note_unsupported(p, e.unsupported);
    }
    return ESCERTKE_OK;
}

/* keyIdentifier [0], authorityCertIssuer [1], authorityCertSerialNumber [2]; the latter two come together. */
static bool read_key_id(escertke_span value, escertke_span *key_id)
{
    struct der_tlv seq, t;
    bool issuer, serial;

    if (!esc_der_only(value, DER_SEQUENCE, &seq))
        return false;
    struct der r = esc_der_init(seq.value);
    if (esc_der_peek(&r, DER_CONTEXT | 0)) {
        if (!esc_der_next(&r, &t) || !t.value.len)
            return false;
        *key_id = t.value;
    }
    issuer = esc_der_peek(&r, DER_CONTEXT_CONSTRUCTED | 1);
    if (issuer && !esc_der_next(&r, &t))
        return false;
    serial = esc_der_peek(&r, DER_CONTEXT | 2);
    if (serial && !esc_der_next(&r, &t))
        return false;
    return issuer == serial && esc_der_done(&r);
}

static bool read_number(escertke_span value, escertke_span *number)
{
    struct der r = esc_der_init(value);

    return esc_der_integer(&r, number) && esc_der_done(&r) && number->len <= 20 && number->ptr[0] < 0x80;
}

static const char *read_list_extension(const struct esc_extension *ext, struct parse *p)
{
    switch (ce_arc(ext->oid)) {
    case CE_NUMBER: return read_number(ext->value, &p->crl->number) ? NULL : "CRL number";
    case CE_KEY_ID: return read_key_id(ext->value, &p->crl->key_id) ? NULL : "authority key identifier";
    case CE_DELTA: note_unsupported(p, "it is a delta CRL: configure the complete one"); return NULL;
    case CE_POINT:
        note_unsupported(p,
                         "it has an issuing distribution point, so it may be indirect or cover a part only: configure a complete "
                         "one of the issuer itself");
        return NULL;
    default:
        if (ext->critical)
            note_unsupported(p, "it has a critical extension that is not known");
        return NULL;
    }
}

/* r stands at [0] EXPLICIT Extensions, the last field of the body. */
static escertke_err read_extensions(struct der *r, struct parse *p)
{
    struct esc_extension ext;
    const char *wrong = NULL;
    struct der_tlv outer;

    if (p->version == 1 && p->entry_extensions)
        return malformed(p, "an entry has extensions in a CRL of version 1");
    if (esc_der_done(r))
        return ESCERTKE_OK;
    if (!esc_der_take(r, DER_CONTEXT_CONSTRUCTED | 0, &outer) || !esc_der_done(r))
        return malformed(p, "field behind the dates that is neither a list of revoked certificates nor of extensions");
    if (p->version == 1)
        return malformed(p, "extensions in a CRL of version 1");
    struct esc_extensions walk = esc_extensions(outer.value);
    while (!wrong && esc_extensions_next(&walk, &ext))
        wrong = read_list_extension(&ext, p);
    if (!wrong)
        wrong = walk.wrong;
    return wrong ? malformed(p, wrong) : ESCERTKE_OK;
}

static escertke_err read_body(escertke_span body, escertke_span outer_algorithm, struct parse *p)
{
    struct der r = esc_der_init(body);
    escertke_span algorithm;
    escertke_err err;

    if (!read_version(&r, p))
        return malformed(p, "version");
    if (!esc_algorithm(&r, &algorithm) || !escertke_span_equal(algorithm, outer_algorithm))
        return malformed(p, "signature algorithm, or not the same in both places");
    if (!esc_is_ecdsa_sha256(algorithm))
        note_unsupported(p, "it is signed by another algorithm than ecdsa-with-SHA256");
    if (!esc_name_field(&r, &p->crl->issuer) || esc_dn_empty(p->crl->issuer))
        return malformed(p, "issuer");
    if (!read_times(&r, p))
        return malformed(p, "thisUpdate or nextUpdate");
    if ((err = read_entries(&r, p)) != ESCERTKE_OK)
        return err;
    return read_extensions(&r, p);
}

escertke_err escertke_crl_parse(escertke_span der, escertke_crl *out, escertke_detail *d)
{
    struct parse p = { .crl = out, .d = d };
    struct esc_signed whole;

    if (!out || (!der.ptr && der.len))
        return ESCERTKE_ERR_ARG;
    memset(out, 0, sizeof *out);
    out->der = der;
    if (der.len > ESCERTKE_CRL_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "CRL of %zu octets, at most %u are accepted", der.len, ESCERTKE_CRL_MAX);
    if (!esc_signed(der, &whole))
        return malformed(&p, "not one DER SEQUENCE of a body, an algorithm and a signature");
    out->tbs = whole.body.whole;
    out->signature = whole.signature;
    escertke_err err = read_body(whole.body.value, whole.algorithm, &p);
    if (err == ESCERTKE_OK && p.unsupported)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "RFC 5280 5.2", "this CRL cannot be used: %s", p.unsupported);
    return err;
}

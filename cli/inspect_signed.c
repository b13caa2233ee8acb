/* inspect_signed.c - requests for certificates (PKCS#10) and lists of revoked ones. */
#include <stdio.h>

#include <escertke/crl.h>
#include <escertke/tls.h>
#include <openssl/x509v3.h>

#include "base/fail.h"
#include "base/pem.h"
#include "cert/crl.h"
#include "cert/names.h"
#include "cert/san.h"
#include "cert/words.h"
#include "files.h"
#include "inspect.h"
#include "out.h"

#define ENTRIES_MAX 32u

static void put_name(json_t *thing, const char *member, escertke_span name)
{
    char text[512] = "malformed";

    if (esc_dn_valid(name))
        esc_dn_text(name, text, sizeof text);
    out_text(thing, member, *text ? text : "(empty)");
}

/* ---- PKCS#10 ---------------------------------------------------------------------------------------------------- */

/* Content octets of the requested subjectAltName; empty = none. */
static escertke_span requested_names(STACK_OF(X509_EXTENSION) * extensions)
{
    int at = X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1);
    ASN1_OCTET_STRING *octets = at < 0 ? NULL : X509_EXTENSION_get_data(X509v3_get_ext(extensions, at));
    struct der_tlv seq;

    if (!octets ||
        !esc_der_only((escertke_span){ ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets) }, DER_SEQUENCE, &seq))
        return (escertke_span){ NULL, 0 };
    return seq.value;
}

static void put_requested(json_t *thing, X509_REQ *req)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    char text[1000];

    if (esc_names_text(requested_names(extensions), ~0u, text, sizeof text))
        out_text(thing, "names", text);
    else
        out_text(thing, "names", "none asked for; whoever issues gives the identity");
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void put_public(json_t *thing, X509_REQ *req)
{
    uint8_t *der = NULL;
    char ni[72];
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);

    if (len <= 0)
        return;
    escertke_span spki = { der, (size_t)len };
    out_text(thing, "key", esc_key_kind(spki));
    inspect_ni(spki, 256, ni);
    out_text(thing, "public_key_identifier", ni);
    OPENSSL_free(der);
}

escertke_err inspect_request(struct inspect *in, escertke_span der, escertke_detail *d)
{
    const uint8_t *at = der.ptr;
    X509_REQ *req = der.len > FILE_MAX ? NULL : d2i_X509_REQ(NULL, &at, (long)der.len);
    uint8_t *subject = NULL;

    if (!req)
        return esc_fail(d, ESCERTKE_ERR_CERT, "RFC 2986 4", "%s: a certificate request that cannot be read", in->name);
    json_t *thing = out_new_event("certificate_request");
    int len = i2d_X509_NAME(X509_REQ_get_subject_name(req), &subject);
    put_name(thing, "subject", (escertke_span){ subject, len > 0 ? (size_t)len : 0 });
    put_public(thing, req);
    put_requested(thing, req);
    bool holds = X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1;
    out_text(thing, "signature", holds ? "holds: whoever asks has the private key" : "does not hold");
    in->refused = in->refused || !holds;
    inspect_say(in, thing, "certificate request");
    OPENSSL_free(subject);
    X509_REQ_free(req);
    return ESCERTKE_OK;
}

/* ---- CRLs ------------------------------------------------------------------------------------------------------- */

static void put_entries(json_t *thing, const escertke_crl *crl)
{
    json_t *list = json_array();
    struct der r = esc_der_init(crl->revoked);
    struct esc_crl_entry e;
    char hex[2 * ESC_SERIAL_MAX + 1], date[24];

    while (!esc_der_done(&r) && json_array_size(list) < ENTRIES_MAX && !esc_crl_entry_read(&r, &e)) {
        if (e.serial.len > ESC_SERIAL_MAX)
            e.serial.len = ESC_SERIAL_MAX;
        escertke_hex(e.serial, hex);
        out_time(e.revoked_s, date);
        inspect_add(list, "serial %s, %s, %s", hex, date, esc_crl_reason_name(e.reason));
    }
    if (crl->revoked_count > json_array_size(list))
        inspect_add(list, "and %zu more", crl->revoked_count - json_array_size(list));
    if (json_array_size(list))
        json_object_set(thing, "revoked", list);
    json_decref(list);
}

/* Does a CA of that name in --trust vouch for it? */
static escertke_err put_signature(struct inspect *in, json_t *thing, const escertke_crl *crl, escertke_detail *d)
{
    const escertke_tls_ops *tls = escertke_tls_openssl();
    escertke_buf file, der;
    escertke_err err = file_read(in->trust, &file, d);
    escertke_span text = escertke_buf_span(&file);
    bool named = false, holds = false;
    escertke_cert ca;

    escertke_buf_init(&der, FILE_MAX);
    while (err == ESCERTKE_OK && tls && !holds && esc_pem_next(&text, "CERTIFICATE", &der) == ESCERTKE_OK) {
        if (escertke_cert_parse(escertke_buf_span(&der), &ca, NULL) == ESCERTKE_OK &&
            escertke_span_equal(ca.subject, crl->issuer)) {
            named = true;
            holds = tls->ecdsa_verify(ca.spki, crl->tbs, crl->signature) == ESCERTKE_OK;
        }
        escertke_buf_reset(&der);
    }
    if (err == ESCERTKE_OK) {
        out_text(thing, "signature", holds ? "holds" : named ? "does not hold" : "its issuer is not in --trust");
        in->refused = in->refused || !holds;
    }
    escertke_buf_free(&der);
    escertke_buf_free(&file);
    return err;
}

escertke_err inspect_crl(struct inspect *in, escertke_span der, escertke_detail *d)
{
    escertke_crl crl;
    char text[96], date[64];
    escertke_err err = escertke_crl_parse(der, &crl, d);

    if (err != ESCERTKE_OK)
        return err;
    json_t *thing = out_new_event("crl");
    put_name(thing, "issuer", crl.issuer);
    escertke_span number = crl.number;
    if (number.len && number.len <= 20) {
        escertke_hex(number, text);
        out_text(thing, "number", text);
    }
    inspect_date(thing, "this_update", crl.this_update);
    inspect_date(thing, "next_update", crl.next_update);
    esc_date_text(crl.next_update, in->now_s, date, sizeof date);
    snprintf(text, sizeof text, "%s%s", in->now_s < crl.next_update ? "good until " : "too old: next update was due ", date);
    out_text(thing, "validity", text);
    out_number(thing, "entries", (json_int_t)crl.revoked_count);
    put_entries(thing, &crl);
    err = in->trust ? put_signature(in, thing, &crl, d) : ESCERTKE_OK;
    inspect_say(in, thing, "certificate revocation list");
    return err;
}

#include "cert/crls_issuers.h"

#include "base/fail.h"
#include "base/memory.h"
#include "base/pem.h"
#include "cert/der.h"
#include "cert/fields.h"

/* keyIdentifier of the subjectKeyIdentifier extension, empty if there is none; for certificates that have been parsed. */
static escertke_span subject_key_id(const escertke_cert *cert)
{
    static const uint8_t subject_key_identifier[] = { 0x55, 0x1D, 14 };
    const uint8_t *behind_key = cert->spki.ptr + cert->spki.len;
    escertke_span none = { NULL, 0 };
    struct esc_extension ext;
    struct esc_signed whole;
    struct der_tlv t;

    if (!esc_signed(cert->der, &whole))
        return none;
    struct der r = { behind_key, whole.body.value.ptr + whole.body.value.len };
    while (!esc_der_done(&r) && esc_der_next(&r, &t)) {
        if (t.tag != (DER_CONTEXT_CONSTRUCTED | 3))
            continue;
        struct esc_extensions walk = esc_extensions(t.value);
        while (esc_extensions_next(&walk, &ext))
            if (escertke_span_equal(ext.oid, (escertke_span){ subject_key_identifier, sizeof subject_key_identifier }))
                return esc_der_only(ext.value, DER_OCTET_STRING, &t) ? t.value : none;
    }
    return none;
}

static escertke_err add(struct esc_issuers *issuers, const escertke_buf *der)
{
    struct esc_issuer one = { .der = *der };

    if (escertke_cert_parse(escertke_buf_span(der), &one.cert, NULL) != ESCERTKE_OK)
        return ESCERTKE_ERR_CERT;
    one.key_id = subject_key_id(&one.cert);
    struct esc_issuer *list = esc_resize(issuers->list, (issuers->count + 1) * sizeof *list);
    if (!list)
        return ESCERTKE_ERR_NOMEM;
    issuers->list = list;
    list[issuers->count++] = one;
    return ESCERTKE_OK;
}

escertke_err esc_issuers_read(escertke_span pem, struct esc_issuers *out, escertke_detail *d)
{
    escertke_buf der;
    escertke_err err;

    *out = (struct esc_issuers){ NULL, 0 };
    for (;;) {
        escertke_buf_init(&der, ESCERTKE_MESSAGE_MAX);
        if ((err = esc_pem_next(&pem, "CERTIFICATE", &der)) == ESCERTKE_OK && (err = add(out, &der)) == ESCERTKE_OK)
            continue;
        escertke_buf_free(&der);
        if (err != ESCERTKE_ERR_CERT && err != ESCERTKE_ERR_TOO_LARGE)
            break;
    }
    if (err == ESCERTKE_ERR_BASE64)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "RFC 7468", "certificates of the CRLs' issuers cannot be read as PEM");
    return err == ESCERTKE_ERR_NOT_FOUND ? ESCERTKE_OK : err;
}

void esc_issuers_free(struct esc_issuers *issuers)
{
    for (size_t i = 0; i < issuers->count; i++)
        escertke_buf_free(&issuers->list[i].der);
    esc_release(issuers->list);
    *issuers = (struct esc_issuers){ NULL, 0 };
}

bool esc_may_sign_crls(const escertke_cert *cert)
{
    return !cert->has_key_usage || (cert->key_usage & ESCERTKE_KEY_USAGE_CRL_SIGN);
}

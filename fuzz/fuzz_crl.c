/*
 * fuzz_crl.c - a file of CRLs: taken apart, loaded, asked. Of a CRL that can be read, certificates are made that its issuer could
 * have issued, with numbers that are on it and numbers that are not: the set must say the same as a walk over its entries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>
#include <escertke/crl.h>

#include "cert/crl.h"

#define NOW INT64_C(1800000000)
#define ASKED_MAX 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* No cryptography here: what matters is who is asked, and that the answer counts. */
static escertke_err verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    must(spki.len == 91 && data.len && signature.len);
    return signature.ptr[signature.len - 1] & 1 ? ESCERTKE_ERR_SIGNATURE : ESCERTKE_OK;
}

static escertke_err digest(escertke_span in, uint8_t out[32])
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);

    for (size_t i = 0; i < in.len; i++)
        h = (h ^ in.ptr[i]) * UINT64_C(0x100000001B3);
    memset(out, 0, 32);
    memcpy(out, &h, sizeof h);
    return ESCERTKE_OK;
}

/* ---- certificates of the CRL's issuer ------------------------------------------------------------------------ */

static void put(escertke_buf *o, const void *bytes, size_t len)
{
    must(escertke_buf_append(o, bytes, len) == ESCERTKE_OK);
}

static void put_tlv(escertke_buf *o, uint8_t tag, escertke_span value)
{
    uint8_t head[5] = { tag, (uint8_t)value.len };
    size_t n = 2;

    if (value.len >= 0x80) {
        size_t octets = value.len < 0x100 ? 1 : value.len < 0x10000 ? 2 : 3;
        head[1] = (uint8_t)(0x80 | octets);
        for (size_t i = octets; i-- > 0;)
            head[n++] = (uint8_t)(value.len >> (8 * i));
    }
    put(o, head, n);
    put(o, value.ptr, value.len);
}

/* Issued to its issuer, with that number, under one key. */
static void make_certificate(escertke_buf *out, escertke_span name, escertke_span serial)
{
    static const uint8_t version[] = { 0xA0, 3, 2, 1, 2 };
    static const uint8_t algorithm[] = { 0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2 };
    static const uint8_t validity[] = "\x30\x1E\x17\x0D"
                                      "200101000000Z\x17\x0D"
                                      "400101000000Z";
    static const uint8_t spki[91] = { 0x30, 0x59, 0x30, 0x13, 6,    7,    0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1, 6,
                                      8,    0x2A, 0x86, 0x48, 0xCE, 0x3D, 3,    1,    7,    3,    0x42, 0, 4 };
    static const uint8_t signature[] = { 3, 3, 0, 1, 2 };
    escertke_buf body, all;

    escertke_buf_init(&body, 1u << 22);
    escertke_buf_init(&all, 1u << 22);
    escertke_buf_init(out, 1u << 22);
    put(&body, version, sizeof version);
    put_tlv(&body, DER_INTEGER, serial);
    put(&body, algorithm, sizeof algorithm);
    put(&body, name.ptr, name.len);
    put(&body, validity, sizeof validity - 1);
    put(&body, name.ptr, name.len);
    put(&body, spki, sizeof spki);
    put_tlv(&all, DER_SEQUENCE, escertke_buf_span(&body));
    put(&all, algorithm, sizeof algorithm);
    put(&all, signature, sizeof signature);
    put_tlv(out, DER_SEQUENCE, escertke_buf_span(&all));
    escertke_buf_free(&body);
    escertke_buf_free(&all);
}

static void make_pem(escertke_buf *out, escertke_span der)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end[] = "\n-----END CERTIFICATE-----\n";

    escertke_buf_init(out, 1u << 23);
    put(out, begin, sizeof begin - 1);
    must(escertke_base64_encode(der, out) == ESCERTKE_OK);
    put(out, end, sizeof end - 1);
}

/* ---- the same answer as by looking at each entry --------------------------------------------------------------- */

static bool is_on(const escertke_crl *crl, escertke_span serial)
{
    struct der r = esc_der_init(crl->revoked);
    struct esc_crl_entry e;

    while (!esc_der_done(&r)) {
        must(esc_crl_entry_read(&r, &e) == NULL);
        if (escertke_span_equal(e.serial, serial))
            return true;
    }
    return false;
}

static void ask(const escertke_crls *set, const escertke_crl *crl, escertke_span serial, const escertke_buf *ca)
{
    escertke_issued one = { .serial_len = (uint8_t)serial.len };
    bool in_time = crl->next_update > crl->this_update;
    escertke_err expected = !in_time ? ESCERTKE_ERR_STATUS : is_on(crl, serial) ? ESCERTKE_ERR_REVOKED : ESCERTKE_OK;
    escertke_buf leaf;
    escertke_cert cert;
    escertke_detail d;
    int alert = 0;

    make_certificate(&leaf, crl->issuer, serial);
    const escertke_span path[] = { escertke_buf_span(&leaf), escertke_buf_span(ca) };
    escertke_detail_init(&d);
    escertke_err err = escertke_crls_check_path(set, path, 2, crl->this_update, &alert, &d);
    must(err == expected &&
         (err == ESCERTKE_OK || (alert == (err == ESCERTKE_ERR_REVOKED ? 44 : 46) && d.err == err && *d.reason)));

    must(escertke_cert_parse(path[1], &cert, NULL) == ESCERTKE_OK);
    must(digest(crl->issuer, one.issuer) == ESCERTKE_OK && digest(cert.spki, one.key) == ESCERTKE_OK);
    memcpy(one.serial, serial.ptr, serial.len);
    must(escertke_crls_check_issued(set, &one, 1, crl->this_update, NULL) == expected);
    escertke_buf_free(&leaf);
}

static void ask_about_all(const escertke_crls *set, const escertke_crl *crl, const escertke_buf *ca)
{
    struct der r = esc_der_init(crl->revoked);
    uint8_t other[20] = { 1 };
    struct esc_crl_entry e;

    for (size_t i = 0; i < ASKED_MAX && !esc_der_done(&r); i++) {
        must(esc_crl_entry_read(&r, &e) == NULL && e.serial.len <= sizeof other);
        ask(set, crl, e.serial, ca);
        memcpy(other, e.serial.ptr, e.serial.len);
        other[e.serial.len - 1] ^= 1;
        if (e.serial.len > 1 || other[0])
            ask(set, crl, (escertke_span){ other, e.serial.len }, ca);
    }
    ask(set, crl, (escertke_span){ (const uint8_t *)"\x7F\xFF", 2 }, ca);
}

static escertke_err load(escertke_span file, escertke_span issuers, int64_t now, escertke_crls **set)
{
    const escertke_crls_source src = {
        .files = &file, .count = 1, .issuers = issuers, .require = true, .unix_s = now, .verify = verify, .sha256 = digest
    };
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_crls_new(&src, set, &d);
    must((err == ESCERTKE_OK) == (*set != NULL) && (err == ESCERTKE_OK || (d.err == err && *d.reason)));
    must(err == ESCERTKE_OK || err == ESCERTKE_ERR_CREDENTIAL || err == ESCERTKE_ERR_SIGNATURE || err == ESCERTKE_ERR_VALIDITY ||
         err == ESCERTKE_ERR_UNSUPPORTED || err == ESCERTKE_ERR_LIMIT);
    return err;
}

static void with_its_issuer(escertke_span file, const escertke_crl *crl)
{
    bool signature_holds = !(crl->signature.ptr[crl->signature.len - 1] & 1);
    escertke_buf ca, pem;
    escertke_crls *set;

    make_certificate(&ca, crl->issuer, (escertke_span){ (const uint8_t *)"\x01", 1 });
    make_pem(&pem, escertke_buf_span(&ca));
    escertke_err err = load(file, escertke_buf_span(&pem), crl->this_update, &set);
    if (crl->next_update <= crl->this_update)
        must(err == (signature_holds ? ESCERTKE_ERR_VALIDITY : ESCERTKE_ERR_SIGNATURE));
    else
        must(err == (signature_holds ? ESCERTKE_OK : ESCERTKE_ERR_SIGNATURE));
    if (err == ESCERTKE_OK)
        ask_about_all(set, crl, &ca);
    escertke_crls_free(set);
    escertke_buf_free(&ca);
    escertke_buf_free(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const escertke_span file = { data, size };
    escertke_crl crl;
    escertke_crls *set;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_crl_parse(file, &crl, &d);
    must(err == ESCERTKE_OK || (d.err == err && *d.reason));
    must(err == ESCERTKE_OK || err == ESCERTKE_ERR_CERT || err == ESCERTKE_ERR_UNSUPPORTED);
    (void)load(file, (escertke_span){ NULL, 0 }, NOW, &set);
    escertke_crls_free(set);
    if (err == ESCERTKE_OK && crl.issuer.len < ESCERTKE_MESSAGE_MAX / 2 - 256) /* it stands in a certificate twice */
        with_its_issuer(file, &crl);
    return 0;
}

#include "handshake/match.h"

#include "base/fail.h"
#include "handshake/wire.h"

enum { ECDSA_SECP256R1_SHA256 = 0x0403 };
enum {
    UNEXPECTED_MESSAGE = 10,
    HANDSHAKE_FAILURE = 40,
    UNSUPPORTED_CERTIFICATE = 43,
    ILLEGAL_PARAMETER = 47,
    DECODE_ERROR = 50,
    PROTOCOL_VERSION = 70
};

static escertke_err refuse(escertke_detail *d, escertke_err err, int alert, const char *reason)
{
    if (d && d->err == ESCERTKE_OK)
        d->alert = alert;
    return esc_fail(d, err, "RFC 5246 7.4; R-HS-37", "M3: %s", reason);
}

/* ---- records ------------------------------------------------------------------------------------------------- */

/*
 * What the records of a flight carry in the clear: the handshake messages before ChangeCipherSpec, one behind the other. @p
 * sealed is the rest, from ChangeCipherSpec's record on.
 */
static escertke_err split(escertke_span message, escertke_buf *clear, escertke_span *sealed)
{
    struct rd r = rd_init(message);
    struct esc_record record;
    escertke_err err = ESCERTKE_OK;

    do {
        *sealed = (escertke_span){ r.at, rd_left(&r) };
        if (esc_wire_record(&r, &record) != ESCERTKE_OK || record.type != WIRE_HANDSHAKE)
            return ESCERTKE_OK;
        err = escertke_buf_append(clear, record.body.ptr, record.body.len);
    } while (err == ESCERTKE_OK);
    return err;
}

static escertke_err append_clear(escertke_span message, escertke_buf *out)
{
    escertke_span sealed;

    return split(message, out, &sealed);
}

/*
 * From ServerHello on every record is of TLS 1.2. The signature does not cover the headers, and a TLS library that finds another
 * version there gives the handshake up: whoever alters one octet of a genuine M3 on its way shall not get so far.
 */
static bool of_tls12(escertke_span message)
{
    struct rd r = rd_init(message);
    struct esc_record record;

    while (esc_wire_record(&r, &record) == ESCERTKE_OK)
        if (record.version != 0x0303)
            return false;
    return true;
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

/* The next handshake message, if it is of this type. */
static escertke_err next_message(struct rd *r, uint8_t type, escertke_span *body, escertke_detail *d)
{
    struct esc_handshake found;

    if (!rd_left(r))
        return refuse(d, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE, "a message is missing before ChangeCipherSpec");
    if (*r->at != type)
        return refuse(d, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE,
                      "expected Certificate, ClientKeyExchange, CertificateVerify, in this order");
    if (esc_wire_handshake(r, &found) != ESCERTKE_OK)
        return refuse(d, ESCERTKE_ERR_TLS, DECODE_ERROR, "a handshake message is not whole");
    *body = found.body;
    return ESCERTKE_OK;
}

static escertke_err read_chain(escertke_span list, struct esc_m3 *out, escertke_detail *d)
{
    struct rd r = rd_init(list);
    escertke_span der, leaf = { NULL, 0 };
    escertke_cert cert;
    uint32_t len;

    while (rd_left(&r)) {
        if (rd_u24(&r, &len) != ESCERTKE_OK || !len || rd_bytes(&r, len, &der) != ESCERTKE_OK)
            return refuse(d, ESCERTKE_ERR_TLS, DECODE_ERROR, "Certificate is malformed");
        if (!leaf.len)
            leaf = der;
    }
    escertke_err err = escertke_cert_parse(leaf, &cert, d);
    if (err != ESCERTKE_OK)
        return err;
    if (!cert.key_is_p256 || !cert.key_is_uncompressed)
        return refuse(d, ESCERTKE_ERR_PROFILE, UNSUPPORTED_CERTIFICATE,
                      "key of the certificate is none on secp256r1 with an uncompressed point");
    out->list = list;
    out->spki = cert.spki;
    return ESCERTKE_OK;
}

/* RFC 5246 7.4.6: a list of certificates. RFC 7250 3: one SubjectPublicKeyInfo in its place. */
static escertke_err read_certificate(escertke_span body, bool raw, struct esc_m3 *out, escertke_detail *d)
{
    struct rd r = rd_init(body);
    escertke_span content;
    uint32_t len;

    if (rd_u24(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, &content) != ESCERTKE_OK || rd_left(&r))
        return refuse(d, ESCERTKE_ERR_TLS, DECODE_ERROR, "Certificate is malformed");
    if (!content.len)
        return refuse(d, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "Certificate is empty");
    if (!raw)
        return read_chain(content, out, d);
    out->spki = content;
    return ESCERTKE_OK;
}

static escertke_err read_verify(escertke_span body, struct esc_m3 *out, escertke_detail *d)
{
    struct rd r = rd_init(body);
    uint16_t algorithm;

    if (rd_u16(&r, &algorithm) != ESCERTKE_OK || rd_vec16(&r, &out->signature) != ESCERTKE_OK || rd_left(&r))
        return refuse(d, ESCERTKE_ERR_TLS, DECODE_ERROR, "CertificateVerify is malformed");
    if (algorithm != ECDSA_SECP256R1_SHA256)
        return refuse(d, ESCERTKE_ERR_TLS, ILLEGAL_PARAMETER, "CertificateVerify is not of ecdsa_secp256r1_sha256");
    return ESCERTKE_OK;
}

static escertke_err read_messages(bool raw, struct esc_m3 *out, escertke_detail *d)
{
    escertke_span all = escertke_buf_span(&out->octets), certificate, exchange, verify;
    struct rd r = rd_init(all);
    escertke_err err;

    if ((err = next_message(&r, WIRE_CERTIFICATE, &certificate, d)) != ESCERTKE_OK ||
        (err = read_certificate(certificate, raw, out, d)) != ESCERTKE_OK ||
        (err = next_message(&r, WIRE_CLIENT_KEY_EXCHANGE, &exchange, d)) != ESCERTKE_OK)
        return err;
    out->signed_part = (escertke_span){ all.ptr, all.len - rd_left(&r) };
    if ((err = next_message(&r, WIRE_CERTIFICATE_VERIFY, &verify, d)) != ESCERTKE_OK ||
        (err = read_verify(verify, out, d)) != ESCERTKE_OK)
        return err;
    if (rd_left(&r))
        return refuse(d, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE, "something stands between CertificateVerify and ChangeCipherSpec");
    return ESCERTKE_OK;
}

/* Room for it all at once. */
static escertke_err begin(escertke_buf *b, size_t max)
{
    uint8_t *at;

    escertke_buf_init(b, max);
    return escertke_buf_reserve(b, max, &at);
}

/* ---- used by the end-point -------------------------------------------------------------------------------------- */

escertke_err esc_m3_read(escertke_span message, bool raw, struct esc_m3 *out, escertke_detail *d)
{
    *out = (struct esc_m3){ .octets = { NULL, 0, 0, 0 } };
    if (!of_tls12(message))
        return refuse(d, ESCERTKE_ERR_TLS, PROTOCOL_VERSION, "a record is not of version 3.3");
    escertke_err err = begin(&out->octets, message.len);
    if (err == ESCERTKE_OK)
        err = append_clear(message, &out->octets);
    if (err == ESCERTKE_OK)
        err = read_messages(raw, out, d);
    if (err != ESCERTKE_OK)
        esc_m3_clear(out);
    return err;
}

void esc_m3_clear(struct esc_m3 *m3)
{
    escertke_buf_free(&m3->octets);
    *m3 = (struct esc_m3){ .octets = { NULL, 0, 0, 0 } };
}

escertke_err esc_m3_verify(const struct esc_m3 *m3, const escertke_tls_ops *tls, escertke_span m1, escertke_span m2)
{
    escertke_buf data;
    escertke_err err;

    if ((err = begin(&data, m1.len + m2.len + m3->signed_part.len)) == ESCERTKE_OK &&
        (err = append_clear(m1, &data)) == ESCERTKE_OK && (err = append_clear(m2, &data)) == ESCERTKE_OK &&
        (err = escertke_buf_append(&data, m3->signed_part.ptr, m3->signed_part.len)) == ESCERTKE_OK)
        err = tls->ecdsa_verify(m3->spki, escertke_buf_span(&data), m3->signature);
    escertke_buf_free(&data);
    return err;
}

escertke_err esc_m3_digest(const escertke_tls_ops *tls, escertke_span message, uint8_t digest[32])
{
    escertke_span sealed;
    escertke_buf data;

    escertke_err err = begin(&data, message.len + 4);
    if (err == ESCERTKE_OK && (err = split(message, &data, &sealed)) == ESCERTKE_OK) {
        const uint8_t clear_len[] = { (uint8_t)(data.len >> 24), (uint8_t)(data.len >> 16), (uint8_t)(data.len >> 8),
                                      (uint8_t)data.len };

        if ((err = escertke_buf_append(&data, sealed.ptr, sealed.len)) == ESCERTKE_OK &&
            (err = escertke_buf_append(&data, clear_len, sizeof clear_len)) == ESCERTKE_OK)
            err = tls->sha256(escertke_buf_span(&data), digest);
    }
    escertke_buf_free(&data);
    return err;
}

size_t esc_m3_certificates(const struct esc_m3 *m3, escertke_span *out)
{
    struct rd r = rd_init(m3->list);
    size_t count = 0;
    uint32_t len;

    if (!m3->list.len) {
        out[0] = m3->spki;
        return 1;
    }
    while (rd_left(&r) && count < ESC_M3_CERTIFICATES_MAX)
        if (rd_u24(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, &out[count++]) != ESCERTKE_OK)
            return 0;
    return rd_left(&r) ? 0 : count;
}

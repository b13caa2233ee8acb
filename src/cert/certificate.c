/* certificate.c - one certificate taken apart (RFC 5280 4.1). What it may say is decided in profile.c, san.c, constraints.c. */
#include <escertke/cert.h>

#include <string.h>

#include "base/fail.h"
#include "cert/der.h"
#include "cert/fields.h"
#include "cert/names.h"

#define SPAN(array) ((escertke_span){ array, sizeof array })

static const uint8_t alg_p256[] = { 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,         /* id-ecPublicKey */
                                    0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 }; /* secp256r1 */
static const uint8_t eku_server_auth[] = { 0x2B, 6, 1, 5, 5, 7, 3, 1 };
static const uint8_t eku_client_auth[] = { 0x2B, 6, 1, 5, 5, 7, 3, 2 };
static const uint8_t eku_any[] = { 0x55, 0x1D, 0x25, 0x00 };

/* ---- extensions --------------------------------------------------------------------------------------------- */

static bool read_basic_constraints(escertke_span value, escertke_cert *c)
{
    struct der_tlv seq;

    c->has_basic_constraints = true;
    if (!esc_der_only(value, DER_SEQUENCE, &seq))
        return false;
    struct der r = esc_der_init(seq.value);
    if (!esc_der_default_false(&r, &c->is_ca))
        return false;
    if (esc_der_done(&r))
        return true;
    return c->is_ca && esc_der_small(&r, &c->path_len) && esc_der_done(&r);
}

static bool read_key_usage(escertke_span value, escertke_cert *c)
{
    struct der_tlv bits;

    c->has_key_usage = true;
    if (!esc_der_only(value, DER_BIT_STRING, &bits) || bits.value.len < 1 || bits.value.len > 3)
        return false;
    const uint8_t *v = bits.value.ptr;
    size_t octets = bits.value.len - 1;
    if (v[0] > 7 || (!octets && v[0]) || (octets && (v[octets] & ((1u << v[0]) - 1))))
        return false; /* the bits said to be unused are zero in DER */
    c->key_usage = (uint16_t)((octets > 0 ? v[1] << 8 : 0) | (octets > 1 ? v[2] : 0));
    return true;
}

static bool read_eku(escertke_span value, escertke_cert *c)
{
    struct der_tlv seq, oid;

    c->has_eku = true;
    if (!esc_der_only(value, DER_SEQUENCE, &seq) || !seq.value.len)
        return false;
    struct der r = esc_der_init(seq.value);
    while (!esc_der_done(&r)) {
        if (!esc_der_take(&r, DER_OID, &oid) || !esc_der_oid_valid(oid.value))
            return false;
        bool any = escertke_span_equal(oid.value, SPAN(eku_any));
        c->eku_client |= any || escertke_span_equal(oid.value, SPAN(eku_client_auth));
        c->eku_server |= any || escertke_span_equal(oid.value, SPAN(eku_server_auth));
    }
    return true;
}

static bool read_san(escertke_span value, escertke_cert *c)
{
    struct der_tlv seq;
    struct esc_name name;

    if (!esc_der_only(value, DER_SEQUENCE, &seq) || !seq.value.len)
        return false;
    struct der r = esc_der_init(seq.value);
    while (!esc_der_done(&r)) {
        if (!esc_general_name(&r, &name) || (name.type == NAME_IP && name.value.len != 4 && name.value.len != 16))
            return false;
    }
    c->san = seq.value;
    return true;
}

static bool read_name_constraints(escertke_span value, escertke_cert *c)
{
    struct der_tlv seq;

    if (!esc_der_only(value, DER_SEQUENCE, &seq) || !seq.value.len)
        return false; /* its subtrees are read where they are applied */
    c->has_name_constraints = true;
    c->name_constraints = seq.value;
    return true;
}

static const struct {
    uint8_t arc; /* behind 2.5.29 */
    bool (*read)(escertke_span value, escertke_cert *c);
    const char *name;
} extensions[] = {
    { 15, read_key_usage, "keyUsage" },
    { 17, read_san, "subjectAltName" },
    { 19, read_basic_constraints, "basicConstraints" },
    { 30, read_name_constraints, "nameConstraints" },
    { 37, read_eku, "extKeyUsage" },
};

static escertke_err malformed(escertke_detail *d, const char *what)
{
    return esc_fail(d, ESCERTKE_ERR_CERT, "RFC 5280 4.1", "malformed certificate: %s", what);
}

static escertke_err read_known_extension(escertke_span oid, bool critical, escertke_span value, escertke_cert *c,
                                         escertke_detail *d)
{
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const uint8_t known[] = { 0x55, 0x1D, extensions[i].arc };
        if (escertke_span_equal(oid, SPAN(known)))
            return extensions[i].read(value, c) ? ESCERTKE_OK : malformed(d, extensions[i].name);
    }
    c->unknown_critical |= critical;
    return ESCERTKE_OK;
}

/* r stands at [3] EXPLICIT Extensions, the last field of the certificate's body. */
static escertke_err read_extensions(struct der *r, escertke_cert *c, escertke_detail *d)
{
    struct esc_extension ext;
    struct der_tlv outer;
    escertke_err err;

    if (esc_der_done(r))
        return ESCERTKE_OK;
    if (!esc_der_take(r, DER_CONTEXT_CONSTRUCTED | 3, &outer) || !esc_der_done(r))
        return malformed(d, "field behind the public key that is not an extension list");
    if (c->version != 3)
        return malformed(d, "extensions in a certificate that is not version 3");
    struct esc_extensions walk = esc_extensions(outer.value);
    while (esc_extensions_next(&walk, &ext))
        if ((err = read_known_extension(ext.oid, ext.critical, ext.value, c, d)) != ESCERTKE_OK)
            return err;
    return walk.wrong ? malformed(d, walk.wrong) : ESCERTKE_OK;
}

/* ---- fields ------------------------------------------------------------------------------------------------- */

static bool read_version(struct der *r, escertke_cert *c)
{
    struct der_tlv outer;
    int v;

    c->version = 1;
    if (!esc_der_peek(r, DER_CONTEXT_CONSTRUCTED | 0))
        return true;
    if (!esc_der_next(r, &outer))
        return false;
    struct der in = esc_der_init(outer.value);
    if (!esc_der_small(&in, &v) || !esc_der_done(&in) || v < 1 || v > 2)
        return false; /* version 1 is the default, which DER leaves out */
    c->version = v + 1;
    return true;
}

static bool read_validity(struct der *r, escertke_cert *c)
{
    struct der_tlv t;

    if (!esc_der_take(r, DER_SEQUENCE, &t))
        return false;
    struct der in = esc_der_init(t.value);
    return esc_der_time(&in, &c->not_before) && esc_der_time(&in, &c->not_after) && esc_der_done(&in);
}

static bool read_public_key(struct der *r, escertke_cert *c)
{
    struct der_tlv t, bits;
    escertke_span alg;

    if (!esc_der_take(r, DER_SEQUENCE, &t))
        return false;
    c->spki = t.whole;
    struct der in = esc_der_init(t.value);
    if (!esc_algorithm(&in, &alg) || !esc_der_take(&in, DER_BIT_STRING, &bits) || !esc_der_done(&in) || bits.value.len < 2 ||
        bits.value.ptr[0] != 0)
        return false;
    c->public_key = (escertke_span){ bits.value.ptr + 1, bits.value.len - 1 };
    c->key_is_p256 = escertke_span_equal(alg, SPAN(alg_p256));
    c->key_is_uncompressed = c->public_key.len == 65 && c->public_key.ptr[0] == 0x04;
    return true;
}

/* issuerUniqueID [1] and subjectUniqueID [2]: of version 2, used by nobody. */
static bool skip_unique_ids(struct der *r, const escertke_cert *c)
{
    struct der_tlv t;

    for (uint8_t tag = DER_CONTEXT | 1; tag <= (DER_CONTEXT | 2); tag++) {
        if (!esc_der_peek(r, tag))
            continue;
        if (c->version < 2 || !esc_der_next(r, &t))
            return false;
    }
    return true;
}

static escertke_err read_body(escertke_span body, escertke_cert *c, escertke_span *alg, escertke_detail *d)
{
    struct der r = esc_der_init(body);

    if (!read_version(&r, c))
        return malformed(d, "version");
    if (!esc_der_integer(&r, &c->serial))
        return malformed(d, "serial number");
    if (!esc_algorithm(&r, alg))
        return malformed(d, "signature algorithm");
    if (!esc_name_field(&r, &c->issuer))
        return malformed(d, "issuer");
    if (!read_validity(&r, c))
        return malformed(d, "validity");
    if (!esc_name_field(&r, &c->subject))
        return malformed(d, "subject");
    if (!read_public_key(&r, c))
        return malformed(d, "public key");
    if (!skip_unique_ids(&r, c))
        return malformed(d, "unique identifier");
    return read_extensions(&r, c, d);
}

escertke_err escertke_cert_parse(escertke_span der, escertke_cert *out, escertke_detail *d)
{
    struct esc_signed cert;
    escertke_span inner_alg;

    if (!out || (!der.ptr && der.len))
        return ESCERTKE_ERR_ARG;
    memset(out, 0, sizeof *out);
    out->der = der;
    out->path_len = -1;
    if (!esc_signed(der, &cert))
        return malformed(d, "not one DER SEQUENCE of a body, an algorithm and a signature");
    escertke_err err = read_body(cert.body.value, out, &inner_alg, d);
    if (err == ESCERTKE_OK)
        out->sig_is_ecdsa_sha256 = esc_is_ecdsa_sha256(inner_alg) && esc_is_ecdsa_sha256(cert.algorithm);
    return err;
}

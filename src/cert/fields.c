#include "cert/fields.h"

#include "cert/names.h"

bool esc_algorithm(struct der *r, escertke_span *content)
{
    struct der_tlv seq, oid, parameters;

    if (!esc_der_take(r, DER_SEQUENCE, &seq))
        return false;
    *content = seq.value;
    struct der in = esc_der_init(seq.value);
    return esc_der_take(&in, DER_OID, &oid) && esc_der_oid_valid(oid.value) &&
           (esc_der_done(&in) || (esc_der_next(&in, &parameters) && esc_der_done(&in)));
}

bool esc_is_ecdsa_sha256(escertke_span algorithm)
{
    static const uint8_t ecdsa_sha256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02 };

    return escertke_span_equal(algorithm, (escertke_span){ ecdsa_sha256, sizeof ecdsa_sha256 });
}

bool esc_signed(escertke_span der, struct esc_signed *out)
{
    struct der_tlv whole, bits;

    if (!esc_der_only(der, DER_SEQUENCE, &whole))
        return false;
    struct der r = esc_der_init(whole.value);
    if (!esc_der_take(&r, DER_SEQUENCE, &out->body) || !esc_algorithm(&r, &out->algorithm) ||
        !esc_der_take(&r, DER_BIT_STRING, &bits) || !esc_der_done(&r) || bits.value.len < 2 || bits.value.ptr[0] != 0)
        return false;
    out->signature = (escertke_span){ bits.value.ptr + 1, bits.value.len - 1 };
    return true;
}

bool esc_name_field(struct der *r, escertke_span *name)
{
    struct der_tlv t;

    if (!esc_der_take(r, DER_SEQUENCE, &t))
        return false;
    *name = t.whole;
    return esc_dn_valid(t.whole);
}

bool esc_name_equal(escertke_span a, escertke_span b)
{
    return escertke_span_equal(a, b) || (esc_dn_within(a, b) && esc_dn_within(b, a));
}

/* ---- extensions --------------------------------------------------------------------------------------------- */

struct esc_extensions esc_extensions(escertke_span list)
{
    struct esc_extensions w = { .count = 0 };
    struct der_tlv seq;

    if (!esc_der_only(list, DER_SEQUENCE, &seq) || !seq.value.len)
        w.wrong = "extension list";
    else
        w.at = esc_der_init(seq.value);
    return w;
}

static bool read_extension(struct der *list, struct esc_extension *out)
{
    struct der_tlv ext, id, octets;

    if (!esc_der_take(list, DER_SEQUENCE, &ext))
        return false;
    struct der r = esc_der_init(ext.value);
    if (!esc_der_take(&r, DER_OID, &id) || !esc_der_oid_valid(id.value) || !esc_der_default_false(&r, &out->critical) ||
        !esc_der_take(&r, DER_OCTET_STRING, &octets))
        return false;
    out->oid = id.value;
    out->value = octets.value;
    return esc_der_done(&r);
}

bool esc_extensions_next(struct esc_extensions *w, struct esc_extension *out)
{
    if (w->wrong || esc_der_done(&w->at))
        return false;
    if (w->count == ESC_EXTENSIONS_MAX) {
        w->wrong = "more than 32 extensions";
        return false;
    }
    if (!read_extension(&w->at, out)) {
        w->wrong = "extension";
        return false;
    }
    for (size_t i = 0; i < w->count; i++)
        if (escertke_span_equal(w->seen[i], out->oid)) {
            w->wrong = "the same extension twice";
            return false;
        }
    w->seen[w->count++] = out->oid;
    return true;
}

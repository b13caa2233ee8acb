#include "tls/ecdsa.h"

#include <string.h>

#include "cert/der.h"

/* SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING { 04, and what follows is x and y } }: DER knows no other way. */
static const uint8_t p256_prefix[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                       0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
#define SPKI_LEN (sizeof p256_prefix - 1 + ESC_P256_POINT_LEN)

static const uint8_t p256_order[32] = { 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
                                        0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51 };

/* INTEGER 1...n-1. */
static bool take_scalar(struct der *r, escertke_span *out)
{
    escertke_span octets;

    if (!esc_der_integer(r, &octets) || octets.ptr[0] & 0x80)
        return false;
    if (octets.ptr[0] == 0)
        octets = (escertke_span){ octets.ptr + 1, octets.len - 1 };
    *out = octets;
    return octets.len && (octets.len < sizeof p256_order ||
                          (octets.len == sizeof p256_order && memcmp(octets.ptr, p256_order, sizeof p256_order) < 0));
}

bool esc_ecdsa_read(escertke_span spki, escertke_span signature, struct esc_ecdsa *out)
{
    struct der_tlv whole;

    if (spki.len != SPKI_LEN || memcmp(spki.ptr, p256_prefix, sizeof p256_prefix) != 0 ||
        !esc_der_only(signature, DER_SEQUENCE, &whole))
        return false;
    struct der r = esc_der_init(whole.value);
    out->point = spki.ptr + sizeof p256_prefix - 1;
    return take_scalar(&r, &out->r) && take_scalar(&r, &out->s) && esc_der_done(&r);
}

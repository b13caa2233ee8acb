/* ecdsa.h - the one form that a key and a signature may have, looked at the same way whatever the TLS library. */
#ifndef ESCERTKE_TLS_ECDSA_H
#define ESCERTKE_TLS_ECDSA_H

#include <escertke/base.h>

#define ESC_P256_POINT_LEN 65u

/* Borrows from what it was read from. */
struct esc_ecdsa {
    const uint8_t *point; /* ESC_P256_POINT_LEN octets, 04 first; whether it is on the curve is not known yet */
    escertke_span r, s;   /* without leading zeros, 1...32 octets */
};

/**
 * Take apart a SubjectPublicKeyInfo of secp256r1 with an uncompressed point and an Ecdsa-Sig-Value.
 * @return false: any other form, or r or s not in 1...n-1. @spec RFC 5480 2.2; RFC 3279 2.2.3; TS-0003 10.1.1.1
 */
ESCERTKE_CHECKED bool esc_ecdsa_read(escertke_span spki, escertke_span signature, struct esc_ecdsa *out);

#endif

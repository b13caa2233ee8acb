/* raw.c - raw public keys (RFC 7250): a SubjectPublicKeyInfo and nothing around it. */
#include <escertke/cert.h>

#include <string.h>

#include "base/fail.h"
#include "cert/profile.h"

/* With the profile's one curve and one point form, everything but the two coordinates is fixed (R-CE-15, R-CE-18). */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                     0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
enum { P256_SPKI_LEN = sizeof p256_head + 64 };

escertke_err escertke_cert_check_raw(escertke_span spki, const escertke_expect *expect, const uint8_t digest[32], int *alert,
                                     escertke_detail *d)
{
    char found[72];

    if (!alert)
        return ESCERTKE_ERR_ARG;
    *alert = ALERT_INTERNAL_ERROR;
    if (!expect || !expect->pin || !digest)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.4", "a raw public key needs an expected public key identifier");
    if (spki.len != P256_SPKI_LEN || memcmp(spki.ptr, p256_head, sizeof p256_head) != 0) {
        *alert = ALERT_UNSUPPORTED_CERTIFICATE;
        return esc_fail(d, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1",
                        "raw public key of %zu octets: expected secp256r1 with an uncompressed point, 91 octets", spki.len);
    }
    escertke_err err = escertke_key_identifier_match(expect->pin, digest);
    if (err == ESCERTKE_ERR_IDENTITY && escertke_key_identifier(digest, 256, found) == ESCERTKE_OK) {
        *alert = expect->client ? ALERT_ACCESS_DENIED : ALERT_BAD_CERTIFICATE;
        return esc_fail(d, err, "TS-0003 10.1.2", "expected %s, peer shows %s", expect->pin, found);
    }
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "RFC 6920 3", "\"%s\" is not a public key identifier", expect->pin);
}

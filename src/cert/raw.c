/* raw.c - raw public keys (RFC 7250): a SubjectPublicKeyInfo and nothing around it. */
#include <escertke/cert.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/profile.h"
#include "cert/words.h"

/* With the profile's one curve and one point form, everything but the two coordinates is fixed (R-CE-15, R-CE-18). */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                     0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
enum { P256_SPKI_LEN = sizeof p256_head + 64 };

/* The identifier of the key that came, as long as the expected one, so that the two can be compared by eye. */
static void identifier_like(const char *pin, const uint8_t digest[32], char out[72])
{
    int bits = strstr(pin, "sha-256-128;") ? 128 : strstr(pin, "sha-256-120;") ? 120 : 256;

    if (escertke_key_identifier(digest, bits, out) != ESCERTKE_OK)
        out[0] = '\0';
}

static escertke_err refuse_form(escertke_span spki, escertke_detail *d)
{
    char found[128];
    const struct esc_refusal r = { .expected = "a key on secp256r1 as an uncompressed point, 91 octets",
                                   .found = found,
                                   .advice = "make the peer's key with: escertke pki rawkey --out PREFIX" };

    snprintf(found, sizeof found, "%s, %zu octets", esc_key_kind(spki), spki.len);
    return esc_fail_cert(d, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.1", &r,
                         "raw public key of %zu octets: expected secp256r1 with an uncompressed point, 91 octets", spki.len);
}

static escertke_err refuse_key(const escertke_expect *expect, const uint8_t digest[32], escertke_detail *d)
{
    char found[72], whole[72];
    const struct esc_refusal r = {
        .expected = expect->pin,
        .found = found,
        .advice = "if the peer has a new key, put its identifier, as its owner says it, into pin= of the --peer rule; else "
                  "somebody answers in its name"
    };

    identifier_like(expect->pin, digest, found);
    identifier_like("", digest, whole);
    return esc_fail_cert(d, ESCERTKE_ERR_IDENTITY, "TS-0003 10.1.2", &r, "expected %s, peer shows %s", expect->pin, whole);
}

/* A raw key is named by what it is and by its identifier: it has no names. */
static void name_key(escertke_span spki, const uint8_t digest[32], escertke_err err, escertke_detail *d)
{
    char whole[72];

    if (!d || d->err != err || d->certificate[0])
        return;
    identifier_like("", digest, whole);
    snprintf(d->certificate, sizeof d->certificate, "raw public key, %s, %s", esc_key_kind(spki), whole);
}

escertke_err escertke_cert_check_raw(escertke_span spki, const escertke_expect *expect, const uint8_t digest[32], int *alert,
                                     escertke_detail *d)
{
    escertke_err err;

    if (!alert)
        return ESCERTKE_ERR_ARG;
    *alert = ALERT_INTERNAL_ERROR;
    if (!expect || !expect->pin || !digest)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.4", "a raw public key needs an expected public key identifier");
    if (spki.len != P256_SPKI_LEN || memcmp(spki.ptr, p256_head, sizeof p256_head) != 0) {
        *alert = ALERT_UNSUPPORTED_CERTIFICATE;
        err = refuse_form(spki, d);
    } else if ((err = escertke_key_identifier_match(expect->pin, digest)) == ESCERTKE_ERR_IDENTITY) {
        *alert = expect->client ? ALERT_ACCESS_DENIED : ALERT_BAD_CERTIFICATE;
        refuse_key(expect, digest, d);
    } else if (err != ESCERTKE_OK) {
        return esc_fail(d, err, "RFC 6920 3", "\"%s\" is not a public key identifier", expect->pin);
    }
    if (err != ESCERTKE_OK)
        name_key(spki, digest, err, d);
    return err;
}

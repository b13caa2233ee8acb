/* mbedtls_crypto.c - digest, random numbers and signatures for what is checked outside a handshake. */
#include "tls/mbedtls.h"

#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>

#include "tls/ecdsa.h"

static const uint8_t nothing;

escertke_err esc_mbedtls_sha256(escertke_span in, uint8_t out[32])
{
    return mbedtls_sha256_ret(in.len ? in.ptr : &nothing, in.len, out, 0) == 0 ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

escertke_err esc_mbedtls_random(uint8_t *out, size_t len)
{
    return esc_mbedtls_rng(NULL, out, len) == 0 ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

escertke_err esc_mbedtls_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    unsigned char *at = (unsigned char *)(uintptr_t)spki.ptr;
    struct esc_ecdsa parts;
    mbedtls_pk_context key;
    uint8_t digest[32];
    int alert;

    if (!esc_ecdsa_read(spki, signature, &parts))
        return ESCERTKE_ERR_SIGNATURE;
    escertke_err err = esc_mbedtls_sha256(data, digest);
    if (err != ESCERTKE_OK)
        return err;
    mbedtls_pk_init(&key);
    int bad = mbedtls_pk_parse_subpubkey(&at, at + spki.len, &key);
    if (!bad)
        bad = mbedtls_pk_verify(&key, MBEDTLS_MD_SHA256, digest, sizeof digest, signature.ptr, signature.len);
    if (bad)
        err = esc_mbedtls_classify(bad, -1, &alert) == ESCERTKE_ERR_NOMEM ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_SIGNATURE;
    mbedtls_pk_free(&key);
    return err;
}

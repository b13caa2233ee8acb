/* gnutls_crypto.c - digest, random numbers and signatures for what is checked outside a handshake. */
#include "tls/gnutls.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "tls/ecdsa.h"

static const uint8_t nothing;

escertke_err esc_gnutls_sha256(escertke_span in, uint8_t out[32])
{
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, in.len ? in.ptr : &nothing, in.len, out) == 0 ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

escertke_err esc_gnutls_random(uint8_t *out, size_t len)
{
    return gnutls_rnd(GNUTLS_RND_KEY, out, len) == 0 ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

static gnutls_datum_t datum(escertke_span in)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)(in.len ? in.ptr : &nothing), (unsigned)in.len };
}

escertke_err esc_gnutls_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    gnutls_datum_t der = datum(spki), tbs = datum(data), sig = datum(signature);
    struct esc_ecdsa parts;
    gnutls_pubkey_t key;
    bool ok;

    if (data.len > UINT32_MAX || !esc_ecdsa_read(spki, signature, &parts))
        return ESCERTKE_ERR_SIGNATURE;
    if (gnutls_pubkey_init(&key) < 0)
        return ESCERTKE_ERR_NOMEM;
    ok = gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER) == 0 &&
         gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &tbs, &sig) >= 0;
    gnutls_pubkey_deinit(key);
    return ok ? ESCERTKE_OK : ESCERTKE_ERR_SIGNATURE;
}

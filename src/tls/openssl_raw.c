/* openssl_raw.c - raw public keys (RFC 7250), where libssl has them. */
#include "tls/openssl.h"

#include <openssl/err.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/own_chain.h"

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

static escertke_err spki_of(EVP_PKEY *key, uint8_t **der, size_t *len)
{
    int size = i2d_PUBKEY(key, NULL);
    unsigned char *to;

    if (size <= 0)
        return ESCERTKE_ERR_BACKEND;
    *der = to = esc_alloc((size_t)size);
    if (!to)
        return ESCERTKE_ERR_NOMEM;
    *len = (size_t)i2d_PUBKEY(key, &to);
    return ESCERTKE_OK;
}

escertke_err esc_openssl_load_raw(struct openssl_credential *cred, EVP_PKEY *key, escertke_detail *d)
{
    uint8_t *spki = NULL;
    size_t len = 0;
    escertke_err err = spki_of(key, &spki, &len);

    if (err == ESCERTKE_OK)
        err = esc_own_raw_check((escertke_span){ spki, len }, esc_openssl_sha256, &cred->leaf, &cred->leaf_len, d);
    if (err == ESCERTKE_OK && SSL_CTX_use_PrivateKey(cred->ctx, key) != 1)
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "TS-0003 8.1.2.3", "own raw key cannot be used");
    cred->raw = true;
    esc_release(spki);
    return err;
}

escertke_err esc_openssl_set_types(SSL *ssl, escertke_role role, bool own_raw, bool peer_raw)
{
    static const unsigned char raw[] = { TLSEXT_cert_type_rpk };
    bool server_raw = role == ESCERTKE_TERMINATOR ? own_raw : peer_raw,
         client_raw = role == ESCERTKE_TERMINATOR ? peer_raw : own_raw;

    if (server_raw && SSL_set1_server_cert_type(ssl, raw, sizeof raw) != 1)
        return ESCERTKE_ERR_BACKEND;
    if (client_raw && SSL_set1_client_cert_type(ssl, raw, sizeof raw) != 1)
        return ESCERTKE_ERR_BACKEND;
    return ESCERTKE_OK;
}

bool esc_openssl_shown_raw(X509_STORE_CTX *store, escertke_span *spki)
{
    EVP_PKEY *key = X509_STORE_CTX_get0_rpk(store);
    uint8_t *der = NULL;
    size_t len = 0;

    if (!key)
        return false;
    if (spki_of(key, &der, &len) != ESCERTKE_OK)
        len = 0; /* an empty one is refused */
    *spki = (escertke_span){ der, len };
    return true;
}

#else

escertke_err esc_openssl_load_raw(struct openssl_credential *cred, EVP_PKEY *key, escertke_detail *d)
{
    (void)cred, (void)key;
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "R-TL-4",
                    "the OpenSSL engine has raw public keys from OpenSSL 3.2 on, this is %s; the GnuTLS engine has them",
                    OPENSSL_VERSION_STR);
}

escertke_err esc_openssl_set_types(SSL *ssl, escertke_role role, bool own_raw, bool peer_raw)
{
    (void)ssl, (void)role;
    return own_raw || peer_raw ? ESCERTKE_ERR_UNSUPPORTED : ESCERTKE_OK;
}

bool esc_openssl_shown_raw(X509_STORE_CTX *store, escertke_span *spki)
{
    (void)store, (void)spki;
    return false;
}

#endif

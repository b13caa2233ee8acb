/* openssl_crypto.c - digest, random numbers and signatures for what is checked outside a handshake. */
#include "tls/openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

static const uint8_t nothing;

escertke_err esc_openssl_sha256(escertke_span in, uint8_t out[32])
{
    unsigned int len = 0;

    if (EVP_Digest(in.len ? in.ptr : &nothing, in.len, out, &len, EVP_sha256(), NULL) == 1 && len == 32)
        return ESCERTKE_OK;
    ERR_clear_error();
    return ESCERTKE_ERR_BACKEND;
}

escertke_err esc_openssl_random(uint8_t *out, size_t len)
{
    return len <= 4096 && RAND_priv_bytes(out, (int)len) == 1 ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

static bool is_p256(const EVP_PKEY *key)
{
    char group[32];
    size_t len;

    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
           OBJ_sn2nid(group) == NID_X9_62_prime256v1;
}

escertke_err esc_openssl_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    const unsigned char *at = spki.ptr;
    EVP_PKEY *key = spki.len && spki.len <= ESCERTKE_MESSAGE_MAX ? d2i_PUBKEY(NULL, &at, (long)spki.len) : NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    escertke_err err = md ? ESCERTKE_ERR_SIGNATURE : ESCERTKE_ERR_NOMEM;

    if (md && key && at == spki.ptr + spki.len && is_p256(key) && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(md, signature.len ? signature.ptr : &nothing, signature.len, data.len ? data.ptr : &nothing, data.len) ==
            1)
        err = ESCERTKE_OK;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}

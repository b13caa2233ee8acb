/* openssl_crypto.c - digest, random numbers and signatures for what is checked outside a handshake. */
/*
 * Signatures are verified with the low-level functions that OpenSSL 3 calls deprecated: an EVP_PKEY made of a
 * SubjectPublicKeyInfo costs more than the verification itself (the decoder is built anew for each, and the point is multiplied
 * by the order of a curve whose every point has that order).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tls/openssl.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "tls/ecdsa.h"

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

static EC_GROUP *p256;
static pthread_once_t p256_once = PTHREAD_ONCE_INIT;

static void make_p256(void)
{
    p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

/* The key that this point is; that it is on the curve is checked, and more is not needed where the cofactor is 1. */
static EC_KEY *key_of(const uint8_t *point)
{
    EC_KEY *key = p256 ? EC_KEY_new() : NULL;
    EC_POINT *q = key ? EC_POINT_new(p256) : NULL;

    if (!q || EC_POINT_oct2point(p256, q, point, ESC_P256_POINT_LEN, NULL) != 1 || EC_KEY_set_group(key, p256) != 1 ||
        EC_KEY_set_public_key(key, q) != 1) {
        EC_KEY_free(key);
        key = NULL;
    }
    EC_POINT_free(q);
    return key;
}

static ECDSA_SIG *signature_of(const struct esc_ecdsa *in)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(in->r.ptr, (int)in->r.len, NULL), *s = BN_bin2bn(in->s.ptr, (int)in->s.len, NULL);

    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1)
        return signature;
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return NULL;
}

/* What a failure was: out of memory, or the peer's. Empties the queue. */
static escertke_err failure(void)
{
    bool memory = ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;

    ERR_clear_error();
    return memory ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_SIGNATURE;
}

escertke_err esc_openssl_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    struct esc_ecdsa parts;
    uint8_t digest[32];

    if (!esc_ecdsa_read(spki, signature, &parts))
        return ESCERTKE_ERR_SIGNATURE;
    ERR_clear_error();
    escertke_err err = esc_openssl_sha256(data, digest);
    pthread_once(&p256_once, make_p256);
    if (err == ESCERTKE_OK && !p256)
        err = ESCERTKE_ERR_BACKEND;
    if (err != ESCERTKE_OK)
        return err;
    EC_KEY *key = key_of(parts.point);
    ECDSA_SIG *rs = signature_of(&parts);
    err = key && rs && ECDSA_do_verify(digest, sizeof digest, rs, key) == 1 ? ESCERTKE_OK : failure();
    ECDSA_SIG_free(rs);
    EC_KEY_free(key);
    return err;
}

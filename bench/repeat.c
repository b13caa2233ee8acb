#include "bench/bench.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum { VERIFICATIONS = 20 };

/* Of what a certificate's signature is about: some 500 octets. */
static const uint8_t text[500] = { 1, 2, 3 };

bool verification_round(const escertke_tls_ops *tls, double *us)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *spki = NULL, signature[128];
    size_t len = sizeof signature;
    int spki_len = key ? i2d_PUBKEY(key, &spki) : 0;
    bool ok = ctx && spki_len > 0 && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, &len, text, sizeof text) == 1;
    double start = meter_cpu_us();

    for (int i = 0; ok && i < VERIFICATIONS; i++)
        ok = tls->ecdsa_verify((escertke_span){ spki, (size_t)spki_len }, (escertke_span){ text, sizeof text },
                               (escertke_span){ signature, len }) == ESCERTKE_OK;
    *us = (meter_cpu_us() - start) / VERIFICATIONS;
    OPENSSL_free(spki);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

bool repeat_round(struct ours *o, const escertke_tls_ops *tls, unsigned clients, struct repeat_round *out)
{
    struct cost first, again;
    bool ok = ours_forget(o) && ours_round(o, clients, &first) && ours_round(o, clients, &again) &&
              verification_round(tls, &out->verify_us);

    if (ok) {
        out->first_us = first.server_us;
        out->again_us = again.server_us;
    }
    return ok;
}

#include "bench/bench.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

struct tools {
    EVP_PKEY *own, *peer;
    uint8_t signature[128];
    size_t signature_len;
};

static const uint8_t text[64] = { 1, 2, 3 };

static bool sign(EVP_PKEY *key, uint8_t *signature, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, len, text, sizeof text) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool verify(const struct tools *t)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, t->own) == 1 &&
              EVP_DigestVerify(ctx, t->signature, t->signature_len, text, sizeof text) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool derive(EVP_PKEY *ephemeral, EVP_PKEY *peer)
{
    uint8_t shared[32];
    size_t len = sizeof shared;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ephemeral, NULL);
    bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
              EVP_PKEY_derive(ctx, shared, &len) == 1;

    EVP_PKEY_CTX_free(ctx);
    escertke_wipe(shared, sizeof shared);
    return ok;
}

static bool once(const struct tools *t)
{
    uint8_t signature[128];
    size_t len = sizeof signature;
    EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
    bool ok = ephemeral && derive(ephemeral, t->peer) && sign(t->own, signature, &len) && verify(t) && verify(t);

    EVP_PKEY_free(ephemeral);
    return ok;
}

bool floor_round(unsigned count, double *us)
{
    struct tools t = { .own = EVP_EC_gen("P-256"), .peer = EVP_EC_gen("P-256"), .signature_len = sizeof t.signature };
    bool ok = t.own && t.peer && sign(t.own, t.signature, &t.signature_len) && once(&t);
    double start = meter_cpu_us();

    for (unsigned i = 0; ok && i < count; i++)
        ok = once(&t);
    *us = (meter_cpu_us() - start) / count;
    EVP_PKEY_free(t.own);
    EVP_PKEY_free(t.peer);
    return ok;
}

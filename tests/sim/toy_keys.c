/* toy_keys.c - long-term keys and certificates of the toy: a signature is a digest over a secret that everybody has by number. */
#include "toy_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "pki.h"

static uint64_t state;
static uint8_t *root, *model; /* DER */
static size_t root_len, model_len, id_at, point_at;

void toy_seed(uint64_t seed)
{
    state = seed;
}

uint64_t toy_number(void)
{
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

escertke_err toy_random(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t n = toy_number();
        memcpy(out + i, &n, len - i < 8 ? len - i : 8);
    }
    return ESCERTKE_OK;
}

void toy_digest(uint8_t out[32], const escertke_span *parts, size_t count)
{
    uint8_t all[8192], *at = all;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > sizeof all - 4 - (size_t)(at - all))
            abort();
        *at++ = (uint8_t)(parts[i].len >> 8);
        *at++ = (uint8_t)parts[i].len;
        if (parts[i].len)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    SHA256(all, (size_t)(at - all), out);
    escertke_wipe(all, (size_t)(at - all));
}

/* ---- long-term keys and certificates ---------------------------------------------------------------------------- */

static void secret_of(uint32_t number, uint8_t out[32])
{
    static const char label[] = "long-term secret";

    DIGEST(out, SPAN(label), { (const uint8_t *)&number, sizeof number });
}

static void point_of(uint32_t number, uint8_t point[TOY_POINT_LEN])
{
    uint8_t secret[32];

    memset(point, 0, TOY_POINT_LEN);
    secret_of(number, secret);
    point[0] = 4;
    DIGEST(point + 1, SPAN(secret));
    memcpy(point + 33, &number, sizeof number);
}

void toy_sign(uint32_t number, escertke_span data, uint8_t out[TOY_SIGNATURE_LEN])
{
    uint8_t secret[32], sum[32];

    secret_of(number, secret);
    SHA256(data.ptr, data.len, sum);
    DIGEST(out, SPAN(secret), SPAN(sum));
}

static bool believe;

void toy_believe_signatures(void)
{
    believe = true;
}

escertke_err toy_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    uint8_t point[TOY_POINT_LEN], expected[TOY_SIGNATURE_LEN];
    uint32_t number;

    if (believe)
        return ESCERTKE_OK;
    if (spki.len < TOY_POINT_LEN || signature.len != TOY_SIGNATURE_LEN)
        return ESCERTKE_ERR_SIGNATURE;
    const uint8_t *shown = spki.ptr + spki.len - TOY_POINT_LEN;
    memcpy(&number, shown + 33, sizeof number);
    point_of(number, point);
    toy_sign(number, data, expected);
    return memcmp(point, shown, TOY_POINT_LEN) == 0 && memcmp(expected, signature.ptr, TOY_SIGNATURE_LEN) == 0 ? ESCERTKE_OK
                                                                                                       : ESCERTKE_ERR_SIGNATURE;
}

#define ISSUER UINT32_MAX

/* What the issuer signs: the first element of the certificate. All certificates here have two octets of length there. */
static bool signed_part(escertke_span der, escertke_span *tbs)
{
    if (der.len < 8 + TOY_SIGNATURE_LEN || der.ptr[4] != 0x30 || der.ptr[5] != 0x82)
        return false;
    size_t len = (size_t)(der.ptr[6] << 8 | der.ptr[7]) + 4;
    if (len > der.len - 4 - TOY_SIGNATURE_LEN)
        return false;
    *tbs = (escertke_span){ der.ptr + 4, len };
    return true;
}

/* It stands where s of an Ecdsa-Sig-Value stands, and is one: positive, and no octet too many. */
static void sign_certificate(uint32_t issuer, escertke_span tbs, uint8_t out[TOY_SIGNATURE_LEN])
{
    toy_sign(issuer, tbs, out);
    out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
}

bool toy_is_issued(escertke_span der)
{
    uint8_t expected[TOY_SIGNATURE_LEN];
    escertke_span tbs;

    if (!signed_part(der, &tbs))
        return false;
    sign_certificate(ISSUER, tbs, expected);
    return memcmp(expected, der.ptr + der.len - TOY_SIGNATURE_LEN, TOY_SIGNATURE_LEN) == 0;
}

static size_t find(const uint8_t *in, size_t len, const void *what, size_t size)
{
    for (size_t i = 0; i + size <= len; i++)
        if (memcmp(in + i, what, size) == 0)
            return i;
    abort();
}

escertke_span toy_root(void)
{
    return (escertke_span){ root, root_len };
}

void toy_id(unsigned number, char out[TOY_ID_LEN + 1])
{
    snprintf(out, TOY_ID_LEN + 1, "//sim.example/in1/C%07u", number % 10000000u);
}

/* A certificate of the usual length: what is random in it is of the same length every time, and is then replaced. */
static struct pki_cert usual(const struct pki_params *params, escertke_span *serial, escertke_span *signature)
{
    for (;;) {
        struct pki_cert cert = pki_make(params);
        const ASN1_BIT_STRING *bits;
        const ASN1_INTEGER *number = X509_get0_serialNumber(cert.x509);
        X509_get0_signature(&bits, NULL, cert.x509);
        *serial = (escertke_span){ number->data, (size_t)number->length };
        *signature = (escertke_span){ bits->data, (size_t)bits->length };
        if (serial->len == 9 && serial->ptr[0] < 0x80 && signature->len == 71)
            return cert;
        pki_cert_free(&cert);
    }
}

/* An Ecdsa-Sig-Value of 71 octets with the same r in all certificates. */
static void write_signature(uint8_t at[71])
{
    static const uint8_t head[] = { 0x30, 69, 2, 33, 0 }, between[] = { 2, 32 };

    memcpy(at, head, sizeof head);
    memset(at + 5, 0x99, 32);
    memcpy(at + 37, between, sizeof between);
    memset(at + 39, 0x55, 32);
}

void toy_start(void)
{
    char id[TOY_ID_LEN + 1];
    size_t spki_len;
    escertke_span serial, signature;

    toy_id(0, id);
    const struct pki_name san = { PKI_URI, id, 0 };
    struct pki_params params = { .cn = "sim root", .is_ca = true, .base_s = TOY_BEGIN_S, .not_before_s = -3600, .not_after_s = 400L * 86400 };
    struct pki_cert ca = usual(&params, &serial, &signature);
    params = (struct pki_params){ .cn = "sim", .issuer = &ca, .san = &san, .san_count = 1, .base_s = TOY_BEGIN_S, .not_before_s = -3600,
                                  .not_after_s = 390L * 86400 };
    struct pki_cert leaf = usual(&params, &serial, &signature);
    root = pki_der(&ca, &root_len);
    model = pki_der(&leaf, &model_len);
    uint8_t *spki = pki_spki(&leaf, &spki_len);
    id_at = find(model, model_len, id, TOY_ID_LEN);
    point_at = find(model, model_len, spki + spki_len - TOY_POINT_LEN, TOY_POINT_LEN);
    memset(model + find(model, model_len, serial.ptr, serial.len), 0x11, serial.len);
    write_signature(model + find(model, model_len, signature.ptr, signature.len));
    free(spki);
    pki_cert_free(&ca);
    pki_cert_free(&leaf);
}

void toy_end(void)
{
    free(root);
    free(model);
}

static void *issue(uint32_t issuer, unsigned number, unsigned name)
{
    struct toy_credential *c = malloc(sizeof *c + model_len);
    char id[TOY_ID_LEN + 1];
    escertke_span tbs;

    if (!c)
        abort();
    c->number = number;
    c->leaf_len = model_len;
    memcpy(c->leaf, model, model_len);
    toy_id(name, id);
    memcpy(c->leaf + id_at, id, TOY_ID_LEN);
    point_of(number, c->leaf + point_at);
    if (!signed_part((escertke_span){ c->leaf, model_len }, &tbs))
        abort();
    sign_certificate(issuer, tbs, c->leaf + model_len - TOY_SIGNATURE_LEN);
    return c;
}

void *toy_credential(unsigned number)
{
    return issue(ISSUER, number, number);
}

void *toy_self_signed(unsigned number, unsigned name)
{
    return issue(number, number, name);
}

escertke_span toy_leaf(const void *credential)
{
    const struct toy_credential *c = credential;

    return (escertke_span){ c->leaf, c->leaf_len };
}

void *toy_stolen(unsigned number, escertke_span leaf)
{
    struct toy_credential *c = malloc(sizeof *c + leaf.len);

    if (!c)
        abort();
    c->number = number;
    c->leaf_len = leaf.len;
    memcpy(c->leaf, leaf.ptr, leaf.len);
    return c;
}

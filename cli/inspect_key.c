/* inspect_key.c - keys and what names them. Of a private key nothing is said but its kind and its public half. */
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/fail.h"
#include "cert/words.h"
#include "files.h"
#include "inspect.h"
#include "out.h"

/* Kind, use and identifiers of a public key; the same for a raw key and for a private key's public half. */
static void put_spki(struct inspect *in, json_t *thing, escertke_span spki)
{
    char ni[72], rule[ESCERTKE_ID_MAX + 128];
    uint8_t digest[32];
    escertke_detail d;
    int alert;
    json_t *list = json_array();

    out_text(thing, "key", esc_key_kind(spki));
    for (int bits = 256; bits; bits = bits == 256 ? 128 : bits == 128 ? 120 : 0) {
        inspect_ni(spki, bits, ni);
        inspect_add(list, "%s", ni);
    }
    json_object_set_new(thing, "public_key_identifier", list);
    inspect_ni(spki, 256, ni);
    escertke_detail_init(&d);
    escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_RAW, .id = in->id, .pin = ni };
    bool usable = inspect_sha256(spki, digest) && escertke_cert_check_raw(spki, &expect, digest, &alert, &d) == ESCERTKE_OK;
    out_text(thing, "profile", usable ? "kept: an uncompressed point on secp256r1" : "not kept: peers refuse it");
    if (!usable) {
        inspect_refusal(thing, &d);
        return;
    }
    snprintf(rule, sizeof rule, "--peer '%s,flavour=raw,pin=%s'", in->id ? in->id : INSPECT_ANY_AE, ni);
    out_text(thing, "peer_rule", rule);
}

static escertke_err compare(struct inspect *in, json_t *thing, escertke_span spki, escertke_detail *d)
{
    escertke_buf other;
    escertke_err err;

    if (!in->key)
        return ESCERTKE_OK;
    escertke_buf_init(&other, FILE_MAX);
    err = inspect_read_spki(in->key, &other, d);
    if (err == ESCERTKE_OK) {
        bool same = escertke_span_equal(escertke_buf_span(&other), spki);
        out_text(thing, "key_fits", same ? "yes: the same key" : "no: another key");
        in->refused = in->refused || !same;
    }
    escertke_buf_free(&other);
    return err;
}

escertke_err inspect_public_key(struct inspect *in, escertke_span spki, escertke_detail *d)
{
    json_t *thing = out_new_event("public_key");

    put_spki(in, thing, spki);
    out_number(thing, "octets", (json_int_t)spki.len);
    escertke_err err = compare(in, thing, spki, d);
    inspect_say(in, thing, "raw public key");
    return err;
}

/* ---- private keys ---------------------------------------------------------------------------------------------- */

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *buf, int size, int for_writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)for_writing;
    (void)ctx;
    return -1;
}

static EVP_PKEY *read_private(escertke_span octets, bool pem)
{
    const uint8_t *at = octets.ptr;

    if (octets.len > FILE_MAX)
        return NULL;
    if (!pem)
        return d2i_AutoPrivateKey(NULL, &at, (long)octets.len);
    BIO *bio = BIO_new_mem_buf(octets.ptr, (int)octets.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static bool append_spki(EVP_PKEY *key, escertke_buf *out)
{
    uint8_t *der = NULL;
    int len = key ? i2d_PUBKEY(key, &der) : 0;
    bool ok = len > 0 && escertke_buf_append(out, der, (size_t)len) == ESCERTKE_OK;

    OPENSSL_free(der);
    return ok;
}

static bool has_text(escertke_span octets, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i + len <= octets.len; i++)
        if (memcmp(octets.ptr + i, text, len) == 0)
            return true;
    return false;
}

escertke_err inspect_private_key(struct inspect *in, escertke_span octets, bool pem, escertke_detail *d)
{
    bool encrypted = pem && (has_text(octets, "BEGIN ENCRYPTED") || has_text(octets, "Proc-Type: 4,ENCRYPTED"));
    EVP_PKEY *key = encrypted ? NULL : read_private(octets, pem);
    escertke_buf spki;
    escertke_err err = ESCERTKE_OK;

    if (!key && !encrypted)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: a private key that cannot be read", in->name);
    json_t *thing = out_new_event("private_key");
    out_text(thing, "content", "not shown");
    json_object_set_new(thing, "encrypted", json_boolean(encrypted));
    if (file_is_open_to_others(in->name))
        out_text(thing, "warning", "others may read this file: chmod 600 mends it");
    escertke_buf_init(&spki, FILE_MAX);
    if (append_spki(key, &spki)) {
        put_spki(in, thing, escertke_buf_span(&spki));
        err = compare(in, thing, escertke_buf_span(&spki), d);
    }
    escertke_buf_free(&spki);
    EVP_PKEY_free(key);
    inspect_say(in, thing, "private key");
    return err;
}

static bool spki_of_any(escertke_span file, escertke_buf *spki)
{
    BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    const uint8_t *at = file.ptr;

    if (!cert)
        cert = d2i_X509(NULL, &at, (long)file.len);
    EVP_PKEY *key = cert ? X509_get_pubkey(cert) : NULL;
    if (!key && bio) {
        BIO_reset(bio);
        key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    }
    if (!key)
        key = read_private(file, true);
    at = file.ptr;
    if (!key)
        key = d2i_PUBKEY(NULL, &at, (long)file.len);
    if (!key)
        key = read_private(file, false);
    bool ok = append_spki(key, spki);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(bio);
    return ok;
}

escertke_err inspect_read_spki(const char *path, escertke_buf *spki, escertke_detail *d)
{
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    if (err == ESCERTKE_OK && (!file.len || !spki_of_any(escertke_buf_span(&file), spki)))
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: neither a certificate nor a public or private key that can be read",
                       path);
    escertke_buf_free(&file);
    return err;
}

/* ---- public key identifiers -------------------------------------------------------------------------------------- */

/* RFC 6920 and its registry; of these, suites of 120 bits and more of SHA-256 name a oneM2M peer's key. */
static const struct suite {
    const char *name;
    int bits;
    bool accepted;
} suites[] = {
    { "sha-256", 256, true },    { "sha-256-128", 128, true }, { "sha-256-120", 120, true }, { "sha-256-96", 96, false },
    { "sha-256-64", 64, false }, { "sha-256-32", 32, false },  { "sha-384", 384, false },    { "sha-512", 512, false },
};

/* base64url without padding into @p out; the number of octets, or -1. */
static int url_decode(const char *in, uint8_t *out, size_t cap)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t len = 0;

    for (; *in; in++) {
        const char *at = strchr(alphabet, *in);
        if (!at || len == cap)
            return -1;
        acc = acc << 6 | (uint32_t)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (uint8_t)(acc >> bits);
        }
    }
    return bits >= 6 || (acc & ((1u << bits) - 1)) ? -1 : (int)len;
}

/* "ni:///ALG;VALUE"; an authority or parameters may stand in an ni URI, but in no oneM2M identifier. */
static const struct suite *split(const char *text, const char **value, escertke_detail *d)
{
    const char *at = strncmp(text, "ni:///", 6) == 0 ? text + 6 : NULL;
    const char *end = at ? strchr(at, ';') : NULL;

    if (!end) {
        esc_fail(d, ESCERTKE_ERR_ARG, "RFC 6920 3", "expected ni:///ALGORITHM;DIGEST, found \"%.100s\"", text);
        return NULL;
    }
    *value = end + 1;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strlen(suites[i].name) == (size_t)(end - at) && memcmp(suites[i].name, at, (size_t)(end - at)) == 0)
            return &suites[i];
    esc_fail(d, ESCERTKE_ERR_ARG, "RFC 6920 9.4", "expected sha-256, sha-256-128 or sha-256-120, found \"%.*s\"",
             (int)(end - at) > 40 ? 40 : (int)(end - at), at);
    return NULL;
}

static escertke_err match_key(struct inspect *in, json_t *thing, const char *text, escertke_detail *d)
{
    escertke_buf spki;
    uint8_t digest[32];

    escertke_buf_init(&spki, FILE_MAX);
    escertke_err err = inspect_read_spki(in->key, &spki, d);
    if (err == ESCERTKE_OK) {
        bool same =
            inspect_sha256(escertke_buf_span(&spki), digest) && escertke_key_identifier_match(text, digest) == ESCERTKE_OK;
        out_text(thing, "key_fits", same ? "yes: it names this key" : "no: it names another key");
        in->refused = in->refused || !same;
    }
    escertke_buf_free(&spki);
    return err;
}

escertke_err inspect_identifier(struct inspect *in, const char *text, escertke_detail *d)
{
    const char *value;
    uint8_t digest[64];
    char hex[2 * sizeof digest + 1], rule[ESCERTKE_ID_MAX + 400];
    const struct suite *suite = split(text, &value, d);

    if (!suite)
        return ESCERTKE_ERR_ARG;
    int len = url_decode(value, digest, sizeof digest);
    if (len < 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "RFC 6920 3", "the digest is not base64url without padding: \"%.100s\"", value);
    if (len * 8 != suite->bits)
        return esc_fail(d, ESCERTKE_ERR_ARG, "RFC 6920 3", "%s has %d bits, this digest %d", suite->name, suite->bits, len * 8);
    json_t *thing = out_new_event("public_key_identifier");
    out_text(thing, "identifier", text);
    out_text(thing, "algorithm", suite->name);
    out_number(thing, "bits", suite->bits);
    escertke_hex((escertke_span){ digest, (size_t)len }, hex);
    out_text(thing, "digest", hex);
    out_text(thing, "of", "SHA-256 of the key's DER SubjectPublicKeyInfo (TS-0003 10.1.2)");
    out_text(thing, "long_enough",
             suite->accepted     ? "yes"
             : suite->bits < 120 ? "no: another key with this identifier can be made; 120 bits are needed"
                                 : "another hash than SHA-256, which no oneM2M peer compares");
    if (suite->accepted) {
        snprintf(rule, sizeof rule, "--peer '%s,flavour=raw,pin=%s'", in->id ? in->id : INSPECT_ANY_AE, text);
        out_text(thing, "peer_rule", rule);
    }
    escertke_err err = in->key ? match_key(in, thing, text, d) : ESCERTKE_OK;
    inspect_say(in, thing, "public key identifier");
    return err;
}

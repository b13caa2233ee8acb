#include "pki_crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pki_crl: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- a DER writer without a bound ---------------------------------------------------------------------------- */

struct out {
    uint8_t *b;
    size_t len, cap;
};

static void put(struct out *o, const void *bytes, size_t len)
{
    if (o->len + len > o->cap) {
        o->cap = 2 * (o->len + len) + 64;
        o->b = realloc(o->b, o->cap);
        must(o->b != NULL, "realloc");
    }
    if (len)
        memcpy(o->b + o->len, bytes, len);
    o->len += len;
}

static void put_tlv(struct out *o, unsigned tag, const void *value, size_t len)
{
    uint8_t head[5] = { (uint8_t)tag, (uint8_t)len };
    size_t n = 2;

    if (len >= 0x80) {
        size_t octets = len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
        must(len < 0x1000000, "length");
        head[1] = (uint8_t)(0x80 | octets);
        for (size_t i = octets; i-- > 0;)
            head[n++] = (uint8_t)(len >> (8 * i));
    }
    put(o, head, n);
    put(o, value, len);
}

/* The same, and what was in @p value goes. */
static void wrap(struct out *o, unsigned tag, struct out *value)
{
    put_tlv(o, tag, value->b, value->len);
    free(value->b);
    *value = (struct out){ NULL, 0, 0 };
}

static void put_number(struct out *o, uint64_t number)
{
    uint8_t b[9] = { 0 };
    size_t first = 0;

    for (size_t i = 0; i < 8; i++)
        b[8 - i] = (uint8_t)(number >> (8 * i));
    while (first < 8 && b[first] == 0 && b[first + 1] < 0x80)
        first++;
    put_tlv(o, 0x02, b + first, sizeof b - first);
}

static void put_time(struct out *o, int64_t unix_s, const char *raw)
{
    char text[24];
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (raw) {
        put_tlv(o, *raw == 'U' ? 0x17 : 0x18, raw + 1, strlen(raw + 1));
        return;
    }
    must(gmtime_r(&t, &tm) != NULL, "time");
    bool utc = tm.tm_year >= 50 && tm.tm_year < 150;
    size_t len = strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm), century = utc ? 2 : 0;
    put_tlv(o, utc ? 0x17 : 0x18, text + century, len - century);
}

static void put_extension(struct out *o, const char *oid, bool critical, const void *value, size_t len)
{
    static const uint8_t yes = 0xFF;
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    struct out ext = { NULL, 0, 0 };

    must(obj != NULL, "object identifier");
    put_tlv(&ext, 0x06, OBJ_get0_data(obj), OBJ_length(obj));
    if (critical)
        put_tlv(&ext, 0x01, &yes, 1);
    put_tlv(&ext, 0x04, value, len);
    wrap(o, 0x30, &ext);
    ASN1_OBJECT_free(obj);
}

static void put_further(struct out *o, const struct pki_extension *further, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_extension(o, further[i].oid, further[i].critical, further[i].value, further[i].len);
}

/* ---- parts of a CRL ------------------------------------------------------------------------------------------ */

static void put_serial(struct out *o, const struct pki_revoked *r)
{
    if (r->octets) {
        put_tlv(o, 0x02, r->octets, r->len);
    } else if (r->cert) {
        unsigned char *der = NULL;
        int len = i2d_ASN1_INTEGER(X509_get_serialNumber(r->cert->x509), &der);
        must(len > 0, "serial number");
        put(o, der, (size_t)len);
        OPENSSL_free(der);
    } else {
        put_number(o, r->number);
    }
}

static void put_entry(struct out *o, const struct pki_revoked *r, int64_t base)
{
    struct out entry = { NULL, 0, 0 }, list = { NULL, 0, 0 };

    if (r->whole) {
        put(o, r->octets, r->len);
        return;
    }
    put_serial(&entry, r);
    put_time(&entry, base + (r->at_s ? r->at_s : -3600), r->raw_at);
    if (r->reason) {
        const uint8_t reason[] = { 0x0A, 1, (uint8_t)(r->reason - 1) };
        put_extension(&list, "2.5.29.21", false, reason, sizeof reason);
    }
    put_further(&list, r->further, r->further_count);
    if (list.len)
        wrap(&entry, 0x30, &list);
    wrap(o, 0x30, &entry);
}

static void put_key_id(struct out *o, const struct pki_cert *issuer)
{
    unsigned char *spki = NULL;
    struct out id = { NULL, 0, 0 }, seq = { NULL, 0, 0 };
    uint8_t digest[20];
    int len = i2d_PUBKEY(issuer->key, &spki);

    must(len > 0 && EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha1(), NULL), "key identifier");
    OPENSSL_free(spki);
    put_tlv(&id, 0x80, digest, sizeof digest);
    wrap(&seq, 0x30, &id);
    put_extension(o, "2.5.29.35", false, seq.b, seq.len);
    free(seq.b);
}

static void put_extensions(struct out *o, const struct pki_crl_params *p)
{
    struct out list = { NULL, 0, 0 }, seq = { NULL, 0, 0 }, number = { NULL, 0, 0 };

    if (p->no_extensions)
        return;
    if (!p->no_key_id)
        put_key_id(&list, p->issuer);
    if (!p->no_number) {
        put_number(&number, p->number ? p->number : 1);
        put_extension(&list, "2.5.29.20", false, number.b, number.len);
        free(number.b);
    }
    put_further(&list, p->further, p->further_count);
    if (p->pad) {
        uint8_t *zeros = calloc(1, p->pad);
        must(zeros != NULL, "calloc");
        put_extension(&list, "1.3.6.1.4.1.99999.2", false, zeros, p->pad);
        free(zeros);
    }
    wrap(&seq, 0x30, &list);
    wrap(o, 0xA0, &seq);
}

static void put_algorithm(struct out *o, bool sha384)
{
    const uint8_t oid[] = { 0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, sha384 ? 3 : 2 };

    put_tlv(o, 0x30, oid, sizeof oid);
}

static void put_issuer(struct out *o, const struct pki_crl_params *p)
{
    unsigned char *name = NULL;

    if (p->raw_issuer) {
        put(o, p->raw_issuer, p->raw_issuer_len);
        return;
    }
    int len = i2d_X509_NAME(X509_get_subject_name(p->issuer->x509), &name);
    must(len > 0, "name");
    put(o, name, (size_t)len);
    OPENSSL_free(name);
}

static void put_body(struct out *o, const struct pki_crl_params *p)
{
    int64_t base = p->base_s ? p->base_s : (int64_t)time(NULL);
    bool given = p->this_update_s || p->next_update_s;
    struct out body = { NULL, 0, 0 }, list = { NULL, 0, 0 };

    if (!p->no_version)
        put_number(&body, p->zero_version ? 0 : p->version ? (uint64_t)p->version : 1);
    put_algorithm(&body, p->sha384 != p->two_algorithms);
    put_issuer(&body, p);
    put_time(&body, base + (given ? p->this_update_s : -3600), p->raw_this_update);
    if (!p->no_next_update)
        put_time(&body, base + (given ? p->next_update_s : 7 * 86400), p->raw_next_update);
    for (size_t i = 0; i < p->revoked_count; i++)
        put_entry(&list, &p->revoked[i], base);
    if (list.len || p->empty_list)
        wrap(&body, 0x30, &list);
    put_extensions(&body, p);
    wrap(o, 0x30, &body);
}

uint8_t *pki_crl(const struct pki_crl_params *p, size_t *len)
{
    EVP_PKEY *key = p->signer ? p->signer->key : p->issuer->key;
    struct out all = { NULL, 0, 0 }, whole = { NULL, 0, 0 };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t signature[1 + 160] = { 0 };
    size_t sig_len = sizeof signature - 1;

    put_body(&all, p);
    must(md && EVP_DigestSignInit(md, NULL, p->sha384 ? EVP_sha384() : EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestSign(md, signature + 1, &sig_len, all.b, all.len) == 1,
         "signature");
    EVP_MD_CTX_free(md);
    signature[sig_len] ^= p->corrupt_signature;
    put_algorithm(&all, p->sha384);
    put_tlv(&all, 0x03, signature, 1 + sig_len);
    wrap(&whole, 0x30, &all);
    *len = whole.len;
    return whole.b;
}

char *pki_crl_pem(const uint8_t *der, size_t len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;

    must(bio && PEM_write_bio(bio, "X509 CRL", "", der, (long)len) > 0, "PEM");
    long n = BIO_get_mem_data(bio, &at);
    char *out = malloc((size_t)n + 1);
    must(out != NULL, "malloc");
    memcpy(out, at, (size_t)n);
    out[n] = '\0';
    BIO_free(bio);
    return out;
}

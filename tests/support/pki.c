#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define YEAR_S (365L * 86400L)

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pki: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- a DER writer that can also write what no library would ------------------------------------------------- */

struct der_out {
    uint8_t b[65536];
    size_t len;
};

static void put(struct der_out *o, const void *bytes, size_t len)
{
    must(o->len + len <= sizeof o->b, "DER larger than the test buffer");
    if (len)
        memcpy(o->b + o->len, bytes, len);
    o->len += len;
}

static void put_tlv(struct der_out *o, unsigned tag, const void *value, size_t len)
{
    uint8_t head[4] = { (uint8_t)tag };
    size_t n = 1;

    if (len < 0x80) {
        head[n++] = (uint8_t)len;
    } else if (len < 0x100) {
        head[n++] = 0x81;
        head[n++] = (uint8_t)len;
    } else {
        head[n++] = 0x82;
        head[n++] = (uint8_t)(len >> 8);
        head[n++] = (uint8_t)len;
    }
    put(o, head, n);
    put(o, value, len);
}

static void put_organization(struct der_out *o, const char *text)
{
    X509_NAME *name = X509_NAME_new();
    unsigned char *der = NULL;

    must(name && X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0), "name");
    int len = i2d_X509_NAME(name, &der);
    must(len > 0, "name encoding");
    put_tlv(o, 0xA0 | PKI_DIR, der, (size_t)len);
    OPENSSL_free(der);
    X509_NAME_free(name);
}

static void put_general_name(struct der_out *o, const struct pki_name *n)
{
    size_t len = n->len ? n->len : strlen(n->value);

    if (n->type == PKI_DIR && !n->len)
        put_organization(o, n->value);
    else
        put_tlv(o, (n->type == PKI_OTHER || n->type == PKI_DIR ? 0xA0u : 0x80u) | (unsigned)n->type, n->value, len);
}

static void put_subtrees(struct der_out *o, unsigned tag, const struct pki_params *p, const struct pki_name *names, size_t count)
{
    struct der_out all = { .len = 0 }, one;

    if (!count)
        return;
    for (size_t i = 0; i < count; i++) {
        uint8_t number;
        one.len = 0;
        put_general_name(&one, &names[i]);
        number = (uint8_t)p->constraint_minimum;
        if (number)
            put_tlv(&one, 0x80, &number, 1);
        number = (uint8_t)p->constraint_maximum;
        if (number)
            put_tlv(&one, 0x81, &number, 1);
        put_tlv(&all, 0x30, one.b, one.len);
    }
    put_tlv(o, tag, all.b, all.len);
}

/* ---- extensions --------------------------------------------------------------------------------------------- */

static void add_extension(X509 *x, const char *oid, bool critical, const uint8_t *der, size_t len)
{
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    must(obj && value && ASN1_OCTET_STRING_set(value, der, (int)len), "extension value");
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, obj, critical, value);
    must(ext && X509_add_ext(x, ext, -1), "extension");
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(obj);
}

static void add_sequence(X509 *x, const char *oid, bool critical, const struct der_out *content)
{
    struct der_out o = { .len = 0 };
    put_tlv(&o, 0x30, content->b, content->len);
    add_extension(x, oid, critical, o.b, o.len);
}

static void add_basic_constraints(X509 *x, const struct pki_params *p)
{
    static const uint8_t yes = 0xFF;
    uint8_t path_len = (uint8_t)p->path_len;
    struct der_out o = { .len = 0 };

    if (!p->is_ca || p->no_basic_constraints)
        return;
    put_tlv(&o, 0x01, &yes, 1);
    if (p->has_path_len)
        put_tlv(&o, 0x02, &path_len, 1);
    add_sequence(x, "2.5.29.19", true, &o);
}

static void add_key_usage(X509 *x, const struct pki_params *p)
{
    uint16_t bits = p->key_usage ? p->key_usage : (uint16_t)(p->is_ca ? 0x8000 | 0x0400 | 0x0200 : 0x8000);
    uint8_t value[3] = { 0, (uint8_t)(bits >> 8), (uint8_t)bits };
    size_t len = value[2] ? 3 : 2;
    struct der_out o = { .len = 0 };

    if (p->no_key_usage)
        return;
    for (uint8_t last = value[len - 1]; last && !(last & 1); last = (uint8_t)(last >> 1))
        value[0]++; /* unused bits: a named bit list ends at its last 1 */
    put_tlv(&o, 0x03, value, len);
    for (int times = p->repeat_key_usage ? 2 : 1; times; times--)
        add_extension(x, "2.5.29.15", true, o.b, o.len);
}

static void add_eku(X509 *x, const struct pki_params *p)
{
    static const struct {
        int bit;
        uint8_t len, oid[8];
    } uses[] = {
        { PKI_EKU_CLIENT, 8, { 0x2B, 6, 1, 5, 5, 7, 3, 2 } },
        { PKI_EKU_SERVER, 8, { 0x2B, 6, 1, 5, 5, 7, 3, 1 } },
        { PKI_EKU_ANY, 4, { 0x55, 0x1D, 0x25, 0 } },
        { PKI_EKU_OTHER, 8, { 0x2B, 6, 1, 5, 5, 7, 3, 3 } },
    };
    struct der_out o = { .len = 0 };

    if (!p->eku)
        return;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (p->eku & uses[i].bit)
            put_tlv(&o, 0x06, uses[i].oid, uses[i].len);
    add_sequence(x, "2.5.29.37", false, &o);
}

static void add_names(X509 *x, const struct pki_params *p)
{
    struct der_out o = { .len = 0 };

    for (size_t i = 0; i < p->san_count; i++)
        put_general_name(&o, &p->san[i]);
    for (int times = p->repeat_san ? 2 : 1; times && (p->san_count || p->empty_san); times--)
        add_sequence(x, "2.5.29.17", X509_NAME_entry_count(X509_get_subject_name(x)) == 0, &o);

    o.len = 0;
    put_subtrees(&o, 0xA0, p, p->permitted, p->permitted_count);
    put_subtrees(&o, 0xA1, p, p->excluded, p->excluded_count);
    if (o.len)
        add_sequence(x, "2.5.29.30", true, &o);
}

static void key_id(EVP_PKEY *key, uint8_t id[20])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    must(len > 0 && EVP_Digest(der, (size_t)len, id, NULL, EVP_sha1(), NULL), "key identifier");
    OPENSSL_free(der);
}

static void add_extensions(X509 *x, const struct pki_params *p, EVP_PKEY *key)
{
    static const uint8_t null[] = { 5, 0 };
    struct der_out o = { .len = 0 };
    uint8_t id[20];

    add_basic_constraints(x, p);
    add_key_usage(x, p);
    add_eku(x, p);
    add_names(x, p);
    if (p->is_ca) {
        key_id(key, id);
        put_tlv(&o, 0x04, id, sizeof id);
        add_extension(x, "2.5.29.14", false, o.b, o.len);
    }
    if (p->issuer) {
        o.len = 0;
        key_id(p->issuer->key, id);
        put_tlv(&o, 0x80, id, sizeof id);
        add_sequence(x, "2.5.29.35", false, &o);
    }
    if (p->unknown_critical)
        add_extension(x, "1.3.6.1.4.1.99999.1", true, null, sizeof null);
}

/* ---- certificates ------------------------------------------------------------------------------------------- */

static EVP_PKEY *make_key(enum pki_key kind)
{
    static const char *const curves[] = {
        [PKI_P384] = "P-384", [PKI_P521] = "P-521", [PKI_K256] = "secp256k1", [PKI_ED25519] = NULL
    };
    EVP_PKEY *key = kind == PKI_RSA2048   ? EVP_RSA_gen(2048)
                    : kind == PKI_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                          : EVP_EC_gen(curves[kind] ? curves[kind] : "P-256");

    must(key, "key generation");
    if (kind == PKI_P256_COMPRESSED)
        must(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"), "compressed point");
    if (kind == PKI_P256_EXPLICIT)
        must(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), "explicit curve");
    return key;
}

static X509_NAME *make_name(const char *org, const char *cn)
{
    X509_NAME *name = X509_NAME_new();

    must(name, "name");
    if (org)
        must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)org, -1, -1, 0), "organization");
    if (*cn)
        must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0), "common name");
    return name;
}

static void set_names(X509 *x, const struct pki_params *p)
{
    X509_NAME *subject = make_name(p->org, p->cn ? p->cn : "test");
    X509_NAME *other = p->issuer_cn ? make_name(NULL, p->issuer_cn) : NULL;
    const X509_NAME *issuer = other ? other : p->issuer ? X509_get_subject_name(p->issuer->x509) : subject;

    if (p->email)
        must(X509_NAME_add_entry_by_txt(subject, "emailAddress", MBSTRING_ASC, (const unsigned char *)p->email, -1, -1, 0),
             "email");
    must(X509_set_subject_name(x, subject) && X509_set_issuer_name(x, issuer), "names");
    X509_NAME_free(subject);
    X509_NAME_free(other);
}

static void set_serial(X509 *x, const struct pki_params *p)
{
    uint8_t bytes[21];
    size_t len = p->long_serial ? 21 : 9;

    must(RAND_bytes(bytes, sizeof bytes) == 1, "random");
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, (int)len, NULL);
    must(number, "serial");
    BN_set_negative(number, p->negative_serial);
    if (p->zero_serial)
        BN_zero(number);
    must(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL, "serial");
    BN_free(number);
}

static void set_raw_time(ASN1_TIME *time, const char *raw)
{
    if (!raw)
        return;
    must(ASN1_STRING_set(time, raw + 1, -1), "time");
    time->type = *raw == 'U' ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
}

static void set_times(X509 *x, const struct pki_params *p)
{
    bool given = p->not_before_s || p->not_after_s;
    time_t base = p->base_s ? (time_t)p->base_s : time(NULL);

    must(ASN1_TIME_adj(X509_getm_notBefore(x), base, 0, given ? p->not_before_s : -3600) &&
             ASN1_TIME_adj(X509_getm_notAfter(x), base, 0, given ? p->not_after_s : YEAR_S),
         "validity");
    set_raw_time(X509_getm_notBefore(x), p->raw_not_before);
    set_raw_time(X509_getm_notAfter(x), p->raw_not_after);
}

/* A bit string of the certificate, to be changed in place. */
static ASN1_BIT_STRING *signature_of(X509 *x)
{
    const ASN1_BIT_STRING *signature;

    X509_get0_signature(&signature, NULL, x);
    return (ASN1_BIT_STRING *)(uintptr_t)signature;
}

static void move_off_curve(X509 *x)
{
    ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(x);

    must(point && point->length == 65, "point");
    point->data[64] ^= 1;
}

static void make_signature_long(X509 *x)
{
    ASN1_BIT_STRING *signature = signature_of(x);
    uint8_t longer[256] = { 0 };

    must(signature->length < (int)sizeof longer, "signature");
    memcpy(longer, signature->data, (size_t)signature->length);
    must(ASN1_STRING_set(signature, longer, signature->length + 1), "signature");
}

static void pad_signature(X509 *x)
{
    ASN1_BIT_STRING *signature = signature_of(x);
    uint8_t padded[256] = { 0 };

    must(signature->length < (int)sizeof padded - 2 && signature->data[1] < 0x7E, "signature");
    memcpy(padded, signature->data, 4);
    memcpy(padded + 6, signature->data + 4, (size_t)signature->length - 4);
    padded[1] = (uint8_t)(padded[1] + 2);
    padded[3] = (uint8_t)(padded[3] + 2);
    must(ASN1_STRING_set(signature, padded, signature->length + 2), "signature");
}

static void negate_signature(X509 *x, const EVP_PKEY *signer)
{
    ASN1_BIT_STRING *signature = signature_of(x);
    const unsigned char *at = signature->data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, signature->length);
    BIGNUM *order = NULL, *r = sig ? BN_dup(ECDSA_SIG_get0_r(sig)) : NULL, *s = BN_new();
    unsigned char *der = NULL;

    must(sig && r && s && EVP_PKEY_get_bn_param(signer, OSSL_PKEY_PARAM_EC_ORDER, &order), "signature");
    must(BN_sub(s, order, ECDSA_SIG_get0_s(sig)) && ECDSA_SIG_set0(sig, r, s), "n - s");
    int len = i2d_ECDSA_SIG(sig, &der);
    must(len > 0 && ASN1_STRING_set(signature, der, len), "signature");
    OPENSSL_free(der);
    BN_free(order);
    ECDSA_SIG_free(sig);
}

static X509 *with_corrupt_signature(X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    const unsigned char *at = der;

    must(len > 0, "encoding");
    der[len - 1] ^= 1;
    X509_free(x);
    x = d2i_X509(NULL, &at, len);
    must(x, "decoding");
    OPENSSL_free(der);
    return x;
}

struct pki_cert pki_make(const struct pki_params *p)
{
    struct pki_cert cert = { .x509 = X509_new() };
    const EVP_MD *md = EVP_get_digestbyname(p->digest ? p->digest : "SHA256");

    if (p->reuse_key)
        must(EVP_PKEY_up_ref(p->reuse_key->key), "key");
    cert.key = p->reuse_key ? p->reuse_key->key : make_key(p->key);
    must(cert.x509 && md && X509_set_version(cert.x509, p->version_1 ? 0 : 2), "certificate");
    set_serial(cert.x509, p);
    set_names(cert.x509, p);
    set_times(cert.x509, p);
    must(X509_set_pubkey(cert.x509, cert.key), "public key");
    if (!p->version_1)
        add_extensions(cert.x509, p, cert.key);
    if (p->point_off_curve)
        move_off_curve(cert.x509);
    EVP_PKEY *signer = p->issuer ? p->issuer->key : cert.key;
    must(X509_sign(cert.x509, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : md) > 0, "signature");
    if (p->long_signature)
        make_signature_long(cert.x509);
    if (p->padded_signature)
        pad_signature(cert.x509);
    if (p->no_signature)
        must(ASN1_STRING_set(signature_of(cert.x509), "\x30", 2), "signature");
    if (p->other_signature)
        negate_signature(cert.x509, signer);
    if (p->corrupt_signature)
        cert.x509 = with_corrupt_signature(cert.x509);
    return cert;
}

void pki_cert_free(struct pki_cert *cert)
{
    EVP_PKEY_free(cert->key);
    X509_free(cert->x509);
    memset(cert, 0, sizeof *cert);
}

/* ---- encodings ---------------------------------------------------------------------------------------------- */

static void *copy_out(const void *bytes, size_t len, size_t *out_len)
{
    char *p = malloc(len + 1);

    must(p != NULL, "malloc");
    memcpy(p, bytes, len);
    p[len] = '\0';
    if (out_len)
        *out_len = len;
    return p;
}

uint8_t *pki_der(const struct pki_cert *cert, size_t *len)
{
    unsigned char *der = NULL;
    int n = i2d_X509(cert->x509, &der);

    must(n > 0, "encoding");
    uint8_t *out = copy_out(der, (size_t)n, len);
    OPENSSL_free(der);
    return out;
}

uint8_t *pki_spki(const struct pki_cert *cert, size_t *len)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(cert->key, &der);

    must(n > 0, "encoding");
    uint8_t *out = copy_out(der, (size_t)n, len);
    OPENSSL_free(der);
    return out;
}

static char *take_text(BIO *bio)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);

    must(len > 0, "PEM");
    char *out = copy_out(at, (size_t)len, NULL);
    BIO_free(bio);
    return out;
}

char *pki_chain_pem(const struct pki_cert *const *certs, size_t count)
{
    BIO *bio = BIO_new(BIO_s_mem());

    for (size_t i = 0; i < count; i++)
        must(PEM_write_bio_X509(bio, certs[i]->x509), "PEM");
    return take_text(bio);
}

char *pki_key_pem(const struct pki_cert *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());

    must(PEM_write_bio_PKCS8PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL), "PEM");
    return take_text(bio);
}

/* ---- a whole PKI -------------------------------------------------------------------------------------------- */

struct pki_simple pki_simple_make(const char *ae_id, const char *cse_dns)
{
    static const struct pki_name permitted[] = {
        { PKI_URI, "m2m.example.org", 0 },
        { PKI_URI, ".m2m.example.org", 0 },
        { PKI_DNS, "m2m.example.org", 0 },
    };
    struct pki_name ae_san = { PKI_URI, ae_id, 0 }, cse_san = { PKI_DNS, cse_dns, 0 };
    struct pki_simple pki = { .root = { NULL, NULL } };

    pki.root = pki_make(&(struct pki_params){ .cn = "Test Root", .is_ca = true });
    pki.ca = pki_make(&(struct pki_params){ .cn = "Test Issuing CA", .issuer = &pki.root, .is_ca = true, .has_path_len = true,
                                            .permitted = permitted, .permitted_count = 3 });
    if (ae_id)
        pki.ae = pki_make(&(struct pki_params){ .cn = "AE", .issuer = &pki.ca, .san = &ae_san, .san_count = 1 });
    if (cse_dns)
        pki.cse = pki_make(&(struct pki_params){ .cn = "CSE", .issuer = &pki.ca, .san = &cse_san, .san_count = 1 });
    return pki;
}

void pki_simple_free(struct pki_simple *pki)
{
    pki_cert_free(&pki->root);
    pki_cert_free(&pki->ca);
    pki_cert_free(&pki->ae);
    pki_cert_free(&pki->cse);
}

char *pki_simple_chain(const struct pki_simple *pki, const struct pki_cert *leaf)
{
    const struct pki_cert *chain[] = { leaf, &pki->ca };
    return pki_chain_pem(chain, 2);
}

char *pki_simple_trust(const struct pki_simple *pki)
{
    const struct pki_cert *chain[] = { &pki->root };
    return pki_chain_pem(chain, 1);
}

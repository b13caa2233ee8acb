#include "pki.h"

#include <ctype.h>
#include <escertke/cert.h>
#include <escertke/m2m.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "files.h"

#define CLOCK_SKEW_S 300 /* a device whose clock is a little behind accepts a certificate made just now */

void pki_pair_free(struct pki_pair *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->cert);
    *pair = (struct pki_pair){ NULL, NULL };
}

escertke_err pki_fail(escertke_detail *d, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *words = ERR_reason_error_string(code);

    ERR_clear_error();
    return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "%s: %s", what, words ? words : "libcrypto gives no reason");
}

escertke_err pki_new_key(struct pki_pair *pair, escertke_detail *d)
{
    pair->key = EVP_EC_gen("P-256");
    return pair->key ? ESCERTKE_OK : pki_fail(d, "making a key");
}

escertke_err pki_key_identifier(escertke_span spki, char id[72], escertke_detail *d)
{
    uint8_t digest[32];
    bool ok = EVP_Digest(spki.ptr, spki.len, digest, NULL, EVP_sha256(), NULL) == 1;

    return ok ? escertke_key_identifier(digest, 256, id) : pki_fail(d, "the digest of the public key");
}

static bool set_serial(X509 *cert)
{
    uint8_t octets[16];

    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x7F) | 0x40); /* positive, and 16 octets long */
    BIGNUM *n = BN_bin2bn(octets, sizeof octets, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static bool set_dates(X509 *cert, const struct pki_subject *subject)
{
    time_t now = time(NULL);

    if (!X509_time_adj_ex(X509_getm_notBefore(cert), 0, -CLOCK_SKEW_S, &now) ||
        !X509_time_adj_ex(X509_getm_notAfter(cert), (int)subject->days, 0, &now))
        return false;
    if (!subject->issuer)
        return true;
    const ASN1_TIME *limit = X509_get0_notAfter(subject->issuer->cert);
    return ASN1_TIME_compare(X509_get0_notAfter(cert), limit) <= 0 || X509_set1_notAfter(cert, limit);
}

static bool set_names(X509 *cert, const struct pki_subject *subject)
{
    X509_NAME *name = X509_get_subject_name(cert);
    const char *text = subject->common_name;
    int len = (int)strlen(text) > 64 ? 64 : (int)strlen(text); /* ub-common-name; the CN is a label, never an identity */

    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)text, len, -1, 0) &&
           X509_set_issuer_name(cert, subject->issuer ? X509_get_subject_name(subject->issuer->cert) : name);
}

escertke_err pki_add_extension(X509 *cert, int nid, const char *value, escertke_detail *d)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!ext || !X509_add_ext(cert, ext, -1)) {
        X509_EXTENSION_free(ext);
        return pki_fail(d, OBJ_nid2sn(nid));
    }
    X509_EXTENSION_free(ext);
    return ESCERTKE_OK;
}

static escertke_err add_key_identifiers(X509 *cert, const struct pki_subject *subject, escertke_detail *d)
{
    X509V3_CTX ctx;
    escertke_err err = pki_add_extension(cert, NID_subject_key_identifier, "hash", d);

    if (err != ESCERTKE_OK)
        return err;
    X509V3_set_ctx(&ctx, subject->issuer ? subject->issuer->cert : cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    bool ok = ext && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok ? ESCERTKE_OK : pki_fail(d, "authorityKeyIdentifier");
}

escertke_err pki_new_cert(const struct pki_subject *subject, struct pki_pair *pair, escertke_detail *d)
{
    X509 *cert = pair->cert = X509_new();

    if (!cert || !X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) || !set_dates(cert, subject) ||
        !set_names(cert, subject) || !X509_set_pubkey(cert, pair->key))
        return pki_fail(d, "making a certificate");
    return add_key_identifiers(cert, subject, d);
}

escertke_err pki_sign(X509 *cert, EVP_PKEY *key, escertke_detail *d)
{
    return X509_sign(cert, key, EVP_sha256()) ? ESCERTKE_OK : pki_fail(d, "signing the certificate");
}

bool pki_path(const char *folder, const char *name, const char *suffix, char *out, size_t cap)
{
    return snprintf(out, cap, "%s/%s.%s", folder, name, suffix) < (int)cap;
}

static escertke_err write_bio(const char *path, BIO *bio, unsigned mode, bool replace, escertke_detail *d)
{
    char *at;
    long len = BIO_get_mem_data(bio, &at);
    return file_write(path, (escertke_span){ (const uint8_t *)at, (size_t)len }, mode, replace, d);
}

escertke_err pki_write_key(const char *path, EVP_PKEY *key, bool replace, escertke_detail *d)
{
    BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    escertke_err err;

    if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        err = pki_fail(d, "writing the private key");
    else
        err = write_bio(path, bio, 0600, replace, d);
    BIO_free(bio);
    return err;
}

escertke_err pki_write_certs(const char *path, X509 *const *certs, bool replace, escertke_detail *d)
{
    BIO *bio = BIO_new(BIO_s_mem());
    escertke_err err = ESCERTKE_OK;

    for (; err == ESCERTKE_OK && *certs; certs++)
        if (!bio || !PEM_write_bio_X509(bio, *certs))
            err = pki_fail(d, "writing the certificate");
    if (err == ESCERTKE_OK)
        err = write_bio(path, bio, 0644, replace, d);
    BIO_free(bio);
    return err;
}

/* PEM files may hold text and other objects between the certificates; only certificates are taken. */
static bool collect_certs(const escertke_buf *file, STACK_OF(X509) * certs)
{
    BIO *bio = BIO_new_mem_buf(file->ptr, (int)file->len);
    X509 *cert;

    while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (!sk_X509_push(certs, cert)) {
            X509_free(cert);
            break;
        }
    unsigned long code = ERR_peek_last_error();
    bool ended = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    const uint8_t *at = file->ptr;
    if (ended && sk_X509_num(certs) == 0 && (cert = d2i_X509(NULL, &at, (long)file->len)) != NULL && !sk_X509_push(certs, cert))
        X509_free(cert);
    ERR_clear_error();
    return ended && sk_X509_num(certs) > 0;
}

escertke_err pki_read_certs(const char *path, STACK_OF(X509) * *certs, escertke_detail *d)
{
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    *certs = sk_X509_new_null();
    if (err == ESCERTKE_OK && !*certs)
        err = esc_fail(d, ESCERTKE_ERR_NOMEM, "", "reading %s: out of memory", path);
    else if (err == ESCERTKE_OK && !collect_certs(&file, *certs))
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "",
                       "%s: expected certificates in PEM (-----BEGIN CERTIFICATE-----), or one in DER", path);
    escertke_buf_free(&file);
    return err;
}

static int no_password(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf, (void)size, (void)rwflag, (void)ctx;
    return -1;
}

static escertke_err read_key(const char *path, EVP_PKEY **key, escertke_detail *d)
{
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    if (err == ESCERTKE_OK) {
        BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
        *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        BIO_free(bio);
        if (!*key) {
            ERR_clear_error();
            err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: expected a private key in PEM that is not encrypted", path);
        }
    }
    escertke_buf_free(&file);
    return err;
}

escertke_err pki_read_cert(const char *folder, const char *name, X509 **cert, escertke_detail *d)
{
    char path[PATH_MAX];
    STACK_OF(X509) *certs = NULL;

    *cert = NULL;
    if (!pki_path(folder, name, "crt", path, sizeof path))
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the folder's name is too long");
    escertke_err err = pki_read_certs(path, &certs, d);
    if (err == ESCERTKE_OK)
        *cert = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    return err;
}

escertke_err pki_read_pair(const char *folder, const char *name, struct pki_pair *pair, escertke_detail *d)
{
    char path[PATH_MAX];
    escertke_err err;

    *pair = (struct pki_pair){ NULL, NULL };
    if ((err = pki_read_cert(folder, name, &pair->cert, d)) != ESCERTKE_OK)
        return err;
    pki_path(folder, name, "key", path, sizeof path);
    if ((err = read_key(path, &pair->key, d)) != ESCERTKE_OK)
        return err;
    if (X509_check_private_key(pair->cert, pair->key) != 1) {
        ERR_clear_error();
        return esc_fail(d, ESCERTKE_ERR_KEY_MISMATCH, "", "%s/%s.key is not the key of %s/%s.crt", folder, name, folder, name);
    }
    return ESCERTKE_OK;
}

bool pki_check_dns(const char *value, char *why, size_t cap)
{
    size_t label = 0, len = strlen(value);
    bool ok = len > 0 && len <= 253;

    for (size_t i = 0; ok && i <= len; i++) {
        bool end = value[i] == '.' || value[i] == '\0';
        ok = end ? label > 0 && label <= 63 && value[i - 1] != '-' : isalnum((unsigned char)value[i]) || strchr("-_", value[i]);
        label = end ? 0 : label + 1;
    }
    if (!ok)
        snprintf(why, cap, "expected a domain name without wildcard, e.g. in1.m2m.example.org (TS-0003 10.1.1.6)");
    return ok;
}

bool pki_check_sp(const char *value, char *why, size_t cap)
{
    char id[ESCERTKE_ID_MAX + 1];
    escertke_id parsed;
    const char *name = strncmp(value, "//", 2) == 0 ? value + 2 : value;

    if (strchr(name, '/') == NULL && snprintf(id, sizeof id, "//%s/x", name) < (int)sizeof id && pki_check_dns(name, why, cap) &&
        escertke_id_parse(escertke_span_str(id), &parsed) == ESCERTKE_OK)
        return true;
    snprintf(why, cap, "expected the domain of an M2M service provider, e.g. m2m.example.org (TS-0004 6.2.3)");
    return false;
}

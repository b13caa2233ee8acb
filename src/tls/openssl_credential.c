/*
 * openssl_credential.c - an own credential: certificate chain, key and trust anchors, checked once, in one tuned SSL_CTX.
 * Each setting that is not a requirement of the standard was measured: see docs/performance.md.
 */
#include "tls/openssl.h"

#include <string.h>

#include <escertke/cert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/own_chain.h"

/* 0xC02B, 0xC023, 0xC0AC in this order (R-TL-2, A-26). */
static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-CCM";

/* A flight of the usual size fits one record of 4 KiB, and the write buffer of a pending handshake shrinks with it. */
#define RECORD_MAX 4096

static int no_password(char *buf, int size, int writing, void *unused)
{
    (void)buf, (void)size, (void)writing, (void)unused;
    return -1; /* an encrypted key is refused, never asked for */
}

static escertke_err refuse(escertke_detail *d, escertke_err err, const char *what)
{
    char words[160];

    esc_openssl_words(words, sizeof words);
    if (d && d->err == ESCERTKE_OK)
        memcpy(d->backend, words, sizeof words);
    return esc_fail(d, err, "TS-0003 8.1.2.3", "%s", what);
}

/* TLS 1.2 exactly as A-26...A-31 and R-TL-6 want it, nothing else. */
static bool pin_protocol(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, (long)ESCERTKE_MESSAGE_MAX);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, (int)ESCERTKE_CHAIN_MAX);
    SSL_CTX_set_cert_verify_callback(ctx, esc_openssl_verify_path, NULL);
    SSL_CTX_set_client_hello_cb(ctx, esc_openssl_client_hello, NULL);
    SSL_CTX_set_info_callback(ctx, esc_openssl_info);
    SSL_CTX_set_msg_callback(ctx, esc_openssl_message);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, suites) == 1 && SSL_CTX_set1_groups_list(ctx, "P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1 && SSL_CTX_set1_client_sigalgs_list(ctx, "ECDSA+SHA256") == 1 &&
           SSL_CTX_set_max_send_fragment(ctx, RECORD_MAX) == 1;
}

/*
 * The next certificate, with what OpenSSL looks up at first use and keeps in it (extensions, key identifiers, digest) looked up
 * now: the credential is then the same for all threads from its first handshake on. Extensions that cannot be read are no matter
 * here: the lint says so of an own certificate, and no path leads to such an anchor.
 */
static X509 *next_cert(BIO *pem)
{
    X509 *cert = PEM_read_bio_X509(pem, NULL, no_password, NULL);

    if (cert && X509_check_purpose(cert, -1, 0) != 1)
        ERR_clear_error();
    return cert;
}

/* Did reading stop because there is nothing more, or because something is broken? Empties the queue if the former. */
static bool at_end_of_pem(void)
{
    unsigned long e = ERR_peek_last_error();

    if (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return true;
}

static BIO *open_pem(escertke_span text)
{
    return text.len && text.len <= ESCERTKE_PRIMITIVE_MAX * 8 ? BIO_new_mem_buf(text.ptr, (int)text.len) : NULL;
}

static escertke_err load_chain(SSL_CTX *ctx, escertke_span text, size_t *count, escertke_detail *d)
{
    BIO *pem = open_pem(text);
    X509 *cert = pem ? next_cert(pem) : NULL;
    bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

    X509_free(cert);
    *count = ok ? 1 : 0;
    while (ok && (cert = next_cert(pem)) != NULL) {
        ok = ++*count <= ESCERTKE_CHAIN_MAX && SSL_CTX_add0_chain_cert(ctx, cert) == 1;
        if (!ok)
            X509_free(cert);
    }
    BIO_free(pem);
    if (*count > ESCERTKE_CHAIN_MAX)
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, "own chain is longer than 4 certificates");
    if (!ok || !at_end_of_pem())
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, "own certificate chain cannot be read as PEM certificates");
    return ESCERTKE_OK;
}

static escertke_err use_key(struct openssl_credential *cred, EVP_PKEY *key, bool raw, escertke_detail *d)
{
    if (raw)
        return esc_openssl_load_raw(cred, key, d);
    if (SSL_CTX_use_PrivateKey(cred->ctx, key) != 1 || SSL_CTX_check_private_key(cred->ctx) != 1)
        return refuse(d, ESCERTKE_ERR_KEY_MISMATCH, "own private key is not the one of the own certificate");
    return ESCERTKE_OK;
}

static escertke_err load_key(struct openssl_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    BIO *pem = open_pem(src->key);
    EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL) : NULL;
    escertke_err err =
        key ? use_key(cred, key, src->raw, d)
            : refuse(d, ESCERTKE_ERR_CREDENTIAL, "own private key cannot be read as an unencrypted PEM private key");

    EVP_PKEY_free(key);
    BIO_free(pem);
    return err;
}

static escertke_err load_trust(struct openssl_credential *cred, escertke_span text, escertke_detail *d)
{
    BIO *pem = open_pem(text);
    X509_STORE *store = SSL_CTX_get_cert_store(cred->ctx);
    X509 *cert;
    size_t count = 0;
    bool ok = pem != NULL;

    while (ok && (cert = next_cert(pem)) != NULL) {
        ok = X509_STORE_add_cert(store, cert) == 1;
        X509_free(cert);
        count++;
    }
    BIO_free(pem);
    if (!ok || !at_end_of_pem() || !count)
        return refuse(d, ESCERTKE_ERR_CREDENTIAL, "trust anchors cannot be read as PEM certificates, or there is none");
    /* What is configured as an anchor is one, self-signed or not (RFC 5280 6.1.1 (d)). */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    cred->has_trust = true;
    return ESCERTKE_OK;
}

escertke_err esc_openssl_der(const X509 *cert, uint8_t **der, size_t *len)
{
    int size = i2d_X509(cert, NULL);
    unsigned char *to;

    if (size <= 0)
        return ESCERTKE_ERR_BACKEND;
    *der = to = esc_alloc((size_t)size);
    if (!to)
        return ESCERTKE_ERR_NOMEM;
    *len = (size_t)i2d_X509(cert, &to);
    return ESCERTKE_OK;
}

static escertke_err load_chain_and_key(struct openssl_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    size_t count;
    escertke_err err = load_chain(cred->ctx, src->chain, &count, d);

    return err == ESCERTKE_OK ? load_key(cred, src, d) : err;
}

/* In this order: what is wrong with the own key or chain is said before what is wrong with the anchors. */
static escertke_err load(struct openssl_credential *cred, const escertke_credential_source *src, escertke_detail *d)
{
    escertke_err err = src->raw ? load_key(cred, src, d) : load_chain_and_key(cred, src, d);

    if (err == ESCERTKE_OK && (src->trust.len || !src->raw))
        err = load_trust(cred, src->trust, d);
    if (err == ESCERTKE_OK && !src->raw)
        err = esc_own_chain_check(src, &cred->leaf, &cred->leaf_len, d);
    return err == ESCERTKE_OK ? esc_path_cache_new(src->path_cache, esc_openssl_sha256, &cred->path_cache) : err;
}

escertke_err esc_openssl_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d)
{
    struct openssl_credential *cred = esc_zalloc(sizeof *cred);
    escertke_err err;

    *credential = NULL;
    if (!cred)
        return ESCERTKE_ERR_NOMEM;
    ERR_clear_error();
    if (src->key_uri) {
        err = esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "RFC 7512",
                       "the OpenSSL engine has no private keys in a token; the GnuTLS engine does");
        goto out;
    }
    cred->ctx = SSL_CTX_new(TLS_method());
    if (!cred->ctx || !pin_protocol(cred->ctx)) {
        err = refuse(d, ESCERTKE_ERR_BACKEND, "OpenSSL does not offer what ESCertKE needs");
        goto out;
    }
    if ((err = load(cred, src, d)) != ESCERTKE_OK)
        goto out;
    *credential = cred;
    return ESCERTKE_OK;
out:
    esc_openssl_credential_free(cred);
    return err;
}

void esc_openssl_credential_free(void *credential)
{
    struct openssl_credential *cred = credential;

    if (!cred)
        return;
    SSL_CTX_free(cred->ctx);
    esc_path_cache_free(cred->path_cache);
    esc_release(cred->leaf);
    esc_release(cred);
}

escertke_span esc_openssl_credential_cert(const void *credential)
{
    const struct openssl_credential *cred = credential;

    return (escertke_span){ cred->leaf, cred->leaf_len };
}

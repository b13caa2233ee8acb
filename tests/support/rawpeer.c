#include "rawpeer.h"

#include <escertke/handshake.h>
#include <gnutls/gnutls.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL ESCERTKE_EXPORT_LABEL

struct rawpeer {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    gnutls_session_t gtls;
    gnutls_certificate_credentials_t cred;
    escertke_span gin;
    escertke_buf *gout;
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "rawpeer: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- OpenSSL ---------------------------------------------------------------------------------------------------- */

static void use_chain(SSL_CTX *ctx, const char *pem, const char *key_pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    need(cert && SSL_CTX_use_certificate(ctx, cert) == 1, "certificate");
    X509_free(cert);
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        need(SSL_CTX_add0_chain_cert(ctx, cert) == 1, "chain");
    BIO_free(bio);
    bio = BIO_new_mem_buf(key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    need(key && SSL_CTX_use_PrivateKey(ctx, key) == 1, "key");
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
}

static int accept_any(X509_STORE_CTX *store, void *unused)
{
    (void)store, (void)unused;
    return 1;
}

struct rawpeer *rawpeer_openssl(const struct rawpeer_config *cfg)
{
    struct rawpeer *p = calloc(1, sizeof *p);

    p->ctx = SSL_CTX_new(TLS_method());
    need(p->ctx != NULL, "SSL_CTX");
    SSL_CTX_set_security_level(p->ctx, 0); /* it may be wrong on purpose */
    SSL_CTX_set_min_proto_version(p->ctx, cfg->min_version ? cfg->min_version : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(p->ctx, cfg->max_version ? cfg->max_version : TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_OFF);
    if (!cfg->tickets)
        SSL_CTX_set_options(p->ctx, SSL_OP_NO_TICKET);
    if (cfg->ciphers)
        need(SSL_CTX_set_cipher_list(p->ctx, cfg->ciphers) == 1, "ciphers");
    need(SSL_CTX_set1_groups_list(p->ctx, cfg->groups ? cfg->groups : "P-256") == 1, "groups");
    need(SSL_CTX_set1_sigalgs_list(p->ctx, cfg->sigalgs ? cfg->sigalgs : "ECDSA+SHA256") == 1, "sigalgs");
    if (cfg->chain)
        use_chain(p->ctx, cfg->chain, cfg->key);
    SSL_CTX_set_verify(p->ctx, cfg->request_no_cert ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(p->ctx, accept_any, NULL);
    p->ssl = SSL_new(p->ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    need(p->ssl && p->in && p->out, "SSL");
    SSL_set_bio(p->ssl, p->in, p->out);
    if (cfg->server)
        SSL_set_accept_state(p->ssl);
    else
        SSL_set_connect_state(p->ssl);
    return p;
}

static void drain(struct rawpeer *p, escertke_buf *out)
{
    char *data;
    long len = BIO_get_mem_data(p->out, &data);

    need(escertke_buf_append(out, data, (size_t)len) == ESCERTKE_OK, "out");
    (void)BIO_reset(p->out);
}

static int openssl_step(struct rawpeer *p, escertke_span in, escertke_buf *out)
{
    ERR_clear_error();
    if (in.len)
        need(BIO_write(p->in, in.ptr, (int)in.len) == (int)in.len, "in");
    int ret = SSL_do_handshake(p->ssl);
    drain(p, out);
    if (ret == 1)
        return 1;
    return SSL_get_error(p->ssl, ret) == SSL_ERROR_WANT_READ ? 0 : -1;
}

void prf_export(const uint8_t master[48], const uint8_t client_random[32], const uint8_t server_random[32], uint8_t out[48])
{
    uint8_t seed[sizeof LABEL - 1 + 64];
    char digest[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    memcpy(seed, LABEL, sizeof LABEL - 1);
    memcpy(seed + sizeof LABEL - 1, client_random, 32);
    memcpy(seed + sizeof LABEL - 1 + 32, server_random, 32);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master, 48),
                            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed), OSSL_PARAM_construct_end() };
    need(EVP_KDF_derive(ctx, out, 48, params) == 1, "TLS1-PRF");
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

void rawpeer_export_by_prf(struct rawpeer *p, uint8_t out[48])
{
    uint8_t master[48], client[32], server[32];

    need(SSL_SESSION_get_master_key(SSL_get0_session(p->ssl), master, sizeof master) == sizeof master, "master secret");
    need(SSL_get_client_random(p->ssl, client, 32) == 32 && SSL_get_server_random(p->ssl, server, 32) == 32, "randoms");
    prf_export(master, client, server, out);
}

void rawpeer_write(struct rawpeer *p, const void *data, size_t len, escertke_buf *out)
{
    need(SSL_write(p->ssl, data, (int)len) == (int)len, "write");
    drain(p, out);
}

/* ---- GnuTLS ----------------------------------------------------------------------------------------------------- */

static ssize_t gnutls_pull(gnutls_transport_ptr_t ptr, void *to, size_t len)
{
    struct rawpeer *p = ptr;

    if (!p->gin.len) {
        gnutls_transport_set_errno(p->gtls, EAGAIN);
        return -1;
    }
    if (len > p->gin.len)
        len = p->gin.len;
    memcpy(to, p->gin.ptr, len);
    p->gin.ptr += len;
    p->gin.len -= len;
    return (ssize_t)len;
}

static ssize_t gnutls_push(gnutls_transport_ptr_t ptr, const void *from, size_t len)
{
    struct rawpeer *p = ptr;

    need(escertke_buf_append(p->gout, from, len) == ESCERTKE_OK, "out");
    return (ssize_t)len;
}

static int gnutls_ready(gnutls_transport_ptr_t ptr, unsigned int ms)
{
    const struct rawpeer *p = ptr;

    (void)ms;
    return p->gin.len ? 1 : 0;
}

struct rawpeer *rawpeer_gnutls(const struct rawpeer_config *cfg)
{
    struct rawpeer *p = calloc(1, sizeof *p);
    char priority[256];
    const char *at;

    need(gnutls_init(&p->gtls, (cfg->server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS) == 0, "gnutls_init");
    snprintf(priority, sizeof priority, "%s%s",
             cfg->ciphers ? cfg->ciphers : "NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-SECP256R1",
             cfg->no_ems ? ":%NO_SESSION_HASH" : "");
    need(gnutls_priority_set_direct(p->gtls, priority, &at) == 0, "priority");
    need(gnutls_certificate_allocate_credentials(&p->cred) == 0, "credentials");
    if (cfg->chain) {
        gnutls_datum_t chain = { (unsigned char *)(uintptr_t)cfg->chain, (unsigned int)strlen(cfg->chain) };
        gnutls_datum_t key = { (unsigned char *)(uintptr_t)cfg->key, (unsigned int)strlen(cfg->key) };
        need(gnutls_certificate_set_x509_key_mem(p->cred, &chain, &key, GNUTLS_X509_FMT_PEM) == 0, "chain and key");
    }
    need(gnutls_credentials_set(p->gtls, GNUTLS_CRD_CERTIFICATE, p->cred) == 0, "credentials_set");
    if (cfg->server)
        gnutls_certificate_server_set_request(p->gtls, cfg->request_no_cert ? GNUTLS_CERT_IGNORE : GNUTLS_CERT_REQUIRE);
    gnutls_transport_set_ptr(p->gtls, p);
    gnutls_transport_set_pull_function(p->gtls, gnutls_pull);
    gnutls_transport_set_push_function(p->gtls, gnutls_push);
    gnutls_transport_set_pull_timeout_function(p->gtls, gnutls_ready);
    return p;
}

static int gnutls_step(struct rawpeer *p, escertke_span in, escertke_buf *out)
{
    p->gin = in;
    p->gout = out;
    int ret = gnutls_handshake(p->gtls);
    if (ret != 0 && ret != GNUTLS_E_AGAIN && gnutls_error_is_fatal(ret))
        (void)gnutls_alert_send_appropriate(p->gtls, ret);
    p->gout = NULL;
    return ret == 0 ? 1 : ret == GNUTLS_E_AGAIN ? 0 : -1;
}

/* ---- both ------------------------------------------------------------------------------------------------------- */

int rawpeer_step(struct rawpeer *p, escertke_span in, escertke_buf *out)
{
    return p->ssl ? openssl_step(p, in, out) : gnutls_step(p, in, out);
}

void rawpeer_export(struct rawpeer *p, uint8_t out[48])
{
    if (p->ssl)
        need(SSL_export_keying_material(p->ssl, out, 48, LABEL, sizeof LABEL - 1, NULL, 0, 0) == 1, "export");
    else
        need(gnutls_prf_rfc5705(p->gtls, sizeof LABEL - 1, LABEL, 0, NULL, 48, (char *)out) == 0, "gnutls export");
}

void rawpeer_free(struct rawpeer *p)
{
    if (!p)
        return;
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    if (p->gtls)
        gnutls_deinit(p->gtls);
    if (p->cred)
        gnutls_certificate_free_credentials(p->cred);
    free(p);
}

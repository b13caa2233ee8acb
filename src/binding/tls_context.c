#include "binding/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

struct esc_tls_context {
    SSL_CTX *ctx;
    char host[ESCERTKE_ID_MAX + 1];
    bool is_address;
    const char *peer;
    char why[160]; /* only touched by the thread that drives the connection */
};

static escertke_err refuse(escertke_detail *d, const char *what, const char *peer)
{
    char words[120] = "";
    unsigned long code = ERR_peek_error();

    if (code)
        ERR_error_string_n(code, words, sizeof words);
    ERR_clear_error();
    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(words), d->backend, sizeof d->backend);
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s for the %s", what, peer);
}

/* ---- PEM ---------------------------------------------------------------------------------------------------- */

static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return 0;
}

static BIO *open_text(escertke_span pem)
{
    return pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
}

/* Each certificate of a PEM text. @return how many; -1 = one was not taken */
static int each_certificate(escertke_span pem, bool (*take)(SSL_CTX *ctx, X509 *certificate, int number), SSL_CTX *ctx)
{
    BIO *bio = open_text(pem);
    int count = 0;
    X509 *certificate;

    while (bio && count >= 0 && (certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
        count = take(ctx, certificate, count) ? count + 1 : -1;
        X509_free(certificate);
    }
    BIO_free(bio);
    if (count > 0)
        ERR_clear_error(); /* the end of the text is reported as an error */
    return count;
}

static bool take_anchor(SSL_CTX *ctx, X509 *certificate, int number)
{
    (void)number;
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate) == 1;
}

static bool take_own(SSL_CTX *ctx, X509 *certificate, int number)
{
    if (number == 0)
        return SSL_CTX_use_certificate(ctx, certificate) == 1;
    return SSL_CTX_add1_chain_cert(ctx, certificate) == 1;
}

static escertke_err set_trust(SSL_CTX *ctx, escertke_span trust, const char *peer, escertke_detail *d)
{
    if (!trust.len && SSL_CTX_set_default_verify_paths(ctx) == 1)
        return ESCERTKE_OK;
    return each_certificate(trust, take_anchor, ctx) > 0 ? ESCERTKE_OK : refuse(d, "no usable anchor", peer);
}

static escertke_err set_own(SSL_CTX *ctx, escertke_span cert, escertke_span key, const char *peer, escertke_detail *d)
{
    if (!cert.len && !key.len)
        return ESCERTKE_OK;
    if (each_certificate(cert, take_own, ctx) <= 0)
        return refuse(d, "no usable certificate", peer);
    BIO *bio = open_text(key);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    bool fits = pkey && SSL_CTX_use_PrivateKey(ctx, pkey) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return fits ? ESCERTKE_OK : refuse(d, "a private key that is not usable, or not the certificate's,", peer);
}

/* ---- the peer's certificate --------------------------------------------------------------------------------- */

void esc_tls_context_note(struct esc_tls_context *t, X509_STORE_CTX *store)
{
    if (!t->why[0])
        snprintf(t->why, sizeof t->why, "certificate of the %s not accepted: %s", t->peer,
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
}

static int note_refusal(int accepted, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct esc_tls_context *t = ssl ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;

    if (!accepted && t)
        esc_tls_context_note(t, store);
    return accepted;
}

/* libmosquitto names the address it connects to, libwebsockets even cuts that at its colons; the server is to hear the name that
 * was asked for. */
static void name_server(const SSL *ssl, int where, int ret)
{
    struct esc_tls_context *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL *handle = (SSL *)(uintptr_t)ssl; /* the callback's type says const, its purpose is to change things */

    (void)ret;
    if (where == SSL_CB_HANDSHAKE_START && t && !SSL_is_init_finished(ssl))
        (void)SSL_set_tlsext_host_name(handle, t->is_address ? NULL : t->host);
}

static bool expect_host(struct esc_tls_context *t)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->ctx);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return t->is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, t->host) == 1
                         : X509_VERIFY_PARAM_set1_host(param, t->host, 0) == 1;
}

static bool is_address(const char *host)
{
    unsigned char octets[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1;
}

escertke_err esc_tls_context_new(const char *host, const char *peer, escertke_span trust, escertke_span cert, escertke_span key,
                                 struct esc_tls_context **out, escertke_detail *d)
{
    struct esc_tls_context *t = esc_zalloc(sizeof *t);
    escertke_err err;

    *out = NULL;
    if (!t)
        return ESCERTKE_ERR_NOMEM;
    snprintf(t->host, sizeof t->host, "%s", host);
    t->peer = peer;
    t->is_address = is_address(host);
    t->ctx = SSL_CTX_new(TLS_client_method());
    if (!t->ctx || !expect_host(t)) {
        esc_tls_context_free(t);
        return t->ctx ? ESCERTKE_ERR_BACKEND : ESCERTKE_ERR_NOMEM;
    }
    SSL_CTX_set_app_data(t->ctx, t);
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, note_refusal);
    SSL_CTX_set_info_callback(t->ctx, name_server);
    err = set_trust(t->ctx, trust, peer, d);
    if (err == ESCERTKE_OK)
        err = set_own(t->ctx, cert, key, peer, d);
    if (err == ESCERTKE_OK)
        *out = t;
    else
        esc_tls_context_free(t);
    return err;
}

void esc_tls_context_free(struct esc_tls_context *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    esc_release(t);
}

void esc_tls_context_why(struct esc_tls_context *t, char *out, size_t cap)
{
    snprintf(out, cap, "%s", t ? t->why : "");
    if (t)
        t->why[0] = '\0';
}

SSL_CTX *esc_tls_context_get(struct esc_tls_context *t)
{
    return t->ctx;
}

/* ---- servers ------------------------------------------------------------------------------------------------- */

escertke_err esc_tls_server_fill(SSL_CTX *ctx, escertke_span cert, escertke_span key, escertke_span client_trust,
                                 escertke_detail *d)
{
    escertke_err err;

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (!cert.len || !key.len)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "a server needs a certificate and its private key");
    if ((err = set_own(ctx, cert, key, "server", d)) != ESCERTKE_OK || !client_trust.len)
        return err;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return set_trust(ctx, client_trust, "clients", d);
}

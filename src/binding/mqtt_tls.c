#include "binding/mqtt_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

struct esc_mqtt_tls {
    SSL_CTX *ctx;
    char host[ESCERTKE_ID_MAX + 1];
    bool is_address;
    char why[160]; /* only touched by the thread that drives the connection */
};

static escertke_err refuse(escertke_detail *d, const char *what)
{
    char words[120] = "";
    unsigned long code = ERR_peek_error();

    if (code)
        ERR_error_string_n(code, words, sizeof words);
    ERR_clear_error();
    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(words), d->backend, sizeof d->backend);
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s", what);
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

static escertke_err set_trust(SSL_CTX *ctx, escertke_span trust, escertke_detail *d)
{
    if (!trust.len && SSL_CTX_set_default_verify_paths(ctx) == 1)
        return ESCERTKE_OK;
    return each_certificate(trust, take_anchor, ctx) > 0 ? ESCERTKE_OK : refuse(d, "no usable anchor for the broker");
}

static escertke_err set_own(SSL_CTX *ctx, escertke_span cert, escertke_span key, escertke_detail *d)
{
    if (!cert.len && !key.len)
        return ESCERTKE_OK;
    if (each_certificate(cert, take_own, ctx) <= 0)
        return refuse(d, "the certificate for the broker is not usable");
    BIO *bio = open_text(key);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    bool fits = pkey && SSL_CTX_use_PrivateKey(ctx, pkey) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return fits ? ESCERTKE_OK : refuse(d, "the private key for the broker is not usable, or not the certificate's");
}

/* ---- the broker's certificate --------------------------------------------------------------------------------- */

static int note_refusal(int accepted, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct esc_mqtt_tls *t = ssl ? SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;

    if (!accepted && t && !t->why[0])
        snprintf(t->why, sizeof t->why, "certificate of the broker not accepted: %s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return accepted;
}

/* libmosquitto names the address it connects to; the server is to hear the name that was asked for. */
static void name_server(const SSL *ssl, int where, int ret)
{
    struct esc_mqtt_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL *handle = (SSL *)(uintptr_t)ssl; /* the callback's type says const, its purpose is to change things */

    (void)ret;
    if (where == SSL_CB_HANDSHAKE_START && t && !SSL_is_init_finished(ssl))
        (void)SSL_set_tlsext_host_name(handle, t->is_address ? NULL : t->host);
}

static bool expect_host(struct esc_mqtt_tls *t)
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

escertke_err esc_mqtt_tls_new(const char *host, escertke_span trust, escertke_span cert, escertke_span key,
                              struct esc_mqtt_tls **out, escertke_detail *d)
{
    struct esc_mqtt_tls *t = esc_zalloc(sizeof *t);
    escertke_err err;

    *out = NULL;
    if (!t)
        return ESCERTKE_ERR_NOMEM;
    snprintf(t->host, sizeof t->host, "%s", host);
    t->is_address = is_address(host);
    t->ctx = SSL_CTX_new(TLS_client_method());
    if (!t->ctx || !expect_host(t)) {
        esc_mqtt_tls_free(t);
        return t->ctx ? ESCERTKE_ERR_BACKEND : ESCERTKE_ERR_NOMEM;
    }
    SSL_CTX_set_app_data(t->ctx, t);
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, note_refusal);
    SSL_CTX_set_info_callback(t->ctx, name_server);
    err = set_trust(t->ctx, trust, d);
    if (err == ESCERTKE_OK)
        err = set_own(t->ctx, cert, key, d);
    if (err == ESCERTKE_OK)
        *out = t;
    else
        esc_mqtt_tls_free(t);
    return err;
}

void esc_mqtt_tls_free(struct esc_mqtt_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    esc_release(t);
}

/* ---- a client's connections ----------------------------------------------------------------------------------- */

escertke_err esc_mqtt_tls_use(struct esc_mqtt_tls *t, struct mosquitto *client)
{
    if (mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS ||
        mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, t->ctx) != MOSQ_ERR_SUCCESS)
        return ESCERTKE_ERR_BACKEND;
    return ESCERTKE_OK;
}

bool esc_mqtt_tls_unfinished(struct mosquitto *client, bool *to_write)
{
    const SSL *ssl = mosquitto_ssl_get(client);

    *to_write = ssl && SSL_want_write(ssl);
    return ssl && !SSL_is_init_finished(ssl);
}

void esc_mqtt_tls_why(struct esc_mqtt_tls *t, char *out, size_t cap)
{
    snprintf(out, cap, "%s", t ? t->why : "");
    if (t)
        t->why[0] = '\0';
}

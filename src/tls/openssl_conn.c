/* openssl_conn.c - one TLS 1.2 handshake over memory: OpenSSL reads the flight in place and writes into the caller's buffer. */
#include "tls/openssl.h"

#include <escertke/cert.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"

/* ---- a BIO over the spans of the current step: no copy in, no copy out ------------------------------------- */

static BIO_METHOD *flight_bio;
static pthread_once_t flight_once = PTHREAD_ONCE_INIT;

static int flight_read(BIO *bio, char *to, size_t len, size_t *done)
{
    struct openssl_conn *conn = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *done = len < conn->in.len ? len : conn->in.len;
    if (!*done) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, conn->in.ptr, *done);
    conn->in.ptr += *done;
    conn->in.len -= *done;
    return 1;
}

static int flight_write(BIO *bio, const char *from, size_t len, size_t *done)
{
    struct openssl_conn *conn = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *done = 0;
    if (conn->io_err == ESCERTKE_OK) /* sticky: a flight with a hole in it must not leave */
        conn->io_err = conn->out ? escertke_buf_append(conn->out, from, len) : ESCERTKE_ERR_STATE;
    if (conn->io_err != ESCERTKE_OK)
        return 0;
    *done = len;
    return 1;
}

static long flight_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP ? 1 : 0;
}

static void make_flight_bio(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "escertke flight");

    if (m && BIO_meth_set_read_ex(m, flight_read) && BIO_meth_set_write_ex(m, flight_write) && BIO_meth_set_ctrl(m, flight_ctrl))
        flight_bio = m;
    else
        BIO_meth_free(m);
}

/* ---- hooks of the SSL_CTX ----------------------------------------------------------------------------------- */

void esc_openssl_info(const SSL *ssl, int where, int ret)
{
    struct openssl_conn *conn = SSL_get_app_data(ssl);

    if (!conn || !(where & SSL_CB_ALERT) || conn->verify_err != ESCERTKE_OK)
        return; /* a refused path has chosen its alert already */
    conn->alert = ret & 0xFF;
    conn->alert_received = (where & SSL_CB_READ) != 0;
}

/* Without RFC 7627 a key must not be exported at all (RFC 7627 5.4): say so in the first answer. */
int esc_openssl_client_hello(SSL *ssl, int *alert, void *unused)
{
    const struct openssl_conn *conn = SSL_get_app_data(ssl);
    const unsigned char *ext;
    size_t len;

    (void)unused;
    if (conn->allow_without_ems || SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_extended_master_secret, &ext, &len) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
}

static void note_extension(SSL *ssl, int from_server, int type, const unsigned char *data, int len, void *arg)
{
    struct openssl_conn *conn = arg;

    (void)ssl, (void)data, (void)len;
    if (from_server && type == TLSEXT_TYPE_extended_master_secret)
        conn->saw_ems = true;
}

static int note_request(SSL *ssl, void *arg)
{
    struct openssl_conn *conn = arg;

    (void)ssl;
    conn->saw_request = true;
    return 1;
}

/*
 * Issuers and signatures are OpenSSL's; what escertke_cert_check_path judges itself, for every back end alike, is left to it.
 * That is more than a finer reason: OpenSSL cannot read an AE-ID in a URI, knows no name constraints for registeredID and
 * otherName, and no end-point's certificate for any purpose.
 */
static int leave_to_us(int ok, X509_STORE_CTX *store)
{
    static const int ours[] = {
        X509_V_ERR_CERT_NOT_YET_VALID,
        X509_V_ERR_CERT_HAS_EXPIRED,
        X509_V_ERR_INVALID_CA,
        X509_V_ERR_PATH_LENGTH_EXCEEDED,
        X509_V_ERR_INVALID_PURPOSE,
        X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
        X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
        X509_V_ERR_EC_KEY_EXPLICIT_PARAMS,
        X509_V_ERR_EE_KEY_TOO_SMALL,
        X509_V_ERR_CA_KEY_TOO_SMALL,
        X509_V_ERR_CA_MD_TOO_WEAK,
        X509_V_ERR_PERMITTED_VIOLATION,
        X509_V_ERR_EXCLUDED_VIOLATION,
        X509_V_ERR_SUBTREE_MINMAX,
        X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
        X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
        X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
    };
    int error = X509_STORE_CTX_get_error(store);

    for (size_t i = 0; !ok && i < sizeof ours / sizeof *ours; i++)
        ok = error == ours[i];
    return ok;
}

static void keep_words(struct openssl_conn *conn, const char *words)
{
    if (!conn->words)
        conn->words = esc_strndup(words, strlen(words));
}

static escertke_err ask_verify(struct openssl_conn *conn, STACK_OF(X509) * chain)
{
    escertke_span path[ESCERTKE_CHAIN_MAX + 2];
    size_t count = 0;
    escertke_err err = ESCERTKE_OK;

    conn->alert = SSL_AD_INTERNAL_ERROR;
    if (sk_X509_num(chain) > (int)(sizeof path / sizeof *path))
        err = ESCERTKE_ERR_CERT;
    for (int i = 0; err == ESCERTKE_OK && i < sk_X509_num(chain); i++) {
        uint8_t *der;
        size_t len;
        err = esc_openssl_der(sk_X509_value(chain, i), &der, &len);
        if (err == ESCERTKE_OK)
            path[count++] = (escertke_span){ der, len };
    }
    if (err == ESCERTKE_OK)
        err = conn->verify(conn->verify_ctx, path, count, &conn->alert);
    if (err == ESCERTKE_OK) {
        conn->alert = -1;
        esc_release(conn->leaf);
        conn->leaf = (uint8_t *)(uintptr_t)path[0].ptr; /* kept: the end-point wants its fingerprint */
        conn->leaf_len = path[0].len;
    }
    for (size_t i = err == ESCERTKE_OK ? 1 : 0; i < count; i++)
        esc_release((void *)(uintptr_t)path[i].ptr);
    return err;
}

/* OpenSSL finds no issuer for a certificate whose extensions it cannot read: that is not what the peer should be told. */
static bool is_malformed(struct openssl_conn *conn, const X509 *cert)
{
    escertke_cert parsed;
    escertke_detail d;
    uint8_t *der;
    size_t len;

    if (esc_openssl_der(cert, &der, &len) != ESCERTKE_OK)
        return true;
    escertke_detail_init(&d);
    escertke_err err = escertke_cert_parse((escertke_span){ der, len }, &parsed, &d);
    if (err != ESCERTKE_OK)
        keep_words(conn, d.reason);
    esc_release(der);
    return err != ESCERTKE_OK;
}

static escertke_err path_refused(struct openssl_conn *conn, STACK_OF(X509) * sent, int error)
{
    escertke_err err = esc_openssl_path_error(error, &conn->alert);

    for (int i = 0; conn->alert == SSL_AD_UNKNOWN_CA && i < sk_X509_num(sent); i++)
        if (is_malformed(conn, sk_X509_value(sent, i)))
            conn->alert = SSL_AD_BAD_CERTIFICATE;
    keep_words(conn, X509_verify_cert_error_string(error));
    return err;
}

/* One path tried. @p sent is what it may be made of. */
static bool try_path(const struct openssl_conn *conn, X509_STORE_CTX *store, STACK_OF(X509) * sent)
{
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(store), (time_t)conn->unix_s);
    X509_STORE_CTX_set_verify_cb(store, leave_to_us);
    X509_STORE_CTX_set0_untrusted(store, sent);
    return X509_verify_cert(store) == 1;
}

/*
 * OpenSSL follows the first issuer it finds. Where that leads to nobody (a CA cross-signed by somebody unknown here), the end of
 * that way is taken off @p left and another may be found. False if the end is the leaf, or was not sent.
 */
static bool take_off_dead_end(X509_STORE_CTX *store, STACK_OF(X509) * left)
{
    int error = X509_STORE_CTX_get_error(store);
    X509 *end = X509_STORE_CTX_get_current_cert(store);

    if (error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT &&
        error != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN)
        return false;
    for (int i = 0; end != X509_STORE_CTX_get0_cert(store) && i < sk_X509_num(left); i++)
        if (sk_X509_value(left, i) == end)
            return sk_X509_delete(left, i) != NULL;
    return false;
}

static X509_STORE_CTX *another_try(X509_STORE_CTX *first)
{
    X509_STORE_CTX *store = X509_STORE_CTX_new();

    if (store && X509_STORE_CTX_init(store, X509_STORE_CTX_get0_store(first), X509_STORE_CTX_get0_cert(first), NULL) == 1) {
        X509_STORE_CTX_set_depth(store, (int)ESCERTKE_CHAIN_MAX);
        return store;
    }
    X509_STORE_CTX_free(store);
    return NULL;
}

static escertke_err judge(struct openssl_conn *conn, X509_STORE_CTX *first, STACK_OF(X509) * sent)
{
    X509_STORE_CTX *store = first;
    STACK_OF(X509) *left = sk_X509_dup(sent);
    bool found = try_path(conn, first, sent);
    int error = X509_STORE_CTX_get_error(first);
    escertke_err err;

    while (!found && left && take_off_dead_end(store, left)) {
        if (store != first)
            X509_STORE_CTX_free(store);
        store = another_try(first);
        if (!store)
            break;
        found = try_path(conn, store, left);
    }
    err = found ? ask_verify(conn, X509_STORE_CTX_get0_chain(store)) : path_refused(conn, sent, error);
    if (store != first)
        X509_STORE_CTX_free(store);
    sk_X509_free(left);
    return err;
}

int esc_openssl_verify_path(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct openssl_conn *conn = SSL_get_app_data(ssl);

    (void)unused;
    if (conn->role == ESCERTKE_INITIATOR && !conn->saw_ems && !conn->allow_without_ems) {
        keep_words(conn, "server does not offer the extended master secret (RFC 7627)");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        conn->verify_err = ESCERTKE_ERR_NEGOTIATION;
        return 0;
    }
    conn->verify_err = judge(conn, store, X509_STORE_CTX_get0_untrusted(store));
    X509_STORE_CTX_set_error(store, conn->verify_err == ESCERTKE_OK ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return conn->verify_err == ESCERTKE_OK;
}

/* ---- the vtable's functions --------------------------------------------------------------------------------- */

static void conn_close(void *p)
{
    struct openssl_conn *conn = p;

    if (!conn)
        return;
    SSL_free(conn->ssl);
    esc_release(conn->leaf);
    esc_release(conn->words);
    esc_release_wiped(conn, sizeof *conn);
}

static escertke_err conn_open(const escertke_tls_open *cfg, void **out)
{
    const struct openssl_credential *cred = cfg->credential;
    struct openssl_conn *conn = esc_zalloc(sizeof *conn);
    BIO *bio;

    *out = NULL;
    if (cfg->peer_raw) {
        esc_release(conn);
        return ESCERTKE_ERR_UNSUPPORTED; /* libssl has them from 3.2 on */
    }
    if (!conn)
        return ESCERTKE_ERR_NOMEM;
    *conn = (struct openssl_conn){ .role = cfg->role,
                                   .allow_without_ems = cfg->allow_without_ems,
                                   .verify = cfg->verify,
                                   .verify_ctx = cfg->verify_ctx,
                                   .alert = -1 };
    pthread_once(&flight_once, make_flight_bio);
    conn->ssl = SSL_new(cred->ctx);
    bio = flight_bio && conn->ssl ? BIO_new(flight_bio) : NULL;
    if (!bio)
        goto fail;
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    SSL_set_bio(conn->ssl, bio, bio);
    if (SSL_set_app_data(conn->ssl, conn) != 1)
        goto fail;
    if (cfg->role == ESCERTKE_TERMINATOR) {
        SSL_set_accept_state(conn->ssl);
    } else {
        SSL_set_connect_state(conn->ssl);
        SSL_set_tlsext_debug_callback(conn->ssl, note_extension);
        SSL_set_tlsext_debug_arg(conn->ssl, conn);
        SSL_set_cert_cb(conn->ssl, note_request, conn);
        if (cfg->server_name && SSL_set_tlsext_host_name(conn->ssl, cfg->server_name) != 1)
            goto fail;
    }
    *out = conn;
    return ESCERTKE_OK;
fail:
    ERR_clear_error();
    conn_close(conn);
    return ESCERTKE_ERR_BACKEND;
}

/* In the middle: an answer is due, and a server that asks for no certificate would leave this side unauthenticated (R-HS-20,
 * */
static escertke_err check_half(struct openssl_conn *conn, bool first, bool answered)
{
    if (!answered) {
        keep_words(conn, "flight is not complete");
        conn->alert = SSL_AD_DECODE_ERROR;
        return ESCERTKE_ERR_TLS;
    }
    if (conn->role == ESCERTKE_INITIATOR && !first && !conn->saw_request) {
        keep_words(conn, "server sent no CertificateRequest");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_TLS;
    }
    return ESCERTKE_OK;
}

/* After the last flight: what must hold before anybody may trust the result. */
static escertke_err check_complete(struct openssl_conn *conn)
{
    if (conn->in.len) {
        keep_words(conn, "octets left over after the handshake");
        conn->alert = SSL_AD_UNEXPECTED_MESSAGE;
        return ESCERTKE_ERR_TLS;
    }
    if (SSL_session_reused(conn->ssl) || !conn->leaf) {
        keep_words(conn, "handshake without a verified certificate");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_NO_CERT;
    }
    if (SSL_get_extms_support(conn->ssl) != 1 && !conn->allow_without_ems) {
        keep_words(conn, "no extended master secret (RFC 7627)");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_NEGOTIATION;
    }
    conn->complete = true;
    return ESCERTKE_OK;
}

/* On failure the only octets that leave are one alert record of our own making: nothing of a half-made flight does. */
static void put_alert(struct openssl_conn *conn, escertke_buf *out, size_t start)
{
    if (out->len > start)
        escertke_wipe(out->ptr + start, out->len - start);
    out->len = start;
    if (conn->alert < 0 || conn->alert_received)
        return;
    const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)conn->alert };
    if (escertke_buf_append(out, record, sizeof record) != ESCERTKE_OK)
        out->len = start;
}

static escertke_err conn_step(void *p, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done)
{
    struct openssl_conn *conn = p;
    size_t start = out->len;
    escertke_err err = ESCERTKE_OK;

    *done = false;
    if (conn->complete)
        return ESCERTKE_ERR_STATE;
    conn->in = in;
    conn->out = out;
    conn->unix_s = unix_s;
    ERR_clear_error();
    int ret = SSL_do_handshake(conn->ssl);
    if (ret == 1) {
        err = check_complete(conn);
        *done = err == ESCERTKE_OK;
    } else if (SSL_get_error(conn->ssl, ret) != SSL_ERROR_WANT_READ) {
        err = esc_openssl_classify(conn);
    } else {
        err = check_half(conn, in.len == 0, out->len > start);
    }
    conn->in = (escertke_span){ NULL, 0 };
    conn->out = NULL;
    if (err != ESCERTKE_OK)
        put_alert(conn, out, start);
    ERR_clear_error();
    return err;
}

static escertke_err conn_export(void *p, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    struct openssl_conn *conn = p;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    if (SSL_export_keying_material(conn->ssl, out, len, label, strlen(label), context.ptr, context.len, context.ptr != NULL) == 1)
        return ESCERTKE_OK;
    ERR_clear_error();
    escertke_wipe(out, len);
    return ESCERTKE_ERR_BACKEND;
}

static escertke_err conn_peer_cert(void *p, escertke_span *der)
{
    struct openssl_conn *conn = p;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    *der = (escertke_span){ conn->leaf, conn->leaf_len };
    return ESCERTKE_OK;
}

static const char *conn_suite(void *p)
{
    struct openssl_conn *conn = p;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);

    return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

static const char *conn_why(void *p, int *alert)
{
    struct openssl_conn *conn = p;

    *alert = conn->alert;
    return conn->words ? conn->words : "";
}

const escertke_tls_ops *escertke_tls_openssl(void)
{
    static const escertke_tls_ops ops = {
        .name = "openssl",
        .conn_memory = 36000,
        .credential_new = esc_openssl_credential_new,
        .credential_free = esc_openssl_credential_free,
        .credential_cert = esc_openssl_credential_cert,
        .open = conn_open,
        .step = conn_step,
        .export_key = conn_export,
        .peer_cert = conn_peer_cert,
        .suite = conn_suite,
        .why = conn_why,
        .close = conn_close,
        .sha256 = esc_openssl_sha256,
        .random = esc_openssl_random,
        .ecdsa_verify = esc_openssl_ecdsa_verify,
    };
    return &ops;
}

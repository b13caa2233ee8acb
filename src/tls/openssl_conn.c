/* openssl_conn.c - one TLS 1.2 handshake over memory: OpenSSL reads the flight in place and writes into the caller's buffer. */
#include "tls/openssl.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "tls/last_word.h"

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

/* ---- the vtable's functions --------------------------------------------------------------------------------- */

static void conn_close(void *p)
{
    struct openssl_conn *conn = p;

    if (!conn)
        return;
    SSL_free(conn->ssl);
    esc_path_cache_free(conn->path_cache);
    esc_release(conn->leaf);
    esc_release(conn->sent_spki);
    esc_release(conn->words);
    esc_release_wiped(conn, sizeof *conn);
}

static bool set_role(struct openssl_conn *conn, const escertke_tls_open *cfg)
{
    if (cfg->role == ESCERTKE_TERMINATOR) {
        SSL_set_accept_state(conn->ssl);
        return true;
    }
    SSL_set_connect_state(conn->ssl);
    SSL_set_tlsext_debug_callback(conn->ssl, note_extension);
    SSL_set_tlsext_debug_arg(conn->ssl, conn);
    SSL_set_cert_cb(conn->ssl, note_request, conn);
    return !cfg->server_name || SSL_set_tlsext_host_name(conn->ssl, cfg->server_name) == 1;
}

static escertke_err set_up(struct openssl_conn *conn, const escertke_tls_open *cfg, const struct openssl_credential *cred)
{
    BIO *bio;

    if (!cfg->peer_raw && !cred->has_trust)
        return ESCERTKE_ERR_CREDENTIAL;
    pthread_once(&flight_once, make_flight_bio);
    conn->ssl = SSL_new(cred->ctx);
    bio = flight_bio && conn->ssl ? BIO_new(flight_bio) : NULL;
    if (!bio)
        return ESCERTKE_ERR_BACKEND;
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    SSL_set_bio(conn->ssl, bio, bio);
    if (SSL_set_app_data(conn->ssl, conn) != 1 || !set_role(conn, cfg))
        return ESCERTKE_ERR_BACKEND;
    return esc_openssl_set_types(conn->ssl, cfg->role, cred->raw, cfg->peer_raw);
}

static escertke_err conn_open(const escertke_tls_open *cfg, void **out)
{
    const struct openssl_credential *cred = cfg->credential;
    struct openssl_conn *conn = esc_zalloc(sizeof *conn);

    *out = NULL;
    if (!conn)
        return ESCERTKE_ERR_NOMEM;
    *conn = (struct openssl_conn){ .role = cfg->role,
                                   .peer_raw = cfg->peer_raw,
                                   .allow_without_ems = cfg->allow_without_ems,
                                   .verify = cfg->verify,
                                   .verify_ctx = cfg->verify_ctx,
                                   .alert = -1 };
    conn->path_cache = esc_path_cache_hold(cred->path_cache);
    escertke_err err = set_up(conn, cfg, cred);
    if (err == ESCERTKE_OK) {
        *out = conn;
        return ESCERTKE_OK;
    }
    ERR_clear_error();
    conn_close(conn);
    return err;
}

/* In the middle: an answer is due, and a server that asks for no certificate would leave this side unauthenticated (R-HS-20,
 * */
static escertke_err check_half(struct openssl_conn *conn, bool first, bool answered)
{
    if (!answered) {
        esc_openssl_keep_words(conn, "flight is not complete");
        conn->alert = SSL_AD_DECODE_ERROR;
        return ESCERTKE_ERR_TLS;
    }
    if (conn->role == ESCERTKE_INITIATOR && !first && !conn->saw_request) {
        esc_openssl_keep_words(conn, "server sent no CertificateRequest");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_TLS;
    }
    return ESCERTKE_OK;
}

/* After the last flight: what must hold before anybody may trust the result. */
static escertke_err check_complete(struct openssl_conn *conn)
{
    if (conn->in.len) {
        esc_openssl_keep_words(conn, "octets left over after the handshake");
        conn->alert = SSL_AD_UNEXPECTED_MESSAGE;
        return ESCERTKE_ERR_TLS;
    }
    if (SSL_session_reused(conn->ssl) || !conn->leaf) {
        esc_openssl_keep_words(conn, "handshake without a verified certificate");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_NO_CERT;
    }
    if (SSL_get_extms_support(conn->ssl) != 1 && !conn->allow_without_ems) {
        esc_openssl_keep_words(conn, "no extended master secret (RFC 7627)");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        return ESCERTKE_ERR_NEGOTIATION;
    }
    conn->complete = true;
    return ESCERTKE_OK;
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
    esc_openssl_forget_words(conn); /* of a judge that found nothing good */
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
        esc_last_word(out, start, conn->alert_received ? -1 : conn->alert);
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
        .conn_memory = 46000,
        .raw_keys = ESC_OPENSSL_RAW,
        .credential_new = esc_openssl_credential_new,
        .credential_free = esc_openssl_credential_free,
        .credential_cert = esc_openssl_credential_cert,
        .open = conn_open,
        .step = conn_step,
        .judge = esc_openssl_judge,
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

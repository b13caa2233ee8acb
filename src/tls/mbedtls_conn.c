/* mbedtls_conn.c - one TLS 1.2 handshake over memory with Mbed TLS, step by step: what must hold is looked at in between. */
#include "tls/mbedtls.h"

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/last_word.h"

enum { UNEXPECTED_MESSAGE = 10, HANDSHAKE_FAILURE = 40, DECODE_ERROR = 50, DECRYPT_ERROR = 51, ALERT_RECORD = 21 };

/* ---- callbacks ---------------------------------------------------------------------------------------------- */

static int pull(void *ctx, unsigned char *to, size_t len)
{
    struct mbedtls_conn *conn = ctx;
    size_t got = esc_mbedtls_flight_read(&conn->flight, to, len);

    return got ? (int)got : MBEDTLS_ERR_SSL_WANT_READ;
}

static int push(void *ctx, const unsigned char *from, size_t len)
{
    struct mbedtls_conn *conn = ctx;

    if (len == 7 && from[0] == ALERT_RECORD) { /* the library's choice; what leaves is esc_last_word's */
        conn->alert = from[6];
        return (int)len;
    }
    if (conn->io_err == ESCERTKE_OK) /* sticky: a flight with a hole in it must not leave */
        conn->io_err = conn->out ? escertke_buf_append(conn->out, from, len) : ESCERTKE_ERR_STATE;
    return conn->io_err == ESCERTKE_OK ? (int)len : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* The library knows no exporter, but shows what one is made of. */
static int keep_secret(void *ctx, const unsigned char *master, const unsigned char *key_block, size_t mac_len, size_t key_len,
                       size_t iv_len, const unsigned char client_random[32], const unsigned char server_random[32],
                       mbedtls_tls_prf_types prf)
{
    struct mbedtls_conn *conn = ctx;

    (void)key_block, (void)mac_len, (void)key_len, (void)iv_len;
    memcpy(conn->master, master, sizeof conn->master);
    memcpy(conn->randoms, client_random, 32);
    memcpy(conn->randoms + 32, server_random, 32);
    conn->has_secret = prf == MBEDTLS_SSL_TLS_PRF_SHA256;
    return 0;
}

/* ---- opening and closing ------------------------------------------------------------------------------------ */

static void conn_close(void *p)
{
    struct mbedtls_conn *conn = p;

    if (!conn)
        return;
    mbedtls_ssl_free(&conn->ssl);
    esc_mbedtls_credential_free(conn->credential);
    esc_release_wiped(conn, sizeof *conn);
}

/* Outside the handshake: nothing can be the peer's fault. */
static escertke_err error_of(int code)
{
    int alert;

    return esc_mbedtls_classify(code, -1, &alert) == ESCERTKE_ERR_NOMEM ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_BACKEND;
}

static escertke_err set_up(struct mbedtls_conn *conn, const escertke_tls_open *cfg)
{
    int code;

    /* A copy of the struct shares what the credential's configuration owns; it is never freed by mbedtls_ssl_config_free. */
    conn->conf = cfg->role == ESCERTKE_INITIATOR ? conn->credential->initiator : conn->credential->terminator;
    mbedtls_ssl_conf_export_keys_ext_cb(&conn->conf, keep_secret, conn);
    code = mbedtls_ssl_setup(&conn->ssl, &conn->conf);
    if (!code && cfg->role == ESCERTKE_INITIATOR && cfg->server_name)
        code = mbedtls_ssl_set_hostname(&conn->ssl, cfg->server_name);
    if (code)
        return error_of(code);
    mbedtls_ssl_set_bio(&conn->ssl, conn, push, pull, NULL);
    return ESCERTKE_OK;
}

static escertke_err conn_open(const escertke_tls_open *cfg, void **out)
{
    struct mbedtls_conn *conn;

    *out = NULL;
    if (cfg->peer_raw)
        return ESCERTKE_ERR_UNSUPPORTED;
    conn = esc_zalloc(sizeof *conn);
    if (!conn)
        return ESCERTKE_ERR_NOMEM;
    conn->role = cfg->role;
    conn->allow_without_ems = cfg->allow_without_ems;
    conn->verify = cfg->verify;
    conn->verify_ctx = cfg->verify_ctx;
    conn->alert = -1;
    conn->credential = esc_mbedtls_credential_share(cfg->credential);
    mbedtls_ssl_init(&conn->ssl);
    escertke_err err = set_up(conn, cfg);
    if (err != ESCERTKE_OK) {
        conn_close(conn);
        return err;
    }
    *out = conn;
    return ESCERTKE_OK;
}

/* ---- a flight ----------------------------------------------------------------------------------------------- */

static bool without_ems(const struct mbedtls_conn *conn)
{
    return !conn->allow_without_ems && conn->ssl.handshake->extended_ms != MBEDTLS_SSL_EXTENDED_MS_ENABLED;
}

/* Before a step: has the one before it shown what must not be answered? */
static int gate(struct mbedtls_conn *conn)
{
    bool initiator = conn->role == ESCERTKE_INITIATOR;
    int hello_read = initiator ? MBEDTLS_SSL_SERVER_CERTIFICATE : MBEDTLS_SSL_SERVER_HELLO;

    /* Without RFC 7627 a key must not be exported at all: said as soon as it is known. */
    if (conn->ssl.state == hello_read && without_ems(conn))
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE,
                                  "peer does not offer the extended master secret (RFC 7627)");
    if (initiator && conn->ssl.state == MBEDTLS_SSL_SERVER_HELLO_DONE && !conn->ssl.client_auth)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_TLS, HANDSHAKE_FAILURE, "server sent no CertificateRequest");
    return 0;
}

static int advance(struct mbedtls_conn *conn)
{
    int certificate = conn->role == ESCERTKE_INITIATOR ? MBEDTLS_SSL_SERVER_CERTIFICATE : MBEDTLS_SSL_CLIENT_CERTIFICATE;
    int code = 0;

    while (!code && conn->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER) {
        code = gate(conn);
        if (!code)
            code = conn->ssl.state == certificate ? esc_mbedtls_peer_certificate(conn) : mbedtls_ssl_handshake_step(&conn->ssl);
    }
    return code;
}

static escertke_err refuse(struct mbedtls_conn *conn, escertke_err err, int alert, const char *words)
{
    (void)esc_mbedtls_refuse(conn, err, alert, words);
    return err;
}

static escertke_err check_complete(struct mbedtls_conn *conn)
{
    if (conn->flight.in.len || conn->flight.left || mbedtls_ssl_check_pending(&conn->ssl))
        return refuse(conn, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE, "octets left over after the handshake");
    if (!conn->verified || !mbedtls_ssl_get_peer_cert(&conn->ssl))
        return refuse(conn, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "handshake without a verified certificate");
    conn->complete = true;
    return ESCERTKE_OK;
}

static escertke_err classify(struct mbedtls_conn *conn, int code)
{
    if (conn->refused != ESCERTKE_OK)
        return conn->refused;
    if (conn->io_err != ESCERTKE_OK)
        return conn->io_err;
    if (!conn->words[0])
        esc_mbedtls_words(code, conn->words, sizeof conn->words);
    if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        conn->alert = conn->ssl.in_msg[1];
        conn->alert_received = true;
        return ESCERTKE_ERR_ALERT;
    }
    escertke_err err = esc_mbedtls_classify(code, conn->alert, &conn->alert);
    if (err != ESCERTKE_ERR_TLS || conn->ssl.state != MBEDTLS_SSL_CLIENT_CHANGE_CIPHER_SPEC || !esc_mbedtls_is_bad_input(code))
        return err;
    conn->alert = DECRYPT_ERROR; /* of CertificateVerify, just read: in ServerKeyExchange it has this name already */
    return ESCERTKE_ERR_SIGNATURE;
}

static escertke_err conn_step(void *p, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done)
{
    struct mbedtls_conn *conn = p;
    size_t start = out->len;
    escertke_err err;

    *done = false;
    if (conn->complete)
        return ESCERTKE_ERR_STATE;
    esc_mbedtls_flight_init(&conn->flight, in);
    conn->out = out;
    conn->unix_s = unix_s;
    conn->words[0] = '\0'; /* of a judge that found nothing good */
    conn->alert = -1;
    int code = advance(conn);
    if (!code)
        err = check_complete(conn);
    else if (code != MBEDTLS_ERR_SSL_WANT_READ)
        err = classify(conn, code);
    else if (out->len > start)
        err = ESCERTKE_OK;
    else
        err = refuse(conn, ESCERTKE_ERR_TLS, DECODE_ERROR, "flight is not complete");
    *done = !code && err == ESCERTKE_OK;
    esc_mbedtls_flight_init(&conn->flight, (escertke_span){ NULL, 0 });
    conn->out = NULL;
    if (err != ESCERTKE_OK)
        esc_last_word(out, start, conn->alert_received ? -1 : conn->alert);
    return err;
}

/* ---- after it ----------------------------------------------------------------------------------------------- */

/* RFC 5705 4: PRF(master_secret, label, client_random + server_random [+ context_value_length + context_value]). */
static escertke_err conn_export(void *p, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    struct mbedtls_conn *conn = p;
    size_t seed_len = sizeof conn->randoms + (context.ptr ? 2 + context.len : 0);
    uint8_t *seed;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    if (!conn->has_secret || context.len > 0xFFFF)
        return ESCERTKE_ERR_BACKEND;
    if (!(seed = esc_alloc(seed_len)))
        return ESCERTKE_ERR_NOMEM;
    memcpy(seed, conn->randoms, sizeof conn->randoms);
    if (context.ptr) {
        seed[sizeof conn->randoms] = (uint8_t)(context.len >> 8);
        seed[sizeof conn->randoms + 1] = (uint8_t)context.len;
        if (context.len)
            memcpy(seed + sizeof conn->randoms + 2, context.ptr, context.len);
    }
    int code =
        mbedtls_ssl_tls_prf(MBEDTLS_SSL_TLS_PRF_SHA256, conn->master, sizeof conn->master, label, seed, seed_len, out, len);
    esc_release_wiped(seed, seed_len);
    if (!code)
        return ESCERTKE_OK;
    escertke_wipe(out, len);
    return error_of(code);
}

static escertke_err conn_peer_cert(void *p, escertke_span *der)
{
    struct mbedtls_conn *conn = p;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    const mbedtls_x509_crt *leaf = mbedtls_ssl_get_peer_cert(&conn->ssl);
    *der = (escertke_span){ leaf->raw.p, leaf->raw.len };
    return ESCERTKE_OK;
}

static const char *conn_suite(void *p)
{
    struct mbedtls_conn *conn = p;

    switch (conn->ssl.session ? conn->ssl.session->ciphersuite : 0) {
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: return "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256";
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM: return "TLS_ECDHE_ECDSA_WITH_AES_128_CCM";
    default: return NULL;
    }
}

static const char *conn_why(void *p, int *alert)
{
    struct mbedtls_conn *conn = p;

    *alert = conn->alert;
    return conn->words;
}

const escertke_tls_ops *escertke_tls_mbedtls(void)
{
    static const escertke_tls_ops ops = {
        .name = "mbedtls",
        .conn_memory = 42000,
        .credential_new = esc_mbedtls_credential_new,
        .credential_free = esc_mbedtls_credential_free,
        .credential_cert = esc_mbedtls_credential_cert,
        .open = conn_open,
        .step = conn_step,
        .judge = esc_mbedtls_judge,
        .export_key = conn_export,
        .peer_cert = conn_peer_cert,
        .suite = conn_suite,
        .why = conn_why,
        .close = conn_close,
        .sha256 = esc_mbedtls_sha256,
        .random = esc_mbedtls_random,
        .ecdsa_verify = esc_mbedtls_ecdsa_verify,
    };
    return &ops;
}

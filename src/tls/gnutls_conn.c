/* gnutls_conn.c - one TLS 1.2 handshake over memory with GnuTLS. */
#include "tls/gnutls.h"

#include <errno.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/last_word.h"

enum { HANDSHAKE_FAILURE = 40, DECODE_ERROR = 50, UNEXPECTED_MESSAGE = 10 };

static ssize_t pull(gnutls_transport_ptr_t ptr, void *to, size_t len)
{
    struct gnutls_conn *conn = ptr;

    if (!conn->in.len) {
        gnutls_transport_set_errno(conn->session, EAGAIN);
        return -1;
    }
    if (len > conn->in.len)
        len = conn->in.len;
    memcpy(to, conn->in.ptr, len);
    conn->in.ptr += len;
    conn->in.len -= len;
    return (ssize_t)len;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *from, size_t len)
{
    struct gnutls_conn *conn = ptr;

    if (conn->io_err == ESCERTKE_OK) /* sticky: a flight with a hole in it must not leave */
        conn->io_err = conn->out ? escertke_buf_append(conn->out, from, len) : ESCERTKE_ERR_STATE;
    if (conn->io_err == ESCERTKE_OK)
        return (ssize_t)len;
    gnutls_transport_set_errno(conn->session, EIO);
    return -1;
}

static int ready(gnutls_transport_ptr_t ptr, unsigned int ms)
{
    const struct gnutls_conn *conn = ptr;

    (void)ms;
    return conn->in.len ? 1 : 0;
}

static void keep_words(struct gnutls_conn *conn, const char *words)
{
    if (!conn->words[0])
        esc_printable(escertke_span_str(words), conn->words, sizeof conn->words);
}

static void conn_close(void *p)
{
    struct gnutls_conn *conn = p;

    if (!conn)
        return;
    if (conn->session)
        gnutls_deinit(conn->session);
    esc_gnutls_credential_free(conn->credential);
    esc_release(conn->leaf);
    esc_release(conn->sent);
    esc_release_wiped(conn, sizeof *conn);
}

static bool set_up(struct gnutls_conn *conn, const escertke_tls_open *cfg)
{
    unsigned flags = (cfg->role == ESCERTKE_TERMINATOR ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS |
                     GNUTLS_NO_SIGNAL | GNUTLS_ENABLE_RAWPK;
    gnutls_priority_t priority = esc_gnutls_priority(conn->credential, cfg->role, cfg->peer_raw);

    if (gnutls_init(&conn->session, flags) < 0 || gnutls_priority_set(conn->session, priority) < 0 ||
        gnutls_credentials_set(conn->session, GNUTLS_CRD_CERTIFICATE, conn->credential->cred) < 0)
        return false;
    if (cfg->role == ESCERTKE_TERMINATOR)
        gnutls_certificate_server_set_request(conn->session, GNUTLS_CERT_REQUIRE);
    else if (cfg->server_name &&
             gnutls_server_name_set(conn->session, GNUTLS_NAME_DNS, cfg->server_name, strlen(cfg->server_name)) < 0)
        return false;
    gnutls_session_set_ptr(conn->session, conn);
    gnutls_transport_set_ptr(conn->session, conn);
    gnutls_transport_set_pull_function(conn->session, pull);
    gnutls_transport_set_push_function(conn->session, push);
    gnutls_transport_set_pull_timeout_function(conn->session, ready);
    gnutls_handshake_set_hook_function(conn->session, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_PRE,
                                       esc_gnutls_keep_certificates);
    gnutls_handshake_set_timeout(conn->session, GNUTLS_INDEFINITE_TIMEOUT);
    gnutls_handshake_set_max_packet_length(conn->session, ESCERTKE_MESSAGE_MAX);
    return true;
}

static escertke_err conn_open(const escertke_tls_open *cfg, void **out)
{
    struct gnutls_conn *conn = esc_zalloc(sizeof *conn);

    *out = NULL;
    if (!conn)
        return ESCERTKE_ERR_NOMEM;
    conn->role = cfg->role;
    conn->peer_raw = cfg->peer_raw;
    conn->allow_without_ems = cfg->allow_without_ems;
    conn->verify = cfg->verify;
    conn->verify_ctx = cfg->verify_ctx;
    conn->alert = -1;
    conn->credential = esc_gnutls_credential_share(cfg->credential);
    if (!cfg->peer_raw && !conn->credential->has_trust) {
        conn_close(conn);
        return ESCERTKE_ERR_CREDENTIAL;
    }
    if (!set_up(conn, cfg)) {
        conn_close(conn);
        return ESCERTKE_ERR_BACKEND;
    }
    *out = conn;
    return ESCERTKE_OK;
}

static const struct {
    int code; /* GNUTLS_E_... */
    escertke_err err;
} codes[] = {
    { GNUTLS_E_UNSUPPORTED_VERSION_PACKET, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_NO_CIPHER_SUITES, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_UNKNOWN_CIPHER_SUITE, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_INSUFFICIENT_SECURITY, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_NO_COMMON_KEY_SHARE, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_ECC_NO_SUPPORTED_CURVES, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_ECC_UNSUPPORTED_CURVE, ESCERTKE_ERR_NEGOTIATION },
    { GNUTLS_E_NO_CERTIFICATE_FOUND, ESCERTKE_ERR_NO_CERT },
    { GNUTLS_E_CERTIFICATE_REQUIRED, ESCERTKE_ERR_NO_CERT },
    { GNUTLS_E_PK_SIG_VERIFY_FAILED, ESCERTKE_ERR_SIGNATURE },
    { GNUTLS_E_DECRYPTION_FAILED, ESCERTKE_ERR_SIGNATURE },
    { GNUTLS_E_ERROR_IN_FINISHED_PACKET, ESCERTKE_ERR_SIGNATURE },
    { GNUTLS_E_CERTIFICATE_ERROR, ESCERTKE_ERR_CERT },
    { GNUTLS_E_MEMORY_ERROR, ESCERTKE_ERR_NOMEM },
    { GNUTLS_E_INTERNAL_ERROR, ESCERTKE_ERR_BACKEND },
    { GNUTLS_E_PKCS11_ERROR, ESCERTKE_ERR_BACKEND }, /* the own private key's token does not sign */
};

static const char token_words[] = "the token with the own private key does not sign; is it still there? After it comes back, the "
                                  "credential must be loaded again";

static escertke_err classify(struct gnutls_conn *conn, int code)
{
    int level, alert = gnutls_error_to_alert(code, &level);

    if (conn->verify_err != ESCERTKE_OK)
        return conn->verify_err;
    keep_words(conn, code == GNUTLS_E_PKCS11_ERROR ? token_words : gnutls_strerror(code));
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED) {
        conn->alert = (int)gnutls_alert_get(conn->session);
        conn->alert_received = true;
        return ESCERTKE_ERR_ALERT;
    }
    escertke_err err = ESCERTKE_ERR_TLS;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            err = codes[i].err;
    conn->alert = err == ESCERTKE_ERR_NO_CERT ? HANDSHAKE_FAILURE : alert;
    if (err == ESCERTKE_ERR_CERT && conn->sent)
        err = esc_gnutls_unreadable(conn, &conn->alert);
    return err;
}

static escertke_err refuse(struct gnutls_conn *conn, escertke_err err, int alert, const char *words)
{
    keep_words(conn, words);
    conn->alert = alert;
    return err;
}

/* In the middle: an answer is due; what the first flight has shown must do; and a server must have asked for a certificate. */
static escertke_err check_half(struct gnutls_conn *conn, bool first, bool answered)
{
    if (!answered)
        return refuse(conn, ESCERTKE_ERR_TLS, DECODE_ERROR, "flight is not complete");
    if (conn->role == ESCERTKE_TERMINATOR && !conn->allow_without_ems &&
        gnutls_session_ext_master_secret_status(conn->session) == 0)
        return refuse(conn, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE,
                      "client does not offer the extended master secret (RFC 7627)");
    if (conn->role == ESCERTKE_INITIATOR && !first && gnutls_certificate_client_get_request_status(conn->session) == 0)
        return refuse(conn, ESCERTKE_ERR_TLS, HANDSHAKE_FAILURE, "server sent no CertificateRequest");
    return ESCERTKE_OK;
}

static escertke_err check_complete(struct gnutls_conn *conn)
{
    if (conn->in.len || gnutls_record_check_pending(conn->session) > 0)
        return refuse(conn, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE, "octets left over after the handshake");
    if (gnutls_session_is_resumed(conn->session) || !conn->leaf)
        return refuse(conn, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "handshake without a verified certificate");
    if (!conn->allow_without_ems && gnutls_session_ext_master_secret_status(conn->session) == 0)
        return refuse(conn, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE, "no extended master secret (RFC 7627)");
    conn->complete = true;
    return ESCERTKE_OK;
}

static escertke_err conn_step(void *p, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done)
{
    struct gnutls_conn *conn = p;
    size_t start = out->len;
    escertke_err err;

    *done = false;
    if (conn->complete)
        return ESCERTKE_ERR_STATE;
    conn->in = in;
    conn->out = out;
    conn->unix_s = unix_s;
    conn->words[0] = '\0'; /* of a judge that found nothing good */
    conn->alert = -1;
    int code;
    do
        code = gnutls_handshake(conn->session);
    while (code == GNUTLS_E_INTERRUPTED || (code == GNUTLS_E_AGAIN && conn->in.len));
    if (conn->io_err != ESCERTKE_OK) {
        err = conn->io_err;
    } else if (code == 0) {
        err = check_complete(conn);
        *done = err == ESCERTKE_OK;
    } else if (code == GNUTLS_E_AGAIN) {
        err = check_half(conn, !conn->started && conn->role == ESCERTKE_INITIATOR, out->len > start);
    } else {
        err = classify(conn, code);
    }
    conn->started = true;
    conn->in = (escertke_span){ NULL, 0 };
    conn->out = NULL;
    if (err != ESCERTKE_OK)
        esc_last_word(out, start, conn->alert_received ? -1 : conn->alert);
    return err;
}

static escertke_err conn_export(void *p, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    struct gnutls_conn *conn = p;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    if (gnutls_prf_rfc5705(conn->session, strlen(label), label, context.len, (const char *)context.ptr, len, (char *)out) == 0)
        return ESCERTKE_OK;
    escertke_wipe(out, len);
    return ESCERTKE_ERR_BACKEND;
}

static escertke_err conn_peer_cert(void *p, escertke_span *der)
{
    struct gnutls_conn *conn = p;

    if (!conn->complete)
        return ESCERTKE_ERR_STATE;
    *der = (escertke_span){ conn->leaf, conn->leaf_len };
    return ESCERTKE_OK;
}

static const char *conn_suite(void *p)
{
    struct gnutls_conn *conn = p;

    switch (gnutls_cipher_get(conn->session)) {
    case GNUTLS_CIPHER_AES_128_GCM: return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    case GNUTLS_CIPHER_AES_128_CBC: return "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256";
    case GNUTLS_CIPHER_AES_128_CCM: return "TLS_ECDHE_ECDSA_WITH_AES_128_CCM";
    default: return NULL;
    }
}

static const char *conn_why(void *p, int *alert)
{
    struct gnutls_conn *conn = p;

    *alert = conn->alert;
    return conn->words;
}

const escertke_tls_ops *escertke_tls_gnutls(void)
{
    static const escertke_tls_ops ops = {
        .name = "gnutls",
        .conn_memory = 16000,
        .raw_keys = true,
        .token_keys = true,
        .credential_new = esc_gnutls_credential_new,
        .credential_free = esc_gnutls_credential_free,
        .credential_cert = esc_gnutls_credential_cert,
        .open = conn_open,
        .step = conn_step,
        .judge = esc_gnutls_judge,
        .export_key = conn_export,
        .peer_cert = conn_peer_cert,
        .suite = conn_suite,
        .why = conn_why,
        .close = conn_close,
        .sha256 = esc_gnutls_sha256,
        .random = esc_gnutls_random,
        .ecdsa_verify = esc_gnutls_ecdsa_verify,
    };
    return &ops;
}

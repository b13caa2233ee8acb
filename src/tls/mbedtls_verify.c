/*
 * mbedtls_verify.c - the peer's Certificate message: read here, ordered into one path to an anchor (mbedtls_path.c), then judged
 * by escertke_cert_check_path, which knows the caller's clock and AE-ID URIs and refuses what it does not know.
 */
#include "tls/mbedtls.h"

#include <mbedtls/platform.h>
#include <string.h>

#include "base/reader.h"
#include "cert/der.h"

enum {
    CERTIFICATE = 11,
    HANDSHAKE_FAILURE = 40,
    BAD_CERTIFICATE = 42,
    UNSUPPORTED_CERTIFICATE = 43,
    CERTIFICATE_EXPIRED = 45,
    UNKNOWN_CA = 48,
    DECODE_ERROR = 50,
    INTERNAL_ERROR = 80,
    UNEXPECTED_MESSAGE = 10
};

/* ---- reading ------------------------------------------------------------------------------------------------ */

struct sent {
    escertke_span der[ESC_SENT_MAX];
    size_t count;
};

static int leave_to_us(void *ctx, const mbedtls_x509_crt *cert, const mbedtls_x509_buf *oid, int critical, const unsigned char *p,
                       const unsigned char *end)
{
    (void)ctx, (void)cert, (void)oid, (void)critical, (void)p, (void)end;
    return 0;
}

int esc_mbedtls_add_cert(mbedtls_x509_crt *list, escertke_span der)
{
    return mbedtls_x509_crt_parse_der_with_ext_cb(list, der.ptr, der.len, 1, leave_to_us, NULL);
}

/* struct { opaque certificate<1..2^24-1>; } certificate_list<0..2^24-1> behind the message's header (RFC 5246 7.4.2). */
static int split(struct mbedtls_conn *conn, struct sent *sent)
{
    struct rd r = rd_init((escertke_span){ conn->ssl.in_msg, conn->ssl.in_hslen });
    escertke_span skipped, *der = sent->der;
    uint32_t len;

    if (rd_bytes(&r, 4, &skipped) != ESCERTKE_OK || rd_u24(&r, &len) != ESCERTKE_OK || rd_left(&r) != len)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_TLS, DECODE_ERROR, "Certificate message is malformed");
    for (; rd_left(&r); der++) {
        if (der == sent->der + ESC_SENT_MAX)
            return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer sent too many certificates");
        if (rd_u24(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, der) != ESCERTKE_OK)
            return esc_mbedtls_refuse(conn, ESCERTKE_ERR_TLS, DECODE_ERROR, "Certificate message is malformed");
    }
    sent->count = (size_t)(der - sent->der);
    if (!sent->count)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "peer sent no certificate");
    return 0;
}

/* The library knows fewer algorithms and forms than we can name: what the profile says of it is the better answer. */
static int refuse_unreadable(struct mbedtls_conn *conn, const struct sent *sent, int code)
{
    char words[sizeof conn->words];
    int alert;

    esc_mbedtls_words(code, words, sizeof words);
    if (esc_mbedtls_classify(code, -1, &alert) == ESCERTKE_ERR_NOMEM)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR, words);
    escertke_err err = escertke_cert_lint(sent->der, sent->count, conn->unix_s, false, NULL, NULL);
    if (err == ESCERTKE_ERR_PROFILE)
        return esc_mbedtls_refuse(conn, err, UNSUPPORTED_CERTIFICATE, words);
    if (err == ESCERTKE_ERR_VALIDITY)
        return esc_mbedtls_refuse(conn, err, CERTIFICATE_EXPIRED, words);
    return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, words);
}

/* A certificate with an algorithm that the library does not have may still be none that the path needs, unless it is the leaf. */
static bool may_be_left_out(size_t at, int code)
{
    int module = -(-code & 0x7F80);

    return at > 0 && (module == MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG || module == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG);
}

static int import(struct mbedtls_conn *conn, const struct sent *sent, mbedtls_x509_crt *list)
{
    struct der_tlv whole;

    for (size_t i = 0; i < sent->count; i++) {
        if (!esc_der_only(sent->der[i], DER_SEQUENCE, &whole)) /* the library overlooks what follows a certificate */
            return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "certificate is malformed");
        int code = esc_mbedtls_add_cert(list, sent->der[i]);
        if (code && !may_be_left_out(i, code))
            return refuse_unreadable(conn, sent, code);
    }
    return 0;
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

static int ask_verify(struct mbedtls_conn *conn, const escertke_span *path, size_t count)
{
    int alert = INTERNAL_ERROR;
    escertke_err err = conn->verify(conn->verify_ctx, path, count, &alert);

    if (err != ESCERTKE_OK)
        return esc_mbedtls_refuse(conn, err, alert, "certificate is not the expected one");
    conn->verified = true;
    return 0;
}

static int search(struct mbedtls_conn *conn, const struct esc_path_query *q, const mbedtls_x509_crt *list)
{
    escertke_span path[ESC_PATH_MAX];
    size_t count;

    switch (esc_mbedtls_find_path(list, &conn->credential->trust, conn->unix_s, path, &count)) {
    case ESC_MBEDTLS_NO_PATH: return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, UNKNOWN_CA, "no path to a trust anchor");
    case ESC_MBEDTLS_BAD_SIGNATURE:
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE,
                                  "signature of a certificate of the path is not valid");
    case ESC_MBEDTLS_PATH: break;
    }
    int code = ask_verify(conn, path, count);
    if (!code)
        esc_path_cache_put(conn->credential->path_cache, q, path, count);
    return code;
}

/* Of what is known already only the signatures count: verify judges all else, now. The library needs the leaf, for its key. */
static int judge(struct mbedtls_conn *conn, const struct sent *sent, mbedtls_x509_crt *list)
{
    struct esc_path_cache *cache = conn->credential->path_cache;
    struct esc_path_query q = { .sent = sent->der, .count = sent->count, .unix_s = conn->unix_s };
    const struct esc_cached_path *known = esc_path_cache_find(cache, &q);
    const struct sent leaf = { .der = { sent->der[0] }, .count = 1 };
    int code = import(conn, known ? &leaf : sent, list);

    if (!code)
        code = known ? ask_verify(conn, known->path, known->count) : search(conn, &q, list);
    esc_path_cache_release(cache, known);
    return code;
}

/* The library needs the leaf, for its key. */
static int take_judged(struct mbedtls_conn *conn, const struct sent *sent, mbedtls_x509_crt *list)
{
    const struct sent leaf = { .der = { sent->der[0] }, .count = 1 };
    int code = import(conn, &leaf, list);

    conn->verified = code == 0;
    return code;
}

escertke_err esc_mbedtls_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s)
{
    struct mbedtls_conn *conn = p;
    struct sent certificates = { .count = count };
    mbedtls_x509_crt list;

    if (!count)
        return ESCERTKE_ERR_NO_CERT;
    conn->words[0] = '\0';
    conn->alert = -1;
    conn->judged.good = false;
    conn->unix_s = unix_s;
    if (count > ESC_SENT_MAX) {
        (void)esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer sent too many certificates");
    } else {
        memcpy(certificates.der, sent, count * sizeof *sent);
        mbedtls_x509_crt_init(&list);
        if (judge(conn, &certificates, &list) == 0)
            esc_judged_good(&conn->judged, esc_mbedtls_sha256, sent, count);
        mbedtls_x509_crt_free(&list);
    }
    escertke_err err = conn->refused;
    conn->refused = ESCERTKE_OK;
    conn->verified = false; /* only the handshake shows whose they are */
    return err;
}

int esc_mbedtls_peer_certificate(struct mbedtls_conn *conn)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    struct sent sent = { .count = 0 };
    int code;

    if ((code = mbedtls_ssl_flush_output(ssl)) != 0 || (code = mbedtls_ssl_read_record(ssl, 1)) != 0)
        return code;
    if (ssl->in_msgtype != MBEDTLS_SSL_MSG_HANDSHAKE || ssl->in_msg[0] != CERTIFICATE)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_TLS, UNEXPECTED_MESSAGE, "not a Certificate message");
    if ((code = split(conn, &sent)) != 0)
        return code;
    mbedtls_x509_crt *list = mbedtls_calloc(1, sizeof *list);
    if (!list)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR, "out of memory");
    mbedtls_x509_crt_init(list);
    code = esc_judged_are(&conn->judged, esc_mbedtls_sha256, sent.der, sent.count) ? take_judged(conn, &sent, list)
                                                                                   : judge(conn, &sent, list);
    if (code) {
        mbedtls_x509_crt_free(list);
        mbedtls_free(list);
        return code;
    }
    ssl->session_negotiate->peer_cert = list; /* its owner from now on */
    ssl->session_negotiate->verify_result = 0;
    ssl->state++;
    return 0;
}

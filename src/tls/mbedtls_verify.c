/*
 * mbedtls_verify.c - the peer's Certificate message: read here, validated by Mbed TLS along one path to an anchor, then judged by
 * us. Times, name constraints and critical extensions are left to escertke_cert_check_path, which knows the caller's clock and
 * refuses what it does not know; signatures and issuers are the library's.
 */
#include "tls/mbedtls.h"

#include <string.h>

#include <mbedtls/platform.h>

#include "base/reader.h"

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

#define SENT_MAX ESC_MBEDTLS_SENT_MAX

/* ---- reading ------------------------------------------------------------------------------------------------ */

struct sent {
    escertke_span der[SENT_MAX];
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
        if (der == sent->der + SENT_MAX)
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
    for (size_t i = 0; i < sent->count; i++) {
        int code = esc_mbedtls_add_cert(list, sent->der[i]);
        if (code && !may_be_left_out(i, code))
            return refuse_unreadable(conn, sent, code);
    }
    return 0;
}

/* ---- the path ----------------------------------------------------------------------------------------------- */

static bool issued(const mbedtls_x509_crt *issuer, const mbedtls_x509_crt *cert)
{
    return cert->issuer_raw.len == issuer->subject_raw.len &&
           memcmp(cert->issuer_raw.p, issuer->subject_raw.p, cert->issuer_raw.len) == 0;
}

/* The library looks for an issuer only behind a certificate, so in whatever order they came, issuers are put behind. */
static void order(mbedtls_x509_crt *leaf)
{
    mbedtls_x509_crt *last = leaf;

    for (mbedtls_x509_crt *at = leaf; at; at = at->next) {
        mbedtls_x509_crt **link = &last->next;
        while (*link) {
            mbedtls_x509_crt *cert = *link;
            if (!issued(cert, at)) {
                link = &cert->next;
                continue;
            }
            *link = cert->next; /* out of where it was ... */
            cert->next = last->next;
            last->next = cert; /* ... and to the end of what is ordered */
            if (link == &last->next)
                link = &cert->next;
            last = cert;
        }
    }
}

struct walk {
    escertke_span path[SENT_MAX + 1]; /* leaf first */
    size_t count;
    uint32_t at_top, below; /* the library's findings */
};

/* Called for each certificate of the path, the anchor (or where the path ends without one) first. */
static int note_certificate(void *ctx, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    struct walk *w = ctx;
    size_t at = (size_t)depth;

    if (at >= sizeof w->path / sizeof *w->path)
        return MBEDTLS_ERR_X509_FATAL_ERROR;
    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (!w->count) {
        w->count = at + 1;
        w->at_top = *flags;
    } else {
        w->below |= *flags;
    }
    w->path[at] = (escertke_span){ cert->raw.p, cert->raw.len };
    return 0;
}

/* Algorithms and keys are judged by escertke_cert_check_path, which allows far less; RSA below 2048 bits is never even verified.
 */
static const mbedtls_x509_crt_profile any_algorithm = { 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 2048 };

static bool is_anchor(const struct mbedtls_credential *cred, escertke_span der)
{
    for (const mbedtls_x509_crt *at = &cred->trust; at; at = at->next)
        if (escertke_span_equal(der, (escertke_span){ at->raw.p, at->raw.len }))
            return true;
    return false;
}

static int validate(struct mbedtls_conn *conn, mbedtls_x509_crt *list, struct walk *w)
{
    char words[sizeof conn->words];
    uint32_t flags = 0;
    int alert;

    w->path[0] = (escertke_span){ list->raw.p, list->raw.len };
    if (is_anchor(conn->credential, w->path[0])) { /* the path is this one certificate (RFC 5280 6.1.1 (d)) */
        w->count = 1;
        return 0;
    }
    order(list);
    int code = mbedtls_x509_crt_verify_with_profile(list, &conn->credential->trust, NULL, &any_algorithm, NULL, &flags,
                                                    note_certificate, w);
    if (!code)
        return 0;
    if (code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        esc_mbedtls_words(code, words, sizeof words);
        return esc_mbedtls_refuse(conn, esc_mbedtls_classify(code, BAD_CERTIFICATE, &alert), alert, words);
    }
    if (w->at_top & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, UNKNOWN_CA, "no path to a trust anchor");
    if (w->below & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return esc_mbedtls_refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE,
                                  "signature of a certificate of the path is not valid");
    return esc_mbedtls_refuse(conn, ESCERTKE_ERR_PROFILE, UNSUPPORTED_CERTIFICATE,
                              "key or algorithm of a certificate is too weak");
}

static int judge(struct mbedtls_conn *conn, mbedtls_x509_crt *list)
{
    struct walk w = { .count = 0 };
    int alert = INTERNAL_ERROR, code = validate(conn, list, &w);

    if (code)
        return code;
    escertke_err err = conn->verify(conn->verify_ctx, w.path, w.count, &alert);
    if (err != ESCERTKE_OK)
        return esc_mbedtls_refuse(conn, err, alert, "certificate is not the expected one");
    conn->verified = true;
    return 0;
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
    code = import(conn, &sent, list);
    if (!code)
        code = judge(conn, list);
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

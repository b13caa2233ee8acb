/*
 * gnutls_verify.c - the peer's chain: ordered into one path to an anchor, validated by GnuTLS along exactly that path, then judged by us.
 * Times and name constraints are left to escertke_cert_check_path, which knows the caller's clock and AE-ID URIs.
 */
#include "tls/gnutls.h"

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

enum { BAD_CERTIFICATE = 42, UNSUPPORTED_CERTIFICATE = 43, UNKNOWN_CA = 48, HANDSHAKE_FAILURE = 40, INTERNAL_ERROR = 80 };

#define PATH_MAX_COUNT (ESCERTKE_CHAIN_MAX + 1)

struct path {
    gnutls_x509_crt_t sent[PATH_MAX_COUNT]; /* as the peer sent them; owned */
    unsigned sent_count;
    gnutls_x509_crt_t ordered[PATH_MAX_COUNT + 1]; /* leaf first; borrowed but for the anchor */
    unsigned count;
    gnutls_x509_crt_t anchor; /* owned; NULL = none found */
};

static int refuse(struct gnutls_conn *conn, escertke_err err, int alert, const char *words)
{
    conn->verify_err = err;
    conn->alert = alert;
    if (!conn->words[0])
        esc_printable(escertke_span_str(words), conn->words, sizeof conn->words);
    return -1;
}

static void path_free(struct path *p)
{
    for (unsigned i = 0; i < p->sent_count; i++)
        gnutls_x509_crt_deinit(p->sent[i]);
    if (p->anchor)
        gnutls_x509_crt_deinit(p->anchor);
}

static bool import_sent(struct path *p, const gnutls_datum_t *sent, unsigned count)
{
    for (; p->sent_count < count; p->sent_count++) {
        if (gnutls_x509_crt_init(&p->sent[p->sent_count]) < 0)
            return false;
        if (gnutls_x509_crt_import(p->sent[p->sent_count], &sent[p->sent_count], GNUTLS_X509_FMT_DER) < 0) {
            gnutls_x509_crt_deinit(p->sent[p->sent_count]);
            return false;
        }
    }
    return true;
}

/* The issuer of a certificate among what was sent and is not on the path yet. */
static gnutls_x509_crt_t issuer_sent(const struct path *p, gnutls_x509_crt_t cert)
{
    for (unsigned i = 1; i < p->sent_count; i++) {
        bool used = false;
        for (unsigned k = 0; k < p->count; k++)
            used = used || p->ordered[k] == p->sent[i];
        if (!used && gnutls_x509_crt_check_issuer(cert, p->sent[i]) == 1)
            return p->sent[i];
    }
    return NULL;
}

/* From the leaf upwards, an anchor as soon as there is one. */
static bool order(struct path *p, gnutls_x509_trust_list_t trust)
{
    gnutls_x509_crt_t at = p->sent[0];

    p->ordered[p->count++] = at;
    while (p->count <= PATH_MAX_COUNT) {
        if (gnutls_x509_trust_list_get_issuer(trust, at, &p->anchor, GNUTLS_TL_GET_COPY) == 0)
            return true;
        p->anchor = NULL;
        at = issuer_sent(p, at);
        if (!at || p->count == PATH_MAX_COUNT)
            return false;
        p->ordered[p->count++] = at;
    }
    return false;
}

static int validate(struct gnutls_conn *conn, struct path *p)
{
    unsigned status = 0;

    if (!order(p, conn->credential->trust))
        return refuse(conn, ESCERTKE_ERR_CERT, UNKNOWN_CA, "no path to a trust anchor");
    int code = gnutls_x509_trust_list_verify_crt2(conn->credential->trust, p->ordered, p->count, NULL, 0,
                                                  GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_UNSORTED_CHAIN,
                                                  &status, NULL);
    if (code < 0)
        return refuse(conn, ESCERTKE_ERR_BACKEND, INTERNAL_ERROR, gnutls_strerror(code));
    /* Its evaluation of name constraints and path lengths cannot read AE-ID URIs; ours covers both and runs on every path. */
    if (status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE)
        status &= ~(unsigned)(GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE | GNUTLS_CERT_INVALID);
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return refuse(conn, ESCERTKE_ERR_CERT, UNKNOWN_CA, "certificate is not issued by a trusted CA");
    return status ? refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "certificate chain is not valid") : 0;
}

static escertke_err add_der(gnutls_x509_crt_t cert, escertke_span *path, gnutls_datum_t *der)
{
    if (gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, der) < 0)
        return ESCERTKE_ERR_BACKEND;
    *path = (escertke_span){ der->data, der->size };
    return ESCERTKE_OK;
}

static bool keep_leaf(struct gnutls_conn *conn, escertke_span leaf)
{
    conn->leaf = (uint8_t *)esc_strndup((const char *)leaf.ptr, leaf.len);
    conn->leaf_len = leaf.len;
    return conn->leaf != NULL;
}

static int ask_verify(struct gnutls_conn *conn, struct path *p)
{
    gnutls_datum_t der[PATH_MAX_COUNT + 1] = { { NULL, 0 } };
    escertke_span spans[PATH_MAX_COUNT + 1];
    escertke_err err = ESCERTKE_OK;

    p->ordered[p->count] = p->anchor;
    for (unsigned i = 0; err == ESCERTKE_OK && i <= p->count; i++)
        err = add_der(p->ordered[i], &spans[i], &der[i]);
    /* A leaf that is itself an anchor stands once on its path. */
    unsigned count = escertke_span_equal(spans[p->count], spans[p->count - 1]) ? p->count : p->count + 1;
    conn->alert = INTERNAL_ERROR;
    if (err == ESCERTKE_OK)
        err = conn->verify(conn->verify_ctx, spans, count, &conn->alert);
    if (err == ESCERTKE_OK && !keep_leaf(conn, spans[0]))
        err = ESCERTKE_ERR_NOMEM;
    for (unsigned i = 0; i <= p->count; i++)
        gnutls_free(der[i].data);
    if (err != ESCERTKE_OK)
        return refuse(conn, err, conn->alert, "certificate is not the expected one");
    conn->alert = -1;
    return 0;
}

/* A raw key has no path: what it says is what verify is asked about. */
static int verify_raw(struct gnutls_conn *conn, const gnutls_datum_t *sent, unsigned count)
{
    escertke_span spki = { sent->data, sent->size };

    if (count != 1)
        return refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "more than one raw public key");
    conn->alert = INTERNAL_ERROR;
    escertke_err err = conn->verify(conn->verify_ctx, &spki, 1, &conn->alert);
    if (err == ESCERTKE_OK && !keep_leaf(conn, spki))
        err = ESCERTKE_ERR_NOMEM;
    if (err != ESCERTKE_OK)
        return refuse(conn, err, conn->alert, "raw public key is not the expected one");
    conn->alert = -1;
    return 0;
}

int esc_gnutls_verify_peer(gnutls_session_t session)
{
    struct gnutls_conn *conn = gnutls_session_get_ptr(session);
    struct path p = { .sent_count = 0 };
    unsigned count = 0;

    /* Without RFC 7627 a key must not be exported at all: a client says so before it answers. */
    if (!conn->allow_without_ems && gnutls_session_ext_master_secret_status(session) == 0)
        return refuse(conn, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE, "no extended master secret (RFC 7627)");
    const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &count);
    bool is_raw = gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK;
    if (!sent || !count)
        return refuse(conn, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "peer sent no certificate");
    if (is_raw != conn->peer_raw)
        return refuse(conn, ESCERTKE_ERR_CERT, UNSUPPORTED_CERTIFICATE, "certificate type is not the configured one (RFC 7250)");
    if (is_raw)
        return verify_raw(conn, sent, count);
    if (count > PATH_MAX_COUNT)
        return refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer sent too many certificates");
    int result = import_sent(&p, sent, count) ? validate(conn, &p)
                                              : refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer's certificate is malformed");
    if (result == 0)
        result = ask_verify(conn, &p);
    path_free(&p);
    return result;
}

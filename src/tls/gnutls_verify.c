/*
 * gnutls_verify.c - the peer's chain: ordered into one path to an anchor, then judged by us. GnuTLS is asked who issued whom and
 * whether each signature holds, one by one, and nothing else: its verification of a whole path ends at the first fault it sees,
 * be it one that we judge otherwise (AE-ID URIs, path lengths, times: A-19), and leaves the signatures below unverified.
 */
#include "tls/gnutls.h"

#include <gnutls/abstract.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/reader.h"
#include "cert/der.h"

enum { BAD_CERTIFICATE = 42, UNSUPPORTED_CERTIFICATE = 43, UNKNOWN_CA = 48, HANDSHAKE_FAILURE = 40, INTERNAL_ERROR = 80 };

static const char not_expected[] = "certificate is not the expected one";

struct path {
    gnutls_x509_crt_t sent[ESC_SENT_MAX]; /* as the peer sent them; owned */
    unsigned sent_count;
    gnutls_x509_crt_t ordered[ESC_PATH_MAX]; /* leaf first; borrowed but for the anchor */
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

static bool on_path(const struct path *p, gnutls_x509_crt_t cert)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->ordered[i] == cert)
            return true;
    return false;
}

static bool valid_at(gnutls_x509_crt_t cert, int64_t unix_s)
{
    return unix_s >= gnutls_x509_crt_get_activation_time(cert) && unix_s <= gnutls_x509_crt_get_expiration_time(cert);
}

/*
 * From the leaf upwards, an anchor as soon as there is one. Of several issuers (cross-signed CAs) each is tried, those that are
 * valid now first. At most five certificates are sent, so at most 4! ways are tried.
 */
static bool order(struct path *p, gnutls_x509_trust_list_t trust, int64_t unix_s)
{
    gnutls_x509_crt_t at = p->ordered[p->count - 1];
    const unsigned count = p->sent_count;

    if (gnutls_x509_trust_list_get_issuer(trust, at, &p->anchor, GNUTLS_TL_GET_COPY) == 0)
        return true;
    p->anchor = NULL;
    for (unsigned i = 0; i < 2 * count && p->count < ESC_SENT_MAX; i++) {
        gnutls_x509_crt_t issuer = p->sent[i < count ? i : i - count];
        if (on_path(p, issuer) || valid_at(issuer, unix_s) != (i < count) || gnutls_x509_crt_check_issuer(at, issuer) != 1)
            continue;
        p->ordered[p->count++] = issuer;
        if (order(p, trust, unix_s))
            return true;
        p->count--;
    }
    return false;
}

/* A leaf may be an anchor although nobody trusts who issued it (RFC 5280 6.1.1 (d)). */
static bool leaf_is_anchor(struct path *p, gnutls_x509_trust_list_t trust)
{
    gnutls_x509_trust_list_iter_t at = NULL;
    gnutls_x509_crt_t anchor;

    while (!p->anchor && gnutls_x509_trust_list_iter_get_ca(trust, &at, &anchor) == 0) {
        if (gnutls_x509_crt_equals(anchor, p->sent[0]))
            p->anchor = anchor;
        else
            gnutls_x509_crt_deinit(anchor);
    }
    gnutls_x509_trust_list_iter_deinit(at);
    return p->anchor != NULL;
}

/* Does the signature hold? Of what algorithm it is, and on what key, is judged by escertke_cert_check_path. */
static bool signature_holds(gnutls_x509_crt_t cert, escertke_span der, gnutls_x509_crt_t issuer)
{
    struct der_tlv whole, body;
    gnutls_datum_t data, signature;
    gnutls_pubkey_t key = NULL;
    unsigned char octets[1024];
    size_t len = sizeof octets;
    bool ok = esc_der_only(der, DER_SEQUENCE, &whole);
    struct der r = esc_der_init(ok ? whole.value : (escertke_span){ NULL, 0 });
    int algorithm = gnutls_x509_crt_get_signature_algorithm(cert);

    ok = ok && esc_der_take(&r, DER_SEQUENCE, &body) && algorithm > 0 &&
         gnutls_x509_crt_get_signature(cert, (char *)octets, &len) == 0 && gnutls_pubkey_init(&key) == 0 &&
         gnutls_pubkey_import_x509(key, issuer, 0) == 0;
    if (ok) {
        data = (gnutls_datum_t){ (unsigned char *)(uintptr_t)body.whole.ptr, (unsigned)body.whole.len };
        signature = (gnutls_datum_t){ octets, (unsigned)len };
        ok = gnutls_pubkey_verify_data2(key, (gnutls_sign_algorithm_t)algorithm, GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1, &data,
                                        &signature) >= 0;
    }
    if (key)
        gnutls_pubkey_deinit(key);
    return ok;
}

/* GnuTLS looks at that when the key is used, and says then that a signature is wrong. Other keys are the profile's to refuse. */
static bool on_its_curve(gnutls_x509_crt_t cert)
{
    gnutls_pubkey_t key;
    bool ok = true;

    if (gnutls_pubkey_init(&key) < 0)
        return false;
    if (gnutls_pubkey_import_x509(key, cert, 0) == 0)
        ok = gnutls_pubkey_verify_params(key) >= 0;
    gnutls_pubkey_deinit(key);
    return ok;
}

static int find_path(struct gnutls_conn *conn, struct path *p)
{
    p->ordered[p->count++] = p->sent[0];
    if (order(p, conn->credential->trust, conn->unix_s) || leaf_is_anchor(p, conn->credential->trust))
        return 0;
    return refuse(conn, ESCERTKE_ERR_CERT, UNKNOWN_CA, "no path to a trust anchor");
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

static int ask_verify(struct gnutls_conn *conn, const escertke_span *path, size_t count, const char *words)
{
    conn->alert = INTERNAL_ERROR;
    escertke_err err = conn->verify(conn->verify_ctx, path, count, &conn->alert);
    if (err == ESCERTKE_OK && !keep_leaf(conn, path[0]))
        err = ESCERTKE_ERR_NOMEM;
    if (err != ESCERTKE_OK)
        return refuse(conn, err, conn->alert, words);
    conn->alert = -1;
    return 0;
}

/* The whole path, its signatures first: what nobody has signed is not worth a closer look. */
static int judge(struct gnutls_conn *conn, const struct esc_path_query *q, struct path *p)
{
    gnutls_datum_t der[ESC_PATH_MAX] = { { NULL, 0 } };
    escertke_span spans[ESC_PATH_MAX];
    escertke_err err = ESCERTKE_OK;
    bool good = true;
    int result;

    p->ordered[p->count] = p->anchor;
    for (unsigned i = 0; err == ESCERTKE_OK && i <= p->count; i++)
        err = add_der(p->ordered[i], &spans[i], &der[i]);
    /* A leaf that is itself an anchor stands once on its path. */
    unsigned count = p->count;
    if (err == ESCERTKE_OK && !escertke_span_equal(spans[p->count], spans[p->count - 1]))
        count++;
    for (unsigned i = 0; err == ESCERTKE_OK && good && i + 1 < count; i++)
        good = signature_holds(p->ordered[i], spans[i], p->ordered[i + 1]);
    if (err != ESCERTKE_OK)
        result = refuse(conn, err, INTERNAL_ERROR, "certificate cannot be written");
    else if (!good)
        result = refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "signature of a certificate of the path is not valid");
    else if (!on_its_curve(p->ordered[0]))
        result = refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "public key is no point on its curve");
    else if ((result = ask_verify(conn, spans, count, not_expected)) == 0)
        esc_path_cache_put(conn->credential->path_cache, q, spans, count);
    for (unsigned i = 0; i <= p->count; i++)
        gnutls_free(der[i].data);
    return result;
}

static int search(struct gnutls_conn *conn, const struct esc_path_query *q, const gnutls_datum_t *sent, unsigned count)
{
    struct path p = { .sent_count = 0 };
    int result = import_sent(&p, sent, count)
                     ? find_path(conn, &p)
                     : refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer's certificate is malformed");

    if (result == 0)
        result = judge(conn, q, &p);
    path_free(&p);
    return result;
}

/* Of what is known already only the signatures count: verify judges all else, now. */
static int verify_chain(struct gnutls_conn *conn, const gnutls_datum_t *sent, unsigned count)
{
    struct esc_path_cache *cache = conn->credential->path_cache;
    escertke_span spans[ESC_SENT_MAX];
    struct esc_path_query q = { .sent = spans, .count = count, .unix_s = conn->unix_s };

    if (count > ESC_SENT_MAX)
        return refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "peer sent too many certificates");
    for (unsigned i = 0; i < count; i++)
        spans[i] = (escertke_span){ sent[i].data, sent[i].size };
    const struct esc_cached_path *known = esc_path_cache_find(cache, &q);
    int result = known ? ask_verify(conn, known->path, known->count, not_expected) : search(conn, &q, sent, count);
    esc_path_cache_release(cache, known);
    return result;
}

/* A raw key has no path: what it says is what verify is asked about. */
static int verify_raw(struct gnutls_conn *conn, const gnutls_datum_t *sent, unsigned count)
{
    escertke_span spki = { sent->data, sent->size };

    if (count != 1)
        return refuse(conn, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "more than one raw public key");
    return ask_verify(conn, &spki, 1, "raw public key is not the expected one");
}

static int verify(struct gnutls_conn *conn, const gnutls_datum_t *sent, unsigned count)
{
    return conn->peer_raw ? verify_raw(conn, sent, count) : verify_chain(conn, sent, count);
}

static bool judged_good(const struct gnutls_conn *conn, const gnutls_datum_t *sent, unsigned count)
{
    escertke_span spans[ESC_SENT_MAX];

    if (count > ESC_SENT_MAX)
        return false;
    for (unsigned i = 0; i < count; i++)
        spans[i] = (escertke_span){ sent[i].data, sent[i].size };
    return esc_judged_are(&conn->judged, esc_gnutls_sha256, spans, count);
}

static int keep_judged(struct gnutls_conn *conn, const gnutls_datum_t *sent)
{
    if (keep_leaf(conn, (escertke_span){ sent[0].data, sent[0].size }))
        return 0;
    return refuse(conn, ESCERTKE_ERR_NOMEM, INTERNAL_ERROR, "out of memory");
}

int esc_gnutls_keep_certificates(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                                 const gnutls_datum_t *msg)
{
    struct gnutls_conn *conn = gnutls_session_get_ptr(session);

    (void)type, (void)when;
    if (!incoming || conn->peer_raw || conn->sent)
        return 0;
    conn->sent = (uint8_t *)esc_strndup((const char *)msg->data, msg->size);
    conn->sent_len = conn->sent ? msg->size : 0;
    return 0; /* without memory a reason is less exact, nothing else */
}

/* certificate_list<0..2^24-1> of certificate<1..2^24-1> (RFC 5246 7.4.2). */
escertke_err esc_gnutls_unreadable(const struct gnutls_conn *conn, int *alert)
{
    struct rd r = rd_init((escertke_span){ conn->sent, conn->sent_len });
    escertke_span der[ESC_SENT_MAX];
    size_t count = 0;
    uint32_t len;

    *alert = BAD_CERTIFICATE;
    if (rd_u24(&r, &len) != ESCERTKE_OK || rd_left(&r) != len)
        return ESCERTKE_ERR_CERT;
    for (; rd_left(&r); count++)
        if (count == ESC_SENT_MAX || rd_u24(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, &der[count]) != ESCERTKE_OK)
            return ESCERTKE_ERR_CERT;
    if (!count || escertke_cert_lint(der, count, conn->unix_s, false, NULL, NULL) != ESCERTKE_ERR_PROFILE)
        return ESCERTKE_ERR_CERT;
    *alert = UNSUPPORTED_CERTIFICATE;
    return ESCERTKE_ERR_PROFILE;
}

int esc_gnutls_verify_peer(gnutls_session_t session)
{
    struct gnutls_conn *conn = gnutls_session_get_ptr(session);
    unsigned count = 0;

    esc_release(conn->sent); /* GnuTLS has read it */
    conn->sent = NULL;
    /* Without RFC 7627 a key must not be exported at all: a client says so before it answers. */
    if (!conn->allow_without_ems && gnutls_session_ext_master_secret_status(session) == 0)
        return refuse(conn, ESCERTKE_ERR_NEGOTIATION, HANDSHAKE_FAILURE, "no extended master secret (RFC 7627)");
    const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &count);
    bool is_raw = gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK;
    if (!sent || !count)
        return refuse(conn, ESCERTKE_ERR_NO_CERT, HANDSHAKE_FAILURE, "peer sent no certificate");
    if (is_raw != conn->peer_raw)
        return refuse(conn, ESCERTKE_ERR_CERT, UNSUPPORTED_CERTIFICATE, "certificate type is not the configured one (RFC 7250)");
    return judged_good(conn, sent, count) ? keep_judged(conn, sent) : verify(conn, sent, count);
}

escertke_err esc_gnutls_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s)
{
    struct gnutls_conn *conn = p;
    gnutls_datum_t data[ESC_SENT_MAX + 1]; /* one too many is what is refused */
    unsigned shown = count < ESC_SENT_MAX + 1 ? (unsigned)count : ESC_SENT_MAX + 1;

    if (!count)
        return ESCERTKE_ERR_NO_CERT;
    for (unsigned i = 0; i < shown; i++)
        data[i] = (gnutls_datum_t){ (unsigned char *)(uintptr_t)sent[i].ptr, (unsigned)sent[i].len };
    conn->words[0] = '\0';
    conn->alert = -1;
    conn->judged.good = false;
    conn->unix_s = unix_s;
    escertke_err err = verify(conn, data, shown) == 0 ? ESCERTKE_OK : conn->verify_err;
    conn->verify_err = ESCERTKE_OK;
    esc_release(conn->leaf); /* only the handshake shows whose it is */
    conn->leaf = NULL;
    if (err == ESCERTKE_OK)
        esc_judged_good(&conn->judged, esc_gnutls_sha256, sent, count);
    return err;
}

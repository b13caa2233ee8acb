/* openssl_verify.c - the peer's chain: one path to an anchor, found by OpenSSL or known already, then judged by us. */
#include "tls/openssl.h"

#include <escertke/cert.h>
#include <openssl/err.h>

#include "base/memory.h"
#include "base/reader.h"
#include "cert/fields.h"

/* ---- certificates as octets --------------------------------------------------------------------------------- */

struct ders {
    escertke_span at[ESC_PATH_MAX];
    size_t count;
};

static void ders_free(struct ders *d)
{
    for (size_t i = 0; i < d->count; i++)
        esc_release((void *)(uintptr_t)d->at[i].ptr);
    d->count = 0;
}

/* To be freed on failure too. */
static escertke_err ders_of(STACK_OF(X509) * certs, struct ders *out)
{
    escertke_err err = ESCERTKE_OK;

    out->count = 0;
    if (sk_X509_num(certs) > (int)ESC_PATH_MAX)
        return ESCERTKE_ERR_CERT;
    for (int i = 0; err == ESCERTKE_OK && i < sk_X509_num(certs); i++) {
        uint8_t *der;
        size_t len;
        err = esc_openssl_der(sk_X509_value(certs, i), &der, &len);
        if (err == ESCERTKE_OK)
            out->at[out->count++] = (escertke_span){ der, len };
    }
    return err;
}

/* ---- judging a path ----------------------------------------------------------------------------------------- */

/* The end-point wants its fingerprint. */
static escertke_err keep_leaf(struct openssl_conn *conn, escertke_span leaf)
{
    esc_release(conn->leaf);
    conn->leaf = (uint8_t *)esc_strndup((const char *)leaf.ptr, leaf.len);
    conn->leaf_len = leaf.len;
    if (!conn->leaf)
        return ESCERTKE_ERR_NOMEM;
    conn->alert = -1;
    return ESCERTKE_OK;
}

escertke_err esc_openssl_ask_verify(struct openssl_conn *conn, const escertke_span *path, size_t count)
{
    conn->alert = SSL_AD_INTERNAL_ERROR;
    escertke_err err = conn->verify(conn->verify_ctx, path, count, &conn->alert);
    return err == ESCERTKE_OK ? keep_leaf(conn, path[0]) : err;
}

static escertke_err path_found(struct openssl_conn *conn, const struct esc_path_query *q, STACK_OF(X509) * chain)
{
    struct ders path;
    escertke_err err = ders_of(chain, &path);

    conn->alert = SSL_AD_INTERNAL_ERROR;
    if (err == ESCERTKE_OK)
        err = esc_openssl_ask_verify(conn, path.at, path.count);
    if (err == ESCERTKE_OK)
        esc_path_cache_put(conn->path_cache, q, path.at, path.count);
    ders_free(&path);
    return err;
}

/*
 * OpenSSL finds no issuer for a certificate whose extensions it cannot read, and no reason for a key that it cannot: that is not
 * what the peer should be told. @return OK: nothing is wrong with it that explains the refusal
 */
static escertke_err unreadable(struct openssl_conn *conn, const X509 *cert, int *alert)
{
    escertke_cert parsed;
    escertke_detail d;
    uint8_t *der;
    size_t len;
    escertke_err err = esc_openssl_der(cert, &der, &len) == ESCERTKE_OK ? ESCERTKE_OK : ESCERTKE_ERR_CERT;

    *alert = SSL_AD_BAD_CERTIFICATE;
    if (err != ESCERTKE_OK)
        return err;
    escertke_detail_init(&d);
    err = escertke_cert_parse((escertke_span){ der, len }, &parsed, &d);
    if (err != ESCERTKE_OK) {
        esc_openssl_keep_words(conn, d.reason);
    } else if (!X509_get0_pubkey(cert)) {
        bool of_profile = parsed.key_is_p256 && parsed.key_is_uncompressed;
        esc_openssl_keep_words(conn, of_profile ? "public key is no point on its curve" : "public key of an unknown kind");
        *alert = of_profile ? SSL_AD_BAD_CERTIFICATE : SSL_AD_UNSUPPORTED_CERTIFICATE;
        err = of_profile ? ESCERTKE_ERR_CERT : ESCERTKE_ERR_PROFILE;
    }
    esc_release(der);
    return err;
}

static escertke_err path_refused(struct openssl_conn *conn, STACK_OF(X509) * sent, int error)
{
    escertke_err why = ESCERTKE_OK, err = esc_openssl_path_error(error, &conn->alert);
    bool unexplained = conn->alert == SSL_AD_UNKNOWN_CA || error == X509_V_ERR_UNSPECIFIED;
    int alert;

    for (int i = 0; unexplained && why == ESCERTKE_OK && i < sk_X509_num(sent); i++)
        why = unreadable(conn, sk_X509_value(sent, i), &alert);
    if (why != ESCERTKE_OK) {
        conn->alert = alert;
        err = why;
    }
    esc_openssl_keep_words(conn, X509_verify_cert_error_string(error));
    return err;
}

/* ---- searching for one --------------------------------------------------------------------------------------- */

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

static escertke_err search(struct openssl_conn *conn, const struct esc_path_query *q, X509_STORE_CTX *first,
                           STACK_OF(X509) * sent)
{
    if (sk_X509_num(sent) > (int)ESC_SENT_MAX) {
        conn->alert = SSL_AD_BAD_CERTIFICATE;
        esc_openssl_keep_words(conn, "peer sent too many certificates");
        return ESCERTKE_ERR_CERT;
    }
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
    err = found ? path_found(conn, q, X509_STORE_CTX_get0_chain(store)) : path_refused(conn, sent, error);
    if (store != first)
        X509_STORE_CTX_free(store);
    sk_X509_free(left);
    return err;
}

/* A raw key has no path: what it says is what verify is asked about. */
static escertke_err judge_raw(struct openssl_conn *conn, escertke_span spki)
{
    if (esc_judged_are(&conn->judged, esc_openssl_sha256, &spki, 1))
        return keep_leaf(conn, spki);
    return esc_openssl_ask_verify(conn, &spki, 1);
}

static escertke_err refuse_type(struct openssl_conn *conn)
{
    conn->alert = SSL_AD_UNSUPPORTED_CERTIFICATE;
    esc_openssl_keep_words(conn, "certificate type is not the configured one (RFC 7250)");
    return ESCERTKE_ERR_CERT;
}

/* In the handshake. Of what is known already only the signatures count: verify judges all else, now. */
static escertke_err judge(struct openssl_conn *conn, X509_STORE_CTX *store, STACK_OF(X509) * sent)
{
    struct ders ders = { .count = 0 };
    struct esc_path_query q = { .sent = ders.at, .unix_s = conn->unix_s };
    const struct esc_cached_path *known = NULL;

    if ((conn->path_cache || conn->judged.good) && ders_of(sent, &ders) == ESCERTKE_OK)
        q.count = ders.count;
    if (esc_judged_are(&conn->judged, esc_openssl_sha256, ders.at, ders.count)) {
        escertke_err kept = keep_leaf(conn, ders.at[0]);
        ders_free(&ders);
        return kept;
    }
    if (q.count)
        known = esc_path_cache_find(conn->path_cache, &q);
    escertke_err err = known ? esc_openssl_ask_verify(conn, known->path, known->count) : search(conn, &q, store, sent);
    esc_path_cache_release(conn->path_cache, known);
    ders_free(&ders);
    return err;
}

/* OpenSSL reads more than DER, and what it has read it shows as if that had been DER. */
static bool is_der(escertke_span cert)
{
    struct esc_signed parts;

    return esc_signed(cert, &parts);
}

/* certificate_list<0..2^24-1> of certificate<1..2^24-1> (RFC 5246 7.4.2). */
static void look_at_list(struct openssl_conn *conn, struct rd *r)
{
    escertke_span skipped, cert;
    uint32_t len;

    if (rd_bytes(r, 3, &skipped) != ESCERTKE_OK)
        return;
    while (rd_u24(r, &len) == ESCERTKE_OK && rd_bytes(r, len, &cert) == ESCERTKE_OK)
        conn->not_der = conn->not_der || !is_der(cert);
}

/* subjectPublicKeyInfo<1..2^24-1> (RFC 7250 3). */
static void keep_spki(struct openssl_conn *conn, struct rd *r)
{
    escertke_span spki;
    uint32_t len;

    if (rd_u24(r, &len) != ESCERTKE_OK || rd_bytes(r, len, &spki) != ESCERTKE_OK)
        return;
    esc_release(conn->sent_spki);
    conn->sent_spki = (uint8_t *)esc_strndup((const char *)spki.ptr, spki.len);
    conn->sent_spki_len = conn->sent_spki ? spki.len : 0;
}

/* Each handshake message before OpenSSL reads it: Certificate is a header of four octets, then what is shown. */
void esc_openssl_message(int sent, int version, int type, const void *octets, size_t len, SSL *ssl, void *unused)
{
    struct openssl_conn *conn = SSL_get_app_data(ssl);
    struct rd r = rd_init((escertke_span){ octets, len });
    escertke_span skipped;
    uint8_t message;

    (void)version, (void)unused;
    if (sent || !conn || type != SSL3_RT_HANDSHAKE || rd_u8(&r, &message) != ESCERTKE_OK || message != SSL3_MT_CERTIFICATE ||
        rd_bytes(&r, 3, &skipped) != ESCERTKE_OK)
        return;
    if (conn->peer_raw)
        keep_spki(conn, &r);
    else
        look_at_list(conn, &r);
}

static escertke_err refuse_not_der(struct openssl_conn *conn)
{
    conn->alert = SSL_AD_BAD_CERTIFICATE;
    esc_openssl_keep_words(conn, "certificate is not DER");
    return ESCERTKE_ERR_CERT;
}

/* What OpenSSL has made of a raw key must be what was sent, octet for octet. */
static escertke_err judge_shown_raw(struct openssl_conn *conn, escertke_span spki)
{
    if (!spki.len || !conn->sent_spki) {
        conn->alert = SSL_AD_INTERNAL_ERROR;
        return ESCERTKE_ERR_NOMEM;
    }
    if (!escertke_span_equal(spki, (escertke_span){ conn->sent_spki, conn->sent_spki_len }))
        return refuse_not_der(conn);
    return judge_raw(conn, spki);
}

static escertke_err judge_shown(struct openssl_conn *conn, X509_STORE_CTX *store)
{
    escertke_span spki = { NULL, 0 };
    bool is_raw = esc_openssl_shown_raw(store, &spki);
    escertke_err err;

    if (is_raw != conn->peer_raw)
        err = refuse_type(conn);
    else if (is_raw)
        err = judge_shown_raw(conn, spki);
    else
        err = conn->not_der ? refuse_not_der(conn) : judge(conn, store, X509_STORE_CTX_get0_untrusted(store));
    esc_release((void *)(uintptr_t)spki.ptr);
    return err;
}

int esc_openssl_verify_path(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct openssl_conn *conn = SSL_get_app_data(ssl);

    (void)unused;
    if (conn->role == ESCERTKE_INITIATOR && !conn->saw_ems && !conn->allow_without_ems) {
        esc_openssl_keep_words(conn, "server does not offer the extended master secret (RFC 7627)");
        conn->alert = SSL_AD_HANDSHAKE_FAILURE;
        conn->verify_err = ESCERTKE_ERR_NEGOTIATION;
        return 0;
    }
    conn->verify_err = judge_shown(conn, store);
    X509_STORE_CTX_set_error(store, conn->verify_err == ESCERTKE_OK ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return conn->verify_err == ESCERTKE_OK;
}

/* ---- before the handshake ------------------------------------------------------------------------------------- */

/* @return OK, CERT (one cannot be read), NOMEM; to be freed in any case */
static escertke_err certs_of(const escertke_span *sent, size_t count, STACK_OF(X509) * *out)
{
    *out = sk_X509_new_null();
    for (size_t i = 0; *out && i < count; i++) {
        const unsigned char *at = sent[i].ptr;
        X509 *cert = d2i_X509(NULL, &at, (long)sent[i].len);
        if (!cert || !is_der(sent[i])) {
            X509_free(cert);
            return ESCERTKE_ERR_CERT;
        }
        if (!sk_X509_push(*out, cert)) {
            X509_free(cert);
            return ESCERTKE_ERR_NOMEM;
        }
    }
    return *out ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

static escertke_err search_in(struct openssl_conn *conn, const struct esc_path_query *q, STACK_OF(X509) * certs)
{
    X509_STORE *trust = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(conn->ssl));
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    escertke_err err = ESCERTKE_ERR_NOMEM;

    if (store && X509_STORE_CTX_init(store, trust, sk_X509_value(certs, 0), NULL) == 1) {
        X509_STORE_CTX_set_depth(store, (int)ESCERTKE_CHAIN_MAX);
        err = search(conn, q, store, certs);
    }
    X509_STORE_CTX_free(store);
    return err;
}

static escertke_err read_and_search(struct openssl_conn *conn, const struct esc_path_query *q)
{
    STACK_OF(X509) * certs;
    escertke_err err = certs_of(q->sent, q->count, &certs);

    if (err == ESCERTKE_OK) {
        err = search_in(conn, q, certs);
    } else {
        conn->alert = err == ESCERTKE_ERR_CERT ? SSL_AD_BAD_CERTIFICATE : SSL_AD_INTERNAL_ERROR;
        esc_openssl_keep_words(conn, "certificate cannot be read");
    }
    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    return err;
}

static escertke_err judge_path(struct openssl_conn *conn, struct esc_path_query *q)
{
    const struct esc_cached_path *known = esc_path_cache_find(conn->path_cache, q);
    escertke_err err = known ? esc_openssl_ask_verify(conn, known->path, known->count) : read_and_search(conn, q);

    esc_path_cache_release(conn->path_cache, known);
    return err;
}

static escertke_err judge_raw_alone(struct openssl_conn *conn, const escertke_span *sent, size_t count)
{
    if (count == 1)
        return esc_openssl_ask_verify(conn, sent, 1);
    conn->alert = SSL_AD_BAD_CERTIFICATE;
    esc_openssl_keep_words(conn, "more than one raw public key");
    return ESCERTKE_ERR_CERT;
}

escertke_err esc_openssl_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s)
{
    struct openssl_conn *conn = p;
    struct esc_path_query q = { .sent = sent, .count = count, .unix_s = unix_s };

    if (!count)
        return ESCERTKE_ERR_NO_CERT;
    esc_openssl_forget_words(conn);
    conn->judged.good = false;
    conn->unix_s = unix_s;
    escertke_err err = conn->peer_raw ? judge_raw_alone(conn, sent, count) : judge_path(conn, &q);
    esc_release(conn->leaf); /* only the handshake shows whose it is */
    conn->leaf = NULL;
    if (err == ESCERTKE_OK)
        esc_judged_good(&conn->judged, esc_openssl_sha256, sent, count);
    return err;
}

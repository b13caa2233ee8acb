/* openssl.h - what the files of the OpenSSL back end share. Nothing else includes it. */
#ifndef ESCERTKE_TLS_OPENSSL_H
#define ESCERTKE_TLS_OPENSSL_H

#include <escertke/tls.h>

#include <openssl/ssl.h>

#include "tls/judged.h"
#include "tls/path_cache.h"

/* libssl has raw public keys (RFC 7250) from 3.2 on. */
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
#define ESC_OPENSSL_RAW true
#else
#define ESC_OPENSSL_RAW false
#endif

/* One SSL_CTX per credential, shared by all its handshakes in both roles; immutable after credential_new. */
struct openssl_credential {
    SSL_CTX *ctx;
    struct esc_path_cache *path_cache; /* connections hold it too */
    bool raw, has_trust;
    uint8_t *leaf; /* DER; SubjectPublicKeyInfo of a raw key */
    size_t leaf_len;
};

/* One handshake in memory. The SSL's own BIO reads from `in` and writes to `out`, both lent by step. */
struct openssl_conn {
    SSL *ssl;
    struct esc_path_cache *path_cache;
    escertke_role role;
    bool allow_without_ems;
    bool saw_ems;     /* client: ServerHello carried extended_master_secret */
    bool saw_request; /* client: the server asked for a certificate */
    bool peer_raw;
    bool not_der; /* a certificate that came is not written as DER wants it */
    bool complete;
    escertke_verify_fn verify;
    void *verify_ctx;
    struct esc_judged judged;
    escertke_err verify_err; /* what verify returned, or what path validation came to */
    int64_t unix_s;          /* time of the current step */
    int alert;               /* alert sent or received; -1 = none */
    bool alert_received;
    uint8_t *leaf; /* peer's certificate, DER; SubjectPublicKeyInfo of a raw key */
    size_t leaf_len;
    uint8_t *sent_spki; /* raw public key as it came */
    size_t sent_spki_len;
    escertke_span in;
    escertke_buf *out;
    escertke_err io_err; /* why the BIO refused: NOMEM, TOO_LARGE */
    char *words;         /* back end's own words, NULL until something failed */
};

/* openssl_credential.c */
escertke_err esc_openssl_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d);
void esc_openssl_credential_free(void *credential);
escertke_span esc_openssl_credential_cert(const void *credential);

/* Hooks that every SSL_CTX gets; conn is found by SSL_get_app_data. openssl_verify.c, then openssl_conn.c */
int esc_openssl_verify_path(X509_STORE_CTX *store, void *unused);
void esc_openssl_message(int sent, int version, int type, const void *octets, size_t len, SSL *ssl, void *unused);
int esc_openssl_client_hello(SSL *ssl, int *alert, void *unused);
void esc_openssl_info(const SSL *ssl, int where, int ret);

/* openssl_verify.c: as in escertke_tls_ops */
escertke_err esc_openssl_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s);

/** Ask verify about a path, and keep its leaf if it is good. */
escertke_err esc_openssl_ask_verify(struct openssl_conn *conn, const escertke_span *path, size_t count);

/* openssl_raw.c: raw public keys. Where libssl has none, they are refused when a credential or a connection is made. */
/** Own key without a certificate. @return OK, CREDENTIAL, PROFILE, NOMEM, BACKEND; UNSUPPORTED: not with this OpenSSL */
escertke_err esc_openssl_load_raw(struct openssl_credential *cred, EVP_PKEY *key, escertke_detail *d);
/** Offer and ask for the certificate types that are configured, and no others. @return OK, UNSUPPORTED, BACKEND */
escertke_err esc_openssl_set_types(SSL *ssl, escertke_role role, bool own_raw, bool peer_raw);
/** Has the peer shown a raw public key and not a certificate? Then *spki is its SubjectPublicKeyInfo, to be released. */
bool esc_openssl_shown_raw(X509_STORE_CTX *store, escertke_span *spki);

/* openssl_error.c */
/** What the failure in OpenSSL's error queue means; keeps its words in conn and empties the queue. */
escertke_err esc_openssl_classify(struct openssl_conn *conn);
/** Nothing has been said and no alert chosen. */
void esc_openssl_forget_words(struct openssl_conn *conn);
/** The first words win. */
void esc_openssl_keep_words(struct openssl_conn *conn, const char *words);
/** First error of the queue in words, queue emptied. @p out is always a string. */
void esc_openssl_words(char *out, size_t cap);
/** What a failed path validation means (X509_V_ERR_*), with the alert to send. */
escertke_err esc_openssl_path_error(int x509_error, int *alert);

/** DER of a certificate in the library's memory. @return OK, NOMEM, BACKEND */
escertke_err esc_openssl_der(const X509 *cert, uint8_t **der, size_t *len);

/* openssl_crypto.c: as in escertke_tls_ops */
escertke_err esc_openssl_sha256(escertke_span in, uint8_t out[32]);
escertke_err esc_openssl_random(uint8_t *out, size_t len);
escertke_err esc_openssl_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature);

#endif

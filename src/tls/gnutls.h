/* gnutls.h - what the files of the GnuTLS back end share. Nothing else includes it. */
#ifndef ESCERTKE_TLS_GNUTLS_H
#define ESCERTKE_TLS_GNUTLS_H

#include <escertke/cert.h>
#include <escertke/tls.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#include "tls/judged.h"
#include "tls/path_cache.h"

/* Shared by all handshakes of both roles; immutable after credential_new. Connections keep it alive by counting. */
struct gnutls_credential {
    gnutls_certificate_credentials_t cred;
    gnutls_priority_t priority[2][2]; /* by role (terminator second), by peer_raw */
    gnutls_x509_trust_list_t trust;
    bool raw, has_trust;
    struct esc_path_cache *path_cache;
    uint8_t *leaf; /* own certificate, or SubjectPublicKeyInfo, DER */
    size_t leaf_len;
    atomic_uint users; /* the credential's owner is one */
};

struct gnutls_conn {
    gnutls_session_t session;
    struct gnutls_credential *credential;
    escertke_role role;
    bool allow_without_ems;
    bool peer_raw;
    bool started;
    bool complete;
    escertke_verify_fn verify;
    void *verify_ctx;
    struct esc_judged judged;
    escertke_err verify_err;
    int64_t unix_s;
    int alert; /* sent or received; -1 = none */
    bool alert_received;
    uint8_t *sent; /* body of the peer's Certificate message, until it is verified */
    size_t sent_len;
    uint8_t *leaf;
    size_t leaf_len;
    escertke_span in;
    escertke_buf *out;
    escertke_err io_err;
    char words[160];
};

/* gnutls_credential.c */
escertke_err esc_gnutls_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d);
void esc_gnutls_credential_free(void *credential);
escertke_span esc_gnutls_credential_cert(const void *credential);
/** What a connection with this credential may negotiate. */
gnutls_priority_t esc_gnutls_priority(const struct gnutls_credential *cred, escertke_role role, bool peer_raw);
/** One more user of a credential. */
struct gnutls_credential *esc_gnutls_credential_share(const void *credential);

/* gnutls_token.c */
struct esc_token_key;
/** The key as GnuTLS wants it; the new one owns @p key and closes it. @return GNUTLS_E_...: @p key is as it was */
int esc_gnutls_token_privkey(struct esc_token_key *key, gnutls_privkey_t *out);

/* gnutls_verify.c */
/** Validate the peer's chain to an anchor and ask the connection's verify; sets verify_err, alert and words. @return 0, or -1:
 * refused */
int esc_gnutls_verify_peer(gnutls_session_t session);
/** As in escertke_tls_ops. */
escertke_err esc_gnutls_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s);
/** Hook of the Certificate message, before GnuTLS reads it. */
int esc_gnutls_keep_certificates(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                                 const gnutls_datum_t *msg);
/** GnuTLS cannot read the kept certificates: what the profile says of them. @return PROFILE, CERT */
escertke_err esc_gnutls_unreadable(const struct gnutls_conn *conn, int *alert);

/* gnutls_crypto.c: as in escertke_tls_ops */
escertke_err esc_gnutls_sha256(escertke_span in, uint8_t out[32]);
escertke_err esc_gnutls_random(uint8_t *out, size_t len);
escertke_err esc_gnutls_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature);

#endif

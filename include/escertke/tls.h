/*
 * escertke/tls.h - the TLS back end as the handshake engine sees it: a const vtable over memory, no sockets.
 * Everything above uses only this; a back end is one file behind it. Several back ends may live in one process.
 */
#ifndef ESCERTKE_TLS_H
#define ESCERTKE_TLS_H

#include <escertke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum escertke_role {
    ESCERTKE_INITIATOR = 1, /* IEP: TLS client */
    ESCERTKE_TERMINATOR = 2 /* TEP: TLS server */
} escertke_role;

/** "initiator" or "terminator". Static storage. */
ESCERTKE_API const char *escertke_role_name(escertke_role role);

/** What a credential is made of. PEM, borrowed until credential_new returns. */
typedef struct escertke_credential_source {
    bool raw;            /* a raw public key (RFC 7250): key alone, no chain; only where the back end has raw_keys */
    escertke_span chain; /* leaf first, then intermediates; empty with raw */
    escertke_span key;   /* the leaf's private key, not encrypted; empty with key_uri */
    const char
        *key_uri;    /* private key in a token: "pkcs11:..." (RFC 7512); NULL = none; only where the back end has token_keys */
    const char *pin; /* the token's; NULL = as the URI says (pin-value, pin-source) */
    escertke_span trust; /* trust anchors for the peer's chain; may be empty with raw: then only raw peers can be accepted */
    int64_t unix_s;      /* now; an expired own certificate is refused */
    bool strict;         /* strict_profile */
    /* octets for paths whose signatures have been verified, so that the next run with a peer costs less; 0 = none. Everything but
     * signatures is judged at every handshake. A build without threads (ESCERTKE_MINIMAL) has none. */
    size_t path_cache;
} escertke_credential_source;

/**
 * Asked once per handshake with the path that the back end has validated to a trust anchor (DER, leaf first, anchor last;
 * valid during the call), or, for a raw peer, with its DER SubjectPublicKeyInfo alone. Not OK ends the handshake with *alert.
 */
typedef escertke_err (*escertke_verify_fn)(void *ctx, const escertke_span *path, size_t count, int *alert);

typedef struct escertke_tls_open {
    escertke_role role;
    const void *credential;    /* from the same back end; needed during open only */
    escertke_verify_fn verify; /* required */
    void *verify_ctx;
    const char *server_name; /* SNI to send (initiator), NULL = none */
    bool peer_raw;           /* the peer shows a raw public key: type 2 is offered or asked for, and nothing else */
    bool allow_without_ems;  /* lab use only; said in the log at every use */
} escertke_tls_open;

/** A back end. All functions are thread-safe for different connections; a credential is shared by any number of them. */
typedef struct escertke_tls_ops {
    const char *name;   /* "openssl" */
    size_t conn_memory; /* what a connection holds between two flights, octets, about: for limits */
    bool raw_keys;      /* raw public keys, own and the peer's (RFC 7250) */
    bool token_keys;    /* private keys in a PKCS#11 token */

    /**
     * Load and check an own credential: key fits certificate, profile, validity, trust anchors readable.
     * @return OK, CREDENTIAL, KEY_MISMATCH, PROFILE, VALIDITY, UNSUPPORTED (raw, key_uri), NOMEM, BACKEND
     */
    escertke_err (*credential_new)(const escertke_credential_source *src, void **credential, escertke_detail *d);
    /** NULL allowed. Connections opened with it go on: each holds what it needs. */
    void (*credential_free)(void *credential);
    /** Leaf certificate of an own credential, DER, or its SubjectPublicKeyInfo if raw; valid as long as the credential. */
    escertke_span (*credential_cert)(const void *credential);

    /** New connection in memory. @return OK, NOMEM, BACKEND, UNSUPPORTED (peer_raw without raw_keys), CREDENTIAL (X.509 peer, no
     * trust) */
    escertke_err (*open)(const escertke_tls_open *cfg, void **conn);
    /**
     * Give one flight in (empty: start), append what TLS answers to @p out. Output may be there on failure too: an alert.
     * @param unix_s  time at which certificates are judged
     * @param done    set when the handshake is complete on this side
     * @return OK, ALERT, NEGOTIATION, TLS, CERT, VALIDITY, SIGNATURE, NO_CERT, or what verify returned, NOMEM, BACKEND
     */
    escertke_err (*step)(void *conn, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done);
    /**
     * Judge the peer's certificates before the flight that brings them is given in: a path to an anchor, its signatures, then
     * verify. The handshake is as it was, whatever comes of it, so that a stranger's certificates can be refused without ending
     * it. A step that brings the certificates judged good last does not judge them again.
     * @param sent    DER, as the peer sent them, leaf first; of a raw peer its SubjectPublicKeyInfo
     * @param unix_s  as in step
     * @return OK, or as step: CERT, VALIDITY, PROFILE, what verify returned, NOMEM, BACKEND; why says more
     */
    escertke_err (*judge)(void *conn, const escertke_span *sent, size_t count, int64_t unix_s);
    /** RFC 5705 exporter. context.ptr NULL = no context; empty but not NULL is another key. @return OK, STATE, NOMEM, BACKEND */
    escertke_err (*export_key)(void *conn, const char *label, escertke_span context, uint8_t *out, size_t len);
    /** Peer's leaf certificate, DER, or its SubjectPublicKeyInfo if raw; valid until close. @return OK, STATE */
    escertke_err (*peer_cert)(void *conn, escertke_span *der);
    /** IANA name of the cipher suite, e.g. "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"; NULL before it is known. Static storage. */
    const char *(*suite)(void *conn);
    /** The back end's own words for the last failure, and the alert sent or received with it (-1 = none). Valid until the next
     * call. */
    const char *(*why)(void *conn, int *alert);
    /** Wipe and release; NULL allowed. */
    void (*close)(void *conn);

    /** SHA-256. @return OK, BACKEND */
    escertke_err (*sha256)(escertke_span in, uint8_t out[32]);
    /** Random bytes from the operating system's generator. @return OK, BACKEND */
    escertke_err (*random)(uint8_t *out, size_t len);
    /**
     * Is this the signature of the key over the data: ECDSA on secp256r1 with SHA-256?
     * @param spki  DER SubjectPublicKeyInfo; @param signature  DER Ecdsa-Sig-Value
     * @return OK, SIGNATURE (it is not; a key or signature that cannot be read included), NOMEM, BACKEND
     */
    escertke_err (*ecdsa_verify)(escertke_span spki, escertke_span data, escertke_span signature);
} escertke_tls_ops;

/** The OpenSSL back end (libssl 3). This and the next two: NULL in a build that leaves it out. */
ESCERTKE_API const escertke_tls_ops *escertke_tls_openssl(void);
/** The GnuTLS back end (3.7 or later). */
ESCERTKE_API const escertke_tls_ops *escertke_tls_gnutls(void);
/** The Mbed TLS back end (2.28), for constrained devices. */
ESCERTKE_API const escertke_tls_ops *escertke_tls_mbedtls(void);
/** Back end by name ("openssl", "gnutls", "mbedtls"), NULL if this build has none of that name. */
ESCERTKE_API const escertke_tls_ops *escertke_tls_by_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif

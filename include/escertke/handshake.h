/*
 * escertke/handshake.h - one ESCertKE run as a value: messages in, messages out. No sockets, no clock, no sleep.
 */
#ifndef ESCERTKE_HANDSHAKE_H
#define ESCERTKE_HANDSHAKE_H

#include <escertke/base.h>
#include <escertke/cert.h>
#include <escertke/crl.h>
#include <escertke/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESCERTKE_KEY_ID_LEN 16u
#define ESCERTKE_KEY_LEN 32u
/** Exporter label, 24 characters, used with no context (R-KX-1, R-KX-3). */
#define ESCERTKE_EXPORT_LABEL "EXPORTER-oneM2M-ESCertKE"

/** What a run gives: ID = octets 0...15 of the export, key = octets 16...47 (R-KX-2). Wipe after use. */
typedef struct escertke_key {
    uint8_t id[ESCERTKE_KEY_ID_LEN];
    uint8_t key[ESCERTKE_KEY_LEN];
} escertke_key;

/** Split the 48 exported octets. */
ESCERTKE_API void escertke_key_split(const uint8_t exported[ESCERTKE_KEY_ID_LEN + ESCERTKE_KEY_LEN], escertke_key *out);

/** Default time from the first to the last message of a run, milliseconds. */
#define ESCERTKE_TTL_MS 60000u

typedef struct escertke_session escertke_session;

typedef struct escertke_session_config {
    const escertke_tls_ops *tls;
    const void *credential; /* from tls->credential_new; needed during new only */
    escertke_role role;
    escertke_expect expect;    /* its strings must outlive the session */
    const escertke_crls *crls; /* what is known of revocations; NULL = nothing; outlives the session, or see set_crls */
    uint32_t ttl_ms;           /* from start to the last message; 0 = ESCERTKE_TTL_MS */
    bool allow_without_ems;    /* lab use */
    escertke_log log;
} escertke_session_config;

/**
 * New session. The config is copied; see there for what must outlive it.
 * @return OK, ARG, NOMEM, BACKEND, UNSUPPORTED (raw peer, back end without raw_keys), CREDENTIAL (X.509 peer, credential without
 * trust)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_new(const escertke_session_config *cfg, escertke_session **out);

/**
 * Initiator: produce M1. @param m1 borrowed until the next call on @p s. @return OK, STATE, NOMEM, BACKEND
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_start(escertke_session *s, escertke_now now, escertke_span *m1);

/**
 * Take one received ESCertKE message, produce the reply if any.
 *
 * The records are checked before TLS sees a byte (R-HS-23): whole records, version 3.x, M1 and M2 handshake only,
 * M3 and M4 handshake with exactly one ChangeCipherSpec, or one alert record alone.
 *
 * @param in     one message, base64 already removed; borrowed until return
 * @param reply  borrowed until the next call on @p s; len 0 = nothing to send.
 *               Set on failure too: one TLS alert record that tells the peer why, where telling is useful.
 * @return ESCERTKE_OK, or ESCERTKE_ERR_
 *         STATE      no message is expected now; session unchanged
 *         FORMAT     framing wrong: final for an initiator; a terminator's session is unchanged, nothing reached TLS
 *         ALERT      the peer's alert, see detail->alert: final for an initiator; a terminator's session is unchanged (R-HS-34)
 *         TOO_LARGE  longer than ESCERTKE_MESSAGE_MAX; as FORMAT
 *         DEADLINE, NEGOTIATION, TLS, CERT, IDENTITY, VALIDITY, PROFILE, REVOKED, STATUS, SIGNATURE, NO_CERT, NOMEM,
 *         BACKEND    final; secrets are wiped
 * @spec TS-0003 8.7.2.2; R-HS-20...27
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_step(escertke_session *s, escertke_span in, escertke_now now,
                                                                 escertke_span *reply);

/** Has this side completed (terminator: M4 produced; initiator: M4 verified)? */
ESCERTKE_API bool escertke_session_done(const escertke_session *s);
/** The key, once done; may be taken once, the session's copy is wiped. @return OK, STATE */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_key(escertke_session *s, escertke_key *out);
/** Peer's leaf certificate, DER, once done; valid until free. @return OK, STATE */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_peer_cert(escertke_session *s, escertke_span *der);
/**
 * Once done: who issued each certificate of the peer's path, leaf first, the anchor's own excepted; none of a raw key.
 * @param out    ESCERTKE_CHAIN_MAX of them   @param until  the earliest end of validity on the path; INT64_MAX of a raw key
 * @return OK, STATE
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_session_issued(const escertke_session *s, escertke_issued *out, size_t *count,
                                                                   int64_t *until);
/** Use these CRLs (NULL: none) from the next message on. They outlive the session, or the next call of this. */
ESCERTKE_API void escertke_session_set_crls(escertke_session *s, const escertke_crls *crls);
/** IANA name of the cipher suite once done, else NULL. Static storage. */
ESCERTKE_API const char *escertke_session_suite(const escertke_session *s);
/** Monotonic time at which the session ends by itself, ms; 0 before its first message. */
ESCERTKE_API uint64_t escertke_session_deadline(const escertke_session *s);
/** First failure; err OK while nothing failed. Valid until free. */
ESCERTKE_API const escertke_detail *escertke_session_detail(const escertke_session *s);
ESCERTKE_API void escertke_session_free(escertke_session *s);

/** What the framing of a message says (no TLS library needed). */
typedef enum escertke_flight {
    ESCERTKE_FLIGHT_M1 = 1, /* ClientHello */
    ESCERTKE_FLIGHT_M2 = 2, /* ServerHello first */
    ESCERTKE_FLIGHT_M3 = 3, /* handshake and one CCS, handshake first */
    ESCERTKE_FLIGHT_M4 = 4, /* CCS first, then handshake */
    ESCERTKE_FLIGHT_ALERT = 5,
    ESCERTKE_FLIGHT_OTHER = 6 /* well framed, but begins with another handshake message: HelloRequest, a ticket... */
} escertke_flight;

/**
 * Which message is this? Checks the record framing of R-HS-23 in full; the terminating end-point uses it to choose its state.
 * @param alert  set to the alert description when the flight is one alert record, else -1
 * @return OK, FORMAT, TOO_LARGE
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_flight_classify(escertke_span message, escertke_flight *out, int *alert,
                                                                    escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif

/*
 * escertke/endpoint.h - the Initiating and the Terminating End-Point: who talks to whom, pending runs, replay, limits, keys.
 * Messages come and go as octets (eckm without base64); carrier.h puts them into primitives.
 */
#ifndef ESCERTKE_ENDPOINT_H
#define ESCERTKE_ENDPOINT_H

#include <escertke/base.h>
#include <escertke/handshake.h>
#include <escertke/keys.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is known about one peer (R-HS-13). Borrowed strings; they outlive the end-point. */
typedef struct escertke_peer {
    const char *id; /* Absolute ID */
    escertke_flavour flavour;
    const char *san; /* NULL = computed from id */
    const char *pin; /* NULL = none */
} escertke_peer;

/** What both end-points need. Everything pointed to outlives the end-point. */
typedef struct escertke_identity {
    const escertke_tls_ops *tls;
    const void *credential;
    bool raw;                   /* the credential is a raw public key */
    escertke_crls *crls;        /* NULL = none; the end-point becomes one more holder */
    const char *id;             /* own Absolute ID */
    escertke_id_context ctx;    /* own SP-ID and (registrar's) CSE-ID, completes a relative From (R-ID-30) */
    const escertke_peer *peers; /* peer rules; count 0 = any peer whose certificate identity equals its ID */
    size_t peer_count;
    escertke_store *store;
    escertke_usage usage;   /* 0 = ESPRIM */
    int64_t key_lifetime_s; /* 0 = ESCERTKE_KEY_LIFETIME_S; also bounded by both certificates' notAfter */
    int64_t key_overlap_s;  /* how long older keys of the peer stay valid beside a new one; 0 = ESCERTKE_KEY_OVERLAP_S, < 0 = not
                               at  all */
    bool strict;            /* strict_profile */
    bool allow_without_ems; /* lab use */
    escertke_log log;
} escertke_identity;

/* ---- Terminating End-Point --------------------------------------------------------------------------------- */

typedef enum escertke_event_kind {
    ESCERTKE_EVENT_PENDING = 1, /* M2 produced */
    ESCERTKE_EVENT_ESTABLISHED, /* key stored, M4 produced */
    ESCERTKE_EVENT_REFUSED,     /* a message was answered with an error */
    ESCERTKE_EVENT_REPLAYED,    /* a repeated message got its stored answer */
    ESCERTKE_EVENT_ALERT,       /* the peer sent an alert */
    ESCERTKE_EVENT_EXPIRED,     /* a pending handshake passed its deadline */
    ESCERTKE_EVENT_EVICTED      /* a pending handshake has given up its place, or another of the same peer has led to a key */
} escertke_event_kind;

/** Pointers are valid during the call; entry's key octets are zero. */
typedef struct escertke_event {
    escertke_event_kind kind;
    /**
     * Of the run, 1, 2, 3...: the same in PENDING, and in whatever ends it: ESTABLISHED, REFUSED, EXPIRED or EVICTED; REPLAYED
     * too. 0 = the message belongs to no run (REFUSED, ALERT), or to one from before a restart (REPLAYED).
     */
    uint64_t run;
    const char *peer;                /* normalised From; as received where it could not be normalised (printable, cut) */
    const escertke_key_entry *entry; /* ESTABLISHED */
    const escertke_detail *detail;   /* REFUSED, ALERT */
    size_t in_len, out_len;          /* sizes of the message and of its answer, octets */
} escertke_event;

/** Default number of pending handshakes, for devices (R-HS-36). */
#define ESCERTKE_MAX_PENDING 64u
/** Default number of pending handshakes of one From. */
#define ESCERTKE_MAX_PENDING_PER_FROM 4u
/** Default time for which a pending handshake gives up its place to nobody while older ones exist, milliseconds. */
#define ESCERTKE_GRACE_MS 5000u

/** How often something may be done. {0, 0} = the default that is said there. */
typedef struct escertke_rate {
    uint32_t burst;      /* so many at once; ESCERTKE_NO_LIMIT = as many as you like */
    uint32_t per_minute; /* and so many a minute after that */
} escertke_rate;

#define ESCERTKE_NO_LIMIT UINT32_MAX

typedef struct escertke_terminator escertke_terminator;

typedef struct escertke_terminator_config {
    escertke_identity identity;
    uint32_t pending_ttl_ms;     /* 0 = ESCERTKE_TTL_MS */
    uint32_t replay_ttl_ms;      /* how long M4 can be repeated; 0 = ESCERTKE_TTL_MS */
    size_t max_pending;          /* 0 = ESCERTKE_MAX_PENDING; past it the oldest pending handshake goes */
    size_t max_pending_bytes;    /* 0 = max_pending * 64 KiB; estimated with the back end's share */
    size_t max_pending_per_from; /* of one From, brought by one source; twice as many by all; 0 = ESCERTKE_MAX_PENDING_PER_FROM */
    uint32_t grace_ms;           /* 0 = ESCERTKE_GRACE_MS */
    /**
     * Limits of M1 and of M3 that are not repetitions, asked before any public-key operation; past one the answer is 5000. A
     * message whose run succeeds counts for nothing in rate_from.
     */
    escertke_rate rate_from;   /* per From, and per source where it is known; default 8, and 120 a minute */
    escertke_rate rate_source; /* per source; default: no limit */
    escertke_rate rate_all;    /* default: no limit */
    void (*on_event)(void *ctx, const escertke_event *event); /* NULL allowed; called from the answering thread */
    void *event_ctx;
} escertke_terminator_config;

/** The answer to one message: RSC, and either octets for eckm or a text for m2m:dbg, or neither (2000 without content). */
typedef struct escertke_answer {
    int rsc;
    escertke_buf message;   /* M2, M4 or one alert record; empty = none */
    char dbg[352];          /* "" = none */
    escertke_detail detail; /* err OK with 2000; never sent */
} escertke_answer;

ESCERTKE_API void escertke_answer_init(escertke_answer *a);
ESCERTKE_API void escertke_answer_clear(escertke_answer *a);

/** New terminating end-point. @return OK, ARG, CONFIG (peer rules unusable), ID (own id), NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_terminator_new(const escertke_terminator_config *cfg,
                                                                   escertke_terminator **out, escertke_detail *d);
/** One ESCertKE message as it came. Borrowed during the call; what is not known is zero. */
typedef struct escertke_delivery {
    escertke_span from;    /* From of the primitive as received */
    escertke_span message; /* eckm without base64 */
    uint32_t ttl_ms;       /* rest of the request's lifetime (rqet), ms; 0 = none given */
    escertke_span source;  /* who brought it: address of the peer, name of the last hop; any octets. Only compared */
} escertke_delivery;

/**
 * Answer one ESCertKE message. Thread-safe; many run at once. Always fills @p answer with what goes on the wire (R 2.5).
 *
 * A From may have several pending handshakes, since anybody can send an M1 in its name. M3 is given to the one whose M1 and M2
 * the key in its certificate has signed (R-HS-37); an M3 that fits none is refused and changes nothing.
 *
 * @param answer  initialised by escertke_answer_init
 * @spec TS-0001 11.4.3; R-HS-30...37
 */
ESCERTKE_API void escertke_terminator_take(escertke_terminator *t, const escertke_delivery *in, escertke_now now,
                                           escertke_answer *answer);
/** The same without a source. */
ESCERTKE_API void escertke_terminator_answer(escertke_terminator *t, escertke_span from, escertke_span message, uint32_t ttl_ms,
                                             escertke_now now, escertke_answer *answer);
/** Drop what has passed its deadline. Thread-safe. Call it now and then (once a second). */
ESCERTKE_API void escertke_terminator_tick(escertke_terminator *t, escertke_now now);
/** Use another credential for runs that start from now on (reload). Thread-safe; the old one may be freed once this returns. */
ESCERTKE_API void escertke_terminator_set_credential(escertke_terminator *t, const void *credential);
/** Use other CRLs (NULL: none) from the next message on, of pending handshakes too. Thread-safe; the end-point becomes one more
 * holder. */
ESCERTKE_API void escertke_terminator_set_crls(escertke_terminator *t, escertke_crls *crls);

typedef struct escertke_terminator_stats {
    uint64_t m1, m3, established, refused, replayed, alerts, expired, evicted;
    uint64_t limited;    /* refused because a rate or the number of pending handshakes was reached */
    uint64_t unmatched;  /* M3 that fitted no pending handshake */
    uint64_t superseded; /* pending handshakes that went because another of the same From led to a key */
    size_t pending, pending_bytes, replay_entries;
} escertke_terminator_stats;
/** Counters since start. Thread-safe. */
ESCERTKE_API void escertke_terminator_get_stats(escertke_terminator *t, escertke_terminator_stats *out);
ESCERTKE_API void escertke_terminator_free(escertke_terminator *t);

/* ---- Initiating End-Point ---------------------------------------------------------------------------------- */

typedef struct escertke_initiator escertke_initiator;

/**
 * New run towards @p to (Absolute ID). @param ttl_ms whole run, 0 = 60,000.
 * @return OK, ARG, ID, CONFIG (peer rules exist and none is for @p to), NOMEM, BACKEND
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_initiator_new(const escertke_identity *identity, const char *to,
                                                                  uint32_t ttl_ms, escertke_initiator **out, escertke_detail *d);
/** M1. Borrowed until the next call. @return as escertke_session_start */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_initiator_start(escertke_initiator *i, escertke_now now, escertke_span *m1);
/**
 * M2 in, M3 out; or M4 in, nothing out, key stored. On failure @p reply may hold an alert record for the peer (R-PR-40).
 * @return as escertke_session_step; also STORE, STORE_FULL, LIMIT (the key could not be stored: the run has failed)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_initiator_step(escertke_initiator *i, escertke_span in, escertke_now now,
                                                                   escertke_span *reply);
/** The stored entry once M4 is verified, key octets included: wipe it. @return OK, STATE */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_initiator_entry(escertke_initiator *i, escertke_key_entry *out);
/**
 * The message sent last, for sending the same octets again when no answer has come (R-HS-35). Valid until the next call of _start
 * or _step. @param number  1 or 3; 0 = none: not started, or the run is over
 */
ESCERTKE_API escertke_span escertke_initiator_sent(const escertke_initiator *i, int *number);
ESCERTKE_API const escertke_detail *escertke_initiator_detail(const escertke_initiator *i);
ESCERTKE_API void escertke_initiator_free(escertke_initiator *i);

#ifdef __cplusplus
}
#endif
#endif

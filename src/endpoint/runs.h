/*
 * runs.h - what a Terminating End-Point remembers between two NOTIFYs: one run per normalised From (R-HS-31), with at most one
 * pending handshake and the answer to the last M3. Bounded by number and by octets; the oldest pending handshake goes first.
 *
 * Locks: the table's lock covers the hash, the age lists and the counts; each run's own lock covers what is in the run, TLS work
 * included; deadlines are written under both, so that a sweep may read them. A run is used only between esc_runs_enter and
 * esc_runs_leave. Order: run before table.
 */
#ifndef ESCERTKE_ENDPOINT_RUNS_H
#define ESCERTKE_ENDPOINT_RUNS_H

#include <escertke/handshake.h>

#include <pthread.h>

/** Place in an age list; oldest at the head. */
struct esc_link {
    struct esc_link *older, *newer;
};

struct esc_run {
    struct esc_run *next; /* same hash bucket */
    struct esc_link pending_age, done_age;
    unsigned users; /* between enter and leave; under the table's lock */
    uint32_t hash;
    pthread_mutex_t lock;
    char *peer; /* normalised From */

    escertke_session *session; /* the pending handshake; NULL = none */
    uint8_t m1_digest[32];
    escertke_buf m2;
    uint64_t pending_until_ms;
    size_t octets; /* counted for this pending handshake */

    bool done; /* an answered M3 is remembered */
    uint8_t m3_digest[32];
    escertke_buf m4;
    uint64_t done_until_ms;
};

struct esc_runs_counts {
    size_t pending, octets, done;
    uint64_t evicted, expired;
};

struct esc_runs;

/** Called for a pending handshake that passed its deadline; no lock is held. */
typedef void (*esc_run_expired_fn)(void *ctx, const char *peer);

ESCERTKE_CHECKED escertke_err esc_runs_new(const escertke_tls_ops *tls, size_t max_pending, size_t max_octets,
                                           struct esc_runs **out);
void esc_runs_free(struct esc_runs *r);

/** Find the run of this peer, or make it, and lock it. @return OK, NOMEM */
ESCERTKE_CHECKED escertke_err esc_runs_enter(struct esc_runs *r, const char *peer, struct esc_run **out);
/** Unlock; an empty run goes. */
void esc_runs_leave(struct esc_runs *r, struct esc_run *run);

/**
 * Put a handshake that has answered M1 into the (entered) run in place of the one that is there, making room as needed.
 * Takes the session and the digest; copies m2. @return OK, NOMEM, LIMIT (no room: everything else is in use this moment)
 */
ESCERTKE_CHECKED escertke_err esc_runs_put_pending(struct esc_runs *r, struct esc_run *run, escertke_session *session,
                                                   const uint8_t m1_digest[32], escertke_span m2, uint64_t until_ms);
/** Take the pending handshake out of the (entered) run; the caller frees it. NULL if there is none. */
escertke_session *esc_runs_take_pending(struct esc_runs *r, struct esc_run *run);
/** This (entered) run's pending handshake gives up its place first when places are short (R-PR-40). */
void esc_runs_mark_first_to_go(struct esc_runs *r, struct esc_run *run);
/** Remember the answer to M3 in the (entered) run. @return OK, NOMEM */
ESCERTKE_CHECKED escertke_err esc_runs_put_done(struct esc_runs *r, struct esc_run *run, const uint8_t m3_digest[32],
                                                escertke_span m4, uint64_t until_ms);
/** Drop what has passed its deadline. */
void esc_runs_tick(struct esc_runs *r, uint64_t now_ms, esc_run_expired_fn fn, void *ctx);
void esc_runs_get_counts(struct esc_runs *r, struct esc_runs_counts *out);

#endif

/*
 * runs.h - what a Terminating End-Point remembers between two NOTIFYs: for each normalised From a run, with a few pending
 * handshakes (R-HS-31) and the answer to the last M3. Bounded by number and by octets.
 *
 * Locks: the table's lock covers the hash, the age lists, the counts, and which handshakes a run has; no TLS work and no freeing
 * is done under it. Each run's own lock is held by who answers an M3, and by who looks at what the run holds; its handshakes then
 * stay. Order: run before table.
 */
#ifndef ESCERTKE_ENDPOINT_RUNS_H
#define ESCERTKE_ENDPOINT_RUNS_H

#include <escertke/endpoint.h>

#include <pthread.h>

/** Place in an age list. */
struct esc_link {
    struct esc_link *older, *newer;
};

/** What an M3 has led to, and the store has not taken yet. */
struct esc_unsaved {
    uint8_t m3_digest[32];
    escertke_buf m4;
    escertke_key_entry entry; /* with its key */
};

/** A handshake that has answered M1 and waits for M3; or that M3 has completed, and whose key the store has not taken yet. */
struct esc_pending {
    struct esc_run *run;
    struct esc_pending *next; /* of the same run, newest first */
    struct esc_link age;      /* among all */
    struct esc_link group;    /* among those of its group: see esc_runs_add */
    size_t group_number;
    size_t source;   /* the group of who brought M1: group_number until an alert has marked it */
    uint64_t number; /* of the run, for events: 1, 2, 3... */
    escertke_session *session;
    uint8_t m1_digest[32];
    escertke_buf m1, m2; /* as they went: repeated, and matched with M3's signature */
    uint64_t born_ms, until_ms;
    size_t octets; /* what is counted for it */

    struct esc_unsaved *unsaved; /* NULL = waits for M3; under the run's lock */
};

/** One From. */
struct esc_run {
    struct esc_run *next; /* same hash bucket */
    uint64_t hash;
    struct esc_link done_age;
    unsigned users; /* between enter and leave; under the table's lock */
    bool locked;    /* its lock is held; under the table's lock */
    pthread_mutex_t lock;
    char *peer; /* normalised From */

    struct esc_pending *pending; /* newest first */
    size_t pending_count;

    bool done; /* an answered M3 is remembered */
    uint64_t done_number;
    uint8_t m3_digest[32];
    escertke_buf m4;
    uint64_t done_until_ms;
};

struct esc_runs_counts {
    size_t pending, octets, done;
    uint64_t evicted, expired, superseded;
};

/** Called for a pending handshake that has gone without an M3: EXPIRED or EVICTED. The table's lock is not held. */
typedef void (*esc_run_gone_fn)(void *ctx, escertke_event_kind why, const char *peer, uint64_t number);

struct esc_runs_config {
    const escertke_tls_ops *tls;
    size_t max_pending, max_octets;
    size_t max_per_from; /* of one source; twice as many in all */
    uint32_t grace_ms;
    esc_run_gone_fn gone; /* NULL allowed */
    void *gone_ctx;
};

/** One handshake to remember. */
struct esc_runs_new_pending {
    escertke_session *session; /* taken if it is added */
    const uint8_t *m1_digest;
    escertke_span m1, m2; /* copied */
    escertke_span source; /* who brought M1; empty = not known */
    uint64_t until_ms;
};

struct esc_runs;

/** @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err esc_runs_new(const struct esc_runs_config *cfg, struct esc_runs **out);
void esc_runs_free(struct esc_runs *r);

/** Find the run of this peer, or make it, and lock it. @return OK, NOMEM */
ESCERTKE_CHECKED escertke_err esc_runs_enter(struct esc_runs *r, const char *peer, struct esc_run **out);
/** Unlock an entered run for a while; it stays, what is pending in it may change. */
void esc_runs_pause(struct esc_runs *r, struct esc_run *run);
void esc_runs_resume(struct esc_runs *r, struct esc_run *run);
/** Unlock; an empty run goes. */
void esc_runs_leave(struct esc_runs *r, struct esc_run *run);

/** Has M1 with this digest been answered? The handshake that did, else NULL. Run entered. */
struct esc_pending *esc_runs_find(struct esc_run *run, const uint8_t m1_digest[32]);

/**
 * Would there be room for one more in the (entered) run? To be asked before any work is done for an M1. @param source  who has
 * brought it; empty = not known. @return OK, LIMIT
 */
ESCERTKE_CHECKED escertke_err esc_runs_may_add(struct esc_runs *r, const struct esc_run *run, escertke_span source,
                                               uint64_t now_ms);
/**
 * Add a handshake that has answered M1 to the (entered) run, making room as needed.
 *
 * Who goes: a handshake is young for grace_ms. A source has max_per_from places in a run; past that, the oldest that it has
 * brought goes if it is not young any more. A run has twice as many in all; past that, the oldest of all goes likewise. In
 * all, of those not young any more: first whom an alert has marked; then the oldest of whoever has most of them (a group: what
 * one source has brought), else the oldest. Where all are young, the oldest of that group goes if it is older than what a run
 * takes: twice as long as the slowest of the last good runs, and never more than grace_ms. What an M3 is being matched with
 * stays.
 *
 * @return OK, NOMEM, LIMIT (nobody may go)
 */
ESCERTKE_CHECKED escertke_err esc_runs_add(struct esc_runs *r, struct esc_run *run, const struct esc_runs_new_pending *in,
                                           uint64_t now_ms, uint64_t *number);
/** Take a handshake out of its (entered) run; the caller ends it with esc_pending_free. */
void esc_runs_take(struct esc_runs *r, struct esc_pending *p);
void esc_pending_free(struct esc_pending *p);
/** An alert came for this (entered) run: what is pending in it gives up its place first, once it is not young any more (R-PR-40).
 */
void esc_runs_mark_first_to_go(struct esc_runs *r, struct esc_run *run);

/**
 * An M3 has led to a key: its answer is remembered in the (entered) run, the run's other handshakes go, and what the run took is
 * noted. @param p  already taken out. @return OK, NOMEM (M4 is not remembered)
 */
ESCERTKE_CHECKED escertke_err esc_runs_succeed(struct esc_runs *r, struct esc_run *run, const struct esc_pending *p,
                                               const uint8_t m3_digest[32], escertke_span m4, uint64_t now_ms, uint64_t until_ms);

/** Drop what has passed its deadline. */
void esc_runs_tick(struct esc_runs *r, uint64_t now_ms);
void esc_runs_get_counts(struct esc_runs *r, struct esc_runs_counts *out);

#endif

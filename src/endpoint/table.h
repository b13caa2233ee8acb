/* table.h - what runs.c (who is known) and room.c (who goes) share. Nothing else includes it. */
#ifndef ESCERTKE_ENDPOINT_TABLE_H
#define ESCERTKE_ENDPOINT_TABLE_H

#include "endpoint/hash.h"
#include "endpoint/runs.h"

/** Groups of pending handshakes by who brought M1 (hashed), one for those of nobody known, and the one that alerts have marked.
 */
enum { GROUPS = 66, GROUP_UNKNOWN = 64, GROUP_MARKED = 65 };

struct esc_group {
    struct esc_link members; /* ring; .newer is the oldest */
    size_t count;
};

struct esc_runs {
    struct esc_runs_config cfg;
    pthread_mutex_t lock;
    struct esc_hash_key key; /* an attacker chooses From, but not the bucket */
    size_t buckets;
    struct esc_run **table;
    struct esc_link pending, done; /* rings; .newer of the ring's own link is the oldest */
    struct esc_group groups[GROUPS];
    uint64_t last_number;
    uint64_t due_ms; /* no pending handshake passes its deadline before */
    uint64_t run_ms; /* older pending handshakes will hardly be completed any more */
    bool run_ms_known;
    struct esc_runs_counts counts;
};

#define ESC_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Rings, under the table's lock. */
void esc_ring_init(struct esc_link *l);
void esc_ring_remove(struct esc_link *l);
void esc_ring_add_newest(struct esc_link *ring, struct esc_link *l);

/* Under the table's lock. */
void esc_runs_attach(struct esc_runs *r, struct esc_run *run, struct esc_pending *p, size_t group);
void esc_runs_detach(struct esc_runs *r, struct esc_pending *p);
/** Forget a run that holds nothing and that nobody uses. @return true: the caller frees it once the lock is gone */
bool esc_runs_unhash_if_empty(struct esc_runs *r, struct esc_run *run);
void esc_run_free(struct esc_run *run);

/** What goes was found under the lock and is told and freed after it: freeing a TLS connection takes its time. */
void esc_runs_gone(struct esc_runs *r, struct esc_pending *p, escertke_event_kind why);

#endif

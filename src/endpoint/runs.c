#include "endpoint/runs.h"

#include <string.h>

#include "base/memory.h"

#define RUN_OF(link, member) ((struct esc_run *)(void *)((char *)(link)-offsetof(struct esc_run, member)))

struct esc_runs {
    pthread_mutex_t lock;
    const escertke_tls_ops *tls;
    uint32_t seed; /* of the hash: an attacker chooses From, but not the bucket */
    size_t buckets;
    struct esc_run **table;
    struct esc_link pending, done; /* rings; .newer of the ring's own link is the oldest */
    size_t max_pending, max_octets;
    struct esc_runs_counts counts;
};

/* ---- age lists ------------------------------------------------------------------------------------------------ */

static void ring_init(struct esc_link *l)
{
    l->older = l->newer = l;
}

static bool ring_linked(const struct esc_link *l)
{
    return l->newer && l->newer != l;
}

static void ring_remove(struct esc_link *l)
{
    if (!ring_linked(l))
        return;
    l->older->newer = l->newer;
    l->newer->older = l->older;
    ring_init(l);
}

static void ring_insert_after(struct esc_link *at, struct esc_link *l)
{
    l->older = at;
    l->newer = at->newer;
    at->newer->older = l;
    at->newer = l;
}

static void ring_add_newest(struct esc_link *ring, struct esc_link *l)
{
    ring_insert_after(ring->older, l);
}

/* ---- hash ------------------------------------------------------------------------------------------------------ */

/* Seeded one-at-a-time hash: enough against chosen names, since the seed never leaves. */
static uint32_t hash_of(const struct esc_runs *r, const char *peer)
{
    uint32_t h = r->seed;

    for (; *peer; peer++) {
        h += (uint8_t)*peer;
        h += h << 10;
        h ^= h >> 6;
    }
    h += h << 3;
    h ^= h >> 11;
    return h + (h << 15);
}

static struct esc_run **slot_of(struct esc_runs *r, uint32_t hash, const char *peer)
{
    struct esc_run **at = &r->table[hash % r->buckets];

    while (*at && ((*at)->hash != hash || strcmp((*at)->peer, peer) != 0))
        at = &(*at)->next;
    return at;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static void run_free(struct esc_run *run)
{
    escertke_session_free(run->session);
    escertke_buf_free(&run->m2);
    escertke_buf_free(&run->m4);
    pthread_mutex_destroy(&run->lock);
    esc_release(run->peer);
    esc_release(run);
}

static struct esc_run *run_new(const char *peer, uint32_t hash)
{
    struct esc_run *run = esc_zalloc(sizeof *run);

    if (!run)
        return NULL;
    run->peer = esc_strndup(peer, strlen(peer));
    if (!run->peer) {
        esc_release(run);
        return NULL;
    }
    run->hash = hash;
    ring_init(&run->pending_age);
    ring_init(&run->done_age);
    escertke_buf_init(&run->m2, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&run->m4, ESCERTKE_MESSAGE_MAX);
    pthread_mutex_init(&run->lock, NULL);
    return run;
}

/* Under the table's lock: forget a run that holds nothing and that nobody uses. */
static bool unhash_if_empty(struct esc_runs *r, struct esc_run *run)
{
    if (run->users || run->session || run->done)
        return false;
    struct esc_run **at = slot_of(r, run->hash, run->peer);
    *at = run->next;
    return true;
}

/* Under the table's lock, for a run that nobody uses or that the caller has entered. */
static escertke_session *detach_pending(struct esc_runs *r, struct esc_run *run)
{
    escertke_session *session = run->session;

    if (!session)
        return NULL;
    ring_remove(&run->pending_age);
    r->counts.pending--;
    r->counts.octets -= run->octets;
    run->session = NULL;
    run->octets = 0;
    return session;
}

static void detach_done(struct esc_runs *r, struct esc_run *run)
{
    if (!run->done)
        return;
    ring_remove(&run->done_age);
    r->counts.done--;
    run->done = false;
}

/* ---- making room ------------------------------------------------------------------------------------------------ */

/* What was dropped under the lock and is freed after it: freeing a TLS connection takes its time. */
struct dropped {
    escertke_session *session;
    struct esc_run *run;
};

/* Under the table's lock: take away the oldest pending handshake that nobody is working on. */
static bool drop_oldest_pending(struct esc_runs *r, struct dropped *out)
{
    for (struct esc_link *l = r->pending.newer; l != &r->pending; l = l->newer) {
        struct esc_run *run = RUN_OF(l, pending_age);
        if (run->users)
            continue;
        out->session = detach_pending(r, run);
        out->run = unhash_if_empty(r, run) ? run : NULL;
        r->counts.evicted++;
        return true;
    }
    return false;
}

static void free_dropped(struct dropped *d)
{
    escertke_session_free(d->session);
    if (d->run)
        run_free(d->run);
    *d = (struct dropped){ NULL, NULL };
}

static escertke_err make_room(struct esc_runs *r, size_t octets)
{
    for (;;) {
        struct dropped d = { NULL, NULL };
        pthread_mutex_lock(&r->lock);
        bool room = r->counts.pending < r->max_pending && octets <= r->max_octets && r->counts.octets <= r->max_octets - octets;
        bool could = room || drop_oldest_pending(r, &d);
        if (room) { /* reserve before the lock goes */
            r->counts.pending++;
            r->counts.octets += octets;
        }
        pthread_mutex_unlock(&r->lock);
        free_dropped(&d);
        if (room)
            return ESCERTKE_OK;
        if (!could)
            return ESCERTKE_ERR_LIMIT;
    }
}

/* ---- used by the terminator -------------------------------------------------------------------------------------- */

escertke_err esc_runs_new(const escertke_tls_ops *tls, size_t max_pending, size_t max_octets, struct esc_runs **out)
{
    struct esc_runs *r = esc_zalloc(sizeof *r);

    *out = NULL;
    if (!r)
        return ESCERTKE_ERR_NOMEM;
    r->tls = tls;
    r->max_pending = max_pending;
    r->max_octets = max_octets;
    r->buckets = max_pending < 8 ? 16 : max_pending * 2 + 1;
    r->table = esc_zalloc(r->buckets * sizeof *r->table);
    if (!r->table || tls->random((uint8_t *)&r->seed, sizeof r->seed) != ESCERTKE_OK) {
        esc_release(r->table);
        esc_release(r);
        return ESCERTKE_ERR_NOMEM;
    }
    pthread_mutex_init(&r->lock, NULL);
    ring_init(&r->pending);
    ring_init(&r->done);
    *out = r;
    return ESCERTKE_OK;
}

void esc_runs_free(struct esc_runs *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->buckets; i++)
        for (struct esc_run *run = r->table[i], *next; run; run = next) {
            next = run->next;
            run_free(run);
        }
    pthread_mutex_destroy(&r->lock);
    esc_release(r->table);
    esc_release(r);
}

escertke_err esc_runs_enter(struct esc_runs *r, const char *peer, struct esc_run **out)
{
    uint32_t hash = hash_of(r, peer);

    pthread_mutex_lock(&r->lock);
    struct esc_run **at = slot_of(r, hash, peer);
    if (!*at)
        *at = run_new(peer, hash);
    *out = *at;
    if (*out)
        (*out)->users++;
    pthread_mutex_unlock(&r->lock);
    if (!*out)
        return ESCERTKE_ERR_NOMEM;
    pthread_mutex_lock(&(*out)->lock);
    return ESCERTKE_OK;
}

void esc_runs_leave(struct esc_runs *r, struct esc_run *run)
{
    pthread_mutex_unlock(&run->lock);
    pthread_mutex_lock(&r->lock);
    run->users--;
    bool gone = unhash_if_empty(r, run);
    pthread_mutex_unlock(&r->lock);
    if (gone)
        run_free(run);
}

escertke_err esc_runs_put_pending(struct esc_runs *r, struct esc_run *run, escertke_session *session, const uint8_t m1_digest[32],
                                  escertke_span m2, uint64_t until_ms)
{
    size_t octets = sizeof *run + strlen(run->peer) + m2.len + r->tls->conn_memory;
    escertke_buf copy;

    escertke_buf_init(&copy, m2.len);
    escertke_err err = escertke_buf_append(&copy, m2.ptr, m2.len);
    if (err != ESCERTKE_OK)
        return err;
    escertke_session_free(esc_runs_take_pending(r, run)); /* at most one per From: the newer takes its place */
    err = make_room(r, octets);
    if (err != ESCERTKE_OK) {
        escertke_buf_free(&copy);
        return err;
    }
    escertke_buf_free(&run->m2);
    run->m2 = copy;
    memcpy(run->m1_digest, m1_digest, sizeof run->m1_digest);
    pthread_mutex_lock(&r->lock);
    run->session = session;
    run->pending_until_ms = until_ms;
    run->octets = octets;
    ring_add_newest(&r->pending, &run->pending_age);
    pthread_mutex_unlock(&r->lock);
    return ESCERTKE_OK;
}

escertke_session *esc_runs_take_pending(struct esc_runs *r, struct esc_run *run)
{
    pthread_mutex_lock(&r->lock);
    escertke_session *session = detach_pending(r, run);
    pthread_mutex_unlock(&r->lock);
    escertke_buf_free(&run->m2);
    return session;
}

void esc_runs_mark_first_to_go(struct esc_runs *r, struct esc_run *run)
{
    pthread_mutex_lock(&r->lock);
    if (run->session) {
        ring_remove(&run->pending_age);
        ring_insert_after(&r->pending, &run->pending_age);
    }
    pthread_mutex_unlock(&r->lock);
}

escertke_err esc_runs_put_done(struct esc_runs *r, struct esc_run *run, const uint8_t m3_digest[32], escertke_span m4,
                               uint64_t until_ms)
{
    struct dropped d = { NULL, NULL };

    escertke_buf_reset(&run->m4);
    escertke_err err = escertke_buf_append(&run->m4, m4.ptr, m4.len);
    memcpy(run->m3_digest, m3_digest, sizeof run->m3_digest);
    pthread_mutex_lock(&r->lock);
    detach_done(r, run);
    if (err == ESCERTKE_OK) {
        run->done = true;
        run->done_until_ms = until_ms; /* a sweep may look at it while the run is in use */
        r->counts.done++;
        ring_add_newest(&r->done, &run->done_age);
    }
    struct esc_run *oldest = RUN_OF(r->done.newer, done_age);
    if (r->counts.done > r->max_pending && !oldest->users) {
        detach_done(r, oldest);
        d.run = unhash_if_empty(r, oldest) ? oldest : NULL;
    }
    pthread_mutex_unlock(&r->lock);
    free_dropped(&d);
    return err;
}

/* Under the table's lock: the next thing whose time has come, oldest first. */
static bool take_expired(struct esc_runs *r, uint64_t now_ms, struct dropped *d, struct esc_run **expired)
{
    for (struct esc_link *l = r->done.newer; l != &r->done; l = l->newer) {
        struct esc_run *run = RUN_OF(l, done_age);
        if (run->done_until_ms > now_ms)
            break;
        if (run->users)
            continue;
        detach_done(r, run);
        d->run = unhash_if_empty(r, run) ? run : NULL;
        return true;
    }
    for (struct esc_link *l = r->pending.newer; l != &r->pending; l = l->newer) {
        struct esc_run *run = RUN_OF(l, pending_age);
        if (run->pending_until_ms > now_ms || run->users)
            continue; /* deadlines are almost, not quite, in order of age: rqet may shorten one */
        d->session = detach_pending(r, run);
        r->counts.expired++;
        run->users++; /* its name is still needed */
        *expired = run;
        return true;
    }
    return false;
}

void esc_runs_tick(struct esc_runs *r, uint64_t now_ms, esc_run_expired_fn fn, void *ctx)
{
    bool more = true;

    while (more) {
        struct dropped d = { NULL, NULL };
        struct esc_run *expired = NULL;
        pthread_mutex_lock(&r->lock);
        more = take_expired(r, now_ms, &d, &expired);
        pthread_mutex_unlock(&r->lock);
        free_dropped(&d);
        if (!expired)
            continue;
        if (fn)
            fn(ctx, expired->peer);
        pthread_mutex_lock(&expired->lock);
        esc_runs_leave(r, expired);
    }
}

void esc_runs_get_counts(struct esc_runs *r, struct esc_runs_counts *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->counts;
    pthread_mutex_unlock(&r->lock);
}

#include <string.h>

#include "base/memory.h"
#include "endpoint/table.h"

/* ---- rings ---------------------------------------------------------------------------------------------------- */

void esc_ring_init(struct esc_link *l)
{
    l->older = l->newer = l;
}

void esc_ring_remove(struct esc_link *l)
{
    l->older->newer = l->newer;
    l->newer->older = l->older;
    esc_ring_init(l);
}

void esc_ring_add_newest(struct esc_link *ring, struct esc_link *l)
{
    l->older = ring->older;
    l->newer = ring;
    ring->older->newer = l;
    ring->older = l;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static struct esc_run **slot_of(struct esc_runs *r, uint64_t hash, const char *peer)
{
    struct esc_run **at = &r->table[hash % r->buckets];

    while (*at && ((*at)->hash != hash || strcmp((*at)->peer, peer) != 0))
        at = &(*at)->next;
    return at;
}

void esc_pending_free(struct esc_pending *p)
{
    if (!p)
        return;
    escertke_session_free(p->session);
    escertke_buf_free(&p->m1);
    escertke_buf_free(&p->m2);
    if (p->unsaved) {
        escertke_buf_free(&p->unsaved->m4);
        esc_release_wiped(p->unsaved, sizeof *p->unsaved);
    }
    esc_release(p);
}

void esc_run_free(struct esc_run *run)
{
    for (struct esc_pending *p = run->pending, *next; p; p = next) {
        next = p->next;
        esc_pending_free(p);
    }
    escertke_buf_free(&run->m4);
    pthread_mutex_destroy(&run->lock);
    esc_release(run->peer);
    esc_release(run);
}

static struct esc_run *run_new(const char *peer, uint64_t hash)
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
    esc_ring_init(&run->done_age);
    escertke_buf_init(&run->m4, ESCERTKE_MESSAGE_MAX);
    pthread_mutex_init(&run->lock, NULL);
    return run;
}

bool esc_runs_unhash_if_empty(struct esc_runs *r, struct esc_run *run)
{
    if (run->users || run->pending || run->done)
        return false;
    struct esc_run **at = slot_of(r, run->hash, run->peer);
    *at = run->next;
    return true;
}

void esc_runs_attach(struct esc_runs *r, struct esc_run *run, struct esc_pending *p, size_t group)
{
    p->next = run->pending;
    run->pending = p;
    run->pending_count++;
    p->group_number = group;
    r->groups[group].count++;
    esc_ring_add_newest(&r->groups[group].members, &p->group);
    esc_ring_add_newest(&r->pending, &p->age);
    r->counts.pending++;
    r->counts.octets += p->octets;
    if (p->until_ms < r->due_ms)
        r->due_ms = p->until_ms;
}

void esc_runs_detach(struct esc_runs *r, struct esc_pending *p)
{
    struct esc_pending **at = &p->run->pending;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->next = NULL;
    p->run->pending_count--;
    r->groups[p->group_number].count--;
    esc_ring_remove(&p->group);
    esc_ring_remove(&p->age);
    r->counts.pending--;
    r->counts.octets -= p->octets;
}

/* An answer is not remembered any more. Under the table's lock. */
static void forget_done(struct esc_runs *r, struct esc_run *run)
{
    if (!run->done)
        return;
    esc_ring_remove(&run->done_age);
    r->counts.done--;
    run->done = false;
}

/* One user less. Under the table's lock. @return true: the caller frees it */
static bool used_no_more(struct esc_runs *r, struct esc_run *run)
{
    run->users--;
    return esc_runs_unhash_if_empty(r, run);
}

void esc_runs_gone(struct esc_runs *r, struct esc_pending *p, escertke_event_kind why)
{
    struct esc_run *run = p->run;

    if (r->cfg.gone)
        r->cfg.gone(r->cfg.gone_ctx, why, run->peer, p->number);
    esc_pending_free(p);
    pthread_mutex_lock(&r->lock);
    bool last = used_no_more(r, run);
    pthread_mutex_unlock(&r->lock);
    if (last)
        esc_run_free(run);
}

/* ---- life of the table ------------------------------------------------------------------------------------------- */

escertke_err esc_runs_new(const struct esc_runs_config *cfg, struct esc_runs **out)
{
    struct esc_runs *r = esc_zalloc(sizeof *r);

    *out = NULL;
    if (!r)
        return ESCERTKE_ERR_NOMEM;
    r->cfg = *cfg;
    r->run_ms = cfg->grace_ms;
    r->due_ms = UINT64_MAX;
    r->buckets = cfg->max_pending < 8 ? 16 : cfg->max_pending * 2 + 1;
    r->table = esc_zalloc(r->buckets * sizeof *r->table);
    escertke_err err = r->table ? cfg->tls->random(r->key.octets, sizeof r->key.octets) : ESCERTKE_ERR_NOMEM;
    if (err != ESCERTKE_OK) {
        esc_release(r->table);
        esc_release(r);
        return err;
    }
    pthread_mutex_init(&r->lock, NULL);
    esc_ring_init(&r->pending);
    esc_ring_init(&r->done);
    for (size_t i = 0; i < GROUPS; i++)
        esc_ring_init(&r->groups[i].members);
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
            esc_run_free(run);
        }
    pthread_mutex_destroy(&r->lock);
    esc_release(r->table);
    esc_release(r);
}

/* ---- entering ---------------------------------------------------------------------------------------------------- */

static void set_locked(struct esc_runs *r, struct esc_run *run, bool locked)
{
    pthread_mutex_lock(&r->lock);
    run->locked = locked;
    pthread_mutex_unlock(&r->lock);
}

void esc_runs_resume(struct esc_runs *r, struct esc_run *run)
{
    pthread_mutex_lock(&run->lock);
    set_locked(r, run, true);
}

void esc_runs_pause(struct esc_runs *r, struct esc_run *run)
{
    set_locked(r, run, false);
    pthread_mutex_unlock(&run->lock);
}

escertke_err esc_runs_enter(struct esc_runs *r, const char *peer, struct esc_run **out)
{
    uint64_t hash = esc_hash(&r->key, escertke_span_str(peer));

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
    esc_runs_resume(r, *out);
    return ESCERTKE_OK;
}

void esc_runs_leave(struct esc_runs *r, struct esc_run *run)
{
    esc_runs_pause(r, run);
    pthread_mutex_lock(&r->lock);
    bool last = used_no_more(r, run);
    pthread_mutex_unlock(&r->lock);
    if (last)
        esc_run_free(run);
}

struct esc_pending *esc_runs_find(struct esc_run *run, const uint8_t m1_digest[32])
{
    for (struct esc_pending *p = run->pending; p; p = p->next)
        if (escertke_ct_equal(p->m1_digest, m1_digest, sizeof p->m1_digest))
            return p;
    return NULL;
}

/* ---- M3 ---------------------------------------------------------------------------------------------------------- */

void esc_runs_take(struct esc_runs *r, struct esc_pending *p)
{
    pthread_mutex_lock(&r->lock);
    esc_runs_detach(r, p);
    pthread_mutex_unlock(&r->lock);
}

/* The slowest of the last good runs, doubled; a faster one brings it down by a sixteenth of the way. */
static void note_run_time(struct esc_runs *r, const struct esc_pending *p, uint64_t now_ms)
{
    uint64_t twice_ms = now_ms > p->born_ms ? 2 * (now_ms - p->born_ms) : 0;

    if (!r->run_ms_known || twice_ms >= r->run_ms)
        r->run_ms = twice_ms;
    else
        r->run_ms -= (r->run_ms - twice_ms + 15) / 16;
    if (r->run_ms > r->cfg.grace_ms)
        r->run_ms = r->cfg.grace_ms;
    r->run_ms_known = true;
}

/* Of two equal runs one is enough: those that wait beside the one that has led to a key go (R-HS-34). */
static void drop_others(struct esc_runs *r, struct esc_run *run)
{
    for (;;) {
        pthread_mutex_lock(&r->lock);
        struct esc_pending *p = run->pending;
        if (p) {
            esc_runs_detach(r, p);
            r->counts.superseded++;
            run->users++;
        }
        pthread_mutex_unlock(&r->lock);
        if (!p)
            return;
        esc_runs_gone(r, p, ESCERTKE_EVENT_EVICTED);
    }
}

escertke_err esc_runs_succeed(struct esc_runs *r, struct esc_run *run, const struct esc_pending *p, const uint8_t m3_digest[32],
                              escertke_span m4, uint64_t now_ms, uint64_t until_ms)
{
    struct esc_run *gone = NULL;

    drop_others(r, run);
    escertke_buf_reset(&run->m4);
    escertke_err err = escertke_buf_append(&run->m4, m4.ptr, m4.len);
    memcpy(run->m3_digest, m3_digest, sizeof run->m3_digest);
    run->done_number = p->number;
    pthread_mutex_lock(&r->lock);
    note_run_time(r, p, now_ms);
    forget_done(r, run);
    if (err == ESCERTKE_OK) {
        run->done = true;
        run->done_until_ms = until_ms; /* a sweep may look at it while the run is in use */
        r->counts.done++;
        esc_ring_add_newest(&r->done, &run->done_age);
    }
    struct esc_run *oldest = ESC_OWNER(r->done.newer, struct esc_run, done_age);
    if (r->counts.done > r->cfg.max_pending && !oldest->users) {
        forget_done(r, oldest);
        gone = esc_runs_unhash_if_empty(r, oldest) ? oldest : NULL;
    }
    pthread_mutex_unlock(&r->lock);
    if (gone)
        esc_run_free(gone);
    return err;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* Under the table's lock: the next answer whose time has come. It stays while somebody uses its run. */
static bool take_old_answer(struct esc_runs *r, uint64_t now_ms, struct esc_run **empty)
{
    for (struct esc_link *l = r->done.newer; l != &r->done; l = l->newer) {
        struct esc_run *run = ESC_OWNER(l, struct esc_run, done_age);
        if (run->done_until_ms > now_ms)
            return false;
        if (run->users)
            continue;
        forget_done(r, run);
        *empty = esc_runs_unhash_if_empty(r, run) ? run : NULL;
        return true;
    }
    return false;
}

/*
 * The same of the pending handshakes, all at once: deadlines are almost, not quite, in order of age, since rqet may shorten one.
 * Looked for only when the next one is due.
 */
static struct esc_pending *take_expired(struct esc_runs *r, uint64_t now_ms)
{
    struct esc_pending *taken = NULL;

    if (now_ms < r->due_ms)
        return NULL;
    r->due_ms = UINT64_MAX;
    for (struct esc_link *l = r->pending.newer, *next; l != &r->pending; l = next) {
        struct esc_pending *p = ESC_OWNER(l, struct esc_pending, age);
        next = l->newer;
        if (p->until_ms <= now_ms && !p->run->locked) {
            esc_runs_detach(r, p);
            r->counts.expired++;
            p->run->users++;
            p->next = taken;
            taken = p;
        } else if (p->until_ms < r->due_ms) {
            r->due_ms = p->until_ms;
        }
    }
    return taken;
}

void esc_runs_tick(struct esc_runs *r, uint64_t now_ms)
{
    struct esc_run *empty;
    bool more;

    do {
        empty = NULL;
        pthread_mutex_lock(&r->lock);
        more = take_old_answer(r, now_ms, &empty);
        pthread_mutex_unlock(&r->lock);
        if (empty)
            esc_run_free(empty);
    } while (more);
    pthread_mutex_lock(&r->lock);
    struct esc_pending *expired = take_expired(r, now_ms);
    pthread_mutex_unlock(&r->lock);
    for (struct esc_pending *next; expired; expired = next) {
        next = expired->next;
        esc_runs_gone(r, expired, ESCERTKE_EVENT_EXPIRED);
    }
}

void esc_runs_get_counts(struct esc_runs *r, struct esc_runs_counts *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->counts;
    pthread_mutex_unlock(&r->lock);
}

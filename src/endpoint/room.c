/* room.c - a bounded number of pending handshakes: who may come in, and who goes for it. */
#include <string.h>

#include "base/memory.h"
#include "endpoint/table.h"

/* What a session holds beside its TLS connection, octets, about: its account of what failed most of all. */
#define SESSION_MEMORY 4096u

/* ---- who may go (under the table's lock) -------------------------------------------------------------------- */

static bool older_than(const struct esc_pending *p, uint64_t ms, uint64_t now_ms)
{
    return p && now_ms >= p->born_ms && now_ms - p->born_ms >= ms;
}

/* The oldest that nobody looks at but the newcomer himself, whose run is locked. Hardly anything is, so this ends at once. */
static struct esc_pending *oldest(const struct esc_link *ring, bool of_group, const struct esc_run *own)
{
    for (struct esc_link *l = ring->newer; l != ring; l = l->newer) {
        struct esc_pending *p = of_group ? ESC_OWNER(l, struct esc_pending, group) : ESC_OWNER(l, struct esc_pending, age);
        if (!p->run->locked || p->run == own)
            return p;
    }
    return NULL;
}

static const struct esc_group *largest_group(const struct esc_runs *r)
{
    const struct esc_group *largest = r->groups;

    for (size_t i = 1; i < GROUPS; i++)
        if (r->groups[i].count > largest->count)
            largest = &r->groups[i];
    return largest;
}

/* For one who comes into the run @p own. */
static struct esc_pending *who_goes(const struct esc_runs *r, const struct esc_run *own, uint64_t now_ms)
{
    uint32_t grace = r->cfg.grace_ms;
    struct esc_pending *marked = oldest(&r->groups[GROUP_MARKED].members, true, own);
    struct esc_pending *first = oldest(&r->pending, false, own);
    struct esc_pending *crowd = oldest(&largest_group(r)->members, true, own);

    if (older_than(marked, grace, now_ms))
        return marked;
    if (older_than(crowd, grace, now_ms))
        return crowd;
    if (older_than(first, grace, now_ms))
        return first;
    return older_than(crowd, r->run_ms, now_ms) ? crowd : NULL;
}

static bool room_for(const struct esc_runs *r, size_t octets)
{
    return r->counts.pending < r->cfg.max_pending && octets <= r->cfg.max_octets &&
           r->counts.octets <= r->cfg.max_octets - octets;
}

static size_t of_source(const struct esc_run *run, size_t source)
{
    size_t count = 0;

    for (const struct esc_pending *p = run->pending; p; p = p->next)
        count += p->source == source;
    return count;
}

/* Each source has places of its own, so that nobody who floods a From from elsewhere keeps its owner out. */
static bool source_is_full(const struct esc_runs *r, const struct esc_run *run, size_t source)
{
    return of_source(run, source) >= r->cfg.max_per_from;
}

static bool run_is_full(const struct esc_runs *r, const struct esc_run *run, size_t source)
{
    return run->pending_count / 2 >= r->cfg.max_per_from || source_is_full(r, run, source);
}

/* The one of a full run whose place a new one takes: NULL if it is young. */
static struct esc_pending *who_goes_of_run(const struct esc_runs *r, const struct esc_run *run, size_t source, uint64_t now_ms)
{
    bool own_only = source_is_full(r, run, source);
    struct esc_pending *last = NULL;

    for (struct esc_pending *p = run->pending; p; p = p->next)
        if (!own_only || p->source == source)
            last = p;
    return older_than(last, r->cfg.grace_ms, now_ms) ? last : NULL;
}

static size_t source_of(const struct esc_runs *r, escertke_span source)
{
    return source.len ? esc_hash(&r->key, source) % GROUP_UNKNOWN : GROUP_UNKNOWN;
}

/* About; what really is taken is asked again when it is known. */
static size_t octets_of(const struct esc_runs *r, const struct esc_run *run, size_t messages)
{
    return sizeof *run + sizeof(struct esc_pending) + strlen(run->peer) + messages + r->cfg.tls->conn_memory + SESSION_MEMORY;
}

escertke_err esc_runs_may_add(struct esc_runs *r, const struct esc_run *run, escertke_span source, uint64_t now_ms)
{
    size_t octets = octets_of(r, run, 0), number = source_of(r, source);

    pthread_mutex_lock(&r->lock);
    bool ok = octets <= r->cfg.max_octets && (run_is_full(r, run, number) ? who_goes_of_run(r, run, number, now_ms) != NULL
                                                                          : room_for(r, octets) || who_goes(r, run, now_ms));
    pthread_mutex_unlock(&r->lock);
    return ok ? ESCERTKE_OK : ESCERTKE_ERR_LIMIT;
}

/* ---- coming in -------------------------------------------------------------------------------------------------- */

static escertke_err copy_of(escertke_span in, escertke_buf *out)
{
    escertke_buf_init(out, in.len);
    return escertke_buf_append(out, in.ptr, in.len);
}

static struct esc_pending *pending_new(const struct esc_runs_new_pending *in, struct esc_run *run, uint64_t now_ms)
{
    struct esc_pending *p = esc_zalloc(sizeof *p);

    if (!p)
        return NULL;
    p->run = run;
    esc_ring_init(&p->age);
    esc_ring_init(&p->group);
    memcpy(p->m1_digest, in->m1_digest, sizeof p->m1_digest);
    p->born_ms = now_ms;
    p->until_ms = in->until_ms;
    if (copy_of(in->m1, &p->m1) == ESCERTKE_OK && copy_of(in->m2, &p->m2) == ESCERTKE_OK)
        return p;
    esc_pending_free(p);
    return NULL;
}

/* One step of making room: whom it costs is in @p gone. @return OK: there is room, and it is taken */
static escertke_err come_in(struct esc_runs *r, struct esc_pending *p, uint64_t now_ms, struct esc_pending **gone)
{
    escertke_err err = ESCERTKE_ERR_LIMIT;

    pthread_mutex_lock(&r->lock);
    if (run_is_full(r, p->run, p->source))
        *gone = who_goes_of_run(r, p->run, p->source, now_ms);
    else if (!room_for(r, p->octets))
        *gone = p->octets <= r->cfg.max_octets ? who_goes(r, p->run, now_ms) : NULL;
    else
        err = ESCERTKE_OK;
    if (*gone) {
        esc_runs_detach(r, *gone);
        (*gone)->run->users++; /* its name is still needed */
        r->counts.evicted++;
    }
    if (err == ESCERTKE_OK) {
        p->number = ++r->last_number;
        esc_runs_attach(r, p->run, p, p->source);
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}

escertke_err esc_runs_add(struct esc_runs *r, struct esc_run *run, const struct esc_runs_new_pending *in, uint64_t now_ms,
                          uint64_t *number)
{
    struct esc_pending *p = pending_new(in, run, now_ms), *gone;
    escertke_err err;

    if (!p)
        return ESCERTKE_ERR_NOMEM;
    p->source = source_of(r, in->source);
    p->octets = octets_of(r, run, in->m1.len + in->m2.len);
    do {
        gone = NULL;
        err = come_in(r, p, now_ms, &gone);
        if (gone)
            esc_runs_gone(r, gone, ESCERTKE_EVENT_EVICTED);
    } while (gone);
    if (err != ESCERTKE_OK) {
        esc_pending_free(p);
        return err;
    }
    p->session = in->session;
    *number = p->number;
    return ESCERTKE_OK;
}

/* ---- what is learnt ----------------------------------------------------------------------------------------------- */

void esc_runs_mark_first_to_go(struct esc_runs *r, struct esc_run *run)
{
    struct esc_group *marked = &r->groups[GROUP_MARKED];

    pthread_mutex_lock(&r->lock);
    for (struct esc_pending *p = run->pending; p; p = p->next) {
        if (p->group_number == GROUP_MARKED)
            continue;
        r->groups[p->group_number].count--;
        esc_ring_remove(&p->group);
        p->group_number = GROUP_MARKED;
        marked->count++;
        esc_ring_add_newest(&marked->members, &p->group);
    }
    pthread_mutex_unlock(&r->lock);
}

#include <escertke/keys.h>

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "keys/entry.h"
#include "keys/memory.h"

/* First entry with this ID, of any own identity: the empty own identity sorts below all that are stored. */
static struct esc_node *first_of_id(const struct esc_memory *m, const uint8_t id[ESCERTKE_KEY_ID_LEN])
{
    struct esc_node probe = { 0 };
    struct esc_node *n;

    memcpy(probe.entry.key.id, id, sizeof probe.entry.key.id);
    n = esc_node_of(esc_ordered_above(&m->order[ESC_BY_ID], &probe.link[ESC_BY_ID]), ESC_BY_ID);
    return n && memcmp(n->entry.key.id, id, ESCERTKE_KEY_ID_LEN) == 0 ? n : NULL;
}

static struct esc_node *next_of_id(const struct esc_memory *m, const struct esc_node *at)
{
    struct esc_node *n = esc_node_of(esc_ordered_above(&m->order[ESC_BY_ID], &at->link[ESC_BY_ID]), ESC_BY_ID);

    return n && memcmp(n->entry.key.id, at->entry.key.id, ESCERTKE_KEY_ID_LEN) == 0 ? n : NULL;
}

static struct esc_node *of_id_and_own(const struct esc_memory *m, const escertke_key_entry *e)
{
    struct esc_node *n = first_of_id(m, e->key.id);

    while (n && strcmp(n->entry.own, e->own) != 0)
        n = next_of_id(m, n);
    return n;
}

/* Give an end to those of the owner and the role that expire later and were not created too late. */
static void end_older(struct esc_memory *m, const escertke_key_entry *owner, struct esc_ending ending)
{
    struct esc_node probe = { .sequence = UINT64_MAX, .entry = { .usage = owner->usage, .role = ending.role } };
    struct esc_node *n, *below;

    memcpy(probe.entry.own, owner->own, sizeof probe.entry.own);
    memcpy(probe.entry.peer, owner->peer, sizeof probe.entry.peer);
    probe.entry.expires_s = INT64_MAX;
    n = esc_node_of(esc_ordered_below(&m->order[ESC_BY_END], &probe.link[ESC_BY_END]), ESC_BY_END);
    while (n && esc_compare_owner(&n->entry, &probe.entry) == 0 && n->entry.expires_s > ending.end_s) {
        below = esc_node_of(esc_ordered_below(&m->order[ESC_BY_END], &n->link[ESC_BY_END]), ESC_BY_END);
        if (n->entry.created_s <= ending.until_s)
            esc_memory_set_end(m, n, ending.end_s);
        n = below;
    }
}

/* A put adds one reply, so there is one too many at most. */
static void trim_replies(struct esc_memory *m, const escertke_key_entry *e)
{
    struct esc_node probe = { .sequence = 0 }, *oldest = NULL;
    struct esc_node *n = &probe;
    size_t count = 0;

    memcpy(probe.entry.own, e->own, sizeof probe.entry.own);
    memcpy(probe.entry.peer, e->peer, sizeof probe.entry.peer);
    while ((n = esc_node_of(esc_ordered_above(&m->order[ESC_BY_REPLY], &n->link[ESC_BY_REPLY]), ESC_BY_REPLY)) != NULL &&
           esc_compare_pair(&n->entry, e) == 0) {
        if (!oldest || n->sequence < oldest->sequence)
            oldest = n;
        count++;
    }
    if (count > ESCERTKE_REPLIES_MAX)
        esc_memory_drop_reply(m, oldest);
}

static bool copy_reply(const escertke_reply *from, escertke_reply *to)
{
    uint8_t *m4;

    *to = (escertke_reply){ 0 };
    if (!from)
        return true;
    if (!(m4 = esc_alloc(from->m4.len)))
        return false;
    memcpy(m4, from->m4.ptr, from->m4.len);
    *to = *from;
    to->m4.ptr = m4;
    return true;
}

/* The place for an entry, out of all orders: that of the entry it replaces, or a new one. */
static escertke_err make_room(struct esc_memory *m, const escertke_key_entry *e, struct esc_node **out, escertke_detail *d)
{
    struct esc_node *n = of_id_and_own(m, e);

    if (n) {
        esc_memory_link_out(m, n);
    } else {
        if (m->count >= m->max)
            esc_memory_drop_expired(m, e->created_s);
        if (m->count >= m->max)
            return esc_fail(d, ESCERTKE_ERR_LIMIT, "", "key store in memory holds %zu entries, none of them expired", m->max);
        n = esc_zalloc(sizeof *n);
        if (!n)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store entry");
    }
    *out = n;
    return ESCERTKE_OK;
}

static escertke_err put_locked(struct esc_memory *m, const escertke_key_entry *e, const escertke_put_options *o,
                               escertke_detail *d)
{
    escertke_reply reply;
    struct esc_node *n = NULL;

    if (!copy_reply(o->reply, &reply))
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store reply");
    escertke_err err = make_room(m, e, &n, d);
    if (err != ESCERTKE_OK) {
        esc_release((void *)(uintptr_t)reply.m4.ptr);
        return err;
    }
    if (o->replace)
        end_older(m, e, esc_entry_ending(e, o->overlap_s));
    n->entry = *e;
    n->reply = reply;
    esc_memory_link_in(m, n);
    if (reply.m4.ptr)
        trim_replies(m, e);
    return ESCERTKE_OK;
}

static escertke_err memory_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    static const escertke_put_options none;
    struct esc_memory *m = store;
    const char *fault = esc_put_fault(e, o);

    if (fault)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: entry refused: %s", fault);
    pthread_mutex_lock(&m->lock);
    escertke_err err = put_locked(m, e, o ? o : &none, d);
    pthread_mutex_unlock(&m->lock);
    return err;
}

static escertke_err memory_get(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out,
                               escertke_detail *d)
{
    struct esc_memory *m = store;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&m->lock);
    struct esc_node *n = first_of_id(m, id);
    while (n && n->entry.expires_s <= unix_s)
        n = next_of_id(m, n);
    if (n)
        *out = n->entry;
    pthread_mutex_unlock(&m->lock);
    return n ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no valid key with this ID");
}

/* The newest of the probe's owner and role that is valid. */
static const struct esc_node *newest_valid(const struct esc_memory *m, const struct esc_node *probe, int64_t unix_s)
{
    const struct esc_node *n = probe;

    do {
        n = esc_node_of(esc_ordered_below(&m->order[ESC_BY_PEER], &n->link[ESC_BY_PEER]), ESC_BY_PEER);
    } while (n && esc_compare_owner(&n->entry, &probe->entry) == 0 && n->entry.expires_s <= unix_s);
    return n && esc_compare_owner(&n->entry, &probe->entry) == 0 ? n : NULL;
}

static const escertke_key_entry *chosen(const struct esc_memory *m, struct esc_node *probe, int64_t unix_s)
{
    static const escertke_role roles[2] = { ESCERTKE_INITIATOR, ESCERTKE_TERMINATOR };
    const escertke_key_entry *newest[2];

    for (size_t i = 0; i < 2; i++) {
        probe->entry.role = roles[i];
        const struct esc_node *n = newest_valid(m, probe, unix_s);
        newest[i] = n ? &n->entry : NULL;
    }
    return esc_entry_choose(newest[0], newest[1]);
}

/* A probe for this pair. false = longer than any that is stored. */
static bool probe_pair(struct esc_node *probe, const char *own, const char *peer)
{
    size_t own_len = strlen(own), peer_len = strlen(peer);

    if (own_len > ESCERTKE_ID_MAX || peer_len > ESCERTKE_ID_MAX)
        return false;
    memcpy(probe->entry.own, own, own_len);
    memcpy(probe->entry.peer, peer, peer_len);
    return true;
}

static escertke_err memory_find(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                                escertke_key_entry *out, escertke_detail *d)
{
    struct esc_memory *m = store;
    struct esc_node probe = { .sequence = UINT64_MAX, .entry = { .usage = usage, .created_s = INT64_MAX } };
    const escertke_key_entry *e = NULL;

    memset(out, 0, sizeof *out);
    if (probe_pair(&probe, own, peer)) {
        pthread_mutex_lock(&m->lock);
        e = chosen(m, &probe, unix_s);
        if (e)
            *out = *e;
        pthread_mutex_unlock(&m->lock);
    }
    return e ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no valid key for %s with %s", own, peer);
}

static escertke_err memory_get_reply(void *store, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                                     escertke_buf *m4, escertke_detail *d)
{
    struct esc_memory *m = store;
    struct esc_node probe = { .sequence = UINT64_MAX };
    escertke_err err = ESCERTKE_ERR_NOT_FOUND;

    memcpy(probe.reply.m3_digest, m3_digest, sizeof probe.reply.m3_digest);
    if (probe_pair(&probe, own, peer)) {
        pthread_mutex_lock(&m->lock);
        const struct esc_node *n =
            esc_node_of(esc_ordered_below(&m->order[ESC_BY_REPLY], &probe.link[ESC_BY_REPLY]), ESC_BY_REPLY);
        if (n && esc_compare_pair(&n->entry, &probe.entry) == 0 && memcmp(n->reply.m3_digest, m3_digest, 32) == 0 &&
            n->reply.until_s > unix_s && n->entry.expires_s > unix_s)
            err = escertke_buf_append(m4, n->reply.m4.ptr, n->reply.m4.len);
        pthread_mutex_unlock(&m->lock);
    }
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "A-12", "no reply to this message: %s", escertke_err_text(err));
}

static escertke_err memory_confirm(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], const char *own, escertke_detail *d)
{
    struct esc_memory *m = store;
    struct esc_node *n;

    pthread_mutex_lock(&m->lock);
    n = first_of_id(m, id);
    while (n && strcmp(n->entry.own, own) != 0)
        n = next_of_id(m, n);
    if (n)
        n->entry.confirmed = true;
    pthread_mutex_unlock(&m->lock);
    return n ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "%s has no key with this ID", own);
}

static escertke_err memory_retire(void *store, const char *own, const char *peer, escertke_usage usage, int64_t until_s,
                                  escertke_detail *d)
{
    const struct esc_ending ending = { ESCERTKE_INITIATOR, INT64_MAX, until_s };
    struct esc_memory *m = store;
    struct esc_node probe = { .entry = { .usage = usage } };

    if (until_s < 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: an end before 1970");
    if (probe_pair(&probe, own, peer)) {
        pthread_mutex_lock(&m->lock);
        end_older(m, &probe.entry, ending);
        pthread_mutex_unlock(&m->lock);
    }
    return ESCERTKE_OK;
}

static escertke_err memory_list(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d)
{
    struct esc_memory *m = store;
    bool more = true;

    (void)d;
    pthread_mutex_lock(&m->lock);
    struct esc_node *n = esc_node_of(esc_ordered_first(&m->order[ESC_BY_CREATED]), ESC_BY_CREATED);
    while (n && more) {
        escertke_key_entry shown = n->entry;
        escertke_wipe(shown.key.key, sizeof shown.key.key);
        more = fn(ctx, &shown);
        n = esc_node_of(esc_ordered_above(&m->order[ESC_BY_CREATED], &n->link[ESC_BY_CREATED]), ESC_BY_CREATED);
    }
    pthread_mutex_unlock(&m->lock);
    return ESCERTKE_OK;
}

static escertke_err memory_remove(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], escertke_detail *d)
{
    struct esc_memory *m = store;
    bool found = false;
    struct esc_node *n;

    pthread_mutex_lock(&m->lock);
    while ((n = first_of_id(m, id)) != NULL) {
        esc_memory_drop(m, n);
        found = true;
    }
    pthread_mutex_unlock(&m->lock);
    return found ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no key with this ID");
}

static escertke_err memory_prune(void *store, int64_t unix_s, size_t *count, escertke_detail *d)
{
    struct esc_memory *m = store;

    (void)d;
    pthread_mutex_lock(&m->lock);
    size_t dropped = esc_memory_drop_expired(m, unix_s);
    esc_memory_drop_expired_replies(m, unix_s);
    pthread_mutex_unlock(&m->lock);
    if (count)
        *count = dropped;
    return ESCERTKE_OK;
}

static escertke_err memory_sweep(void *store, escertke_entry_fn fn, void *ctx, size_t *count, escertke_detail *d)
{
    struct esc_memory *m = store;
    struct esc_node *n, *next;
    size_t dropped = 0;

    (void)d;
    pthread_mutex_lock(&m->lock);
    for (n = esc_node_of(esc_ordered_first(&m->order[ESC_BY_CREATED]), ESC_BY_CREATED); n; n = next) {
        escertke_key_entry shown = n->entry;
        escertke_wipe(shown.key.key, sizeof shown.key.key);
        next = esc_node_of(esc_ordered_above(&m->order[ESC_BY_CREATED], &n->link[ESC_BY_CREATED]), ESC_BY_CREATED);
        if (fn(ctx, &shown)) {
            esc_memory_drop(m, n);
            dropped++;
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (count)
        *count = dropped;
    return ESCERTKE_OK;
}

static void memory_close(void *store)
{
    struct esc_memory *m = store;

    if (!m)
        return;
    esc_memory_drop_expired(m, INT64_MAX);
    pthread_mutex_destroy(&m->lock);
    esc_release(m);
}

static const escertke_store_ops memory_ops = {
    .name = "memory",
    .put = memory_put,
    .get = memory_get,
    .find = memory_find,
    .get_reply = memory_get_reply,
    .confirm = memory_confirm,
    .retire = memory_retire,
    .list = memory_list,
    .remove = memory_remove,
    .prune = memory_prune,
    .sweep = memory_sweep,
    .close = memory_close,
};

escertke_err escertke_store_memory(size_t max, escertke_store *out)
{
    if (!out || max == 0)
        return ESCERTKE_ERR_ARG;
    *out = (escertke_store){ 0 };
    struct esc_memory *m = esc_zalloc(sizeof *m);
    if (!m)
        return ESCERTKE_ERR_NOMEM;
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        esc_release(m);
        return ESCERTKE_ERR_NOMEM;
    }
    m->max = max;
    esc_memory_init(m);
    *out = (escertke_store){ &memory_ops, m };
    return ESCERTKE_OK;
}

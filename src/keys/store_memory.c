#include <escertke/keys.h>

#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "keys/entry.h"
#include "keys/ordered.h"

/* Every entry stands in four orders at once. */
enum { BY_ID, BY_PEER, BY_CREATED, BY_EXPIRY, ORDERS };

struct node {
    struct esc_link link[ORDERS];
    uint64_t sequence; /* of the put; tells entries of the same second apart */
    escertke_key_entry entry;
};

struct memory {
    pthread_mutex_t lock;
    struct esc_ordered order[ORDERS];
    size_t count, max;
    uint64_t sequence;
};

static struct node *node_of(const struct esc_link *link, int order)
{
    if (!link)
        return NULL;
    return (struct node *)(void *)((char *)(uintptr_t)link - offsetof(struct node, link) - (size_t)order * sizeof *link);
}

#define THREE_WAY(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_id(const struct esc_link *x, const struct esc_link *y)
{
    const escertke_key_entry *a = &node_of(x, BY_ID)->entry, *b = &node_of(y, BY_ID)->entry;
    int way = memcmp(a->key.id, b->key.id, sizeof a->key.id);

    return way ? way : strcmp(a->own, b->own);
}

static int compare_owner(const escertke_key_entry *a, const escertke_key_entry *b)
{
    int way = strcmp(a->own, b->own);

    if (!way)
        way = strcmp(a->peer, b->peer);
    return way ? way : THREE_WAY(a->usage, b->usage);
}

static int compare_time(int64_t a, int64_t b, const struct node *x, const struct node *y)
{
    return a != b ? THREE_WAY(a, b) : THREE_WAY(x->sequence, y->sequence);
}

static int compare_peer(const struct esc_link *x, const struct esc_link *y)
{
    const struct node *a = node_of(x, BY_PEER), *b = node_of(y, BY_PEER);
    int way = compare_owner(&a->entry, &b->entry);

    return way ? way : compare_time(a->entry.created_s, b->entry.created_s, a, b);
}

static int compare_created(const struct esc_link *x, const struct esc_link *y)
{
    const struct node *a = node_of(x, BY_CREATED), *b = node_of(y, BY_CREATED);

    return compare_time(a->entry.created_s, b->entry.created_s, a, b);
}

static int compare_expiry(const struct esc_link *x, const struct esc_link *y)
{
    const struct node *a = node_of(x, BY_EXPIRY), *b = node_of(y, BY_EXPIRY);

    return compare_time(a->entry.expires_s, b->entry.expires_s, a, b);
}

static const esc_compare compares[ORDERS] = { compare_id, compare_peer, compare_created, compare_expiry };

/* Spreads the sequence numbers (finalizer of a 64-bit mixer), so that no order of arrival makes a deep tree. */
static uint32_t priority_of(uint64_t n)
{
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(n >> 32);
}

static void link_in(struct memory *m, struct node *n)
{
    n->sequence = ++m->sequence;
    for (int i = 0; i < ORDERS; i++)
        esc_ordered_insert(&m->order[i], &n->link[i], priority_of(n->sequence * ORDERS + (uint64_t)i));
    m->count++;
}

static void link_out(struct memory *m, struct node *n)
{
    for (int i = 0; i < ORDERS; i++)
        esc_ordered_remove(&m->order[i], &n->link[i]);
    m->count--;
}

static void drop(struct memory *m, struct node *n)
{
    link_out(m, n);
    esc_release_wiped(n, sizeof *n);
}

static size_t drop_expired(struct memory *m, int64_t unix_s)
{
    size_t count = 0;
    struct node *n;

    while ((n = node_of(esc_ordered_first(&m->order[BY_EXPIRY]), BY_EXPIRY)) != NULL && n->entry.expires_s <= unix_s) {
        drop(m, n);
        count++;
    }
    return count;
}

/* First entry with this ID, of any own identity: the empty own identity sorts below all that are stored. */
static struct node *first_of_id(const struct memory *m, const uint8_t id[ESCERTKE_KEY_ID_LEN])
{
    struct node probe = { 0 };
    struct node *n;

    memcpy(probe.entry.key.id, id, sizeof probe.entry.key.id);
    n = node_of(esc_ordered_above(&m->order[BY_ID], &probe.link[BY_ID]), BY_ID);
    return n && memcmp(n->entry.key.id, id, ESCERTKE_KEY_ID_LEN) == 0 ? n : NULL;
}

static struct node *next_of_id(const struct memory *m, const struct node *at)
{
    struct node *n = node_of(esc_ordered_above(&m->order[BY_ID], &at->link[BY_ID]), BY_ID);

    return n && memcmp(n->entry.key.id, at->entry.key.id, ESCERTKE_KEY_ID_LEN) == 0 ? n : NULL;
}

static struct node *of_id_and_own(const struct memory *m, const escertke_key_entry *e)
{
    struct node *n = first_of_id(m, e->key.id);

    while (n && strcmp(n->entry.own, e->own) != 0)
        n = next_of_id(m, n);
    return n;
}

static escertke_err put_locked(struct memory *m, const escertke_key_entry *e, escertke_detail *d)
{
    struct node *n = of_id_and_own(m, e);

    if (n) {
        link_out(m, n);
    } else {
        if (m->count >= m->max)
            drop_expired(m, e->created_s);
        if (m->count >= m->max)
            return esc_fail(d, ESCERTKE_ERR_LIMIT, "", "key store in memory holds %zu entries, none of them expired", m->max);
        n = esc_zalloc(sizeof *n);
        if (!n)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store entry");
    }
    n->entry = *e;
    link_in(m, n);
    return ESCERTKE_OK;
}

static escertke_err memory_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    struct memory *m = store;
    const char *fault = e ? esc_entry_fault(e) : "no entry";

    (void)o;
    if (fault)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: entry refused: %s", fault);
    pthread_mutex_lock(&m->lock);
    escertke_err err = put_locked(m, e, d);
    pthread_mutex_unlock(&m->lock);
    return err;
}

static escertke_err memory_get(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out,
                               escertke_detail *d)
{
    struct memory *m = store;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&m->lock);
    struct node *n = first_of_id(m, id);
    while (n && n->entry.expires_s <= unix_s)
        n = next_of_id(m, n);
    if (n)
        *out = n->entry;
    pthread_mutex_unlock(&m->lock);
    return n ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no valid key with this ID");
}

static struct node *newest_valid(const struct memory *m, struct node *probe, int64_t unix_s)
{
    struct node *n = probe;

    do {
        n = node_of(esc_ordered_below(&m->order[BY_PEER], &n->link[BY_PEER]), BY_PEER);
    } while (n && compare_owner(&n->entry, &probe->entry) == 0 && n->entry.expires_s <= unix_s);
    return n && compare_owner(&n->entry, &probe->entry) == 0 ? n : NULL;
}

static escertke_err memory_find(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                                escertke_key_entry *out, escertke_detail *d)
{
    struct memory *m = store;
    struct node probe = { .sequence = UINT64_MAX, .entry = { .usage = usage, .created_s = INT64_MAX } };
    struct node *n = NULL;

    memset(out, 0, sizeof *out);
    if (strlen(own) < sizeof probe.entry.own && strlen(peer) < sizeof probe.entry.peer) {
        memcpy(probe.entry.own, own, strlen(own));
        memcpy(probe.entry.peer, peer, strlen(peer));
        pthread_mutex_lock(&m->lock);
        n = newest_valid(m, &probe, unix_s);
        if (n)
            *out = n->entry;
        pthread_mutex_unlock(&m->lock);
    }
    return n ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no valid key for %s with %s", own, peer);
}

static escertke_err memory_list(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d)
{
    struct memory *m = store;
    bool more = true;

    (void)d;
    pthread_mutex_lock(&m->lock);
    struct node *n = node_of(esc_ordered_first(&m->order[BY_CREATED]), BY_CREATED);
    while (n && more) {
        escertke_key_entry shown = n->entry;
        escertke_wipe(shown.key.key, sizeof shown.key.key);
        more = fn(ctx, &shown);
        n = node_of(esc_ordered_above(&m->order[BY_CREATED], &n->link[BY_CREATED]), BY_CREATED);
    }
    pthread_mutex_unlock(&m->lock);
    return ESCERTKE_OK;
}

static escertke_err memory_remove(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], escertke_detail *d)
{
    struct memory *m = store;
    bool found = false;
    struct node *n;

    pthread_mutex_lock(&m->lock);
    while ((n = first_of_id(m, id)) != NULL) {
        drop(m, n);
        found = true;
    }
    pthread_mutex_unlock(&m->lock);
    return found ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no key with this ID");
}

static escertke_err memory_prune(void *store, int64_t unix_s, size_t *count, escertke_detail *d)
{
    struct memory *m = store;

    (void)d;
    pthread_mutex_lock(&m->lock);
    size_t dropped = drop_expired(m, unix_s);
    pthread_mutex_unlock(&m->lock);
    if (count)
        *count = dropped;
    return ESCERTKE_OK;
}

static void memory_close(void *store)
{
    struct memory *m = store;

    if (!m)
        return;
    drop_expired(m, INT64_MAX);
    pthread_mutex_destroy(&m->lock);
    esc_release(m);
}

static const escertke_store_ops memory_ops = {
    .name = "memory",
    .put = memory_put,
    .get = memory_get,
    .find = memory_find,
    .list = memory_list,
    .remove = memory_remove,
    .prune = memory_prune,
    .close = memory_close,
};

escertke_err escertke_store_memory(size_t max, escertke_store *out)
{
    if (!out || max == 0)
        return ESCERTKE_ERR_ARG;
    *out = (escertke_store){ 0 };
    struct memory *m = esc_zalloc(sizeof *m);
    if (!m)
        return ESCERTKE_ERR_NOMEM;
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        esc_release(m);
        return ESCERTKE_ERR_NOMEM;
    }
    m->max = max;
    for (int i = 0; i < ORDERS; i++)
        m->order[i].compare = compares[i];
    *out = (escertke_store){ &memory_ops, m };
    return ESCERTKE_OK;
}

#include "tls/path_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

/* An entry of usual size: two certificates and the anchor. */
#define USUAL_ENTRY 2048u

struct entry {
    struct esc_cached_path path; /* first: what is lent is the entry */
    uint8_t key[32];
    int64_t from, until;         /* the times at which it counts, both included */
    struct entry *newer, *older; /* by last use */
    struct entry *next;          /* in its bucket */
    size_t size;
    unsigned lent;
    bool listed; /* false: evicted while on loan */
    uint8_t der[];
};

struct esc_path_cache {
    pthread_mutex_t lock;
    escertke_sha256_fn sha256;
    size_t max, used, index; /* octets: the bound; of all, entries on loan too; of what is there without entries */
    struct entry *newest, *oldest;
    atomic_uint holders;
    size_t bucket_count; /* a power of two */
    struct entry *buckets[];
};

/* ---- the list and the index; called with the lock held ------------------------------------------------------- */

/* The key is a digest: its first octets are as good as any hash of it. */
static struct entry **bucket_of(struct esc_path_cache *c, const uint8_t key[32])
{
    size_t hash;

    memcpy(&hash, key, sizeof hash);
    return &c->buckets[hash & (c->bucket_count - 1)];
}

static struct entry *find(struct esc_path_cache *c, const uint8_t key[32])
{
    struct entry *e = *bucket_of(c, key);

    while (e && memcmp(e->key, key, sizeof e->key) != 0)
        e = e->next;
    return e;
}

static void take_out(struct esc_path_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void put_first(struct esc_path_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void add(struct esc_path_cache *c, struct entry *e)
{
    struct entry **bucket = bucket_of(c, e->key);

    e->next = *bucket;
    *bucket = e;
    put_first(c, e);
    c->used += e->size;
    e->listed = true;
}

static void drop_if_unused(struct esc_path_cache *c, struct entry *e)
{
    if (e->listed || e->lent)
        return;
    c->used -= e->size;
    esc_release(e);
}

static void unlist(struct esc_path_cache *c, struct entry *e)
{
    struct entry **at = bucket_of(c, e->key);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    take_out(c, e);
    e->listed = false;
    drop_if_unused(c, e);
}

/* ---- what an entry is ---------------------------------------------------------------------------------------- */

/* SHA-256 over the length and the digest of each certificate. */
static bool make_key(const struct esc_path_cache *c, struct esc_path_query *q)
{
    uint8_t text[ESC_SENT_MAX][4 + 32];

    if (!q->count || q->count > ESC_SENT_MAX)
        return false;
    for (size_t i = 0; i < q->count; i++) {
        size_t len = q->sent[i].len;
        const uint8_t octets[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
        memcpy(text[i], octets, sizeof octets);
        if (len > UINT32_MAX || c->sha256(q->sent[i], text[i] + 4) != ESCERTKE_OK)
            return false;
    }
    return c->sha256((escertke_span){ text[0], q->count * sizeof text[0] }, q->key) == ESCERTKE_OK;
}

/* Narrow an entry's time to that in which this certificate is as valid, or not, as it is now. */
static bool narrow(struct entry *e, escertke_span der, int64_t unix_s)
{
    int64_t from = INT64_MIN, until = INT64_MAX;
    escertke_cert cert;

    if (escertke_cert_parse(der, &cert, NULL) != ESCERTKE_OK)
        return false;
    if (unix_s < cert.not_before) {
        until = cert.not_before - 1;
    } else if (unix_s > cert.not_after) {
        from = cert.not_after + 1;
    } else {
        from = cert.not_before;
        until = cert.not_after;
    }
    e->from = from > e->from ? from : e->from;
    e->until = until < e->until ? until : e->until;
    return true;
}

static struct entry *make_entry(const struct esc_path_query *q, const escertke_span *path, size_t count)
{
    size_t size = sizeof(struct entry);
    bool ok = true;

    for (size_t i = 0; i < count; i++)
        size += path[i].len;
    struct entry *e = esc_alloc(size);
    if (!e)
        return NULL;
    *e = (struct entry){ .path.count = count, .size = size, .from = INT64_MIN, .until = INT64_MAX };
    memcpy(e->key, q->key, sizeof e->key);
    uint8_t *to = e->der;
    for (size_t i = 0; i < count; i++) {
        memcpy(to, path[i].ptr, path[i].len);
        e->path.path[i] = (escertke_span){ to, path[i].len };
        to += path[i].len;
        ok = ok && narrow(e, path[i], q->unix_s);
    }
    for (size_t i = 0; i < q->count; i++)
        ok = ok && narrow(e, q->sent[i], q->unix_s);
    if (ok)
        return e;
    esc_release(e);
    return NULL;
}

/* ---- the interface ------------------------------------------------------------------------------------------- */

escertke_err esc_path_cache_new(size_t octets, escertke_sha256_fn sha256, struct esc_path_cache **out)
{
    size_t bucket_count = 1;

    *out = NULL;
    if (!octets)
        return ESCERTKE_OK;
    while (bucket_count <= octets / USUAL_ENTRY / 2)
        bucket_count *= 2;
    size_t size = sizeof **out + bucket_count * sizeof *(*out)->buckets;
    struct esc_path_cache *c = esc_zalloc(size);
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        esc_release(c);
        return ESCERTKE_ERR_NOMEM;
    }
    c->sha256 = sha256;
    c->max = octets;
    c->used = c->index = size;
    c->bucket_count = bucket_count;
    atomic_init(&c->holders, 1);
    *out = c;
    return ESCERTKE_OK;
}

struct esc_path_cache *esc_path_cache_hold(struct esc_path_cache *c)
{
    if (c)
        atomic_fetch_add(&c->holders, 1);
    return c;
}

void esc_path_cache_free(struct esc_path_cache *c)
{
    if (!c || atomic_fetch_sub(&c->holders, 1) != 1)
        return;
    while (c->oldest)
        unlist(c, c->oldest);
    pthread_mutex_destroy(&c->lock);
    esc_release(c);
}

const struct esc_cached_path *esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q)
{
    q->has_key = c && make_key(c, q);
    if (!q->has_key)
        return NULL;
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, q->key);
    if (e && (q->unix_s < e->from || q->unix_s > e->until)) {
        unlist(c, e);
        e = NULL;
    }
    if (e) {
        take_out(c, e);
        put_first(c, e);
        e->lent++;
    }
    pthread_mutex_unlock(&c->lock);
    return e ? &e->path : NULL;
}

void esc_path_cache_release(struct esc_path_cache *c, const struct esc_cached_path *path)
{
    struct entry *e = (struct entry *)(uintptr_t)path;

    if (!e)
        return;
    pthread_mutex_lock(&c->lock);
    e->lent--;
    drop_if_unused(c, e);
    pthread_mutex_unlock(&c->lock);
}

void esc_path_cache_put(struct esc_path_cache *c, const struct esc_path_query *q, const escertke_span *path, size_t count)
{
    struct entry *e = c && q->has_key && count <= ESC_PATH_MAX ? make_entry(q, path, count) : NULL;

    if (!e)
        return;
    pthread_mutex_lock(&c->lock);
    struct entry *same = find(c, e->key); /* another thread was faster */
    if (same)
        unlist(c, same);
    /* What is on loan leaves the list now and the memory later; if that is all there is, nothing is kept this time. */
    while (c->index + e->size <= c->max && c->used + e->size > c->max && c->oldest)
        unlist(c, c->oldest);
    bool fits = c->used + e->size <= c->max;
    if (fits)
        add(c, e);
    pthread_mutex_unlock(&c->lock);
    if (!fits)
        esc_release(e);
}

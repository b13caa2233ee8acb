#include "binding/coap_recent.h"

#include "base/memory.h"

/* EXCHANGE_LIFETIME, RFC 7252 4.8.2: so long may a copy of a message be under way. */
#define LIFETIME_MS 247000u

struct entry {
    struct esc_coap_peer peer;
    uint16_t mid;
    uint64_t at_ms;
    escertke_buf reply;
    struct entry *next; /* of the same bucket */
};

/* A ring in the order of arrival, and buckets to find an entry in. */
struct esc_coap_recent {
    struct entry *ring, **buckets;
    size_t count, first, used;
    size_t bytes, max_bytes;
};

struct esc_coap_recent *esc_coap_recent_new(size_t max_entries, size_t max_bytes)
{
    struct esc_coap_recent *r = esc_zalloc(sizeof *r);

    if (!r)
        return NULL;
    r->count = max_entries;
    r->max_bytes = max_bytes;
    r->ring = esc_zalloc(max_entries * sizeof *r->ring);
    r->buckets = esc_zalloc(max_entries * sizeof(struct entry *));
    if (r->ring && r->buckets)
        return r;
    esc_coap_recent_free(r);
    return NULL;
}

static struct entry **bucket_of(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid)
{
    return &r->buckets[(esc_coap_peer_hash(peer) ^ mid * 2654435761u) % r->count];
}

static void forget_oldest(struct esc_coap_recent *r)
{
    struct entry *e = &r->ring[r->first], **at = bucket_of(r, &e->peer, e->mid);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    r->bytes -= e->reply.len;
    escertke_buf_free(&e->reply);
    r->first = (r->first + 1) % r->count;
    r->used--;
}

void esc_coap_recent_free(struct esc_coap_recent *r)
{
    if (!r)
        return;
    while (r->used)
        forget_oldest(r);
    esc_release(r->ring);
    esc_release(r->buckets);
    esc_release(r);
}

static struct entry *find(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid)
{
    struct entry *e = *bucket_of(r, peer, mid);

    while (e && (e->mid != mid || !esc_coap_peer_same(&e->peer, peer)))
        e = e->next;
    return e;
}

enum esc_coap_met esc_coap_recent_meet(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid, uint64_t now_ms,
                                       escertke_span *reply)
{
    struct entry *e, **bucket;

    while (r->used && now_ms - r->ring[r->first].at_ms > LIFETIME_MS)
        forget_oldest(r);
    if ((e = find(r, peer, mid))) {
        *reply = escertke_buf_span(&e->reply);
        return e->reply.len ? ESC_COAP_ANSWERED : ESC_COAP_RUNNING;
    }
    if (r->used == r->count)
        forget_oldest(r);
    e = &r->ring[(r->first + r->used++) % r->count];
    bucket = bucket_of(r, peer, mid);
    *e = (struct entry){ .peer = *peer, .mid = mid, .at_ms = now_ms, .next = *bucket };
    escertke_buf_init(&e->reply, r->max_bytes);
    *bucket = e;
    return ESC_COAP_NEW;
}

void esc_coap_recent_answer(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid, escertke_span reply)
{
    struct entry *e = find(r, peer, mid);

    if (!e || e->reply.len || reply.len > r->max_bytes)
        return;
    while (r->bytes + reply.len > r->max_bytes && &r->ring[r->first] != e)
        forget_oldest(r);
    if (r->bytes + reply.len <= r->max_bytes && escertke_buf_append(&e->reply, reply.ptr, reply.len) == ESCERTKE_OK)
        r->bytes += reply.len;
}

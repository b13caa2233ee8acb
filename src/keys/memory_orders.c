/* memory_orders.c - the orders in which the entries of a store in memory stand. */
#include "keys/memory.h"

#include <string.h>

#include "base/memory.h"

struct esc_node *esc_node_of(const struct esc_link *link, int order)
{
    if (!link)
        return NULL;
    return (struct esc_node *)(void *)((char *)(uintptr_t)link - offsetof(struct esc_node, link) - (size_t)order * sizeof *link);
}

#define THREE_WAY(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_id(const struct esc_link *x, const struct esc_link *y)
{
    const escertke_key_entry *a = &esc_node_of(x, ESC_BY_ID)->entry, *b = &esc_node_of(y, ESC_BY_ID)->entry;
    int way = memcmp(a->key.id, b->key.id, sizeof a->key.id);

    return way ? way : strcmp(a->own, b->own);
}

int esc_compare_pair(const escertke_key_entry *a, const escertke_key_entry *b)
{
    int way = strcmp(a->own, b->own);

    return way ? way : strcmp(a->peer, b->peer);
}

int esc_compare_owner(const escertke_key_entry *a, const escertke_key_entry *b)
{
    int way = esc_compare_pair(a, b);

    if (!way)
        way = THREE_WAY(a->usage, b->usage);
    return way ? way : THREE_WAY(a->role, b->role);
}

static int compare_time(int64_t a, int64_t b, const struct esc_node *x, const struct esc_node *y)
{
    return a != b ? THREE_WAY(a, b) : THREE_WAY(x->sequence, y->sequence);
}

static int compare_peer(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_PEER), *b = esc_node_of(y, ESC_BY_PEER);
    int way = esc_compare_owner(&a->entry, &b->entry);

    return way ? way : compare_time(a->entry.created_s, b->entry.created_s, a, b);
}

static int compare_created(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_CREATED), *b = esc_node_of(y, ESC_BY_CREATED);

    return compare_time(a->entry.created_s, b->entry.created_s, a, b);
}

static int compare_expiry(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_EXPIRY), *b = esc_node_of(y, ESC_BY_EXPIRY);

    return compare_time(a->entry.expires_s, b->entry.expires_s, a, b);
}

static int compare_end(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_END), *b = esc_node_of(y, ESC_BY_END);
    int way = esc_compare_owner(&a->entry, &b->entry);

    return way ? way : compare_time(a->entry.expires_s, b->entry.expires_s, a, b);
}

static int compare_reply(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_REPLY), *b = esc_node_of(y, ESC_BY_REPLY);
    int way = esc_compare_pair(&a->entry, &b->entry);

    if (!way)
        way = memcmp(a->reply.m3_digest, b->reply.m3_digest, sizeof a->reply.m3_digest);
    return way ? way : THREE_WAY(a->sequence, b->sequence);
}

static int compare_reply_end(const struct esc_link *x, const struct esc_link *y)
{
    const struct esc_node *a = esc_node_of(x, ESC_BY_REPLY_END), *b = esc_node_of(y, ESC_BY_REPLY_END);

    return compare_time(a->reply.until_s, b->reply.until_s, a, b);
}

static const esc_compare compares[ESC_ORDERS] = { compare_id,  compare_peer,  compare_created,  compare_expiry,
                                                  compare_end, compare_reply, compare_reply_end };

/* Spreads the sequence numbers (finalizer of a 64-bit mixer), so that no order of arrival makes a deep tree. */
static uint32_t priority_of(uint64_t n)
{
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(n >> 32);
}

static void insert(struct esc_memory *m, struct esc_node *n, int order)
{
    esc_ordered_insert(&m->order[order], &n->link[order], priority_of(n->sequence * ESC_ORDERS + (uint64_t)order));
}

static void take_out(struct esc_memory *m, struct esc_node *n, int order)
{
    esc_ordered_remove(&m->order[order], &n->link[order]);
}

void esc_memory_link_in(struct esc_memory *m, struct esc_node *n)
{
    n->sequence = ++m->sequence;
    for (int i = 0; i < (n->reply.m4.ptr ? ESC_ORDERS : ESC_ENTRY_ORDERS); i++)
        insert(m, n, i);
    m->count++;
}

void esc_memory_drop_reply(struct esc_memory *m, struct esc_node *n)
{
    if (!n->reply.m4.ptr)
        return;
    take_out(m, n, ESC_BY_REPLY);
    take_out(m, n, ESC_BY_REPLY_END);
    esc_release((void *)(uintptr_t)n->reply.m4.ptr);
    n->reply = (escertke_reply){ 0 };
}

void esc_memory_link_out(struct esc_memory *m, struct esc_node *n)
{
    esc_memory_drop_reply(m, n);
    for (int i = 0; i < ESC_ENTRY_ORDERS; i++)
        take_out(m, n, i);
    m->count--;
}

void esc_memory_drop(struct esc_memory *m, struct esc_node *n)
{
    esc_memory_link_out(m, n);
    esc_release_wiped(n, sizeof *n);
}

size_t esc_memory_drop_expired(struct esc_memory *m, int64_t unix_s)
{
    size_t count = 0;
    struct esc_node *n;

    while ((n = esc_node_of(esc_ordered_first(&m->order[ESC_BY_EXPIRY]), ESC_BY_EXPIRY)) != NULL &&
           n->entry.expires_s <= unix_s) {
        esc_memory_drop(m, n);
        count++;
    }
    return count;
}

void esc_memory_drop_expired_replies(struct esc_memory *m, int64_t unix_s)
{
    struct esc_node *n;

    while ((n = esc_node_of(esc_ordered_first(&m->order[ESC_BY_REPLY_END]), ESC_BY_REPLY_END)) != NULL &&
           n->reply.until_s <= unix_s)
        esc_memory_drop_reply(m, n);
}

void esc_memory_set_end(struct esc_memory *m, struct esc_node *n, int64_t end_s)
{
    take_out(m, n, ESC_BY_EXPIRY);
    take_out(m, n, ESC_BY_END);
    n->entry.expires_s = end_s;
    insert(m, n, ESC_BY_EXPIRY);
    insert(m, n, ESC_BY_END);
}

void esc_memory_init(struct esc_memory *m)
{
    for (int i = 0; i < ESC_ORDERS; i++)
        m->order[i].compare = compares[i];
}

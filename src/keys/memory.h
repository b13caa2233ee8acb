/* memory.h - the store in memory: its entries, and the orders in which they stand. All with the store's lock held. */
#ifndef ESCERTKE_KEYS_MEMORY_H
#define ESCERTKE_KEYS_MEMORY_H

#include <pthread.h>

#include <escertke/keys.h>

#include "keys/ordered.h"

/** Every entry stands in the first five orders at once, one that has a reply in all. */
enum esc_order {
    ESC_BY_ID,
    ESC_BY_PEER, /* own, peer, usage, role, created_s */
    ESC_BY_CREATED,
    ESC_BY_EXPIRY,
    ESC_BY_END, /* own, peer, usage, role, expires_s: those to give an end to are the last */
    ESC_ENTRY_ORDERS,
    ESC_BY_REPLY = ESC_ENTRY_ORDERS, /* own, peer, m3_digest */
    ESC_BY_REPLY_END,
    ESC_ORDERS
};

struct esc_node {
    struct esc_link link[ESC_ORDERS];
    uint64_t sequence; /* of the put; tells entries of the same second apart */
    escertke_key_entry entry;
    escertke_reply reply; /* m4 is ours; ptr NULL = none */
};

struct esc_memory {
    pthread_mutex_t lock;
    struct esc_ordered order[ESC_ORDERS];
    size_t count, max;
    uint64_t sequence;
};

void esc_memory_init(struct esc_memory *m);
/** The node that stands in the order by this link; NULL gives NULL. */
struct esc_node *esc_node_of(const struct esc_link *link, int order);
/** Put a filled node into all its orders, as the latest. */
void esc_memory_link_in(struct esc_memory *m, struct esc_node *n);
/** Take it out of all; its reply is released. */
void esc_memory_link_out(struct esc_memory *m, struct esc_node *n);
/** Take it out, wipe and release it. */
void esc_memory_drop(struct esc_memory *m, struct esc_node *n);
/** Nothing if it has none. */
void esc_memory_drop_reply(struct esc_memory *m, struct esc_node *n);
/** @return how many */
size_t esc_memory_drop_expired(struct esc_memory *m, int64_t unix_s);
void esc_memory_drop_expired_replies(struct esc_memory *m, int64_t unix_s);
/** Change expires_s of a node that is in. */
void esc_memory_set_end(struct esc_memory *m, struct esc_node *n, int64_t end_s);

/** By own, peer; by usage and role, too. As strcmp. */
int esc_compare_pair(const escertke_key_entry *a, const escertke_key_entry *b);
int esc_compare_owner(const escertke_key_entry *a, const escertke_key_entry *b);

#endif

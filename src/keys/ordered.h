/*
 * ordered.h - an ordered set of elements that carry their own links: a treap. No allocation; one element may stand in several
 * sets by several links. Insertion, removal and search take a logarithmic number of comparisons on average.
 */
#ifndef ESCERTKE_KEYS_ORDERED_H
#define ESCERTKE_KEYS_ORDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct esc_link {
    struct esc_link *left, *right;
    uint32_t priority; /* heap order, largest on top */
};

/** Negative, zero, positive as strcmp. No two elements of one set compare equal. */
typedef int (*esc_compare)(const struct esc_link *a, const struct esc_link *b);

struct esc_ordered {
    struct esc_link *root;
    esc_compare compare;
};

/** @param priority  any number that does not follow the order of the elements */
void esc_ordered_insert(struct esc_ordered *o, struct esc_link *link, uint32_t priority);
/** The element must be in the set. */
void esc_ordered_remove(struct esc_ordered *o, struct esc_link *link);
/** Smallest element; NULL = set empty. */
struct esc_link *esc_ordered_first(const struct esc_ordered *o);
/** Smallest element greater than @p probe (which need not be in the set); NULL = none. */
struct esc_link *esc_ordered_above(const struct esc_ordered *o, const struct esc_link *probe);
/** Greatest element smaller than @p probe; NULL = none. */
struct esc_link *esc_ordered_below(const struct esc_ordered *o, const struct esc_link *probe);

#endif

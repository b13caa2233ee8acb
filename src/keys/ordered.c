#include "keys/ordered.h"

/* Depth is logarithmic with overwhelming probability, so the recursion is short. */
static struct esc_link *insert(const struct esc_ordered *o, struct esc_link *top, struct esc_link *link)
{
    struct esc_link *child;

    if (!top)
        return link;
    if (o->compare(link, top) < 0) {
        top->left = child = insert(o, top->left, link);
        if (child->priority <= top->priority)
            return top;
        top->left = child->right;
        child->right = top;
        return child;
    }
    top->right = child = insert(o, top->right, link);
    if (child->priority <= top->priority)
        return top;
    top->right = child->left;
    child->left = top;
    return child;
}

void esc_ordered_insert(struct esc_ordered *o, struct esc_link *link, uint32_t priority)
{
    *link = (struct esc_link){ .priority = priority };
    o->root = insert(o, o->root, link);
}

/* All of a is smaller than all of b. */
static struct esc_link *merge(struct esc_link *a, struct esc_link *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a->priority > b->priority) {
        a->right = merge(a->right, b);
        return a;
    }
    b->left = merge(a, b->left);
    return b;
}

void esc_ordered_remove(struct esc_ordered *o, struct esc_link *link)
{
    struct esc_link **at = &o->root;

    while (*at != link)
        at = o->compare(link, *at) < 0 ? &(*at)->left : &(*at)->right;
    *at = merge(link->left, link->right);
}

struct esc_link *esc_ordered_first(const struct esc_ordered *o)
{
    struct esc_link *at = o->root;

    while (at && at->left)
        at = at->left;
    return at;
}

struct esc_link *esc_ordered_above(const struct esc_ordered *o, const struct esc_link *probe)
{
    struct esc_link *best = NULL;

    for (struct esc_link *at = o->root; at;) {
        if (o->compare(probe, at) < 0) {
            best = at;
            at = at->left;
        } else {
            at = at->right;
        }
    }
    return best;
}

struct esc_link *esc_ordered_below(const struct esc_ordered *o, const struct esc_link *probe)
{
    struct esc_link *best = NULL;

    for (struct esc_link *at = o->root; at;) {
        if (o->compare(at, probe) < 0) {
            best = at;
            at = at->right;
        } else {
            at = at->left;
        }
    }
    return best;
}

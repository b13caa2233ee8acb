#include "mutate.h"

#include <string.h>

struct mutate_random mutate_random(unsigned int seed)
{
    return (struct mutate_random){ (uint64_t)seed * UINT64_C(0x9E3779B97F4A7C15) + 1 };
}

size_t mutate_below(struct mutate_random *r, size_t below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return below ? (size_t)((r->state >> 11) % below) : 0;
}

bool mutate_set(struct mutate_text *t, const void *octets, size_t len)
{
    if (len > MUTATE_MAX)
        return false;
    if (len)
        memmove(t->octets, octets, len);
    t->len = len;
    return true;
}

bool mutate_replace(struct mutate_text *t, size_t from, size_t to, const void *octets, size_t len)
{
    static _Thread_local uint8_t copy[MUTATE_MAX]; /* the octets may be about to move */

    if (from > to || to > t->len || len > MUTATE_MAX || t->len - (to - from) + len > MUTATE_MAX)
        return false;
    if (len)
        memcpy(copy, octets, len);
    memmove(t->octets + from + len, t->octets + to, t->len - to);
    if (len)
        memcpy(t->octets + from, copy, len);
    t->len = t->len - (to - from) + len;
    return true;
}

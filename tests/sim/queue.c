#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct sim_event *sim_event_new(enum sim_kind kind, uint64_t at_ms, unsigned who, escertke_span bytes)
{
    struct sim_event *e = malloc(sizeof *e + bytes.len);

    if (!e)
        abort();
    memset(e, 0, sizeof *e);
    e->kind = kind;
    e->at_ms = at_ms;
    e->who = who;
    e->len = bytes.len;
    if (bytes.len)
        memcpy(e->bytes, bytes.ptr, bytes.len);
    return e;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct sim_queue *q, size_t a, size_t b)
{
    struct sim_event *e = q->heap[a];

    q->heap[a] = q->heap[b];
    q->heap[b] = e;
}

void sim_queue_put(struct sim_queue *q, struct sim_event *e)
{
    if (q->count == q->room) {
        q->room = q->room ? 2 * q->room : 1024;
        q->heap = realloc(q->heap, q->room * sizeof *q->heap);
        if (!q->heap)
            abort();
    }
    e->order = q->order++;
    size_t at = q->count++;
    q->heap[at] = e;
    for (; at && before(q->heap[at], q->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(q, at, (at - 1) / 2);
}

struct sim_event *sim_queue_take(struct sim_queue *q)
{
    struct sim_event *first = q->count ? q->heap[0] : NULL;

    if (!first)
        return NULL;
    q->heap[0] = q->heap[--q->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < q->count; child++)
            if (before(q->heap[child], q->heap[least]))
                least = child;
        if (least == at)
            return first;
        swap(q, at, least);
        at = least;
    }
}

void sim_queue_free(struct sim_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        free(q->heap[i]);
    free(q->heap);
    *q = (struct sim_queue){ NULL, 0, 0, 0 };
}

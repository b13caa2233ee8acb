#include "event_book.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_FIRST 1024u

/* Where a run began. Runs are numbered 1, 2, 3...: each has its place by its number. */
struct beginning {
    uint64_t run; /* 0 = a free place */
    uint64_t at_ms;
    uint32_t m1, m2; /* octets */
};

struct event_book {
    pthread_mutex_t lock;
    struct beginning *places;
    size_t count, most; /* powers of two */
    struct event_counts counts;
};

static struct beginning *place_of(const struct event_book *b, uint64_t run)
{
    return &b->places[run & (b->count - 1)];
}

struct event_book *event_book_new(size_t most)
{
    struct event_book *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->count = b->most = PLACES_FIRST;
    while (b->most < 2 * most && b->most <= SIZE_MAX / 4)
        b->most *= 2;
    b->places = calloc(b->count, sizeof *b->places);
    if (!b->places) {
        free(b);
        return NULL;
    }
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void event_book_free(struct event_book *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    free(b->places);
    free(b);
}

/* Two that shared a place may part, and nobody who had one of his own loses it. */
static void grow(struct event_book *b)
{
    struct beginning *old = b->places, *places = calloc(2 * b->count, sizeof *places);
    size_t count = b->count;

    if (!places)
        return; /* the story of some run will lack its beginning */
    b->places = places;
    b->count *= 2;
    for (size_t i = 0; i < count; i++)
        if (old[i].run)
            *place_of(b, old[i].run) = old[i];
    free(old);
}

static void begin(struct event_book *b, const escertke_event *e, uint64_t now_ms)
{
    while (place_of(b, e->run)->run && b->count < b->most) {
        size_t before = b->count;
        grow(b);
        if (b->count == before)
            break;
    }
    *place_of(b, e->run) = (struct beginning){ e->run, now_ms, (uint32_t)e->in_len, (uint32_t)e->out_len };
}

static void add_size(struct event_story *story, size_t len)
{
    if (len && story->sizes_count < sizeof story->sizes / sizeof *story->sizes)
        story->sizes[story->sizes_count++] = len;
}

static struct event_story tell(struct event_book *b, const escertke_event *e, uint64_t now_ms)
{
    struct event_story story = { .run = e->run };
    struct beginning *place = place_of(b, e->run);

    if (e->run && place->run == e->run && e->kind != ESCERTKE_EVENT_REPLAYED) {
        story.timed = true;
        story.duration_ms = now_ms - place->at_ms;
        add_size(&story, place->m1);
        add_size(&story, place->m2);
        place->run = 0;
    }
    add_size(&story, e->in_len);
    add_size(&story, e->out_len);
    return story;
}

static void count(struct event_counts *c, const escertke_event *e, const struct event_story *story)
{
    if (e->kind == ESCERTKE_EVENT_REFUSED && (unsigned)e->detail->err < EVENT_BOOK_ERRORS)
        c->refused[e->detail->err]++;
    if (e->kind == ESCERTKE_EVENT_ESTABLISHED && story->timed) {
        c->runs++;
        c->runs_ms += story->duration_ms;
    }
}

struct event_story event_book_note(struct event_book *b, const escertke_event *e, uint64_t now_ms)
{
    struct event_story story = { .run = e->run };

    pthread_mutex_lock(&b->lock);
    if (e->kind == ESCERTKE_EVENT_PENDING)
        begin(b, e, now_ms);
    else
        story = tell(b, e, now_ms);
    count(&b->counts, e, &story);
    pthread_mutex_unlock(&b->lock);
    return story;
}

void event_book_get_counts(struct event_book *b, struct event_counts *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->counts;
    pthread_mutex_unlock(&b->lock);
}

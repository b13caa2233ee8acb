/* memory.c - the library's memory, counted, and searched for secrets when it is given back. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define SECRETS 4
#define WINDOW 12 /* octets of a secret that are looked for */

union head {
    size_t len;
    max_align_t align;
};

static size_t live, peak;
static unsigned leaks, turn;
static uint8_t secrets[SECRETS][WINDOW];

static void *watched_alloc(size_t len)
{
    union head *h = malloc(sizeof *h + len);

    if (!h)
        return NULL;
    h->len = len;
    live += len;
    peak = live > peak ? live : peak;
    return h + 1;
}

static void look(const uint8_t *at, size_t len)
{
    static const uint8_t none[WINDOW];

    for (int i = 0; i < SECRETS; i++)
        if (memcmp(secrets[i], none, WINDOW) != 0 && memmem(at, len, secrets[i], WINDOW))
            leaks++;
}

static void watched_release(void *p)
{
    union head *h = p;

    if (!p)
        return;
    h--;
    live -= h->len;
    look(p, h->len);
    free(h);
}

static void *watched_resize(void *p, size_t len)
{
    void *to = watched_alloc(len);

    if (to && p) {
        size_t old = ((union head *)p - 1)->len;
        memcpy(to, p, old < len ? old : len);
        watched_release(p);
    }
    return to;
}

void sim_memory_watch(void)
{
    static const escertke_memory memory = { watched_alloc, watched_resize, watched_release };

    escertke_memory_set(&memory);
}

size_t sim_memory_live(void)
{
    return live;
}

size_t sim_memory_peak(void)
{
    return peak;
}

void sim_memory_secret(const uint8_t *secret)
{
    memcpy(secrets[turn++ % SECRETS], secret, WINDOW);
}

unsigned sim_memory_leaks(void)
{
    return leaks;
}

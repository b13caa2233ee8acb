#include "binding/http_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include <escertke/http.h>

#include "base/memory.h"

#define LOOK_MS 1000u /* how often, unless the limit is shorter than four times that */

struct esc_watched {
    int fd;
    atomic_ullong since; /* mono_ms; 0 = not awaited */
    struct esc_watched *next, **link;
};

struct esc_watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct esc_watched *first; /* under lock, as stopping */
    uint64_t limit_ms, look_ms;
    bool stopping;
};

static void look(struct esc_watch *w)
{
    uint64_t now = escertke_system_clock(NULL).mono_ms;

    for (struct esc_watched *s = w->first; s; s = s->next) {
        uint64_t since = atomic_load(&s->since);
        if (!since || now < since || now - since < w->limit_ms)
            continue;
        shutdown(s->fd, SHUT_RDWR); /* libmicrohttpd then sees the end of the connection and closes it */
        atomic_store(&s->since, 0);
    }
}

static void *watch(void *arg)
{
    struct esc_watch *w = arg;
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        next.tv_sec += (time_t)(w->look_ms / 1000);
        next.tv_nsec += (long)(w->look_ms % 1000) * 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000;
        }
        while (!w->stopping && !pthread_cond_timedwait(&w->wake, &w->lock, &next))
            ;
        look(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

escertke_err esc_watch_start(uint64_t limit_ms, struct esc_watch **out)
{
    struct esc_watch *w = esc_zalloc(sizeof *w);
    pthread_condattr_t attr;

    if (!w)
        return ESCERTKE_ERR_NOMEM;
    w->limit_ms = limit_ms;
    w->look_ms = limit_ms / 4 < LOOK_MS ? limit_ms / 4 + 1 : LOOK_MS;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (!pthread_create(&w->thread, NULL, watch, w)) {
        *out = w;
        return ESCERTKE_OK;
    }
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    esc_release(w);
    return ESCERTKE_ERR_IO;
}

struct esc_watched *esc_watch_add(struct esc_watch *w, int fd)
{
    struct esc_watched *s = esc_zalloc(sizeof *s);

    if (!s)
        return NULL;
    s->fd = fd;
    esc_watched_begin(s);
    pthread_mutex_lock(&w->lock);
    s->next = w->first;
    s->link = &w->first;
    if (s->next)
        s->next->link = &s->next;
    w->first = s;
    pthread_mutex_unlock(&w->lock);
    return s;
}

void esc_watched_begin(struct esc_watched *s)
{
    if (s)
        atomic_store(&s->since, escertke_system_clock(NULL).mono_ms);
}

void esc_watched_pause(struct esc_watched *s)
{
    if (s)
        atomic_store(&s->since, 0);
}

void esc_watch_remove(struct esc_watch *w, struct esc_watched *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&w->lock);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    pthread_mutex_unlock(&w->lock);
    esc_release(s);
}

void esc_watch_stop(struct esc_watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    esc_release(w);
}

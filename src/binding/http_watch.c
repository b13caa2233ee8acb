#include "binding/http_watch.h"

#include <pthread.h>
#include <sys/socket.h>

#include <escertke/http.h>

#include "base/memory.h"
#include "binding/until.h"

#define LOOK_MS 1000u /* how often, unless the limit is shorter than four times that */

/* One connection. While its peer is awaited it stands in the ring, whose oldest has been awaited longest. */
struct esc_watched {
    struct esc_watch *watch;
    int fd;
    uint64_t since;                    /* mono_ms; all but watch and fd under the watch's lock */
    struct esc_watched *older, *newer; /* NULL = not in the ring */
};

struct esc_watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct esc_watched ring; /* its head: ring.newer is the oldest */
    struct esc_watch_counts counts;
    uint64_t limit_ms, look_ms;
    bool stopping;
};

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

static void leave_ring(struct esc_watched *s)
{
    if (!s->newer)
        return;
    s->older->newer = s->newer;
    s->newer->older = s->older;
    s->older = s->newer = NULL;
}

static void enter_ring(struct esc_watched *s)
{
    struct esc_watched *head = &s->watch->ring;

    leave_ring(s);
    s->since = now_ms();
    s->older = head->older;
    s->newer = head;
    head->older->newer = s;
    head->older = s;
}

/* End the connection awaited longest, if that is at_least_ms. libmicrohttpd then sees its end and closes it. */
static bool end_oldest(struct esc_watch *w, uint64_t now, uint64_t at_least_ms)
{
    struct esc_watched *oldest = w->ring.newer;

    if (oldest == &w->ring || now < oldest->since || now - oldest->since < at_least_ms)
        return false;
    shutdown(oldest->fd, SHUT_RDWR);
    leave_ring(oldest);
    return true;
}

static void look(struct esc_watch *w)
{
    uint64_t now = now_ms();

    while (end_oldest(w, now, w->limit_ms))
        w->counts.slow++;
}

static void *watch(void *arg)
{
    struct esc_watch *w = arg;
    uint64_t next_ms = escertke_system_clock(NULL).mono_ms;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        next_ms += w->look_ms;
        while (!w->stopping && !esc_until_wait(&w->wake, &w->lock, next_ms))
            ;
        look(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

escertke_err esc_watch_start(uint64_t limit_ms, struct esc_watch **out)
{
    struct esc_watch *w = esc_zalloc(sizeof *w);

    if (!w)
        return ESCERTKE_ERR_NOMEM;
    w->ring.older = w->ring.newer = &w->ring;
    w->limit_ms = limit_ms;
    w->look_ms = limit_ms / 4 < LOOK_MS ? limit_ms / 4 + 1 : LOOK_MS;
    pthread_mutex_init(&w->lock, NULL);
    esc_until_init(&w->wake);
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

    pthread_mutex_lock(&w->lock);
    w->counts.seen++;
    if (s) {
        s->watch = w;
        s->fd = fd;
        enter_ring(s);
        w->counts.now++;
    }
    pthread_mutex_unlock(&w->lock);
    return s;
}

void esc_watched_begin(struct esc_watched *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->watch->lock);
    enter_ring(s);
    pthread_mutex_unlock(&s->watch->lock);
}

void esc_watched_pause(struct esc_watched *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->watch->lock);
    leave_ring(s);
    pthread_mutex_unlock(&s->watch->lock);
}

void esc_watch_remove(struct esc_watch *w, struct esc_watched *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&w->lock);
    leave_ring(s);
    w->counts.now--;
    pthread_mutex_unlock(&w->lock);
    esc_release(s);
}

unsigned esc_watch_make_room(struct esc_watch *w, unsigned most, uint64_t grace_ms)
{
    uint64_t now = now_ms();
    unsigned count = 0;

    pthread_mutex_lock(&w->lock);
    while (count < most && end_oldest(w, now, grace_ms))
        count++;
    w->counts.crowded += count;
    pthread_mutex_unlock(&w->lock);
    return count;
}

void esc_watch_get_counts(struct esc_watch *w, struct esc_watch_counts *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->counts;
    pthread_mutex_unlock(&w->lock);
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

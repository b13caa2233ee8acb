#include "binding/http_workers.h"

#include <pthread.h>

#include "base/memory.h"

struct esc_workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    void (*run)(void *job);
    pthread_t *threads;
    unsigned count;
    void **queue; /* ring */
    size_t capacity, first, used;
    bool stopping;
};

static void *take(struct esc_workers *w)
{
    void *job = w->queue[w->first];

    w->first = (w->first + 1) % w->capacity;
    w->used--;
    return job;
}

static void *work(void *arg)
{
    struct esc_workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->used && !w->stopping)
            pthread_cond_wait(&w->wake, &w->lock);
        if (w->stopping)
            break;
        void *job = take(w);
        pthread_mutex_unlock(&w->lock);
        w->run(job);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

escertke_err esc_workers_start(unsigned threads, size_t capacity, void (*run)(void *job), struct esc_workers **out)
{
    struct esc_workers *w = esc_zalloc(sizeof *w);

    if (!w)
        return ESCERTKE_ERR_NOMEM;
    w->run = run;
    w->capacity = capacity;
    w->queue = esc_alloc(capacity * sizeof *w->queue);
    w->threads = esc_alloc(threads * sizeof *w->threads);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    while (w->queue && w->threads && w->count < threads && !pthread_create(&w->threads[w->count], NULL, work, w))
        w->count++;
    if (w->count == threads) {
        *out = w;
        return ESCERTKE_OK;
    }
    escertke_err err = w->queue && w->threads ? ESCERTKE_ERR_IO : ESCERTKE_ERR_NOMEM;
    esc_workers_stop(w, NULL); /* nothing has been offered */
    esc_workers_free(w);
    return err;
}

bool esc_workers_offer(struct esc_workers *w, void *job)
{
    bool taken;

    pthread_mutex_lock(&w->lock);
    taken = !w->stopping && w->used < w->capacity;
    if (taken)
        w->queue[(w->first + w->used++) % w->capacity] = job;
    pthread_mutex_unlock(&w->lock);
    if (taken)
        pthread_cond_signal(&w->wake); /* after that: who wakes up finds the lock free */
    return taken;
}

void esc_workers_stop(struct esc_workers *w, void (*drop)(void *job))
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    while (drop && w->used) {
        void *job = take(w);
        pthread_mutex_unlock(&w->lock);
        drop(job);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->threads[i], NULL);
    w->count = 0;
}

void esc_workers_free(struct esc_workers *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    esc_release(w->threads);
    esc_release(w->queue);
    esc_release(w);
}

/* http_workers.h - a fixed number of threads behind a bounded queue. */
#ifndef ESCERTKE_BINDING_HTTP_WORKERS_H
#define ESCERTKE_BINDING_HTTP_WORKERS_H

#include <escertke/base.h>

struct esc_workers;

/** @param run  called in a worker thread for each job. @return OK, NOMEM, IO (no thread) */
escertke_err esc_workers_start(unsigned threads, size_t capacity, void (*run)(void *job), struct esc_workers **out);
/** Thread-safe. @return false when the queue is full or stopped; the job stays the caller's */
bool esc_workers_offer(struct esc_workers *w, void *job);
/** Call drop for what is queued, wait for what runs, end the threads. Later offers are refused. */
void esc_workers_stop(struct esc_workers *w, void (*drop)(void *job));
/** Release after esc_workers_stop(), when nobody offers any more. NULL allowed. */
void esc_workers_free(struct esc_workers *w);

#endif

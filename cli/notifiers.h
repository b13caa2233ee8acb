/* notifiers.h - the threads in which a relay sends its notifications. */
#ifndef ESCERTKE_CLI_NOTIFIERS_H
#define ESCERTKE_CLI_NOTIFIERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/cse.h"

enum { NOTIFIERS = 4 };

struct notifiers {
    struct esc_cse *cse;
    pthread_t threads[NOTIFIERS];
    unsigned count;
    atomic_bool stop; /* for the patience of what they send, too */
};

/** @return OK, IO (no thread; detail says so); notifiers_stop() in any case */
escertke_err notifiers_start(struct notifiers *n, struct esc_cse *cse, escertke_detail *d);
/** Is this thread one of them? Then what it sends ends with @p n->stop. */
bool notifiers_is_self(const struct notifiers *n);
/** After esc_cse_stop(); waits for the threads. Zeroed memory is allowed. */
void notifiers_stop(struct notifiers *n);

#endif

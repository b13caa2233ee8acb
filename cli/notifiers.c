/* notifiers.c - notifications go out in a few threads of their own, so that whoever writes does not wait for who reads. */
#include "notifiers.h"

#include <escertke/binding.h>

#include "base/fail.h"

enum { LOOK_EVERY_MS = 500 };

static _Thread_local const struct notifiers *working_for; /* whose thread this is */

bool notifiers_is_self(const struct notifiers *n)
{
    return working_for == n;
}

static void *work(void *arg)
{
    struct notifiers *n = arg;

    working_for = n;
    while (!atomic_load(&n->stop)) {
        if (!esc_cse_send_due(n->cse, escertke_system_clock(NULL)))
            esc_cse_wait_due(n->cse, LOOK_EVERY_MS);
    }
    return NULL;
}

escertke_err notifiers_start(struct notifiers *n, struct esc_cse *cse, escertke_detail *d)
{
    n->cse = cse;
    while (n->count < NOTIFIERS) {
        if (pthread_create(&n->threads[n->count], NULL, work, n))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "no thread for notifications");
        n->count++;
    }
    return ESCERTKE_OK;
}

void notifiers_stop(struct notifiers *n)
{
    atomic_store(&n->stop, true);
    while (n->count)
        pthread_join(n->threads[--n->count], NULL);
}

#include "binding/until.h"

#include <time.h>

void esc_until_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

int esc_until_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t mono_ms)
{
    const struct timespec end = { .tv_sec = (time_t)(mono_ms / 1000), .tv_nsec = (long)(mono_ms % 1000) * 1000000 };

    return pthread_cond_timedwait(cond, lock, &end);
}

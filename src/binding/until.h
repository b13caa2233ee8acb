/* until.h - waiting on a condition until a time of the monotonic clock, which nobody sets: escertke_system_clock's mono_ms. */
#ifndef ESCERTKE_BINDING_UNTIL_H
#define ESCERTKE_BINDING_UNTIL_H

#include <pthread.h>
#include <stdint.h>

/** A condition that esc_until_wait can wait on; ended by pthread_cond_destroy. */
void esc_until_init(pthread_cond_t *cond);
/** pthread_cond_timedwait. @return 0, ETIMEDOUT */
int esc_until_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t mono_ms);

#endif

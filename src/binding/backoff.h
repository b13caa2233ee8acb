/* backoff.h - how long to wait before trying again: longer each time, and not all at once. */
#ifndef ESCERTKE_BINDING_BACKOFF_H
#define ESCERTKE_BINDING_BACKOFF_H

#include <stdint.h>

/** wait_ms is 0 at first. */
struct esc_backoff {
    uint32_t first_ms, most_ms, wait_ms;
};

/** The next wait, by chance between half of it and the whole; the one after that is twice as long, at most most_ms. */
uint32_t esc_backoff_next(struct esc_backoff *b);
/** It went well: begin with first_ms again. */
void esc_backoff_reset(struct esc_backoff *b);

#endif

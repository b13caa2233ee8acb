/* patience.h - how long one exchange may take, and who may end it sooner. */
#ifndef ESCERTKE_BINDING_PATIENCE_H
#define ESCERTKE_BINDING_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Zeroed: the client's own timeout, and nobody ends it. */
struct esc_patience {
    uint32_t timeout_ms; /* 0 = the client's timeout, or the request's rqet if that is sooner; else this alone: who asks with a
                            rqet and waits longer than that hears what the other end says then (long polls) */
    const atomic_bool *stop; /* true: give up within a second, UNREACHABLE; NULL = never */
};

/** How often a stop is looked for. */
#define ESC_PATIENCE_LOOK_MS 200u

static inline bool esc_patience_ended(const struct esc_patience *p)
{
    return p && p->stop && atomic_load(p->stop);
}

/** The next time at which to look whether it is to end: @p until_ms, or sooner. Monotonic, as now_ms. */
static inline uint64_t esc_patience_next(const struct esc_patience *p, uint64_t now_ms, uint64_t until_ms)
{
    return p && p->stop && until_ms > now_ms + ESC_PATIENCE_LOOK_MS ? now_ms + ESC_PATIENCE_LOOK_MS : until_ms;
}

#endif

/*
 * escertke/polling.h - an end-point that cannot be called: it makes a <pollingChannel> at its registrar CSE, fetches the requests
 * for it by long polls, and answers them through the same channel (TS-0001 10.2.5.12...19, TS-0004 7.4.21...22).
 */
#ifndef ESCERTKE_POLLING_H
#define ESCERTKE_POLLING_H

#include <escertke/base.h>
#include <escertke/binding.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct escertke_polling escertke_polling;

/**
 * Send one request to the registrar and wait for its response, at most @p timeout_ms whatever its rqet says: a poll is answered
 * when its rqet has passed. Called from several threads at once. @return OK (any RSC), or what went wrong, with @p d
 */
typedef escertke_err (*escertke_polling_send_fn)(void *ctx, const escertke_primitive *req, uint32_t timeout_ms,
                                                 escertke_primitive *rsp, escertke_detail *d);

/** Strings are copied; what the pointers to functions need outlives the channel. */
typedef struct escertke_polling_config {
    const char *entity;     /* address of the own <AE> or <remoteCSE>, SP-relative or Absolute: "/in1/Cmeter" */
    const char *from;       /* its From: AE-ID-Stem or SP-relative CSE-ID */
    escertke_format format; /* of what is sent; 0 = JSON */
    uint32_t poll_ms;       /* how long the CSE may keep one poll, 1,000 to 3,600,000; 0 = 30,000 */
    unsigned workers;       /* requests that are answered at once, at most 16; 0 = 4 */
    escertke_polling_send_fn send;
    void (*interrupt)(void *ctx); /* what is being sent is to end soon; NULL: escertke_polling_stop() waits for it */
    void *send_ctx;
    escertke_handler_fn handler; /* as for any listener */
    void *handler_ctx;
    /** The channel is there (with the address that is polled), or is not, and why; in a thread of its own. NULL allowed */
    void (*on_state)(void *ctx, bool up, const char *address, const escertke_detail *why);
    void *state_ctx;
    escertke_log log;
} escertke_polling_config;

typedef struct escertke_polling_stats {
    uint64_t polls;     /* answered */
    uint64_t requests;  /* that came */
    uint64_t repeats;   /* of these, while the same one was being answered: left out */
    uint64_t malformed; /* answers to polls that are no requests */
    uint64_t answered;  /* responses that the CSE took */
    uint64_t lost;      /* responses that it did not take */
    uint64_t channels;  /* made or found */
    bool up;
} escertke_polling_stats;

/**
 * Begin: make the channel, or take the one that is there, and poll. What goes wrong is tried again, after longer and longer waits
 * up to half a minute; a channel that has gone is made anew. One poll at a time; as many requests as there are workers are
 * answered at once, and twice as many may wait, before it polls again.
 * @return OK, ARG, NOMEM, IO (no thread)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_polling_start(const escertke_polling_config *cfg, escertke_polling **out,
                                                                  escertke_detail *d);
/** Do not wait any longer before the next try. Thread-safe. */
ESCERTKE_API void escertke_polling_retry(escertke_polling *p);
/** Counters since the start. Thread-safe. */
ESCERTKE_API void escertke_polling_get_stats(escertke_polling *p, escertke_polling_stats *out);
/** End, as soon as what is being sent ends; requests that wait are left out. The channel stays. NULL allowed. */
ESCERTKE_API void escertke_polling_stop(escertke_polling *p);

#ifdef __cplusplus
}
#endif
#endif

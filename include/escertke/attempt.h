/*
 * escertke/attempt.h - an initiating end-point on a network that loses: what to send, what to repeat, how long to wait, when to
 * begin anew and when to give up. A value like the others: no sockets, no clock, no sleep.
 *
 *     escertke_attempt_new(&identity, to, NULL, now, &a, &d);
 *     for (;;) {
 *         escertke_attempt_next(a, now, &todo);
 *         SEND: send todo.message in a NOTIFY with a request identifier of its own; then _answered, or _unanswered
 *         WAIT: come again at todo.at_ms
 *         DONE: escertke_attempt_entry        FAILED: escertke_attempt_detail
 *     }
 */
#ifndef ESCERTKE_ATTEMPT_H
#define ESCERTKE_ATTEMPT_H

#include <escertke/endpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct escertke_attempt escertke_attempt;

/** All times in milliseconds; 0 = default. */
typedef struct escertke_attempt_params {
    uint32_t run_ms;     /* one run, M1 to M4: 60,000 */
    uint32_t give_up_ms; /* the whole attempt: after that nothing is sent any more; 180,000 */
    uint32_t first_ms;   /* wait before the first repetition of a message: 1,000; each further one is twice as long */
    uint32_t most_ms;    /* longest wait: 16,000 */
    unsigned repeats;    /* how often one message is sent again at most: 3 */
    unsigned runs;       /* runs begun at most: 4 */
    bool once;           /* one run, and nothing is repeated in it */
} escertke_attempt_params;

typedef enum escertke_todo_kind {
    ESCERTKE_TODO_SEND = 1,
    ESCERTKE_TODO_WAIT,
    ESCERTKE_TODO_DONE,  /* the key is stored: see escertke_attempt_entry */
    ESCERTKE_TODO_FAILED /* given up: see escertke_attempt_detail */
} escertke_todo_kind;

typedef struct escertke_todo {
    escertke_todo_kind kind;
    int number;            /* SEND: 1 = M1, 3 = M3, 0 = an alert that tells the peer why there will be no M3 (R-PR-40) */
    escertke_span message; /* SEND: valid until the next call on the attempt */
    uint64_t at_ms;        /* WAIT: monotonic time at which there is something to do */
} escertke_todo;

/**
 * New attempt towards @p to (Absolute ID). What @p identity points to outlives it.
 * @param params  copied; NULL = defaults
 * @return as escertke_initiator_new
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_attempt_new(const escertke_identity *identity, const char *to,
                                                                const escertke_attempt_params *params, escertke_now now,
                                                                escertke_attempt **out, escertke_detail *d);
/**
 * What is to be done now. After SEND the same message is not given again before _answered or _unanswered.
 *
 * A message that is not answered is repeated octet by octet, after a wait that doubles and of which up to a half is left out at
 * random; when it has been repeated often enough, the attempt is given up. A new run is begun when the old one has ended in a way
 * that another may mend: its time is over, the peer knows nothing of it (it was restarted), or what came was damaged on the way.
 */
ESCERTKE_API void escertke_attempt_next(escertke_attempt *a, escertke_now now, escertke_todo *todo);
/** 2000 with this content (M2, M4) came in answer to the message of the last SEND. Ignored for number 0. */
ESCERTKE_API void escertke_attempt_answered(escertke_attempt *a, escertke_span answer, escertke_now now);
/**
 * No answer, or another one. Ignored for number 0.
 * @param err  what happened, with @p detail (NULL allowed) for rsc and alert. UNREACHABLE, DEADLINE, RSC with 5000, and what
 *             cannot be read as a response (RQI, JSON, PRIMITIVE, SECINFO, BASE64, HTTP, COAP, TOO_LARGE): the message is repeated. RSC
 *             with 4000, with 4102 unless the alert says that there is nothing in common, and REFUSED_AUTH with the alert
 *             decrypt_error: a new run. Everything else is final.
 */
ESCERTKE_API void escertke_attempt_unanswered(escertke_attempt *a, escertke_err err, const escertke_detail *detail,
                                              escertke_now now);
/** The stored entry, once DONE, key octets included: wipe it. @return OK, STATE */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_attempt_entry(const escertke_attempt *a, escertke_key_entry *out);
/** Why it failed: of the last run, or of what was final. err OK while nothing failed. Valid until free. */
ESCERTKE_API const escertke_detail *escertke_attempt_detail(const escertke_attempt *a);
/** Messages sent so far, repetitions included, and runs begun. */
ESCERTKE_API void escertke_attempt_effort(const escertke_attempt *a, unsigned *messages, unsigned *runs);
/** A run that is not complete ends without a key. NULL allowed. */
ESCERTKE_API void escertke_attempt_free(escertke_attempt *a);

#ifdef __cplusplus
}
#endif
#endif

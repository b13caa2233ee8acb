/*
 * register_keep.h - a registration that is kept up: made when the CSE can be reached, looked at now and then, made again when the
 * CSE has forgotten it. In a thread of its own, so that a CSE that does not answer keeps nobody waiting.
 */
#ifndef ESCERTKE_CLI_REGISTER_KEEP_H
#define ESCERTKE_CLI_REGISTER_KEEP_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime.h"

/** What is kept, and how. The functions are called in the keeper's thread; errors of the network are passing ones. */
struct register_kept {
    const char *address, *url;                                             /* what is registered where, for words */
    escertke_err (*make)(void *ctx, escertke_now now, escertke_detail *d); /* says what it made */
    /** Why it is to be made again, in words, "" = it is there; and the seconds until the next look, 0 = look_s */
    escertke_err (*look)(void *ctx, escertke_now now, char *lost, size_t cap, unsigned *next_s, escertke_detail *d);
    escertke_err (*undo)(void *ctx, escertke_detail *d); /* NULL: never asked for; in the thread of register_keep_stop() */
    void *ctx;
    unsigned look_s; /* seconds between two looks */
};

/** Zeroed at first. */
struct register_keep {
    struct register_kept what;
    atomic_bool registered; /* as far as is known; may be read at any time */
    atomic_bool stop;       /* for the patience of what make and look send */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool started, halted, hurry; /* hurry, failed, err, d: under lock */
    bool was_registered;
    bool failed; /* a refusal before the first success */
    escertke_err err;
    escertke_detail d;
    struct runtime_retry retry;
};

/** @return OK, NOMEM (no thread) */
ESCERTKE_CHECKED escertke_err register_keep_start(struct register_keep *k, const struct register_kept *what, escertke_detail *d);
/** Somebody has reason to believe that the CSE has forgotten us: look now. Thread-safe. */
void register_keep_hurry(struct register_keep *k);
/** Is this the keeper's own thread? */
bool register_keep_is_self(const struct register_keep *k);
/** Has the CSE refused before it ever took us? The process then gets a SIGTERM. @return OK, or why, with @p d */
ESCERTKE_CHECKED escertke_err register_keep_failed(struct register_keep *k, escertke_detail *d);
/** The first half of register_keep_stop(): none of the functions is called any more but undo. Not started: nothing to do. */
void register_keep_halt(struct register_keep *k);
/** Within a second. With @p undo what was registered is then undone, and that is said, or why not. Not started: nothing to do. */
void register_keep_stop(struct register_keep *k, bool undo);

#endif

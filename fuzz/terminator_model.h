/*
 * terminator_model.h - what a Terminating End-Point may do, told by its events and answers: which handshakes are pending and why
 * each of them ends, and what the genuine runs may expect. Ends the program at the first thing that must not be.
 */
#ifndef FUZZ_TERMINATOR_MODEL_H
#define FUZZ_TERMINATOR_MODEL_H

#include "world.h"

enum { MODEL_RUNS = 6, MODEL_MESSAGE_MAX = 2048 };

struct model_message {
    uint8_t octets[MODEL_MESSAGE_MAX];
    size_t len;
};

/** A run of an initiator that means well. */
struct model_run {
    escertke_session *session; /* NULL = there is no such run */
    enum world_party who;
    bool touched;    /* M1 was changed on its way: nothing is promised */
    bool shaken;     /* the store has failed at its M3: the same */
    bool done;       /* the key is there, at both ends */
    uint64_t number; /* at the Terminating End-Point; 0 = not pending there, and never has been since its start */
    uint64_t done_ms;
    int64_t done_s;
    struct model_message m1, m3, m4;
};

struct model;

/** @param limits  bits: 0 rates, 1 few places, 2 few places per From, 3 few octets, 4 peer rules, 5 short deadlines */
struct model *model_open(uint8_t limits);
void model_close(struct model *m);

escertke_span model_span(const struct model_message *message);
/** Session and M1 of a new run; NULL if there are enough. */
struct model_run *model_new_run(struct model *m, enum world_party who);
/** Run by number, as it was begun; NULL = not yet. */
struct model_run *model_run(struct model *m, unsigned number);
/** A message that was sent before, by whomever; empty if there is none. */
escertke_span model_kept(const struct model *m, unsigned number);

/** Deliver, and look at all that comes of it. @param source  outlives the model  @param a  to be cleared */
void model_deliver(struct model *m, const char *from, escertke_span message, escertke_span source, escertke_answer *a);
/** The answer to a run's M1 reaches its initiator, which makes M3 of it. */
void model_take_m2(struct model *m, struct model_run *run, const escertke_answer *a);
void model_pass(struct model *m, uint8_t how_long);
void model_tick(struct model *m);
/** The process ends and is started again: what was pending is gone, what is in the store is there. */
void model_restart(struct model *m);
/** So many of the next keys are not stored. */
void model_let_store_fail(struct model *m, unsigned times);
/** Bounds and counters. */
void model_check(struct model *m);

#endif

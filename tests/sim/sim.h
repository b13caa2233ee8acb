/*
 * sim.h - a world in one thread: end-points, a wire that does everything to their messages but deliver them, somebody who attacks, a
 * clock that jumps. What happens follows from the seed alone. The end-points are the library's own; see main.c for what is checked.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <escertke/escertke.h>

#include "toy.h"

/** Faults that are planted to see that the checks see them. */
enum sim_plant { NO_PLANT, LOSE_PUT, OTHER_KEY, ANY_SIGNATURE, LEAVE_KEY, CONFIRM, JUDGE_LATE, FORGET_REPLY, PLANTS };

struct sim_options {
    uint64_t seed;
    uint64_t events;        /* stop after so many; 0 = after hours */
    double hours;           /* of simulated time; 0 = after events */
    unsigned end_points;    /* initiators */
    unsigned terminators;
    unsigned every_s;       /* an initiator wants a new key about so often */
    unsigned loss_percent;  /* in calm times */
    bool only_calm;         /* no storms and no attacks, but restarts */
    bool flood;             /* attacks go on all the time, with a From of their own each */
    bool verbose;
    enum sim_plant plant; /* a fault that must be found */
};

/* ---- queue.c ------------------------------------------------------------------------------------------------------------- */

enum sim_kind { SIM_WAKE, SIM_TIMEOUT, SIM_REQUEST, SIM_RESPONSE, SIM_TICK, SIM_ATTACK, SIM_CRASH, SIM_PHASE };

/** A message on the wire, or something that is due. Freed by whoever takes it. */
struct sim_event {
    uint64_t at_ms, order;
    enum sim_kind kind;
    unsigned who;    /* initiator or terminator that it concerns */
    unsigned peer;   /* the other one */
    uint64_t serial; /* of the exchange: requests and responses carry it, as rqi does */
    int rsc;         /* RESPONSE */
    int number;      /* REQUEST: 1, 3, 0 = an alert; for the log */
    bool forged;     /* by the attacker: no response goes to the one in whose name it is */
    bool other_source;
    char from[TOY_ID_LEN + 1];
    size_t len;
    uint8_t bytes[];
};

struct sim_queue {
    struct sim_event **heap;
    size_t count, room;
    uint64_t order;
};

struct sim_event *sim_event_new(enum sim_kind kind, uint64_t at_ms, unsigned who, escertke_span bytes);
void sim_queue_put(struct sim_queue *q, struct sim_event *e);
/** The earliest; of equal ones the one put first. NULL = empty. */
struct sim_event *sim_queue_take(struct sim_queue *q);
void sim_queue_free(struct sim_queue *q);

/* ---- memory.c: what the library holds, and what it leaves behind ------------------------------------------------------- */

void sim_memory_watch(void);
size_t sim_memory_live(void);
size_t sim_memory_peak(void);
/** A secret: from now on no block that is released may contain its first octets. The latest few are looked for. */
void sim_memory_secret(const uint8_t *secret);
/** What was found in a released block; 0 = nothing so far. */
unsigned sim_memory_leaks(void);

/* ---- world.c ------------------------------------------------------------------------------------------------------------- */

#define SIM_SENT 8 /* M3 of an initiator that are remembered */

struct sim_initiator {
    char id[TOY_ID_LEN + 1];
    void *credential;
    escertke_store store;
    escertke_attempt *attempt; /* NULL = at rest */
    unsigned peer;
    uint64_t serial; /* of the exchange that is waited for; 0 = none */
    int number;
    bool must_succeed;
    uint8_t sent[SIM_SENT][32]; /* digests of M3 */
    unsigned sent_count;
};

struct sim_terminator {
    char id[TOY_ID_LEN + 1];
    void *credential;
    escertke_store store;      /* its disk: a restart leaves it */
    escertke_store_ops ops;    /* the store's, with a crash in it now and then */
    escertke_store crashing;   /* the same store by these */
    escertke_terminator *t;    /* NULL = down */
    int crash_at_put; /* 1: before the next put, 2: behind it; 0 = not */
    bool crashed;
    uint8_t m3[32]; /* digest of what is being answered */
};

enum sim_phase { CALM, STORM, ATTACK, BOTH, PHASES };

struct sim_wire {
    unsigned loss, repeat, damage, cut; /* of 1000 */
    unsigned delay_ms;
    bool crashes;
    unsigned attack_ms; /* about so often; 0 = never */
};

struct sim_counts {
    uint64_t events, attempts, established, given_up, restarts, forged, refused, limited;
    uint64_t found_again; /* M4 that were repeated after a restart */
    uint64_t orphans;     /* keys at terminators that no initiator holds, at the end */
};

struct sim {
    struct sim_options o;
    struct sim_queue queue;
    escertke_now now;
    struct sim_initiator *initiators;
    struct sim_terminator *terminators;
    uint64_t serial;
    enum sim_phase phase;
    struct sim_wire wire;
    uint64_t phase_began_ms;
    struct sim_counts counts;
    struct sim_keys *keys; /* key by identifier, of all ends */
    struct sim_attacker *attacker;
    char **trace; /* the last lines; a ring */
    size_t trace_count;
    bool failed;
};

bool sim_open(struct sim *s, const struct sim_options *o);
void sim_close(struct sim *s);
/** One event. @return false: it is over, or an invariant is broken (s->failed) */
bool sim_step(struct sim *s);
/** Nothing is sent any more: what remains must pass. @return false: an invariant is broken */
bool sim_settle(struct sim *s);

void sim_note(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** An invariant is broken: said with seed and event, and with what came before. */
void sim_broken(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** About one in so many times. */
bool sim_chance(unsigned of_thousand);
unsigned sim_below(unsigned limit);
/** Put a request on the wire towards a terminator; the wire does with it what it does. */
void sim_send(struct sim *s, struct sim_event *e);

/* ---- attack.c ------------------------------------------------------------------------------------------------------------- */

/** One attack on somebody. */
void sim_attack(struct sim *s);
/** The attacker reads all that goes by. */
void sim_attacker_sees(struct sim *s, const struct sim_event *e);
/** And what a terminator answers to somebody else's M1. */
void sim_attacker_sees_m2(struct sim *s, const struct sim_event *m1, escertke_span m2);
/** An answer to something forged. */
void sim_attacker_answered(struct sim *s, const struct sim_event *e, const escertke_answer *answer);
void sim_attacker_free(struct sim *s);

/* ---- keys.c ---------------------------------------------------------------------------------------------------------------- */

struct sim_keys *sim_keys_new(void);
void sim_keys_free(struct sim_keys *k);
/** Somebody believes in this key. @return false: somebody else believes in another one of the same identifier */
bool sim_keys_add(struct sim_keys *k, const escertke_key *key);

/* ---- between the files of the world ------------------------------------------------------------------------------------------ */

#define SIM_MAX_PENDING 512u

void sim_schedule(struct sim *s, enum sim_kind kind, unsigned who, uint64_t in_ms, uint64_t serial);
escertke_identity sim_identity(const struct sim *s, void *credential, escertke_store *store, const char *id);
bool sim_is_calm(const struct sim *s);
/** Carry a response. */
void sim_carry(struct sim *s, struct sim_event *e);
/* initiators.c */
void sim_initiator_open(struct sim *s, unsigned who);
void sim_initiator_wake(struct sim *s, unsigned who);
void sim_initiator_time_out(struct sim *s, const struct sim_event *e);
void sim_initiator_take(struct sim *s, const struct sim_event *response);
/** It forgets its attempt, and will want another. */
void sim_initiator_rest(struct sim *s, unsigned who);
/* terminators.c */
void sim_terminator_open(struct sim *s, unsigned who);
void sim_terminator_start(struct sim *s, unsigned who);
void sim_terminator_take(struct sim *s, const struct sim_event *request);
void sim_terminator_crash(struct sim *s, unsigned who);

#endif

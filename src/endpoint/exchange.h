/* exchange.h - one message being answered: what terminator.c, which knows the wire, shares with what M1 and M3 do. */
#ifndef ESCERTKE_ENDPOINT_EXCHANGE_H
#define ESCERTKE_ENDPOINT_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "endpoint/limits.h"
#include "endpoint/runs.h"

struct escertke_terminator {
    escertke_terminator_config cfg;
    pthread_rwlock_t credential_lock; /* covers cfg.identity.credential and cfg.identity.crls */
    struct esc_runs *runs;
    struct esc_limits *limits;
    atomic_uint_fast64_t m1, m3, established, refused, replayed, alerts, limited, unmatched;
};

struct exchange {
    escertke_terminator *t;
    const char *peer;
    struct esc_run *run; /* entered */
    uint64_t number;     /* of the run that the message belongs to, once it is known */
    escertke_expect expect;
    const escertke_delivery *in;
    escertke_crls *crls; /* M3: held meanwhile; NULL = none */
    uint8_t digest[32];
    escertke_now now;
    escertke_answer *answer;
};

/** M1, M3: run entered, digest known. @return what to refuse the message with; OK: the answer is there, and said in an event */
ESCERTKE_CHECKED escertke_err esc_exchange_m1(struct exchange *x);
ESCERTKE_CHECKED escertke_err esc_exchange_m3(struct exchange *x);

/** 2000 with this message. @return OK, NOMEM, TOO_LARGE */
ESCERTKE_CHECKED escertke_err esc_exchange_answer(struct exchange *x, escertke_span message);
/** The same with a message that was sent before. */
ESCERTKE_CHECKED escertke_err esc_exchange_replay(struct exchange *x, escertke_span message);
void esc_exchange_emit(struct exchange *x, escertke_event_kind kind, const escertke_key_entry *entry);
/** The first failure wins: a session's own account is better than ours. */
void esc_exchange_blame(struct exchange *x, const escertke_session *session);
/** May this be worked on now? Takes a token. @return OK, LIMIT */
ESCERTKE_CHECKED escertke_err esc_exchange_admit(struct exchange *x, enum esc_limited what);

#endif

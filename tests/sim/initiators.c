/* initiators.c - ends that want a key now and then, and try until they have it or give up. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#define ANSWER_MS 4000u /* how long an initiator waits for one answer */

void sim_initiator_rest(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];

    escertke_attempt_free(i->attempt);
    i->attempt = NULL;
    i->serial = 0;
    sim_schedule(s, SIM_WAKE, who, 1000 + sim_below(2000 * s->o.every_s), 0);
}

/* The terminator must hold, durably, what the initiator believes. */
static void succeeded(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];
    struct sim_terminator *t = &s->terminators[i->peer];
    escertke_key_entry mine, theirs;

    if (escertke_attempt_entry(i->attempt, &mine) != ESCERTKE_OK) {
        sim_broken(s, "an attempt is done and gives no key");
        return;
    }
    if (t->store.ops->get(t->store.state, mine.key.id, s->now.unix_s, &theirs, NULL) != ESCERTKE_OK)
        sim_broken(s, "C%07u holds a key that its peer does not hold", who);
    else if (memcmp(&mine.key, &theirs.key, sizeof mine.key) != 0)
        sim_broken(s, "C%07u and its peer hold different keys under one identifier", who);
    else if (!mine.confirmed)
        sim_broken(s, "an initiator's key is not confirmed");
    if (!sim_keys_add(s->keys, &mine.key))
        sim_broken(s, "two keys under one identifier");
    s->counts.established++;
    sim_note(s, "C%07u holds a key with terminator %u", who, i->peer);
    escertke_key_entry_wipe(&mine);
    escertke_key_entry_wipe(&theirs);
    sim_initiator_rest(s, who);
}

static void gave_up(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];
    const escertke_detail *d = escertke_attempt_detail(i->attempt);

    s->counts.given_up++;
    sim_note(s, "C%07u gives up: %s: %s", who, escertke_err_name(d->err), d->reason);
    if (i->must_succeed)
        sim_broken(s, "C%07u could not complete with terminator %u in calm: %s: %s", who, i->peer, escertke_err_name(d->err), d->reason);
    sim_initiator_rest(s, who);
}

static void transmit(struct sim *s, unsigned who, const escertke_todo *todo)
{
    struct sim_initiator *i = &s->initiators[who];
    struct sim_event *e = sim_event_new(SIM_REQUEST, 0, i->peer, todo->message);

    snprintf(e->from, sizeof e->from, "%s", i->id + (size_t[]){ 0, 13, 18 }[sim_below(3)]); /* absolute, SP-relative, stem */
    e->peer = who;
    e->number = todo->number;
    if (todo->number) {
        e->serial = i->serial = ++s->serial;
        i->number = todo->number;
        sim_schedule(s, SIM_TIMEOUT, who, ANSWER_MS, i->serial);
    }
    if (todo->number == 3)
        SHA256(todo->message.ptr, todo->message.len, i->sent[i->sent_count++ % SIM_SENT]);
    sim_note(s, "C%07u -> %u: M%d, exchange %llu", who, i->peer, todo->number, (unsigned long long)e->serial);
    sim_send(s, e);
}

static void drive(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];
    escertke_todo todo;

    for (;;) {
        escertke_attempt_next(i->attempt, s->now, &todo);
        switch (todo.kind) {
        case ESCERTKE_TODO_SEND:
            transmit(s, who, &todo);
            if (todo.number)
                return;
            break;
        case ESCERTKE_TODO_WAIT:
            sim_schedule(s, SIM_WAKE, who, todo.at_ms > s->now.mono_ms ? todo.at_ms - s->now.mono_ms : 1, 0);
            return;
        case ESCERTKE_TODO_DONE: succeeded(s, who); return;
        case ESCERTKE_TODO_FAILED: gave_up(s, who); return;
        }
    }
}

static void begin(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];
    const escertke_attempt_params params = { .repeats = 8, .runs = 6, .give_up_ms = 170000 };

    i->peer = sim_below(s->o.terminators);
    escertke_identity identity = sim_identity(s, i->credential, &i->store, i->id);
    if (escertke_attempt_new(&identity, s->terminators[i->peer].id, &params, s->now, &i->attempt, NULL) != ESCERTKE_OK) {
        sim_broken(s, "an attempt could not be begun");
        return;
    }
    s->counts.attempts++;
    i->must_succeed = sim_is_calm(s) && s->terminators[i->peer].t;
    drive(s, who);
}

void sim_initiator_wake(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];

    if (!i->attempt)
        begin(s, who);
    else if (!i->serial)
        drive(s, who);
}

void sim_initiator_time_out(struct sim *s, const struct sim_event *e)
{
    struct sim_initiator *i = &s->initiators[e->who];

    if (!i->attempt || i->serial != e->serial)
        return;
    i->serial = 0;
    escertke_attempt_unanswered(i->attempt, ESCERTKE_ERR_DEADLINE, NULL, s->now);
    drive(s, e->who);
}

static escertke_err error_of(int rsc)
{
    switch (rsc) {
    case 2000: return ESCERTKE_ERR_NO_CONTENT;
    case 4106: return ESCERTKE_ERR_REFUSED_AUTH;
    case 4103: return ESCERTKE_ERR_PRIVILEGE;
    default: return ESCERTKE_ERR_RSC;
    }
}

void sim_initiator_take(struct sim *s, const struct sim_event *e)
{
    struct sim_initiator *i = &s->initiators[e->who];
    escertke_detail d;

    if (!i->attempt || i->serial != e->serial)
        return; /* late, or a repetition: nobody waits for it */
    i->serial = 0;
    sim_note(s, "C%07u <- %u: %d, %zu octets, exchange %llu", e->who, i->peer, e->rsc, e->len, (unsigned long long)e->serial);
    if (e->rsc == 2000 && e->len) {
        escertke_attempt_answered(i->attempt, (escertke_span){ e->bytes, e->len }, s->now);
    } else {
        escertke_detail_init(&d);
        d.err = error_of(e->rsc);
        d.rsc = e->rsc;
        d.alert = e->len == 7 && e->bytes[0] == 21 ? e->bytes[6] : -1;
        snprintf(d.reason, sizeof d.reason, "answered with %d, alert %d", e->rsc, d.alert);
        escertke_attempt_unanswered(i->attempt, d.err, &d, s->now);
    }
    drive(s, e->who);
}

void sim_initiator_open(struct sim *s, unsigned who)
{
    struct sim_initiator *i = &s->initiators[who];

    toy_id(who, i->id);
    i->credential = toy_credential(who);
    if (escertke_store_memory(64, &i->store) != ESCERTKE_OK)
        abort();
    sim_schedule(s, SIM_WAKE, who, sim_below(2000 * s->o.every_s), 0);
}

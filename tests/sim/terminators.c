/* terminators.c - ends that answer, keep keys, and crash before, in and after doing so. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/memory.h"

/* Stores know no world: whose put it is, and in which. */
static struct sim *world;
static struct sim_terminator *answering;

/* Did that end-point itself send the M3 that is being answered? */
static bool has_sent(const struct sim *s, const char *peer, const uint8_t digest[32])
{
    unsigned who = (unsigned)strtoul(peer + TOY_ID_LEN - 7, NULL, 10);

    if (who >= s->o.end_points)
        return true; /* the attacker, in its own name */
    for (int n = 0; n < SIM_SENT; n++)
        if (memcmp(s->initiators[who].sent[n], digest, 32) == 0)
            return true;
    return false;
}

/* The put, or a fault in its place. */
static escertke_err planted_put(struct sim_terminator *t, void *state, const escertke_key_entry *e, const escertke_put_options *o,
                                escertke_detail *d)
{
    escertke_key_entry other = *e;

    if (!sim_chance(20))
        return t->store.ops->put(state, e, o, d);
    switch (world->o.plant) {
    case LOSE_PUT: return ESCERTKE_OK;
    case OTHER_KEY: other.key.key[31] ^= 1; break;
    case CONFIRM: other.confirmed = true; break;
    case LEAVE_KEY: esc_release(esc_strndup((const char *)e->key.key, sizeof e->key.key)); break;
    default: break;
    }
    return t->store.ops->put(state, &other, o, d);
}

static escertke_err put_or_crash(void *state, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    struct sim_terminator *t = answering;

    if (t->crash_at_put == 1) {
        t->crashed = true;
        return ESCERTKE_ERR_IO;
    }
    if (!has_sent(world, e->peer, t->m3))
        sim_broken(world, "a key with %s from an M3 that it never sent", e->peer);
    if (!sim_keys_add(world->keys, &e->key))
        sim_broken(world, "two keys under one identifier");
    if (e->confirmed)
        sim_broken(world, "a terminator's key is confirmed before anybody has used it");
    sim_memory_secret(e->key.key);
    escertke_err err = planted_put(t, state, e, o, d);
    t->crashed = t->crash_at_put == 2;
    return err;
}

/* A terminator that does not find its M4 again after a restart. */
static escertke_err forget_reply(void *store, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                                 escertke_buf *m4, escertke_detail *d)
{
    (void)store, (void)own, (void)peer, (void)m3_digest, (void)unix_s, (void)m4, (void)d;
    return ESCERTKE_ERR_NOT_FOUND;
}

static void count_replay(void *ctx, const escertke_event *e)
{
    struct sim *s = ctx;

    s->counts.found_again += e->kind == ESCERTKE_EVENT_REPLAYED && !e->run;
}

void sim_terminator_start(struct sim *s, unsigned who)
{
    struct sim_terminator *t = &s->terminators[who];
    escertke_terminator_config cfg = { .identity = sim_identity(s, t->credential, &t->crashing, t->id), .max_pending = SIM_MAX_PENDING,
                                       .on_event = count_replay, .event_ctx = s };

    if (!t->t && escertke_terminator_new(&cfg, &t->t, NULL) != ESCERTKE_OK)
        abort();
}

void sim_terminator_crash(struct sim *s, unsigned who)
{
    struct sim_terminator *t = &s->terminators[who];

    sim_note(s, "terminator %u crashes", who);
    escertke_terminator_free(t->t);
    t->t = NULL;
    t->crashed = false;
    t->crash_at_put = 0;
    s->counts.restarts++;
    for (unsigned n = 0; n < s->o.end_points; n++)
        if (s->initiators[n].peer == who)
            s->initiators[n].must_succeed = false;
    sim_schedule(s, SIM_CRASH, who, sim_below(5000), 1); /* serial 1: it comes back */
}

static void check_bounds(struct sim *s, const struct sim_terminator *t)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(t->t, &stats);
    if (stats.pending > SIM_MAX_PENDING || stats.pending_bytes > (size_t)SIM_MAX_PENDING * 65536)
        sim_broken(s, "%zu pending handshakes of %zu octets, more than allowed", stats.pending, stats.pending_bytes);
}

static void respond(struct sim *s, const struct sim_event *e, const escertke_answer *answer)
{
    struct sim_event *r = sim_event_new(SIM_RESPONSE, 0, e->peer, escertke_buf_span(&answer->message));

    r->serial = e->serial;
    r->rsc = answer->rsc;
    if (e->number == 1 && answer->rsc == 2000)
        sim_attacker_sees_m2(s, e, escertke_buf_span(&answer->message));
    sim_carry(s, r);
}

void sim_terminator_take(struct sim *s, const struct sim_event *e)
{
    struct sim_terminator *t = &s->terminators[e->who];
    escertke_answer answer;

    if (!t->t)
        return;
    escertke_delivery in = { .from = escertke_span_str(e->from), .message = { e->bytes, e->len },
                             .source = escertke_span_str(e->other_source ? "another hop" : "the hop") };
    t->crash_at_put = s->wire.crashes && sim_chance(30) ? 1 + (int)sim_below(2) : 0;
    SHA256(e->bytes, e->len, t->m3);
    answering = t;
    world = s;
    escertke_answer_init(&answer);
    escertke_terminator_take(t->t, &in, s->now, &answer);
    answering = NULL;
    s->counts.refused += answer.rsc != 2000;
    s->counts.limited += answer.rsc == 5000;
    if (t->crashed) {
        sim_terminator_crash(s, e->who);
    } else {
        check_bounds(s, t);
        if (e->forged)
            sim_attacker_answered(s, e, &answer);
        else if (e->serial)
            respond(s, e, &answer);
    }
    escertke_answer_clear(&answer);
}


void sim_terminator_open(struct sim *s, unsigned who)
{
    struct sim_terminator *t = &s->terminators[who];

    toy_id(s->o.end_points + who, t->id);
    t->credential = toy_credential(s->o.end_points + who);
    if (escertke_store_memory(1000 + 16 * (size_t)s->o.end_points / s->o.terminators, &t->store) != ESCERTKE_OK)
        abort();
    t->ops = *t->store.ops;
    t->ops.put = put_or_crash;
    if (s->o.plant == FORGET_REPLY)
        t->ops.get_reply = forget_reply;
    t->crashing = (escertke_store){ &t->ops, t->store.state };
    sim_terminator_start(s, who);
}

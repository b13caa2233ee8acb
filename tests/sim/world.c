/* world.c - end-points, their crashes, and the wire between them. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define TRACE 60
#define PHASE_MS 180000u
#define SETTLE_MS 15000u /* until a calm phase is one: what was pending before has had its grace */
#define LIFETIME_S(o) (2 * (int64_t)(o)->every_s + 600)

static const struct sim_wire wires[PHASES] = {
    [CALM] = { .delay_ms = 80 },
    [STORM] = { .loss = 200, .repeat = 200, .damage = 30, .cut = 20, .delay_ms = 6000, .crashes = true },
    [ATTACK] = { .repeat = 50, .delay_ms = 80, .attack_ms = 20 },
    [BOTH] = { .loss = 100, .repeat = 100, .damage = 20, .cut = 10, .delay_ms = 2000, .crashes = true, .attack_ms = 20 },
};

bool sim_chance(unsigned of_thousand)
{
    return toy_number() % 1000 < of_thousand;
}

unsigned sim_below(unsigned limit)
{
    return limit ? (unsigned)(toy_number() % limit) : 0;
}

/* ---- what is said ------------------------------------------------------------------------------------------------------ */

void sim_note(struct sim *s, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char **line = &s->trace[s->trace_count++ % TRACE];
    free(*line);
    if (asprintf(line, "%10.3f s  %s", (double)s->now.mono_ms / 1000, text) < 0)
        abort();
    if (s->o.verbose)
        puts(*line);
}

void sim_broken(struct sim *s, const char *fmt, ...)
{
    va_list args;

    for (size_t i = s->trace_count > TRACE ? s->trace_count - TRACE : 0; i < s->trace_count; i++)
        fprintf(stderr, "  %s\n", s->trace[i % TRACE]);
    fprintf(stderr, "BROKEN at event %llu, seed %llu: ", (unsigned long long)s->counts.events, (unsigned long long)s->o.seed);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    s->failed = true;
}

void sim_schedule(struct sim *s, enum sim_kind kind, unsigned who, uint64_t in_ms, uint64_t serial)
{
    struct sim_event *e = sim_event_new(kind, s->now.mono_ms + in_ms, who, (escertke_span){ NULL, 0 });

    e->serial = serial;
    sim_queue_put(&s->queue, e);
}

/* ---- the wire ------------------------------------------------------------------------------------------------------------ */

static void damage(struct sim_event *e)
{
    if (e->len)
        e->bytes[sim_below((unsigned)e->len)] ^= (uint8_t)(1u << sim_below(8));
}

/* Takes the event over. */
void sim_carry(struct sim *s, struct sim_event *e)
{
    const struct sim_wire *w = &s->wire;
    unsigned loss = w->loss ? w->loss : s->o.loss_percent * 10 / 2; /* there and back */

    if (e->forged)
        loss = 0;
    if (sim_chance(w->repeat)) {
        struct sim_event *twin = sim_event_new(e->kind, 0, e->who, (escertke_span){ e->bytes, e->len });
        uint64_t at_ms = s->now.mono_ms + 20 + sim_below(4 * w->delay_ms);
        memcpy(twin, e, sizeof *e);
        twin->at_ms = at_ms;
        sim_queue_put(&s->queue, twin);
    }
    if (sim_chance(loss)) {
        sim_note(s, "lost: %s of exchange %llu", e->kind == SIM_REQUEST ? "request" : "response", (unsigned long long)e->serial);
        free(e);
        return;
    }
    if (sim_chance(w->damage))
        damage(e);
    if (e->len && sim_chance(w->cut))
        e->len = sim_below((unsigned)e->len);
    e->at_ms = s->now.mono_ms + 10 + sim_below(w->delay_ms);
    sim_queue_put(&s->queue, e);
}

void sim_send(struct sim *s, struct sim_event *e)
{
    sim_attacker_sees(s, e);
    sim_carry(s, e);
}

/* ---- what the ends need ------------------------------------------------------------------------------------------------ */

escertke_identity sim_identity(const struct sim *s, void *credential, escertke_store *store, const char *id)
{
    return (escertke_identity){ .tls = toy_tls(), .credential = credential, .id = id, .ctx = { "//sim.example", "/in1" },
                                .store = store, .key_lifetime_s = LIFETIME_S(&s->o), .key_overlap_s = 60 };
}

bool sim_is_calm(const struct sim *s)
{
    return (s->phase == CALM || s->phase == ATTACK) && s->now.mono_ms - s->phase_began_ms >= SETTLE_MS;
}

/* ---- time ------------------------------------------------------------------------------------------------------------------- */

static void next_phase(struct sim *s)
{
    s->phase = s->o.only_calm ? CALM : (enum sim_phase)((s->phase + 1) % PHASES);
    s->wire = wires[s->phase];
    if (s->o.flood)
        s->wire.attack_ms = 2;
    s->phase_began_ms = s->now.mono_ms;
    for (unsigned n = 0; n < s->o.end_points; n++)
        s->initiators[n].must_succeed = false;
    sim_note(s, "phase %d", (int)s->phase);
    if (s->wire.attack_ms)
        sim_schedule(s, SIM_ATTACK, 0, 1, s->phase_began_ms);
    sim_schedule(s, SIM_PHASE, 0, PHASE_MS, 0);
}

static void crash_or_return(struct sim *s, const struct sim_event *e)
{
    if (e->serial) {
        sim_terminator_start(s, e->who);
        return;
    }
    /* Now and then somebody fails who is doing nothing in particular: a terminator, or an initiator, which forgets its attempt. */
    unsigned t = sim_below(s->o.terminators), i = sim_below(s->o.end_points);
    if ((s->wire.crashes || s->o.only_calm) && s->terminators[t].t)
        sim_terminator_crash(s, t);
    if (s->wire.crashes && s->initiators[i].attempt) {
        sim_note(s, "C%07u crashes", i);
        sim_initiator_rest(s, i);
    }
    sim_schedule(s, SIM_CRASH, 0, 2000 + sim_below(20000), 0);
}

static void tick(struct sim *s)
{
    for (unsigned t = 0; t < s->o.terminators; t++)
        if (s->terminators[t].t)
            escertke_terminator_tick(s->terminators[t].t, s->now);
    sim_schedule(s, SIM_TICK, 0, 5000, 0);
}

static void happen(struct sim *s, const struct sim_event *e)
{
    switch (e->kind) {
    case SIM_WAKE: sim_initiator_wake(s, e->who); break;
    case SIM_TIMEOUT: sim_initiator_time_out(s, e); break;
    case SIM_REQUEST: sim_terminator_take(s, e); break;
    case SIM_RESPONSE: sim_initiator_take(s, e); break;
    case SIM_TICK: tick(s); break;
    case SIM_CRASH: crash_or_return(s, e); break;
    case SIM_PHASE: next_phase(s); break;
    case SIM_ATTACK:
        if (e->serial != s->phase_began_ms)
            break; /* of a phase that is over */
        sim_attack(s);
        sim_schedule(s, SIM_ATTACK, 0, 1 + sim_below(2 * s->wire.attack_ms), e->serial);
        break;
    }
}

bool sim_step(struct sim *s)
{
    struct sim_event *e = sim_queue_take(&s->queue);

    if (!e)
        return false;
    s->now.unix_s += (int64_t)(e->at_ms / 1000) - (int64_t)(s->now.mono_ms / 1000);
    s->now.mono_ms = e->at_ms;
    s->counts.events++;
    happen(s, e);
    free(e);
    if (sim_memory_leaks())
        sim_broken(s, "a block was given back with a key in it");
    if (s->o.events && s->counts.events >= s->o.events)
        return false;
    if (s->o.hours > 0 && (double)s->now.mono_ms >= s->o.hours * 3600000)
        return false;
    return !s->failed;
}

/* ---- the beginning and the end --------------------------------------------------------------------------------------------------- */

bool sim_open(struct sim *s, const struct sim_options *o)
{
    memset(s, 0, sizeof *s);
    s->o = *o;
    s->now = (escertke_now){ 1000, TOY_BEGIN_S };
    toy_seed(o->seed);
    if (o->plant == ANY_SIGNATURE)
        toy_believe_signatures();
    if (o->plant == JUDGE_LATE)
        toy_judge_nothing_before();
    sim_memory_watch();
    s->keys = sim_keys_new();
    s->trace = calloc(TRACE, sizeof *s->trace);
    s->initiators = calloc(o->end_points, sizeof *s->initiators);
    s->terminators = calloc(o->terminators, sizeof *s->terminators);
    if (!s->trace || !s->initiators || !s->terminators)
        return false;
    for (unsigned i = 0; i < o->end_points; i++)
        sim_initiator_open(s, i);
    for (unsigned t = 0; t < o->terminators; t++)
        sim_terminator_open(s, t);
    s->phase = PHASES - 1;
    next_phase(s);
    sim_schedule(s, SIM_TICK, 0, 5000, 0);
    sim_schedule(s, SIM_CRASH, 0, 10000, 0);
    return true;
}

struct recount {
    struct sim *s;
    struct sim_terminator *t;
};

/* A key that no initiator holds is one that no initiator is known to hold. */
static bool count_orphan(void *ctx, const escertke_key_entry *entry)
{
    struct recount *r = ctx;
    unsigned who = (unsigned)strtoul(entry->peer + TOY_ID_LEN - 7, NULL, 10);
    escertke_key_entry e;

    if (who < r->s->o.end_points && r->s->initiators[who].store.ops->get(r->s->initiators[who].store.state, entry->key.id,
                                                                         entry->created_s, &e, NULL) != ESCERTKE_OK) {
        r->s->counts.orphans++;
        if (entry->confirmed)
            sim_broken(r->s, "an orphan that looks like a key in use");
    }
    return true;
}

bool sim_settle(struct sim *s)
{
    s->now.mono_ms += 2 * ESCERTKE_TTL_MS;
    s->now.unix_s += 2 * ESCERTKE_TTL_MS / 1000;
    for (unsigned n = 0; n < s->o.terminators && !s->failed; n++) {
        struct sim_terminator *t = &s->terminators[n];
        escertke_terminator_stats stats;
        sim_terminator_start(s, n);
        escertke_terminator_tick(t->t, s->now);
        escertke_terminator_get_stats(t->t, &stats);
        if (stats.pending || stats.pending_bytes)
            sim_broken(s, "%zu handshakes are still pending long after their deadline", stats.pending);
        if (t->store.ops->list(t->store.state, count_orphan, &(struct recount){ s, t }, NULL) != ESCERTKE_OK)
            sim_broken(s, "the keys of terminator %u cannot be listed", n);
    }
    return !s->failed;
}

void sim_close(struct sim *s)
{
    for (unsigned i = 0; i < s->o.end_points; i++) {
        escertke_attempt_free(s->initiators[i].attempt);
        escertke_store_close(&s->initiators[i].store);
        free(s->initiators[i].credential);
    }
    for (unsigned t = 0; t < s->o.terminators; t++) {
        escertke_terminator_free(s->terminators[t].t);
        escertke_store_close(&s->terminators[t].store);
        free(s->terminators[t].credential);
    }
    sim_attacker_free(s);
    sim_queue_free(&s->queue);
    sim_keys_free(s->keys);
    for (int n = 0; n < TRACE; n++)
        free(s->trace[n]);
    free(s->trace);
    free(s->initiators);
    free(s->terminators);
    if (sim_memory_live() && !s->failed)
        sim_broken(s, "%zu octets were not given back", sim_memory_live());
}

/* attack.c - somebody who reads everything, forges any From, has a certificate of his own, and nobody else's private key. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN 512
#define OWN 16 /* handshakes of his own under way, under whatever From */

struct own_run {
    escertke_session *session;
    void *stolen; /* its credential, where that is not the attacker's own */
    uint64_t serial; /* of the exchange */
    char from[TOY_ID_LEN + 1];
    unsigned to;
};

struct sim_attacker {
    struct sim_event *seen[SEEN]; /* requests that went by; a ring */
    size_t seen_count;
    void *credential;
    char id[TOY_ID_LEN + 1];
    struct own_run runs[OWN];
    unsigned next_run;
};

static struct sim_attacker *attacker_of(struct sim *s)
{
    if (!s->attacker) {
        unsigned number = s->o.end_points + s->o.terminators;
        s->attacker = calloc(1, sizeof *s->attacker);
        if (!s->attacker)
            abort();
        s->attacker->credential = toy_credential(number);
        toy_id(number, s->attacker->id);
    }
    return s->attacker;
}

void sim_attacker_sees(struct sim *s, const struct sim_event *e)
{
    struct sim_attacker *a = attacker_of(s);
    struct sim_event **at = &a->seen[a->seen_count++ % SEEN];

    free(*at);
    *at = sim_event_new(SIM_REQUEST, 0, e->who, (escertke_span){ e->bytes, e->len });
    memcpy((*at)->from, e->from, sizeof e->from);
    (*at)->number = e->number;
}

static const struct sim_event *recent(struct sim *s)
{
    struct sim_attacker *a = attacker_of(s);
    size_t count = a->seen_count < SEEN ? a->seen_count : SEEN;

    return count ? a->seen[sim_below((unsigned)count)] : NULL;
}

static const struct sim_event *recent_m3(struct sim *s)
{
    for (int tries = 0; tries < 8; tries++) {
        const struct sim_event *e = recent(s);
        if (e && e->number == 3)
            return e;
    }
    return NULL;
}

/* A quarter of what is forged comes by the same hop as everything else, but only where nothing must succeed. */
static void launch(struct sim *s, const char *from, unsigned to, escertke_span bytes, uint64_t serial)
{
    struct sim_event *e = sim_event_new(SIM_REQUEST, s->now.mono_ms + 5 + sim_below(100), to, bytes);

    snprintf(e->from, sizeof e->from, "%s", from);
    e->forged = true;
    e->serial = serial;
    e->other_source = s->phase == ATTACK || s->phase == CALM || sim_chance(750);
    s->counts.forged++;
    sim_queue_put(&s->queue, e);
}

static unsigned number_of(const char *from)
{
    return (unsigned)strtoul(from + strlen(from) - 7, NULL, 10);
}

/* ---- what he tries ----------------------------------------------------------------------------------------------------------------- */

static void forge_m1(struct sim *s, const char *from, unsigned to)
{
    uint8_t m1[5 + 4 + 32] = { 22, 3, 3, 0, 36, 1, 0, 0, 32 };

    (void)toy_tls()->random(m1 + 9, 32);
    launch(s, from, to, (escertke_span){ m1, sizeof m1 }, 0);
}

static void m1_in_a_name(struct sim *s)
{
    const struct sim_event *e = recent(s);

    if (e)
        forge_m1(s, e->from, e->who);
}

static void m1_of_nobody(struct sim *s)
{
    char id[TOY_ID_LEN + 1];

    toy_id(5000000 + sim_below(4000000), id);
    forge_m1(s, id, sim_below(s->o.terminators));
}

static void replay(struct sim *s)
{
    const struct sim_event *e = recent(s), *other = recent(s);

    if (e)
        launch(s, sim_chance(700) ? e->from : other->from, sim_chance(800) ? e->who : other->who, (escertke_span){ e->bytes, e->len }, 0);
}

/* A certificate that was seen, and what goes with it made up or damaged: the signature, the share, or what is sealed behind it. */
static void m3_altered(struct sim *s)
{
    const struct sim_event *e = recent_m3(s);
    uint8_t copy[4096];

    if (!e || e->len > sizeof copy)
        return;
    memcpy(copy, e->bytes, e->len);
    for (unsigned n = 1 + sim_below(4); n; n--)
        copy[e->len - 1 - sim_below(140 < e->len ? 140 : (unsigned)e->len)] ^= (uint8_t)(1u << sim_below(8));
    launch(s, e->from, e->who, (escertke_span){ copy, e->len }, 0);
}

/* The head of one, the tail of another. */
static void m3_spliced(struct sim *s)
{
    const struct sim_event *head = recent_m3(s), *tail = recent_m3(s);
    uint8_t copy[4096];

    if (!head || !tail || head->len > sizeof copy || tail->len != head->len)
        return;
    size_t cut = sim_below((unsigned)head->len);
    memcpy(copy, head->bytes, cut);
    memcpy(copy + cut, tail->bytes + cut, head->len - cut);
    launch(s, sim_chance(500) ? head->from : tail->from, head->who, (escertke_span){ copy, head->len }, 0);
}

static void alert_in_a_name(struct sim *s)
{
    const struct sim_event *e = recent(s);
    const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, (uint8_t)sim_below(120) };

    if (e)
        launch(s, e->from, e->who, (escertke_span){ alert, sizeof alert }, 0);
}

static void noise(struct sim *s)
{
    const struct sim_event *e = recent(s);
    uint8_t octets[300] = { 22, 3, 1 };
    size_t len = sim_below(sizeof octets);

    (void)toy_tls()->random(octets + 3, sizeof octets - 3);
    if (e)
        launch(s, e->from, e->who, (escertke_span){ octets, len }, 0);
}

static void end_run(struct own_run *r)
{
    escertke_session_free(r->session);
    free(r->stolen);
    *r = (struct own_run){ .session = NULL };
}

static void begin_run(struct sim *s, const char *from, void *stolen)
{
    struct sim_attacker *a = attacker_of(s);
    struct own_run *r = &a->runs[a->next_run++ % OWN];
    escertke_span m1;

    end_run(r);
    r->stolen = stolen;
    r->to = sim_below(s->o.terminators);
    snprintf(r->from, sizeof r->from, "%s", from);
    const escertke_session_config cfg = { .tls = toy_tls(), .credential = stolen ? stolen : a->credential, .role = ESCERTKE_INITIATOR,
                                          .expect = { .id = s->terminators[r->to].id } };
    if (escertke_session_new(&cfg, &r->session) != ESCERTKE_OK || escertke_session_start(r->session, s->now, &m1) != ESCERTKE_OK)
        abort();
    r->serial = ++s->serial;
    launch(s, r->from, r->to, m1, r->serial);
}

/* With his own certificate: in his own name, which is his right, or in somebody else's. */
static void run_of_his_own(struct sim *s)
{
    const struct sim_event *victim = recent(s);

    begin_run(s, victim && sim_chance(800) ? victim->from : attacker_of(s)->id, NULL);
}

/* With the victim's certificate, which is no secret, and everything right but the signature. */
static void run_with_a_certificate_that_was_seen(struct sim *s)
{
    const struct sim_event *victim = recent(s);
    char id[TOY_ID_LEN + 1];

    if (!victim)
        return;
    unsigned number = number_of(victim->from);
    toy_id(number, id);
    void *theirs = toy_credential(number);
    begin_run(s, id, toy_stolen(s->o.end_points + s->o.terminators, toy_leaf(theirs)));
    free(theirs);
}

void sim_attacker_answered(struct sim *s, const struct sim_event *e, const escertke_answer *answer)
{
    struct sim_attacker *a = attacker_of(s);
    escertke_span m3;

    for (int n = 0; e->serial && n < OWN; n++) {
        struct own_run *r = &a->runs[n];
        if (!r->session || r->serial != e->serial)
            continue;
        r->serial = 0;
        if (answer->rsc == 2000 && escertke_session_step(r->session, escertke_buf_span(&answer->message), s->now, &m3) == ESCERTKE_OK &&
            m3.len)
            launch(s, r->from, r->to, m3, 0);
    }
}

/* Who has seen M1 and M2 can sign them, with a certificate of his own or with one that he has signed in the victim's name. */
void sim_attacker_sees_m2(struct sim *s, const struct sim_event *m1, escertke_span m2)
{
    unsigned own = s->o.end_points + s->o.terminators;
    escertke_buf m3;

    if (!s->wire.attack_ms || s->o.flood || !sim_chance(800))
        return;
    void *credential = sim_chance(500) ? toy_credential(own) : toy_self_signed(own, number_of(m1->from));
    escertke_buf_init(&m3, 65536);
    toy_sign_seen(credential, (escertke_span){ m1->bytes, m1->len }, m2, &m3);
    if (m3.len)
        launch(s, m1->from, m1->who, escertke_buf_span(&m3), 0);
    escertke_buf_free(&m3);
    free(credential);
}

void sim_attack(struct sim *s)
{
    static void (*const ways[])(struct sim *) = { m1_in_a_name, m1_of_nobody, replay, m3_altered, m3_spliced, alert_in_a_name, noise,
                                                  run_of_his_own, run_with_a_certificate_that_was_seen };

    ways[s->o.flood ? 1 : sim_below(sizeof ways / sizeof *ways)](s);
}

void sim_attacker_free(struct sim *s)
{
    if (!s->attacker)
        return;
    for (int n = 0; n < SEEN; n++)
        free(s->attacker->seen[n]);
    for (int n = 0; n < OWN; n++)
        end_run(&s->attacker->runs[n]);
    free(s->attacker->credential);
    free(s->attacker);
}

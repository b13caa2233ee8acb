/*
 * fuzz_attempt.c - an initiating end-point on a bad network: a genuine terminating end-point answers its messages, and what
 * arrives of the answers is as the input says. Octet 0 holds the limits of the attempt; then, for each message that is sent,
 * seven octets {what arrives, which, five more}. Whatever arrives: the attempt ends, it sends no more than it may, a key at this
 * end is one at the other end, and every failure has its reason.
 */
#include <stdlib.h>
#include <string.h>

#include <escertke/attempt.h>

#include "mutate.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP = 7, KEPT_MAX = 16, TODO_MAX = 400 };

struct game {
    escertke_now now;
    escertke_store store, peer_store;
    escertke_terminator *peer;
    escertke_attempt *attempt;
    escertke_attempt_params params;
    struct mutate_text kept[KEPT_MAX]; /* answers that the peer has given, to be sent again at the wrong time */
    size_t kept_count;
    unsigned sent, starts;
    escertke_buf last; /* message of the last SEND, and its number: a repetition is the same octets */
    int last_number;
    bool anew; /* the last answer has ended the run */
};

/* ---- what arrives ------------------------------------------------------------------------------------------------- */

static void keep(struct game *g, escertke_span message)
{
    if (message.len)
        must(mutate_set(&g->kept[g->kept_count++ % KEPT_MAX], message.ptr, message.len));
}

static escertke_span kept(const struct game *g, uint8_t number)
{
    size_t count = g->kept_count < KEPT_MAX ? g->kept_count : KEPT_MAX;

    if (!count)
        return (escertke_span){ NULL, 0 };
    return (escertke_span){ g->kept[number % count].octets, g->kept[number % count].len };
}

/* What the carrier makes of an answer with another RSC than 2000 (carrier.h). */
static void refused(struct game *g, int rsc, int alert)
{
    escertke_detail d;

    escertke_detail_init(&d);
    d.rsc = rsc;
    d.alert = alert;
    d.reason[0] = '?'; /* the peer's words */
    d.err = rsc == 4106 ? ESCERTKE_ERR_REFUSED_AUTH : rsc == 4103 ? ESCERTKE_ERR_PRIVILEGE : ESCERTKE_ERR_RSC;
    escertke_attempt_unanswered(g->attempt, d.err, &d, g->now);
}

static void changed(struct game *g, escertke_span answer, const uint8_t *e, escertke_answer *a)
{
    static struct mutate_text t;

    must(mutate_set(&t, answer.ptr, answer.len));
    mutate_tls(&t, e + 2);
    if (a->rsc == 2000)
        escertke_attempt_answered(g->attempt, (escertke_span){ t.octets, t.len }, g->now);
    else
        refused(g, a->rsc, a->detail.alert);
}

static void unanswered(struct game *g, const uint8_t *e)
{
    static const escertke_err errors[] = { ESCERTKE_ERR_UNREACHABLE, ESCERTKE_ERR_DEADLINE,   ESCERTKE_ERR_RQI,
                                           ESCERTKE_ERR_JSON,        ESCERTKE_ERR_PRIMITIVE,  ESCERTKE_ERR_SECINFO,
                                           ESCERTKE_ERR_BASE64,      ESCERTKE_ERR_HTTP,       ESCERTKE_ERR_TOO_LARGE,
                                           ESCERTKE_ERR_PRIVILEGE,   ESCERTKE_ERR_NO_CONTENT, ESCERTKE_ERR_NOMEM,
                                           ESCERTKE_ERR_NOT_FOUND,   ESCERTKE_ERR_UNSUPPORTED };

    escertke_attempt_unanswered(g->attempt, errors[e[1] % (sizeof errors / sizeof *errors)], NULL, g->now);
}

static void pass(struct game *g, uint8_t how_long)
{
    static const uint32_t ms[] = { 0, 1, 100, 999, 1000, 5000, 20000, 59999, 60000, 60001, 180001 };
    uint32_t passed = ms[how_long % (sizeof ms / sizeof *ms)];

    g->now.mono_ms += passed;
    g->now.unix_s += passed / 1000;
}

static void arrive(struct game *g, escertke_answer *a, const uint8_t *e)
{
    static const int codes[] = { 1000, 2000, 2001, 4000, 4004, 4102, 4103, 4106, 4999, 5000, 5103, 5107, 9999 };
    const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, e[1] };
    escertke_span answer = escertke_buf_span(&a->message);

    switch (e[0] % 10) {
    case 0:
    case 1:
        if (a->rsc == 2000)
            escertke_attempt_answered(g->attempt, answer, g->now);
        else
            refused(g, a->rsc, a->detail.alert);
        break;
    case 2:
    case 3:
    case 4: changed(g, answer, e, a); break;
    case 5: escertke_attempt_answered(g->attempt, kept(g, e[1]), g->now); break;
    case 6: refused(g, codes[e[1] % (sizeof codes / sizeof *codes)], e[2] & 1 ? e[3] : -1); break;
    case 7: unanswered(g, e); break;
    case 8: escertke_attempt_answered(g->attempt, (escertke_span){ alert, sizeof alert }, g->now); break;
    default: escertke_attempt_answered(g->attempt, (escertke_span){ e + 2, e[1] % 6u }, g->now); break;
    }
}

/* ---- what is sent --------------------------------------------------------------------------------------------------- */

/* Within one run the same message is the same octets; M3 follows M1. */
static void check_sent(struct game *g, const escertke_todo *todo)
{
    escertke_flight flight = 0;
    int alert;

    must(todo->message.len && escertke_flight_classify(todo->message, &flight, &alert, NULL) == ESCERTKE_OK);
    must(flight == (todo->number == 1 ? ESCERTKE_FLIGHT_M1 : todo->number == 3 ? ESCERTKE_FLIGHT_M3 : ESCERTKE_FLIGHT_ALERT));
    if (todo->number == 0)
        return;
    bool same = escertke_span_equal(todo->message, escertke_buf_span(&g->last));
    must(todo->number != 3 || same || g->last_number == 1);
    if (todo->number == 1 && !same)
        must(++g->starts <= (g->params.once ? 1 : g->params.runs));
    g->last_number = todo->number;
    escertke_buf_reset(&g->last);
    must(escertke_buf_append(&g->last, todo->message.ptr, todo->message.len) == ESCERTKE_OK);
}

static void send(struct game *g, const escertke_todo *todo, const uint8_t *e)
{
    escertke_answer a;

    check_sent(g, todo);
    g->sent++;
    escertke_answer_init(&a);
    escertke_terminator_answer(g->peer, escertke_span_str(WORLD_PANEL), todo->message, 0, g->now, &a);
    keep(g, escertke_buf_span(&a.message));
    pass(g, e[0] >> 4);
    arrive(g, &a, e);
    escertke_answer_clear(&a);
}

/* ---- how it ends ------------------------------------------------------------------------------------------------------ */

struct counted {
    size_t keys;
};

static bool count_key(void *ctx, const escertke_key_entry *entry)
{
    struct counted *c = ctx;

    (void)entry;
    c->keys++;
    return true;
}

static void check_end(struct game *g, escertke_todo_kind kind)
{
    escertke_key_entry mine, theirs, used;
    struct counted c = { 0 };
    unsigned messages, runs;

    escertke_attempt_effort(g->attempt, &messages, &runs);
    must(messages == g->sent && runs >= g->starts && runs <= (g->params.once ? 1 : g->params.runs));
    must(g->store.ops->list(g->store.state, count_key, &c, NULL) == ESCERTKE_OK);
    if (kind == ESCERTKE_TODO_FAILED) {
        const escertke_detail *d = escertke_attempt_detail(g->attempt);
        must(c.keys == 0 && d->err != ESCERTKE_OK && d->reason[0] &&
             escertke_attempt_entry(g->attempt, &mine) == ESCERTKE_ERR_STATE);
        return;
    }
    must(c.keys == 1 && escertke_attempt_entry(g->attempt, &mine) == ESCERTKE_OK);
    must(g->peer_store.ops->get(g->peer_store.state, mine.key.id, g->now.unix_s, &theirs, NULL) == ESCERTKE_OK);
    must(memcmp(&mine.key, &theirs.key, sizeof mine.key) == 0 && !strcmp(mine.peer, WORLD_METER) &&
         !strcmp(theirs.peer, WORLD_PANEL));
    must(g->store.ops->find(g->store.state, WORLD_PANEL, WORLD_METER, ESCERTKE_USAGE_ESPRIM, g->now.unix_s, &used, NULL) ==
         ESCERTKE_OK);
    must(memcmp(&mine.key, &used.key, sizeof mine.key) == 0);
}

static escertke_todo_kind play(struct game *g, const uint8_t *data, size_t size)
{
    static const uint8_t as_it_is[STEP];
    escertke_todo todo;
    size_t at = 1;

    for (unsigned n = 0;; n++) {
        must(n < TODO_MAX);
        escertke_attempt_next(g->attempt, g->now, &todo);
        if (todo.kind == ESCERTKE_TODO_DONE || todo.kind == ESCERTKE_TODO_FAILED)
            return todo.kind;
        if (todo.kind == ESCERTKE_TODO_WAIT) {
            must(todo.at_ms > g->now.mono_ms);
            g->now.unix_s += (int64_t)((todo.at_ms - g->now.mono_ms + 999) / 1000);
            g->now.mono_ms = todo.at_ms;
            continue;
        }
        send(g, &todo, at + STEP <= size ? data + at : as_it_is);
        at += STEP;
    }
}

static void set_limits(struct game *g, uint8_t limits)
{
    g->params.once = limits & 1;
    g->params.repeats = limits & 2 ? 1 : 3;
    g->params.runs = limits & 4 ? 2 : 4;
    g->params.run_ms = limits & 8 ? 5000 : 60000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct game g;

    if (size < 1)
        return 0;
    world_begin();
    memset(&g, 0, sizeof g);
    g.now = world_now();
    set_limits(&g, data[0]);
    escertke_buf_init(&g.last, ESCERTKE_MESSAGE_MAX);
    must(escertke_store_memory(16, &g.store) == ESCERTKE_OK && escertke_store_memory(16, &g.peer_store) == ESCERTKE_OK);
    const escertke_identity identity = world_identity(WORLD_A_PANEL, &g.store);
    const escertke_terminator_config cfg = { .identity = world_identity(WORLD_A_METER, &g.peer_store),
                                             .rate_from = { .burst = ESCERTKE_NO_LIMIT } };
    must(escertke_terminator_new(&cfg, &g.peer, NULL) == ESCERTKE_OK);
    must(escertke_attempt_new(&identity, WORLD_METER, &g.params, g.now, &g.attempt, NULL) == ESCERTKE_OK);
    escertke_todo_kind end = play(&g, data, size);
    must(size > 1 || end == ESCERTKE_TODO_DONE); /* what nobody has touched leads to a key */
    check_end(&g, end);
    escertke_attempt_free(g.attempt);
    escertke_terminator_free(g.peer);
    escertke_store_close(&g.store);
    escertke_store_close(&g.peer_store);
    escertke_buf_free(&g.last);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_script_input(data, size, max_size, seed, 1, STEP);
}

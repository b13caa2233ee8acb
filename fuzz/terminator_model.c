#include "terminator_model.h"

#include <stdlib.h>
#include <string.h>

#include "mutate.h"

enum { PENDING_MAX = 64, KEPT_MAX = 32, EVENTS_MAX = 80, LOADED = 32 };

struct pending {
    uint64_t number, born_ms, until_ms;
    char peer[ESCERTKE_ID_MAX + 1];
    escertke_span source; /* where its M1 came from */
};

struct noted {
    escertke_event_kind kind;
    uint64_t run;
    uint8_t key_id[16]; /* ESTABLISHED */
    struct pending was; /* EXPIRED, EVICTED */
    bool allowed;       /* EVICTED: somebody had to go */
};

struct model {
    escertke_terminator_config cfg;
    escertke_terminator *t;
    escertke_store store, memory; /* store: memory, but it can fail */
    escertke_store_ops failing;
    unsigned failures;
    escertke_now now;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    struct model_run runs[MODEL_RUNS];
    size_t run_count;
    struct model_message kept[KEPT_MAX];
    size_t kept_count;
    struct noted events[EVENTS_MAX];
    size_t event_count;
    char peer[ESCERTKE_ID_MAX + 1]; /* of the message being delivered */
    escertke_span source;           /* where it comes from */
    size_t octets_before, established;
    uint64_t last_number; /* of the handshake that became pending last, since the last run was begun; 0 = none */
};

/* ---- pending handshakes --------------------------------------------------------------------------------------- */

static struct pending *find_pending(struct model *m, uint64_t number)
{
    for (size_t i = 0; i < m->pending_count; i++)
        if (m->pending[i].number == number)
            return &m->pending[i];
    return NULL;
}

static void remove_pending(struct model *m, uint64_t number)
{
    struct pending *p = find_pending(m, number);

    must(p != NULL);
    *p = m->pending[--m->pending_count];
}

static size_t count_of(const struct model *m, const char *peer)
{
    size_t n = 0;

    for (size_t i = 0; i < m->pending_count; i++)
        n += strcmp(m->pending[i].peer, peer) == 0;
    return n;
}

static size_t count_of_source(const struct model *m, const struct pending *of)
{
    size_t n = 0;

    for (size_t i = 0; i < m->pending_count; i++)
        n += strcmp(m->pending[i].peer, of->peer) == 0 && escertke_span_equal(m->pending[i].source, of->source);
    return n;
}

static bool is_old(const struct model *m, const struct pending *p)
{
    return m->now.mono_ms - p->born_ms >= m->cfg.grace_ms;
}

static bool any_old(const struct model *m)
{
    for (size_t i = 0; i < m->pending_count; i++)
        if (is_old(m, &m->pending[i]))
            return true;
    return false;
}

static bool is_crowded(const struct model *m)
{
    size_t room = m->cfg.max_pending_bytes - (m->octets_before < m->cfg.max_pending_bytes ? m->octets_before : 0);

    return m->pending_count >= m->cfg.max_pending || room < m->cfg.identity.tls->conn_memory + 16384;
}

/*
 * Nobody goes where there is room; nobody young for another of the same From, nor while somebody old is there, nor before it is
 * known how long a run takes. (Two sources may share their places by accident: so a From with fewer than its source's is full.)
 */
static bool may_go(const struct model *m, const struct pending *p)
{
    if (strcmp(p->peer, m->peer) == 0 && count_of(m, m->peer) >= m->cfg.max_pending_per_from && is_old(m, p))
        return true;
    return is_crowded(m) && (is_old(m, p) || (m->established && !any_old(m)));
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static void add_pending(struct model *m, const escertke_event *event)
{
    must(event->run && !find_pending(m, event->run) && m->pending_count < PENDING_MAX && strcmp(event->peer, m->peer) == 0);
    struct pending *p = &m->pending[m->pending_count++];
    p->number = event->run;
    p->born_ms = m->now.mono_ms;
    p->until_ms = m->now.mono_ms + m->cfg.pending_ttl_ms;
    memcpy(p->peer, m->peer, sizeof p->peer);
    p->source = m->source;
    m->last_number = event->run;
}

static void note(void *ctx, const escertke_event *event)
{
    static const uint8_t zero[32];
    struct model *m = ctx;

    must(m->event_count < EVENTS_MAX);
    struct noted *n = &m->events[m->event_count++];
    *n = (struct noted){ .kind = event->kind, .run = event->run };
    switch (event->kind) {
    case ESCERTKE_EVENT_PENDING: add_pending(m, event); break;
    case ESCERTKE_EVENT_EXPIRED:
    case ESCERTKE_EVENT_EVICTED:
        must(find_pending(m, event->run) != NULL);
        n->was = *find_pending(m, event->run);
        must(strcmp(n->was.peer, event->peer) == 0);
        n->allowed = may_go(m, &n->was);
        remove_pending(m, event->run);
        break;
    case ESCERTKE_EVENT_ESTABLISHED:
        must(event->entry && memcmp(event->entry->key.key, zero, sizeof zero) == 0); /* no key leaves by an event */
        memcpy(n->key_id, event->entry->key.id, sizeof n->key_id);
        must(strcmp(event->entry->peer, m->peer) == 0 && strcmp(event->entry->own, WORLD_METER) == 0);
        remove_pending(m, event->run);
        break;
    case ESCERTKE_EVENT_REFUSED: must(event->detail && event->detail->err != ESCERTKE_OK && event->detail->reason[0]); break;
    default: break;
    }
}

static const struct noted *find_event(const struct model *m, escertke_event_kind kind)
{
    for (size_t i = 0; i < m->event_count; i++)
        if (m->events[i].kind == kind)
            return &m->events[i];
    return NULL;
}

static void check_those_who_went(const struct model *m)
{
    bool led_to_a_key = find_event(m, ESCERTKE_EVENT_ESTABLISHED) != NULL;

    for (size_t i = 0; i < m->event_count; i++) {
        const struct noted *n = &m->events[i];
        if (n->kind == ESCERTKE_EVENT_EXPIRED)
            must(m->now.mono_ms >= n->was.until_ms);
        if (n->kind == ESCERTKE_EVENT_EVICTED)
            must(n->allowed || (led_to_a_key && strcmp(n->was.peer, m->peer) == 0));
    }
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static void check_refusal(const escertke_answer *a)
{
    static const int codes[] = { 4000, 4102, 4103, 4106, 5000, 5001 };
    bool known = false;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        known = known || codes[i] == a->rsc;
    must(known && a->detail.err != ESCERTKE_OK && a->detail.reason[0] && a->detail.rsc == a->rsc);
    must((a->message.len == 7 && a->message.ptr[0] == 21 && !a->dbg[0]) || (!a->message.len && a->dbg[0]));
    for (const char *at = a->dbg; *at; at++)
        must((uint8_t)*at >= ' ');
}

/* One event tells what became of a message. */
static void check_answer(const struct model *m, const escertke_answer *a)
{
    static const escertke_event_kind kinds[] = { ESCERTKE_EVENT_PENDING, ESCERTKE_EVENT_ESTABLISHED, ESCERTKE_EVENT_REFUSED,
                                                 ESCERTKE_EVENT_REPLAYED, ESCERTKE_EVENT_ALERT };
    size_t told = 0;

    for (size_t i = 0; i < m->event_count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            told += m->events[i].kind == kinds[k];
    must(told == 1 && (find_event(m, ESCERTKE_EVENT_REFUSED) != NULL) == (a->rsc != 2000));
    if (a->rsc != 2000)
        check_refusal(a);
    else
        must(a->detail.err == ESCERTKE_OK && !a->dbg[0] && (!a->message.len) == (find_event(m, ESCERTKE_EVENT_ALERT) != NULL));
}

/* ---- genuine runs -------------------------------------------------------------------------------------------------- */

escertke_span model_span(const struct model_message *message)
{
    return (escertke_span){ message->octets, message->len };
}

static void keep(struct model_message *message, escertke_span s)
{
    must(s.len <= sizeof message->octets);
    if (s.len)
        memcpy(message->octets, s.ptr, s.len);
    message->len = s.len;
}

static void overhear(struct model *m, escertke_span s)
{
    if (s.len && s.len <= MODEL_MESSAGE_MAX)
        keep(&m->kept[m->kept_count++ % KEPT_MAX], s);
}

escertke_span model_kept(const struct model *m, unsigned number)
{
    size_t count = m->kept_count < KEPT_MAX ? m->kept_count : KEPT_MAX;

    return count ? model_span(&m->kept[number % count]) : (escertke_span){ NULL, 0 };
}

struct model_run *model_run(struct model *m, unsigned number)
{
    return number % MODEL_RUNS < m->run_count ? &m->runs[number % MODEL_RUNS] : NULL;
}

struct model_run *model_new_run(struct model *m, enum world_party who)
{
    escertke_span m1;

    if (m->run_count == MODEL_RUNS)
        return NULL;
    struct model_run *run = &m->runs[m->run_count++];
    run->who = who;
    run->session = world_session(0, who, ESCERTKE_INITIATOR, WORLD_METER);
    must(escertke_session_start(run->session, m->now, &m1) == ESCERTKE_OK);
    keep(&run->m1, m1);
    overhear(m, m1);
    m->last_number = 0;
    return run;
}

void model_take_m2(struct model *m, struct model_run *run, const escertke_answer *a)
{
    escertke_span m3;

    if (a->rsc != 2000 || !m->last_number)
        return;
    run->number = m->last_number;
    escertke_err err = escertke_session_step(run->session, escertke_buf_span(&a->message), m->now, &m3);
    must(err == ESCERTKE_OK || run->touched);
    if (err != ESCERTKE_OK)
        return;
    keep(&run->m3, m3);
    overhear(m, m3);
}

static struct model_run *run_of(struct model *m, uint64_t number)
{
    for (size_t i = 0; i < m->run_count; i++)
        if (m->runs[i].number == number)
            return &m->runs[i];
    return NULL;
}

/* Nobody but one who holds a peer's private key gets a key, and both have the same. */
static void check_key(struct model *m, const struct noted *event, const escertke_answer *a)
{
    struct model_run *run = run_of(m, event->run);
    escertke_key_entry entry;
    escertke_key key;
    escertke_span out;

    must(run && !run->done && strcmp(world_ids[run->who], m->peer) == 0);
    must(escertke_session_step(run->session, escertke_buf_span(&a->message), m->now, &out) == ESCERTKE_OK && !out.len);
    must(escertke_session_key(run->session, &key) == ESCERTKE_OK && memcmp(key.id, event->key_id, sizeof key.id) == 0);
    must(m->memory.ops->get(m->memory.state, key.id, m->now.unix_s, &entry, NULL) == ESCERTKE_OK);
    must(memcmp(&entry.key, &key, sizeof key) == 0 && strcmp(entry.peer, m->peer) == 0);
    run->done = true;
    run->done_ms = m->now.mono_ms;
    run->done_s = m->now.unix_s;
    keep(&run->m4, escertke_buf_span(&a->message));
    m->established++;
}

/* Is this somebody's M3 as he made it, under his name? */
static struct model_run *whose_m3(struct model *m, escertke_span message)
{
    for (size_t i = 0; i < m->run_count; i++)
        if (m->runs[i].m3.len && escertke_span_equal(message, model_span(&m->runs[i].m3)) &&
            strcmp(world_ids[m->runs[i].who], m->peer) == 0)
            return &m->runs[i];
    return NULL;
}

struct promise {
    struct model_run *run;
    bool completes, repeats, failing;
};

/* What is owed to this message, before it is delivered. */
static struct promise promise(struct model *m, escertke_span message)
{
    struct promise p = { .run = whose_m3(m, message), .failing = m->failures > 0 };
    const struct pending *pending = p.run && !p.run->done ? find_pending(m, p.run->number) : NULL;

    p.completes = pending && !p.run->touched && !p.run->shaken && !p.failing && m->now.mono_ms <= pending->until_ms;
    p.repeats = p.run && p.run->done && m->now.mono_ms < p.run->done_ms + m->cfg.replay_ttl_ms &&
                m->now.unix_s < p.run->done_s + m->cfg.replay_ttl_ms / 1000;
    return p;
}

static void check_promise(struct model *m, const struct promise *p, bool was_done, const escertke_answer *a)
{
    bool limited = a->detail.err == ESCERTKE_ERR_LIMIT && m->cfg.rate_from.burst != ESCERTKE_NO_LIMIT;

    if (!p->run)
        return;
    if (was_done && a->rsc == 2000)
        must(escertke_span_equal(escertke_buf_span(&a->message), model_span(&p->run->m4)));
    if (p->repeats)
        must(limited || a->rsc == 2000);
    if (p->completes)
        must(limited || (p->run->done && a->rsc == 2000));
    if (p->failing && !p->run->done && !limited)
        p->run->shaken = true;
}

/* ---- deliveries ---------------------------------------------------------------------------------------------------- */

static void name_peer(struct model *m, const char *from)
{
    escertke_id id;

    m->peer[0] = '\0';
    if (escertke_id_normalise(escertke_span_str(from), &m->cfg.identity.ctx, &id) == ESCERTKE_OK)
        memcpy(m->peer, id.text, sizeof m->peer);
}

static void before(struct model *m)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(m->t, &stats);
    m->octets_before = stats.pending_bytes;
    m->event_count = 0;
}

void model_deliver(struct model *m, const char *from, escertke_span message, escertke_span source, escertke_answer *a)
{
    const escertke_delivery in = { .from = escertke_span_str(from), .message = message, .source = source };

    name_peer(m, from);
    m->source = source;
    before(m);
    struct promise owed = promise(m, message);
    bool was_done = owed.run && owed.run->done;
    escertke_answer_init(a);
    escertke_terminator_take(m->t, &in, m->now, a);
    check_answer(m, a);
    check_those_who_went(m);
    const struct noted *established = find_event(m, ESCERTKE_EVENT_ESTABLISHED), *refused = find_event(m, ESCERTKE_EVENT_REFUSED);
    if (established)
        check_key(m, established, a);
    if (refused && refused->run)
        remove_pending(m, refused->run);
    check_promise(m, &owed, was_done, a);
    overhear(m, escertke_buf_span(&a->message));
}

void model_pass(struct model *m, uint8_t how_long)
{
    static const uint32_t ms[] = { 1, 10, 100, 1000, 4999, 5000, 5001, 20000, 59999, 60000, 60001, 200000, 400000, 90000000 };
    uint32_t passed = ms[how_long % (sizeof ms / sizeof *ms)];

    m->now.mono_ms += passed;
    m->now.unix_s += (passed + 999) / 1000;
}

void model_tick(struct model *m)
{
    m->peer[0] = '\0';
    before(m);
    escertke_terminator_tick(m->t, m->now);
    for (size_t i = 0; i < m->event_count; i++)
        must(m->events[i].kind == ESCERTKE_EVENT_EXPIRED);
    check_those_who_went(m);
    for (size_t i = 0; i < m->pending_count; i++)
        must(m->now.mono_ms <= m->pending[i].until_ms); /* whose time is over has gone */
}

void model_check(struct model *m)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(m->t, &stats);
    must(stats.pending == m->pending_count && stats.pending <= m->cfg.max_pending);
    must(stats.pending_bytes <= m->cfg.max_pending_bytes && (stats.pending_bytes > 0) == (stats.pending > 0));
    must(stats.replay_entries <= m->established);
    for (size_t i = 0; i < m->pending_count; i++)
        must(count_of_source(m, &m->pending[i]) <= m->cfg.max_pending_per_from &&
             count_of(m, m->pending[i].peer) <= 2 * m->cfg.max_pending_per_from);
}

/* ---- the store that fails ------------------------------------------------------------------------------------------ */

static struct model *failing_for; /* the store's functions are given the memory's state and nothing else */

static escertke_err put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    if (!failing_for->failures)
        return failing_for->memory.ops->put(store, e, o, d);
    failing_for->failures--;
    return ESCERTKE_ERR_STORE_FULL;
}

void model_let_store_fail(struct model *m, unsigned times)
{
    m->failures = times;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void set_limits(struct model *m, uint8_t limits)
{
    static const escertke_peer peers[] = { { .id = WORLD_PANEL }, { .id = WORLD_IN1 } };
    escertke_terminator_config *cfg = &m->cfg;
    escertke_rate none = { .burst = ESCERTKE_NO_LIMIT }, some = { .burst = 3, .per_minute = 60 };

    cfg->rate_from = limits & 1 ? some : none;
    cfg->rate_source = limits & 1 ? some : none;
    cfg->max_pending = limits & 2 ? 3 : 12;
    cfg->max_pending_per_from = limits & 4 ? 2 : 4;
    cfg->max_pending_bytes = limits & 8 ? 3 * (cfg->identity.tls->conn_memory + 16384) : 12u * 65536 * 4;
    cfg->identity.peers = limits & 16 ? peers : NULL;
    cfg->identity.peer_count = limits & 16 ? 2 : 0;
    cfg->pending_ttl_ms = limits & 32 ? 10000 : 60000;
    cfg->replay_ttl_ms = limits & 32 ? 10000 : 60000;
    cfg->grace_ms = 5000;
}

struct model *model_open(uint8_t limits)
{
    struct model *m = calloc(1, sizeof *m);

    must(m && escertke_store_memory(LOADED, &m->memory) == ESCERTKE_OK);
    m->now = world_now();
    m->failing = *m->memory.ops;
    m->failing.put = put;
    m->store = (escertke_store){ &m->failing, m->memory.state };
    failing_for = m;
    m->cfg.identity = world_identity(WORLD_A_METER, &m->store);
    m->cfg.on_event = note;
    m->cfg.event_ctx = m;
    set_limits(m, limits);
    must(escertke_terminator_new(&m->cfg, &m->t, NULL) == ESCERTKE_OK);
    return m;
}

void model_restart(struct model *m)
{
    escertke_terminator_free(m->t);
    must(escertke_terminator_new(&m->cfg, &m->t, NULL) == ESCERTKE_OK);
    m->pending_count = 0;
    m->established = 0; /* remembered by this process */
    for (size_t i = 0; i < m->run_count; i++)
        m->runs[i].number = 0; /* numbers begin anew */
}

void model_close(struct model *m)
{
    escertke_terminator_free(m->t);
    for (size_t i = 0; i < m->run_count; i++)
        escertke_session_free(m->runs[i].session);
    escertke_store_close(&m->memory);
    free(m);
}

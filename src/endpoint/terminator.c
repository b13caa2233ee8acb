/*
 * terminator.c - the Terminating End-Point: the state machine of R-HS-34 for any number of originators at once.
 * What M1 and M3 do lies in exchange_m1.c and exchange_m3.c, what is remembered in runs.c and room.c, what is allowed in
 * limits.c, what goes on the wire when something is wrong in refusal.c.
 */
#include <escertke/endpoint.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "endpoint/exchange.h"
#include "endpoint/peers.h"
#include "endpoint/refusal.h"
#include "endpoint/terminator.h"
#include "handshake/match.h"

static void emit(escertke_terminator *t, const escertke_event *event)
{
    if (t->cfg.on_event)
        t->cfg.on_event(t->cfg.event_ctx, event);
}

void esc_exchange_emit(struct exchange *x, escertke_event_kind kind, const escertke_key_entry *entry)
{
    emit(x->t, &(escertke_event){ .kind = kind,
                                  .run = x->number,
                                  .peer = x->peer,
                                  .entry = entry,
                                  .detail = &x->answer->detail,
                                  .in_len = x->in->message.len,
                                  .out_len = x->answer->message.len });
}

escertke_err esc_exchange_answer(struct exchange *x, escertke_span message)
{
    x->answer->rsc = ESCERTKE_RSC_OK;
    return escertke_buf_append(&x->answer->message, message.ptr, message.len);
}

escertke_err esc_exchange_replay(struct exchange *x, escertke_span message)
{
    escertke_err err = esc_exchange_answer(x, message);

    if (err == ESCERTKE_OK) {
        atomic_fetch_add(&x->t->replayed, 1);
        esc_exchange_emit(x, ESCERTKE_EVENT_REPLAYED, NULL);
    }
    return err;
}

void esc_exchange_blame(struct exchange *x, const escertke_session *session)
{
    const escertke_detail *d = escertke_session_detail(session);

    if (x->answer->detail.err == ESCERTKE_OK && d->err != ESCERTKE_OK)
        x->answer->detail = *d;
}

escertke_err esc_exchange_admit(struct exchange *x, enum esc_limited what)
{
    const struct esc_who who = { x->peer, x->in->source };

    if (esc_limits_take(x->t->limits, what, &who, x->now.mono_ms))
        return ESCERTKE_OK;
    atomic_fetch_add(&x->t->limited, 1);
    return esc_fail(&x->answer->detail, ESCERTKE_ERR_LIMIT, "A-11", "too many messages: try later");
}

/* ---- one message -------------------------------------------------------------------------------------------------- */

/* Anybody can send an alert: it is noted, and 2000 without content answers it (R-HS-34, R-PR-40). */
static escertke_err note_alert(struct exchange *x, int alert)
{
    const char *name = escertke_alert_name(alert);

    atomic_fetch_add(&x->t->alerts, 1);
    esc_runs_mark_first_to_go(x->t->runs, x->run);
    x->answer->rsc = ESCERTKE_RSC_OK;
    x->answer->detail.alert = alert;
    snprintf(x->answer->detail.reason, sizeof x->answer->detail.reason, "peer sent alert %d (%s)", alert,
             name ? name : "unknown");
    esc_exchange_emit(x, ESCERTKE_EVENT_ALERT, NULL);
    return ESCERTKE_OK;
}

static escertke_err take_digest(struct exchange *x, escertke_flight flight)
{
    const escertke_tls_ops *tls = x->t->cfg.identity.tls;

    return flight == ESCERTKE_FLIGHT_M3 ? esc_m3_digest(tls, x->in->message, x->digest) : tls->sha256(x->in->message, x->digest);
}

static escertke_err dispatch(struct exchange *x)
{
    escertke_flight flight;
    int alert;

    escertke_err err = escertke_flight_classify(x->in->message, &flight, &alert, &x->answer->detail);
    if (err != ESCERTKE_OK)
        return err;
    if ((err = take_digest(x, flight)) != ESCERTKE_OK)
        return err;
    switch (flight) {
    case ESCERTKE_FLIGHT_M1: return esc_exchange_m1(x);
    case ESCERTKE_FLIGHT_M3: return esc_exchange_m3(x);
    case ESCERTKE_FLIGHT_ALERT: return note_alert(x, alert);
    default:
        x->answer->detail.alert = 10; /* unexpected_message */
        return esc_fail(&x->answer->detail, ESCERTKE_ERR_TLS, "TS-0003 Table 8.7.2.2-1",
                        "a Terminating End-Point takes M1 and M3, this begins like neither");
    }
}

static escertke_err answer_peer(struct exchange *x)
{
    escertke_err err = esc_peers_expect(&x->t->cfg.identity, x->peer, &x->expect);

    if (err != ESCERTKE_OK)
        return esc_fail(&x->answer->detail, err, "R-HS-12", "no peer rule lets %s establish a key here", x->peer);
    if ((err = esc_runs_enter(x->t->runs, x->peer, &x->run)) != ESCERTKE_OK)
        return err;
    err = dispatch(x);
    esc_runs_leave(x->t->runs, x->run);
    return err;
}

void escertke_terminator_take(escertke_terminator *t, const escertke_delivery *in, escertke_now now, escertke_answer *answer)
{
    struct exchange x = { .t = t, .in = in, .now = now, .answer = answer };
    char shown[ESCERTKE_ID_MAX + 1];
    escertke_id id;

    escertke_err err = escertke_id_normalise(in->from, &t->cfg.identity.ctx, &id);
    if (err == ESCERTKE_OK) {
        x.peer = id.text;
        err = answer_peer(&x);
    } else {
        esc_printable(in->from, shown, sizeof shown);
        x.peer = shown;
        (void)esc_fail(&answer->detail, err, "R-ID-30", "From \"%s\" is not an identifier that can be completed here", shown);
    }
    if (err == ESCERTKE_OK)
        return;
    if (answer->detail.err == ESCERTKE_OK)
        (void)esc_fail(&answer->detail, err, "", "%s", escertke_err_text(err));
    esc_refuse(err, answer);
    atomic_fetch_add(&t->refused, 1);
    esc_exchange_emit(&x, ESCERTKE_EVENT_REFUSED, NULL);
}

void escertke_terminator_answer(escertke_terminator *t, escertke_span from, escertke_span message, uint32_t ttl_ms,
                                escertke_now now, escertke_answer *answer)
{
    escertke_terminator_take(t, &(escertke_delivery){ .from = from, .message = message, .ttl_ms = ttl_ms }, now, answer);
}

void esc_terminator_note_refusal(escertke_terminator *t, escertke_span from, const escertke_detail *detail, size_t in_len)
{
    char shown[ESCERTKE_ID_MAX + 1];
    escertke_id id;

    if (escertke_id_normalise(from, &t->cfg.identity.ctx, &id) == ESCERTKE_OK)
        memcpy(shown, id.text, sizeof shown);
    else
        esc_printable(from, shown, sizeof shown);
    atomic_fetch_add(&t->refused, 1);
    emit(t, &(escertke_event){ .kind = ESCERTKE_EVENT_REFUSED, .peer = shown, .detail = detail, .in_len = in_len });
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void or_default(escertke_terminator_config *cfg)
{
    if (!cfg->pending_ttl_ms)
        cfg->pending_ttl_ms = ESCERTKE_TTL_MS;
    if (!cfg->replay_ttl_ms)
        cfg->replay_ttl_ms = ESCERTKE_TTL_MS;
    if (!cfg->max_pending)
        cfg->max_pending = ESCERTKE_MAX_PENDING;
    if (!cfg->max_pending_bytes)
        cfg->max_pending_bytes = cfg->max_pending * 65536;
    if (!cfg->max_pending_per_from)
        cfg->max_pending_per_from = ESCERTKE_MAX_PENDING_PER_FROM;
    if (!cfg->grace_ms)
        cfg->grace_ms = ESCERTKE_GRACE_MS;
    if (!cfg->rate_from.burst && !cfg->rate_from.per_minute)
        cfg->rate_from = (escertke_rate){ .burst = 8, .per_minute = 120 };
}

static void say_gone(void *ctx, escertke_event_kind why, const char *peer, uint64_t number)
{
    emit(ctx, &(escertke_event){ .kind = why, .run = number, .peer = peer });
}

/* What is remembered, and what is allowed. */
static escertke_err make_tables(escertke_terminator *t)
{
    const escertke_terminator_config *cfg = &t->cfg;
    const struct esc_runs_config runs = { .tls = cfg->identity.tls,
                                          .max_pending = cfg->max_pending,
                                          .max_octets = cfg->max_pending_bytes,
                                          .max_per_from = cfg->max_pending_per_from,
                                          .grace_ms = cfg->grace_ms,
                                          .gone = say_gone,
                                          .gone_ctx = t };
    const struct esc_limits_config limits = {
        .from = cfg->rate_from, .source = cfg->rate_source, .all = cfg->rate_all, .places = 4 * cfg->max_pending
    };
    escertke_err err = esc_runs_new(&runs, &t->runs);

    if (err != ESCERTKE_OK)
        return err;
    err = esc_limits_new(cfg->identity.tls, &limits, &t->limits);
    if (err != ESCERTKE_OK)
        esc_runs_free(t->runs);
    return err;
}

escertke_err escertke_terminator_new(const escertke_terminator_config *cfg, escertke_terminator **out, escertke_detail *d)
{
    const escertke_identity *identity = &cfg->identity;
    escertke_id own;
    escertke_err err;

    *out = NULL;
    if (!identity->tls || !identity->credential || !identity->id || !identity->store || !identity->store->ops ||
        !identity->ctx.sp_id)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "identity is not complete");
    if ((err = escertke_id_parse(escertke_span_str(identity->id), &own)) != ESCERTKE_OK)
        return esc_fail(d, err, "TS-0001 7.2", "own id \"%s\" is not an Absolute CSE-ID or AE-ID", identity->id);
    if ((err = esc_peers_check(identity, d)) != ESCERTKE_OK)
        return err;
    escertke_terminator *t = esc_zalloc(sizeof *t);
    if (!t)
        return ESCERTKE_ERR_NOMEM;
    t->cfg = *cfg;
    or_default(&t->cfg);
    if ((err = make_tables(t)) != ESCERTKE_OK) {
        esc_release(t);
        return err;
    }
    pthread_rwlock_init(&t->credential_lock, NULL);
    (void)escertke_crls_hold(t->cfg.identity.crls);
    *out = t;
    return ESCERTKE_OK;
}

void escertke_terminator_tick(escertke_terminator *t, escertke_now now)
{
    esc_runs_tick(t->runs, now.mono_ms);
}

void escertke_terminator_set_credential(escertke_terminator *t, const void *credential)
{
    pthread_rwlock_wrlock(&t->credential_lock);
    t->cfg.identity.credential = credential;
    pthread_rwlock_unlock(&t->credential_lock);
}

void escertke_terminator_set_crls(escertke_terminator *t, escertke_crls *crls)
{
    (void)escertke_crls_hold(crls);
    pthread_rwlock_wrlock(&t->credential_lock);
    escertke_crls *old = t->cfg.identity.crls;
    t->cfg.identity.crls = crls;
    pthread_rwlock_unlock(&t->credential_lock);
    escertke_crls_free(old);
}

void escertke_terminator_get_stats(escertke_terminator *t, escertke_terminator_stats *out)
{
    struct esc_runs_counts counts;

    esc_runs_get_counts(t->runs, &counts);
    *out = (escertke_terminator_stats){ .m1 = atomic_load(&t->m1),
                                        .m3 = atomic_load(&t->m3),
                                        .established = atomic_load(&t->established),
                                        .refused = atomic_load(&t->refused),
                                        .replayed = atomic_load(&t->replayed),
                                        .alerts = atomic_load(&t->alerts),
                                        .expired = counts.expired,
                                        .evicted = counts.evicted,
                                        .limited = atomic_load(&t->limited),
                                        .unmatched = atomic_load(&t->unmatched),
                                        .superseded = counts.superseded,
                                        .pending = counts.pending,
                                        .pending_bytes = counts.octets,
                                        .replay_entries = counts.done };
}

void escertke_terminator_free(escertke_terminator *t)
{
    if (!t)
        return;
    esc_runs_free(t->runs);
    esc_limits_free(t->limits);
    escertke_crls_free(t->cfg.identity.crls);
    pthread_rwlock_destroy(&t->credential_lock);
    esc_release(t);
}

void escertke_answer_init(escertke_answer *a)
{
    memset(a, 0, sizeof *a);
    escertke_buf_init(&a->message, ESCERTKE_MESSAGE_MAX);
    escertke_detail_init(&a->detail);
}

void escertke_answer_clear(escertke_answer *a)
{
    escertke_buf_free(&a->message);
    escertke_answer_init(a);
}

/*
 * terminator.c - the Terminating End-Point: the state machine of R-HS-34 for any number of originators at once.
 * What is remembered lies in runs.c; what goes on the wire when something is wrong, in refusal.c.
 */
#include <escertke/endpoint.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "endpoint/peers.h"
#include "endpoint/refusal.h"
#include "endpoint/runs.h"
#include "endpoint/terminator.h"

struct escertke_terminator {
    escertke_terminator_config cfg;
    pthread_rwlock_t credential_lock; /* covers cfg.identity.credential and cfg.identity.crls */
    struct esc_runs *runs;
    atomic_uint_fast64_t m1, m3, established, refused, replayed, alerts;
};

/* One message being answered. */
struct exchange {
    escertke_terminator *t;
    const char *peer;
    struct esc_run *run;
    escertke_expect expect;
    escertke_span message;
    uint8_t digest[32];
    uint32_t ttl_ms; /* 0 = none given */
    escertke_now now;
    escertke_answer *answer;
};

static void emit(escertke_terminator *t, const escertke_event *event)
{
    if (t->cfg.on_event)
        t->cfg.on_event(t->cfg.event_ctx, event);
}

static void emit_answer(struct exchange *x, escertke_event_kind kind, const escertke_key_entry *entry)
{
    emit(x->t, &(escertke_event){ .kind = kind,
                                  .peer = x->peer,
                                  .entry = entry,
                                  .detail = &x->answer->detail,
                                  .in_len = x->message.len,
                                  .out_len = x->answer->message.len });
}

static escertke_err answer_with(struct exchange *x, escertke_span message)
{
    x->answer->rsc = ESCERTKE_RSC_OK;
    return escertke_buf_append(&x->answer->message, message.ptr, message.len);
}

/* The first failure wins: a session's own account is better than ours. */
static void take_detail(struct exchange *x, const escertke_session *session)
{
    const escertke_detail *d = escertke_session_detail(session);

    if (x->answer->detail.err == ESCERTKE_OK && d->err != ESCERTKE_OK)
        x->answer->detail = *d;
}

static escertke_err replay(struct exchange *x, const escertke_buf *stored)
{
    escertke_err err = answer_with(x, escertke_buf_span(stored));

    if (err == ESCERTKE_OK) {
        atomic_fetch_add(&x->t->replayed, 1);
        emit_answer(x, ESCERTKE_EVENT_REPLAYED, NULL);
    }
    return err;
}

/* ---- M1 ------------------------------------------------------------------------------------------------------- */

static uint32_t pending_ttl(const struct exchange *x)
{
    uint32_t ttl = x->t->cfg.pending_ttl_ms;

    return x->ttl_ms && x->ttl_ms < ttl ? x->ttl_ms : ttl;
}

static escertke_err open_session(struct exchange *x, escertke_session **out)
{
    const escertke_identity *identity = &x->t->cfg.identity;
    escertke_session_config cfg = { .tls = identity->tls,
                                    .role = ESCERTKE_TERMINATOR,
                                    .expect = x->expect,
                                    .ttl_ms = pending_ttl(x),
                                    .allow_without_ems = identity->allow_without_ems,
                                    .log = identity->log };

    cfg.expect.id = x->run->peer; /* lives as long as the pending handshake */
    pthread_rwlock_rdlock(&x->t->credential_lock);
    cfg.credential = identity->credential; /* CRLs count at M3 only: that is where a certificate comes */
    escertke_err err = escertke_session_new(&cfg, out);
    pthread_rwlock_unlock(&x->t->credential_lock);
    return err;
}

static escertke_err answer_m1(struct exchange *x)
{
    escertke_session *session;
    escertke_span m2;

    atomic_fetch_add(&x->t->m1, 1);
    if (x->run->session && escertke_ct_equal(x->run->m1_digest, x->digest, sizeof x->digest))
        return replay(x, &x->run->m2);
    escertke_err err = open_session(x, &session);
    if (err != ESCERTKE_OK)
        return esc_fail(&x->answer->detail, err, "", "%s", escertke_err_text(err));
    err = escertke_session_step(session, x->message, x->now, &m2);
    if (err == ESCERTKE_OK)
        err = answer_with(x, m2);
    /* Only an M1 that TLS has accepted may take the place of a pending handshake. */
    if (err == ESCERTKE_OK)
        err = esc_runs_put_pending(x->t->runs, x->run, session, x->digest, m2, escertke_session_deadline(session));
    if (err != ESCERTKE_OK) {
        take_detail(x, session);
        escertke_session_free(session);
        return err;
    }
    emit_answer(x, ESCERTKE_EVENT_PENDING, NULL);
    return ESCERTKE_OK;
}

/* ---- M3 ------------------------------------------------------------------------------------------------------- */

/* The key is in the store before M4 leaves: what the initiator believes, the terminator holds. */
static escertke_err keep_key(struct exchange *x, escertke_session *session, escertke_key_entry *entry)
{
    const escertke_identity *identity = &x->t->cfg.identity;

    pthread_rwlock_rdlock(&x->t->credential_lock);
    escertke_err err = esc_peers_entry(identity, &x->expect, session, ESCERTKE_TERMINATOR, x->now, entry);
    pthread_rwlock_unlock(&x->t->credential_lock);
    if (err == ESCERTKE_OK)
        err = identity->store->ops->put(identity->store->state, entry, NULL, &x->answer->detail);
    escertke_wipe(entry->key.key, sizeof entry->key.key);
    return err;
}

static escertke_err finish(struct exchange *x, escertke_session *session, escertke_span m4)
{
    escertke_key_entry entry;

    escertke_err err = keep_key(x, session, &entry);
    if (err == ESCERTKE_OK)
        err = answer_with(x, m4);
    if (err != ESCERTKE_OK)
        return err;
    if (esc_runs_put_done(x->t->runs, x->run, x->digest, m4, x->now.mono_ms + x->t->cfg.replay_ttl_ms) != ESCERTKE_OK)
        esc_log(&x->t->cfg.identity.log, ESCERTKE_LEVEL_WARN, "te.no_replay", "peer=%s (out of memory)", x->peer);
    atomic_fetch_add(&x->t->established, 1);
    esc_log(&x->t->cfg.identity.log, ESCERTKE_LEVEL_INFO, "te.established", "peer=%s suite=%s", entry.peer, entry.suite);
    emit_answer(x, ESCERTKE_EVENT_ESTABLISHED, &entry);
    return ESCERTKE_OK;
}

/* The CRLs of this moment, not of M1's. */
static escertke_err step_m3(struct exchange *x, escertke_session *session, escertke_span *m4)
{
    pthread_rwlock_rdlock(&x->t->credential_lock);
    escertke_crls *crls = escertke_crls_hold(x->t->cfg.identity.crls);
    pthread_rwlock_unlock(&x->t->credential_lock);
    escertke_session_set_crls(session, crls);
    escertke_err err = escertke_session_step(session, x->message, x->now, m4);
    escertke_session_set_crls(session, NULL);
    escertke_crls_free(crls);
    return err;
}

static escertke_err answer_m3(struct exchange *x)
{
    struct esc_run *run = x->run;
    escertke_span m4;

    atomic_fetch_add(&x->t->m3, 1);
    if (run->done && run->done_until_ms > x->now.mono_ms && escertke_ct_equal(run->m3_digest, x->digest, sizeof x->digest))
        return replay(x, &run->m4);
    if (!run->session)
        return esc_fail(&x->answer->detail, ESCERTKE_ERR_NO_PENDING, "TS-0001 11.4.3 C.1.c", "no pending handshake");
    escertke_session *session = esc_runs_take_pending(x->t->runs, run); /* TLS is spent by it, good or bad */
    escertke_err err = step_m3(x, session, &m4);
    if (err == ESCERTKE_OK)
        err = finish(x, session, m4);
    take_detail(x, session);
    escertke_session_free(session);
    return err;
}

/* ---- everything else ------------------------------------------------------------------------------------------- */

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
    emit_answer(x, ESCERTKE_EVENT_ALERT, NULL);
    return ESCERTKE_OK;
}

static escertke_err dispatch(struct exchange *x)
{
    escertke_flight flight;
    int alert;

    escertke_err err = escertke_flight_classify(x->message, &flight, &alert, &x->answer->detail);
    if (err != ESCERTKE_OK)
        return err;
    if ((err = x->t->cfg.identity.tls->sha256(x->message, x->digest)) != ESCERTKE_OK)
        return err;
    switch (flight) {
    case ESCERTKE_FLIGHT_M1: return answer_m1(x);
    case ESCERTKE_FLIGHT_M3: return answer_m3(x);
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

void escertke_terminator_answer(escertke_terminator *t, escertke_span from, escertke_span message, uint32_t ttl_ms,
                                escertke_now now, escertke_answer *answer)
{
    struct exchange x = { .t = t, .message = message, .ttl_ms = ttl_ms, .now = now, .answer = answer };
    char shown[ESCERTKE_ID_MAX + 1];
    escertke_id id;

    escertke_err err = escertke_id_normalise(from, &t->cfg.identity.ctx, &id);
    if (err == ESCERTKE_OK) {
        x.peer = id.text;
        err = answer_peer(&x);
    } else {
        esc_printable(from, shown, sizeof shown);
        x.peer = shown;
        (void)esc_fail(&answer->detail, err, "R-ID-30", "From \"%s\" is not an identifier that can be completed here", shown);
    }
    if (err == ESCERTKE_OK)
        return;
    if (answer->detail.err == ESCERTKE_OK)
        (void)esc_fail(&answer->detail, err, "", "%s", escertke_err_text(err));
    esc_refuse(err, answer);
    atomic_fetch_add(&t->refused, 1);
    emit_answer(&x, ESCERTKE_EVENT_REFUSED, NULL);
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
    if ((err = esc_runs_new(identity->tls, t->cfg.max_pending, t->cfg.max_pending_bytes, &t->runs)) != ESCERTKE_OK) {
        esc_release(t);
        return err;
    }
    pthread_rwlock_init(&t->credential_lock, NULL);
    (void)escertke_crls_hold(t->cfg.identity.crls);
    *out = t;
    return ESCERTKE_OK;
}

static void say_expired(void *ctx, const char *peer)
{
    emit(ctx, &(escertke_event){ .kind = ESCERTKE_EVENT_EXPIRED, .peer = peer });
}

void escertke_terminator_tick(escertke_terminator *t, escertke_now now)
{
    esc_runs_tick(t->runs, now.mono_ms, say_expired, t);
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
                                        .pending = counts.pending,
                                        .pending_bytes = counts.octets,
                                        .replay_entries = counts.done };
}

void escertke_terminator_free(escertke_terminator *t)
{
    if (!t)
        return;
    esc_runs_free(t->runs);
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

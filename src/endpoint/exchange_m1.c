/* exchange_m1.c - M1: one more pending handshake for this From, or the M2 that it has got already. */
#include "base/fail.h"
#include "endpoint/exchange.h"

static uint32_t pending_ttl(const struct exchange *x)
{
    uint32_t ttl = x->t->cfg.pending_ttl_ms;

    return x->in->ttl_ms && x->in->ttl_ms < ttl ? x->in->ttl_ms : ttl;
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
    return err == ESCERTKE_OK ? err : esc_fail(&x->answer->detail, err, "", "%s", escertke_err_text(err));
}

static escertke_err no_place(struct exchange *x)
{
    atomic_fetch_add(&x->t->limited, 1);
    return esc_fail(&x->answer->detail, ESCERTKE_ERR_LIMIT, "A-11", "too many pending handshakes, all of them young: try later");
}

/* Before anything is computed: has it been answered, and may it be? @return OK, and the place of the handshake that has done so
 */
static escertke_err look_first(struct exchange *x, struct esc_pending **answered)
{
    *answered = esc_runs_find(x->run, x->digest);
    if (*answered)
        return ESCERTKE_OK;
    escertke_err err = esc_exchange_admit(x, ESC_LIMITED_M1);
    if (err != ESCERTKE_OK)
        return err;
    err = esc_runs_may_add(x->t->runs, x->run, x->in->source, x->now.mono_ms);
    return err == ESCERTKE_OK ? err : no_place(x);
}

/* The TLS work is done outside the run's lock: whoever floods a From with M1 must not keep its M3 waiting. */
static escertke_err compute(struct exchange *x, escertke_session **session, escertke_span *m2)
{
    esc_runs_pause(x->t->runs, x->run);
    escertke_err err = open_session(x, session);
    if (err == ESCERTKE_OK && (err = escertke_session_step(*session, x->in->message, x->now, m2)) != ESCERTKE_OK) {
        esc_exchange_blame(x, *session);
        escertke_session_free(*session);
    }
    esc_runs_resume(x->t->runs, x->run);
    return err;
}

static escertke_err replay_m2(struct exchange *x, const struct esc_pending *p)
{
    x->number = p->number;
    return esc_exchange_replay(x, escertke_buf_span(&p->m2));
}

/* Only an M1 that TLS has accepted may take the place of a pending handshake. */
static escertke_err add(struct exchange *x, escertke_session *session, escertke_span m2)
{
    const struct esc_runs_new_pending in = { .session = session,
                                             .m1_digest = x->digest,
                                             .m1 = x->in->message,
                                             .m2 = m2,
                                             .source = x->in->source,
                                             .until_ms = escertke_session_deadline(session) };
    escertke_err err = esc_exchange_answer(x, m2);

    if (err == ESCERTKE_OK)
        err = esc_runs_add(x->t->runs, x->run, &in, x->now.mono_ms, &x->number);
    if (err == ESCERTKE_OK)
        esc_exchange_emit(x, ESCERTKE_EVENT_PENDING, NULL);
    return err == ESCERTKE_ERR_LIMIT ? no_place(x) : err;
}

escertke_err esc_exchange_m1(struct exchange *x)
{
    struct esc_pending *answered;
    escertke_session *session;
    escertke_span m2;

    atomic_fetch_add(&x->t->m1, 1);
    escertke_err err = look_first(x, &answered);
    if (err != ESCERTKE_OK)
        return err;
    if (answered)
        return replay_m2(x, answered);
    if ((err = compute(x, &session, &m2)) != ESCERTKE_OK)
        return err;
    answered = esc_runs_find(x->run, x->digest); /* the same M1 may have come twice at the same moment */
    err = answered ? replay_m2(x, answered) : add(x, session, m2);
    if (answered || err != ESCERTKE_OK)
        escertke_session_free(session);
    return err;
}

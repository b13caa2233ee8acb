/* exchange_m3.c - M3: to which pending handshake it belongs, and the key that comes of it; or the M4 that it has got already. */
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "endpoint/exchange.h"
#include "endpoint/peers.h"
#include "handshake/match.h"

/* ---- which one? ------------------------------------------------------------------------------------------------- */

static bool in_time(const struct exchange *x, const struct esc_pending *p)
{
    return x->now.mono_ms <= escertke_session_deadline(p->session);
}

/* Does it wait for an M3? */
static bool alive(const struct exchange *x, const struct esc_pending *p)
{
    return !p->unsaved && in_time(x, p);
}

static escertke_err match(struct exchange *x, const struct esc_m3 *m3, struct esc_pending **out, escertke_detail *d)
{
    for (struct esc_pending *p = x->run->pending; p; p = p->next) {
        if (!alive(x, p))
            continue;
        escertke_err err = esc_m3_verify(m3, x->t->cfg.identity.tls, escertke_buf_span(&p->m1), escertke_buf_span(&p->m2));
        if (err == ESCERTKE_OK)
            *out = p;
        if (err != ESCERTKE_ERR_SIGNATURE)
            return err;
    }
    return esc_fail(d, ESCERTKE_ERR_SIGNATURE, "R-HS-37", "CertificateVerify fits none of the pending handshakes");
}

/*
 * The signature says that M3 was made for this handshake, not by whom: who has seen M1 and M2 can sign them with a key of his
 * own. So the certificates are judged, too, before TLS is spent.
 */
static escertke_err read_and_judge(struct exchange *x, struct esc_pending **out, escertke_detail *d)
{
    struct esc_m3 m3;

    escertke_err err = esc_m3_read(x->in->message, x->expect.flavour == ESCERTKE_FLAVOUR_RAW, &m3, d);
    if (err != ESCERTKE_OK)
        return err;
    err = match(x, &m3, out, d);
    if (err == ESCERTKE_OK) {
        x->number = (*out)->number;
        escertke_session_set_crls((*out)->session, x->crls);
        err = esc_session_judge((*out)->session, &m3, x->in->message, x->now, d);
        if (err != ESCERTKE_OK) {
            escertke_session_set_crls((*out)->session, NULL);
            x->number = 0; /* the handshake goes on, and this M3 is none of it */
        }
    }
    esc_m3_clear(&m3);
    return err;
}

/* Nothing is changed here: whoever sends an M3 that is not the peer's has spent our time and no more. */
static escertke_err choose(struct exchange *x, struct esc_pending **out, escertke_detail *d)
{
    bool any = false, any_alive = false;

    for (const struct esc_pending *p = x->run->pending; p; p = p->next) {
        any = any || !p->unsaved;
        any_alive = any_alive || alive(x, p);
    }
    if (!any)
        return esc_fail(d, ESCERTKE_ERR_NO_PENDING, "TS-0001 11.4.3 C.1.c", "no pending handshake");
    if (!any_alive)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, "A-13", "M3 came after the deadline");
    return read_and_judge(x, out, d);
}

/* The CRLs of this moment, not of M1's. */
static escertke_crls *hold_crls(escertke_terminator *t)
{
    pthread_rwlock_rdlock(&t->credential_lock);
    escertke_crls *crls = escertke_crls_hold(t->cfg.identity.crls);
    pthread_rwlock_unlock(&t->credential_lock);
    return crls;
}

/* ---- the key ---------------------------------------------------------------------------------------------------- */

/*
 * The key and M4 are in the store, in one transaction, before M4 leaves: what the initiator believes, the terminator holds, and
 * an M3 that comes again gets this M4, even from a process that has been started since.
 */
static escertke_err keep_key(struct exchange *x, escertke_span m4, const escertke_key_entry *entry)
{
    const escertke_identity *identity = &x->t->cfg.identity;
    escertke_reply reply = { .m4 = m4, .until_s = x->now.unix_s + (x->t->cfg.replay_ttl_ms + 999) / 1000 };
    const escertke_put_options options = { .replace = true,
                                           .overlap_s = esc_peers_overlap(identity),
                                           .reply = m4.len <= ESCERTKE_REPLY_MAX ? &reply : NULL };

    memcpy(reply.m3_digest, x->digest, sizeof reply.m3_digest);
    return identity->store->ops->put(identity->store->state, entry, &options, &x->answer->detail);
}

static escertke_err make_entry(struct exchange *x, escertke_session *session, escertke_key_entry *out)
{
    pthread_rwlock_rdlock(&x->t->credential_lock);
    escertke_err err = esc_peers_entry(&x->t->cfg.identity, &x->expect, session, ESCERTKE_TERMINATOR, x->now, out);
    pthread_rwlock_unlock(&x->t->credential_lock);
    return err;
}

static void succeed(struct exchange *x, const struct esc_pending *p, escertke_span m4, const escertke_key_entry *entry)
{
    const escertke_log *log = &x->t->cfg.identity.log;
    const struct esc_who who = { x->peer, x->in->source };

    if (esc_runs_succeed(x->t->runs, x->run, p, x->digest, m4, x->now.mono_ms, x->now.mono_ms + x->t->cfg.replay_ttl_ms) !=
        ESCERTKE_OK)
        esc_log(log, ESCERTKE_LEVEL_WARN, "te.no_replay", "run=%llu peer=%s (out of memory)", (unsigned long long)p->number,
                x->peer);
    esc_limits_give_back(x->t->limits, ESC_LIMITED_M1, &who, x->now.mono_ms);
    esc_limits_give_back(x->t->limits, ESC_LIMITED_M3, &who, x->now.mono_ms);
    atomic_fetch_add(&x->t->established, 1);
    esc_log(log, ESCERTKE_LEVEL_INFO, "te.established", "run=%llu peer=%s suite=%s", (unsigned long long)p->number, entry->peer,
            entry->suite);
    esc_exchange_emit(x, ESCERTKE_EVENT_ESTABLISHED, entry);
}

/* The key and M4 are in the store. */
static escertke_err deliver(struct exchange *x, struct esc_pending *p, escertke_span m4, escertke_key_entry *entry)
{
    escertke_wipe(entry->key.key, sizeof entry->key.key); /* none leaves by an event */
    esc_runs_take(x->t->runs, p);
    escertke_err err = esc_exchange_answer(x, m4);
    if (err == ESCERTKE_OK)
        succeed(x, p, m4, entry);
    else
        esc_exchange_blame(x, p->session);
    esc_pending_free(p);
    return err;
}

static void give_up(struct exchange *x, struct esc_pending *p)
{
    esc_runs_take(x->t->runs, p);
    esc_exchange_blame(x, p->session);
    esc_pending_free(p);
}

/*
 * Where only the store has failed, all that was agreed is kept until the deadline: the same M3 comes again, since it gets 5000,
 * and perhaps the disk has room by then. @return false: it cannot be kept either
 */
static bool keep_for_later(struct exchange *x, struct esc_pending *p, escertke_span m4, const escertke_key_entry *entry)
{
    struct esc_unsaved *u = esc_zalloc(sizeof *u);

    if (!u)
        return false;
    escertke_buf_init(&u->m4, m4.len);
    if (escertke_buf_append(&u->m4, m4.ptr, m4.len) != ESCERTKE_OK) {
        esc_release(u);
        return false;
    }
    memcpy(u->m3_digest, x->digest, sizeof u->m3_digest);
    u->entry = *entry;
    p->unsaved = u;
    x->number = 0; /* the run is not over */
    return true;
}

static escertke_err save(struct exchange *x, struct esc_pending *p, escertke_span m4)
{
    escertke_key_entry entry;

    escertke_err err = make_entry(x, p->session, &entry);
    if (err != ESCERTKE_OK) {
        give_up(x, p);
        return err;
    }
    if ((err = keep_key(x, m4, &entry)) == ESCERTKE_OK)
        return deliver(x, p, m4, &entry);
    if (escertke_err_class(err) != ESCERTKE_CLASS_LOCAL || !keep_for_later(x, p, m4, &entry))
        give_up(x, p);
    escertke_key_entry_wipe(&entry);
    return err;
}

/* TLS is spent by M3, good or bad; but only the peer gets this far, or who has damaged the peer's Finished on its way. */
static escertke_err complete(struct exchange *x, struct esc_pending *p)
{
    escertke_span m4;

    escertke_err err = escertke_session_step(p->session, x->in->message, x->now, &m4);
    escertke_session_set_crls(p->session, NULL);
    if (err == ESCERTKE_OK)
        return save(x, p, m4);
    give_up(x, p);
    return err;
}

/* ---- again -------------------------------------------------------------------------------------------------------- */

/* Had the store failed when this M3 came first? */
static struct esc_pending *find_unsaved(const struct exchange *x)
{
    for (struct esc_pending *p = x->run->pending; p; p = p->next)
        if (p->unsaved && in_time(x, p) && escertke_ct_equal(p->unsaved->m3_digest, x->digest, sizeof x->digest))
            return p;
    return NULL;
}

/* Time has passed since its certificates were judged. That their status is not known any more is no reason: see keys.h. */
static escertke_err check_again(struct exchange *x, const escertke_key_entry *entry)
{
    escertke_crls *crls = hold_crls(x->t);
    escertke_err err = escertke_key_check(entry, crls, x->now.unix_s, &x->answer->detail);

    escertke_crls_free(crls);
    if (err != ESCERTKE_ERR_STATUS)
        return err;
    escertke_detail_init(&x->answer->detail);
    return ESCERTKE_OK;
}

static escertke_err save_again(struct exchange *x, struct esc_pending *p)
{
    struct esc_unsaved *u = p->unsaved;

    x->number = p->number;
    escertke_err err = check_again(x, &u->entry);
    if (err != ESCERTKE_OK) {
        give_up(x, p);
        return err;
    }
    if ((err = keep_key(x, escertke_buf_span(&u->m4), &u->entry)) == ESCERTKE_OK)
        return deliver(x, p, escertke_buf_span(&u->m4), &u->entry);
    x->number = 0;
    return err;
}

/* Answered before this process was started, or before the last M3 of this From? @return OK, NOT_FOUND, or what the store says */
static escertke_err answer_from_store(struct exchange *x)
{
    const escertke_identity *identity = &x->t->cfg.identity;
    escertke_buf m4;

    escertke_buf_init(&m4, ESCERTKE_REPLY_MAX);
    escertke_err err =
        identity->store->ops->get_reply(identity->store->state, identity->id, x->peer, x->digest, x->now.unix_s, &m4, NULL);
    if (err == ESCERTKE_OK)
        err = esc_exchange_replay(x, escertke_buf_span(&m4));
    escertke_buf_free(&m4);
    return err;
}

static escertke_err choose_and_complete(struct exchange *x, bool *chosen, escertke_detail *why)
{
    struct esc_pending *p = NULL;

    x->crls = hold_crls(x->t);
    escertke_err err = choose(x, &p, why);
    *chosen = err == ESCERTKE_OK;
    if (*chosen) {
        err = complete(x, p);
        *why = x->answer->detail;
    }
    escertke_crls_free(x->crls);
    return err;
}

escertke_err esc_exchange_m3(struct exchange *x)
{
    const struct esc_run *run = x->run;
    escertke_detail why;
    bool chosen;

    atomic_fetch_add(&x->t->m3, 1);
    if (run->done && run->done_until_ms > x->now.mono_ms && escertke_ct_equal(run->m3_digest, x->digest, sizeof x->digest)) {
        x->number = run->done_number;
        return esc_exchange_replay(x, escertke_buf_span(&run->m4));
    }
    escertke_err err = esc_exchange_admit(x, ESC_LIMITED_M3);
    if (err != ESCERTKE_OK)
        return err;
    struct esc_pending *unsaved = find_unsaved(x);
    if (unsaved)
        return save_again(x, unsaved);
    escertke_detail_init(&why);
    err = choose_and_complete(x, &chosen, &why);
    if (!chosen && (err == ESCERTKE_ERR_NO_PENDING || err == ESCERTKE_ERR_DEADLINE || err == ESCERTKE_ERR_SIGNATURE)) {
        escertke_err stored = answer_from_store(x);
        if (stored != ESCERTKE_ERR_NOT_FOUND)
            return stored;
        atomic_fetch_add(&x->t->unmatched, 1);
    }
    x->answer->detail = why;
    return err;
}

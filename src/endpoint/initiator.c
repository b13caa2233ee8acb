/* initiator.c - one run towards one Terminating End-Point; a key exists only after M4 (R-HS-35). */
#include <escertke/endpoint.h>

#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "endpoint/peers.h"

struct escertke_initiator {
    escertke_identity identity;
    escertke_id to;
    escertke_expect expect;
    escertke_session *session;
    escertke_key_entry entry;
    bool established;
    escertke_buf sent; /* the last message, as it went */
    int sent_number;
    escertke_detail detail;   /* of what failed outside the session */
    escertke_initiator *next; /* list of runs under way */
};

/* One active run per (own identity, peer) (R-HS-36): two at once would end with two keys for the same use. */
static pthread_mutex_t active_lock = PTHREAD_MUTEX_INITIALIZER;
static escertke_initiator *active;

static bool enter(escertke_initiator *i)
{
    bool ok = true;

    pthread_mutex_lock(&active_lock);
    for (escertke_initiator *a = active; a; a = a->next)
        if (strcmp(a->to.text, i->to.text) == 0 && strcmp(a->identity.id, i->identity.id) == 0)
            ok = false;
    if (ok) {
        i->next = active;
        active = i;
    }
    pthread_mutex_unlock(&active_lock);
    return ok;
}

static void leave(escertke_initiator *i)
{
    pthread_mutex_lock(&active_lock);
    for (escertke_initiator **at = &active; *at; at = &(*at)->next)
        if (*at == i) {
            *at = i->next;
            break;
        }
    pthread_mutex_unlock(&active_lock);
}

static escertke_err prepare(escertke_initiator *i, const char *to, uint32_t ttl_ms, escertke_detail *d)
{
    escertke_id own;
    escertke_err err;

    if ((err = escertke_id_parse(escertke_span_str(i->identity.id), &own)) != ESCERTKE_OK)
        return esc_fail(d, err, "TS-0001 7.2", "own id \"%s\" is not an Absolute CSE-ID or AE-ID", i->identity.id);
    if ((err = escertke_id_parse(escertke_span_str(to), &i->to)) != ESCERTKE_OK)
        return esc_fail(d, err, "TS-0001 7.2", "peer id \"%s\" is not an Absolute CSE-ID or AE-ID", to);
    if ((err = esc_peers_check(&i->identity, d)) != ESCERTKE_OK)
        return err;
    if (esc_peers_expect(&i->identity, i->to.text, &i->expect) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "R-HS-11", "there are peer rules, but none for %s", i->to.text);
    escertke_session_config cfg = { .tls = i->identity.tls,
                                    .credential = i->identity.credential,
                                    .role = ESCERTKE_INITIATOR,
                                    .expect = i->expect,
                                    .crls = i->identity.crls,
                                    .ttl_ms = ttl_ms,
                                    .allow_without_ems = i->identity.allow_without_ems,
                                    .log = i->identity.log };
    if ((err = escertke_session_new(&cfg, &i->session)) != ESCERTKE_OK)
        return esc_fail(d, err, "", "cannot open a handshake: %s", escertke_err_text(err));
    if (!enter(i)) {
        escertke_session_free(i->session);
        return esc_fail(d, ESCERTKE_ERR_STATE, "R-HS-36", "a run towards %s is already under way", i->to.text);
    }
    return ESCERTKE_OK;
}

escertke_err escertke_initiator_new(const escertke_identity *identity, const char *to, uint32_t ttl_ms, escertke_initiator **out,
                                    escertke_detail *d)
{
    escertke_initiator *i;

    *out = NULL;
    if (!identity->tls || !identity->credential || !identity->id || !identity->store || !identity->store->ops || !to)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "identity is not complete");
    i = esc_zalloc(sizeof *i);
    if (!i)
        return ESCERTKE_ERR_NOMEM;
    i->identity = *identity;
    (void)escertke_crls_hold(i->identity.crls);
    escertke_detail_init(&i->detail);
    escertke_buf_init(&i->sent, ESCERTKE_MESSAGE_MAX);
    escertke_err err = prepare(i, to, ttl_ms, d);
    if (err != ESCERTKE_OK) {
        escertke_crls_free(i->identity.crls);
        esc_release(i);
        return err;
    }
    *out = i;
    return ESCERTKE_OK;
}

/* A message that cannot be kept can still be sent: it is only not there to be asked for. */
static void keep_sent(escertke_initiator *i, int number, escertke_span message)
{
    escertke_buf_reset(&i->sent);
    i->sent_number = message.len && escertke_buf_append(&i->sent, message.ptr, message.len) == ESCERTKE_OK ? number : 0;
}

escertke_span escertke_initiator_sent(const escertke_initiator *i, int *number)
{
    *number = i->sent_number;
    return escertke_buf_span(&i->sent);
}

escertke_err escertke_initiator_start(escertke_initiator *i, escertke_now now, escertke_span *m1)
{
    escertke_err err = escertke_session_start(i->session, now, m1);

    if (err == ESCERTKE_OK)
        keep_sent(i, 1, *m1);
    return err;
}

static escertke_err keep_key(escertke_initiator *i, escertke_now now)
{
    const escertke_put_options options = { .replace = true, .overlap_s = esc_peers_overlap(&i->identity) };
    escertke_err err = esc_peers_entry(&i->identity, &i->expect, i->session, ESCERTKE_INITIATOR, now, &i->entry);

    if (err == ESCERTKE_OK)
        err = i->identity.store->ops->put(i->identity.store->state, &i->entry, &options, &i->detail);
    if (err == ESCERTKE_OK)
        return ESCERTKE_OK;
    escertke_key_entry_wipe(&i->entry);
    return esc_fail(&i->detail, err, "TS-0003 8.7.2.2 C.2", "the key could not be kept: %s", escertke_err_text(err));
}

escertke_err escertke_initiator_step(escertke_initiator *i, escertke_span in, escertke_now now, escertke_span *reply)
{
    escertke_err err = escertke_session_step(i->session, in, now, reply);

    if (err != ESCERTKE_OK || escertke_session_done(i->session))
        keep_sent(i, 0, (escertke_span){ NULL, 0 });
    else
        keep_sent(i, 3, *reply);
    if (err != ESCERTKE_OK || !escertke_session_done(i->session))
        return err;
    if ((err = keep_key(i, now)) != ESCERTKE_OK)
        return err;
    i->established = true;
    esc_log(&i->identity.log, ESCERTKE_LEVEL_INFO, "ke.established", "role=initiator peer=%s suite=%s", i->entry.peer,
            i->entry.suite);
    return ESCERTKE_OK;
}

escertke_err escertke_initiator_entry(escertke_initiator *i, escertke_key_entry *out)
{
    if (!i->established)
        return ESCERTKE_ERR_STATE;
    *out = i->entry;
    return ESCERTKE_OK;
}

const escertke_detail *escertke_initiator_detail(const escertke_initiator *i)
{
    return i->detail.err != ESCERTKE_OK ? &i->detail : escertke_session_detail(i->session);
}

void escertke_initiator_free(escertke_initiator *i)
{
    if (!i)
        return;
    leave(i);
    escertke_session_free(i->session);
    escertke_buf_free(&i->sent);
    escertke_crls_free(i->identity.crls);
    esc_release_wiped(i, sizeof *i);
}

#include "runtime.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "tls/gnutls_token.h"
#include "token.h"

#define DESCRIPTORS_KEPT                                                                                                         \
    40u /* standard streams, libraries, the key store and its journal, files being loaded, metrics, a registrar */
#define DESCRIPTORS_OF_LISTENER 6u
#define DESCRIPTORS_OF_LOOP 3u
#define CONNECTIONS_LEAST 4u
#define RETRY_FIRST_MS 1000u
#define RETRY_MAX_MS 30000u

static void watched(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void runtime_ignore_sigpipe(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    sigaction(SIGPIPE, &ignore, NULL);
}

void runtime_block_signals(void)
{
    sigset_t set;

    watched(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int runtime_wait(unsigned ms)
{
    struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };
    sigset_t set;

    watched(&set);
    int number = sigtimedwait(&set, NULL, &time);
    return number > 0 ? number : 0;
}

static void say_rechecked(void *unused, const escertke_key_entry *entry, escertke_err verdict, const escertke_detail *d)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1];
    json_t *event;

    (void)unused;
    escertke_hex((escertke_span){ entry->key.id, sizeof entry->key.id }, id);
    if (verdict != ESCERTKE_ERR_REVOKED) {
        out_words("key %s with %s stays: %s", id, entry->peer, d->reason);
        return;
    }
    event = out_new_event("revoked");
    out_text(event, "peer", entry->peer);
    out_text(event, "key_id", id);
    out_text(event, "reason", d->reason);
    out_text(event, "clause", d->clause[0] ? d->clause : NULL);
    out_event(event, "removed key %s with %s: %s", id, entry->peer, d->reason);
}

/* Keys that came from certificates which the new lists revoke are of no use any more. */
static void recheck_keys(const struct identity *identity)
{
    escertke_now now = escertke_system_clock(NULL);
    escertke_detail d;

    escertke_detail_init(&d);
    if (!identity->crls)
        return;
    escertke_err err = escertke_keys_recheck(identity->endpoint.store, identity->crls, now.unix_s, say_rechecked, NULL, NULL, &d);
    if (err != ESCERTKE_OK)
        (void)out_failure(err, &d, "reload: the keys could not be looked at");
}

void runtime_reload(const struct identity_settings *s, struct identity *identity, escertke_terminator *terminator)
{
    const escertke_tls_ops *tls = identity->endpoint.tls;
    void *credential = NULL;
    escertke_crls *crls = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    if (token_is(s->key))
        esc_token_restart();
    escertke_err err = identity_load_credential(s, tls, &credential, &d);
    if (err == ESCERTKE_OK)
        err = identity_load_crls(s, tls, &crls, &d);
    if (err != ESCERTKE_OK) {
        tls->credential_free(credential);
        out_failure(err, &d, "reload: the old certificate, key, trust anchors and CRLs stay in use");
        return;
    }
    escertke_terminator_set_credential(terminator, credential);
    escertke_terminator_set_crls(terminator, crls);
    tls->credential_free(identity->credential);
    escertke_crls_free(identity->crls);
    identity->credential = credential;
    identity->endpoint.credential = credential;
    identity->crls = crls;
    identity->endpoint.crls = crls;
    out_event(out_new_event("reloaded"), "reloaded certificate, key, trust anchors and CRLs");
    recheck_keys(identity);
}

static void warn_unreadable(const char *path)
{
    if (path && access(path, R_OK) != 0)
        out_words("warning: %s cannot be read any more; SIGHUP will not load it again", path);
}

void runtime_warn_unreadable(const struct identity_settings *s)
{
    warn_unreadable(s->cert);
    warn_unreadable(token_is(s->key) ? s->pin_file : s->key);
    warn_unreadable(s->trust);
    for (size_t i = 0; i < s->crls.count; i++)
        warn_unreadable(s->crls.items[i]);
}

unsigned runtime_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    return limit.rlim_cur > UINT32_MAX / 2 ? UINT32_MAX / 2 : (unsigned)limit.rlim_cur;
}

unsigned runtime_connections(unsigned descriptors, unsigned wanted, size_t listeners, unsigned threads)
{
    /* for each listener its socket, its acceptor, and what its event loops wait on */
    unsigned others = DESCRIPTORS_KEPT + (unsigned)listeners * (DESCRIPTORS_OF_LISTENER + DESCRIPTORS_OF_LOOP * threads);
    unsigned each = descriptors > others ? (descriptors - others) / (unsigned)listeners : 0;

    if (each >= wanted)
        return wanted;
    if (each < CONNECTIONS_LEAST) {
        out_words("%u file descriptors are too few: expected %u at least (ulimit -n)", descriptors,
                  others + CONNECTIONS_LEAST * (unsigned)listeners);
        return 0;
    }
    out_words("%u connections in place of %u: there are %u file descriptors (ulimit -n)", each, wanted, descriptors);
    return each;
}

bool runtime_retry_due(const struct runtime_retry *r, escertke_now now)
{
    return now.mono_ms >= r->at_ms;
}

unsigned runtime_retry_later(struct runtime_retry *r, escertke_now now)
{
    uint32_t wait_ms = r->wait_ms ? r->wait_ms : RETRY_FIRST_MS;

    r->at_ms = now.mono_ms + wait_ms;
    r->wait_ms = wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
    return wait_ms / 1000;
}

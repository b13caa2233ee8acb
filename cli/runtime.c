#include "runtime.h"

#include <signal.h>
#include <time.h>

#include "out.h"
#include "tls/gnutls_token.h"
#include "token.h"

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

void runtime_reload(const struct identity_settings *s, struct identity *identity, escertke_terminator *terminator)
{
    void *credential = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    if (token_is(s->key))
        esc_token_restart();
    escertke_err err = identity_load_credential(s, identity->endpoint.tls, &credential, &d);
    if (err != ESCERTKE_OK) {
        out_failure(err, &d, "reload: the old certificate, key and trust anchors stay in use");
        return;
    }
    escertke_terminator_set_credential(terminator, credential);
    identity->endpoint.tls->credential_free(identity->credential);
    identity->credential = credential;
    identity->endpoint.credential = credential;
    out_event(out_new_event("reloaded"), "reloaded certificate, key and trust anchors");
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

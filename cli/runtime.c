#include "runtime.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "out.h"

static void watched(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void runtime_block_signals(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t set;

    watched(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
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
    escertke_err err = identity_load_credential(s, identity->endpoint.tls, &credential, &d);
    if (err != ESCERTKE_OK) {
        out_failure(err, &d, "reload: the old certificate, key and trust anchors stay in use");
        return;
    }
    escertke_terminator_set_credential(terminator, credential);
    identity->endpoint.tls->credential_free(identity->credential);
    identity->credential = credential;
    out_event(out_new_event("reloaded"), "reloaded certificate, key and trust anchors");
}

static void report_established(const escertke_event *e)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], expires[24];
    const escertke_key_entry *entry = e->entry;
    json_t *event = out_new_event("established");

    escertke_hex((escertke_span){ entry->key.id, sizeof entry->key.id }, id);
    out_time(entry->expires_s, expires);
    out_text(event, "role", escertke_role_name(entry->role));
    out_text(event, "peer", entry->peer);
    out_text(event, "key_id", id);
    out_text(event, "suite", entry->suite);
    out_text(event, "engine", entry->engine);
    out_text(event, "expires", expires);
    out_event(event, "established key %s with %s until %s (%s)", id, entry->peer, expires, entry->suite);
}

static void report_failed(const char *name, const escertke_event *e)
{
    const escertke_detail *d = e->detail;
    const char *alert = escertke_alert_name(d->alert);
    escertke_err err = e->kind == ESCERTKE_EVENT_ALERT ? ESCERTKE_ERR_ALERT : d->err;
    json_t *event = out_new_event(name);

    out_text(event, "peer", e->peer);
    if (d->rsc)
        out_number(event, "rsc", d->rsc);
    out_text(event, "alert", alert);
    out_text(event, "reason", d->reason[0] ? d->reason : escertke_err_text(err));
    out_text(event, "clause", d->clause[0] ? d->clause : NULL);
    out_text(event, "error", escertke_err_name(err));
    if (d->message)
        out_number(event, "message", d->message);
    out_event(event, "%s %s: %s%s%s%s%s%s", name, e->peer, d->reason[0] ? d->reason : escertke_err_text(err), alert ? "; alert " : "",
              alert ? alert : "", d->clause[0] ? " (" : "", d->clause, d->clause[0] ? ")" : "");
}

static void report_plain(const char *name, const escertke_event *e)
{
    json_t *event = out_new_event(name);

    out_text(event, "peer", e->peer);
    out_event(event, "%s %s", name, e->peer);
}

void runtime_report(void *ctx, const escertke_event *event)
{
    (void)ctx;
    switch (event->kind) {
    case ESCERTKE_EVENT_ESTABLISHED: report_established(event); break;
    case ESCERTKE_EVENT_REFUSED: report_failed("refused", event); break;
    case ESCERTKE_EVENT_ALERT: report_failed("alert", event); break;
    case ESCERTKE_EVENT_REPLAYED: report_plain("replayed", event); break;
    case ESCERTKE_EVENT_EXPIRED: report_plain("expired", event); break;
    case ESCERTKE_EVENT_PENDING: break; /* told by what follows it */
    }
}

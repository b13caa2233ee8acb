#include "events.h"

#include "out.h"

void event_established(const escertke_key_entry *entry)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], expires[24];
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

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

/* What a person wants to know of a refused certificate, behind the line of the event: nothing else says it. */
static void say_certificate(const escertke_detail *d)
{
    const struct {
        const char *name, *text;
    } lines[] = {
        { "certificate:", d->certificate }, { "expected:", d->expected }, { "found:", d->found }, { "to do:", d->advice }
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].text[0])
            out_line("  %-13s%s", lines[i].name, lines[i].text);
}

void event_failed(const struct event_failure *f)
{
    const escertke_detail *d = f->detail;
    const char *alert = escertke_alert_name(d->alert), *reason = d->reason[0] ? d->reason : escertke_err_text(f->err);
    json_t *event = out_new_event(f->name);

    out_text(event, "role", f->role);
    out_text(event, "peer", f->peer);
    if (d->rsc)
        out_number(event, "rsc", d->rsc);
    out_text(event, "alert", alert);
    out_text(event, "reason", reason);
    out_text(event, "clause", known(d->clause));
    out_text(event, "certificate", known(d->certificate));
    out_text(event, "expected", known(d->expected));
    out_text(event, "found", known(d->found));
    out_text(event, "advice", out_what_to_do(f->err, d));
    out_text(event, "error", escertke_err_name(f->err));
    if (d->message)
        out_number(event, "message", d->message);
    out_event(event, "%s %s: %s%s%s%s%s%s", f->name, f->peer, reason, alert ? "; alert " : "", alert ? alert : "",
              d->clause[0] ? " (" : "", d->clause, d->clause[0] ? ")" : "");
}

const char *event_failure_name(escertke_err err)
{
    escertke_class class = escertke_err_class(err);
    return class == ESCERTKE_CLASS_PEER || class == ESCERTKE_CLASS_AUTH ? "refused" : "failed";
}

static void report_plain(const char *name, const char *peer)
{
    json_t *event = out_new_event(name);

    out_text(event, "peer", peer);
    out_event(event, "%s %s", name, peer);
}

void event_report(void *ctx, const escertke_event *e)
{
    (void)ctx;
    switch (e->kind) {
    case ESCERTKE_EVENT_ESTABLISHED: event_established(e->entry); break;
    case ESCERTKE_EVENT_REFUSED:
        event_failed(&(struct event_failure){ "refused", NULL, e->peer, e->detail->err, e->detail });
        say_certificate(e->detail);
        break;
    case ESCERTKE_EVENT_ALERT: /* nothing failed here: the detail has no error of its own */
        event_failed(&(struct event_failure){ "alert", NULL, e->peer, ESCERTKE_ERR_ALERT, e->detail });
        break;
    case ESCERTKE_EVENT_REPLAYED: report_plain("replayed", e->peer); break;
    case ESCERTKE_EVENT_EXPIRED: report_plain("expired", e->peer); break;
    case ESCERTKE_EVENT_EVICTED:
    case ESCERTKE_EVENT_PENDING: break;
    }
}

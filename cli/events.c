#include "events.h"

#include <stdio.h>

#include <escertke/http.h>

#include "out.h"

static void add_story(json_t *event, const struct event_story *story)
{
    if (!story)
        return;
    json_t *sizes = json_array();
    if (story->run)
        out_number(event, "run", (json_int_t)story->run);
    if (story->timed)
        out_number(event, "duration_ms", (json_int_t)story->duration_ms);
    for (size_t i = 0; i < story->sizes_count; i++)
        json_array_append_new(sizes, json_integer((json_int_t)story->sizes[i]));
    if (story->sizes_count)
        json_object_set(event, "sizes", sizes);
    json_decref(sizes);
}

/* "; run 7, 42 ms", for people. */
static const char *say_story(const struct event_story *story, char out[64])
{
    int len = 0;

    out[0] = '\0';
    if (story && story->run)
        len = snprintf(out, 64, "; run %llu", (unsigned long long)story->run);
    if (len > 0 && story->timed)
        snprintf(out + len, 64 - (size_t)len, ", %llu ms", (unsigned long long)story->duration_ms);
    return out;
}

static json_t *of_key(const char *name, const escertke_key_entry *entry, char id[2 * ESCERTKE_KEY_ID_LEN + 1], char expires[24])
{
    json_t *event = out_new_event(name);

    escertke_hex((escertke_span){ entry->key.id, sizeof entry->key.id }, id);
    out_time(entry->expires_s, expires);
    out_text(event, "role", escertke_role_name(entry->role));
    out_text(event, "peer", entry->peer);
    out_text(event, "key_id", id);
    out_text(event, "suite", entry->suite);
    out_text(event, "engine", entry->engine);
    out_text(event, "expires", expires);
    return event;
}

void event_established(const escertke_key_entry *entry, const struct event_story *story)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], expires[24], run[64];
    json_t *event = of_key("established", entry, id, expires);

    add_story(event, story);
    out_event(event, "established key %s with %s until %s (%s)%s", id, entry->peer, expires, entry->suite, say_story(story, run));
}

void event_kept(const escertke_key_entry *entry, int64_t age_s)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], expires[24];
    json_t *event = of_key("kept", entry, id, expires);

    out_number(event, "age_s", (json_int_t)age_s);
    out_event(event, "kept key %s with %s until %s: it is %lld s old", id, entry->peer, expires, (long long)age_s);
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
    char run[64];

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
    add_story(event, f->story);
    out_event(event, "%s %s: %s%s%s%s%s%s%s", f->name, f->peer, reason, alert ? "; alert " : "", alert ? alert : "",
              d->clause[0] ? " (" : "", d->clause, d->clause[0] ? ")" : "", say_story(f->story, run));
}

const char *event_failure_name(escertke_err err)
{
    escertke_class class = escertke_err_class(err);
    return class == ESCERTKE_CLASS_PEER || class == ESCERTKE_CLASS_AUTH ? "refused" : "failed";
}

static void report_plain(const char *name, const char *peer, const struct event_story *story)
{
    json_t *event = out_new_event(name);
    char run[64];

    out_text(event, "peer", peer);
    add_story(event, story);
    out_event(event, "%s %s%s", name, peer, say_story(story, run));
}

void event_report(void *book, const escertke_event *e)
{
    const struct event_story story =
        book ? event_book_note(book, e, escertke_system_clock(NULL).mono_ms) : (struct event_story){ .run = e->run };

    switch (e->kind) {
    case ESCERTKE_EVENT_ESTABLISHED: event_established(e->entry, &story); break;
    case ESCERTKE_EVENT_REFUSED:
        event_failed(&(struct event_failure){ "refused", NULL, e->peer, e->detail->err, e->detail, &story });
        say_certificate(e->detail);
        break;
    case ESCERTKE_EVENT_ALERT: /* nothing failed here: the detail has no error of its own */
        event_failed(&(struct event_failure){ "alert", NULL, e->peer, ESCERTKE_ERR_ALERT, e->detail, &story });
        break;
    case ESCERTKE_EVENT_REPLAYED: report_plain("replayed", e->peer, &story); break;
    case ESCERTKE_EVENT_EXPIRED: report_plain("expired", e->peer, &story); break;
    case ESCERTKE_EVENT_EVICTED: report_plain("evicted", e->peer, &story); break;
    case ESCERTKE_EVENT_PENDING: break;
    }
}

/* demo_story.c - the demo's story: two CSEs, two AEs, a key; two that must not get one; then the other ways to a key. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "out.h"
#include "picture.h"

enum demo_result demo_say(struct demo *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(d->said, sizeof d->said, fmt, args);
    va_end(args);
    return DEMO_OK;
}

bool demo_run(struct demo *d, const char *name, const char *const *argv)
{
    struct process *p = crew_run(&d->crew, name, argv, 0);

    if (p)
        crew_release(p);
    return p;
}

bool demo_await_text(struct demo *d, struct process *p, const char *event, const char *field, char *out, size_t cap)
{
    json_t *found = p ? crew_await(&d->crew, p, event) : NULL;
    const char *text = json_string_value(json_object_get(found, field));
    bool ok = found && text && strlen(text) < cap;

    if (ok)
        memcpy(out, text, strlen(text) + 1);
    else if (found)
        crew_fail(&d->crew, p, "%s: the event \"%s\" has no \"%s\" of at most %zu octets", p->name, event, field, cap - 1);
    json_decref(found);
    return ok;
}

static enum demo_result start_relays(struct demo *d)
{
    const char *const in[] = { "escertke", "relay",     "--listen", "http://127.0.0.1:0/", "--cse-id", "/in1",    "--sp",
                               DEMO_SP,    "--threads", "1",        "--workers",           "4",        "--state", "in1.state",
                               "--json",   "--verbose", NULL };
    const char *const mn[] = { "escertke",   "relay",     "--listen",  "http://127.0.0.1:0/",
                               "--cse-id",   "/mn1",      "--sp",      DEMO_SP,
                               "--threads",  "1",         "--workers", "4",
                               "--state",    "mn1.state", "--json",    "--verbose",
                               "--register", d->in_url,   NULL };
    char address[256];

    d->in = crew_start(&d->crew, "the IN-CSE /in1", in);
    if (!demo_await_text(d, d->in, "listening", "url", d->in_url, sizeof d->in_url))
        return DEMO_FAILED;
    d->mn = crew_start(&d->crew, "the MN-CSE /mn1", mn);
    if (!demo_await_text(d, d->mn, "listening", "url", d->mn_url, sizeof d->mn_url) ||
        !demo_await_text(d, d->mn, "registered", "address", address, sizeof address))
        return DEMO_FAILED;
    return demo_say(d, "IN-CSE /in1 at %s; MN-CSE %s at %s, registered at it", d->in_url, address, d->mn_url);
}

static enum demo_result start_meter(struct demo *d)
{
    const char *const argv[] = {
        "escertke",  "serve",   "--id",         DEMO_METER, "--cert",          "meter.crt", "--key",
        "meter.key", "--trust", "pki/root.crt", "--store",  "sqlite:meter.db", "--listen",  "http://127.0.0.1:0/notify",
        "--via",     d->in_url, "--peer",       DEMO_PANEL, "--threads",       "1",         "--json",
        NULL
    };

    d->meter = crew_start(&d->crew, "the terminating AE Cmeter", argv);
    if (!demo_await_text(d, d->meter, "listening", "url", d->meter_url, sizeof d->meter_url))
        return DEMO_FAILED;
    json_t *event = crew_await(&d->crew, d->meter, "registered");
    if (!event)
        return DEMO_FAILED;
    const char *address = json_string_value(json_object_get(event, "address"));
    bool ok = address && json_is_true(json_object_get(event, "esi"));
    if (ok)
        demo_say(d, "terminating AE at %s registered its <AE> with esi, and who may reach it, as %s", d->meter_url, address);
    else
        crew_fail(&d->crew, d->meter, "registered, but without an address or without the attribute esi");
    json_decref(event);
    return ok ? DEMO_OK : DEMO_FAILED;
}

/* ---- the handshake --------------------------------------------------------------------------------------------------------- */

/* The four messages as the initiating end-point's log tells of them while they pass. */
struct passage {
    size_t count, len[4];
    uint64_t at_ms[4];
};

static void add(struct passage *p, size_t len, uint64_t now_ms)
{
    if (len && p->count < 4) {
        p->len[p->count] = len;
        p->at_ms[p->count++] = now_ms;
    }
}

static size_t number_after(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

static void on_line(void *ctx, const char *line, uint64_t now_ms)
{
    if (!strstr(line, " ke.step role=initiator "))
        return;
    add(ctx, number_after(line, " in="), now_ms);
    add(ctx, number_after(line, " out="), now_ms);
}

static void draw(const struct passage *p)
{
    struct picture picture = { .out = out_is_json() ? NULL : stdout, .utf8 = out_is_utf8() };

    picture_begin(&picture, DEMO_PANEL, "MN-CSE /mn1, IN-CSE /in1", DEMO_METER, p->at_ms[0]);
    for (size_t i = 0; i < 4; i++)
        picture_message(&picture, (int)i + 1, p->len[i], p->at_ms[i]);
    picture_end(&picture, "two NOTIFY exchanges through both CSEs", p->at_ms[3]);
}

/* establish as Cpanel with the certificate NAME.crt; NULL after crew_fail(). */
static struct process *start_establish(struct demo *d, const char *cert, const char *key)
{
    const char *const argv[] = { "escertke", "establish", "--id",          DEMO_PANEL, "--cert",          cert,   "--key",
                                 key,        "--trust",   "pki/root.crt",  "--store",  "sqlite:panel.db", "--to", DEMO_METER,
                                 "--via",    d->mn_url,   "--require-esi", "--json",   "--verbose",       NULL };
    return crew_start(&d->crew, "establish", argv);
}

static enum demo_result establish(struct demo *d)
{
    struct passage passage = { 0 };
    struct process *p = start_establish(d, "panel.crt", "panel.key");
    char other[sizeof d->key_id];

    if (!p)
        return DEMO_FAILED;
    p->on_line = on_line;
    p->on_line_ctx = &passage;
    bool ok = crew_finish(&d->crew, p);
    p->on_line = NULL;
    if (ok && p->code != 0)
        ok = crew_fail(&d->crew, p, "establish ended with exit code %d", p->code);
    if (!ok || !demo_await_text(d, p, "established", "key_id", d->key_id, sizeof d->key_id) ||
        !demo_await_text(d, d->meter, "established", "key_id", other, sizeof other))
        return DEMO_FAILED;
    if (strcmp(d->key_id, other) != 0)
        ok = crew_fail(&d->crew, p, "the initiating end-point says key ID %s, the terminating one %s", d->key_id, other);
    else if (passage.count != 4)
        ok = crew_fail(&d->crew, p, "expected four messages in the log, found %zu", passage.count);
    if (!ok)
        return DEMO_FAILED;
    crew_release(p);
    draw(&passage);
    return demo_say(d, "esi found, then key %s in %u ms: messages of %zu, %zu, %zu and %zu octets", d->key_id,
                    (unsigned)(passage.at_ms[3] - passage.at_ms[0]), passage.len[0], passage.len[1], passage.len[2],
                    passage.len[3]);
}

/* ---- what must be refused -------------------------------------------------------------------------------------------------- */

/* The initiating end-point must end with exit code 4 and "refused", and the terminating one must say that error. */
static enum demo_result refuse(struct demo *d, const char *cert, const char *key, const char *error)
{
    struct process *p = start_establish(d, cert, key);
    char reason[400], found[32], theirs[400];

    if (!p || !crew_finish(&d->crew, p))
        return DEMO_FAILED;
    if (p->code != EXIT_AUTH) {
        crew_fail(&d->crew, p, "establish ended with exit code %d, expected %d: authentication failed", p->code, EXIT_AUTH);
        return DEMO_FAILED;
    }
    json_t *event = crew_await(&d->crew, d->meter, "refused");
    if (!event)
        return DEMO_FAILED;
    snprintf(theirs, sizeof theirs, "%s", json_string_value(json_object_get(event, "reason")));
    snprintf(found, sizeof found, "%s", json_string_value(json_object_get(event, "error")));
    json_decref(event);
    if (!demo_await_text(d, p, "refused", "reason", reason, sizeof reason))
        return DEMO_FAILED;
    if (strcmp(found, error) != 0) {
        crew_fail(&d->crew, d->meter, "refused with the error %s (%s), expected %s", found, theirs, error);
        return DEMO_FAILED;
    }
    crew_release(p);
    return demo_say(d, "refused, exit code %d; Cmeter: %s; Cpanel: %s", EXIT_AUTH, theirs, reason);
}

static enum demo_result refuse_identity(struct demo *d)
{
    return refuse(d, "thief.crt", "thief.key", "IDENTITY");
}

static enum demo_result refuse_issuer(struct demo *d)
{
    return refuse(d, "forged.crt", "forged.key", "CERT");
}

/* ---- the other ways -------------------------------------------------------------------------------------------------------- */

static enum demo_result over_http(struct demo *d)
{
    return demo_run_over(d, DEMO_HTTP);
}

static enum demo_result over_mqtt(struct demo *d)
{
    return demo_run_over(d, DEMO_MQTT);
}

static enum demo_result over_coap(struct demo *d)
{
    return demo_run_over(d, DEMO_COAP);
}

static enum demo_result over_ws(struct demo *d)
{
    return demo_run_over(d, DEMO_WS);
}

static enum demo_result end(struct demo *d)
{
    if (!crew_stop(&d->crew))
        return DEMO_FAILED;
    return demo_say(d, "all CSEs and terminating AEs ended on SIGTERM with exit code 0");
}

const struct demo_step demo_steps[] = {
    { "pki", demo_make_pki },
    { "relays", start_relays },
    { "terminator", start_meter },
    { "establish", establish },
    { "same-key", demo_compare_keys },
    { "search", demo_try_scanner },
    { "relay-memory", demo_scan_relays },
    { "relay-logs", demo_scan_logs },
    { "wrong-identity", refuse_identity },
    { "wrong-issuer", refuse_issuer },
    { "no-new-key", demo_count_keys },
    { "over-http", over_http },
    { "over-mqtt", over_mqtt },
    { "over-coap", over_coap },
    { "over-websocket", over_ws },
    { "end", end },
    { NULL, NULL },
};

/*
 * demo_bindings.c - a run over each binding: a CSE, a terminating AE that it reaches by that binding, an initiating AE that
 * reaches it by the same, each binding in another serialization where there are some, and the same key in both stores.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding/binding.h"
#include "broker.h"
#include "demo.h"

enum { ARGS_MAX = 32, STORE_MAX = 32 };

static const struct kind {
    const char *name, *scheme;
    escertke_format format;
    const char *serve_path; /* of the URL where the terminating AE listens; NULL: nowhere */
    bool broker;            /* both meet there */
} kinds[] = {
    [DEMO_HTTP] = { "HTTP", "http", ESCERTKE_FORMAT_XML, "/notify", false },
    [DEMO_MQTT] = { "MQTT", "mqtt", ESCERTKE_FORMAT_JSON, "", true },
    [DEMO_COAP] = { "CoAP", "coap", ESCERTKE_FORMAT_CBOR, "/notify", false },
    [DEMO_WS] = { "WebSocket", "ws", ESCERTKE_FORMAT_JSON, NULL, false },
};

/* What a run needs; texts that its processes borrow. */
struct binding_run {
    const struct kind *kind;
    const char *format, *words; /* of the serialization, for options and for people */
    char listen[64], serve_listen[64], url[256], meter_store[STORE_MAX], kiosk_store[STORE_MAX];
};

/* ---- the broker ------------------------------------------------------------------------------------------------------- */

static bool is_up(void *port)
{
    return broker_is_up(*(unsigned *)port);
}

static bool write_settings(struct demo *d, unsigned port)
{
    char path[512], text[BROKER_SETTINGS_MAX];

    broker_settings(port, text);
    snprintf(path, sizeof path, "%s/mosquitto.conf", d->crew.folder);
    FILE *f = fopen(path, "we");
    bool ok = f && fputs(text, f) >= 0;
    ok = (!f || fclose(f) == 0) && ok;
    return ok || crew_fail(&d->crew, NULL, "%s cannot be written", path);
}

static bool start_broker(struct demo *d, unsigned *port)
{
    static const char *const argv[] = { "mosquitto", "-c", "mosquitto.conf", NULL };
    char program[BROKER_PATH_MAX];

    *port = broker_free_port();
    if (!*port || !broker_find(program))
        return crew_fail(&d->crew, NULL, "no port for a broker, or no broker");
    struct process *p = write_settings(d, *port) ? crew_start_other(&d->crew, "mosquitto", program, argv) : NULL;
    return p && crew_wait(&d->crew, p, "its port", is_up, port);
}

/* ---- one run ------------------------------------------------------------------------------------------------------------ */

static bool prepare(struct demo *d, struct binding_run *r)
{
    const struct kind *k = r->kind;
    unsigned port = 0;

    if (k->broker && !start_broker(d, &port))
        return false;
    escertke_format format = escertke_format_available(k->format) ? k->format : ESCERTKE_FORMAT_JSON;
    r->format = escertke_format_name(format);
    r->words = format == ESCERTKE_FORMAT_XML ? "XML" : format == ESCERTKE_FORMAT_CBOR ? "CBOR" : "JSON";
    snprintf(r->listen, sizeof r->listen, "%s://127.0.0.1:%u%s", k->scheme, port, k->broker ? "" : "/");
    if (k->serve_path)
        snprintf(r->serve_listen, sizeof r->serve_listen, "%s://127.0.0.1:%u%s", k->scheme, port, k->serve_path);
    snprintf(r->meter_store, sizeof r->meter_store, "sqlite:meter-%s.db", k->scheme);
    snprintf(r->kiosk_store, sizeof r->kiosk_store, "sqlite:kiosk-%s.db", k->scheme);
    return true;
}

static bool start_cse(struct demo *d, struct binding_run *r)
{
    const char *const argv[] = { "escertke", "relay",     "--listen", r->listen,   "--cse-id", "/in1",   "--sp",
                                 DEMO_SP,    "--threads", "1",        "--workers", "4",        "--json", NULL };

    return demo_await_text(d, crew_start(&d->crew, "the CSE /in1 of this binding", argv), "listening", "url", r->url,
                           sizeof r->url);
}

static struct process *start_meter(struct demo *d, const struct binding_run *r)
{
    const char *argv[ARGS_MAX] = {
        "escertke",        "serve",   "--id",         DEMO_METER, "--cert",       "meter.crt", "--key",
        "meter.key",       "--trust", "pki/root.crt", "--store",  r->meter_store, "--via",     r->url,
        "--serialization", r->format, "--peer",       DEMO_KIOSK, "--threads",    "1",         "--json"
    };
    size_t n = 0;
    char address[256];

    while (argv[n])
        n++;
    if (r->serve_listen[0]) {
        argv[n++] = "--listen";
        argv[n++] = r->serve_listen;
    }
    struct process *p = crew_start(&d->crew, "the terminating AE of this binding", argv);
    return demo_await_text(d, p, "registered", "address", address, sizeof address) ? p : NULL;
}

static bool establish(struct demo *d, const struct binding_run *r, char key_id[DEMO_KEY_ID_MAX])
{
    const char *const argv[] = { "escertke",      "establish", "--id",    DEMO_KIOSK,     "--cert",          "kiosk.crt",
                                 "--key",         "kiosk.key", "--trust", "pki/root.crt", "--store",         r->kiosk_store,
                                 "--to",          DEMO_METER,  "--via",   r->url,         "--serialization", r->format,
                                 "--require-esi", "--json",    NULL };
    struct process *p = crew_run(&d->crew, "establish", argv, 0);
    bool ok = demo_await_text(d, p, "established", "key_id", key_id, DEMO_KEY_ID_MAX);

    if (ok)
        crew_release(p);
    return ok;
}

/* The terminating end-point's line about this key, which says how long it took, too. */
static bool meter_agrees(struct demo *d, struct process *meter, const char *key_id, int *ms)
{
    json_t *event = crew_await(&d->crew, meter, "established");
    const char *theirs = json_string_value(json_object_get(event, "key_id"));
    bool same = theirs && strcmp(theirs, key_id) == 0;

    if (event && !same)
        crew_fail(&d->crew, meter, "the initiating end-point says key ID %s, the terminating one %s", key_id,
                  theirs ? theirs : "none");
    *ms = (int)json_integer_value(json_object_get(event, "duration_ms"));
    json_decref(event);
    return same;
}

static enum demo_result run_over(struct demo *d, const struct kind *kind)
{
    struct binding_run r = { .kind = kind };
    char key_id[DEMO_KEY_ID_MAX];
    uint8_t key[32] = { 0 };
    struct process *meter;
    int ms = 0;

    bool ok = prepare(d, &r) && start_cse(d, &r) && (meter = start_meter(d, &r)) != NULL && establish(d, &r, key_id) &&
              meter_agrees(d, meter, key_id, &ms) && demo_same_key(d, key_id, r.kiosk_store, r.meter_store, key);
    escertke_wipe(key, sizeof key);
    if (!ok)
        return DEMO_FAILED;
    d->shown[d->shown_count++] = kind->name;
    return demo_say(d, "%s, %s, through a CSE at %s: key %s in %d ms, the same 32 bytes in both stores", kind->name, r.words,
                    r.url, key_id, ms);
}

enum demo_result demo_run_over(struct demo *d, enum demo_binding which)
{
    const struct kind *kind = &kinds[which];
    char url[64], program[BROKER_PATH_MAX];

    snprintf(url, sizeof url, "%s://127.0.0.1:1", kind->scheme);
    if (esc_url_check(url, NULL) == ESCERTKE_ERR_UNSUPPORTED) {
        crew_fail(&d->crew, NULL, "%s is not in this build", kind->name);
        return DEMO_MISSING;
    }
    if (kind->broker && !broker_find(program)) {
        crew_fail(&d->crew, NULL, "%s needs a broker: %s", kind->name, BROKER_MISSING);
        return DEMO_MISSING;
    }
    return run_over(d, kind);
}

/* cmd_relay.c - relay: a small CSE; an end-point of its own when it is given a certificate. */
#include <escertke/carrier.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "commands.h"
#include "cse/cse.h"
#include "events.h"
#include "hop.h"
#include "identity.h"
#include "notifiers.h"
#include "out.h"
#include "pki.h"
#include "register_cse.h"
#include "runtime.h"

#define WORKERS 64u      /* a worker waits while a request is on its next hop */
#define HOP_TIMEOUT_S 20 /* shorter than what an originator waits, so that it hears which hop failed */
#define DRAIN_MS 3000u
#define LOOK_S 60
#define UNDO_MS 3000u

struct settings {
    struct identity_settings identity; /* first: see identity.h */
    struct text_list listen;
    const char *cse_id, *sp, *base, *registrar_url, *registrar, *poa, *state, *behave_like;
    long threads, workers, hop_timeout_s, look_s;
    bool deregister;
};

#define AT(member) offsetof(struct settings, member)

static bool check_cse_id(const char *value, char *why, size_t cap)
{
    char id[ESCERTKE_ID_MAX + 8];
    escertke_id parsed;

    if (value[0] == '/' && snprintf(id, sizeof id, "//sp%s", value) < (int)sizeof id &&
        escertke_id_parse(escertke_span_str(id), &parsed) == ESCERTKE_OK && parsed.kind != ESCERTKE_ID_AE_C)
        return true;
    snprintf(why, cap, "expected an SP-relative CSE-ID, e.g. /in1 (TS-0004 6.2.3)");
    return false;
}

static bool check_name(const char *value, char *why, size_t cap)
{
    escertke_address address;

    if (!strchr(value, '/') && strcmp(value, "-") != 0 &&
        escertke_address_parse(escertke_span_str(value), &address) == ESCERTKE_OK)
        return true;
    snprintf(why, cap, "expected a resource name, e.g. in1base (TS-0004 6.2.4)");
    return false;
}

static bool check_behaviour(const char *value, char *why, size_t cap)
{
    if (esc_cse_behaviour_valid(value))
        return true;
    snprintf(why, cap, "expected strict, acme or tinyiot");
    return false;
}

static const struct option_def relay_options[] = {
    NEEDED_LIST_ROW(
        "listen", "URL", AT(listen), hop_check_url,
        "http(s)://, coap(s):// or ws(s)://HOST:PORT[/PATH], where port 0 is any free port and the listening event says "
        "which; or mqtt(s)://BROKER[:PORT][/PREFIX]"),
    NEEDED_TEXT_ROW("cse-id", "/CSE", AT(cse_id), check_cse_id, "own CSE-ID, SP-relative, e.g. /in1"),
    NEEDED_TEXT_ROW("sp", "DOMAIN", AT(sp), pki_check_sp, "domain of the M2M service provider, e.g. m2m.example.org"),
    TEXT_ROW("base", "NAME", AT(base), check_name, "resource name of <CSEBase>, default the CSE-ID and \"base\": in1base"),
    TEXT_ROW("register", "URL", AT(registrar_url), hop_check_url,
             "be an MN-CSE registered at the CSE behind this URL; without, this is the IN-CSE"),
    NUMBER_ROW("look-every", "S", AT(look_s), 1, 86400,
               "with --register: seconds between two looks whether that CSE still has the own <remoteCSE>, default 60; if it has "
               "not, it is registered again"),
    FLAG_ROW("deregister", AT(deregister), "with --register: delete the own <remoteCSE> there at a clean stop"),
    TEXT_ROW("registrar", "/CSE", AT(registrar), check_cse_id, "CSE-ID of that CSE; needed over MQTT, whose topics name it"),
    TEXT_ROW("poa", "URL", AT(poa), hop_check_url,
             "own pointOfAccess for other CSEs, if they reach this machine by another URL than --listen"),
    TEXT_ROW("state", "FILE", AT(state), NULL, "keep the resources in this file over a restart; default memory only"),
    TEXT_ROW("behave-like", "NAME", AT(behave_like), check_behaviour,
             "for tests: depart from the standard as a deployed CSE does: acme or tinyiot; default strict"),
    NUMBER_ROW("threads", "N", AT(threads), 1, 16, "event loops of each listener, default one per core"),
    NUMBER_ROW("workers", "N", AT(workers), 1, 1024, "requests under way at once, default 64"),
    NUMBER_ROW("hop-timeout", "S", AT(hop_timeout_s), 1, 600, "seconds to wait for the answer of a next hop, default 20"),
    OPTION_END,
};

static const struct options_spec relay_spec = {
    .command = "relay",
    .synopsis = "--listen URL... --cse-id /in1 --sp DOMAIN [--register URL] [--cert FILE --key FILE --trust FILE]",
    .about =
        "Be a small CSE: registrar of AEs and CSEs, access control, NOTIFY to AEs and CSEs with the response content passed "
        "back, "
        "transit to other CSEs. With --cert, --key and --trust it is a terminating end-point too, at /CSE/-. SIGTERM and SIGINT "
        "end it cleanly, SIGHUP loads its certificate again.",
    .groups = { relay_options, credential_options, hop_options, listener_options, output_options },
};

struct relay {
    const struct settings *s;
    char sp_id[ESCERTKE_ID_MAX + 3], id[2 * ESCERTKE_ID_MAX], registrar_id[2 * ESCERTKE_ID_MAX];
    struct identity_settings own; /* the identity of the CSE, if it is an end-point */
    struct identity identity;
    struct event_book *book;
    escertke_terminator *terminator;
    struct hop_files files;
    struct esc_hops *hops;
    struct esc_cse *cse;
    struct hop_listeners listeners;
    struct notifiers notifiers;
    struct cse_registration registration;
    struct register_keep keep;
    unsigned ups; /* of the connection to the registrar */
    escertke_detail d;
};

static escertke_err deliver(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                            escertke_primitive *rsp, escertke_detail *d)
{
    const struct relay *r = ctx;
    struct esc_next next = { .url = url, .receiver = receiver, .to_ae = to_ae };

    if (register_keep_is_self(&r->keep))
        next.patience.stop = &r->keep.stop;
    else if (atomic_load(&r->keep.stop))
        next.patience.timeout_ms = UNDO_MS;
    else if (notifiers_is_self(&r->notifiers))
        next.patience.stop = &r->notifiers.stop;
    return esc_hops_send(r->hops, &next, req, rsp, d);
}

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    esc_cse_handle(ctx, req, now, rsp);
}

/* With a certificate the CSE answers handshakes to its <CSEBase> itself. */
static escertke_err open_endpoint(struct relay *r)
{
    escertke_err err;

    r->own = r->s->identity;
    r->own.id = r->id;
    r->own.registrar = NULL;
    if (!r->own.cert)
        return ESCERTKE_OK;
    if ((err = identity_open(&r->own, &r->identity, &r->d)) != ESCERTKE_OK)
        return err;
    r->identity.is_cse = true; /* "/Sname" is a CSE-ID here */
    r->book = event_book_new(ESCERTKE_MAX_PENDING);
    escertke_terminator_config cfg = { .identity = r->identity.endpoint, .on_event = event_report, .event_ctx = r->book };
    if (!r->book)
        return ESCERTKE_ERR_NOMEM;
    return escertke_terminator_new(&cfg, &r->terminator, &r->d);
}

static escertke_err open_cse(struct relay *r)
{
    const struct settings *s = r->s;
    struct esc_cse_config cfg = { .sp_id = r->sp_id,
                                  .cse_id = s->cse_id,
                                  .base_name = s->base,
                                  .registrar_url = s->registrar_url,
                                  .registrar_id = s->registrar ? r->registrar_id : NULL,
                                  .format = hop_format(&s->identity.hop),
                                  .esi = r->terminator ? "{\"esf\":[43]}" : NULL,
                                  .max_polls = ((size_t)s->workers + 1) / 2,
                                  .max_held = ((size_t)s->workers + 3) / 4,
                                  .hold_ms = (uint32_t)s->hop_timeout_s * 1000,
                                  .behave_like = s->behave_like,
                                  .deliver = deliver,
                                  .deliver_ctx = r,
                                  .two_way = true,
                                  .clock = escertke_system_clock,
                                  .self = r->terminator,
                                  .state_path = s->state };
    escertke_err err;

    if (s->identity.verbose)
        cfg.log.fn = out_log;
    if ((err = hop_files_read(&s->identity.hop, &r->files, &r->d)) != ESCERTKE_OK)
        return err;
    if ((err = hop_new(&s->identity.hop, &r->files, r->id, true, (uint32_t)s->hop_timeout_s * 1000, cfg.log, &r->hops, &r->d)) !=
        ESCERTKE_OK)
        return err;
    if ((err = esc_cse_new(&cfg, escertke_system_clock(NULL), &r->cse, &r->d)) == ESCERTKE_OK && *esc_cse_left_out(r->cse))
        out_words("%s", esc_cse_left_out(r->cse));
    return err;
}

static escertke_err listen_all(struct relay *r)
{
    const struct settings *s = r->s;
    const char *urls[HOP_LISTENERS_MAX];
    const struct esc_listen base = { .handler = handle,
                                     .handler_ctx = r->cse,
                                     .threads = (unsigned)s->threads,
                                     .workers = (unsigned)s->workers,
                                     .registrar = true };
    escertke_err err;

    if ((err = hop_listen(r->hops, &s->listen, &base, &r->listeners, &r->d)) != ESCERTKE_OK)
        return err;
    for (size_t i = 0; i < r->listeners.count; i++)
        urls[i] = esc_listener_url(&r->listeners.list[i]);
    if ((err = esc_cse_set_poa(r->cse, s->poa ? &s->poa : urls, s->poa ? 1 : r->listeners.count)) != ESCERTKE_OK)
        return esc_fail(&r->d, err, "", "the points of access cannot be used: %s", escertke_err_text(err));
    if (hop_is_two_way(s->registrar_url))
        return hop_connect(r->hops, s->registrar_url, &base, &r->listeners, &r->d);
    return ESCERTKE_OK;
}

static escertke_err start_registration(struct relay *r)
{
    r->registration = (struct cse_registration){ .cse = r->cse, .cse_id = r->s->cse_id, .url = r->s->registrar_url };
    return r->s->registrar_url ? cse_registration_start(&r->registration, (unsigned)r->s->look_s, &r->keep, &r->d) : ESCERTKE_OK;
}

/* Until a signal asks for the end; a registrar that refuses this CSE does the same. */
static escertke_err run(struct relay *r)
{
    for (;;) {
        int number = runtime_wait(1000);
        if (number == SIGTERM || number == SIGINT)
            return r->s->registrar_url ? register_keep_failed(&r->keep, &r->d) : ESCERTKE_OK;
        if (number == SIGHUP && r->terminator)
            runtime_reload(&r->own, &r->identity, r->terminator);
        if (hop_is_two_way(r->s->registrar_url) && hop_came_back(&r->listeners, r->s->listen.count, &r->ups))
            register_keep_hurry(&r->keep); /* it is ours for the registrar once something came by it */
        escertke_now now = escertke_system_clock(NULL);
        esc_cse_tick(r->cse, now);
        if (r->terminator)
            escertke_terminator_tick(r->terminator, now);
    }
}

static int relay(const struct settings *s)
{
    struct relay r = { .s = s };
    escertke_err err;

    escertke_detail_init(&r.d);
    runtime_ignore_sigpipe();
    runtime_block_signals();
    snprintf(r.sp_id, sizeof r.sp_id, "//%s", strncmp(s->sp, "//", 2) == 0 ? s->sp + 2 : s->sp);
    snprintf(r.id, sizeof r.id, "%s%s", r.sp_id, s->cse_id);
    snprintf(r.registrar_id, sizeof r.registrar_id, "%s%s", r.sp_id, s->registrar ? s->registrar : "");
    if ((err = open_endpoint(&r)) == ESCERTKE_OK && (err = open_cse(&r)) == ESCERTKE_OK &&
        (err = listen_all(&r)) == ESCERTKE_OK && (err = start_registration(&r)) == ESCERTKE_OK &&
        (err = notifiers_start(&r.notifiers, r.cse, &r.d)) == ESCERTKE_OK)
        err = run(&r);
    register_keep_stop(&r.keep, s->deregister);
    if (r.cse)
        esc_cse_stop(r.cse); /* what waits to be polled shall not make the listeners wait */
    notifiers_stop(&r.notifiers);
    hop_stop(&r.listeners, DRAIN_MS);
    esc_cse_free(r.cse);
    escertke_terminator_free(r.terminator);
    event_book_free(r.book);
    esc_hops_free(r.hops);
    hop_files_free(&r.files);
    identity_close(&r.identity);
    return err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &r.d, "relay %s", r.id);
}

int cmd_relay(int argc, char **argv)
{
    struct settings s = { .workers = WORKERS, .hop_timeout_s = HOP_TIMEOUT_S, .look_s = LOOK_S };
    struct options o;
    int code = options_parse(&relay_spec, argc, argv, &s, &o);
    bool endpoint = s.identity.cert || s.identity.key || s.identity.trust;

    if (code == OPTIONS_RUN && (!endpoint || (code = identity_require(&s.identity, relay_spec.command)) == OPTIONS_RUN)) {
        out_use_json(s.identity.json);
        code = relay(&s);
    }
    options_free(&o);
    return code;
}

/* cmd_serve.c - serve: a terminating end-point behind listeners, registered at its CSE if one is named. */
#include <escertke/carrier.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "carrier.h"
#include "commands.h"
#include "events.h"
#include "hop.h"
#include "identity.h"
#include "mailbox_serve.h"
#include "metrics.h"
#include "out.h"
#include "privileges.h"
#include "rate.h"
#include "register.h"
#include "register_keep.h"
#include "register_poll.h"
#include "runtime.h"
#include "serve_cse.h"
#include "status.h"

#define MAX_PENDING 100000
#define MAX_PENDING_MIB 1024
#define MAX_CONNECTIONS 1024
#define THREADS_MAX 16u
#define WORKERS_PER_THREAD 4u /* a worker waits for the disk when it stores a key */
#define DRAIN_MS 3000u
#define LOOK_S 60
#define POLL_S 30
#define UNDO_MS 3000u

struct settings {
    struct identity_settings identity; /* first: see identity.h */
    struct text_list listen, carriers;
    const char *via, *poa, *rate_from, *rate_source, *rate_all, *metrics, *user, *status;
    long threads, max_connections, idle_timeout_s, max_pending, max_pending_mib, max_pending_from, look_s, poll_s;
    bool deregister, polling;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_def serve_options[] = {
    LIST_ROW("listen", "URL", AT(listen), hop_check_url,
             "http(s)://, coap(s):// or ws(s)://HOST:PORT[/PATH], where port 0 is any free port and the listening event says "
             "which; or mqtt(s)://BROKER[:PORT][/PREFIX]. Not needed with --via ws(s)://, over whose connection requests come"),
    TEXT_ROW("via", "URL", AT(via), hop_check_url,
             "registrar CSE: register the own <AE> there, or bring it up to date, and let the peers reach it; of a CSE, its "
             "<remoteCSE>"),
    TEXT_ROW("poa", "URL", AT(poa), hop_check_url,
             "pointOfAccess to register, if the CSE reaches this machine by another URL than the first --listen"),
    NUMBER_ROW(
        "look-every", "S", AT(look_s), 1, 86400,
        "with --via: seconds between two looks whether the CSE still has what was registered, default 60; if it has not, it is "
        "registered again"),
    FLAG_ROW(
        "polling", AT(polling),
        "with --via, in place of --listen: fetch requests from a <pollingChannel> at the CSE, so that nobody need reach this "
        "machine"),
    NUMBER_ROW("poll-time", "S", AT(poll_s), 1, 3600, "with --polling: seconds that the CSE may keep a poll, default 30"),
    FLAG_ROW("deregister", AT(deregister), "with --via: delete the own <AE> and its policy, or the <remoteCSE>, at a clean stop"),
    LIST_ROW("carrier", "NAME", AT(carriers), carrier_check_one,
             "envelope that is taken: notify, sgn, mailbox; repeatable, default notify and sgn; mailbox needs --via and is made "
             "there"),
    NUMBER_ROW("threads", "N", AT(threads), 1, 16, "event loops of each listener, default one per core"),
    NUMBER_ROW("max-pending", "N", AT(max_pending), 1, 10000000,
               "half-open handshakes held at most, default 100000; past it the oldest goes"),
    NUMBER_ROW("max-pending-memory", "MIB", AT(max_pending_mib), 1, 1048576,
               "memory for half-open handshakes in MiB, default 1024"),
    NUMBER_ROW("max-pending-from", "N", AT(max_pending_from), 1, 1000,
               "half-open handshakes of one originator, default 4; one more is refused while the others are young"),
    TEXT_ROW(
        "rate-from", "N[/M]", AT(rate_from), rate_check,
        "messages of one originator, as brought by one address, answered at once, and each minute after that; default 8/120; "
        "none: no limit"),
    TEXT_ROW("rate-source", "N[/M]", AT(rate_source), rate_check,
             "the same of one address, whatever originators it names; default none, since a CSE brings those of many"),
    TEXT_ROW("rate-all", "N[/M]", AT(rate_all), rate_check, "the same of all together; default none"),
    NUMBER_ROW("max-connections", "N", AT(max_connections), 4, 1000000,
               "connections of each listener, default 1024; past it those go that keep it waiting longest"),
    NUMBER_ROW("idle-timeout", "S", AT(idle_timeout_s), 1, 3600,
               "seconds after which an idle connection ends, default 30; a request may take twice that in all"),
    TEXT_ROW(
        "metrics", "PORT|URL", AT(metrics), metrics_check_url,
        "serve counters in Prometheus' format at http://127.0.0.1:PORT/metrics, or at http://ADDRESS:PORT[/PATH], and /healthz "
        "and /readyz beside; port 0 is any free port, the metrics event says which"),
    TEXT_ROW("user", "NAME", AT(user), NULL, "when started as root: read the files, listen, then become this user for good"),
    TEXT_ROW("status", "URL", AT(status), status_check_url,
             "alone: ask a running serve for its metrics, at their URL, and print them as a table"),
    OPTION_END,
};

static const struct options_spec serve_spec = {
    .command = "serve",
    .synopsis = IDENTITY_SYNOPSIS " (--listen URL... [--via URL] | --polling --via URL) [--peer RULE...]",
    .about =
        "Be a terminating end-point: answer ESCertKE handshakes and keep the keys. Without --peer every peer is accepted whose "
        "certificate leads to --trust and says the ID it claims. SIGTERM and SIGINT end it cleanly, SIGHUP loads certificate, "
        "key "
        "and trust anchors again. Events: listening, metrics, registered, polling, deregistered, established, refused, alert, "
        "replayed, "
        "expired, "
        "evicted, "
        "reloaded.",
    .groups = { identity_options, credential_options, serve_options, hop_options, listener_options, output_options },
};

static bool by_connection(const struct settings *s)
{
    return s->listen.count == 0 && !s->polling && hop_is_two_way(s->via);
}

struct server {
    const struct settings *s;
    struct identity identity;
    struct hop_files files;
    escertke_terminator *terminator;
    unsigned carriers;
    struct mailbox_server *mail; /* NULL = no mailbox */
    struct serve_cse own;        /* nothing in it unless the identity is a CSE's */
    struct event_book *book;
    struct hop_listeners listeners;
    struct metrics metrics;
    struct metrics_pages *pages; /* NULL = none */
    struct esc_hops *hops;
    struct registration registration;
    struct register_keep keep;
    struct poller poller;
    unsigned ups; /* of the connection to the CSE */
    escertke_detail d;
};

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    const struct server *v = ctx;

    if (serve_cse_take(&v->own, req, now, rsp))
        return;
    if (!v->mail || !mailbox_server_take(v->mail, req, rsp))
        escertke_carrier_serve(v->terminator, v->carriers, req, now, rsp);
}

static void say_registered(const struct registration *r)
{
    json_t *event = out_new_event("registered");

    out_text(event, "address", r->address);
    out_text(event, "via", r->exchange.url);
    out_text(event, "poa", r->poa);
    json_object_set_new(event, "created", json_boolean(r->created));
    json_object_set_new(event, "esi", json_boolean(r->shows_esi));
    if (r->acor)
        json_object_set(event, "acor", r->acor);
    bool all = r->acor && !r->identity->peers.count;
    out_event(event, "registered %s at %s%s", r->address, r->exchange.url,
              all ? "; no peer rules, so every originator may send NOTIFY; who gets a key is decided by certificate" : "");
}

/* What is registered is at this address; it is fetched from there, if that is how requests come. */
static escertke_err begin_polling(void *ctx, const char *address, escertke_detail *d)
{
    struct server *v = ctx;

    if (!v->s->polling)
        return ESCERTKE_OK;
    return poller_begin(&v->poller, address, (unsigned)v->s->poll_s, handle, v, v->identity.endpoint.log, d);
}

static escertke_err make_registration(void *ctx, escertke_now now, escertke_detail *d)
{
    struct server *v = ctx;
    escertke_err err = registration_run(&v->registration, d);

    (void)now;
    if (err != ESCERTKE_OK)
        return err;
    say_registered(&v->registration);
    if (v->mail && (err = mailbox_server_open(v->mail, v->registration.poa, d)) != ESCERTKE_OK)
        return err;
    return begin_polling(v, v->registration.address, d);
}

/* That it has gone is what the next poll finds; that it goes is seen here, and put off. */
static escertke_err look_at_channel(void *ctx, escertke_now now, unsigned *next_s, escertke_detail *d)
{
    struct server *v = ctx;
    char channel[3 * ESCERTKE_ID_MAX];

    if (!v->s->polling || !poller_channel(&v->poller, channel))
        return ESCERTKE_OK;
    return registration_keep_up(&v->registration, channel, "m2m:pch", now, next_s, d);
}

static escertke_err look_at_registration(void *ctx, escertke_now now, char *lost, size_t cap, unsigned *next_s,
                                         escertke_detail *d)
{
    struct server *v = ctx;

    escertke_err err = registration_look(&v->registration, now, lost, cap, next_s, d);
    return err == ESCERTKE_OK && !lost[0] ? look_at_channel(v, now, next_s, d) : err;
}

static escertke_err undo_registration(void *ctx, escertke_detail *d)
{
    struct server *v = ctx;

    v->registration.exchange.patience = (struct esc_patience){ .timeout_ms = UNDO_MS };
    return registration_remove(&v->registration, d);
}

/* Perhaps what was registered has gone with its channel. */
static void on_channel_lost(void *ctx)
{
    struct server *v = ctx;

    register_keep_hurry(&v->keep);
}

/* Where a CSE reaches this end-point; NULL: nowhere, or by the connection that was made to it. */
static const char *own_poa(const struct server *v)
{
    if (v->s->polling || (by_connection(v->s) && !v->s->poa))
        return NULL;
    return v->s->poa ? v->s->poa : esc_listener_url(&v->listeners.list[0]);
}

static struct exchange to_registrar(const struct server *v)
{
    const struct identity *i = &v->identity;

    return (struct exchange){ .hops = v->hops,
                              .url = v->s->via,
                              .receiver = i->registrar_id,
                              .from = i->is_cse ? i->cse_id : i->stem,
                              .tls = i->endpoint.tls,
                              .format = hop_format(&v->s->identity.hop) };
}

static escertke_err start_cse(struct server *v)
{
    const char *poa = own_poa(v);
    escertke_err err = serve_cse_set_poa(&v->own, &poa, poa ? 1 : 0, &v->d);

    if (err != ESCERTKE_OK || !v->s->via)
        return err;
    v->own.registration.made = begin_polling;
    v->own.registration.also = look_at_channel;
    v->own.registration.ctx = v;
    return serve_cse_register(&v->own, (unsigned)v->s->look_s, &v->d);
}

static escertke_err start_registration(struct server *v)
{
    struct registration *r = &v->registration;
    const struct register_kept what = { .address = r->address,
                                        .url = v->s->via,
                                        .make = make_registration,
                                        .look = look_at_registration,
                                        .undo = undo_registration,
                                        .ctx = v,
                                        .look_s = (unsigned)v->s->look_s };

    *r = (struct registration){
        .exchange = v->poller.exchange, .identity = &v->identity, .terminating = true, .by_connection = by_connection(v->s)
    };
    if (v->identity.is_cse)
        return start_cse(v);
    if (!v->s->via)
        return ESCERTKE_OK;
    r->poa = own_poa(v);
    return register_keep_start(&v->keep, &what, &v->d);
}

/* Until a signal asks for the end; a CSE that refuses to register the end-point does the same. */
static escertke_err run(struct server *v)
{
    for (;;) {
        int number = runtime_wait(1000);
        if (number == SIGTERM || number == SIGINT)
            return v->s->via ? register_keep_failed(&v->keep, &v->d) : ESCERTKE_OK;
        if (number == SIGHUP)
            runtime_reload(&v->s->identity, &v->identity, v->terminator);
        if (by_connection(v->s) && hop_came_back(&v->listeners, 0, &v->ups))
            register_keep_hurry(&v->keep); /* it is ours for the CSE once something came by it */
        escertke_terminator_tick(v->terminator, escertke_system_clock(NULL));
    }
}

static escertke_err prepare_registration(struct server *v)
{
    if (!v->s->via && carrier_sum(&v->s->carriers) & (unsigned)ESCERTKE_CARRIER_MAILBOX)
        return esc_fail(&v->d, ESCERTKE_ERR_CONFIG, "R-12.1", "--carrier mailbox needs --via: a mailbox lies at a CSE");
    if (v->identity.is_cse && carrier_sum(&v->s->carriers) & (unsigned)ESCERTKE_CARRIER_MAILBOX)
        return esc_fail(&v->d, ESCERTKE_ERR_CONFIG, "R-12.1",
                        "--carrier mailbox: a mailbox lies below an <AE>, and --id %s is a CSE", v->identity.id.text);
    if (!v->s->via || v->identity.is_cse)
        return ESCERTKE_OK;
    return registration_check(&v->identity, &v->d);
}

static int check_ways(const struct settings *s)
{
    if (!s->listen.count && !s->polling && !by_connection(s))
        return out_usage(serve_spec.command, "--listen URL is missing (or --polling, with --via; or --via ws(s)://)");
    if (s->polling && (s->listen.count || s->poa))
        return out_usage(serve_spec.command,
                         "--polling and %s exclude each other: with a <pollingChannel> a CSE sends nothing to a "
                         "point of access",
                         s->poa ? "--poa" : "--listen");
    if (s->polling && !s->via)
        return out_usage(serve_spec.command, "--polling needs --via: the CSE that keeps the requests");
    return OPTIONS_RUN;
}

/* What may need the rights of root: keys, sockets. Then they are given up, and what is made belongs to the user. */
static escertke_err acquire(struct server *v)
{
    const struct settings *s = v->s;
    escertke_err err;

    if ((err = privileges_seal(&v->d)) != ESCERTKE_OK ||
        (err = identity_read(&s->identity, &v->identity, &v->d)) != ESCERTKE_OK ||
        (err = hop_files_read(&s->identity.hop, &v->files, &v->d)) != ESCERTKE_OK ||
        (err = prepare_registration(v)) != ESCERTKE_OK ||
        (err = hop_new(&s->identity.hop, &v->files, v->identity.id.text, v->identity.is_cse, 0, v->identity.endpoint.log,
                       &v->hops, &v->d)) != ESCERTKE_OK ||
        (err = hop_open(&s->listen, &v->listeners, &v->d)) != ESCERTKE_OK)
        return err;
    if (s->metrics && (err = metrics_listen(s->metrics, &v->pages, &v->d)) != ESCERTKE_OK)
        return err;
    if (s->user) {
        if ((err = privileges_drop(s->user, &v->d)) != ESCERTKE_OK)
            return err;
        runtime_warn_unreadable(&s->identity);
    }
    return identity_open_store(&s->identity, &v->identity, &v->d);
}

static escertke_err make_terminator(struct server *v)
{
    const struct settings *s = v->s;
    escertke_terminator_config cfg = { .identity = v->identity.endpoint,
                                       .max_pending = (size_t)s->max_pending,
                                       .max_pending_bytes = (size_t)s->max_pending_mib << 20,
                                       .max_pending_per_from = (size_t)s->max_pending_from,
                                       .on_event = event_report };

    rate_set(s->rate_from, &cfg.rate_from);
    rate_set(s->rate_source, &cfg.rate_source);
    rate_set(s->rate_all, &cfg.rate_all);
    cfg.event_ctx = v->book = event_book_new((size_t)s->max_pending);
    return v->book ? escertke_terminator_new(&cfg, &v->terminator, &v->d) : ESCERTKE_ERR_NOMEM;
}

static escertke_err make_mailbox(struct server *v)
{
    const struct mailbox box = { .identity = &v->identity, .exchange = to_registrar(v) };

    v->carriers = carrier_sum(&v->s->carriers);
    if (!(v->carriers & (unsigned)ESCERTKE_CARRIER_MAILBOX))
        return ESCERTKE_OK;
    return mailbox_server_new(v->terminator, &box, &v->mail, &v->d);
}

static escertke_err make_cse(struct server *v)
{
    struct exchange x = to_registrar(v);

    x.patience.stop = &v->keep.stop;
    poller_init(&v->poller, &x, on_channel_lost, v);
    v->own = (struct serve_cse){ .identity = &v->identity,
                                 .hops = v->hops,
                                 .keep = &v->keep,
                                 .via = v->s->via,
                                 .format = hop_format(&v->s->identity.hop),
                                 .by_connection = by_connection(v->s) };
    return serve_cse_open(&v->own, &v->d);
}

static unsigned event_loops(const struct settings *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = s->threads ? (unsigned)s->threads : cores > 0 ? (unsigned)cores : 1;

    return threads < THREADS_MAX ? threads : THREADS_MAX;
}

static escertke_err listen_all(struct server *v)
{
    const struct settings *s = v->s;
    unsigned threads = event_loops(s), descriptors = runtime_raise_descriptors();
    struct esc_listen base = { .handler = handle,
                               .handler_ctx = v,
                               .threads = threads,
                               .workers = (unsigned)(s->threads ? s->threads : 4) * WORKERS_PER_THREAD,
                               .timeout_s = (unsigned)s->idle_timeout_s };

    if (s->listen.count)
        base.max_connections = runtime_connections(descriptors, (unsigned)s->max_connections, s->listen.count, threads);
    if (s->listen.count && !base.max_connections)
        return esc_fail(&v->d, ESCERTKE_ERR_LIMIT, "", "too few file descriptors");
    escertke_err err = hop_listen(v->hops, &s->listen, &base, &v->listeners, &v->d);
    if (err == ESCERTKE_OK && by_connection(s))
        err = hop_connect(v->hops, s->via, &base, &v->listeners, &v->d);
    if (err != ESCERTKE_OK || !v->pages)
        return err;
    v->metrics.terminator = v->terminator;
    v->metrics.book = v->book;
    v->metrics.listeners = &v->listeners;
    v->metrics.store = &v->identity.store;
    v->metrics.registered = s->via ? &v->keep.registered : NULL;
    v->metrics.polling = s->polling ? &v->poller.up : NULL;
    v->metrics.started_s = (int64_t)time(NULL);
    return metrics_start(v->pages, &v->metrics, &v->d);
}

static int serve(const struct settings *s)
{
    struct server v = { .s = s };
    escertke_err err;

    escertke_detail_init(&v.d);
    runtime_ignore_sigpipe();
    runtime_block_signals();
    if ((err = acquire(&v)) == ESCERTKE_OK && (err = make_terminator(&v)) == ESCERTKE_OK &&
        (err = make_mailbox(&v)) == ESCERTKE_OK && (err = make_cse(&v)) == ESCERTKE_OK && (err = listen_all(&v)) == ESCERTKE_OK &&
        (err = start_registration(&v)) == ESCERTKE_OK)
        err = run(&v);
    metrics_stop(v.pages);
    register_keep_halt(&v.keep);
    poller_end(&v.poller, s->deregister);
    register_keep_stop(&v.keep, s->deregister);
    registration_free(&v.registration);
    hop_stop(&v.listeners, DRAIN_MS);
    serve_cse_free(&v.own);
    mailbox_server_free(v.mail);
    escertke_terminator_free(v.terminator);
    event_book_free(v.book);
    esc_hops_free(v.hops);
    hop_files_free(&v.files);
    identity_close(&v.identity);
    return err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &v.d, "serve %s", s->identity.id);
}

/* --status asks another process, and needs nothing of what an end-point does. */
static bool wants_status(int argc, char **argv)
{
    bool status = false, help = false;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        status = status || strcmp(argv[i], "--status") == 0 || strncmp(argv[i], "--status=", 9) == 0;
        help = help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    return status && !help;
}

int cmd_serve(int argc, char **argv)
{
    struct settings s = { .max_pending = MAX_PENDING,
                          .max_pending_mib = MAX_PENDING_MIB,
                          .max_connections = MAX_CONNECTIONS,
                          .look_s = LOOK_S,
                          .poll_s = POLL_S };
    struct options o;

    if (wants_status(argc, argv))
        return cmd_serve_status(argc, argv);
    int code = options_parse(&serve_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && (code = check_ways(&s)) == OPTIONS_RUN &&
        (code = identity_require(&s.identity, serve_spec.command)) == OPTIONS_RUN) {
        out_use_json(s.identity.json);
        code = serve(&s);
    }
    options_free(&o);
    return code;
}

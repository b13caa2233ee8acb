/* cmd_establish.c - establish: an initiating end-point runs one handshake with a peer and keeps the key. */
#include <escertke/carrier.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "carrier.h"
#include "commands.h"
#include "discover.h"
#include "events.h"
#include "hop.h"
#include "identity.h"
#include "mailbox_run.h"
#include "out.h"
#include "picture.h"
#include "register.h"
#include "runtime.h"
#include "target.h"

struct settings {
    struct identity_settings identity; /* first: see identity.h */
    const char *to, *url, *via, *address, *esi_at, *carrier;
    long timeout_s, repeat, if_older_s; /* < 0 = whatever there is */
    bool require_esi, no_discovery;
};

#define AT(member) offsetof(struct settings, member)

static bool check_address(const char *value, char *why, size_t cap)
{
    escertke_address address;

    if (escertke_address_parse(escertke_span_str(value), &address) == ESCERTKE_OK && address.attr.len == 0)
        return true;
    snprintf(why, cap, "expected the address of an <AE> or <CSEBase>, e.g. /in1/Cmeter or /in1/- (TS-0004 6.2.4)");
    return false;
}

static const struct option_def establish_options[] = {
    NEEDED_TEXT_ROW("to", "ID", AT(to), identity_check_id, "Absolute AE-ID or CSE-ID of the terminating end-point"),
    TEXT_ROW("url", "URL", AT(url), hop_check_url, "the peer's own point of access"),
    TEXT_ROW("via", "URL", AT(via), hop_check_url, "own registrar CSE; the own <AE> is registered there if it is not yet"),
    TEXT_ROW("address", "ADDR", AT(address), check_address,
             "resource of the peer; default its SP-relative <AE> (/CSE/Cname) or <CSEBase> (/CSE/-); needed for an S-type AE"),
    FLAG_ROW("require-esi", AT(require_esi),
             "with --via: stop if the peer's esi does not say 43; without, that is said and the handshake goes on"),
    TEXT_ROW("esi-at", "ADDR", AT(esi_at), check_address,
             "with --via: where to look for the peer's esi first, e.g. an announced <AE> or a <remoteCSE>"),
    FLAG_ROW("no-discovery", AT(no_discovery), "with --via: do not ask for the peer's esi; it is known to support ESCertKE"),
    TEXT_ROW("carrier", "NAME", AT(carrier), carrier_check,
             "envelope of the messages: notify (the standard's, default), sgn, mailbox, or auto: the first that works"),
    NUMBER_ROW("timeout", "S", AT(timeout_s), 1, 3600, "seconds until it gives up, default 60; a quarter of it for one answer"),
    NUMBER_ROW("repeat", "N", AT(repeat), 0, 100,
               "how often an unanswered message is sent again, after 1, 2, 4... s, default 3; 0: one run, and nothing twice"),
    NUMBER_ROW("if-older-than", "S", AT(if_older_s), 1, 1000000000,
               "do nothing if the store has a key for the peer, held by both, made less than so many seconds ago"),
    OPTION_END,
};

static const struct options_spec establish_spec = {
    .command = "establish",
    .synopsis = IDENTITY_SYNOPSIS " --to ID (--url URL | --via URL [--address ADDR])",
    .about =
        "Establish a pairwiseE2EKey with a terminating end-point and keep it in the store. Says established or refused (failed "
        "if "
        "nobody refused: unreachable, too late, local). Exit codes: 0 established, 1 local failure, 2 usage, 3 the peer or a CSE "
        "refused, 4 authentication failed on either side, 5 unreachable or timed out.",
    .groups = { identity_options, credential_options, establish_options, hop_options, output_options },
};

struct run {
    const struct settings *s;
    struct identity identity;
    struct hop_files files;
    struct esc_hops *hops;
    struct target target;
    struct picture picture;
    escertke_key_entry entry;
    escertke_detail d;
};

static escertke_err send_request(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct run *r = ctx;
    const struct esc_next direct = { .url = r->s->url, .receiver = r->s->to, .to_ae = !r->target.is_cse };
    const struct esc_next via = { .url = r->s->via, .receiver = r->identity.registrar_id };

    return esc_hops_send(r->hops, r->s->url ? &direct : &via, req, rsp, d);
}

static void progress(void *ctx, int message, size_t len)
{
    struct run *r = ctx;
    picture_message(&r->picture, message, len, escertke_system_clock(NULL).mono_ms);
}

/* Somebody who looks on is told why nothing happens. */
static void wait_until(void *ctx, uint64_t until_ms)
{
    const struct run *r = ctx;
    uint64_t now_ms = escertke_system_clock(NULL).mono_ms;
    uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct timespec time = { .tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000L };

    if (wait_ms)
        out_words("no usable answer from %s; the next message leaves in %.1f s", r->s->url ? r->s->url : r->s->via,
                  (double)wait_ms / 1000);
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

/* One answer: long enough for a way through several CSEs, short enough for repetitions within the whole. */
static uint32_t answer_timeout_ms(const struct settings *s)
{
    return s->timeout_s > 4 ? (uint32_t)s->timeout_s * 250 : 1000;
}

static struct exchange exchange_of(const struct run *r, const char *from)
{
    return (struct exchange){ .hops = r->hops,
                              .url = r->s->via,
                              .receiver = r->identity.registrar_id,
                              .from = from,
                              .tls = r->identity.endpoint.tls,
                              .format = hop_format(&r->s->identity.hop) };
}

/* A CSE is no <AE>: it stands at its registrar as <remoteCSE>, which escertke relay takes care of. */
static escertke_err register_ae(struct run *r)
{
    struct registration reg = { .identity = &r->identity };

    if (r->identity.is_cse)
        return ESCERTKE_OK;
    reg.exchange = exchange_of(r, r->identity.stem);
    escertke_err err = registration_run(&reg, &r->d);
    if (err == ESCERTKE_OK && reg.created)
        out_words("registered %s at %s", reg.address, r->s->via);
    registration_free(&reg);
    return err;
}

/* Does the peer say that it supports ESCertKE? Not knowing is no reason to stop unless one is asked to (R-IO-8, R-RG-41). */
static escertke_err find_esi(struct run *r)
{
    struct discovery f = { .exchange = exchange_of(r, r->target.from),
                           .identity = &r->identity,
                           .peer = r->s->to,
                           .target = &r->target,
                           .place = r->s->esi_at };
    escertke_err err = r->s->no_discovery ? ESCERTKE_OK : discover(&f, &r->d);

    if (err != ESCERTKE_OK || f.supported || r->s->no_discovery)
        return err;
    if (r->s->require_esi)
        return esc_fail(&r->d, ESCERTKE_ERR_UNSUPPORTED, "TS-0001 11.4.3, TS-0004 6.3.5.52",
                        "esi of %s does not say that it supports ESCertKE: %s", f.address, f.why);
    out_words("esi of %s does not say that it supports ESCertKE (%s); going on", f.address, f.why);
    return ESCERTKE_OK;
}

static escertke_err open_letters(struct run *r, struct mailbox_run *letters, escertke_notify_params *params, escertke_detail *d)
{
    const struct exchange x = exchange_of(r, r->identity.stem);

    return mailbox_run_open(letters, &x, &r->identity, r->s->to, r->target.address, answer_timeout_ms(r->s), params, d);
}

/* By one carrier: what is established stands in r->entry. */
static escertke_err handshake_by(void *ctx, escertke_carrier which, bool others_follow, escertke_detail *d)
{
    struct run *r = ctx;
    struct mailbox_run letters;
    const escertke_attempt_params effort = { .give_up_ms = (uint32_t)r->s->timeout_s * 1000,
                                             .repeats = (unsigned)r->s->repeat,
                                             .once = r->s->repeat == 0 };
    escertke_attempt *attempt = NULL;
    escertke_err err = escertke_attempt_new(&r->identity.endpoint, r->s->to, &effort, escertke_system_clock(NULL), &attempt, d);

    if (err != ESCERTKE_OK)
        return err;
    escertke_notify_params params = { .to = r->target.address,
                                      .from = r->target.from,
                                      .send = send_request,
                                      .send_ctx = r,
                                      .clock = escertke_system_clock,
                                      .progress = progress,
                                      .progress_ctx = r,
                                      .pause = wait_until,
                                      .pause_ctx = r,
                                      .format = hop_format(&r->s->identity.hop),
                                      .carrier = which,
                                      .others_follow = others_follow };
    if (which == ESCERTKE_CARRIER_MAILBOX)
        err = open_letters(r, &letters, &params, d);
    picture_begin(&r->picture, r->identity.id.text, r->s->via, r->s->to, escertke_system_clock(NULL).mono_ms);
    if (err == ESCERTKE_OK)
        err = escertke_notify_establish(attempt, &params, d);
    if (err == ESCERTKE_OK)
        err = escertke_attempt_entry(attempt, &r->entry);
    picture_end(&r->picture, err == ESCERTKE_OK ? "the same key at both ends, and nowhere between" : "no key",
                escertke_system_clock(NULL).mono_ms);
    escertke_attempt_free(attempt);
    return err;
}

/*
 * Is there a key that makes a new one needless? One whose certificates are still good, that the peer holds too, and not from a
 * future that a clock set right again has left behind.
 */
static bool young_enough(const struct run *r, const escertke_key_entry *e, int64_t unix_s)
{
    return e->confirmed && e->created_s <= unix_s && unix_s - e->created_s < r->s->if_older_s &&
           escertke_key_check(e, r->identity.endpoint.crls, unix_s, NULL) == ESCERTKE_OK;
}

/* @return OK, store errors; *kept: there is one, and it has been said */
static escertke_err keep_young(struct run *r, bool *kept)
{
    const escertke_identity *own = &r->identity.endpoint;
    int64_t unix_s = escertke_system_clock(NULL).unix_s;
    escertke_key_entry entry;

    *kept = false;
    if (r->s->if_older_s < 0)
        return ESCERTKE_OK;
    escertke_err err = own->store->ops->find(own->store->state, own->id, r->s->to, own->usage, unix_s, &entry, &r->d);
    if (err == ESCERTKE_ERR_NOT_FOUND) {
        escertke_detail_init(&r->d);
        return ESCERTKE_OK;
    }
    if (err == ESCERTKE_OK && (*kept = young_enough(r, &entry, unix_s)))
        event_kept(&entry, unix_s - entry.created_s);
    escertke_key_entry_wipe(&entry);
    return err;
}

static escertke_err establish(struct run *r)
{
    const struct settings *s = r->s;
    escertke_carrier last = s->url ? ESCERTKE_CARRIER_SGN : ESCERTKE_CARRIER_MAILBOX;
    bool kept = false;
    escertke_err err;

    if ((err = identity_open(&s->identity, &r->identity, &r->d)) != ESCERTKE_OK || (err = keep_young(r, &kept)) != ESCERTKE_OK ||
        kept)
        return err;
    if ((err = target_find(&r->identity, s->to, s->url != NULL, s->address, &r->target, &r->d)) != ESCERTKE_OK ||
        (err = hop_files_read(&s->identity.hop, &r->files, &r->d)) != ESCERTKE_OK)
        return err;
    if ((err = hop_new(&s->identity.hop, &r->files, r->identity.id.text, r->identity.is_cse, answer_timeout_ms(s),
                       r->identity.endpoint.log, &r->hops, &r->d)) != ESCERTKE_OK)
        return err;
    if (s->via && ((err = register_ae(r)) != ESCERTKE_OK || (err = find_esi(r)) != ESCERTKE_OK))
        return err;
    if ((err = carrier_establish(s->carrier, last, s->url ? s->url : s->via, handshake_by, r, &r->d)) != ESCERTKE_OK)
        return err;
    event_established(&r->entry, NULL);
    escertke_key_entry_wipe(&r->entry);
    return ESCERTKE_OK;
}

static int run(const struct settings *s)
{
    struct run r = { .s = s };
    int code = EXIT_DONE;

    escertke_detail_init(&r.d);
    runtime_ignore_sigpipe();
    r.picture.out = out_is_interactive() ? stderr : NULL;
    r.picture.utf8 = out_is_utf8();
    escertke_err err = establish(&r);
    if (err != ESCERTKE_OK) {
        if (escertke_err_class(err) != ESCERTKE_CLASS_USAGE)
            event_failed(&(struct event_failure){ event_failure_name(err), escertke_role_name(ESCERTKE_INITIATOR), s->to, err,
                                                  &r.d, NULL });
        code = out_failure(err, &r.d, "establish with %s", s->to);
    }
    esc_hops_free(r.hops);
    hop_files_free(&r.files);
    identity_close(&r.identity);
    return code;
}

static int check_settings(const struct settings *s)
{
    int code = identity_require(&s->identity, establish_spec.command);

    if (code != OPTIONS_RUN)
        return code;
    if (!s->url == !s->via)
        return out_usage(establish_spec.command,
                         "expected one of --url (the peer's point of access) and --via (own registrar CSE), found %s",
                         s->url ? "both" : "none");
    if (s->no_discovery && (s->require_esi || s->esi_at))
        return out_usage(establish_spec.command, "--no-discovery and %s exclude each other",
                         s->require_esi ? "--require-esi" : "--esi-at");
    if (s->url && s->carrier && strcmp(s->carrier, escertke_carrier_name(ESCERTKE_CARRIER_MAILBOX)) == 0)
        return out_usage(establish_spec.command, "--carrier mailbox needs --via: mailboxes lie at a CSE");
    if (strcmp(s->to, s->identity.id) == 0)
        return out_usage(establish_spec.command, "--to and --id are the same: %s", s->to);
    return OPTIONS_RUN;
}

int cmd_establish(int argc, char **argv)
{
    struct settings s = { .timeout_s = ESCERTKE_TTL_MS / 1000, .repeat = 3, .if_older_s = -1 };
    struct options o;
    int code = options_parse(&establish_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && (code = check_settings(&s)) == OPTIONS_RUN) {
        out_use_json(s.identity.json);
        code = run(&s);
    }
    options_free(&o);
    return code;
}

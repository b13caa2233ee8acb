/* cmd_doctor.c - doctor: which bindings, serializations, carriers and kinds of reachability work through somebody's CSE. */
#define _XOPEN_SOURCE 700 /* nftw, realpath */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fail.h"
#include "commands.h"
#include "doctor.h"
#include "exchange.h"
#include "identity.h"
#include "out.h"

#define TIMEOUT_S 12
#define DELETE_MS 3000u

struct settings {
    struct hop_settings hop;
    struct text_list via;
    const char *registrar;
    long timeout_s;
    bool json;
};

#define AT(member) offsetof(struct settings, member)

static bool check_cse(const char *value, char *why, size_t cap)
{
    escertke_id id;

    if (escertke_id_parse(escertke_span_str(value), &id) == ESCERTKE_OK && id.kind != ESCERTKE_ID_AE_C)
        return true;
    snprintf(why, cap, "expected an Absolute CSE-ID, e.g. //m2m.example.org/in1 (TS-0004 6.2.3)");
    return false;
}

static const struct option_def doctor_options[] = {
    NEEDED_LIST_ROW("via", "URL", AT(via), hop_check_url, "the CSE, by each binding that is to be tried"),
    NEEDED_TEXT_ROW("registrar", "//SP/CSE", AT(registrar), check_cse, "its Absolute CSE-ID"),
    NUMBER_ROW("timeout", "S", AT(timeout_s), 4, 600, "seconds for each step of each way, default 12"),
    TEXT_ROW("tls-cert", "FILE", AT(hop.tls_cert), NULL, "own certificate for the hop"),
    TEXT_ROW("tls-key", "FILE", AT(hop.tls_key), NULL, "its private key"),
    TEXT_ROW("tls-trust", "FILE", AT(hop.tls_trust), NULL, "trust anchors of the hop, default the system's"),
    TEXT_ROW("mqtt-user", "NAME", AT(hop.mqtt_user), NULL, "user at the broker"),
    TEXT_ROW("mqtt-password-file", "FILE", AT(hop.mqtt_password_file), NULL, "file with the user's password"),
    FLAG_ROW("json", AT(json), "JSON, one object per way and one at the end"),
    OPTION_END,
};

static const struct options_spec doctor_spec = {
    .command = "doctor",
    .synopsis = "--via URL... --registrar //SP/CSE [--json]",
    .about = "Find out which ways lead through a CSE: register two throw-away AEs there, establish keys between them by each "
             "binding that a --via names, in each serialization, with each carrier, reached at a point of access and by polling, "
             "and say what worked, with the command lines to use, and what did not, with the CSE's words. The AEs are deleted at "
             "the end, also after Ctrl-C. Exit code 0 if one way works at least, 3 if none does, 5 if the CSE is not reached.",
    .groups = { doctor_options },
};

/* ---- folder, PKI ------------------------------------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static bool make_folder(char *path, size_t cap)
{
    const char *base = getenv("TMPDIR");

    if (snprintf(path, cap, "%s/escertke-doctor-XXXXXX", base && *base ? base : "/tmp") < (int)cap && mkdtemp(path))
        return true;
    out_words("doctor: no folder can be made below %s: %s", base && *base ? base : "/tmp", strerror(errno));
    return false;
}

static bool run(struct doctor *d, const char *const *argv)
{
    struct process *p = crew_run(&d->crew, argv[2], argv, 0);

    if (p)
        crew_release(p);
    else
        out_words("doctor: pki %s: %s", argv[2], d->crew.why);
    return p;
}

static bool make_pki(struct doctor *d)
{
    const char *const init[] = { "escertke", "pki", "init", "pki", "--sp", d->sp + 2, NULL };
    const char *const a[] = { "escertke", "pki", "issue", "pki", "--ae-id", d->initiator, "--out", "a", NULL };
    const char *const b[] = { "escertke", "pki", "issue", "pki", "--ae-id", d->terminator, "--out", "b", NULL };

    d->crew.deadline_ms = escertke_system_clock(NULL).mono_ms + 20000;
    return run(d, init) && run(d, a) && run(d, b);
}

static bool name_aes(struct doctor *d, const char *registrar)
{
    escertke_id id;
    uint8_t octets[4];
    char hex[2 * sizeof octets + 1];

    if (escertke_id_parse(escertke_span_str(registrar), &id) != ESCERTKE_OK ||
        getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
        return false;
    escertke_hex((escertke_span){ octets, sizeof octets }, hex);
    snprintf(d->sp, sizeof d->sp, "%.*s", (int)id.sp_len, id.text);
    snprintf(d->cse, sizeof d->cse, "%s", id.text + id.sp_len);
    return snprintf(d->initiator, sizeof d->initiator, "%s/Cdoctor%sa", registrar, hex) < (int)sizeof d->initiator &&
           snprintf(d->terminator, sizeof d->terminator, "%s/Cdoctor%sb", registrar, hex) < (int)sizeof d->terminator;
}

/* ---- nothing stays behind ------------------------------------------------------------------------------------------ */

/* @return is it gone, as far as the CSE says? */
static bool delete_ae(const struct settings *s, const struct hop_files *files, const char *id, const char *url)
{
    struct esc_hops *hops = NULL;
    escertke_primitive req, rsp;
    escertke_detail d;
    const char *stem = strrchr(id, '/') + 1;
    bool gone = false;

    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    escertke_err err = hop_new(&s->hop, files, id, false, DELETE_MS, (escertke_log){ 0 }, &hops, &d);
    req.op = ESCERTKE_OP_DELETE;
    if (err == ESCERTKE_OK && (err = escertke_primitive_set(&req.to, escertke_span_str(strchr(id + 2, '/')))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&req.fr, escertke_span_str(stem))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&req.rqi, escertke_span_str(stem))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&req.rvi, escertke_span_str("3"))) == ESCERTKE_OK)
        err = esc_hops_send(hops, &(struct esc_next){ .url = url, .receiver = s->registrar }, &req, &rsp, &d);
    if (err == ESCERTKE_OK) /* who is not registered is not known, or may not ask */
        gone = rsp.rsc / 1000 == 2 || rsp.rsc == ESCERTKE_RSC_NOT_FOUND || rsp.rsc == ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED ||
               rsp.rsc == ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    esc_hops_free(hops);
    return gone;
}

static bool clean_up(const struct settings *s, const struct doctor *d, const struct hop_files *files, bool reached)
{
    const char *const ids[] = { d->initiator, d->terminator };
    bool clean = true;

    for (size_t i = 0; i < 2 && reached; i++) {
        bool gone = false;
        for (size_t k = 0; k < s->via.count && !gone; k++)
            gone = delete_ae(s, files, ids[i], s->via.items[k]);
        if (!gone)
            out_words("doctor: %s may still be registered at the CSE", ids[i]);
        clean &= gone;
    }
    return clean;
}

/* ---- ways ------------------------------------------------------------------------------------------------------------ */

static void say_way(const struct way *w)
{
    json_t *event = out_new_event("way");
    const char *reach = w->polling ? "polling" : doctor_over_connection(w->via) ? "ws" : "poa";
    char refusal[480];

    out_text(event, "via", w->via);
    out_text(event, "serialization", w->serialization);
    out_text(event, "carrier", w->carrier);
    out_text(event, "reachability", reach);
    json_object_set_new(event, "ok", json_boolean(w->ok));
    if (w->ok) {
        out_text(event, "serve", w->serve);
        out_text(event, "establish", w->establish);
    } else {
        out_text(event, "stage", w->stage);
        if (w->rsc)
            out_number(event, "rsc", w->rsc);
        out_text(event, "error", w->error[0] ? w->error : NULL);
        out_text(event, "reason", w->reason);
    }
    snprintf(refusal, sizeof refusal, "no: %s: %.400s", w->stage ? w->stage : "", w->reason);
    out_event(event, "%-26s %-5s %-8s %-8s %s", w->via, w->serialization, w->carrier, reach, w->ok ? "yes" : refusal);
}

struct tally {
    size_t tried, good;
    bool reached, refused; /* at any URL */
    struct way best;       /* the first that works */
};

/* *heard: has the CSE answered at this URL? @return false: a signal, or it has not */
static bool try_one(struct doctor *d, struct way *w, struct tally *t, bool *heard)
{
    if (!doctor_try(d, w))
        return false;
    if (w->absent)
        return true;
    *heard |= !w->dead; /* some CSEs leave a serialization unanswered that they do not read */
    say_way(w);
    t->tried++;
    t->reached |= !w->dead;
    t->refused |= !w->ok && w->code != EXIT_NETWORK;
    if (w->ok && !t->good++)
        t->best = *w;
    return *heard;
}

/* Serializations with the standard's carrier; the other carriers in JSON alone: which serializations pass is known by then. */
static void try_url(struct doctor *d, const char *url, struct tally *t)
{
    static const char *const carriers[] = { "sgn", "mailbox" };
    bool heard = false;

    for (escertke_format f = ESCERTKE_FORMAT_JSON; f <= ESCERTKE_FORMAT_CBOR; f++)
        for (int polling = 0; polling < 2 && escertke_format_available(f); polling++) {
            struct way w = { .via = url, .serialization = escertke_format_name(f), .carrier = "notify", .polling = polling };
            if (crew_interrupted() || !try_one(d, &w, t, &heard))
                return;
        }
    for (size_t i = 0; i < 2 * sizeof carriers / sizeof *carriers; i++) {
        struct way w = { .via = url, .serialization = "json", .carrier = carriers[i / 2], .polling = i % 2 };
        if (crew_interrupted() || !try_one(d, &w, t, &heard))
            return;
    }
}

static int say_end(const struct tally *t, bool clean, bool whole)
{
    json_t *event = out_new_event("doctor");

    json_object_set_new(event, "ok", json_boolean(t->good > 0));
    out_number(event, "tried", (json_int_t)t->tried);
    out_number(event, "works", (json_int_t)t->good);
    json_object_set_new(event, "clean", json_boolean(clean));
    json_object_set_new(event, "whole", json_boolean(whole));
    if (t->good) {
        out_text(event, "serve", t->best.serve);
        out_text(event, "establish", t->best.establish);
        out_event(event, "\n%zu of %zu ways work. Use:\n  %s\n  %s", t->good, t->tried, t->best.serve, t->best.establish);
    } else {
        out_event(event, "\nnone of %zu ways works", t->tried);
    }
    if (!whole)
        return EXIT_LOCAL;
    return t->good ? EXIT_DONE : t->refused ? EXIT_PEER : EXIT_NETWORK;
}

static int doctor(const struct settings *s)
{
    struct doctor d = { .hop = &s->hop, .timeout_s = s->timeout_s };
    struct tally t = { .tried = 0 };
    struct hop_files files;
    escertke_detail why;
    char folder[256];
    int code = EXIT_LOCAL;

    escertke_detail_init(&why);
    crew_catch_signals();
    escertke_err err = hop_files_read(&s->hop, &files, &why);
    if (err != ESCERTKE_OK || !name_aes(&d, s->registrar) || !make_folder(folder, sizeof folder)) {
        hop_files_free(&files);
        return err == ESCERTKE_OK ? EXIT_LOCAL : out_failure(err, &why, "doctor");
    }
    crew_init(&d.crew, folder, 0);
    if (make_pki(&d)) {
        for (size_t i = 0; i < s->via.count; i++)
            try_url(&d, s->via.items[i], &t);
        crew_stop(&d.crew);
        bool clean = clean_up(s, &d, &files, t.reached || crew_interrupted());
        code = say_end(&t, clean, !crew_interrupted());
    }
    crew_stop(&d.crew);
    crew_free(&d.crew);
    if (nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
        out_words("doctor: %s cannot be removed: %s", folder, strerror(errno));
    hop_files_free(&files);
    return code;
}

/* The commands run in another folder. */
static void make_absolute(const char **path, char out[4096])
{
    if (*path && (*path)[0] != '/' && realpath(*path, out))
        *path = out;
}

int cmd_doctor(int argc, char **argv)
{
    static char paths[4][4096];
    struct settings s = { .timeout_s = TIMEOUT_S };
    struct options o;
    int code = options_parse(&doctor_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        make_absolute(&s.hop.tls_cert, paths[0]);
        make_absolute(&s.hop.tls_key, paths[1]);
        make_absolute(&s.hop.tls_trust, paths[2]);
        make_absolute(&s.hop.mqtt_password_file, paths[3]);
        out_use_json(s.json);
        code = doctor(&s);
    }
    options_free(&o);
    return code;
}

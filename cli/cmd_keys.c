/* cmd_keys.c - the keys commands: look into a key store. Keys leave it only by export, to a pipe or a private file. */
#include <escertke/keys.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "commands.h"
#include "crl_files.h"
#include "files.h"
#include "options.h"
#include "out.h"

struct settings {
    const char *store, *out, *trust;
    struct text_list crls;
    bool json, reveal, force;
};

static const struct option_def store_options[] = {
    NEEDED_TEXT_ROW("store", "URI", offsetof(struct settings, store), NULL, "the key store: sqlite:PATH"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON, one object per line"),
    OPTION_END,
};

static const struct option_def status_options[] = {
    LIST_ROW("crl", "FILE", offsetof(struct settings, crls), NULL,
             "certificate revocation lists, PEM or DER: is a certificate that the key came from revoked by now?"),
    TEXT_ROW("trust", "FILE", offsetof(struct settings, trust), NULL, "certificates of the CAs that issued the lists, PEM"),
    OPTION_END,
};

static const struct option_def export_options[] = {
    TEXT_ROW("out", "FILE", offsetof(struct settings, out), NULL, "write to this file, mode 0600, in place of stdout"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace an existing file"),
    FLAG_ROW("reveal", offsetof(struct settings, reveal), "write to stdout even if it is a terminal"),
    OPTION_END,
};

static const struct options_spec list_spec = {
    .command = "keys list",
    .synopsis = "--store URI [--json]",
    .about = "List all entries of a key store, oldest first, without the keys themselves. A terminator's key is unconfirmed: "
             "whether the peer got the last message nobody has said.",
    .groups = { store_options },
};

static const struct options_spec show_spec = {
    .command = "keys show",
    .synopsis = "KEYID --store URI [--crl FILE --trust FILE] [--json]",
    .about = "Show one entry without its key. KEYID is the pairwiseE2EKeyID as 32 hexadecimal digits of any case. With --crl, "
             "exit code 4 says that the key is not to be used any more.",
    .groups = { store_options, status_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "KEYID",
};

static const struct options_spec export_spec = {
    .command = "keys export",
    .synopsis = "KEYID --store URI [--out FILE | --reveal] [--crl FILE --trust FILE]",
    .about = "Write the pairwiseE2EKey as 64 hexadecimal digits and a line feed to stdout if that is a pipe or a file, or to a "
             "new file with mode 0600. A terminal gets it only with --reveal. An expired key is not given out, nor with --crl "
             "one of whose peer a certificate is revoked, or may be.",
    .groups = { store_options, export_options, status_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "KEYID",
};

static const struct options_spec delete_spec = {
    .command = "keys delete",
    .synopsis = "KEYID --store URI",
    .about = "Delete one key and wipe it from the store.",
    .groups = { store_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "KEYID",
};

static const struct options_spec prune_spec = {
    .command = "keys prune",
    .synopsis = "--store URI [--crl FILE --trust FILE] [--json]",
    .about = "Delete and wipe all keys that have expired, and with --crl those of whose peer a certificate is revoked. Keys of "
             "which that cannot be told are listed and stay.",
    .groups = { store_options, status_options },
};

/* An open store and the entry asked for. */
struct task {
    const struct settings *s;
    escertke_store store;
    uint8_t id[ESCERTKE_KEY_ID_LEN];
    char id_text[2 * ESCERTKE_KEY_ID_LEN + 1];
    escertke_crls *crls; /* NULL = none given */
    int64_t now;
    escertke_detail d;
};

typedef escertke_err (*task_fn)(struct task *t);

/* These commands look at a store that is there; opening would make a new one. */
static escertke_err open_store(struct task *t)
{
    static const char scheme[] = "sqlite:";
    const char *uri = t->s->store;

    if (strncmp(uri, scheme, sizeof scheme - 1) == 0 && !file_exists(uri + sizeof scheme - 1))
        return esc_fail(&t->d, ESCERTKE_ERR_IO, "", "there is no key store %s", uri + sizeof scheme - 1);
    return escertke_store_open(uri, &t->store, &t->d);
}

static escertke_err load_crls(struct task *t)
{
    const struct crl_files files = { .paths = &t->s->crls, .trust = t->s->trust };

    return crl_files_load(&files, escertke_tls_openssl(), t->now, &t->crls, &t->d);
}

/* An unknown ID is a matter of this store, not of a peer: exit code 1. */
static int exit_code(escertke_err err)
{
    return err == ESCERTKE_OK ? EXIT_DONE : err == ESCERTKE_ERR_NOT_FOUND ? EXIT_LOCAL : (int)escertke_err_class(err);
}

static int run(const struct options_spec *spec, int argc, char **argv, task_fn fn)
{
    struct settings s = { .store = NULL };
    struct task t = { .s = &s, .now = (int64_t)time(NULL) };
    struct options o;
    int code = options_parse(spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && o.args_count &&
        (strlen(o.args[0]) != 2 * ESCERTKE_KEY_ID_LEN || escertke_unhex(o.args[0], t.id, sizeof t.id) != ESCERTKE_OK))
        code = out_usage(spec->command, "KEYID %.64s: expected 32 hexadecimal digits", o.args[0]);
    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&t.d);
        escertke_hex((escertke_span){ t.id, sizeof t.id }, t.id_text);
        escertke_err err = load_crls(&t);
        if (err == ESCERTKE_OK)
            err = open_store(&t);
        if (err == ESCERTKE_OK)
            err = fn(&t);
        if (err != ESCERTKE_OK)
            out_failure(err, &t.d, "%s", spec->command);
        code = exit_code(err);
        escertke_store_close(&t.store);
        escertke_crls_free(t.crls);
    }
    options_free(&o);
    return code;
}

static json_t *describe(const char *event_name, const escertke_key_entry *e, char id[2 * ESCERTKE_KEY_ID_LEN + 1],
                        char created[24], char expires[24])
{
    json_t *event = out_new_event(event_name);

    escertke_hex((escertke_span){ e->key.id, sizeof e->key.id }, id);
    out_time(e->created_s, created);
    out_time(e->expires_s, expires);
    out_text(event, "key_id", id);
    out_text(event, "peer", e->peer);
    out_text(event, "role", escertke_role_name(e->role));
    out_text(event, "created", created);
    out_text(event, "expires", expires);
    out_text(event, "usage", escertke_usage_name(e->usage));
    json_object_set_new(event, "confirmed", json_boolean(e->confirmed));
    return event;
}

static bool list_entry(void *ctx, const escertke_key_entry *e)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], created[24], expires[24];
    json_t *event = describe("key", e, id, created, expires);

    (void)ctx;
    out_event(event, "%s  %s  %-10s  %-6s  %-11s  %s", id, expires, escertke_role_name(e->role), escertke_usage_name(e->usage),
              e->confirmed ? "confirmed" : "unconfirmed", e->peer);
    return true;
}

static escertke_err list(struct task *t)
{
    return t->store.ops->list(t->store.state, list_entry, t, &t->d);
}

/* The entry even if it has expired; the caller wipes it. */
static escertke_err get(struct task *t, escertke_key_entry *e)
{
    escertke_err err = t->store.ops->get(t->store.state, t->id, 0, e, &t->d);
    if (err == ESCERTKE_ERR_NOT_FOUND)
        esc_fail(&t->d, err, "", "the store has no key with ID %s", t->id_text);
    return err;
}

static const char *status_word(escertke_err verdict)
{
    return verdict == ESCERTKE_OK ? "good" : verdict == ESCERTKE_ERR_REVOKED ? "revoked" : "unknown";
}

static void show_entry(const escertke_key_entry *e, bool expired, const char *status)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], created[24], expires[24], fingerprint[65];
    json_t *event = describe("key", e, id, created, expires);

    escertke_hex((escertke_span){ e->peer_fingerprint, sizeof e->peer_fingerprint }, fingerprint);
    out_text(event, "own", e->own);
    out_text(event, "suite", e->suite);
    out_text(event, "engine", e->engine);
    out_text(event, "flavour", escertke_flavour_name(e->flavour));
    out_text(event, "peer_certificate_sha256", fingerprint);
    json_object_set_new(event, "expired", json_boolean(expired));
    out_text(event, "status", status);
    out_event(
        event,
        "key ID       %s\nkey          (hidden; keys export writes it)\npeer         %s%s\nown          %s\nrole         %s\n"
        "usage        %s\ncreated      %s\nexpires      %s%s\nsuite        %s\nengine       %s\n"
        "certificate  %s %s%s%s",
        id, e->peer, e->confirmed ? "" : " (not known to hold the key)", e->own, escertke_role_name(e->role),
        escertke_usage_name(e->usage), created, expires, expired ? " (expired)" : "", e->suite, e->engine,
        escertke_flavour_name(e->flavour), fingerprint, status ? "\nstatus       " : "", status ? status : "");
}

static escertke_err show(struct task *t)
{
    escertke_key_entry e;
    escertke_err err = get(t, &e);

    if (err != ESCERTKE_OK)
        return err;
    bool expired = e.expires_s <= t->now;
    if (!expired)
        err = escertke_key_check(&e, t->crls, t->now, &t->d);
    show_entry(&e, expired, t->crls && !expired ? status_word(err) : NULL);
    escertke_key_entry_wipe(&e);
    return err;
}

/* stdio would keep a copy in its buffer: the octets go out by write(). */
static escertke_err write_key(struct task *t, const char *text, size_t len)
{
    if (t->s->out)
        return file_write(t->s->out, (escertke_span){ (const uint8_t *)text, len }, 0600, t->s->force, &t->d);
    while (len) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0)
            return esc_fail(&t->d, ESCERTKE_ERR_IO, "", "the key could not be written to standard output");
        text += n;
        len -= (size_t)n;
    }
    return ESCERTKE_OK;
}

static escertke_err export_key(struct task *t)
{
    char text[2 * ESCERTKE_KEY_LEN + 2], expires[24];
    escertke_key_entry e;
    escertke_err err = get(t, &e);

    if (err != ESCERTKE_OK)
        return err;
    if (e.expires_s <= t->now) {
        out_time(e.expires_s, expires);
        err = esc_fail(&t->d, ESCERTKE_ERR_NOT_FOUND, "", "the key %s has expired at %s", t->id_text, expires);
    } else if ((err = escertke_key_check(&e, t->crls, t->now, &t->d)) == ESCERTKE_OK) {
        escertke_hex((escertke_span){ e.key.key, sizeof e.key.key }, text);
        text[sizeof text - 2] = '\n';
        err = write_key(t, text, sizeof text - 1);
        escertke_wipe(text, sizeof text);
    }
    escertke_key_entry_wipe(&e);
    return err;
}

static escertke_err export_if_private(struct task *t)
{
    struct stat st;

    if (!t->s->out && !t->s->reveal && isatty(STDOUT_FILENO))
        return esc_fail(&t->d, ESCERTKE_ERR_CONFIG, "",
                        "standard output is a terminal; give --out FILE, use a pipe, or insist with --reveal");
    if (!t->s->out && fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
        out_words("warning: standard output is a file that others may read; --out FILE makes a private one");
    return export_key(t);
}

static escertke_err delete_key(struct task *t)
{
    escertke_err err = t->store.ops->remove(t->store.state, t->id, &t->d);
    json_t *event;

    if (err == ESCERTKE_ERR_NOT_FOUND)
        return esc_fail(&t->d, err, "", "the store has no key with ID %s", t->id_text);
    if (err != ESCERTKE_OK)
        return err;
    event = out_new_event("deleted");
    out_text(event, "key_id", t->id_text);
    out_event(event, "deleted %s", t->id_text);
    return ESCERTKE_OK;
}

static void say_not_good(void *ctx, const escertke_key_entry *e, escertke_err verdict, const escertke_detail *d)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1], created[24], expires[24];
    json_t *event = describe("key", e, id, created, expires);

    *(size_t *)ctx += verdict != ESCERTKE_ERR_REVOKED;
    out_text(event, "status", status_word(verdict));
    out_text(event, "reason", d->reason);
    out_event(event, "%s  %s  %s: %s", id, e->peer, status_word(verdict), d->reason);
}

static escertke_err prune(struct task *t)
{
    size_t expired = 0, revoked = 0, unknown = 0;
    escertke_err err = t->store.ops->prune(t->store.state, t->now, &expired, &t->d);

    if (err == ESCERTKE_OK && t->crls)
        err = escertke_keys_recheck(&t->store, t->crls, t->now, say_not_good, &unknown, &revoked, &t->d);
    if (err != ESCERTKE_OK)
        return err;
    json_t *event = out_new_event("pruned");
    out_number(event, "count", (json_int_t)expired);
    if (t->crls) {
        out_number(event, "revoked", (json_int_t)revoked);
        out_number(event, "unknown", (json_int_t)unknown);
        out_event(event, "deleted %zu expired and %zu revoked key%s; status unknown: %zu", expired, revoked,
                  expired + revoked == 1 ? "" : "s", unknown);
    } else {
        out_event(event, "deleted %zu expired key%s", expired, expired == 1 ? "" : "s");
    }
    return ESCERTKE_OK;
}

int cmd_keys_list(int argc, char **argv)
{
    return run(&list_spec, argc, argv, list);
}

int cmd_keys_show(int argc, char **argv)
{
    return run(&show_spec, argc, argv, show);
}

int cmd_keys_export(int argc, char **argv)
{
    return run(&export_spec, argc, argv, export_if_private);
}

int cmd_keys_delete(int argc, char **argv)
{
    return run(&delete_spec, argc, argv, delete_key);
}

int cmd_keys_prune(int argc, char **argv)
{
    return run(&prune_spec, argc, argv, prune);
}

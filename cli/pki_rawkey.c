/*
 * pki_rawkey.c - pki rawkey: a key without a certificate, made here or at hand, and the identifier by which peers know it
 * (TS-0003 10.1.2).
 */
#include <escertke/cert.h>

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"
#include "pki_key.h"
#include "pki_name.h"
#include "token.h"

struct settings {
    const char *out, *key, *pin_file, *peer_id;
    bool json, force;
};

static const struct option_def rawkey_options[] = {
    TEXT_ROW("out", "PREFIX", offsetof(struct settings, out), NULL,
             "write PREFIX.key (mode 0600) and PREFIX.pub; with --key PREFIX.pub alone, and only if asked for"),
    TEXT_ROW("key", "KEY", offsetof(struct settings, key), NULL,
             "make no key: take this PEM file, or this key in a PKCS#11 token, 'pkcs11:token=...;object=...'"),
    TEXT_ROW("pin-file", "FILE", offsetof(struct settings, pin_file), NULL, "file whose first line is the token's PIN"),
    TEXT_ROW("id", "ID", offsetof(struct settings, peer_id), pki_check_peer_id,
             "Absolute AE-ID or CSE-ID of who will use the key, for the --peer rule"),
    FLAG_ROW("json", offsetof(struct settings, json), "say identifier and rule as JSON"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace existing files"),
    OPTION_END,
};

static const struct options_spec rawkey_spec = {
    .command = "pki rawkey",
    .synopsis = "(--out PREFIX | --key KEY [--pin-file FILE] [--out PREFIX]) [--id ID]",
    .about = "Make a P-256 key pair to be used without a certificate (RFC 7250), or take one that is there, and print its public "
             "key identifier. Says on stderr, and with --json, the --peer rule with which peers expect it.",
    .groups = { rawkey_options },
};

static escertke_err write_public(const char *path, escertke_span spki, bool replace, escertke_detail *d)
{
    const uint8_t *der = spki.ptr;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)spki.len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    escertke_err err;

    if (key && bio && PEM_write_bio_PUBKEY(bio, key) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        err = file_write(path, (escertke_span){ (const uint8_t *)text, (size_t)len }, 0644, replace, d);
    } else {
        err = pki_fail(d, "the public key cannot be written");
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return err;
}

/* The identifier alone goes to stdout: a script keeps it. */
static void say(const struct settings *s, const char *id, const char *key_path)
{
    char rule[PKI_RULE_MAX];
    json_t *event = out_new_event("rawkey");

    snprintf(rule, sizeof rule, "%s,flavour=raw,pin=%s", s->peer_id ? s->peer_id : "ID", id);
    out_text(event, "id", id);
    out_text(event, "key", key_path);
    out_text(event, "rule", rule);
    out_event(event, "%s", id);
    out_words("peers expect it with: --peer '%s'", rule);
    if (!s->peer_id)
        out_words("in the rule, ID stands for the Absolute AE-ID or CSE-ID of who uses the key, which it does not say (--id)");
}

static escertke_err public_path(const struct settings *s, char *path, size_t cap, escertke_detail *d)
{
    if (snprintf(path, cap, "%s.pub", s->out) >= (int)cap)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    if (!s->force && file_exists(path)) /* else a new key could come to stand beside an old public half */
        return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already; --force replaces it", path);
    return ESCERTKE_OK;
}

static escertke_err make(const struct settings *s, escertke_detail *d)
{
    struct pki_pair pair = { NULL, NULL };
    char key_path[PATH_MAX], pub_path[PATH_MAX], id[72];
    uint8_t *der = NULL;
    escertke_err err = public_path(s, pub_path, sizeof pub_path, d);

    if (err != ESCERTKE_OK)
        return err;
    snprintf(key_path, sizeof key_path, "%s.key", s->out); /* as long as PREFIX.pub */
    if ((err = pki_new_key(&pair, d)) == ESCERTKE_OK) {
        int len = i2d_PUBKEY(pair.key, &der);
        escertke_span spki = { der, len > 0 ? (size_t)len : 0 };
        if ((err = len > 0 ? pki_key_identifier(spki, id, d) : pki_fail(d, "the public key cannot be written")) == ESCERTKE_OK &&
            (err = pki_write_key(key_path, pair.key, s->force, d)) == ESCERTKE_OK &&
            (err = write_public(pub_path, spki, s->force, d)) == ESCERTKE_OK)
            say(s, id, key_path);
    }
    OPENSSL_free(der);
    pki_pair_free(&pair);
    return err;
}

static escertke_err take(const struct settings *s, const char *shown, escertke_detail *d)
{
    char path[PATH_MAX], id[72];
    struct pki_key *key = NULL;
    escertke_err err = s->out ? public_path(s, path, sizeof path, d) : ESCERTKE_OK;

    if (err == ESCERTKE_OK && (err = pki_key_open(s->key, s->pin_file, &key, d)) == ESCERTKE_OK &&
        (err = pki_key_identifier(pki_key_spki(key), id, d)) == ESCERTKE_OK &&
        (!s->out || (err = write_public(path, pki_key_spki(key), s->force, d)) == ESCERTKE_OK))
        say(s, id, shown);
    pki_key_close(key);
    return err;
}

int cmd_pki_rawkey(int argc, char **argv)
{
    struct settings s = { .out = NULL };
    struct options o;
    escertke_detail d;
    char shown[PATH_MAX];
    int code = options_parse(&rawkey_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && !s.out && !s.key)
        code = out_usage(rawkey_spec.command, "--out PREFIX is missing");
    if (code == OPTIONS_RUN && s.pin_file && !s.key)
        code = out_usage(rawkey_spec.command, "--pin-file goes with a key in a token (--key pkcs11:...) only");
    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        token_show(s.key ? s.key : s.out, shown, sizeof shown);
        escertke_detail_init(&d);
        escertke_err err = s.key ? take(&s, shown, &d) : make(&s, &d);
        code = out_finish(err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki rawkey %s", shown));
    }
    options_free(&o);
    return code;
}

/* pki_rawkey.c - pki rawkey: a key pair without a certificate, and the identifier by which peers know it (TS-0003 10.1.2). */
#include <escertke/cert.h>

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"

struct settings {
    const char *out;
    bool json, force;
};

static const struct option_def rawkey_options[] = {
    NEEDED_TEXT_ROW("out", "PREFIX", offsetof(struct settings, out), NULL, "write PREFIX.key (mode 0600) and PREFIX.pub"),
    FLAG_ROW("json", offsetof(struct settings, json), "say the identifier as JSON"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace existing files"),
    OPTION_END,
};

static const struct options_spec rawkey_spec = {
    .command = "pki rawkey",
    .synopsis = "--out PREFIX [--json] [--force]",
    .about = "Make a P-256 key pair to be used without a certificate (RFC 7250) and print its public key identifier, which the "
             "peers are configured with: --peer ID,flavour=raw,pin=ni:///sha-256;...",
    .groups = { rawkey_options },
};

/* ni:///sha-256;... of the public half. */
static escertke_err identify(EVP_PKEY *key, char id[72], escertke_detail *d)
{
    uint8_t *spki = NULL, digest[32];
    int len = i2d_PUBKEY(key, &spki);
    bool ok = len > 0 && EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(spki);
    return ok ? escertke_key_identifier(digest, 256, id) : pki_fail(d, "the public key cannot be written");
}

static escertke_err write_public(const char *path, EVP_PKEY *key, bool replace, escertke_detail *d)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    escertke_err err = ESCERTKE_ERR_NOMEM;

    if (bio && PEM_write_bio_PUBKEY(bio, key) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        err = file_write(path, (escertke_span){ (const uint8_t *)text, (size_t)len }, 0644, replace, d);
    }
    BIO_free(bio);
    return err;
}

static escertke_err make(const struct settings *s, escertke_detail *d)
{
    struct pki_pair pair = { NULL, NULL };
    char key_path[PATH_MAX], public_path[PATH_MAX], id[72];
    escertke_err err;

    if (snprintf(key_path, sizeof key_path, "%s.key", s->out) >= (int)sizeof key_path ||
        snprintf(public_path, sizeof public_path, "%s.pub", s->out) >= (int)sizeof public_path)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    if (!s->force && file_exists(public_path)) /* else a new key could come to stand beside an old public half */
        return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already; --force replaces it", public_path);
    if ((err = pki_new_key(&pair, d)) == ESCERTKE_OK && (err = identify(pair.key, id, d)) == ESCERTKE_OK &&
        (err = pki_write_key(key_path, pair.key, s->force, d)) == ESCERTKE_OK &&
        (err = write_public(public_path, pair.key, s->force, d)) == ESCERTKE_OK) {
        json_t *event = out_new_event("rawkey");
        out_text(event, "id", id);
        out_text(event, "key", key_path);
        out_event(event, "%s", id);
    }
    pki_pair_free(&pair);
    return err;
}

int cmd_pki_rawkey(int argc, char **argv)
{
    struct settings s = { .out = NULL };
    struct options o;
    escertke_detail d;
    int code = options_parse(&rawkey_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = make(&s, &d);
        code = out_finish(err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki rawkey %s", s.out));
    }
    options_free(&o);
    return code;
}

/* pki_csr.c - pki csr: a request for a certificate, by whoever holds the private key (TS-0003 10.1.4). */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "out.h"
#include "pki.h"
#include "pki_key.h"
#include "pki_name.h"
#include "pki_request.h"
#include "token.h"

#define SIGNATURE_MAX 128u /* of a DER Ecdsa-Sig-Value on P-256 there are 72 at most */

struct settings {
    struct pki_who who; /* first: see pki_name.h */
    const char *key, *pin_file, *out;
    bool force, json;
};

static const struct option_def csr_options[] = {
    TEXT_ROW("key", "KEY", offsetof(struct settings, key), NULL,
             "make no key: take this PEM file, or this key in a PKCS#11 token, 'pkcs11:token=...;object=...'"),
    TEXT_ROW("pin-file", "FILE", offsetof(struct settings, pin_file), NULL, "file whose first line is the token's PIN"),
    NEEDED_TEXT_ROW("out", "PREFIX", offsetof(struct settings, out), NULL,
                    "write PREFIX.csr and, without --key, a new PREFIX.key (mode 0600)"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace existing files"),
    FLAG_ROW("json", offsetof(struct settings, json), "what was made, as JSON"),
    OPTION_END,
};

static const struct options_spec csr_spec = {
    .command = "pki csr",
    .synopsis = PKI_WHO_SYNOPSIS " [--key KEY] --out PREFIX",
    .about =
        "Make a certificate request: the public key, and the identity as only subject alternative name (TS-0003 10.1.4). A CA "
        "answers it with escertke pki issue DIR --csr PREFIX.csr. Prints the key's identifier, by which the CA can ask back "
        "whether it is the right one.",
    .groups = { pki_who_options, csr_options },
    .args_min = 0,
    .args_max = 0,
    .args_words = "",
};

/* What is being made. */
struct request {
    const struct settings *s;
    struct pki_name name;
    EVP_PKEY *key;          /* a new private key, or the public half of an existing one */
    struct pki_key *opened; /* the existing one */
    X509_REQ *req;
    char key_path[PATH_MAX], csr_path[PATH_MAX];
};

static escertke_err check_files(struct request *r, escertke_detail *d)
{
    if (snprintf(r->key_path, sizeof r->key_path, "%s.key", r->s->out) >= (int)sizeof r->key_path ||
        snprintf(r->csr_path, sizeof r->csr_path, "%s.csr", r->s->out) >= (int)sizeof r->csr_path)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    if (r->s->key)
        r->key_path[0] = '\0';
    for (int k = 0; k < 2 && !r->s->force; k++) {
        const char *path = k ? r->csr_path : r->key_path;
        if (*path && file_exists(path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already; --force replaces it", path);
    }
    return ESCERTKE_OK;
}

static escertke_err get_key(struct request *r, escertke_detail *d)
{
    struct pki_pair pair = { NULL, NULL };
    escertke_err err;

    if (r->s->key) {
        if ((err = pki_key_open(r->s->key, r->s->pin_file, &r->opened, d)) != ESCERTKE_OK)
            return err;
        escertke_span spki = pki_key_spki(r->opened);
        const uint8_t *at = spki.ptr;
        r->key = d2i_PUBKEY(NULL, &at, (long)spki.len);
        return r->key ? ESCERTKE_OK : pki_fail(d, "the public key");
    }
    err = pki_new_key(&pair, d);
    r->key = pair.key;
    return err;
}

static bool add_name(X509_REQ *req, const struct pki_name *name)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    GENERAL_NAMES *names = pki_name_list(name);
    bool ok = names && X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, 0) == 1 && X509_REQ_add_extensions(req, exts) == 1;

    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return ok;
}

static bool fill(struct request *r)
{
    char label[PKI_NAME_MAX + 8];

    pki_name_label(&r->name, label, sizeof label);
    r->req = X509_REQ_new();
    if (!r->req || X509_REQ_set_version(r->req, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(r->req, r->key) != 1)
        return false;
    X509_NAME *subject = X509_REQ_get_subject_name(r->req); /* for people only, as in the certificate */
    int len = strlen(label) > 64 ? 64 : (int)strlen(label);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)label, len, -1, 0) == 1 &&
           add_name(r->req, &r->name);
}

/* Signed by whatever holds the key: libcrypto only puts the signature in its place. */
static escertke_err sign_outside(struct request *r, escertke_detail *d)
{
    X509_ALGOR *alg = X509_ALGOR_new();
    uint8_t *tbs = NULL;
    escertke_buf signature;
    escertke_err err = ESCERTKE_OK;
    int len = -1;

    escertke_buf_init(&signature, SIGNATURE_MAX);
    if (alg && X509_ALGOR_set0(alg, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL) == 1 &&
        X509_REQ_set1_signature_algo(r->req, alg) == 1)
        len = i2d_re_X509_REQ_tbs(r->req, &tbs);
    err = len > 0 ? pki_key_sign(r->opened, (escertke_span){ tbs, (size_t)len }, &signature, d)
                  : pki_fail(d, "encoding the request");
    if (err == ESCERTKE_OK) {
        ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
        if (bits && ASN1_BIT_STRING_set(bits, signature.ptr, (int)signature.len) == 1) {
            bits->flags = (bits->flags & ~(ASN1_STRING_FLAG_BITS_LEFT | 7)) | ASN1_STRING_FLAG_BITS_LEFT; /* whole octets */
            X509_REQ_set0_signature(r->req, bits);
        } else {
            ASN1_BIT_STRING_free(bits);
            err = pki_fail(d, "the signature");
        }
    }
    escertke_buf_free(&signature);
    OPENSSL_free(tbs);
    X509_ALGOR_free(alg);
    return err;
}

static void hear(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text)
{
    if (level == ESCERTKE_LINT_ERROR)
        (void)esc_fail(ctx, err, clause, "the request would be refused: %s", text);
}

/* Signed, and judged as the CA will judge it: a key in a file or token may be of another form. */
static escertke_err sign(struct request *r, escertke_detail *d)
{
    struct pki_name name;
    escertke_err err = ESCERTKE_OK;

    if (r->opened)
        err = sign_outside(r, d);
    else if (X509_REQ_sign(r->req, r->key, EVP_sha256()) <= 0)
        err = pki_fail(d, "signing the request");
    return err == ESCERTKE_OK ? pki_request_judge(r->req, r->name.flavour, hear, d, &name) : err;
}

static escertke_err write_files(const struct request *r, escertke_detail *d)
{
    BIO *bio = BIO_new(BIO_s_mem());
    escertke_err err = r->key_path[0] ? pki_write_key(r->key_path, r->key, r->s->force, d) : ESCERTKE_OK;
    char *at;

    if (err == ESCERTKE_OK && (!bio || PEM_write_bio_X509_REQ(bio, r->req) != 1))
        err = pki_fail(d, "writing the request");
    if (err == ESCERTKE_OK) {
        long len = BIO_get_mem_data(bio, &at);
        err = file_write(r->csr_path, (escertke_span){ (const uint8_t *)at, (size_t)len }, 0644, r->s->force, d);
    }
    BIO_free(bio);
    return err;
}

static escertke_err say_made(const struct request *r, escertke_detail *d)
{
    char id[72];
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(r->key, &spki);
    escertke_err err = len > 0 ? pki_key_identifier((escertke_span){ spki, (size_t)len }, id, d) : pki_fail(d, "the public key");

    OPENSSL_free(spki);
    if (err != ESCERTKE_OK)
        return err;
    json_t *event = out_new_event("requested");
    out_text(event, "flavour", escertke_flavour_name(r->name.flavour));
    out_text(event, "san", r->name.text);
    out_text(event, "id", id);
    out_text(event, "csr", r->csr_path);
    out_text(event, "key", r->key_path[0] ? r->key_path : NULL);
    out_event(event, "%s", id);
    out_words("made %s%s%s for %s %s", r->csr_path, r->key_path[0] ? " and " : "", r->key_path,
              escertke_flavour_name(r->name.flavour), r->name.text);
    return ESCERTKE_OK;
}

static escertke_err make(const struct settings *s, escertke_detail *d)
{
    struct request r = { .s = s };
    escertke_err err;

    if ((err = pki_name_make(&s->who, &r.name, d)) == ESCERTKE_OK && (err = check_files(&r, d)) == ESCERTKE_OK &&
        (err = get_key(&r, d)) == ESCERTKE_OK) {
        err = fill(&r) ? sign(&r, d) : pki_fail(d, "making the request");
        if (err == ESCERTKE_OK && (err = write_files(&r, d)) == ESCERTKE_OK)
            err = say_made(&r, d);
    }
    X509_REQ_free(r.req);
    EVP_PKEY_free(r.key);
    pki_key_close(r.opened);
    return err;
}

int cmd_pki_csr(int argc, char **argv)
{
    struct settings s = { .out = NULL };
    struct options o;
    escertke_detail d;
    int code = options_parse(&csr_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && (code = pki_who_check(&s.who, false, csr_spec.command)) == OPTIONS_RUN) {
        if (s.pin_file && !s.key) {
            code = out_usage(csr_spec.command, "--pin-file goes with --key 'pkcs11:...'");
        } else {
            out_use_json(s.json);
            escertke_detail_init(&d);
            escertke_err err = make(&s, &d);
            code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki csr %s", s.out);
        }
    }
    options_free(&o);
    return code;
}

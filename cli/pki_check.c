/* pki_check.c - pki check: the profile lint of the library on a file, and path validation when a trust anchor is given. */
#include <escertke/cert.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "commands.h"
#include "options.h"
#include "pki.h"

#define CERTS_MAX 16u

struct settings {
    const char *trust;
    bool strict, json;
};

static const struct option_def check_options[] = {
    TEXT_ROW("trust", "FILE", offsetof(struct settings, trust), NULL,
             "trust anchors in PEM: validate the path to one of them, name constraints included"),
    FLAG_ROW("strict-profile", offsetof(struct settings, strict),
             "digitalSignature on CA certificates, and name constraints on the issuing CA, are demanded, not only recommended"),
    FLAG_ROW("json", offsetof(struct settings, json), "findings as JSON, one object per line"),
    OPTION_END,
};

static const struct options_spec check_spec = {
    .command = "pki check",
    .synopsis = "FILE [--trust FILE] [--json]",
    .about =
        "Check a certificate, or a chain with the leaf first, against the profile of TS-0003 10.1: one line per finding with its "
        "clause. Exit code 0 without errors, 4 with errors; notes and warnings do not count.",
    .groups = { check_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "FILE",
};

struct report {
    size_t errors, findings;
};

static void find(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    static const char *const levels[] = { "note", "warning", "error" };
    struct report *r = ctx;
    char place[24];
    json_t *event = out_new_event("finding");

    r->findings++;
    r->errors += level == ESCERTKE_LINT_ERROR;
    snprintf(place, sizeof place, position ? "certificate %zu" : "leaf", position + 1);
    out_text(event, "level", levels[level]);
    out_number(event, "position", (json_int_t)position);
    out_text(event, "clause", clause);
    out_text(event, "text", text);
    out_event(event, "%-8s%s: %s (%s)", levels[level], place, text, clause);
}

/* The certificates as DER, for the library. */
struct path {
    escertke_span der[CERTS_MAX];
    size_t count;
};

static escertke_err path_make(STACK_OF(X509) * certs, const char *name, struct path *path, escertke_detail *d)
{
    path->count = 0;
    if ((size_t)sk_X509_num(certs) > CERTS_MAX)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: expected at most %u certificates, found %d", name, CERTS_MAX,
                        sk_X509_num(certs));
    for (int i = 0; i < sk_X509_num(certs); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(certs, i), &der);
        if (len <= 0)
            return pki_fail(d, "encoding a certificate");
        path->der[path->count++] = (escertke_span){ der, (size_t)len };
    }
    return ESCERTKE_OK;
}

static void path_free(struct path *path)
{
    for (size_t i = 0; i < path->count; i++)
        OPENSSL_free((void *)(uintptr_t)path->der[i].ptr);
    path->count = 0;
}

/* libcrypto cannot read the host out of "//host/..."; that constraint is checked by escertke_cert_check_path. */
static int allow_relative_uri(int ok, X509_STORE_CTX *ctx)
{
    return ok || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNSUPPORTED_NAME_SYNTAX;
}

/* The first URI of the leaf's SAN; false if it has none. */
static bool leaf_uri(X509 *leaf, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; names && !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        found = name->type == GEN_URI;
        if (found)
            snprintf(out, cap, "%.*s", ASN1_STRING_length(name->d.ia5), (const char *)ASN1_STRING_get0_data(name->d.ia5));
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* Name constraints of an AE-ID certificate on the path that libcrypto has found. */
static void check_ae_path(X509_STORE_CTX *ctx, struct report *r)
{
    char id[ESCERTKE_ID_MAX + 1];
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    struct path path;
    escertke_detail d;
    int alert;

    if (!leaf_uri(sk_X509_value(chain, 0), id, sizeof id) || strncmp(id, "//", 2) != 0)
        return;
    escertke_detail_init(&d);
    struct escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_AE, .id = id };
    escertke_err err = path_make(chain, "the path", &path, &d);
    if (err == ESCERTKE_OK)
        err = escertke_cert_check_path(path.der, path.count, &expect, (int64_t)time(NULL), &alert, &d);
    if (err != ESCERTKE_OK)
        find(r, ESCERTKE_LINT_ERROR, 0, d.clause[0] ? d.clause : "TS-0003 8.1.2.5",
             d.reason[0] ? d.reason : escertke_err_text(err));
    path_free(&path);
}

static escertke_err check_trust(STACK_OF(X509) * certs, const char *trust, struct report *r, escertke_detail *d)
{
    STACK_OF(X509) *anchors = NULL;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    escertke_err err = pki_read_certs(trust, &anchors, d);

    for (int i = 0; err == ESCERTKE_OK && i < sk_X509_num(anchors); i++)
        if (!store || X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
            err = pki_fail(d, "reading the trust anchors");
    if (err == ESCERTKE_OK && (!ctx || X509_STORE_CTX_init(ctx, store, sk_X509_value(certs, 0), certs) != 1))
        err = pki_fail(d, "validating the path");
    if (err == ESCERTKE_OK) {
        X509_STORE_CTX_set_verify_cb(ctx, allow_relative_uri);
        if (X509_verify_cert(ctx) == 1)
            check_ae_path(ctx, r);
        else
            find(r, ESCERTKE_LINT_ERROR, (size_t)X509_STORE_CTX_get_error_depth(ctx), "RFC 5280 6.1",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(anchors, X509_free);
    return err;
}

static escertke_err check(const struct settings *s, const char *file, struct report *r, escertke_detail *d)
{
    STACK_OF(X509) *certs = NULL;
    struct path path = { .count = 0 };
    escertke_err err;

    if ((err = pki_read_certs(file, &certs, d)) == ESCERTKE_OK && (err = path_make(certs, file, &path, d)) == ESCERTKE_OK) {
        escertke_err verdict = escertke_cert_lint(path.der, path.count, (int64_t)time(NULL), s->strict, find, r);
        if (verdict != ESCERTKE_OK && r->errors == 0)
            find(r, ESCERTKE_LINT_ERROR, 0, "TS-0003 10.1.1", escertke_err_text(verdict));
        if (s->trust)
            err = check_trust(certs, s->trust, r, d);
    }
    path_free(&path);
    sk_X509_pop_free(certs, X509_free);
    return err;
}

int cmd_pki_check(int argc, char **argv)
{
    struct settings s = { NULL, false, false };
    struct report r = { 0, 0 };
    struct options o;
    escertke_detail d;
    int code = options_parse(&check_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = check(&s, o.args[0], &r, &d);
        if (err != ESCERTKE_OK)
            code = out_failure(err, &d, "pki check %s", o.args[0]);
        else
            code = r.errors ? EXIT_AUTH : EXIT_DONE;
        if (err == ESCERTKE_OK)
            out_words("%s: %zu finding%s, %zu of them error%s%s", o.args[0], r.findings, r.findings == 1 ? "" : "s", r.errors,
                      r.errors == 1 ? "" : "s", s.trust ? "" : "; the path was not validated (--trust)");
    }
    options_free(&o);
    return code;
}

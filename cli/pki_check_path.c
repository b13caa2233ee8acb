/* pki_check_path.c - pki check --trust: the path that libcrypto finds, judged as peers judge it. */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "crl_files.h"
#include "out.h"
#include "pki.h"
#include "pki_check.h"
#include "pki_name.h"

#define ANYBODY "//m2m.example/cse" /* where the name in the certificate alone is compared */

/* libcrypto cannot read the host out of "//host/..."; that constraint is checked by escertke_cert_check_path. */
static int allow_relative_uri(int ok, X509_STORE_CTX *ctx)
{
    return ok || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNSUPPORTED_NAME_SYNTAX;
}

/* What a peer that expects this name would say of the path. */
static escertke_err judge_name(const struct pki_path *path, const GENERAL_NAME *one, escertke_detail *d)
{
    struct pki_name name;
    int alert;

    if (pki_name_read(one, ESCERTKE_FLAVOUR_BY_ID, &name, NULL) != ESCERTKE_OK)
        return ESCERTKE_OK; /* nobody looks for it */
    struct escertke_expect expect = { .flavour = name.flavour, .id = name.id[0] ? name.id : ANYBODY, .san = name.text };
    return escertke_cert_check_path(path->der, path->count, &expect, (int64_t)time(NULL), &alert, d);
}

static void judge_names(const struct pki_path *path, X509 *leaf, struct pki_report *r)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    escertke_err err = ESCERTKE_OK;
    escertke_detail d;

    escertke_detail_init(&d);
    for (int i = 0; names && err == ESCERTKE_OK && i < sk_GENERAL_NAME_num(names); i++)
        err = judge_name(path, sk_GENERAL_NAME_value(names, i), &d);
    GENERAL_NAMES_free(names);
    if (err != ESCERTKE_OK && r->errors == 0) /* else it has been said */
        pki_report_failure(r, "TS-0003 8.1.2.5", &d, err, "every peer");
}

/* With what is there, and then as one who wants to know of every certificate. */
static escertke_err judge_status(const struct pki_check_trust *with, const struct pki_path *path, struct pki_report *r,
                                 escertke_detail *d)
{
    static const char *const who[] = { "every peer that has this CRL", "peers with --require-crl" };
    const escertke_tls_ops *tls = escertke_tls_by_name("openssl");
    escertke_err found = ESCERTKE_OK;

    if (!tls)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "this build has no TLS back end \"openssl\", which verifies CRLs here");
    for (int require = 0; require < 2 && found == ESCERTKE_OK; require++) {
        struct crl_files files = { with->crls, with->trust, with->file, require == 1 };
        escertke_crls *crls;
        escertke_detail why;
        int alert;
        escertke_err err = crl_files_load(&files, tls, (int64_t)time(NULL), &crls, d);
        if (err != ESCERTKE_OK)
            return err;
        escertke_detail_init(&why);
        found = escertke_crls_check_path(crls, path->der, path->count, (int64_t)time(NULL), &alert, &why);
        escertke_crls_free(crls);
        if (found != ESCERTKE_OK && require == 0)
            pki_report_failure(r, "RFC 5280 6.3", &why, found, who[0]);
        else if (found != ESCERTKE_OK)
            pki_report_add(r, &(escertke_finding){ .level = ESCERTKE_LINT_WARN,
                                                   .clause = why.clause[0] ? why.clause : "RFC 5280 6.3",
                                                   .text = why.reason,
                                                   .refused_by = who[1],
                                                   .advice = why.advice[0] ? why.advice : NULL });
    }
    return ESCERTKE_OK;
}

static escertke_err judge_path(const struct pki_check_trust *with, X509_STORE_CTX *ctx, struct pki_report *r, escertke_detail *d)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    struct pki_path path = { .count = 0 };
    escertke_err err = pki_path_make(chain, "the path", &path, d);

    if (err == ESCERTKE_OK) {
        judge_names(&path, sk_X509_value(chain, 0), r);
        if (with->crls->count)
            err = judge_status(with, &path, r, d);
    }
    pki_path_free(&path);
    return err;
}

static void say_no_path(X509_STORE_CTX *ctx, struct pki_report *r)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);

    pki_report_add(r, &(escertke_finding){ .level = ESCERTKE_LINT_ERROR,
                                           .position = depth > 0 ? (size_t)depth : 0,
                                           .clause = "RFC 5280 6.1",
                                           .text = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
                                           .refused_by = "every peer with these trust anchors" });
}

escertke_err pki_check_path(const struct pki_check_trust *with, STACK_OF(X509) * certs, struct pki_report *r, escertke_detail *d)
{
    STACK_OF(X509) *anchors = NULL;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    escertke_err err = pki_read_certs(with->trust, &anchors, d);

    for (int i = 0; err == ESCERTKE_OK && i < sk_X509_num(anchors); i++)
        if (!store || X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
            err = pki_fail(d, "reading the trust anchors");
    if (err == ESCERTKE_OK && (!ctx || X509_STORE_CTX_init(ctx, store, sk_X509_value(certs, 0), certs) != 1))
        err = pki_fail(d, "validating the path");
    if (err == ESCERTKE_OK) {
        X509_STORE_CTX_set_verify_cb(ctx, allow_relative_uri);
        if (X509_verify_cert(ctx) == 1)
            err = judge_path(with, ctx, r, d);
        else
            say_no_path(ctx, r);
    }
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(anchors, X509_free);
    return err;
}

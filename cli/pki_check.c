/* pki_check.c - pki check: what departs from the profile in a file, clause by clause, and who will refuse it. */
#include "pki_check.h"

#include <openssl/err.h>
#include <stdio.h>
#include <time.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "out.h"
#include "pki.h"
#include "pki_request.h"

struct settings {
    const char *trust;
    struct text_list crls;
    bool strict, json;
};

static const struct option_def check_options[] = {
    TEXT_ROW("trust", "FILE", offsetof(struct settings, trust), NULL,
             "trust anchors in PEM: validate the path to one of them, name constraints included"),
    LIST_ROW("crl", "FILE", offsetof(struct settings, crls), NULL,
             "with --trust: CRLs, PEM or DER; is a certificate of the path revoked, and has each one's issuer a CRL here?"),
    FLAG_ROW("strict-profile", offsetof(struct settings, strict),
             "digitalSignature on CA certificates, and name constraints on the issuing CA, are demanded, not only recommended"),
    FLAG_ROW("json", offsetof(struct settings, json), "findings as JSON, one object per line"),
    OPTION_END,
};

static const struct options_spec check_spec = {
    .command = "pki check",
    .synopsis = "FILE [--trust FILE [--crl FILE...]] [--json]",
    .about =
        "Check a certificate, or a chain with the leaf first, against the profile of TS-0003 10.1; or a certificate request, or "
        "a "
        "raw public key. One line per finding, with its clause and who will refuse it, and a line of what to do. Exit code 0 "
        "without errors, 4 with errors; notes and warnings do not count.",
    .groups = { check_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "FILE",
};

/* ---- findings ------------------------------------------------------------------------------------------------ */

void pki_report_add(struct pki_report *r, const escertke_finding *f)
{
    static const char *const levels[] = { "note", "warning", "error" };
    char place[24];
    json_t *event = out_new_event("finding");

    r->findings++;
    r->errors += f->level == ESCERTKE_LINT_ERROR;
    snprintf(place, sizeof place, f->position ? "certificate %zu" : "leaf", f->position + 1);
    out_text(event, "level", levels[f->level]);
    out_number(event, "position", (json_int_t)f->position);
    out_text(event, "clause", f->clause);
    out_text(event, "text", f->text);
    out_text(event, "refused_by", f->refused_by);
    out_text(event, "advice", f->advice);
    out_event(event, "%-8s%s: %s (%s)%s%s", levels[f->level], r->things ? r->things : place, f->text, f->clause,
              f->refused_by ? "; refused by " : "", f->refused_by ? f->refused_by : "");
    if (f->advice && f->level != ESCERTKE_LINT_NOTE)
        out_line("        to do: %s", f->advice);
}

void pki_report_failure(struct pki_report *r, const char *clause, const escertke_detail *d, escertke_err err, const char *who)
{
    pki_report_add(r, &(escertke_finding){ .level = ESCERTKE_LINT_ERROR,
                                           .clause = d->clause[0] ? d->clause : clause,
                                           .text = d->reason[0] ? d->reason : escertke_err_text(err),
                                           .refused_by = who,
                                           .advice = d->advice[0] ? d->advice : NULL });
}

static void find(void *ctx, const escertke_finding *f)
{
    pki_report_add(ctx, f);
}

/* ---- certificates -------------------------------------------------------------------------------------------- */

escertke_err pki_path_make(STACK_OF(X509) * certs, const char *file, struct pki_path *path, escertke_detail *d)
{
    path->count = 0;
    if ((size_t)sk_X509_num(certs) > PKI_CHECK_CERTS_MAX)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: expected at most %u certificates, found %d", file,
                        PKI_CHECK_CERTS_MAX, sk_X509_num(certs));
    for (int i = 0; i < sk_X509_num(certs); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(certs, i), &der);
        if (len <= 0)
            return pki_fail(d, "encoding a certificate");
        path->der[path->count++] = (escertke_span){ der, (size_t)len };
    }
    return ESCERTKE_OK;
}

void pki_path_free(struct pki_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        OPENSSL_free((void *)(uintptr_t)path->der[i].ptr);
    path->count = 0;
}

static escertke_err check_certs(const struct settings *s, const char *file, struct pki_report *r, escertke_detail *d)
{
    const struct pki_check_trust with = { s->trust, file, &s->crls };
    STACK_OF(X509) *certs = NULL;
    struct pki_path path = { .count = 0 };
    escertke_err err;

    if ((err = pki_read_certs(file, &certs, d)) == ESCERTKE_OK && (err = pki_path_make(certs, file, &path, d)) == ESCERTKE_OK) {
        escertke_err verdict = escertke_cert_examine(path.der, path.count, (int64_t)time(NULL), s->strict, find, r);
        if (verdict != ESCERTKE_OK && r->errors == 0)
            pki_report_failure(r, "TS-0003 10.1.1", d, verdict, "every peer");
        if (s->trust)
            err = pki_check_path(&with, certs, r, d);
    }
    pki_path_free(&path);
    sk_X509_pop_free(certs, X509_free);
    return err;
}

/* ---- the command --------------------------------------------------------------------------------------------- */

/* In PEM the label says it; in DER a request and a certificate are told apart by reading them. */
static bool is_request(escertke_span content)
{
    X509_REQ *req = NULL;
    bool ok = pki_request_is_pem(content) || pki_request_parse("", content, &req, NULL) == ESCERTKE_OK;

    X509_REQ_free(req);
    return ok;
}

static escertke_err check(const struct settings *s, const char *file, struct pki_report *r, escertke_detail *d)
{
    escertke_buf content;
    escertke_span der;
    escertke_err err = file_read(file, &content, d);
    escertke_span all = escertke_buf_span(&content);
    const char *other = err == ESCERTKE_OK ? pki_check_other(all) : NULL;

    if (other) {
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s is %s", file, other);
    } else if (err == ESCERTKE_OK && is_request(all)) {
        err = pki_check_request(file, all, r, d);
    } else if (err == ESCERTKE_OK && pki_check_is_key(all, &der)) {
        pki_check_key(der, r);
        OPENSSL_free((void *)(uintptr_t)der.ptr);
    } else if (err == ESCERTKE_OK) {
        err = check_certs(s, file, r, d);
    }
    if (content.ptr)
        escertke_wipe(content.ptr, content.len); /* it may have been a private key */
    escertke_buf_free(&content);
    return err;
}

static void say_end(const struct settings *s, const char *file, const struct pki_report *r)
{
    const char *hint = r->things || s->trust ? "" : "; the path was not validated (--trust)";

    out_words("%s: %zu finding%s, %zu of them error%s%s", file, r->findings, r->findings == 1 ? "" : "s", r->errors,
              r->errors == 1 ? "" : "s", hint);
}

int cmd_pki_check(int argc, char **argv)
{
    struct settings s = { .trust = NULL };
    struct pki_report r = { .things = NULL };
    struct options o;
    escertke_detail d;
    int code = options_parse(&check_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && s.crls.count && !s.trust)
        code = out_usage(check_spec.command, "--crl goes with --trust: the status of a path is looked at, to its anchor");
    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = check(&s, o.args[0], &r, &d);
        if (err != ESCERTKE_OK)
            code = out_failure(err, &d, "pki check %s", o.args[0]);
        else
            code = r.errors ? EXIT_AUTH : EXIT_DONE;
        if (err == ESCERTKE_OK)
            say_end(&s, o.args[0], &r);
    }
    options_free(&o);
    return code;
}

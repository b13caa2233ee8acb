#include "crl_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "files.h"

/* PEM takes a third more than DER, and line feeds. */
#define CRL_FILE_MAX (ESCERTKE_CRL_MAX / 3 * 4 + ESCERTKE_CRL_MAX / 32)

struct contents {
    escertke_buf files[ESCERTKE_CRLS_MAX];
    escertke_span spans[ESCERTKE_CRLS_MAX];
    escertke_buf issuers;
};

/* One PEM text out of both: neither is looked at for anything but certificates. */
static escertke_err read_issuers(const struct crl_files *f, escertke_buf *out, escertke_detail *d)
{
    const char *const paths[] = { f->trust, f->chain };
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; i < 2 && err == ESCERTKE_OK; i++) {
        escertke_buf one;
        if (!paths[i])
            continue;
        err = file_read(paths[i], &one, d);
        if (err == ESCERTKE_OK && (err = escertke_buf_append(out, one.ptr, one.len)) == ESCERTKE_OK)
            err = escertke_buf_append(out, "\n", 1);
        escertke_buf_free(&one);
    }
    return err;
}

static escertke_err read_files(const struct crl_files *f, struct contents *c, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; i < f->paths->count && err == ESCERTKE_OK; i++) {
        err = file_read_up_to(f->paths->items[i], CRL_FILE_MAX, &c->files[i], d);
        c->spans[i] = escertke_buf_span(&c->files[i]);
    }
    return err == ESCERTKE_OK ? read_issuers(f, &c->issuers, d) : err;
}

/* The library knows no files: with one it is clear which is meant, with several it says which by its place. */
static void name_files(const struct text_list *paths, escertke_detail *d)
{
    size_t len = strlen(d->reason);

    for (size_t i = 0; i < paths->count && len < sizeof d->reason; i++)
        len += (size_t)snprintf(d->reason + len, sizeof d->reason - len, "%s%s%s", i ? ", " : " (", paths->items[i],
                                i + 1 == paths->count ? ")" : "");
}

/* A list that somebody else made is this side's affair all the same: it is configured here. */
static escertke_err of_own_file(const struct text_list *paths, escertke_err err, escertke_detail *d)
{
    bool ours = err == ESCERTKE_ERR_UNSUPPORTED || err == ESCERTKE_ERR_SIGNATURE;

    if (d && d->reason[0])
        name_files(paths, d);
    if (ours && d && d->err == err)
        d->err = ESCERTKE_ERR_CREDENTIAL;
    return ours ? ESCERTKE_ERR_CREDENTIAL : err;
}

escertke_err crl_files_load(const struct crl_files *f, const escertke_tls_ops *tls, int64_t unix_s, escertke_crls **out,
                            escertke_detail *d)
{
    *out = NULL;
    if (!f->paths->count && !f->require)
        return ESCERTKE_OK;
    if (f->paths->count > ESCERTKE_CRLS_MAX)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "A-25", "more than %u files of CRLs", ESCERTKE_CRLS_MAX);
    struct contents *c = calloc(1, sizeof *c);
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    escertke_buf_init(&c->issuers, 2 * FILE_MAX + 2);
    escertke_err err = read_files(f, c, d);
    if (err == ESCERTKE_OK) {
        escertke_crls_source src = { .files = c->spans,
                                     .count = f->paths->count,
                                     .issuers = escertke_buf_span(&c->issuers),
                                     .require = f->require,
                                     .unix_s = unix_s,
                                     .verify = tls->ecdsa_verify,
                                     .sha256 = tls->sha256 };
        err = escertke_crls_new(&src, out, d);
        if (err != ESCERTKE_OK)
            err = of_own_file(f->paths, err, d);
    }
    for (size_t i = 0; i < ESCERTKE_CRLS_MAX; i++)
        escertke_buf_free(&c->files[i]);
    escertke_buf_free(&c->issuers);
    free(c);
    return err;
}

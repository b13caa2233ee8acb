#include "tls/own_chain.h"

#include <escertke/cert.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/pem.h"

#define CLAUSE "TS-0003 8.1.2.3"

struct chain {
    escertke_buf der[ESCERTKE_CHAIN_MAX];
    escertke_span path[ESCERTKE_CHAIN_MAX];
    size_t count;
};

static escertke_err read_chain(escertke_span text, struct chain *c, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;
    escertke_buf over;

    for (c->count = 0; c->count < ESCERTKE_CHAIN_MAX && err == ESCERTKE_OK; c->count += err == ESCERTKE_OK) {
        escertke_buf *der = &c->der[c->count];
        err = esc_pem_next(&text, "CERTIFICATE", der);
        c->path[c->count] = escertke_buf_span(der);
    }
    escertke_buf_init(&over, ESCERTKE_MESSAGE_MAX);
    if (err == ESCERTKE_OK && (err = esc_pem_next(&text, "CERTIFICATE", &over)) == ESCERTKE_OK) {
        escertke_buf_free(&over);
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "own chain is longer than %u certificates", ESCERTKE_CHAIN_MAX);
    }
    escertke_buf_free(&over);
    if (err == ESCERTKE_ERR_NOMEM || (err == ESCERTKE_ERR_NOT_FOUND && c->count))
        return err == ESCERTKE_ERR_NOMEM ? err : ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "own certificate chain cannot be read as PEM certificates");
}

struct first_error {
    escertke_detail *d;
};

static void keep_first(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    struct first_error *first = ctx;

    if (level == ESCERTKE_LINT_ERROR)
        (void)esc_fail(first->d, ESCERTKE_ERR_PROFILE, clause, "own certificate %zu: %s", position + 1, text);
}

escertke_err esc_own_chain_check(const escertke_credential_source *src, uint8_t **leaf, size_t *leaf_len, escertke_detail *d)
{
    struct chain c;

    for (size_t i = 0; i < ESCERTKE_CHAIN_MAX; i++)
        escertke_buf_init(&c.der[i], ESCERTKE_MESSAGE_MAX);
    escertke_err err = read_chain(src->chain, &c, d);
    if (err == ESCERTKE_OK) {
        err = escertke_cert_lint(c.path, c.count, src->unix_s, src->strict, keep_first, &(struct first_error){ d });
        if (err != ESCERTKE_OK && d && d->err == ESCERTKE_ERR_PROFILE)
            d->err = err; /* the lint's verdict is finer than its findings */
    }
    *leaf = NULL;
    if (err == ESCERTKE_OK) {
        *leaf = (uint8_t *)esc_strndup((const char *)c.path[0].ptr, c.path[0].len);
        *leaf_len = c.path[0].len;
        err = *leaf ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
    }
    for (size_t i = 0; i < ESCERTKE_CHAIN_MAX; i++)
        escertke_buf_free(&c.der[i]);
    return err;
}

escertke_err esc_own_raw_check(escertke_span spki, escertke_err (*sha256)(escertke_span in, uint8_t out[32]), uint8_t **leaf,
                               size_t *leaf_len, escertke_detail *d)
{
    uint8_t digest[32];
    char pin[72];
    escertke_expect itself = { .flavour = ESCERTKE_FLAVOUR_RAW, .pin = pin };
    int alert;

    if (sha256(spki, digest) != ESCERTKE_OK || escertke_key_identifier(digest, 256, pin) != ESCERTKE_OK)
        return ESCERTKE_ERR_BACKEND;
    escertke_err err = escertke_cert_check_raw(spki, &itself, digest, &alert, d);
    if (err == ESCERTKE_OK && (*leaf = (uint8_t *)esc_strndup((const char *)spki.ptr, spki.len)) == NULL)
        err = ESCERTKE_ERR_NOMEM;
    *leaf_len = err == ESCERTKE_OK ? spki.len : 0;
    return err;
}

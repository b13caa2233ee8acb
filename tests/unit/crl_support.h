/* crl_support.h - a path of three, CRLs of its CAs, and sets made of them, for the tests of revocation. */
#ifndef TESTS_UNIT_CRL_SUPPORT_H
#define TESTS_UNIT_CRL_SUPPORT_H

#include <stdio.h>

#include "cert_case.h"

#include <escertke/crl.h>
#include <escertke/tls.h>

#include "cert/crls.h"
#include "pki_crl.h"

#define HOUR 3600L
#define DAY 86400L
#define LIST_OF(type, ...) (const type[]){ __VA_ARGS__ }, sizeof((const type[]){ __VA_ARGS__ }) / sizeof(type)

/** The back end under test: the one that the environment's ENGINE names, "openssl" without it. */
static inline const escertke_tls_ops *ops(void)
{
    const char *name = getenv("ENGINE");
    const escertke_tls_ops *o = escertke_tls_by_name(name ? name : "openssl");

    assert_non_null(o);
    return o;
}

/** Files for one set. */
struct files {
    escertke_span span[80];
    size_t count;
};

static inline void files_add(struct files *f, uint8_t *octets, size_t len)
{
    assert_true(f->count < COUNT(f->span));
    f->span[f->count++] = (escertke_span){ octets, len };
}

/** Add a CRL of these parameters; base_s is NOW. */
static inline void files_crl(struct files *f, struct pki_crl_params p)
{
    size_t len;

    p.base_s = NOW;
    uint8_t *der = pki_crl(&p, &len);
    files_add(f, der, len);
}

static inline void files_free(struct files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free((void *)(uintptr_t)f->span[i].ptr);
    f->count = 0;
}

static inline escertke_err set_new(const struct files *f, const char *issuers, bool require, escertke_crls **out, escertke_detail *d)
{
    const escertke_crls_source src = { .files = f->span, .count = f->count, .issuers = escertke_span_str(issuers), .require = require,
                                       .unix_s = NOW, .verify = ops()->ecdsa_verify, .sha256 = ops()->sha256 };

    if (d)
        escertke_detail_init(d);
    return escertke_crls_new(&src, out, d);
}

static inline struct escertke_issued issued_of(const struct chain *c, size_t at)
{
    escertke_issued one = { .serial_len = 0 };
    escertke_cert cert, issuer;

    assert_int_equal(escertke_cert_parse(c->path[at], &cert, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_cert_parse(c->path[at + 1], &issuer, NULL), ESCERTKE_OK);
    assert_int_equal(ops()->sha256(cert.issuer, one.issuer), ESCERTKE_OK);
    assert_int_equal(ops()->sha256(issuer.spki, one.key), ESCERTKE_OK);
    one.serial_len = (uint8_t)cert.serial.len;
    memcpy(one.serial, cert.serial.ptr, cert.serial.len);
    return one;
}

#endif

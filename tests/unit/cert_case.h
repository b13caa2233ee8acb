/* cert_case.h - a path of three test certificates (leaf, CA, root), made from what a case changes, and its verdict. */
#ifndef TESTS_UNIT_CERT_CASE_H
#define TESTS_UNIT_CERT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <escertke/cert.h>

#include "pki.h"

#define NOW INT64_C(1800000000) /* 2027-01-15 08:00:00 UTC: no test depends on the day it runs */
#define AE_ID "//m2m.example.org/in1/Cmeter"

#define NAMES(member, ...)                                                                                                 \
    .member = (const struct pki_name[]){ __VA_ARGS__ },                                                                    \
    .member##_count = sizeof((const struct pki_name[]){ __VA_ARGS__ }) / sizeof(struct pki_name)
#define URI(text) { PKI_URI, text, 0 }
#define DNS(text) { PKI_DNS, text, 0 }
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct chain {
    struct pki_cert cert[3];
    uint8_t *der[3];
    escertke_span path[3];
};

/* A leaf without any SAN member gets AE_ID as URI; empty_san asks for none at all. */
static inline struct chain chain_make(struct pki_params leaf, struct pki_params ca, struct pki_params root)
{
    static const struct pki_name ae[] = { URI(AE_ID) };
    struct chain c;
    struct pki_params *p[] = { &leaf, &ca, &root };
    const char *const names[] = { "leaf", "CA", "root" };

    if (!leaf.san && !leaf.empty_san) {
        leaf.san = ae;
        leaf.san_count = 1;
    }
    for (size_t i = 3; i-- > 0;) {
        p[i]->base_s = NOW;
        if (!p[i]->cn)
            p[i]->cn = names[i];
        if (i < 2)
            p[i]->issuer = &c.cert[i + 1];
        c.cert[i] = pki_make(p[i]);
        c.path[i].ptr = c.der[i] = pki_der(&c.cert[i], &c.path[i].len);
    }
    return c;
}

static inline void chain_free(struct chain *c)
{
    for (size_t i = 0; i < 3; i++) {
        pki_cert_free(&c->cert[i]);
        free(c->der[i]);
    }
}

/* Check and compare; reason is a part of the text, NULL = any. A wrong verdict is shown with the reason given. */
static inline void expect_verdict(const char *name, const escertke_span *path, size_t count, const escertke_expect *expect,
                                  escertke_err err, int alert, const char *reason)
{
    escertke_detail d;
    int got_alert = -1;

    escertke_detail_init(&d);
    escertke_err got = escertke_cert_check_path(path, count, expect, NOW, &got_alert, &d);
    if (got != err || (err != ESCERTKE_OK && got_alert != alert))
        fail_msg("%s: expected %s alert %d, got %s alert %d: %s", name, escertke_err_name(err), alert, escertke_err_name(got),
                 got_alert, d.reason);
    if (err != ESCERTKE_OK && (d.err != err || !*d.reason))
        fail_msg("%s: no reason given", name);
    if (reason && !strstr(d.reason, reason))
        fail_msg("%s: expected \"%s\" in \"%s\"", name, reason, d.reason);
}

#endif

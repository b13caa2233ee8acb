/* lint.c - an own chain against the profile, before any peer sees it. */
#include <escertke/cert.h>

#include <stdio.h>

#include "base/fail.h"
#include "cert/constraints.h"
#include "cert/profile.h"
#include "cert/san.h"

struct lint {
    escertke_lint_fn fn;
    void *ctx;
    bool strict;
    escertke_err err; /* of the first finding of level ERROR */
};

static void say(struct lint *l, escertke_lint_level level, size_t position, escertke_err err, const char *clause,
                const char *text)
{
    if (l->fn)
        l->fn(l->ctx, level, position, clause, text);
    if (level == ESCERTKE_LINT_ERROR && l->err == ESCERTKE_OK)
        l->err = err;
}

/* A check that ends at its first failure, as one finding. */
static void say_failure(struct lint *l, size_t position, escertke_err err, const escertke_detail *d)
{
    if (err != ESCERTKE_OK)
        say(l, ESCERTKE_LINT_ERROR, position, err, d->clause, d->reason);
}

static void lint_profile(struct lint *l, const struct esc_view *v)
{
    char text[400];

    for (size_t i = 0; i < esc_rule_count; i++) {
        const struct esc_rule *rule = &esc_rules[i];
        if (!esc_rule_broken(rule, v))
            continue;
        esc_rule_text(rule, v, text, sizeof text);
        say(l, l->strict ? rule->strict_level : rule->level, v->at, rule->err, rule->clause, text);
    }
}

static void lint_order(struct lint *l, const escertke_cert *certs, size_t count)
{
    char text[160];

    for (size_t i = 1; i < count; i++) {
        if (escertke_span_equal(certs[i - 1].issuer, certs[i].subject))
            continue;
        snprintf(text, sizeof text,
                 "its subject is not, octet by octet, the issuer of certificate %zu; peers refuse the path", i - 1);
        say(l, ESCERTKE_LINT_ERROR, i, ESCERTKE_ERR_CERT, "RFC 5246 7.4.2", text);
    }
}

static bool is_identity(const struct esc_name *name)
{
    escertke_id id;

    return name->type == NAME_DNS || (name->type == NAME_URI && escertke_id_parse(name->value, &id) == ESCERTKE_OK &&
                                      id.kind != ESCERTKE_ID_CSE);
}

/* Which flavour is meant is not known here; what no AE or CSE could be recognised by is worth a word. */
static void lint_identity(struct lint *l, const escertke_cert *leaf)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;
    escertke_detail d;

    if (!leaf->san.len) {
        say(l, ESCERTKE_LINT_ERROR, 0, ESCERTKE_ERR_PROFILE, "TS-0003 8.1.2.5",
            "no subjectAltName: the subject's CN is no identity, no peer can recognise this certificate");
        return;
    }
    escertke_detail_init(&d);
    say_failure(l, 0, esc_san_check(leaf, &d), &d);
    while (!esc_der_done(&walk) && esc_general_name(&walk, &name))
        if (is_identity(&name))
            return;
    say(l, ESCERTKE_LINT_WARN, 0, ESCERTKE_ERR_PROFILE, "TS-0003 8.1.2.1",
        "no Absolute AE-ID as URI and no dNSName: peers that expect an AE-ID or CSE-ID certificate refuse it");
}

escertke_err escertke_cert_lint(const escertke_span *path, size_t count, int64_t unix_s, bool strict, escertke_lint_fn fn,
                                void *ctx)
{
    struct lint l = { .fn = fn, .ctx = ctx, .strict = strict };
    escertke_cert certs[PATH_MAX_COUNT];
    struct esc_view v = { .certs = certs, .purpose = ESC_ANY_PURPOSE, .unix_s = unix_s };
    escertke_detail d;

    if (!path || !count)
        return ESCERTKE_ERR_ARG;
    if (count > PATH_MAX_COUNT) {
        say(&l, ESCERTKE_LINT_ERROR, PATH_MAX_COUNT, ESCERTKE_ERR_CERT, "TS-0003 10.1.1.3",
            "chain too long: peers with this library accept 4 certificates and an anchor");
        return l.err;
    }
    for (size_t i = 0; i < count; i++) {
        escertke_detail_init(&d);
        say_failure(&l, i, escertke_cert_parse(path[i], &certs[i], &d), &d);
    }
    if (l.err != ESCERTKE_OK)
        return l.err; /* what cannot be read cannot be judged */
    for (v.at = 0; v.at < count; v.at++) {
        v.place = esc_place(certs, count, v.at);
        lint_profile(&l, &v);
    }
    lint_order(&l, certs, count);
    lint_identity(&l, &certs[0]);
    escertke_detail_init(&d);
    say_failure(&l, 0, esc_constraints_check(certs, count, &d), &d);
    return l.err;
}

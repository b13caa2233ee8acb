/* path.c - the verdict on a validated path. Runs in every handshake: no allocation, each certificate is read once. */
#include <escertke/cert.h>

#include <stdio.h>

#include "base/fail.h"
#include "cert/constraints.h"
#include "cert/profile.h"
#include "cert/san.h"
#include "cert/words.h"

#define REASON_MAX 320

/* What one path is checked with. */
struct check {
    escertke_cert certs[PATH_MAX_COUNT];
    size_t count;
    const escertke_expect *expect;
    int64_t unix_s;
    int *alert;
    escertke_detail *d;
};

static escertke_err refuse_by_rule(const struct check *c, const struct esc_rule *rule, const struct esc_view *v)
{
    char text[REASON_MAX], found[160];
    struct esc_refusal r = { &c->certs[v->at], v->at, c->count, rule->expected, found, rule->advice };

    esc_rule_text(rule, v, text, sizeof text);
    esc_rule_found(rule, v, found, sizeof found);
    *c->alert = rule->alert;
    return esc_fail_cert(c->d, rule->err, rule->clause, &r, "%s", text);
}

static escertke_err check_profile(const struct check *c, const struct esc_view *v)
{
    for (size_t i = 0; i < esc_rule_count; i++) {
        const struct esc_rule *rule = &esc_rules[i];
        if ((c->expect->strict ? rule->strict_level : rule->level) == ESCERTKE_LINT_ERROR && esc_rule_broken(rule, v))
            return refuse_by_rule(c, rule, v);
    }
    return ESCERTKE_OK;
}

static escertke_err check_profiles(const struct check *c)
{
    struct esc_view v = { .certs = c->certs, .purpose = c->expect->client ? ESC_CLIENT : ESC_SERVER, .unix_s = c->unix_s };
    escertke_err err = ESCERTKE_OK;

    for (v.at = 0; v.at < c->count && err == ESCERTKE_OK; v.at++) {
        v.place = esc_place(c->certs, c->count, v.at);
        err = check_profile(c, &v);
    }
    return err;
}

static escertke_err parse(struct check *c, const escertke_span *path)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct esc_refusal r = {
            NULL,     i,
            c->count, "a certificate in strict DER",
            NULL,     "have it issued again; escertke pki issue makes certificates that every peer can read"
        };
        escertke_err err = escertke_cert_parse(path[i], &c->certs[i], c->d);
        if (err != ESCERTKE_OK)
            return esc_refusal_add(c->d, err, &r);
    }
    return ESCERTKE_OK;
}

static escertke_err too_long(size_t count, escertke_detail *d)
{
    char found[48];
    const struct esc_refusal r = { .expected = "four certificates and a trust anchor at most",
                                   .found = found,
                                   .advice = "show the leaf and the CAs between it and the anchor, and nothing else" };

    snprintf(found, sizeof found, "a path of %zu certificates", count);
    return esc_fail_cert(d, ESCERTKE_ERR_CERT, "TS-0003 10.1.1.3", &r,
                         "path of %zu certificates, at most %u and an anchor are accepted", count, ESCERTKE_CHAIN_MAX);
}

static int identity_alert(escertke_err err, bool client)
{
    if (err == ESCERTKE_ERR_UNSUPPORTED)
        return ALERT_UNSUPPORTED_CERTIFICATE;
    if (err == ESCERTKE_ERR_ARG)
        return ALERT_INTERNAL_ERROR;
    return client ? ALERT_ACCESS_DENIED : ALERT_BAD_CERTIFICATE;
}

escertke_err escertke_cert_check_path(const escertke_span *path, size_t count, const escertke_expect *expect, int64_t unix_s,
                                      int *alert, escertke_detail *d)
{
    struct check c = { .count = count, .expect = expect, .unix_s = unix_s, .alert = alert, .d = d };
    escertke_err err;

    if (!alert)
        return ESCERTKE_ERR_ARG;
    *alert = ALERT_INTERNAL_ERROR;
    if (!path || !count || !expect || !expect->id)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no path or no expected identity to check");

    *alert = ALERT_BAD_CERTIFICATE;
    if (count > PATH_MAX_COUNT)
        return too_long(count, d);
    if ((err = parse(&c, path)) != ESCERTKE_OK || (err = check_profiles(&c)) != ESCERTKE_OK ||
        (err = esc_san_check(&c.certs[0], d)) != ESCERTKE_OK || (err = esc_constraints_check(c.certs, count, d)) != ESCERTKE_OK)
        return err;
    if ((err = esc_san_match(&c.certs[0], expect, d)) != ESCERTKE_OK)
        *alert = identity_alert(err, expect->client);
    return err;
}

/* path.c - the verdict on a validated path. Runs in every handshake: no allocation, each certificate is read once. */
#include <escertke/cert.h>

#include "base/fail.h"
#include "cert/constraints.h"
#include "cert/profile.h"
#include "cert/san.h"

#define REASON_MAX 320

static escertke_err check_profile(const struct esc_view *v, bool strict, int *alert, escertke_detail *d)
{
    char text[REASON_MAX];

    for (size_t i = 0; i < esc_rule_count; i++) {
        const struct esc_rule *rule = &esc_rules[i];
        if ((strict ? rule->strict_level : rule->level) != ESCERTKE_LINT_ERROR || !esc_rule_broken(rule, v))
            continue;
        esc_rule_text(rule, v, text, sizeof text);
        *alert = rule->alert;
        return esc_fail(d, rule->err, rule->clause, "%s", text);
    }
    return ESCERTKE_OK;
}

static escertke_err check_profiles(const escertke_cert *certs, size_t count, const escertke_expect *expect, int64_t unix_s,
                                   int *alert, escertke_detail *d)
{
    struct esc_view v = { .certs = certs, .purpose = expect->client ? ESC_CLIENT : ESC_SERVER, .unix_s = unix_s };
    escertke_err err = ESCERTKE_OK;

    for (v.at = 0; v.at < count && err == ESCERTKE_OK; v.at++) {
        v.place = esc_place(certs, count, v.at);
        err = check_profile(&v, expect->strict, alert, d);
    }
    return err;
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
    escertke_cert certs[PATH_MAX_COUNT];
    escertke_err err;

    if (!alert)
        return ESCERTKE_ERR_ARG;
    *alert = ALERT_INTERNAL_ERROR;
    if (!path || !count || !expect || !expect->id)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no path or no expected identity to check");

    *alert = ALERT_BAD_CERTIFICATE;
    if (count > PATH_MAX_COUNT)
        return esc_fail(d, ESCERTKE_ERR_CERT, "TS-0003 10.1.1.3",
                        "path of %zu certificates, at most %u and an anchor are accepted", count, ESCERTKE_CHAIN_MAX);
    for (size_t i = 0; i < count; i++)
        if ((err = escertke_cert_parse(path[i], &certs[i], d)) != ESCERTKE_OK)
            return err;
    if ((err = check_profiles(certs, count, expect, unix_s, alert, d)) != ESCERTKE_OK ||
        (err = esc_san_check(&certs[0], d)) != ESCERTKE_OK || (err = esc_constraints_check(certs, count, d)) != ESCERTKE_OK)
        return err;
    if ((err = esc_san_match(&certs[0], expect, d)) != ESCERTKE_OK)
        *alert = identity_alert(err, expect->client);
    return err;
}

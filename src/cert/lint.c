/* lint.c - an own chain against the profile, before any peer sees it. */
#include <escertke/cert.h>

#include <stdio.h>

#include "base/fail.h"
#include "cert/constraints.h"
#include "cert/oid.h"
#include "cert/profile.h"
#include "cert/san.h"

/* Names beyond these are judged but not told one by one. */
#define MEANINGS_MAX 16u

#define EVERY_PEER "every peer"

struct lint {
    escertke_finding_fn fn;
    void *ctx;
    bool strict;
    escertke_err err; /* of the first finding of level ERROR */
};

static void say(struct lint *l, escertke_err err, const escertke_finding *f)
{
    if (l->fn)
        l->fn(l->ctx, f);
    if (f->level == ESCERTKE_LINT_ERROR && l->err == ESCERTKE_OK)
        l->err = err;
}

/* What no peer accepts. */
static void say_error(struct lint *l, size_t position, escertke_err err, const char *clause, const char *text, const char *advice)
{
    say(l, err,
        &(escertke_finding){ .level = ESCERTKE_LINT_ERROR,
                             .position = position,
                             .clause = clause,
                             .text = text,
                             .refused_by = EVERY_PEER,
                             .advice = advice && *advice ? advice : NULL });
}

/* A check that ends at its first failure, as one finding. */
static void say_failure(struct lint *l, size_t position, escertke_err err, const escertke_detail *d)
{
    if (err != ESCERTKE_OK)
        say_error(l, position, err, d->clause, d->reason, d->advice);
}

static void lint_profile(struct lint *l, const struct esc_view *v)
{
    char text[400];

    for (size_t i = 0; i < esc_rule_count; i++) {
        const struct esc_rule *rule = &esc_rules[i];
        if (!esc_rule_broken(rule, v))
            continue;
        esc_rule_text(rule, v, text, sizeof text);
        say(l, rule->err,
            &(escertke_finding){ .level = l->strict ? rule->strict_level : rule->level,
                                 .position = v->at,
                                 .clause = rule->clause,
                                 .text = text,
                                 .refused_by = rule->who,
                                 .advice = rule->advice });
    }
}

static void lint_order(struct lint *l, const escertke_cert *certs, size_t count)
{
    char text[160];

    for (size_t i = 1; i < count; i++) {
        if (escertke_span_equal(certs[i - 1].issuer, certs[i].subject))
            continue;
        snprintf(text, sizeof text, "its subject is not, octet by octet, the issuer of certificate %zu", i - 1);
        say_error(l, i, ESCERTKE_ERR_CERT, "RFC 5246 7.4.2", text,
                  "put the leaf first, and after each certificate that of its issuer");
    }
}

/* What a name makes of the certificate, and who refuses it for that. Level NOTE: as it should be. */
struct meaning {
    escertke_lint_level level;
    const char *clause, *text, *who;
};

static const struct meaning as_cse = { ESCERTKE_LINT_NOTE, "TS-0003 8.1.2.1",
                                       "CSE-ID certificate for the CSE of this public domain name",
                                       "peers that expect another name or flavour" },
                            as_ae = { ESCERTKE_LINT_NOTE, "TS-0003 8.1.2.1", "AE-ID certificate of this Absolute AE-ID",
                                      "peers that expect another ID or flavour" },
                            as_cse_uri = { ESCERTKE_LINT_WARN, "TS-0003 8.1.2.5",
                                           "an Absolute CSE-ID as URI, where a CSE-ID certificate has a dNSName",
                                           "peers that expect a CSE-ID certificate" },
                            as_node = { ESCERTKE_LINT_NOTE, "TS-0003 8.1.2.1", "Node-ID certificate",
                                        "peers without a rule flavour=node for this M2M-Node-ID" },
                            as_schemed = { ESCERTKE_LINT_WARN, "TS-0003 8.1.2.5", "an AE-ID behind a scheme",
                                           "peers that are not configured to expect exactly this" },
                            as_relative = { ESCERTKE_LINT_WARN, "RFC 5280 4.2.1.6", "neither a URI nor an Absolute AE-ID",
                                            EVERY_PEER },
                            as_device = { ESCERTKE_LINT_NOTE, "TS-0003 10.1.1.4", "Device certificate",
                                          "peers without a rule flavour=device for this hardware instance identifier" },
                            as_device_odd = { ESCERTKE_LINT_WARN, "TS-0003 10.1.1.4",
                                              "Device certificate whose value is not a RELATIVE-OID",
                                              "peers that know no other encoding, or have no rule flavour=device for this" },
                            as_text = { ESCERTKE_LINT_NOTE, "TS-0003 8.1.2.1", "Node-ID or Device certificate",
                                        "peers without a rule flavour=node or flavour=device for this" },
                            as_nobody = { ESCERTKE_LINT_NOTE, "TS-0003 8.1.2.1", "a name that no oneM2M peer looks for", NULL };

static const struct meaning *meaning_of_uri(escertke_span uri)
{
    escertke_span rest = uri;
    escertke_id id;
    size_t scheme = esc_uri_scheme_len(uri);

    if (escertke_id_parse(uri, &id) == ESCERTKE_OK)
        return id.kind == ESCERTKE_ID_CSE ? &as_cse_uri : &as_ae;
    rest.ptr += scheme;
    rest.len -= scheme;
    if (scheme && escertke_id_parse(rest, &id) == ESCERTKE_OK && id.kind != ESCERTKE_ID_CSE)
        return &as_schemed;
    return scheme ? &as_node : &as_relative;
}

static const struct meaning *meaning_of_other(escertke_span content)
{
    struct esc_other other;
    struct esc_oid oid;

    if (!esc_other_read(content, &other))
        return &as_nobody;
    if (!esc_other_oid(&other, &oid))
        return other.tag == DER_UTF8_STRING ? &as_text : &as_nobody;
    return other.tag == DER_RELATIVE_OID ? &as_device : &as_device_odd;
}

static const struct meaning *meaning_of(const struct esc_name *name)
{
    switch (name->type) {
    case NAME_DNS: return &as_cse;
    case NAME_URI: return meaning_of_uri(name->value);
    case NAME_REGISTERED_ID: return &as_node;
    case NAME_OTHER: return meaning_of_other(name->value);
    default: return &as_nobody;
    }
}

static void say_meaning(struct lint *l, const struct meaning *m, const struct esc_name *name)
{
    char shown[128], text[320];

    esc_name_text(name, shown, sizeof shown);
    snprintf(text, sizeof text, "%s%s%s", shown, *shown ? ": " : "", m->text);
    say(l, ESCERTKE_ERR_PROFILE,
        &(escertke_finding){ .level = m->level, .clause = m->clause, .text = text, .refused_by = m->who });
}

/* Which flavours the certificate is of: each of its names makes it one (TS-0003 8.1.2.1). */
static void lint_identity(struct lint *l, const escertke_cert *leaf)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;
    escertke_detail d;
    size_t names = 0, useful = 0;

    if (!leaf->san.len) {
        say_error(l, 0, ESCERTKE_ERR_PROFILE, "TS-0003 8.1.2.5", "no subjectAltName: the subject's CN is no identity",
                  "have it issued again with the identity as subjectAltName, as escertke pki issue does");
        return;
    }
    escertke_detail_init(&d);
    escertke_err err = esc_san_check(leaf, &d);
    say_failure(l, 0, err, &d);
    if (err != ESCERTKE_OK)
        return;
    for (; !esc_der_done(&walk) && esc_general_name(&walk, &name); names++) {
        const struct meaning *m = meaning_of(&name);
        useful += m != &as_nobody && m != &as_relative;
        if (names < MEANINGS_MAX)
            say_meaning(l, m, &name);
    }
    if (!useful)
        say(l, ESCERTKE_ERR_PROFILE,
            &(escertke_finding){ .level = ESCERTKE_LINT_WARN,
                                 .clause = "TS-0003 8.1.2.1",
                                 .text = "no name of any flavour (AE-ID, CSE-ID, Node-ID, Device)",
                                 .refused_by = EVERY_PEER });
}

escertke_err escertke_cert_examine(const escertke_span *path, size_t count, int64_t unix_s, bool strict, escertke_finding_fn fn,
                                   void *ctx)
{
    struct lint l = { .fn = fn, .ctx = ctx, .strict = strict };
    escertke_cert certs[PATH_MAX_COUNT];
    struct esc_view v = { .certs = certs, .purpose = ESC_ANY_PURPOSE, .unix_s = unix_s };
    escertke_detail d;

    if (!path || !count)
        return ESCERTKE_ERR_ARG;
    if (count > PATH_MAX_COUNT) {
        say(&l, ESCERTKE_ERR_CERT,
            &(escertke_finding){ .level = ESCERTKE_LINT_ERROR,
                                 .position = PATH_MAX_COUNT,
                                 .clause = "TS-0003 10.1.1.3",
                                 .text = "chain too long: more than 4 certificates and an anchor",
                                 .refused_by = "peers with this library",
                                 .advice = "leave out what does not lead to the trust anchor" });
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

/* The older form of a finding: all in one text. */
struct in_words {
    escertke_lint_fn fn;
    void *ctx;
};

static void put_in_words(void *ctx, const escertke_finding *f)
{
    const struct in_words *w = ctx;
    char text[600];

    if (!w->fn)
        return;
    snprintf(text, sizeof text, "%s%s%s", f->text, f->refused_by ? "; refused by " : "", f->refused_by ? f->refused_by : "");
    w->fn(w->ctx, f->level, f->position, f->clause, text);
}

escertke_err escertke_cert_lint(const escertke_span *path, size_t count, int64_t unix_s, bool strict, escertke_lint_fn fn,
                                void *ctx)
{
    return escertke_cert_examine(path, count, unix_s, strict, put_in_words, &(struct in_words){ fn, ctx });
}

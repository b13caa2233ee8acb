/* inspect_rule.c - the --peer rules under which an end-point with this library accepts a certificate. */
#include <stdio.h>
#include <string.h>

#include "cert/names.h"
#include "cert/oid.h"
#include "cert/san.h"
#include "inspect.h"
#include "peers.h"

/* Stand for an identity that nothing says: as good as any where it is not compared. What is shown in their place is no identity,
 * so that a rule that was not completed is refused. */
static const char any_ae[] = "//sp.example/cse/Cname", any_cse[] = "//sp.example/cse";

static const char *shown_id(const char *id)
{
    return id == any_ae ? INSPECT_ANY_AE : id == any_cse ? "//SP/CSE" : id;
}

/* A rule is only shown if it can be read back, and if no shell can take its quotes apart. */
static void add_rule(json_t *rules, const char *id, const char *flavour, const char *san)
{
    char rest[400], rule[700], why[320];

    if (strpbrk(id, "',") || (san && strpbrk(san, "',")))
        return;
    snprintf(rest, sizeof rest, ",flavour=%s%s%s", flavour, san ? ",san=" : "", san ? san : "");
    snprintf(rule, sizeof rule, "%s%s", id, rest);
    if (peers_check_rule(rule, why, sizeof why))
        inspect_add(rules, "--peer '%s%s'", shown_id(id), rest);
}

/* Would the leaf be taken as that? The identity asked for is better than one made up. */
static bool accepts(const escertke_cert *leaf, escertke_flavour flavour, const char *id, const char *san)
{
    const escertke_expect expect = { .flavour = flavour, .id = id, .san = san };

    return escertke_cert_match_identity(leaf, &expect, NULL) == ESCERTKE_OK;
}

static void rule_of_uri(const struct inspect *in, const escertke_cert *leaf, const char *uri, json_t *rules)
{
    const char *id = in->id ? in->id : any_ae, *rest = uri + esc_uri_scheme_len(escertke_span_str(uri));

    if (accepts(leaf, ESCERTKE_FLAVOUR_AE, uri, NULL))
        add_rule(rules, uri, "ae", NULL);
    else if (rest != uri && accepts(leaf, ESCERTKE_FLAVOUR_AE, rest, uri))
        add_rule(rules, rest, "ae", uri);
    else if (accepts(leaf, ESCERTKE_FLAVOUR_NODE, id, uri))
        add_rule(rules, id, "node", uri);
}

/* A domain name says no CSE-ID by itself: in1.sp may be //sp/in1, or any CSE that is configured so. */
static void rule_of_domain(const struct inspect *in, const escertke_cert *leaf, const char *name, json_t *rules)
{
    char guess[ESCERTKE_ID_MAX + 8];
    const char *dot = strchr(name, '.');

    if (dot)
        snprintf(guess, sizeof guess, "//%s/%.*s", dot + 1, (int)(dot - name), name);
    if (in->id && accepts(leaf, ESCERTKE_FLAVOUR_CSE, in->id, NULL))
        add_rule(rules, in->id, "cse", NULL);
    else if (in->id)
        add_rule(rules, in->id, "cse", name);
    else if (dot && accepts(leaf, ESCERTKE_FLAVOUR_CSE, guess, NULL))
        add_rule(rules, guess, "cse", NULL);
    else
        add_rule(rules, any_cse, "cse", name);
}

json_t *inspect_peer_rules(const struct inspect *in, const escertke_cert *leaf)
{
    json_t *rules = json_array();
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;
    const char *id = in->id ? in->id : any_ae;
    char text[ESCERTKE_ID_MAX + 1];

    while (!esc_der_done(&walk) && esc_general_name(&walk, &name) && json_array_size(rules) < 16) {
        if (name.value.len >= sizeof text)
            continue;
        esc_name_text(&name, text, sizeof text);
        if (name.type == NAME_URI)
            rule_of_uri(in, leaf, text, rules);
        else if (name.type == NAME_DNS)
            rule_of_domain(in, leaf, text, rules);
        else if (name.type == NAME_OTHER && accepts(leaf, ESCERTKE_FLAVOUR_DEVICE, id, text))
            add_rule(rules, id, "device", text);
        else if (name.type == NAME_REGISTERED_ID && accepts(leaf, ESCERTKE_FLAVOUR_NODE, id, text))
            add_rule(rules, id, "node", text);
    }
    return rules;
}

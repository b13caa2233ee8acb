#include "cert/constraints.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/names.h"
#include "cert/oid.h"
#include "cert/profile.h"
#include "cert/san.h"
#include "cert/words.h"

#define CLAUSE "RFC 5280 4.2.1.10"
#define SHOWN_MAX 128
#define MORE_MAX 24u /* room for ", and 64 more" */

struct subtree {
    struct esc_name base;
    bool excluded;
};

/* The constraints of one CA, and the work left for the path. */
struct subtrees {
    struct subtree item[SUBTREES_MAX];
    size_t count;
    size_t comparisons_left;
    size_t ca, below; /* positions on the path, for texts */
    const escertke_cert *certs;
    size_t certs_count;
};

/* ---- one name against one subtree --------------------------------------------------------------------------- */

static escertke_span tail(escertke_span text, size_t from)
{
    return (escertke_span){ text.ptr + from, text.len - from };
}

/* A domain name after an optional dot in front. */
static bool domain_base_valid(escertke_span base)
{
    return !base.len || esc_domain_valid(base.ptr[0] == '.' ? tail(base, 1) : base);
}

static bool ends_with(escertke_span text, escertke_span end)
{
    return text.len >= end.len && esc_text_equal(tail(text, text.len - end.len), end);
}

/* "" is every name; "host" is it and everything below; ".host" only what is below. */
static bool dns_within(escertke_span name, escertke_span base, bool excluded)
{
    (void)excluded;
    if (!base.len || esc_text_equal(name, base))
        return true;
    if (base.ptr[0] == '.')
        return name.len > base.len && ends_with(name, base);
    return name.len > base.len && name.ptr[name.len - base.len - 1] == '.' && ends_with(name, base);
}

/* "host" is exactly that host, ".host" everything below it; the RFC gives "" no meaning, so it only ever takes away. */
static bool host_within(escertke_span host, escertke_span base, bool excluded)
{
    if (!base.len)
        return excluded;
    return base.ptr[0] == '.' ? host.len > base.len && ends_with(host, base) : esc_text_equal(host, base);
}

static bool uri_usable(escertke_span uri)
{
    escertke_span host;

    return esc_uri_host(uri, &host);
}

static bool uri_within(escertke_span uri, escertke_span base, bool excluded)
{
    escertke_span host;

    return esc_uri_host(uri, &host) && host_within(host, base, excluded);
}

/* Position of the only "@", 0 = none, several, or nothing in front of it. */
static size_t at_sign(escertke_span text)
{
    size_t at = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '@')
            continue;
        if (at)
            return 0;
        at = i;
    }
    return at;
}

static bool email_usable(escertke_span name)
{
    size_t at = at_sign(name);

    return at && esc_domain_valid(tail(name, at + 1));
}

static bool email_base_valid(escertke_span base)
{
    return email_usable(base) || domain_base_valid(base);
}

static bool email_within(escertke_span name, escertke_span base, bool excluded)
{
    size_t at = at_sign(name), base_at = at_sign(base);

    if (!base_at)
        return host_within(tail(name, at + 1), base, excluded);
    return at == base_at && memcmp(name.ptr, base.ptr, at) == 0 && esc_text_equal(tail(name, at), tail(base, at));
}

static bool directory_within(escertke_span name, escertke_span base, bool excluded)
{
    (void)excluded;
    return esc_dn_within(name, base);
}

static bool ip_base_valid(escertke_span base)
{
    return base.len == 8 || base.len == 32;
}

static bool ip_within(escertke_span name, escertke_span base, bool excluded)
{
    (void)excluded;
    if (base.len != 2 * name.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((name.ptr[i] ^ base.ptr[i]) & base.ptr[name.len + i])
            return false;
    return true;
}

/* The RFC leaves registeredID open: an OID and all below it. */
static bool registered_id_within(escertke_span name, escertke_span base, bool excluded)
{
    (void)excluded;
    return esc_oid_within(name, base);
}

/*
 * The RFC leaves otherName to those who define a type-id. Hardware instance identifiers are OIDs cut in two, so a subtree is an
 * OID and all below it, and it binds every otherName whose type-id is at, above or below its own: another cut, and another
 * encoding (A-22), is the same identifier. Other types are other name forms, which it leaves alone (as RFC 8398 5 does).
 */
static bool other_applies(escertke_span name, escertke_span base)
{
    struct esc_other n, b;

    return !esc_other_read(name, &n) || !esc_other_read(base, &b) || esc_oid_within(n.type_id, b.type_id) ||
           esc_oid_within(b.type_id, n.type_id);
}

static bool other_usable(escertke_span name)
{
    struct esc_other n;
    struct esc_oid oid;

    return esc_other_read(name, &n) && esc_other_oid(&n, &oid);
}

/* A base that is no such identifier permits nothing and excludes all that it applies to. */
static bool other_within(escertke_span name, escertke_span base, bool excluded)
{
    struct esc_other n, b;
    struct esc_oid name_oid, base_oid;

    if (!esc_other_read(name, &n) || !esc_other_oid(&n, &name_oid) || !esc_other_read(base, &b) || !esc_other_oid(&b, &base_oid))
        return excluded;
    return esc_oid_within((escertke_span){ name_oid.octets, name_oid.len }, (escertke_span){ base_oid.octets, base_oid.len });
}

/* Types without a row cannot be evaluated. */
static const struct {
    bool (*base_valid)(escertke_span base);                                /* NULL = nothing more to check */
    bool (*usable)(escertke_span name);                                    /* NULL = every name is */
    bool (*within)(escertke_span name, escertke_span base, bool excluded); /* for usable names and valid bases */
    bool (*applies)(escertke_span name, escertke_span base);               /* NULL = every base to every name of the type */
    const char *unusable;                                                  /* why a name cannot be compared */
} types[NAME_REGISTERED_ID + 1] = {
    [NAME_OTHER] = { NULL, other_usable, other_within, other_applies,
                     "is no hardware instance identifier that could be compared" },
    [NAME_EMAIL] = { email_base_valid, email_usable, email_within, NULL, "has no mailbox and host that could be compared" },
    [NAME_DNS] = { domain_base_valid, esc_domain_valid, dns_within, NULL, "is no domain name that could be compared" },
    [NAME_DIRECTORY] = { NULL, NULL, directory_within, NULL, NULL },
    [NAME_URI] = { domain_base_valid, uri_usable, uri_within, NULL,
                   "has no host that could be compared; no URN satisfies a URI constraint, so the CA of a URN Node-ID must have "
                   "none" },
    [NAME_IP] = { ip_base_valid, NULL, ip_within, NULL, NULL },
    [NAME_REGISTERED_ID] = { NULL, NULL, registered_id_within, NULL, NULL },
};

/* ---- reading the extension ---------------------------------------------------------------------------------- */

static escertke_err bad_constraint(const struct subtrees *s, const char *what, escertke_detail *d)
{
    const struct esc_refusal r = { s->certs ? &s->certs[s->ca] : NULL,
                                   s->ca,
                                   s->certs_count,
                                   "name constraints that can be compared with the names below",
                                   what,
                                   "the CA has to be made again, e.g. by: escertke pki init; it must not be trusted as it is" };

    return esc_fail_cert(d, ESCERTKE_ERR_CERT, CLAUSE, &r, "name constraints of certificate %zu: %s", s->ca, what);
}

static escertke_err read_subtree(struct der *list, bool excluded, struct subtrees *s, escertke_detail *d)
{
    struct der_tlv t;
    struct subtree *sub = &s->item[s->count];

    if (s->count == SUBTREES_MAX)
        return bad_constraint(s, "more than 64 subtrees", d);
    if (!esc_der_take(list, DER_SEQUENCE, &t))
        return bad_constraint(s, "malformed subtree", d);
    struct der r = esc_der_init(t.value);
    if (!esc_general_name(&r, &sub->base))
        return bad_constraint(s, "malformed name", d);
    if (!esc_der_done(&r))
        return bad_constraint(s, "a minimum or maximum, which the RFC does not allow", d);
    if (types[sub->base.type].base_valid && !types[sub->base.type].base_valid(sub->base.value))
        return bad_constraint(s, "a name that is no constraint for its type", d);
    sub->excluded = excluded;
    s->count++;
    return ESCERTKE_OK;
}

static escertke_err read_subtrees(struct der *r, bool excluded, struct subtrees *s, escertke_detail *d)
{
    struct der_tlv t;
    uint8_t tag = DER_CONTEXT_CONSTRUCTED | (excluded ? 1 : 0);

    if (!esc_der_peek(r, tag))
        return ESCERTKE_OK;
    if (!esc_der_next(r, &t) || !t.value.len)
        return bad_constraint(s, "malformed list", d);
    for (struct der list = esc_der_init(t.value); !esc_der_done(&list);) {
        escertke_err err = read_subtree(&list, excluded, s, d);
        if (err != ESCERTKE_OK)
            return err;
    }
    return ESCERTKE_OK;
}

static escertke_err read_constraints(const escertke_cert *ca, struct subtrees *s, escertke_detail *d)
{
    struct der r = esc_der_init(ca->name_constraints);
    escertke_err err;

    s->count = 0;
    if ((err = read_subtrees(&r, false, s, d)) != ESCERTKE_OK || (err = read_subtrees(&r, true, s, d)) != ESCERTKE_OK)
        return err;
    return esc_der_done(&r) ? ESCERTKE_OK : bad_constraint(s, "malformed", d);
}

/* ---- names against one CA ----------------------------------------------------------------------------------- */

/* Constraints of some types, "URI m2m.example.org, URI .m2m.example.org, and 3 more": whole ones as far as there is room. */
static void subtrees_text(const struct subtrees *s, unsigned set, bool excluded, char *out, size_t cap)
{
    char shown[SHOWN_MAX], piece[SHOWN_MAX + 32];
    size_t len = 0, left_off = 0;

    out[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        const struct subtree *sub = &s->item[i];
        if (sub->excluded != excluded || !(set & ESC_NAMES_OF(sub->base.type)))
            continue;
        esc_name_text(&sub->base, shown, sizeof shown);
        int n =
            snprintf(piece, sizeof piece, "%s%s %s", len ? ", " : "", esc_name_kind(sub->base.type), *shown ? shown : "(all)");
        if (n < 0 || left_off || len + (size_t)n + MORE_MAX >= cap) {
            left_off++;
            continue;
        }
        memcpy(out + len, piece, (size_t)n + 1);
        len += (size_t)n;
    }
    if (left_off && len + MORE_MAX <= cap)
        snprintf(out + len, cap - len, "%s%zu more", len ? ", and " : "", left_off);
}

static void expected_text(const struct subtrees *s, uint8_t type, bool excluded, char *out, size_t cap)
{
    char ca[40], list[200];

    esc_position_text(s->ca, s->certs_count, ca, sizeof ca);
    subtrees_text(s, ESC_NAMES_OF(type), excluded, list, sizeof list);
    snprintf(out, cap, "%s %s (name constraints of the %s)", excluded ? "no name within" : "a name within", list, ca);
}

static escertke_err refuse(const struct subtrees *s, const struct esc_name *name, bool excluded, const char *why,
                           escertke_detail *d)
{
    static const char *const kinds[] = {
        "otherName", "rfc822Name",  "dNSName", "x400Address", "directoryName", "ediPartyName", "uniformResourceIdentifier",
        "iPAddress", "registeredID"
    };
    char shown[SHOWN_MAX], expected[288], found[SHOWN_MAX + 16];
    const struct esc_refusal r = {
        &s->certs[s->below],
        s->below,
        s->certs_count,
        expected,
        found,
        "have it issued by a CA whose name constraints permit this name, or with a name inside them: escertke inspect shows both"
    };

    esc_name_text(name, shown, sizeof shown);
    expected_text(s, name->type, excluded, expected, sizeof expected);
    snprintf(found, sizeof found, "%s %s", esc_name_kind(name->type), shown);
    return esc_fail_cert(d, ESCERTKE_ERR_CERT, CLAUSE, &r, "%s%s%s of certificate %zu %s (name constraints of certificate %zu)",
                         kinds[name->type], *shown ? " " : "", shown, s->below, why, s->ca);
}

static escertke_err check_name(struct subtrees *s, const struct esc_name *name, escertke_detail *d)
{
    bool constrained = false, permitted = false;

    if (s->comparisons_left < s->count)
        return bad_constraint(s, "more names and subtrees than this library compares", d);
    s->comparisons_left -= s->count;
    for (size_t i = 0; i < s->count; i++) {
        const struct subtree *sub = &s->item[i];
        if (sub->base.type != name->type ||
            (types[name->type].applies && !types[name->type].applies(name->value, sub->base.value)))
            continue;
        if (!types[name->type].within)
            return refuse(s, name, sub->excluded, "is of a constrained type that cannot be evaluated", d);
        if (types[name->type].usable && !types[name->type].usable(name->value))
            return refuse(s, name, sub->excluded, types[name->type].unusable, d);
        bool within = types[name->type].within(name->value, sub->base.value, sub->excluded);
        if (sub->excluded && within)
            return refuse(s, name, true, "is excluded", d);
        constrained |= !sub->excluded;
        permitted |= !sub->excluded && within;
    }
    return !constrained || permitted ? ESCERTKE_OK : refuse(s, name, false, "is not permitted", d);
}

/* The subject counts as a directoryName, its emailAddress attributes as rfc822Names. */
static escertke_err check_subject(struct subtrees *s, const escertke_cert *cert, escertke_detail *d)
{
    static const uint8_t email_address[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01 };
    struct esc_name name = { NAME_DIRECTORY, cert->subject };
    escertke_err err = ESCERTKE_OK;
    size_t at = 0;

    if (!esc_dn_empty(cert->subject))
        err = check_name(s, &name, d);
    name.type = NAME_EMAIL;
    while (err == ESCERTKE_OK &&
           esc_dn_find(cert->subject, (escertke_span){ email_address, sizeof email_address }, &at, &name.value))
        err = check_name(s, &name, d);
    return err;
}

static escertke_err check_names(struct subtrees *s, const escertke_cert *cert, escertke_detail *d)
{
    struct der walk = esc_der_init(cert->san);
    struct esc_name name;
    escertke_err err = check_subject(s, cert, d);

    for (size_t names = 0; err == ESCERTKE_OK && !esc_der_done(&walk); names++) {
        if (names == NAMES_MAX)
            return bad_constraint(s, "more than 256 names in a certificate below it", d);
        if (!esc_general_name(&walk, &name))
            return bad_constraint(s, "malformed name in a certificate below it", d);
        err = check_name(s, &name, d);
    }
    return err;
}

escertke_err esc_constraints_check(const escertke_cert *certs, size_t count, escertke_detail *d)
{
    struct subtrees s;
    escertke_err err;

    s.comparisons_left = COMPARISONS_MAX;
    s.certs = certs;
    s.certs_count = count;
    for (s.ca = 1; s.ca < count; s.ca++) {
        if (!certs[s.ca].has_name_constraints)
            continue;
        if ((err = read_constraints(&certs[s.ca], &s, d)) != ESCERTKE_OK)
            return err;
        for (s.below = 0; s.below < s.ca; s.below++) {
            const escertke_cert *cert = &certs[s.below];
            if (s.below && esc_cert_self_issued(cert))
                continue; /* RFC 5280 6.1.3 (b): a CA's change of keys is not a name it may sign for */
            if ((err = check_names(&s, cert, d)) != ESCERTKE_OK)
                return err;
        }
    }
    return ESCERTKE_OK;
}

bool esc_constraints_text(const escertke_cert *ca, bool excluded, char *out, size_t cap)
{
    struct subtrees s = { .certs = NULL };

    if (read_constraints(ca, &s, NULL) != ESCERTKE_OK)
        return false;
    subtrees_text(&s, ~0u, excluded, out, cap);
    return true;
}

bool esc_constraints_permit_uris(const escertke_cert *ca)
{
    struct subtrees s = { .certs = NULL };

    if (read_constraints(ca, &s, NULL) != ESCERTKE_OK)
        return true; /* esc_constraints_check refuses them for what they are */
    for (size_t i = 0; i < s.count; i++)
        if (!s.item[i].excluded && s.item[i].base.type == NAME_URI)
            return true;
    return false;
}

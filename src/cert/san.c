#include "cert/san.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/oid.h"
#include "cert/words.h"

#define SAN_CLAUSE "TS-0003 8.1.2.5"
#define SHOWN_MAX 128
#define SHOWN_ID_MAX 60u /* a longer identity leaves no room for the rest of an advice */

/* The list was checked when the certificate was parsed, so it ends by being done. */
static bool next_name(struct der *walk, struct esc_name *name)
{
    return !esc_der_done(walk) && esc_general_name(walk, name);
}

static escertke_err refuse_wildcard(const escertke_cert *leaf, const struct esc_name *name, escertke_detail *d)
{
    char shown[SHOWN_MAX], found[SHOWN_MAX + 16];
    const struct esc_refusal r = {
        leaf,  0,
        0,     "names without wildcard",
        found, "have it issued with the exact name, e.g. by: escertke pki issue DIR --cse-id ID --dns NAME"
    };

    esc_printable(name->value, shown, sizeof shown);
    snprintf(found, sizeof found, "%s %s", esc_name_kind(name->type), shown);
    return esc_fail_cert(d, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1", &r, "wildcard in the certificate's name \"%s\"", shown);
}

static escertke_err refuse_domain(const escertke_cert *leaf, const struct esc_name *name, escertke_detail *d)
{
    char shown[SHOWN_MAX], found[SHOWN_MAX + 16];
    const struct esc_refusal r = {
        leaf,  0,
        0,     "dNSNames that are domain names: labels of letters, digits, \"-\" and \"_\"",
        found, "have it issued without this name; one that is not ASCII is written as A-label (xn--...)"
    };

    esc_printable(name->value, shown, sizeof shown);
    snprintf(found, sizeof found, "DNS %s", shown);
    return esc_fail_cert(d, ESCERTKE_ERR_CERT, "RFC 5280 4.2.1.6", &r,
                         "dNSName \"%s\" is not a domain name (final dot, empty label or foreign character)", shown);
}

escertke_err esc_san_check(const escertke_cert *leaf, escertke_detail *d)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;

    while (next_name(&walk, &name)) {
        if (name.type != NAME_DNS && name.type != NAME_URI)
            continue;
        if (name.value.len && memchr(name.value.ptr, '*', name.value.len))
            return refuse_wildcard(leaf, &name, d);
        if (name.type == NAME_DNS && !esc_domain_valid(name.value))
            return refuse_domain(leaf, &name, d);
    }
    return ESCERTKE_OK;
}

bool esc_san_names_ae(const escertke_cert *leaf)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;
    escertke_span host;

    while (next_name(&walk, &name))
        if (name.type == NAME_URI && esc_uri_host(name.value, &host))
            return true;
    return false;
}

/* What would be accepted; an empty span, or a length of 0, stands for "no name of this type". */
struct wanted {
    escertke_span uri, dns;
    char domain[ESCERTKE_ID_MAX + 1];
    struct esc_oid oid;  /* of a registeredID; of an otherName the type-id and, if the value is arcs, these */
    size_t type_len;     /* octets of the type-id; 0 = no otherName is wanted */
    escertke_span value; /* of an otherName, as text */
    bool registered_id;
};

/* The three encodings of A-22, each octet by octet; a value that is not arcs has only the last. */
static bool is_wanted_other(const struct esc_name *name, const struct wanted *w)
{
    escertke_span whole = { w->oid.octets, w->oid.len }, type_id = { w->oid.octets, w->type_len };
    escertke_span arcs = { w->oid.octets + w->type_len, w->oid.len - w->type_len };
    struct esc_other other;

    if (!w->type_len || !esc_other_read(name->value, &other) || !escertke_span_equal(other.type_id, type_id))
        return false;
    return (other.tag == DER_UTF8_STRING && escertke_span_equal(other.value, w->value)) ||
           (arcs.len && other.tag == DER_RELATIVE_OID && escertke_span_equal(other.value, arcs)) ||
           (arcs.len && other.tag == DER_OID && escertke_span_equal(other.value, whole));
}

static bool is_wanted(const struct esc_name *name, const struct wanted *w)
{
    switch (name->type) {
    case NAME_URI: return w->uri.len && escertke_span_equal(name->value, w->uri);
    case NAME_DNS: return w->dns.len && esc_text_equal(name->value, w->dns);
    case NAME_OTHER: return is_wanted_other(name, w);
    case NAME_REGISTERED_ID:
        return w->registered_id && escertke_span_equal(name->value, (escertke_span){ w->oid.octets, w->oid.len });
    default: return false;
    }
}

static bool has_wanted(const escertke_cert *leaf, const struct wanted *w)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;

    while (next_name(&walk, &name))
        if (is_wanted(&name, w))
            return true;
    return false;
}

/* @p after: between a type and its name. */
static void wanted_text(const struct wanted *w, const char *after, const char *san, char *out, size_t cap)
{
    if (w->registered_id || w->type_len)
        snprintf(out, cap, "%s%s%s", esc_name_kind(w->registered_id ? NAME_REGISTERED_ID : NAME_OTHER), after, san);
    else
        snprintf(out, cap, "%s%s%.*s%s%s%s%.*s", w->uri.len ? "URI" : "", w->uri.len ? after : "", (int)w->uri.len,
                 w->uri.len ? (const char *)w->uri.ptr : "", w->uri.len && w->dns.len ? " or " : "", w->dns.len ? "DNS" : "",
                 w->dns.len ? after : "", (int)w->dns.len, w->dns.len ? (const char *)w->dns.ptr : "");
}

/* "TYPE-ID:VALUE". */
static bool want_other(escertke_span san, struct wanted *w)
{
    const uint8_t *colon = san.len ? memchr(san.ptr, ':', san.len) : NULL;
    size_t type = colon ? (size_t)(colon - san.ptr) : 0;

    if (!colon || !esc_oid_parse((escertke_span){ san.ptr, type }, &w->oid))
        return false;
    w->value = (escertke_span){ colon + 1, san.len - type - 1 };
    w->type_len = w->oid.len;
    if (!esc_oid_add_arcs(&w->oid, w->value))
        w->oid.len = w->type_len;
    return w->value.len != 0;
}

static bool want_registered_id(escertke_span san, struct wanted *w)
{
    w->type_len = 0;
    w->registered_id = esc_oid_parse(san, &w->oid);
    return w->registered_id;
}

/* Absolute, or "//host/...", as an Absolute CSE-ID that serves as Node-ID is written (R-ID-40, A-19). */
static bool want_uri(escertke_span san, struct wanted *w)
{
    w->type_len = 0;
    if (esc_uri_scheme_len(san) || (san.len > 2 && memcmp(san.ptr, "//", 2) == 0))
        w->uri = san;
    return w->uri.len != 0;
}

/* Flavours whose name in the certificate has nothing to do with the peer's oneM2M identity. */
static escertke_err want_configured(const escertke_expect *expect, struct wanted *w, escertke_detail *d)
{
    bool node = expect->flavour == ESCERTKE_FLAVOUR_NODE;
    escertke_span san = escertke_span_str(expect->san);
    char shown[SHOWN_MAX];

    if (!san.len)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0003 8.1.2.4", "a %s certificate needs the expected %s: san=...",
                        node ? "Node-ID" : "Device", node ? "M2M-Node-ID" : "hardware instance identifier");
    if (san.len > ESCERTKE_ID_MAX)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.4", "expected name of %zu octets, at most %u are compared", san.len,
                        ESCERTKE_ID_MAX);
    if (want_other(san, w) || (node && (want_registered_id(san, w) || want_uri(san, w))))
        return ESCERTKE_OK;
    esc_printable(san, shown, sizeof shown);
    return esc_fail(
        d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.1",
        node ? "\"%s\" is neither a URI nor an OID; a Node-ID of another form is expected as TYPE-ID:VALUE of an otherName"
             : "hardware instance identifier \"%s\" is not of the form TYPE-ID:ARCS, e.g. 0.2.481.1:100.3030.10011",
        shown);
}

static escertke_err want_domain(const escertke_expect *expect, const escertke_id *id, struct wanted *w, escertke_detail *d)
{
    static const struct esc_refusal r = { .expected = "a CSE whose domain name is known",
                                          .advice = "say its name: --peer 'ID,flavour=cse,san=NAME'" };

    if (expect->san || escertke_id_domain_name(id, NULL, w->domain) == ESCERTKE_OK)
        w->dns = escertke_span_str(expect->san ? expect->san : w->domain);
    else if (!w->uri.len)
        return esc_fail_cert(d, ESCERTKE_ERR_IDENTITY, "TS-0001 6.5.1.1", &r, "\"%s\" has no public domain name to compare",
                             expect->id);
    return ESCERTKE_OK;
}

/* A name that no certificate of the flavour can carry is a slip in a configuration, not something to wait for. */
static escertke_err check_san(const escertke_expect *expect, const struct wanted *w, escertke_detail *d)
{
    escertke_span san = escertke_span_str(expect->san);
    bool domain = w->dns.len && esc_domain_valid(san);
    bool uri = w->uri.len && (esc_uri_scheme_len(san) || (san.len > 2 && memcmp(san.ptr, "//", 2) == 0));
    char shown[SHOWN_MAX];

    if (!expect->san || domain || uri)
        return ESCERTKE_OK;
    esc_printable(san, shown, sizeof shown);
    return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.1", "san=%s: the certificate of \"%s\" has %s there", shown, expect->id,
                    w->dns.len ? w->uri.len ? "a URI or a domain name" : "a domain name" : "a URI");
}

/* What the peer's identity and flavour make of the expectation (R-ID-31: never a guess beyond them). */
static escertke_err want(const escertke_expect *expect, struct wanted *w, escertke_detail *d)
{
    static const struct esc_refusal impossible = { .expected = "an identity of which the flavour can speak",
                                                   .advice = "flavour=ae goes with AE-IDs, flavour=cse with CSE-IDs; correct the "
                                                             "--peer rule, or leave flavour= out of it" };
    escertke_id id;

    memset(w, 0, sizeof *w);
    if (escertke_id_parse(escertke_span_str(expect->id), &id) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.3", "expected identity \"%s\" is not an Absolute AE-ID or CSE-ID",
                        expect->id);
    switch (expect->flavour) {
    case ESCERTKE_FLAVOUR_BY_ID:
    case ESCERTKE_FLAVOUR_AE:
    case ESCERTKE_FLAVOUR_CSE: break;
    case ESCERTKE_FLAVOUR_NODE:
    case ESCERTKE_FLAVOUR_DEVICE: return want_configured(expect, w, d);
    case ESCERTKE_FLAVOUR_RAW:
    default:
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0003 8.1.2.5",
                        "expected a raw public key, which has no certificate and no names");
    }
    if (id.kind != ESCERTKE_ID_CSE && expect->flavour != ESCERTKE_FLAVOUR_CSE)
        w->uri = escertke_span_str(expect->san ? expect->san : expect->id);
    if (id.kind != ESCERTKE_ID_AE_C && expect->flavour != ESCERTKE_FLAVOUR_AE) {
        escertke_err err = want_domain(expect, &id, w, d);
        return err == ESCERTKE_OK ? check_san(expect, w, d) : err;
    }
    if (w->uri.len)
        return check_san(expect, w, d);
    return esc_fail_cert(d, ESCERTKE_ERR_IDENTITY, "TS-0003 8.1.2.1", &impossible,
                         "\"%s\" cannot have a certificate of flavour \"%s\"", expect->id,
                         escertke_flavour_name(expect->flavour));
}

static unsigned wanted_types(const struct wanted *w)
{
    return (w->uri.len ? ESC_NAMES_OF(NAME_URI) : 0) | (w->dns.len ? ESC_NAMES_OF(NAME_DNS) : 0) |
           (w->type_len ? ESC_NAMES_OF(NAME_OTHER) : 0) | (w->registered_id ? ESC_NAMES_OF(NAME_REGISTERED_ID) : 0);
}

/* The names of the types that count; without any, what is there in their place. */
static void found_text(const escertke_cert *leaf, const struct wanted *w, char *out, size_t cap)
{
    unsigned types = wanted_types(w);
    char list[200];

    if (esc_names_text(leaf->san, types, out, cap))
        return;
    if (!leaf->san.len) {
        snprintf(out, cap, "no subjectAltName; the subject's CN is no identity");
        return;
    }
    esc_names_text(leaf->san, ~types, list, sizeof list);
    snprintf(out, cap, "%s, but no %s", list,
             w->uri.len    ? w->dns.len ? "URI or DNS" : "URI"
             : w->dns.len  ? "DNS"
             : w->type_len ? "otherName"
                           : "registeredID");
}

/* How the peer gets a certificate that would be accepted. */
static const char *issue_option(const escertke_expect *expect, const struct wanted *w)
{
    switch (expect->flavour) {
    case ESCERTKE_FLAVOUR_NODE: return "--node-id ID";
    case ESCERTKE_FLAVOUR_DEVICE: return "--device-id ID";
    default: return w->dns.len ? "--cse-id ID --dns NAME" : "--ae-id ID";
    }
}

/* What a person can do. An initiator may have reached another peer than the one it wanted. */
static void advise(const escertke_expect *expect, const struct wanted *w, char *out, size_t cap)
{
    const char *id = strlen(expect->id) <= SHOWN_ID_MAX ? expect->id : "ID";
    const char *check = expect->client ? "" : "check --to; ";

    if (expect->san)
        snprintf(out, cap, "if san= of the --peer rule for this peer is right, it needs: escertke pki issue DIR %s --out PREFIX",
                 issue_option(expect, w));
    else if (w->uri.len && w->dns.len)
        snprintf(out, cap, "%ssay what the peer is: --peer '%s,flavour=ae' or '%s,flavour=cse,san=NAME'", check, id, id);
    else if (w->dns.len)
        snprintf(out, cap, "%sif this CSE's domain name is another one, add --peer '%s,flavour=cse,san=NAME'", check, id);
    else
        snprintf(out, cap, "%sissue a certificate for it with: escertke pki issue DIR --ae-id %s --out PREFIX", check, id);
}

static escertke_err refuse_identity(const escertke_cert *leaf, const escertke_expect *expect, const struct wanted *w,
                                    escertke_detail *d)
{
    char reason[SHOWN_MAX + ESCERTKE_ID_MAX], has[SHOWN_MAX], expected[288], found[288], advice[192];
    const struct esc_refusal r = { leaf, 0, 0, expected, found, advice };

    wanted_text(w, ":", expect->san, reason, sizeof reason);
    esc_san_text(leaf, has, sizeof has);
    wanted_text(w, " ", expect->san, expected, sizeof expected);
    found_text(leaf, w, found, sizeof found);
    advise(expect, w, advice, sizeof advice);
    return esc_fail_cert(d, ESCERTKE_ERR_IDENTITY, SAN_CLAUSE, &r, "expected %s, certificate has %s", reason, has);
}

escertke_err esc_san_match(const escertke_cert *leaf, const escertke_expect *expect, escertke_detail *d)
{
    struct wanted w;
    escertke_err err = want(expect, &w, d);

    if (err != ESCERTKE_OK)
        return err;
    if (has_wanted(leaf, &w))
        return ESCERTKE_OK;
    return refuse_identity(leaf, expect, &w, d);
}

escertke_err escertke_expect_check(const escertke_expect *expect, escertke_detail *d)
{
    static const uint8_t no_digest[32];
    struct wanted w;

    if (!expect || !expect->id)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 8.1.2.4", "no identity is expected");
    if (expect->flavour != ESCERTKE_FLAVOUR_RAW)
        return want(expect, &w, d);
    if (!expect->pin || escertke_key_identifier_match(expect->pin, no_digest) == ESCERTKE_ERR_ARG)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0003 10.1.2",
                        "a raw public key needs the expected public key identifier: pin=ni:///sha-256;DIGEST (or sha-256-128, "
                        "sha-256-120), found %s%.100s%s",
                        expect->pin ? "\"" : "none", expect->pin ? expect->pin : "", expect->pin ? "\"" : "");
    return ESCERTKE_OK;
}

escertke_err escertke_cert_match_identity(const escertke_cert *leaf, const escertke_expect *expect, escertke_detail *d)
{
    if (!leaf || !expect || !expect->id)
        return ESCERTKE_ERR_ARG;
    escertke_err err = esc_san_check(leaf, d);
    return err == ESCERTKE_OK ? esc_san_match(leaf, expect, d) : err;
}

escertke_err escertke_expect_domain_name(const escertke_expect *expect, char *out)
{
    escertke_id id;

    if (!expect || !expect->id || !out || (expect->flavour != ESCERTKE_FLAVOUR_CSE && expect->flavour != ESCERTKE_FLAVOUR_BY_ID))
        return ESCERTKE_ERR_ARG;
    if (escertke_id_parse(escertke_span_str(expect->id), &id) != ESCERTKE_OK)
        return ESCERTKE_ERR_ID;
    if (id.kind == ESCERTKE_ID_AE_C || (id.kind != ESCERTKE_ID_CSE && expect->flavour != ESCERTKE_FLAVOUR_CSE))
        return ESCERTKE_ERR_ARG;
    if (!expect->san)
        return escertke_id_domain_name(&id, NULL, out);
    escertke_span san = escertke_span_str(expect->san);
    if (!esc_domain_valid(san) || san.len > ESCERTKE_ID_MAX)
        return ESCERTKE_ERR_ID;
    memcpy(out, san.ptr, san.len + 1);
    return ESCERTKE_OK;
}

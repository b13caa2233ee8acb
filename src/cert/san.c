#include "cert/san.h"

#include <string.h>

#include "base/fail.h"

#define SAN_CLAUSE "TS-0003 8.1.2.5"
#define SHOWN_MAX 128

/* The list was checked when the certificate was parsed, so it ends by being done. */
static bool next_name(struct der *walk, struct esc_name *name)
{
    return !esc_der_done(walk) && esc_general_name(walk, name);
}

escertke_err esc_san_check(const escertke_cert *leaf, escertke_detail *d)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;
    char shown[SHOWN_MAX];

    while (next_name(&walk, &name)) {
        if (name.type != NAME_DNS && name.type != NAME_URI)
            continue;
        esc_printable(name.value, shown, sizeof shown);
        if (name.value.len && memchr(name.value.ptr, '*', name.value.len))
            return esc_fail(d, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1", "wildcard in the certificate's name \"%s\"", shown);
        if (name.type == NAME_DNS && !esc_domain_valid(name.value))
            return esc_fail(d, ESCERTKE_ERR_CERT, "RFC 5280 4.2.1.6",
                            "dNSName \"%s\" is not a domain name (final dot, empty label or foreign character)", shown);
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

/* What would be accepted; an empty span stands for "no name of this type". */
struct wanted {
    escertke_span uri, dns;
    char domain[ESCERTKE_ID_MAX + 1];
};

static bool has_wanted(const escertke_cert *leaf, const struct wanted *w)
{
    struct der walk = esc_der_init(leaf->san);
    struct esc_name name;

    while (next_name(&walk, &name)) {
        if (name.type == NAME_URI && w->uri.len && escertke_span_equal(name.value, w->uri))
            return true;
        if (name.type == NAME_DNS && w->dns.len && esc_text_equal(name.value, w->dns))
            return true;
    }
    return false;
}

static escertke_err want_domain(const escertke_expect *expect, const escertke_id *id, struct wanted *w, escertke_detail *d)
{
    if (expect->san || escertke_id_domain_name(id, NULL, w->domain) == ESCERTKE_OK)
        w->dns = escertke_span_str(expect->san ? expect->san : w->domain);
    else if (!w->uri.len)
        return esc_fail(d, ESCERTKE_ERR_IDENTITY, "TS-0001 6.5.1.1", "\"%s\" has no public domain name to compare", expect->id);
    return ESCERTKE_OK;
}

/* What the peer's identity and flavour make of the expectation (R-ID-31: never a guess beyond them). */
static escertke_err want(const escertke_expect *expect, struct wanted *w, escertke_detail *d)
{
    bool by_id = expect->flavour == ESCERTKE_FLAVOUR_BY_ID;
    escertke_id id;

    memset(w, 0, sizeof *w);
    if (expect->flavour == ESCERTKE_FLAVOUR_NODE) {
        w->uri = escertke_span_str(expect->san);
        return w->uri.len ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0003 8.1.2.4",
                                                   "a Node-ID certificate needs the expected M2M-Node-ID as a URI");
    }
    if (!by_id && expect->flavour != ESCERTKE_FLAVOUR_AE && expect->flavour != ESCERTKE_FLAVOUR_CSE)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0003 8.1.2.1", "certificates of flavour \"%s\" are not supported yet",
                        escertke_flavour_name(expect->flavour));
    if (escertke_id_parse(escertke_span_str(expect->id), &id) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.3", "expected identity \"%s\" is not an Absolute AE-ID or CSE-ID",
                        expect->id);
    if (id.kind != ESCERTKE_ID_CSE && expect->flavour != ESCERTKE_FLAVOUR_CSE)
        w->uri = escertke_span_str(expect->san ? expect->san : expect->id);
    if (id.kind != ESCERTKE_ID_AE_C && expect->flavour != ESCERTKE_FLAVOUR_AE)
        return want_domain(expect, &id, w, d);
    return ESCERTKE_OK;
}

escertke_err esc_san_match(const escertke_cert *leaf, const escertke_expect *expect, escertke_detail *d)
{
    struct wanted w;
    char found[SHOWN_MAX];
    escertke_err err = want(expect, &w, d);

    if (err != ESCERTKE_OK)
        return err;
    if (!w.uri.len && !w.dns.len)
        return esc_fail(d, ESCERTKE_ERR_IDENTITY, "TS-0003 8.1.2.1", "\"%s\" cannot have a certificate of flavour \"%s\"",
                        expect->id, escertke_flavour_name(expect->flavour));
    if (has_wanted(leaf, &w))
        return ESCERTKE_OK;
    esc_san_text(leaf, found, sizeof found);
    return esc_fail(d, ESCERTKE_ERR_IDENTITY, SAN_CLAUSE, "expected %s%.*s%s%s%.*s, certificate has %s", w.uri.len ? "URI:" : "",
                    (int)w.uri.len, w.uri.len ? (const char *)w.uri.ptr : "", w.uri.len && w.dns.len ? " or " : "",
                    w.dns.len ? "DNS:" : "", (int)w.dns.len, w.dns.len ? (const char *)w.dns.ptr : "", found);
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

#include "cert/names.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/oid.h"

/* ---- text --------------------------------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

bool esc_text_equal(escertke_span a, escertke_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool esc_domain_valid(escertke_span text)
{
    size_t label = 0;

    if (text.len > 253)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '.') {
            if (!label)
                return false;
            label = 0;
        } else if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_') {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return label != 0;
}

/* The last label of a domain name is never all digits; that of an IPv4 address always is. */
static bool looks_like_ipv4(escertke_span host)
{
    size_t i = host.len;

    while (i && is_digit(host.ptr[i - 1]))
        i--;
    return i < host.len && (!i || host.ptr[i - 1] == '.');
}

size_t esc_uri_scheme_len(escertke_span uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        uint8_t c = uri.ptr[i];
        if (c == ':')
            return i ? i + 1 : 0;
        if (!is_alpha(c) && (!i || (!is_digit(c) && c != '+' && c != '-' && c != '.')))
            return 0;
    }
    return 0;
}

bool esc_uri_host(escertke_span uri, escertke_span *host)
{
    size_t start = esc_uri_scheme_len(uri), end, stop;

    if (uri.len - start < 2 || memcmp(uri.ptr + start, "//", 2) != 0)
        return false;
    start += 2;
    for (end = start; end < uri.len && !strchr("/?#", uri.ptr[end]); end++)
        ;
    for (stop = start; stop < end && uri.ptr[stop] != ':'; stop++)
        ;
    for (size_t i = stop + 1; i < end; i++)
        if (!is_digit(uri.ptr[i]))
            return false; /* "host:80@other": an "@" passes neither here nor as part of a domain name */
    *host = (escertke_span){ uri.ptr + start, stop - start };
    return esc_domain_valid(*host) && !looks_like_ipv4(*host);
}

/* ---- distinguished names ------------------------------------------------------------------------------------ */

/* Walks the attributes of a name in order, over the borders of its RDNs. */
struct dn_walk {
    struct der rdns, attrs;
    bool starts_rdn; /* the attribute just read is the first of its RDN */
    bool malformed;
    escertke_span oid;
    struct der_tlv value;
};

static struct dn_walk dn_walk(escertke_span name)
{
    struct dn_walk w = { .malformed = false };
    struct der_tlv seq;

    w.malformed = !esc_der_only(name, DER_SEQUENCE, &seq);
    w.rdns = esc_der_init(w.malformed ? (escertke_span){ NULL, 0 } : seq.value);
    w.attrs = esc_der_init((escertke_span){ NULL, 0 });
    return w;
}

static bool dn_attribute(struct dn_walk *w)
{
    struct der_tlv set, pair, oid;

    w->starts_rdn = esc_der_done(&w->attrs);
    if (w->starts_rdn) {
        if (!esc_der_take(&w->rdns, DER_SET, &set) || !set.value.len)
            return false;
        w->attrs = esc_der_init(set.value);
    }
    if (!esc_der_take(&w->attrs, DER_SEQUENCE, &pair))
        return false;
    struct der r = esc_der_init(pair.value);
    if (!esc_der_take(&r, DER_OID, &oid) || !esc_der_oid_valid(oid.value) || !esc_der_next(&r, &w->value) || !esc_der_done(&r))
        return false;
    w->oid = oid.value;
    return true;
}

/* Next attribute; false at the end, or with malformed set. */
static bool dn_next(struct dn_walk *w)
{
    if (w->malformed || (esc_der_done(&w->attrs) && esc_der_done(&w->rdns)))
        return false;
    w->malformed = !dn_attribute(w);
    return !w->malformed;
}

bool esc_dn_valid(escertke_span name)
{
    struct dn_walk w = dn_walk(name);

    while (dn_next(&w))
        ;
    return !w.malformed;
}

bool esc_dn_empty(escertke_span name)
{
    struct dn_walk w = dn_walk(name);

    return !dn_next(&w);
}

static bool is_text(uint8_t tag)
{
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_T61_STRING || tag == DER_IA5_STRING;
}

static bool dn_same_attribute(const struct dn_walk *a, const struct dn_walk *b)
{
    if (a->starts_rdn != b->starts_rdn || !escertke_span_equal(a->oid, b->oid))
        return false;
    if (is_text(a->value.tag) && is_text(b->value.tag))
        return esc_text_equal(a->value.value, b->value.value);
    return escertke_span_equal(a->value.whole, b->value.whole);
}

bool esc_dn_within(escertke_span name, escertke_span base)
{
    struct dn_walk n = dn_walk(name), b = dn_walk(base);

    while (dn_next(&b))
        if (!dn_next(&n) || !dn_same_attribute(&n, &b))
            return false;
    return !b.malformed && (!dn_next(&n) || n.starts_rdn);
}

bool esc_dn_find(escertke_span name, escertke_span oid, size_t *at, escertke_span *value)
{
    struct dn_walk w = dn_walk(name);

    for (size_t i = 0; dn_next(&w); i++) {
        if (i < *at || !escertke_span_equal(w.oid, oid))
            continue;
        *at = i + 1;
        *value = w.value.value;
        return true;
    }
    return false;
}

/* Attribute types that people know by a short name (RFC 4514 3 and what certificates of devices carry). */
static void attribute_type(escertke_span oid, char *out, size_t cap)
{
    static const struct {
        const char *name;
        uint8_t len, oid[10];
    } types[] = {
        { "CN", 3, { 0x55, 4, 3 } },
        { "serialNumber", 3, { 0x55, 4, 5 } },
        { "C", 3, { 0x55, 4, 6 } },
        { "L", 3, { 0x55, 4, 7 } },
        { "ST", 3, { 0x55, 4, 8 } },
        { "O", 3, { 0x55, 4, 10 } },
        { "OU", 3, { 0x55, 4, 11 } },
        { "DC", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25 } },
        { "UID", 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1 } },
        { "emailAddress", 9, { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1 } },
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (escertke_span_equal(oid, (escertke_span){ types[i].oid, types[i].len })) {
            snprintf(out, cap, "%s", types[i].name);
            return;
        }
    esc_oid_text(oid, false, out, cap);
}

void esc_escape(escertke_span text, const char *special, char *out, size_t cap)
{
    char clean[256];
    size_t len = 0;

    if (!cap)
        return;
    esc_printable(text, clean, sizeof clean);
    for (const char *at = clean; *at; at++) {
        bool quote = *at == '\\' || strchr(special, *at);
        if (len + quote + 1 >= cap)
            break;
        if (quote)
            out[len++] = '\\';
        out[len++] = *at;
    }
    out[len] = '\0';
}

void esc_dn_text(escertke_span name, char *out, size_t cap)
{
    struct dn_walk w = dn_walk(name);
    char type[64], value[128];
    size_t len = 0;

    if (cap)
        out[0] = '\0';
    while (dn_next(&w) && len < cap) {
        attribute_type(w.oid, type, sizeof type);
        if (is_text(w.value.tag))
            esc_escape(w.value.value, ",+\"", value, sizeof value);
        else
            snprintf(value, sizeof value, "(%zu octets)", w.value.value.len);
        int n = snprintf(out + len, cap - len, "%s%s=%s", !len ? "" : w.starts_rdn ? ", " : "+", type, value);
        len += n > 0 ? (size_t)n : 0;
    }
}

/* ---- general names ------------------------------------------------------------------------------------------ */

static bool is_printable(escertke_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7E)
            return false;
    return true;
}

bool esc_general_name(struct der *r, struct esc_name *out)
{
    static const bool constructed[] = {
        [NAME_OTHER] = true, [NAME_X400] = true, [NAME_DIRECTORY] = true, [NAME_EDI] = true, [NAME_REGISTERED_ID] = false
    };
    struct der_tlv t, name;
    struct esc_other other;

    if (!esc_der_next(r, &t))
        return false;
    out->type = t.tag & 0x1F;
    out->value = t.value;
    if (out->type > NAME_REGISTERED_ID || (t.tag & 0xE0) != (constructed[out->type] ? DER_CONTEXT_CONSTRUCTED : DER_CONTEXT))
        return false;
    switch (out->type) {
    case NAME_OTHER: return esc_other_read(t.value, &other);
    case NAME_EMAIL:
    case NAME_DNS:
    case NAME_URI: return is_printable(t.value);
    case NAME_DIRECTORY: /* a CHOICE is tagged explicitly: the Name inside is whole */
        return esc_der_only(t.value, DER_SEQUENCE, &name) && esc_dn_valid(t.value);
    case NAME_REGISTERED_ID: return esc_der_oid_valid(t.value);
    default: return true;
    }
}

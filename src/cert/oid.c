#include "cert/oid.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/der.h"

#define BASE_128_MORE 0x80u
#define ARC_DIGITS_MAX 39u /* a UUID below 2.25 has so many; longer ones would be work, not names */

/* ---- dotted text to content --------------------------------------------------------------------------------- */

/* little = little * times + add, digits to the base, least significant first; the caller has room for what comes on top. */
static size_t multiply_add(uint8_t *little, size_t len, unsigned base, unsigned times, unsigned add)
{
    for (size_t i = 0; i < len; i++) {
        add += little[i] * times;
        little[i] = (uint8_t)(add % base);
        add /= base;
    }
    for (; add; add /= base)
        little[len++] = (uint8_t)(add % base);
    return len;
}

static void reverse(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t kept = bytes[i];
        bytes[i] = bytes[len - 1 - i];
        bytes[len - 1 - i] = kept;
    }
}

/* One arc of canonical decimal digits, plus what X.690 8.19.4 adds to it. */
static bool add_arc(struct esc_oid *o, escertke_span digits, unsigned plus)
{
    uint8_t *arc = o->octets + o->len;
    size_t len = 1;

    if (!digits.len || digits.len > ARC_DIGITS_MAX || (digits.len > 1 && digits.ptr[0] == '0') ||
        digits.len + 1 > OID_MAX - o->len)
        return false; /* an arc never has more octets than digits, but for a carry of plus */
    arc[0] = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        len = multiply_add(arc, len, 128, 10, digits.ptr[i] - (unsigned)'0');
    }
    len = multiply_add(arc, len, 128, 1, plus);
    reverse(arc, len);
    for (size_t i = 0; i + 1 < len; i++)
        arc[i] |= BASE_128_MORE;
    o->len += len;
    return true;
}

/* The text up to the next dot; @p rest is what follows it, and is empty at the end. False if there is nothing behind a dot. */
static bool split(escertke_span text, escertke_span *digits, escertke_span *rest)
{
    const uint8_t *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;

    *digits = (escertke_span){ text.ptr, dot ? (size_t)(dot - text.ptr) : text.len };
    *rest = dot ? (escertke_span){ dot + 1, text.len - digits->len - 1 } : (escertke_span){ NULL, 0 };
    return !dot || rest->len;
}

bool esc_oid_add_arcs(struct esc_oid *o, escertke_span text)
{
    escertke_span digits;

    do
        if (!split(text, &digits, &text) || !add_arc(o, digits, 0))
            return false;
    while (text.len);
    return true;
}

bool esc_oid_parse(escertke_span text, struct esc_oid *out)
{
    escertke_span first, second, rest;

    out->len = 0;
    if (!split(text, &first, &rest) || first.len != 1 || first.ptr[0] < '0' || first.ptr[0] > '2' || !split(rest, &second, &rest))
        return false;
    unsigned top = first.ptr[0] - (unsigned)'0';
    if (!add_arc(out, second, 40 * top) || (top < 2 && (out->len != 1 || out->octets[0] >= 40 * (top + 1))))
        return false;
    return !rest.len || esc_oid_add_arcs(out, rest);
}

bool esc_oid_within(escertke_span name, escertke_span base)
{
    return name.len >= base.len && (!base.len || memcmp(name.ptr, base.ptr, base.len) == 0);
}

/* ---- content to dotted text --------------------------------------------------------------------------------- */

/* The first octets of two arcs in one: which one is the first? Its part is taken off @p little. */
static unsigned take_top(uint8_t *little, size_t len)
{
    unsigned low = len == 1 ? little[0] : 80, top = low < 40 ? 0 : low < 80 ? 1 : 2;

    for (size_t i = 0, less = 40u * top; less && i < len; i++) {
        bool borrow = little[i] < less;
        little[i] = (uint8_t)(little[i] + (borrow ? 128u : 0u) - less);
        less = borrow;
    }
    return top;
}

/* The next arc of @p in, least significant digit to the base of 128 first. */
static size_t next_arc(escertke_span *in, uint8_t little[OID_MAX])
{
    size_t len = 0;

    do
        little[len++] = *in->ptr & 0x7F;
    while (in->len--, *in->ptr++ & BASE_128_MORE && in->len && len < OID_MAX);
    reverse(little, len);
    return len;
}

static size_t to_decimal(const uint8_t *little, size_t len, uint8_t digits[3 * OID_MAX])
{
    size_t count = 1;

    digits[0] = 0;
    while (len-- > 0)
        count = multiply_add(digits, count, 10, 128, little[len]);
    return count;
}

static size_t add_number(const uint8_t *little, size_t len, char *out, size_t cap, size_t used)
{
    uint8_t digits[3 * OID_MAX];
    size_t count = to_decimal(little, len, digits);

    if (used >= cap || count + 2 > cap - used)
        return cap;
    if (used)
        out[used++] = '.';
    while (count-- > 0)
        out[used++] = (char)('0' + digits[count]);
    out[used] = '\0';
    return used;
}

void esc_oid_text(escertke_span content, bool relative, char *out, size_t cap)
{
    uint8_t little[OID_MAX], top;
    size_t used = 0;

    out[0] = '\0';
    if (content.len > OID_MAX)
        return;
    while (content.len && used < cap) {
        size_t len = next_arc(&content, little);
        if (!relative && !used) {
            top = (uint8_t)take_top(little, len);
            used = add_number(&top, 1, out, cap, used);
        }
        used = add_number(little, len, out, cap, used);
    }
    if (used >= cap)
        out[0] = '\0';
}

/* ---- otherName ---------------------------------------------------------------------------------------------- */

bool esc_other_read(escertke_span content, struct esc_other *out)
{
    struct der r = esc_der_init(content), in;
    struct der_tlv id, outer, value;

    if (!esc_der_take(&r, DER_OID, &id) || !esc_der_oid_valid(id.value) ||
        !esc_der_take(&r, DER_CONTEXT_CONSTRUCTED | 0, &outer) || !esc_der_done(&r))
        return false;
    in = esc_der_init(outer.value);
    if (!esc_der_next(&in, &value) || !esc_der_done(&in))
        return false;
    *out = (struct esc_other){ id.value, value.tag, value.value };
    return true;
}

static bool append(struct esc_oid *o, escertke_span content)
{
    if (content.len > OID_MAX - o->len)
        return false;
    if (content.len)
        memcpy(o->octets + o->len, content.ptr, content.len);
    o->len += content.len;
    return true;
}

bool esc_other_oid(const struct esc_other *other, struct esc_oid *out)
{
    out->len = 0;
    switch (other->tag) {
    case DER_OID:
        return esc_der_oid_valid(other->value) && append(out, other->value) && esc_oid_within(other->value, other->type_id);
    case DER_RELATIVE_OID: return esc_der_oid_valid(other->value) && append(out, other->type_id) && append(out, other->value);
    case DER_UTF8_STRING: return append(out, other->type_id) && esc_oid_add_arcs(out, other->value);
    default: return false;
    }
}

void esc_other_text(escertke_span content, char *out, size_t cap)
{
    struct esc_other other;
    struct esc_oid oid;
    char type[OID_MAX], value[OID_MAX] = "";

    out[0] = '\0';
    if (!esc_other_read(content, &other))
        return;
    esc_oid_text(other.type_id, false, type, sizeof type);
    if (other.tag == DER_UTF8_STRING)
        esc_printable(other.value, value, sizeof value);
    else if (esc_other_oid(&other, &oid))
        esc_oid_text((escertke_span){ oid.octets + other.type_id.len, oid.len - other.type_id.len }, true, value, sizeof value);
    snprintf(out, cap, "%s%s%s", type, *value ? ":" : "", value);
}

#include "cert/der.h"

struct der esc_der_init(escertke_span in)
{
    static const uint8_t nothing;
    const uint8_t *at = in.len ? in.ptr : &nothing; /* no arithmetic on NULL */

    return (struct der){ at, at + in.len };
}

bool esc_der_done(const struct der *r)
{
    return r->at == r->end;
}

bool esc_der_peek(const struct der *r, uint8_t tag)
{
    return r->at != r->end && *r->at == tag;
}

bool esc_der_next(struct der *r, struct der_tlv *t)
{
    size_t left = (size_t)(r->end - r->at), head = 2;

    if (left < head || (r->at[0] & 0x1F) == 0x1F)
        return false;
    size_t len = r->at[1];
    if (len >= 0x80) {
        size_t octets = len & 0x7F;
        if (octets < 1 || octets > 3 || left < head + octets)
            return false;
        len = 0;
        for (size_t i = 0; i < octets; i++)
            len = len << 8 | r->at[head + i];
        if (len < 0x80 || len >> (8 * (octets - 1)) == 0)
            return false; /* a shorter form would have done */
        head += octets;
    }
    if (len > left - head)
        return false;
    t->tag = r->at[0];
    t->value = (escertke_span){ r->at + head, len };
    t->whole = (escertke_span){ r->at, head + len };
    r->at += head + len;
    return true;
}

bool esc_der_take(struct der *r, uint8_t tag, struct der_tlv *t)
{
    return esc_der_peek(r, tag) && esc_der_next(r, t);
}

bool esc_der_only(escertke_span in, uint8_t tag, struct der_tlv *t)
{
    struct der r = esc_der_init(in);

    return esc_der_take(&r, tag, t) && esc_der_done(&r);
}

bool esc_der_integer(struct der *r, escertke_span *octets)
{
    struct der_tlv t;

    if (!esc_der_take(r, DER_INTEGER, &t) || !t.value.len)
        return false;
    const uint8_t *v = t.value.ptr;
    if (t.value.len > 1 && ((v[0] == 0x00 && v[1] < 0x80) || (v[0] == 0xFF && v[1] >= 0x80)))
        return false;
    *octets = t.value;
    return true;
}

bool esc_der_small(struct der *r, int *v)
{
    escertke_span octets;
    uint32_t sum = 0;

    if (!esc_der_integer(r, &octets) || octets.len > 4 || octets.ptr[0] >= 0x80)
        return false;
    for (size_t i = 0; i < octets.len; i++)
        sum = sum << 8 | octets.ptr[i];
    *v = (int)sum;
    return true;
}

bool esc_der_default_false(struct der *r, bool *v)
{
    struct der_tlv t;

    *v = false;
    if (!esc_der_peek(r, DER_BOOLEAN))
        return true;
    if (!esc_der_next(r, &t) || t.value.len != 1 || t.value.ptr[0] != 0xFF)
        return false;
    *v = true;
    return true;
}

bool esc_der_oid_valid(escertke_span oid)
{
    bool starts_arc = true;

    for (size_t i = 0; i < oid.len; i++) {
        if (starts_arc && oid.ptr[i] == 0x80)
            return false; /* leading zero digit */
        starts_arc = oid.ptr[i] < 0x80;
    }
    return oid.len && starts_arc;
}

static bool two_digits(const uint8_t *p, int *v)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *v = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

/* Days from 1970-01-01 to the first day of a month, proleptic Gregorian. */
static int64_t days_before(int year, int month)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t whole = year - 1; /* leap days lie in the years before, and in this one from March on */
    int64_t leaps = whole / 4 - whole / 100 + whole / 400 - 477;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return (int64_t)(year - 1970) * 365 + leaps + before[month - 1] + (leap && month > 2);
}

static bool date_valid(int year, int month, int day)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

bool esc_der_time(struct der *r, int64_t *unix_s)
{
    struct der_tlv t;
    int century = -1, year, f[5]; /* month, day, hour, minute, second */

    if (!esc_der_next(r, &t) || (t.tag != DER_UTC_TIME && t.tag != DER_GENERALIZED_TIME))
        return false;
    const uint8_t *p = t.value.ptr;
    if (t.value.len != (t.tag == DER_UTC_TIME ? 13 : 15) || p[t.value.len - 1] != 'Z')
        return false;
    if (t.tag == DER_GENERALIZED_TIME) {
        if (!two_digits(p, &century))
            return false;
        p += 2;
    }
    if (!two_digits(p, &year))
        return false;
    for (int i = 0; i < 5; i++)
        if (!two_digits(p + 2 + 2 * i, &f[i]))
            return false;
    year += 100 * (century >= 0 ? century : year < 50 ? 20 : 19);
    if (!date_valid(year, f[0], f[1]) || f[2] > 23 || f[3] > 59 || f[4] > 59)
        return false;
    *unix_s = (days_before(year, f[0]) + f[1] - 1) * 86400 + f[2] * 3600 + f[3] * 60 + f[4];
    return true;
}

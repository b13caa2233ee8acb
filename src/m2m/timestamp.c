#include <escertke/m2m.h>

#include <stdio.h>
#include <string.h>

enum { STAMP_LEN = 15, FRACTION_MAX = 6 };

/* Exactly @p count decimal digits; -1 = something else. */
static int digits(const uint8_t *at, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March so that the leap day comes last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* ",f{1,6}" as milliseconds, cut; -1 = not a fraction. */
static int fraction_ms(escertke_span tail)
{
    static const int scale[] = { 0, 100, 10, 1 };

    if (!tail.len)
        return 0;
    size_t count = tail.len - 1;
    if (tail.ptr[0] != ',' || count < 1 || count > FRACTION_MAX || digits(tail.ptr + 1, count) < 0)
        return -1;
    size_t used = count < 3 ? count : 3;
    return digits(tail.ptr + 1, used) * scale[used];
}

escertke_err escertke_timestamp_parse(escertke_span text, int64_t *unix_ms)
{
    const uint8_t *t = text.ptr;

    if (text.len < STAMP_LEN || t[8] != 'T')
        return ESCERTKE_ERR_PRIMITIVE;
    int year = digits(t, 4), month = digits(t + 4, 2), day = digits(t + 6, 2);
    int hour = digits(t + 9, 2), minute = digits(t + 11, 2), second = digits(t + 13, 2);
    int ms = fraction_ms((escertke_span){ t + STAMP_LEN, text.len - STAMP_LEN });
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59 || ms < 0)
        return ESCERTKE_ERR_PRIMITIVE;
    *unix_ms = (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
    return ESCERTKE_OK;
}

/* A signed decimal number that fits 64 bits. */
static bool signed_number(escertke_span text, int64_t *value)
{
    bool negative = text.len && text.ptr[0] == '-';
    size_t i = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    int64_t sum = 0;

    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        int digit = digits(text.ptr + i, 1);
        if (digit < 0 || sum > (INT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? -sum : sum;
    return true;
}

escertke_err escertke_abs_rel_parse(escertke_span text, int64_t now_unix_ms, int64_t *unix_ms)
{
    int64_t delta;

    if (text.len > 8 && text.ptr[8] == 'T')
        return escertke_timestamp_parse(text, unix_ms);
    if (!signed_number(text, &delta))
        return ESCERTKE_ERR_PRIMITIVE;
    if (delta > 0 ? now_unix_ms > INT64_MAX - delta : now_unix_ms < INT64_MIN - delta)
        return ESCERTKE_ERR_PRIMITIVE;
    *unix_ms = now_unix_ms + delta;
    return ESCERTKE_OK;
}

void escertke_timestamp_format(int64_t unix_s, char out[16])
{
    static const int64_t last = 253402300799; /* 9999-12-31T23:59:59 */
    int64_t s = unix_s < 0 ? 0 : unix_s > last ? last : unix_s;
    int64_t days = s / 86400;
    unsigned in_day = (unsigned)(s % 86400);
    int year = 1970 + (int)(days / 366); /* never too late; a few steps bring it up */
    int month = 1;

    while (days_since_1970(year + 1, 1, 1) <= days)
        year++;
    while (month < 12 && days_since_1970(year, month + 1, 1) <= days)
        month++;
    unsigned day = (unsigned)(days - days_since_1970(year, month, 1)) + 1;
    /* The masks change nothing; they let the compiler see that 15 characters are enough. */
    snprintf(out, 16, "%04u%02u%02uT%02u%02u%02u", (unsigned)year % 10000, (unsigned)month % 100, day % 100, in_day / 3600 % 100,
             in_day / 60 % 60, in_day % 60);
}

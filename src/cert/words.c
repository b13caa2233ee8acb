/* words.c - what a refusal says to people. Everything that came from outside is made printable and cut. */
#include "cert/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

void esc_position_text(size_t at, size_t count, char *out, size_t cap)
{
    if (at == 0)
        snprintf(out, cap, "leaf");
    else if (at + 1 == count)
        snprintf(out, cap, "trust anchor");
    else
        snprintf(out, cap, "intermediate %zu", at);
}

static void copy(const char *text, char *out, size_t cap)
{
    if (text)
        esc_printable(escertke_span_str(text), out, cap);
}

static void describe(const struct esc_refusal *r, char *out, size_t cap)
{
    char place[40], text[512] = "";

    esc_position_text(r->at, r->count, place, sizeof place);
    if (r->cert)
        escertke_cert_describe(r->cert, text, sizeof text);
    else if (!r->count)
        return;
    int n = snprintf(out, cap, "%s%s", place, r->cert ? ", " : "");
    if (n > 0 && (size_t)n < cap)
        copy(text, out + n, cap - (size_t)n);
}

escertke_err esc_refusal_add(escertke_detail *d, escertke_err err, const struct esc_refusal *r)
{
    if (!d || d->err != err || d->certificate[0] || d->expected[0])
        return err;
    describe(r, d->certificate, sizeof d->certificate);
    copy(r->expected, d->expected, sizeof d->expected);
    copy(r->found, d->found, sizeof d->found);
    copy(r->advice, d->advice, sizeof d->advice);
    return err;
}

escertke_err esc_fail_cert(escertke_detail *d, escertke_err err, const char *clause, const struct esc_refusal *r, const char *fmt,
                           ...)
{
    char reason[sizeof d->reason];
    va_list args;

    if (!d || d->err != ESCERTKE_OK)
        return err;
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    esc_fail(d, err, clause, "%s", reason);
    return esc_refusal_add(d, err, r);
}

void esc_date_text(int64_t unix_s, int64_t now_s, char *out, size_t cap)
{
    static const struct {
        int64_t from_s, unit_s; /* how long a time must be to be told in this unit */
        const char *name;
    } units[] = { { 2 * 86400, 86400, "day" }, { 2 * 3600, 3600, "hour" }, { 2 * 60, 60, "minute" }, { 0, 1, "second" } };
    int64_t apart = unix_s < now_s ? now_s - unix_s : unix_s - now_s;
    char t[16];
    size_t i = 0;

    while (apart < units[i].from_s)
        i++;
    long long n = (long long)(apart / units[i].unit_s);
    escertke_timestamp_format(unix_s < 0 ? 0 : unix_s, t);
    snprintf(out, cap, "%s%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ, %s%lld %s%s%s", unix_s < 0 ? "before " : "", t, t + 4, t + 6, t + 9,
             t + 11, t + 13, unix_s < now_s ? "" : "in ", n, units[i].name, n == 1 ? "" : "s", unix_s < now_s ? " ago" : "");
}

#include <escertke/base.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/utf8.h"

static const struct {
    const char *name, *text;
    escertke_err err;
    escertke_class who;
} errors[] = { { "OK", "done", ESCERTKE_OK, ESCERTKE_CLASS_OK },
#define X(name, num, who, text) { #name, text, ESCERTKE_ERR_##name, ESCERTKE_CLASS_##who },
               ESCERTKE_ERR_LIST(X)
#undef X
};

static size_t error_index(escertke_err err)
{
    size_t count = sizeof errors / sizeof *errors;

    for (size_t i = 0; i < count; i++)
        if (errors[i].err == err)
            return i;
    return count;
}

const char *escertke_err_name(escertke_err err)
{
    size_t i = error_index(err);
    return i < sizeof errors / sizeof *errors ? errors[i].name : "?";
}

const char *escertke_err_text(escertke_err err)
{
    size_t i = error_index(err);
    return i < sizeof errors / sizeof *errors ? errors[i].text : "unknown error";
}

escertke_class escertke_err_class(escertke_err err)
{
    size_t i = error_index(err);
    return i < sizeof errors / sizeof *errors ? errors[i].who : ESCERTKE_CLASS_LOCAL;
}

const char *escertke_alert_name(int alert)
{
    static const struct {
        int number;
        const char *name;
    } alerts[] = {
        { 0, "close_notify" },
        { 10, "unexpected_message" },
        { 20, "bad_record_mac" },
        { 21, "decryption_failed_RESERVED" },
        { 22, "record_overflow" },
        { 30, "decompression_failure" },
        { 40, "handshake_failure" },
        { 41, "no_certificate_RESERVED" },
        { 42, "bad_certificate" },
        { 43, "unsupported_certificate" },
        { 44, "certificate_revoked" },
        { 45, "certificate_expired" },
        { 46, "certificate_unknown" },
        { 47, "illegal_parameter" },
        { 48, "unknown_ca" },
        { 49, "access_denied" },
        { 50, "decode_error" },
        { 51, "decrypt_error" },
        { 60, "export_restriction_RESERVED" },
        { 70, "protocol_version" },
        { 71, "insufficient_security" },
        { 80, "internal_error" },
        { 86, "inappropriate_fallback" },
        { 90, "user_canceled" },
        { 100, "no_renegotiation" },
        { 109, "missing_extension" },
        { 110, "unsupported_extension" },
        { 112, "unrecognized_name" },
        { 113, "bad_certificate_status_response" },
        { 115, "unknown_psk_identity" },
        { 116, "certificate_required" },
        { 120, "no_application_protocol" },
    };

    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].number == alert)
            return alerts[i].name;
    return NULL;
}

void escertke_detail_init(escertke_detail *d)
{
    memset(d, 0, sizeof *d);
    d->alert = -1;
}

size_t esc_utf8_len(escertke_span in)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len;
    uint32_t c;

    if (!in.len)
        return 0;
    uint8_t b = in.ptr[0];
    if (b < 0x80)
        return 1;
    if (b >= 0xC2 && b <= 0xDF)
        len = 2, c = b & 0x1Fu;
    else if (b >= 0xE0 && b <= 0xEF)
        len = 3, c = b & 0x0Fu;
    else if (b >= 0xF0 && b <= 0xF4)
        len = 4, c = b & 0x07u;
    else
        return 0;
    if (len > in.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((in.ptr[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (in.ptr[i] & 0x3Fu);
    }
    return c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? 0 : len;
}

void esc_printable(escertke_span in, char *out, size_t cap)
{
    size_t at = 0, to = 0;

    while (at < in.len) {
        size_t len = esc_utf8_len((escertke_span){ in.ptr + at, in.len - at });
        bool control = len == 0 || (len == 1 && (in.ptr[at] < 0x20 || in.ptr[at] == 0x7F)) ||
                       (len == 2 && in.ptr[at] == 0xC2 && in.ptr[at + 1] < 0xA0); /* C1 controls */
        size_t need = control ? 1 : len;
        if (to + need >= cap)
            break;
        if (control)
            out[to] = '?';
        else
            memcpy(out + to, in.ptr + at, len);
        to += need;
        at += len ? len : 1;
    }
    if (cap)
        out[to] = '\0';
}

escertke_err(esc_fail)(escertke_detail *d, escertke_err err, const char *clause, const char *fmt, ...)
{
    char raw[sizeof d->reason];
    va_list args;

    if (!d || d->err != ESCERTKE_OK)
        return err;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    d->err = err;
    snprintf(d->clause, sizeof d->clause, "%s", clause);
    esc_printable(escertke_span_str(raw), d->reason, sizeof d->reason);
    return err;
}

const char *escertke_version(void)
{
    return ESCERTKE_VERSION;
}

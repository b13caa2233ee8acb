#include "m2m/token.h"

#include <string.h>

enum { LABEL_MAX = 63 };

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_unreserved(uint8_t c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
}

bool esc_unreserved(escertke_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_unreserved(text.ptr[i]))
            return false;
    return text.len > 0;
}

bool esc_token_is(escertke_span token, const char *text)
{
    return escertke_span_equal(token, escertke_span_str(text));
}

bool esc_token_valid(escertke_span token)
{
    static const char *const shortcuts[] = { "-", "_", "~", ".", ".." };

    for (size_t i = 0; i < sizeof shortcuts / sizeof *shortcuts; i++)
        if (esc_token_is(token, shortcuts[i]))
            return false;
    return esc_unreserved(token);
}

static bool label_valid(escertke_span label)
{
    if (!label.len || label.len > LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_lower(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    return true;
}

bool esc_sp_valid(escertke_span sp)
{
    if (sp.len < 3 || sp.ptr[0] != '/' || sp.ptr[1] != '/')
        return false;
    for (size_t start = 2; start <= sp.len;) {
        const uint8_t *label = sp.ptr + start;
        const uint8_t *dot = start < sp.len ? memchr(label, '.', sp.len - start) : NULL;
        size_t len = dot ? (size_t)(dot - label) : sp.len - start;
        if (!label_valid((escertke_span){ label, len }))
            return false;
        start += len + 1;
    }
    return true;
}

escertke_span esc_token_next(escertke_span *rest)
{
    const uint8_t *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    escertke_span token = { rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len };

    if (token.len) {
        rest->ptr += token.len;
        rest->len -= token.len;
    }
    return token;
}

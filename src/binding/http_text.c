#include "binding/http_text.h"

#include <string.h>

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool esc_http_same_name(escertke_span text, const char *name)
{
    if (text.len != strlen(name))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (lower(text.ptr[i]) != lower((uint8_t)name[i]))
            return false;
    return true;
}

bool esc_http_same_text(escertke_span text, const char *other)
{
    return escertke_span_equal(text, escertke_span_str(other));
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

escertke_span esc_http_trim(escertke_span text)
{
    while (text.len && is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool esc_http_next_part(escertke_span *rest, char sep, escertke_span *part)
{
    const uint8_t *found = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    size_t len = found ? (size_t)(found - rest->ptr) : rest->len;
    size_t used = found ? len + 1 : len;

    *part = esc_http_trim((escertke_span){ rest->ptr, len });
    if (!used)
        return false;
    rest->ptr += used;
    rest->len -= used;
    return true;
}

bool esc_http_read_int(escertke_span text, int min, int max, int *out)
{
    int value = 0;

    if (!text.len || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

#include <escertke/base.h>

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

escertke_err escertke_base64_encode(escertke_span in, escertke_buf *out)
{
    uint8_t *to;

    if (in.len > SIZE_MAX / 2)
        return ESCERTKE_ERR_TOO_LARGE;
    size_t len = (in.len + 2) / 3 * 4;
    escertke_err err = escertke_buf_reserve(out, len, &to);
    if (err != ESCERTKE_OK)
        return err;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t left = in.len - i;
        uint32_t v = (uint32_t)in.ptr[i] << 16;
        if (left > 1)
            v |= (uint32_t)in.ptr[i + 1] << 8;
        if (left > 2)
            v |= in.ptr[i + 2];
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)alphabet[v & 63] : '=';
    }
    out->len += len;
    return ESCERTKE_OK;
}

enum { PAD = 64, SPACE = 65, REFUSED = 255 };

/* Value of a character of the standard alphabet, or what else it is. */
static uint8_t value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    switch (c) {
    case '+': return 62;
    case '/': return 63;
    case '=': return PAD;
    case ' ':
    case '\t':
    case '\r':
    case '\n': return SPACE;
    default: return REFUSED;
    }
}

/* How many octets the characters stand for; false unless they are whole quads, padded at the end only. */
static bool measure(escertke_span in, size_t *octets)
{
    size_t chars = 0, pad = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t v = value_of(in.ptr[i]);
        if (v == SPACE)
            continue;
        if (v == REFUSED || (pad && v != PAD))
            return false;
        pad += v == PAD;
        chars++;
    }
    *octets = chars / 4 * 3 - (pad <= 2 ? pad : 0);
    return chars % 4 == 0 && pad <= 2;
}

escertke_err escertke_base64_decode(escertke_span in, escertke_buf *out)
{
    uint32_t bits = 0; /* not yet written; count says how many */
    unsigned count = 0;
    size_t octets;
    uint8_t *to;

    if (!measure(in, &octets))
        return ESCERTKE_ERR_BASE64;
    if (!octets)
        return ESCERTKE_OK;
    escertke_err err = escertke_buf_reserve(out, octets, &to);
    if (err != ESCERTKE_OK)
        return err;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t v = value_of(in.ptr[i]);
        if (v >= PAD)
            continue;
        bits = bits << 6 | v;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    if (bits) { /* trailing bits: a second spelling of the same octets */
        escertke_wipe(out->ptr + out->len, octets);
        return ESCERTKE_ERR_BASE64;
    }
    out->len += octets;
    return ESCERTKE_OK;
}

void escertke_hex(escertke_span in, char *out)
{
    for (size_t i = 0; i < in.len; i++) {
        *out++ = "0123456789ABCDEF"[in.ptr[i] >> 4];
        *out++ = "0123456789ABCDEF"[in.ptr[i] & 15];
    }
    *out = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

escertke_err escertke_unhex(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return ESCERTKE_ERR_ARG;
    for (size_t i = 0; i < len; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return ESCERTKE_ERR_ARG;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return ESCERTKE_OK;
}

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

enum { PAD = 65, SPACE = 66, REFUSED = 0 };

/* What a character means: one more than its value in the standard alphabet, or one of the above. */
// clang-format off
static const uint8_t meanings[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11,
    ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
    ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31,
    ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41,
    ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51,
    ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61,
    ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['='] = PAD, [' '] = SPACE, ['\t'] = SPACE, ['\r'] = SPACE, ['\n'] = SPACE,
};
// clang-format on

/* How many octets the characters stand for; false unless they are whole quads, padded at the end only. */
static bool measure(escertke_span in, size_t *octets)
{
    size_t chars = 0, pad = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t v = meanings[in.ptr[i]];
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
        uint8_t v = meanings[in.ptr[i]];
        if (v >= PAD)
            continue;
        bits = bits << 6 | (v - 1u);
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

/* CT: keys are written out with it. From '9' to 'A' there are seven characters more than from 9 to 10. */
static char digit(unsigned value)
{
    return (char)('0' + value + ((9u - value) >> 8 & 7u));
}

void escertke_hex(escertke_span in, char *out)
{
    for (size_t i = 0; i < in.len; i++) {
        *out++ = digit(in.ptr[i] >> 4);
        *out++ = digit(in.ptr[i] & 15u);
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

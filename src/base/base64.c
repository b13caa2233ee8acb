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

/* Values of the standard alphabet; 64 = padding, 65 = XML white space, 255 = refused. */
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
    case '=': return 64;
    case ' ': case '\t': case '\r': case '\n': return 65;
    default: return 255;
    }
}

escertke_err escertke_base64_decode(escertke_span in, escertke_buf *out)
{
    uint8_t *start, *to, quad[4];
    size_t n = 0, pad = 0;

    escertke_err err = escertke_buf_reserve(out, in.len / 4 * 3 + 3, &start);
    if (err == ESCERTKE_ERR_TOO_LARGE && in.len / 4 * 3 <= out->max - out->len + 3)
        err = escertke_buf_reserve(out, out->max - out->len, &start); /* exact fit is decided below */
    if (err != ESCERTKE_OK)
        return err;
    to = start;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t v = value_of(in.ptr[i]);
        if (v == 65)
            continue;
        if (v == 255 || (pad && v != 64))
            return ESCERTKE_ERR_BASE64;
        if (v == 64) {
            if (n < 2 || ++pad > 2)
                return ESCERTKE_ERR_BASE64;
            v = 0;
        }
        quad[n++] = v;
        if (n < 4)
            continue;
        uint8_t three[3] = { (uint8_t)(quad[0] << 2 | quad[1] >> 4), (uint8_t)(quad[1] << 4 | quad[2] >> 2),
                             (uint8_t)(quad[2] << 6 | quad[3]) };
        for (size_t k = 3 - pad; k < 3; k++)
            if (three[k])
                return ESCERTKE_ERR_BASE64; /* trailing bits: a second spelling of the same octets */
        if (3 - pad > out->max - out->len - (size_t)(to - start))
            return ESCERTKE_ERR_TOO_LARGE;
        memcpy(to, three, 3 - pad);
        to += 3 - pad;
        n = pad ? 4 : 0; /* after padding nothing may follow */
        if (pad) {
            for (i++; i < in.len; i++)
                if (value_of(in.ptr[i]) != 65)
                    return ESCERTKE_ERR_BASE64;
            n = 0;
        }
    }
    if (n)
        return ESCERTKE_ERR_BASE64;
    out->len += (size_t)(to - start);
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

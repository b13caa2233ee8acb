#include "binding/coap_msg.h"

#include <string.h>

enum { HEADER = 4, MARKER = 0xFF, DATAGRAM_AIM = 1280 };

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The 4 bits of a delta or a length, and what they announce (RFC 7252 3.1). @return false: 15, or cut short */
static bool read_extended(escertke_span *rest, unsigned nibble, unsigned *out)
{
    unsigned octets = nibble == 13 ? 1 : nibble == 14 ? 2 : 0, value = 0;

    if (nibble == 15 || rest->len < octets)
        return false;
    for (unsigned i = 0; i < octets; i++)
        value = value << 8 | rest->ptr[i];
    rest->ptr += octets;
    rest->len -= octets;
    *out = octets ? value + (octets == 1 ? 13 : 269) : nibble;
    return true;
}

bool esc_coap_option_next(struct esc_coap_options *it, struct esc_coap_option *out)
{
    unsigned delta, length, first;

    if (!it->rest.len || it->malformed)
        return false;
    first = it->rest.ptr[0];
    if (first == MARKER)
        return false;
    it->malformed = true; /* until it has turned out to be none */
    it->rest.ptr++;
    it->rest.len--;
    if (!read_extended(&it->rest, first >> 4, &delta) || !read_extended(&it->rest, first & 15, &length) ||
        length > it->rest.len || it->number + delta > UINT16_MAX)
        return false;
    it->malformed = false;
    it->number += delta;
    *out = (struct esc_coap_option){ it->number, { it->rest.ptr, length } };
    it->rest.ptr += length;
    it->rest.len -= length;
    return true;
}

static bool empty_message_ok(const struct esc_coap_msg *m, size_t len)
{
    return m->code != ESC_COAP_EMPTY || len == HEADER; /* RFC 7252 4.1 */
}

escertke_err esc_coap_parse(escertke_span datagram, struct esc_coap_msg *out)
{
    const uint8_t *at = datagram.ptr;
    struct esc_coap_options it;
    struct esc_coap_option option;

    memset(out, 0, sizeof *out);
    out->type = ESC_COAP_RST;
    if (datagram.len < HEADER || at[0] >> 6 != 1)
        return ESCERTKE_ERR_COAP;
    out->type = at[0] >> 4 & 3;
    out->code = (at[1] >> 5) * 100 + (at[1] & 31);
    out->mid = (uint16_t)(at[2] << 8 | at[3]);
    size_t token_len = at[0] & 15;
    if (token_len > ESC_COAP_TOKEN_MAX || datagram.len < HEADER + token_len || !empty_message_ok(out, datagram.len))
        return ESCERTKE_ERR_COAP;
    memcpy(out->token, at + HEADER, token_len);
    out->token_len = token_len;
    out->options = (escertke_span){ at + HEADER + token_len, datagram.len - HEADER - token_len };
    it = (struct esc_coap_options){ .rest = out->options };
    while (esc_coap_option_next(&it, &option))
        ;
    out->options.len -= it.rest.len;
    if (it.malformed || it.rest.len == 1) /* a marker, and no payload behind it */
        return ESCERTKE_ERR_COAP;
    if (it.rest.len)
        out->payload = (escertke_span){ it.rest.ptr + 1, it.rest.len - 1 };
    return ESCERTKE_OK;
}

bool esc_coap_uint(escertke_span value, size_t max, uint32_t *out)
{
    if (value.len > max || value.len > 4)
        return false;
    *out = 0;
    for (size_t i = 0; i < value.len; i++)
        *out = *out << 8 | value.ptr[i];
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static unsigned nibble_of(size_t value)
{
    return value < 13 ? (unsigned)value : value < 269 ? 13 : 14;
}

static size_t put_extended(uint8_t *at, size_t value)
{
    if (value < 13)
        return 0;
    if (value < 269) {
        at[0] = (uint8_t)(value - 13);
        return 1;
    }
    at[0] = (uint8_t)((value - 269) >> 8);
    at[1] = (uint8_t)(value - 269);
    return 2;
}

void esc_coap_add(struct esc_coap_writer *w, unsigned number, escertke_span value)
{
    uint8_t head[5];
    size_t len = 1, delta = number - w->last, before = w->out->len;

    if (w->err == ESCERTKE_OK && (number < w->last || value.len > UINT16_MAX))
        w->err = ESCERTKE_ERR_ARG;
    if (w->err != ESCERTKE_OK)
        return;
    head[0] = (uint8_t)(nibble_of(delta) << 4 | nibble_of(value.len));
    len += put_extended(head + len, delta);
    len += put_extended(head + len, value.len);
    w->err = escertke_buf_append(w->out, head, len);
    if (w->err == ESCERTKE_OK && value.len)
        w->err = escertke_buf_append(w->out, value.ptr, value.len);
    if (w->err == ESCERTKE_OK)
        w->last = number;
    else
        w->out->len = before;
}

void esc_coap_add_uint(struct esc_coap_writer *w, unsigned number, uint32_t value)
{
    uint8_t octets[4];
    size_t len = 0;

    for (int shift = 24; shift >= 0; shift -= 8)
        if (len || value >> shift)
            octets[len++] = (uint8_t)(value >> shift);
    esc_coap_add(w, number, (escertke_span){ octets, len });
}

static void merge(struct esc_coap_writer *w, escertke_span options, const struct esc_coap_extra *extra, size_t extras)
{
    struct esc_coap_options it = { .rest = options };
    struct esc_coap_option option;
    size_t next = 0;

    while (esc_coap_option_next(&it, &option)) {
        for (; next < extras && extra[next].number < option.number; next++)
            esc_coap_add_uint(w, extra[next].number, extra[next].value);
        esc_coap_add(w, option.number, option.value);
    }
    for (; next < extras; next++)
        esc_coap_add_uint(w, extra[next].number, extra[next].value);
}

escertke_err esc_coap_write(const struct esc_coap_msg *m, const struct esc_coap_extra *extra, size_t extras, escertke_buf *out)
{
    struct esc_coap_writer w = { .out = out };
    const uint8_t header[HEADER] = { (uint8_t)(1 << 6 | (int)m->type << 4 | (int)m->token_len),
                                     (uint8_t)(m->code / 100 << 5 | m->code % 100), (uint8_t)(m->mid >> 8), (uint8_t)m->mid };

    if (m->token_len > ESC_COAP_TOKEN_MAX)
        return ESCERTKE_ERR_ARG;
    w.err = escertke_buf_append(out, header, sizeof header);
    if (w.err == ESCERTKE_OK && m->token_len)
        w.err = escertke_buf_append(out, m->token, m->token_len);
    merge(&w, m->options, extra, extras);
    if (w.err == ESCERTKE_OK && m->payload.len)
        w.err = escertke_buf_append(out, &(uint8_t){ MARKER }, 1);
    if (w.err == ESCERTKE_OK && m->payload.len)
        w.err = escertke_buf_append(out, m->payload.ptr, m->payload.len);
    return w.err;
}

escertke_err esc_coap_key(escertke_span options, escertke_buf *out)
{
    struct esc_coap_writer w = { .out = out };
    struct esc_coap_options it = { .rest = options };
    struct esc_coap_option option;

    while (esc_coap_option_next(&it, &option))
        if (option.number != ESC_COAP_BLOCK1 && option.number != ESC_COAP_BLOCK2 && option.number != ESC_COAP_SIZE1 &&
            option.number != ESC_COAP_SIZE2)
            esc_coap_add(&w, option.number, option.value);
    return w.err;
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

bool esc_coap_block_read(escertke_span value, struct esc_coap_block *out)
{
    uint32_t n;

    if (!esc_coap_uint(value, 3, &n) || (n & 7) == 7)
        return false;
    *out = (struct esc_coap_block){ .num = n >> 4, .more = n & 8, .szx = n & 7 };
    return true;
}

uint32_t esc_coap_block_value(const struct esc_coap_block *b)
{
    return b->num << 4 | (b->more ? 8u : 0u) | b->szx;
}

size_t esc_coap_block_size(unsigned szx)
{
    return (size_t)16 << szx;
}

unsigned esc_coap_fitting_szx(size_t options, unsigned limit)
{
    unsigned szx = limit;

    while (szx && HEADER + ESC_COAP_TOKEN_MAX + 8 + options + esc_coap_block_size(szx) > DATAGRAM_AIM)
        szx--;
    return szx;
}

int esc_coap_block_take(const struct esc_coap_block *b, escertke_span payload, escertke_buf *body)
{
    size_t size = esc_coap_block_size(b->szx), at = b->num * size;

    if (b->more ? payload.len != size : payload.len > size)
        return 400;
    if (at < body->len && at + payload.len == body->len)
        return memcmp(body->ptr + at, payload.ptr, payload.len) ? 408 : 0;
    if (at != body->len)
        return 408;
    switch (escertke_buf_append(body, payload.ptr, payload.len)) {
    case ESCERTKE_OK: return 0;
    case ESCERTKE_ERR_TOO_LARGE: return 413;
    default: return 500;
    }
}

bool esc_coap_block_cut(escertke_span body, struct esc_coap_block *b, escertke_span *out)
{
    size_t size = esc_coap_block_size(b->szx), at = b->num * size;

    if (at >= body.len && b->num)
        return false;
    b->more = body.len - at > size;
    *out = (escertke_span){ body.ptr ? body.ptr + at : NULL, b->more ? size : body.len - at };
    return true;
}

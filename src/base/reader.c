#include "base/reader.h"

struct rd rd_init(escertke_span in)
{
    static const uint8_t nothing = 0;
    const uint8_t *at = in.ptr ? in.ptr : &nothing;

    return (struct rd){ at, at + in.len };
}

size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->at);
}

escertke_err rd_bytes(struct rd *r, size_t len, escertke_span *v)
{
    if (len > rd_left(r))
        return ESCERTKE_ERR_FORMAT;
    *v = (escertke_span){ r->at, len };
    r->at += len;
    return ESCERTKE_OK;
}

static escertke_err rd_uint(struct rd *r, size_t octets, uint32_t *v)
{
    escertke_span s;
    escertke_err err = rd_bytes(r, octets, &s);

    if (err != ESCERTKE_OK)
        return err;
    *v = 0;
    for (size_t i = 0; i < octets; i++)
        *v = *v << 8 | s.ptr[i];
    return ESCERTKE_OK;
}

escertke_err rd_u8(struct rd *r, uint8_t *v)
{
    uint32_t n;
    escertke_err err = rd_uint(r, 1, &n);

    if (err == ESCERTKE_OK)
        *v = (uint8_t)n;
    return err;
}

escertke_err rd_u16(struct rd *r, uint16_t *v)
{
    uint32_t n;
    escertke_err err = rd_uint(r, 2, &n);

    if (err == ESCERTKE_OK)
        *v = (uint16_t)n;
    return err;
}

escertke_err rd_u24(struct rd *r, uint32_t *v)
{
    return rd_uint(r, 3, v);
}

escertke_err rd_vec16(struct rd *r, escertke_span *v)
{
    struct rd start = *r;
    uint16_t len;
    escertke_err err = rd_u16(r, &len);

    if (err == ESCERTKE_OK && (err = rd_bytes(r, len, v)) != ESCERTKE_OK)
        *r = start;
    return err;
}

escertke_err rd_end(const struct rd *r)
{
    return r->at == r->end ? ESCERTKE_OK : ESCERTKE_ERR_FORMAT;
}

#include <escertke/base.h>

#include <string.h>

#include "base/memory.h"

escertke_span escertke_span_str(const char *s)
{
    return (escertke_span){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

bool escertke_span_equal(escertke_span a, escertke_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

void escertke_buf_init(escertke_buf *b, size_t max)
{
    *b = (escertke_buf){ NULL, 0, 0, max };
}

/* Grow by hand: realloc could leave a copy of a secret behind. */
static escertke_err grow(escertke_buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : 64;

    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    uint8_t *ptr = esc_alloc(cap);
    if (!ptr)
        return ESCERTKE_ERR_NOMEM;
    if (b->len)
        memcpy(ptr, b->ptr, b->len);
    esc_release_wiped(b->ptr, b->len);
    b->ptr = ptr;
    b->cap = cap;
    return ESCERTKE_OK;
}

escertke_err escertke_buf_reserve(escertke_buf *b, size_t more, uint8_t **at)
{
    if (b->len > b->max || more > b->max - b->len)
        return ESCERTKE_ERR_TOO_LARGE;
    if (b->len + more > b->cap || !b->ptr) {
        escertke_err err = grow(b, b->len + more);
        if (err != ESCERTKE_OK)
            return err;
    }
    *at = b->ptr + b->len;
    return ESCERTKE_OK;
}

escertke_err escertke_buf_append(escertke_buf *b, const void *bytes, size_t len)
{
    uint8_t *at;

    if (!len)
        return ESCERTKE_OK;
    escertke_err err = escertke_buf_reserve(b, len, &at);
    if (err != ESCERTKE_OK)
        return err;
    memcpy(at, bytes, len);
    b->len += len;
    return ESCERTKE_OK;
}

void escertke_buf_reset(escertke_buf *b)
{
    escertke_wipe(b->ptr, b->len);
    b->len = 0;
}

void escertke_buf_free(escertke_buf *b)
{
    esc_release_wiped(b->ptr, b->len);
    escertke_buf_init(b, b->max);
}

escertke_span escertke_buf_span(const escertke_buf *b)
{
    return (escertke_span){ b->ptr, b->len };
}

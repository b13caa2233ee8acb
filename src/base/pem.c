#include "base/pem.h"

#include <stdio.h>
#include <string.h>

/* Where @p mark begins in the text; NULL if it does not occur. */
static const uint8_t *find(escertke_span text, const char *mark)
{
    size_t len = strlen(mark), left = text.len;
    const uint8_t *at = text.ptr;

    while (left >= len && (at = memchr(at, mark[0], left - len + 1)) != NULL) {
        if (memcmp(at, mark, len) == 0)
            return at;
        at++;
        left = text.len - (size_t)(at - text.ptr);
    }
    return NULL;
}

static void move_to(escertke_span *text, const uint8_t *at)
{
    text->len -= (size_t)(at - text->ptr);
    text->ptr = at;
}

escertke_err esc_pem_next(escertke_span *text, const char *label, escertke_buf *der)
{
    char begin[64], end[64];
    const uint8_t *from, *to;

    snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    snprintf(end, sizeof end, "-----END %s-----", label);
    if (!(from = find(*text, begin)))
        return ESCERTKE_ERR_NOT_FOUND;
    move_to(text, from + strlen(begin));
    if (!(to = find(*text, end)))
        return ESCERTKE_ERR_BASE64;
    escertke_err err = escertke_base64_decode((escertke_span){ text->ptr, (size_t)(to - text->ptr) }, der);
    move_to(text, to + strlen(end));
    return err;
}

#include <escertke/m2m.h>

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { MEMBER_MAX = 4096 };

/* All owned strings, once: clear and copy cannot forget one. */
static const size_t members[] = {
    offsetof(escertke_primitive, to),   offsetof(escertke_primitive, fr),   offsetof(escertke_primitive, rqi),
    offsetof(escertke_primitive, rvi),  offsetof(escertke_primitive, ot),   offsetof(escertke_primitive, rqet),
    offsetof(escertke_primitive, rset), offsetof(escertke_primitive, oet),  offsetof(escertke_primitive, gid),
    offsetof(escertke_primitive, vsi),  offsetof(escertke_primitive, atrl),
};

enum { MEMBER_COUNT = sizeof members / sizeof *members };

static char **member_at(escertke_primitive *p, size_t i)
{
    return (char **)(void *)((char *)p + members[i]);
}

static char *member_of(const escertke_primitive *p, size_t i)
{
    return *(char *const *)(const void *)((const char *)p + members[i]);
}

void escertke_primitive_init(escertke_primitive *p)
{
    memset(p, 0, sizeof *p);
    p->rcn = -1;
    p->format = ESCERTKE_FORMAT_JSON;
    escertke_buf_init(&p->content, ESCERTKE_PRIMITIVE_MAX);
}

void escertke_primitive_clear(escertke_primitive *p)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        esc_release(member_of(p, i));
    escertke_buf_free(&p->content);
    escertke_primitive_init(p);
}

/* UTF-8 without control characters, C1 included: the text may go into a header line or onto a terminal. */
static bool is_plain(escertke_span text)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = esc_utf8_len((escertke_span){ text.ptr + i, text.len - i });
        if (!len || text.ptr[i] < 0x20 || text.ptr[i] == 0x7F || (text.ptr[i] == 0xC2 && text.ptr[i + 1] < 0xA0))
            return false;
        i += len;
    }
    return true;
}

escertke_err escertke_primitive_set(char **member, escertke_span value)
{
    char *copy = NULL;

    if (value.len > MEMBER_MAX || !is_plain(value))
        return ESCERTKE_ERR_PRIMITIVE;
    if (value.ptr && !(copy = esc_strndup((const char *)value.ptr, value.len)))
        return ESCERTKE_ERR_NOMEM;
    esc_release(*member);
    *member = copy;
    return ESCERTKE_OK;
}

escertke_err escertke_primitive_copy(const escertke_primitive *from, escertke_primitive *to)
{
    escertke_err err = ESCERTKE_OK;

    *to = *from;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        *member_at(to, i) = NULL;
    escertke_buf_init(&to->content, from->content.max);
    for (size_t i = 0; i < MEMBER_COUNT && err == ESCERTKE_OK; i++) {
        const char *text = member_of(from, i);
        if (text && !(*member_at(to, i) = esc_strndup(text, strlen(text))))
            err = ESCERTKE_ERR_NOMEM;
    }
    if (err == ESCERTKE_OK)
        err = escertke_buf_append(&to->content, from->content.ptr, from->content.len);
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(to);
    return err;
}

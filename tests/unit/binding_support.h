/* binding_support.h - what the tests of the HTTP binding share: named failures, text of a detail, primitives in one line. */
#ifndef BINDING_SUPPORT_H
#define BINDING_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <escertke/m2m.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void expect_err(const char *name, escertke_err found, escertke_err expected, const escertke_detail *d)
{
    if (found != expected)
        fail_msg("%s: expected %s, found %s (%s)", name, escertke_err_name(expected), escertke_err_name(found),
                 d ? d->reason : "");
}

static inline void expect_text(const char *name, const char *found, const char *expected)
{
    if (!found != !expected || (found && strcmp(found, expected) != 0))
        fail_msg("%s: expected \"%s\", found \"%s\"", name, expected ? expected : "(null)", found ? found : "(null)");
}

static inline void expect_int(const char *name, long found, long expected)
{
    if (found != expected)
        fail_msg("%s: expected %ld, found %ld", name, expected, found);
}

static inline escertke_span text_span(const char *s)
{
    return escertke_span_str(s);
}

static inline void set(char **member, const char *value)
{
    if (value)
        assert_int_equal(escertke_primitive_set(member, escertke_span_str(value)), ESCERTKE_OK);
}

/* A Notify as 10.4 shows it, to be changed by the test. */
static inline void make_request(escertke_primitive *p, escertke_op op, const char *to, const char *rqi, const char *content)
{
    escertke_primitive_init(p);
    p->op = op;
    set(&p->to, to);
    set(&p->fr, "Ca1b2c3");
    set(&p->rqi, rqi);
    set(&p->rvi, "3");
    if (content)
        assert_int_equal(escertke_buf_append(&p->content, content, strlen(content)), ESCERTKE_OK);
}

static inline void expect_content(const char *name, const escertke_primitive *p, const char *expected)
{
    if (p->content.len != strlen(expected) || (p->content.len && memcmp(p->content.ptr, expected, p->content.len) != 0))
        fail_msg("%s: content should be %.200s, found %.*s", name, expected, (int)p->content.len, (const char *)p->content.ptr);
}

#endif

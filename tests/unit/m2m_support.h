/* m2m_support.h - what the tests of base and m2m share: spans over literals, buffers compared as text, failing memory. */
#ifndef M2M_SUPPORT_H
#define M2M_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <escertke/base.h>

/* A literal with all its bytes, NULs included. */
#define BYTES(literal)                                                                                                           \
    {                                                                                                                            \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                                          \
    }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void assert_buf_text(const escertke_buf *b, const char *expected)
{
    assert_int_equal(b->len, strlen(expected));
    if (b->len)
        assert_memory_equal(b->ptr, expected, b->len);
}

/* Names the row of a table before the assertion that may fail in it. */
static inline void expect_err(const char *name, escertke_err found, escertke_err expected)
{
    if (found != expected)
        fail_msg("%s: expected %s, found %s", name, escertke_err_name(expected), escertke_err_name(found));
}

static long memory_left = -1; /* allocations that still succeed; -1 = all */
static long memory_blocks;    /* not released yet */

static inline void *failing_alloc(size_t size)
{
    if (memory_left == 0)
        return NULL;
    if (memory_left > 0)
        memory_left--;
    memory_blocks++;
    return malloc(size);
}

static inline void *failing_resize(void *p, size_t size)
{
    if (memory_left == 0)
        return NULL;
    if (memory_left > 0)
        memory_left--;
    memory_blocks += p == NULL;
    return realloc(p, size);
}

static inline void failing_release(void *p)
{
    memory_blocks--;
    free(p);
}

static inline void memory_fails_after(long count)
{
    static const escertke_memory failing = { failing_alloc, failing_resize, failing_release };

    memory_left = count;
    memory_blocks = 0;
    escertke_memory_set(&failing);
}

static inline void memory_restored(void)
{
    escertke_memory_set(NULL);
    assert_int_equal(memory_blocks, 0);
}

#endif

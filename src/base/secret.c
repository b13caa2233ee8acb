#include <escertke/base.h>

#include <string.h>

void escertke_wipe(void *p, size_t len)
{
    if (!len)
        return;
    memset(p, 0, len);
    /* The compiler must believe that somebody looks at the zeros. */
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

/* CT: no branch on the content; the result is the only thing that depends on it. */
bool escertke_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

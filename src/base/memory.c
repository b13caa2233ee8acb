#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static escertke_memory memory = { malloc, realloc, free };

void escertke_memory_set(const escertke_memory *m)
{
    static const escertke_memory libc = { malloc, realloc, free };
    memory = m ? *m : libc;
}

void *esc_alloc(size_t size)
{
    return memory.alloc(size ? size : 1);
}

void *esc_zalloc(size_t size)
{
    void *p = esc_alloc(size);
    if (p)
        memset(p, 0, size ? size : 1);
    return p;
}

void *esc_resize(void *p, size_t size)
{
    return memory.resize(p, size ? size : 1);
}

void esc_release(void *p)
{
    if (p)
        memory.release(p);
}

void esc_release_wiped(void *p, size_t size)
{
    if (!p)
        return;
    escertke_wipe(p, size);
    memory.release(p);
}

char *esc_strndup(const char *s, size_t len)
{
    char *copy = esc_alloc(len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

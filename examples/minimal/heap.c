#include "heap.h"

#include <escertke/base.h>

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

/* The linker gives every reference to malloc in this program to __wrap_malloc, and so on; __real_malloc is the C library's. */
void *__real_malloc(size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

/* In front of each block. */
struct label {
    alignas(max_align_t) size_t size;
    enum heap_side side;
    bool library;
};

static struct heap_use uses[HEAP_SIDES];
static enum heap_side account;
static bool in_library; /* the call comes from escertke, not from Mbed TLS */

static void count(const struct label *block, bool taken)
{
    struct heap_use *use = &uses[block->side];
    size_t *sum = block->library ? &use->library : &use->mbedtls;

    *sum = taken ? *sum + block->size : *sum - block->size;
    if (use->library + use->mbedtls > use->peak)
        use->peak = use->library + use->mbedtls;
}

void *__wrap_malloc(size_t size)
{
    struct label *block = size <= SIZE_MAX - sizeof *block ? __real_malloc(sizeof *block + size) : NULL;

    if (!block)
        return NULL;
    *block = (struct label){ size, account, in_library };
    count(block, true);
    return block + 1;
}

void __wrap_free(void *p)
{
    struct label *block = p;

    if (!block)
        return;
    count(--block, false);
    __real_free(block);
}

void *__wrap_calloc(size_t number, size_t size)
{
    if (size && number > SIZE_MAX / size)
        return NULL;
    void *p = __wrap_malloc(number * size);
    return p ? memset(p, 0, number * size) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
    void *bigger = __wrap_malloc(size);
    const struct label *old = p;

    if (!bigger || !p)
        return bigger;
    --old;
    memcpy(bigger, p, old->size < size ? old->size : size);
    __wrap_free(p);
    return bigger;
}

static void *library_alloc(size_t size)
{
    in_library = true;
    void *p = __wrap_malloc(size);
    in_library = false;
    return p;
}

static void *library_resize(void *p, size_t size)
{
    in_library = true;
    void *bigger = __wrap_realloc(p, size);
    in_library = false;
    return bigger;
}

void heap_watch(void)
{
    static const escertke_memory memory = { library_alloc, library_resize, __wrap_free };

    escertke_memory_set(&memory);
}

void heap_account(enum heap_side side)
{
    account = side;
}

struct heap_use heap_of(enum heap_side side)
{
    return uses[side];
}

void heap_peak_reset(enum heap_side side)
{
    uses[side].peak = uses[side].library + uses[side].mbedtls;
}

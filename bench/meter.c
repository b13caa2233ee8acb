#include "bench/bench.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static atomic_uint_fast64_t allocs;
static bool counting = true; /* two threads that count would wait for each other's cache lines */

static void *counted_alloc(size_t size)
{
    if (counting)
        atomic_fetch_add_explicit(&allocs, 1, memory_order_relaxed);
    return malloc(size);
}

static void *counted_resize(void *p, size_t size)
{
    if (counting)
        atomic_fetch_add_explicit(&allocs, 1, memory_order_relaxed);
    return realloc(p, size);
}

static void *openssl_alloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return counted_alloc(size);
}

static void *openssl_resize(void *p, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return counted_resize(p, size);
}

static void openssl_release(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

bool meter_install(void)
{
    static const escertke_memory memory = { counted_alloc, counted_resize, free };

    if (CRYPTO_set_mem_functions(openssl_alloc, openssl_resize, openssl_release) != 1)
        return false;
    escertke_memory_set(&memory);
    return true;
}

void meter_stop_counting(void)
{
    counting = false;
}

uint64_t meter_allocs(void)
{
    return atomic_load(&allocs);
}

size_t meter_heap(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static double clock_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double meter_cpu_us(void)
{
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

double meter_process_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

double meter_wall_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double meter_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof *figures, by_size);
    return count ? figures[count / 2] : 0;
}

#include <escertke/binding.h>

#include <time.h>

escertke_now escertke_system_clock(void *unused)
{
    struct timespec mono, real;

    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &real);
    return (escertke_now){
        .mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000,
        .unix_s = (int64_t)real.tv_sec,
    };
}

/* heap.h - how much memory is in use, by whom: all of the program is counted (linker option --wrap). */
#ifndef EXAMPLES_MINIMAL_HEAP_H
#define EXAMPLES_MINIMAL_HEAP_H

#include <stddef.h>

enum heap_side { HEAP_NOBODY, HEAP_METER, HEAP_PANEL, HEAP_SIDES };

struct heap_use {
    size_t library, mbedtls; /* octets in use: by escertke, by Mbed TLS */
    size_t peak;             /* most of both together since heap_peak_reset */
};

/** Send escertke's memory through the counters. Call once, before anything else. */
void heap_watch(void);
/** On whose account memory is from now on. */
void heap_account(enum heap_side side);
struct heap_use heap_of(enum heap_side side);
/** Begin a new peak at what is in use. */
void heap_peak_reset(enum heap_side side);

#endif

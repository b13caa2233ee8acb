/* memory.h - all allocation of the library goes through these (escertke_memory_set). */
#ifndef ESCERTKE_BASE_MEMORY_H
#define ESCERTKE_BASE_MEMORY_H

#include <stddef.h>
#include <escertke/base.h>

void *esc_alloc(size_t size);  /* NULL when out of memory; size 0 gives a block of 1 */
void *esc_zalloc(size_t size); /* zeroed */
void *esc_resize(void *p, size_t size);
void esc_release(void *p);              /* NULL allowed */
void esc_release_wiped(void *p, size_t size); /* wipe first; NULL allowed */
char *esc_strndup(const char *s, size_t len); /* NUL added */

#endif

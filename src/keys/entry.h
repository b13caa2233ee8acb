/* entry.h - what both stores need to know of an entry. */
#ifndef ESCERTKE_KEYS_ENTRY_H
#define ESCERTKE_KEYS_ENTRY_H

#include <escertke/keys.h>

/**
 * Is the entry one that a store may hold: texts end within their arrays, identities are not empty, numbers are of their enums?
 * @return what is wrong with it, in words (static storage); NULL = nothing
 */
const char *esc_entry_fault(const escertke_key_entry *e);

#endif

/* entry.h - what both stores need to know of an entry. */
#ifndef ESCERTKE_KEYS_ENTRY_H
#define ESCERTKE_KEYS_ENTRY_H

#include <escertke/keys.h>

/**
 * Is the entry one that a store may hold: texts end within their arrays, identities are not empty, numbers are of their enums?
 * @return what is wrong with it, in words (static storage); NULL = nothing
 */
const char *esc_entry_fault(const escertke_key_entry *e);

/** The same of a whole put. @param e  NULL is a fault  @param o  NULL allowed */
const char *esc_put_fault(const escertke_key_entry *e, const escertke_put_options *o);

/** Was its run begun by the end-point whose identity is the smaller of the two (octet order)? Of one identity: true. */
bool esc_entry_by_smaller(const escertke_key_entry *e);

/**
 * Of the newest valid key of each role (NULL = none), the one to use: the newer, but for the rule of escertke_store_ops.find.
 * @return one of the two; NULL = neither is there
 */
const escertke_key_entry *esc_entry_choose(const escertke_key_entry *initiator, const escertke_key_entry *terminator);

/** Which keys of one (own, peer, usage) and role get an end, and when. */
struct esc_ending {
    escertke_role role;
    int64_t until_s; /* those with a created_s not greater */
    int64_t end_s;   /* their expires_s becomes no greater */
};

/** What escertke_put_options says of replace and overlap_s, in numbers. */
struct esc_ending esc_entry_ending(const escertke_key_entry *e, int64_t overlap_s);

#endif

/* hash.h - a keyed hash of names that strangers choose: without the key nobody finds two that meet (SipHash-2-4). */
#ifndef ESCERTKE_ENDPOINT_HASH_H
#define ESCERTKE_ENDPOINT_HASH_H

#include <escertke/base.h>

/** From the operating system's random generator, once per table. */
struct esc_hash_key {
    uint8_t octets[16];
};

uint64_t esc_hash(const struct esc_hash_key *key, escertke_span in);

#endif

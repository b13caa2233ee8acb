/* toy_keys.h - what both halves of the toy need: digests, long-term keys, certificates. */
#ifndef TESTS_SIM_TOY_KEYS_H
#define TESTS_SIM_TOY_KEYS_H

#include "toy.h"

#define TOY_POINT_LEN 65
#define TOY_SIGNATURE_LEN 32

struct toy_credential {
    uint32_t number;
    size_t leaf_len;
    uint8_t leaf[];
};

#define SPAN(a) ((escertke_span){ (const uint8_t *)(a), sizeof(a) })

/** Digest over octet strings, each with its length. */
void toy_digest(uint8_t out[32], const escertke_span *parts, size_t count);
#define DIGEST(out, ...)                                                                                                         \
    toy_digest(out, (const escertke_span[]){ __VA_ARGS__ }, sizeof((const escertke_span[]){ __VA_ARGS__ }) / sizeof(escertke_span))

escertke_err toy_random(uint8_t *out, size_t len);
void toy_sign(uint32_t number, escertke_span data, uint8_t out[TOY_SIGNATURE_LEN]);
escertke_err toy_verify(escertke_span spki, escertke_span data, escertke_span signature);
/** Has the anchor issued it? */
bool toy_is_issued(escertke_span der);
escertke_span toy_root(void);

#endif

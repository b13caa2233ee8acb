#include "endpoint/hash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t word(const uint8_t *at, size_t len)
{
    uint64_t w = 0;

    for (size_t i = 0; i < len; i++)
        w |= (uint64_t)at[i] << (8 * i);
    return w;
}

static uint64_t turn(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(struct state *s, unsigned count)
{
    while (count--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 = turn(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 = turn(s->v2, 32);
    }
}

static void absorb(struct state *s, uint64_t w)
{
    s->v3 ^= w;
    rounds(s, 2);
    s->v0 ^= w;
}

uint64_t esc_hash(const struct esc_hash_key *key, escertke_span in)
{
    uint64_t k0 = word(key->octets, 8), k1 = word(key->octets + 8, 8);
    struct state s = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
    size_t whole = in.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8)
        absorb(&s, word(in.ptr + i, 8));
    uint64_t last = (uint64_t)(in.len & 0xFF) << 56;
    if (in.len > whole)
        last |= word(in.ptr + whole, in.len - whole);
    absorb(&s, last);
    s.v2 ^= 0xFF;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

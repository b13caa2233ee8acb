#include "mutate.h"

#include <string.h>

static void change_step(struct mutate_text *t, struct mutate_random *r, size_t at, size_t step)
{
    size_t octet = at + mutate_below(r, step);

    switch (mutate_below(r, 4)) {
    case 0: t->octets[octet] ^= (uint8_t)(1u << mutate_below(r, 8)); break;
    case 1: t->octets[octet] = (uint8_t)(t->octets[octet] + (mutate_below(r, 2) ? 1 : 255)); break;
    default: t->octets[octet] = (uint8_t)mutate_below(r, mutate_below(r, 2) ? 256 : 16);
    }
}

static void change(struct mutate_text *t, struct mutate_random *r, size_t head, size_t step)
{
    size_t steps = t->len > head ? (t->len - head) / step : 0, at = head + step * mutate_below(r, steps),
           other = head + step * mutate_below(r, steps);
    uint8_t fresh[32];

    if (head && !mutate_below(r, 8)) {
        t->octets[mutate_below(r, head)] = (uint8_t)mutate_below(r, 256);
        return;
    }
    for (size_t i = 0; i < step; i++)
        fresh[i] = (uint8_t)mutate_below(r, i ? 16 : 256);
    switch (steps ? mutate_below(r, 6) : 0) {
    case 0: (void)mutate_replace(t, at, at, fresh, step); break;
    case 1: (void)mutate_replace(t, at, at + step, NULL, 0); break;
    case 2: (void)mutate_replace(t, at, at, t->octets + other, step); break;
    case 3: (void)mutate_replace(t, at, at + step, t->octets + other, step); break;
    default: change_step(t, r, at, step);
    }
}

size_t mutate_script_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed, size_t head, size_t step)
{
    struct mutate_random r = mutate_random(seed);
    struct mutate_text t;

    if (size < head || !mutate_below(&r, 16) || !mutate_set(&t, data, size))
        return LLVMFuzzerMutate(data, size, max_size);
    t.len = head + (size - head) / step * step;
    for (size_t times = 1 + mutate_below(&r, 4); times--;)
        change(&t, &r, head, step);
    if (!t.len || t.len > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, t.octets, t.len);
    return t.len;
}

/* keys.c - what all ends believe: one key for one identifier. An open table; nothing is ever taken out. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct sim_keys {
    escertke_key *all;
    size_t room, count;
};

struct sim_keys *sim_keys_new(void)
{
    struct sim_keys *k = calloc(1, sizeof *k);

    if (k)
        k->all = calloc(k->room = 4096, sizeof *k->all);
    if (!k || !k->all)
        abort();
    return k;
}

void sim_keys_free(struct sim_keys *k)
{
    if (k)
        free(k->all);
    free(k);
}

static escertke_key *place(const struct sim_keys *k, const uint8_t *id)
{
    static const uint8_t none[ESCERTKE_KEY_ID_LEN];
    size_t hash;

    memcpy(&hash, id, sizeof hash);
    for (size_t at = hash % k->room;; at = (at + 1) % k->room)
        if (memcmp(k->all[at].id, none, sizeof none) == 0 || memcmp(k->all[at].id, id, sizeof none) == 0)
            return &k->all[at];
}

static void grow(struct sim_keys *k)
{
    struct sim_keys old = *k;

    k->all = calloc(k->room *= 2, sizeof *k->all);
    if (!k->all)
        abort();
    for (size_t i = 0; i < old.room; i++)
        *place(k, old.all[i].id) = old.all[i];
    free(old.all);
}

bool sim_keys_add(struct sim_keys *k, const escertke_key *key)
{
    escertke_key *at = place(k, key->id);
    bool known = memcmp(at->id, key->id, sizeof at->id) == 0;

    if (known)
        return memcmp(at->key, key->key, sizeof at->key) == 0;
    *at = *key;
    if (++k->count * 2 > k->room)
        grow(k);
    return true;
}

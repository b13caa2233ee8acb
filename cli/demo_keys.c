/* demo_keys.c - what the key stores of both end-points hold. The key is compared in constant time and never shown. */
#include <string.h>

#include "demo.h"

static const char *const stores[] = { "sqlite:panel.db", "sqlite:meter.db" };

/* The 64 digits and line feed of keys export. */
static bool read_key(struct demo *d, const char *key_id, const char *store, uint8_t key[32])
{
    const char *const argv[] = { "escertke", "keys", "export", key_id, "--store", store, NULL };
    struct process *p = crew_run(&d->crew, "keys export", argv, 0);
    char hex[65] = "";

    if (!p)
        return false;
    const escertke_buf *text = &p->texts[0];
    bool ok = text->len == 65 && text->ptr[64] == '\n';
    if (ok)
        memcpy(hex, text->ptr, 64);
    ok = ok && escertke_unhex(hex, key, 32) == ESCERTKE_OK;
    escertke_wipe(hex, sizeof hex);
    crew_release(p);
    return ok || crew_fail(&d->crew, NULL, "keys export from %s did not give 64 hexadecimal digits", store);
}

bool demo_same_key(struct demo *d, const char *key_id, const char *one, const char *other, uint8_t key[32])
{
    static const uint8_t none[32];
    uint8_t theirs[32] = { 0 };
    bool ok = read_key(d, key_id, one, key) && read_key(d, key_id, other, theirs);

    if (ok && !escertke_ct_equal(key, theirs, sizeof theirs))
        ok = crew_fail(&d->crew, NULL, "the stores hold different keys under the key ID %s", key_id);
    else if (ok && escertke_ct_equal(key, none, sizeof none))
        ok = crew_fail(&d->crew, NULL, "the key is all zeros");
    escertke_wipe(theirs, sizeof theirs);
    return ok;
}

enum demo_result demo_compare_keys(struct demo *d)
{
    if (!demo_same_key(d, d->key_id, stores[0], stores[1], d->key))
        return DEMO_FAILED;
    return demo_say(d, "both stores hold the key ID %s and under it the same 32-byte key", d->key_id);
}

/* Exactly the one entry with the known key ID. */
static bool holds_one(struct demo *d, const char *store)
{
    const char *const argv[] = { "escertke", "keys", "list", "--store", store, "--json", NULL };
    struct process *p = crew_run(&d->crew, "keys list", argv, 0);
    unsigned known = 0, count = 0;
    json_t *entry;

    if (!p)
        return false;
    while ((entry = process_next_event(p))) {
        const char *id = json_string_value(json_object_get(entry, "key_id"));
        count++;
        known += id && strcmp(id, d->key_id) == 0;
        json_decref(entry);
    }
    crew_release(p);
    return (count == 1 && known == 1) ||
           crew_fail(&d->crew, NULL, "%s: expected the one key %s, found %u keys, %u of them this one", store, d->key_id, count,
                     known);
}

enum demo_result demo_count_keys(struct demo *d)
{
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        if (!holds_one(d, stores[i]))
            return DEMO_FAILED;
    return demo_say(d, "after these refusals each store still holds that one key and no other");
}

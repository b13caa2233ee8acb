#include <escertke/keys.h>

#include <string.h>

#include "base/fail.h"

/* Entries of "memory:"; about 1,400 bytes each. */
#define MEMORY_MAX 65536u

static escertke_err open_memory(const char *rest, escertke_store *out, escertke_detail *d)
{
    if (*rest)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "store \"memory:\" takes nothing behind the colon, found \"%s\"", rest);
    if (escertke_store_memory(MEMORY_MAX, out) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store");
    return ESCERTKE_OK;
}

static escertke_err open_sqlite(const char *rest, escertke_store *out, escertke_detail *d)
{
    if (!*rest)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "store \"sqlite:\" needs the path of a file behind the colon");
    return escertke_store_sqlite(rest, out, d);
}

static const struct {
    const char *scheme;
    escertke_err (*open)(const char *rest, escertke_store *out, escertke_detail *d);
} schemes[] = {
    { "memory:", open_memory },
    { "sqlite:", open_sqlite },
};

escertke_err escertke_store_open(const char *uri, escertke_store *out, escertke_detail *d)
{
    if (!uri || !out)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "store: URI or place for the store is NULL");
    *out = (escertke_store){ 0 };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (strncmp(uri, schemes[i].scheme, len) == 0)
            return schemes[i].open(uri + len, out, d);
    }
    return esc_fail(d, ESCERTKE_ERR_ARG, "", "store: expected \"memory:\" or \"sqlite:PATH\", found \"%s\"", uri);
}

void escertke_store_close(escertke_store *s)
{
    if (!s || !s->ops)
        return;
    s->ops->close(s->state);
    *s = (escertke_store){ 0 };
}

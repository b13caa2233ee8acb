#include "keys/entry.h"

#include <string.h>

static const struct {
    escertke_usage usage;
    const char *name;
} usages[] = {
    { ESCERTKE_USAGE_ESPRIM, "esprim" },
    { ESCERTKE_USAGE_ESDATA, "esdata" },
};

const char *escertke_usage_name(escertke_usage u)
{
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (usages[i].usage == u)
            return usages[i].name;
    return "?";
}

void escertke_key_entry_wipe(escertke_key_entry *e)
{
    if (e)
        escertke_wipe(e, sizeof *e);
}

static bool flavour_known(escertke_flavour f)
{
    return f == ESCERTKE_FLAVOUR_BY_ID || (f >= ESCERTKE_FLAVOUR_RAW && f <= ESCERTKE_FLAVOUR_NODE);
}

const char *esc_entry_fault(const escertke_key_entry *e)
{
    const struct {
        bool wrong;
        const char *what;
    } checks[] = {
        { !memchr(e->peer, '\0', sizeof e->peer), "peer identity too long" },
        { !memchr(e->own, '\0', sizeof e->own), "own identity too long" },
        { !memchr(e->suite, '\0', sizeof e->suite), "cipher suite name too long" },
        { !memchr(e->engine, '\0', sizeof e->engine), "engine name too long" },
        { e->peer[0] == '\0', "no peer identity" },
        { e->own[0] == '\0', "no own identity" },
        { e->role != ESCERTKE_INITIATOR && e->role != ESCERTKE_TERMINATOR, "unknown role" },
        { e->usage != ESCERTKE_USAGE_ESPRIM && e->usage != ESCERTKE_USAGE_ESDATA, "unknown usage" },
        { !flavour_known(e->flavour), "unknown certificate flavour" },
        { e->created_s < 0 || e->expires_s < 0, "time before 1970" },
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].wrong)
            return checks[i].what;
    return NULL;
}

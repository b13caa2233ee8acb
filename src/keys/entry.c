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

static bool serials_fit(const escertke_key_entry *e)
{
    if (e->issued_count > ESCERTKE_CHAIN_MAX)
        return false;
    for (size_t i = 0; i < e->issued_count; i++)
        if (e->issued[i].serial_len > sizeof e->issued[i].serial)
            return false;
    return true;
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
        { !serials_fit(e), "too many certificates, or a serial too long" },
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].wrong)
            return checks[i].what;
    return NULL;
}

const char *esc_put_fault(const escertke_key_entry *e, const escertke_put_options *o)
{
    const escertke_reply *reply = o ? o->reply : NULL;

    if (!e)
        return "no entry";
    if (o && o->replace && o->overlap_s < 0)
        return "negative overlap";
    if (reply && (!reply->m4.ptr || reply->m4.len == 0 || reply->m4.len > ESCERTKE_REPLY_MAX))
        return "reply empty or too large";
    if (reply && reply->until_s < 0)
        return "time of the reply before 1970";
    return esc_entry_fault(e);
}

bool esc_entry_by_smaller(const escertke_key_entry *e)
{
    int way = strcmp(e->own, e->peer);

    return e->role == ESCERTKE_INITIATOR ? way <= 0 : way >= 0;
}

const escertke_key_entry *esc_entry_choose(const escertke_key_entry *initiator, const escertke_key_entry *terminator)
{
    if (!initiator || !terminator)
        return initiator ? initiator : terminator;
    const escertke_key_entry *first = esc_entry_by_smaller(initiator) ? initiator : terminator; /* of the smaller identity */
    const escertke_key_entry *other = first == initiator ? terminator : initiator;
    return first->created_s >= other->created_s - ESCERTKE_KEY_TOGETHER_S ? first : other;
}

static int64_t later(int64_t t, int64_t by)
{
    return by > INT64_MAX - t ? INT64_MAX : t + by;
}

/* An initiator stamps a key later than its terminator, by up to a run's time. */
struct esc_ending esc_entry_ending(const escertke_key_entry *e, int64_t overlap_s)
{
    int64_t wait = e->role == ESCERTKE_TERMINATOR ? (int64_t)ESCERTKE_TTL_MS / 1000 : 0;

    return (struct esc_ending){ e->role, e->created_s, later(later(e->created_s, overlap_s), wait) };
}

/* carrier.c - the table of carriers, and whose word a failure is: that of a CSE on the way about the envelope, or the peer's. */
#include "carrier/carrier.h"

#include <string.h>

#include "base/fail.h"

/* In the order in which they are tried: the standard's first, then the one that costs the CSE least. */
static const struct esc_carrier *const carriers[] = { &esc_carrier_notify, &esc_carrier_sgn, &esc_carrier_mailbox };

#define COUNT (sizeof carriers / sizeof *carriers)

const struct esc_carrier *esc_carrier_of(escertke_carrier which)
{
    for (size_t i = 0; i < COUNT; i++)
        if (carriers[i]->which == which)
            return carriers[i];
    return NULL;
}

const char *escertke_carrier_name(escertke_carrier which)
{
    const struct esc_carrier *c = esc_carrier_of(which);

    return c ? c->name : "?";
}

bool escertke_carrier_find(const char *name, escertke_carrier *out)
{
    for (size_t i = 0; name && i < COUNT; i++)
        if (strcmp(carriers[i]->name, name) == 0) {
            *out = carriers[i]->which;
            return true;
        }
    return false;
}

escertke_carrier escertke_carrier_next(escertke_carrier which)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!which || (i && carriers[i - 1]->which == which))
            return carriers[i]->which;
    return ESCERTKE_CARRIER_NONE;
}

/* What a Response Status Code that is not 2000 means for the run. */
static const struct {
    int rsc;
    escertke_err err;
} outcomes[] = {
    { ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, ESCERTKE_ERR_REFUSED_AUTH },
    { ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, ESCERTKE_ERR_PRIVILEGE },
    { ESCERTKE_RSC_REQUEST_TIMEOUT, ESCERTKE_ERR_DEADLINE },
    { ESCERTKE_RSC_TARGET_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
    { ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
    { ESCERTKE_RSC_NOT_FOUND, ESCERTKE_ERR_NOT_FOUND },
    { ESCERTKE_RSC_NOT_IMPLEMENTED, ESCERTKE_ERR_UNSUPPORTED },
    { ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, ESCERTKE_ERR_UNSUPPORTED },
};

escertke_err esc_carrier_outcome(int rsc)
{
    for (size_t k = 0; k < sizeof outcomes / sizeof *outcomes; k++)
        if (outcomes[k].rsc == rsc)
            return outcomes[k].err;
    return ESCERTKE_ERR_RSC;
}

/*
 * Only of M1: once M2 has come, the envelope works, and whatever is wrong then is the peer's or this side's. An alert is the
 * peer's word as well, whatever code it came with. What no code came with says nothing about an envelope: the next one would go
 * the same way. 5103 and 5107 are about where a NOTIFY would have been taken to, which a mailbox does without.
 */
bool escertke_carrier_to_blame(escertke_err err, const escertke_detail *d)
{
    static const struct {
        escertke_err err;
        int rsc; /* 0 = any */
    } rows[] = {
        { ESCERTKE_ERR_NO_CONTENT, 0 },
        { ESCERTKE_ERR_SECINFO, 0 }, /* 2000 with a content that no end-point sends */
        { ESCERTKE_ERR_RSC, ESCERTKE_RSC_BAD_REQUEST },
        { ESCERTKE_ERR_RSC, ESCERTKE_RSC_OPERATION_NOT_ALLOWED },
        { ESCERTKE_ERR_UNSUPPORTED, ESCERTKE_RSC_NOT_IMPLEMENTED },
        { ESCERTKE_ERR_UNSUPPORTED, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE },
        { ESCERTKE_ERR_PRIVILEGE, ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE },
        { ESCERTKE_ERR_UNREACHABLE, ESCERTKE_RSC_TARGET_NOT_REACHABLE },
        { ESCERTKE_ERR_UNREACHABLE, ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE },
    };

    if (d->message != 1 || d->alert >= 0)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].err == err && (!rows[i].rsc || rows[i].rsc == d->rsc))
            return true;
    return false;
}

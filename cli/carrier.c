#include "carrier.h"

#include <stdio.h>
#include <string.h>

#include "out.h"

bool carrier_check_one(const char *value, char *why, size_t cap)
{
    escertke_carrier which;

    if (escertke_carrier_find(value, &which))
        return true;
    snprintf(why, cap, "expected notify, sgn or mailbox (TS-0004 7.5.1.2.12 knows notify)");
    return false;
}

bool carrier_check(const char *value, char *why, size_t cap)
{
    escertke_carrier which;

    if (strcmp(value, "auto") == 0 || escertke_carrier_find(value, &which))
        return true;
    snprintf(why, cap, "expected notify, sgn, mailbox or auto (TS-0004 7.5.1.2.12 knows notify)");
    return false;
}

unsigned carrier_sum(const struct text_list *names)
{
    unsigned sum = 0;
    escertke_carrier which;

    for (size_t i = 0; i < names->count; i++)
        if (escertke_carrier_find(names->items[i], &which))
            sum |= (unsigned)which;
    return sum ? sum : (unsigned)ESCERTKE_CARRIER_NOTIFY | (unsigned)ESCERTKE_CARRIER_SGN;
}

static void say(escertke_carrier which, const char *via, escertke_err err, const escertke_detail *d, escertke_carrier next)
{
    const char *name = escertke_carrier_name(which);

    if (err == ESCERTKE_OK)
        out_words("carrier %s works through %s; --carrier %s goes there at once", name, via, name);
    else
        out_words("carrier %s does not work through %s: %s%s%s", name, via, d->reason[0] ? d->reason : escertke_err_text(err),
                  next ? "; trying " : "", next ? escertke_carrier_name(next) : "");
    if (!out_is_json())
        return;
    json_t *event = out_new_event("carrier");
    out_text(event, "carrier", name);
    out_text(event, "via", via);
    json_object_set_new(event, "works", json_boolean(err == ESCERTKE_OK));
    if (err != ESCERTKE_OK) {
        out_text(event, "error", escertke_err_name(err));
        if (d->rsc)
            out_number(event, "rsc", d->rsc);
        out_text(event, "reason", d->reason);
    }
    out_event(event, "%s", name);
}

/* Of the last one it is said too that it does not work, if that is what its failure says. */
static bool is_about_carrier(escertke_err err, const escertke_detail *d, bool last)
{
    if (err == ESCERTKE_OK || escertke_carrier_to_blame(err, d))
        return true;
    return last && d->message <= 1 && d->alert < 0 && escertke_err_class(err) == ESCERTKE_CLASS_PEER;
}

static escertke_err try_all(escertke_carrier last, const char *via, carrier_run run, void *ctx, escertke_detail *d)
{
    escertke_carrier which = escertke_carrier_next(ESCERTKE_CARRIER_NONE), next;

    for (;; which = next) {
        next = which == last ? ESCERTKE_CARRIER_NONE : escertke_carrier_next(which);
        escertke_detail_init(d);
        escertke_err err = run(ctx, which, next != ESCERTKE_CARRIER_NONE, d);
        if (is_about_carrier(err, d, !next))
            say(which, via, err, d, next);
        if (err == ESCERTKE_OK || !next || !escertke_carrier_to_blame(err, d))
            return err;
    }
}

escertke_err carrier_establish(const char *name, escertke_carrier last, const char *via, carrier_run run, void *ctx,
                               escertke_detail *d)
{
    escertke_carrier which = ESCERTKE_CARRIER_NOTIFY;

    if (name && strcmp(name, "auto") == 0)
        return try_all(last, via, run, ctx, d);
    if (name)
        (void)escertke_carrier_find(name, &which);
    return run(ctx, which, false, d);
}

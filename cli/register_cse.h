/* register_cse.h - a CSE's registration at its registrar, kept up: its <remoteCSE> there (R-RG-30). Of relay and of serve. */
#ifndef ESCERTKE_CLI_REGISTER_CSE_H
#define ESCERTKE_CLI_REGISTER_CSE_H

#include "cse/cse.h"
#include "register_keep.h"

/** Borrowed strings. */
struct cse_registration {
    struct esc_cse *cse;
    const char *cse_id, *url;
    const char *poa; /* for the event; NULL: it is not said */
    /** After each registration, with the address of the <remoteCSE>; NULL = nothing more to do */
    escertke_err (*made)(void *ctx, const char *address, escertke_detail *d);
    /** At each look that finds it; NULL = there is nothing else to look at. next_s as in register_kept.look, to be lowered */
    escertke_err (*also)(void *ctx, escertke_now now, unsigned *next_s, escertke_detail *d);
    void *ctx; /* of made and also */
};

/**
 * Register, and keep it up as register_keep_start() says. Each time:
 * {"event":"registered","address","via","poa","created","esi"}.
 * @return as register_keep_start
 */
ESCERTKE_CHECKED escertke_err cse_registration_start(struct cse_registration *r, unsigned look_s, struct register_keep *keep,
                                                     escertke_detail *d);

#endif

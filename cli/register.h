/*
 * register.h - the own <AE> at the registrar CSE: created, or brought up to date when it is there (R 8.1, R-RG-3, R-IO-6...8),
 * and for a terminating end-point the access control policy that lets its peers reach it.
 */
#ifndef ESCERTKE_CLI_REGISTER_H
#define ESCERTKE_CLI_REGISTER_H

#include "exchange.h"
#include "identity.h"

struct registration {
    struct exchange exchange;
    const struct identity *identity;
    const char *poa; /* own pointOfAccess; NULL: an initiating end-point, rr false, nothing else but the <AE> */

    /* results */
    char address[2 * ESCERTKE_ID_MAX]; /* of the <AE>, SP-relative: "/in1/Cmeter" */
    bool created;                      /* false: it was there */
    bool shows_esi;                    /* false: the CSE did not take the attribute esi */
    json_t *acor; /* the originators let in; NULL: none asked for, or a policy that is not ours was left alone */
};

/** Can this identity be registered: is its registrar's CSE-ID known? @return OK, CONFIG */
ESCERTKE_CHECKED escertke_err registration_check(const struct identity *identity, escertke_detail *d);

/**
 * Register. registration_free() in any case.
 * @return OK; what exchange_send and exchange_refused return; CONFIG (no registrar CSE-ID known), NOMEM
 */
ESCERTKE_CHECKED escertke_err registration_run(struct registration *r, escertke_detail *d);
void registration_free(struct registration *r);

/** Let the peers in: an own <accessControlPolicy> below the <AE>, or a new version of it. Part of registration_run(). */
ESCERTKE_CHECKED escertke_err registration_set_policy(struct registration *r, escertke_detail *d);
/** Append the forms in which an ID may be compared: bare stem and SP-relative on the own CSE, SP-relative, Absolute (R-IO-7). */
void registration_add_originator(json_t *acor, const struct identity *self, const char *id);

#endif

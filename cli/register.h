/*
 * register.h - the own <AE> at the registrar CSE: created, or brought up to date when it is there (R 8.1, R-RG-3, R-IO-6...8),
 * and for a terminating end-point the access control policy that lets its peers reach it. Looked at again later, and removed.
 */
#ifndef ESCERTKE_CLI_REGISTER_H
#define ESCERTKE_CLI_REGISTER_H

#include "exchange.h"
#include "identity.h"

struct registration {
    struct exchange exchange;
    const struct identity *identity;
    const char *poa;    /* own pointOfAccess; NULL: rr false, unless by_connection */
    bool terminating;   /* shows esi and lets its peers in; otherwise an <AE> that is there already is left as it is */
    bool by_connection; /* reached over the connection that it made to its CSE (WebSocket): rr true without a poa (R-RG-3) */

    /* results */
    char address[2 * ESCERTKE_ID_MAX]; /* of the <AE>, SP-relative: "/in1/Cmeter" */
    char policy[2 * ESCERTKE_ID_MAX];  /* of its <accessControlPolicy>; "" = none, or not ours */
    bool created;                      /* false: it was there */
    char name[ESCERTKE_ID_MAX + 1];    /* rn of what was there; "" = it has none that can be one */
    bool had_poa, had_rr;              /* what was there said that it is reached somewhere, and at once */
    bool shows_esi;                    /* false: the CSE did not take the attribute esi */
    bool no_csz;                       /* the CSE did not take the attribute csz */
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

/**
 * After registration_run(): does the CSE still have what was registered? What expires soon gets more time.
 * @param lost    why registration_run() is due again, in words; "" = it is not
 * @param next_s  the next look is due in so many seconds at the latest, for the sake of an expirationTime; 0 = there is none
 * @return OK; what exchange_send returns (nothing is known then)
 */
ESCERTKE_CHECKED escertke_err registration_look(struct registration *r, escertke_now now, char *lost, size_t cap,
                                                unsigned *next_s, escertke_detail *d);
/**
 * Another resource of ours at the CSE: if half of the time that the CSE gave it is over, ask for as much again. That it is not
 * there is somebody else's to notice.
 * @param next_s  as registration_look() left it; lowered
 * @return as registration_look
 */
ESCERTKE_CHECKED escertke_err registration_keep_up(struct registration *r, const char *address, const char *name,
                                                   escertke_now now, unsigned *next_s, escertke_detail *d);
/**
 * Delete the <AE> and with it what is below it. That it is not there is as good.
 * @return OK; what exchange_send and exchange_refused return
 */
ESCERTKE_CHECKED escertke_err registration_remove(struct registration *r, escertke_detail *d);

/** Let the peers in: an own <accessControlPolicy> below the <AE>, or a new version of it. Part of registration_run(). */
ESCERTKE_CHECKED escertke_err registration_set_policy(struct registration *r, escertke_detail *d);
/** Append the forms in which an ID may be compared: bare stem and SP-relative on the own CSE, SP-relative, Absolute (R-IO-7). */
void registration_add_originator(json_t *acor, const struct identity *self, const char *id);

#endif

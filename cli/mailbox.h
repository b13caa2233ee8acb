/*
 * mailbox.h - mailboxes of the carrier `mailbox` at the CSE: a <container> below the own <AE>, a policy that lets peers create in
 * it and nothing else, and for a terminating end-point a <subscription> that brings what comes (R 12.1).
 */
#ifndef ESCERTKE_CLI_MAILBOX_H
#define ESCERTKE_CLI_MAILBOX_H

#include <escertke/mailbox.h>

#include "exchange.h"
#include "identity.h"

/** Resource name of the container, of its subscription, and of the policy. */
#define MAILBOX_NAME "escertke"
#define MAILBOX_POLICY "escertke-mailbox"

/** Room for the structured address of an <AE>, and of a mailbox below it. */
#define MAILBOX_PLACE_MAX (2 * ESCERTKE_ID_MAX + 4)
#define MAILBOX_ADDRESS_MAX (MAILBOX_PLACE_MAX + sizeof "/" MAILBOX_NAME)

struct mailbox {
    struct exchange exchange; /* to the own registrar CSE */
    const struct identity *identity;
    const char *peer; /* initiating side: let this one in, besides those who are; NULL: the peers of the identity, nobody else */
    const char *poa;  /* pointOfAccess to be told at; NULL: no subscription, somebody looks into it */

    /* results */
    char ae[MAILBOX_PLACE_MAX];    /* structured address of the own <AE>: "/in1/-/meter" */
    char box[MAILBOX_ADDRESS_MAX]; /* of the container */
    bool subscribed;               /* false with a poa: the CSE did not take the subscription, and that was said */
};

/**
 * Make the own mailbox, or bring it up to date. The <AE> must be registered.
 * @return OK; CONFIG (a CSE has no <AE>); what exchange_send and exchange_refused return; PRIMITIVE, NOMEM
 */
ESCERTKE_CHECKED escertke_err mailbox_open(struct mailbox *m, escertke_detail *d);

/**
 * Where somebody's mailbox is: below the <AE> at @p ae, whose resource name is asked of its CSE if the address does not show it
 * (TS-0004 6.2.4 knows no children of an unstructured address); if the CSE does not say, it is the stem without its first letter.
 * @return OK; what exchange_send returns
 */
ESCERTKE_CHECKED escertke_err mailbox_find(const struct exchange *x, const char *ae, char box[MAILBOX_ADDRESS_MAX],
                                           escertke_detail *d);

/** What the library wants to know to send and fetch letters for this mailbox; the initiating side's members are left zero. */
void mailbox_hand(const struct mailbox *m, escertke_mailbox *out);

#endif

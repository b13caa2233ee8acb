/* discover.h - does a peer say that it supports ESCertKE? Its esi, where a CSE keeps it (R 8.5, A-52, A-53). */
#ifndef ESCERTKE_CLI_DISCOVER_H
#define ESCERTKE_CLI_DISCOVER_H

#include "exchange.h"
#include "identity.h"
#include "target.h"

struct discovery {
    struct exchange exchange;
    const struct identity *identity;
    const char *peer; /* Absolute ID */
    const struct target *target;
    const char *place; /* looked at before all others, NULL = none: an announced resource, a <remoteCSE> */

    /* results */
    bool supported;                    /* esi says 43 */
    char address[2 * ESCERTKE_ID_MAX]; /* where esi was found; else what was looked at first */
    char resource[24];                 /* "m2m:ae", "m2m:csr"...; "" = no esi was found */
    bool partial;                      /* by a Retrieve of this attribute alone */
    escertke_esi esi;
    char why[200]; /* why it is not supported, as far as is known */
};

/**
 * Look in every place where it may stand: the <AE> or <CSEBase>, and of a CSE its <remoteCSE> at the own registrar. Each is asked
 * for esi alone, then as a whole where the CSE does not do that. Says {"event":"discovered"}, whatever came out.
 * @return OK, also where nothing was found; what exchange_send returns
 */
ESCERTKE_CHECKED escertke_err discover(struct discovery *f, escertke_detail *d);

#endif

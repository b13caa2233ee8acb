/* target.h - where the messages to a peer go, and under which From (R-ID-20, R-ID-24, R 4.2). */
#ifndef ESCERTKE_CLI_TARGET_H
#define ESCERTKE_CLI_TARGET_H

#include "identity.h"

struct target {
    bool is_cse;
    char address[2 * ESCERTKE_ID_MAX]; /* To */
    char from[ESCERTKE_ID_MAX + 1];    /* From */
};

/**
 * @param direct   straight to the peer's point of access: no CSE on the way completes From, so it goes as the peer's registrar
 * would pass it on; otherwise the shortest form
 * @param address  NULL: the default for @p to
 * @return OK, CONFIG (--to may be an AE or a CSE, or an address is needed)
 */
ESCERTKE_CHECKED escertke_err target_find(const struct identity *self, const char *to, bool direct, const char *address,
                                          struct target *out, escertke_detail *d);

#endif

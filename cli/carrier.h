/* carrier.h - --carrier: which carriers serve takes, and establish by one carrier or by the first that works (auto). */
#ifndef ESCERTKE_CLI_CARRIER_H
#define ESCERTKE_CLI_CARRIER_H

#include <escertke/carrier.h>

#include "options.h"

/** notify, sgn, mailbox or auto. option_check. */
bool carrier_check(const char *value, char *why, size_t cap);
/** notify, sgn or mailbox. option_check. */
bool carrier_check_one(const char *value, char *why, size_t cap);

/** The carriers in the list, added up; of an empty one notify and sgn, which cost nothing. */
unsigned carrier_sum(const struct text_list *names);

/** One handshake by this carrier; @p others_follow as in escertke_notify_params. */
typedef escertke_err (*carrier_run)(void *ctx, escertke_carrier which, bool others_follow, escertke_detail *d);

/**
 * Run by the carrier that @p name says (NULL = notify). With auto: by one after the other as long as a CSE is to blame, and what
 * works and what does not is said, in words and as {"event":"carrier","carrier","via","works","error","rsc","reason"}.
 * @param last  the last one that auto may try
 */
ESCERTKE_CHECKED escertke_err carrier_establish(const char *name, escertke_carrier last, const char *via, carrier_run run,
                                                void *ctx, escertke_detail *d);

#endif

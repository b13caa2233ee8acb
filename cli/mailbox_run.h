/* mailbox_run.h - an initiating end-point's handshake by letters: its own mailbox, where the peer's is, and looking for answers.
 */
#ifndef ESCERTKE_CLI_MAILBOX_RUN_H
#define ESCERTKE_CLI_MAILBOX_RUN_H

#include "mailbox.h"

struct mailbox_run {
    struct mailbox box;
    escertke_mailbox hand;
    char peer_box[MAILBOX_ADDRESS_MAX];
};

/**
 * Make the own mailbox and put what sends letters into the parameters of a handshake; @p r must outlive it.
 * @param address      of the peer's <AE>
 * @param patience_ms  for one answer
 * @return as mailbox_open, mailbox_find
 */
ESCERTKE_CHECKED escertke_err mailbox_run_open(struct mailbox_run *r, const struct exchange *x, const struct identity *self,
                                               const char *peer, const char *address, uint32_t patience_ms,
                                               escertke_notify_params *params, escertke_detail *d);

#endif

/* mailbox_serve.h - a terminating end-point's mailbox: threads that answer the letters that a subscription, or a look, brings. */
#ifndef ESCERTKE_CLI_MAILBOX_SERVE_H
#define ESCERTKE_CLI_MAILBOX_SERVE_H

#include "mailbox.h"

struct mailbox_server;

/** @param box  made later, by mailbox_server_open(). Everything pointed to outlives it. @return OK, NOMEM, BACKEND (threads) */
ESCERTKE_CHECKED escertke_err mailbox_server_new(escertke_terminator *terminator, const struct mailbox *box,
                                                 struct mailbox_server **out, escertke_detail *d);
/**
 * Make the mailbox at the CSE and take letters from then on; again after the CSE has forgotten it.
 * @param poa  where to be told of letters; borrowed @return as mailbox_open
 */
ESCERTKE_CHECKED escertke_err mailbox_server_open(struct mailbox_server *s, const char *poa, escertke_detail *d);
/**
 * Is the request mail, of a subscription? Then rsp is its answer, and a letter is in the hands of the threads: its answer is left
 * in its writer's mailbox. Thread-safe.
 */
bool mailbox_server_take(struct mailbox_server *s, const escertke_primitive *req, escertke_primitive *rsp);
/** Letters that are not answered yet are left. NULL allowed. */
void mailbox_server_free(struct mailbox_server *s);

#endif

/* register_poll.h - serve --polling: requests are fetched from a <pollingChannel> at the registrar, nobody need reach this
 * machine. */
#ifndef ESCERTKE_CLI_REGISTER_POLL_H
#define ESCERTKE_CLI_REGISTER_POLL_H

#include <escertke/polling.h>
#include <stdatomic.h>

#include "exchange.h"

/** Zeroed at first. */
struct poller {
    struct exchange exchange;   /* to the registrar; set by the caller */
    void (*on_lost)(void *ctx); /* the channel has gone: perhaps the <AE> has too; NULL = nobody wants to know */
    void *ctx;
    escertke_polling *polling; /* NULL: not begun */
    atomic_bool stop, up;
    char address[3 * ESCERTKE_ID_MAX]; /* polled last; of the polling thread */
};

/**
 * The <AE> at @p entity is registered (again): begin to poll, or look at once whether the channel is there. Says
 * {"event":"polling","via","address"} each time that there is one.
 * @return as escertke_polling_start
 */
ESCERTKE_CHECKED escertke_err poller_begin(struct poller *p, const char *entity, unsigned poll_s, escertke_handler_fn handler,
                                           void *handler_ctx, escertke_log log, escertke_detail *d);
/**
 * Within a second. @param keep  the channel stays; else it is deleted, so that nothing is kept there for nobody. Not begun:
 * nothing to do
 */
void poller_end(struct poller *p, bool keep);

#endif

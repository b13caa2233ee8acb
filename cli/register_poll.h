/* register_poll.h - serve --polling: requests are fetched from a <pollingChannel> at the registrar, nobody need reach this
 * machine. */
#ifndef ESCERTKE_CLI_REGISTER_POLL_H
#define ESCERTKE_CLI_REGISTER_POLL_H

#include <escertke/polling.h>
#include <pthread.h>
#include <stdatomic.h>

#include "exchange.h"

struct poller {
    struct exchange exchange;   /* to the registrar */
    void (*on_lost)(void *ctx); /* the channel has gone: perhaps the <AE> has too; NULL = nobody wants to know */
    void *ctx;
    escertke_polling *polling; /* NULL: not begun */
    atomic_bool stop, up;
    pthread_mutex_t lock;              /* of the address; initialised by poller_init() */
    char address[3 * ESCERTKE_ID_MAX]; /* polled last */
};

/** Once, before the others. */
void poller_init(struct poller *p, const struct exchange *x, void (*on_lost)(void *ctx), void *ctx);
/** Address of the channel itself. @return false: there is none */
bool poller_channel(struct poller *p, char out[3 * ESCERTKE_ID_MAX]);

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

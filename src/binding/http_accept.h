/*
 * http_accept.h - the thread that takes connections in and shares them out among the event loops. Left to themselves, event loops
 * that wait on one listening socket share unevenly: who is awake takes all that is there.
 */
#ifndef ESCERTKE_BINDING_HTTP_ACCEPT_H
#define ESCERTKE_BINDING_HTTP_ACCEPT_H

#include <escertke/base.h>
#include <microhttpd.h>

#include "binding/http_watch.h"

struct esc_acceptor;

struct esc_acceptor_config {
    int fd;                    /* listens and does not block; taken over on OK */
    unsigned limit;            /* of connections at once; who comes past it waits in the system's queue until somebody goes */
    struct MHD_Daemon *daemon; /* each of its event loops can hold @p limit connections and is never asked for more */
    struct esc_watch *watch;   /* is told of each connection that begins and ends; knows whose place may be given away */
};

/** Accept from now on. @return OK, IO, NOMEM */
ESCERTKE_CHECKED escertke_err esc_acceptor_start(const struct esc_acceptor_config *cfg, struct esc_acceptor **out);
/** Close the listening socket and end the thread; who comes now is refused by the system. NULL allowed. */
void esc_acceptor_stop(struct esc_acceptor *a);

#endif

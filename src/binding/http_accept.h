/*
 * http_accept.h - the thread that takes connections in and shares them out among the event loops. Left to themselves, event loops
 * that wait on one listening socket share unevenly: who is awake takes all that is there.
 */
#ifndef ESCERTKE_BINDING_HTTP_ACCEPT_H
#define ESCERTKE_BINDING_HTTP_ACCEPT_H

#include <escertke/base.h>
#include <microhttpd.h>

struct esc_acceptor;

/** Accept on the listening, non-blocking @p fd from now on, up to @p limit connections at once; takes fd over on OK. @return OK,
 * IO, NOMEM */
ESCERTKE_CHECKED escertke_err esc_acceptor_start(int fd, unsigned limit, struct MHD_Daemon *daemon, struct esc_acceptor **out);
/** Close the listening socket and end the thread; who comes now is refused by the system. NULL allowed. */
void esc_acceptor_stop(struct esc_acceptor *a);

#endif

/* http_listen.h - sockets that wait for others, opened here and not by a library, which keeps the reason of a failure to itself.
 */
#ifndef ESCERTKE_BINDING_HTTP_LISTEN_H
#define ESCERTKE_BINDING_HTTP_LISTEN_H

#include "binding/http_url.h"

/** Listen on the URL's host and port, without blocking. @return OK, IO */
ESCERTKE_CHECKED escertke_err esc_http_listen(const struct esc_http_url *url, int *fd, escertke_detail *d);
/** The same for datagrams. @return OK, IO */
ESCERTKE_CHECKED escertke_err esc_datagram_bind(const struct esc_http_url *url, int *fd, escertke_detail *d);
/** Port on which a listening socket is. */
uint16_t esc_http_bound_port(int fd);

#endif

/* http_source.h - the peer of a connection as a name by which it can be told from others. */
#ifndef ESCERTKE_BINDING_HTTP_SOURCE_H
#define ESCERTKE_BINDING_HTTP_SOURCE_H

#include <escertke/m2m.h>
#include <sys/socket.h>

/** Write the name of a peer, see escertke_primitive.source; "" for NULL and for what is no IP address. */
void esc_http_source(const struct sockaddr *peer, char out[ESCERTKE_SOURCE_MAX + 1]);

#endif

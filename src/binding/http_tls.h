/* http_tls.h - what libmicrohttpd leaves to its caller about https: judging the files and requiring client certificates. */
#ifndef ESCERTKE_BINDING_HTTP_TLS_H
#define ESCERTKE_BINDING_HTTP_TLS_H

#include <escertke/base.h>

struct MHD_Connection;

/** TLS 1.2 and 1.3 only, in GnuTLS's language. */
#define ESC_HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/**
 * Would a listener with these files be able to work? @param trust  PEM anchors for client certificates, empty = none wanted
 * @return OK, CREDENTIAL (unreadable, key does not fit, no anchor), NOMEM
 */
escertke_err esc_http_tls_check(escertke_span cert, escertke_span key, escertke_span trust, escertke_detail *d);

/** Before the handshake of a new connection: no certificate under the listener's anchors, no session. */
void esc_http_tls_require_client(struct MHD_Connection *connection);

#endif

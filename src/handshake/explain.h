/* explain.h - words for what the TLS library itself refused: it says little, but the peer's certificates lie in the flight. */
#ifndef ESCERTKE_HANDSHAKE_EXPLAIN_H
#define ESCERTKE_HANDSHAKE_EXPLAIN_H

#include <escertke/handshake.h>

/**
 * Fill certificate, expected, found and advice of a failure that has none, from the certificates in @p flight. Nothing is changed
 * where they cannot tell anything.
 */
void esc_explain(escertke_span flight, escertke_err err, escertke_detail *d);

#endif

/* flight.h - names of flights for people; the check itself is public (escertke_flight_classify). */
#ifndef ESCERTKE_HANDSHAKE_FLIGHT_H
#define ESCERTKE_HANDSHAKE_FLIGHT_H

#include <escertke/handshake.h>

/** e.g. "M1 (ClientHello)". Static storage. */
const char *esc_flight_name(escertke_flight f);

#endif

/* initiator.h - what the carriers need of an initiating end-point beyond its public face. */
#ifndef ESCERTKE_ENDPOINT_INITIATOR_H
#define ESCERTKE_ENDPOINT_INITIATOR_H

#include <escertke/endpoint.h>

/** A fresh request identifier: a letter and 16 hexadecimal digits of randomness. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err esc_initiator_request_id(const escertke_initiator *i, char out[18]);

#endif

/* refusal.h - from an error to what goes on the wire (R 2.5, A-09, A-10). */
#ifndef ESCERTKE_ENDPOINT_REFUSAL_H
#define ESCERTKE_ENDPOINT_REFUSAL_H

#include <escertke/endpoint.h>

/**
 * Fill the answer for a message that failed: the RSC of the error; an alert record if the error has one, else a text for m2m:dbg.
 * answer->detail must hold the failure. What may be said aloud is the peer's own fault; of local failures only that there was
 * one.
 */
void esc_refuse(escertke_err err, escertke_answer *answer);

#endif

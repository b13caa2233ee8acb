/* terminator.h - what the carriers need of a terminating end-point beyond its public face. */
#ifndef ESCERTKE_ENDPOINT_TERMINATOR_H
#define ESCERTKE_ENDPOINT_TERMINATOR_H

#include <escertke/endpoint.h>

/** Count and report (ESCERTKE_EVENT_REFUSED) a request that was answered without reaching the state machine. Thread-safe. */
void esc_terminator_note_refusal(escertke_terminator *t, escertke_span from, const escertke_detail *detail, size_t in_len);

#endif

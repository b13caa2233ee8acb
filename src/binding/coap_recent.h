/*
 * coap_recent.h - which messages have come from whom, and what answered them: a message that comes again is not taken a second
 * time (RFC 7252 4.5). Bounded: the oldest are forgotten first.
 */
#ifndef ESCERTKE_BINDING_COAP_RECENT_H
#define ESCERTKE_BINDING_COAP_RECENT_H

#include <escertke/base.h>

#include "binding/coap_peer.h"

struct esc_coap_recent;

/** @return NULL: out of memory */
struct esc_coap_recent *esc_coap_recent_new(size_t max_entries, size_t max_bytes);
void esc_coap_recent_free(struct esc_coap_recent *r);

enum esc_coap_met {
    ESC_COAP_NEW,      /* the first time in its lifetime; it is noted */
    ESC_COAP_RUNNING,  /* noted, not answered yet, or the answer was too large to be kept */
    ESC_COAP_ANSWERED, /* answered by what stands in reply, valid until the next call */
};

/** A message has come. */
enum esc_coap_met esc_coap_recent_meet(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid, uint64_t now_ms,
                                       escertke_span *reply);
/** It has been answered with this datagram. */
void esc_coap_recent_answer(struct esc_coap_recent *r, const struct esc_coap_peer *peer, uint16_t mid, escertke_span reply);

#endif

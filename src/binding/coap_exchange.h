/*
 * coap_exchange.h - a client's exchange: a request and its response, in as many messages as they need (RFC 7252 4 and 5, RFC
 * 7959).
 */
#ifndef ESCERTKE_BINDING_COAP_EXCHANGE_H
#define ESCERTKE_BINDING_COAP_EXCHANGE_H

#include "binding/coap_hop.h"
#include "binding/coap_map.h"
#include "binding/patience.h"

struct esc_coap_exchange {
    struct esc_http_url to;
    const escertke_primitive *req;
    escertke_primitive *rsp; /* cleared before the exchange */
    int code;                /* method */
    escertke_buf options;    /* of every message of it, without blocks */
    uint32_t ack_timeout_ms;
    uint64_t until_ms; /* monotonic */
    const struct esc_patience *patience;
    escertke_buf out; /* the message under way */
};

/**
 * Send and receive.
 * @param may_be_dead  the hop was kept: if nothing at all comes back after the second transmission, give it up
 * @return as escertke_coap_send(); STATE: the hop is dead, nothing has come back
 */
ESCERTKE_CHECKED escertke_err esc_coap_exchange_run(struct esc_coap_exchange *x, struct esc_coap_hop *h, bool may_be_dead,
                                                    escertke_detail *d);

#endif

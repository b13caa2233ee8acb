/* coap_hop.h - a client's way to one server: a connected UDP socket, with DTLS in it if the URL says so. For one thread at a
 * time. */
#ifndef ESCERTKE_BINDING_COAP_HOP_H
#define ESCERTKE_BINDING_COAP_HOP_H

#include "binding/coap_dtls.h"
#include "binding/coap_msg.h"
#include "binding/patience.h"

struct esc_coap_hop {
    int fd;
    struct esc_coap_session *tls; /* NULL = plain */
    struct esc_http_url to;
    uint16_t mid;     /* of the next message */
    bool heard;       /* something has come since it was taken into use */
    uint64_t used_ms; /* when it was put aside */
    struct esc_coap_hop *next;
    uint8_t raw[ESC_COAP_MESSAGE_MAX], plain[ESC_COAP_MESSAGE_MAX];
};

/**
 * Look the host up, open a socket to its address number @p which (0 = the first), shake hands.
 * @param cred  for coaps
 * @return OK, NOT_FOUND (it has not so many addresses), UNREACHABLE (no such host, DTLS failed), DEADLINE, NOMEM, IO, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_coap_hop_open(const struct esc_http_url *to, struct esc_coap_credentials *cred, size_t which,
                                                uint64_t until_ms, const struct esc_patience *p, struct esc_coap_hop **out,
                                                escertke_detail *d);
/** NULL allowed. */
void esc_coap_hop_close(struct esc_coap_hop *h);

/** @return OK, also where the datagram is lost; TOO_LARGE, UNREACHABLE */
ESCERTKE_CHECKED escertke_err esc_coap_hop_send(struct esc_coap_hop *h, escertke_span message);
/**
 * Wait for a message until this monotonic time. @return OK (valid until the next call), DEADLINE (none came), UNREACHABLE (nobody
 * has the port, or the DTLS session has ended)
 */
ESCERTKE_CHECKED escertke_err esc_coap_hop_receive(struct esc_coap_hop *h, uint64_t until_ms, escertke_span *message);

#endif

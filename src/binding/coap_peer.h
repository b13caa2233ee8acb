/* coap_peer.h - who sent a datagram: address, port and, in coaps, which DTLS session (an end-point of RFC 7252 1.2). */
#ifndef ESCERTKE_BINDING_COAP_PEER_H
#define ESCERTKE_BINDING_COAP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct esc_coap_peer {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t len;
    uint32_t session; /* number of the DTLS session; 0 = none */
};

/** Same address; of its hosts, whatever their ports, or of one end-point of it. */
bool esc_coap_peer_same_host(const struct esc_coap_peer *a, const struct esc_coap_peer *b);
bool esc_coap_peer_same_address(const struct esc_coap_peer *a, const struct esc_coap_peer *b);
bool esc_coap_peer_same(const struct esc_coap_peer *a, const struct esc_coap_peer *b);
/** For tables; the same for those that are the same. */
uint32_t esc_coap_peer_hash(const struct esc_coap_peer *p);

#endif

#include "binding/coap_peer.h"

#include <string.h>

bool esc_coap_peer_same_host(const struct esc_coap_peer *a, const struct esc_coap_peer *b)
{
    if (a->at.sa.sa_family != b->at.sa.sa_family)
        return false;
    if (a->at.sa.sa_family == AF_INET)
        return a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
    return a->at.sa.sa_family == AF_INET6 && a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id &&
           !memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof a->at.v6.sin6_addr);
}

static uint16_t port_of(const struct esc_coap_peer *p)
{
    return p->at.sa.sa_family == AF_INET ? p->at.v4.sin_port : p->at.v6.sin6_port;
}

bool esc_coap_peer_same_address(const struct esc_coap_peer *a, const struct esc_coap_peer *b)
{
    return esc_coap_peer_same_host(a, b) && port_of(a) == port_of(b);
}

bool esc_coap_peer_same(const struct esc_coap_peer *a, const struct esc_coap_peer *b)
{
    return a->session == b->session && esc_coap_peer_same_address(a, b);
}

static uint32_t add(uint32_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len--)
        hash = (hash ^ *at++) * 16777619u;
    return hash;
}

uint32_t esc_coap_peer_hash(const struct esc_coap_peer *p)
{
    uint16_t port = port_of(p);
    uint32_t hash = add(2166136261u, &port, sizeof port);

    if (p->at.sa.sa_family == AF_INET)
        return add(hash, &p->at.v4.sin_addr, sizeof p->at.v4.sin_addr) ^ p->session;
    return add(hash, &p->at.v6.sin6_addr, sizeof p->at.v6.sin6_addr) ^ p->session;
}

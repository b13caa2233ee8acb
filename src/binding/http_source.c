#include "binding/http_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define PREFIX_OCTETS                                                                                                            \
    8 /* of an IPv6 address: what a network is given at least; its hosts choose the rest, as often as they like */

static void name_v6(struct in6_addr address, char out[ESCERTKE_SOURCE_MAX + 1])
{
    if (IN6_IS_ADDR_V4MAPPED(&address)) { /* from a socket for both: the same name as from one for IPv4 */
        (void)inet_ntop(AF_INET, address.s6_addr + 12, out, ESCERTKE_SOURCE_MAX + 1);
        return;
    }
    memset(address.s6_addr + PREFIX_OCTETS, 0, sizeof address.s6_addr - PREFIX_OCTETS);
    if (inet_ntop(AF_INET6, &address, out, ESCERTKE_SOURCE_MAX + 1 - strlen("/64")))
        memcpy(out + strlen(out), "/64", sizeof "/64");
}

void esc_http_source(const struct sockaddr *peer, char out[ESCERTKE_SOURCE_MAX + 1])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    out[0] = '\0';
    if (peer && peer->sa_family == AF_INET) {
        memcpy(&v4, peer, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, out, ESCERTKE_SOURCE_MAX + 1);
    } else if (peer && peer->sa_family == AF_INET6) {
        memcpy(&v6, peer, sizeof v6);
        name_v6(v6.sin6_addr, out);
    }
}

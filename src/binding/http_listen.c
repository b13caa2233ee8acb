#include "binding/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <escertke/http.h>
#include <escertke/m2m.h>

#include "base/fail.h"

#define BACKLOG 511
/*
 * What the system may keep of one connection, octets: left to itself it lets either grow to megabytes for a peer that sends and
 * never reads. Room for a message of the greatest size.
 */
#define KERNEL_BUFFER ((int)ESCERTKE_PRIMITIVE_MAX)

static void bound_buffers(int fd)
{
    int buffer = KERNEL_BUFFER;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer); /* each accepted socket inherits both */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
}

static int try_bind(const struct addrinfo *ai)
{
    int one = 1, stream = ai->ai_socktype == SOCK_STREAM;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | (stream ? SOCK_NONBLOCK : 0), ai->ai_protocol);

    if (fd < 0)
        return -1;
    if (stream) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        bound_buffers(fd);
    }
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && (!stream || !listen(fd, BACKLOG)))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static escertke_err bind_to(const struct esc_http_url *url, int type, int *fd, escertke_detail *d)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = type }, *list;
    char port[8];
    int code, saved = 0;

    snprintf(port, sizeof port, "%u", (unsigned)url->port);
    code = getaddrinfo(url->host, port, &hints, &list);
    if (code)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot listen on %s: %s", url->host, gai_strerror(code));
    *fd = -1;
    for (struct addrinfo *ai = list; ai && *fd < 0; ai = ai->ai_next) {
        *fd = try_bind(ai);
        saved = errno;
    }
    freeaddrinfo(list);
    if (*fd < 0)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot listen on %s port %s: %s", url->host, port, strerror(saved));
    return ESCERTKE_OK;
}

escertke_err esc_http_listen(const struct esc_http_url *url, int *fd, escertke_detail *d)
{
    return bind_to(url, SOCK_STREAM, fd, d);
}

escertke_err esc_datagram_bind(const struct esc_http_url *url, int *fd, escertke_detail *d)
{
    return bind_to(url, SOCK_DGRAM, fd, d);
}

uint16_t esc_http_bound_port(int fd)
{
    struct sockaddr_storage any;
    socklen_t len = sizeof any;

    memset(&any, 0, sizeof any);
    getsockname(fd, (struct sockaddr *)&any, &len);
    if (any.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&any)->sin6_port);
    return ntohs(((struct sockaddr_in *)&any)->sin_port);
}

escertke_err escertke_http_listen(const char *listen_url, int *fd, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_err err = esc_http_url_parse(listen_url, &url, d);

    return err == ESCERTKE_OK ? esc_http_listen(&url, fd, d) : err;
}

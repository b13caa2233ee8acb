/*
 * load.c - an HTTP client that costs next to nothing, so that the server is what is measured: requests are ready before the clock
 * starts, responses are kept as they come, one thread waits for all connections.
 */
#include "bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"

enum { CONNECTIONS_MAX = 256, RESPONSE_MAX = 16384, WAIT_MS = 10000 };

struct connection {
    int fd;
    struct load_message *message; /* under way; NULL = idle */
    size_t sent, got;
    char in[RESPONSE_MAX];
};

struct load {
    int epoll;
    struct load_message *next, *end;
    size_t done, count;
    struct connection *connections;
    unsigned connection_count;
    escertke_detail *d;
};

static escertke_err io_error(escertke_detail *d, const char *what)
{
    return esc_fail(d, ESCERTKE_ERR_IO, "", "load: %s: %s", what, strerror(errno));
}

static escertke_err connect_to(uint16_t port, int *fd, escertke_detail *d)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, (struct sockaddr *)&to, sizeof to) != 0)
        return io_error(d, "connect");
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return ESCERTKE_OK;
}

/* A request fits the socket's buffer, so it goes out in one piece. */
static escertke_err send_next(struct load *l, struct connection *c)
{
    c->message = l->next < l->end ? l->next++ : NULL;
    c->got = 0;
    if (!c->message)
        return ESCERTKE_OK;
    const escertke_buf *out = &c->message->request;
    return send(c->fd, out->ptr, out->len, MSG_NOSIGNAL) == (ssize_t)out->len ? ESCERTKE_OK : io_error(l->d, "send");
}

/* Where the body of a complete response lies; false while there is more to come. */
static bool whole(const struct connection *c, size_t *body, size_t *len)
{
    const char *end = memmem(c->in, c->got, "\r\n\r\n", 4), *length;

    if (!end)
        return false;
    *body = (size_t)(end - c->in) + 4;
    length = strcasestr(c->in, "\r\nContent-Length:");
    *len = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return c->got >= *body + *len;
}

static escertke_err receive(struct load *l, struct connection *c)
{
    size_t body, len;
    ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - 1 - c->got, 0);

    if (n <= 0)
        return n == 0 ? esc_fail(l->d, ESCERTKE_ERR_HTTP, "", "load: server closed a connection") : io_error(l->d, "recv");
    c->got += (size_t)n;
    c->in[c->got] = '\0';
    if (!whole(c, &body, &len))
        return c->got < sizeof c->in - 1 ? ESCERTKE_OK : esc_fail(l->d, ESCERTKE_ERR_TOO_LARGE, "", "load: response too long");
    c->message->status = atoi(c->in + 9);
    l->done++;
    escertke_err err = escertke_buf_append(&c->message->response, c->in + body, len);
    return err == ESCERTKE_OK ? send_next(l, c) : err;
}

static escertke_err wait_and_receive(struct load *l)
{
    struct epoll_event events[CONNECTIONS_MAX];
    escertke_err err = ESCERTKE_OK;
    int n = epoll_wait(l->epoll, events, CONNECTIONS_MAX, WAIT_MS);

    if (n <= 0)
        return n == 0 ? esc_fail(l->d, ESCERTKE_ERR_DEADLINE, "", "load: no response for 10 s") : io_error(l->d, "epoll_wait");
    for (int i = 0; err == ESCERTKE_OK && i < n; i++)
        err = receive(l, events[i].data.ptr);
    return err;
}

static escertke_err open_connection(struct load *l, uint16_t port)
{
    struct connection *c = &l->connections[l->connection_count];
    struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = c } };
    escertke_err err = connect_to(port, &c->fd, l->d);

    if (c->fd >= 0)
        l->connection_count++;
    if (err != ESCERTKE_OK)
        return err;
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? ESCERTKE_OK : io_error(l->d, "epoll_ctl");
}

escertke_err load_run(uint16_t port, struct load_message *messages, size_t count, unsigned connections, escertke_detail *d)
{
    struct load l = { .epoll = epoll_create1(EPOLL_CLOEXEC), .next = messages, .end = messages + count, .count = count, .d = d };
    escertke_err err = ESCERTKE_OK;

    if (connections > CONNECTIONS_MAX)
        connections = CONNECTIONS_MAX;
    l.connections = calloc(connections, sizeof *l.connections);
    if (l.epoll < 0 || !l.connections)
        err = io_error(d, "set-up");
    while (err == ESCERTKE_OK && l.connection_count < connections)
        err = open_connection(&l, port);
    for (unsigned i = 0; err == ESCERTKE_OK && i < connections; i++)
        err = send_next(&l, &l.connections[i]);
    while (err == ESCERTKE_OK && l.done < l.count)
        err = wait_and_receive(&l);
    for (unsigned i = 0; i < l.connection_count; i++)
        close(l.connections[i].fd);
    free(l.connections);
    if (l.epoll >= 0)
        close(l.epoll);
    return err;
}

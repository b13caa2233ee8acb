/*
 * load.c - a client that costs next to nothing, so that the server is what is measured: requests are ready before the clock
 * starts, responses are kept as they come, one thread waits for all connections. What is said on them is a protocol's (way.c).
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
    bool greeted;
    struct load_message *message; /* under way; NULL = idle */
    size_t got;
    char in[RESPONSE_MAX];
};

struct load {
    const struct load_protocol *protocol;
    int epoll;
    struct load_message *next, *end;
    size_t done;
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

/* It fits the socket's buffer, so it goes out in one piece. */
static escertke_err say(struct load *l, const struct connection *c, const void *octets, size_t len)
{
    return send(c->fd, octets, len, MSG_NOSIGNAL) == (ssize_t)len ? ESCERTKE_OK : io_error(l->d, "send");
}

static escertke_err send_next(struct load *l, struct connection *c)
{
    c->message = l->next < l->end ? l->next++ : NULL;
    if (!c->message)
        return ESCERTKE_OK;
    escertke_buf *out = &c->message->request;
    size_t number = (size_t)(c - l->connections), at = c->message->number_at;
    if (at) {
        out->ptr[at] = (uint8_t)('0' + number / 10 % 10);
        out->ptr[at + 1] = (uint8_t)('0' + number % 10);
    }
    return say(l, c, out->ptr, out->len);
}

static escertke_err take(struct load *l, struct connection *c, const struct load_found *f)
{
    if (f->reply_len) {
        escertke_err err = say(l, c, f->reply, f->reply_len);
        if (err != ESCERTKE_OK)
            return err;
    }
    if (!f->response)
        return ESCERTKE_OK;
    if (!c->message)
        return esc_fail(l->d, ESCERTKE_ERR_STATE, "", "load: a response that nobody waits for");
    c->message->status = f->status;
    l->done++;
    escertke_err err = escertke_buf_append(&c->message->response, c->in + f->body, f->body_len);
    c->message = NULL;
    return err == ESCERTKE_OK ? send_next(l, c) : err;
}

/* Of what has come so far take what is whole. */
static escertke_err look(struct load *l, struct connection *c)
{
    escertke_err err = ESCERTKE_OK;

    while (err == ESCERTKE_OK && c->got) {
        struct load_found f = { .used = 0 };
        c->in[c->got] = '\0';
        if (!c->greeted)
            c->greeted = (f.used = l->protocol->greeted(c->in, c->got)) > 0;
        else
            l->protocol->find(c->in, c->got, &f);
        if (!f.used || f.used > c->got)
            return c->got < sizeof c->in - 1 ? ESCERTKE_OK
                                             : esc_fail(l->d, ESCERTKE_ERR_TOO_LARGE, "", "load: response too long");
        err = take(l, c, &f);
        memmove(c->in, c->in + f.used, c->got - f.used);
        c->got -= f.used;
    }
    return err;
}

static escertke_err receive(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - 1 - c->got, 0);

    if (n <= 0)
        return n == 0 ? esc_fail(l->d, ESCERTKE_ERR_HTTP, "", "load: server closed a connection") : io_error(l->d, "recv");
    c->got += (size_t)n;
    return look(l, c);
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

/* The connection, and what the protocol says on it before anything else. */
static escertke_err open_connection(struct load *l, uint16_t port)
{
    struct connection *c = &l->connections[l->connection_count];
    struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = c } };
    escertke_err err = connect_to(port, &c->fd, l->d);

    if (c->fd >= 0)
        l->connection_count++;
    if (err != ESCERTKE_OK)
        return err;
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        return io_error(l->d, "epoll_ctl");
    c->greeted = !l->protocol->greet;
    if (c->greeted)
        return ESCERTKE_OK;
    size_t len = l->protocol->greet(l->connection_count - 1, c->in, sizeof c->in);
    err = say(l, c, c->in, len);
    while (err == ESCERTKE_OK && !c->greeted)
        err = wait_and_receive(l);
    return err;
}

escertke_err load_open(const struct load_protocol *protocol, uint16_t port, unsigned connections, struct load **out,
                       escertke_detail *d)
{
    struct load *l = calloc(1, sizeof *l);
    escertke_err err = ESCERTKE_OK;

    *out = l;
    if (!l)
        return ESCERTKE_ERR_NOMEM;
    if (connections > CONNECTIONS_MAX)
        connections = CONNECTIONS_MAX;
    l->protocol = protocol;
    l->d = d;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->connections = calloc(connections, sizeof *l->connections);
    if (l->epoll < 0 || !l->connections)
        err = io_error(d, "set-up");
    while (err == ESCERTKE_OK && l->connection_count < connections)
        err = open_connection(l, port);
    return err;
}

escertke_err load_run(struct load *l, struct load_message *messages, size_t count)
{
    escertke_err err = ESCERTKE_OK;

    l->next = messages;
    l->end = messages + count;
    l->done = 0;
    for (unsigned i = 0; err == ESCERTKE_OK && i < l->connection_count; i++)
        err = send_next(l, &l->connections[i]);
    while (err == ESCERTKE_OK && l->done < count)
        err = wait_and_receive(l);
    return err;
}

void load_close(struct load *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->connection_count; i++)
        close(l->connections[i].fd);
    free(l->connections);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l);
}

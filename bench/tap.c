/* tap.c - a port of loopback behind which there is another: what goes through is counted, and passed on as it came. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "bench/bench.h"

enum { PAIRS = 8, PIECE = 65536, SILENCE_MS = 30, LOOK_MS = 5 };

/* The client's side of a connection, and the server's. */
struct pair {
    int fds[2]; /* -1: unused */
};

struct tap {
    bool datagrams;
    int wake, near; /* near: listener, or of datagrams the socket itself */
    struct sockaddr_in to, from;
    struct pair pairs[PAIRS];
    pthread_t thread;
    bool running;
    atomic_uint_fast64_t octets[2], pieces;
};

static int new_socket(const struct tap *t)
{
    int on = 1, fd = socket(AF_INET, (t->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

    if (fd >= 0 && !t->datagrams)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int connected(const struct tap *t)
{
    int fd = new_socket(t);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&t->to, sizeof t->to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void drop(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        if (p->fds[i] >= 0)
            close(p->fds[i]);
        p->fds[i] = -1;
    }
}

static void take_connection(struct tap *t)
{
    int on = 1, fd = accept(t->near, NULL, NULL);
    struct pair *p = t->pairs;

    while (p < t->pairs + PAIRS && p->fds[0] >= 0)
        p++;
    if (fd < 0 || p == t->pairs + PAIRS || (p->fds[1] = connected(t)) < 0) {
        if (fd >= 0)
            close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->fds[0] = fd;
}

static ssize_t say(const struct tap *t, int fd, const void *octets, size_t len)
{
    if (t->datagrams && fd == t->near)
        return sendto(fd, octets, len, 0, (const struct sockaddr *)&t->from, sizeof t->from);
    return send(fd, octets, len, MSG_NOSIGNAL);
}

/* @return false: one of both sides has gone */
static bool pass(struct tap *t, const struct pair *p, int side)
{
    uint8_t octets[PIECE];
    socklen_t len = sizeof t->from;
    ssize_t n = t->datagrams && side == 0 ? recvfrom(p->fds[0], octets, sizeof octets, 0, (struct sockaddr *)&t->from, &len)
                                          : recv(p->fds[side], octets, sizeof octets, 0);

    if (n <= 0)
        return t->datagrams;
    atomic_fetch_add(&t->octets[side], (uint_fast64_t)n);
    atomic_fetch_add(&t->pieces, 1);
    for (ssize_t at = 0, sent; at < n; at += sent)
        if ((sent = say(t, p->fds[!side], octets + at, (size_t)(n - at))) <= 0)
            return t->datagrams;
    return true;
}

static void *forward(void *arg)
{
    struct tap *t = arg;

    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS] = { { t->wake, POLLIN, 0 }, { t->datagrams ? -1 : t->near, POLLIN, 0 } };
        for (size_t i = 0; i < (size_t)2 * PAIRS; i++)
            fds[2 + i] = (struct pollfd){ t->pairs[i / 2].fds[i % 2], POLLIN, 0 };
        if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents)
            return NULL;
        for (size_t i = 0; i < (size_t)2 * PAIRS; i++)
            if (fds[2 + i].revents && t->pairs[i / 2].fds[0] >= 0 && !pass(t, &t->pairs[i / 2], (int)(i % 2)))
                drop(&t->pairs[i / 2]);
        if (fds[1].revents)
            take_connection(t);
    }
}

static bool open_sockets(struct tap *t, uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;

    t->wake = eventfd(0, EFD_CLOEXEC);
    t->near = new_socket(t);
    if (t->wake < 0 || t->near < 0 || bind(t->near, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(t->near, (struct sockaddr *)&at, &len) != 0)
        return false;
    *port = ntohs(at.sin_port);
    if (!t->datagrams)
        return listen(t->near, PAIRS) == 0;
    t->pairs[0] = (struct pair){ { t->near, connected(t) } };
    return t->pairs[0].fds[1] >= 0;
}

escertke_err tap_open(bool datagrams, uint16_t to, struct tap **out, uint16_t *port, escertke_detail *d)
{
    struct tap *t = calloc(1, sizeof *t);

    *out = t;
    if (!t)
        return ESCERTKE_ERR_NOMEM;
    t->datagrams = datagrams;
    t->wake = t->near = -1;
    t->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(to), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    for (size_t i = 0; i < PAIRS; i++)
        t->pairs[i] = (struct pair){ { -1, -1 } };
    t->running = open_sockets(t, port) && pthread_create(&t->thread, NULL, forward, t) == 0;
    return t->running ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_IO, "", "bench: no socket to count at: %s", strerror(errno));
}

void tap_read(struct tap *t, struct tap_counts *out)
{
    *out = (struct tap_counts){ .up = atomic_load(&t->octets[0]),
                                .down = atomic_load(&t->octets[1]),
                                .pieces = atomic_load(&t->pieces) };
}

void tap_wait(struct tap *t)
{
    const struct timespec moment = { .tv_nsec = LOOK_MS * 1000000L };
    uint64_t before = atomic_load(&t->pieces);

    for (int silent_ms = 0; silent_ms < SILENCE_MS; silent_ms += LOOK_MS) {
        nanosleep(&moment, NULL);
        uint64_t now = atomic_load(&t->pieces);
        if (now != before)
            silent_ms = 0;
        before = now;
    }
}

void tap_close(struct tap *t)
{
    const uint64_t one = 1;

    if (!t)
        return;
    if (t->running && write(t->wake, &one, sizeof one) == sizeof one)
        pthread_join(t->thread, NULL);
    for (size_t i = 0; i < PAIRS; i++)
        drop(&t->pairs[i]);
    if (t->near >= 0 && !t->datagrams)
        close(t->near);
    if (t->wake >= 0)
        close(t->wake);
    free(t);
}

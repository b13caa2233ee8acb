/* http_support.h - raw sockets for the tests of the HTTP binding: what a well-behaved library would never send. */
#ifndef HTTP_SUPPORT_H
#define HTTP_SUPPORT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <escertke/http.h>

#include "binding_support.h"

#define PATIENCE_S 20 /* how long a test waits for what must come */

static inline void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

static inline uint16_t port_of(const char *url)
{
    const char *colon = strrchr(url, ':');

    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* -1: nobody listens */
static inline int raw_try_connect(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval patience = { PATIENCE_S, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static inline int raw_connect(uint16_t port)
{
    int fd = raw_try_connect(port);

    assert_true(fd >= 0);
    return fd;
}

static inline bool raw_write(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static inline void raw_send(int fd, const char *text)
{
    assert_true(raw_write(fd, text, strlen(text)));
}

/* Case-insensitive search of a header line in a message; its value up to the end of line goes to out. */
static inline bool header_of(const char *message, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);

    for (const char *line = strstr(message, "\r\n"); line && strncmp(line, "\r\n\r\n", 4) != 0; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        const char *value = line + 3 + len + strspn(line + 3 + len, " ");
        snprintf(out, cap, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}

/* One response (head and Content-Length bytes) into text. @return its status, 0 when the connection ended before */
static inline int raw_response(int fd, char *text, size_t cap)
{
    size_t have = 0;
    char length[32];

    for (;;) {
        char *body;
        text[have] = '\0';
        body = strstr(text, "\r\n\r\n");
        if (body && (!header_of(text, "Content-Length", length, sizeof length) ||
                     have >= (size_t)(body + 4 - text) + strtoul(length, NULL, 10)))
            return atoi(text + 9);
        assert_true(have + 1 < cap);
        ssize_t n = recv(fd, text + have, cap - have - 1, 0);
        if (n < 0 && errno == EAGAIN)
            fail_msg("nothing came in %d s", PATIENCE_S);
        if (n <= 0)
            return 0;
        have += (size_t)n;
    }
}

/* Has the other side closed, after whatever it still sends? */
static inline bool raw_closed(int fd)
{
    char sink[512];
    ssize_t n;

    while ((n = recv(fd, sink, sizeof sink, 0)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

/* ---- a server that sends what it is told ------------------------------------------------------------------- */

struct canned {
    const char *answer; /* NULL = close without a word */
    size_t len;         /* 0 = strlen(answer) */
    long delay_ms;      /* before the answer */
    bool stay;          /* keep the connection open until canned_stop() */
    int fd;
    uint16_t port;
    pthread_t thread;
    char request[8192]; /* what arrived, head and body */
    int stop[2];
};

static inline void canned_read_request(struct canned *c, int fd)
{
    size_t have = 0;
    char length[32];

    for (;;) {
        ssize_t n = recv(fd, c->request + have, sizeof c->request - have - 1, 0);
        if (n <= 0)
            return;
        have += (size_t)n;
        c->request[have] = '\0';
        char *body = strstr(c->request, "\r\n\r\n");
        if (body && (!header_of(c->request, "Content-Length", length, sizeof length) ||
                     have >= (size_t)(body + 4 - c->request) + strtoul(length, NULL, 10)))
            return;
    }
}

static inline void *canned_run(void *arg)
{
    struct canned *c = arg;
    int fd = accept(c->fd, NULL, NULL);
    char unused;

    if (fd < 0)
        return NULL;
    canned_read_request(c, fd);
    if (c->delay_ms)
        pause_ms(c->delay_ms);
    if (c->answer)
        raw_write(fd, c->answer, c->len ? c->len : strlen(c->answer));
    if (c->stay && read(c->stop[0], &unused, 1) < 0)
        perror("read");
    close(fd);
    return NULL;
}

static inline void canned_start(struct canned *c)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(c->fd, 5), 0);
    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&at, &len), 0);
    c->port = ntohs(at.sin_port);
    assert_int_equal(pipe(c->stop), 0);
    assert_int_equal(pthread_create(&c->thread, NULL, canned_run, c), 0);
}

static inline void canned_stop(struct canned *c)
{
    close(c->stop[1]);
    shutdown(c->fd, SHUT_RDWR);
    pthread_join(c->thread, NULL);
    close(c->stop[0]);
    close(c->fd);
}

#endif

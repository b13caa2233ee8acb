#include "ws_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_HEADER "Sec-WebSocket-Key: "
#define EXTENDED 126 /* a length of two octets follows; 127: of eight */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int ws_peer_connect(unsigned port)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int ws_peer_listen(unsigned *port)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static bool readable(int fd, int ms)
{
    return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, ms) == 1;
}

int ws_peer_accept(int listener)
{
    if (!readable(listener, PATIENCE_MS))
        fail_msg("nobody connects");
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

bool ws_peer_say(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        if (poll(&p, 1, PATIENCE_MS) != 1)
            fail_msg("what is sent is not taken");
        ssize_t got = send(fd, (const uint8_t *)data + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN)
            return false;
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}


static bool octets(int fd, void *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        if (!readable(fd, PATIENCE_MS))
            fail_msg("waited in vain for %zu octets", len - done);
        ssize_t got = recv(fd, (uint8_t *)out + done, len - done, 0);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* ---- handshakes ----------------------------------------------------------------------------------------------- */

/* @return false: the connection ended before the empty line */
static bool read_head(int fd, char *out, size_t cap)
{
    size_t len = 0;

    for (out[0] = '\0'; !strstr(out, "\r\n\r\n"); out[len] = '\0') {
        assert_true(len + 1 < cap);
        if (!octets(fd, out + len++, 1))
            return false;
    }
    return true;
}

int ws_peer_ask(int fd, const char *head, char *answer, size_t cap)
{
    char own[2000];
    int status = 0;

    if (!answer) {
        answer = own;
        cap = sizeof own;
    }
    (void)ws_peer_say(fd, head, strlen(head));
    if (!read_head(fd, answer, cap))
        return 0;
    if (sscanf(answer, "HTTP/1.%*[01] %3d ", &status) != 1)
        fail_msg("no answer of HTTP: %s", answer);
    return status;
}

int ws_peer_open(unsigned port, const char *path, const char *subprotocol)
{
    char head[600];
    int fd = ws_peer_connect(port);

    snprintf(head, sizeof head,
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             KEY_HEADER "AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", path, subprotocol);
    assert_int_equal(ws_peer_ask(fd, head, NULL, 0), 101);
    return fd;
}

void ws_peer_heard(int fd, char *head, size_t cap)
{
    assert_true(read_head(fd, head, cap));
}

void ws_peer_welcome(int fd, const char *head, const char *subprotocol)
{
    char text[200], answer[600];
    uint8_t digest[EVP_MAX_MD_SIZE], accept[EVP_MAX_MD_SIZE * 2];
    unsigned len = 0;
    const char *key = strstr(head, KEY_HEADER);

    assert_non_null(key);
    key += strlen(KEY_HEADER);
    snprintf(text, sizeof text, "%.*s" GUID, (int)strcspn(key, "\r"), key);
    assert_int_equal(EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL), 1);
    (void)EVP_EncodeBlock(accept, digest, (int)len);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
             (const char *)accept, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "", subprotocol ? "\r\n" : "");
    assert_true(ws_peer_say(fd, answer, strlen(answer)));
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

bool ws_peer_frame(int fd, int first, const void *data, size_t len, bool masked)
{
    static const uint8_t mask[4] = { 0x5a, 0x00, 0xc3, 0x17 };
    static uint8_t out[400000];
    size_t at = 0;

    assert_true(len + 14 <= sizeof out);
    out[at++] = (uint8_t)first;
    out[at++] = (uint8_t)((masked ? 0x80 : 0) | (len < EXTENDED ? len : len < 65536 ? EXTENDED : EXTENDED + 1));
    for (int i = len < EXTENDED ? 0 : len < 65536 ? 2 : 8; i > 0; i--)
        out[at++] = (uint8_t)((uint64_t)len >> (8 * (i - 1)));
    if (masked)
        memcpy(out + at, mask, 4);
    at += masked ? 4 : 0;
    for (size_t i = 0; i < len; i++)
        out[at + i] = (uint8_t)(((const uint8_t *)data)[i] ^ (masked ? mask[i % 4] : 0));
    return ws_peer_say(fd, out, at + len);
}

bool ws_peer_next(int fd, struct ws_frame *f)
{
    uint8_t head[2], size[8], mask[4] = { 0 };

    if (!octets(fd, head, 2))
        return false;
    f->first = head[0];
    f->masked = (head[1] & 0x80) != 0;
    f->len = head[1] & 0x7f;
    size_t more = f->len < EXTENDED ? 0 : f->len == EXTENDED ? 2 : 8;
    if (!octets(fd, size, more))
        return false;
    for (size_t i = 0; i < more; i++)
        f->len = (i ? f->len << 8 : 0) | size[i];
    assert_true(f->len < sizeof f->data);
    if ((f->masked && !octets(fd, mask, 4)) || !octets(fd, f->data, f->len))
        return false;
    for (size_t i = 0; f->masked && i < f->len; i++)
        f->data[i] ^= mask[i % 4];
    f->data[f->len] = '\0';
    return true;
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int ws_peer_end(int fd, unsigned ms)
{
    static struct ws_frame f;
    long until = now_ms() + (long)ms;
    int code = WS_ENDED;
    uint8_t peeked;

    for (;;) {
        long left = until - now_ms();
        if (left <= 0 || !readable(fd, (int)left))
            return WS_STILL_OPEN;
        if (recv(fd, &peeked, 1, MSG_PEEK) <= 0 || !ws_peer_next(fd, &f))
            return code;
        if (f.first != (WS_FIN | WS_CLOSE))
            continue;
        code = f.len >= 2 ? f.data[0] << 8 | f.data[1] : 1005;
        (void)ws_peer_frame(fd, WS_FIN | WS_CLOSE, f.data, f.len < 2 ? 0 : 2, !f.masked);
    }
}

void ws_peer_close(int fd)
{
    close(fd);
}

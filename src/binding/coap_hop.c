#include "binding/coap_hop.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <escertke/binding.h>

#include "base/fail.h"
#include "base/memory.h"

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* Sending to a port that nobody has is told by the next call on the socket, whichever that is. */
static bool nobody_there(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
}

static void push(void *ctx, escertke_span datagram)
{
    const struct esc_coap_hop *h = ctx;

    if (send(h->fd, datagram.ptr, datagram.len, MSG_NOSIGNAL) < 0 && nobody_there(errno))
        (void)send(h->fd, datagram.ptr, datagram.len, MSG_NOSIGNAL); /* the error was that of an earlier one */
}

/* One datagram. @return OK, DEADLINE, UNREACHABLE */
static escertke_err receive_raw(struct esc_coap_hop *h, uint64_t until_ms, escertke_span *out)
{
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd p = { .fd = h->fd, .events = POLLIN };
        uint64_t left = until_ms > now ? until_ms - now : 0;
        int ready = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        ssize_t n = ready > 0 ? recv(h->fd, h->raw, sizeof h->raw, MSG_DONTWAIT) : -1;

        if (n >= 0) {
            *out = (escertke_span){ h->raw, (size_t)n };
            return ESCERTKE_OK;
        }
        if (ready > 0 && nobody_there(errno))
            return ESCERTKE_ERR_UNREACHABLE;
        if (ready <= 0 && now_ms() >= until_ms)
            return ESCERTKE_ERR_DEADLINE;
    }
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static escertke_err connect_to(struct esc_coap_hop *h, size_t which, escertke_detail *d)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *list, *ai;
    char port[8];
    escertke_err err = ESCERTKE_OK;

    snprintf(port, sizeof port, "%u", (unsigned)h->to.port);
    int code = getaddrinfo(h->to.host, port, &hints, &list);
    if (code == EAI_MEMORY)
        return ESCERTKE_ERR_NOMEM;
    if (code)
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "%s: %s", h->to.host, gai_strerror(code));
    for (ai = list; ai && which; which--)
        ai = ai->ai_next;
    if (!ai) {
        err = ESCERTKE_ERR_NOT_FOUND;
    } else {
        h->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
        if (h->fd < 0)
            err = esc_fail(d, ESCERTKE_ERR_IO, "", "no socket: %s", strerror(errno));
        else if (connect(h->fd, ai->ai_addr, ai->ai_addrlen) != 0)
            err = ESCERTKE_ERR_UNREACHABLE; /* no route; another address may have one */
    }
    freeaddrinfo(list);
    return err;
}

static escertke_err shake_hands(struct esc_coap_hop *h, struct esc_coap_credentials *cred, uint64_t until_ms,
                                const struct esc_patience *p, escertke_detail *d)
{
    escertke_span datagram = { NULL, 0 };
    escertke_err err = esc_coap_session_connect(cred, &h->to, push, h, &h->tls);

    while (err == ESCERTKE_OK && (err = esc_coap_session_handshake(h->tls, datagram, d)) == ESCERTKE_ERR_STATE) {
        uint64_t again_ms = now_ms() + esc_coap_session_wait_ms(h->tls);

        datagram.len = 0;
        if (again_ms > until_ms)
            again_ms = until_ms;
        do
            err = receive_raw(h, esc_patience_next(p, now_ms(), again_ms), &datagram);
        while (err == ESCERTKE_ERR_DEADLINE && now_ms() < again_ms && !esc_patience_ended(p));
        if (esc_patience_ended(p))
            return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "given up");
        if (err == ESCERTKE_ERR_DEADLINE && now_ms() < until_ms)
            err = ESCERTKE_OK;
    }
    return err;
}

escertke_err esc_coap_hop_open(const struct esc_http_url *to, struct esc_coap_credentials *cred, size_t which, uint64_t until_ms,
                               const struct esc_patience *p, struct esc_coap_hop **out, escertke_detail *d)
{
    struct esc_coap_hop *h = esc_zalloc(sizeof *h);
    escertke_err err;

    *out = NULL;
    if (!h)
        return ESCERTKE_ERR_NOMEM;
    h->to = *to;
    h->fd = -1;
    if (getrandom(&h->mid, sizeof h->mid, 0) != (ssize_t)sizeof h->mid)
        err = esc_fail(d, ESCERTKE_ERR_IO, "", "no random numbers");
    else
        err = connect_to(h, which, d);
    if (err == ESCERTKE_OK && to->https)
        err = shake_hands(h, cred, until_ms, p, d);
    if (err == ESCERTKE_OK)
        *out = h;
    else
        esc_coap_hop_close(h);
    return err;
}

void esc_coap_hop_close(struct esc_coap_hop *h)
{
    if (!h)
        return;
    esc_coap_session_free(h->tls);
    if (h->fd >= 0)
        close(h->fd);
    esc_release(h);
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

escertke_err esc_coap_hop_send(struct esc_coap_hop *h, escertke_span message)
{
    if (h->tls)
        return esc_coap_session_send(h->tls, message);
    push(h, message);
    return ESCERTKE_OK;
}

escertke_err esc_coap_hop_receive(struct esc_coap_hop *h, uint64_t until_ms, escertke_span *message)
{
    escertke_err err;
    size_t len;

    for (;;) {
        if ((err = receive_raw(h, until_ms, message)) != ESCERTKE_OK)
            return err;
        if (!h->tls) {
            h->heard = true;
            return ESCERTKE_OK;
        }
        err = esc_coap_session_open(h->tls, *message, h->plain, sizeof h->plain, &len);
        if (err == ESCERTKE_OK) {
            h->heard = true;
            *message = (escertke_span){ h->plain, len };
        }
        if (err != ESCERTKE_ERR_STATE)
            return err;
    }
}

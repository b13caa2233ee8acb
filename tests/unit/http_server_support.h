/* http_server_support.h - a server that says what it was asked, and how to ask it; shared by the tests of the server. */
#ifndef HTTP_SERVER_SUPPORT_H
#define HTTP_SERVER_SUPPORT_H

#include <stdatomic.h>

#include "http_support.h"

static atomic_uint handled, inside, most_inside;
static atomic_long sleep_ms;
static atomic_bool held; /* handlers wait until the test lets them go */

/* Answers with what it was asked, so that the test sees what arrived. */
static inline void echo(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    static const int codes[] = { 0, ESCERTKE_RSC_CREATED, 2000, ESCERTKE_RSC_UPDATED, ESCERTKE_RSC_DELETED, 2000 };
    unsigned here = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);
    char text[600];
    int len;

    (void)ctx;
    while (here > most && !atomic_compare_exchange_weak(&most_inside, &most, here))
        ;
    if (atomic_load(&sleep_ms))
        pause_ms(atomic_load(&sleep_ms));
    while (atomic_load(&held))
        pause_ms(1);
    rsp->rsc = now.unix_s > 0 && now.mono_ms > 0 ? codes[req->op] : 5000;
    len = snprintf(text, sizeof text, "op=%d ty=%d to=%.100s fr=%.100s atrl=%s rcn=%d in=%zu", (int)req->op, req->ty,
                   req->to ? req->to : "-", req->fr ? req->fr : "-", req->atrl ? req->atrl : "-", req->rcn, req->content.len);
    if (escertke_buf_append(&rsp->content, text, (size_t)len) != ESCERTKE_OK)
        rsp->rsc = 5000;
    atomic_fetch_sub(&inside, 1);
    atomic_fetch_add(&handled, 1);
}

static inline escertke_http_server *start_with(escertke_http_server_config cfg)
{
    escertke_http_server *s = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    atomic_store(&handled, 0);
    atomic_store(&most_inside, 0);
    atomic_store(&sleep_ms, 0);
    atomic_store(&held, false);
    if (!cfg.handler)
        cfg.handler = echo;
    if (!cfg.listen)
        cfg.listen = "http://127.0.0.1:0";
    expect_err(cfg.listen, escertke_http_server_start(&cfg, &s, &d), ESCERTKE_OK, &d);
    return s;
}

static inline escertke_http_client *new_client(void)
{
    const escertke_http_client_config cfg = { .timeout_ms = PATIENCE_S * 1000 };
    escertke_http_client *c = NULL;

    assert_int_equal(escertke_http_client_new(&cfg, &c), ESCERTKE_OK);
    return c;
}

static inline uint16_t port(const escertke_http_server *s)
{
    return port_of(escertke_http_server_url(s));
}

/* Connect, send, take the response: its status; the whole of it in text. */
static inline int ask(const escertke_http_server *s, const char *request, char *text, size_t cap)
{
    int fd = raw_connect(port(s));
    int status;

    raw_send(fd, request);
    status = raw_response(fd, text, cap);
    close(fd);
    return status;
}

static inline void expect_header(const char *text, const char *name, const char *value)
{
    char found[200];

    expect_text(name, header_of(text, name, found, sizeof found) ? found : NULL, value);
}

#define HEAD "Host: x\r\nX-M2M-Origin: C1\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\n"

#endif

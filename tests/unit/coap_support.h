/* coap_support.h - raw datagrams for the tests of the CoAP binding: what a well-behaved library would never send. */
#ifndef COAP_SUPPORT_H
#define COAP_SUPPORT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <escertke/coap.h>

#include "binding/coap_map.h"

#include "binding_support.h"

#define PATIENCE_S 20 /* how long a test waits for what must come */

static inline void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

static inline uint16_t port_of(const char *url)
{
    return (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10);
}

static inline void set_patience(int fd, long ms)
{
    const struct timeval patience = { ms / 1000, ms % 1000 * 1000 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

/* A socket that talks to this port of 127.0.0.1; 0: bound to any port, *port says which. */
static inline int udp_socket(uint16_t to, uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(to ? connect(fd, (struct sockaddr *)&at, sizeof at) : bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    if (port) {
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
        *port = ntohs(at.sin_port);
    }
    set_patience(fd, PATIENCE_S * 1000);
    return fd;
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

struct option_text {
    unsigned number;
    const char *value;
};

/* A message to be sent; options in ascending order, NULL ends them. */
struct sent {
    enum esc_coap_type type;
    int code;
    uint16_t mid;
    const char *token;
    size_t token_len; /* 0 = strlen */
    struct option_text options[12];
    int64_t block1, block2; /* 0 = none; else the value of the option plus 1 */
    const char *payload;
    size_t payload_len; /* 0 = strlen */
};

#define NO_BLOCK 0
#define BLOCK(num, more, szx) (1 + ((int64_t)(num) << 4 | ((more) ? 8 : 0) | (szx)))

static inline size_t encode(const struct sent *m, uint8_t *out, size_t cap)
{
    struct esc_coap_msg msg = { .type = m->type, .code = m->code, .mid = m->mid };
    struct esc_coap_extra extra[2];
    struct esc_coap_writer w;
    escertke_buf options, bytes;
    size_t extras = 0, len;

    escertke_buf_init(&options, 8192);
    escertke_buf_init(&bytes, 65535);
    w = (struct esc_coap_writer){ .out = &options };
    for (size_t i = 0; i < 12 && m->options[i].value; i++)
        esc_coap_add(&w, m->options[i].number, text_span(m->options[i].value));
    assert_int_equal(w.err, ESCERTKE_OK);
    if (m->block2)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK2, (uint32_t)(m->block2 - 1) };
    if (m->block1)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK1, (uint32_t)(m->block1 - 1) };
    if (m->token) {
        msg.token_len = m->token_len ? m->token_len : strlen(m->token);
        memcpy(msg.token, m->token, msg.token_len);
    }
    msg.options = escertke_buf_span(&options);
    if (m->payload)
        msg.payload = (escertke_span){ (const uint8_t *)m->payload, m->payload_len ? m->payload_len : strlen(m->payload) };
    assert_int_equal(esc_coap_write(&msg, extra, extras, &bytes), ESCERTKE_OK);
    len = bytes.len;
    assert_true(len <= cap);
    memcpy(out, bytes.ptr, len);
    escertke_buf_free(&bytes);
    escertke_buf_free(&options);
    return len;
}

static inline void send_msg(int fd, const struct sent *m)
{
    uint8_t bytes[8192];
    size_t len = encode(m, bytes, sizeof bytes);

    assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
}

/* What came, in its parts; raw holds it. */
struct came {
    uint8_t raw[65536];
    size_t len;
    struct esc_coap_msg m;
    int rsc;
    long block1, block2; /* -1 = none */
    long format, max_age;
    char rqi[300], token[9];
};

static inline bool try_receive(int fd, struct came *c)
{
    struct esc_coap_options it;
    struct esc_coap_option o;
    ssize_t n = recv(fd, c->raw, sizeof c->raw, 0);
    uint32_t v = 0;

    if (n < 0)
        return false;
    c->len = (size_t)n;
    assert_int_equal(esc_coap_parse((escertke_span){ c->raw, c->len }, &c->m), ESCERTKE_OK);
    c->rsc = 0;
    c->block1 = c->block2 = c->format = c->max_age = -1;
    c->rqi[0] = '\0';
    snprintf(c->token, sizeof c->token, "%.*s", (int)c->m.token_len, (const char *)c->m.token);
    for (it = (struct esc_coap_options){ .rest = c->m.options }; esc_coap_option_next(&it, &o);) {
        if (o.value.len <= 4)
            (void)esc_coap_uint(o.value, 4, &v);
        if (o.number == 307)
            c->rsc = (int)v;
        else if (o.number == ESC_COAP_BLOCK1)
            c->block1 = (long)v;
        else if (o.number == ESC_COAP_BLOCK2)
            c->block2 = (long)v;
        else if (o.number == ESC_COAP_CONTENT_FORMAT)
            c->format = (long)v;
        else if (o.number == ESC_COAP_MAX_AGE)
            c->max_age = (long)v;
        else if (o.number == 283)
            snprintf(c->rqi, sizeof c->rqi, "%.*s", (int)o.value.len, (const char *)o.value.ptr);
    }
    return true;
}

static inline void receive(int fd, struct came *c)
{
    if (!try_receive(fd, c))
        fail_msg("nothing came in %d s", PATIENCE_S);
}

/* Nothing comes for so long. */
static inline void expect_silence(int fd, long ms)
{
    struct came c;

    set_patience(fd, ms);
    assert_false(try_receive(fd, &c));
    set_patience(fd, PATIENCE_S * 1000);
}

/* ---- a server ---------------------------------------------------------------------------------------------- */

static atomic_uint handled;
static atomic_long sleep_ms;
static atomic_size_t answer_len; /* of the handler's answer; 0 = words on what it was asked */
static atomic_bool held;         /* handlers wait until the test lets them go */

static inline void echo(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    static const int codes[] = { 0, ESCERTKE_RSC_CREATED, 2000, ESCERTKE_RSC_UPDATED, ESCERTKE_RSC_DELETED, 2000 };
    char text[600];
    size_t len = atomic_load(&answer_len);
    uint8_t *at;

    (void)ctx;
    if (atomic_load(&sleep_ms))
        pause_ms(atomic_load(&sleep_ms));
    while (atomic_load(&held))
        pause_ms(1);
    rsp->rsc = now.unix_s > 0 && now.mono_ms > 0 ? codes[req->op] : 5000;
    unsigned sum = 0;
    for (size_t i = 0; i < req->content.len; i++)
        sum = sum * 31 + req->content.ptr[i];
    if (req->rqi && !strcmp(req->rqi, "json")) {
        assert_int_equal(escertke_buf_append(&rsp->content, "{\"m2m:dbg\":\"x\"}", 15), ESCERTKE_OK);
    } else if (len) {
        assert_int_equal(escertke_buf_reserve(&rsp->content, len, &at), ESCERTKE_OK);
        for (size_t i = 0; i < len; i++)
            at[i] = (uint8_t)('a' + (i / 7) % 26);
        rsp->content.len = len;
    } else {
        snprintf(text, sizeof text, "op=%d to=%.100s fr=%.100s in=%zu/%u from=%s", (int)req->op, req->to ? req->to : "-",
                 req->fr ? req->fr : "-", req->content.len, sum % 10000, req->source);
        assert_int_equal(escertke_buf_append(&rsp->content, text, strlen(text)), ESCERTKE_OK);
    }
    atomic_fetch_add(&handled, 1);
}

static inline escertke_coap_server *start_with(escertke_coap_server_config cfg)
{
    escertke_coap_server *s = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    atomic_store(&handled, 0);
    atomic_store(&sleep_ms, 0);
    atomic_store(&answer_len, 0);
    atomic_store(&held, false);
    if (!cfg.handler)
        cfg.handler = echo;
    if (!cfg.listen)
        cfg.listen = "coap://127.0.0.1:0";
    expect_err(cfg.listen, escertke_coap_server_start(&cfg, &s, &d), ESCERTKE_OK, &d);
    return s;
}

static inline int connect_to(const escertke_coap_server *s)
{
    return udp_socket(port_of(escertke_coap_server_url(s)), NULL);
}

#define TO { 11, "x" }
#define JSON { 12, "\x32" }
#define FR { 279, "C1" }
#define RQI { 283, "r1" }

#endif

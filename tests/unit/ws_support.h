/* ws_support.h - a server and clients of this process, and what is asked of them; shared by the tests of the WebSocket binding. */
#ifndef WS_SUPPORT_H
#define WS_SUPPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <escertke/ws.h>

#include "binding_support.h"
#include "ws_peer.h"

#define PATIENCE_MS 20000u
#define CSE "//sp.org/in1"
#define METER "//sp.org/in1/Cmeter"
#define SECI "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAAA=\"}}"

static inline void pause_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

static inline uint64_t mono_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* Wait for what another thread does; ends the test if it does not come. */
#define eventually(condition)                                       \
    do {                                                            \
        for (uint64_t give_up = mono_ms() + PATIENCE_MS; !(condition);) { \
            if (mono_ms() > give_up)                                  \
                fail_msg("waited in vain for: %s", #condition);     \
            pause_ms(2);                                            \
        }                                                           \
    } while (0)

/* ---- a handler that says what it was asked -------------------------------------------------------------------- */

static atomic_uint entered, handled;
static atomic_bool held; /* handlers wait until the test lets them go */
static atomic_size_t answer_octets; /* of an answer's text, 0 = few */

static inline void echo(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    char text[400];

    (void)now;
    atomic_fetch_add(&entered, 1);
    while (atomic_load(&held))
        pause_ms(1);
    rsp->rsc = ctx ? *(const int *)ctx : 2000;
    int len = snprintf(text, sizeof text, "{\"m2m:dbg\":\"op=%d to=%.80s fr=%.80s in=%zu\"}", (int)req->op, req->to ? req->to : "-",
                       req->fr ? req->fr : "-", req->content.len);
    assert_int_equal(escertke_buf_append(&rsp->content, text, (size_t)len - 2), ESCERTKE_OK);
    for (size_t more = atomic_load(&answer_octets); more > rsp->content.len;)
        assert_int_equal(escertke_buf_append(&rsp->content, "................................", 32), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&rsp->content, "\"}", 2), ESCERTKE_OK);
    atomic_fetch_add(&handled, 1);
}

static inline int reset(void **state)
{
    (void)state;
    atomic_store(&entered, 0);
    atomic_store(&handled, 0);
    atomic_store(&held, false);
    atomic_store(&answer_octets, 0);
    return 0;
}

/* ---- both sides ------------------------------------------------------------------------------------------------ */

/* All but what cfg says is as it is after start. */
static inline escertke_ws_server *start_server_with(escertke_ws_server_config cfg)
{
    escertke_ws_server *s = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    if (!cfg.listen)
        cfg.listen = "ws://127.0.0.1:0/";
    if (!cfg.handler)
        cfg.handler = echo;
    expect_err("server", escertke_ws_server_start(&cfg, &s, &d), ESCERTKE_OK, &d);
    return s;
}

static inline escertke_ws_server *start_server(void)
{
    return start_server_with((escertke_ws_server_config){ 0 });
}

static inline unsigned port_of(const escertke_ws_server *s)
{
    return (unsigned)strtoul(strrchr(escertke_ws_server_url(s), ':') + 1, NULL, 10);
}

static inline escertke_ws_stats server_stats(escertke_ws_server *s)
{
    escertke_ws_stats stats;
    escertke_ws_server_get_stats(s, &stats);
    return stats;
}

static inline escertke_ws_client *start_client_with(escertke_ws_client_config cfg, const char *url)
{
    escertke_ws_client *c = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    cfg.url = url;
    expect_err("client", escertke_ws_client_start(&cfg, &c, &d), ESCERTKE_OK, &d);
    return c;
}

static inline escertke_ws_client *start_client(const char *url)
{
    return start_client_with((escertke_ws_client_config){ .timeout_ms = PATIENCE_MS, .connect_timeout_ms = PATIENCE_MS }, url);
}

static inline escertke_ws_stats client_stats(escertke_ws_client *c)
{
    escertke_ws_stats stats;
    escertke_ws_client_get_stats(c, &stats);
    return stats;
}

static inline void url_of(unsigned port, char out[40])
{
    snprintf(out, 40, "ws://127.0.0.1:%u/", port);
}

/* One Notify by a client; the error, and in *rsc what came. */
static inline escertke_err notify_from(escertke_ws_client *c, const char *fr, const char *rqi, int *rsc, escertke_detail *d)
{
    escertke_primitive req, rsp;

    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", rqi, SECI);
    set(&req.fr, fr);
    escertke_primitive_init(&rsp);
    escertke_detail_init(d);
    escertke_err err = escertke_ws_client_send(c, &req, &rsp, d);
    *rsc = rsp.rsc;
    if (err == ESCERTKE_OK)
        expect_text("rqi", rsp.rqi, rqi);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static inline void expect_answer(escertke_ws_client *c, const char *rqi)
{
    escertke_detail d;
    int rsc;

    expect_err(rqi, notify_from(c, "Cpanel", rqi, &rsc, &d), ESCERTKE_OK, &d);
    expect_int(rqi, rsc, 2000);
}

/* ---- a request in a thread of its own -------------------------------------------------------------------------- */

struct sending {
    escertke_ws_client *by;   /* or */
    escertke_ws_server *from; /* to a registree */
    const char *receiver, *fr, *rqi;
    pthread_t thread;
    escertke_err err;
    int rsc;
    escertke_detail d;
};

static inline void *send_it(void *arg)
{
    struct sending *s = arg;
    escertke_primitive req, rsp;

    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", s->rqi, SECI);
    set(&req.fr, s->fr ? s->fr : "Cpanel");
    escertke_primitive_init(&rsp);
    escertke_detail_init(&s->d);
    s->err = s->by ? escertke_ws_client_send(s->by, &req, &rsp, &s->d) : escertke_ws_server_send(s->from, s->receiver, &req, &rsp, &s->d);
    s->rsc = rsp.rsc;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return NULL;
}

static inline void begin_sending(struct sending *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, send_it, s), 0);
}

static inline void expect_sent(struct sending *s, escertke_err err, int rsc)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    expect_err(s->rqi, s->err, err, &s->d);
    expect_int(s->rqi, s->rsc, rsc);
}

/* ---- what a raw peer says -------------------------------------------------------------------------------------- */

static inline size_t request_text(char *out, size_t cap, const char *fr, const char *rqi)
{
    return (size_t)snprintf(out, cap, "{\"op\":5,\"fr\":\"%s\",\"to\":\"/in1/Cmeter\",\"rqi\":\"%s\",\"rvi\":\"3\",\"pc\":" SECI "}", fr, rqi);
}

static inline bool peer_requests(int fd, const char *fr, const char *rqi)
{
    char text[400];
    size_t len = request_text(text, sizeof text, fr, rqi);

    return ws_peer_frame(fd, WS_FIN | WS_TEXT, text, len, true);
}

/* The next message must be the request with this rqi. */
static inline void peer_is_asked(int fd, const char *rqi)
{
    static struct ws_frame f;
    char wanted[100];

    do {
        if (!ws_peer_next(fd, &f))
            fail_msg("%s: the connection ended", rqi);
    } while (f.first == (WS_FIN | WS_PING) || f.first == (WS_FIN | WS_PONG));
    snprintf(wanted, sizeof wanted, "\"rqi\":\"%s\"", rqi);
    if (!strstr((const char *)f.data, wanted) || !strstr((const char *)f.data, "\"op\":5"))
        fail_msg("the request %s expected, found %.200s", rqi, (const char *)f.data);
}

static inline bool peer_answers(int fd, const char *rqi, bool masked)
{
    char text[200];
    int len = snprintf(text, sizeof text, "{\"rsc\":2000,\"rqi\":\"%s\",\"rvi\":\"3\"}", rqi);

    return ws_peer_frame(fd, WS_FIN | WS_TEXT, text, (size_t)len, masked);
}

/* The next message of a server must be the response with this rqi. */
static inline int peer_gets(int fd, const char *rqi)
{
    static struct ws_frame f;
    char wanted[100];

    do {
        if (!ws_peer_next(fd, &f))
            fail_msg("%s: the connection ended", rqi);
    } while (f.first == (WS_FIN | WS_PING) || f.first == (WS_FIN | WS_PONG));
    if (f.first == (WS_FIN | WS_CLOSE))
        fail_msg("%s: closed with %d", rqi, f.len >= 2 ? f.data[0] << 8 | f.data[1] : 1005);
    snprintf(wanted, sizeof wanted, "\"rqi\":\"%s\"", rqi);
    if (!strstr((const char *)f.data, wanted))
        fail_msg("%s expected, found %.200s", wanted, (const char *)f.data);
    const char *rsc = strstr((const char *)f.data, "\"rsc\":");
    assert_non_null(rsc);
    return (int)strtol(rsc + 6, NULL, 10);
}

#endif

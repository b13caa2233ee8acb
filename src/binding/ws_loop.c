#include "binding/ws_loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"

#define TICK_US 200000
#define RX_OCTETS 16384
#define HEADER_OCTETS 4096
#define SPARE_DESCRIPTORS 16u /* listener, wake-up, names being looked up */
#define WRITES_AT_ONCE 16

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* ---- a library of one process ------------------------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int no_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)wsi;
    (void)reason;
    (void)user;
    (void)in;
    (void)len;
    return 0;
}

/*
 * Each context that initialises TLS gets libwebsockets 4.1 another index into OpenSSL's objects, in a variable that all share:
 * handshakes of the contexts before it would fail. So one context does it, once, and the vhosts of others use it.
 */
static void library_init(void)
{
    static const struct lws_protocols protocols[] = { { "none", no_event, 0, 0, 0, NULL, 0 }, { NULL, NULL, 0, 0, 0, NULL, 0 } };
    struct lws_context_creation_info info;

    lws_set_log_level(0, NULL); /* the library never writes to stderr */
    memset(&info, 0, sizeof info);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.fd_limit_per_thread = SPARE_DESCRIPTORS;
    lws_context_destroy(lws_create_context(&info));
}

static void fill_protocols(struct esc_ws_loop *loop, lws_callback_function *callback)
{
    static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_CBOR, ESCERTKE_FORMAT_XML };
    size_t count = 0;

    loop->protocols[count++] = (struct lws_protocols){ .name = "escertke", .callback = callback, .rx_buffer_size = RX_OCTETS };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (escertke_format_available(formats[i]))
            loop->protocols[count++] = (struct lws_protocols){ .name = esc_ws_subprotocol(formats[i]),
                                                               .callback = callback,
                                                               .rx_buffer_size = RX_OCTETS };
}

escertke_err esc_ws_loop_init(struct esc_ws *ws, struct esc_ws_loop *loop, lws_callback_function *callback, unsigned connections,
                              unsigned keepalive_s, unsigned timeout_s, struct lws_context_creation_info *info,
                              escertke_detail *d)
{
    pthread_once(&once, library_init);
    loop->ws = ws;
    fill_protocols(loop, callback);
    loop->keepalive.secs_since_valid_ping = (uint16_t)keepalive_s;
    loop->keepalive.secs_since_valid_hangup = (uint16_t)(keepalive_s + keepalive_s / 2 + 1);
    memset(info, 0, sizeof *info);
    info->port = CONTEXT_PORT_NO_LISTEN;
    info->protocols = loop->protocols;
    info->user = ws;
    info->gid = -1;
    info->uid = -1;
    info->options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info->fd_limit_per_thread = connections + SPARE_DESCRIPTORS;
    info->max_http_header_data = HEADER_OCTETS;
    info->timeout_secs = timeout_s;
    info->connect_timeout_secs = timeout_s;
    info->keepalive_timeout = (int)timeout_s;
    info->retry_and_idle_policy = &loop->keepalive;
    info->pt_serv_buf_size = RX_OCTETS;
    info->alpn = "http/1.1";
    info->vhost_name = "escertke";
    ws->context = lws_create_context(info);
    return ws->context ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_BACKEND, "", "libwebsockets could not be started");
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Who lets us wait too long: in the middle of a message, or with what is sent to it. */
static void look_after(struct esc_ws_conn *c, uint64_t now)
{
    uint64_t patience_ms = (uint64_t)c->ws->timeout_s * 1000;

    if (!c->wsi || !c->open)
        return;
    if (c->first && now - c->first->since_ms > patience_ms)
        esc_ws_conn_cut(c); /* it would not take a farewell either */
    else if (c->in.open && now - c->in.since_ms > patience_ms)
        esc_ws_conn_end(c, ESC_WS_POLICY);
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
    struct esc_ws_loop *loop = (void *)((char *)sul - offsetof(struct esc_ws_loop, tick));
    struct esc_ws *ws = loop->ws;
    uint64_t now = now_ms();

    pthread_mutex_lock(&ws->lock);
    for (struct esc_ws_conn *c = ws->conns; c; c = c->next)
        look_after(c, now);
    pthread_mutex_unlock(&ws->lock);
    if (ws->role->tick)
        ws->role->tick(ws);
    lws_sul_schedule(loop->context, 0, sul, on_tick, TICK_US);
}

static bool is_over(struct esc_ws *ws)
{
    pthread_mutex_lock(&ws->lock);
    bool over = ws->stopping && (!ws->conns || now_ms() >= ws->stop_ms);
    pthread_mutex_unlock(&ws->lock);
    return over;
}

static void *run(void *arg)
{
    struct esc_ws *ws = arg;

    struct lws_context *context = ws->context;

    while (!is_over(ws) && lws_service(context, 0) >= 0)
        ;
    pthread_mutex_lock(&ws->lock);
    ws->stopping = true; /* in any case */
    ws->context = NULL;  /* nobody wakes it any more */
    pthread_mutex_unlock(&ws->lock);
    lws_context_destroy(context); /* what is left is closed, in this thread like all else */
    return NULL;
}

escertke_err esc_ws_loop_start(struct esc_ws *ws, struct esc_ws_loop *loop)
{
    sigset_t all, before;

    loop->context = ws->context;
    lws_sul_schedule(loop->context, 0, &loop->tick, on_tick, TICK_US);
    sigfillset(&all); /* the thread inherits it: signals are the program's business, in its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ws->running = pthread_create(&ws->thread, NULL, run, ws) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ws->running ? ESCERTKE_OK : ESCERTKE_ERR_IO;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

struct esc_ws_conn *esc_ws_conn_of(struct lws *wsi)
{
    return wsi ? lws_get_opaque_user_data(wsi) : NULL;
}

void esc_ws_conn_end(struct esc_ws_conn *c, int close_code)
{
    if (c->close_code || c->gone)
        return;
    c->close_code = close_code;
    esc_ws_conn_mark(c);
}

void esc_ws_conn_cut(struct esc_ws_conn *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* It is to be closed: what still comes over it is not looked at, and does not sweep the close frame away. */
static bool is_deaf(struct esc_ws_conn *c)
{
    pthread_mutex_lock(&c->ws->lock);
    bool deaf = c->close_code != 0;
    pthread_mutex_unlock(&c->ws->lock);
    return deaf;
}

static void refuse(struct esc_ws_conn *c, enum esc_ws_taken taken)
{
    esc_log(&c->ws->log, ESCERTKE_LEVEL_INFO, "ws.cut", "from=%s code=%d", c->source, (int)taken);
    esc_ws_assembly_clear(&c->in);
    pthread_mutex_lock(&c->ws->lock);
    esc_ws_conn_end(c, (int)taken);
    pthread_mutex_unlock(&c->ws->lock);
}

static void receive(struct esc_ws_conn *c, struct lws *wsi, const void *in, size_t len)
{
    const struct esc_ws_piece piece = { .octets = { in, len },
                                        .first = lws_is_first_fragment(wsi) != 0,
                                        .final = lws_is_final_fragment(wsi) != 0,
                                        .binary = lws_frame_is_binary(wsi) != 0 };
    enum esc_ws_taken taken = is_deaf(c) ? ESC_WS_MORE : esc_ws_assemble(&c->in, c->format, &piece, now_ms());

    if (taken == ESC_WS_MORE)
        return;
    if (taken != ESC_WS_WHOLE) {
        refuse(c, taken);
        return;
    }
    escertke_buf message = c->in.message; /* moved */
    memset(&c->in, 0, sizeof c->in);
    esc_ws_conn_take_in(c, escertke_buf_span(&message));
    escertke_buf_free(&message);
}

static int write_ping(struct lws *wsi)
{
    uint8_t room[LWS_PRE + sizeof "there?"];

    memcpy(room + LWS_PRE, "there?", sizeof "there?" - 1); /* libwebsockets says nothing of an answer without octets */
    return lws_write(wsi, room + LWS_PRE, sizeof "there?" - 1, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* What is left to do for a connection; with nothing to send and a close code, closing it. */
static struct esc_ws_out *next_out(struct esc_ws_conn *c, bool *ping, int *close_code)
{
    pthread_mutex_lock(&c->ws->lock);
    struct esc_ws_out *m = esc_ws_conn_take(c);
    *ping = c->ping;
    c->ping = false;
    *close_code = m ? 0 : c->close_code;
    pthread_mutex_unlock(&c->ws->lock);
    return m;
}

static int write_out(struct esc_ws_conn *c, struct lws *wsi)
{
    enum lws_write_protocol type = esc_ws_is_binary(c->format) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    struct esc_ws_out *m = NULL;
    bool ping = false;
    int close_code = 0;

    if (c->farewell) /* the library asks once more; -1 would end it before the other side has read why */
        return 0;
    for (int i = 0; i < WRITES_AT_ONCE && !lws_send_pipe_choked(wsi) && (m = next_out(c, &ping, &close_code)) != NULL; i++) {
        int written = lws_write(wsi, m->octets + LWS_PRE, m->len, type);
        esc_ws_out_free(m);
        atomic_fetch_add(&c->ws->sent, 1);
        if (written < 0 || (ping && write_ping(wsi)))
            return -1;
    }
    if (m || lws_send_pipe_choked(wsi)) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    if (ping && write_ping(wsi))
        return -1;
    if (!close_code)
        return 0;
    c->farewell = true;
    lws_close_reason(wsi, (enum lws_close_status)close_code, NULL, 0);
    return -1;
}

/* Other threads have left something to do. */
static void look_at_dirty(struct esc_ws *ws)
{
    pthread_mutex_lock(&ws->lock);
    while (ws->dirty) {
        struct esc_ws_conn *c = ws->dirty;
        ws->dirty = c->next_dirty;
        c->dirty = false;
        if (c->wsi && (c->dead || (c->close_code && !c->open)))
            esc_ws_conn_cut(c);
        else if (c->wsi && c->open)
            lws_callback_on_writable(c->wsi);
    }
    pthread_mutex_unlock(&ws->lock);
}

static void note_pong(struct esc_ws_conn *c)
{
    pthread_mutex_lock(&c->ws->lock);
    c->ponged_ms = now_ms();
    pthread_cond_broadcast(&c->ws->change);
    pthread_mutex_unlock(&c->ws->lock);
}

int esc_ws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct esc_ws_conn *c;

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: look_at_dirty(lws_context_user(lws_get_context(wsi))); return 0;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if ((c = esc_ws_conn_of(wsi)) == NULL)
            return -1;
        receive(c, wsi, in, len);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE: return (c = esc_ws_conn_of(wsi)) ? write_out(c, wsi) : -1;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        if ((c = esc_ws_conn_of(wsi)) != NULL)
            note_pong(c);
        return 0;
    default: return 0;
    }
}

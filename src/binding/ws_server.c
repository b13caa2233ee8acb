#include "binding/ws_server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/http_listen.h"

#define WORKERS_DEFAULT 8u
#define WORKERS_MAX 1024u
#define CONNECTIONS_DEFAULT 1024u
#define TIMEOUT_S 30u
#define REQUEST_TIMEOUT_MS 30000u
#define KEEPALIVE_S 30u
#define EXPIRE_MS 5000u

/* ---- while it runs ------------------------------------------------------------------------------------------------ */

static void leaves(struct esc_ws_conn *c)
{
    struct escertke_ws_server *s = (struct escertke_ws_server *)c->ws;

    esc_ws_places_leave(&s->places, c, escertke_system_clock(NULL).mono_ms);
}

/* Connections that nobody is reached over, and that say nothing. */
static void look_after_idle(struct escertke_ws_server *s, uint64_t now_ms)
{
    struct esc_ws *ws = &s->ws;
    uint64_t patience_ms = (uint64_t)s->cfg.timeout_s * 1000;

    pthread_mutex_lock(&ws->lock);
    for (struct esc_ws_conn *c = ws->conns; c; c = c->next) {
        if (c->places || c->jobs || c->waiting || c->in.open || c->close_code || now_ms - c->active_ms <= patience_ms)
            continue;
        esc_ws_conn_end(c, ESC_WS_GOING_AWAY);
    }
    if (now_ms >= s->expire_ms) {
        esc_ws_places_expire(&s->places, now_ms, false);
        s->expire_ms = now_ms + EXPIRE_MS;
    }
    pthread_mutex_unlock(&ws->lock);
}

static void tick(struct esc_ws *ws)
{
    struct escertke_ws_server *s = (struct escertke_ws_server *)ws;

    look_after_idle(s, escertke_system_clock(NULL).mono_ms);
    if (s->listener && s->paused)
        s->paused = lws_rx_flow_control(s->listener, 1) < 0;
    if (s->listener && atomic_load(&ws->draining)) {
        lws_set_timeout(s->listener, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        s->listener = NULL;
    }
}

static const struct esc_ws_role role = {
    .leaves = leaves, .tick = tick, .admit = esc_ws_registrar_admit, .answered = esc_ws_registrar_answered
};

/* ---- start -------------------------------------------------------------------------------------------------------- */

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static void fill_defaults(escertke_ws_server_config *cfg)
{
    cfg->workers = or_default(cfg->workers, WORKERS_DEFAULT);
    if (cfg->workers > WORKERS_MAX)
        cfg->workers = WORKERS_MAX;
    cfg->max_connections = or_default(cfg->max_connections, CONNECTIONS_DEFAULT);
    cfg->timeout_s = or_default(cfg->timeout_s, TIMEOUT_S);
    cfg->keepalive_s = (uint16_t)or_default(cfg->keepalive_s, KEEPALIVE_S);
    cfg->request_timeout_ms = or_default(cfg->request_timeout_ms, REQUEST_TIMEOUT_MS);
}

escertke_err escertke_ws_listen(const char *listen_url, int *fd, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_err err = esc_ws_url_parse(listen_url, &url, d);

    return err == ESCERTKE_OK ? esc_http_listen(&url, fd, d) : err;
}

static escertke_err open_socket(struct escertke_ws_server *s, escertke_detail *d)
{
    const escertke_ws_server_config *cfg = &s->cfg;
    escertke_err err = esc_ws_url_parse(cfg->listen, &s->url, d);

    if (err != ESCERTKE_OK)
        return err;
    if (!cfg->handler)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a server of WebSocket needs a handler");
    if (s->fd <= 0 && (err = esc_http_listen(&s->url, &s->fd, d)) != ESCERTKE_OK)
        return err;
    s->url.port = esc_http_bound_port(s->fd);
    esc_ws_url_write(&s->url, s->text, sizeof s->text);
    return ESCERTKE_OK;
}

static escertke_err make_vhost(struct escertke_ws_server *s, struct lws_context_creation_info *info, escertke_detail *d)
{
    info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
    if (s->url.https)
        info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    s->vhost = lws_create_vhost(s->ws.context, info);
    if (!s->vhost)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "libwebsockets made no server of it");
    s->listener = lws_adopt_descriptor_vhost(s->vhost, LWS_ADOPT_RAW_FILE_DESC, (lws_sock_file_fd_type){ .filefd = s->fd },
                                             "escertke", NULL);
    s->fd = -1; /* closed by the library in any case */
    return s->listener ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_BACKEND, "", "libwebsockets does not take the socket");
}

static escertke_err start(struct escertke_ws_server *s, escertke_detail *d)
{
    const escertke_ws_server_config *cfg = &s->cfg;
    struct lws_context_creation_info info;
    escertke_err err;

    s->ws.role = &role;
    s->ws.handler = cfg->handler;
    s->ws.handler_ctx = cfg->handler_ctx;
    s->ws.timeout_s = cfg->timeout_s;
    s->ws.jobs_max = cfg->workers * ESC_WS_QUEUE_PER_WORKER / 2;
    s->ws.log = cfg->log;
    s->d = d;
    if ((err = esc_ws_init(&s->ws, cfg->workers)) != ESCERTKE_OK || (err = open_socket(s, d)) != ESCERTKE_OK ||
        (err = esc_ws_registrar_init(s, d)) != ESCERTKE_OK ||
        (err = esc_ws_loop_init(&s->ws, &s->loop, esc_ws_server_event, cfg->max_connections, cfg->keepalive_s, cfg->timeout_s,
                                &info, d)) != ESCERTKE_OK ||
        (err = make_vhost(s, &info, d)) != ESCERTKE_OK)
        return err;
    return esc_ws_loop_start(&s->ws, &s->loop);
}

escertke_err escertke_ws_server_start(const escertke_ws_server_config *cfg, escertke_ws_server **out, escertke_detail *d)
{
    escertke_ws_server *s;
    escertke_detail own;

    if (!cfg || !out)
        return ESCERTKE_ERR_ARG;
    *out = NULL;
    escertke_detail_init(&own);
    s = esc_zalloc(sizeof *s);
    if (!s)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    s->cfg = *cfg;
    s->fd = cfg->listen_fd > 0 ? cfg->listen_fd : -1;
    fill_defaults(&s->cfg);
    escertke_err err = start(s, &own);
    if (err == ESCERTKE_OK) {
        *out = s;
        return ESCERTKE_OK;
    }
    escertke_ws_server_stop(s, 0);
    if (own.err != ESCERTKE_OK)
        err = own.err; /* what a callback of the library found says more than that it failed */
    if (d && d->err == ESCERTKE_OK && own.err != ESCERTKE_OK)
        *d = own;
    return esc_fail(d, err, "", "%s", escertke_err_text(err));
}

const char *escertke_ws_server_url(const escertke_ws_server *s)
{
    return s->text;
}

void escertke_ws_server_get_stats(escertke_ws_server *s, escertke_ws_stats *out)
{
    esc_ws_get_stats(&s->ws, out);
    pthread_mutex_lock(&s->ws.lock);
    out->registrees = s->places.held;
    pthread_mutex_unlock(&s->ws.lock);
}

void escertke_ws_server_stop(escertke_ws_server *s, unsigned drain_ms)
{
    if (!s)
        return;
    esc_ws_end(&s->ws, drain_ms);
    esc_ws_places_expire(&s->places, 0, true);
    if (s->fd > 0)
        close(s->fd);
    esc_release(s);
}

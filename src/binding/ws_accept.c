/* Connections to a server of WebSocket until they are open: who comes in, and which handshakes are refused (R-BW-2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "binding/http_source.h"
#include "binding/tls_context.h"
#include "binding/ws_server.h"

#define ACCEPTS_AT_ONCE 8
#define HEADER_MAX 512

static struct escertke_ws_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi)); /* its first member */
}

/* ---- who comes in ------------------------------------------------------------------------------------------------ */

/* With the lock held: who serves no registree, has nothing under way and has been silent longest. NULL = nobody */
static struct esc_ws_conn *idlest(struct esc_ws *ws)
{
    struct esc_ws_conn *found = NULL;

    for (struct esc_ws_conn *c = ws->conns; c; c = c->next)
        if (c->wsi && !c->places && !c->jobs && !c->waiting && !c->close_code && (!found || c->active_ms < found->active_ms))
            found = c;
    return found;
}

static bool make_room(struct escertke_ws_server *s)
{
    struct esc_ws *ws = &s->ws;
    struct esc_ws_conn *victim = NULL;

    pthread_mutex_lock(&ws->lock);
    bool full = ws->conn_count >= s->cfg.max_connections;
    if (full && (victim = idlest(ws)) != NULL)
        victim->close_code = ESC_WS_POLICY;
    pthread_mutex_unlock(&ws->lock);
    if (victim)
        esc_ws_conn_cut(victim);
    return !full || victim;
}

static void adopt(struct escertke_ws_server *s, int fd, const struct sockaddr *peer)
{
    struct esc_ws_conn *c = make_room(s) ? esc_ws_conn_new(&s->ws) : NULL;
    lws_adopt_desc_t how = { .vh = s->vhost, .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP, .opaque = c };

    if (!c) {
        close(fd);
        return;
    }
    if (s->url.https)
        how.type |= LWS_ADOPT_ALLOW_SSL;
    how.fd.sockfd = fd;
    esc_http_source(peer, c->source);
    esc_ws_conn_keep(c);
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how); /* closes fd where it fails */
    if (!c->gone && wsi)
        c->wsi = wsi;
    else if (!c->gone)
        esc_ws_conn_closed(c, "not taken by the library");
    esc_ws_conn_release(c);
}

/* Without descriptors or memory who waits cannot be taken, and would have the thread go round and round. */
static void pause_listening(struct escertke_ws_server *s, struct lws *listener)
{
    s->paused = lws_rx_flow_control(listener, 0) >= 0;
}

static void accept_some(struct escertke_ws_server *s, struct lws *listener)
{
    int listening = (int)lws_get_socket_fd(listener);

    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept(listening, (struct sockaddr *)&peer, &len);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_listening(server_of(listener), listener);
            return;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* that it does not block is the library's doing */
        adopt(s, fd, (const struct sockaddr *)&peer);
    }
}

/* ---- handshakes --------------------------------------------------------------------------------------------------- */

static bool header(struct lws *wsi, enum lws_token_indexes token, char out[HEADER_MAX])
{
    out[0] = '\0';
    return lws_hdr_total_length(wsi, token) == 0 || lws_hdr_copy(wsi, out, HEADER_MAX, token) >= 0;
}

/* libwebsockets 4.1 takes the upgrade of another method, and any version. */
static bool is_get(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
}

static bool version_fits(struct lws *wsi)
{
    char version[HEADER_MAX];

    return header(wsi, WSI_TOKEN_VERSION, version) && strcmp(version, "13") == 0;
}

static bool path_fits(const struct escertke_ws_server *s, char *path)
{
    size_t len = strlen(path);

    if (len && path[len - 1] == '/')
        path[len - 1] = '\0';
    return strcmp(path, s->url.path) == 0;
}

/* A browser says whose page it acts for; pages of others have no business here, and no other end-point needs to say it. */
static bool origin_fits(struct lws *wsi)
{
    char origin[HEADER_MAX], host[HEADER_MAX];

    if (!header(wsi, WSI_TOKEN_ORIGIN, origin) || !header(wsi, WSI_TOKEN_HOST, host))
        return false;
    const char *authority = strstr(origin, "://");
    return !origin[0] || (authority && strcasecmp(authority + 3, host) == 0);
}

/* @return the HTTP status of the refusal; 0 = it may go on */
static unsigned refusal(struct escertke_ws_server *s, struct lws *wsi, const char *upgrade)
{
    char text[HEADER_MAX];

    if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || !version_fits(wsi))
        return HTTP_STATUS_BAD_REQUEST;
    if (!is_get(wsi))
        return HTTP_STATUS_METHOD_NOT_ALLOWED;
    if (!header(wsi, WSI_TOKEN_GET_URI, text) || !path_fits(s, text))
        return HTTP_STATUS_NOT_FOUND;
    if (!header(wsi, WSI_TOKEN_PROTOCOL, text) || !esc_ws_choose(escertke_span_str(text)))
        return HTTP_STATUS_BAD_REQUEST;
    if (!origin_fits(wsi))
        return HTTP_STATUS_FORBIDDEN;
    return atomic_load(&s->ws.draining) ? HTTP_STATUS_SERVICE_UNAVAILABLE : 0;
}

static int confirm(struct escertke_ws_server *s, struct lws *wsi, const char *upgrade)
{
    const struct esc_ws_conn *c = esc_ws_conn_of(wsi);
    unsigned status = refusal(s, wsi, upgrade);

    if (!status)
        return 0;
    esc_log(&s->ws.log, ESCERTKE_LEVEL_INFO, "ws.refused", "with=%s status=%u", c ? c->source : "", status);
    return lws_return_http_status(wsi, status, NULL) ? -1 : 1;
}

/* A request of HTTP that wants no WebSocket. */
static int plain_http(struct lws *wsi)
{
    (void)!lws_return_http_status(wsi, HTTP_STATUS_BAD_REQUEST, "WebSocket (TS-0020) is spoken here");
    return -1;
}

static int opened(struct lws *wsi)
{
    struct esc_ws_conn *c = esc_ws_conn_of(wsi);
    escertke_format format = esc_ws_format(escertke_span_str(lws_get_protocol(wsi)->name));

    if (!c || !format)
        return -1;
    c->wsi = wsi;
    esc_ws_conn_opened(c, format);
    return 0;
}

static void destroyed(struct escertke_ws_server *s, struct lws *wsi)
{
    struct esc_ws_conn *c = esc_ws_conn_of(wsi);

    if (wsi == s->listener)
        s->listener = NULL;
    if (!c)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    esc_ws_conn_closed(c, "closed");
}

int esc_ws_server_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct escertke_ws_server *s;

    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE: accept_some(server_of(wsi), wsi); return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return confirm(server_of(wsi), wsi, in);
    case LWS_CALLBACK_HTTP: return plain_http(wsi);
    case LWS_CALLBACK_ESTABLISHED: return opened(wsi);
    case LWS_CALLBACK_WSI_DESTROY: destroyed(server_of(wsi), wsi); return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        s = server_of(wsi);
        return esc_tls_server_fill(user, s->cfg.tls_cert, s->cfg.tls_key, s->cfg.tls_client_trust, s->d) != ESCERTKE_OK;
    default: return esc_ws_event(wsi, reason, user, in, len);
    }
}

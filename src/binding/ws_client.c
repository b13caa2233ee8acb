#include "binding/ws_client.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/http_source.h"
#include "binding/until.h"

#define FIRST_WAIT_MS 500u
#define MOST_WAIT_MS 15000u
#define WANTED_MS 1000u   /* longest wait while somebody waits for the connection */
#define SETTLING_MS 2000u /* a connection that lives longer was a good one: the next wait is short */
#define MESSAGE_S 30u     /* for the server to send a message, and to take one */
#define CONNECTIONS 2u    /* the next may begin before the last is quite gone */

static struct escertke_ws_client *client_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi)); /* its first member */
}

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* ---- the connection, in the thread --------------------------------------------------------------------------------- */

/* What went wrong first tells more than what follows from it. */
static void note(struct escertke_ws_client *c, const char *what, escertke_span more)
{
    char words[100];

    if (c->reason[0])
        return;
    esc_printable(more, words, sizeof words);
    snprintf(c->reason, sizeof c->reason, "%.60s%s%s", what, words[0] ? ": " : "", words);
}

static void tell(struct escertke_ws_client *c, bool up, const char *why)
{
    esc_log(&c->ws.log, ESCERTKE_LEVEL_INFO, up ? "ws.up" : "ws.down", "server=%s why=\"%s\"", c->text, why);
    if (c->cfg.on_state)
        c->cfg.on_state(c->cfg.state_ctx, up, why);
}

static void on_opened(struct esc_ws_conn *conn)
{
    struct escertke_ws_client *c = (struct escertke_ws_client *)conn->ws;

    c->up_ms = now_ms();
    tell(c, true, "connected");
}

/* The connection, or the attempt at one, is over. */
static void on_closed(struct esc_ws_conn *conn, const char *why)
{
    struct escertke_ws_client *c = (struct escertke_ws_client *)conn->ws;

    if (c->conn != conn)
        return;
    c->conn = NULL;
    c->wsi = NULL;
    if (c->up_ms && now_ms() - c->up_ms >= SETTLING_MS)
        esc_backoff_reset(&c->backoff);
    c->up_ms = 0;
    c->since_ms = now_ms();
    c->try_at_ms = c->since_ms + esc_backoff_next(&c->backoff);
    pthread_mutex_lock(&c->ws.lock);
    snprintf(c->why, sizeof c->why, "%s", why);
    pthread_mutex_unlock(&c->ws.lock);
    tell(c, false, why);
}

static void connect_now(struct escertke_ws_client *c)
{
    struct lws_client_connect_info i;
    struct esc_ws_conn *conn = esc_ws_conn_new(&c->ws);

    if (!conn)
        return;
    memset(&i, 0, sizeof i);
    i.context = c->loop.context;
    i.vhost = c->vhost;
    i.address = c->url.host;
    i.port = c->url.port;
    i.path = c->url.path[0] ? c->url.path : "/";
    i.host = c->host;
    i.protocol = c->offer;
    i.local_protocol_name = "escertke";
    i.alpn = "http/1.1";
    i.ietf_version_or_minus_one = -1;
    i.opaque_user_data = conn;
    i.pwsi = &c->wsi;
    i.retry_and_idle_policy = &c->loop.keepalive;
    if (c->tls) /* the name is checked as esc_tls_context_new() was told, IPv6 addresses too */
        i.ssl_connection = LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    c->conn = conn;
    c->reason[0] = '\0';
    c->since_ms = now_ms();
    esc_ws_conn_keep(conn);
    if (!lws_client_connect_via_info(&i) && !conn->gone)
        esc_ws_conn_closed(conn, c->reason[0] ? c->reason : "no connection");
    else if (!conn->gone)
        conn->wsi = c->wsi;
    esc_ws_conn_release(conn);
}

static bool is_due(struct escertke_ws_client *c, uint64_t now)
{
    pthread_mutex_lock(&c->ws.lock);
    bool stopping = c->ws.stopping || atomic_load(&c->ws.draining), wanted = c->waiters > 0;
    pthread_mutex_unlock(&c->ws.lock);
    if (stopping || (!wanted && !c->cfg.handler))
        return false;
    return now >= c->try_at_ms || (wanted && now >= c->since_ms + WANTED_MS);
}

static void tick(struct esc_ws *ws)
{
    struct escertke_ws_client *c = (struct escertke_ws_client *)ws;
    uint64_t now = now_ms();

    if (!c->conn && is_due(c, now))
        connect_now(c);
    else if (c->conn && !c->conn->open && c->conn->wsi && now >= c->since_ms + c->cfg.connect_timeout_ms) {
        note(c, "no connection in time", escertke_span_str(""));
        esc_ws_conn_cut(c->conn);
    }
}

static const struct esc_ws_role role = { .opened = on_opened, .closed = on_closed, .tick = tick };

/* ---- events --------------------------------------------------------------------------------------------------------- */

static void set_source(struct esc_ws_conn *conn, struct lws *wsi)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;

    if (getpeername((int)lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &len) == 0)
        esc_http_source((const struct sockaddr *)&peer, conn->source);
}

/* The server's choice must be one of those offered; libwebsockets would take silence for one. */
static int filter(struct escertke_ws_client *c, struct lws *wsi)
{
    struct esc_ws_conn *conn = esc_ws_conn_of(wsi);
    char chosen[ESC_WS_OFFER_MAX] = "";

    (void)lws_hdr_copy(wsi, chosen, sizeof chosen, WSI_TOKEN_PROTOCOL);
    escertke_format format = esc_ws_format(escertke_span_str(chosen));
    if (!conn || !format) {
        note(c, "the server chose no subprotocol of oneM2M", escertke_span_str(chosen));
        return -1;
    }
    conn->format = format;
    return 0;
}

/* Some registrars take nothing but a registration from who has not said in the handshake who it is. @return 0 or -1 */
static int say_origin(struct escertke_ws_client *c, struct lws *wsi, unsigned char **at, size_t room)
{
    static const unsigned char name[] = "X-M2M-Origin:";

    return c->origin[0] && lws_add_http_header_by_name(wsi, name, (const unsigned char *)c->origin, (int)strlen(c->origin), at,
                                                       *at + room)
               ? -1
               : 0;
}

static int established(struct lws *wsi)
{
    struct esc_ws_conn *conn = esc_ws_conn_of(wsi);

    if (!conn)
        return -1;
    conn->wsi = wsi;
    set_source(conn, wsi);
    esc_ws_conn_opened(conn, conn->format);
    return 0;
}

static void failed(struct escertke_ws_client *c, struct lws *wsi, const void *in, size_t len)
{
    char tls[160];
    struct esc_ws_conn *conn = esc_ws_conn_of(wsi);

    esc_tls_context_why(c->tls, tls, sizeof tls);
    if (tls[0]) {
        c->reason[0] = '\0';
        note(c, "TLS", escertke_span_str(tls));
    }
    note(c, "no connection", (escertke_span){ in, in ? len : 0 });
    if (!conn)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    esc_ws_conn_closed(conn, c->reason);
}

static void closed(struct escertke_ws_client *c, struct lws *wsi)
{
    struct esc_ws_conn *conn = esc_ws_conn_of(wsi);

    if (!conn)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    note(c, conn->open ? "the connection was lost" : "no connection", escertke_span_str(""));
    esc_ws_conn_closed(conn, c->reason);
}

static void peer_closes(struct escertke_ws_client *c, const uint8_t *in, size_t len)
{
    char words[60];

    if (len < 2)
        return;
    snprintf(words, sizeof words, "%u", (unsigned)in[0] << 8 | in[1]);
    note(c, "the server closed the connection", escertke_span_str(words));
}

static int event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return say_origin(client_of(wsi), wsi, in, len);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH: return filter(client_of(wsi), wsi);
    case LWS_CALLBACK_CLIENT_ESTABLISHED: return established(wsi);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: failed(client_of(wsi), wsi, in, len); return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: peer_closes(client_of(wsi), in, len); return 0;
    case LWS_CALLBACK_WSI_DESTROY: closed(client_of(wsi), wsi); return 0;
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        if (!len) /* it was not accepted */
            esc_tls_context_note(client_of(wsi)->tls, user);
        return 0;
    default: return esc_ws_event(wsi, reason, user, in, len);
    }
}

/* ---- start ---------------------------------------------------------------------------------------------------------- */

static escertke_err set_origin(struct escertke_ws_client *c, escertke_detail *d)
{
    const char *origin = c->cfg.origin ? c->cfg.origin : "";
    size_t len = strlen(origin);

    if (len >= sizeof c->origin || strcspn(origin, " \t\r\n\x7f") != len)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.3", "who this is: expected an ID as it stands in From");
    memcpy(c->origin, origin, len + 1);
    return ESCERTKE_OK;
}

static escertke_err check(struct escertke_ws_client *c, escertke_detail *d)
{
    const escertke_ws_client_config *cfg = &c->cfg;
    escertke_err err = esc_ws_url_parse(cfg->url, &c->url, d);

    if (err != ESCERTKE_OK || (err = set_origin(c, d)) != ESCERTKE_OK)
        return err;
    if (c->url.port == 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no port of a server: %.200s", cfg->url);
    if (cfg->format && !escertke_format_available(cfg->format))
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0020 6.2", "this build has not the serialization to ask for");
    if (!cfg->tls_cert.len != !cfg->tls_key.len)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "certificate and key for the server go together");
    esc_ws_url_write(&c->url, c->text, sizeof c->text);
    esc_ws_offer(cfg->format, c->offer);
    snprintf(c->host, sizeof c->host, "%s%s%s:%u", c->url.v6 ? "[" : "", c->url.host, c->url.v6 ? "]" : "",
             (unsigned)c->url.port);
    if (!c->url.https)
        return ESCERTKE_OK;
    return esc_tls_context_new(c->url.host, "server", cfg->tls_trust, cfg->tls_cert, cfg->tls_key, &c->tls, d);
}

static escertke_err start(struct escertke_ws_client *c, escertke_detail *d)
{
    struct lws_context_creation_info info;
    escertke_err err;

    c->ws.role = &role;
    c->ws.handler = c->cfg.handler;
    c->ws.handler_ctx = c->cfg.handler_ctx;
    c->ws.timeout_s = MESSAGE_S;
    c->ws.log = c->cfg.log;
    c->backoff = (struct esc_backoff){ .first_ms = FIRST_WAIT_MS, .most_ms = MOST_WAIT_MS };
    snprintf(c->why, sizeof c->why, "not connected yet");
    if ((err = esc_ws_init(&c->ws, c->cfg.workers)) != ESCERTKE_OK || (err = check(c, d)) != ESCERTKE_OK ||
        (err = esc_ws_loop_init(&c->ws, &c->loop, event, CONNECTIONS, c->cfg.keepalive_s, c->cfg.connect_timeout_ms / 1000 + 1,
                                &info, d)) != ESCERTKE_OK)
        return err;
    if (c->tls) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.provided_client_ssl_ctx = esc_tls_context_get(c->tls);
    }
    c->vhost = lws_create_vhost(c->ws.context, &info);
    if (!c->vhost)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "libwebsockets made no client of it");
    return esc_ws_loop_start(&c->ws, &c->loop);
}

escertke_err escertke_ws_client_start(const escertke_ws_client_config *cfg, escertke_ws_client **out, escertke_detail *d)
{
    escertke_ws_client *c;

    if (!cfg || !out || !cfg->url)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a server's URL is needed");
    *out = NULL;
    c = esc_zalloc(sizeof *c);
    if (!c)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    c->cfg = *cfg;
    esc_whole_defaults(&c->cfg.workers, &c->cfg.connect_timeout_ms, &c->cfg.timeout_ms, &c->cfg.keepalive_s);
    escertke_err err = start(c, d);
    if (err == ESCERTKE_OK) {
        *out = c;
        return ESCERTKE_OK;
    }
    escertke_ws_client_stop(c, 0);
    return esc_fail(d, err, "", "%s", escertke_err_text(err));
}

const char *escertke_ws_client_url(const escertke_ws_client *c)
{
    return c->text;
}

/* ---- sending --------------------------------------------------------------------------------------------------------- */

static struct esc_ws_conn *open_conn(const struct escertke_ws_client *c)
{
    struct esc_ws_conn *conn = c->ws.conns;

    while (conn && (!conn->open || conn->gone || conn->close_code))
        conn = conn->next;
    return conn;
}

/* The connection, with a reference, once it is open. */
static struct esc_ws_conn *await(struct escertke_ws_client *c, uint64_t until_ms, const struct esc_patience *p,
                                 escertke_detail *d)
{
    struct esc_ws_conn *conn;

    pthread_mutex_lock(&c->ws.lock);
    c->waiters++;
    if (!(conn = open_conn(c)))
        esc_ws_wake(&c->ws); /* it need not be patient any more */
    for (uint64_t now; !conn && !c->ws.stopping && !esc_patience_ended(p) && (now = now_ms()) < until_ms;) {
        (void)esc_until_wait(&c->ws.change, &c->ws.lock, esc_patience_next(p, now, until_ms));
        conn = open_conn(c);
    }
    c->waiters--;
    if (conn)
        esc_ws_conn_keep(conn);
    else
        (void)esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "%.150s: %s", c->text, c->ws.stopping ? "shutting down" : c->why);
    pthread_mutex_unlock(&c->ws.lock);
    return conn;
}

escertke_err escertke_ws_client_wait(escertke_ws_client *c, uint32_t ms, escertke_detail *d)
{
    struct esc_ws_conn *conn = await(c, now_ms() + ms, NULL, d);

    if (!conn)
        return ESCERTKE_ERR_UNREACHABLE;
    esc_ws_conn_release(conn);
    return ESCERTKE_OK;
}

escertke_err escertke_ws_client_send(escertke_ws_client *c, const escertke_primitive *req, escertke_primitive *rsp,
                                     escertke_detail *d)
{
    return esc_ws_client_send(c, req, &(struct esc_patience){ 0 }, rsp, d);
}

escertke_err esc_ws_client_send(escertke_ws_client *c, const escertke_primitive *req, const struct esc_patience *p,
                                escertke_primitive *rsp, escertke_detail *d)
{
    uint64_t until_ms, connected_ms = now_ms() + (c ? c->cfg.connect_timeout_ms : 0);
    bool sent;
    escertke_err err;

    if (!c || !req || !rsp || !req->op || !req->rqi)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0020 6.4", "a request and its identifier are needed");
    if ((err = esc_whole_deadline(c->cfg.timeout_ms, p, req, &until_ms, d)) != ESCERTKE_OK)
        return err;
    struct esc_ws_conn *conn = await(c, connected_ms < until_ms ? connected_ms : until_ms, p, d);
    if (!conn)
        return ESCERTKE_ERR_UNREACHABLE;
    err = esc_ws_request(conn, req, until_ms, p, rsp, &sent, d);
    esc_ws_conn_release(conn);
    return err;
}

void escertke_ws_client_get_stats(escertke_ws_client *c, escertke_ws_stats *out)
{
    esc_ws_get_stats(&c->ws, out);
}

/* ---- stop ------------------------------------------------------------------------------------------------------------ */

void escertke_ws_client_stop(escertke_ws_client *c, unsigned drain_ms)
{
    if (!c)
        return;
    esc_ws_end(&c->ws, drain_ms);
    esc_tls_context_free(c->tls);
    esc_release(c);
}

/*
 * The row of WebSocket. A client for each server that something is sent to, or whose requests are taken over the connection to
 * it; the one that nobody has used for longest gives way when there are too many. And the servers, which are asked for a receiver
 * that has no point of access of its own.
 */
#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/binding.h"
#include "binding/ws_client.h"
#include "binding/ws_server.h"

enum { CLIENTS_MAX = 16, SERVERS_MAX = 8 };

struct client {
    escertke_ws_client *ws; /* NULL = unused */
    bool takes;             /* requests, too */
    unsigned users;
    uint64_t used_ms; /* last */
};

struct sockets {
    const struct esc_hops_config *cfg;
    pthread_mutex_t lock;
    struct client clients[CLIENTS_MAX];
    escertke_ws_server *servers[SERVERS_MAX];
    size_t server_count;
};

static escertke_err check(const char *url, escertke_detail *d)
{
    struct esc_http_url parsed;

    return esc_ws_url_parse(url, &parsed, d);
}

static escertke_err open_sockets(const struct esc_hops_config *cfg, void **state, escertke_detail *d)
{
    struct sockets *s = esc_zalloc(sizeof *s);

    (void)d;
    *state = s;
    if (!s)
        return ESCERTKE_ERR_NOMEM;
    s->cfg = cfg;
    pthread_mutex_init(&s->lock, NULL);
    return ESCERTKE_OK;
}

static void close_sockets(void *state)
{
    struct sockets *s = state;

    if (!s)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        escertke_ws_client_stop(s->clients[i].ws, 0);
    for (size_t i = 0; i < s->server_count; i++)
        escertke_ws_server_stop(s->servers[i], 0);
    pthread_mutex_destroy(&s->lock);
    esc_release(s);
}

/* ---- clients, with the lock held ------------------------------------------------------------------------------------- */

static struct client *find(struct sockets *s, const struct esc_http_url *url)
{
    char text[2 * ESCERTKE_ID_MAX + 32];

    esc_ws_url_write(url, text, sizeof text);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].ws && strcmp(escertke_ws_client_url(s->clients[i].ws), text) == 0)
            return &s->clients[i];
    return NULL;
}

/* A place for one more. What must go for it is put into *out, to be stopped without the lock. NULL: all are in use */
static struct client *place(struct sockets *s, escertke_ws_client **out)
{
    struct client *oldest = NULL;

    *out = NULL;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *one = &s->clients[i];
        if (!one->ws)
            return one;
        if (!one->takes && !one->users && (!oldest || one->used_ms < oldest->used_ms))
            oldest = one;
    }
    if (oldest) {
        *out = oldest->ws;
        oldest->ws = NULL;
    }
    return oldest;
}

/* The own ID as a From to the registrar has it: an AE's stem, a CSE's ID without its service provider. */
static const char *origin_of(const struct esc_hops_config *cfg)
{
    const char *cse = cfg->self && strlen(cfg->self) > 2 ? strchr(cfg->self + 2, '/') : NULL;

    return !cse || cfg->is_cse ? cse : strrchr(cse, '/') + 1;
}

static escertke_err connect_to(struct sockets *s, const char *url, const struct esc_listen *l, struct client *at,
                               escertke_detail *d)
{
    const struct esc_hops_config *cfg = s->cfg;
    escertke_ws_client_config ws = { .url = url,
                                     .origin = origin_of(cfg),
                                     .format = cfg->format,
                                     .timeout_ms = cfg->timeout_ms,
                                     .tls_trust = cfg->tls_trust,
                                     .tls_cert = cfg->tls_cert,
                                     .tls_key = cfg->tls_key,
                                     .log = cfg->log };

    if (l) {
        ws.handler = l->handler;
        ws.handler_ctx = l->handler_ctx;
        ws.workers = l->workers;
        ws.on_state = l->on_state;
        ws.state_ctx = l->state_ctx;
    }
    *at = (struct client){ .takes = l != NULL };
    return escertke_ws_client_start(&ws, &at->ws, d);
}

/* ---- sending ----------------------------------------------------------------------------------------------------------- */

static escertke_err acquire(struct sockets *s, const char *url, struct client **out, escertke_detail *d)
{
    struct esc_http_url parsed;
    escertke_ws_client *gone = NULL;
    escertke_err err = esc_ws_url_parse(url, &parsed, d);

    if (err != ESCERTKE_OK)
        return err;
    pthread_mutex_lock(&s->lock);
    struct client *at = find(s, &parsed);
    if (!at) {
        at = place(s, &gone);
        err = at ? connect_to(s, url, NULL, at, d) : esc_fail(d, ESCERTKE_ERR_LIMIT, "", "connected to %d servers", CLIENTS_MAX);
    }
    if (err == ESCERTKE_OK)
        at->users++;
    pthread_mutex_unlock(&s->lock);
    escertke_ws_client_stop(gone, 0);
    *out = at;
    return err;
}

static void give_back(struct sockets *s, struct client *at)
{
    pthread_mutex_lock(&s->lock);
    at->users--;
    at->used_ms = escertke_system_clock(NULL).mono_ms;
    pthread_mutex_unlock(&s->lock);
}

static escertke_err send_request(void *state, const struct esc_next *next, const escertke_primitive *req, escertke_primitive *rsp,
                                 escertke_detail *d)
{
    struct sockets *s = state;
    struct client *at;
    escertke_err err;

    if ((err = acquire(s, next->url, &at, d)) != ESCERTKE_OK)
        return err;
    err = esc_ws_client_send(at->ws, req, &next->patience, rsp, d);
    give_back(s, at);
    return err;
}

/* To one that came to a server here. The first that knows it has it: nobody is at two. */
static escertke_err send_back(void *state, const char *receiver, const escertke_primitive *req, escertke_primitive *rsp,
                              escertke_detail *d)
{
    struct sockets *s = state;
    escertke_err err = ESCERTKE_ERR_UNREACHABLE;

    pthread_mutex_lock(&s->lock);
    size_t count = s->server_count;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < count && err == ESCERTKE_ERR_UNREACHABLE; i++)
        err = escertke_ws_server_send(s->servers[i], receiver, req, rsp, i + 1 < count ? NULL : d);
    return err;
}

/* ---- listening ---------------------------------------------------------------------------------------------------------- */

static escertke_err take_at(struct sockets *s, const struct esc_listen *l, struct esc_listener *out, escertke_detail *d)
{
    struct esc_http_url parsed;
    escertke_ws_client *gone = NULL;
    escertke_err err = esc_ws_url_parse(l->url, &parsed, d);

    if (err != ESCERTKE_OK)
        return err;
    pthread_mutex_lock(&s->lock);
    struct client *at = find(s, &parsed) ? NULL : place(s, &gone);
    if (at)
        err = connect_to(s, l->url, l, at, d);
    else
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "%.200s is used already, or too many servers are", l->url);
    if (err == ESCERTKE_OK)
        out->ws_client = at->ws;
    pthread_mutex_unlock(&s->lock);
    escertke_ws_client_stop(gone, 0);
    return err;
}

static escertke_err serve_at(struct sockets *s, const struct esc_listen *l, struct esc_listener *out, escertke_detail *d)
{
    const struct esc_hops_config *cfg = s->cfg;
    const escertke_ws_server_config ws = { .listen = l->url,
                                           .listen_fd = l->fd,
                                           .handler = l->handler,
                                           .handler_ctx = l->handler_ctx,
                                           .workers = l->workers,
                                           .max_connections = l->max_connections,
                                           .timeout_s = l->timeout_s,
                                           .request_timeout_ms = cfg->timeout_ms,
                                           .self = l->registrar ? cfg->self : NULL,
                                           .tls_cert = cfg->tls_cert,
                                           .tls_key = cfg->tls_key,
                                           .tls_client_trust = cfg->tls_client_trust,
                                           .log = cfg->log };
    escertke_ws_server *server;

    if (s->server_count == SERVERS_MAX)
        return esc_fail(d, ESCERTKE_ERR_LIMIT, "", "%d servers of WebSocket are the most", SERVERS_MAX);
    escertke_err err = escertke_ws_server_start(&ws, &server, d);
    if (err != ESCERTKE_OK)
        return err;
    out->ws_server = server;
    pthread_mutex_lock(&s->lock);
    s->servers[s->server_count++] = server;
    pthread_mutex_unlock(&s->lock);
    return ESCERTKE_OK;
}

static escertke_err listen_at(void *state, const struct esc_hops_config *cfg, const struct esc_listen *l,
                              struct esc_listener *out, escertke_detail *d)
{
    (void)cfg;
    return l->over_connection ? take_at(state, l, out, d) : serve_at(state, l, out, d);
}

static const char *url_of(const struct esc_listener *l)
{
    return l->ws_server ? escertke_ws_server_url(l->ws_server) : escertke_ws_client_url(l->ws_client);
}

static escertke_err ready(const struct esc_listener *l, uint32_t ms, escertke_detail *d)
{
    return l->ws_client ? escertke_ws_client_wait(l->ws_client, ms, d) : ESCERTKE_OK;
}

/* Released with all others by close_sockets(): handlers of another listener may still be sending over it. */
static void stop_listening(struct esc_listener *l, unsigned drain_ms)
{
    esc_ws_drain(l->ws_server ? &l->ws_server->ws : &l->ws_client->ws, drain_ms);
}

const struct esc_binding esc_binding_ws = {
    .schemes = { "ws:", "wss:" },
    .url_form = "ws(s)://HOST[:PORT][/PATH]",
    .check = check,
    .open = open_sockets,
    .close = close_sockets,
    .send = send_request,
    .send_back = send_back,
    .reserve = escertke_ws_listen,
    .listen = listen_at,
    .url = url_of,
    .ready = ready,
    .stop = stop_listening,
};

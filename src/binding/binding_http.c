/* The row of HTTP: one client for all servers, a server for each listener. */
#include "binding/binding.h"
#include "binding/http_client.h"
#include "binding/http_url.h"

static escertke_err check(const char *url, escertke_detail *d)
{
    struct esc_http_url parsed;

    return esc_http_url_parse(url, &parsed, d);
}

static escertke_err open_client(const struct esc_hops_config *cfg, void **state, escertke_detail *d)
{
    const escertke_http_client_config client = {
        .timeout_ms = cfg->timeout_ms, .tls_trust = cfg->tls_trust, .tls_cert = cfg->tls_cert, .tls_key = cfg->tls_key
    };
    escertke_http_client *c = NULL;
    escertke_err err = escertke_http_client_new(&client, &c);

    (void)d;
    *state = c;
    return err;
}

static void close_client(void *state)
{
    escertke_http_client_free(state);
}

static escertke_err send_request(void *state, const struct esc_next *next, const escertke_primitive *req, escertke_primitive *rsp,
                                 escertke_detail *d)
{
    return esc_http_send(state, next->url, next->to_ae, req, &next->patience, rsp, d);
}

static escertke_err start_server(void *state, const struct esc_hops_config *cfg, const struct esc_listen *l,
                                 struct esc_listener *out, escertke_detail *d)
{
    const escertke_http_server_config server = { .listen = l->url,
                                                 .listen_fd = l->fd,
                                                 .handler = l->handler,
                                                 .handler_ctx = l->handler_ctx,
                                                 .threads = l->threads,
                                                 .workers = l->workers,
                                                 .max_connections = l->max_connections,
                                                 .timeout_s = l->timeout_s,
                                                 .tls_cert = cfg->tls_cert,
                                                 .tls_key = cfg->tls_key,
                                                 .tls_client_trust = cfg->tls_client_trust,
                                                 .log = cfg->log };

    (void)state;
    return escertke_http_server_start(&server, &out->http, d);
}

static const char *server_url(const struct esc_listener *l)
{
    return escertke_http_server_url(l->http);
}

static void stop_server(struct esc_listener *l, unsigned drain_ms)
{
    escertke_http_server_stop(l->http, drain_ms);
}

const struct esc_binding esc_binding_http = {
    .schemes = { "http:", "https:" },
    .url_form = "http(s)://HOST[:PORT][/PATH]",
    .check = check,
    .open = open_client,
    .close = close_client,
    .send = send_request,
    .reserve = escertke_http_listen,
    .listen = start_server,
    .url = server_url,
    .stop = stop_server,
};

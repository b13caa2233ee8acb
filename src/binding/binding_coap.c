/* The row of CoAP: one client for all servers, a server for each listener. */
#include <escertke/coap.h>

#include "binding/binding.h"
#include "binding/coap_client.h"
#include "binding/coap_target.h"

static escertke_err check(const char *url, escertke_detail *d)
{
    struct esc_http_url parsed;

    return esc_coap_url_parse(url, &parsed, d);
}

static escertke_err open_client(const struct esc_hops_config *cfg, void **state, escertke_detail *d)
{
    const escertke_coap_client_config client = {
        .timeout_ms = cfg->timeout_ms, .tls_trust = cfg->tls_trust, .tls_cert = cfg->tls_cert, .tls_key = cfg->tls_key
    };
    escertke_coap_client *c = NULL;
    escertke_err err = escertke_coap_client_new(&client, &c);

    (void)d;
    *state = c;
    return err;
}

static void close_client(void *state)
{
    escertke_coap_client_free(state);
}

static escertke_err send_request(void *state, const struct esc_next *next, const escertke_primitive *req, escertke_primitive *rsp,
                                 escertke_detail *d)
{
    return esc_coap_send(state, next->url, next->to_ae, req, &next->patience, rsp, d);
}

static escertke_err start_server(void *state, const struct esc_hops_config *cfg, const struct esc_listen *l,
                                 struct esc_listener *out, escertke_detail *d)
{
    const escertke_coap_server_config server = { .listen = l->url,
                                                 .listen_fd = l->fd,
                                                 .handler = l->handler,
                                                 .handler_ctx = l->handler_ctx,
                                                 .workers = l->workers,
                                                 .max_sessions = l->max_connections,
                                                 .tls_cert = cfg->tls_cert,
                                                 .tls_key = cfg->tls_key,
                                                 .tls_client_trust = cfg->tls_client_trust,
                                                 .log = cfg->log };

    (void)state;
    return escertke_coap_server_start(&server, &out->coap, d);
}

static const char *server_url(const struct esc_listener *l)
{
    return escertke_coap_server_url(l->coap);
}

static void stop_server(struct esc_listener *l, unsigned drain_ms)
{
    escertke_coap_server_stop(l->coap, drain_ms);
}

const struct esc_binding esc_binding_coap = {
    .schemes = { "coap:", "coaps:" },
    .url_form = "coap(s)://HOST[:PORT][/PATH]",
    .check = check,
    .open = open_client,
    .close = close_client,
    .send = send_request,
    .reserve = escertke_coap_listen,
    .listen = start_server,
    .url = server_url,
    .stop = stop_server,
};

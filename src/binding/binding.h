/*
 * binding.h - requests out to a URL and listeners at a URL, whatever the scheme. A binding is a row of functions; binding.c has
 * the table of those that are built in. What a process sends and takes over all of them is one struct esc_hops.
 */
#ifndef ESCERTKE_BINDING_BINDING_H
#define ESCERTKE_BINDING_BINDING_H

#include <escertke/binding.h>
#include <escertke/coap.h>
#include <escertke/http.h>
#include <escertke/mqtt.h>
#include <escertke/ws.h>

#include "binding/patience.h"

/** Who sends, and how the hops are secured. Strings and spans must outlive the hops. */
struct esc_hops_config {
    const char *self; /* own Absolute AE-ID or CSE-ID; NULL: bindings that name both ends of a hop cannot be used */
    bool is_cse;
    escertke_span tls_cert, tls_key; /* own certificate for hops, PEM */
    escertke_span tls_trust;         /* anchors for servers and brokers; empty = the system's */
    escertke_span tls_client_trust;  /* anchors for clients of own servers; empty = no certificate is asked for */
    uint32_t timeout_ms;             /* of one exchange; 0 = the binding's default */
    escertke_format format; /* that connections must speak, where they speak one (WebSocket); 0 = JSON rather than others */
    const char *mqtt_client_id, *mqtt_user, *mqtt_password; /* NULL = the default, none */
    escertke_log log;
};

/** One hop out. */
struct esc_next {
    const char *url;      /* point of access; "" = the connection that the receiver has made to a server here */
    const char *receiver; /* Absolute ID of who is there; NULL or "" = not known, which only some bindings can do without */
    bool to_ae;
    struct esc_patience patience; /* of this one exchange; zeroed = as the hops say */
};

/** What listens. */
struct esc_listen {
    const char *url;
    int fd; /* > 0: from esc_hops_reserve() */
    escertke_handler_fn handler;
    void *handler_ctx;
    unsigned threads, workers, max_connections, timeout_s; /* as escertke_http_server_config; of a broker only workers */
    void (*on_state)(void *ctx, bool up,
                     const char *why); /* of a broker: connected, or not and why; another thread. NULL allowed */
    void *state_ctx;
    bool over_connection; /* requests come over the own connection to this URL, a server's (WebSocket): nothing listens here */
    bool registrar;       /* a CSE: requests to its registrees may go over the connections they make to it */
};

/** A listener. Exactly one of these is not NULL; for counters. */
struct esc_listener {
    const struct esc_binding *binding;
    escertke_http_server *http;
    escertke_coap_server *coap;
    escertke_mqtt *mqtt;
    escertke_ws_server *ws_server;
    escertke_ws_client *ws_client;
};

/** A row of the table. state is what open() made, once for all hops of a process. */
struct esc_binding {
    const char *schemes[2];                                     /* "http:", "https:" */
    const char *url_form;                                       /* for people: "http(s)://HOST[:PORT][/PATH]" */
    escertke_err (*check)(const char *url, escertke_detail *d); /* OK, ARG */
    escertke_err (*open)(const struct esc_hops_config *cfg, void **state, escertke_detail *d);
    void (*close)(void *state); /* NULL allowed; nobody sends any more */
    escertke_err (*send)(void *state, const struct esc_next *next, const escertke_primitive *req, escertke_primitive *rsp,
                         escertke_detail *d);
    escertke_err (*send_back)(void *state, const char *receiver, const escertke_primitive *req, escertke_primitive *rsp,
                              escertke_detail *d); /* over a connection from there; NULL: there are none */
    escertke_err (*reserve)(const char *url, int *fd, escertke_detail *d); /* NULL: nothing that needs rights */
    escertke_err (*listen)(void *state, const struct esc_hops_config *cfg, const struct esc_listen *l, struct esc_listener *out,
                           escertke_detail *d);
    const char *(*url)(const struct esc_listener *l);
    escertke_err (*ready)(const struct esc_listener *l, uint32_t ms, escertke_detail *d); /* NULL: from the start */
    void (*stop)(struct esc_listener *l, unsigned drain_ms);                              /* takes no more, finishes what runs */
};

extern const struct esc_binding esc_binding_http;
#ifdef ESCERTKE_COAP
extern const struct esc_binding esc_binding_coap;
#endif
#ifdef ESCERTKE_MQTT
extern const struct esc_binding esc_binding_mqtt;
#endif
#ifdef ESCERTKE_WS
extern const struct esc_binding esc_binding_ws;
#endif

/** Is it a URL of a binding that is built in? @return OK; UNSUPPORTED (another scheme of oneM2M), ARG; the reason in @p d */
ESCERTKE_CHECKED escertke_err esc_url_check(const char *url, escertke_detail *d);

struct esc_hops;

/** @return OK, NOMEM, and what a binding's client may say: BACKEND, TOO_LARGE */
ESCERTKE_CHECKED escertke_err esc_hops_new(const struct esc_hops_config *cfg, struct esc_hops **out, escertke_detail *d);
/** After the listeners have been stopped. NULL allowed. */
void esc_hops_free(struct esc_hops *h);

/** Send a request and wait for its response; thread-safe. @return as escertke_http_send, escertke_coap_send and
 * escertke_mqtt_send, escertke_ws_client_send, escertke_ws_server_send; ARG, UNSUPPORTED: no binding for this URL */
ESCERTKE_CHECKED escertke_err esc_hops_send(struct esc_hops *h, const struct esc_next *next, const escertke_primitive *req,
                                            escertke_primitive *rsp, escertke_detail *d);

/** Open what a listener at this URL needs rights for; *fd 0 = nothing. @return OK, ARG, UNSUPPORTED, IO */
ESCERTKE_CHECKED escertke_err esc_hops_reserve(const char *url, int *fd, escertke_detail *d);
/** @return OK, ARG, UNSUPPORTED, IO, CREDENTIAL, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err esc_hops_listen(struct esc_hops *h, const struct esc_listen *l, struct esc_listener *out,
                                              escertke_detail *d);
/** URL as others use it: with the real port. Valid until stop. */
const char *esc_listener_url(const struct esc_listener *l);
/** Wait until it takes requests. @return OK, UNREACHABLE */
ESCERTKE_CHECKED escertke_err esc_listener_ready(const struct esc_listener *l, uint32_t ms, escertke_detail *d);
/** Zeroed: nothing to do. */
void esc_listener_stop(struct esc_listener *l, unsigned drain_ms);

#endif

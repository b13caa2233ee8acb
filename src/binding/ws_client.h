/* ws_client.h - a client's connection: made, kept, and made again. */
#ifndef ESCERTKE_BINDING_WS_CLIENT_H
#define ESCERTKE_BINDING_WS_CLIENT_H

#include <escertke/ws.h>

#include "binding/backoff.h"
#include "binding/tls_context.h"
#include "binding/ws_loop.h"

struct escertke_ws_client {
    struct esc_ws ws;              /* first */
    escertke_ws_client_config cfg; /* defaults filled in; of its strings and spans none is used after the start */
    struct esc_ws_loop loop;
    struct esc_http_url url;
    char text[2 * ESCERTKE_ID_MAX + 32]; /* the URL */
    char host[ESCERTKE_ID_MAX + 16];     /* Host header */
    char offer[ESC_WS_OFFER_MAX];
    char origin[ESCERTKE_ID_MAX + 1]; /* "" = nothing is said */
    struct esc_tls_context *tls;      /* NULL: TCP alone */
    struct lws_vhost *vhost;

    /* under ws.lock */
    unsigned waiters; /* threads that wait for a connection */
    char why[200];    /* the last attempt or connection failed */

    /* the thread's own */
    struct esc_ws_conn *conn; /* that is open or being opened; one at most */
    struct lws *wsi;
    uint64_t try_at_ms, since_ms, up_ms;
    struct esc_backoff backoff;
    char reason[160]; /* first thing that went wrong with this connection */
};

/** escertke_ws_client_send() with a patience of its own. */
ESCERTKE_CHECKED escertke_err esc_ws_client_send(escertke_ws_client *c, const escertke_primitive *req,
                                                 const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d);

#endif

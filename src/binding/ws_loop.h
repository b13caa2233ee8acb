/* ws_loop.h - the thread that talks to libwebsockets: what happens to a connection, whichever side opened it. */
#ifndef ESCERTKE_BINDING_WS_LOOP_H
#define ESCERTKE_BINDING_WS_LOOP_H

#include <libwebsockets.h>

#include "binding/ws_endpoint.h"

/** The protocols of a context; the first is for what has none yet. */
enum { ESC_WS_PROTOCOLS = 4 };

/** Storage of a context's settings, as long as the context. */
struct esc_ws_loop {
    struct lws_protocols protocols[ESC_WS_PROTOCOLS + 1];
    lws_retry_bo_t keepalive;
    lws_sorted_usec_list_t tick;
    struct esc_ws *ws;
    struct lws_context *context; /* the thread's own copy */
};

/**
 * Make ws->context, without a vhost.
 * @param callback     of all protocols; what it does not know itself it gives to esc_ws_event()
 * @param connections  at most
 * @return OK, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_ws_loop_init(struct esc_ws *ws, struct esc_ws_loop *loop, lws_callback_function *callback,
                                               unsigned connections, unsigned keepalive_s, unsigned timeout_s,
                                               struct lws_context_creation_info *info, escertke_detail *d);
/** Start the thread. @return OK, IO */
ESCERTKE_CHECKED escertke_err esc_ws_loop_start(struct esc_ws *ws, struct esc_ws_loop *loop);

/** What is done in the same way on both sides. @return for libwebsockets */
int esc_ws_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
/** The connection of a wsi; NULL = it has none. */
struct esc_ws_conn *esc_ws_conn_of(struct lws *wsi);
/** Close it with this code when what waits for it is sent. With the lock held. */
void esc_ws_conn_end(struct esc_ws_conn *c, int close_code);
/** End it at once, without a word; in the thread. */
void esc_ws_conn_cut(struct esc_ws_conn *c);

#endif

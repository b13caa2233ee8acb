/* ws_server.h - what the life of a server (ws_server.c), its handshakes (ws_accept.c) and its registrees (ws_registrar.c) share.
 */
#ifndef ESCERTKE_BINDING_WS_SERVER_H
#define ESCERTKE_BINDING_WS_SERVER_H

#include <escertke/ws.h>

#include "binding/ws_loop.h"
#include "binding/ws_places.h"

struct escertke_ws_server {
    struct esc_ws ws;              /* first */
    escertke_ws_server_config cfg; /* defaults filled in; of its strings and spans none is used after the start */
    struct esc_ws_loop loop;
    struct esc_http_url url;
    char text[2 * ESCERTKE_ID_MAX + 32]; /* the URL */
    int fd;                              /* listening; -1 = the library has it */
    struct lws_vhost *vhost;
    struct lws *listener;        /* the thread's own */
    bool paused;                 /* nobody is accepted until the next tick; the thread's own */
    struct esc_ws_places places; /* under ws.lock */
    bool registrar;
    char sp_id[ESCERTKE_ID_MAX + 1], cse_id[ESCERTKE_ID_MAX + 1];
    escertke_id_context names;
    uint64_t expire_ms; /* the thread's own */
    escertke_detail *d; /* of the start, for the library's callbacks */
};

/** libwebsockets' callback. */
int esc_ws_server_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/** @return OK, ARG (not an Absolute CSE-ID) */
ESCERTKE_CHECKED escertke_err esc_ws_registrar_init(struct escertke_ws_server *s, escertke_detail *d);
/** Of the role. */
const char *esc_ws_registrar_admit(struct esc_ws_conn *c, const escertke_primitive *req);
void esc_ws_registrar_answered(struct esc_ws_conn *c, const escertke_primitive *req, const escertke_primitive *rsp);

#endif

/* coap_server.h - what the life of the server (coap_server.c), its DTLS sessions and its requests share. One thread has it all.
 */
#ifndef ESCERTKE_BINDING_COAP_SERVER_H
#define ESCERTKE_BINDING_COAP_SERVER_H

#include <pthread.h>

#include <escertke/coap.h>

#include "binding/coap_dtls.h"
#include "binding/coap_map.h"
#include "binding/coap_recent.h"
#include "binding/coap_transfers.h"
#include "binding/http_workers.h"

struct esc_coap_association; /* a DTLS session of a peer */
struct esc_coap_asked;       /* a request that is being answered */
struct esc_coap_unconfirmed; /* a response that is sent until it is confirmed */

struct escertke_coap_server {
    escertke_coap_server_config cfg; /* defaults filled in; its strings and spans are the caller's and not used after the start */
    int fd, wake;                    /* the socket; an eventfd */
    pthread_t thread;
    bool running; /* the thread */
    char prefix[ESCERTKE_ID_MAX + 1];
    char url[2 * ESCERTKE_ID_MAX + 32];

    /* the thread's own */
    struct esc_coap_credentials *cred; /* NULL = plain */
    struct esc_coap_cookies *cookies;
    struct esc_coap_association *associations;
    size_t association_count;
    uint32_t last_session;
    struct esc_coap_recent *recent;
    struct esc_coap_transfers transfers;
    struct esc_coap_asked *asked;
    struct esc_coap_unconfirmed *unconfirmed;
    size_t unconfirmed_count;
    uint16_t mid; /* of the next message */
    escertke_buf out;
    uint8_t raw[ESC_COAP_MESSAGE_MAX], plain[ESC_COAP_MESSAGE_MAX];

    struct esc_workers *workers;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t idle;
    struct esc_coap_asked *done; /* by the workers */
    bool draining, quit;
    escertke_coap_stats stats;
};

/** One more of what stands at @p counter in s->stats. */
void esc_coap_count(escertke_coap_server *s, uint64_t *counter);
/** Send a datagram to an address, as it is. */
void esc_coap_server_push(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span datagram);

/* ---- coap_associations.c: DTLS --------------------------------------------------------------------------------- */

/** A datagram of a coaps server. @return true: it holds the message @p out, and peer->session says of which session */
bool esc_coap_associations_open(escertke_coap_server *s, struct esc_coap_peer *peer, escertke_span datagram, uint64_t now_ms,
                                escertke_span *out);
/** Send a message in the session that peer->session names, if there still is one. */
void esc_coap_associations_send(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span message);
/** Handshakes a step further, old ones away. @return milliseconds until it is wanted again, at most 1000 */
unsigned esc_coap_associations_tick(escertke_coap_server *s, uint64_t now_ms);
void esc_coap_associations_clear(escertke_coap_server *s);

/* ---- coap_responder.c: messages and requests ------------------------------------------------------------------- */

/** A message from a peer. */
void esc_coap_responder_take(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span message);
/** Answer what the workers have done. */
void esc_coap_responder_finish(escertke_coap_server *s, struct esc_coap_asked *done);
/** Confirm what takes long, send again what nobody confirms. @return as esc_coap_associations_tick() */
unsigned esc_coap_responder_tick(escertke_coap_server *s, uint64_t now_ms);
void esc_coap_responder_clear(escertke_coap_server *s);

/* Jobs of the worker threads. */
void esc_coap_responder_run(void *job);
void esc_coap_responder_drop(void *job);

#endif

/* http_server.h - what the life of the server (http_server.c) and of one exchange (http_exchange.c) share. */
#ifndef ESCERTKE_BINDING_HTTP_SERVER_H
#define ESCERTKE_BINDING_HTTP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include <escertke/http.h>
#include <microhttpd.h>

#include "binding/http_accept.h"
#include "binding/http_watch.h"
#include "binding/http_workers.h"

struct escertke_http_server {
    escertke_http_server_config cfg; /* defaults filled in; its strings and spans are the caller's and not used after the start */
    struct MHD_Daemon *daemon;
    struct esc_workers *workers; /* NULL: the handler runs in the event loop */
    struct esc_watch *watch;     /* ends connections that take too long in all */
    struct esc_acceptor *acceptor;
    int fd;              /* listening socket, until the acceptor has it; -1 = none */
    bool require_client; /* certificates of clients are required */
    atomic_bool draining;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned busy;                     /* exchanges between the last byte of the request and of the response; under lock */
    atomic_uint_fast64_t responses[5]; /* 1xx...5xx */
    atomic_uint_fast64_t turned_away;  /* with 503 */
    bool started;                      /* until then the back end's words go to backend; under lock */
    char backend[160];
    escertke_buf tls_cert, tls_key, tls_trust; /* NUL-terminated for libmicrohttpd */
    char prefix[ESCERTKE_ID_MAX + 1];          /* percent-encoding removed */
    escertke_buf url;
};

/* Callbacks of one exchange, as libmicrohttpd wants them; cls is the server. */
void *esc_exchange_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result esc_exchange_step(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **state);
void esc_exchange_end(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why);

/* Jobs of the worker threads. */
void esc_exchange_run(void *job);
void esc_exchange_drop(void *job);

#endif

/*
 * escertke/http.h - the HTTP binding (TS-0009): primitives <-> HTTP/1.1. Server with libmicrohttpd, client with libcurl.
 */
#ifndef ESCERTKE_HTTP_H
#define ESCERTKE_HTTP_H

#include <escertke/base.h>
#include <escertke/binding.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- server ------------------------------------------------------------------------------------------------ */

typedef struct escertke_http_server escertke_http_server;

typedef struct escertke_http_server_config {
    const char *listen; /* http(s)://HOST:PORT[/prefix]; port 0 = any free; requests outside the prefix get 404 */
    int listen_fd;      /* > 0: a socket that listens there already, see escertke_http_listen; the server closes it, also where it
                           cannot start for another reason than ARG without a URL or handler; else it opens one */
    escertke_handler_fn handler;
    void *handler_ctx;
    unsigned threads;                /* event loops; 0 = number of cores, at most 16 */
    unsigned workers;                /* 0: handler runs in the event loop (must not block); else so many threads run it, and
                                        16 requests per thread may wait; past that 503 and RSC 5000 */
    unsigned max_connections;        /* 0 = 1024; past it, those whose peers are awaited longest, at least a second, give up their
                                        places one by one to who comes */
    unsigned timeout_s;              /* idle connection; 0 = 30. A request, and taking its response, may last twice that in all */
    size_t max_body;                 /* 0 = ESCERTKE_PRIMITIVE_MAX; past it 413 and RSC 4000 */
    escertke_span tls_cert, tls_key; /* PEM, https only */
    escertke_span tls_client_trust;  /* PEM: require client certificates under these anchors; empty = none */
    escertke_log log;
} escertke_http_server_config;

/**
 * Listen at a URL for a server that is to be started later: by a process that has meanwhile given up the right to. It is
 * not known yet whether TLS files are usable. @return OK, ARG (URL), IO (port in use, not permitted...)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_http_listen(const char *url, int *fd, escertke_detail *d);
/** Start listening. @return OK, ARG (URL), IO (port in use, not permitted...), CREDENTIAL (TLS files), NOMEM; d says which */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_http_server_start(const escertke_http_server_config *cfg,
                                                                      escertke_http_server **out, escertke_detail *d);
/** URL with the real port, "http://127.0.0.1:41234/notify"; valid until stop. */
ESCERTKE_API const char *escertke_http_server_url(const escertke_http_server *s);

typedef struct escertke_http_server_stats {
    uint64_t accepted;        /* connections */
    uint64_t too_slow;        /* connections ended because a request or taking its response took too long */
    uint64_t crowded_out;     /* connections ended because others needed their places */
    uint64_t responses[5];    /* 1xx...5xx; without those of libmicrohttpd itself, to what is no HTTP */
    uint64_t turned_away;     /* of these 503, since too many requests waited */
    size_t connections, busy; /* at the moment; requests being answered */
} escertke_http_server_stats;
/** Counters since start. Thread-safe. */
ESCERTKE_API void escertke_http_server_get_stats(escertke_http_server *s, escertke_http_server_stats *out);

/**
 * Stop accepting, finish what is being answered (at most @p drain_ms), close, release. NULL allowed.
 * What waits in the queue after that gets 503; a handler that still runs is waited for, whatever it takes.
 */
ESCERTKE_API void escertke_http_server_stop(escertke_http_server *s, unsigned drain_ms);

/* ---- client ------------------------------------------------------------------------------------------------ */

typedef struct escertke_http_client escertke_http_client;

typedef struct escertke_http_client_config {
    uint32_t connect_timeout_ms;     /* 0 = 5,000 */
    uint32_t timeout_ms;             /* whole exchange; 0 = 30,000 */
    escertke_span tls_trust;         /* PEM anchors for https; empty = the system's */
    escertke_span tls_cert, tls_key; /* PEM client certificate for the hop; empty = none */
} escertke_http_client_config;

/**
 * Thread-safe client that keeps connections. No redirects, no proxies, no cookies, http and https only.
 * @return OK, ARG, NOMEM, BACKEND, TOO_LARGE (a PEM text past 1 MiB)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_http_client_new(const escertke_http_client_config *cfg,
                                                                    escertke_http_client **out);
/**
 * Send req to @p base and read its response.
 *
 * @param base   a pointOfAccess or registrar URL: http(s)://host[:port][/path]
 * @param to_ae  the receiver is an AE reached by its poa: the poa's path alone is used if it has one (R-BH-7)
 * @return OK (any RSC), or ESCERTKE_ERR_
 *         ARG          URL not usable, To not an address, no operation or request identifier
 *         UNREACHABLE  no connection (in connect_timeout_ms), closed without a whole answer, TLS to the hop failed
 *         CREDENTIAL   anchors, certificate or key of the client's configuration not usable
 *         DEADLINE     too late: past the client's timeout, or past the request's rqet, whichever is sooner
 *         RQI          X-M2M-RI differs from the request's
 *         HTTP         no or bad X-M2M-RSC, content of a type that is not understood, malformed HTTP
 *         TOO_LARGE    body or headers past the limit
 *         NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_http_send(escertke_http_client *c, const char *base, bool to_ae,
                                                              const escertke_primitive *req, escertke_primitive *rsp,
                                                              escertke_detail *d);
ESCERTKE_API void escertke_http_client_free(escertke_http_client *c);

#ifdef __cplusplus
}
#endif
#endif

/*
 * escertke/ws.h - the WebSocket binding (TS-0020): whole primitives as messages, requests and responses in both directions over
 * one connection, which the registree opens to its registrar and nobody else (R-BW-1). In a build without it every call says
 * UNSUPPORTED. libwebsockets ignores SIGPIPE in the whole process; a program that uses it itself starts it before this.
 */
#ifndef ESCERTKE_WS_H
#define ESCERTKE_WS_H

#include <escertke/binding.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- client ---------------------------------------------------------------------------------------------------- */

/** An end-point's connection to one server: it sends requests over it, and takes them if there is a handler. */
typedef struct escertke_ws_client escertke_ws_client;

/** Strings and spans are copied, or not used after the start. */
typedef struct escertke_ws_client_config {
    const char *url;             /* ws(s)://HOST[:PORT][/PATH] */
    const char *origin;          /* who this is, as it stands in From: told to the server in the handshake's X-M2M-Origin;
                                    NULL = not told */
    escertke_format format;      /* serialization to ask for, and no other; 0 = JSON, else another of this build, as the server
                                    chooses */
    escertke_handler_fn handler; /* NULL = no request is taken, and there is a connection only when something is to be sent */
    void *handler_ctx;
    unsigned workers;            /* threads that run the handler; 0 = 4, at most 256. 16 requests a thread may wait;
                                    past that RSC 5000 */
    uint32_t connect_timeout_ms; /* until the handshake of WebSocket is done; 0 = 5,000 */
    uint32_t timeout_ms;         /* of a request, until its response is there; 0 = 30,000 */
    uint16_t keepalive_s;        /* a ping after so long; half of it later without an answer the connection is given up; 0 = 30 */
    escertke_span tls_trust;     /* PEM anchors for wss; empty = the system's */
    escertke_span tls_cert, tls_key;                       /* PEM client certificate; empty = none */
    void (*on_state)(void *ctx, bool up, const char *why); /* connected, or no longer and why; from a thread of its own; must not
                                                              call back. NULL allowed */
    void *state_ctx;
    escertke_log log;
} escertke_ws_client_config;

/**
 * Start. With a handler it connects, and connects again whenever the connection is lost, after waits that grow from 0.5 to 15 s
 * and differ by chance; does not wait for a server that is not there.
 * @return OK, ARG (URL...), CREDENTIAL (TLS files), NOMEM, IO, BACKEND, UNSUPPORTED
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_client_start(const escertke_ws_client_config *cfg,
                                                                    escertke_ws_client **out, escertke_detail *d);
/** URL with the port; valid until stop. */
ESCERTKE_API const char *escertke_ws_client_url(const escertke_ws_client *c);
/** Wait until it is connected, at most @p ms. @return OK, UNREACHABLE: d says what the last attempt came to */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_client_wait(escertke_ws_client *c, uint32_t ms, escertke_detail *d);

/**
 * Send req and read its response; in the serialization of the connection, whatever the request's content is in. Thread-safe. A
 * request is never repeated by the binding: one that was sent over a connection that is lost before its response ends.
 * @return OK (any RSC), or ESCERTKE_ERR_
 *         ARG          no operation or request identifier
 *         UNREACHABLE  no connection (in connect_timeout_ms), or it was lost before the response came, or stopped meanwhile
 *         DEADLINE     no response: past timeout_ms, or past the request's rqet, whichever is sooner
 *         JSON, PRIMITIVE...   the response cannot be read
 *         LIMIT        too many requests under way, or another originator's with the same rqi
 *         TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_client_send(escertke_ws_client *c, const escertke_primitive *req,
                                                                   escertke_primitive *rsp, escertke_detail *d);

/* ---- server ---------------------------------------------------------------------------------------------------- */

typedef struct escertke_ws_server escertke_ws_server;

/** Strings and spans are copied, or not used after the start. */
typedef struct escertke_ws_server_config {
    const char *listen; /* ws(s)://HOST:PORT[/PATH]; port 0 = any free one */
    int listen_fd;      /* > 0: a socket that listens there already, from escertke_ws_listen(); it is taken over */
    escertke_handler_fn handler;
    void *handler_ctx;
    unsigned workers; /* threads that run the handler; 0 = 8, at most 1024. 16 requests a thread may wait, half of them from
                         one connection; past that 5000 */
    unsigned
        max_connections;  /* 0 = 1024; past it one goes that serves no registree and has been silent longest, or the new one */
    unsigned timeout_s;   /* for the handshake, a message, and one who takes nothing; and how long a connection that serves no
                             registree may be silent; 0 = 30 */
    uint16_t keepalive_s; /* as a client's; 0 = 30 */
    uint32_t request_timeout_ms;     /* as a client's timeout_ms; 0 = 30,000 */
    const char *self;                /* own Absolute CSE-ID: this is a registrar (R-BW-3); NULL = it sends no requests */
    escertke_span tls_cert, tls_key; /* PEM, for wss: certificate with its chain */
    escertke_span tls_client_trust;  /* PEM anchors: certificates of clients are required; empty = not asked for */
    escertke_log log;
} escertke_ws_server_config;

/** Open the socket alone, e.g. before rights are given up. @return OK, ARG, IO */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_listen(const char *listen_url, int *fd, escertke_detail *d);
/** @return OK, ARG, IO, CREDENTIAL, NOMEM, BACKEND, UNSUPPORTED */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_server_start(const escertke_ws_server_config *cfg,
                                                                    escertke_ws_server **out, escertke_detail *d);
/** URL with the real port; valid until stop. */
ESCERTKE_API const char *escertke_ws_server_url(const escertke_ws_server *s);

/**
 * Send req to a registree over the connection that its registration came by. Thread-safe. For one whose connection was lost less
 * than a minute ago it waits up to 5 s, or until rqet, that it comes back; a few requests at a time do.
 * @param receiver  Absolute AE-ID or CSE-ID
 * @return as escertke_ws_client_send; UNREACHABLE: it is not connected
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_ws_server_send(escertke_ws_server *s, const char *receiver,
                                                                   const escertke_primitive *req, escertke_primitive *rsp,
                                                                   escertke_detail *d);

typedef struct escertke_ws_stats {
    uint64_t connections; /* that were opened */
    uint64_t requests;    /* taken for the handler */
    uint64_t turned_away; /* of these, answered 5000 because too many waited */
    uint64_t ignored;     /* messages that mean nothing here, and responses that nobody waits for */
    uint64_t sent;        /* messages */
    unsigned open;        /* connections at the moment, with those that are being opened */
    unsigned registrees;  /* entities that are reached over them */
} escertke_ws_stats;
/** Counters since start. Thread-safe. */
ESCERTKE_API void escertke_ws_client_get_stats(escertke_ws_client *c, escertke_ws_stats *out);
ESCERTKE_API void escertke_ws_server_get_stats(escertke_ws_server *s, escertke_ws_stats *out);

/**
 * Take no more, finish what is being answered and send it (at most @p drain_ms), close with 1001, release. NULL allowed. A
 * handler that still runs is waited for, whatever it takes. Nobody may be in escertke_ws_..._send any more.
 */
ESCERTKE_API void escertke_ws_client_stop(escertke_ws_client *c, unsigned drain_ms);
ESCERTKE_API void escertke_ws_server_stop(escertke_ws_server *s, unsigned drain_ms);

#ifdef __cplusplus
}
#endif
#endif

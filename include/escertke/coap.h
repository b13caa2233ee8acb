/*
 * escertke/coap.h - the CoAP binding (TS-0008): primitives <-> CoAP over UDP or DTLS 1.2 (RFC 7252), content in blocks (RFC
 * 7959). In a build without it every call says UNSUPPORTED.
 */
#ifndef ESCERTKE_COAP_H
#define ESCERTKE_COAP_H

#include <escertke/binding.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- server ------------------------------------------------------------------------------------------------ */

typedef struct escertke_coap_server escertke_coap_server;

/** Strings and spans are used during the start only. */
typedef struct escertke_coap_server_config {
    const char *listen; /* coap(s)://HOST:PORT[/prefix]; port 0 = any free; requests outside the prefix get 4.04 */
    int listen_fd;      /* > 0: a socket bound there already, see escertke_coap_listen; the server closes it, also where it
                           cannot start for another reason than ARG without a URL or handler; else it opens one */
    escertke_handler_fn handler;
    void *handler_ctx;
    unsigned workers;          /* threads that run the handler; 0 = 4, at most 256. 16 requests a thread may wait; past that
                                  5.03 and RSC 5000 */
    unsigned max_sessions;     /* of DTLS; 0 = 1024. Past it the one that has been silent longest, at least a second, goes */
    unsigned max_transfers;    /* contents that come or go in blocks at a time; 0 = 256, of one address a quarter */
    size_t max_transfer_bytes; /* of all of them together; 0 = 8 MiB */
    unsigned timeout_s;        /* a transfer without a block, a DTLS handshake; 0 = 30 */
    unsigned idle_s;           /* a silent DTLS session; 0 = 600 */
    size_t max_body;           /* 0 = ESCERTKE_PRIMITIVE_MAX; past it 4.13 and RSC 4000 */
    escertke_span tls_cert, tls_key; /* PEM, coaps only */
    escertke_span tls_client_trust;  /* PEM: require client certificates under these anchors; empty = none */
    escertke_log log;
} escertke_coap_server_config;

/**
 * Bind a socket for a server that is to be started later: by a process that has meanwhile given up the right to. It is not known
 * yet whether TLS files are usable. @return OK, ARG (URL), IO (port in use, not permitted...), UNSUPPORTED
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_coap_listen(const char *url, int *fd, escertke_detail *d);
/** Start to answer. @return OK, ARG (URL), IO, CREDENTIAL (TLS files), NOMEM, UNSUPPORTED; d says which */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_coap_server_start(const escertke_coap_server_config *cfg,
                                                                      escertke_coap_server **out, escertke_detail *d);
/** URL with the real port, "coap://127.0.0.1:41234/notify"; valid until stop. */
ESCERTKE_API const char *escertke_coap_server_url(const escertke_coap_server *s);

typedef struct escertke_coap_stats {
    uint64_t datagrams;     /* received; of DTLS those that hold a message */
    uint64_t malformed;     /* of these, no CoAP */
    uint64_t repeats;       /* requests that came again: answered from memory, or by the answer that is under way */
    uint64_t requests;      /* given to the handler */
    uint64_t responses[3];  /* 2.xx, 4.xx, 5.xx; one for each block */
    uint64_t turned_away;   /* of these 5.03, since too many requests waited or contents were under way */
    uint64_t resent;        /* responses sent again, since nobody confirmed them */
    uint64_t sessions_lost; /* DTLS sessions that gave way to others, and handshakes that failed */
    size_t sessions, transfers, transfer_bytes, busy; /* at the moment */
} escertke_coap_stats;
/** Counters since start. Thread-safe. */
ESCERTKE_API void escertke_coap_server_get_stats(escertke_coap_server *s, escertke_coap_stats *out);

/**
 * Take no new request, finish what is being answered (at most @p drain_ms), close, release. NULL allowed. What waits in the queue
 * after that gets 5.03; a handler that still runs is waited for, whatever it takes.
 */
ESCERTKE_API void escertke_coap_server_stop(escertke_coap_server *s, unsigned drain_ms);

/* ---- client ------------------------------------------------------------------------------------------------ */

typedef struct escertke_coap_client escertke_coap_client;

typedef struct escertke_coap_client_config {
    uint32_t ack_timeout_ms;         /* until a message is sent again for the first time, and half as long by chance; after that
                                        twice as long each time, four times at most; 0 = 2,000 (RFC 7252 4.8) */
    uint32_t timeout_ms;             /* whole exchange, all blocks; 0 = 30,000 */
    escertke_span tls_trust;         /* PEM anchors for coaps; empty = the system's */
    escertke_span tls_cert, tls_key; /* PEM client certificate for the hop; empty = none */
} escertke_coap_client_config;

/** Thread-safe client that keeps DTLS sessions. @return OK, ARG, NOMEM, TOO_LARGE (a PEM text past 1 MiB), UNSUPPORTED */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_coap_client_new(const escertke_coap_client_config *cfg,
                                                                    escertke_coap_client **out);
/**
 * Send req to @p base and read its response; Confirmable, in blocks of 1,024 octets at most where it does not fit into one.
 *
 * @param base   a pointOfAccess or registrar URL: coap(s)://host[:port][/path]
 * @param to_ae  the receiver is an AE reached by its poa: the poa's path alone is used if it has one
 * @return OK (any RSC), or ESCERTKE_ERR_
 *         ARG          URL not usable, To not an address, no operation or request identifier, a parameter that has no room
 *         UNREACHABLE  nobody answers there, message rejected, DTLS to the hop failed
 *         CREDENTIAL   anchors, certificate or key of the client's configuration not usable
 *         DEADLINE     too late: past the client's timeout, or past the request's rqet, whichever is sooner
 *         RQI          oneM2M-RQI differs from the request's
 *         COAP         no oneM2M answer, unknown critical option, wrong block, content of a type that is not understood
 *         TOO_LARGE    content past the limit, on either side
 *         NOMEM, UNSUPPORTED
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_coap_send(escertke_coap_client *c, const char *base, bool to_ae,
                                                              const escertke_primitive *req, escertke_primitive *rsp,
                                                              escertke_detail *d);
ESCERTKE_API void escertke_coap_client_free(escertke_coap_client *c);

#ifdef __cplusplus
}
#endif
#endif

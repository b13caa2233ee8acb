/*
 * escertke/mqtt.h - the MQTT binding (TS-0010): whole primitives in topics of a broker. MQTT 3.1.1, QoS 1, a persistent session.
 * In a build without it every call says UNSUPPORTED.
 */
#ifndef ESCERTKE_MQTT_H
#define ESCERTKE_MQTT_H

#include <escertke/binding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One end-point's connection to one broker: it sends requests, and takes them if there is a handler. */
typedef struct escertke_mqtt escertke_mqtt;

/** Strings and spans are copied. */
typedef struct escertke_mqtt_config {
    const char *url;       /* mqtt(s)://BROKER[:PORT][/PREFIX]; the prefix goes before all topics (R-BM-5) */
    const char *self;      /* own Absolute AE-ID or CSE-ID: own name in topics */
    bool is_cse;           /* self is a CSE: takes registrations, and "//sp/Sname" is no AE */
    const char *client_id; /* Client Identifier; NULL = "A::/in1/Cmeter" or "C::/in1" (R-BM-1). No two at a time may use it */
    const char *user, *password; /* NULL = none */
    const char *credential_id;   /* who registers an <AE> (reg_req); NULL = self, in its SP-relative form */
    escertke_handler_fn handler; /* NULL = no request is taken */
    void *handler_ctx;
    unsigned workers;                /* threads that run the handler; 0 = 4, at most 256. 16 requests a thread may wait;
                                        past that RSC 5000 */
    uint32_t connect_timeout_ms;     /* from the attempt to connect until all topics are subscribed to; 0 = 5,000 */
    uint32_t timeout_ms;             /* of a request, until its response is there; 0 = 30,000 */
    uint16_t keepalive_s;            /* 0 = 30, at least 5 */
    escertke_span tls_trust;         /* PEM anchors for mqtts; empty = the system's */
    escertke_span tls_cert, tls_key; /* PEM client certificate; empty = none */
    void (*on_state)(void *ctx, bool up, const char *why); /* all is subscribed to, or no longer and why; from a thread of its
                                                              own; must not call back. NULL allowed */
    void *state_ctx;
    escertke_log log;
} escertke_mqtt_config;

/**
 * Start to connect, and connect again whenever the connection is lost, after waits that grow from 0.5 to 15 s and differ by
 * chance. Does not wait for a broker that is not there.
 * @return OK, ARG (URL, ID...), CREDENTIAL (TLS files), NOMEM, IO, BACKEND, UNSUPPORTED
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mqtt_start(const escertke_mqtt_config *cfg, escertke_mqtt **out,
                                                               escertke_detail *d);
/** URL with the port, "mqtt://127.0.0.1:1883/plant"; valid until stop. */
ESCERTKE_API const char *escertke_mqtt_url(const escertke_mqtt *m);
/** Wait until all is subscribed to, at most @p ms. @return OK, UNREACHABLE: d says what the last attempt came to */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mqtt_wait(escertke_mqtt *m, uint32_t ms, escertke_detail *d);

/**
 * Send req to @p receiver and read its response. Thread-safe. If the connection is lost meanwhile, the request stays under way:
 * the broker and this side keep what the other has not confirmed. Only the response with the request's rqi counts, from the topic
 * that answers the request's.
 *
 * @param receiver  Absolute AE-ID or CSE-ID of the next hop (not To)
 * @return OK (any RSC), or ESCERTKE_ERR_
 *         ARG          receiver not an ID, no operation or request identifier
 *         UNREACHABLE  no connection to the broker (in connect_timeout_ms), or stopped meanwhile
 *         DEADLINE     no response: past timeout_ms, or past the request's rqet, whichever is sooner
 *         JSON, PRIMITIVE...   the response cannot be read
 *         UNSUPPORTED  serialization
 *         LIMIT        too many requests under way
 *         TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mqtt_send(escertke_mqtt *m, const char *receiver,
                                                              const escertke_primitive *req, escertke_primitive *rsp,
                                                              escertke_detail *d);

typedef struct escertke_mqtt_stats {
    uint64_t connections; /* times that all was subscribed to */
    uint64_t requests;    /* taken for the handler */
    uint64_t repeats;     /* of these, delivered again: not handled a second time */
    uint64_t turned_away; /* answered 5000 because too many waited */
    uint64_t ignored;     /* messages with a topic, payload or rqi that means nothing here, and retained ones */
    uint64_t sent;        /* messages given to the broker */
    size_t waiting;       /* at the moment: messages for the broker */
    bool up;
} escertke_mqtt_stats;
/** Counters since start. Thread-safe. */
ESCERTKE_API void escertke_mqtt_get_stats(escertke_mqtt *m, escertke_mqtt_stats *out);

/**
 * Finish what is being answered and give it to the broker (at most @p drain_ms), disconnect, release. NULL allowed. The broker
 * keeps the session: what is sent meanwhile waits there for the next start. A handler that still runs is waited for, whatever it
 * takes. Nobody may be in escertke_mqtt_send any more.
 */
ESCERTKE_API void escertke_mqtt_stop(escertke_mqtt *m, unsigned drain_ms);

#ifdef __cplusplus
}
#endif
#endif

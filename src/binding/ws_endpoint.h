/*
 * ws_endpoint.h - what a client and a server of WebSocket share: connections, over each of which both sides send requests, and a
 * thread that alone talks to libwebsockets. Other threads only touch the queues, and wake it.
 */
#ifndef ESCERTKE_BINDING_WS_ENDPOINT_H
#define ESCERTKE_BINDING_WS_ENDPOINT_H

#include <pthread.h>
#include <stdatomic.h>

#include <escertke/ws.h>

#include "binding/http_workers.h"
#include "binding/ws_message.h"

struct lws;
struct lws_context;
struct esc_ws;
struct esc_ws_wait;

/* Of one connection; more wait too long, and are refused. */
enum { ESC_WS_QUEUE_COUNT = 1024, ESC_WS_QUEUE_BYTES = 4 << 20 };
/* Of all connections; once more waits, each may have its next message and this share, so that the greedy do not starve the
 * others. */
enum { ESC_WS_QUEUES_BYTES = 32 << 20, ESC_WS_SHARE_BYTES = 64 << 10 };
/* Requests that may wait for a worker. */
enum { ESC_WS_QUEUE_PER_WORKER = 16 };
/* Close codes (RFC 6455 7.4.1). */
enum { ESC_WS_GOING_AWAY = 1001, ESC_WS_POLICY = 1008 };

/** A message that is to be sent; room for the library is left before it. */
struct esc_ws_out {
    struct esc_ws_out *next;
    uint64_t ticket, since_ms;
    size_t len;
    uint8_t octets[];
};

struct esc_ws_conn {
    struct esc_ws *ws;
    atomic_uint refs; /* the library's, and of each job and request that uses it */
    char source[ESCERTKE_SOURCE_MAX + 1];
    escertke_format format; /* fixed once it is open */

    /* under the endpoint's lock */
    struct esc_ws_conn *next, *next_dirty;
    bool open, gone, dirty;
    struct esc_ws_out *first, *last;
    size_t count, bytes;
    struct esc_ws_wait *waiting; /* requests that were sent over it */
    unsigned jobs, places;       /* requests being answered; entities that are reached over it */
    uint64_t active_ms;          /* last message either way, or its beginning */
    bool ping;                   /* one is to be sent */
    uint64_t ponged_ms;
    int close_code; /* 0 = it may stay; deaf from now on, and closed when the queue is empty */
    bool dead;      /* to be ended without a farewell */

    /* the thread's own */
    struct lws *wsi;
    bool farewell; /* the close frame is on its way; the library waits 5 s for the other side's */
    struct esc_ws_assembly in;
};

/** What a client and a server do differently. All but answered and admit in the thread. NULL allowed. */
struct esc_ws_role {
    void (*opened)(struct esc_ws_conn *c);
    void (*leaves)(struct esc_ws_conn *c);                  /* with the lock held */
    void (*closed)(struct esc_ws_conn *c, const char *why); /* it was open or was being opened */
    void (*tick)(struct esc_ws *ws);                        /* often */
    const char *(*admit)(struct esc_ws_conn *c,
                         const escertke_primitive *req); /* why it is refused with 4103; NULL = it is not */
    void (*answered)(struct esc_ws_conn *c, const escertke_primitive *req, const escertke_primitive *rsp); /* before it is sent */
};

/** Part of a client's and of a server's struct. */
struct esc_ws {
    const struct esc_ws_role *role;
    escertke_handler_fn handler;
    void *handler_ctx;
    unsigned timeout_s; /* a message must be complete, and what is sent taken, in this time */
    escertke_log log;
    unsigned jobs_max;           /* requests of one connection at once, so that it leaves room for others; 0 = there is but one */
    struct esc_workers *workers; /* NULL: no handler */

    pthread_mutex_t lock;
    pthread_cond_t change; /* a connection came, went or answered a ping; nothing runs any more */
    struct esc_ws_conn *conns, *dirty;
    unsigned conn_count;
    uint64_t tickets;
    size_t busy; /* requests taken and not answered */
    size_t queued_bytes;
    bool stopping;
    uint64_t stop_ms;
    atomic_bool draining;

    struct lws_context *context; /* until the thread ends it; under lock */
    pthread_t thread;
    bool running;

    atomic_uint_fast64_t connections, requests, turned_away, ignored, sent;
};

/* ---- ws_endpoint.c -------------------------------------------------------------------------------------------- */

/** @return OK, NOMEM, IO */
ESCERTKE_CHECKED escertke_err esc_ws_init(struct esc_ws *ws, unsigned workers);
/**
 * Take no more, finish what runs, send it, close with 1001, end the thread. Who waits for a response gets UNREACHABLE. Others may
 * still try to send.
 */
void esc_ws_drain(struct esc_ws *ws, unsigned drain_ms);
/** The same, and release what it holds: nobody sends any more. */
void esc_ws_end(struct esc_ws *ws, unsigned drain_ms);
/** Without registrees. */
void esc_ws_get_stats(struct esc_ws *ws, escertke_ws_stats *out);

/** A connection that is not open yet, with one reference; NULL when out of memory. */
struct esc_ws_conn *esc_ws_conn_new(struct esc_ws *ws);
void esc_ws_conn_keep(struct esc_ws_conn *c);
void esc_ws_conn_release(struct esc_ws_conn *c);
/** It is open, in this serialization. In the thread. */
void esc_ws_conn_opened(struct esc_ws_conn *c, escertke_format format);
/** It is over, or came to nothing: who waits for a response gets UNREACHABLE, its reference is given back. In the thread. */
void esc_ws_conn_closed(struct esc_ws_conn *c, const char *why);

/** Have a message sent. With the lock held. @return OK, LIMIT, NOMEM, UNREACHABLE (it has gone) */
ESCERTKE_CHECKED escertke_err esc_ws_conn_queue(struct esc_ws_conn *c, escertke_span message, uint64_t *ticket);
/** Take it back. With the lock held. @return false: it is on its way already */
bool esc_ws_conn_withdraw(struct esc_ws_conn *c, uint64_t ticket);
/** The first message of the queue, to be released by esc_ws_out_free(); NULL = none. */
struct esc_ws_out *esc_ws_conn_take(struct esc_ws_conn *c);
/** Its octets. */
escertke_span esc_ws_out_message(const struct esc_ws_out *m);
void esc_ws_out_free(struct esc_ws_out *m);
/** There is something to do for it in the thread, which is woken. With the lock held. */
void esc_ws_conn_mark(struct esc_ws_conn *c);
/** Have the thread look round. With the lock held. */
void esc_ws_wake(struct esc_ws *ws);
/** Ask the other side whether it is there, and wait for its answer at most that long. @return it is */
bool esc_ws_conn_alive(struct esc_ws_conn *c, uint32_t ms);

/** A message came; in the thread. */
void esc_ws_conn_take_in(struct esc_ws_conn *c, escertke_span message);

/* ---- ws_requester.c ------------------------------------------------------------------------------------------- */

/**
 * Send a request over a connection and wait for its response.
 * @param p     who may end it sooner; NULL = nobody
 * @param sent  did it leave? If not it may be sent again, whatever it is
 * @return OK, UNREACHABLE (the connection went), DEADLINE, LIMIT, and what writing and reading a primitive say
 */
ESCERTKE_CHECKED escertke_err esc_ws_request(struct esc_ws_conn *c, const escertke_primitive *req, uint64_t until_ms,
                                             const struct esc_patience *p, escertke_primitive *rsp, bool *sent,
                                             escertke_detail *d);
/**
 * A response came; taken over if somebody waits for it. In the thread.
 * @param why  what is wrong with it; NULL = nothing
 * @return false: nobody does
 */
bool esc_ws_response(struct esc_ws_conn *c, escertke_primitive *rsp, const escertke_detail *why);
/** The connection went. With the lock held. */
void esc_ws_requests_end(struct esc_ws_conn *c, const char *why);

/* ---- ws_responder.c ------------------------------------------------------------------------------------------- */

/** A request came; taken over. In the thread. */
void esc_ws_take_request(struct esc_ws_conn *c, escertke_primitive *req);
/** Refuse what cannot be handled; req has rqi at least. */
void esc_ws_refuse(struct esc_ws_conn *c, const escertke_primitive *req, int rsc, const char *reason);
/** Jobs of the workers. */
void esc_ws_responder_run(void *job);
void esc_ws_responder_drop(void *job);

#endif

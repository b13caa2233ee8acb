#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/http_map.h"
#include "binding/http_server.h"
#include "binding/http_source.h"

/* A body past the limit is read on for so long and answered with 413; whoever sends more is cut off. */
#define DISCARD_MAX ((size_t)1 << 20)

enum stage { HEAD, BODY, COMPLETE, RUNNING, ANSWER };

struct exchange {
    escertke_http_server *server;
    struct MHD_Connection *connection;
    struct esc_watched *watched; /* the connection's time; NULL = not watched */
    enum stage stage;
    bool counted;     /* in server->busy */
    unsigned lengths; /* header fields that say where the request ends */
    size_t discarded; /* bytes of the body past the limit or of a refused request */
    escertke_now arrived;
    struct esc_http_in in;
    escertke_detail detail;
    escertke_primitive req, rsp;
    char target[]; /* as it stood in the request line */
};

static struct esc_watched *watched_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

void *esc_exchange_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
    escertke_http_server *server = cls;
    size_t len = strlen(target);
    struct exchange *x = esc_alloc(sizeof *x + len + 1);

    if (!x)
        return NULL;
    memset(x, 0, sizeof *x);
    x->server = server;
    x->connection = connection;
    x->watched = watched_of(connection);
    memcpy(x->target, target, len + 1);
    escertke_detail_init(&x->detail);
    escertke_primitive_init(&x->req);
    escertke_primitive_init(&x->rsp);
    escertke_buf_init(&x->req.content, server->cfg.max_body);
    esc_http_in_init(&x->in, false, &x->req, &x->detail);
    return x;
}

void esc_exchange_end(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    escertke_http_server *server = cls;
    struct exchange *x = *state;

    (void)connection;
    (void)why;
    if (!x)
        return;
    if (x->counted) {
        pthread_mutex_lock(&server->lock);
        if (--server->busy == 0)
            pthread_cond_broadcast(&server->idle);
        pthread_mutex_unlock(&server->lock);
    }
    esc_watched_begin(x->watched); /* for the next request */
    escertke_primitive_clear(&x->req);
    escertke_primitive_clear(&x->rsp);
    esc_release(x);
    *state = NULL;
}

/* ---- response ---------------------------------------------------------------------------------------------- */

/* What is wrong with the request becomes the response, with the reason in words for people. */
static void refusal_to_response(struct exchange *x)
{
    escertke_format wanted = esc_http_in_wanted(&x->in);

    escertke_primitive_clear(&x->rsp);
    x->rsp.rsc = x->in.rsc;
    /* without the words the code still says what is needed; a client that takes no serialization of ours gets none */
    if (wanted) {
        x->rsp.format = wanted;
        if (escertke_dbg_write(wanted, x->detail.reason, &x->rsp.content) != ESCERTKE_OK)
            escertke_buf_reset(&x->rsp.content);
    }
    esc_log(&x->server->cfg.log, ESCERTKE_LEVEL_INFO, "http.refused", "status=%d rsc=%d reason=\"%s\"", x->in.status, x->in.rsc,
            x->detail.reason);
}

static void refuse(struct exchange *x, int rsc, int status, escertke_err err, const char *reason)
{
    esc_http_in_refuse(&x->in, rsc, esc_fail(&x->detail, err, "TS-0009 6.3", "%s", reason));
    x->in.status = status;
}

static enum MHD_Result answer(struct exchange *x)
{
    struct esc_http_out out;
    struct MHD_Response *response;
    enum MHD_Result result = MHD_YES;
    int status;

    x->stage = ANSWER;
    esc_watched_begin(x->watched); /* to take the response */
    if (x->in.err != ESCERTKE_OK)
        refusal_to_response(x);
    status = x->in.err != ESCERTKE_OK ? x->in.status : escertke_rsc_http(x->rsp.rsc);
    esc_http_out_response(&x->req, &x->rsp, &out);
    /* the content stays where it is until esc_exchange_end() */
    response = MHD_create_response_from_buffer(x->rsp.content.len, x->rsp.content.ptr, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < out.count && result == MHD_YES; i++)
        result = MHD_add_response_header(response, out.fields[i].name, out.fields[i].value);
    if (result == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, POST, PUT, DELETE");
    if (result == MHD_YES && atomic_load(&x->server->draining))
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (result == MHD_YES)
        result = MHD_queue_response(x->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    if (result == MHD_YES && status >= 100 && status < 600)
        atomic_fetch_add(&x->server->responses[status / 100 - 1], 1);
    esc_log(&x->server->cfg.log, ESCERTKE_LEVEL_DEBUG, "http.answered", "op=%d status=%d rsc=%d bytes=%zu", (int)x->req.op,
            status, x->rsp.rsc, x->rsp.content.len);
    return result;
}

/* ---- handler ----------------------------------------------------------------------------------------------- */

static void call_handler(struct exchange *x)
{
    x->server->cfg.handler(x->server->cfg.handler_ctx, &x->req, x->arrived, &x->rsp);
    if (!x->rsp.rsc)
        refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, MHD_HTTP_INTERNAL_SERVER_ERROR, ESCERTKE_ERR_STATE,
               "the request was not answered");
    x->stage = ANSWER;
}

void esc_exchange_run(void *job)
{
    struct exchange *x = job;

    call_handler(x);
    MHD_resume_connection(x->connection);
}

void esc_exchange_drop(void *job)
{
    struct exchange *x = job;

    refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, MHD_HTTP_SERVICE_UNAVAILABLE, ESCERTKE_ERR_LIMIT, "shutting down");
    x->stage = ANSWER;
    MHD_resume_connection(x->connection);
}

static enum MHD_Result dispatch(struct exchange *x)
{
    escertke_http_server *server = x->server;

    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    esc_http_source(peer ? peer->client_addr : NULL, x->req.source);
    x->arrived = escertke_system_clock(NULL);
    pthread_mutex_lock(&server->lock);
    server->busy++;
    pthread_mutex_unlock(&server->lock);
    x->counted = true;
    esc_watched_pause(x->watched); /* the handler's time is not the peer's */
    x->stage = RUNNING;
    if (!server->workers) {
        call_handler(x);
        return answer(x);
    }
    MHD_suspend_connection(x->connection); /* first: from the offer on another thread may resume it */
    if (esc_workers_offer(server->workers, x))
        return MHD_YES;
    refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, MHD_HTTP_SERVICE_UNAVAILABLE, ESCERTKE_ERR_LIMIT,
           "too many requests wait already");
    atomic_fetch_add(&server->turned_away, 1);
    x->stage = ANSWER;
    MHD_resume_connection(x->connection);
    return MHD_YES;
}

/* ---- request ----------------------------------------------------------------------------------------------- */

static enum MHD_Result read_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
                                  size_t value_len)
{
    struct exchange *x = cls;

    (void)kind;
    if (!strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) || !strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        x->lengths++;
    esc_http_in_field(&x->in, (escertke_span){ (const uint8_t *)name, name_len },
                      (escertke_span){ (const uint8_t *)value, value ? value_len : 0 });
    return MHD_YES;
}

static void refuse_size(struct exchange *x)
{
    char reason[80];

    snprintf(reason, sizeof reason, "content is larger than %zu bytes", x->server->cfg.max_body);
    refuse(x, ESCERTKE_RSC_BAD_REQUEST, MHD_HTTP_CONTENT_TOO_LARGE, ESCERTKE_ERR_TOO_LARGE, reason);
    escertke_buf_reset(&x->req.content);
}

/* Larger than the limit by its own Content-Length? libmicrohttpd has checked that it is a number. */
static bool announced_too_large(struct exchange *x)
{
    const char *length = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t value = 0;

    for (; length && *length >= '0' && *length <= '9' && value <= x->server->cfg.max_body; length++)
        value = value * 10 + (size_t)(*length - '0');
    return value > x->server->cfg.max_body;
}

static enum MHD_Result read_head(struct exchange *x, const char *method)
{
    x->stage = BODY;
    esc_http_in_line(&x->in, method, escertke_span_str(x->target), x->server->prefix);
    MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, read_field, x);
    bool ambiguous = x->lengths > 1; /* two readers could see two requests in it (RFC 9112 6.3) */
    if (ambiguous)
        refuse(x, ESCERTKE_RSC_BAD_REQUEST, MHD_HTTP_BAD_REQUEST, ESCERTKE_ERR_HTTP,
               "more than one Content-Length or Transfer-Encoding");
    else if (announced_too_large(x))
        refuse_size(x);
    if (ambiguous || x->in.err == ESCERTKE_ERR_TOO_LARGE)
        return answer(x); /* before the body: libmicrohttpd closes the connection behind it */
    /* any other refusal waits until the body, bounded as it is, has been read: the connection stays usable */
    return esc_http_in_head(&x->in) == ESCERTKE_ERR_NOMEM ? MHD_NO : MHD_YES;
}

static enum MHD_Result read_body(struct exchange *x, const char *data, size_t *len)
{
    if (x->in.err == ESCERTKE_OK) {
        escertke_err err = escertke_buf_append(&x->req.content, data, *len);
        if (err == ESCERTKE_ERR_TOO_LARGE)
            refuse_size(x);
        else if (err != ESCERTKE_OK)
            return MHD_NO;
    } else {
        x->discarded += *len;
        if (x->discarded > DISCARD_MAX)
            return MHD_NO;
    }
    *len = 0;
    return MHD_YES;
}

/*
 * A connection that is suspended in the step in which its request was read is read from again when it is resumed, and if its peer
 * has closed his half meanwhile, libmicrohttpd 0.9.75 closes it without the answer. So a worker gets it in the next step, which
 * comes at once.
 */
static enum MHD_Result complete(struct exchange *x)
{
    x->stage = COMPLETE;
    return x->server->workers ? MHD_YES : dispatch(x);
}

enum MHD_Result esc_exchange_step(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **state)
{
    struct exchange *x = *state;

    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO; /* out of memory at the request line */
    if (x->stage == HEAD)
        return read_head(x, method);
    if (x->stage == BODY && *data_len)
        return read_body(x, data, data_len);
    if (x->stage == BODY && esc_http_in_end(&x->in) == ESCERTKE_OK)
        return complete(x);
    return x->stage == COMPLETE ? dispatch(x) : answer(x);
}

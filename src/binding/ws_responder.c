/* Requests in over a connection, and their responses. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/ws_endpoint.h"

struct job {
    struct esc_ws_conn *c;
    escertke_now arrived;
    escertke_primitive req;
};

/* ---- responses -------------------------------------------------------------------------------------------------- */

/* Who does not take what he asked for is let go. */
static void send_answer(struct esc_ws_conn *c, escertke_span message)
{
    uint64_t ticket;

    pthread_mutex_lock(&c->ws->lock);
    escertke_err err = esc_ws_conn_queue(c, message, &ticket);
    c->active_ms = escertke_system_clock(NULL).mono_ms;
    if (err == ESCERTKE_ERR_LIMIT && !c->close_code) {
        c->close_code = ESC_WS_POLICY;
        esc_ws_conn_mark(c);
    }
    pthread_mutex_unlock(&c->ws->lock);
    if (err != ESCERTKE_OK)
        esc_log(&c->ws->log, ESCERTKE_LEVEL_WARN, "ws.unanswered", "to=%s reason=\"%s\"", c->source, escertke_err_text(err));
}

static void respond(struct esc_ws_conn *c, const escertke_primitive *req, escertke_primitive *rsp)
{
    escertke_buf out;

    escertke_buf_init(&out, ESC_WHOLE_MAX);
    if (esc_whole_answer(c->format, req->rqi, req->rvi, rsp, &out) == ESCERTKE_OK)
        send_answer(c, escertke_buf_span(&out));
    esc_log(&c->ws->log, ESCERTKE_LEVEL_DEBUG, "ws.answered", "to=%s op=%d rsc=%d bytes=%zu", c->source, (int)req->op, rsp->rsc,
            out.len);
    escertke_buf_free(&out);
}

void esc_ws_refuse(struct esc_ws_conn *c, const escertke_primitive *req, int rsc, const char *reason)
{
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    esc_whole_refuse(c->format, rsc, reason, &rsp);
    esc_log(&c->ws->log, ESCERTKE_LEVEL_INFO, "ws.refused", "to=%s rsc=%d reason=\"%s\"", c->source, rsc, reason);
    respond(c, req, &rsp);
    escertke_primitive_clear(&rsp);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static void finish(struct job *job)
{
    struct esc_ws_conn *c = job->c;
    struct esc_ws *ws = c->ws;

    pthread_mutex_lock(&ws->lock);
    c->jobs--;
    if (--ws->busy == 0)
        pthread_cond_broadcast(&ws->change);
    pthread_mutex_unlock(&ws->lock);
    escertke_primitive_clear(&job->req);
    esc_ws_conn_release(c);
    esc_release(job);
}

static void handle(struct job *job)
{
    struct esc_ws_conn *c = job->c;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    c->ws->handler(c->ws->handler_ctx, &job->req, job->arrived, &rsp);
    if (rsp.rsc && c->ws->role->answered)
        c->ws->role->answered(c, &job->req, &rsp);
    if (rsp.rsc)
        respond(c, &job->req, &rsp);
    else
        esc_ws_refuse(c, &job->req, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the request was not answered");
    escertke_primitive_clear(&rsp);
}

void esc_ws_responder_run(void *arg)
{
    struct job *job = arg;
    const struct esc_ws_role *role = job->c->ws->role;
    const char *reason = role->admit ? role->admit(job->c, &job->req) : NULL;

    if (reason)
        esc_ws_refuse(job->c, &job->req, ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, reason);
    else
        handle(job);
    finish(job);
}

static void turn_away(struct job *job, const char *reason)
{
    atomic_fetch_add(&job->c->ws->turned_away, 1);
    esc_ws_refuse(job->c, &job->req, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, reason);
    finish(job);
}

void esc_ws_responder_drop(void *arg)
{
    turn_away(arg, "shutting down");
}

void esc_ws_take_request(struct esc_ws_conn *c, escertke_primitive *req)
{
    struct esc_ws *ws = c->ws;
    struct job *job = ws->workers ? esc_alloc(sizeof *job) : NULL;

    if (!job) {
        esc_ws_refuse(c, req, ws->workers ? ESCERTKE_RSC_INTERNAL_SERVER_ERROR : ESCERTKE_RSC_NOT_IMPLEMENTED,
                      ws->workers ? "out of memory" : "no requests are taken over this connection");
        return;
    }
    *job = (struct job){ .c = c, .arrived = escertke_system_clock(NULL), .req = *req };
    escertke_primitive_init(req); /* moved */
    snprintf(job->req.source, sizeof job->req.source, "%s", c->source);
    esc_ws_conn_keep(c);
    pthread_mutex_lock(&ws->lock);
    ws->busy++;
    c->jobs++;
    c->active_ms = job->arrived.mono_ms;
    bool greedy = ws->jobs_max && c->jobs > ws->jobs_max;
    pthread_mutex_unlock(&ws->lock);
    atomic_fetch_add(&ws->requests, 1);
    if (atomic_load(&ws->draining))
        turn_away(job, "shutting down");
    else if (greedy)
        turn_away(job, "too many requests of this connection wait already");
    else if (!esc_workers_offer(ws->workers, job))
        turn_away(job, "too many requests wait already");
}

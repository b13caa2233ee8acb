#include "binding/ws_endpoint.h"

#include <libwebsockets.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/until.h"

#define FAREWELL_MS 300u /* for the other side's part of closing */

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

escertke_err esc_ws_init(struct esc_ws *ws, unsigned workers)
{
    pthread_mutex_init(&ws->lock, NULL);
    esc_until_init(&ws->change);
    if (!ws->handler)
        return ESCERTKE_OK;
    return esc_workers_start(workers, (size_t)workers * ESC_WS_QUEUE_PER_WORKER, esc_ws_responder_run, &ws->workers);
}

static void wait_idle(struct esc_ws *ws, uint64_t until_ms)
{
    int code = 0;

    pthread_mutex_lock(&ws->lock);
    while (ws->busy && !code)
        code = esc_until_wait(&ws->change, &ws->lock, until_ms);
    pthread_mutex_unlock(&ws->lock);
}

static void close_all(struct esc_ws *ws, uint64_t until_ms)
{
    pthread_mutex_lock(&ws->lock);
    ws->stopping = true;
    ws->stop_ms = until_ms;
    for (struct esc_ws_conn *c = ws->conns; c; c = c->next) {
        c->close_code = ESC_WS_GOING_AWAY;
        esc_ws_conn_mark(c);
    }
    esc_ws_wake(ws);
    pthread_cond_broadcast(&ws->change);
    pthread_mutex_unlock(&ws->lock);
}

void esc_ws_drain(struct esc_ws *ws, unsigned drain_ms)
{
    uint64_t until_ms = now_ms() + drain_ms;

    atomic_store(&ws->draining, true);
    if (ws->running)
        wait_idle(ws, until_ms);
    if (ws->workers)
        esc_workers_stop(ws->workers, esc_ws_responder_drop);
    if (!ws->running)
        return;
    uint64_t least = now_ms() + FAREWELL_MS;
    close_all(ws, until_ms > least ? until_ms : least);
    pthread_join(ws->thread, NULL);
    ws->running = false;
}

void esc_ws_end(struct esc_ws *ws, unsigned drain_ms)
{
    esc_ws_drain(ws, drain_ms);
    if (ws->context)
        lws_context_destroy(ws->context);
    esc_workers_free(ws->workers);
    pthread_cond_destroy(&ws->change);
    pthread_mutex_destroy(&ws->lock);
}

void esc_ws_get_stats(struct esc_ws *ws, escertke_ws_stats *out)
{
    *out = (escertke_ws_stats){ .connections = atomic_load(&ws->connections),
                                .requests = atomic_load(&ws->requests),
                                .turned_away = atomic_load(&ws->turned_away),
                                .ignored = atomic_load(&ws->ignored),
                                .sent = atomic_load(&ws->sent) };
    pthread_mutex_lock(&ws->lock);
    out->open = ws->conn_count;
    pthread_mutex_unlock(&ws->lock);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

struct esc_ws_conn *esc_ws_conn_new(struct esc_ws *ws)
{
    struct esc_ws_conn *c = esc_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->ws = ws;
    c->active_ms = now_ms();
    atomic_init(&c->refs, 1);
    pthread_mutex_lock(&ws->lock);
    c->next = ws->conns;
    ws->conns = c;
    ws->conn_count++;
    pthread_mutex_unlock(&ws->lock);
    return c;
}

void esc_ws_conn_keep(struct esc_ws_conn *c)
{
    atomic_fetch_add(&c->refs, 1);
}

void esc_ws_conn_release(struct esc_ws_conn *c)
{
    struct esc_ws_out *m;

    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    while ((m = esc_ws_conn_take(c)) != NULL)
        esc_ws_out_free(m);
    esc_ws_assembly_clear(&c->in);
    esc_release(c);
}

void esc_ws_conn_opened(struct esc_ws_conn *c, escertke_format format)
{
    struct esc_ws *ws = c->ws;

    pthread_mutex_lock(&ws->lock);
    c->format = format;
    c->open = true;
    c->active_ms = now_ms();
    if (ws->stopping)
        c->close_code = ESC_WS_GOING_AWAY;
    pthread_cond_broadcast(&ws->change);
    pthread_mutex_unlock(&ws->lock);
    atomic_fetch_add(&ws->connections, 1);
    if (ws->role->opened)
        ws->role->opened(c);
    esc_log(&ws->log, ESCERTKE_LEVEL_INFO, "ws.open", "with=%s subprotocol=%s", c->source, esc_ws_subprotocol(format));
}

static void unlist(struct esc_ws_conn **list, struct esc_ws_conn *c)
{
    while (*list != c)
        list = &(*list)->next;
    *list = c->next;
}

static void clean(struct esc_ws_conn *c)
{
    struct esc_ws_conn **dirty = &c->ws->dirty;

    while (c->dirty && *dirty != c)
        dirty = &(*dirty)->next_dirty;
    if (c->dirty)
        *dirty = c->next_dirty;
    c->dirty = false;
}

void esc_ws_conn_closed(struct esc_ws_conn *c, const char *why)
{
    struct esc_ws *ws = c->ws;

    pthread_mutex_lock(&ws->lock);
    c->gone = true;
    c->wsi = NULL;
    ws->queued_bytes -= c->bytes; /* what was not sent stays in its queue: who sent it may take it back */
    clean(c);
    unlist(&ws->conns, c);
    ws->conn_count--;
    esc_ws_requests_end(c, why);
    if (ws->role->leaves)
        ws->role->leaves(c);
    pthread_cond_broadcast(&ws->change);
    pthread_mutex_unlock(&ws->lock);
    esc_log(&ws->log, ESCERTKE_LEVEL_INFO, "ws.closed", "with=%s why=\"%s\"", c->source, why);
    if (ws->role->closed)
        ws->role->closed(c, why);
    esc_ws_conn_release(c);
}

void esc_ws_wake(struct esc_ws *ws)
{
    if (ws->context)
        lws_cancel_service(ws->context);
}

void esc_ws_conn_mark(struct esc_ws_conn *c)
{
    if (c->dirty || c->gone)
        return;
    if (!c->ws->dirty)
        esc_ws_wake(c->ws);
    c->dirty = true;
    c->next_dirty = c->ws->dirty;
    c->ws->dirty = c;
}

bool esc_ws_conn_alive(struct esc_ws_conn *c, uint32_t ms)
{
    struct esc_ws *ws = c->ws;
    uint64_t asked_ms = now_ms();
    int code = 0;

    pthread_mutex_lock(&ws->lock);
    c->ping = true;
    esc_ws_conn_mark(c);
    while (!c->gone && c->ponged_ms < asked_ms && !code)
        code = esc_until_wait(&ws->change, &ws->lock, asked_ms + ms);
    bool alive = !c->gone && c->ponged_ms >= asked_ms;
    pthread_mutex_unlock(&ws->lock);
    return alive;
}

/* ---- the queue -------------------------------------------------------------------------------------------------- */

static bool has_room(const struct esc_ws_conn *c, size_t len)
{
    if (c->count == ESC_WS_QUEUE_COUNT || len > ESC_WS_QUEUE_BYTES - c->bytes)
        return false;
    return !c->first || c->bytes + len <= ESC_WS_SHARE_BYTES || c->ws->queued_bytes + len <= ESC_WS_QUEUES_BYTES;
}

escertke_err esc_ws_conn_queue(struct esc_ws_conn *c, escertke_span message, uint64_t *ticket)
{
    struct esc_ws_out *m;

    if (c->gone || !c->open)
        return ESCERTKE_ERR_UNREACHABLE;
    if (!has_room(c, message.len))
        return ESCERTKE_ERR_LIMIT;
    m = esc_alloc(sizeof *m + LWS_PRE + message.len);
    if (!m)
        return ESCERTKE_ERR_NOMEM;
    memcpy(m->octets + LWS_PRE, message.ptr, message.len);
    m->next = NULL;
    m->len = message.len;
    m->ticket = *ticket = ++c->ws->tickets;
    m->since_ms = now_ms();
    if (c->last)
        c->last->next = m;
    else
        c->first = m;
    c->last = m;
    c->count++;
    c->bytes += m->len;
    c->ws->queued_bytes += m->len;
    esc_ws_conn_mark(c);
    return ESCERTKE_OK;
}

static void unlink_after(struct esc_ws_conn *c, struct esc_ws_out *before, struct esc_ws_out *m)
{
    if (before)
        before->next = m->next;
    else
        c->first = m->next;
    if (c->last == m)
        c->last = before;
    c->count--;
    c->bytes -= m->len;
    if (!c->gone)
        c->ws->queued_bytes -= m->len;
}

bool esc_ws_conn_withdraw(struct esc_ws_conn *c, uint64_t ticket)
{
    struct esc_ws_out *before = NULL;

    for (struct esc_ws_out *m = c->first; m; before = m, m = m->next)
        if (m->ticket == ticket) {
            unlink_after(c, before, m);
            esc_ws_out_free(m);
            return true;
        }
    return false;
}

struct esc_ws_out *esc_ws_conn_take(struct esc_ws_conn *c)
{
    struct esc_ws_out *m = c->first;

    if (m)
        unlink_after(c, NULL, m);
    return m;
}

escertke_span esc_ws_out_message(const struct esc_ws_out *m)
{
    return (escertke_span){ m->octets + LWS_PRE, m->len };
}

void esc_ws_out_free(struct esc_ws_out *m)
{
    esc_release(m);
}

/* ---- messages in ------------------------------------------------------------------------------------------------ */

static void ignore(struct esc_ws_conn *c, size_t len, const char *reason)
{
    atomic_fetch_add(&c->ws->ignored, 1);
    esc_log(&c->ws->log, ESCERTKE_LEVEL_INFO, "ws.ignored", "from=%s bytes=%zu reason=\"%s\"", c->source, len, reason);
}

void esc_ws_conn_take_in(struct esc_ws_conn *c, escertke_span message)
{
    escertke_primitive p;
    escertke_detail why;

    escertke_detail_init(&why);
    switch (esc_ws_sort(c->format, message, &p, &why)) {
    case ESC_WS_REQUEST: esc_ws_take_request(c, &p); break;
    case ESC_WS_RESPONSE:
        if (!esc_ws_response(c, &p, NULL))
            ignore(c, message.len, "a response that nobody waits for");
        break;
    case ESC_WS_UNREADABLE: /* of whichever kind */
        if (!esc_ws_response(c, &p, &why))
            esc_ws_refuse(c, &p, esc_whole_rsc(why.err), why.reason);
        break;
    case ESC_WS_MEANINGLESS: ignore(c, message.len, why.reason); break;
    }
    escertke_primitive_clear(&p);
}

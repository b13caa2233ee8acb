/* Requests out over a connection, and the responses that belong to them. */
#include <string.h>

#include "base/fail.h"
#include "binding/until.h"
#include "binding/ws_endpoint.h"

#define WAITING_MAX 1024u

/* On the stack of the thread that waits; in its connection's list. */
struct esc_ws_wait {
    struct esc_ws_wait *next;
    const char *rqi, *fr;
    pthread_cond_t answered;
    bool done;
    escertke_err err;
    escertke_primitive *rsp;
    escertke_detail *d;
};

/* @param why  NULL: here it is */
static void hand_over(struct esc_ws_wait *w, escertke_primitive *rsp, const escertke_detail *why)
{
    w->done = true;
    w->err = why ? why->err : ESCERTKE_OK;
    if (!why) {
        *w->rsp = *rsp; /* moved */
        escertke_primitive_init(rsp);
    } else if (w->d && w->d->err == ESCERTKE_OK) {
        *w->d = *why;
    }
    pthread_cond_signal(&w->answered);
}

bool esc_ws_response(struct esc_ws_conn *c, escertke_primitive *rsp, const escertke_detail *why)
{
    struct esc_ws_wait *w;

    pthread_mutex_lock(&c->ws->lock);
    c->active_ms = escertke_system_clock(NULL).mono_ms;
    for (w = c->waiting; w && (w->done || strcmp(w->rqi, rsp->rqi) != 0);)
        w = w->next;
    if (w)
        hand_over(w, rsp, why);
    pthread_mutex_unlock(&c->ws->lock);
    return w != NULL;
}

void esc_ws_requests_end(struct esc_ws_conn *c, const char *why)
{
    escertke_detail lost;

    escertke_detail_init(&lost);
    (void)esc_fail(&lost, ESCERTKE_ERR_UNREACHABLE, "", "the connection was lost before the response came: %.160s", why);
    for (struct esc_ws_wait *w = c->waiting; w; w = w->next)
        if (!w->done)
            hand_over(w, NULL, &lost);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* With the lock held. Of one originator two with the same rqi are the same, and so are their responses; of two they are not, and
 * could not be told from each other. */
static bool enlist(struct esc_ws_conn *c, struct esc_ws_wait *w)
{
    unsigned count = 0;

    for (const struct esc_ws_wait *other = c->waiting; other; other = other->next, count++)
        if (strcmp(other->rqi, w->rqi) == 0 && !same(other->fr, w->fr))
            return false;
    if (count >= WAITING_MAX)
        return false;
    w->next = c->waiting;
    c->waiting = w;
    return true;
}

static void strike(struct esc_ws_conn *c, struct esc_ws_wait *w)
{
    struct esc_ws_wait **at = &c->waiting;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
}

static escertke_err exchange(struct esc_ws_conn *c, struct esc_ws_wait *w, escertke_span message, uint64_t until_ms,
                             const struct esc_patience *p, bool *sent, escertke_detail *d)
{
    struct esc_ws *ws = c->ws;
    uint64_t ticket = 0;
    escertke_err err;
    uint64_t now_ms;

    pthread_mutex_lock(&ws->lock);
    if (!enlist(c, w)) {
        pthread_mutex_unlock(&ws->lock);
        return esc_fail(d, ESCERTKE_ERR_LIMIT, "", "too many requests under way, or one with this rqi");
    }
    err = esc_ws_conn_queue(c, message, &ticket);
    while (err == ESCERTKE_OK && !w->done && !esc_patience_ended(p) && (now_ms = escertke_system_clock(NULL).mono_ms) < until_ms)
        (void)esc_until_wait(&w->answered, &ws->lock, esc_patience_next(p, now_ms, until_ms));
    strike(c, w);
    *sent = err == ESCERTKE_OK && !esc_ws_conn_withdraw(c, ticket);
    bool done = w->done;
    pthread_mutex_unlock(&ws->lock);
    if (err != ESCERTKE_OK)
        return err;
    if (done)
        return w->err;
    if (esc_patience_ended(p))
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "ended before the response came");
    return esc_fail(d, ESCERTKE_ERR_DEADLINE, "TS-0020 6.4", "no response from %s in time", c->source);
}

escertke_err esc_ws_request(struct esc_ws_conn *c, const escertke_primitive *req, uint64_t until_ms, const struct esc_patience *p,
                            escertke_primitive *rsp, bool *sent, escertke_detail *d)
{
    struct esc_ws_wait w = { .rqi = req->rqi, .fr = req->fr, .rsp = rsp, .d = d };
    escertke_buf message;

    *sent = false;
    escertke_buf_init(&message, ESC_WHOLE_MAX);
    esc_until_init(&w.answered);
    escertke_err err = escertke_primitive_write(c->format, req, &message);
    if (err == ESCERTKE_OK)
        err = exchange(c, &w, escertke_buf_span(&message), until_ms, p, sent, d);
    pthread_cond_destroy(&w.answered);
    escertke_buf_free(&message);
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(rsp);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s", escertke_err_text(err));
}

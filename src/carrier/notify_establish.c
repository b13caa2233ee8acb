/* notify_establish.c - initiating side of the `notify` carrier: two NOTIFYs, success only after M4. */
#include <escertke/carrier.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "endpoint/attempt.h"

/* What a Response Status Code that is not 2000 means for the run. */
static const struct {
    int rsc;
    escertke_err err;
} outcomes[] = {
    { ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, ESCERTKE_ERR_REFUSED_AUTH },
    { ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, ESCERTKE_ERR_PRIVILEGE },
    { ESCERTKE_RSC_REQUEST_TIMEOUT, ESCERTKE_ERR_DEADLINE },
    { ESCERTKE_RSC_TARGET_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
    { ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
    { ESCERTKE_RSC_NOT_FOUND, ESCERTKE_ERR_NOT_FOUND },
    { ESCERTKE_RSC_NOT_IMPLEMENTED, ESCERTKE_ERR_UNSUPPORTED },
    { ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, ESCERTKE_ERR_UNSUPPORTED },
};

static escertke_err compose(const escertke_attempt *a, const escertke_notify_params *p, escertke_span message,
                            escertke_primitive *req)
{
    char rqi[18];
    escertke_err err;

    req->op = ESCERTKE_OP_NOTIFY;
    req->format = p->format ? p->format : ESCERTKE_FORMAT_JSON;
    if ((err = esc_attempt_request_id(a, rqi)) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->to, escertke_span_str(p->to))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->fr, escertke_span_str(p->from))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rqi, escertke_span_str(rqi))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rvi, escertke_span_str("3"))) != ESCERTKE_OK)
        return err;
    return escertke_seci_write_eckm(req->format, message, &req->content);
}

/* The peer's own account of a refusal: an alert record, or a text. */
static void read_refusal(const escertke_primitive *rsp, int message, escertke_detail *d)
{
    char text[256];
    escertke_seci seci;
    escertke_flight flight;
    int alert = -1;
    const char *name;

    escertke_seci_init(&seci);
    if (escertke_seci_parse(rsp->format, escertke_buf_span(&rsp->content), &seci, NULL) == ESCERTKE_OK &&
        seci.sit == ESCERTKE_SIT_ESCERTKE &&
        escertke_flight_classify(escertke_buf_span(&seci.eckm), &flight, &alert, NULL) == ESCERTKE_OK && alert >= 0) {
        name = escertke_alert_name(alert);
        snprintf(d->reason, sizeof d->reason, "peer answered M%d with %d %s and alert %d (%s)", message, rsp->rsc,
                 escertke_rsc_name(rsp->rsc), alert, name ? name : "unknown");
        d->alert = alert;
    } else if (escertke_dbg_read(rsp->format, escertke_buf_span(&rsp->content), text, sizeof text)) {
        snprintf(d->reason, sizeof d->reason, "M%d was answered with %d %s: %s", message, rsp->rsc, escertke_rsc_name(rsp->rsc),
                 text);
    } else {
        snprintf(d->reason, sizeof d->reason, "M%d was answered with %d %s", message, rsp->rsc, escertke_rsc_name(rsp->rsc));
    }
    escertke_seci_clear(&seci);
}

static escertke_err refused(const escertke_primitive *rsp, int message, escertke_detail *d)
{
    escertke_err err = ESCERTKE_ERR_RSC;

    for (size_t k = 0; k < sizeof outcomes / sizeof *outcomes; k++)
        if (outcomes[k].rsc == rsp->rsc)
            err = outcomes[k].err;
    (void)esc_fail(d, err, "TS-0004 7.5.1.2.12", "%s", "");
    if (d) {
        read_refusal(rsp, message, d);
        d->rsc = rsp->rsc;
    }
    return err;
}

/* Take the answer to message M1 or M3 out of its response. */
static escertke_err read_response(const escertke_primitive *req, const escertke_primitive *rsp, int message, escertke_buf *answer,
                                  escertke_detail *d)
{
    escertke_seci seci;

    if (!rsp->rqi || strcmp(rsp->rqi, req->rqi) != 0)
        return esc_fail(d, ESCERTKE_ERR_RQI, "TS-0004 7.3.1.3", "response to rqi %s has rqi %s", req->rqi,
                        rsp->rqi ? rsp->rqi : "(none)");
    if (rsp->rsc != ESCERTKE_RSC_OK)
        return refused(rsp, message, d);
    if (!rsp->content.len)
        return esc_fail(d, ESCERTKE_ERR_NO_CONTENT, "TS-0004 7.5.1.2.12 (7)",
                        "M%d was answered with 2000 and no content: a CSE on the way does not return NOTIFY responses; "
                        "reach the peer directly (--url), or use a carrier that does not need them (mailbox)",
                        message);
    escertke_seci_init(&seci);
    escertke_err err = escertke_seci_parse(rsp->format, escertke_buf_span(&rsp->content), &seci, d);
    if (err == ESCERTKE_OK && seci.sit != ESCERTKE_SIT_ESCERTKE)
        err = esc_fail(d, ESCERTKE_ERR_SECINFO, "R-PR-3", "response to M%d has sit %d, expected 6", message, (int)seci.sit);
    if (err == ESCERTKE_OK)
        err = escertke_buf_append(answer, seci.eckm.ptr, seci.eckm.len);
    escertke_seci_clear(&seci);
    return err;
}

/* One NOTIFY: M1 or M3 there, M2 or M4 back; or an alert there, to which no answer matters. */
static escertke_err exchange(const escertke_attempt *a, const escertke_notify_params *p, const escertke_todo *todo,
                             escertke_buf *answer, escertke_detail *d)
{
    escertke_primitive req, rsp;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    escertke_err err = compose(a, p, todo->message, &req);
    if (err == ESCERTKE_OK) {
        if (p->progress && todo->number)
            p->progress(p->progress_ctx, todo->number, todo->message.len);
        err = p->send(p->send_ctx, &req, &rsp, d);
    }
    if (err == ESCERTKE_OK && todo->number)
        err = read_response(&req, &rsp, todo->number, answer, d);
    if (err == ESCERTKE_OK && p->progress && todo->number)
        p->progress(p->progress_ctx, todo->number + 1, answer->len);
    if (err != ESCERTKE_OK) {
        (void)esc_fail(d, err, "", "%s", escertke_err_text(err)); /* where nobody said more */
        d->message = todo->number;
    }
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static void send_and_wait(escertke_attempt *a, const escertke_notify_params *p, const escertke_todo *todo, escertke_buf *answer)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_reset(answer);
    escertke_err err = exchange(a, p, todo, answer, &d);
    escertke_now now = p->clock(p->clock_ctx);
    if (err == ESCERTKE_OK)
        escertke_attempt_answered(a, escertke_buf_span(answer), now);
    else
        escertke_attempt_unanswered(a, err, &d, now);
}

/* @return false: it is over */
static bool go_on(escertke_attempt *a, const escertke_notify_params *p, escertke_todo *todo, escertke_buf *answer)
{
    escertke_attempt_next(a, p->clock(p->clock_ctx), todo);
    switch (todo->kind) {
    case ESCERTKE_TODO_SEND: send_and_wait(a, p, todo, answer); return true;
    case ESCERTKE_TODO_WAIT:
        if (!p->pause)
            return false;
        p->pause(p->pause_ctx, todo->at_ms);
        return true;
    default: return false;
    }
}

escertke_err escertke_notify_establish(escertke_attempt *a, const escertke_notify_params *p, escertke_detail *d)
{
    escertke_buf answer;
    escertke_todo todo;

    if (!p->to || !p->from || !p->send || !p->clock)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "to, from, send and clock are needed");
    escertke_buf_init(&answer, ESCERTKE_MESSAGE_MAX);
    while (go_on(a, p, &todo, &answer))
        ;
    escertke_buf_free(&answer);
    if (todo.kind == ESCERTKE_TODO_DONE)
        return ESCERTKE_OK;
    const escertke_detail *why = escertke_attempt_detail(a);
    if (d && d->err == ESCERTKE_OK)
        *d = *why;
    return why->err;
}

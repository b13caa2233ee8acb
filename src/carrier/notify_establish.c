/* notify_establish.c - initiating side of all carriers: two NOTIFYs, success only after M4. */
#include "carrier/carrier.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "endpoint/attempt.h"

static const struct esc_carrier *carrier_of(const escertke_notify_params *p)
{
    return esc_carrier_of(p->carrier ? p->carrier : ESCERTKE_CARRIER_NOTIFY);
}

static escertke_err set_expiry(const escertke_notify_params *p, escertke_primitive *req)
{
    char text[16];

    escertke_timestamp_format(p->clock(p->clock_ctx).unix_s + p->lifetime_s, text);
    return escertke_primitive_set(&req->rqet, escertke_span_str(text));
}

static escertke_err compose(const escertke_attempt *a, const escertke_notify_params *p, escertke_span message,
                            escertke_primitive *req)
{
    const struct esc_carrier *carrier = carrier_of(p);
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
    if (p->lifetime_s && (err = set_expiry(p, req)) != ESCERTKE_OK)
        return err;
    return carrier->wrap(req->format, p->to, message, &req->content);
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
    escertke_err err = esc_carrier_outcome(rsp->rsc);

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

/* @return false: another carrier is to be tried, for the reason in @p d */
static bool send_and_wait(escertke_attempt *a, const escertke_notify_params *p, const escertke_todo *todo, escertke_buf *answer,
                          escertke_detail *d)
{
    escertke_detail_init(d);
    escertke_buf_reset(answer);
    escertke_err err = exchange(a, p, todo, answer, d);
    if (err != ESCERTKE_OK && p->others_follow && escertke_carrier_to_blame(err, d))
        return false;
    escertke_now now = p->clock(p->clock_ctx);
    if (err == ESCERTKE_OK)
        escertke_attempt_answered(a, escertke_buf_span(answer), now);
    else
        escertke_attempt_unanswered(a, err, d, now);
    return true;
}

/* @return false: it is over */
static bool go_on(escertke_attempt *a, const escertke_notify_params *p, escertke_todo *todo, escertke_buf *answer,
                  escertke_detail *last)
{
    escertke_attempt_next(a, p->clock(p->clock_ctx), todo);
    switch (todo->kind) {
    case ESCERTKE_TODO_SEND: return send_and_wait(a, p, todo, answer, last);
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
    escertke_detail last;

    if (!carrier_of(p))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no carrier has the number %d", (int)p->carrier);
    if (!p->to || !p->from || !p->send || !p->clock)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "to, from, send and clock are needed");
    escertke_buf_init(&answer, ESCERTKE_MESSAGE_MAX);
    while (go_on(a, p, &todo, &answer, &last))
        ;
    escertke_buf_free(&answer);
    if (todo.kind == ESCERTKE_TODO_DONE)
        return ESCERTKE_OK;
    const escertke_detail *why = todo.kind == ESCERTKE_TODO_SEND ? &last : escertke_attempt_detail(a);
    if (d && d->err == ESCERTKE_OK)
        *d = *why;
    return why->err;
}

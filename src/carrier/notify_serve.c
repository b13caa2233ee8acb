/* notify_serve.c - terminating side of all carriers: the receiver's checks, then m2m:seci, then the end-point. */
#include "carrier/carrier.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "endpoint/terminator.h"

enum { RSC_NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED = 5206 };
enum { RT_SYNCH = 1, RT_ASYNCH = 2, RT_NO_RESPONSE = 5 };

/* What is wrong with a request, before its content is looked at. rsc 0 = nothing. */
struct objection {
    int rsc;
    const char *text;
};

static bool known_release(const char *rvi)
{
    static const char *const releases[] = { "2", "2a", "3", "4", "5" }; /* R-DT-1 */

    for (size_t i = 0; rvi && i < sizeof releases / sizeof *releases; i++)
        if (strcmp(rvi, releases[i]) == 0)
            return true;
    return !rvi; /* absent = "1" (R-PR-21 row 11) */
}

static struct objection check_expiry(const escertke_primitive *req, escertke_now now, uint32_t *ttl_ms)
{
    int64_t until_ms, now_ms = now.unix_s * 1000;

    *ttl_ms = 0;
    if (!req->rqet)
        return (struct objection){ 0, NULL };
    if (escertke_abs_rel_parse(escertke_span_str(req->rqet), now_ms, &until_ms) != ESCERTKE_OK)
        return (struct objection){ ESCERTKE_RSC_BAD_REQUEST, "rqet is not an absRelTimestamp" };
    if (until_ms <= now_ms)
        return (struct objection){ ESCERTKE_RSC_REQUEST_TIMEOUT, "rqet has passed" };
    *ttl_ms = until_ms - now_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)(until_ms - now_ms);
    return (struct objection){ 0, NULL };
}

/* The order of R-PR-21, then what ESCertKE adds (R-PR-33, A-40, A-49). */
static struct objection check_request(const escertke_primitive *req, escertke_now now, uint32_t *ttl_ms)
{
    struct objection late = check_expiry(req, now, ttl_ms);
    const struct {
        bool wrong;
        struct objection objection;
    } checks[] = {
        { !req->rqi, { ESCERTKE_RSC_BAD_REQUEST, "rqi is missing" } },
        { req->oet != NULL, { ESCERTKE_RSC_NOT_IMPLEMENTED, "oet is not supported" } },
        { late.rsc != 0, late },
        { !req->fr || !*req->fr, { ESCERTKE_RSC_BAD_REQUEST, "fr is missing" } },
        { !known_release(req->rvi), { ESCERTKE_RSC_RELEASE_VERSION_NOT_SUPPORTED, "rvi is none of 2, 2a, 3, 4, 5" } },
        { req->op != ESCERTKE_OP_NOTIFY, { ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "this end-point takes NOTIFY only" } },
        { req->gid != NULL, { ESCERTKE_RSC_BAD_REQUEST, "gid: an ESCertKE message cannot be fanned out" } },
        { req->rt == RT_SYNCH, { RSC_NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED, "ESCertKE needs a blocking request" } },
        { req->rt == RT_ASYNCH, { ESCERTKE_RSC_NOT_IMPLEMENTED, "ESCertKE needs a blocking request" } },
        { req->rt == RT_NO_RESPONSE, { ESCERTKE_RSC_BAD_REQUEST, "ESCertKE needs a response" } },
        { !escertke_format_available(req->format),
          { ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, "content is in a serialization that this build does not have" } },
        { !req->content.len, { ESCERTKE_RSC_BAD_REQUEST, "content is missing" } },
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].wrong)
            return checks[i].objection;
    return (struct objection){ 0, NULL };
}

static escertke_err set_text(char **member, const char *text)
{
    return text ? escertke_primitive_set(member, escertke_span_str(text)) : ESCERTKE_OK;
}

/* What Accept asks for, else the request's own (R-PR-6); JSON where that cannot be written here. */
static escertke_format answer_format(const escertke_primitive *req)
{
    escertke_format wanted = req->accept ? req->accept : req->format;

    return escertke_format_available(wanted) ? wanted : ESCERTKE_FORMAT_JSON;
}

escertke_err escertke_respond(const escertke_primitive *req, int rsc, const char *dbg, escertke_primitive *rsp)
{
    escertke_err err;

    rsp->rsc = rsc;
    rsp->format = answer_format(req);
    escertke_buf_reset(&rsp->content);
    if ((err = set_text(&rsp->rqi, req->rqi)) != ESCERTKE_OK ||
        (err = set_text(&rsp->rvi, req->rvi && !known_release(req->rvi) ? "3" : req->rvi)) != ESCERTKE_OK)
        return err;
    return dbg ? escertke_dbg_write(rsp->format, dbg, &rsp->content) : ESCERTKE_OK;
}

static escertke_err respond_with(const escertke_primitive *req, const escertke_answer *answer, escertke_primitive *rsp)
{
    escertke_err err = escertke_respond(req, answer->rsc, answer->dbg[0] ? answer->dbg : NULL, rsp);

    if (err == ESCERTKE_OK && answer->message.len)
        err = escertke_seci_write_eckm(rsp->format, escertke_buf_span(&answer->message), &rsp->content);
    return err;
}

/* A refusal is an event for the end-point's operator too, whoever found the reason. */
static escertke_err refuse(escertke_terminator *t, const escertke_primitive *req, int rsc, const char *text, escertke_detail *d,
                           escertke_primitive *rsp)
{
    d->rsc = rsc;
    esc_terminator_note_refusal(t, escertke_span_str(req->fr), d, req->content.len);
    return escertke_respond(req, rsc, text, rsp);
}

/* What a content that is not an ESCertKE message is answered with. */
static escertke_err refuse_content(escertke_terminator *t, const escertke_primitive *req, escertke_err err, escertke_detail *d,
                                   escertke_primitive *rsp)
{
    char text[sizeof d->reason + 16];
    bool local = escertke_err_class(err) == ESCERTKE_CLASS_LOCAL;

    snprintf(text, sizeof text, "ESCertKE: %s", local || !d->reason[0] ? escertke_err_text(err) : d->reason);
    return refuse(t, req, local ? ESCERTKE_RSC_INTERNAL_SERVER_ERROR : ESCERTKE_RSC_BAD_REQUEST, text, d, rsp);
}

static escertke_err serve_seci(escertke_terminator *t, const escertke_primitive *req, const escertke_seci *seci, uint32_t ttl_ms,
                               escertke_now now, escertke_primitive *rsp)
{
    escertke_answer answer;
    escertke_detail d;
    char text[80];

    if (seci->sit != ESCERTKE_SIT_ESCERTKE) {
        snprintf(text, sizeof text, "ESCertKE: securityInfoType %d is not supported here", (int)seci->sit);
        escertke_detail_init(&d);
        (void)esc_fail(&d, ESCERTKE_ERR_UNSUPPORTED, "TS-0004 6.3.5.48", "%s", text);
        return refuse(t, req, ESCERTKE_RSC_NOT_IMPLEMENTED, text, &d, rsp);
    }
    const escertke_delivery delivery = { .from = escertke_span_str(req->fr),
                                         .message = escertke_buf_span(&seci->eckm),
                                         .ttl_ms = ttl_ms,
                                         .source = escertke_span_str(req->source) };
    escertke_answer_init(&answer);
    escertke_terminator_take(t, &delivery, now, &answer);
    escertke_err err = respond_with(req, &answer, rsp);
    escertke_answer_clear(&answer);
    return err;
}

static bool takes(unsigned carriers, escertke_carrier which)
{
    return (carriers & (unsigned)which) != 0;
}

/* By the carrier whose content it is. The standard's first: it is what nearly all of them are, and the others cost nothing then.
 */
static escertke_err open_content(unsigned carriers, const escertke_primitive *req, escertke_seci *seci, escertke_detail *d)
{
    escertke_span content = escertke_buf_span(&req->content);
    escertke_err err = ESCERTKE_ERR_SECINFO;

    escertke_seci_init(seci);
    if (takes(carriers, ESCERTKE_CARRIER_NOTIFY))
        err = escertke_seci_parse(req->format, content, seci, d);
    if (err != ESCERTKE_ERR_SECINFO)
        return err;
    for (escertke_carrier w = escertke_carrier_next(ESCERTKE_CARRIER_NONE); w; w = escertke_carrier_next(w)) {
        const struct esc_carrier *c = esc_carrier_of(w);
        if (takes(carriers, w) && c->recognise && c->recognise(req->format, content)) {
            escertke_detail_init(d);
            return c->open(req->format, content, seci, d);
        }
    }
    return esc_fail(d, err, "R-12.1", "content is of no carrier that this end-point takes"); /* unless notify said more */
}

void escertke_notify_serve(escertke_terminator *t, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_carrier_serve(t, ESCERTKE_CARRIER_NOTIFY, req, now, rsp);
}

void escertke_carrier_serve(escertke_terminator *t, unsigned carriers, const escertke_primitive *req, escertke_now now,
                            escertke_primitive *rsp)
{
    escertke_detail d;
    escertke_seci seci;
    uint32_t ttl_ms;
    escertke_err err;

    escertke_detail_init(&d);
    struct objection objection = check_request(req, now, &ttl_ms);
    if (objection.rsc) {
        (void)esc_fail(&d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 7.3.2.1", "%s", objection.text);
        err = refuse(t, req, objection.rsc, objection.text, &d, rsp);
    } else {
        err = open_content(carriers, req, &seci, &d);
        err = err == ESCERTKE_OK ? serve_seci(t, req, &seci, ttl_ms, now, rsp) : refuse_content(t, req, err, &d, rsp);
        escertke_seci_clear(&seci);
    }
    if (err != ESCERTKE_OK) { /* no memory for words: the code alone */
        escertke_buf_reset(&rsp->content);
        rsp->rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    }
}

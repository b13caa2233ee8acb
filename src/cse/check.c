/* Recv-1.0 and Recv-2.0: is this a request that can be handled at all (R-PR-21). */
#include <string.h>

#include "cse/internal.h"

int64_t esc_cse_now_ms(escertke_now now)
{
    return now.unix_s * 1000;
}

static int check_parts(struct esc_call *c)
{
    const escertke_primitive *req = c->req;

    if (req->op < ESCERTKE_OP_CREATE || req->op > ESCERTKE_OP_NOTIFY)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "op is missing or not 1 to 5");
    if (!escertke_format_available(req->format))
        return esc_cse_refuse(c, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, "the serialization of the content is not known here");
    if (!req->rqi || !*req->rqi)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "rqi is missing");
    if (strlen(req->rqi) > ESCERTKE_ID_MAX)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "rqi is longer than %u characters", ESCERTKE_ID_MAX);
    if (!req->to || escertke_address_parse(escertke_span_str(req->to), &c->to) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "to is missing or not an address");
    if (c->to.attr.len && req->op != ESCERTKE_OP_RETRIEVE)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "an attribute behind \"#\" in to is for Retrieve only");
    if (req->op == ESCERTKE_OP_NOTIFY && !req->content.len)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "pc is missing");
    return 0;
}

/* One of rqet, rset, oet: not before now. */
static int check_time(struct esc_call *c, const char *name, const char *value, int64_t *at_ms)
{
    int64_t now_ms = esc_cse_now_ms(c->now);

    *at_ms = 0;
    if (!value)
        return 0;
    if (escertke_abs_rel_parse(escertke_span_str(value), now_ms, at_ms) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "%s is not a timestamp", name);
    if (*at_ms <= now_ms)
        return esc_cse_refuse(c, ESCERTKE_RSC_REQUEST_TIMEOUT, "%s is in the past", name);
    return 0;
}

static int check_times(struct esc_call *c)
{
    int64_t rset_ms, oet_ms;
    int rsc;

    if ((rsc = check_time(c, "rqet", c->req->rqet, &c->deadline_ms)) || (rsc = check_time(c, "rset", c->req->rset, &rset_ms)) ||
        (rsc = check_time(c, "oet", c->req->oet, &oet_ms)))
        return rsc;
    if (rset_ms && (!c->deadline_ms || rset_ms < c->deadline_ms))
        c->deadline_ms = rset_ms;
    return 0;
}

/* Blocking only; flexBlocking leaves the choice to the receiver. */
static int check_response_type(struct esc_call *c)
{
    switch (c->req->rt) {
    case 0:
    case 3:
    case 4: return 0;
    case 1: return esc_cse_refuse(c, 5206, "nonBlockingRequestSynch is not supported");
    case 2:
    case 5: return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "rt %d is not supported: blocking requests only", c->req->rt);
    default: return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "rt is not 1 to 5");
    }
}

int esc_check_request(struct esc_call *c)
{
    int rsc;

    if ((rsc = check_parts(c)) || (rsc = check_times(c)) || (rsc = esc_originator_find(c)) || (rsc = check_response_type(c)))
        return rsc;
    /* A parameter that is not understood is neither obeyed nor passed on: say so instead of dropping it. */
    if (c->req->other_params)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "a parameter of the request is not supported");
    return 0;
}

/* Result contents that an operation may ask for (TS-0001 8.1.2), and those that are given here: bit n = value n. */
static const struct {
    escertke_op op;
    unsigned valid, supported;
} contents[] = {
    { ESCERTKE_OP_CREATE, 0x20f, 0x003 }, { ESCERTKE_OP_RETRIEVE, 0x5f2, 0x002 }, { ESCERTKE_OP_UPDATE, 0x203, 0x003 },
    { ESCERTKE_OP_DELETE, 0x173, 0x003 }, { ESCERTKE_OP_NOTIFY, 0x000, 0x000 },
};

static int check_result_content(struct esc_call *c)
{
    int rcn = c->req->rcn;

    if (rcn < 0)
        return 0;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        if (contents[i].op != c->req->op)
            continue;
        if (rcn > 10 || !(contents[i].valid >> rcn & 1))
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "rcn %d is not valid for this operation", rcn);
        if (!(contents[i].supported >> rcn & 1))
            return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "rcn %d is not supported", rcn);
    }
    return 0;
}

static int check_release(struct esc_call *c)
{
    static const char *const known[] = { "2", "2a", "3", "4", "5" };

    if (!c->req->rvi)
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp(c->req->rvi, known[i]))
            return 0;
    }
    return esc_cse_refuse(c, ESCERTKE_RSC_RELEASE_VERSION_NOT_SUPPORTED, "rvi is not 2, 2a, 3, 4 or 5");
}

int esc_check_hosted(struct esc_call *c)
{
    int rsc;

    if ((rsc = check_release(c)) || (rsc = check_result_content(c)))
        return rsc;
    if (c->req->oet)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "oet is not supported");
    return 0;
}

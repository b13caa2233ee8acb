/* NOTIFY to a resource of this CSE (TS-0004 7.3.3.9; R 2.4): an <AE> gets it at its pointOfAccess, <CSEBase> is this CSE. */
#include <string.h>

#include "cse/internal.h"

/* Each time a request of an AE comes round to its registrar its rqi has one stem more in front. */
static bool loops(const struct esc_call *c)
{
    const char *rqi = c->req->rqi, *stem = c->req->fr;
    size_t len = stem ? strlen(stem) : 0;
    int laps = 0;

    if (c->orig.kind != ESC_ORIGIN_AE)
        return false;
    for (; !strncmp(rqi, stem, len) && rqi[len] == '/'; rqi += len + 1)
        laps++;
    return laps >= ESC_DUPLICATES_MAX;
}

int esc_operation_notify(struct esc_call *c)
{
    const struct esc_resource *ae = c->target;
    int rsc;

    if (c->part == ESC_VIRTUAL_PCU)
        return esc_channel_reply(c);
    if ((rsc = esc_behaviour_check_notify(c)))
        return rsc;
    if (ae->ty == ESC_TY_CB && c->cse->behaviour->base_rsc)
        return esc_cse_refuse(c, c->cse->behaviour->base_rsc, "not a NOTIFY request");
    if (ae->ty == ESC_TY_CB) {
        if (!c->cse->cfg.self)
            return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "this CSE is no ESCertKE end-point");
        c->next = ESC_NEXT_SELF;
        return 0;
    }
    if (loops(c))
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "the request comes back to this CSE again and again");
    if ((rsc = esc_hop_prepare(c, ae, true, false)))
        return rsc;
    esc_channel_route(c, ae);
    if (c->next == ESC_NEXT_HOP && !json_is_true(json_object_get(ae->attrs, "rr")))
        return esc_cse_refuse(c, ESCERTKE_RSC_TARGET_NOT_REACHABLE, "the AE says that it is not reachable (rr)");
    return 0;
}

/* Requests for other CSEs (TS-0004 7.3.2.6; R-PR-22, R-PR-23): which way, and not back where they came from. */
#include <stdio.h>
#include <string.h>

#include "cse/internal.h"

/* Absolute CSE-ID of the CSE that `to` names. */
static bool destination(const struct esc_call *c, char *out, size_t cap)
{
    const escertke_address *to = &c->to;
    escertke_span sp = to->sp.len ? to->sp : escertke_span_str(c->cse->cfg.sp_id);
    int len = snprintf(out, cap, "%.*s%.*s", (int)sp.len, (const char *)sp.ptr, (int)to->cse.len, (const char *)to->cse.ptr);

    return len > 0 && (size_t)len < cap;
}

/* The hop a request came from; NULL for an AE of this CSE, and where it cannot be told. */
static const struct esc_resource *previous_hop(const struct esc_call *c)
{
    struct esc_resource *hop;

    if (c->orig.kind == ESC_ORIGIN_AE)
        return NULL;
    hop = esc_remote_find(c->cse, esc_id_cse(&c->orig.id));
    return hop ? hop : esc_registrar_mirror(c->cse);
}

int esc_transit(struct esc_call *c)
{
    int rsc = esc_behaviour_check_notify(c);
    char cse_id[2 * (ESCERTKE_ID_MAX + 1)];
    const struct esc_resource *from, *next;
    bool foreign = c->to.sp.len && !escertke_span_equal(c->to.sp, escertke_span_str(c->cse->cfg.sp_id));

    if (rsc)
        return rsc;
    if (c->cse->cfg.bare)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "this CSE is an end-point alone: it passes nothing on");
    if (c->orig.kind == ESC_ORIGIN_NEW)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "an AE registers at its own registrar");
    if (!destination(c, cse_id, sizeof cse_id))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "to is too long");
    next = esc_remote_find(c->cse, escertke_span_str(cse_id));
    if (!next)
        next = esc_registrar_mirror(c->cse);
    if (!next && c->cse->cfg.registrar_url)
        return esc_cse_refuse(c, ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE, "this CSE is not registered at its registrar yet");
    if (!next)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "no way to the CSE that to names");
    from = previous_hop(c);
    if (from == next)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND,
                              "the way to the CSE that to names goes back where the request came from");
    rsc = esc_hop_prepare(c, next, false, foreign && !c->cse->cfg.registrar_url);
    if (!rsc)
        esc_channel_route(c, next);
    return rsc;
}

/* NOTIFY to a resource of this CSE (TS-0004 7.3.3.9; R 2.4): an <AE> gets it at its pointOfAccess, <CSEBase> is this CSE. */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

/* The AE's csz, if it has one, must have the format of the content: nothing is converted here (R-PR-6). */
static bool ae_reads(const struct esc_resource *ae, escertke_format format)
{
    static const char *const names[] = {
        [ESCERTKE_FORMAT_JSON] = "json", [ESCERTKE_FORMAT_XML] = "xml", [ESCERTKE_FORMAT_CBOR] = "cbor"
    };
    const json_t *csz = json_object_get(ae->attrs, "csz"), *item;
    size_t i, len = strlen(names[format]);

    if (!csz)
        return true;
    json_array_foreach(csz, i, item) {
        escertke_span s = esc_json_text(item); /* "json", "application/json", "...+json" */
        if (s.len >= len && !memcmp(s.ptr + s.len - len, names[format], len))
            return true;
    }
    return false;
}

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

    if (ae->ty == ESC_TY_CB) {
        if (!c->cse->cfg.self)
            return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "this CSE is no ESCertKE end-point");
        c->next = ESC_NEXT_SELF;
        return 0;
    }
    if (!json_is_true(json_object_get(ae->attrs, "rr")))
        return esc_cse_refuse(c, ESCERTKE_RSC_TARGET_NOT_REACHABLE, "the AE says that it is not reachable (rr)");
    if (!ae_reads(ae, c->req->format))
        return esc_cse_refuse(c, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, "the AE does not take this format (csz)");
    if (loops(c))
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "the request comes back to this CSE again and again");
    return esc_hop_prepare(c, ae, true, false);
}

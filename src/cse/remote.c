/* <remoteCSE>: the CSEs next to this one and what lies behind them (TS-0001 9.6.4, 10.2.2.6; R-RG-30). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

/* Is @p id ("/mn1" or "//sp/mn1") the CSE @p absolute ("//sp/mn1")? */
static bool same_cse(const struct esc_cse *cse, escertke_span id, escertke_span absolute)
{
    size_t sp_len = strlen(cse->cfg.sp_id);

    if (id.len >= 2 && id.ptr[0] == '/' && id.ptr[1] == '/')
        return escertke_span_equal(id, absolute);
    return absolute.len == sp_len + id.len && !memcmp(absolute.ptr, cse->cfg.sp_id, sp_len) &&
           !memcmp(absolute.ptr + sp_len, id.ptr, id.len);
}

/** Is it this CSE itself (@p below false), or is it reached through it (dcse)? */
bool esc_remote_matches(const struct esc_cse *cse, const struct esc_resource *csr, escertke_span cse_id, bool below)
{
    const json_t *item;
    size_t i;

    if (!below)
        return same_cse(cse, esc_json_text(json_object_get(csr->attrs, "csi")), cse_id);
    json_array_foreach(json_object_get(csr->attrs, "dcse"), i, item) {
        if (same_cse(cse, esc_json_text(item), cse_id))
            return true;
    }
    return false;
}

/* A CSE that claims another as its descendant never takes the place of that CSE's own registration. */
struct esc_resource *esc_remote_find(const struct esc_cse *cse, escertke_span cse_id)
{
    for (int below = 0; below < 2; below++) {
        for (struct esc_resource *r = cse->remotes; r; r = r->next_remote) {
            if (esc_remote_matches(cse, r, cse_id, below))
                return r;
        }
    }
    return NULL;
}

int esc_remote_prepare(struct esc_call *c, struct esc_draft *draft)
{
    struct esc_cse *cse = c->cse;

    if (c->orig.kind != ESC_ORIGIN_CSE)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "only a CSE registers as remoteCSE");
    if (c->orig.own)
        return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, "this CSE is registered here");
    if (cse->remote >= cse->cfg.max_remote)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another remoteCSE");
    /* csi is what the hop says it is, not what the content claims. */
    bool own_sp = c->orig.id.sp_len == cse->id.sp_len && !strncmp(c->orig.id.text, cse->id.text, cse->id.sp_len);
    const char *csi = c->orig.id.text + (own_sp ? c->orig.id.sp_len : 0);
    if (json_object_set_new(draft->attrs, "csi", json_string(csi)))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    memcpy(draft->creator, c->orig.id.text, sizeof draft->creator);
    if (esc_generate_ri(cse, draft->type->stem, draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return 0;
}

/* Who asks: From in its forms, and the checks of R-PR-21 rows 3, 4, 7 and 8. */
#include <string.h>

#include "cse/internal.h"

escertke_span esc_id_cse(const escertke_id *id)
{
    return (escertke_span){ (const uint8_t *)id->text, (size_t)id->sp_len + id->cse_len };
}

bool esc_originator_is(const struct esc_originator *o, const char *absolute_id)
{
    return o->kind != ESC_ORIGIN_NEW && !strcmp(o->id.text, absolute_id);
}

static bool creates(const struct esc_call *c, int ty)
{
    return c->req->op == ESCERTKE_OP_CREATE && c->req->ty == ty;
}

/* The <AE> with this stem. */
static struct esc_resource *find_ae(const struct esc_cse *cse, const char *stem)
{
    struct esc_resource *r = esc_tree_by_ri(cse, escertke_span_str(stem));

    return r && r->ty == ESC_TY_AE ? r : NULL;
}

static int find_bare(struct esc_call *c, const char *fr)
{
    c->orig.kind = ESC_ORIGIN_AE;
    c->orig.own = find_ae(c->cse, fr);
    if (!c->orig.own && !creates(c, ESC_TY_AE))
        return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, "fr is an AE-ID that is not registered here");
    return 0;
}

/* "/x" and "//sp/x": another CSE, or an AE behind one. */
static int find_far(struct esc_call *c)
{
    struct esc_cse *cse = c->cse;
    escertke_id *id = &c->orig.id;
    escertke_span of_cse = esc_id_cse(id);
    bool ours = of_cse.len == strlen(cse->id.text) && !memcmp(of_cse.ptr, cse->id.text, of_cse.len);
    bool own_sp = !strncmp(id->text, cse->id.text, id->sp_len) && id->sp_len == cse->id.sp_len;

    if (ours && id->kind != ESCERTKE_ID_AE_C)
        return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, "fr is this CSE itself");
    if (ours || (id->kind == ESCERTKE_ID_CSE_OR_AE_S && own_sp && find_ae(cse, id->text + id->sp_len + 1)))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "fr of an AE that registers here must be its bare AE-ID-Stem");
    if (cse->cfg.require_association)
        return esc_cse_refuse(c, ESCERTKE_RSC_SECURITY_ASSOCIATION_REQUIRED,
                              "fr came through a CSE without a security association");

    c->orig.kind = id->kind == ESCERTKE_ID_CSE ? ESC_ORIGIN_CSE : ESC_ORIGIN_REMOTE_AE;
    if (id->kind == ESCERTKE_ID_AE_C)
        return 0;
    c->orig.own = esc_remote_find(cse, of_cse);
    if (c->orig.own && !esc_remote_matches(cse, c->orig.own, of_cse, false))
        c->orig.own = NULL; /* only a way to it, not itself */
    /* "//sp/Sx" names a CSE if one is registered under it, or registers now (R-ID-31). */
    if (c->orig.own || creates(c, ESC_TY_CSR))
        c->orig.kind = ESC_ORIGIN_CSE;
    return 0;
}

int esc_originator_find(struct esc_call *c)
{
    const char *fr = c->req->fr;

    c->orig = (struct esc_originator){ .kind = ESC_ORIGIN_NEW };
    if (!fr && !creates(c, ESC_TY_AE))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "fr is missing");
    if (creates(c, ESC_TY_AE) && (!fr || !strcmp(fr, "C") || !strcmp(fr, "S")))
        return 0;
    if (escertke_id_normalise(escertke_span_str(fr), &c->cse->ctx, &c->orig.id) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "fr is not an AE-ID or CSE-ID");
    return fr[0] == '/' ? find_far(c) : find_bare(c, fr);
}

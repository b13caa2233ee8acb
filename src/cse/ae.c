/* <AE>: registration and the identifier that comes with it (TS-0001 10.2.2.2; R-RG-1, R-RG-2). */
#include <stdio.h>
#include <string.h>

#include "cse/internal.h"

/** A fresh identifier: @p stem and 64 random bits. */
escertke_err esc_generate_ri(struct esc_cse *cse, const char *stem, char out[ESCERTKE_ID_MAX + 1])
{
    for (int tries = 0; tries < 8; tries++) {
        uint8_t random[8];
        escertke_err err = esc_cse_random(cse, random, sizeof random);
        if (err != ESCERTKE_OK)
            return err;
        int len = snprintf(out, ESCERTKE_ID_MAX + 1 - 2 * sizeof random, "%s", stem);
        escertke_hex((escertke_span){ random, sizeof random }, out + len);
        if (!esc_tree_by_ri(cse, escertke_span_str(out)))
            return ESCERTKE_OK;
    }
    return ESCERTKE_ERR_BACKEND;
}

/* The stem that fr asks for, in draft->ri. */
static int choose_stem(struct esc_call *c, struct esc_draft *draft)
{
    const char *fr = c->req->fr;
    struct esc_cse *cse = c->cse;

    if (c->orig.kind == ESC_ORIGIN_AE) {
        if (c->orig.own)
            return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, "an AE with this AE-ID is registered here");
        if (strlen(fr) > 64)
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "an AE-ID-Stem has at most 64 characters here");
        if (esc_tree_by_ri(cse, escertke_span_str(fr)) || !strcmp(fr, cse->base->rn))
            return esc_cse_refuse(c, ESCERTKE_RSC_CONFLICT, "the AE-ID-Stem is in use as a resource identifier");
        memcpy(draft->ri, fr, strlen(fr) + 1);
        return 0;
    }
    /* S-stems are unique in the SP's domain: the IN-CSE assigns them, nobody else can. */
    bool sp_assigned = fr && *fr == 'S';
    if (sp_assigned && cse->cfg.registrar_url)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "an S-type AE-ID is assigned at the IN-CSE only");
    if (esc_generate_ri(cse, sp_assigned ? "S" : "C", draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return 0;
}

int esc_ae_prepare(struct esc_call *c, struct esc_draft *draft)
{
    escertke_id id;
    int rsc;

    if (c->orig.kind != ESC_ORIGIN_NEW && c->orig.kind != ESC_ORIGIN_AE)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "an AE registers itself, at its own registrar");
    if ((rsc = choose_stem(c, draft)))
        return rsc;
    if (c->cse->ae >= c->cse->cfg.max_ae)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another AE");
    if (escertke_id_normalise(escertke_span_str(draft->ri), &c->cse->ctx, &id) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "fr is not an AE-ID-Stem");
    memcpy(draft->creator, id.text, sizeof draft->creator);
    /* From here on the originator has a name: acpi and the answer are judged under it. */
    c->orig.kind = ESC_ORIGIN_AE;
    c->orig.id = id;
    return 0;
}

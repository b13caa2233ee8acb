/* Recv-6.3: may the originator do this to the target (TS-0004 7.3.3.15; R-PR-25...27, A-51). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

static const struct esc_resource *linked_policy(const struct esc_cse *cse, const json_t *acpi_item)
{
    const struct esc_resource *r = esc_tree_by_ri(cse, esc_json_text(acpi_item));

    return r && r->ty == ESC_TY_ACP ? r : NULL;
}

/*
 * The policies that acpi names decide, with their privileges or, about acpi itself, with their self-privileges. Without any
 * that exists, only the creator has access.
 */
static bool policies_permit(const struct esc_call *c, const struct esc_resource *target, const char *which, unsigned op)
{
    const json_t *item;
    bool any = false;
    size_t i;

    json_array_foreach(json_object_get(target->attrs, "acpi"), i, item)
    {
        const struct esc_resource *acp = linked_policy(c->cse, item);
        if (acp && esc_acp_permits(c->cse, json_object_get(acp->attrs, which), &c->orig, op))
            return true;
        any |= acp != NULL;
    }
    return !any && esc_originator_is(&c->orig, target->creator);
}

/* <CSEBase> has no creator: registration, reading and NOTIFY are open; policies are for those who are registered. */
static bool base_permits(const struct esc_call *c, unsigned op)
{
    if (op == ESC_ACOP_CREATE)
        return c->req->ty != ESC_TY_ACP || c->orig.own;
    return op == ESC_ACOP_RETRIEVE || op == ESC_ACOP_NOTIFY;
}

/* Whether a CSE supports end-to-end security is for all who are registered here to know; where it is reached is not. */
static bool asks_for_esi_alone(const struct esc_call *c)
{
    static const escertke_span esi = { (const uint8_t *)"esi", 3 };

    if (!c->orig.own || c->in || !c->req->atrl == !c->to.attr.len)
        return false;
    return c->req->atrl ? !strcmp(c->req->atrl, "esi") : escertke_span_equal(c->to.attr, esi);
}

bool esc_access_permits(const struct esc_call *c, unsigned op)
{
    const struct esc_resource *target = c->target;

    if (target->ty == ESC_TY_CIN) /* it has no acpi of its own: its container's holds */
        target = target->parent;

    if (target->ty == ESC_TY_CB)
        return base_permits(c, op);
    if (target->ty == ESC_TY_ACP)
        return esc_acp_permits(c->cse, json_object_get(target->attrs, "pvs"), &c->orig, op);
    if (target->ty == ESC_TY_PCH) /* its owner's alone; it has no acpi (R-RG-20) */
        return esc_originator_is(&c->orig, target->creator);
    if (target->mirror)
        return op == ESC_ACOP_RETRIEVE; /* this CSE made it and shows it like its <CSEBase> */
    if (op == ESC_ACOP_RETRIEVE && target->ty == ESC_TY_CSR && asks_for_esi_alone(c))
        return true;
    if (op == ESC_ACOP_DELETE && esc_originator_is(&c->orig, target->creator))
        return true; /* deregistration */
    bool about_acpi = op == ESC_ACOP_UPDATE && json_object_get(json_object_get(c->in, esc_type_of(target->ty)->root), "acpi");
    return policies_permit(c, target, about_acpi ? "pvs" : "pv", op);
}

int esc_access_check(struct esc_call *c, unsigned op)
{
    if (esc_access_permits(c, op))
        return 0;
    return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
                          "the originator has no privilege for this operation on the target");
}

/**
 * Replace the addresses in acpi by resource identifiers. Those are never given twice: a policy that is made later under an
 * old name does not get hold of what the old one guarded.
 */
int esc_access_set_acpi(struct esc_call *c, json_t *attrs)
{
    json_t *acpi = json_object_get(attrs, "acpi");

    for (size_t i = 0; json_is_array(acpi) && i < json_array_size(acpi); i++) {
        const struct esc_resource *r = esc_tree_find_address(c->cse, json_string_value(json_array_get(acpi, i)));
        if (!r || r->ty != ESC_TY_ACP)
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "acpi names no accessControlPolicy of this CSE");
        if (json_array_set_new(acpi, i, json_string(r->ri)))
            return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    }
    return 0;
}

/* Recv-6.5: Create, Retrieve, Update and Delete of resources on this CSE (TS-0004 7.3.3.5...8). */
#include <string.h>

#include "base/log.h"
#include "cse/internal.h"
#include "m2m/json.h"

static int no_memory(struct esc_call *c)
{
    return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
}

/* The representation is the answer's content, unless the originator wants none. */
static int answer(struct esc_call *c, const struct esc_resource *r, int default_rcn)
{
    if ((c->req->rcn < 0 ? default_rcn : c->req->rcn) == 0)
        return 0;
    c->out = esc_represent(c, r);
    return c->out ? 0 : no_memory(c);
}

/* The content must be an object under the type's own name. */
static int content_of(struct esc_call *c, const struct esc_type *type, json_t **attrs)
{
    *attrs = json_object_get(c->in, type->root);
    if (!json_is_object(*attrs))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "content must be %s, an object", type->root);
    return 0;
}

/* ---- Create ------------------------------------------------------------------------------------------------ */

static int refuse_type(struct esc_call *c)
{
    if (!c->req->ty)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "ty is missing");
    return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "resource type %d is not supported", c->req->ty);
}

/* What may stand below what. */
static int check_child(struct esc_call *c)
{
    int ty = c->req->ty, parent = c->target->ty;
    size_t count = 0;

    if (ty == ESC_TY_CB)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "a CSEBase is not created by request");
    if (!esc_type_fits(parent, ty))
        return esc_cse_refuse(c, ESCERTKE_RSC_INVALID_CHILD_RESOURCE_TYPE, "resource type %d cannot be a child of the target",
                              ty);
    for (const struct esc_resource *r = c->target->first; parent == ESC_TY_AE && r; r = r->next)
        count++;
    if (count >= ESC_CHILDREN_MAX)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the target has %d children, no more are possible",
                              ESC_CHILDREN_MAX);
    return 0;
}

/* Take attrs out of the request, rn apart. */
static int draft_from(struct esc_call *c, json_t *attrs, struct esc_draft *draft, char rn[ESCERTKE_ID_MAX + 1])
{
    const char *given = json_string_value(json_object_get(attrs, "rn"));
    int rsc;

    draft->attrs = json_copy(attrs);
    if (!draft->attrs)
        return no_memory(c);
    memcpy(rn, given ? given : "", given ? strlen(given) + 1 : 1);
    json_object_del(draft->attrs, "rn");
    if ((rsc = draft->type->prepare(c, draft)) || (rsc = esc_access_set_acpi(c, draft->attrs)))
        return rsc;
    if (!given)
        memcpy(rn, draft->ri, strlen(draft->ri) + 1);
    if (esc_tree_by_name(c->cse, c->target, escertke_span_str(rn)))
        return esc_cse_refuse(c, ESCERTKE_RSC_CONFLICT, "the target has a child with this resource name");
    return 0;
}

static int check_size(struct esc_call *c, int ty, size_t size, size_t before)
{
    size_t most = esc_type_bytes_max(ty);

    if (size > most)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attributes are larger than %zu octets", most);
    if (c->cse->bytes - before + size > c->cse->cfg.max_bytes)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the CSE is full");
    return 0;
}

static int add(struct esc_call *c, struct esc_draft *draft, const char *rn)
{
    struct esc_resource *r;
    int rsc = check_size(c, draft->type->ty, esc_attrs_size(draft->attrs), 0);

    if (rsc)
        return rsc;
    r = esc_resource_new(draft->type->ty, draft->ri, rn, draft->creator, json_incref(draft->attrs));
    if (!r)
        return no_memory(c);
    r->ct = r->lt = c->now.unix_s;
    r->et = esc_attrs_expiry(r->attrs);
    r->parent = c->target;
    if ((rsc = answer(c, r, 1))) {
        esc_resource_free(r);
        return rsc;
    }
    esc_tree_add(c->cse, c->target, r);
    esc_journal_put(c->cse, r);
    c->changed = true;
    if (r->ty == ESC_TY_CIN) {
        c->target->st++;
        esc_journal_put(c->cse, c->target);
        esc_container_trim(c->cse, c->target);
        esc_subscription_created(c, r);
    }
    esc_log(&c->cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.create", "type=%s ri=%s name=%s", draft->type->root, r->ri, r->rn);
    return ESCERTKE_RSC_CREATED;
}

int esc_operation_create(struct esc_call *c)
{
    struct esc_draft draft = { .type = esc_type_of(c->req->ty) };
    char rn[ESCERTKE_ID_MAX + 1];
    json_t *attrs;
    int rsc;

    if (!draft.type)
        return refuse_type(c);
    if ((rsc = check_child(c)) || (rsc = content_of(c, draft.type, &attrs)) || (rsc = esc_schema_create(c, draft.type, attrs)))
        return rsc;
    rsc = draft_from(c, attrs, &draft, rn);
    if (!rsc && draft.type->ty == ESC_TY_SUB)
        rsc = esc_subscription_ask(c, &draft);
    if (!rsc && c->next == ESC_NEXT_ANSWER)
        rsc = add(c, &draft, rn);
    json_decref(draft.attrs);
    return rsc;
}

/* ---- Retrieve, Update, Delete ------------------------------------------------------------------------------ */

int esc_operation_retrieve(struct esc_call *c)
{
    if (c->part == ESC_VIRTUAL_PCU) {
        memcpy(c->hop.channel, c->target->ri, strlen(c->target->ri) + 1);
        c->next = ESC_NEXT_POLL;
        return 0;
    }
    int rsc = esc_wants_part(c) ? esc_represent_partial(c, c->target) : answer(c, c->target, 1);

    return rsc ? rsc : ESCERTKE_RSC_OK;
}

/* The attributes as they will be: null removes. */
static json_t *merge(const struct esc_resource *r, const json_t *changes)
{
    json_t *merged = json_copy(r->attrs), *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)changes, name, value)
    {
        if (json_is_null(value)) {
            json_object_del(merged, name);
        } else if (json_object_set_new(merged, name, json_deep_copy(value))) {
            json_decref(merged);
            return NULL;
        }
    }
    return merged;
}

int esc_operation_update(struct esc_call *c)
{
    const struct esc_type *type = esc_type_of(c->target->ty);
    json_t *changes, *merged;
    int rsc;

    if (!type)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "the target cannot be updated");
    if ((rsc = content_of(c, type, &changes)) || (rsc = esc_schema_update(c, type, changes)))
        return rsc;
    merged = merge(c->target, changes);
    if (!merged)
        return no_memory(c);
    /* What is stored is already a resource identifier; only what came now is an address. */
    if (json_object_get(changes, "acpi"))
        rsc = esc_access_set_acpi(c, merged);
    if (!rsc && type->ty == ESC_TY_CNT)
        esc_container_bound(c->cse, merged);
    if (rsc || (rsc = check_size(c, type->ty, esc_attrs_size(merged), c->target->size))) {
        json_decref(merged);
        return rsc;
    }
    esc_resource_replace(c->cse, c->target, merged);
    c->target->lt = c->now.unix_s;
    c->changed = true;
    if (type->ty == ESC_TY_CNT) {
        c->target->st++;
        esc_container_trim(c->cse, c->target);
    }
    esc_journal_put(c->cse, c->target);
    rsc = answer(c, c->target, 1);
    return rsc ? rsc : ESCERTKE_RSC_UPDATED;
}

int esc_operation_delete(struct esc_call *c)
{
    int rsc = answer(c, c->target, 0);

    if (rsc)
        return rsc;
    esc_log(&c->cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.delete", "type=%s ri=%s", esc_type_of(c->target->ty)->root,
            c->target->ri);
    if (c->orig.own == c->target)
        c->orig.own = NULL;
    esc_tree_remove(c->cse, c->target);
    c->target = NULL;
    c->changed = true;
    return ESCERTKE_RSC_DELETED;
}

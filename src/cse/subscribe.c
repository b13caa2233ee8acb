/*
 * <subscription> of a <container>: who hears of new <contentInstance>s (TS-0001 9.6.8, 10.2.10; TS-0004 7.4.8, 7.5.1.2; R 12.1).
 *
 * This CSE sends what a subscription says to where it says. So that nobody makes it knock at strangers' doors, that place is a
 * pointOfAccess of the creator's own <AE> here or that <AE> itself, and a URL is asked before whether it wants to hear anything.
 */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

enum { RSC_CREATOR_HAS_NO_PRIVILEGE = 4101, RSC_VERIFICATION_INITIATION_FAILED = 5204, RSC_HOST_HAS_NO_PRIVILEGE = 5205 };

/* Does the URL lie at or below one of the <AE>'s pointsOfAccess? */
static bool is_poa_of(const struct esc_resource *ae, const char *url)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(ae->attrs, "poa"), i, item)
    {
        const char *poa = json_string_value(item);
        size_t len = strlen(poa);
        while (len && poa[len - 1] == '/')
            len--;
        if (!strncmp(url, poa, len) && (!url[len] || url[len] == '/' || url[len] == '?'))
            return true;
    }
    return false;
}

static bool is_url(const char *target)
{
    return strstr(target, "://") != NULL;
}

static int check_target(struct esc_call *c, const char *name, const char *target)
{
    const struct esc_resource *ae = c->orig.own;

    if (!ae || ae->ty != ESC_TY_AE)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "%s: only an AE that is registered here subscribes", name);
    if (is_url(target) ? !is_poa_of(ae, target) || esc_hop_is_own_url(c->cse, target)
                       : esc_tree_find_address(c->cse, target) != ae)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "%s must be a pointOfAccess of the originator's AE, or its address",
                              name);
    return 0;
}

/* What a subscription can be here: all of a new <contentInstance>, to one place. */
static int check_kind(struct esc_call *c, const json_t *attrs)
{
    const json_t *enc = json_object_get(attrs, "enc"), *net = json_object_get(enc, "net"), *nct = json_object_get(attrs, "nct");

    if (json_object_size(enc) != 1 || json_array_size(net) != 1 || json_integer_value(json_array_get(net, 0)) != 3)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "enc must be {\"net\":[3]}: others are not supported");
    if (nct && json_integer_value(nct) != 1)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "nct must be 1: others are not supported");
    if (json_array_size(json_object_get(attrs, "nu")) != 1)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "nu must have one entry: more are not supported");
    return 0;
}

static int check_room(struct esc_call *c)
{
    size_t here = 0;

    for (const struct esc_resource *r = c->target->first; r; r = r->next)
        here += r->ty == ESC_TY_SUB;
    if (here >= ESC_SUBSCRIPTIONS_MAX || c->cse->subscriptions >= c->cse->cfg.max_subscriptions)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another subscription");
    return 0;
}

static const char *nu_of(const json_t *attrs)
{
    return json_string_value(json_array_get(json_object_get(attrs, "nu"), 0));
}

int esc_subscription_prepare(struct esc_call *c, struct esc_draft *draft)
{
    const char *su = json_string_value(json_object_get(draft->attrs, "su"));
    int rsc;

    if (!esc_access_permits(c, ESC_ACOP_RETRIEVE))
        return esc_cse_refuse(c, RSC_CREATOR_HAS_NO_PRIVILEGE, "who may not read the container may not subscribe to it");
    if ((rsc = check_kind(c, draft->attrs)) || (rsc = check_target(c, "nu", nu_of(draft->attrs))) ||
        (su && (rsc = check_target(c, "su", su))) || (rsc = check_room(c)) || (rsc = esc_creator_set(c, draft->attrs)))
        return rsc;
    memcpy(draft->creator, c->orig.id.text, sizeof draft->creator);
    if (*c->sub) /* what the subscriber was asked about */
        memcpy(draft->ri, c->sub, sizeof draft->ri);
    else if (esc_generate_ri(c->cse, draft->type->stem, draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return 0;
}

/* ---- what is sent ------------------------------------------------------------------------------------------- */

static json_t *notification(const struct esc_cse *cse, const char *ri, json_t *members)
{
    if (members && json_object_set_new(members, "sur", json_sprintf("%s/%s", cse->cfg.cse_id, ri))) {
        json_decref(members);
        return NULL;
    }
    return members ? json_pack("{so}", "m2m:sgn", members) : NULL;
}

static escertke_err address_to(struct esc_cse *cse, const struct esc_resource *ae, const char *target, json_t *content,
                               struct esc_hop *hop)
{
    return esc_own_request(cse, ae, is_url(target) ? target : NULL, content, hop);
}

/** Ask a URL whether it wants to be notified (vrq). The AE itself has just said so. */
int esc_subscription_ask(struct esc_call *c, const struct esc_draft *draft)
{
    const char *nu = nu_of(draft->attrs);

    if (*c->sub || !is_url(nu))
        return 0;
    json_t *content = notification(c->cse, draft->ri, json_pack("{sb ss}", "vrq", 1, "cr", c->req->fr));
    if (address_to(c->cse, c->orig.own, nu, content, &c->hop) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    memcpy(c->sub, draft->ri, sizeof c->sub);
    c->next = ESC_NEXT_VERIFY;
    return 0;
}

int esc_subscription_verify(struct esc_call *c)
{
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    int rsc = esc_hop_run(c, &rsp), said = rsp.rsc;
    escertke_primitive_clear(&rsp);
    if (!rsc && said == ESCERTKE_RSC_OK)
        return 0;
    if (!rsc && (said == RSC_CREATOR_HAS_NO_PRIVILEGE || said == RSC_HOST_HAS_NO_PRIVILEGE))
        return esc_cse_refuse(c, said, "nu does not want to be notified: it answered the verification request %d", said);
    return esc_cse_refuse(c, RSC_VERIFICATION_INITIATION_FAILED, "nu did not answer the verification request with 2000 (%d)",
                          rsc ? rsc : said);
}

/* The <AE> here that made a subscription. */
static const struct esc_resource *ae_of(const struct esc_cse *cse, const struct esc_resource *sub)
{
    const char *stem = strrchr(sub->creator, '/');
    const struct esc_resource *ae = stem ? esc_tree_by_ri(cse, escertke_span_str(stem + 1)) : NULL;

    return ae && ae->ty == ESC_TY_AE && !strcmp(ae->creator, sub->creator) ? ae : NULL;
}

static void notify(struct esc_cse *cse, const struct esc_resource *sub, const char *target, json_t *members)
{
    const struct esc_resource *ae = ae_of(cse, sub);
    json_t *content = notification(cse, sub->ri, members);
    struct esc_hop hop = { .count = 0 };

    /* A pointOfAccess that the AE has given up meanwhile is a stranger's. */
    if (!content || !ae || (is_url(target) && !is_poa_of(ae, target))) {
        json_decref(content);
        return;
    }
    escertke_primitive_init(&hop.req);
    if (address_to(cse, ae, target, content, &hop) == ESCERTKE_OK)
        esc_outbox_add(cse, sub->ri, &hop);
    else
        esc_hop_clear(&hop);
}

void esc_subscription_created(struct esc_call *c, const struct esc_resource *instance)
{
    for (const struct esc_resource *r = instance->parent->first; r; r = r->next) {
        if (r->ty == ESC_TY_SUB)
            notify(c->cse, r, nu_of(r->attrs), json_pack("{s{so si}}", "nev", "rep", esc_represent(c, instance), "net", 3));
    }
}

void esc_subscription_removed(struct esc_cse *cse, const struct esc_resource *sub)
{
    const char *su = json_string_value(json_object_get(sub->attrs, "su"));

    if (su && !cse->stopping)
        notify(cse, sub, su, json_pack("{sb}", "sud", 1));
}

/* register_policy.c - who may reach the own <AE>: an <accessControlPolicy> below it with RETRIEVE and NOTIFY for the peers. */
#include "register.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"

#define TY_ACP 1
#define OWN_PREFIX "escertke-" /* resource name of the policies made here */
#define ACOP_ALL 63
#define ACOP_PEER (2 + 16) /* RETRIEVE for esi, NOTIFY for the handshake (R-RG-11) */

void registration_add_originator(json_t *acor, const struct identity *self, const char *id)
{
    escertke_id peer;

    if (escertke_id_parse(escertke_span_str(id), &peer) != ESCERTKE_OK)
        return;
    const char *relative = peer.text + peer.sp_len, *stem = strrchr(peer.text, '/') + 1;
    bool same_sp = strlen(self->sp_id) == peer.sp_len && strncmp(self->sp_id, peer.text, peer.sp_len) == 0;
    bool same_cse = peer.kind == ESCERTKE_ID_AE_C && strlen(self->cse_id) == peer.cse_len &&
                    strncmp(self->cse_id, relative, peer.cse_len) == 0;
    if (!same_sp)
        json_array_append_new(acor, json_string(peer.text));
    if (same_sp && (same_cse || peer.kind == ESCERTKE_ID_CSE_OR_AE_S))
        json_array_append_new(acor, json_string(stem));
    if (same_sp)
        json_array_append_new(acor, json_string(relative));
}

static json_t *peer_originators(const struct registration *r)
{
    const struct peer_list *peers = &r->identity->peers;
    json_t *acor = json_array();

    if (!peers->count)
        json_array_append_new(acor, json_string("all"));
    for (size_t i = 0; i < peers->count; i++)
        registration_add_originator(acor, r->identity, peers->items[i].id);
    return acor;
}

/* Full rights stay with the <AE> itself: with acpi set, being its creator no longer counts (R-PR-26). */
static json_t *policy_content(const struct registration *r, const char *name)
{
    json_t *own = json_array(), *acp = json_object();

    registration_add_originator(own, r->identity, r->identity->id.text);
    if (name)
        json_object_set_new(acp, "rn", json_string(name));
    json_object_set_new(
        acp, "pv",
        json_pack("{s:[{s:O,s:i},{s:O,s:i}]}", "acr", "acor", own, "acop", ACOP_ALL, "acor", r->acor, "acop", ACOP_PEER));
    json_object_set_new(acp, "pvs", json_pack("{s:[{s:o,s:i}]}", "acr", "acor", own, "acop", ACOP_ALL));
    return json_pack("{s:o}", "m2m:acp", acp);
}

/* Retrieve a resource of the own CSE; NULL if it cannot be read, and *rsc says why. */
static escertke_err retrieve(struct registration *r, const char *to, const char *name, json_t **resource, int *rsc,
                             escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = to };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    *rsc = rsp.rsc;
    *resource = err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_OK ? exchange_resource(&rsp, name) : NULL;
    escertke_primitive_clear(&rsp);
    return err;
}

/* Address of the policy that the <AE> names already; "" = none. */
static escertke_err find_policy(struct registration *r, char *out, size_t cap, escertke_detail *d)
{
    json_t *ae;
    int rsc;
    escertke_err err = retrieve(r, r->address, "m2m:ae", &ae, &rsc, d);
    const char *id = json_string_value(json_array_get(json_object_get(ae, "acpi"), 0));

    if (!exchange_address(r->identity->cse_id, id, out, cap))
        out[0] = '\0';
    json_decref(ae);
    return err;
}

static escertke_err update_policy(struct registration *r, const char *address, escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_UPDATE, .to = address, .content = policy_content(r, NULL) };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_UPDATED && rsp.rsc != ESCERTKE_RSC_OK)
        err = exchange_refused(&rsp, "updating the <accessControlPolicy>", d);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err create_policy(struct registration *r, char *id, size_t cap, escertke_detail *d)
{
    uint8_t octets[4];
    char hex[2 * sizeof octets + 1], name[32];
    escertke_primitive rsp;

    if (r->exchange.tls->random(octets, sizeof octets) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "no random octets for a resource name");
    escertke_hex((escertke_span){ octets, sizeof octets }, hex);
    snprintf(name, sizeof name, OWN_PREFIX "%s", hex);
    struct exchange_request request = {
        .op = ESCERTKE_OP_CREATE, .to = r->address, .ty = TY_ACP, .content = policy_content(r, name)
    };
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_CREATED)
        err = exchange_refused(&rsp, "creating an <accessControlPolicy>", d);
    json_t *acp = err == ESCERTKE_OK ? exchange_resource(&rsp, "m2m:acp") : NULL;
    const char *ri = json_string_value(json_object_get(acp, "ri"));
    if (err == ESCERTKE_OK && (!exchange_address(r->identity->cse_id, ri, r->policy, sizeof r->policy) || strlen(ri) >= cap)) {
        r->policy[0] = '\0';
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 7.4.2",
                       "the CSE created an <accessControlPolicy> but does not say its ri");
    } else if (err == ESCERTKE_OK) {
        memcpy(id, ri, strlen(ri) + 1);
    }
    json_decref(acp);
    escertke_primitive_clear(&rsp);
    return err;
}

/* acpi stands alone in its request (R 8.1). */
static escertke_err name_policy(struct registration *r, const char *id, escertke_detail *d)
{
    json_t *content = json_pack("{s:{s:[s]}}", "m2m:ae", "acpi", id);
    struct exchange_request request = { .op = ESCERTKE_OP_UPDATE, .to = r->address, .content = content };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_UPDATED && rsp.rsc != ESCERTKE_RSC_OK)
        err = exchange_refused(&rsp, "setting acpi of the <AE>", d);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err make_policy(struct registration *r, escertke_detail *d)
{
    char id[2 * ESCERTKE_ID_MAX];
    escertke_err err = create_policy(r, id, sizeof id, d);

    return err == ESCERTKE_OK ? name_policy(r, id, d) : err;
}

/* A policy that somebody else has made for this <AE> stays as it is; one that is no more is made anew. */
static escertke_err renew_policy(struct registration *r, const char *address, escertke_detail *d)
{
    json_t *acp;
    int rsc;
    escertke_err err = retrieve(r, address, "m2m:acp", &acp, &rsc, d);
    const char *name = json_string_value(json_object_get(acp, "rn"));
    bool own = name && strncmp(name, OWN_PREFIX, sizeof OWN_PREFIX - 1) == 0;

    json_decref(acp);
    if (err != ESCERTKE_OK)
        return err;
    if (rsc == ESCERTKE_RSC_NOT_FOUND)
        return make_policy(r, d);
    if (own) {
        snprintf(r->policy, sizeof r->policy, "%s", address);
        return update_policy(r, address, d);
    }
    out_words(
        "the <AE> has an access control policy that was not made here (%s): left as it is; it must grant NOTIFY to the peers",
        address);
    json_decref(r->acor);
    r->acor = NULL;
    return ESCERTKE_OK;
}

escertke_err registration_set_policy(struct registration *r, escertke_detail *d)
{
    char policy[2 * ESCERTKE_ID_MAX];
    escertke_err err;

    r->acor = peer_originators(r);
    if (!r->created && (err = find_policy(r, policy, sizeof policy, d)) != ESCERTKE_OK)
        return err;
    if (!r->created && policy[0])
        return renew_policy(r, policy, d);
    return make_policy(r, d);
}

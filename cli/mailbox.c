#include "mailbox.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"
#include "register.h"

enum { TY_ACP = 1, TY_CONTAINER = 3, TY_SUBSCRIPTION = 23 };
enum { ACOP_ALL = 63, ACOP_CREATE = 1 };
enum { NET_CHILD_CREATED = 3, NCT_ALL_ATTRIBUTES = 1 };

/* Letters are short-lived: what nobody took away goes by itself. */
enum { LETTERS_MOST = 256, LETTER_AGE_S = 600 };

static bool is_taken(int rsc)
{
    return rsc == ESCERTKE_RSC_CONFLICT || rsc == ESCERTKE_RSC_ALREADY_EXISTS;
}

static escertke_err send(const struct mailbox *m, escertke_op op, const char *to, int ty, json_t *content,
                         escertke_primitive *rsp, escertke_detail *d)
{
    struct exchange_request request = { .op = op, .to = to, .ty = ty, .content = content };

    return exchange_send(&m->exchange, &request, rsp, d);
}

/* Retrieve a resource; NULL if the CSE does not show it. */
static escertke_err retrieve(const struct exchange *x, const char *to, const char *name, json_t **resource, escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = to };
    escertke_primitive rsp;
    escertke_err err = exchange_send(x, &request, &rsp, d);

    *resource = err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_OK ? exchange_resource(&rsp, name) : NULL;
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err update(const struct mailbox *m, const char *to, json_t *content, const char *what, escertke_detail *d)
{
    escertke_primitive rsp;
    escertke_err err = send(m, ESCERTKE_OP_UPDATE, to, 0, content, &rsp, d);

    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_UPDATED && rsp.rsc != ESCERTKE_RSC_OK)
        err = exchange_refused(&rsp, what, d);
    escertke_primitive_clear(&rsp);
    return err;
}

/* *there: somebody, most likely this end-point in an earlier life, has made it. */
static escertke_err create(const struct mailbox *m, const char *parent, int ty, json_t *content, const char *what, bool *there,
                           escertke_detail *d)
{
    escertke_primitive rsp;
    escertke_err err = send(m, ESCERTKE_OP_CREATE, parent, ty, content, &rsp, d);

    *there = err == ESCERTKE_OK && is_taken(rsp.rsc);
    if (err == ESCERTKE_OK && !*there && rsp.rsc != ESCERTKE_RSC_CREATED)
        err = exchange_refused(&rsp, what, d);
    escertke_primitive_clear(&rsp);
    return err;
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */

/* "/in1/-/name" for the <AE> at the unstructured address "/in1/Cstem". */
static void structured(const escertke_address *a, const char *name, char out[MAILBOX_PLACE_MAX])
{
    snprintf(out, MAILBOX_PLACE_MAX, "%.*s%.*s%s-/%s", (int)a->sp.len, a->sp.len ? (const char *)a->sp.ptr : "", (int)a->cse.len,
             a->cse.len ? (const char *)a->cse.ptr : "", a->cse.len ? "/" : "", name);
}

static escertke_err find_ae(const struct exchange *x, const char *address, char out[MAILBOX_PLACE_MAX], escertke_detail *d)
{
    escertke_address a;
    json_t *ae;

    if (strlen(address) >= MAILBOX_PLACE_MAX || escertke_address_parse(escertke_span_str(address), &a) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_ID, "TS-0004 6.2.4", "not the address of an <AE>: %s", address);
    if (!a.path.len || memchr(a.path.ptr, '/', a.path.len)) {
        memcpy(out, address, strlen(address) + 1);
        return ESCERTKE_OK;
    }
    escertke_err err = retrieve(x, address, "m2m:ae", &ae, d);
    const char *rn = json_string_value(json_object_get(ae, "rn"));
    char stem[ESCERTKE_ID_MAX + 1];
    snprintf(stem, sizeof stem, "%.*s", (int)a.path.len - 1, (const char *)a.path.ptr + 1);
    structured(&a, exchange_is_name(rn) ? rn : stem, out);
    json_decref(ae);
    return err;
}

escertke_err mailbox_find(const struct exchange *x, const char *ae, char box[MAILBOX_ADDRESS_MAX], escertke_detail *d)
{
    char place[MAILBOX_PLACE_MAX] = "";
    escertke_err err = find_ae(x, ae, place, d);

    snprintf(box, MAILBOX_ADDRESS_MAX, "%s/" MAILBOX_NAME, place);
    return err;
}

/* ---- who may leave letters ------------------------------------------------------------------------------------- */

static bool has_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *item = json_string_value(json_array_get(array, i));
        if (item && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

static json_t *peers_of(const struct mailbox *m)
{
    const struct peer_list *peers = &m->identity->peers;
    json_t *acor = json_array();

    if (m->peer) {
        registration_add_originator(acor, m->identity, m->peer);
        return acor;
    }
    if (!peers->count)
        json_array_append_new(acor, json_string("all"));
    for (size_t i = 0; i < peers->count; i++)
        registration_add_originator(acor, m->identity, peers->items[i].id);
    return acor;
}

/*
 * Full rights for the <AE>, CREATE for the peers. An initiating end-point adds its peer to those that are in the policy: other
 * runs of it, or a terminating end-point, may use the same mailbox.
 */
static json_t *policy_content(const struct mailbox *m, const json_t *before, const char *name)
{
    json_t *own = json_array(), *peers = peers_of(m), *acp = json_object();
    const json_t *rules = json_object_get(json_object_get(before, "pv"), "acr");
    const json_t *let_in = json_object_get(json_array_get(rules, 1), "acor");

    registration_add_originator(own, m->identity, m->identity->id.text);
    for (size_t i = 0; m->peer && i < json_array_size(let_in); i++) {
        const char *item = json_string_value(json_array_get(let_in, i));
        if (item && !has_text(peers, item))
            json_array_append_new(peers, json_string(item));
    }
    if (name)
        json_object_set_new(acp, "rn", json_string(name));
    json_object_set_new(
        acp, "pv",
        json_pack("{s:[{s:O,s:i},{s:o,s:i}]}", "acr", "acor", own, "acop", ACOP_ALL, "acor", peers, "acop", ACOP_CREATE));
    json_object_set_new(acp, "pvs", json_pack("{s:[{s:o,s:i}]}", "acr", "acor", own, "acop", ACOP_ALL));
    return json_pack("{s:o}", "m2m:acp", acp);
}

/* The policy as it is at the CSE afterwards, and its ri. */
static escertke_err set_policy(const struct mailbox *m, char *ri, size_t cap, escertke_detail *d)
{
    char to[MAILBOX_PLACE_MAX + sizeof "/" MAILBOX_POLICY];
    json_t *acp = NULL;
    bool there;
    escertke_err err =
        create(m, m->ae, TY_ACP, policy_content(m, NULL, MAILBOX_POLICY), "creating the mailbox's policy", &there, d);

    snprintf(to, sizeof to, "%s/" MAILBOX_POLICY, m->ae);
    if (err == ESCERTKE_OK)
        err = retrieve(&m->exchange, to, "m2m:acp", &acp, d);
    if (err == ESCERTKE_OK && there)
        err = update(m, to, policy_content(m, acp, NULL), "updating the mailbox's policy", d);
    const char *found = json_string_value(json_object_get(acp, "ri"));
    if (err == ESCERTKE_OK && (!found || strlen(found) >= cap))
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 7.4.2", "the CSE does not say the ri of %s", to);
    else if (err == ESCERTKE_OK)
        memcpy(ri, found, strlen(found) + 1);
    json_decref(acp);
    return err;
}

/* ---- container and subscription --------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);

    return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

/* Some CSEs refuse an Update of acpi that changes nothing. */
static escertke_err set_acpi(const struct mailbox *m, const char *policy, escertke_detail *d)
{
    json_t *container;
    escertke_err err = retrieve(&m->exchange, m->box, "m2m:cnt", &container, d);
    const json_t *acpi = json_object_get(container, "acpi");
    const char *now = json_string_value(json_array_get(acpi, 0));
    bool same = json_array_size(acpi) == 1 && now && (ends_with(now, policy) || ends_with(now, "/" MAILBOX_POLICY));

    json_decref(container);
    if (err != ESCERTKE_OK || same)
        return err;
    return update(m, m->box, json_pack("{s:{s:[s]}}", "m2m:cnt", "acpi", policy), "setting acpi of the mailbox", d);
}

static escertke_err set_container(const struct mailbox *m, const char *policy, escertke_detail *d)
{
    bool there;
    json_t *content = json_pack("{s:{s:s,s:[s],s:i,s:i}}", "m2m:cnt", "rn", MAILBOX_NAME, "acpi", policy, "mni", LETTERS_MOST,
                                "mia", LETTER_AGE_S);
    escertke_err err = create(m, m->ae, TY_CONTAINER, content, "creating the mailbox", &there, d);

    return err == ESCERTKE_OK && there ? set_acpi(m, policy, d) : err;
}

static json_t *subscription(const struct mailbox *m)
{
    return json_pack("{s:{s:s,s:{s:[i]},s:[s],s:i}}", "m2m:sub", "rn", MAILBOX_NAME, "enc", "net", NET_CHILD_CREATED, "nu",
                     m->poa, "nct", NCT_ALL_ATTRIBUTES);
}

/* One of an earlier life names another point of access: it goes, and this one takes its place. */
static escertke_err subscribe(struct mailbox *m, escertke_detail *d)
{
    char to[MAILBOX_ADDRESS_MAX + sizeof "/" MAILBOX_NAME];
    escertke_primitive rsp;
    bool there;
    escertke_err err = create(m, m->box, TY_SUBSCRIPTION, subscription(m), "subscribing to the mailbox", &there, d);

    if (err != ESCERTKE_OK || !there)
        return err;
    snprintf(to, sizeof to, "%s/" MAILBOX_NAME, m->box);
    err = send(m, ESCERTKE_OP_DELETE, to, 0, NULL, &rsp, d);
    escertke_primitive_clear(&rsp);
    if (err == ESCERTKE_OK)
        err = create(m, m->box, TY_SUBSCRIPTION, subscription(m), "subscribing to the mailbox", &there, d);
    if (err == ESCERTKE_OK && there)
        err = esc_fail(d, ESCERTKE_ERR_RSC, "TS-0004 7.4.8", "an older subscription of the mailbox cannot be replaced");
    return err;
}

/* Without it the mailbox is looked into: slower, and good for the same. */
static escertke_err try_subscribe(struct mailbox *m, escertke_detail *d)
{
    escertke_detail why;

    escertke_detail_init(&why);
    escertke_err err = m->poa ? subscribe(m, &why) : ESCERTKE_OK;
    m->subscribed = m->poa && err == ESCERTKE_OK;
    if (err == ESCERTKE_OK || escertke_err_class(err) == ESCERTKE_CLASS_PEER) {
        if (err != ESCERTKE_OK)
            out_words("no subscription to the mailbox (%s): it is looked into instead", why.reason);
        return ESCERTKE_OK;
    }
    *d = why;
    return err;
}

escertke_err mailbox_open(struct mailbox *m, escertke_detail *d)
{
    char address[2 * ESCERTKE_ID_MAX], policy[2 * ESCERTKE_ID_MAX];
    escertke_err err;

    if (m->identity->is_cse)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "R-12.1", "a mailbox lies below an <AE>, and %s is a CSE", m->identity->id.text);
    snprintf(address, sizeof address, "%s/%s", m->identity->cse_id, m->identity->stem);
    if ((err = find_ae(&m->exchange, address, m->ae, d)) != ESCERTKE_OK)
        return err;
    snprintf(m->box, sizeof m->box, "%s/" MAILBOX_NAME, m->ae);
    if ((err = set_policy(m, policy, sizeof policy, d)) != ESCERTKE_OK || (err = set_container(m, policy, d)) != ESCERTKE_OK)
        return err;
    return try_subscribe(m, d);
}

/* ---- for the library ------------------------------------------------------------------------------------------- */

static escertke_err send_to_cse(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct mailbox *m = ctx;
    const struct esc_next next = { .url = m->exchange.url, .receiver = m->exchange.receiver };

    return esc_hops_send(m->exchange.hops, &next, req, rsp, d);
}

void mailbox_hand(const struct mailbox *m, escertke_mailbox *out)
{
    *out = (escertke_mailbox){ .from = m->exchange.from,
                               .self = m->identity->id.text,
                               .ctx = { m->identity->sp_id, m->identity->cse_id },
                               .format = m->exchange.format,
                               .tls = m->exchange.tls,
                               .send = send_to_cse,
                               .send_ctx = (void *)(uintptr_t)m,
                               .own_box = m->box };
}

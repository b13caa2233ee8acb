/* Resources as the content of an answer: whole, or the attributes asked for (R-RG-40, A-53). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"
#include "m2m/token.h"

enum { PARTS_MAX = 32 };

static int put_time(json_t *o, const char *name, int64_t unix_s)
{
    char text[16];

    escertke_timestamp_format(unix_s, text);
    return json_object_set_new(o, name, json_string(text));
}

static int put_own_poa(const struct esc_cse *cse, json_t *o)
{
    json_t *list;

    if (!cse->poa_count)
        return 0;
    list = json_array();
    for (size_t i = 0; i < cse->poa_count; i++) {
        if (json_array_append_new(list, json_string(cse->poa[i]))) {
            json_decref(list);
            return -1;
        }
    }
    return json_object_set_new(o, "poa", list);
}

/* What this build reads and writes. */
static json_t *own_serializations(void)
{
    json_t *list = json_array();

    for (escertke_format f = ESCERTKE_FORMAT_JSON; f <= ESCERTKE_FORMAT_CBOR; f++) {
        if (escertke_format_available(f) && json_array_append_new(list, json_string(escertke_format_name(f)))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *own_types(const struct esc_cse *cse)
{
    if (cse->cfg.bare)
        return json_pack("[ii]", ESC_TY_CB, ESC_TY_CSR);
    return json_pack("[iiiiiiii]", ESC_TY_ACP, ESC_TY_AE, ESC_TY_CNT, ESC_TY_CIN, ESC_TY_CB, ESC_TY_PCH, ESC_TY_CSR, ESC_TY_SUB);
}

static int put_base(const struct esc_cse *cse, json_t *o)
{
    return json_object_set_new(o, "csi", json_string(cse->cfg.cse_id)) ||
           json_object_set_new(o, "cst", json_integer(cse->cfg.registrar_url ? 2 : 1)) ||
           json_object_set_new(o, "srt", own_types(cse)) || json_object_set_new(o, "srv", json_pack("[sss]", "2", "2a", "3")) ||
           json_object_set_new(o, "csz", own_serializations()) || put_own_poa(cse, o) ||
           (cse->esi && json_object_set(o, "esi", cse->esi));
}

/* poa of an <AE> is between it and its CSE (R-RG-4). */
static bool hidden(const struct esc_call *c, const struct esc_resource *r, const char *name)
{
    return r->ty == ESC_TY_AE && !strcmp(name, "poa") && !esc_originator_is(&c->orig, r->creator);
}

/* What the CSE adds to the attributes that a request has set. */
static int put_own(const struct esc_resource *r, json_t *o)
{
    switch (r->ty) {
    case ESC_TY_AE: return json_object_set_new(o, "aei", json_string(r->ri));
    case ESC_TY_CNT:
        return json_object_set_new(o, "st", json_integer(r->st)) ||
               json_object_set_new(o, "cni", json_integer((json_int_t)r->instances)) ||
               json_object_set_new(o, "cbs", json_integer((json_int_t)r->octets));
    case ESC_TY_CIN: return json_object_set_new(o, "cs", json_integer((json_int_t)esc_instance_octets(r)));
    default: return 0;
    }
}

static int put_attrs(const struct esc_call *c, const struct esc_resource *r, json_t *o)
{
    const char *name;
    json_t *value;

    if (r->ty == ESC_TY_CB)
        return put_base(c->cse, o);
    json_object_foreach(r->attrs, name, value)
    {
        if (!hidden(c, r, name) && json_object_set(o, name, value))
            return -1;
    }
    return put_own(r, o);
}

static json_t *whole(const struct esc_call *c, const struct esc_resource *r)
{
    json_t *o = json_object();

    if (json_object_set_new(o, "rn", json_string(r->rn)) || json_object_set_new(o, "ty", json_integer(r->ty)) ||
        json_object_set_new(o, "ri", json_string(r->ri)) ||
        json_object_set_new(o, "pi", r->parent ? json_string(r->parent->ri) : json_null()) || put_time(o, "ct", r->ct) ||
        put_time(o, "lt", r->lt) || put_attrs(c, r, o)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *wrap(const struct esc_resource *r, json_t *value)
{
    json_t *root = json_object();

    if (!value || json_object_set_new(root, esc_type_of(r->ty)->root, value)) {
        json_decref(root); /* set_new has taken value */
        return NULL;
    }
    return root;
}

/** {"m2m:ae":{...}}; NULL = out of memory. */
json_t *esc_represent(const struct esc_call *c, const struct esc_resource *r)
{
    return wrap(r, whole(c, r));
}

bool esc_wants_part(const struct esc_call *c)
{
    return c->to.attr.len || c->req->atrl || c->in;
}

/* Move one attribute from the whole to the part; one that the resource does not have is left out. */
static int pick(struct esc_call *c, const struct esc_resource *r, const json_t *from, escertke_span name, json_t *part)
{
    char key[32];
    json_t *value;

    if (!name.len || name.len >= sizeof key)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "an attribute name is empty or too long");
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    if (!esc_attr_find(esc_type_of(r->ty), key))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "%s has no attribute \"%s\"", esc_type_of(r->ty)->root, key);
    value = json_object_get(from, key);
    if (value && json_object_set(part, key, value))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    return 0;
}

static int pick_joined(struct esc_call *c, const struct esc_resource *r, const json_t *from, json_t *part)
{
    const char *at = c->req->atrl;
    int rsc = 0;

    for (size_t n = 0; !rsc && at; n++) {
        size_t len = strcspn(at, "+");
        if (n == PARTS_MAX)
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "atrl lists more than %d attributes", PARTS_MAX);
        rsc = pick(c, r, from, (escertke_span){ (const uint8_t *)at, len }, part);
        at = at[len] ? at + len + 1 : NULL;
    }
    return rsc;
}

static int pick_listed(struct esc_call *c, const struct esc_resource *r, const json_t *from, json_t *part)
{
    const json_t *list = json_object_get(c->in, "m2m:atrl"), *item;
    int rsc = 0;
    size_t i;

    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > PARTS_MAX)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "content of a Retrieve must be m2m:atrl, a list of 1 to %d names",
                              PARTS_MAX);
    json_array_foreach(list, i, item)
    {
        if (!rsc)
            rsc = pick(c, r, from, esc_json_text(item), part);
    }
    return rsc;
}

/** Fill c->out with the attributes that "#name" in to, atrl or an m2m:atrl content ask for. Returns 0 or an RSC. */
int esc_represent_partial(struct esc_call *c, const struct esc_resource *r)
{
    json_t *from = whole(c, r), *part = json_object();
    int rsc = from && part ? 0 : esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");

    if (!rsc && c->to.attr.len)
        rsc = pick(c, r, from, c->to.attr, part);
    if (!rsc && c->req->atrl)
        rsc = pick_joined(c, r, from, part);
    if (!rsc && c->in)
        rsc = pick_listed(c, r, from, part);
    json_decref(from);
    if (rsc) {
        json_decref(part);
        return rsc;
    }
    c->out = wrap(r, part);
    return c->out ? 0 : esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
}

/* <container> and <contentInstance>: a bounded row of texts, the oldest of which make room (TS-0001 9.6.6, 9.6.7; R 12.1). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

size_t esc_instance_octets(const struct esc_resource *instance)
{
    return json_string_length(json_object_get(instance->attrs, "con"));
}

/** The youngest or the oldest <contentInstance>; NULL = none. */
struct esc_resource *esc_container_end(const struct esc_resource *container, bool oldest)
{
    struct esc_resource *r = oldest ? container->last : container->first;

    while (r && r->ty != ESC_TY_CIN) /* a few subscriptions stand between them */
        r = oldest ? r->prev : r->next;
    return r;
}

/* A limit that the container has, or the CSE's own. */
static size_t limit_of(const json_t *attrs, const char *name, size_t most)
{
    json_int_t value = json_integer_value(json_object_get(attrs, name));

    return value > 0 && (uint64_t)value < most ? (size_t)value : most;
}

/** mni and mbs are at most what this CSE gives a container: it says so in its answer (TS-0001 9.6.6). */
void esc_container_bound(const struct esc_cse *cse, json_t *attrs)
{
    const struct {
        const char *name;
        size_t most;
    } limits[] = { { "mni", cse->cfg.container_instances }, { "mbs", cse->cfg.container_octets } };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        json_t *value = json_object_get(attrs, limits[i].name);
        if (json_integer_value(value) > (json_int_t)limits[i].most)
            json_object_set_new(attrs, limits[i].name, json_integer((json_int_t)limits[i].most));
    }
}

/** Remove the oldest until the rest is within the limits. */
void esc_container_trim(struct esc_cse *cse, struct esc_resource *container)
{
    size_t instances = limit_of(container->attrs, "mni", cse->cfg.container_instances);
    size_t octets = limit_of(container->attrs, "mbs", cse->cfg.container_octets);

    while (container->instances > instances || container->octets > octets)
        esc_tree_remove(cse, esc_container_end(container, true));
}

/** A creator that was asked for is who sent the request, in the form in which it did (R 12.1). */
int esc_creator_set(struct esc_call *c, json_t *attrs)
{
    const json_t *cr = json_object_get(attrs, "cr");

    if (!cr)
        return 0;
    if (!json_is_null(cr))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute cr must be null: the CSE fills it");
    if (json_object_set_new(attrs, "cr", json_string(c->req->fr)))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    return 0;
}

/* What all of these types begin with. */
static int prepare(struct esc_call *c, struct esc_draft *draft)
{
    memcpy(draft->creator, c->orig.id.text, sizeof draft->creator);
    if (esc_generate_ri(c->cse, draft->type->stem, draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return esc_creator_set(c, draft->attrs);
}

int esc_container_prepare(struct esc_call *c, struct esc_draft *draft)
{
    if (c->cse->containers >= c->cse->cfg.max_containers)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another container");
    esc_container_bound(c->cse, draft->attrs);
    return prepare(c, draft);
}

/* mia: no instance gets older than this, whatever its own et says. */
static int limit_age(struct esc_call *c, json_t *attrs)
{
    json_int_t mia = json_integer_value(json_object_get(c->target->attrs, "mia"));
    int64_t et = esc_attrs_expiry(attrs), end = c->now.unix_s + mia;
    char text[16];

    if (mia <= 0 || (et && et <= end))
        return 0;
    escertke_timestamp_format(end, text);
    if (json_object_set_new(attrs, "et", json_string(text)))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    return 0;
}

int esc_instance_prepare(struct esc_call *c, struct esc_draft *draft)
{
    const struct esc_cse_config *cfg = &c->cse->cfg;
    size_t octets = json_string_length(json_object_get(draft->attrs, "con"));
    size_t most = limit_of(c->target->attrs, "mbs", cfg->container_octets);
    int rsc;

    if (octets > most || octets > cfg->max_content)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_ACCEPTABLE, "con has %zu octets, at most %zu are possible here", octets,
                              most < cfg->max_content ? most : cfg->max_content);
    /* A full container makes room for itself. */
    if (c->cse->instances >= cfg->max_instances &&
        c->target->instances < limit_of(c->target->attrs, "mni", cfg->container_instances))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another contentInstance");
    if ((rsc = limit_age(c, draft->attrs)))
        return rsc;
    return prepare(c, draft);
}

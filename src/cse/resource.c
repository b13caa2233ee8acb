/* The tree of resources and the two ways into it: by resource identifier, by parent and name. */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/json.h"
#include "m2m/token.h"

/* FNV-1a from a random start: names come from outside, and nobody outside shall choose who shares a chain. */
static uint64_t hash(uint64_t seed, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    uint64_t h = seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static struct esc_resource **ri_chain(const struct esc_cse *cse, const void *ri, size_t len)
{
    return &cse->index.by_ri[hash(cse->index.seed, ri, len) & cse->index.mask];
}

static struct esc_resource **name_chain(const struct esc_cse *cse, const struct esc_resource *parent, const void *rn, size_t len)
{
    uint64_t start = hash(cse->index.seed, &parent, sizeof parent);

    return &cse->index.by_name[hash(start, rn, len) & cse->index.mask];
}

escertke_err esc_index_new(struct esc_cse *cse)
{
    const struct esc_cse_config *cfg = &cse->cfg;
    size_t total =
               cfg->max_ae + cfg->max_acp + cfg->max_remote + cfg->max_containers + cfg->max_instances + cfg->max_subscriptions,
           size = 64;

    while (size < total && size < ((size_t)1 << 20))
        size *= 2;
    cse->index.mask = size - 1;
    cse->index.by_ri = esc_zalloc(size * sizeof *cse->index.by_ri);
    cse->index.by_name = esc_zalloc(size * sizeof *cse->index.by_name);
    if (!cse->index.by_ri || !cse->index.by_name)
        return ESCERTKE_ERR_NOMEM;
    return esc_cse_random(cse, &cse->index.seed, sizeof cse->index.seed);
}

void esc_index_free(struct esc_cse *cse)
{
    esc_release(cse->index.by_ri);
    esc_release(cse->index.by_name);
    cse->index.by_ri = cse->index.by_name = NULL;
}

struct esc_resource *esc_resource_new(int ty, const char *ri, const char *rn, const char *creator, json_t *attrs)
{
    struct esc_resource *r = esc_zalloc(sizeof *r);

    if (!r || !attrs) {
        esc_release(r);
        json_decref(attrs);
        return NULL;
    }
    r->ty = ty;
    r->attrs = attrs;
    r->size = esc_attrs_size(attrs);
    r->ri = esc_strndup(ri, strlen(ri));
    r->rn = esc_strndup(rn, strlen(rn));
    r->creator = esc_strndup(creator, strlen(creator));
    if (!r->ri || !r->rn || !r->creator) {
        esc_resource_free(r);
        return NULL;
    }
    return r;
}

void esc_resource_free(struct esc_resource *r)
{
    if (!r)
        return;
    json_decref(r->attrs);
    esc_release(r->ri);
    esc_release(r->rn);
    esc_release(r->creator);
    esc_release(r);
}

/* NULL: a type that is not counted. */
static size_t *counter(struct esc_cse *cse, int ty)
{
    switch (ty) {
    case ESC_TY_AE: return &cse->ae;
    case ESC_TY_ACP: return &cse->acp;
    case ESC_TY_CSR: return &cse->remote;
    case ESC_TY_CNT: return &cse->containers;
    case ESC_TY_CIN: return &cse->instances;
    case ESC_TY_SUB: return &cse->subscriptions;
    default: return NULL;
    }
}

void esc_tree_set_expiry(struct esc_cse *cse, struct esc_resource *r, int64_t et)
{
    r->et = et;
    if (et && et < cse->next_expiry)
        cse->next_expiry = et;
}

/* A <container> knows what its <contentInstance>s come to. */
static void count_instance(struct esc_resource *r, bool there)
{
    if (r->ty != ESC_TY_CIN || !r->parent)
        return;
    size_t octets = esc_instance_octets(r);
    r->parent->instances += there ? 1 : (size_t)-1;
    r->parent->octets += there ? octets : (size_t)0 - octets;
}

void esc_tree_add(struct esc_cse *cse, struct esc_resource *parent, struct esc_resource *r)
{
    struct esc_resource **chain = ri_chain(cse, r->ri, strlen(r->ri));

    r->same_ri = *chain;
    *chain = r;
    chain = name_chain(cse, parent, r->rn, strlen(r->rn));
    r->same_name = *chain;
    *chain = r;
    r->parent = parent;
    if (parent) {
        r->next = parent->first;
        if (r->next)
            r->next->prev = r;
        else
            parent->last = r;
        parent->first = r;
    }
    if (r->ty == ESC_TY_CSR) {
        r->next_remote = cse->remotes;
        cse->remotes = r;
    }
    count_instance(r, true);
    esc_tree_set_expiry(cse, r, r->et);
    cse->bytes += r->size;
    size_t *count = counter(cse, r->ty);
    if (count)
        ++*count;
}

static void unlink_resource(struct esc_cse *cse, struct esc_resource *r)
{
    struct esc_resource **at = ri_chain(cse, r->ri, strlen(r->ri));

    while (*at != r)
        at = &(*at)->same_ri;
    *at = r->same_ri;
    at = name_chain(cse, r->parent, r->rn, strlen(r->rn));
    while (*at != r)
        at = &(*at)->same_name;
    *at = r->same_name;
    for (at = &cse->remotes; r->ty == ESC_TY_CSR && *at; at = &(*at)->next_remote) {
        if (*at == r) {
            *at = r->next_remote;
            break;
        }
    }
    if (r->prev)
        r->prev->next = r->next;
    else if (r->parent)
        r->parent->first = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else if (r->parent)
        r->parent->last = r->prev;
}

void esc_resource_replace(struct esc_cse *cse, struct esc_resource *r, json_t *attrs)
{
    size_t size = esc_attrs_size(attrs);

    json_decref(r->attrs);
    r->attrs = attrs;
    cse->bytes = cse->bytes - r->size + size;
    r->size = size;
    esc_tree_set_expiry(cse, r, esc_attrs_expiry(attrs));
}

static void drop(struct esc_cse *cse, struct esc_resource *r)
{
    while (r->first)
        drop(cse, r->first); /* the tree is a few levels deep */
    if (r->ty == ESC_TY_SUB)
        esc_subscription_removed(cse, r);
    unlink_resource(cse, r);
    count_instance(r, false);
    cse->bytes -= r->size;
    if (r->ty == ESC_TY_PCH)
        pthread_cond_broadcast(&cse->turn); /* what waits there waits for nothing now */
    size_t *count = counter(cse, r->ty);
    if (count)
        --*count;
    esc_resource_free(r);
}

void esc_tree_remove(struct esc_cse *cse, struct esc_resource *r)
{
    esc_journal_remove(cse, r);
    drop(cse, r);
}

static bool same(const char *text, escertke_span span)
{
    return strlen(text) == span.len && !memcmp(text, span.ptr, span.len);
}

struct esc_resource *esc_tree_by_ri(const struct esc_cse *cse, escertke_span ri)
{
    struct esc_resource *r = *ri_chain(cse, ri.ptr, ri.len);

    while (r && !same(r->ri, ri))
        r = r->same_ri;
    return r;
}

struct esc_resource *esc_tree_by_name(const struct esc_cse *cse, const struct esc_resource *parent, escertke_span rn)
{
    struct esc_resource *r = *name_chain(cse, parent, rn.ptr, rn.len);

    while (r && (r->parent != parent || !same(r->rn, rn)))
        r = r->same_name;
    return r;
}

/* The path of an address on this CSE: structured from <CSEBase>, or one unstructured identifier (R-ID-10, A-46). */
struct esc_resource *esc_tree_find(const struct esc_cse *cse, escertke_span path)
{
    escertke_span first = esc_token_next(&path);
    struct esc_resource *r = cse->base;

    if (!first.len)
        return r;
    if (!esc_token_is(first, "-") && !esc_token_is(first, ".") && !same(r->rn, first))
        return path.len ? NULL : esc_tree_by_ri(cse, first);
    while (r && path.len) {
        path = (escertke_span){ path.ptr + 1, path.len - 1 };
        r = esc_tree_by_name(cse, r, esc_token_next(&path));
    }
    return r;
}

bool esc_address_is_local(const struct esc_cse *cse, const escertke_address *a)
{
    if (a->sp.len && !same(cse->cfg.sp_id, a->sp))
        return false;
    return !a->cse.len || same(cse->cfg.cse_id, a->cse);
}

struct esc_resource *esc_tree_find_address(const struct esc_cse *cse, const char *address)
{
    escertke_address a;

    if (escertke_address_parse(escertke_span_str(address), &a) != ESCERTKE_OK || a.attr.len || !esc_address_is_local(cse, &a))
        return NULL;
    return esc_tree_find(cse, a.path);
}

/* Remove what is due below @p parent; what remains decides when to look again. */
static bool expire_below(struct esc_cse *cse, struct esc_resource *parent, int64_t now_s)
{
    bool removed = false;

    for (struct esc_resource *r = parent->first, *next; r; r = next) {
        next = r->next;
        if (r->et && r->et <= now_s) {
            esc_tree_remove(cse, r);
            removed = true;
            continue;
        }
        esc_tree_set_expiry(cse, r, r->et);
        removed |= expire_below(cse, r, now_s);
    }
    return removed;
}

bool esc_tree_expire(struct esc_cse *cse, escertke_now now)
{
    if (now.unix_s < cse->next_expiry)
        return false;
    cse->next_expiry = INT64_MAX;
    return expire_below(cse, cse->base, now.unix_s);
}

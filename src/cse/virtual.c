/* Virtual resources: names behind a resource that stand for something to do with it (TS-0004 6.8; R-ID-12). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/token.h"

static const struct {
    const char *name;
    int parent;
    enum esc_virtual part;
    unsigned allowed; /* operations, bit n = op n */
} virtuals[] = {
    { "pcu", ESC_TY_PCH, ESC_VIRTUAL_PCU, 1u << ESCERTKE_OP_RETRIEVE | 1u << ESCERTKE_OP_NOTIFY },
    { "la", ESC_TY_CNT, ESC_VIRTUAL_LA, 1u << ESCERTKE_OP_RETRIEVE | 1u << ESCERTKE_OP_DELETE },
    { "ol", ESC_TY_CNT, ESC_VIRTUAL_OL, 1u << ESCERTKE_OP_RETRIEVE | 1u << ESCERTKE_OP_DELETE },
};

/* Cut the last segment off @p path. */
static escertke_span last_segment(escertke_span *path)
{
    size_t at = path->len;

    while (at && path->ptr[at - 1] != '/')
        at--;
    escertke_span last = { path->ptr + at, path->len - at };
    path->len = at ? at - 1 : 0;
    return last;
}

/** The target of a path that names no resource itself. Returns 0 or an RSC. */
int esc_virtual_find(struct esc_call *c)
{
    escertke_span path = c->to.path, name = last_segment(&path);
    struct esc_resource *parent = path.len ? esc_tree_find(c->cse, path) : NULL;

    for (size_t i = 0; parent && i < sizeof virtuals / sizeof virtuals[0]; i++) {
        if (virtuals[i].parent != parent->ty || !esc_token_is(name, virtuals[i].name))
            continue;
        c->part = virtuals[i].part;
        c->target = c->part == ESC_VIRTUAL_PCU ? parent : esc_container_end(parent, c->part == ESC_VIRTUAL_OL);
        return c->target ? 0 : esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "the container is empty");
    }
    return esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "this CSE has no such resource");
}

/** Is the operation one that the virtual resource has? Returns 0 or an RSC. */
int esc_virtual_check(struct esc_call *c)
{
    for (size_t i = 0; i < sizeof virtuals / sizeof virtuals[0]; i++) {
        if (virtuals[i].part == c->part && !(virtuals[i].allowed >> c->req->op & 1))
            return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "%s does not take this operation", virtuals[i].name);
    }
    return 0;
}

/* Requests that are being handled: a rqi that is still in use (R-PR-13, A-72), and repeated group requests (R-PR-24). */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cse/internal.h"

enum { GID_TTL_MS = 60000 };

static bool same_request(const struct esc_call *a, const struct esc_call *b)
{
    return a->orig.kind != ESC_ORIGIN_NEW && !strcmp(a->req->rqi, b->req->rqi) && !strcmp(a->orig.id.text, b->orig.id.text);
}

/* The same ESCertKE message again: a transport's retransmission, which its end-point answers with the stored reply. */
static bool repeats_escertke(const struct esc_call *a, const struct esc_call *b)
{
    const escertke_primitive *x = a->req, *y = b->req;
    escertke_seci seci;

    if (x->op != ESCERTKE_OP_NOTIFY || y->op != ESCERTKE_OP_NOTIFY || strcmp(x->to, y->to) || x->format != y->format ||
        !escertke_span_equal(escertke_buf_span(&x->content), escertke_buf_span(&y->content)))
        return false;
    escertke_seci_init(&seci);
    bool is_escertke = escertke_seci_parse(x->format, escertke_buf_span(&x->content), &seci, NULL) == ESCERTKE_OK &&
                       seci.sit == ESCERTKE_SIT_ESCERTKE;
    escertke_seci_clear(&seci);
    return is_escertke;
}

/** Take the request into the list until esc_pending_remove. Returns 0 or an RSC. */
int esc_pending_add(struct esc_call *c)
{
    struct esc_cse *cse = c->cse;
    int repeats = 0;

    if (cse->pending >= cse->cfg.max_pending)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "too many requests at once");
    for (const struct esc_call *other = cse->calls; other; other = other->older) {
        if (!same_request(c, other))
            continue;
        if (!repeats_escertke(c, other) || ++repeats >= ESC_DUPLICATES_MAX)
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "a request of this originator with this rqi is pending");
    }
    c->older = cse->calls;
    if (c->older)
        c->older->newer = c;
    cse->calls = c;
    cse->pending++;
    c->pending = true;
    return 0;
}

void esc_pending_remove(struct esc_call *c)
{
    if (!c->pending)
        return;
    if (c->newer)
        c->newer->older = c->older;
    else
        c->cse->calls = c->older;
    if (c->older)
        c->older->newer = c->newer;
    c->cse->pending--;
    c->pending = false;
}

/** Recv-6.2.1: a member of a group gets one request once, whichever way it comes. Returns 0 or an RSC. */
int esc_group_check(struct esc_call *c)
{
    struct esc_cse *cse = c->cse;
    const char *gid = c->req->gid, *ri = c->target->ri;

    if (!gid)
        return 0;
    size_t gid_len = strlen(gid), len = gid_len + 1 + strlen(ri);
    if (gid_len > ESCERTKE_ID_MAX)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "gid is longer than %u characters", ESCERTKE_ID_MAX);
    char *key = esc_zalloc(len + 1);
    if (!key)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    snprintf(key, len + 1, "%s\n%s", ri, gid); /* an identifier has no line feed */
    for (size_t i = 0; i < ESC_GID_MAX; i++) {
        if (cse->gid[i].key && cse->gid[i].until_ms > c->now.mono_ms && !strcmp(cse->gid[i].key, key)) {
            esc_release(key);
            return esc_cse_refuse(c, ESCERTKE_RSC_GROUP_REQUEST_IDENTIFIER_EXISTS, "the target had this group request already");
        }
    }
    size_t at = cse->gid_next++ % ESC_GID_MAX;
    esc_release(cse->gid[at].key);
    cse->gid[at].key = key;
    cse->gid[at].until_ms = c->now.mono_ms + GID_TTL_MS;
    return 0;
}

void esc_group_clear(struct esc_cse *cse)
{
    for (size_t i = 0; i < ESC_GID_MAX; i++) {
        esc_release(cse->gid[i].key);
        cse->gid[i].key = NULL;
    }
}

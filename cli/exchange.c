#include "exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "m2m/serialization.h"

static escertke_err fill(const struct exchange *x, const struct exchange_request *r, escertke_primitive *req)
{
    uint8_t octets[8];
    char rqi[2 * sizeof octets + 1];
    escertke_err err;

    req->op = r->op;
    req->ty = r->ty;
    req->format = x->format;
    if ((err = x->tls->random(octets, sizeof octets)) != ESCERTKE_OK)
        return err;
    escertke_hex((escertke_span){ octets, sizeof octets }, rqi);
    if ((err = escertke_primitive_set(&req->to, escertke_span_str(r->to))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->fr, escertke_span_str(x->from))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rqi, escertke_span_str(rqi))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rvi, escertke_span_str("3"))) != ESCERTKE_OK)
        return err;
    if (r->atrl && (err = escertke_primitive_set(&req->atrl, escertke_span_str(r->atrl))) != ESCERTKE_OK)
        return err;
    return r->content ? esc_serial_dump(req->format, r->content, &req->content) : ESCERTKE_OK;
}

escertke_err exchange_send(const struct exchange *x, const struct exchange_request *r, escertke_primitive *rsp,
                           escertke_detail *d)
{
    escertke_primitive req;

    escertke_primitive_init(&req);
    escertke_primitive_init(rsp);
    escertke_err err = fill(x, r, &req);
    json_decref(r->content);
    if (err == ESCERTKE_OK)
        err = esc_hops_send(x->hops, &(struct esc_next){ .url = x->url, .receiver = x->receiver, .patience = x->patience }, &req,
                            rsp, d);
    else
        esc_fail(d, err, "", "a request to %s could not be composed: %s", r->to, escertke_err_text(err));
    escertke_primitive_clear(&req);
    return err;
}

static escertke_err error_of(int rsc)
{
    static const struct {
        int rsc;
        escertke_err err;
    } errors[] = {
        { ESCERTKE_RSC_NOT_FOUND, ESCERTKE_ERR_NOT_FOUND },
        { ESCERTKE_RSC_REQUEST_TIMEOUT, ESCERTKE_ERR_DEADLINE },
        { ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, ESCERTKE_ERR_PRIVILEGE },
        { ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED, ESCERTKE_ERR_REFUSED_AUTH },
        { ESCERTKE_RSC_SECURITY_ASSOCIATION_REQUIRED, ESCERTKE_ERR_REFUSED_AUTH },
        { ESCERTKE_RSC_TARGET_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
        { ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE, ESCERTKE_ERR_UNREACHABLE },
        { ESCERTKE_RSC_NOT_IMPLEMENTED, ESCERTKE_ERR_UNSUPPORTED },
        { ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, ESCERTKE_ERR_UNSUPPORTED },
    };

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].rsc == rsc)
            return errors[i].err;
    return ESCERTKE_ERR_RSC;
}

escertke_err exchange_refused(const escertke_primitive *rsp, const char *what, escertke_detail *d)
{
    char words[200] = "";
    escertke_err err = error_of(rsp->rsc);

    escertke_dbg_read(rsp->format, escertke_buf_span(&rsp->content), words, sizeof words);
    d->rsc = rsp->rsc;
    return esc_fail(d, err, "TS-0004 6.6.3", "%s: the CSE answered %d %s%s%s", what, rsp->rsc, escertke_rsc_name(rsp->rsc),
                    words[0] ? ": " : "", words);
}

json_t *exchange_resource(const escertke_primitive *rsp, const char *name)
{
    json_t *root;

    if (esc_serial_load(rsp->format, escertke_buf_span(&rsp->content), &root, NULL) != ESCERTKE_OK)
        return NULL;
    json_t *resource = json_incref(json_object_get(root, name));
    json_decref(root);
    if (resource && !json_is_object(resource)) {
        json_decref(resource);
        return NULL;
    }
    return resource;
}

bool exchange_address(const char *cse_id, const char *given, char *out, size_t cap)
{
    escertke_address a;

    if (!given || !given[0])
        return false;
    int len = given[0] == '/' ? snprintf(out, cap, "%s", given) : snprintf(out, cap, "%s/%s", cse_id, given);
    return len > 0 && (size_t)len < cap && escertke_address_parse(escertke_span_str(out), &a) == ESCERTKE_OK && !a.attr.len;
}

bool exchange_is_name(const char *rn)
{
    escertke_address address;

    return rn && *rn && strlen(rn) <= ESCERTKE_ID_MAX && !strpbrk(rn, "/#") && strcmp(rn, "-") != 0 &&
           escertke_address_parse(escertke_span_str(rn), &address) == ESCERTKE_OK;
}

/* One hop out: the request as the next receiver gets it, the pointsOfAccess in their order, the answer as it came back. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/serialization.h"
#include "m2m/token.h"

/* From beyond this hop (R-ID-20...22): bare to an AE of this CSE, SP-relative to a CSE, Absolute to another SP. */
static escertke_err set_from(const struct esc_call *c, bool to_ae, bool absolute, escertke_primitive *out)
{
    const char *id = c->orig.id.text;

    if (absolute)
        return escertke_primitive_set(&out->fr, escertke_span_str(id));
    if (c->orig.kind == ESC_ORIGIN_AE && !to_ae)
        return escertke_primitive_set(&out->fr, escertke_span_str(id + c->orig.id.sp_len));
    return ESCERTKE_OK;
}

/* An AE's rqi is unique among its own only: its registrar puts the stem before it (R-PR-13). */
static escertke_err set_rqi(const struct esc_call *c, escertke_primitive *out)
{
    char rqi[2 * (ESCERTKE_ID_MAX + 1)];
    int len;

    if (c->orig.kind != ESC_ORIGIN_AE)
        return ESCERTKE_OK;
    len = snprintf(rqi, sizeof rqi, "%s/%s", c->req->fr, c->req->rqi);
    return escertke_primitive_set(&out->rqi, (escertke_span){ (const uint8_t *)rqi, (size_t)len });
}

/* A relative time counts from its receipt; passed on as it is it would grow with every hop. */
static escertke_err set_absolute(const char *value, int64_t now_ms, char **out)
{
    int64_t at_ms;
    char text[16];

    if (!value || strchr(value, 'T') || escertke_abs_rel_parse(escertke_span_str(value), now_ms, &at_ms) != ESCERTKE_OK)
        return ESCERTKE_OK;
    escertke_timestamp_format((at_ms + 999) / 1000, text);
    return escertke_primitive_set(out, escertke_span_str(text));
}

/* srv says Release 1 and nothing newer: it does not know rvi and vsi. */
bool esc_hop_release_1(const struct esc_resource *entity)
{
    const json_t *srv = json_object_get(entity->attrs, "srv");

    return json_array_size(srv) == 1 && esc_token_is(esc_json_text(json_array_get(srv, 0)), "1");
}

static void drop(char **member)
{
    esc_release(*member);
    *member = NULL;
}

/*
 * An AE that names one of this CSE's own pointsOfAccess would make it talk to itself. But for a broker, which is where all of
 * them meet: there the receiver is named in the topic.
 */
bool esc_hop_is_own_url(const struct esc_cse *cse, const char *url)
{
    if (!strncmp(url, "mqtt:", 5) || !strncmp(url, "mqtts:", 6))
        return false;
    for (size_t i = 0; i < cse->poa_count; i++) {
        size_t len = strlen(cse->poa[i]);
        while (len && cse->poa[i][len - 1] == '/')
            len--;
        if (!strncmp(url, cse->poa[i], len) && (!url[len] || url[len] == '/'))
            return true;
    }
    return false;
}

/* Who is at those URLs. A mirror stands for the registrar, which its csi names. */
static void set_receiver(struct esc_call *c, const struct esc_resource *entity)
{
    const json_t *csi = json_object_get(entity->attrs, "csi");
    escertke_id id;

    c->hop.receiver[0] = '\0';
    if (csi && escertke_id_normalise(esc_json_text(csi), &c->cse->ctx, &id) == ESCERTKE_OK)
        memcpy(c->hop.receiver, id.text, sizeof id.text);
    else if (!csi && entity->creator)
        snprintf(c->hop.receiver, sizeof c->hop.receiver, "%s", entity->creator);
}

escertke_err esc_hop_add_urls(const struct esc_cse *cse, const struct esc_resource *entity, struct esc_hop *hop)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(entity->attrs, "poa"), i, item)
    {
        const char *url = json_string_value(item);
        if (hop->count == (cse->behaviour->first_poa_only ? 1 : ESC_CSE_POA_MAX) || esc_hop_is_own_url(cse, url))
            continue;
        hop->url[hop->count] = esc_strndup(url, strlen(url));
        if (!hop->url[hop->count])
            return ESCERTKE_ERR_NOMEM;
        hop->count++;
    }
    return ESCERTKE_OK;
}

/* "json", "application/json", "application/vnd.onem2m-res+json" */
static escertke_format format_named(const json_t *name)
{
    escertke_format format;

    return escertke_format_find(esc_json_text(name), &format) ? format : (escertke_format)0;
}

/* What goes to an entity whose csz does not list the format of the content is said in the first of its own that is known here
 * (R-PR-6). With format 0 that is so whatever it lists. */
escertke_format esc_hop_format(const struct esc_resource *entity, escertke_format format)
{
    const json_t *csz = json_object_get(entity->attrs, "csz"), *item;
    escertke_format first = (escertke_format)0;
    size_t i;

    if (!csz)
        return format;
    json_array_foreach(csz, i, item)
    {
        escertke_format found = format_named(item);
        if (found == format)
            return format;
        if (!first && escertke_format_available(found))
            first = found;
    }
    return first;
}

/* Say a content in another format. @return 0, or an RSC */
static int convert(struct esc_call *c, escertke_primitive *p, escertke_format to)
{
    escertke_buf said;
    escertke_detail d;

    if (!p->content.len || p->format == to)
        return 0;
    escertke_detail_init(&d);
    escertke_buf_init(&said, p->content.max);
    escertke_err err = escertke_content_convert(p->format, escertke_buf_span(&p->content), to, &said, &d);
    if (err != ESCERTKE_OK) {
        escertke_buf_free(&said);
        return esc_cse_refuse(c,
                              escertke_err_class(err) == ESCERTKE_CLASS_LOCAL ? ESCERTKE_RSC_INTERNAL_SERVER_ERROR
                                                                              : ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE,
                              "%s", d.reason);
    }
    escertke_buf_free(&p->content);
    p->content = said;
    p->format = to;
    return 0;
}

static int set_format(struct esc_call *c, const struct esc_resource *entity, escertke_primitive *out)
{
    escertke_format format = esc_hop_format(entity, out->format);

    if (!format)
        return esc_cse_refuse(c, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE,
                              "the receiver takes no serialization that is known here (csz)");
    /* it answers in what it takes, too; the originator gets what it wants from here */
    out->accept = esc_hop_format(entity, out->accept ? out->accept : out->format);
    int rsc = convert(c, out, format);
    out->format = format;
    return rsc;
}

int esc_hop_prepare(struct esc_call *c, const struct esc_resource *entity, bool to_ae, bool absolute_fr)
{
    escertke_primitive *out = &c->hop.req;
    int64_t now_ms = esc_cse_now_ms(c->now);
    escertke_err err;

    c->next = ESC_NEXT_HOP;
    c->hop.to_ae = to_ae;
    set_receiver(c, entity);
    if ((err = escertke_primitive_copy(c->req, out)) != ESCERTKE_OK ||
        (err = set_from(c, to_ae, absolute_fr, out)) != ESCERTKE_OK || (err = set_rqi(c, out)) != ESCERTKE_OK ||
        (err = set_absolute(c->req->rqet, now_ms, &out->rqet)) != ESCERTKE_OK ||
        (err = set_absolute(c->req->rset, now_ms, &out->rset)) != ESCERTKE_OK ||
        (err = esc_hop_add_urls(c->cse, entity, &c->hop)) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the request cannot be passed on: %s",
                              escertke_err_text(err));
    if (esc_hop_release_1(entity)) {
        drop(&out->rvi);
        drop(&out->vsi);
    }
    return set_format(c, entity, out);
}

static int unreachable(struct esc_call *c, const char *what)
{
    return c->hop.to_ae ? esc_cse_refuse(c, ESCERTKE_RSC_TARGET_NOT_REACHABLE, "the AE %s", what)
                        : esc_cse_refuse(c, ESCERTKE_RSC_REMOTE_ENTITY_NOT_REACHABLE, "the next CSE %s", what);
}

static bool too_late(const struct esc_call *c)
{
    const struct esc_cse_config *cfg = &c->cse->cfg;

    return c->deadline_ms && cfg->clock && esc_cse_now_ms(cfg->clock(cfg->clock_ctx)) > c->deadline_ms;
}

/* The answer of the far end is passed back as it is, in the format that the originator takes, under the originator's own rqi. */
int esc_hop_relay(struct esc_call *c, escertke_primitive *rsp)
{
    if (rsp->op || rsp->rsc <= 0 || !rsp->rqi || strcmp(rsp->rqi, c->hop.req.rqi))
        return unreachable(c, "sent something that does not answer this request");
    esc_behaviour_change_answer(c, rsp);
    drop(&rsp->to);
    drop(&rsp->fr);
    if (!c->req->rvi) { /* towards Release 1 */
        drop(&rsp->rvi);
        drop(&rsp->vsi);
    }
    if (escertke_primitive_set(&rsp->rqi, escertke_span_str(c->req->rqi)) != ESCERTKE_OK ||
        (!rsp->rvi && c->req->rvi && escertke_primitive_set(&rsp->rvi, escertke_span_str("3")) != ESCERTKE_OK))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    return convert(c, rsp, c->req->accept ? c->req->accept : c->req->format);
}

static escertke_err try_url(struct esc_call *c, const char *url, escertke_primitive *rsp)
{
    const struct esc_cse_config *cfg = &c->cse->cfg;
    escertke_detail d;
    escertke_err err = ESCERTKE_ERR_UNREACHABLE;

    escertke_detail_init(&d);
    if (cfg->deliver)
        err = cfg->deliver(cfg->deliver_ctx, url, c->hop.receiver, c->hop.to_ae, &c->hop.req, rsp, &d);
    if (err == ESCERTKE_OK)
        return err;
    esc_log(&cfg->log, ESCERTKE_LEVEL_WARN, "cse.hop", "url=%s error=%s reason=\"%s\"", url, escertke_err_name(err), d.reason);
    escertke_primitive_clear(rsp);
    return err;
}

static int nowhere(struct esc_call *c)
{
    return unreachable(c, c->hop.count ? "cannot be reached at any pointOfAccess" : "has no usable pointOfAccess");
}

/* Over a connection that it has made. */
static int run_back(struct esc_call *c, escertke_primitive *rsp)
{
    switch (try_url(c, "", rsp)) {
    case ESCERTKE_OK: return esc_hop_relay(c, rsp);
    case ESCERTKE_ERR_DEADLINE: return esc_cse_refuse(c, ESCERTKE_RSC_REQUEST_TIMEOUT, "no answer in time");
    default: return nowhere(c);
    }
}

int esc_hop_run(struct esc_call *c, escertke_primitive *rsp)
{
    for (size_t i = 0; i < c->hop.count; i++) {
        if (too_late(c))
            return esc_cse_refuse(c, ESCERTKE_RSC_REQUEST_TIMEOUT, "rqet passed before an answer came");
        switch (try_url(c, c->hop.url[i], rsp)) {
        case ESCERTKE_OK: return esc_hop_relay(c, rsp);
        case ESCERTKE_ERR_UNREACHABLE:
        case ESCERTKE_ERR_ARG:         /* not usable for its binding */
        case ESCERTKE_ERR_UNSUPPORTED: /* no binding for this URL, or for this serialization */
        case ESCERTKE_ERR_LIMIT:       /* too many connections of its kind */
        case ESCERTKE_ERR_HTTP:
        case ESCERTKE_ERR_COAP: continue; /* something else listens there */
        case ESCERTKE_ERR_DEADLINE: return esc_cse_refuse(c, ESCERTKE_RSC_REQUEST_TIMEOUT, "no answer in time");
        case ESCERTKE_ERR_NOMEM: return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
        default: return unreachable(c, "sent an answer that is not usable");
        }
    }
    return c->cse->cfg.two_way && !too_late(c) ? run_back(c, rsp) : nowhere(c);
}

void esc_hop_clear(struct esc_hop *hop)
{
    for (size_t i = 0; i < hop->count; i++)
        esc_release(hop->url[i]);
    hop->count = 0;
    escertke_primitive_clear(&hop->req);
}

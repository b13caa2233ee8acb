/* The CSE where this one registers: requests to it, and what stands for it here, a mirror of its <CSEBase> (R-RG-30). */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "cse/internal.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 7.4.4";

escertke_format esc_registrar_format(const struct esc_cse *cse)
{
    return cse->cfg.format ? cse->cfg.format : ESCERTKE_FORMAT_JSON;
}

/* One request to the registrar. Without the lock. */
escertke_err esc_registrar_send(struct esc_cse *cse, escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct esc_cse_config *cfg = &cse->cfg;
    char rqi[ESCERTKE_ID_MAX + 64];
    uint32_t nonce;
    uint64_t number;
    escertke_err err = ESCERTKE_ERR_UNREACHABLE;

    if (!cfg->deliver)
        return esc_fail(d, err, clause, "nothing can be sent to the registrar");
    pthread_mutex_lock(&cse->lock);
    number = ++cse->own_requests;
    err = esc_cse_random(cse, &nonce, sizeof nonce);
    pthread_mutex_unlock(&cse->lock);
    snprintf(rqi, sizeof rqi, "%.64s-%08x-%llu", cfg->cse_id + 1, (unsigned)nonce, (unsigned long long)number);
    if (err != ESCERTKE_OK || (err = escertke_primitive_set(&req->fr, escertke_span_str(cfg->cse_id))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rqi, escertke_span_str(rqi))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rvi, escertke_span_str("3"))) != ESCERTKE_OK)
        return esc_fail(d, err, clause, "%s", escertke_err_text(err));
    err = cfg->deliver(cfg->deliver_ctx, cfg->registrar_url, cfg->registrar_id ? cfg->registrar_id : "", false, req, rsp, d);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, clause, "the registrar at %s: %s", cfg->registrar_url, escertke_err_text(err));
    if (!rsp->rqi || strcmp(rsp->rqi, rqi) != 0)
        return esc_fail(d, ESCERTKE_ERR_RQI, clause, "the registrar's response has another rqi");
    return ESCERTKE_OK;
}

escertke_err esc_registrar_refused(const escertke_primitive *rsp, const char *what, escertke_detail *d)
{
    char dbg[160] = "";

    escertke_dbg_read(rsp->format, escertke_buf_span(&rsp->content), dbg, sizeof dbg);
    if (d && d->err == ESCERTKE_OK)
        d->rsc = rsp->rsc;
    return esc_fail(d, ESCERTKE_ERR_RSC, clause, "%s: the registrar answered %d %s %s", what, rsp->rsc,
                    escertke_rsc_name(rsp->rsc), dbg);
}

/* ---- the registrar's <CSEBase> ------------------------------------------------------------------------------ */

/* csi as this SP writes it: SP-relative. */
static escertke_err registrar_id(const struct esc_cse *cse, const json_t *cb, char out[ESCERTKE_ID_MAX + 1], escertke_detail *d)
{
    escertke_id id;
    int cst = 0;

    if (escertke_id_normalise(esc_json_text(json_object_get(cb, "csi")), &cse->ctx, &id) != ESCERTKE_OK ||
        id.kind == ESCERTKE_ID_AE_C)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "the registrar's CSEBase has no valid csi");
    if (id.sp_len != cse->id.sp_len || strncmp(id.text, cse->id.text, id.sp_len) != 0)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, clause, "the registrar %s belongs to another service provider", id.text);
    if (cse->cfg.registrar_id && strcmp(id.text, cse->cfg.registrar_id) != 0)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, clause, "the registrar is %.100s, not %.100s", id.text, cse->cfg.registrar_id);
    if (!strcmp(id.text, cse->id.text))
        return esc_fail(d, ESCERTKE_ERR_CONFIG, clause, "the registrar has this CSE's own identifier %s", id.text);
    if (esc_json_int(json_object_get(cb, "cst"), 3, 3, &cst))
        return esc_fail(d, ESCERTKE_ERR_CONFIG, clause, "an ASN-CSE is no registrar");
    memcpy(out, id.text + id.sp_len, strlen(id.text + id.sp_len) + 1);
    return ESCERTKE_OK;
}

/* What is known of the registrar, as attributes of its mirror. */
static json_t *mirror_attrs(const struct esc_cse *cse, const json_t *cb, const char *csi)
{
    static const char *const taken[] = { "cst", "srv", "csz", "esi" };
    const struct esc_type *type = esc_type_of(ESC_TY_CSR);
    json_t *attrs =
        json_pack("{ss+ ss sb s[s] s[s]}", "cb", csi, "/-", "csi", csi, "rr", 1, "srv", "3", "poa", cse->cfg.registrar_url);

    for (size_t i = 0; attrs && i < sizeof taken / sizeof taken[0]; i++) {
        json_t *value = json_object_get(cb, taken[i]);
        if (value && esc_attr_find(type, taken[i])->kind->ok(value) && json_object_set(attrs, taken[i], value)) {
            json_decref(attrs);
            return NULL;
        }
    }
    if (attrs && esc_attrs_size(attrs) > ESC_RESOURCE_BYTES_MAX)
        json_object_del(attrs, "esi");
    return attrs;
}

struct esc_resource *esc_registrar_mirror(const struct esc_cse *cse)
{
    struct esc_resource *r = cse->remotes;

    while (r && !r->mirror)
        r = r->next_remote;
    return r;
}

/* With the lock held. Takes attrs. */
static escertke_err put_mirror(struct esc_cse *cse, const char *csi, json_t *attrs, escertke_now now)
{
    struct esc_resource *r = esc_registrar_mirror(cse);
    char ri[ESCERTKE_ID_MAX + 1];

    if (r && json_equal(r->attrs, attrs)) {
        json_decref(attrs);
        return ESCERTKE_OK;
    }
    if (r)
        esc_tree_remove(cse, r);
    escertke_err err = esc_generate_ri(cse, "csr", ri);
    if (err != ESCERTKE_OK) {
        json_decref(attrs);
        return err;
    }
    const char *rn = esc_tree_by_name(cse, cse->base, escertke_span_str(csi + 1)) ? ri : csi + 1;
    r = esc_resource_new(ESC_TY_CSR, ri, rn, cse->id.text, attrs);
    if (!r)
        return ESCERTKE_ERR_NOMEM;
    r->ct = r->lt = now.unix_s;
    r->mirror = true;
    esc_tree_add(cse, cse->base, r);
    esc_journal_put(cse, r);
    cse->changes++;
    return ESCERTKE_OK;
}

static escertke_err mirror(struct esc_cse *cse, const json_t *cb, escertke_now now, escertke_detail *d)
{
    char csi[ESCERTKE_ID_MAX + 1];
    escertke_err err = registrar_id(cse, cb, csi, d);

    if (err != ESCERTKE_OK)
        return err;
    json_t *attrs = mirror_attrs(cse, cb, csi);
    if (!attrs)
        return ESCERTKE_ERR_NOMEM;
    pthread_mutex_lock(&cse->lock);
    err = put_mirror(cse, csi, attrs, now);
    pthread_mutex_unlock(&cse->lock);
    if (err == ESCERTKE_OK)
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.registrar", "csi=%s url=%s", csi, cse->cfg.registrar_url);
    return err;
}

escertke_err esc_registrar_read(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    escertke_primitive req, rsp;
    const char *name;
    json_t *root = NULL, *cb;
    escertke_err err;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    req.format = esc_registrar_format(cse);
    err = escertke_primitive_set(&req.to, escertke_span_str("-"));
    if (err == ESCERTKE_OK)
        err = esc_registrar_send(cse, &req, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_OK)
        err = esc_registrar_refused(&rsp, "reading its CSEBase", d);
    if (err == ESCERTKE_OK &&
        (esc_serial_load_content(rsp.format, escertke_buf_span(&rsp.content), &root, &name, &cb, NULL) != ESCERTKE_OK ||
         strcmp(name, "m2m:cb") != 0))
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "the registrar's answer is no CSEBase");
    if (err == ESCERTKE_OK)
        err = mirror(cse, cb, now, d);
    json_decref(root);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* This CSE as the registree: its <remoteCSE> at the registrar, and the registrar's mirror here (TS-0001 10.2.2.6; R-RG-30). */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 7.4.4";

static escertke_format own_format(const struct esc_cse *cse)
{
    return cse->cfg.format ? cse->cfg.format : ESCERTKE_FORMAT_JSON;
}

/* One request to the registrar. Without the lock. */
static escertke_err exchange(struct esc_cse *cse, escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
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

static escertke_err refused(const escertke_primitive *rsp, const char *what, escertke_detail *d)
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

static struct esc_resource *find_mirror(const struct esc_cse *cse)
{
    struct esc_resource *r = cse->remotes;

    while (r && !r->mirror)
        r = r->next_remote;
    return r;
}

/* With the lock held. Takes attrs. */
static escertke_err put_mirror(struct esc_cse *cse, const char *csi, json_t *attrs, escertke_now now)
{
    struct esc_resource *r = find_mirror(cse);
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

static escertke_err read_registrar(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    escertke_primitive req, rsp;
    const char *name;
    json_t *root = NULL, *cb;
    escertke_err err;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    req.format = own_format(cse);
    err = escertke_primitive_set(&req.to, escertke_span_str("-"));
    if (err == ESCERTKE_OK)
        err = exchange(cse, &req, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_OK)
        err = refused(&rsp, "reading its CSEBase", d);
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

/* ---- the own <remoteCSE> ------------------------------------------------------------------------------------ */

/* What can change later: whether and where this CSE is reached, and what it supports. */
static int put_changeable(struct esc_cse *cse, json_t *csr)
{
    json_t *poa = json_array(), *esi;
    int bad = !poa;

    pthread_mutex_lock(&cse->lock);
    for (size_t i = 0; i < cse->poa_count; i++)
        bad |= json_array_append_new(poa, json_string(cse->poa[i]));
    esi = json_deep_copy(cse->esi); /* counted references are shared with the lock held only */
    pthread_mutex_unlock(&cse->lock);
    bad |= json_object_set_new(csr, "rr", json_boolean(json_array_size(poa) > 0));
    bad |= json_object_set_new(csr, "srv", json_pack("[sss]", "2", "2a", "3"));
    if (json_array_size(poa))
        bad |= json_object_set(csr, "poa", poa);
    json_decref(poa);
    if (cse->esi)
        bad |= json_object_set_new(csr, "esi", esi);
    return bad;
}

/* What is said once. A name of its own, unless another resource has it already. */
static int put_fixed(const struct esc_cse *cse, json_t *csr, bool named)
{
    const struct esc_cse_config *cfg = &cse->cfg;

    return (named && json_object_set_new(csr, "rn", json_string(cfg->cse_id + 1))) ||
           json_object_set_new(csr, "cb", json_pack("s++", cfg->cse_id, "/", cfg->base_name)) ||
           json_object_set_new(csr, "csi", json_string(cfg->cse_id)) || json_object_set_new(csr, "cst", json_integer(2));
}

/* Send @p csr, which is released; *rsc is the answer, whatever it is. */
static escertke_err send_remote(struct esc_cse *cse, escertke_op op, json_t *csr, int *rsc, escertke_detail *d)
{
    escertke_primitive req, rsp;
    char to[ESCERTKE_ID_MAX + 8];
    json_t *root = json_pack("{so}", "m2m:csr", csr);
    escertke_err err = root ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
    bool create = op == ESCERTKE_OP_CREATE;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = op;
    req.format = own_format(cse);
    req.ty = create ? ESC_TY_CSR : 0;
    snprintf(to, sizeof to, "-%.255s", create ? "" : cse->cfg.cse_id);
    if (err == ESCERTKE_OK && (err = escertke_primitive_set(&req.to, escertke_span_str(to))) == ESCERTKE_OK &&
        (err = esc_serial_dump(req.format, root, &req.content)) == ESCERTKE_OK)
        err = exchange(cse, &req, &rsp, d);
    *rsc = rsp.rsc;
    if (err == ESCERTKE_OK && rsp.rsc / 1000 != 2 && rsp.rsc != ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED &&
        !(create && rsp.rsc == ESCERTKE_RSC_CONFLICT && json_object_get(json_object_get(root, "m2m:csr"), "rn")))
        err = refused(&rsp, create ? "registration" : "update of the registration", d);
    json_decref(root);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err create_remote(struct esc_cse *cse, bool named, int *rsc, escertke_detail *d)
{
    json_t *csr = json_object();

    if (put_changeable(cse, csr) || put_fixed(cse, csr, named)) {
        json_decref(csr);
        return ESCERTKE_ERR_NOMEM;
    }
    return send_remote(cse, ESCERTKE_OP_CREATE, csr, rsc, d);
}

/* The entry from an earlier life may name old pointsOfAccess. A registrar that refuses the update keeps it as it is. */
static escertke_err renew(struct esc_cse *cse, escertke_detail *d)
{
    json_t *csr = json_object();
    escertke_detail why;
    int rsc;

    if (put_changeable(cse, csr)) {
        json_decref(csr);
        return ESCERTKE_ERR_NOMEM;
    }
    escertke_detail_init(&why);
    escertke_err err = send_remote(cse, ESCERTKE_OP_UPDATE, csr, &rsc, &why);
    if (err == ESCERTKE_ERR_RSC) {
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.register", "reason=\"%s\"", why.reason);
        return ESCERTKE_OK;
    }
    return err == ESCERTKE_OK ? err : esc_fail(d, err, clause, "%s", why.reason);
}

escertke_err esc_cse_register(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    escertke_err err;
    int rsc = 0;

    if (!cse->cfg.registrar_url)
        return ESCERTKE_OK;
    err = read_registrar(cse, now, d);
    if (err == ESCERTKE_OK)
        err = create_remote(cse, true, &rsc, d);
    if (err == ESCERTKE_OK && rsc == ESCERTKE_RSC_CONFLICT)
        err = create_remote(cse, false, &rsc, d);
    if (err == ESCERTKE_OK && rsc == ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED)
        err = renew(cse, d);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, clause, "%s", escertke_err_text(err));
    esc_log(&cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.register", "registrar=%s rsc=%d", cse->cfg.registrar_url, rsc);
    return esc_state_save(cse, d);
}

/* ---- is it still there --------------------------------------------------------------------------------------- */

static int64_t time_of(const json_t *resource, const char *name)
{
    int64_t unix_ms;

    if (escertke_timestamp_parse(esc_json_text(json_object_get(resource, name)), &unix_ms) != ESCERTKE_OK)
        return 0;
    return unix_ms / 1000;
}

/* Half of the time that was given is over: ask for as much again. A registrar that refuses lets it end, which is seen then. */
static escertke_err go_on(struct esc_cse *cse, const json_t *csr, int64_t now_s, unsigned *next_s, escertke_detail *d)
{
    int64_t et = time_of(csr, "et"), since = time_of(csr, "lt"), half_s = (et - since) / 2, left_s = et - half_s - now_s;
    escertke_detail why;
    char text[16];
    int rsc;

    if (!et || !since || et <= now_s || since > now_s || since >= et)
        return ESCERTKE_OK;
    if (left_s <= 0) {
        escertke_timestamp_format(now_s + (et - since), text);
        escertke_detail_init(&why);
        escertke_err err = send_remote(cse, ESCERTKE_OP_UPDATE, json_pack("{ss}", "et", text), &rsc, &why);
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_RSC)
            return esc_fail(d, err, clause, "%s", why.reason);
        if (err != ESCERTKE_OK)
            esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.register", "reason=\"%s\"", why.reason);
        left_s = half_s;
    }
    *next_s = left_s < 1 ? 1 : left_s > INT_MAX ? INT_MAX : (unsigned)left_s;
    return ESCERTKE_OK;
}

static bool is_own(const struct esc_cse *cse, const json_t *csr)
{
    escertke_id id;

    return escertke_id_normalise(esc_json_text(json_object_get(csr, "csi")), &cse->ctx, &id) == ESCERTKE_OK &&
           !strcmp(id.text, cse->id.text);
}

static escertke_err judge(struct esc_cse *cse, const escertke_primitive *rsp, int64_t now_s, char *lost, size_t cap,
                          unsigned *next_s, escertke_detail *d)
{
    json_t *root = NULL, *csr;
    const char *name;
    escertke_err err = ESCERTKE_OK;

    if (rsp->rsc / 1000 == 5 || rsp->rsc == ESCERTKE_RSC_REQUEST_TIMEOUT)
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, clause, "the registrar answered %d %s", rsp->rsc,
                        escertke_rsc_name(rsp->rsc));
    if (rsp->rsc != ESCERTKE_RSC_OK)
        snprintf(lost, cap, "the registrar answered %d %s to a Retrieve of it", rsp->rsc, escertke_rsc_name(rsp->rsc));
    else if (esc_serial_load_content(rsp->format, escertke_buf_span(&rsp->content), &root, &name, &csr, NULL) != ESCERTKE_OK ||
             strcmp(name, "m2m:csr") != 0 || !is_own(cse, csr))
        snprintf(lost, cap, "the registrar has something else under its name");
    else
        err = go_on(cse, csr, now_s, next_s, d);
    json_decref(root);
    return err;
}

escertke_err esc_cse_look(struct esc_cse *cse, escertke_now now, char *lost, size_t cap, unsigned *next_s, escertke_detail *d)
{
    escertke_primitive req, rsp;
    char to[ESCERTKE_ID_MAX + 8];

    lost[0] = '\0';
    *next_s = 0;
    if (!cse->cfg.registrar_url)
        return ESCERTKE_OK;
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    req.format = own_format(cse);
    snprintf(to, sizeof to, "-%.255s", cse->cfg.cse_id);
    escertke_err err = escertke_primitive_set(&req.to, escertke_span_str(to));
    if (err == ESCERTKE_OK)
        err = exchange(cse, &req, &rsp, d);
    if (err == ESCERTKE_OK)
        err = judge(cse, &rsp, now.unix_s, lost, cap, next_s, d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* This CSE as the registree: its <remoteCSE> at the registrar (TS-0001 10.2.2.6; R-RG-30). */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "cse/internal.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 7.4.4";

/* What can change later: whether and where this CSE is reached, and what it supports. */
static int put_changeable(struct esc_cse *cse, json_t *csr, bool with_esi)
{
    json_t *poa = json_array(), *esi;
    int bad = !poa;

    pthread_mutex_lock(&cse->lock);
    for (size_t i = 0; i < cse->poa_count; i++)
        bad |= json_array_append_new(poa, json_string(cse->poa[i]));
    esi = json_deep_copy(cse->esi); /* counted references are shared with the lock held only */
    pthread_mutex_unlock(&cse->lock);
    bad |= json_object_set_new(csr, "rr", json_boolean(json_array_size(poa) > 0 || cse->cfg.by_connection));
    bad |= json_object_set_new(csr, "srv", json_pack("[sss]", "2", "2a", "3"));
    if (json_array_size(poa))
        bad |= json_object_set(csr, "poa", poa);
    json_decref(poa);
    if (cse->esi && with_esi)
        bad |= json_object_set(csr, "esi", esi);
    json_decref(esi);
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

static void own_address(struct esc_cse *cse, char out[2 * ESCERTKE_ID_MAX + 2])
{
    pthread_mutex_lock(&cse->lock);
    memcpy(out, cse->registration.address, sizeof cse->registration.address);
    pthread_mutex_unlock(&cse->lock);
}

/* "-/mn1" is enough for the registrar; "/in1/-/mn1" says the same to whoever needs an address that stands alone. */
static void complete_address(struct esc_cse *cse)
{
    char *address = cse->registration.address;

    pthread_mutex_lock(&cse->lock);
    const struct esc_resource *registrar = esc_registrar_mirror(cse);
    const char *csi = registrar ? json_string_value(json_object_get(registrar->attrs, "csi")) : NULL;
    if (csi && address[0] == '-')
        snprintf(address, sizeof cse->registration.address, "%s/-%s", csi, cse->cfg.cse_id);
    pthread_mutex_unlock(&cse->lock);
}

/* Under the ri that the registrar gave it is found whatever its name has become. */
static void note_address(struct esc_cse *cse, const escertke_primitive *rsp)
{
    json_t *root = NULL, *csr;
    char text[2 * ESCERTKE_ID_MAX + 2];
    escertke_address address;
    const char *name;
    int len = -1;

    if (esc_serial_load_content(rsp->format, escertke_buf_span(&rsp->content), &root, &name, &csr, NULL) != ESCERTKE_OK)
        return;
    const char *ri = json_string_value(json_object_get(csr, "ri"));
    pthread_mutex_lock(&cse->lock);
    const struct esc_resource *registrar = esc_registrar_mirror(cse);
    const char *csi = registrar ? json_string_value(json_object_get(registrar->attrs, "csi")) : NULL;
    if (ri && csi && !strcmp(name, "m2m:csr"))
        len = snprintf(text, sizeof text, "%s%s%s", ri[0] == '/' ? "" : csi, ri[0] == '/' ? "" : "/", ri);
    if (len > 0 && (size_t)len < sizeof text && escertke_address_parse(escertke_span_str(text), &address) == ESCERTKE_OK)
        memcpy(cse->registration.address, text, sizeof text);
    pthread_mutex_unlock(&cse->lock);
    json_decref(root);
}

/*
 * Send a request about the own <remoteCSE>, with @p csr, which is released, as content unless it is a Delete.
 * @return OK; RSC: it was refused, with *rsc; what esc_registrar_send() returns
 */
static escertke_err send_remote(struct esc_cse *cse, escertke_op op, json_t *csr, const char *what, int *rsc, escertke_detail *d)
{
    escertke_primitive req, rsp;
    char to[2 * ESCERTKE_ID_MAX + 2] = "-";
    json_t *root = csr ? json_pack("{so}", "m2m:csr", csr) : NULL;
    escertke_err err = root || op == ESCERTKE_OP_DELETE ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = op;
    req.format = esc_registrar_format(cse);
    req.ty = op == ESCERTKE_OP_CREATE ? ESC_TY_CSR : 0;
    if (op != ESCERTKE_OP_CREATE)
        own_address(cse, to);
    if (err == ESCERTKE_OK && (err = escertke_primitive_set(&req.to, escertke_span_str(to))) == ESCERTKE_OK &&
        (!root || (err = esc_serial_dump(req.format, root, &req.content)) == ESCERTKE_OK))
        err = esc_registrar_send(cse, &req, &rsp, d);
    *rsc = rsp.rsc;
    if (err == ESCERTKE_OK && rsp.rsc / 1000 != 2)
        err = esc_registrar_refused(&rsp, what, d);
    else if (err == ESCERTKE_OK && op == ESCERTKE_OP_CREATE)
        note_address(cse, &rsp);
    json_decref(root);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_err create_remote(struct esc_cse *cse, bool named, bool esi, int *rsc, escertke_detail *d)
{
    json_t *csr = json_object();

    if (put_changeable(cse, csr, esi) || put_fixed(cse, csr, named)) {
        json_decref(csr);
        return ESCERTKE_ERR_NOMEM;
    }
    return send_remote(cse, ESCERTKE_OP_CREATE, csr, "registration", rsc, d);
}

static escertke_err update_remote(struct esc_cse *cse, bool esi, int *rsc, escertke_detail *d)
{
    json_t *csr = json_object();

    if (put_changeable(cse, csr, esi)) {
        json_decref(csr);
        return ESCERTKE_ERR_NOMEM;
    }
    return send_remote(cse, ESCERTKE_OP_UPDATE, csr, "update of the registration", rsc, d);
}

/* A registrar that does not know esi gets the rest (R-IO-8). */
static bool leave_out_esi(struct esc_cse *cse, int rsc, bool *esi)
{
    if (rsc != ESCERTKE_RSC_BAD_REQUEST || !*esi)
        return false;
    *esi = false;
    esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.register", "reason=\"4000 with esi: once more without\"");
    return true;
}

static bool is_taken(int rsc)
{
    return rsc == ESCERTKE_RSC_CONFLICT || rsc == ESCERTKE_RSC_ALREADY_EXISTS;
}

/* *there: the registrar has one already, or says so of a name that it chose itself. */
static escertke_err create_own(struct esc_cse *cse, bool *esi, bool *there, escertke_detail *d)
{
    escertke_detail why;
    bool named = true;
    int rsc;

    *there = false;
    for (;;) {
        escertke_detail_init(&why);
        escertke_err err = create_remote(cse, named, *esi, &rsc, &why);
        if (err == ESCERTKE_ERR_RSC) {
            *there = rsc == ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED || (is_taken(rsc) && !named);
            if (*there)
                return ESCERTKE_OK;
            if (leave_out_esi(cse, rsc, esi))
                continue;
            if (is_taken(rsc)) {
                named = false;
                continue;
            }
        }
        if (err != ESCERTKE_OK && d)
            *d = why;
        return err;
    }
}

/* The entry from an earlier life may name old pointsOfAccess. A registrar that refuses the update keeps it as it is. */
static escertke_err renew(struct esc_cse *cse, bool *esi, escertke_detail *d)
{
    escertke_detail why;
    escertke_err err;
    int rsc;

    do {
        escertke_detail_init(&why);
        err = update_remote(cse, *esi, &rsc, &why);
    } while (err == ESCERTKE_ERR_RSC && leave_out_esi(cse, rsc, esi));
    if (err == ESCERTKE_ERR_RSC) {
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.register", "reason=\"%s\"", why.reason);
        return ESCERTKE_OK;
    }
    return err == ESCERTKE_OK ? err : esc_fail(d, err, clause, "%s", why.reason);
}

escertke_err esc_cse_register(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    bool esi = cse->esi != NULL, there = false;
    escertke_err err;

    if (!cse->cfg.registrar_url)
        return ESCERTKE_OK;
    err = esc_registrar_read(cse, now, d);
    if (err == ESCERTKE_OK) {
        complete_address(cse);
        err = create_own(cse, &esi, &there, d);
    }
    if (err == ESCERTKE_OK && there)
        err = renew(cse, &esi, d);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, clause, "%s", escertke_err_text(err));
    pthread_mutex_lock(&cse->lock);
    cse->registration.created = !there;
    cse->registration.esi = esi;
    pthread_mutex_unlock(&cse->lock);
    esc_log(&cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.register", "registrar=%s created=%d", cse->cfg.registrar_url, (int)!there);
    return esc_state_save(cse, d);
}

void esc_cse_get_registration(struct esc_cse *cse, struct esc_cse_registration *out)
{
    pthread_mutex_lock(&cse->lock);
    *out = cse->registration;
    pthread_mutex_unlock(&cse->lock);
}

escertke_err esc_cse_deregister(struct esc_cse *cse, escertke_detail *d)
{
    escertke_detail why;
    int rsc = 0;

    if (!cse->cfg.registrar_url)
        return ESCERTKE_OK;
    escertke_detail_init(&why);
    escertke_err err = send_remote(cse, ESCERTKE_OP_DELETE, NULL, "deregistration", &rsc, &why);
    if (err == ESCERTKE_OK || (err == ESCERTKE_ERR_RSC && rsc == ESCERTKE_RSC_NOT_FOUND))
        return ESCERTKE_OK;
    if (d)
        *d = why;
    return esc_fail(d, err, clause, "%s", escertke_err_text(err));
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
        escertke_err err =
            send_remote(cse, ESCERTKE_OP_UPDATE, json_pack("{ss}", "et", text), "more time for the registration", &rsc, &why);
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

/* Somebody has changed it: where this CSE is reached stands there no more. */
static bool is_elsewhere(struct esc_cse *cse, const json_t *csr)
{
    const json_t *poa = json_object_get(csr, "poa"), *item;
    bool found = false;
    size_t i;

    pthread_mutex_lock(&cse->lock);
    json_array_foreach(poa, i, item) found |=
        cse->poa_count && json_is_string(item) && !strcmp(json_string_value(item), cse->poa[0]);
    found |= !cse->poa_count;
    pthread_mutex_unlock(&cse->lock);
    return !found;
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
    else if (is_elsewhere(cse, csr))
        snprintf(lost, cap, "the registrar has another poa for it");
    else
        err = go_on(cse, csr, now_s, next_s, d);
    json_decref(root);
    return err;
}

escertke_err esc_cse_look(struct esc_cse *cse, escertke_now now, char *lost, size_t cap, unsigned *next_s, escertke_detail *d)
{
    escertke_primitive req, rsp;
    char to[2 * ESCERTKE_ID_MAX + 2];

    lost[0] = '\0';
    *next_s = 0;
    if (!cse->cfg.registrar_url)
        return ESCERTKE_OK;
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    req.format = esc_registrar_format(cse);
    own_address(cse, to);
    escertke_err err = escertke_primitive_set(&req.to, escertke_span_str(to));
    if (err == ESCERTKE_OK)
        err = esc_registrar_send(cse, &req, &rsp, d);
    if (err == ESCERTKE_OK)
        err = judge(cse, &rsp, now.unix_s, lost, cap, next_s, d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* Making a CSE out of its configuration, and unmaking it. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/fail.h"
#include "base/memory.h"
#include "cse/state.h"
#include "m2m/json.h"

static escertke_err system_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    while (len) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ESCERTKE_ERR_BACKEND;
        out += n;
        len -= (size_t)n;
    }
    return ESCERTKE_OK;
}

escertke_err esc_cse_random(struct esc_cse *cse, void *out, size_t len)
{
    return cse->cfg.random(cse->cfg.random_ctx, out, len);
}

static escertke_err copy(const char **member)
{
    if (!*member)
        return ESCERTKE_OK;
    *member = esc_strndup(*member, strlen(*member));
    return *member ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

/* "in1base" */
static escertke_err default_base_name(struct esc_cse *cse)
{
    char name[ESCERTKE_ID_MAX + 8];
    size_t len = strlen(cse->cfg.cse_id + 1);

    if (len > ESCERTKE_ID_MAX)
        return ESCERTKE_ERR_CONFIG;
    memcpy(name, cse->cfg.cse_id + 1, len);
    memcpy(name + len, "base", sizeof "base");
    cse->cfg.base_name = name;
    return copy(&cse->cfg.base_name);
}

static void fill(size_t *limit, size_t by_default)
{
    if (!*limit)
        *limit = by_default;
}

static escertke_err copy_config(struct esc_cse *cse, const struct esc_cse_config *cfg)
{
    const char **strings[] = { &cse->cfg.sp_id, &cse->cfg.cse_id, &cse->cfg.registrar_url, &cse->cfg.registrar_id,
                               &cse->cfg.state_path };
    escertke_err err = ESCERTKE_OK;

    cse->cfg = *cfg;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        if (err != ESCERTKE_OK)
            *strings[i] = NULL; /* not ours: it was not copied */
        else
            err = copy(strings[i]);
    }
    cse->cfg.esi = NULL;
    cse->cfg.base_name = NULL;
    if (!cse->cfg.random)
        cse->cfg.random = system_random;
    fill(&cse->cfg.max_ae, 10000);
    fill(&cse->cfg.max_acp, 10000);
    fill(&cse->cfg.max_remote, 256);
    fill(&cse->cfg.max_bytes, (size_t)32 << 20);
    fill(&cse->cfg.max_pending, 1024);
    fill(&cse->cfg.max_containers, 1000);
    fill(&cse->cfg.max_instances, 20000);
    fill(&cse->cfg.max_subscriptions, 1000);
    fill(&cse->cfg.max_content, (size_t)64 << 10);
    fill(&cse->cfg.container_instances, 256);
    fill(&cse->cfg.container_octets, (size_t)512 << 10);
    fill(&cse->cfg.max_notes, 1024);
    fill(&cse->cfg.max_note_bytes, (size_t)8 << 20);
    fill(&cse->cfg.max_polls, 256);
    fill(&cse->cfg.max_held, 256);
    fill(&cse->cfg.max_held_bytes, (size_t)4 << 20);
    cse->cfg.poll_ms = cse->cfg.poll_ms ? cse->cfg.poll_ms : 20000;
    cse->cfg.hold_ms = cse->cfg.hold_ms ? cse->cfg.hold_ms : 20000;
    return err;
}

static escertke_err set_identity(struct esc_cse *cse, const char *base_name, escertke_detail *d)
{
    escertke_err err;

    cse->ctx = (escertke_id_context){ cse->cfg.sp_id, cse->cfg.cse_id };
    if (!cse->cfg.cse_id || cse->cfg.cse_id[0] != '/' || cse->cfg.cse_id[1] == '/' ||
        escertke_id_normalise(escertke_span_str(cse->cfg.cse_id), &cse->ctx, &cse->id) != ESCERTKE_OK ||
        cse->id.kind == ESCERTKE_ID_AE_C)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3",
                        "an SP-ID like //m2m.example.org and a CSE-ID like /in1 are needed");
    cse->cfg.base_name = base_name;
    err = base_name ? copy(&cse->cfg.base_name) : default_base_name(cse);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, "", "%s", escertke_err_text(err));
    json_t *name = json_string(cse->cfg.base_name);
    bool ok = esc_kind_name.ok(name);
    json_decref(name);
    if (!ok)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3", "the name of CSEBase must be %s", esc_kind_name.expected);
    if (cse->cfg.registrar_url && !esc_url_valid(cse->cfg.registrar_url))
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "the registrar's URL is not usable");
    return ESCERTKE_OK;
}

static escertke_err set_behaviour(struct esc_cse *cse, const char *name, escertke_detail *d)
{
    cse->behaviour = esc_behaviour_find(name);
    cse->cfg.behave_like = NULL; /* not ours */
    return cse->behaviour ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_CONFIG, "", "no behaviour has this name");
}

static escertke_err set_esi(struct esc_cse *cse, const char *esi, escertke_detail *d)
{
    escertke_esi parsed;
    escertke_err err;

    if (!esi)
        return ESCERTKE_OK;
    err = escertke_esi_parse_json(escertke_span_str(esi), &parsed, NULL);
    if (err == ESCERTKE_OK)
        err = esc_json_load(escertke_span_str(esi), &cse->esi, NULL);
    if (err == ESCERTKE_OK || err == ESCERTKE_ERR_NOMEM)
        return err;
    return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.3.5.52", "esi must be %s", esc_kind_esi.expected);
}

static escertke_err make_base(struct esc_cse *cse, escertke_now now)
{
    escertke_err err = esc_index_new(cse);

    if (err != ESCERTKE_OK)
        return err;
    cse->next_expiry = INT64_MAX;
    snprintf(cse->registration.address, sizeof cse->registration.address, "-%s", cse->cfg.cse_id);
    cse->base = esc_resource_new(ESC_TY_CB, cse->cfg.cse_id + 1, cse->cfg.base_name, cse->id.text, json_object());
    if (!cse->base)
        return ESCERTKE_ERR_NOMEM;
    cse->base->ct = cse->base->lt = now.unix_s;
    esc_tree_add(cse, NULL, cse->base);
    return ESCERTKE_OK;
}

static void init_conditions(struct esc_cse *cse)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cse->turn, &attr);
    pthread_cond_init(&cse->mail, &attr);
    pthread_condattr_destroy(&attr);
}

escertke_err esc_cse_new(const struct esc_cse_config *cfg, escertke_now now, struct esc_cse **out, escertke_detail *d)
{
    struct esc_cse *cse;
    escertke_err err;

    if (!cfg || !out)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a configuration is needed");
    *out = NULL;
    cse = esc_zalloc(sizeof *cse);
    if (!cse)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    init_conditions(cse);
    escertke_buf_init(&cse->journal.pending, ESC_STATE_MAX);
    pthread_mutex_init(&cse->lock, NULL);
    pthread_mutex_init(&cse->file_lock, NULL);
    if ((err = copy_config(cse, cfg)) != ESCERTKE_OK || (err = set_identity(cse, cfg->base_name, d)) != ESCERTKE_OK ||
        (err = set_behaviour(cse, cfg->behave_like, d)) != ESCERTKE_OK || (err = set_esi(cse, cfg->esi, d)) != ESCERTKE_OK ||
        (err = make_base(cse, now)) != ESCERTKE_OK || (err = esc_state_load(cse, now, d)) != ESCERTKE_OK) {
        esc_cse_free(cse);
        return esc_fail(d, err, "", "%s", escertke_err_text(err));
    }
    *out = cse;
    return ESCERTKE_OK;
}

static void drop(const char *text)
{
    esc_release((void *)(uintptr_t)text);
}

void esc_cse_free(struct esc_cse *cse)
{
    if (!cse)
        return;
    cse->stopping = true; /* nobody hears of what ends now */
    cse->journal.on = false;
    escertke_buf_free(&cse->journal.pending);
    esc_outbox_clear(cse);
    if (cse->base)
        esc_tree_remove(cse, cse->base);
    esc_index_free(cse);
    esc_group_clear(cse);
    json_decref(cse->esi);
    for (size_t i = 0; i < ESC_CSE_POA_MAX; i++)
        esc_release(cse->poa[i]);
    drop(cse->cfg.sp_id);
    drop(cse->cfg.cse_id);
    drop(cse->cfg.base_name);
    drop(cse->cfg.registrar_url);
    drop(cse->cfg.registrar_id);
    drop(cse->cfg.state_path);
    pthread_cond_destroy(&cse->turn);
    pthread_cond_destroy(&cse->mail);
    pthread_mutex_destroy(&cse->lock);
    pthread_mutex_destroy(&cse->file_lock);
    esc_release(cse);
}

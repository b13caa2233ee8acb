#include "serve_cse.h"

#include "base/fail.h"

#define UNDO_MS 3000u

/* Nothing leaves but what is about the registration: from the keeper's thread, or at the end, when that is over. */
static escertke_err deliver(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                            escertke_primitive *rsp, escertke_detail *d)
{
    const struct serve_cse *s = ctx;
    struct esc_next next = { .url = url, .receiver = receiver, .to_ae = to_ae };

    if (register_keep_is_self(s->keep))
        next.patience.stop = &s->keep->stop;
    else
        next.patience.timeout_ms = UNDO_MS;
    return esc_hops_send(s->hops, &next, req, rsp, d);
}

escertke_err serve_cse_open(struct serve_cse *s, escertke_detail *d)
{
    const struct identity *i = s->identity;
    const struct esc_cse_config cfg = { .sp_id = i->sp_id,
                                        .cse_id = i->cse_id,
                                        .registrar_url = s->via,
                                        .registrar_id = i->registrar_id[0] ? i->registrar_id : NULL,
                                        .format = s->format,
                                        .esi = "{\"esf\":[43]}",
                                        .by_connection = s->by_connection,
                                        .bare = true,
                                        .deliver = deliver,
                                        .deliver_ctx = s,
                                        .clock = escertke_system_clock,
                                        .log = i->endpoint.log };

    if (!i->is_cse)
        return ESCERTKE_OK;
    return esc_cse_new(&cfg, escertke_system_clock(NULL), &s->cse, d);
}

escertke_err serve_cse_set_poa(struct serve_cse *s, const char *const *urls, size_t count, escertke_detail *d)
{
    escertke_err err = s->cse ? esc_cse_set_poa(s->cse, urls, count) : ESCERTKE_OK;

    if (err != ESCERTKE_OK)
        return esc_fail(d, err, "", "the points of access cannot be used: %s", escertke_err_text(err));
    s->registration.poa = count ? urls[0] : NULL;
    return ESCERTKE_OK;
}

bool serve_cse_take(const struct serve_cse *s, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    if (!s->cse || req->op == ESCERTKE_OP_NOTIFY)
        return false;
    esc_cse_handle(s->cse, req, now, rsp);
    return true;
}

escertke_err serve_cse_register(struct serve_cse *s, unsigned look_s, escertke_detail *d)
{
    s->registration.cse = s->cse;
    s->registration.cse_id = s->identity->cse_id;
    s->registration.url = s->via;
    return cse_registration_start(&s->registration, look_s, s->keep, d);
}

void serve_cse_free(struct serve_cse *s)
{
    esc_cse_free(s->cse);
    s->cse = NULL;
}

#include "register_cse.h"

#include "out.h"

static void say_registered(const struct cse_registration *r, const struct esc_cse_registration *now)
{
    json_t *event = out_new_event("registered");

    out_text(event, "address", r->cse_id);
    out_text(event, "via", r->url);
    out_text(event, "poa", r->poa);
    json_object_set_new(event, "created", json_boolean(now->created));
    json_object_set_new(event, "esi", json_boolean(now->esi));
    out_event(event, "registered %s at %s", r->cse_id, r->url);
}

static escertke_err make(void *ctx, escertke_now now, escertke_detail *d)
{
    const struct cse_registration *r = ctx;
    struct esc_cse_registration made;
    escertke_err err = esc_cse_register(r->cse, now, d);

    if (err != ESCERTKE_OK)
        return err;
    esc_cse_get_registration(r->cse, &made);
    say_registered(r, &made);
    return r->made ? r->made(r->ctx, made.address, d) : ESCERTKE_OK;
}

static escertke_err look(void *ctx, escertke_now now, char *lost, size_t cap, unsigned *next_s, escertke_detail *d)
{
    const struct cse_registration *r = ctx;

    escertke_err err = esc_cse_look(r->cse, now, lost, cap, next_s, d);

    return err == ESCERTKE_OK && !lost[0] && r->also ? r->also(r->ctx, now, next_s, d) : err;
}

static escertke_err undo(void *ctx, escertke_detail *d)
{
    const struct cse_registration *r = ctx;

    return esc_cse_deregister(r->cse, d);
}

escertke_err cse_registration_start(struct cse_registration *r, unsigned look_s, struct register_keep *keep, escertke_detail *d)
{
    const struct register_kept what = {
        .address = r->cse_id, .url = r->url, .make = make, .look = look, .undo = undo, .ctx = r, .look_s = look_s
    };

    return register_keep_start(keep, &what, d);
}

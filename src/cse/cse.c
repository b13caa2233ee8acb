/* One request through the general receiver procedure (TS-0004 7.3; R-PR-20), and what the CSE is told from outside. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/serialization.h"

/** Note why; the text becomes m2m:dbg. Returns @p rsc. */
int esc_cse_refuse(struct esc_call *c, int rsc, const char *fmt, ...)
{
    char raw[sizeof c->why];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    esc_printable(escertke_span_str(raw), c->why, sizeof c->why);
    return rsc;
}

/* What an operation needs, and who does it. */
static const struct {
    escertke_op op;
    unsigned acop;
    int (*run)(struct esc_call *c);
    bool needs_content, takes_content;
} operations[] = {
    { ESCERTKE_OP_CREATE, ESC_ACOP_CREATE, esc_operation_create, true, true },
    { ESCERTKE_OP_RETRIEVE, ESC_ACOP_RETRIEVE, esc_operation_retrieve, false, true },
    { ESCERTKE_OP_UPDATE, ESC_ACOP_UPDATE, esc_operation_update, true, true },
    { ESCERTKE_OP_DELETE, ESC_ACOP_DELETE, esc_operation_delete, false, false },
    { ESCERTKE_OP_NOTIFY, ESC_ACOP_NOTIFY, esc_operation_notify, true, true },
};

/* The content of a request to a resource, one root element. That of a NOTIFY is between its end-points. */
static int load_content(struct esc_call *c, bool needed, bool taken)
{
    escertke_span content = escertke_buf_span(&c->req->content);
    escertke_detail d;
    const char *name;
    json_t *value;

    if (needed && !content.len)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "pc is missing");
    if (content.len && !taken)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "this operation has no pc");
    if (!content.len || c->req->op == ESCERTKE_OP_NOTIFY)
        return 0;
    escertke_detail_init(&d);
    if (esc_serial_load_content(c->req->format, content, &c->in, &name, &value, &d) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "pc: %s", d.reason);
    return 0;
}

/* Not even a privilege makes these possible. */
static int check_allowed(struct esc_call *c)
{
    bool base = c->target->ty == ESC_TY_CB, notified = base || c->target->ty == ESC_TY_AE;

    if (c->part)
        return esc_virtual_check(c);
    if (c->cse->cfg.bare && c->req->op == ESCERTKE_OP_CREATE)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED,
                              "this CSE is an end-point alone: nothing is registered here");
    if (base && (c->req->op == ESCERTKE_OP_UPDATE || c->req->op == ESCERTKE_OP_DELETE))
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "a CSEBase is changed by configuration only");
    if (c->target->ty == ESC_TY_CIN && c->req->op == ESCERTKE_OP_UPDATE)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "a contentInstance is never changed");
    if (c->req->op == ESCERTKE_OP_NOTIFY && !notified)
        return esc_cse_refuse(c, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, "only an AE or a CSEBase takes a NOTIFY");
    return 0;
}

static int host(struct esc_call *c)
{
    size_t i = 0;
    int rsc;

    c->target = esc_tree_find(c->cse, c->to.path);
    if (!c->target && (rsc = esc_virtual_find(c)))
        return rsc;
    while (operations[i].op != c->req->op)
        i++;
    if ((rsc = esc_check_hosted(c)) || (rsc = load_content(c, operations[i].needs_content, operations[i].takes_content)) ||
        (!*c->sub && (rsc = esc_group_check(c))) || (rsc = check_allowed(c)) || (rsc = esc_access_check(c, operations[i].acop)))
        return rsc;
    return operations[i].run(c);
}

/* Up to the answer, or (0) to what must be done without the lock. */
static int receive(struct esc_call *c)
{
    int rsc;

    if ((rsc = esc_check_request(c)) || (rsc = esc_behaviour_check_request(c)) || (rsc = esc_pending_add(c)))
        return rsc;
    return esc_address_is_local(c->cse, &c->to) ? host(c) : esc_transit(c);
}

/* A resource that cannot be said in the format wanted, which XML alone is capable of, comes in JSON rather than not at all. */
static escertke_err write_out(const struct esc_call *c, escertke_primitive *rsp)
{
    escertke_err err = esc_serial_dump(rsp->format, c->out, &rsp->content);

    if (!esc_is_syntax(err))
        return err;
    rsp->format = ESCERTKE_FORMAT_JSON;
    return esc_serial_dump(rsp->format, c->out, &rsp->content);
}

static void respond(struct esc_call *c, int rsc, escertke_primitive *rsp)
{
    if (escertke_respond(c->req, rsc, rsc >= 4000 ? c->why : NULL, rsp) != ESCERTKE_OK ||
        (c->out && rsc < 4000 && write_out(c, rsp) != ESCERTKE_OK))
        rsp->rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR; /* no memory for words: the code alone */
    if (rsc >= 4000)
        esc_log(&c->cse->cfg.log, ESCERTKE_LEVEL_INFO, "cse.refused", "op=%d to=%s fr=%s rsc=%d reason=\"%s\"", (int)c->req->op,
                c->req->to ? c->req->to : "", c->req->fr ? c->req->fr : "", rsc, c->why);
}

/* Back with the lock: the request is over. */
static void finish(struct esc_call *c, const escertke_primitive *rsp)
{
    struct esc_cse *cse = c->cse;

    pthread_mutex_lock(&cse->lock);
    esc_pending_remove(c);
    cse->delivered += c->next != ESC_NEXT_ANSWER && rsp->rsc < 4000;
    cse->refused += rsp->rsc >= 4000;
    pthread_mutex_unlock(&cse->lock);
    esc_hop_clear(&c->hop);
    json_decref(c->out);
}

static void start(struct esc_call *c, struct esc_cse *cse, const escertke_primitive *req, escertke_now now)
{
    memset(c, 0, sizeof *c);
    c->cse = cse;
    c->req = req;
    c->now = now;
    escertke_primitive_init(&c->hop.req);
}

/* Without the lock. false: the file is behind what is in memory, and the log says why. */
static bool save(struct esc_cse *cse)
{
    escertke_detail d;

    escertke_detail_init(&d);
    if (esc_state_save(cse, &d) == ESCERTKE_OK)
        return true;
    esc_log(&cse->cfg.log, ESCERTKE_LEVEL_ERROR, "cse.state", "reason=\"%s\"", d.reason);
    return false;
}

/* The rest of a request whose subscriber has agreed, from the beginning: everything may be different now. */
static int create_verified(struct esc_call *c, escertke_primitive *rsp)
{
    struct esc_cse *cse = c->cse;
    int rsc = esc_subscription_verify(c);

    if (rsc)
        return rsc;
    escertke_primitive_clear(rsp);
    pthread_mutex_lock(&cse->lock);
    c->next = ESC_NEXT_ANSWER;
    if (!(rsc = esc_originator_find(c)))
        rsc = host(c);
    respond(c, rsc, rsp);
    json_decref(c->in);
    json_decref(c->out);
    c->in = c->out = NULL;
    cse->changes += c->changed;
    pthread_mutex_unlock(&cse->lock);
    return 0;
}

/* What takes time, without the lock. Returns 0 when rsp is complete, or the RSC. */
static int proceed(struct esc_call *c, escertke_primitive *rsp)
{
    switch (c->next) {
    case ESC_NEXT_SELF: escertke_notify_serve(c->cse->cfg.self, c->req, c->now, rsp); return 0;
    case ESC_NEXT_POLL: return esc_channel_poll(c);
    case ESC_NEXT_VERIFY: return create_verified(c, rsp);
    case ESC_NEXT_CHANNEL: return esc_channel_hold(c, rsp);
    default: return esc_hop_run(c, rsp);
    }
}

void esc_cse_handle(struct esc_cse *cse, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    struct esc_call c;
    bool expired;
    int rsc;

    start(&c, cse, req, now);
    pthread_mutex_lock(&cse->lock);
    cse->requests++;
    expired = esc_tree_expire(cse, now);
    rsc = receive(&c);
    if (rsc)
        respond(&c, rsc, rsp);
    json_decref(c.in);
    json_decref(c.out);
    c.in = c.out = NULL;
    cse->changes += c.changed || expired;
    pthread_mutex_unlock(&cse->lock);

    if (!rsc && (rsc = proceed(&c, rsp))) {
        escertke_primitive_clear(rsp); /* what came back, if anything, was no answer */
        respond(&c, rsc, rsp);
    }
    if ((c.changed || expired) && !save(cse) && c.changed) {
        /* It is done here, but would not outlast a restart: that is no success. */
        escertke_primitive_clear(rsp);
        respond(&c, esc_cse_refuse(&c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the change could not be written to the state file"),
                rsp);
    }
    finish(&c, rsp);
}

void esc_cse_tick(struct esc_cse *cse, escertke_now now)
{
    bool expired;

    pthread_mutex_lock(&cse->lock);
    expired = esc_tree_expire(cse, now);
    cse->changes += expired;
    pthread_mutex_unlock(&cse->lock);
    if (expired)
        save(cse);
}

void esc_cse_stop(struct esc_cse *cse)
{
    pthread_mutex_lock(&cse->lock);
    cse->stopping = true;
    pthread_cond_broadcast(&cse->turn);
    pthread_cond_broadcast(&cse->mail);
    pthread_mutex_unlock(&cse->lock);
}

escertke_err esc_cse_set_poa(struct esc_cse *cse, const char *const *urls, size_t count)
{
    char *copies[ESC_CSE_POA_MAX] = { NULL };
    escertke_err err = count <= ESC_CSE_POA_MAX ? ESCERTKE_OK : ESCERTKE_ERR_ARG;

    for (size_t i = 0; err == ESCERTKE_OK && i < count; i++) {
        if (!urls[i] || strlen(urls[i]) > ESC_CSE_URL_MAX || !esc_url_valid(urls[i]))
            err = ESCERTKE_ERR_ARG;
        else if (!(copies[i] = esc_strndup(urls[i], strlen(urls[i]))))
            err = ESCERTKE_ERR_NOMEM;
    }
    pthread_mutex_lock(&cse->lock);
    for (size_t i = 0; err == ESCERTKE_OK && i < ESC_CSE_POA_MAX; i++) {
        char *old = cse->poa[i];
        cse->poa[i] = copies[i];
        copies[i] = old;
    }
    if (err == ESCERTKE_OK)
        cse->poa_count = count;
    pthread_mutex_unlock(&cse->lock);
    for (size_t i = 0; i < ESC_CSE_POA_MAX; i++)
        esc_release(copies[i]);
    return err;
}

void esc_cse_get_stats(struct esc_cse *cse, struct esc_cse_stats *out)
{
    pthread_mutex_lock(&cse->lock);
    *out = (struct esc_cse_stats){ .ae = cse->ae,
                                   .acp = cse->acp,
                                   .remote = cse->remote,
                                   .pending = cse->pending,
                                   .bytes = cse->bytes,
                                   .containers = cse->containers,
                                   .instances = cse->instances,
                                   .subscriptions = cse->subscriptions,
                                   .notes = cse->note_count,
                                   .polls = cse->poll_count,
                                   .held = cse->held_count,
                                   .requests = cse->requests,
                                   .delivered = cse->delivered,
                                   .refused = cse->refused };
    pthread_mutex_unlock(&cse->lock);
}

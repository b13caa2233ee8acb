/*
 * <pollingChannel>: requests for somebody who cannot be called wait here until they are polled, and the answer finds its request
 * again (TS-0001 10.2.5.12...19, TS-0004 7.4.21...22; R-RG-20, R-PR-31).
 *
 * Whoever waits does so in its caller's thread. Both kinds of waiting are bounded in number and time, so that some threads are
 * left for the polls and answers that end the waiting.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cse/internal.h"
#include "m2m/json.h"
#include "m2m/serialization.h"

/* ---- the resource ------------------------------------------------------------------------------------------- */

const struct esc_resource *esc_channel_of(const struct esc_resource *entity)
{
    const struct esc_resource *r = entity->first;

    while (r && r->ty != ESC_TY_PCH)
        r = r->next;
    return r;
}

int esc_channel_prepare(struct esc_call *c, struct esc_draft *draft)
{
    if (!esc_originator_is(&c->orig, c->target->creator))
        return esc_cse_refuse(c, ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "only the entity itself makes its pollingChannel");
    if (esc_channel_of(c->target))
        return esc_cse_refuse(c, ESCERTKE_RSC_CONFLICT, "the entity has a pollingChannel, and more than one is not possible");
    memcpy(draft->creator, c->orig.id.text, sizeof draft->creator);
    if (esc_generate_ri(c->cse, draft->type->stem, draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return 0;
}

/** A prepared hop goes by the entity's <pollingChannel> if it has one. */
void esc_channel_route(struct esc_call *c, const struct esc_resource *entity)
{
    const struct esc_resource *channel = esc_channel_of(entity);

    if (!channel)
        return;
    memcpy(c->hop.channel, channel->ri, strlen(channel->ri) + 1);
    c->next = ESC_NEXT_CHANNEL;
}

/* ---- waiting ------------------------------------------------------------------------------------------------ */

/** With the lock, which is open while time passes. */
void esc_channel_pause(struct esc_cse *cse, pthread_cond_t *cond, uint64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(cond, &cse->lock, &until);
}

static void pause_for(struct esc_cse *cse, uint64_t ms)
{
    if (!cse->cfg.idle) {
        esc_channel_pause(cse, &cse->turn, ms);
        return;
    }
    pthread_mutex_unlock(&cse->lock);
    cse->cfg.idle(cse->cfg.idle_ctx, (uint32_t)ms);
    pthread_mutex_lock(&cse->lock);
}

/* When the waiting of this request ends, on the caller's monotonic clock: its rqet, at most @p most_ms from its receipt. */
static uint64_t end_of_wait(const struct esc_call *c, uint32_t most_ms)
{
    int64_t left_ms = c->deadline_ms ? c->deadline_ms - esc_cse_now_ms(c->now) : most_ms;

    return c->now.mono_ms + (uint64_t)(left_ms < (int64_t)most_ms ? left_ms : (int64_t)most_ms);
}

/* Wait for a turn of things. 0 = look again; else why there is nothing to wait for any more. */
static int wait_turn(struct esc_call *c, uint64_t until_ms)
{
    struct esc_cse *cse = c->cse;
    uint64_t now_ms = cse->cfg.clock ? cse->cfg.clock(cse->cfg.clock_ctx).mono_ms : until_ms;

    if (cse->stopping)
        return esc_cse_refuse(c, ESCERTKE_RSC_TARGET_NOT_REACHABLE, "this CSE is being stopped");
    if (!esc_tree_by_ri(cse, escertke_span_str(c->hop.channel)))
        return esc_cse_refuse(c, ESCERTKE_RSC_TARGET_NOT_REACHABLE, "the pollingChannel is gone");
    if (now_ms >= until_ms)
        return esc_cse_refuse(c, ESCERTKE_RSC_REQUEST_TIMEOUT, "nothing came in time");
    pause_for(cse, until_ms - now_ms);
    return 0;
}

/* ---- a request that waits to be polled ---------------------------------------------------------------------- */

static bool same_channel(const struct esc_held *h, const char *channel)
{
    return !strcmp(h->hop->channel, channel);
}

static bool rqi_in_use(const struct esc_call *c)
{
    for (const struct esc_held *h = c->cse->held; h; h = h->next) {
        if (same_channel(h, c->hop.channel) && !strcmp(h->hop->req.rqi, c->hop.req.rqi))
            return true;
    }
    return false;
}

/* The poller names what it answers by rqi alone: two originators' equal ones must not be mistaken for each other. */
static int make_unique(struct esc_call *c)
{
    char rqi[2 * (ESCERTKE_ID_MAX + 1) + 24];

    while (rqi_in_use(c)) {
        snprintf(rqi, sizeof rqi, "%.*s~%llu", 2 * (int)ESCERTKE_ID_MAX, c->hop.req.rqi,
                 (unsigned long long)++c->cse->own_requests);
        if (escertke_primitive_set(&c->hop.req.rqi, escertke_span_str(rqi)) != ESCERTKE_OK)
            return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "out of memory");
    }
    return 0;
}

static int enqueue(struct esc_call *c, struct esc_held *held)
{
    struct esc_cse *cse = c->cse;
    struct esc_held **end = &cse->held;
    size_t here = 0;
    int rsc = make_unique(c);

    if (rsc)
        return rsc;
    for (; *end; end = &(*end)->next)
        here += same_channel(*end, c->hop.channel);
    if (cse->held_count >= cse->cfg.max_held || here >= ESC_HELD_PER_CHANNEL_MAX ||
        held->size > cse->cfg.max_held_bytes - cse->held_bytes)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "too many requests wait to be polled");
    *end = held;
    cse->held_count++;
    cse->held_bytes += held->size;
    pthread_cond_broadcast(&cse->turn);
    return 0;
}

static void dequeue(struct esc_cse *cse, struct esc_held *held)
{
    struct esc_held **at = &cse->held;

    while (*at != held)
        at = &(*at)->next;
    *at = held->next;
    cse->held_count--;
    cse->held_bytes -= held->size;
}

int esc_channel_hold(struct esc_call *c, escertke_primitive *rsp)
{
    struct esc_held held = { .hop = &c->hop, .size = c->hop.req.content.len };
    uint64_t until_ms = end_of_wait(c, c->cse->cfg.hold_ms);

    escertke_primitive_init(&held.rsp);
    pthread_mutex_lock(&c->cse->lock);
    int rsc = enqueue(c, &held);
    if (!rsc) {
        while (!held.over && !rsc)
            rsc = wait_turn(c, until_ms);
        dequeue(c->cse, &held);
    }
    pthread_mutex_unlock(&c->cse->lock);
    if (!held.over)
        return rsc;
    escertke_primitive_clear(rsp);
    *rsp = held.rsp;
    return esc_hop_relay(c, rsp);
}

/* ---- a poll ------------------------------------------------------------------------------------------------- */

static struct esc_held *next_held(const struct esc_cse *cse, const char *channel)
{
    struct esc_held *h = cse->held;

    while (h && (h->taken || h->over || !same_channel(h, channel)))
        h = h->next;
    return h;
}

/* {"m2m:rqp":{...}} */
static json_t *wrapped_request(const escertke_primitive *req)
{
    escertke_buf text;
    json_t *tree = NULL;

    escertke_buf_init(&text, 2 * ESCERTKE_PRIMITIVE_MAX);
    if (escertke_primitive_write_json(req, &text) != ESCERTKE_OK ||
        esc_json_load(escertke_buf_span(&text), &tree, NULL) != ESCERTKE_OK)
        tree = NULL;
    escertke_buf_free(&text);
    return tree ? json_pack("{so}", "m2m:rqp", tree) : NULL;
}

/* The oldest that waits becomes the poll's answer. 0 = none waits. */
static int take(struct esc_call *c)
{
    struct esc_held *h = next_held(c->cse, c->hop.channel);

    if (!h)
        return 0;
    h->taken = true; /* one that cannot be said is not tried again: its originator hears that no answer came */
    c->out = wrapped_request(&h->hop->req);
    return c->out ? ESCERTKE_RSC_OK
                  : esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the request that waits cannot be handed out");
}

static int add_poller(struct esc_call *c, struct esc_poller *me)
{
    struct esc_cse *cse = c->cse;

    for (struct esc_poller *p = cse->pollers; p; p = p->next) {
        if (!p->replaced && !strcmp(p->channel, me->channel)) {
            p->replaced = true;
            cse->poll_count--;
            pthread_cond_broadcast(&cse->turn);
        }
    }
    /* A poll that finds something does not wait, and so may come when no more may wait. */
    if (cse->poll_count >= cse->cfg.max_polls && !next_held(cse, me->channel))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "too many polls at once");
    me->next = cse->pollers;
    cse->pollers = me;
    cse->poll_count++;
    return 0;
}

static void remove_poller(struct esc_cse *cse, struct esc_poller *me)
{
    struct esc_poller **at = &cse->pollers;

    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
    cse->poll_count -= !me->replaced;
}

/*
 * Wait for a request. A newer poll of the channel ends an older one: the entity has come back, and what waited before may wait
 * for a connection that is lost. 4105, not 4008, so that two that poll one channel do not chase each other.
 */
int esc_channel_poll(struct esc_call *c)
{
    struct esc_poller me = { .channel = c->hop.channel };
    uint64_t until_ms = end_of_wait(c, c->cse->cfg.poll_ms);

    pthread_mutex_lock(&c->cse->lock);
    int rsc = add_poller(c, &me);
    if (!rsc) {
        while (!rsc) {
            if (me.replaced)
                rsc = esc_cse_refuse(c, ESCERTKE_RSC_CONFLICT, "a newer poll of this channel took the place of this one");
            else if (!(rsc = take(c)))
                rsc = wait_turn(c, until_ms);
        }
        remove_poller(c->cse, &me);
    }
    pthread_mutex_unlock(&c->cse->lock);
    return rsc;
}

/* ---- the answer --------------------------------------------------------------------------------------------- */

/* The response primitive in {"m2m:rsp":{...}}. */
static int read_response(struct esc_call *c, escertke_primitive *rsp)
{
    const char *name;
    json_t *root = NULL, *value;
    escertke_buf text;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = esc_serial_load_content(c->req->format, escertke_buf_span(&c->req->content), &root, &name, &value, &d);
    bool named = err == ESCERTKE_OK && !strcmp(name, "m2m:rsp") && json_is_object(value);
    if (named && (err = esc_json_dump(value, &text)) == ESCERTKE_OK)
        err = escertke_primitive_parse_json(escertke_buf_span(&text), rsp, &d);
    json_decref(root);
    escertke_buf_free(&text);
    if (err == ESCERTKE_OK && named && !rsp->op)
        return 0;
    return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "pc must be m2m:rsp, a response: %s", d.reason);
}

/** NOTIFY to pcu: what the entity answers to a request that it polled. */
int esc_channel_reply(struct esc_call *c)
{
    struct esc_cse *cse = c->cse;
    struct esc_held *h = cse->held;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    int rsc = read_response(c, &rsp);
    while (!rsc && h && (!h->taken || h->over || !same_channel(h, c->target->ri) || strcmp(h->hop->req.rqi, rsp.rqi)))
        h = h->next;
    if (!rsc && !h)
        rsc = esc_cse_refuse(c, ESCERTKE_RSC_NOT_FOUND, "no request that was polled here waits for a response with this rqi");
    if (rsc) {
        escertke_primitive_clear(&rsp);
        return rsc;
    }
    h->rsp = rsp;
    h->over = true;
    pthread_cond_broadcast(&cse->turn);
    return ESCERTKE_RSC_OK;
}

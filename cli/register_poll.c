#include "register_poll.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"

#define DELETE_MS 800u
#define POLLERS_WORKERS 4u

static escertke_err send_it(void *ctx, const escertke_primitive *req, uint32_t timeout_ms, escertke_primitive *rsp,
                            escertke_detail *d)
{
    const struct poller *p = ctx;
    const struct esc_next next = { .url = p->exchange.url,
                                   .receiver = p->exchange.receiver,
                                   .patience = { .timeout_ms = timeout_ms, .stop = &p->stop } };

    return esc_hops_send(p->exchange.hops, &next, req, rsp, d);
}

static void interrupt(void *ctx)
{
    struct poller *p = ctx;

    atomic_store(&p->stop, true);
}

static void on_state(void *ctx, bool up, const char *address, const escertke_detail *why)
{
    struct poller *p = ctx;
    json_t *event;

    atomic_store(&p->up, up);
    if (!up) {
        out_words("not polling at %s: %s; trying again", p->exchange.url,
                  why->reason[0] ? why->reason : escertke_err_text(why->err));
        if (p->on_lost)
            p->on_lost(p->ctx);
        return;
    }
    pthread_mutex_lock(&p->lock);
    snprintf(p->address, sizeof p->address, "%s", address);
    pthread_mutex_unlock(&p->lock);
    event = out_new_event("polling");
    out_text(event, "via", p->exchange.url);
    out_text(event, "address", address);
    out_event(event, "polling %s at %s", address, p->exchange.url);
}

void poller_init(struct poller *p, const struct exchange *x, void (*on_lost)(void *ctx), void *ctx)
{
    *p = (struct poller){ .exchange = *x, .on_lost = on_lost, .ctx = ctx };
    pthread_mutex_init(&p->lock, NULL);
}

bool poller_channel(struct poller *p, char out[3 * ESCERTKE_ID_MAX])
{
    pthread_mutex_lock(&p->lock);
    memcpy(out, p->address, sizeof p->address);
    pthread_mutex_unlock(&p->lock);
    char *last = strrchr(out, '/'); /* of ".../pcu" */
    if (!last || !atomic_load(&p->up))
        return false;
    *last = '\0';
    return true;
}

escertke_err poller_begin(struct poller *p, const char *entity, unsigned poll_s, escertke_handler_fn handler, void *handler_ctx,
                          escertke_log log, escertke_detail *d)
{
    const escertke_polling_config cfg = { .entity = entity,
                                          .from = p->exchange.from,
                                          .format = p->exchange.format,
                                          .poll_ms = poll_s * 1000,
                                          .workers = POLLERS_WORKERS,
                                          .send = send_it,
                                          .interrupt = interrupt,
                                          .send_ctx = p,
                                          .handler = handler,
                                          .handler_ctx = handler_ctx,
                                          .on_state = on_state,
                                          .state_ctx = p,
                                          .log = log };

    if (p->polling) {
        escertke_polling_retry(p->polling);
        return ESCERTKE_OK;
    }
    return escertke_polling_start(&cfg, &p->polling, d);
}

/* What cannot be deleted is said to nobody: it is a courtesy. */
static void delete_channel(struct poller *p)
{
    char channel[3 * ESCERTKE_ID_MAX];
    struct exchange_request request = { .op = ESCERTKE_OP_DELETE, .to = channel };
    escertke_primitive rsp;
    escertke_detail d;

    snprintf(channel, sizeof channel, "%s", p->address); /* nobody polls any more */
    char *last = strrchr(channel, '/');                  /* of ".../pcu" */
    if (!last)
        return;
    *last = '\0';
    escertke_detail_init(&d);
    p->exchange.patience = (struct esc_patience){ .timeout_ms = DELETE_MS };
    (void)!exchange_send(&p->exchange, &request, &rsp, &d);
    escertke_primitive_clear(&rsp);
}

void poller_end(struct poller *p, bool keep)
{
    if (!p->polling)
        return;
    escertke_polling_stop(p->polling);
    p->polling = NULL;
    if (!keep)
        delete_channel(p);
}

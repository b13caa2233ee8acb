#include "mailbox_run.h"

#include <escertke/binding.h>

#include <errno.h>
#include <time.h>

static void pause_until(void *ctx, uint64_t until_ms)
{
    uint64_t now_ms = escertke_system_clock(NULL).mono_ms;
    uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct timespec time = { .tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000L };

    (void)ctx;
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

escertke_err mailbox_run_open(struct mailbox_run *r, const struct exchange *x, const struct identity *self, const char *peer,
                              const char *address, uint32_t patience_ms, escertke_notify_params *params, escertke_detail *d)
{
    escertke_err err;

    r->box = (struct mailbox){ .exchange = *x, .identity = self, .peer = peer };
    if ((err = mailbox_open(&r->box, d)) != ESCERTKE_OK || (err = mailbox_find(x, address, r->peer_box, d)) != ESCERTKE_OK)
        return err;
    mailbox_hand(&r->box, &r->hand);
    r->hand.peer_box = r->peer_box;
    r->hand.peer = peer;
    r->hand.clock = escertke_system_clock;
    r->hand.pause = pause_until;
    r->hand.patience_ms = patience_ms;
    params->send = escertke_mailbox_send;
    params->send_ctx = &r->hand;
    params->from = r->hand.self;
    params->to = peer;
    params->format = ESCERTKE_FORMAT_JSON; /* letters are JSON, whatever the hop speaks */
    params->lifetime_s = patience_ms / 1000 + 1;
    return ESCERTKE_OK;
}

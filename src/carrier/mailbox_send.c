/* mailbox_send.c - leaving letters at the CSE, and waiting for the one that answers. */
#include <escertke/mailbox.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "carrier/carrier.h"

enum { TY_CONTENT_INSTANCE = 4 };

/* Looking for an answer: at first often, since it comes soon if it comes. */
enum { LOOK_FIRST_MS = 50, LOOK_MOST_MS = 1000 };

static escertke_err compose(const escertke_mailbox *m, escertke_op op, const char *to, escertke_primitive *req)
{
    uint8_t octets[8];
    char rqi[2 * sizeof octets + 2] = "m";
    escertke_err err = m->tls->random(octets, sizeof octets);

    if (err != ESCERTKE_OK)
        return err;
    escertke_hex((escertke_span){ octets, sizeof octets }, rqi + 1);
    req->op = op;
    req->format = m->format ? m->format : ESCERTKE_FORMAT_JSON;
    if ((err = escertke_primitive_set(&req->to, escertke_span_str(to))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->fr, escertke_span_str(m->from))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rqi, escertke_span_str(rqi))) != ESCERTKE_OK)
        return err;
    return escertke_primitive_set(&req->rvi, escertke_span_str("3"));
}

static escertke_err refused(const char *what, const char *where, const escertke_primitive *rsp, escertke_detail *d)
{
    char words[160] = "";
    escertke_err err = esc_carrier_outcome(rsp->rsc);

    escertke_dbg_read(rsp->format, escertke_buf_span(&rsp->content), words, sizeof words);
    if (d)
        d->rsc = rsp->rsc;
    return esc_fail(d, err, "R-12.1, TS-0004 6.6.3", "%s %s: the CSE answered %d %s%s%s", what, where, rsp->rsc,
                    escertke_rsc_name(rsp->rsc), words[0] ? ": " : "", words);
}

escertke_err escertke_mailbox_post(const escertke_mailbox *m, const char *box, const escertke_primitive *p, escertke_detail *d)
{
    escertke_primitive req, rsp;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.ty = TY_CONTENT_INSTANCE;
    escertke_err err = compose(m, ESCERTKE_OP_CREATE, box, &req);
    if (err == ESCERTKE_OK)
        err = escertke_letter_write(req.format, p, &req.content);
    if (err == ESCERTKE_OK)
        err = m->send(m->send_ctx, &req, &rsp, d);
    else
        (void)esc_fail(d, err, "R-12.1", "a letter could not be written: %s", escertke_err_text(err));
    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_CREATED)
        err = refused("leaving a letter in the mailbox", box, &rsp, d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* ---- waiting for the answer ------------------------------------------------------------------------------------ */

static bool is_answer(const escertke_mailbox *m, const escertke_letter *l, const char *rqi)
{
    return !l->primitive.op && strcmp(l->creator.text, m->peer) == 0 && l->primitive.rqi && strcmp(l->primitive.rqi, rqi) == 0;
}

/* The latest letter; *found false: there is none, or it is none. */
static escertke_err look(escertke_mailbox *m, escertke_letter *letter, bool *found, escertke_detail *d)
{
    char latest[3 * ESCERTKE_ID_MAX];
    escertke_primitive req, rsp;

    *found = false;
    escertke_letter_init(letter);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    snprintf(latest, sizeof latest, "%s/la", m->own_box);
    escertke_err err = compose(m, ESCERTKE_OP_RETRIEVE, latest, &req);
    if (err == ESCERTKE_OK)
        err = m->send(m->send_ctx, &req, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_OK)
        *found = escertke_letter_read(rsp.format, escertke_buf_span(&rsp.content), &m->ctx, letter, NULL) == ESCERTKE_OK;
    else if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_NOT_FOUND)
        err = refused("looking into the mailbox", m->own_box, &rsp, d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* @return OK with *got false: not there yet */
static escertke_err look_for(escertke_mailbox *m, const char *rqi, escertke_primitive *rsp, bool *got, escertke_detail *d)
{
    escertke_letter letter;
    bool found;

    *got = false;
    escertke_err err = look(m, &letter, &found, d);
    *got = err == ESCERTKE_OK && found && is_answer(m, &letter, rqi);
    if (*got)
        err = escertke_primitive_copy(&letter.primitive, rsp);
    escertke_letter_clear(&letter);
    return err;
}

/* A look that failed of the CSE's or the way's own doing, not by the CSE's decision: the next one may succeed. */
static bool passes(escertke_err err, const escertke_detail *d)
{
    return escertke_err_class(err) == ESCERTKE_CLASS_NETWORK || d->rsc / 1000 == 5;
}

escertke_err escertke_mailbox_send(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    escertke_mailbox *m = ctx;
    escertke_now now = m->clock(m->clock_ctx);
    uint64_t until_ms = now.mono_ms + m->patience_ms;
    uint32_t wait_ms = LOOK_FIRST_MS;
    bool got = false;
    escertke_detail last;
    escertke_err err = escertke_mailbox_post(m, m->peer_box, req, d), looked = ESCERTKE_OK;

    if (err != ESCERTKE_OK)
        return err;
    while (!got && now.mono_ms < until_ms && (looked == ESCERTKE_OK || passes(looked, &last))) {
        m->pause(m->pause_ctx, now.mono_ms + wait_ms);
        wait_ms = wait_ms < LOOK_MOST_MS / 2 ? wait_ms * 2 : LOOK_MOST_MS;
        escertke_detail_init(&last);
        looked = look_for(m, req->rqi, rsp, &got, &last);
        now = m->clock(m->clock_ctx);
    }
    if (looked != ESCERTKE_OK && d)
        *d = last;
    if (looked == ESCERTKE_OK && !got)
        err = esc_fail(d, ESCERTKE_ERR_DEADLINE, "R-12.1",
                       "no answer of %s in the mailbox %s within %u s; the letter was left in %s, whose owner must be "
                       "serving with the carrier mailbox",
                       m->peer, m->own_box, m->patience_ms / 1000, m->peer_box);
    return looked != ESCERTKE_OK ? looked : err;
}

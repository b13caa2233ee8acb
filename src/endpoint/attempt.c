/* attempt.c - runs, repetitions and pauses of an initiating end-point until it holds a key or gives up (R-HS-35, A-12). */
#include "endpoint/attempt.h"

#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "endpoint/peers.h"

enum at { AT_BEGIN, AT_SEND, AT_SENT, AT_DONE, AT_FAILED };

struct escertke_attempt {
    escertke_identity identity;
    char to[ESCERTKE_ID_MAX + 1];
    escertke_attempt_params params;
    enum at at;
    escertke_initiator *run; /* NULL between two runs */
    int number;              /* of the message that is to be sent, or was */
    escertke_buf message;    /* kept: a repetition is the same octets */
    escertke_buf alert;      /* to be sent once before the next run; empty = none */
    bool telling;            /* the message of the last SEND was that alert */
    uint64_t give_up_at_ms, run_until_ms, wake_ms;
    uint32_t wait_ms; /* before the next repetition */
    unsigned repeats; /* of the present message */
    bool sent_m3;     /* the peer may hold a key that this side does not know */
    unsigned messages, runs;
    escertke_key_entry entry;
    escertke_detail detail;
};

/* What becomes of a failure. */
enum verdict { FINAL, REPEAT, ANEW };

enum { HANDSHAKE_FAILURE = 40, DECRYPT_ERROR = 51, PROTOCOL_VERSION = 70, INSUFFICIENT_SECURITY = 71 };

/* Of a message that the peer could not accept: has it understood it, and both have nothing in common? */
static enum verdict of_unacceptable(int alert)
{
    return alert == HANDSHAKE_FAILURE || alert == PROTOCOL_VERSION || alert == INSUFFICIENT_SECURITY ? FINAL : ANEW;
}

/* Of a message that was not answered as it should have been. */
static enum verdict of_unanswered(escertke_err err, const escertke_detail *d)
{
    int rsc = d ? d->rsc : 0, alert = d ? d->alert : -1;

    switch (err) {
    case ESCERTKE_ERR_UNREACHABLE:
    case ESCERTKE_ERR_DEADLINE:
    case ESCERTKE_ERR_RQI:
    case ESCERTKE_ERR_JSON:
    case ESCERTKE_ERR_PRIMITIVE:
    case ESCERTKE_ERR_SECINFO:
    case ESCERTKE_ERR_BASE64:
    case ESCERTKE_ERR_HTTP:
    case ESCERTKE_ERR_COAP:
    case ESCERTKE_ERR_TOO_LARGE: return REPEAT;
    case ESCERTKE_ERR_RSC:
        if (rsc == ESCERTKE_RSC_INTERNAL_SERVER_ERROR)
            return REPEAT;
        if (rsc == ESCERTKE_RSC_CONTENTS_UNACCEPTABLE)
            return of_unacceptable(alert);
        return rsc == ESCERTKE_RSC_BAD_REQUEST ? ANEW : FINAL;
    case ESCERTKE_ERR_REFUSED_AUTH: return alert == DECRYPT_ERROR ? ANEW : FINAL;
    default: return FINAL;
    }
}

/* Of an answer that this side does not accept: may it have been damaged on the way? */
static enum verdict of_answer(escertke_err err)
{
    switch (err) {
    case ESCERTKE_ERR_FORMAT:
    case ESCERTKE_ERR_TOO_LARGE:
    case ESCERTKE_ERR_TLS:
    case ESCERTKE_ERR_SIGNATURE:
    case ESCERTKE_ERR_DEADLINE: return ANEW;
    default: return FINAL;
    }
}

static void end_run(escertke_attempt *a)
{
    escertke_initiator_free(a->run);
    a->run = NULL;
    escertke_buf_reset(&a->message);
}

static void give_up(escertke_attempt *a, escertke_err err, const char *why)
{
    end_run(a);
    (void)esc_fail(&a->detail, err, "", "%s", escertke_err_text(err));
    a->at = AT_FAILED;
    esc_log(&a->identity.log, ESCERTKE_LEVEL_INFO, "ke.gave_up", "to=%s error=%s runs=%u messages=%u why=\"%s\"", a->to,
            escertke_err_name(a->detail.err), a->runs, a->messages, why);
}

/* Between half the wait and the whole, so that many who lost the same CSE do not come back at once. */
static uint32_t shortened(const escertke_attempt *a, uint32_t wait_ms)
{
    uint8_t random[4] = { 0 };

    if (a->identity.tls->random(random, sizeof random) != ESCERTKE_OK)
        return wait_ms;
    uint32_t number = (uint32_t)random[0] << 24 | (uint32_t)random[1] << 16 | (uint32_t)random[2] << 8 | random[3];
    return wait_ms - number % (wait_ms / 2 + 1);
}

static void pause_for(escertke_attempt *a, escertke_now now)
{
    a->wake_ms = now.mono_ms + shortened(a, a->wait_ms);
    a->wait_ms = a->wait_ms > a->params.most_ms / 2 ? a->params.most_ms : a->wait_ms * 2;
}

static void begin_anew(escertke_attempt *a, escertke_now now)
{
    end_run(a);
    a->at = AT_BEGIN;
    pause_for(a, now);
}

static void failed(escertke_attempt *a, enum verdict verdict, escertke_err err, const escertke_detail *d, escertke_now now)
{
    int message = a->number;

    if (d && d->err != ESCERTKE_OK)
        a->detail = *d;
    else
        escertke_detail_init(&a->detail);
    if (!a->detail.message)
        a->detail.message = message;
    if (a->params.once || verdict == FINAL) {
        give_up(a, err, "final");
        return;
    }
    (void)esc_fail(&a->detail, err, "", "%s", escertke_err_text(err));
    if (verdict == ANEW) {
        begin_anew(a, now);
    } else if (a->repeats >= a->params.repeats) {
        give_up(a, err, "repeated often enough");
    } else {
        a->repeats++;
        a->at = AT_SEND;
        pause_for(a, now);
    }
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

static escertke_err keep_message(escertke_attempt *a, int number, escertke_span message)
{
    escertke_buf_reset(&a->message);
    a->number = number;
    a->repeats = 0;
    a->at = AT_SEND;
    return escertke_buf_append(&a->message, message.ptr, message.len);
}

static escertke_err begin(escertke_attempt *a, escertke_now now)
{
    escertke_span m1;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_initiator_new(&a->identity, a->to, a->params.run_ms, &a->run, &d);
    if (err == ESCERTKE_OK && (err = escertke_initiator_start(a->run, now, &m1)) != ESCERTKE_OK)
        d = *escertke_initiator_detail(a->run);
    if (err == ESCERTKE_OK)
        err = keep_message(a, 1, m1);
    if (err != ESCERTKE_OK) {
        a->detail = d;
        return err;
    }
    a->runs++;
    a->run_until_ms = now.mono_ms + a->params.run_ms;
    if (a->run_until_ms > a->give_up_at_ms)
        a->run_until_ms = a->give_up_at_ms;
    a->wake_ms = now.mono_ms;
    return ESCERTKE_OK;
}

/* Time for another run? What is left of the attempt decides, and what the last run came to is the reason that is given. */
static void next_run(escertke_attempt *a, escertke_now now)
{
    if (a->runs >= a->params.runs || a->wake_ms >= a->give_up_at_ms || now.mono_ms >= a->give_up_at_ms) {
        give_up(a, ESCERTKE_ERR_DEADLINE, "tried long enough");
        return;
    }
    if (now.mono_ms < a->wake_ms)
        return;
    escertke_err err = begin(a, now);
    if (err != ESCERTKE_OK)
        give_up(a, err, "a run could not be begun");
}

/*
 * A peer that takes M3 puts its new key in the place of the older ones. So this side's end before it sends M3, no later than the
 * peer's: then it does not matter whether M4 comes, when the attempt is given up, or whether this process lives to see it.
 */
static escertke_err retire_older(const escertke_attempt *a, escertke_now now, escertke_detail *d)
{
    const escertke_identity *i = &a->identity;

    escertke_detail_init(d);
    return i->store->ops->retire(i->store->state, i->id, a->to, i->usage ? i->usage : ESCERTKE_USAGE_ESPRIM,
                                 now.unix_s + esc_peers_overlap(i), d);
}

/* May the message go out? The first M3 only once the store has taken down what it means. */
static bool may_send(escertke_attempt *a, escertke_now now)
{
    escertke_detail d;

    if (a->number != 3 || a->sent_m3)
        return true;
    escertke_err err = retire_older(a, now, &d);
    if (err == ESCERTKE_OK)
        return true;
    a->detail = d;
    give_up(a, err, "the older keys could not be given an end");
    return false;
}

static void send_alert(escertke_attempt *a, escertke_todo *todo)
{
    /* Its octets stay until the next call: the buffer is emptied then. */
    *todo = (escertke_todo){ .kind = ESCERTKE_TODO_SEND, .message = escertke_buf_span(&a->alert) };
    a->telling = true;
    a->messages++;
}

void escertke_attempt_next(escertke_attempt *a, escertke_now now, escertke_todo *todo)
{
    if (a->telling) {
        a->telling = false;
        escertke_buf_reset(&a->alert);
    }
    if (a->alert.len) {
        send_alert(a, todo);
        return;
    }
    if (a->at == AT_SEND && now.mono_ms >= a->run_until_ms)
        begin_anew(a, now);
    if (a->at == AT_BEGIN)
        next_run(a, now);
    bool due = a->at == AT_SEND && now.mono_ms >= a->wake_ms && may_send(a, now);
    *todo = (escertke_todo){ .kind = ESCERTKE_TODO_WAIT, .number = a->number, .at_ms = a->wake_ms };
    switch (a->at) {
    case AT_DONE: todo->kind = ESCERTKE_TODO_DONE; break;
    case AT_FAILED: todo->kind = ESCERTKE_TODO_FAILED; break;
    case AT_SENT: todo->at_ms = a->run_until_ms; break;
    case AT_BEGIN: break;
    case AT_SEND:
        if (!due)
            break;
        todo->kind = ESCERTKE_TODO_SEND;
        todo->message = escertke_buf_span(&a->message);
        a->at = AT_SENT;
        a->sent_m3 = a->sent_m3 || a->number == 3;
        a->messages++;
        break;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

void escertke_attempt_answered(escertke_attempt *a, escertke_span answer, escertke_now now)
{
    escertke_span reply;
    escertke_err err;

    if (a->telling || a->at != AT_SENT)
        return;
    bool last = a->number == 3;
    err = escertke_initiator_step(a->run, answer, now, &reply);
    if (err == ESCERTKE_OK && last && (err = escertke_initiator_entry(a->run, &a->entry)) == ESCERTKE_OK) {
        end_run(a);
        a->at = AT_DONE;
        return;
    }
    if (err == ESCERTKE_OK && (err = keep_message(a, 3, reply)) == ESCERTKE_OK) {
        a->wake_ms = now.mono_ms;
        a->wait_ms = a->params.first_ms;
        return;
    }
    if (reply.len && !last && escertke_buf_append(&a->alert, reply.ptr, reply.len) != ESCERTKE_OK)
        escertke_buf_reset(&a->alert); /* the peer is not told: it finds out at its deadline */
    const escertke_detail why = *escertke_initiator_detail(a->run);
    failed(a, of_answer(err), err, &why, now);
}

void escertke_attempt_unanswered(escertke_attempt *a, escertke_err err, const escertke_detail *detail, escertke_now now)
{
    if (!a->telling && a->at == AT_SENT)
        failed(a, of_unanswered(err, detail), err, detail, now);
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void or_default(escertke_attempt_params *p)
{
    if (!p->run_ms)
        p->run_ms = ESCERTKE_TTL_MS;
    if (!p->give_up_ms)
        p->give_up_ms = 3 * ESCERTKE_TTL_MS;
    if (!p->first_ms)
        p->first_ms = 1000;
    if (!p->most_ms)
        p->most_ms = 16000;
    if (p->most_ms < p->first_ms)
        p->most_ms = p->first_ms;
    if (!p->repeats)
        p->repeats = 3;
    if (!p->runs)
        p->runs = 4;
    if (p->once)
        p->runs = 1;
}

escertke_err escertke_attempt_new(const escertke_identity *identity, const char *to, const escertke_attempt_params *params,
                                  escertke_now now, escertke_attempt **out, escertke_detail *d)
{
    *out = NULL;
    if (!to || strlen(to) > ESCERTKE_ID_MAX)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no peer, or an ID that is too long");
    escertke_attempt *a = esc_zalloc(sizeof *a);
    if (!a)
        return ESCERTKE_ERR_NOMEM;
    a->identity = *identity;
    memcpy(a->to, to, strlen(to) + 1);
    if (params)
        a->params = *params;
    or_default(&a->params);
    a->give_up_at_ms = now.mono_ms + a->params.give_up_ms;
    a->wait_ms = a->params.first_ms;
    escertke_detail_init(&a->detail);
    escertke_buf_init(&a->message, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&a->alert, ESCERTKE_MESSAGE_MAX);
    escertke_err err = begin(a, now); /* what cannot work at all is said here */
    if (err != ESCERTKE_OK) {
        if (d && d->err == ESCERTKE_OK)
            *d = a->detail;
        escertke_attempt_free(a);
        return err;
    }
    *out = a;
    return ESCERTKE_OK;
}

escertke_err escertke_attempt_entry(const escertke_attempt *a, escertke_key_entry *out)
{
    if (a->at != AT_DONE)
        return ESCERTKE_ERR_STATE;
    *out = a->entry;
    return ESCERTKE_OK;
}

const escertke_detail *escertke_attempt_detail(const escertke_attempt *a)
{
    return &a->detail;
}

void escertke_attempt_effort(const escertke_attempt *a, unsigned *messages, unsigned *runs)
{
    *messages = a->messages;
    *runs = a->runs;
}

void escertke_attempt_free(escertke_attempt *a)
{
    if (!a)
        return;
    end_run(a);
    escertke_buf_free(&a->message);
    escertke_buf_free(&a->alert);
    esc_release_wiped(a, sizeof *a);
}

escertke_err esc_attempt_request_id(const escertke_attempt *a, char out[18])
{
    uint8_t random[8];

    escertke_err err = a->identity.tls->random(random, sizeof random);
    if (err != ESCERTKE_OK)
        return err;
    out[0] = 'e';
    escertke_hex((escertke_span){ random, sizeof random }, out + 1);
    return ESCERTKE_OK;
}

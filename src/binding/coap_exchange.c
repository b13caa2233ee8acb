#include "binding/coap_exchange.h"

#include <string.h>
#include <sys/random.h>

#include <escertke/binding.h>

#include "base/fail.h"

/* RFC 7252 4.8 */
enum { MAX_RETRANSMIT = 4, TOKEN_LEN = 8 };
/* A block that the server has lost may be begun with anew once. */
enum { RESTARTS = 1 };

struct transfer {
    struct esc_coap_exchange *x;
    struct esc_coap_hop *h;
    escertke_detail *d;
    bool may_be_dead;
};

static escertke_err protocol_error(const struct transfer *t, const char *clause, const char *what, const struct esc_coap_msg *m)
{
    return esc_fail(t->d, ESCERTKE_ERR_COAP, clause, "%s, answer %d.%02d", what, m->code / 100, m->code % 100);
}

/* ---- one message and its answer ---------------------------------------------------------------------------------- */

static escertke_err send_empty(const struct transfer *t, enum esc_coap_type type, uint16_t mid)
{
    const struct esc_coap_msg m = { .type = type, .mid = mid };
    escertke_buf out;
    escertke_err err;

    escertke_buf_init(&out, 8);
    err = esc_coap_write(&m, NULL, 0, &out);
    if (err == ESCERTKE_OK)
        err = esc_coap_hop_send(t->h, escertke_buf_span(&out));
    escertke_buf_free(&out);
    return err;
}

/* What a message that came means for the one sent. */
enum meaning { NOTHING, CONFIRMED, REJECTED, ANSWER };

static enum meaning judge(const struct transfer *t, const struct esc_coap_msg *sent, const struct esc_coap_msg *m)
{
    bool mine = m->token_len == sent->token_len && !memcmp(m->token, sent->token, sent->token_len);

    if (m->type == ESC_COAP_RST)
        return m->mid == sent->mid ? REJECTED : NOTHING;
    if (m->type == ESC_COAP_ACK && m->code == ESC_COAP_EMPTY)
        return m->mid == sent->mid ? CONFIRMED : NOTHING;
    if (m->type == ESC_COAP_ACK)
        return m->mid == sent->mid && mine && m->code >= 200 ? ANSWER : NOTHING;
    if (m->code >= 200 && mine) {
        if (m->type == ESC_COAP_CON)
            (void)send_empty(t, ESC_COAP_ACK, m->mid); /* lost, it is sent again when the response comes again */
        return ANSWER;
    }
    if (m->type == ESC_COAP_CON) /* a response to what is over, or a request: nobody here takes it */
        (void)send_empty(t, ESC_COAP_RST, m->mid);
    return NOTHING;
}

static escertke_err first_wait(uint32_t ack_timeout_ms, uint64_t *wait_ms)
{
    uint16_t chance;

    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        return ESCERTKE_ERR_IO;
    *wait_ms = ack_timeout_ms + (uint64_t)ack_timeout_ms * chance / (2 * 65536);
    return ESCERTKE_OK;
}

/* Wait for the answer to what stands in x->out, and send it again until it is confirmed. */
static escertke_err wait_for_answer(struct transfer *t, const struct esc_coap_msg *sent, struct esc_coap_msg *answer)
{
    uint64_t next_ms = 0, wait_ms = 0;
    bool confirmed = false;
    escertke_span datagram;
    escertke_err err = first_wait(t->x->ack_timeout_ms, &wait_ms);

    for (int count = 0; err == ESCERTKE_OK;) {
        uint64_t now_ms = escertke_system_clock(NULL).mono_ms;
        if (esc_patience_ended(t->x->patience))
            return esc_fail(t->d, ESCERTKE_ERR_UNREACHABLE, "", "given up");
        if (now_ms >= t->x->until_ms)
            return t->h->heard ? ESCERTKE_ERR_DEADLINE : ESCERTKE_ERR_UNREACHABLE;
        if (!confirmed && now_ms >= next_ms) {
            if (count > MAX_RETRANSMIT)
                return ESCERTKE_ERR_UNREACHABLE;
            if (count == 2 && t->may_be_dead && !t->h->heard)
                return ESCERTKE_ERR_STATE;
            if ((err = esc_coap_hop_send(t->h, escertke_buf_span(&t->x->out))) != ESCERTKE_OK)
                return err;
            count++;
            next_ms = now_ms + wait_ms;
            wait_ms *= 2;
        }
        uint64_t until_ms = confirmed || t->x->until_ms < next_ms ? t->x->until_ms : next_ms;
        err = esc_coap_hop_receive(t->h, esc_patience_next(t->x->patience, now_ms, until_ms), &datagram);
        if (err == ESCERTKE_ERR_DEADLINE)
            err = ESCERTKE_OK;
        else if (err == ESCERTKE_OK && esc_coap_parse(datagram, answer) == ESCERTKE_OK) {
            enum meaning meaning = judge(t, sent, answer);
            if (meaning == ANSWER)
                return ESCERTKE_OK;
            if (meaning == REJECTED)
                return esc_fail(t->d, ESCERTKE_ERR_UNREACHABLE, "RFC 7252 4.2", "%.100s rejects the message", t->x->to.host);
            confirmed = confirmed || meaning == CONFIRMED;
        }
    }
    return err;
}

/* One message of the exchange, with these blocks, and its answer, which is valid until the next one. */
static escertke_err transact(struct transfer *t, const struct esc_coap_block *block1, const struct esc_coap_block *block2,
                             escertke_span payload, struct esc_coap_msg *answer)
{
    struct esc_coap_msg m = { .type = ESC_COAP_CON, .code = t->x->code, .mid = t->h->mid++, .token_len = TOKEN_LEN };
    struct esc_coap_extra extra[3];
    size_t extras = 0;
    escertke_err err;

    if (getrandom(m.token, TOKEN_LEN, 0) != TOKEN_LEN)
        return ESCERTKE_ERR_IO;
    m.options = escertke_buf_span(&t->x->options);
    m.payload = payload;
    if (block2)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK2, esc_coap_block_value(block2) };
    if (block1)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK1, esc_coap_block_value(block1) };
    if (block1 && block1->num == 0)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_SIZE1, (uint32_t)t->x->req->content.len };
    escertke_buf_reset(&t->x->out);
    err = esc_coap_write(&m, extra, extras, &t->x->out);
    if (err == ESCERTKE_OK)
        err = wait_for_answer(t, &m, answer);
    if (t->h->heard)
        t->may_be_dead = false;
    return err;
}

/* ---- content of the request ------------------------------------------------------------------------------------- */

static bool find_block(const struct esc_coap_msg *m, unsigned number, struct esc_coap_block *out)
{
    struct esc_coap_options it = { .rest = m->options };
    struct esc_coap_option option;

    while (esc_coap_option_next(&it, &option))
        if (option.number == number)
            return esc_coap_block_read(option.value, out);
    return false;
}

/* After an answer: how to go on. @return OK and again: there is something to send; OK and not: this is the answer; COAP */
static escertke_err next_block(const struct transfer *t, const struct esc_coap_msg *answer, struct esc_coap_block *b,
                               int *restarts, bool *again)
{
    struct esc_coap_block said = { .szx = b->szx };
    bool has = find_block(answer, ESC_COAP_BLOCK1, &said), smaller = has && said.szx < b->szx;

    *again = false;
    if (answer->code == 231) {
        if (!b->more || !has || said.num != b->num || said.szx > b->szx)
            return protocol_error(t, "RFC 7959 2.3", "a block is confirmed that was not sent", answer);
        b->num = smaller ? (b->num + 1) << (b->szx - said.szx) : b->num + 1; /* of the smaller ones, what lies behind this one */
        b->szx = said.szx;
        *again = true;
    } else if (answer->code == 413 && smaller && b->num == 0 && b->more) {
        b->szx = said.szx;
        *again = true;
    } else if (answer->code == 408 && *restarts < RESTARTS && b->num) {
        ++*restarts;
        b->num = 0;
        *again = true;
    } else if (answer->code / 100 == 2 && b->more) {
        return protocol_error(t, "RFC 7959 2.3", "answered before all blocks were sent", answer);
    }
    return ESCERTKE_OK;
}

static escertke_err send_content(struct transfer *t, struct esc_coap_msg *answer)
{
    escertke_span content = escertke_buf_span(&t->x->req->content), part;
    struct esc_coap_block b = { .szx = esc_coap_fitting_szx(t->x->options.len, ESC_COAP_SZX_MAX) };
    bool in_blocks = content.len > esc_coap_block_size(b.szx), again = true;
    int restarts = 0;
    escertke_err err = ESCERTKE_OK;

    while (err == ESCERTKE_OK && again) {
        if (!esc_coap_block_cut(content, &b, &part))
            return protocol_error(t, "RFC 7959 2.3", "a block is wanted that does not exist", answer);
        err = transact(t, in_blocks ? &b : NULL, NULL, part, answer);
        if (err == ESCERTKE_OK)
            err = next_block(t, answer, &b, &restarts, &again);
    }
    return err;
}

/* ---- content of the response ------------------------------------------------------------------------------------ */

static escertke_err take_block(const struct transfer *t, const struct esc_coap_block *b, const struct esc_coap_msg *m,
                               escertke_buf *content)
{
    switch (esc_coap_block_take(b, m->payload, content)) {
    case 0: return ESCERTKE_OK;
    case 413: return esc_fail(t->d, ESCERTKE_ERR_TOO_LARGE, "", "content of the response is larger than %zu bytes", content->max);
    case 500: return ESCERTKE_ERR_NOMEM;
    default: return protocol_error(t, "RFC 7959 2.4", "a block of the response is not the next one, or not full", m);
    }
}

/* The blocks behind the first: each is a response of its own, with the options of the first. */
static escertke_err fetch_rest(struct transfer *t, const struct esc_coap_in *first, int code)
{
    static const escertke_span nothing = { NULL, 0 };
    struct esc_coap_block b = first->block2;
    escertke_buf *content = &t->x->rsp->content;
    escertke_err err = ESCERTKE_OK;

    while (err == ESCERTKE_OK && b.more) {
        size_t size = esc_coap_block_size(b.szx), have = content->len;
        struct esc_coap_block want = { .num = (uint32_t)(have / size), .szx = b.szx };
        struct esc_coap_msg m = { .code = 0 };
        struct esc_coap_in in;
        escertke_primitive again;

        if ((err = transact(t, NULL, &want, nothing, &m)) != ESCERTKE_OK)
            return err;
        escertke_primitive_init(&again);
        err = esc_coap_in_response(&in, &m, t->x->req->rqi, &again, t->d);
        if (err == ESCERTKE_OK && (m.code != code || again.rsc != t->x->rsp->rsc || in.format != first->format || !in.has_block2))
            err = protocol_error(t, "RFC 7959 2.4", "a block of another response came", &m);
        if (err == ESCERTKE_OK)
            err = take_block(t, &in.block2, &m, content);
        if (err == ESCERTKE_OK && content->len == have)
            err = protocol_error(t, "RFC 7959 2.4", "a block came again in place of the next one", &m);
        escertke_primitive_clear(&again);
        b = in.block2;
    }
    return err;
}

escertke_err esc_coap_exchange_run(struct esc_coap_exchange *x, struct esc_coap_hop *h, bool may_be_dead, escertke_detail *d)
{
    struct transfer t = { .x = x, .h = h, .d = d, .may_be_dead = may_be_dead };
    struct esc_coap_msg m = { .code = 0 };
    struct esc_coap_in in;
    escertke_err err = send_content(&t, &m);

    if (err != ESCERTKE_OK)
        return err;
    escertke_primitive_clear(x->rsp);
    if ((err = esc_coap_in_response(&in, &m, x->req->rqi, x->rsp, d)) != ESCERTKE_OK)
        return err;
    if (!in.has_block2)
        in.block2 = (struct esc_coap_block){ .szx = ESC_COAP_SZX_MAX };
    if (in.has_block2)
        err = take_block(&t, &in.block2, &m, &x->rsp->content);
    else if (m.payload.len)
        err = escertke_buf_append(&x->rsp->content, m.payload.ptr, m.payload.len);
    if (err == ESCERTKE_OK)
        err = fetch_rest(&t, &in, m.code);
    return err == ESCERTKE_OK ? esc_coap_in_response_content(&in) : err;
}

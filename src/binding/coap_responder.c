#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/coap_server.h"
#include "binding/http_source.h"

/* RFC 7252 4.8; CONFIRM_MS: a request that takes longer is confirmed before its response is there. */
enum { ACK_TIMEOUT_MS = 2000, MAX_RETRANSMIT = 4, CONFIRM_MS = 500, UNCONFIRMED_MAX = 1024 };

struct esc_coap_asked {
    escertke_coap_server *server;
    struct esc_coap_peer peer;
    enum esc_coap_type type;
    uint16_t mid;
    uint8_t token[ESC_COAP_TOKEN_MAX];
    size_t token_len;
    bool confirmed; /* by an empty acknowledgement: the response goes separately */
    escertke_now arrived;
    struct esc_coap_in in;
    escertke_detail detail;
    escertke_primitive req, rsp;
    escertke_buf key;
    struct esc_coap_asked *next, *next_done;
};

struct esc_coap_unconfirmed {
    struct esc_coap_peer peer;
    uint16_t mid;
    escertke_buf message;
    uint64_t next_ms, wait_ms;
    int count;
    struct esc_coap_unconfirmed *next;
};

/* ---- sending --------------------------------------------------------------------------------------------------- */

static void send_message(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span message)
{
    if (s->cred)
        esc_coap_associations_send(s, peer, message);
    else
        esc_coap_server_push(s, peer, message);
}

static void send_empty(escertke_coap_server *s, const struct esc_coap_peer *peer, enum esc_coap_type type, uint16_t mid)
{
    const struct esc_coap_msg m = { .type = type, .mid = mid };

    escertke_buf_reset(&s->out);
    if (esc_coap_write(&m, NULL, 0, &s->out) == ESCERTKE_OK)
        send_message(s, peer, escertke_buf_span(&s->out));
}

static void confirm(struct esc_coap_asked *x)
{
    x->confirmed = true;
    send_empty(x->server, &x->peer, ESC_COAP_ACK, x->mid);
}

static void end_unconfirmed(escertke_coap_server *s, struct esc_coap_unconfirmed **at)
{
    struct esc_coap_unconfirmed *u = *at;

    *at = u->next;
    s->unconfirmed_count--;
    escertke_buf_free(&u->message);
    esc_release(u);
}

/* Send again until the peer confirms it; what has no place is sent once. */
static void keep_unconfirmed(escertke_coap_server *s, const struct esc_coap_peer *peer, uint16_t mid, escertke_span message)
{
    struct esc_coap_unconfirmed *u = s->unconfirmed_count < UNCONFIRMED_MAX ? esc_zalloc(sizeof *u) : NULL;

    if (!u)
        return;
    escertke_buf_init(&u->message, ESC_COAP_MESSAGE_MAX);
    u->peer = *peer;
    u->mid = mid;
    u->wait_ms = ACK_TIMEOUT_MS + mid % (ACK_TIMEOUT_MS / 2); /* numbers of messages begin by chance */
    u->next_ms = escertke_system_clock(NULL).mono_ms + u->wait_ms;
    u->next = s->unconfirmed;
    s->unconfirmed = u;
    s->unconfirmed_count++;
    if (escertke_buf_append(&u->message, message.ptr, message.len) != ESCERTKE_OK)
        end_unconfirmed(s, &s->unconfirmed);
}

/* A response: with the acknowledgement, or on its own where that has gone already (RFC 7252 5.2). */
static void send_response(struct esc_coap_asked *x, int code, escertke_span options, const struct esc_coap_extra *extra,
                          size_t extras, escertke_span payload)
{
    escertke_coap_server *s = x->server;
    bool piggybacked = x->type == ESC_COAP_CON && !x->confirmed;
    struct esc_coap_msg m = { .code = code, .token_len = x->token_len, .options = options, .payload = payload };

    m.type = piggybacked ? ESC_COAP_ACK : x->type;
    m.mid = piggybacked ? x->mid : s->mid++;
    memcpy(m.token, x->token, sizeof m.token);
    escertke_buf_reset(&s->out);
    if (esc_coap_write(&m, extra, extras, &s->out) != ESCERTKE_OK)
        return; /* as a lost datagram: the peer asks again */
    if (code >= 200 && code / 100 != 3)
        esc_coap_count(s, &s->stats.responses[code / 100 == 2 ? 0 : code / 100 - 3]);
    send_message(s, &x->peer, escertke_buf_span(&s->out));
    if (m.type == ESC_COAP_CON)
        keep_unconfirmed(s, &x->peer, m.mid, escertke_buf_span(&s->out));
    if (x->type == ESC_COAP_CON && x->confirmed) { /* who sends the request again has the confirmation again */
        m = (struct esc_coap_msg){ .type = ESC_COAP_ACK, .mid = x->mid };
        escertke_buf_reset(&s->out);
        if (esc_coap_write(&m, NULL, 0, &s->out) != ESCERTKE_OK)
            return;
    }
    esc_coap_recent_answer(s->recent, &x->peer, x->mid, escertke_buf_span(&s->out));
}

/* ---- responses --------------------------------------------------------------------------------------------------- */

static void asked_free(struct esc_coap_asked *x)
{
    escertke_primitive_clear(&x->req);
    escertke_primitive_clear(&x->rsp);
    escertke_buf_free(&x->key);
    esc_release(x);
}

/* What is wrong with the request becomes the response, with the reason in words for people. */
static void refusal_to_response(struct esc_coap_asked *x)
{
    escertke_primitive_clear(&x->rsp);
    x->rsp.rsc = x->in.rsc;
    x->rsp.format = x->req.accept ? x->req.accept : ESCERTKE_FORMAT_JSON;
    /* without the words the code still says what is needed; a client that wants none of our types gets none */
    if (x->in.rsc != ESCERTKE_RSC_NOT_ACCEPTABLE &&
        escertke_dbg_write(x->rsp.format, x->detail.reason, &x->rsp.content) != ESCERTKE_OK)
        escertke_buf_reset(&x->rsp.content);
    esc_log(&x->server->cfg.log, ESCERTKE_LEVEL_INFO, "coap.refused", "code=%d.%02d rsc=%d reason=\"%s\"", x->in.code / 100,
            x->in.code % 100, x->in.rsc, x->detail.reason);
}

static void refuse(struct esc_coap_asked *x, int rsc, int code, escertke_err err, const char *reason)
{
    esc_coap_in_refuse(&x->in, rsc, code, esc_fail(&x->detail, err, "TS-0008 6.2.4", "%s", reason));
}

static void too_much(struct esc_coap_asked *x, const char *what)
{
    refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, 503, ESCERTKE_ERR_LIMIT, what);
    esc_coap_count(x->server, &x->server->stats.turned_away);
}

/* The content in the type that was asked for, should the handler have chosen another. */
static void convert(struct esc_coap_asked *x)
{
    escertke_primitive *rsp = &x->rsp;
    escertke_buf other;
    escertke_err err;

    if (!x->req.accept || !rsp->content.len || rsp->format == x->req.accept)
        return;
    escertke_buf_init(&other, rsp->content.max);
    err = escertke_content_convert(rsp->format, escertke_buf_span(&rsp->content), x->req.accept, &other, &x->detail);
    escertke_buf_free(&rsp->content);
    rsp->content = other;
    rsp->format = x->req.accept;
    if (err != ESCERTKE_OK)
        refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, 0, err, "the response cannot be said in the type that Accept names");
}

/* Keep a response for the blocks behind its first. @return false: there is no room */
static bool keep_download(struct esc_coap_asked *x, int code, const escertke_buf *options)
{
    escertke_coap_server *s = x->server;
    struct esc_coap_transfer *t;

    if (!esc_coap_transfers_have_room(&s->transfers, x->rsp.content.len) ||
        esc_coap_transfer_begin(&s->transfers, &x->peer, escertke_buf_span(&x->key), true, x->arrived.mono_ms, &t) != ESCERTKE_OK)
        return false;
    t->used_ms = escertke_system_clock(NULL).mono_ms; /* the handler may have taken its time */
    t->code = code;
    if (escertke_buf_append(&t->options, options->ptr, options->len) != ESCERTKE_OK ||
        escertke_buf_append(&t->body, x->rsp.content.ptr, x->rsp.content.len) != ESCERTKE_OK) {
        esc_coap_transfer_end(&s->transfers, t);
        return false;
    }
    esc_coap_transfer_changed(&s->transfers, t, 0);
    return true;
}

/* One block of a content, or the whole of it, with what confirms the last block of the request. */
static void send_part(struct esc_coap_asked *x, int code, escertke_span options, escertke_span body, struct esc_coap_block *b,
                      bool in_blocks)
{
    struct esc_coap_extra extra[3];
    size_t extras = 0;
    escertke_span part;

    if (!esc_coap_block_cut(body, b, &part))
        return;
    if (in_blocks)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK2, esc_coap_block_value(b) };
    if (x->in.has_block1 && code < 400)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_BLOCK1, esc_coap_block_value(&x->in.block1) };
    if (in_blocks && b->num == 0)
        extra[extras++] = (struct esc_coap_extra){ ESC_COAP_SIZE2, (uint32_t)body.len };
    send_response(x, code, options, extra, extras, part);
}

static unsigned block_size_for(const struct esc_coap_asked *x, size_t options)
{
    unsigned wanted = x->in.has_block2 ? x->in.block2.szx : ESC_COAP_SZX_MAX;

    return esc_coap_fitting_szx(options, wanted);
}

/* The response stands in x->rsp, or what is wrong in x->in. Ends x. */
static void answer(struct esc_coap_asked *x)
{
    escertke_buf options;
    struct esc_coap_block b = { .num = 0 };
    bool in_blocks;
    int code = 500;

    escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
    if (x->in.err == ESCERTKE_OK)
        convert(x);
    if (x->in.err != ESCERTKE_OK)
        refusal_to_response(x);
    if (esc_coap_out_response(&x->req, &x->rsp, x->arrived.unix_s * 1000, &code, &options) != ESCERTKE_OK)
        escertke_buf_reset(&options);
    if (x->in.err != ESCERTKE_OK)
        code = x->in.code;
    b.szx = block_size_for(x, options.len);
    in_blocks = x->rsp.content.len > esc_coap_block_size(b.szx);
    if (in_blocks && !keep_download(x, code, &options)) {
        too_much(x, "too many contents are under way");
        escertke_primitive_clear(&x->rsp);
        x->rsp.rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
        escertke_buf_reset(&options);
        code = esc_coap_out_response(&x->req, &x->rsp, 0, &code, &options) == ESCERTKE_OK ? 503 : 500;
        in_blocks = false;
    }
    send_part(x, code, escertke_buf_span(&options), escertke_buf_span(&x->rsp.content), &b, in_blocks);
    esc_log(&x->server->cfg.log, ESCERTKE_LEVEL_DEBUG, "coap.answered", "op=%d code=%d.%02d rsc=%d bytes=%zu", (int)x->req.op,
            code / 100, code % 100, x->rsp.rsc, x->rsp.content.len);
    escertke_buf_free(&options);
    asked_free(x);
}

/* ---- handler ----------------------------------------------------------------------------------------------------- */

static void hand_back(struct esc_coap_asked *x)
{
    escertke_coap_server *s = x->server;
    static const uint8_t one[8] = { 1 };

    pthread_mutex_lock(&s->lock);
    x->next_done = s->done;
    s->done = x;
    pthread_mutex_unlock(&s->lock);
    /* the thread is awake already if this cannot be written */
    (void)!write(s->wake, one, sizeof one);
}

void esc_coap_responder_run(void *job)
{
    struct esc_coap_asked *x = job;

    x->server->cfg.handler(x->server->cfg.handler_ctx, &x->req, x->arrived, &x->rsp);
    if (!x->rsp.rsc)
        refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, 0, ESCERTKE_ERR_STATE, "the request was not answered");
    hand_back(x);
}

void esc_coap_responder_drop(void *job)
{
    struct esc_coap_asked *x = job;

    refuse(x, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, 503, ESCERTKE_ERR_LIMIT, "shutting down");
    hand_back(x);
}

static void dispatch(struct esc_coap_asked *x)
{
    escertke_coap_server *s = x->server;
    bool draining;

    esc_http_source(&x->peer.at.sa, x->req.source);
    pthread_mutex_lock(&s->lock);
    draining = s->draining;
    if (!draining) {
        s->stats.busy++;
        s->stats.requests++;
    }
    pthread_mutex_unlock(&s->lock);
    if (draining) {
        too_much(x, "shutting down");
        answer(x);
        return;
    }
    x->next = s->asked;
    s->asked = x;
    if (esc_workers_offer(s->workers, x))
        return;
    too_much(x, "too many requests wait already");
    x->next_done = NULL;
    esc_coap_responder_finish(s, x);
}

void esc_coap_responder_finish(escertke_coap_server *s, struct esc_coap_asked *done)
{
    struct esc_coap_asked *next, **at;

    for (; done; done = next) {
        next = done->next_done;
        for (at = &s->asked; *at != done;)
            at = &(*at)->next;
        *at = done->next;
        answer(done);
        pthread_mutex_lock(&s->lock);
        if (--s->stats.busy == 0)
            pthread_cond_broadcast(&s->idle);
        pthread_mutex_unlock(&s->lock);
    }
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* A block of the request's content. @return 0: that was the last one, the content stands in x->req; or the code that answers */
static int take_block(struct esc_coap_asked *x, escertke_span payload)
{
    struct esc_coap_transfers *all = &x->server->transfers;
    const struct esc_coap_block *b = &x->in.block1;
    escertke_span key = escertke_buf_span(&x->key);
    struct esc_coap_transfer *t = esc_coap_transfer_find(all, &x->peer, key, false);

    if (b->num == 0 && esc_coap_transfer_begin(all, &x->peer, key, false, x->arrived.mono_ms, &t) != ESCERTKE_OK)
        return 503;
    if (!t)
        return 408;
    if (!esc_coap_transfers_have_room(all, payload.len))
        return 503;
    size_t before = t->body.len;
    int code = esc_coap_block_take(b, payload, &t->body);
    esc_coap_transfer_changed(all, t, before);
    t->used_ms = x->arrived.mono_ms;
    if (!code && b->more)
        return 231;
    if (!code && escertke_buf_append(&x->req.content, t->body.ptr, t->body.len) != ESCERTKE_OK)
        code = 500;
    if (code != 408) /* an older block may come again and be passed over */
        esc_coap_transfer_end(all, t);
    return code;
}

static void refuse_block(struct esc_coap_asked *x, int code)
{
    static const struct {
        int code, rsc;
        escertke_err err;
        const char *reason;
    } rows[] = {
        { 400, ESCERTKE_RSC_BAD_REQUEST, ESCERTKE_ERR_COAP, "a block with others behind it is not full, or one is too long" },
        { 408, ESCERTKE_RSC_BAD_REQUEST, ESCERTKE_ERR_COAP, "block is not the next one of a content that is under way here" },
        { 413, ESCERTKE_RSC_BAD_REQUEST, ESCERTKE_ERR_TOO_LARGE, "content is too large" },
        { 500, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, ESCERTKE_ERR_NOMEM, "out of memory" },
    };

    if (code == 503)
        too_much(x, "too many contents are under way");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            refuse(x, rows[i].rsc, rows[i].code, rows[i].err, rows[i].reason);
}

/* 2.31: without the options of oneM2M, for a client of libcoap drops what has them. */
static void send_continue(struct esc_coap_asked *x)
{
    const struct esc_coap_extra extra = { ESC_COAP_BLOCK1, esc_coap_block_value(&x->in.block1) };
    static const escertke_span nothing = { NULL, 0 };

    send_response(x, 231, nothing, &extra, 1, nothing);
    asked_free(x);
}

/* A block of a response that was given before. */
static void serve_block(struct esc_coap_asked *x)
{
    escertke_coap_server *s = x->server;
    struct esc_coap_transfer *t = esc_coap_transfer_find(&s->transfers, &x->peer, escertke_buf_span(&x->key), true);
    struct esc_coap_block b = x->in.block2;
    escertke_span part;

    if (!t || !esc_coap_block_cut(escertke_buf_span(&t->body), &b, &part)) {
        refuse_block(x, 408);
        answer(x);
        return;
    }
    t->used_ms = x->arrived.mono_ms;
    send_part(x, t->code, escertke_buf_span(&t->options), escertke_buf_span(&t->body), &b, true);
    asked_free(x);
}

/* All options are read and in order. */
static void take_content(struct esc_coap_asked *x, escertke_span payload)
{
    int code = 0;

    if (x->in.has_block2 && x->in.block2.num) {
        serve_block(x);
        return;
    }
    if (x->in.has_block1) {
        code = take_block(x, payload);
        x->in.block1.more = code == 231; /* as it is confirmed */
    } else if (payload.len) {
        escertke_err err = escertke_buf_append(&x->req.content, payload.ptr, payload.len);
        code = err == ESCERTKE_ERR_TOO_LARGE ? 413 : err == ESCERTKE_OK ? 0 : 500;
    }
    if (code == 231) {
        send_continue(x);
        return;
    }
    refuse_block(x, code);
    if (esc_coap_in_content(&x->in) == ESCERTKE_OK)
        dispatch(x);
    else
        answer(x);
}

static void take_request(escertke_coap_server *s, const struct esc_coap_peer *peer, const struct esc_coap_msg *m,
                         escertke_now now)
{
    struct esc_coap_asked *x = esc_zalloc(sizeof *x);

    if (!x)
        return; /* as a lost datagram */
    x->server = s;
    x->peer = *peer;
    x->type = m->type;
    x->mid = m->mid;
    x->token_len = m->token_len;
    memcpy(x->token, m->token, sizeof x->token);
    x->arrived = now;
    escertke_detail_init(&x->detail);
    escertke_primitive_init(&x->req);
    escertke_primitive_init(&x->rsp);
    escertke_buf_init(&x->req.content, s->cfg.max_body);
    escertke_buf_init(&x->key, ESC_COAP_MESSAGE_MAX);
    esc_coap_in_request(&x->in, m, s->prefix, &x->req, &x->detail);
    if (x->in.code == 402 && m->type == ESC_COAP_NON) { /* RFC 7252 5.4.1 */
        asked_free(x);
        return;
    }
    if (x->in.err == ESCERTKE_OK && (m->options.len > ESC_COAP_OPTIONS_MAX || esc_coap_key(m->options, &x->key) != ESCERTKE_OK))
        refuse(x, ESCERTKE_RSC_BAD_REQUEST, 413, ESCERTKE_ERR_TOO_LARGE, "options are too long together");
    if (x->in.err == ESCERTKE_OK)
        take_content(x, m->payload);
    else
        answer(x);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* A request that came before. */
static void take_repeat(escertke_coap_server *s, const struct esc_coap_peer *peer, const struct esc_coap_msg *m,
                        escertke_span reply)
{
    esc_coap_count(s, &s->stats.repeats);
    if (reply.len) {
        send_message(s, peer, reply);
        return;
    }
    for (struct esc_coap_asked *x = s->asked; x && m->type == ESC_COAP_CON; x = x->next)
        if (x->mid == m->mid && esc_coap_peer_same(&x->peer, peer)) {
            confirm(x);
            return;
        }
}

static void take_confirmation(escertke_coap_server *s, const struct esc_coap_peer *peer, uint16_t mid)
{
    for (struct esc_coap_unconfirmed **at = &s->unconfirmed; *at; at = &(*at)->next)
        if ((*at)->mid == mid && esc_coap_peer_same(&(*at)->peer, peer)) {
            end_unconfirmed(s, at);
            return;
        }
}

void esc_coap_responder_take(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span message)
{
    escertke_now now = escertke_system_clock(NULL);
    escertke_span reply = { NULL, 0 };
    struct esc_coap_msg m;
    escertke_err err = esc_coap_parse(message, &m);
    bool request = err == ESCERTKE_OK && m.code > 0 && m.code < 100;

    esc_coap_count(s, &s->stats.datagrams);
    if (err != ESCERTKE_OK)
        esc_coap_count(s, &s->stats.malformed);
    if (err == ESCERTKE_OK && (m.type == ESC_COAP_ACK || m.type == ESC_COAP_RST)) {
        take_confirmation(s, peer, m.mid);
        return;
    }
    if (!request) {
        if (m.type == ESC_COAP_CON) /* malformed, a ping, or a response to nothing (RFC 7252 4.2, 4.3) */
            send_empty(s, peer, ESC_COAP_RST, m.mid);
        return;
    }
    if (esc_coap_recent_meet(s->recent, peer, m.mid, now.mono_ms, &reply) == ESC_COAP_NEW)
        take_request(s, peer, &m, now);
    else
        take_repeat(s, peer, &m, reply);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static unsigned confirm_slow(escertke_coap_server *s, uint64_t now_ms)
{
    unsigned wait_ms = 1000;

    for (struct esc_coap_asked *x = s->asked; x; x = x->next) {
        if (x->confirmed || x->type != ESC_COAP_CON)
            continue;
        uint64_t due_ms = x->arrived.mono_ms + CONFIRM_MS;
        if (due_ms <= now_ms)
            confirm(x);
        else if (due_ms - now_ms < wait_ms)
            wait_ms = (unsigned)(due_ms - now_ms);
    }
    return wait_ms;
}

unsigned esc_coap_responder_tick(escertke_coap_server *s, uint64_t now_ms)
{
    unsigned wait_ms = confirm_slow(s, now_ms);

    esc_coap_transfers_tick(&s->transfers, now_ms);
    for (struct esc_coap_unconfirmed **at = &s->unconfirmed; *at;) {
        struct esc_coap_unconfirmed *u = *at;
        if (now_ms >= u->next_ms && u->count == MAX_RETRANSMIT) {
            end_unconfirmed(s, at);
            continue;
        }
        if (now_ms >= u->next_ms) {
            u->count++;
            u->wait_ms *= 2;
            u->next_ms = now_ms + u->wait_ms;
            send_message(s, &u->peer, escertke_buf_span(&u->message));
            esc_coap_count(s, &s->stats.resent);
        }
        if (u->next_ms - now_ms < wait_ms)
            wait_ms = (unsigned)(u->next_ms - now_ms);
        at = &u->next;
    }
    return wait_ms;
}

void esc_coap_responder_clear(escertke_coap_server *s)
{
    while (s->unconfirmed)
        end_unconfirmed(s, &s->unconfirmed);
    esc_coap_transfers_clear(&s->transfers);
}

/* Requests out over MQTT, and the responses that belong to them. */
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "binding/mqtt_client.h"
#include "binding/until.h"
#include "binding/whole.h"

#define WAITING_MAX 4096u
#define TY_AE 2
#define LOOK_MS 500u /* how often it is looked whether something is to be sent again */

/* When a request is sent again, each time after twice the wait before. */
static const struct pace {
    uint32_t first_ms;
    unsigned count;
} after_silence = { 2000, 3 }, after_reconnection = { 500, 5 };

/* On the stack of the thread that waits. */
struct esc_mqtt_wait {
    struct esc_mqtt_wait *next;
    const char *rqi;
    enum esc_mqtt_kind kind;  /* of the response */
    escertke_span originator; /* as the request said it */
    const escertke_id *receiver;
    pthread_cond_t answered;
    bool done;
    escertke_err err;
    escertke_primitive *rsp;
    escertke_detail *d;
};

/* ---- responses ------------------------------------------------------------------------------------------------ */

/* Own names were looked at before; a registration's originator is none. */
static bool topic_fits(const struct esc_mqtt_wait *w, const struct esc_mqtt_topic *topic)
{
    return w->kind == topic->kind && esc_mqtt_name_means(topic->receiver, w->receiver) &&
           (w->kind == ESC_MQTT_RESP || escertke_span_equal(w->originator, topic->originator));
}

static bool anybody_waits(struct escertke_mqtt *m, const struct esc_mqtt_topic *topic)
{
    struct esc_mqtt_wait *w;

    pthread_mutex_lock(&m->lock);
    for (w = m->waiting; w && !topic_fits(w, topic);)
        w = w->next;
    pthread_mutex_unlock(&m->lock);
    return w != NULL;
}

static void hand_over(struct esc_mqtt_wait *w, escertke_err err, escertke_primitive *rsp, const escertke_detail *why)
{
    w->done = true;
    w->err = err;
    if (err == ESCERTKE_OK) {
        *w->rsp = *rsp; /* moved */
        escertke_primitive_init(rsp);
    } else if (w->d && w->d->err == ESCERTKE_OK) {
        *w->d = *why;
    }
    pthread_cond_signal(&w->answered);
}

bool esc_mqtt_requester_take(struct escertke_mqtt *m, const struct esc_mqtt_topic *topic, escertke_span payload)
{
    escertke_primitive rsp;
    escertke_detail why;
    struct esc_mqtt_wait *w = NULL;

    if (!anybody_waits(m, topic)) /* before it is read: what nobody asked for is to cost little */
        return false;
    escertke_detail_init(&why);
    escertke_err err = escertke_primitive_parse(topic->format, payload, &rsp, &why);
    if (err == ESCERTKE_OK && (rsp.op || !rsp.rsc))
        err = esc_fail(&why, ESCERTKE_ERR_PRIMITIVE, "TS-0010 6.5", "a request in a topic of responses");
    pthread_mutex_lock(&m->lock);
    for (w = m->waiting; w && !(rsp.rqi && topic_fits(w, topic) && !w->done && strcmp(w->rqi, rsp.rqi) == 0);)
        w = w->next;
    if (w)
        hand_over(w, err, &rsp, &why);
    pthread_mutex_unlock(&m->lock);
    escertke_primitive_clear(&rsp);
    return w != NULL;
}

void esc_mqtt_requester_end(struct escertke_mqtt *m)
{
    escertke_detail why;

    escertke_detail_init(&why);
    (void)esc_fail(&why, ESCERTKE_ERR_UNREACHABLE, "", "%.200s: shutting down", m->text);
    pthread_mutex_lock(&m->lock);
    m->ended = true;
    for (struct esc_mqtt_wait *w = m->waiting; w; w = w->next)
        if (!w->done)
            hand_over(w, ESCERTKE_ERR_UNREACHABLE, NULL, &why);
    pthread_mutex_unlock(&m->lock);
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

static uint64_t mono_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* Own name and topic of a request to that receiver; between two service providers the Absolute forms (R-BM-2). */
static escertke_err write_topic(const struct escertke_mqtt *m, const escertke_id *receiver, const escertke_primitive *req,
                                char own[ESC_MQTT_NAME_MAX + 1], enum esc_mqtt_kind *kind, char *out)
{
    char peer[ESC_MQTT_NAME_MAX + 1];
    bool foreign = m->self.sp_len != receiver->sp_len || memcmp(m->self.text, receiver->text, receiver->sp_len) != 0;
    enum esc_mqtt_form form = foreign ? ESC_MQTT_ABSOLUTE : ESC_MQTT_RELATIVE;
    bool registers = !m->cfg.is_cse && req->op == ESCERTKE_OP_CREATE && req->ty == TY_AE;

    *kind = registers ? ESC_MQTT_REG_REQ : ESC_MQTT_REQ;
    if (registers)
        memcpy(own, m->credential, sizeof m->credential);
    else if (!esc_mqtt_name(&m->self, form, own))
        return ESCERTKE_ERR_ARG;
    if (!esc_mqtt_name(receiver, form, peer))
        return ESCERTKE_ERR_ARG;
    struct esc_mqtt_topic topic = { *kind, escertke_span_str(own), escertke_span_str(peer), req->format };
    return esc_mqtt_topic_write(m->url.prefix, &topic, out, ESC_MQTT_TOPIC_MAX + 1);
}

static bool enlist(struct escertke_mqtt *m, struct esc_mqtt_wait *w)
{
    pthread_mutex_lock(&m->lock);
    bool room = m->waiting_count < WAITING_MAX;
    if (room) {
        w->next = m->waiting;
        m->waiting = w;
        m->waiting_count++;
    }
    pthread_mutex_unlock(&m->lock);
    return room;
}

/* With the lock held. */
static void strike(struct escertke_mqtt *m, struct esc_mqtt_wait *w)
{
    struct esc_mqtt_wait **at = &m->waiting;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    m->waiting_count--;
}

/* A request that is on its way, and when it is sent again. */
struct sending {
    const char *topic;
    escertke_span payload;
    uint64_t ticket, connections, again_ms;
    uint32_t wait_ms;
    unsigned left;
    bool repeated;
};

static uint64_t connections(struct escertke_mqtt *m)
{
    struct esc_mqtt_link_stats stats;

    esc_mqtt_link_get_stats(m->link, &stats);
    return stats.connections;
}

static void set_pace(struct sending *s, const struct pace *pace, uint64_t now_ms)
{
    s->wait_ms = pace->first_ms;
    s->left = pace->count;
    s->again_ms = now_ms + s->wait_ms;
}

/*
 * A broker that ends may forget the request, its answer, or who listens, and who answers may come back to it later than we do. So
 * what is not answered is sent again, octet for octet: who answers knows it as a repeat.
 */
static void send_again(struct escertke_mqtt *m, struct sending *s)
{
    uint64_t count = connections(m), now_ms = escertke_system_clock(NULL).mono_ms;

    if (count != s->connections)
        set_pace(s, &after_reconnection, now_ms);
    s->connections = count;
    if (!s->left || now_ms < s->again_ms)
        return;
    s->left--;
    s->wait_ms *= 2;
    s->again_ms = now_ms + s->wait_ms;
    if (!esc_mqtt_link_withdraw(m->link, s->ticket))
        s->repeated = true;
    if (esc_mqtt_link_publish(m->link, s->topic, s->payload, &s->ticket) != ESCERTKE_OK)
        esc_log(&m->cfg.log, ESCERTKE_LEVEL_WARN, "mqtt.unrepeated", "topic=%s", s->topic);
}

/* Until it is answered, or the end, or the time is over. With the lock held, which is given away meanwhile. */
static void wait_for_answer(struct escertke_mqtt *m, struct esc_mqtt_wait *w, struct sending *s, uint64_t until_ms,
                            const struct esc_patience *p)
{
    uint64_t now_ms;

    while (!w->done && !m->ended && !esc_patience_ended(p) && (now_ms = escertke_system_clock(NULL).mono_ms) < until_ms) {
        uint64_t look_ms = esc_patience_next(p, now_ms, now_ms + LOOK_MS);
        if (esc_until_wait(&w->answered, &m->lock, look_ms < until_ms ? look_ms : until_ms) == 0)
            continue;
        pthread_mutex_unlock(&m->lock);
        send_again(m, s);
        pthread_mutex_lock(&m->lock);
    }
}

/* Publish and wait. Once it is enlisted it must be struck again. */
static escertke_err ask(struct escertke_mqtt *m, struct esc_mqtt_wait *w, const char *topic, escertke_span payload,
                        uint64_t until_ms, const struct esc_patience *p, escertke_detail *d)
{
    struct sending s = { .topic = topic, .payload = payload, .connections = connections(m) };
    escertke_err err = esc_mqtt_link_publish(m->link, topic, payload, &s.ticket);

    set_pace(&s, &after_silence, escertke_system_clock(NULL).mono_ms);
    pthread_mutex_lock(&m->lock);
    if (err == ESCERTKE_OK)
        wait_for_answer(m, w, &s, until_ms, p);
    strike(m, w);
    bool done = w->done;
    pthread_mutex_unlock(&m->lock);
    if (err != ESCERTKE_OK)
        return err;
    if (done)
        return w->err;
    bool withdrawn = esc_mqtt_link_withdraw(m->link, s.ticket);
    if (esc_patience_ended(p))
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "given up");
    if (withdrawn && !s.repeated)
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "%.200s: no connection since the request was made", m->text);
    return esc_fail(d, ESCERTKE_ERR_DEADLINE, "TS-0010 6.5", "no response from %.100s by way of %.100s", w->receiver->text,
                    m->text);
}

/* Wait for the connection, and look now and then whether there is still somebody who wants it. */
static escertke_err wait_for_link(struct escertke_mqtt *m, const struct esc_patience *p, uint64_t until_ms, escertke_detail *d)
{
    for (;;) {
        uint64_t look_ms = esc_patience_next(p, mono_ms(), until_ms);
        escertke_detail why;

        escertke_detail_init(&why);
        escertke_err err = esc_mqtt_link_wait(m->link, look_ms, &why);
        if (err == ESCERTKE_OK)
            return err;
        if (esc_patience_ended(p) || look_ms == until_ms || mono_ms() < look_ms)
            return esc_fail(d, err, "", "%s", why.reason);
    }
}

static escertke_err exchange(struct escertke_mqtt *m, const escertke_id *receiver, const escertke_primitive *req,
                             const struct esc_patience *p, escertke_span payload, escertke_primitive *rsp, escertke_detail *d)
{
    char own[ESC_MQTT_NAME_MAX + 1], topic[ESC_MQTT_TOPIC_MAX + 1];
    struct esc_mqtt_wait w = { .rqi = req->rqi, .receiver = receiver, .rsp = rsp, .d = d };
    uint64_t until_ms, connected_ms = mono_ms() + m->cfg.connect_timeout_ms;
    escertke_err err;

    if ((err = write_topic(m, receiver, req, own, &w.kind, topic)) != ESCERTKE_OK)
        return esc_fail(d, err, "TS-0010 6.4", "no topic can be made for %.100s", receiver->text);
    if ((err = esc_whole_deadline(m->cfg.timeout_ms, p, req, &until_ms, d)) != ESCERTKE_OK ||
        (err = wait_for_link(m, p, connected_ms < until_ms ? connected_ms : until_ms, d)) != ESCERTKE_OK)
        return err;
    w.kind = esc_mqtt_answer_of(w.kind);
    w.originator = escertke_span_str(own);
    esc_until_init(&w.answered);
    err = enlist(m, &w) ? ask(m, &w, topic, payload, until_ms, p, d) : ESCERTKE_ERR_LIMIT;
    pthread_cond_destroy(&w.answered);
    return err;
}

escertke_err escertke_mqtt_send(escertke_mqtt *m, const char *receiver, const escertke_primitive *req, escertke_primitive *rsp,
                                escertke_detail *d)
{
    return esc_mqtt_send(m, receiver, req, &(struct esc_patience){ 0 }, rsp, d);
}

escertke_err esc_mqtt_send(escertke_mqtt *m, const char *receiver, const escertke_primitive *req, const struct esc_patience *p,
                           escertke_primitive *rsp, escertke_detail *d)
{
    escertke_id id;
    escertke_buf payload;
    escertke_err err;

    if (!m || !req || !rsp || !req->op || !req->rqi || escertke_id_parse(escertke_span_str(receiver), &id) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.4",
                        "a request, its identifier and the Absolute ID of its receiver are needed");
    escertke_buf_init(&payload, ESC_WHOLE_MAX);
    err = escertke_primitive_write(req->format, req, &payload);
    if (err == ESCERTKE_OK)
        err = exchange(m, &id, req, p, escertke_buf_span(&payload), rsp, d);
    escertke_buf_free(&payload);
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(rsp);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s", escertke_err_text(err));
}

/* Requests in over MQTT, each handled once, and their responses. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/mqtt_client.h"
#include "binding/whole.h"

struct job {
    struct escertke_mqtt *m;
    escertke_now arrived;
    uint64_t ticket; /* among the recent ones */
    struct esc_mqtt_topic topic;
    escertke_span payload;
    char octets[]; /* topic, payload */
};

/* ---- responses ------------------------------------------------------------------------------------------------ */

static void publish(struct escertke_mqtt *m, const struct esc_mqtt_topic *request, escertke_span payload)
{
    struct esc_mqtt_topic topic = *request;
    char text[ESC_MQTT_TOPIC_MAX + 1];
    uint64_t ticket;

    topic.kind = esc_mqtt_answer_of(request->kind);
    escertke_err err = esc_mqtt_topic_write(m->url.prefix, &topic, text, sizeof text);
    if (err == ESCERTKE_OK)
        err = esc_mqtt_link_publish(m->link, text, payload, &ticket);
    if (err != ESCERTKE_OK)
        esc_log(&m->cfg.log, ESCERTKE_LEVEL_WARN, "mqtt.unanswered", "reason=\"%s\"", escertke_err_text(err));
}

static void respond(struct job *job, const escertke_primitive *req, escertke_primitive *rsp)
{
    struct escertke_mqtt *m = job->m;
    escertke_buf out;

    escertke_buf_init(&out, ESC_WHOLE_MAX);
    escertke_err err = esc_whole_answer(job->topic.format, req->rqi, req->rvi, rsp, &out); /* as the request came (R-BM-4) */
    esc_mqtt_recent_answered(m->recent, job->ticket, escertke_buf_span(&out), escertke_system_clock(NULL).mono_ms);
    if (err == ESCERTKE_OK)
        publish(m, &job->topic, escertke_buf_span(&out));
    esc_log(&m->cfg.log, ESCERTKE_LEVEL_DEBUG, "mqtt.answered", "op=%d rsc=%d bytes=%zu", (int)req->op, rsp->rsc, out.len);
    escertke_buf_free(&out);
}

static void refuse(struct job *job, const escertke_primitive *req, int rsc, const char *reason)
{
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    esc_whole_refuse(job->topic.format, rsc, reason, &rsp);
    esc_log(&job->m->cfg.log, ESCERTKE_LEVEL_INFO, "mqtt.refused", "rsc=%d reason=\"%s\"", rsc, reason);
    respond(job, req, &rsp);
    escertke_primitive_clear(&rsp);
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

/* What is wrong with it, in words; NULL = nothing. */
static const char *disagreement(const struct job *job, const escertke_primitive *req)
{
    bool registers = job->topic.kind == ESC_MQTT_REG_REQ;

    if (!req->op)
        return "a response in a topic of requests";
    if (registers && req->op != ESCERTKE_OP_CREATE)
        return "the topics of registration are for Create";
    if (!registers && !esc_mqtt_name_speaks_for(job->topic.originator, req->fr))
        return "From is not who publishes in this topic";
    return NULL;
}

/* Read it. What is not readable is refused, where its rqi at least can be read. @return false: no more to do */
static bool read_request(struct job *job, escertke_primitive *req)
{
    struct escertke_mqtt *m = job->m;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_primitive_parse(job->topic.format, job->payload, req, &d);
    const char *wrong = err == ESCERTKE_OK ? disagreement(job, req) : d.reason;
    if (!wrong) {
        snprintf(req->source, sizeof req->source, "mqtt:%.*s", (int)job->topic.originator.len,
                 (const char *)job->topic.originator.ptr);
        return true;
    }
    if (req->rqi && (req->op || err != ESCERTKE_OK)) {
        refuse(job, req, esc_whole_rsc(err), wrong);
    } else {
        atomic_fetch_add(&m->ignored, 1);
        esc_mqtt_recent_answered(m->recent, job->ticket, (escertke_span){ NULL, 0 }, 0);
        esc_log(&m->cfg.log, ESCERTKE_LEVEL_INFO, "mqtt.ignored", "topic=%s reason=\"%s\"", job->octets, wrong);
    }
    return false;
}

static void finish(struct job *job)
{
    struct escertke_mqtt *m = job->m;

    pthread_mutex_lock(&m->lock);
    if (--m->busy == 0)
        pthread_cond_broadcast(&m->idle);
    pthread_mutex_unlock(&m->lock);
    esc_release(job);
}

void esc_mqtt_responder_run(void *arg)
{
    struct job *job = arg;
    escertke_primitive req, rsp;

    escertke_primitive_init(&rsp);
    if (read_request(job, &req)) {
        job->m->cfg.handler(job->m->cfg.handler_ctx, &req, job->arrived, &rsp);
        if (rsp.rsc)
            respond(job, &req, &rsp);
        else
            refuse(job, &req, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "the request was not answered");
    }
    escertke_primitive_clear(&rsp);
    escertke_primitive_clear(&req);
    finish(job);
}

static void turn_away(struct job *job, const char *reason)
{
    escertke_primitive req;

    if (read_request(job, &req)) {
        refuse(job, &req, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, reason);
        atomic_fetch_add(&job->m->turned_away, 1);
    }
    escertke_primitive_clear(&req);
    finish(job);
}

void esc_mqtt_responder_drop(void *arg)
{
    turn_away(arg, "shutting down");
}

static struct job *make_job(struct escertke_mqtt *m, const char *text, const struct esc_mqtt_topic *topic, escertke_span payload)
{
    size_t topic_len = strlen(text);
    struct job *job = esc_alloc(sizeof *job + topic_len + 1 + payload.len);

    if (!job)
        return NULL;
    job->m = m;
    job->arrived = escertke_system_clock(NULL);
    job->ticket = 0;
    memcpy(job->octets, text, topic_len + 1);
    memcpy(job->octets + topic_len + 1, payload.ptr, payload.len);
    job->payload = (escertke_span){ (const uint8_t *)job->octets + topic_len + 1, payload.len };
    job->topic = *topic; /* its spans lie in text; those of the copy in the copy */
    job->topic.originator.ptr = (const uint8_t *)job->octets + (topic->originator.ptr - (const uint8_t *)text);
    job->topic.receiver.ptr = (const uint8_t *)job->octets + (topic->receiver.ptr - (const uint8_t *)text);
    return job;
}

/* Has it been here? Then the answer, if there is one, is given again. */
static bool is_repeat(struct job *job)
{
    struct escertke_mqtt *m = job->m;
    escertke_buf answer;

    escertke_buf_init(&answer, ESC_WHOLE_MAX);
    enum esc_mqtt_seen seen =
        esc_mqtt_recent_look(m->recent, job->octets, job->payload, job->arrived.mono_ms, &job->ticket, &answer);
    if (seen == ESC_MQTT_ANSWERED)
        publish(m, &job->topic, escertke_buf_span(&answer));
    escertke_buf_free(&answer);
    atomic_fetch_add(&m->repeats, seen != ESC_MQTT_NEW);
    return seen != ESC_MQTT_NEW;
}

bool esc_mqtt_responder_take(struct escertke_mqtt *m, const char *text, const struct esc_mqtt_topic *topic, escertke_span payload)
{
    struct job *job;

    if (!m->workers || !payload.len || payload.len > ESC_WHOLE_MAX || !(job = make_job(m, text, topic, payload)))
        return false;
    pthread_mutex_lock(&m->lock);
    m->busy++;
    pthread_mutex_unlock(&m->lock);
    atomic_fetch_add(&m->requests, 1);
    if (is_repeat(job))
        finish(job);
    else if (atomic_load(&m->draining))
        turn_away(job, "shutting down");
    else if (!esc_workers_offer(m->workers, job))
        turn_away(job, "too many requests wait already");
    return true;
}

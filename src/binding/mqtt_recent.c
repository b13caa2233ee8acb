#include "binding/mqtt_recent.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

struct entry {
    uint64_t ticket; /* 0 = unused */
    bool answered;
    uint64_t at_ms; /* of the answer */
    char *request;  /* topic, NUL, payload */
    size_t request_len;
    uint8_t *answer;
    size_t answer_len;
};

struct esc_mqtt_recent {
    pthread_mutex_t lock;
    struct entry entries[ESC_MQTT_RECENT_COUNT];
    uint64_t tickets;
    size_t bytes;
};

struct esc_mqtt_recent *esc_mqtt_recent_new(void)
{
    struct esc_mqtt_recent *r = esc_zalloc(sizeof *r);

    if (r)
        pthread_mutex_init(&r->lock, NULL);
    return r;
}

static void forget(struct esc_mqtt_recent *r, struct entry *e)
{
    r->bytes -= e->request_len + e->answer_len;
    esc_release(e->request);
    esc_release(e->answer);
    memset(e, 0, sizeof *e);
}

void esc_mqtt_recent_free(struct esc_mqtt_recent *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < ESC_MQTT_RECENT_COUNT; i++)
        if (r->entries[i].ticket)
            forget(r, &r->entries[i]);
    pthread_mutex_destroy(&r->lock);
    esc_release(r);
}

static bool same(const struct entry *e, const char *topic, size_t topic_len, escertke_span payload)
{
    return e->request_len == topic_len + 1 + payload.len && memcmp(e->request, topic, topic_len + 1) == 0 &&
           (!payload.len || memcmp(e->request + topic_len + 1, payload.ptr, payload.len) == 0);
}

/* The answer given longest ago makes room; what runs stays. NULL: all runs */
static struct entry *oldest_answered(struct esc_mqtt_recent *r)
{
    struct entry *oldest = NULL;

    for (size_t i = 0; i < ESC_MQTT_RECENT_COUNT; i++) {
        struct entry *e = &r->entries[i];
        if (e->ticket && e->answered && (!oldest || e->at_ms < oldest->at_ms))
            oldest = e;
    }
    return oldest;
}

static bool make_room(struct esc_mqtt_recent *r, size_t bytes)
{
    struct entry *e;

    while (r->bytes + bytes > ESC_MQTT_RECENT_BYTES && (e = oldest_answered(r)) != NULL)
        forget(r, e);
    return r->bytes + bytes <= ESC_MQTT_RECENT_BYTES;
}

static struct entry *unused(struct esc_mqtt_recent *r)
{
    for (size_t i = 0; i < ESC_MQTT_RECENT_COUNT; i++)
        if (!r->entries[i].ticket)
            return &r->entries[i];
    struct entry *e = oldest_answered(r);
    if (e)
        forget(r, e);
    return e;
}

static uint64_t take_down(struct esc_mqtt_recent *r, const char *topic, size_t topic_len, escertke_span payload)
{
    size_t len = topic_len + 1 + payload.len;
    struct entry *e = make_room(r, len) ? unused(r) : NULL;

    if (!e || !(e->request = esc_alloc(len)))
        return 0;
    memcpy(e->request, topic, topic_len + 1);
    if (payload.len)
        memcpy(e->request + topic_len + 1, payload.ptr, payload.len);
    e->request_len = len;
    e->ticket = ++r->tickets;
    r->bytes += len;
    return e->ticket;
}

enum esc_mqtt_seen esc_mqtt_recent_look(struct esc_mqtt_recent *r, const char *topic, escertke_span payload, uint64_t now_ms,
                                        uint64_t *ticket, escertke_buf *answer)
{
    size_t topic_len = strlen(topic);
    enum esc_mqtt_seen seen = ESC_MQTT_NEW;

    *ticket = 0;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < ESC_MQTT_RECENT_COUNT; i++) {
        struct entry *e = &r->entries[i];
        if (e->ticket && e->answered && now_ms - e->at_ms >= ESC_MQTT_RECENT_MS)
            forget(r, e);
        if (!e->ticket || !same(e, topic, topic_len, payload))
            continue;
        seen = e->answered ? ESC_MQTT_ANSWERED : ESC_MQTT_RUNNING;
        if (e->answered && escertke_buf_append(answer, e->answer, e->answer_len) != ESCERTKE_OK)
            seen = ESC_MQTT_RUNNING; /* not handled again; nor answered again, for want of memory */
        break;
    }
    if (seen == ESC_MQTT_NEW)
        *ticket = take_down(r, topic, topic_len, payload);
    pthread_mutex_unlock(&r->lock);
    return seen;
}

void esc_mqtt_recent_answered(struct esc_mqtt_recent *r, uint64_t ticket, escertke_span answer, uint64_t now_ms)
{
    struct entry *e = NULL;

    if (!ticket)
        return;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < ESC_MQTT_RECENT_COUNT && !e; i++)
        if (r->entries[i].ticket == ticket)
            e = &r->entries[i];
    if (e && answer.len && make_room(r, answer.len) && (e->answer = esc_alloc(answer.len)) != NULL) {
        memcpy(e->answer, answer.ptr, answer.len);
        e->answer_len = answer.len;
        e->answered = true;
        e->at_ms = now_ms;
        r->bytes += answer.len;
    } else if (e) {
        forget(r, e);
    }
    pthread_mutex_unlock(&r->lock);
}

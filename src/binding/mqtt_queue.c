#include "binding/mqtt_queue.h"

#include <string.h>

#include "base/memory.h"

escertke_err esc_mqtt_queue_add(struct esc_mqtt_queue *q, const char *topic, escertke_span payload, uint64_t *ticket)
{
    size_t topic_len = strlen(topic), size = sizeof(struct esc_mqtt_message) + topic_len + 1 + payload.len;
    struct esc_mqtt_message *m;

    if (q->count == ESC_MQTT_QUEUE_COUNT || payload.len > ESC_MQTT_QUEUE_BYTES || size > ESC_MQTT_QUEUE_BYTES - q->bytes)
        return ESCERTKE_ERR_LIMIT;
    m = esc_alloc(size);
    if (!m)
        return ESCERTKE_ERR_NOMEM;
    memcpy(m->octets, topic, topic_len + 1);
    if (payload.len)
        memcpy(m->octets + topic_len + 1, payload.ptr, payload.len);
    m->next = NULL;
    m->size = size;
    m->topic = m->octets;
    m->payload = (escertke_span){ (const uint8_t *)m->octets + topic_len + 1, payload.len };
    m->ticket = *ticket = ++q->tickets;
    if (q->last)
        q->last->next = m;
    else
        q->first = m;
    q->last = m;
    q->count++;
    q->bytes += size;
    return ESCERTKE_OK;
}

static void unlink_after(struct esc_mqtt_queue *q, struct esc_mqtt_message *before, struct esc_mqtt_message *m)
{
    if (before)
        before->next = m->next;
    else
        q->first = m->next;
    if (q->last == m)
        q->last = before;
    q->count--;
    q->bytes -= m->size;
    m->next = NULL;
}

struct esc_mqtt_message *esc_mqtt_queue_take(struct esc_mqtt_queue *q)
{
    struct esc_mqtt_message *m = q->first;

    if (m)
        unlink_after(q, NULL, m);
    return m;
}

bool esc_mqtt_queue_remove(struct esc_mqtt_queue *q, uint64_t ticket)
{
    struct esc_mqtt_message *before = NULL;

    for (struct esc_mqtt_message *m = q->first; m; before = m, m = m->next)
        if (m->ticket == ticket) {
            unlink_after(q, before, m);
            esc_mqtt_message_free(m);
            return true;
        }
    return false;
}

void esc_mqtt_queue_clear(struct esc_mqtt_queue *q)
{
    while (q->first)
        esc_mqtt_message_free(esc_mqtt_queue_take(q));
}

void esc_mqtt_message_free(struct esc_mqtt_message *m)
{
    esc_release(m);
}

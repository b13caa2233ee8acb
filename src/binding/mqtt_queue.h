/* mqtt_queue.h - messages for the broker, in their order, bounded in number and octets. Not locked. */
#ifndef ESCERTKE_BINDING_MQTT_QUEUE_H
#define ESCERTKE_BINDING_MQTT_QUEUE_H

#include <escertke/base.h>

enum { ESC_MQTT_QUEUE_COUNT = 4096, ESC_MQTT_QUEUE_BYTES = 16 << 20 };

struct esc_mqtt_message {
    struct esc_mqtt_message *next;
    uint64_t ticket;
    size_t size; /* of the whole, as it counts */
    const char *topic;
    escertke_span payload;
    char octets[]; /* topic, NUL, payload */
};

/** Zeroed at first. */
struct esc_mqtt_queue {
    struct esc_mqtt_message *first, *last;
    size_t count, bytes;
    uint64_t tickets;
};

/** Append a copy; *ticket tells it from all others. @return OK, LIMIT, NOMEM */
ESCERTKE_CHECKED escertke_err esc_mqtt_queue_add(struct esc_mqtt_queue *q, const char *topic, escertke_span payload,
                                                 uint64_t *ticket);
/** Take the first one out; release it with esc_mqtt_message_free(). NULL = none */
struct esc_mqtt_message *esc_mqtt_queue_take(struct esc_mqtt_queue *q);
/** Remove one that is still there. */
bool esc_mqtt_queue_remove(struct esc_mqtt_queue *q, uint64_t ticket);
void esc_mqtt_queue_clear(struct esc_mqtt_queue *q);
void esc_mqtt_message_free(struct esc_mqtt_message *m);

#endif

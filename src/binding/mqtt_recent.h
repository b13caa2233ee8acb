/*
 * mqtt_recent.h - requests that are being answered, and answers given a while ago: with QoS 1 a broker may deliver a message
 * again, and it must not be handled again. Bounded; thread-safe.
 */
#ifndef ESCERTKE_BINDING_MQTT_RECENT_H
#define ESCERTKE_BINDING_MQTT_RECENT_H

#include <escertke/base.h>

enum { ESC_MQTT_RECENT_COUNT = 512, ESC_MQTT_RECENT_BYTES = 8 << 20, ESC_MQTT_RECENT_MS = 60000 };

struct esc_mqtt_recent;

enum esc_mqtt_seen { ESC_MQTT_NEW, ESC_MQTT_RUNNING, ESC_MQTT_ANSWERED };

/** NULL when out of memory. */
struct esc_mqtt_recent *esc_mqtt_recent_new(void);
/** NULL allowed. */
void esc_mqtt_recent_free(struct esc_mqtt_recent *r);

/**
 * Has this message been here, octet for octet? If not, it is taken down as running under *ticket, which is 0 where there is no
 * room: then repeats of it are not recognised. If it is answered, a copy of the answer is put into @p answer (initialised,
 * empty).
 */
enum esc_mqtt_seen esc_mqtt_recent_look(struct esc_mqtt_recent *r, const char *topic, escertke_span payload, uint64_t now_ms,
                                        uint64_t *ticket, escertke_buf *answer);
/** What runs under this ticket has been answered so; empty: it is forgotten, so that a repeat is handled anew. */
void esc_mqtt_recent_answered(struct esc_mqtt_recent *r, uint64_t ticket, escertke_span answer, uint64_t now_ms);

#endif

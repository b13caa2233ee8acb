/*
 * mqtt_link.h - a connection to a broker that is made again whenever it is lost, with its subscriptions, and a queue of what is
 * to be published. Knows nothing of oneM2M. One thread of its own talks to libmosquitto; others only touch the queue.
 *
 * Nothing is lost and nothing sent twice by a lost connection as long as both sides live: what the broker has not acknowledged
 * is published again as a duplicate under its packet identifier, and the broker, whose session persists, does the same. What a
 * broker forgets with its session is the business of those who wait for an answer.
 */
#ifndef ESCERTKE_BINDING_MQTT_LINK_H
#define ESCERTKE_BINDING_MQTT_LINK_H

#include <escertke/binding.h>

#include "binding/mqtt_topic.h"

struct esc_mqtt_link;

/** Topics of one link at most. */
enum { ESC_MQTT_SUBSCRIPTIONS_MAX = 12 };

/** Strings and spans are copied, the callbacks are called in the link's thread. */
struct esc_mqtt_link_config {
    const struct esc_mqtt_url *url;
    const char *client_id, *user, *password;
    escertke_span tls_trust, tls_cert, tls_key;
    const char *const *topics; /* filters that are subscribed to whenever a connection is made */
    size_t topic_count;
    uint32_t connect_timeout_ms;
    unsigned keepalive_s;
    void (*message)(void *ctx, const char *topic, escertke_span payload, bool retained);
    void (*state)(void *ctx, bool up, const char *why);
    void *ctx;
    escertke_log log;
};

/** Start the thread. @return OK, ARG, CREDENTIAL, NOMEM, IO, BACKEND */
ESCERTKE_CHECKED escertke_err esc_mqtt_link_start(const struct esc_mqtt_link_config *cfg, struct esc_mqtt_link **out,
                                                  escertke_detail *d);

/** Have a message published, when there is a connection. Thread-safe. @return OK, LIMIT, NOMEM */
ESCERTKE_CHECKED escertke_err esc_mqtt_link_publish(struct esc_mqtt_link *l, const char *topic, escertke_span payload,
                                                    uint64_t *ticket);
/** Take it back. Thread-safe. @return false: it is on its way already */
bool esc_mqtt_link_withdraw(struct esc_mqtt_link *l, uint64_t ticket);

/** Wait until the link is up, at most until that monotonic time. @return OK, UNREACHABLE */
ESCERTKE_CHECKED escertke_err esc_mqtt_link_wait(struct esc_mqtt_link *l, uint64_t until_ms, escertke_detail *d);

struct esc_mqtt_link_stats {
    uint64_t connections, sent;
    size_t waiting;
    bool up;
};
void esc_mqtt_link_get_stats(struct esc_mqtt_link *l, struct esc_mqtt_link_stats *out);

/** Publish what waits, until it is acknowledged or @p drain_ms are over, disconnect, end the thread. */
void esc_mqtt_link_stop(struct esc_mqtt_link *l, unsigned drain_ms);
/** Release, after esc_mqtt_link_stop(). NULL allowed. */
void esc_mqtt_link_free(struct esc_mqtt_link *l);

#endif

/* mqtt_client.h - what the life of an end-point on a broker (mqtt_client.c) and its two roles share. */
#ifndef ESCERTKE_BINDING_MQTT_CLIENT_H
#define ESCERTKE_BINDING_MQTT_CLIENT_H

#include <escertke/mqtt.h>
#include <pthread.h>
#include <stdatomic.h>

#include "binding/http_workers.h"
#include "binding/mqtt_link.h"
#include "binding/mqtt_recent.h"
#include "binding/patience.h"

struct esc_mqtt_wait;

struct escertke_mqtt {
    escertke_mqtt_config cfg; /* defaults filled in; of its strings and spans only the handlers' are used after the start */
    struct esc_mqtt_url url;
    escertke_id self;
    char credential[ESC_MQTT_NAME_MAX + 1];
    char text[2 * ESCERTKE_ID_MAX + 32]; /* the URL */
    struct esc_mqtt_link *link;

    pthread_mutex_t lock;
    struct esc_mqtt_wait *waiting; /* requests without a response yet; under lock */
    size_t waiting_count;
    bool ended; /* nobody will be answered any more; under lock */

    struct esc_workers *workers; /* NULL: no handler */
    struct esc_mqtt_recent *recent;
    pthread_cond_t idle;
    size_t busy; /* requests taken and not answered; under lock */
    atomic_bool draining;

    atomic_uint_fast64_t requests, repeats, turned_away, ignored;
};

/** The Client Identifier of the standard, "A::/in1/Cmeter" (R-BM-1); self is Absolute, and cut where it is not an ID. */
void esc_mqtt_client_id(const char *self, bool is_cse, char *out, size_t cap);
/**
 * The first half of escertke_mqtt_stop(): take no more, finish what runs, publish it, disconnect. Who waits for a response, then
 * or later, gets UNREACHABLE.
 */
void esc_mqtt_drain(struct escertke_mqtt *m, unsigned drain_ms);
/** escertke_mqtt_send(), and UNREACHABLE where @p p ends it. */
ESCERTKE_CHECKED escertke_err esc_mqtt_send(escertke_mqtt *m, const char *receiver, const escertke_primitive *req,
                                            const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d);
/** Nobody will be answered any more. */
void esc_mqtt_requester_end(struct escertke_mqtt *m);

/** A response came. In the link's thread. @return false: nobody waits for it */
bool esc_mqtt_requester_take(struct escertke_mqtt *m, const struct esc_mqtt_topic *topic, escertke_span payload);
/** A request came. In the link's thread. @return false: it means nothing */
bool esc_mqtt_responder_take(struct escertke_mqtt *m, const char *text, const struct esc_mqtt_topic *topic,
                             escertke_span payload);
/** Jobs of the workers. */
void esc_mqtt_responder_run(void *job);
void esc_mqtt_responder_drop(void *job);

#endif

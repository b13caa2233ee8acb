/* mqtt_loop.h - what the life of a link (mqtt_link.c) and its thread (mqtt_loop.c) share. */
#ifndef ESCERTKE_BINDING_MQTT_LOOP_H
#define ESCERTKE_BINDING_MQTT_LOOP_H

#include <mosquitto.h>
#include <netdb.h>
#include <pthread.h>

#include "binding/backoff.h"
#include "binding/mqtt_link.h"
#include "binding/mqtt_queue.h"
#include "binding/mqtt_tls.h"

enum esc_mqtt_phase { ESC_MQTT_DOWN, ESC_MQTT_CONNECTING, ESC_MQTT_SUBSCRIBING, ESC_MQTT_UP };

struct esc_mqtt_link {
    struct esc_mqtt_link_config cfg; /* its strings are those below, its spans are not used after the start */
    struct esc_mqtt_url url;
    char *topics[ESC_MQTT_SUBSCRIPTIONS_MAX];
    struct esc_tls_context *tls; /* NULL: TCP alone */
    pthread_t thread;
    bool running; /* there is a thread */
    int wake;     /* eventfd */

    pthread_mutex_t lock;
    pthread_cond_t change;
    struct esc_mqtt_queue queue; /* under lock, like all to the empty line */
    bool up, stopping;
    unsigned waiters; /* threads in esc_mqtt_link_wait */
    uint64_t drain_until;
    char why[200]; /* the last attempt or connection failed */
    uint64_t connections, sent;

    /* the thread's own */
    struct mosquitto *client;
    enum esc_mqtt_phase phase;
    struct addrinfo *addresses, *next_address; /* of the broker, those not tried in this round */
    uint64_t since_ms;                         /* when the phase began */
    uint64_t try_at_ms, give_up_at_ms;
    uint64_t tick_at_ms;
    size_t unacknowledged;
    struct esc_backoff backoff;
    uint32_t waited_ms;   /* before this attempt */
    unsigned short_lives; /* connections in a row that did not last */
    char reason[200];     /* first thing that went wrong with this connection */
};

/** The thread. */
void *esc_mqtt_loop(void *link);

#endif

/*
 * mqtt_broker.h - a broker for tests, in a thread of this process: MQTT 3.1.1, QoS 1, persistent sessions, and every way in which
 * a broker may misbehave. Not for use outside the tests; what it does not expect ends the connection.
 */
#ifndef MQTT_BROKER_H
#define MQTT_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;

/** Where it closes the connection. */
enum broker_step { BROKER_NEVER, BROKER_AT_ACCEPT, BROKER_AT_CONNECT, BROKER_AT_SUBSCRIBE, BROKER_AT_PUBLISH, BROKER_AT_PUBACK, BROKER_AFTER_PUBACK };

/** Set before or while it runs, with broker_set(). */
struct broker_faults {
    enum broker_step close_at;
    int close_times;     /* so many times; 0 = always */
    int connack;         /* code of CONNACK */
    bool suback_refuses; /* 0x80 for the last topic */
    bool mute;           /* answers nothing */
    int copies;          /* each delivery is made so many times more */
    bool hold;           /* keeps deliveries until broker_release() */
    bool drop;           /* confirms and forgets what is published */
    bool garbage;        /* answers CONNECT with octets that mean nothing */
};

struct broker_seen {
    unsigned connects, subscribes, publishes, duplicates, pubacks, pings, disconnects;
    char client_id[300], user[64], password[64];
    uint8_t connect_flags, level;
    uint16_t keepalive;
    char topics[2048];       /* of the last SUBSCRIBE, joined by " " */
    char last_topic[1100];
    char payload[2000];      /* of the last PUBLISH, NUL added, cut */
    uint8_t publish_flags;
};

struct broker *broker_start(void);
/** mqtt://127.0.0.1:PORT */
const char *broker_url(const struct broker *b);
void broker_set(struct broker *b, const struct broker_faults *f);
void broker_get(struct broker *b, struct broker_seen *out);
/** Deliver held messages, the last one first. */
void broker_release(struct broker *b);
/** Deliver a message as if somebody had published it, whatever was subscribed to. */
void broker_inject(struct broker *b, const char *topic, const void *payload, size_t len, bool retained);
/** Close all connections and the listening socket; broker_up() listens again at the same port. */
void broker_down(struct broker *b, bool lose_sessions);
void broker_up(struct broker *b);
void broker_stop(struct broker *b);

#endif

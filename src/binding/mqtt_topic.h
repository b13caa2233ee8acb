/*
 * mqtt_topic.h - the topics of TS-0010 6.4 and 6.5, made and taken apart, and the names of entities in them (R-BM-2, R-BM-5).
 *
 * A topic is {prefix}/oneM2M/{kind}/{originator}/{receiver}/{serialization}; the prefix is the path of the broker's URL. Both
 * names are those of the ends of one hop, not From and To.
 */
#ifndef ESCERTKE_BINDING_MQTT_TOPIC_H
#define ESCERTKE_BINDING_MQTT_TOPIC_H

#include <escertke/m2m.h>

#include "binding/http_url.h"

/** Longest name of an entity in a topic, and longest topic, characters; with a NUL behind. */
enum { ESC_MQTT_NAME_MAX = ESCERTKE_ID_MAX, ESC_MQTT_TOPIC_MAX = 4 * ESCERTKE_ID_MAX };

enum esc_mqtt_kind { ESC_MQTT_REQ, ESC_MQTT_RESP, ESC_MQTT_REG_REQ, ESC_MQTT_REG_RESP };

struct esc_mqtt_topic {
    enum esc_mqtt_kind kind;
    escertke_span originator, receiver; /* as they stand in the topic: "in1:Cmeter" */
    escertke_format format;
};

/** Where a broker is: mqtt(s)://HOST[:PORT][/PREFIX]. */
struct esc_mqtt_url {
    struct esc_http_url at;
    char prefix[ESCERTKE_ID_MAX + 1]; /* percent-encoding removed; "" or begins with "/", none at its end */
};

/** @return OK, ARG (not such a URL, port 0, wildcard or control character in the path) */
ESCERTKE_CHECKED escertke_err esc_mqtt_url_parse(const char *text, struct esc_mqtt_url *out, escertke_detail *d);
/** Write it in its one form, the port always said; cap at least 2 * ESCERTKE_ID_MAX + 32. */
void esc_mqtt_url_write(const struct esc_mqtt_url *url, char *out, size_t cap);

/** Write a topic; cap at least ESC_MQTT_TOPIC_MAX + 1. @return OK, ARG (too long, or a name that may not stand in a topic) */
ESCERTKE_CHECKED escertke_err esc_mqtt_topic_write(const char *prefix, const struct esc_mqtt_topic *topic, char *out, size_t cap);
/**
 * Take a topic apart; the spans borrow from it. The serialization may be missing behind a registration: JSON then.
 * @return OK, NOT_FOUND (outside the prefix, or another application's), ID (a name that is none), UNSUPPORTED (serialization)
 */
ESCERTKE_CHECKED escertke_err esc_mqtt_topic_parse(escertke_span text, const char *prefix, struct esc_mqtt_topic *out);
/** Of a response, what answers a request of this kind, and the reverse. */
enum esc_mqtt_kind esc_mqtt_answer_of(enum esc_mqtt_kind kind);

/** How an entity is named in topics. */
enum esc_mqtt_form {
    ESC_MQTT_RELATIVE, /* SP-relative, "in1:Cmeter": what is published */
    ESC_MQTT_STEM,     /* C-type AEs by their stem alone, "Cmeter": taken as well */
    ESC_MQTT_ABSOLUTE, /* ":m2m.example.org:in1": between CSEs of two service providers */
    ESC_MQTT_FORMS
};

/** The name of @p id in that form; @p out has ESC_MQTT_NAME_MAX + 1 characters. @return false: it has no such form */
bool esc_mqtt_name(const escertke_id *id, enum esc_mqtt_form form, char *out);
/** Does this name mean @p id, in whatever form? */
bool esc_mqtt_name_means(escertke_span name, const escertke_id *id);
/**
 * May who publishes under this name send requests with this From? An AE, known by its stem behind a CSE-ID, speaks for itself
 * only; a CSE brings what others say. A From that is absent is nobody's.
 */
bool esc_mqtt_name_speaks_for(escertke_span name, const char *from);

#endif

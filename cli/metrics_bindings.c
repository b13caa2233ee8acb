/* metrics_bindings.c - each binding a table: which numbers of its statistics are told, under which names. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "hop.h"
#include "metrics_text.h"

/* A number of a binding's statistics, to be added up over all that speak it. */
struct number {
    const char *name, *label; /* in braces; NULL = none */
    const char *help;         /* NULL: the one before, with another label */
    size_t at, width;         /* in the statistics; width 0 = one for each of them */
    bool now;                 /* at the moment, not since the start */
};
#define NUMBERS_MAX 16

struct spoken {
    bool (*get)(const struct esc_listener *l, void *stats); /* false: it speaks another binding */
    const struct number *numbers;
    size_t count;
    bool always; /* also where none is used */
};

#define OF(type, member) offsetof(type, member), sizeof(((type *)0)->member)
#define SPOKEN(get, numbers, always)                                                                                             \
    {                                                                                                                            \
        get, numbers, sizeof numbers / sizeof *numbers, always                                                                   \
    }

/* ---- HTTP ----------------------------------------------------------------------------------------------------- */

static bool get_http(const struct esc_listener *l, void *stats)
{
    if (l->http)
        escertke_http_server_get_stats(l->http, stats);
    return l->http != NULL;
}

#define HTTP(member) OF(escertke_http_server_stats, member)
static const struct number http[] = {
    { "http_accepted_total", NULL, "Connections accepted.", HTTP(accepted), false },
    { "http_connections_ended_total", "reason=\"slow\"", "Connections ended by this side.", HTTP(too_slow), false },
    { "http_connections_ended_total", "reason=\"crowded\"", NULL, HTTP(crowded_out), false },
    { "http_responses_total", "class=\"2xx\"", "Responses by class of their status.", HTTP(responses[1]), false },
    { "http_responses_total", "class=\"3xx\"", NULL, HTTP(responses[2]), false },
    { "http_responses_total", "class=\"4xx\"", NULL, HTTP(responses[3]), false },
    { "http_responses_total", "class=\"5xx\"", NULL, HTTP(responses[4]), false },
    { "http_turned_away_total", NULL, "Requests answered 503 because too many waited.", HTTP(turned_away), false },
    { "http_connections", NULL, "Connections there are.", HTTP(connections), true },
    { "http_requests_active", NULL, "Requests being answered.", HTTP(busy), true },
};

/* ---- CoAP ----------------------------------------------------------------------------------------------------- */

static bool get_coap(const struct esc_listener *l, void *stats)
{
    if (l->coap)
        escertke_coap_server_get_stats(l->coap, stats);
    return l->coap != NULL;
}

#define COAP(member) OF(escertke_coap_stats, member)
static const struct number coap[] = {
    { "coap_messages_total", NULL, "Messages received.", COAP(datagrams), false },
    { "coap_malformed_total", NULL, "Of these, no CoAP.", COAP(malformed), false },
    { "coap_repeats_total", NULL, "Requests that came again and were not taken again.", COAP(repeats), false },
    { "coap_requests_total", NULL, "Requests taken.", COAP(requests), false },
    { "coap_responses_total", "class=\"2.xx\"", "Responses by class of their code, one for each block.", COAP(responses[0]),
      false },
    { "coap_responses_total", "class=\"4.xx\"", NULL, COAP(responses[1]), false },
    { "coap_responses_total", "class=\"5.xx\"", NULL, COAP(responses[2]), false },
    { "coap_turned_away_total", NULL, "Requests answered 5.03 because too much was under way.", COAP(turned_away), false },
    { "coap_resent_total", NULL, "Responses sent again because nobody confirmed them.", COAP(resent), false },
    { "coap_sessions_lost_total", NULL, "DTLS handshakes that failed, and sessions that gave way to others.", COAP(sessions_lost),
      false },
    { "coap_sessions", NULL, "DTLS sessions there are.", COAP(sessions), true },
    { "coap_transfers", NULL, "Contents under way in blocks.", COAP(transfers), true },
    { "coap_requests_active", NULL, "Requests being answered.", COAP(busy), true },
};

/* ---- MQTT ----------------------------------------------------------------------------------------------------- */

static bool get_mqtt(const struct esc_listener *l, void *stats)
{
    if (l->mqtt)
        escertke_mqtt_get_stats(l->mqtt, stats);
    return l->mqtt != NULL;
}

#define MQTT(member) OF(escertke_mqtt_stats, member)
static const struct number mqtt[] = {
    { "mqtt_brokers", NULL, "Brokers that are listened at.", 0, 0, true },
    { "mqtt_brokers_connected", NULL, "Of these, connected to.", MQTT(up), true },
    { "mqtt_connections_total", NULL, "Connections made.", MQTT(connections), false },
    { "mqtt_requests_total", NULL, "Requests taken.", MQTT(requests), false },
    { "mqtt_repeats_total", NULL, "Of these, delivered again and not handled again.", MQTT(repeats), false },
    { "mqtt_turned_away_total", NULL, "Requests answered 5000 because too many waited.", MQTT(turned_away), false },
    { "mqtt_ignored_total", NULL, "Messages that mean nothing here.", MQTT(ignored), false },
    { "mqtt_sent_total", NULL, "Messages given to a broker.", MQTT(sent), false },
    { "mqtt_waiting", NULL, "Messages that wait for a broker.", MQTT(waiting), true },
};

/* ---- WebSocket, in either role -------------------------------------------------------------------------------- */

static bool get_ws(const struct esc_listener *l, void *stats)
{
    if (l->ws_server)
        escertke_ws_server_get_stats(l->ws_server, stats);
    else if (l->ws_client)
        escertke_ws_client_get_stats(l->ws_client, stats);
    return l->ws_server || l->ws_client;
}

#define WS(member) OF(escertke_ws_stats, member)
static const struct number ws[] = {
    { "ws_connections_total", NULL, "Connections opened, by either side.", WS(connections), false },
    { "ws_requests_total", NULL, "Requests taken.", WS(requests), false },
    { "ws_turned_away_total", NULL, "Requests answered 5000 because too many waited.", WS(turned_away), false },
    { "ws_ignored_total", NULL, "Messages that mean nothing here, and responses that nobody waits for.", WS(ignored), false },
    { "ws_sent_total", NULL, "Messages sent.", WS(sent), false },
    { "ws_connections", NULL, "Connections there are, with those that are being opened.", WS(open), true },
};

/* ---- all together --------------------------------------------------------------------------------------------- */

static const struct spoken bindings[] = {
    SPOKEN(get_http, http, true),
    SPOKEN(get_coap, coap, false),
    SPOKEN(get_mqtt, mqtt, false),
    SPOKEN(get_ws, ws, false),
};

static uint64_t value_of(const struct number *n, const void *stats)
{
    const uint8_t *at = (const uint8_t *)stats + n->at;
    uint64_t wide = 1;
    uint32_t narrow;

    if (n->width == 1)
        return *at;
    if (n->width == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, n->width);
    return wide;
}

static void write_number(struct metrics_text *t, const struct number *n, uint64_t value)
{
    char name[64];

    snprintf(name, sizeof name, "escertke_%s", n->name);
    if (n->help)
        metrics_head(t, name, n->now ? "gauge" : "counter", n->help);
    if (n->label)
        metrics_put(t, "%s{%s} %" PRIu64 "\n", name, n->label, value);
    else
        metrics_put(t, "%s %" PRIu64 "\n", name, value);
}

static void write_binding(struct metrics_text *t, const struct spoken *s, const struct hop_listeners *l)
{
    union {
        escertke_http_server_stats http;
        escertke_coap_stats coap;
        escertke_mqtt_stats mqtt;
        escertke_ws_stats ws;
    } stats;
    uint64_t sums[NUMBERS_MAX] = { 0 };
    unsigned speakers = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (!s->get(&l->list[i], &stats))
            continue;
        speakers++;
        for (size_t k = 0; k < s->count; k++)
            sums[k] += value_of(&s->numbers[k], &stats);
    }
    for (size_t k = 0; k < s->count && (speakers || s->always); k++)
        write_number(t, &s->numbers[k], sums[k]);
}

void metrics_bindings(struct metrics_text *t, const struct hop_listeners *l)
{
    for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
        write_binding(t, &bindings[i], l);
}

/*
 * way.c - the bindings as a client of the load sees them. What it says is made before the clock starts, by the product's own
 * writers where it is a primitive; what it hears is taken apart no further than is needed to see that it is whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "bench/bench.h"
#include "binding/binding.h"
#include "cli/broker.h"

enum { WS_TEXT = 0x81, WS_MASKED = 0x80, MQTT_PUBLISH = 3, MQTT_PUBACK = 4, QOS_1 = 2 };

static const char *name_of(const char *id)
{
    return strrchr(id, '/') + 1;
}

static escertke_err append(escertke_buf *out, const void *octets, size_t len)
{
    return escertke_buf_append(out, octets, len);
}

/* ---- HTTP ---------------------------------------------------------------------------------------------------------- */

static void find_http(const char *in, size_t len, struct load_found *f)
{
    const char *end = memmem(in, len, "\r\n\r\n", 4), *length;

    if (!end)
        return;
    f->body = (size_t)(end - in) + 4;
    length = strcasestr(in, "\r\nContent-Length:");
    f->body_len = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    f->status = atoi(in + 9);
    f->response = true;
    f->used = f->body + f->body_len;
}

static escertke_err write_http(const char *to, const char *from, size_t number, escertke_span message, struct load_message *out)
{
    char head[512];
    escertke_buf body;

    (void)to;
    escertke_buf_init(&body, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &body);
    int len = snprintf(head, sizeof head,
                       "POST /notify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M2M-Origin: %s\r\nX-M2M-RI: %zu\r\nX-M2M-RVI: 3\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                       from, number, body.len);
    if (err == ESCERTKE_OK && (err = append(&out->request, head, (size_t)len)) == ESCERTKE_OK)
        err = append(&out->request, body.ptr, body.len);
    escertke_buf_free(&body);
    return err;
}

static escertke_err read_http(const struct load_message *m, escertke_seci *out, escertke_detail *d)
{
    escertke_seci_init(out);
    if (m->status != 200)
        return esc_fail(d, ESCERTKE_ERR_RSC, "", "bench: status %d: %.*s", m->status, (int)m->response.len,
                        (const char *)m->response.ptr);
    return escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&m->response), out, d);
}

/* ---- whole primitives ---------------------------------------------------------------------------------------------- */

static escertke_err write_primitive(const char *to, const char *from, size_t number, escertke_span message, escertke_buf *out)
{
    escertke_primitive p;
    char rqi[24];
    escertke_err err;

    escertke_primitive_init(&p);
    p.op = ESCERTKE_OP_NOTIFY;
    snprintf(rqi, sizeof rqi, "%zu", number);
    if ((err = escertke_primitive_set(&p.to, escertke_span_str(to))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&p.fr, escertke_span_str(from))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&p.rqi, escertke_span_str(rqi))) == ESCERTKE_OK &&
        (err = escertke_primitive_set(&p.rvi, escertke_span_str("3"))) == ESCERTKE_OK &&
        (err = escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &p.content)) == ESCERTKE_OK)
        err = escertke_primitive_write(ESCERTKE_FORMAT_JSON, &p, out);
    escertke_primitive_clear(&p);
    return err;
}

static escertke_err read_primitive(const struct load_message *m, escertke_seci *out, escertke_detail *d)
{
    escertke_primitive p;

    escertke_seci_init(out);
    escertke_err err = escertke_primitive_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&m->response), &p, d);
    if (err == ESCERTKE_OK && p.rsc != ESCERTKE_RSC_OK)
        err = esc_fail(d, ESCERTKE_ERR_RSC, "", "bench: %.*s", (int)m->response.len, (const char *)m->response.ptr);
    if (err == ESCERTKE_OK)
        err = escertke_seci_parse(p.format, escertke_buf_span(&p.content), out, d);
    escertke_primitive_clear(&p);
    return err;
}

/* ---- WebSocket ------------------------------------------------------------------------------------------------------ */

static size_t greet_ws(unsigned number, char *out, size_t cap)
{
    (void)number;
    return (size_t)snprintf(out, cap,
                            "GET /notify HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                            "Sec-WebSocket-Protocol: oneM2M.json\r\n\r\n");
}

static size_t greeted_ws(const char *in, size_t len)
{
    const char *end = memmem(in, len, "\r\n\r\n", 4);

    return end && strncmp(in, "HTTP/1.1 101 ", 13) == 0 ? (size_t)(end - in) + 4 : 0;
}

/* A frame; servers do not mask them. */
static void find_ws(const char *in, size_t len, struct load_found *f)
{
    const uint8_t *octets = (const uint8_t *)in;
    size_t head = 2;

    if (len < 4)
        return;
    f->body_len = octets[1];
    if (octets[1] == 126) {
        f->body_len = (size_t)octets[2] << 8 | octets[3];
        head = 4;
    }
    f->body = head;
    f->response = octets[0] == WS_TEXT;
    f->used = head + f->body_len;
}

/* Masked, as clients must, with a mask of zeros, that the load has nothing to do. */
static escertke_err write_ws(const char *to, const char *from, size_t number, escertke_span message, struct load_message *out)
{
    escertke_buf body;

    escertke_buf_init(&body, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = write_primitive(to, from, number, message, &body);
    const uint8_t head[8] = { WS_TEXT, WS_MASKED | 126, (uint8_t)(body.len >> 8), (uint8_t)body.len };
    if (err == ESCERTKE_OK && body.len > UINT16_MAX)
        err = ESCERTKE_ERR_TOO_LARGE;
    if (err == ESCERTKE_OK && (err = append(&out->request, head, sizeof head)) == ESCERTKE_OK)
        err = append(&out->request, body.ptr, body.len);
    escertke_buf_free(&body);
    return err;
}

/* ---- MQTT ------------------------------------------------------------------------------------------------------------ */

/* Each connection is a CSE of its own, mn00, mn01..., which brings what others say (TS-0010 6.4). */
#define MQTT_SELF "mn00"
enum { SELF_DIGITS = 2, CONNACK_LEN = 4, SUBACK_LEN = 5 };

static size_t put_remaining(uint8_t *out, size_t len)
{
    size_t n = 0;

    do {
        out[n] = (uint8_t)(len % 128 | (len > 127 ? 128 : 0));
        len /= 128;
        n++;
    } while (len);
    return n;
}

/* CONNECT with a session of its own, and SUBSCRIBE with QoS 1 to the responses. */
static size_t greet_mqtt(unsigned number, char *out, size_t cap)
{
    static const char connect_head[] = "\x10\x14\0\4MQTT\4\2\0\0\0\10bench-", subscribe_head[] = "\x82\x18\0\1\0\x13";
    char self[3], topic[32];

    snprintf(self, sizeof self, "%02u", number % 100);
    snprintf(topic, sizeof topic, "/oneM2M/resp/mn%s/#", self);
    size_t at = 0, parts[4] = { sizeof connect_head - 1, 2, sizeof subscribe_head - 1, strlen(topic) };
    const char *from[4] = { connect_head, self, subscribe_head, topic };
    for (size_t i = 0; i < 4 && at + parts[i] < cap; at += parts[i++])
        memcpy(out + at, from[i], parts[i]);
    out[at++] = 1;
    return at;
}

static size_t greeted_mqtt(const char *in, size_t len)
{
    return len >= CONNACK_LEN + SUBACK_LEN && in[3] == 0 && in[CONNACK_LEN + SUBACK_LEN - 1] == 1 ? CONNACK_LEN + SUBACK_LEN : 0;
}

static void find_mqtt(const char *in, size_t len, struct load_found *f)
{
    const uint8_t *octets = (const uint8_t *)in;
    size_t head = 1, rest = 0;
    unsigned shift = 0;

    do {
        if (head >= len || shift > 21)
            return;
        rest |= (size_t)(octets[head] & 127) << shift;
        shift += 7;
    } while (octets[head++] & 128);
    if (head + rest > len)
        return;
    f->used = head + rest;
    if (octets[0] >> 4 != MQTT_PUBLISH || rest < 4)
        return;
    size_t topic = (size_t)octets[head] << 8 | octets[head + 1], id = head + 2 + topic;
    if (id + 2 > f->used || !(octets[0] & QOS_1))
        return;
    f->body = id + 2;
    f->body_len = f->used - f->body;
    f->response = true;
    const uint8_t acknowledged[4] = { MQTT_PUBACK << 4, 2, octets[id], octets[id + 1] };
    f->reply_len = sizeof acknowledged;
    memcpy(f->reply, acknowledged, sizeof acknowledged);
}

static escertke_err write_mqtt(const char *to, const char *from, size_t number, escertke_span message, struct load_message *out)
{
    char topic[128];
    int topic_len = snprintf(topic, sizeof topic, "/oneM2M/req/" MQTT_SELF "/in1:%s/json", name_of(to));
    uint8_t head[8] = { MQTT_PUBLISH << 4 | QOS_1 }, topic_head[2] = { 0, (uint8_t)topic_len };
    escertke_buf body;

    escertke_buf_init(&body, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = write_primitive(to, from, number, message, &body);
    size_t head_len = 1 + put_remaining(head + 1, 2 + (size_t)topic_len + 2 + body.len);
    out->number_at = head_len + 2 + strlen("/oneM2M/req/" MQTT_SELF) - SELF_DIGITS;
    if (err == ESCERTKE_OK && (err = append(&out->request, head, head_len)) == ESCERTKE_OK &&
        (err = append(&out->request, topic_head, sizeof topic_head)) == ESCERTKE_OK &&
        (err = append(&out->request, topic, (size_t)topic_len)) == ESCERTKE_OK &&
        (err = append(&out->request, "\0\1", 2)) == ESCERTKE_OK) /* one is under way, so they are all the first one */
        err = append(&out->request, body.ptr, body.len);
    escertke_buf_free(&body);
    return err;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

const struct way_ops way_ops[WAYS] = {
    [WAY_HTTP] = { .name = "HTTP",
                   .url = "http://127.0.0.1:0/notify",
                   .own_loops = true,
                   .protocol = { NULL, NULL, find_http },
                   .write = write_http,
                   .read = read_http },
    [WAY_WS] = { .name = "WebSocket",
                 .url = "ws://127.0.0.1:0/notify",
                 .protocol = { greet_ws, greeted_ws, find_ws },
                 .write = write_ws,
                 .read = read_primitive },
    [WAY_MQTT] = { .name = "MQTT",
                   .protocol = { greet_mqtt, greeted_mqtt, find_mqtt },
                   .write = write_mqtt,
                   .read = read_primitive },
};

const char *way_missing(enum way way)
{
    char program[BROKER_PATH_MAX];

    if (esc_url_check(way == WAY_MQTT ? "mqtt://127.0.0.1" : way_ops[way].url, NULL) == ESCERTKE_ERR_UNSUPPORTED)
        return "not in this build";
    return way == WAY_MQTT && !broker_find(program) ? BROKER_MISSING : NULL;
}

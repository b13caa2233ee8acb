/*
 * fuzz_mqtt_topic.c - the topics of the MQTT binding. Input: a prefix, a line end, a topic. What was taken apart is made again
 * and must then read the same; only with a registration may the serialization have been added.
 */
#include <stdlib.h>
#include <string.h>

#include "binding/mqtt_topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void names(escertke_span name, escertke_span from)
{
    escertke_id id;
    char text[ESC_MQTT_NAME_MAX + 1], fr[64];

    size_t len = from.len < sizeof fr ? from.len : sizeof fr - 1;
    memcpy(fr, from.ptr, len);
    fr[len] = '\0';
    (void)esc_mqtt_name_speaks_for(name, fr);
    if (escertke_id_parse(from, &id) != ESCERTKE_OK)
        return;
    for (int form = 0; form < ESC_MQTT_FORMS; form++)
        if (esc_mqtt_name(&id, (enum esc_mqtt_form)form, text))
            require(esc_mqtt_name_means(escertke_span_str(text), &id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct esc_mqtt_topic t, again;
    char prefix[64] = "", text[ESC_MQTT_TOPIC_MAX + 1];

    if (!end || (size_t)(end - data) >= sizeof prefix)
        return 0;
    memcpy(prefix, data, (size_t)(end - data));
    escertke_span topic = { end + 1, size - (size_t)(end - data) - 1 };
    names(topic, (escertke_span){ data, (size_t)(end - data) });
    if (esc_mqtt_topic_parse(topic, prefix, &t) != ESCERTKE_OK)
        return 0;
    require(t.originator.len > 0 && t.receiver.len > 0);
    require(esc_mqtt_topic_write(prefix, &t, text, sizeof text) == ESCERTKE_OK);
    require(strlen(text) == topic.len || (t.kind >= ESC_MQTT_REG_REQ && strlen(text) == topic.len + strlen("/json")));
    require(memcmp(text, topic.ptr, topic.len) == 0);
    require(esc_mqtt_topic_parse(escertke_span_str(text), prefix, &again) == ESCERTKE_OK && again.format == t.format);
    require(escertke_span_equal(again.originator, t.originator) && escertke_span_equal(again.receiver, t.receiver));
    return 0;
}

#include "binding/mqtt_queue.h"

#include "binding_support.h"

static void keeps_the_order(void **state)
{
    struct esc_mqtt_queue q = { 0 };
    uint64_t tickets[4];
    char topic[8];

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(topic, sizeof topic, "t%d", i);
        assert_int_equal(esc_mqtt_queue_add(&q, topic, text_span(topic), &tickets[i]), ESCERTKE_OK);
    }
    assert_int_equal(q.count, 4);
    assert_true(esc_mqtt_queue_remove(&q, tickets[1]));
    assert_false(esc_mqtt_queue_remove(&q, tickets[1]));
    assert_true(esc_mqtt_queue_remove(&q, tickets[3]));
    for (int i = 0; i < 4; i += 2) {
        struct esc_mqtt_message *m = esc_mqtt_queue_take(&q);
        assert_non_null(m);
        snprintf(topic, sizeof topic, "t%d", i);
        assert_string_equal(m->topic, topic);
        assert_true(escertke_span_equal(m->payload, text_span(topic)));
        assert_int_equal(m->ticket, tickets[i]);
        esc_mqtt_message_free(m);
    }
    assert_null(esc_mqtt_queue_take(&q));
    assert_int_equal(q.count + q.bytes, 0);
    assert_int_equal(esc_mqtt_queue_add(&q, "again", text_span(""), &tickets[0]), ESCERTKE_OK);
    assert_true(esc_mqtt_queue_remove(&q, tickets[0]));
    assert_null(q.last);
}

static void is_bounded(void **state)
{
    static const uint8_t large[1 << 20];
    struct esc_mqtt_queue q = { 0 };
    uint64_t ticket;
    size_t count = 0;

    (void)state;
    while (esc_mqtt_queue_add(&q, "t", text_span("x"), &ticket) == ESCERTKE_OK)
        count++;
    assert_int_equal(count, ESC_MQTT_QUEUE_COUNT);
    esc_mqtt_queue_clear(&q);
    assert_int_equal(q.count + q.bytes, 0);
    for (count = 0; esc_mqtt_queue_add(&q, "t", (escertke_span){ large, sizeof large }, &ticket) == ESCERTKE_OK;)
        count++;
    assert_int_equal(count, ESC_MQTT_QUEUE_BYTES / sizeof large - 1); /* what is around them counts as well */
    assert_int_equal(esc_mqtt_queue_add(&q, "t", (escertke_span){ large, SIZE_MAX }, &ticket), ESCERTKE_ERR_LIMIT);
    esc_mqtt_queue_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(keeps_the_order), cmocka_unit_test(is_bounded) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

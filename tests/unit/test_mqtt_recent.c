#include "binding/mqtt_recent.h"

#include "binding_support.h"

static struct esc_mqtt_recent *r;
static escertke_buf answer;

static int begin(void **state)
{
    (void)state;
    r = esc_mqtt_recent_new();
    escertke_buf_init(&answer, 1 << 22);
    return r ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    esc_mqtt_recent_free(r);
    escertke_buf_free(&answer);
    return 0;
}

static enum esc_mqtt_seen look(const char *topic, const char *payload, uint64_t now_ms, uint64_t *ticket)
{
    escertke_buf_reset(&answer);
    return esc_mqtt_recent_look(r, topic, text_span(payload), now_ms, ticket, &answer);
}

static void knows_what_it_has_seen(void **state)
{
    uint64_t first, ticket;

    (void)state;
    assert_int_equal(look("t", "request", 0, &first), ESC_MQTT_NEW);
    assert_true(first != 0);
    assert_int_equal(look("t", "request", 1, &ticket), ESC_MQTT_RUNNING);
    assert_int_equal(ticket, 0);
    assert_int_equal(look("t", "request2", 1, &ticket), ESC_MQTT_NEW);
    assert_int_equal(look("t2", "request", 1, &ticket), ESC_MQTT_NEW);
    assert_int_equal(look("trequest", "", 1, &ticket), ESC_MQTT_NEW);
    assert_int_equal(look("t", "", 1, &ticket), ESC_MQTT_NEW);
    esc_mqtt_recent_answered(r, first, text_span("answer"), 10);
    assert_int_equal(look("t", "request", 10, &ticket), ESC_MQTT_ANSWERED);
    assert_true(escertke_span_equal(escertke_buf_span(&answer), text_span("answer")));
    assert_int_equal(look("t", "request", 9 + ESC_MQTT_RECENT_MS, &ticket), ESC_MQTT_ANSWERED);
    assert_int_equal(look("t", "request", 10 + ESC_MQTT_RECENT_MS, &ticket), ESC_MQTT_NEW);
    assert_int_equal(look("t2", "request", 10 + ESC_MQTT_RECENT_MS, &ticket), ESC_MQTT_RUNNING); /* however long it takes */
}

static void forgets_what_is_not_answered(void **state)
{
    uint64_t ticket, other;

    (void)state;
    assert_int_equal(look("t", "request", 0, &ticket), ESC_MQTT_NEW);
    esc_mqtt_recent_answered(r, ticket, text_span(""), 1);
    assert_int_equal(look("t", "request", 1, &other), ESC_MQTT_NEW);
    esc_mqtt_recent_answered(r, ticket, text_span("stale ticket"), 1);
    assert_int_equal(look("t", "request", 1, &ticket), ESC_MQTT_RUNNING);
    esc_mqtt_recent_answered(r, 0, text_span("none"), 1);
}

static void makes_room_but_not_of_what_runs(void **state)
{
    uint64_t ticket, running;
    char payload[16];

    (void)state;
    assert_int_equal(look("t", "running", 0, &running), ESC_MQTT_NEW);
    for (int i = 0; i < 2 * ESC_MQTT_RECENT_COUNT; i++) {
        snprintf(payload, sizeof payload, "r%d", i);
        assert_int_equal(look("t", payload, (uint64_t)i, &ticket), ESC_MQTT_NEW);
        assert_true(ticket != 0);
        esc_mqtt_recent_answered(r, ticket, text_span(payload), (uint64_t)i);
    }
    assert_int_equal(look("t", "running", 5000, &ticket), ESC_MQTT_RUNNING);
    assert_int_equal(look("t", payload, 5000, &ticket), ESC_MQTT_ANSWERED);
    assert_true(escertke_span_equal(escertke_buf_span(&answer), text_span(payload)));
    assert_int_equal(look("t", "r0", 5000, &ticket), ESC_MQTT_NEW); /* long gone */
}

static void has_no_room_when_all_run(void **state)
{
    uint64_t ticket;
    char payload[16];

    (void)state;
    for (int i = 0; i < ESC_MQTT_RECENT_COUNT; i++) {
        snprintf(payload, sizeof payload, "r%d", i);
        assert_int_equal(look("t", payload, 0, &ticket), ESC_MQTT_NEW);
        assert_true(ticket != 0);
    }
    assert_int_equal(look("t", "one more", 0, &ticket), ESC_MQTT_NEW);
    assert_int_equal(ticket, 0);
    assert_int_equal(look("t", "one more", 0, &ticket), ESC_MQTT_NEW); /* not recognised, but handled */
}

static void is_bounded_in_octets(void **state)
{
    size_t len = (1 << 20) - 100;
    char *large = malloc(len + 1);
    uint64_t tickets[9];

    (void)state;
    assert_non_null(large);
    memset(large, 'x', len);
    large[len] = '\0';
    for (size_t i = 0; i < COUNT(tickets); i++) {
        large[0] = (char)('0' + i);
        assert_int_equal(look("t", large, 0, &tickets[i]), ESC_MQTT_NEW);
        assert_int_equal(tickets[i] != 0, i < 8);
    }
    for (size_t i = 0; i < 8; i++)
        esc_mqtt_recent_answered(r, tickets[i], text_span(large), 1); /* others have to go */
    large[0] = '7';
    assert_int_equal(look("t", large, 2, &tickets[0]), ESC_MQTT_ANSWERED);
    large[0] = '0';
    assert_int_equal(look("t", large, 2, &tickets[0]), ESC_MQTT_NEW);
    free(large);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(knows_what_it_has_seen),   CASE(forgets_what_is_not_answered), CASE(makes_room_but_not_of_what_runs),
        CASE(has_no_room_when_all_run), CASE(is_bounded_in_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

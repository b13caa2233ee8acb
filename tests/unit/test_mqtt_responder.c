#include "mqtt_support.h"

static struct broker *b;

static int begin(void **state)
{
    (void)state;
    b = broker_start();
    return 0;
}

static int end(void **state)
{
    (void)state;
    broker_stop(b);
    return 0;
}

static void inject(const char *topic, const char *payload)
{
    broker_inject(b, topic, payload, strlen(payload), false);
}

#define REQUEST "{\"op\":5,\"to\":\"/in1/Cmeter\",\"fr\":\"Cpanel\",\"rqi\":\"r1\",\"rvi\":\"3\",\"pc\":{\"m2m:dbg\":\"x\"}}"

static const struct {
    const char *name, *topic, *payload, *answer_topic, *answer; /* a part of it */
    unsigned handled;
} cases[] = {
    { "good", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json",
      "\"rsc\":2000,\"rqi\":\"r1\"", 1 },
    { "by its stem, as it came", "/oneM2M/req/in1:Cpanel/Cmeter/json", REQUEST, "/oneM2M/resp/in1:Cpanel/Cmeter/json",
      "\"rsc\":2000,\"rqi\":\"r1\"", 1 },
    { "by a CSE", "/oneM2M/req/in1/in1:Cmeter/json", REQUEST, "/oneM2M/resp/in1/in1:Cmeter/json", "\"rsc\":2000", 1 },
    { "in another's name", "/oneM2M/req/in1:Cother/in1:Cmeter/json", REQUEST, "/oneM2M/resp/in1:Cother/in1:Cmeter/json",
      "\"rsc\":4000,\"rqi\":\"r1\"", 0 },
    { "not a primitive", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "{\"op\":9,\"to\":\"a\",\"fr\":\"Cpanel\",\"rqi\":\"r1\"}",
      "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "\"rsc\":4000,\"rqi\":\"r1\"", 0 },
    { "without From", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "{\"op\":5,\"to\":\"a\",\"rqi\":\"r1\"}",
      "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "\"rsc\":4000,\"rqi\":\"r1\"", 0 },
    { "without rqi", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "{\"op\":5,\"to\":\"a\",\"fr\":\"Cpanel\"}", NULL, NULL, 0 },
    { "a response", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r1\"}", NULL, NULL, 0 },
    { "JSON that is not", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "{\"op\":5,", NULL, NULL, 0 },
    { "deep", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL, NULL, 0 },
    { "empty", "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", "", NULL, NULL, 0 },
    { "for somebody else", "/oneM2M/req/in1:Cpanel/in1:Cother/json", REQUEST, NULL, NULL, 0 },
    { "a registration", "/oneM2M/reg_req/in1:Cpanel/in1:Cmeter/json", REQUEST, NULL, NULL, 0 },
    { "unknown serialization", "/oneM2M/req/in1:Cpanel/in1:Cmeter/yaml", REQUEST, NULL, NULL, 0 },
    { "no serialization", "/oneM2M/req/in1:Cpanel/in1:Cmeter", REQUEST, NULL, NULL, 0 },
};

static void answers_what_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_mqtt *meter = start_meter(b);
        unsigned published = seen(b).publishes;
        inject(cases[i].topic, cases[i].payload);
        if (cases[i].answer) {
            eventually(seen(b).publishes == published + 1);
            expect_text(cases[i].name, seen(b).last_topic, cases[i].answer_topic);
            if (!strstr(seen(b).payload, cases[i].answer))
                fail_msg("%s: no %s in %s", cases[i].name, cases[i].answer, seen(b).payload);
        } else {
            eventually(stats(meter).ignored == 1);
        }
        expect_int(cases[i].name, atomic_load(&handled), cases[i].handled);
        escertke_mqtt_stop(meter, 1000);
        expect_int(cases[i].name, seen(b).publishes - published, cases[i].answer != NULL);
    }
}

static void what_is_too_large_is_ignored(void **state)
{
    escertke_mqtt *meter = start_meter(b);
    size_t len = 2 * ESCERTKE_PRIMITIVE_MAX + 1;
    char *large = malloc(len);

    (void)state;
    assert_non_null(large);
    memset(large, ' ', len);
    memcpy(large, REQUEST, strlen(REQUEST));
    broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", large, len, false);
    eventually(stats(meter).ignored == 1);
    assert_int_equal(stats(meter).requests, 0);
    broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", large, len - 1, false); /* past what is read as JSON: no rqi */
    eventually(stats(meter).ignored == 2);
    inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST);
    eventually(atomic_load(&handled) == 1);
    free(large);
    escertke_mqtt_stop(meter, 1000);
}

static void a_retained_request_is_ignored(void **state)
{
    escertke_mqtt *meter = start_meter(b);

    (void)state;
    broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST, strlen(REQUEST), true);
    eventually(stats(meter).ignored == 1);
    assert_int_equal(atomic_load(&handled), 0);
    escertke_mqtt_stop(meter, 1000);
}

/* Delivered again while it is handled, and after: handled once, answered with the same octets. */
static void a_repeat_is_handled_once(void **state)
{
    escertke_mqtt *meter = start_meter(b);
    struct broker_seen first, again;

    (void)state;
    atomic_store(&held, true);
    inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST);
    inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST);
    eventually(stats(meter).repeats == 1);
    assert_int_equal(seen(b).publishes, 0);
    atomic_store(&held, false);
    eventually(seen(b).publishes == 1);
    first = seen(b);
    inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST);
    eventually(seen(b).publishes == 2);
    again = seen(b);
    expect_text("topic", again.last_topic, first.last_topic);
    expect_text("payload", again.payload, first.payload);
    assert_int_equal(atomic_load(&handled), 1);
    inject("/oneM2M/req/in1/in1:Cmeter/json", REQUEST); /* somebody else's */
    eventually(atomic_load(&handled) == 2);
    assert_int_equal(stats(meter).repeats, 2);
    escertke_mqtt_stop(meter, 1000);
}

static void more_than_can_wait_is_turned_away(void **state)
{
    escertke_mqtt *meter;
    char text[sizeof REQUEST + 8];

    (void)state;
    atomic_store(&handled, 0);
    atomic_store(&sleep_ms, 0);
    atomic_store(&held, true);
    meter = start_up((escertke_mqtt_config){ .self = METER, .handler = echo, .workers = 1 }, broker_url(b));
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "{\"op\":5,\"to\":\"a\",\"fr\":\"Cpanel\",\"rqi\":\"r%d\"}", i);
        inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", text);
    }
    eventually(stats(meter).requests == 40);
    eventually(stats(meter).turned_away >= 40 - 17);
    eventually(seen(b).publishes == stats(meter).turned_away);
    assert_non_null(strstr(seen(b).payload, "\"rsc\":5000"));
    atomic_store(&held, false);
    eventually(seen(b).publishes == 40);
    assert_int_equal(atomic_load(&handled), 40 - stats(meter).turned_away);
    escertke_mqtt_stop(meter, 1000);
}

static void no_answer(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    const char *content = ctx;

    (void)req;
    (void)now;
    if (!content)
        return;
    rsp->rsc = 2000;
    assert_int_equal(escertke_buf_append(&rsp->content, content, strlen(content)), ESCERTKE_OK);
}

/* A handler that gives no answer, or one that cannot be written. */
static void a_bad_handler_is_an_internal_error(void **state)
{
    static char not_json[] = "this is not JSON";
    char *const answers[] = { NULL, not_json };

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        escertke_mqtt *meter =
            start_up((escertke_mqtt_config){ .self = METER, .handler = no_answer, .handler_ctx = answers[i] }, broker_url(b));
        unsigned published = seen(b).publishes;
        inject("/oneM2M/req/in1:Cpanel/in1:Cmeter/json", REQUEST);
        eventually(seen(b).publishes == published + 1);
        if (!strstr(seen(b).payload, "\"rsc\":5000,\"rqi\":\"r1\""))
            fail_msg("%s", seen(b).payload);
        escertke_mqtt_stop(meter, 1000);
    }
}

static void a_cse_takes_registrations(void **state)
{
    static const char create[] = "{\"op\":1,\"to\":\"/in1/-\",\"rqi\":\"r1\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"api\":\"N1\"}}}";
    escertke_mqtt *cse;
    struct broker_seen s;

    (void)state;
    atomic_store(&handled, 0);
    atomic_store(&held, false);
    cse = start_up((escertke_mqtt_config){ .self = "//sp.org/in1", .is_cse = true, .handler = echo }, broker_url(b));
    s = seen(b);
    expect_text("Client Identifier", s.client_id, "C::/in1");
    expect_text("topics", s.topics,
                "/oneM2M/resp/in1/# /oneM2M/req/+/in1/# /oneM2M/reg_req/+/in1/# /oneM2M/resp/:sp.org:in1/# "
                "/oneM2M/req/+/:sp.org:in1/# /oneM2M/reg_req/+/:sp.org:in1/#");
    inject("/oneM2M/reg_req/33-x/in1/json", create);
    eventually(seen(b).publishes == 1);
    expect_text("answer", seen(b).last_topic, "/oneM2M/reg_resp/33-x/in1/json");
    assert_int_equal(atomic_load(&handled), 1);
    inject("/oneM2M/reg_req/33-y/in1/json", REQUEST); /* no Create */
    eventually(seen(b).publishes == 2);
    assert_non_null(strstr(seen(b).payload, "\"rsc\":4000"));
    assert_int_equal(atomic_load(&handled), 1);
    escertke_mqtt_stop(cse, 1000);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(answers_what_it_should),
        CASE(what_is_too_large_is_ignored),
        CASE(a_retained_request_is_ignored),
        CASE(a_repeat_is_handled_once),
        CASE(more_than_can_wait_is_turned_away),
        CASE(a_bad_handler_is_an_internal_error),
        CASE(a_cse_takes_registrations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The connection: what it says to the broker, and what it does when the broker does not do its part. */
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

static void says_what_the_standard_asks_for(void **state)
{
    escertke_mqtt *m = start_up((escertke_mqtt_config){ .self = METER, .handler = echo, .keepalive_s = 77 }, broker_url(b));
    struct broker_seen s = seen(b);

    (void)state;
    assert_int_equal(s.level, 4);         /* MQTT 3.1.1 */
    assert_int_equal(s.connect_flags, 0); /* no clean session, no will, no user (R-BM-1) */
    assert_int_equal(s.keepalive, 77);
    expect_text("Client Identifier", s.client_id, "A::/in1/Cmeter");
    expect_text("topics", s.topics,
                "/oneM2M/resp/in1:Cmeter/# /oneM2M/req/+/in1:Cmeter/# /oneM2M/resp/Cmeter/# /oneM2M/req/+/Cmeter/# "
                "/oneM2M/reg_resp/in1:Cmeter/#");
    escertke_mqtt_stop(m, 1000);
    eventually(seen(b).disconnects == 1);
}

static void says_what_it_is_told(void **state)
{
    char url[100];
    escertke_mqtt *m;
    struct broker_seen s;

    (void)state;
    snprintf(url, sizeof url, "%s/plant/7", broker_url(b));
    m = start_up((escertke_mqtt_config){ .self = "//sp.org/S5f0e", .client_id = "another", .user = "me", .password = "secret" }, url);
    s = seen(b);
    expect_text("Client Identifier", s.client_id, "another");
    expect_text("user", s.user, "me");
    expect_text("password", s.password, "secret");
    assert_int_equal(s.connect_flags, 0xC0);
    expect_text("topics", s.topics,
                "/plant/7/oneM2M/resp/S5f0e/# /plant/7/oneM2M/resp/:sp.org:S5f0e/# /plant/7/oneM2M/reg_resp/S5f0e/#");
    expect_text("URL", escertke_mqtt_url(m), url);
    escertke_mqtt_stop(m, 1000);
}

static const struct {
    const char *name, *why;
    struct broker_faults faults;
} refusals[] = {
    { "not authorised", "refuses the connection", { .connack = 5 } },
    { "Client Identifier refused", "refuses the connection", { .connack = 2 } },
    { "topic refused", "refuses the topic: /oneM2M/", { .suback_refuses = true } },
    { "closed at once", "", { .close_at = BROKER_AT_ACCEPT } },
    { "closed at CONNECT", "", { .close_at = BROKER_AT_CONNECT } },
    { "closed at SUBSCRIBE", "connection was lost", { .close_at = BROKER_AT_SUBSCRIBE } },
    { "silent", "in time", { .mute = true } },
    { "no broker", "", { .garbage = true } },
};

static void says_why_it_is_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        escertke_mqtt *m;
        escertke_detail d;
        escertke_detail_init(&d);
        broker_set(b, &refusals[i].faults);
        m = start_with((escertke_mqtt_config){ .self = PANEL, .connect_timeout_ms = 300 }, broker_url(b));
        expect_err(refusals[i].name, escertke_mqtt_wait(m, 600, &d), ESCERTKE_ERR_UNREACHABLE, &d);
        if (!strstr(d.reason, refusals[i].why) || strstr(d.reason, "not connected yet"))
            fail_msg("%s: no \"%s\" in \"%s\"", refusals[i].name, refusals[i].why, d.reason);
        broker_set(b, &(struct broker_faults){ 0 });
        escertke_detail_init(&d);
        expect_err(refusals[i].name, escertke_mqtt_wait(m, PATIENCE_MS, &d), ESCERTKE_OK, &d); /* and it comes back */
        escertke_mqtt_stop(m, 1000);
    }
}

/* Wherever the connection breaks, each request is handled once and answered. */
static const struct {
    const char *name;
    enum broker_step step;
    int times;
} breaks[] = {
    { "at PUBLISH", BROKER_AT_PUBLISH, 1 },        { "twice at PUBLISH", BROKER_AT_PUBLISH, 2 },
    { "before PUBACK", BROKER_AT_PUBACK, 1 },      { "before both PUBACKs", BROKER_AT_PUBACK, 2 },
    { "after PUBACK", BROKER_AFTER_PUBACK, 1 },    { "after both PUBACKs", BROKER_AFTER_PUBACK, 2 },
};

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(breaks); i++) {
        escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
        escertke_detail d;
        int rsc;
        broker_set(b, &(struct broker_faults){ .close_at = breaks[i].step, .close_times = breaks[i].times });
        expect_err(breaks[i].name, notify(panel, "r1", &rsc, &d), ESCERTKE_OK, &d);
        assert_int_equal(rsc, 2000);
        expect_int(breaks[i].name, atomic_load(&handled), 1);
        eventually(stats(meter).connections + stats(panel).connections >= 3);
        broker_set(b, &(struct broker_faults){ 0 });
        escertke_mqtt_stop(panel, 1000);
        escertke_mqtt_stop(meter, 1000);
    }
}

static void a_broker_that_is_restarted(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
    escertke_detail d;
    int rsc;

    (void)state;
    for (int lose = 0; lose < 2; lose++) {
        broker_down(b, lose);
        eventually(!stats(meter).up && !stats(panel).up);
        broker_up(b);
        eventually(stats(meter).up);
        expect_err("after a restart", notify(panel, lose ? "r2" : "r1", &rsc, &d), ESCERTKE_OK, &d);
        assert_int_equal(rsc, 2000);
    }
    assert_int_equal(stats(meter).connections, 3);
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

/* What is answered while there is no connection is sent when there is one. */
static void an_answer_waits_for_the_broker(void **state)
{
    escertke_mqtt *meter = start_meter(b);
    static const char request[] = "{\"op\":5,\"to\":\"a\",\"fr\":\"Cpanel\",\"rqi\":\"r1\"}";

    (void)state;
    atomic_store(&held, true);
    broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", request, sizeof request - 1, false);
    eventually(stats(meter).requests == 1);
    broker_down(b, false);
    eventually(!stats(meter).up);
    atomic_store(&held, false);
    eventually(stats(meter).waiting == 1);
    broker_up(b);
    eventually(seen(b).publishes >= 1); /* twice, if the broker did not hear that the request had arrived */
    assert_non_null(strstr(seen(b).payload, "\"rqi\":\"r1\""));
    escertke_mqtt_stop(meter, 1000);
}

/* The end-point stops; what comes meanwhile waits at the broker for the next one of its name. */
static void the_session_persists(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel;
    escertke_detail d;
    int rsc;

    (void)state;
    escertke_mqtt_stop(meter, 1000);
    panel = start_up((escertke_mqtt_config){ .self = PANEL, .timeout_ms = 200 }, broker_url(b));
    expect_err("nobody there", notify(panel, "r1", &rsc, &d), ESCERTKE_ERR_DEADLINE, &d);
    meter = start_meter(b);
    eventually(atomic_load(&handled) == 1);
    eventually(stats(panel).ignored == 1); /* too late */
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

static void what_runs_is_answered_before_it_stops(void **state)
{
    escertke_mqtt *meter = start_meter(b);
    static const char request[] = "{\"op\":5,\"to\":\"a\",\"fr\":\"Cpanel\",\"rqi\":\"r1\"}";

    (void)state;
    atomic_store(&sleep_ms, 300);
    broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", request, sizeof request - 1, false);
    eventually(atomic_load(&entered) == 1);
    escertke_mqtt_stop(meter, PATIENCE_MS);
    assert_int_equal(seen(b).publishes, 1);
    assert_non_null(strstr(seen(b).payload, "\"rsc\":2000"));
}

static uint64_t mono_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

static void stops_soon_whatever_the_broker_does(void **state)
{
    static const struct broker_faults faults[] = { { .mute = true }, { .close_at = BROKER_AT_ACCEPT }, { .connack = 3 } };

    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        escertke_mqtt *m;
        uint64_t before;
        broker_set(b, &faults[i]);
        m = start_with((escertke_mqtt_config){ .self = METER, .handler = echo }, broker_url(b));
        pause_ms(50);
        before = mono_ms();
        escertke_mqtt_stop(m, 200);
        assert_true(mono_ms() - before < 5000);
    }
}

/* A broker that takes messages and confirms none: not more than some of them are under way, the others wait. */
static void waits_for_confirmation(void **state)
{
    escertke_mqtt *meter = start_meter(b);
    char request[100];

    (void)state;
    broker_set(b, &(struct broker_faults){ .mute = true });
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof request, "{\"op\":5,\"to\":\"a\",\"fr\":\"Cpanel\",\"rqi\":\"r%d\"}", i);
        broker_inject(b, "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", request, strlen(request), false);
        eventually(stats(meter).requests == (unsigned)i + 1);
    }
    eventually(stats(meter).sent == 64);
    eventually(stats(meter).waiting == 36);
    pause_ms(50);
    assert_int_equal(seen(b).publishes, 64);
    escertke_mqtt_stop(meter, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(says_what_the_standard_asks_for),
        CASE(says_what_it_is_told),
        CASE(says_why_it_is_down),
        CASE(nothing_is_lost_or_doubled),
        CASE(a_broker_that_is_restarted),
        CASE(an_answer_waits_for_the_broker),
        CASE(the_session_persists),
        CASE(what_runs_is_answered_before_it_stops),
        CASE(stops_soon_whatever_the_broker_does),
        CASE(waits_for_confirmation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

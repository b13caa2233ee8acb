#include "mqtt_support.h"

static const struct {
    const char *name;
    escertke_mqtt_config cfg;
    escertke_err err;
} refused[] = {
    { "no URL", { .self = METER }, ESCERTKE_ERR_ARG },
    { "another scheme", { .url = "http://127.0.0.1", .self = METER }, ESCERTKE_ERR_ARG },
    { "a wildcard", { .url = "mqtt://127.0.0.1/+", .self = METER }, ESCERTKE_ERR_ARG },
    { "nobody", { .url = "mqtt://127.0.0.1" }, ESCERTKE_ERR_ARG },
    { "not Absolute", { .url = "mqtt://127.0.0.1", .self = "/in1/Cmeter" }, ESCERTKE_ERR_ARG },
    { "empty Client Identifier", { .url = "mqtt://127.0.0.1", .self = METER, .client_id = "" }, ESCERTKE_ERR_ARG },
    { "keep-alive", { .url = "mqtt://127.0.0.1", .self = METER, .keepalive_s = 4 }, ESCERTKE_ERR_ARG },
    { "Credential-ID", { .url = "mqtt://127.0.0.1", .self = METER, .credential_id = "a#" }, ESCERTKE_ERR_ARG },
    { "certificate alone", { .url = "mqtts://127.0.0.1", .self = METER, .tls_cert = { (const uint8_t *)"x", 1 } }, ESCERTKE_ERR_CREDENTIAL },
    { "anchors", { .url = "mqtts://127.0.0.1", .self = METER, .tls_trust = { (const uint8_t *)"x", 1 } }, ESCERTKE_ERR_CREDENTIAL },
};

static void refuses_what_cannot_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        escertke_mqtt *m = (escertke_mqtt *)&m;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(refused[i].name, escertke_mqtt_start(&refused[i].cfg, &m, &d), refused[i].err, &d);
        assert_true(d.reason[0]);
        if (refused[i].cfg.url)
            assert_null(m);
    }
    escertke_mqtt_stop(NULL, 0);
}

static atomic_uint ups, downs;

static void on_state(void *ctx, bool up, const char *why)
{
    assert_ptr_equal(ctx, &ups);
    assert_true(why[0]);
    atomic_fetch_add(up ? &ups : &downs, 1);
}

static void says_its_state(void **state)
{
    struct broker *b = broker_start();
    escertke_mqtt *m;

    (void)state;
    m = start_up((escertke_mqtt_config){ .self = METER, .on_state = on_state, .state_ctx = &ups }, broker_url(b));
    eventually(atomic_load(&ups) == 1);
    assert_true(stats(m).up);
    broker_down(b, true);
    eventually(atomic_load(&downs) >= 1);
    assert_false(stats(m).up);
    broker_up(b);
    eventually(atomic_load(&ups) == 2);
    escertke_mqtt_stop(m, 100);
    broker_stop(b);
}

static const char *const ignored[] = {
    "/oneM2M/req/in1:Cpanel/in1:Cmeter/json", /* no handler */
    "/oneM2M/resp/in1:Cmeter/in1:Cpanel/json",
    "/oneM2M/resp/in1:Cother/in1:Cpanel/json",
    "/oneM2M/reg_resp/in1:Cmeter/in1/json",
    "/oneM2M/reg_req/in1:Cpanel/in1:Cmeter/json",
    "/other",
    "$SYS/broker/uptime",
};

static void ignores_what_is_not_for_it(void **state)
{
    struct broker *b = broker_start();
    escertke_mqtt *m = start_up((escertke_mqtt_config){ .self = METER }, broker_url(b));

    (void)state;
    for (size_t i = 0; i < COUNT(ignored); i++)
        broker_inject(b, ignored[i], "{\"rsc\":2000,\"rqi\":\"r1\"}", 24, false);
    eventually(stats(m).ignored == COUNT(ignored));
    assert_int_equal(stats(m).requests, 0);
    escertke_mqtt_stop(m, 100);
    broker_stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refuses_what_cannot_work), cmocka_unit_test(says_its_state),
                                        cmocka_unit_test(ignores_what_is_not_for_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

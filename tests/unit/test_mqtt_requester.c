#include "mqtt_support.h"

#include <pthread.h>

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

static void asks_and_is_answered(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
    escertke_primitive req, rsp;
    escertke_detail d;

    (void)state;
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", "r1", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAAA=\"}}");
    set(&req.fr, "Cpanel");
    escertke_primitive_init(&rsp);
    escertke_detail_init(&d);
    expect_err("send", escertke_mqtt_send(panel, METER, &req, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(rsp.rsc, 2000);
    expect_text("rqi", rsp.rqi, "r1");
    expect_content("content", &rsp, "{\"m2m:dbg\":\"op=5 to=/in1/Cmeter fr=Cpanel in=40 by=mqtt:in1:Cpanel\"}");
    struct broker_seen s = seen(b);
    expect_text("topic", s.last_topic, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json");
    assert_int_equal(s.publish_flags & 7, 2); /* QoS 1, not retained (R-BM-3) */
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

static const struct {
    escertke_format format;
    const char *topic;
} formats[] = {
    { ESCERTKE_FORMAT_JSON, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json" },
    { ESCERTKE_FORMAT_XML, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/xml" },
    { ESCERTKE_FORMAT_CBOR, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/cbor" },
};

/* The handler answers in JSON; what goes over the wire is as the request was, and the requester understands it (R-BM-4). */
static void speaks_every_serialization(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);

    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        escertke_primitive req, rsp;
        escertke_detail d;
        char said[300];
        make_request(&req, ESCERTKE_OP_RETRIEVE, "/in1/Cmeter", "r1", NULL);
        set(&req.fr, "Cpanel");
        req.format = formats[i].format;
        escertke_primitive_init(&rsp);
        escertke_detail_init(&d);
        escertke_err err = escertke_mqtt_send(panel, METER, &req, &rsp, &d);
        if (err == ESCERTKE_OK) {
            assert_int_equal(rsp.rsc, 2000);
            assert_int_equal(rsp.format, formats[i].format);
            assert_true(escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), said, sizeof said));
            expect_text("content", said, "op=2 to=/in1/Cmeter fr=Cpanel in=0 by=mqtt:in1:Cpanel");
            expect_text("topic", seen(b).last_topic, formats[i].topic);
        } else { /* a build without it */
            assert_int_not_equal(formats[i].format, ESCERTKE_FORMAT_JSON);
            expect_err("unsupported", err, ESCERTKE_ERR_UNSUPPORTED, &d);
        }
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

static const struct {
    const char *name, *receiver, *rqi;
    escertke_op op;
    const char *rqet;
    escertke_err err;
} refusals[] = {
    { "no ID", "/in1/Cmeter", "r1", ESCERTKE_OP_NOTIFY, NULL, ESCERTKE_ERR_ARG },
    { "nobody", NULL, "r1", ESCERTKE_OP_NOTIFY, NULL, ESCERTKE_ERR_ARG },
    { "no operation", METER, "r1", ESCERTKE_OP_NONE, NULL, ESCERTKE_ERR_ARG },
    { "no rqi", METER, NULL, ESCERTKE_OP_NOTIFY, NULL, ESCERTKE_ERR_ARG },
    { "AE of another SP", "//other.org/in1/Cmeter", "r1", ESCERTKE_OP_NOTIFY, NULL, ESCERTKE_ERR_ARG },
    { "too late", METER, "r1", ESCERTKE_OP_NOTIFY, "20200101T000000", ESCERTKE_ERR_DEADLINE },
    { "soon too late", METER, "r1", ESCERTKE_OP_NOTIFY, "50", ESCERTKE_ERR_DEADLINE },
};

static void refuses_what_cannot_be_sent(void **state)
{
    escertke_mqtt *panel = start_panel(b);

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        escertke_primitive req, rsp;
        escertke_detail d;
        make_request(&req, refusals[i].op, "/in1/Cmeter", refusals[i].rqi, NULL);
        set(&req.rqet, refusals[i].rqet);
        escertke_primitive_init(&rsp);
        escertke_detail_init(&d);
        expect_err(refusals[i].name, escertke_mqtt_send(panel, refusals[i].receiver, &req, &rsp, &d), refusals[i].err, &d);
        assert_true(d.reason[0]);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    escertke_mqtt_stop(panel, 1000);
}

/* Nobody answers; then the wrong ones do. */
static const struct {
    const char *name, *topic, *payload;
} wrong[] = {
    { "another rqi", "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r2\"}" },
    { "no rqi", "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000}" },
    { "not JSON", "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "\x16\x03\x01" },
    { "empty", "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "" },
    { "somebody else", "/oneM2M/resp/in1:Cpanel/in1:Cother/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "for somebody else", "/oneM2M/resp/in1:Cother/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "turned round", "/oneM2M/resp/in1:Cmeter/in1:Cpanel/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "in a topic of registration", "/oneM2M/reg_resp/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "in a topic of requests", "/oneM2M/req/in1:Cmeter/in1:Cpanel/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "under another prefix", "/x/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "another application", "/home/lamp", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
    { "no such serialization", "/oneM2M/resp/in1:Cpanel/in1:Cmeter/text", "{\"rsc\":2000,\"rqi\":\"r1\"}" },
};

struct call {
    escertke_mqtt *panel;
    escertke_err err;
    int rsc;
    escertke_detail d;
    char rqi[16];
    pthread_t thread;
};

static void *call_thread(void *arg)
{
    struct call *c = arg;
    c->err = notify(c->panel, c->rqi, &c->rsc, &c->d);
    return NULL;
}

static void begin_call(struct call *c, escertke_mqtt *panel, const char *rqi)
{
    *c = (struct call){ .panel = panel };
    snprintf(c->rqi, sizeof c->rqi, "%s", rqi);
    assert_int_equal(pthread_create(&c->thread, NULL, call_thread, c), 0);
}

static void only_its_own_response_counts(void **state)
{
    escertke_mqtt *panel = start_panel(b);
    struct call c;

    (void)state;
    begin_call(&c, panel, "r1");
    eventually(seen(b).publishes == 1);
    for (size_t i = 0; i < COUNT(wrong); i++)
        broker_inject(b, wrong[i].topic, wrong[i].payload, strlen(wrong[i].payload), false);
    broker_inject(b, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", "{\"rsc\":2000,\"rqi\":\"r1\"}", 24, true); /* retained */
    eventually(stats(panel).ignored == COUNT(wrong) + 1);
    static const char right[] = "{\"rsc\":2000,\"rqi\":\"r1\",\"rvi\":\"3\"}";
    broker_inject(b, "/oneM2M/resp/Cpanel/Cmeter/json", right, sizeof right - 1, false); /* the other form of both names */
    pthread_join(c.thread, NULL);
    expect_err("right", c.err, ESCERTKE_OK, &c.d);
    assert_int_equal(c.rsc, 2000);
    broker_inject(b, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", right, sizeof right - 1, false); /* too late, or a duplicate */
    eventually(stats(panel).ignored == COUNT(wrong) + 2);
    escertke_mqtt_stop(panel, 1000);
}

static const struct {
    const char *name, *payload;
    escertke_err err;
} unreadable[] = {
    { "rsc of another type", "{\"rsc\":\"x\",\"rqi\":\"r1\"}", ESCERTKE_ERR_PRIMITIVE },
    { "a request", "{\"op\":5,\"to\":\"a\",\"fr\":\"b\",\"rqi\":\"r1\"}", ESCERTKE_ERR_PRIMITIVE },
};

static void an_unreadable_response_is_an_error(void **state)
{
    escertke_mqtt *panel = start_panel(b);

    (void)state;
    for (size_t i = 0; i < COUNT(unreadable); i++) {
        struct call c;
        unsigned before = seen(b).publishes;
        begin_call(&c, panel, "r1");
        eventually(seen(b).publishes == before + 1);
        broker_inject(b, "/oneM2M/resp/in1:Cpanel/in1:Cmeter/json", unreadable[i].payload, strlen(unreadable[i].payload), false);
        pthread_join(c.thread, NULL);
        expect_err(unreadable[i].name, c.err, unreadable[i].err, &c.d);
    }
    escertke_mqtt_stop(panel, 1000);
}

static void answers_out_of_order_find_their_requests(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
    struct call calls[8];

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        char rqi[16];
        snprintf(rqi, sizeof rqi, "r%zu", i);
        broker_set(b, &(struct broker_faults){ .hold = true });
        begin_call(&calls[i], panel, rqi);
        eventually(seen(b).publishes == i + 1);
    }
    broker_set(b, &(struct broker_faults){ .copies = 1, .hold = true });
    broker_release(b);
    for (size_t i = 0; i < COUNT(calls); i++) {
        pthread_join(calls[i].thread, NULL);
        expect_err(calls[i].rqi, calls[i].err, ESCERTKE_OK, &calls[i].d);
    }
    assert_int_equal(atomic_load(&handled), COUNT(calls)); /* each came twice */
    eventually(stats(meter).repeats == COUNT(calls));
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

static void nobody_answers(void **state)
{
    escertke_mqtt *panel = start_up((escertke_mqtt_config){ .self = PANEL, .timeout_ms = 100 }, broker_url(b));
    escertke_detail d;
    int rsc;

    (void)state;
    expect_err("silence", notify(panel, "r1", &rsc, &d), ESCERTKE_ERR_DEADLINE, &d);
    assert_non_null(strstr(d.reason, METER));
    escertke_mqtt_stop(panel, 0);
}

/* The broker confirms a request, forgets it, and ends: with it everybody's sessions. It is asked again, and handled once. */
static void what_a_broker_forgets_is_asked_again(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
    struct call call;

    (void)state;
    broker_set(b, &(struct broker_faults){ .drop = true });
    begin_call(&call, panel, "r1");
    eventually(seen(b).publishes == 1);
    pause_ms(1200); /* it is waited for a while */
    assert_int_equal(seen(b).publishes, 1);
    assert_int_equal(atomic_load(&handled), 0);
    broker_set(b, &(struct broker_faults){ 0 });
    broker_down(b, true);
    broker_up(b);
    pthread_join(call.thread, NULL);
    expect_err("asked again", call.err, ESCERTKE_OK, &call.d);
    assert_int_equal(atomic_load(&handled), 1);
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

/* The broker has forgotten who listens: it is asked again over the same connection. */
static void silence_is_asked_again(void **state)
{
    escertke_mqtt *meter = start_meter(b), *panel = start_panel(b);
    struct call call;

    (void)state;
    broker_set(b, &(struct broker_faults){ .drop = true });
    begin_call(&call, panel, "r1");
    eventually(seen(b).publishes == 1);
    broker_set(b, &(struct broker_faults){ 0 });
    pthread_join(call.thread, NULL);
    expect_err("asked again", call.err, ESCERTKE_OK, &call.d);
    assert_int_equal(atomic_load(&handled), 1);
    assert_int_equal(seen(b).publishes, 3);
    escertke_mqtt_stop(panel, 1000);
    escertke_mqtt_stop(meter, 1000);
}

static void without_a_broker(void **state)
{
    escertke_mqtt *panel;
    escertke_detail d;
    int rsc;

    (void)state;
    broker_down(b, true);
    panel = start_with((escertke_mqtt_config){ .self = PANEL, .connect_timeout_ms = 200 }, broker_url(b));
    expect_err("down", notify(panel, "r1", &rsc, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    if (!strstr(d.reason, "refused"))
        fail_msg("%s", d.reason);
    assert_int_equal(stats(panel).waiting, 0);
    escertke_mqtt_stop(panel, 0);
}

/* A registration's originator is the Credential-ID, and so is its answer's. */
static void registers_under_a_credential(void **state)
{
    static const struct {
        const char *credential, *topic, *answer;
    } cases[] = {
        { NULL, "/oneM2M/reg_req/in1:Cpanel/in1/json", "/oneM2M/reg_resp/in1:Cpanel/in1/json" },
        { "33-/in1/Cpanel", "/oneM2M/reg_req/33-:in1:Cpanel/in1/json", "/oneM2M/reg_resp/33-:in1:Cpanel/in1/json" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_mqtt *panel =
            start_up((escertke_mqtt_config){ .self = PANEL, .credential_id = cases[i].credential, .timeout_ms = 150 }, broker_url(b));
        escertke_primitive req, rsp;
        escertke_detail d;
        make_request(&req, ESCERTKE_OP_CREATE, "/in1/-", "r1", "{\"m2m:ae\":{}}");
        req.ty = 2;
        escertke_primitive_init(&rsp);
        escertke_detail_init(&d);
        expect_err("nobody there", escertke_mqtt_send(panel, "//sp.org/in1", &req, &rsp, &d), ESCERTKE_ERR_DEADLINE, &d);
        expect_text("topic", seen(b).last_topic, cases[i].topic);
        assert_non_null(strstr(seen(b).topics, "/oneM2M/reg_resp/"));
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
        escertke_mqtt_stop(panel, 0);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(asks_and_is_answered),
        CASE(speaks_every_serialization),
        CASE(refuses_what_cannot_be_sent),
        CASE(only_its_own_response_counts),
        CASE(an_unreadable_response_is_an_error),
        CASE(answers_out_of_order_find_their_requests),
        CASE(nobody_answers),
        CASE(what_a_broker_forgets_is_asked_again),
        CASE(silence_is_asked_again),
        CASE(without_a_broker),
        CASE(registers_under_a_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

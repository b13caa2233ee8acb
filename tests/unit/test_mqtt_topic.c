#include "binding/mqtt_topic.h"

#include "binding_support.h"

/* ---- topics ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *topic, *prefix;
    enum esc_mqtt_kind kind;
    const char *originator, *receiver;
    escertke_format format;
} good[] = {
    /* R 10.6 */
    { "/oneM2M/req/mn1:Ca1b2c3/mn1/json", "", ESC_MQTT_REQ, "mn1:Ca1b2c3", "mn1", ESCERTKE_FORMAT_JSON },
    { "/oneM2M/req/in1/S5f0e/json", "", ESC_MQTT_REQ, "in1", "S5f0e", ESCERTKE_FORMAT_JSON },
    { "/oneM2M/resp/mn1/in1/json", "", ESC_MQTT_RESP, "mn1", "in1", ESCERTKE_FORMAT_JSON },
    { "/oneM2M/req/Ca1b2c3/mn1/xml", "", ESC_MQTT_REQ, "Ca1b2c3", "mn1", ESCERTKE_FORMAT_XML },
    { "/oneM2M/resp/:sp.org:in1/:other.org:in7/cbor", "", ESC_MQTT_RESP, ":sp.org:in1", ":other.org:in7", ESCERTKE_FORMAT_CBOR },
    { "/oneM2M/reg_req/33-:in1:Cmeter@x/in1/json", "", ESC_MQTT_REG_REQ, "33-:in1:Cmeter@x", "in1", ESCERTKE_FORMAT_JSON },
    { "/oneM2M/reg_resp/30-ab_c.d~/in1/cbor", "", ESC_MQTT_REG_RESP, "30-ab_c.d~", "in1", ESCERTKE_FORMAT_CBOR },
    { "/oneM2M/req/oneM2M/req/json", "", ESC_MQTT_REQ, "oneM2M", "req", ESCERTKE_FORMAT_JSON },
    { "/a/b/oneM2M/req/x/y/json", "/a/b", ESC_MQTT_REQ, "x", "y", ESCERTKE_FORMAT_JSON },
    { "/oneM2M/oneM2M/req/x/y/json", "/oneM2M", ESC_MQTT_REQ, "x", "y", ESCERTKE_FORMAT_JSON },
};

static void takes_topics_apart_and_makes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct esc_mqtt_topic t;
        char again[ESC_MQTT_TOPIC_MAX + 1];
        expect_err(good[i].topic, esc_mqtt_topic_parse(text_span(good[i].topic), good[i].prefix, &t), ESCERTKE_OK, NULL);
        expect_int(good[i].topic, t.kind, good[i].kind);
        expect_int(good[i].topic, t.format, good[i].format);
        assert_true(escertke_span_equal(t.originator, text_span(good[i].originator)));
        assert_true(escertke_span_equal(t.receiver, text_span(good[i].receiver)));
        expect_err(good[i].topic, esc_mqtt_topic_write(good[i].prefix, &t, again, sizeof again), ESCERTKE_OK, NULL);
        expect_text(good[i].topic, again, good[i].topic);
    }
}

static void a_registration_may_lack_its_serialization(void **state)
{
    struct esc_mqtt_topic t;
    char again[ESC_MQTT_TOPIC_MAX + 1];

    (void)state;
    assert_int_equal(esc_mqtt_topic_parse(text_span("/oneM2M/reg_req/10-abc/in1"), "", &t), ESCERTKE_OK);
    assert_int_equal(t.format, ESCERTKE_FORMAT_JSON);
    t.kind = esc_mqtt_answer_of(t.kind);
    assert_int_equal(esc_mqtt_topic_write("", &t, again, sizeof again), ESCERTKE_OK);
    assert_string_equal(again, "/oneM2M/reg_resp/10-abc/in1/json");
    assert_int_equal(esc_mqtt_answer_of(ESC_MQTT_REQ), ESC_MQTT_RESP);
    assert_int_equal(esc_mqtt_answer_of(ESC_MQTT_RESP), ESC_MQTT_REQ);
}

static const struct {
    const char *topic, *prefix;
    escertke_err err;
} bad[] = {
    { "", "", ESCERTKE_ERR_NOT_FOUND },
    { "/", "", ESCERTKE_ERR_NOT_FOUND },
    { "oneM2M/req/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/onem2m/req/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/re/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/reqs/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/oneM2M/req/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/req/a/b/json", "/p", ESCERTKE_ERR_NOT_FOUND },
    { "/pp/oneM2M/req/a/b/json", "/p", ESCERTKE_ERR_NOT_FOUND },
    { "/p/oneM2M/req/a/b/json", "", ESCERTKE_ERR_NOT_FOUND },
    { "/oneM2M/req", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a/", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req//b/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/+/b/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a/#", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a b/c/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a/\xc3\xa4/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a/b\n/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a%2Fb/c/json", "", ESCERTKE_ERR_ID },
    { "/oneM2M/req/a/b", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/resp/a/b", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/req/a/b/", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/req/a/b/JSON", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/req/a/b/text", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/req/a/b/json/", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/req/a/b/json/x", "", ESCERTKE_ERR_UNSUPPORTED },
    { "/oneM2M/reg_req/a/b/", "", ESCERTKE_ERR_UNSUPPORTED },
};

static void refuses_other_topics(void **state)
{
    char longest[ESC_MQTT_TOPIC_MAX + 40];
    struct esc_mqtt_topic t;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_err(bad[i].topic, esc_mqtt_topic_parse(text_span(bad[i].topic), bad[i].prefix, &t), bad[i].err, NULL);
    assert_int_equal(esc_mqtt_topic_parse((escertke_span){ (const uint8_t *)"/oneM2M/req/a\0b/c/json", 22 }, "", &t), ESCERTKE_ERR_ID);
    for (int len = ESC_MQTT_NAME_MAX; len <= ESC_MQTT_NAME_MAX + 1; len++) {
        snprintf(longest, sizeof longest, "/oneM2M/req/%0*d/in1/json", len, 1);
        expect_err("length", esc_mqtt_topic_parse(text_span(longest), "", &t),
                   len > ESC_MQTT_NAME_MAX ? ESCERTKE_ERR_ID : ESCERTKE_OK, NULL);
    }
    memset(longest, 'x', sizeof longest);
    assert_int_equal(esc_mqtt_topic_parse((escertke_span){ (uint8_t *)longest, sizeof longest }, "", &t), ESCERTKE_ERR_NOT_FOUND);
}

static void writes_no_other_topics(void **state)
{
    static const char *const names[] = { "", "a/b", "+", "#", "a+", "a b", "\xc3\xa4", "$" };
    struct esc_mqtt_topic t = { .format = ESCERTKE_FORMAT_JSON };
    char out[ESC_MQTT_TOPIC_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        t.originator = text_span(names[i]);
        t.receiver = text_span("in1");
        expect_err(names[i], esc_mqtt_topic_write("", &t, out, sizeof out), ESCERTKE_ERR_ARG, NULL);
        t.receiver = t.originator;
        t.originator = text_span("in1");
        expect_err(names[i], esc_mqtt_topic_write("", &t, out, sizeof out), ESCERTKE_ERR_ARG, NULL);
    }
    t.receiver = t.originator;
    assert_int_equal(esc_mqtt_topic_write("", &t, out, 24), ESCERTKE_ERR_ARG); /* "/oneM2M/req/in1/in1/json" has no room for its NUL */
    assert_int_equal(esc_mqtt_topic_write("", &t, out, 25), ESCERTKE_OK);
    t.format = (escertke_format)0;
    assert_int_equal(esc_mqtt_topic_write("", &t, out, sizeof out), ESCERTKE_ERR_ARG);
}

/* ---- names -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *id, *relative, *stem, *absolute;
} names[] = {
    { "//sp.org/mn1/Ca1b2c3", "mn1:Ca1b2c3", "Ca1b2c3", NULL },
    { "//sp.org/S5f0e", "S5f0e", NULL, ":sp.org:S5f0e" },
    { "//sp.org/in1", "in1", NULL, ":sp.org:in1" },
};

static void names_entities(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *const forms[ESC_MQTT_FORMS] = { names[i].relative, names[i].stem, names[i].absolute };
        escertke_id id;
        assert_int_equal(escertke_id_parse(text_span(names[i].id), &id), ESCERTKE_OK);
        for (int f = 0; f < ESC_MQTT_FORMS; f++) {
            char out[ESC_MQTT_NAME_MAX + 1];
            bool has = esc_mqtt_name(&id, (enum esc_mqtt_form)f, out);
            expect_text(names[i].id, has ? out : NULL, forms[f]);
            if (has)
                assert_true(esc_mqtt_name_means(text_span(out), &id));
        }
        assert_false(esc_mqtt_name_means(text_span("in2"), &id));
        assert_false(esc_mqtt_name_means(text_span(""), &id));
        assert_false(esc_mqtt_name_means(text_span("mn2:Ca1b2c3"), &id));
        assert_false(esc_mqtt_name_means(text_span("Ca1b2c"), &id));
    }
}

static const struct {
    const char *name, *from;
    bool may;
} speakers[] = {
    { "in1:Cinit", "Cinit", true },
    { "in1:Cinit", "/in1/Cinit", true },
    { "in1:Cinit", "//sp.org/in1/Cinit", true },
    { "in1:Cinit", "Cother", false },
    { "in1:Cinit", "/in1/Cother", false },
    { "in1:Cinit", "/in2/Cinit", false },
    { "in1:Cinit", "//sp.org/in2/Cinit", false },
    { "in1:Cinit", "/x/in1/Cinit", false },
    { "in1:Cinit", "in1/Cinit", false },
    { "in1:Cinit", "XCinit", false },
    { "in1:Cinit", "Cini", false },
    { "in1:Cinit", "S5f0e", false },
    { "in1:Cinit", "/in1", false },
    { "in1:Cinit", "", false },
    { "in1:Cinit", NULL, false },
    { "in1", NULL, false },
    { "in1", "/mn1/Cinit", true }, /* a CSE on the way */
    { "in1", "Cinit", true },
    { "S5f0e", "/mn1/Cinit", true }, /* might be a CSE's name as well */
    { "Cinit", "/mn1/Cother", true },
    { ":sp.org:in1", "//sp.org/in1/Cinit", true },
    { "in1:x", "Cinit", true },
    { "in1:C", "Cinit", true },
    { "in1:", "Cinit", true },
};

static void an_ae_speaks_for_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(speakers); i++)
        if (esc_mqtt_name_speaks_for(text_span(speakers[i].name), speakers[i].from) != speakers[i].may)
            fail_msg("%s %s for %s", speakers[i].name, speakers[i].may ? "does not speak" : "speaks",
                     speakers[i].from ? speakers[i].from : "nobody");
}

/* ---- URLs --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *url, *host, *prefix, *again;
    bool tls;
    unsigned port;
} urls[] = {
    { "mqtt://broker", "broker", "", "mqtt://broker:1883", false, 1883 },
    { "mqtts://broker.example.org/", "broker.example.org", "", "mqtts://broker.example.org:8883", true, 8883 },
    { "mqtt://127.0.0.1:18830/plant/7", "127.0.0.1", "/plant/7", "mqtt://127.0.0.1:18830/plant/7", false, 18830 },
    { "mqtts://[::1]:1/a%20b", "::1", "/a b", "mqtts://[::1]:1/a%20b", true, 1 },
};

static const char *const bad_urls[] = {
    "", "http://broker", "mqtt:broker", "mqtt://", "mqtt://broker:0", "mqtt://broker:65536", "mqtt://u:p@broker", "mqtt://b/+",
    "mqtt://b/a%2Bc", "mqtt://b/a%23", "mqtt://b/%0A", "mqtt://b/%c3%a4", "mqtt://b/$SYS", "mqtt://b/a//b", "mqtt://b/?x",
};

static void takes_urls_apart(void **state)
{
    struct esc_mqtt_url u;
    char again[2 * ESCERTKE_ID_MAX + 32];

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(urls[i].url, esc_mqtt_url_parse(urls[i].url, &u, &d), ESCERTKE_OK, &d);
        expect_text(urls[i].url, u.at.host, urls[i].host);
        expect_text(urls[i].url, u.prefix, urls[i].prefix);
        expect_int(urls[i].url, u.at.port, (long)urls[i].port);
        assert_int_equal(u.at.https, urls[i].tls);
        esc_mqtt_url_write(&u, again, sizeof again);
        expect_text(urls[i].url, again, urls[i].again);
    }
    for (size_t i = 0; i < COUNT(bad_urls); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(bad_urls[i], esc_mqtt_url_parse(bad_urls[i], &u, &d), ESCERTKE_ERR_ARG, &d);
        assert_true(d.reason[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_topics_apart_and_makes_them),
        cmocka_unit_test(a_registration_may_lack_its_serialization),
        cmocka_unit_test(refuses_other_topics),
        cmocka_unit_test(writes_no_other_topics),
        cmocka_unit_test(names_entities),
        cmocka_unit_test(an_ae_speaks_for_itself),
        cmocka_unit_test(takes_urls_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A primitive as the content of another one, in every serialization. */
#include "m2m/nested.h"

#include "m2m_support.h"

static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };

static const struct {
    const char *name, *content;
    bool request;
    escertke_err err;
    const char *rqi, *says;
} cases[] = {
    { "request of R 10.8",
      "{\"m2m:rqp\":{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"/mn1/Ca1b2c3\",\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{"
      "\"sit\":6,\"eckm\":\"FgMB\"}},\"rvi\":\"3\"}}",
      true, ESCERTKE_OK, "Ca1b2c3/A0001", NULL },
    { "response of R 10.8",
      "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMD\"}},\"rvi\":\"3\"}}", false,
      ESCERTKE_OK, "Ca1b2c3/A0001", NULL },
    { "a response for a request", "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"1\"}}", true, ESCERTKE_ERR_PRIMITIVE, NULL, "expected an object m2m:rqp" },
    { "rsc in a request", "{\"m2m:rqp\":{\"rsc\":2000,\"rqi\":\"1\"}}", true, ESCERTKE_ERR_PRIMITIVE, NULL, "expected op, found the other" },
    { "op in a response", "{\"m2m:rsp\":{\"op\":2,\"to\":\"a\",\"fr\":\"b\",\"rqi\":\"1\"}}", false, ESCERTKE_ERR_PRIMITIVE, NULL,
      "expected rsc, found the other" },
    { "a list of requests", "{\"m2m:agrp\":[{\"op\":2}]}", true, ESCERTKE_ERR_PRIMITIVE, NULL, "expected an object m2m:rqp" },
    { "no object", "{\"m2m:rqp\":\"x\"}", true, ESCERTKE_ERR_PRIMITIVE, NULL, "found string m2m:rqp" },
    { "no rqi", "{\"m2m:rqp\":{\"op\":2,\"to\":\"a\",\"fr\":\"b\"}}", true, ESCERTKE_ERR_PRIMITIVE, NULL, "rqi" },
    { "rqi to be repeated", "{\"m2m:rqp\":{\"op\":9,\"to\":\"a\",\"fr\":\"b\",\"rqi\":\"7\"}}", true, ESCERTKE_ERR_PRIMITIVE, "7", "op" },
    { "no JSON", "{\"m2m:rqp\":", true, ESCERTKE_ERR_JSON, NULL, "" },
    { "two members", "{\"m2m:rqp\":{},\"m2m:rsp\":{}}", true, ESCERTKE_ERR_JSON, NULL, "one member" },
};

static void reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_err err = esc_nested_read(ESCERTKE_FORMAT_JSON, escertke_span_str(cases[i].content), cases[i].request, &p, &d);
        if (err != cases[i].err || !p.rqi != !cases[i].rqi || (p.rqi && strcmp(p.rqi, cases[i].rqi) != 0) ||
            (cases[i].says && !strstr(d.reason, cases[i].says)))
            fail_msg("%s: %s, rqi %s: %s", cases[i].name, escertke_err_name(err), p.rqi ? p.rqi : "none", d.reason);
        if (err != ESCERTKE_OK && (p.op || p.rsc || p.to || p.content.len))
            fail_msg("%s: something is left of it", cases[i].name);
        escertke_primitive_clear(&p);
    }
}

static void round_trips(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        if (!escertke_format_available(formats[f]))
            continue;
        for (size_t i = 0; i < 2; i++) {
            escertke_primitive p, again;
            escertke_buf out, json;
            escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
            escertke_buf_init(&json, ESCERTKE_PRIMITIVE_MAX);
            assert_int_equal(
                esc_nested_read(ESCERTKE_FORMAT_JSON, escertke_span_str(cases[i].content), cases[i].request, &p, NULL), ESCERTKE_OK);
            assert_int_equal(esc_nested_write(formats[f], &p, &out), ESCERTKE_OK);
            assert_int_equal(esc_nested_read(formats[f], escertke_buf_span(&out), cases[i].request, &again, NULL), ESCERTKE_OK);
            assert_int_equal(esc_nested_write(ESCERTKE_FORMAT_JSON, &again, &json), ESCERTKE_OK);
            if (json.len != strlen(cases[i].content) || memcmp(json.ptr, cases[i].content, json.len) != 0)
                fail_msg("%s in %s: %.*s", cases[i].name, escertke_format_name(formats[f]), (int)json.len, (const char *)json.ptr);
            escertke_primitive_clear(&p);
            escertke_primitive_clear(&again);
            escertke_buf_free(&out);
            escertke_buf_free(&json);
        }
    }
}

static void writes_what_is_whole(void **state)
{
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
    escertke_primitive_init(&p);
    assert_int_equal(esc_nested_write(ESCERTKE_FORMAT_JSON, &p, &out), ESCERTKE_ERR_PRIMITIVE);
    p.rsc = 2000;
    assert_int_equal(esc_nested_write(ESCERTKE_FORMAT_JSON, &p, &out), ESCERTKE_ERR_PRIMITIVE); /* no rqi */
    assert_int_equal(out.len, 0);
    escertke_primitive_clear(&p);
    escertke_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(round_trips), cmocka_unit_test(writes_what_is_whole) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

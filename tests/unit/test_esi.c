#include "m2m_support.h"

#include <escertke/m2m.h>

#define ESRO "{\"esri\":\"s-1\",\"esrv\":\"r0\",\"esrx\":\"20300101T000000\",\"esks\":[1],\"espa\":[12]}"

static const struct {
    const char *text;
    escertke_err expected;
    const char *says; /* in the detail */
} cases[] = {
    { "{\"esf\":[43]}", ESCERTKE_OK, NULL },
    { "{\"esf\":[43.0,13]}", ESCERTKE_OK, NULL },
    { "{\"esf\":[10,11,12,13,14,15,21,22,23,24,25,32,33,34,35,40,41,42,43,44,45]}", ESCERTKE_OK, NULL },
    { "{\"esf\":[43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43,43]}",
      ESCERTKE_OK, NULL },
    { "{\"esf\":[43],\"escert\":[],\"esro\":" ESRO ",\"new\":5}", ESCERTKE_OK, NULL },
    { "{\"esf\":[43],\"escert\":[\"MAA=\",\"MAMCAQU=\"]}", ESCERTKE_OK, NULL },
    { "{}", ESCERTKE_ERR_SECINFO, "esf" },
    { "{\"esf\":[]}", ESCERTKE_ERR_SECINFO, "esf" },
    { "{\"esf\":43}", ESCERTKE_ERR_SECINFO, "esf" },
    { "{\"esf\":\"43\"}", ESCERTKE_ERR_SECINFO, "esf" },
    { "{\"esf\":[\"43\"]}", ESCERTKE_ERR_SECINFO, "place 1" },
    { "{\"esf\":[43,20]}", ESCERTKE_ERR_SECINFO, "place 2" },
    { "{\"esf\":[30]}", ESCERTKE_ERR_SECINFO, "SUID" },
    { "{\"esf\":[31]}", ESCERTKE_ERR_SECINFO, "SUID" }, /* */
    { "{\"esf\":[46]}", ESCERTKE_ERR_SECINFO, "SUID" },
    { "{\"esf\":[299]}", ESCERTKE_ERR_SECINFO, "SUID" }, /* 43 in eight bits */
    { "{\"esf\":[43.5]}", ESCERTKE_ERR_SECINFO, "SUID" },
    { "{\"esf\":[43],\"escert\":\"MAA=\"}", ESCERTKE_ERR_SECINFO, "escert" },
    { "{\"esf\":[43],\"escert\":[\"MAA=\",\"M-A=\"]}", ESCERTKE_ERR_SECINFO, "place 2" },
    { "{\"esf\":[43],\"escert\":[\"\"]}", ESCERTKE_ERR_SECINFO, "escert" },
    { "{\"esf\":[43],\"escert\":[\"AgEF\"]}", ESCERTKE_ERR_SECINFO, "escert" },
    { "{\"esf\":[43],\"escert\":[5]}", ESCERTKE_ERR_SECINFO, "escert" },
    { "{\"esf\":[43],\"esro\":{}}", ESCERTKE_ERR_SECINFO, "esri" },
    { "{\"esf\":[43],\"esro\":null}", ESCERTKE_ERR_SECINFO, "rand object" },
    { "[43]", ESCERTKE_ERR_SECINFO, "object" },
    { "{\"esf\":[43],\"esf\":[43]}", ESCERTKE_ERR_JSON, "twice" },
    { "\"43\"", ESCERTKE_ERR_JSON, "" },
};

static void parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_detail d;
        escertke_esi esi;
        escertke_detail_init(&d);
        expect_err(cases[i].text, escertke_esi_parse_json(escertke_span_str(cases[i].text), &esi, &d), cases[i].expected);
        assert_int_equal(escertke_esi_has(&esi, 43), cases[i].expected == ESCERTKE_OK);
        if (cases[i].says && !strstr(d.reason, cases[i].says))
            fail_msg("%s: %s", cases[i].text, d.reason);
    }
}

static void values(void **state)
{
    escertke_esi esi;

    (void)state;
    assert_int_equal(escertke_esi_parse_json(escertke_span_str("{\"esf\":[13,43,13],\"esro\":" ESRO "}"), &esi, NULL),
                     ESCERTKE_OK);
    assert_int_equal(esi.esf_count, 2);
    assert_true(escertke_esi_has(&esi, ESCERTKE_SUID_ESCERTKE));
    assert_true(escertke_esi_has(&esi, 13));
    assert_false(escertke_esi_has(&esi, 44));
    assert_true(esi.has_esro);
    assert_string_equal(esi.esro.esri, "s-1");
    assert_int_equal(escertke_esi_parse_json(escertke_span_str("{\"esf\":[13]}"), &esi, NULL), ESCERTKE_OK);
    assert_false(escertke_esi_has(&esi, ESCERTKE_SUID_ESCERTKE));
    assert_false(esi.has_esro);
}

static void writes(void **state)
{
    escertke_esi esi = { .esf = { 43 }, .esf_count = 1 };
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 200);
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_OK);
    assert_buf_text(&out, "{\"esf\":[43]}");
    escertke_buf_reset(&out);
    assert_int_equal(escertke_esi_parse_json(escertke_span_str("{\"esro\":" ESRO ",\"esf\":[43,13]}"), &esi, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_OK);
    assert_buf_text(&out, "{\"esf\":[43,13],\"esro\":" ESRO "}");
    escertke_buf_reset(&out);
    esi.esf[0] = 20;
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_ERR_SECINFO);
    esi.esf_count = 0;
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_ERR_SECINFO);
    esi.esf_count = sizeof esi.esf + 1;
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_ERR_SECINFO);
    assert_int_equal(out.len, 0);
    escertke_buf_free(&out);
    escertke_buf_init(&out, 5);
    esi = (escertke_esi){ .esf = { 43 }, .esf_count = 1 };
    assert_int_equal(escertke_esi_write_json(&esi, &out), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    escertke_buf_free(&out);
}

static const struct {
    const char *content;
    escertke_err expected;
} resources[] = {
    { "{\"m2m:ae\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:cb\":{\"rn\":\"x\",\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:csr\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:aeA\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:cbA\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:csrA\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_OK },
    { "{\"m2m:ae\":{\"rn\":\"x\"}}", ESCERTKE_ERR_NOT_FOUND },
    { "{\"m2m:ae\":{}}", ESCERTKE_ERR_NOT_FOUND },
    { "{\"m2m:ae\":{\"esi\":null}}", ESCERTKE_ERR_NOT_FOUND },
    { "{\"m2m:ae\":{\"esi\":\"43\"}}", ESCERTKE_ERR_SECINFO },
    { "{\"m2m:ae\":{\"esi\":{}}}", ESCERTKE_ERR_SECINFO },
    { "{\"m2m:ae\":5}", ESCERTKE_ERR_SECINFO },
    { "{\"m2m:cnt\":{\"esi\":{\"esf\":[43]}}}", ESCERTKE_ERR_SECINFO },
    { "{\"m2m:dbg\":\"no\"}", ESCERTKE_ERR_SECINFO },
    { "{\"esi\":{\"esf\":[43]}}", ESCERTKE_ERR_SECINFO },
    { "{\"m2m:ae\":{\"esi\":{\"esf\":[43]}},\"x\":1}", ESCERTKE_ERR_JSON },
    { "", ESCERTKE_ERR_JSON },
    { "x", ESCERTKE_ERR_JSON },
};

static void find(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(resources); i++) {
        escertke_span content = escertke_span_str(resources[i].content);
        escertke_esi esi;
        expect_err(resources[i].content, escertke_esi_find(ESCERTKE_FORMAT_JSON, content, &esi, NULL), resources[i].expected);
        assert_int_equal(escertke_esi_has(&esi, 43), resources[i].expected == ESCERTKE_OK);
    }
    escertke_esi esi;
    assert_int_equal(escertke_esi_find((escertke_format)4, escertke_span_str("<x/>"), &esi, NULL), ESCERTKE_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(values),
        cmocka_unit_test(writes),
        cmocka_unit_test(find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "m2m_support.h"

#include "m2m/rand_object.h"

/* Vector V-2, the receiver object: 108 bytes that key the session. */
static const char v2[] = "{\"esri\":\"u-3f1c\",\"esrv\":\"r00112233445566778899aabbccddeeff\",\"esrx\":\"20300101T000000\","
                         "\"esks\":[1],\"espa\":[12]}";

static escertke_err parse(const char *text, escertke_rand_object *out, escertke_detail *d)
{
    json_t *v;
    escertke_err err = esc_json_load(escertke_span_str(text), &v, NULL);

    assert_int_equal(err, ESCERTKE_OK);
    err = esc_rand_object_parse(v, out, d);
    json_decref(v);
    return err;
}

static escertke_err write(const escertke_rand_object *o, escertke_buf *out)
{
    struct esc_json_writer w = esc_json_write_begin(out);

    esc_rand_object_write(&w, o);
    return esc_json_write_end(&w);
}

static void canonical_form_of_v2(void **state)
{
    escertke_rand_object o;
    escertke_buf out;

    (void)state;
    assert_int_equal(strlen(v2), 108);
    assert_int_equal(parse(v2, &o, NULL), ESCERTKE_OK);
    assert_string_equal(o.esri, "u-3f1c");
    assert_string_equal(o.esrv, "r00112233445566778899aabbccddeeff");
    assert_string_equal(o.esrx, "20300101T000000");
    assert_int_equal(o.esks_count, 1);
    assert_int_equal(o.esks[0], 1);
    assert_int_equal(o.espa_count, 1);
    assert_int_equal(o.espa[0], 12);
    escertke_buf_init(&out, 108);
    assert_int_equal(write(&o, &out), ESCERTKE_OK);
    assert_buf_text(&out, v2);
    escertke_buf_free(&out);
}

static void order_and_numbers_become_canonical(void **state)
{
    static const char text[] =
        "{ \"espa\" : [ 10, 11.0, 12 ], \"new\":{}, \"esks\":[1.0], \"esrx\":-5000, \"esrv\":\"_v.1-2\",\"esri\":\"i\"}";
    escertke_rand_object o;
    escertke_buf out;

    (void)state;
    assert_int_equal(parse(text, &o, NULL), ESCERTKE_OK);
    escertke_buf_init(&out, 200);
    assert_int_equal(write(&o, &out), ESCERTKE_OK);
    assert_buf_text(&out, "{\"esri\":\"i\",\"esrv\":\"_v.1-2\",\"esrx\":\"-5000\",\"esks\":[1],\"espa\":[10,11,12]}");
    escertke_buf_free(&out);
}

#define OBJECT(esri, esrv, esrx, esks, espa)                                                                                     \
    "{\"esri\":" esri ",\"esrv\":" esrv ",\"esrx\":" esrx ",\"esks\":" esks ",\"espa\":" espa "}"
#define X127                                                                                                                     \
    "x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789"                       \
    "x123456789x123456789x123456"

static const struct {
    const char *text, *member; /* what the detail begins with; NULL = accepted */
} cases[] = {
    { OBJECT("\"a\"", "\"b\"", "\"20300101T000000\"", "[1]", "[12]"), NULL },
    { OBJECT("\"" X127 "\"", "\"b\"", "\"1000\"", "[1]", "[12]"), NULL },
    { OBJECT("\"" X127 "x\"", "\"b\"", "\"1000\"", "[1]", "[12]"), "esri" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1,1,1,1,1,1,1,1]", "[12]"), NULL },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1,1,1,1,1,1,1,1,1]", "[12]"), "esks" },
    { OBJECT("\"\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"1a\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"-a\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"a:b\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"a b\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"\xc3\xbc\"", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("5", "\"b\"", "1000", "[1]", "[12]"), "esri" },
    { OBJECT("\"a\"", "null", "1000", "[1]", "[12]"), "esrv" },
    { OBJECT("\"a\"", "\"0011\"", "1000", "[1]", "[12]"), "esrv" },
    { OBJECT("\"a\"", "\"b\"", "\"soon\"", "[1]", "[12]"), "esrx" },
    { OBJECT("\"a\"", "\"b\"", "\"\"", "[1]", "[12]"), "esrx" },
    { OBJECT("\"a\"", "\"b\"", "\"20300229T000000\"", "[1]", "[12]"), "esrx" },
    { OBJECT("\"a\"", "\"b\"", "1.5", "[1]", "[12]"), "esrx" },
    { OBJECT("\"a\"", "\"b\"", "\"000000000000000000000000000000000000000001\"", "[1]", "[12]"), "esrx" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[]", "[12]"), "esks" },
    { OBJECT("\"a\"", "\"b\"", "1000", "1", "[12]"), "esks" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[2]", "[12]"), "esks" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[0]", "[12]"), "esks" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[\"1\"]", "[12]"), "esks" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1]", "[]"), "espa" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1]", "[9]"), "espa" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1]", "[13]"), "espa" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1]", "[12.5]"), "espa" },
    { OBJECT("\"a\"", "\"b\"", "1000", "[1]", "[268]"), "espa" },
    { "{\"esrv\":\"b\",\"esrx\":1000,\"esks\":[1],\"espa\":[12]}", "esri" },
    { "{\"esri\":\"a\",\"esrx\":1000,\"esks\":[1],\"espa\":[12]}", "esrv" },
    { "{\"esri\":\"a\",\"esrv\":\"b\",\"esks\":[1],\"espa\":[12]}", "esrx" },
    { "{\"esri\":\"a\",\"esrv\":\"b\",\"esrx\":1000,\"espa\":[12]}", "esks" },
    { "{\"esri\":\"a\",\"esrv\":\"b\",\"esrx\":1000,\"esks\":[1]}", "espa" },
    { "[]", "rand object" },
};

static void every_member_is_validated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_rand_object o;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].text, parse(cases[i].text, &o, &d), cases[i].member ? ESCERTKE_ERR_SECINFO : ESCERTKE_OK);
        if (cases[i].member && strncmp(d.reason, cases[i].member, strlen(cases[i].member)))
            fail_msg("%s: %s", cases[i].text, d.reason);
        if (cases[i].member)
            assert_string_equal(d.clause, "TS-0004 6.3.5.51");
    }
}

static void what_could_not_be_read_is_not_written(void **state)
{
    const escertke_rand_object good = { "a", "b", "1000", { 1 }, { 12 }, 1, 1 };
    escertke_rand_object bad[10];
    escertke_buf out;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = good;
    strcpy(bad[0].esri, "a\"b");
    strcpy(bad[1].esrv, "");
    strcpy(bad[2].esrx, "x");
    bad[3].esks_count = 0;
    bad[4].espa_count = 9;
    bad[5].espa[0] = 1;
    bad[6].esks[0] = 2;
    memset(bad[7].esri, 'a', sizeof bad[7].esri);
    memset(bad[8].esrv, 'a', sizeof bad[8].esrv);
    memset(bad[9].esrx, '1', sizeof bad[9].esrx);
    escertke_buf_init(&out, 200);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(write(&bad[i], &out), ESCERTKE_ERR_SECINFO);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(write(&good, &out), ESCERTKE_OK);
    escertke_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_form_of_v2),
        cmocka_unit_test(order_and_numbers_become_canonical),
        cmocka_unit_test(every_member_is_validated),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

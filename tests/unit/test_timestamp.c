#include "m2m_support.h"

#include <escertke/m2m.h>

static const struct {
    const char *text;
    escertke_err expected;
    int64_t ms;
} stamps[] = {
    { "19700101T000000", ESCERTKE_OK, 0 },
    { "20260601T120000", ESCERTKE_OK, 1780315200000 },
    { "20000229T235959", ESCERTKE_OK, 951868799000 },
    { "19691231T235959", ESCERTKE_OK, -1000 },
    { "20300101T000000,5", ESCERTKE_OK, 1893456000500 },
    { "20300101T000000,05", ESCERTKE_OK, 1893456000050 },
    { "20300101T000000,005", ESCERTKE_OK, 1893456000005 },
    { "20300101T000000,123999", ESCERTKE_OK, 1893456000123 },
    { "99991231T235959", ESCERTKE_OK, 253402300799000 },
    { "", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T00000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000000Z", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000000,", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000000.5", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000000,1234567", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000000,12x", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101t000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "2030-01-01T00:00:00", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300001T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20301301T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300100T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300431T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300229T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "21000229T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T240000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T006000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T000060", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "00000101T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
    { "+2030101T000000", ESCERTKE_ERR_PRIMITIVE, 0 },
};

static void absolute(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stamps); i++) {
        int64_t ms = 0;
        expect_err(stamps[i].text, escertke_timestamp_parse(escertke_span_str(stamps[i].text), &ms), stamps[i].expected);
        if (ms != stamps[i].ms)
            fail_msg("%s: %lld", stamps[i].text, (long long)ms);
    }
}

static const struct {
    const char *text;
    int64_t now;
    escertke_err expected;
    int64_t ms;
} relatives[] = {
    { "19700101T000001", 77, ESCERTKE_OK, 1000 },
    { "0", 5000, ESCERTKE_OK, 5000 },
    { "30000", 5000, ESCERTKE_OK, 35000 },
    { "+30000", 5000, ESCERTKE_OK, 35000 },
    { "-6000", 5000, ESCERTKE_OK, -1000 },
    { "9223372036854775807", 0, ESCERTKE_OK, INT64_MAX },
    { "9223372036854775807", 1, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "-9223372036854775807", -2, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "9223372036854775808", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "99999999999999999999", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "-", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "--1", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "1.5", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "1e3", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { " 1", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "soon", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
    { "20300101T", 0, ESCERTKE_ERR_PRIMITIVE, 0 },
};

static void absolute_or_relative(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(relatives); i++) {
        int64_t ms = 0;
        expect_err(relatives[i].text, escertke_abs_rel_parse(escertke_span_str(relatives[i].text), relatives[i].now, &ms),
                   relatives[i].expected);
        if (ms != relatives[i].ms)
            fail_msg("%s: %lld", relatives[i].text, (long long)ms);
    }
}

static void format(void **state)
{
    char out[16];

    (void)state;
    escertke_timestamp_format(1780315200, out);
    assert_string_equal(out, "20260601T120000");
    escertke_timestamp_format(0, out);
    assert_string_equal(out, "19700101T000000");
    escertke_timestamp_format(951868799, out);
    assert_string_equal(out, "20000229T235959");
    escertke_timestamp_format(253402300799, out);
    assert_string_equal(out, "99991231T235959");
    escertke_timestamp_format(INT64_MAX, out);
    assert_string_equal(out, "99991231T235959");
    escertke_timestamp_format(-1, out);
    assert_string_equal(out, "19700101T000000");
}

static void every_day_there_and_back(void **state)
{
    (void)state;
    for (int64_t s = 86399; s < 253402300800; s += 86400 * 7 + 1) {
        char out[16];
        int64_t ms;
        escertke_timestamp_format(s, out);
        assert_int_equal(escertke_timestamp_parse(escertke_span_str(out), &ms), ESCERTKE_OK);
        assert_true(ms == s * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absolute),
        cmocka_unit_test(absolute_or_relative),
        cmocka_unit_test(format),
        cmocka_unit_test(every_day_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

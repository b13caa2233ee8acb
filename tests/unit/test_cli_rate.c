/* Rates as options say them. */
#include "cli_support.h"

#include "rate.h"

static void rates(void **state)
{
    static const struct {
        const char *value;
        bool good;
        uint32_t burst, per_minute;
    } cases[] = {
        { "8/120", true, 8, 120 },
        { "1/1", true, 1, 1 },
        { "8", true, 8, 8 },
        { "1000000/1000000", true, 1000000, 1000000 },
        { "none", true, ESCERTKE_NO_LIMIT, 0 },
        { "0", false, 0, 0 },
        { "0/5", false, 0, 0 },
        { "5/0", false, 0, 0 },
        { "1000001", false, 0, 0 },
        { "4294967297", false, 0, 0 },
        { "99999999999999999999", false, 0, 0 },
        { "8/", false, 0, 0 },
        { "/8", false, 0, 0 },
        { "8/120/1", false, 0, 0 },
        { "8/120x", false, 0, 0 },
        { "-8", false, 0, 0 },
        { " 8", false, 0, 0 },
        { "None", false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_rate rate;
        char why[160] = "";
        bool good = rate_parse(cases[i].value, &rate);

        if (good != cases[i].good || (good && (rate.burst != cases[i].burst || rate.per_minute != cases[i].per_minute)))
            fail_msg("\"%s\": %d, %u/%u", cases[i].value, good, rate.burst, rate.per_minute);
        assert_int_equal(rate_check(cases[i].value, why, sizeof why), good);
        if (!good && !strstr(why, cases[i].value))
            fail_msg("\"%s\": the reason is \"%s\"", cases[i].value, why);
    }
}

static void absent_changes_nothing(void **state)
{
    escertke_rate rate = { 3, 4 };

    (void)state;
    rate_set(NULL, &rate);
    assert_int_equal(rate.burst, 3);
    rate_set("5/6", &rate);
    assert_int_equal(rate.burst, 5);
    assert_int_equal(rate.per_minute, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rates), cmocka_unit_test(absent_changes_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/http_text.h"

#include "binding_support.h"

static void cuts_parts(void **state)
{
    static const char *const expected[] = { "a", "b c", "", "d" };
    escertke_span rest = text_span(" a;b c\t;;\td "), part;
    size_t n = 0;

    (void)state;
    while (esc_http_next_part(&rest, ';', &part)) {
        assert_true(n < COUNT(expected));
        assert_true(esc_http_same_text(part, expected[n++]));
    }
    assert_int_equal(n, COUNT(expected));
    rest = (escertke_span){ NULL, 0 };
    assert_false(esc_http_next_part(&rest, ';', &part));
    assert_int_equal(part.len, 0);
}

static void compares_names(void **state)
{
    (void)state;
    assert_true(esc_http_same_name(text_span("x-m2m-ri"), "X-M2M-RI"));
    assert_false(esc_http_same_name(text_span("X-M2M-RIX"), "X-M2M-RI"));
    assert_false(esc_http_same_name(text_span("X-M2M\rRI"), "X-M2M-RI")); /* '\r' is '-' without a bit */
    assert_false(esc_http_same_name(text_span(""), "X"));
    assert_false(esc_http_same_text(text_span("RT"), "rt"));
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int value;
    } cases[] = {
        { "1000", true, 1000 }, { "6999", true, 6999 }, { "0002000", true, 2000 }, { "999", false, 0 },
        { "7000", false, 0 },   { "", false, 0 },       { "-1", false, 0 },        { "+2000", false, 0 },
        { "2000 ", false, 0 },  { "0x7d0", false, 0 },  { "2000.0", false, 0 },    { "12345678901234567890", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int value = 0;
        expect_int(cases[i].text, esc_http_read_int(text_span(cases[i].text), 1000, 6999, &value), cases[i].ok);
        expect_int(cases[i].text, value, cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_parts),
        cmocka_unit_test(compares_names),
        cmocka_unit_test(reads_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

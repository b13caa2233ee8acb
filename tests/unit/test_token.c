#include "m2m_support.h"

#include "m2m/token.h"

static const struct {
    const char *text;
    bool valid;
} sps[] = {
    { "//m2m.example.org", true },
    { "//m2m", true },
    { "//3gpp.org", true }, /* digits first: A-69 */
    { "//a-b.c", true },
    { "//", false },
    { "/m2m.org", false },
    { "m2m.org", false },
    { "//M2m.org", false },
    { "//m2m..org", false },
    { "//.org", false },
    { "//m2m.", false },
    { "//-m2m.org", false },
    { "//m2m-.org", false },
    { "//m2m_x.org", false },
    { "//m2m.org:8080", false },
    { "//m2m.org/", false },
    { "//a123456789a123456789a123456789a123456789a123456789a123456789abc.org", true },
    { "//a123456789a123456789a123456789a123456789a123456789a123456789abcd.org", false },
};

static void service_providers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sps); i++)
        if (esc_sp_valid(escertke_span_str(sps[i].text)) != sps[i].valid)
            fail_msg("%s", sps[i].text);
    assert_false(esc_sp_valid((escertke_span){ NULL, 0 }));
}

static const struct {
    const char *name;
    escertke_span text;
    bool valid;
} tokens[] = {
    { "letters", BYTES("in1"), true },
    { "all unreserved", BYTES("aZ09-._~"), true },
    { "leading dot", BYTES(".hidden"), true },
    { "leading minus", BYTES("-x"), true },
    { "empty", BYTES(""), false },
    { "minus", BYTES("-"), false },
    { "underscore", BYTES("_"), false },
    { "tilde", BYTES("~"), false },
    { "dot", BYTES("."), false },
    { "dot dot", BYTES(".."), false },
    { "three dots", BYTES("..."), true },
    { "slash", BYTES("a/b"), false },
    { "percent", BYTES("a%2Fb"), false },
    { "space", BYTES("a b"), false },
    { "plus", BYTES("a+b"), false },
    { "colon", BYTES("a:b"), false },
    { "at", BYTES("a@b"), false },
    { "NUL", BYTES("a\0"), false },
    { "UTF-8", BYTES("\xc3\xbc"), false },
    { "line end", BYTES("a\n"), false },
};

static void components(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tokens); i++)
        if (esc_token_valid(tokens[i].text) != tokens[i].valid)
            fail_msg("%s", tokens[i].name);
}

static void next_cuts_at_the_slash(void **state)
{
    escertke_span rest = escertke_span_str("ab/c");

    (void)state;
    assert_true(esc_token_is(esc_token_next(&rest), "ab"));
    assert_true(esc_token_is(rest, "/c"));
    assert_int_equal(esc_token_next(&rest).len, 0);
    rest = escertke_span_str("c");
    assert_true(esc_token_is(esc_token_next(&rest), "c"));
    assert_int_equal(rest.len, 0);
    assert_int_equal(esc_token_next(&rest).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_providers),
        cmocka_unit_test(components),
        cmocka_unit_test(next_cuts_at_the_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "m2m_support.h"

#include "base/fail.h"
#include "base/utf8.h"

static void every_error_has_name_text_and_class(void **state)
{
    static const struct {
        escertke_err err;
        const char *name, *text;
        escertke_class who;
    } list[] = {
#define X(name, num, who, text) { ESCERTKE_ERR_##name, #name, text, ESCERTKE_CLASS_##who },
        ESCERTKE_ERR_LIST(X)
#undef X
    };

    (void)state;
    for (size_t i = 0; i < COUNT(list); i++) {
        assert_string_equal(escertke_err_name(list[i].err), list[i].name);
        assert_string_equal(escertke_err_text(list[i].err), list[i].text);
        assert_int_equal(escertke_err_class(list[i].err), list[i].who);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(list[i].err, list[k].err);
    }
    assert_string_equal(escertke_err_name(ESCERTKE_OK), "OK");
    assert_int_equal(escertke_err_class(ESCERTKE_OK), ESCERTKE_CLASS_OK);
    assert_string_equal(escertke_err_name((escertke_err)9999), "?");
    assert_int_equal(escertke_err_class((escertke_err)9999), ESCERTKE_CLASS_LOCAL);
}

static void numbers_never_change(void **state)
{
    (void)state;
    assert_int_equal(ESCERTKE_ERR_ARG, 1);
    assert_int_equal(ESCERTKE_ERR_FORMAT, 20);
    assert_int_equal(ESCERTKE_ERR_CERT, 50);
    assert_int_equal(ESCERTKE_ERR_NOMEM, 70);
    assert_int_equal(ESCERTKE_ERR_DEADLINE, 90);
}

static void alerts(void **state)
{
    (void)state;
    assert_string_equal(escertke_alert_name(0), "close_notify");
    assert_string_equal(escertke_alert_name(40), "handshake_failure");
    assert_string_equal(escertke_alert_name(42), "bad_certificate");
    assert_string_equal(escertke_alert_name(48), "unknown_ca");
    assert_string_equal(escertke_alert_name(49), "access_denied");
    assert_null(escertke_alert_name(-1));
    assert_null(escertke_alert_name(255));
}

static void first_failure_wins(void **state)
{
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(d.err, ESCERTKE_OK);
    assert_int_equal(d.alert, -1);
    assert_int_equal(esc_fail(&d, ESCERTKE_ERR_JSON, "TS-0004 8.4.2", "line %d", 7), ESCERTKE_ERR_JSON);
    assert_int_equal(esc_fail(&d, ESCERTKE_ERR_NOMEM, "", "later"), ESCERTKE_ERR_NOMEM);
    assert_int_equal(d.err, ESCERTKE_ERR_JSON);
    assert_string_equal(d.clause, "TS-0004 8.4.2");
    assert_string_equal(d.reason, "line 7");
    assert_int_equal(esc_fail(NULL, ESCERTKE_ERR_ID, "", "nobody listens"), ESCERTKE_ERR_ID);
}

static void reason_is_cut_and_printable(void **state)
{
    char text[1000];
    escertke_detail d;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    text[3] = '\n';
    text[4] = '\x1b';
    escertke_detail_init(&d);
    assert_int_equal(esc_fail(&d, ESCERTKE_ERR_JSON, text, "%s", text), ESCERTKE_ERR_JSON);
    assert_int_equal(strlen(d.reason), sizeof d.reason - 1);
    assert_memory_equal(d.reason, "aaa??aaa", 8);
    assert_int_equal(strlen(d.clause), sizeof d.clause - 1);
}

static void printable(void **state)
{
    static const struct {
        const char *name;
        escertke_span in;
        size_t cap;
        const char *expected;
    } cases[] = {
        { "plain", BYTES("abc"), 16, "abc" },
        { "umlaut", BYTES("gr\xc3\xbcn"), 16, "gr\xc3\xbcn" },
        { "cut", BYTES("abcdef"), 4, "abc" },
        { "cut before a character that does not fit", BYTES("ab\xc3\xbc"), 4, "ab" },
        { "control", BYTES("a\x01\x7f"), 16, "a??" },
        { "C1 control",
          BYTES("a\xc2\x9b"
                "b"),
          16, "a?b" },
        { "NUL", BYTES("a\0b"), 16, "a?b" },
        { "bad UTF-8", BYTES("a\xff\xc3"), 16, "a??" },
        { "room for the end only", BYTES("abc"), 1, "" },
    };
    char out[16];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        esc_printable(cases[i].in, out, cases[i].cap);
        assert_string_equal(out, cases[i].expected);
    }
    out[0] = 'k';
    esc_printable(cases[0].in, out, 0);
    assert_int_equal(out[0], 'k');
}

static void utf8(void **state)
{
    static const struct {
        const char *name;
        escertke_span in;
        size_t len;
    } cases[] = {
        { "empty", BYTES(""), 0 },
        { "ASCII", BYTES("a\xff"), 1 },
        { "NUL is a character", BYTES("\0"), 1 },
        { "first of two octets", BYTES("\xc2\x80"), 2 },
        { "last of two octets", BYTES("\xdf\xbf"), 2 },
        { "first of three", BYTES("\xe0\xa0\x80"), 3 },
        { "last of three", BYTES("\xef\xbf\xbf"), 3 },
        { "first of four", BYTES("\xf0\x90\x80\x80"), 4 },
        { "last of all", BYTES("\xf4\x8f\xbf\xbf"), 4 },
        { "continuation alone", BYTES("\x80"), 0 },
        { "overlong of two", BYTES("\xc1\xbf"), 0 },
        { "overlong of three", BYTES("\xe0\x9f\xbf"), 0 },
        { "overlong of four", BYTES("\xf0\x8f\xbf\xbf"), 0 },
        { "surrogate", BYTES("\xed\xa0\x80"), 0 },
        { "beyond U+10FFFF", BYTES("\xf4\x90\x80\x80"), 0 },
        { "cut", BYTES("\xe2\x82"), 0 },
        { "broken inside", BYTES("\xe2\x28\xa1"), 0 },
        { "five octets", BYTES("\xf8\x88\x80\x80\x80"), 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (esc_utf8_len(cases[i].in) != cases[i].len)
            fail_msg("%s: %zu", cases[i].name, esc_utf8_len(cases[i].in));
}

static void version(void **state)
{
    (void)state;
    assert_non_null(strchr(escertke_version(), '.'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_name_text_and_class),
        cmocka_unit_test(numbers_never_change),
        cmocka_unit_test(alerts),
        cmocka_unit_test(first_failure_wins),
        cmocka_unit_test(reason_is_cut_and_printable),
        cmocka_unit_test(printable),
        cmocka_unit_test(utf8),
        cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

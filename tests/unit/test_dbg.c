#include "m2m_support.h"

#include <escertke/m2m.h>

static void writes(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "ESCertKE: no pending handshake", "{\"m2m:dbg\":\"ESCertKE: no pending handshake\"}" },
        { "say \"a\\b\"", "{\"m2m:dbg\":\"say \\\"a\\\\b\\\"\"}" },
        { "a\nb\xff", "{\"m2m:dbg\":\"a?b?\"}" },
        { "gr\xc3\xbcn", "{\"m2m:dbg\":\"gr\xc3\xbcn\"}" },
        { "", "{\"m2m:dbg\":\"\"}" },
        { NULL, "{\"m2m:dbg\":\"\"}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_buf out;
        escertke_buf_init(&out, 100);
        assert_int_equal(escertke_dbg_write(ESCERTKE_FORMAT_JSON, cases[i].text, &out), ESCERTKE_OK);
        assert_buf_text(&out, cases[i].expected);
        escertke_buf_free(&out);
    }
}

static void long_text_is_cut_between_characters(void **state)
{
    char text[1025], back[600];
    escertke_buf out;

    (void)state;
    text[0] = 'a';
    for (size_t i = 1; i < sizeof text - 1; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    text[1023] = '\0';
    escertke_buf_init(&out, 1000);
    assert_int_equal(escertke_dbg_write(ESCERTKE_FORMAT_JSON, text, &out), ESCERTKE_OK);
    assert_true(escertke_dbg_read(ESCERTKE_FORMAT_JSON, escertke_buf_span(&out), back, sizeof back));
    assert_int_equal(strlen(back), 511);
    assert_memory_equal(back, text, 511);
    escertke_buf_free(&out);
}

static void write_fails(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 14);
    assert_int_equal(escertke_dbg_write(ESCERTKE_FORMAT_JSON, "x", &out), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(escertke_dbg_write((escertke_format)0, "x", &out), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(escertke_dbg_write((escertke_format)4, "x", &out), ESCERTKE_ERR_UNSUPPORTED);
    escertke_buf_free(&out);
    escertke_buf_init(&out, 100);
    memory_fails_after(0);
    assert_int_equal(escertke_dbg_write(ESCERTKE_FORMAT_JSON, "x", &out), ESCERTKE_ERR_NOMEM);
    memory_restored();
}

static void reads(void **state)
{
    static const struct {
        escertke_span content;
        bool expected;
        const char *text;
    } cases[] = {
        { BYTES("{\"m2m:dbg\":\"no such \\u001b[2J thing\"}"), true, "no such ?[2J thing" },
        { BYTES("{\"m2m:dbg\":\"a much longer text than fits in\"}"), true, "a much longer text than" },
        { BYTES("{\"m2m:dbg\":5}"), false, "" },
        { BYTES("{\"m2m:seci\":{\"sit\":3}}"), false, "" },
        { BYTES("{\"m2m:dbg\":\"a\",\"b\":1}"), false, "" },
        { BYTES("not json"), false, "" },
        { BYTES(""), false, "" },
    };
    char out[24];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(escertke_dbg_read(ESCERTKE_FORMAT_JSON, cases[i].content, out, sizeof out), cases[i].expected);
        assert_string_equal(out, cases[i].text);
    }
    assert_false(escertke_dbg_read(ESCERTKE_FORMAT_CBOR, cases[0].content, out, sizeof out));
    assert_true(escertke_dbg_read(ESCERTKE_FORMAT_JSON, cases[0].content, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(write_fails),
        cmocka_unit_test(reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

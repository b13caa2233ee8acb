#include "m2m_support.h"

#include <stdio.h>

#include "m2m/serialization.h"

static const struct {
    const char *name;
    escertke_span text;
    escertke_err expected;
} texts[] = {
    { "object", BYTES("{}"), ESCERTKE_OK },
    { "array", BYTES("[1,2]"), ESCERTKE_OK },
    { "white space around", BYTES(" \r\n{ } \t"), ESCERTKE_OK },
    { "16 levels", BYTES("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), ESCERTKE_OK },
    { "17 levels", BYTES("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), ESCERTKE_ERR_JSON },
    { "17 levels of objects", BYTES("{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]}]}]}]}]}"),
      ESCERTKE_ERR_JSON },
    { "brackets in a string", BYTES("{\"a\":\"[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[\"}"), ESCERTKE_OK },
    { "levels behind an escaped quote", BYTES("[\"\\\\\",[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), ESCERTKE_ERR_JSON },
    { "wide, not deep", BYTES("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"), ESCERTKE_OK },
    { "nothing", BYTES(""), ESCERTKE_ERR_JSON },
    { "white space", BYTES("  "), ESCERTKE_ERR_JSON },
    { "a string alone", BYTES("\"x\""), ESCERTKE_ERR_JSON },
    { "text", BYTES("hello"), ESCERTKE_ERR_JSON },
    { "cut", BYTES("{\"a\":1"), ESCERTKE_ERR_JSON },
    { "something behind", BYTES("{} {}"), ESCERTKE_ERR_JSON },
    { "trailing comma", BYTES("{\"a\":1,}"), ESCERTKE_ERR_JSON },
    { "comment", BYTES("{/**/}"), ESCERTKE_ERR_JSON },
    { "single quotes", BYTES("{'a':1}"), ESCERTKE_ERR_JSON },
    { "duplicate name", BYTES("{\"a\":1,\"a\":1}"), ESCERTKE_ERR_JSON },
    { "duplicate name, escaped", BYTES("{\"a\":1,\"\\u0061\":1}"), ESCERTKE_ERR_JSON },
    { "duplicate name deep inside", BYTES("{\"a\":[{\"b\":{\"c\":1,\"c\":2}}]}"), ESCERTKE_ERR_JSON },
    { "same name in two objects", BYTES("[{\"a\":1},{\"a\":1}]"), ESCERTKE_OK },
    { "bad UTF-8", BYTES("{\"a\":\"\xff\"}"), ESCERTKE_ERR_JSON },
    { "overlong UTF-8", BYTES("{\"a\":\"\xc0\x80\"}"), ESCERTKE_ERR_JSON },
    { "bad UTF-8 in a name", BYTES("{\"\xc3\":1}"), ESCERTKE_ERR_JSON },
    { "lone surrogate", BYTES("{\"a\":\"\\ud800\"}"), ESCERTKE_ERR_JSON },
    { "NUL", BYTES("{\"a\":\"x\0y\"}"), ESCERTKE_ERR_JSON },
    { "NUL behind", BYTES("{}\0"), ESCERTKE_ERR_JSON },
    { "escaped NUL", BYTES("{\"a\":\"\\u0000\"}"), ESCERTKE_ERR_JSON },
    { "escaped NUL in a name", BYTES("{\"a\\u0000\":1}"), ESCERTKE_ERR_JSON },
    { "bare control character", BYTES("{\"a\":\"\n\"}"), ESCERTKE_ERR_JSON },
    { "byte order mark", BYTES("\xef\xbb\xbf{}"), ESCERTKE_ERR_JSON },
    { "number too large", BYTES("{\"a\":99999999999999999999}"), ESCERTKE_ERR_JSON },
    { "real too large", BYTES("{\"a\":1e999}"), ESCERTKE_ERR_JSON },
    { "NaN", BYTES("{\"a\":NaN}"), ESCERTKE_ERR_JSON },
};

static void load(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        escertke_detail d;
        json_t *v;
        escertke_detail_init(&d);
        expect_err(texts[i].name, esc_json_load(texts[i].text, &v, &d), texts[i].expected);
        assert_int_equal(d.err, texts[i].expected);
        assert_true((v != NULL) == (texts[i].expected == ESCERTKE_OK));
        json_decref(v);
    }
}

static void size_limit(void **state)
{
    char *text = malloc(ESCERTKE_PRIMITIVE_MAX + 1);
    json_t *v;

    (void)state;
    memset(text, ' ', ESCERTKE_PRIMITIVE_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(esc_json_load((escertke_span){ (uint8_t *)text, ESCERTKE_PRIMITIVE_MAX }, &v, NULL), ESCERTKE_OK);
    json_decref(v);
    assert_int_equal(esc_json_load((escertke_span){ (uint8_t *)text, ESCERTKE_PRIMITIVE_MAX + 1 }, &v, NULL),
                     ESCERTKE_ERR_TOO_LARGE);
    assert_null(v);
    free(text);
}

/* Values are counted before jansson sees the text: arrays and objects themselves, names not. */
static void values_limit(void **state)
{
    static const struct {
        const char *name, *head, *repeated; /* two values in head, one more in each repetition */
    } cases[] = {
        { "numbers", "[0", ",-1E+3" },
        { "objects", "[[]", ",{}" },
        { "strings with what looks like more", "[0", ",\"[\\\"1\"" },
        { "literals", "[true", ", null" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t over = 0; over < 2; over++) {
            char *text = malloc(ESCERTKE_PRIMITIVE_MAX), *at = text;
            json_t *v;
            at += sprintf(at, "%s", cases[i].head);
            for (size_t n = 2; n < ESC_ITEMS_MAX + over; n++)
                at += sprintf(at, "%s", cases[i].repeated);
            sprintf(at, "]");
            expect_err(cases[i].name, esc_json_load(escertke_span_str(text), &v, NULL), over ? ESCERTKE_ERR_TOO_LARGE : ESCERTKE_OK);
            json_decref(v);
            free(text);
        }
}

/* A name is no value. */
static void names_are_not_counted(void **state)
{
    char *text = malloc(ESCERTKE_PRIMITIVE_MAX), *at = text;
    json_t *v;

    (void)state;
    at += sprintf(at, "{\"x\":0");
    for (int n = 2; n < 10000; n++)
        at += sprintf(at, ",\"%d\":1", n);
    sprintf(at, "}");
    expect_err("names", esc_json_load(escertke_span_str(text), &v, NULL), ESCERTKE_OK);
    assert_int_equal(json_object_size(v), 9999);
    json_decref(v);
    free(text);
}

static void detail_names_the_place_and_quotes_nothing(void **state)
{
    escertke_detail d;
    json_t *v;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(esc_json_load(escertke_span_str("{\"key\":\n swordfish}"), &v, &d), ESCERTKE_ERR_JSON);
    assert_non_null(strstr(d.reason, "line 2"));
    assert_null(strstr(d.reason, "swordfish"));
    assert_string_equal(d.clause, "TS-0004 8.4.2");
}

static void content(void **state)
{
    static const struct {
        const char *text;
        escertke_err expected;
        const char *name;
    } cases[] = {
        { "{\"m2m:seci\":{}}", ESCERTKE_OK, "m2m:seci" },
        { "{}", ESCERTKE_ERR_JSON, NULL },
        { "[]", ESCERTKE_ERR_JSON, NULL },
        { "[1]", ESCERTKE_ERR_JSON, NULL },
        { "{\"a\":1,\"b\":2}", ESCERTKE_ERR_JSON, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *root, *value;
        const char *name;
        expect_err(cases[i].text, esc_serial_load_content(ESCERTKE_FORMAT_JSON, escertke_span_str(cases[i].text), &root, &name, &value, NULL),
                   cases[i].expected);
        if (cases[i].expected == ESCERTKE_OK) {
            assert_string_equal(name, cases[i].name);
            assert_true(json_is_object(value));
        } else {
            assert_null(root);
        }
        json_decref(root);
    }
}

static void dump(void **state)
{
    static const char text[] = "{ \"b\" : [1, 2.5, true, null], \"a\" : {\"\xc3\xbc\":\"\\u00fc\\n\\/\"} }";
    escertke_buf out;
    json_t *v;

    (void)state;
    assert_int_equal(esc_json_load(escertke_span_str(text), &v, NULL), ESCERTKE_OK);
    escertke_buf_init(&out, 100);
    assert_int_equal(esc_json_dump(v, &out), ESCERTKE_OK);
    assert_buf_text(&out, "{\"b\":[1,2.5,true,null],\"a\":{\"\xc3\xbc\":\"\xc3\xbc\\n/\"}}");
    size_t len = out.len;
    assert_int_equal(esc_json_dump(json_object_get(v, "b"), &out), ESCERTKE_OK);
    assert_int_equal(out.len, len + 17);
    escertke_buf_free(&out);
    escertke_buf_init(&out, len - 1);
    assert_int_equal(esc_json_dump(v, &out), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    memory_fails_after(0);
    escertke_buf_init(&out, 100);
    assert_int_equal(esc_json_dump(v, &out), ESCERTKE_ERR_NOMEM);
    memory_restored();
    json_decref(v);
}

static void whole_numbers(void **state)
{
    static const struct {
        const char *text;
        bool expected;
        int value;
    } cases[] = {
        { "[6]", true, 6 },    { "[6.0]", true, 6 },    { "[60e-1]", true, 6 },   { "[1]", true, 1 },
        { "[8]", true, 8 },    { "[6.5]", false, 0 },   { "[0]", false, 0 },      { "[9]", false, 0 },
        { "[-6]", false, 0 },  { "[1e300]", false, 0 }, { "[-1e300]", false, 0 }, { "[4294967302]", false, 0 },
        { "[8.5]", false, 0 }, { "[\"6\"]", false, 0 }, { "[true]", false, 0 },   { "[null]", false, 0 },
        { "[[6]]", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int value = 0;
        json_t *v;
        assert_int_equal(esc_json_load(escertke_span_str(cases[i].text), &v, NULL), ESCERTKE_OK);
        if (esc_json_int(json_array_get(v, 0), 1, 8, &value) != cases[i].expected || value != cases[i].value)
            fail_msg("%s: %d", cases[i].text, value);
        json_decref(v);
    }
    assert_false(esc_json_int(NULL, 1, 8, &(int){ 0 }));
}

static void kinds(void **state)
{
    static const char *const expected[] = { "object", "array", "string", "number", "number", "boolean", "boolean", "null" };
    json_t *v;

    (void)state;
    assert_int_equal(esc_json_load(escertke_span_str("[{},[],\"\",1,1.5,true,false,null]"), &v, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(esc_json_kind(json_array_get(v, i)), expected[i]);
    assert_string_equal(esc_json_kind(NULL), "nothing");
    assert_int_equal(esc_json_text(json_array_get(v, 0)).len, 0);
    json_decref(v);
}

static void writer(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 200);
    assert_int_equal(escertke_buf_append(&out, "before", 6), ESCERTKE_OK);
    struct esc_json_writer w = esc_json_write_begin(&out);
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "a");
    esc_json_write_open(&w, '[');
    esc_json_write_int(&w, 1);
    esc_json_write_int(&w, -2);
    esc_json_write_open(&w, '{');
    esc_json_write_close(&w, '}');
    esc_json_write_text(&w, escertke_span_str(""));
    esc_json_write_close(&w, ']');
    esc_json_write_name(&w, "b");
    esc_json_write_text(&w, escertke_span_str("x\"y\\z\n\x01\xc3\xbc{"));
    esc_json_write_name(&w, "c");
    esc_json_write_base64(&w, escertke_span_str("f"));
    esc_json_write_name(&w, "d");
    esc_json_write_base64(&w, escertke_span_str(NULL));
    esc_json_write_close(&w, '}');
    assert_int_equal(esc_json_write_end(&w), ESCERTKE_OK);
    assert_buf_text(&out, "before{\"a\":[1,-2,{},\"\"],\"b\":\"x\\\"y\\\\z\\u000a\\u0001\xc3\xbc{\",\"c\":\"Zg==\",\"d\":\"\"}");
    escertke_buf_free(&out);
}

static void writer_rolls_back(void **state)
{
    static const escertke_span bad[] = { BYTES("a\xff"), BYTES("a\0b"), BYTES("\xed\xa0\x80") };
    escertke_buf out;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        escertke_buf_init(&out, 100);
        assert_int_equal(escertke_buf_append(&out, "x", 1), ESCERTKE_OK);
        struct esc_json_writer w = esc_json_write_begin(&out);
        esc_json_write_text(&w, bad[i]);
        esc_json_write_int(&w, 1);
        assert_int_equal(esc_json_write_end(&w), ESCERTKE_ERR_JSON);
        assert_buf_text(&out, "x");
        escertke_buf_free(&out);
    }
    escertke_buf_init(&out, 5);
    struct esc_json_writer w = esc_json_write_begin(&out);
    esc_json_write_text(&w, escertke_span_str("abcd"));
    assert_int_equal(esc_json_write_end(&w), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, 0);
    escertke_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load),    cmocka_unit_test(size_limit), cmocka_unit_test(values_limit), cmocka_unit_test(names_are_not_counted),
        cmocka_unit_test(detail_names_the_place_and_quotes_nothing),
        cmocka_unit_test(content), cmocka_unit_test(dump),       cmocka_unit_test(whole_numbers),
        cmocka_unit_test(kinds),   cmocka_unit_test(writer),     cmocka_unit_test(writer_rolls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

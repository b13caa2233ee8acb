#include "m2m_support.h"

static const struct {
    const char *name, *plain, *text;
} pairs[] = {
    /* RFC 4648 section 10 */
    { "none", "", "" },          { "1", "f", "Zg==" },         { "2", "fo", "Zm8=" },         { "3", "foo", "Zm9v" },
    { "4", "foob", "Zm9vYg==" }, { "5", "fooba", "Zm9vYmE=" }, { "6", "foobar", "Zm9vYmFy" },
};

static void encodes_and_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        escertke_buf text, plain;
        escertke_buf_init(&text, 64);
        escertke_buf_init(&plain, 64);
        expect_err(pairs[i].name, escertke_base64_encode(escertke_span_str(pairs[i].plain), &text), ESCERTKE_OK);
        assert_buf_text(&text, pairs[i].text);
        expect_err(pairs[i].name, escertke_base64_decode(escertke_buf_span(&text), &plain), ESCERTKE_OK);
        assert_buf_text(&plain, pairs[i].plain);
        escertke_buf_free(&text);
        escertke_buf_free(&plain);
    }
}

static const struct {
    const char *name;
    escertke_span text;
    escertke_err expected;
    const char *plain;
} cases[] = {
    { "white space of XML", BYTES(" Zm\t9v\r\nYg = =\n"), ESCERTKE_OK, "foob" },
    { "only white space", BYTES(" \n"), ESCERTKE_OK, "" },
    { "no padding", BYTES("Zg"), ESCERTKE_ERR_BASE64, "" },
    { "short padding", BYTES("Zg="), ESCERTKE_ERR_BASE64, "" },
    { "one character", BYTES("Z"), ESCERTKE_ERR_BASE64, "" },
    { "three pads", BYTES("Z==="), ESCERTKE_ERR_BASE64, "" },
    { "four pads", BYTES("===="), ESCERTKE_ERR_BASE64, "" },
    { "pads behind a whole quad", BYTES("Zm9v===="), ESCERTKE_ERR_BASE64, "" },
    { "data behind padding", BYTES("Zg==Zg=="), ESCERTKE_ERR_BASE64, "" },
    { "padding inside", BYTES("Zg=v"), ESCERTKE_ERR_BASE64, "" },
    { "padding third of four, no bits behind", BYTES("AA=A"), ESCERTKE_ERR_BASE64, "" },
    { "padding second", BYTES("A=AA"), ESCERTKE_ERR_BASE64, "" },
    { "padding first", BYTES("=AAA"), ESCERTKE_ERR_BASE64, "" },
    { "trailing bits of one octet", BYTES("Zh=="), ESCERTKE_ERR_BASE64, "" },
    { "trailing bits of two octets", BYTES("Zm9="), ESCERTKE_ERR_BASE64, "" },
    { "base64url minus", BYTES("Zm-v"), ESCERTKE_ERR_BASE64, "" },
    { "base64url underscore", BYTES("Zm_v"), ESCERTKE_ERR_BASE64, "" },
    { "NUL", BYTES("Zm9\0"), ESCERTKE_ERR_BASE64, "" },
    { "vertical tab", BYTES("Zm\v9v"), ESCERTKE_ERR_BASE64, "" },
    { "octet above 127", BYTES("Zm9\xff"), ESCERTKE_ERR_BASE64, "" },
};

static void strict_decoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_buf out;
        escertke_buf_init(&out, 64);
        assert_int_equal(escertke_buf_append(&out, "before", 6), ESCERTKE_OK);
        expect_err(cases[i].name, escertke_base64_decode(cases[i].text, &out), cases[i].expected);
        assert_int_equal(out.len, 6 + strlen(cases[i].plain));
        assert_memory_equal(out.ptr, "before", 6);
        assert_memory_equal(out.ptr + 6, cases[i].plain, strlen(cases[i].plain));
        escertke_buf_free(&out);
    }
}

static void exact_fit_and_one_too_many(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT(pairs); i++) {
        size_t len = strlen(pairs[i].plain);
        escertke_buf out;
        escertke_buf_init(&out, len);
        expect_err("fits", escertke_base64_decode(escertke_span_str(pairs[i].text), &out), ESCERTKE_OK);
        assert_buf_text(&out, pairs[i].plain);
        escertke_buf_free(&out);
        escertke_buf_init(&out, len - 1);
        expect_err("too large", escertke_base64_decode(escertke_span_str(pairs[i].text), &out), ESCERTKE_ERR_TOO_LARGE);
        assert_int_equal(out.len, 0);
        escertke_buf_free(&out);
        escertke_buf_init(&out, strlen(pairs[i].text) - 1);
        expect_err("encode", escertke_base64_encode(escertke_span_str(pairs[i].plain), &out), ESCERTKE_ERR_TOO_LARGE);
        escertke_buf_free(&out);
    }
}

static void every_octet_survives(void **state)
{
    uint8_t all[256];
    escertke_buf text, plain;

    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 167 + 13);
    escertke_buf_init(&text, 1024);
    escertke_buf_init(&plain, 1024);
    assert_int_equal(escertke_base64_encode((escertke_span){ all, sizeof all }, &text), ESCERTKE_OK);
    assert_int_equal(escertke_base64_decode(escertke_buf_span(&text), &plain), ESCERTKE_OK);
    assert_int_equal(plain.len, sizeof all);
    assert_memory_equal(plain.ptr, all, sizeof all);
    escertke_buf_free(&text);
    escertke_buf_free(&plain);
}

static void out_of_memory(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 64);
    memory_fails_after(0);
    assert_int_equal(escertke_base64_decode(escertke_span_str("Zg=="), &out), ESCERTKE_ERR_NOMEM);
    assert_int_equal(escertke_base64_encode(escertke_span_str("f"), &out), ESCERTKE_ERR_NOMEM);
    memory_restored();
}

static void hexadecimal(void **state)
{
    static const uint8_t bytes[] = { 0x00, 0x9A, 0xFF };
    uint8_t back[3];
    char text[7];

    (void)state;
    escertke_hex((escertke_span){ bytes, sizeof bytes }, text);
    assert_string_equal(text, "009AFF");
    assert_int_equal(escertke_unhex("009aFf", back, sizeof back), ESCERTKE_OK);
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_int_equal(escertke_unhex("009aF", back, sizeof back), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_unhex("009aFf0", back, sizeof back), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_unhex("009aFg", back, sizeof back), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_unhex("0x9aFf", back, sizeof back), ESCERTKE_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes),  cmocka_unit_test(strict_decoding), cmocka_unit_test(exact_fit_and_one_too_many),
        cmocka_unit_test(every_octet_survives), cmocka_unit_test(out_of_memory),   cmocka_unit_test(hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/http_url.h"

#include "binding_support.h"

static const struct {
    const char *url, *host, *path;
    unsigned port;
    bool https, v6;
} good[] = {
    { "http://a", "a", "", 80, false, false },
    { "https://a/", "a", "", 443, true, false },
    { "http://127.0.0.1:0/notify", "127.0.0.1", "/notify", 0, false, false },
    { "http://127.0.0.1:65535/a/b/", "127.0.0.1", "/a/b", 65535, false, false },
    { "http://[::1]:8080/x", "::1", "/x", 8080, false, true },
    { "https://[fe80::1]", "fe80::1", "", 443, true, true },
    { "http://mn-1.example.org:8080/~/in1", "mn-1.example.org", "/~/in1", 8080, false, false },
    { "http://a/%41b", "a", "/%41b", 80, false, false },
    { "http://a/a..b/.c", "a", "/a..b/.c", 80, false, false },
};

static void takes_urls_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct esc_http_url u;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(good[i].url, esc_http_url_parse(good[i].url, &u, &d), ESCERTKE_OK, &d);
        expect_text(good[i].url, u.host, good[i].host);
        expect_text(good[i].url, u.path, good[i].path);
        expect_int(good[i].url, u.port, (long)good[i].port);
        assert_int_equal(u.https, good[i].https);
        assert_int_equal(u.v6, good[i].v6);
    }
}

static const char *const bad[] = {
    "",
    "a",
    "ftp://a",
    "http:/a",
    "HTTP//a",
    "http://",
    "http:///x",
    "http://:80",
    "http://a:",
    "http://a:65536",
    "http://a:8x",
    "http://a:-1",
    "http://a:000080",
    "http://u@a",
    "http://u:p@a/",
    "http://a?x",
    "http://a/x?y",
    "http://a/x#y",
    "http://a b",
    "http://a/b c",
    "http://a\r\nX: y",
    "http://a/\x01",
    "http://[::1",
    "http://[::1]x",
    "http://[]",
    "http://[g::1]",
    "http://::1/",
    "http://a/%",
    "http://a/%4",
    "http://a/%zz",
    "http://a/../b",
    "http://a/b/..",
    "http://a//b",
    "http://a/b//",
    "http://\xc3\xa4/",
};

static void refuses_other_urls(void **state)
{
    char longest[600] = "http://a/";
    struct esc_http_url u;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(bad[i], esc_http_url_parse(bad[i], &u, &d), ESCERTKE_ERR_ARG, &d);
        assert_true(d.reason[0]);
    }
    assert_int_equal(esc_http_url_parse(NULL, &u, NULL), ESCERTKE_ERR_ARG);
    memset(longest + 9, 'x', 254);
    assert_int_equal(esc_http_url_parse(longest, &u, NULL), ESCERTKE_OK);
    memset(longest + 9, 'x', 255);
    assert_int_equal(esc_http_url_parse(longest, &u, NULL), ESCERTKE_ERR_ARG);
    memset(longest + 7, 'h', 256);
    longest[263] = '\0';
    assert_int_equal(esc_http_url_parse(longest, &u, NULL), ESCERTKE_ERR_ARG);
}

static void says_no_user_information_back(void **state)
{
    struct esc_http_url u;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(esc_http_url_parse("http://me:hunter2@host/", &u, &d), ESCERTKE_ERR_ARG);
    assert_null(strstr(d.reason, "hunter2"));
}

static void writes_the_authority(void **state)
{
    static const char *const cases[][2] = {
        { "http://a/x", "http://a" },
        { "https://[::1]:9/x", "https://[::1]:9" },
        { "http://a:80", "http://a:80" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_url u;
        escertke_buf out;
        escertke_buf_init(&out, 100);
        assert_int_equal(esc_http_url_parse(cases[i][0], &u, NULL), ESCERTKE_OK);
        assert_int_equal(esc_http_url_authority(&u, &out), ESCERTKE_OK);
        assert_int_equal(escertke_buf_append(&out, "", 1), ESCERTKE_OK);
        expect_text(cases[i][0], (char *)out.ptr, cases[i][1]);
        escertke_buf_free(&out);
    }
}

static void decodes_percent(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },      { "abc", "abc" }, { "%41%62", "Ab" }, { "%2f%2F", "//" }, { "a%", NULL },           { "a%4", NULL },
        { "%4g", NULL }, { "%g4", NULL },  { "%00", NULL },    { "%%41", NULL },   { "1234567", "1234567" }, { "12345678", NULL },
    };
    char out[8];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_err err = esc_http_percent_decode(text_span(cases[i].in), out, sizeof out);
        expect_err(cases[i].in, err, cases[i].out ? ESCERTKE_OK : ESCERTKE_ERR_ARG, NULL);
        if (cases[i].out)
            expect_text(cases[i].in, out, cases[i].out);
    }
}

static void encodes_percent(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 64);
    assert_int_equal(esc_http_percent_encode(text_span("a/b-._~+ &?#%\xc3\xa4\n"), &out), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&out, "", 1), ESCERTKE_OK);
    expect_text("encode", (char *)out.ptr, "a/b-._~+%20%26%3F%23%25%C3%A4%0A");
    escertke_buf_free(&out);
    escertke_buf_init(&out, 2);
    assert_int_equal(esc_http_percent_encode(text_span(" "), &out), ESCERTKE_ERR_TOO_LARGE);
    escertke_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(refuses_other_urls),
        cmocka_unit_test(says_no_user_information_back),
        cmocka_unit_test(writes_the_authority),
        cmocka_unit_test(decodes_percent),
        cmocka_unit_test(encodes_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

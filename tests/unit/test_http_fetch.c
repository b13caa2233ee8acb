/* Small texts are fetched whole, or not at all. */
#include "binding/http_fetch.h"
#include "binding/http_pages.h"

#include "http_support.h"

static void page(void *ctx, const char *path, struct esc_http_page *p)
{
    (void)ctx;
    p->status = strcmp(path, "/no") == 0 ? 404 : 200;
    assert_int_equal(escertke_buf_append(&p->body, "hello", 5), ESCERTKE_OK);
}

static void fetches(void **state)
{
    static const struct {
        const char *path;
        size_t max;
        escertke_err expected;
    } cases[] = {
        { "/", 5, ESCERTKE_OK },
        { "/", 4, ESCERTKE_ERR_TOO_LARGE },
        { "/no", 5, ESCERTKE_ERR_HTTP },
    };
    const struct esc_http_pages_config cfg = { .listen = "http://127.0.0.1:0", .page = page };
    struct esc_http_pages *p;

    (void)state;
    assert_int_equal(esc_http_pages_start(&cfg, &p, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_buf text;
        escertke_detail d;
        char url[100];
        escertke_detail_init(&d);
        escertke_buf_init(&text, cases[i].max);
        snprintf(url, sizeof url, "%s%s", esc_http_pages_url(p), cases[i].path);
        expect_err(url, esc_http_fetch(url, &text, &d), cases[i].expected, &d);
        if (cases[i].expected == ESCERTKE_OK)
            assert_true(text.len == 5 && memcmp(text.ptr, "hello", 5) == 0);
        escertke_buf_free(&text);
    }
    esc_http_pages_stop(p);
}

static void nobody_there(void **state)
{
    static const char *const urls[] = { "http://127.0.0.1:1/", "file:///etc/passwd", "ftp://127.0.0.1/" };

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        escertke_buf text;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_buf_init(&text, 1000);
        expect_err(urls[i], esc_http_fetch(urls[i], &text, &d), ESCERTKE_ERR_UNREACHABLE, &d);
        assert_int_equal(text.len, 0);
        assert_true(d.reason[0]);
        escertke_buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fetches), cmocka_unit_test(nobody_there) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/http_media.h"

#include "binding_support.h"

static const struct {
    const char *value;
    enum esc_http_media media;
    escertke_format format;
    int ty;
    escertke_err err;
} types[] = {
    { "application/json", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { "Application/JSON", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { " application/json ; charset=utf-8", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { "application/json;ty=2", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 2, ESCERTKE_OK },
    { "application/json; charset=utf-8; TY = 16", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 16, ESCERTKE_OK },
    { "application/vnd.onem2m-res+json; ty=2", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 2, ESCERTKE_OK },
    { "application/vnd.onem2m-ntfy+json", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-preq+json", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-prsp+json", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_OK },
    { "application/xml", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_XML, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-ntfy+xml", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_XML, 0, ESCERTKE_OK },
    { "application/cbor", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_CBOR, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-res+cbor;ty=3", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_CBOR, 3, ESCERTKE_OK },
    { "text/plain", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "text/json", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "application/jsonx", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-foo+json", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "application/vnd.onem2m-ntfy", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "application", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "application/", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { "+json", ESC_MEDIA_UNKNOWN, 0, 0, ESCERTKE_OK },
    { ";ty=2", ESC_MEDIA_UNKNOWN, 0, 2, ESCERTKE_OK },
    { "", ESC_MEDIA_ABSENT, 0, 0, ESCERTKE_OK },
    { "application/json;ty", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=0", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=-2", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=2x", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=2;ty=2", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
    { "application/json;ty=99999999999999", ESC_MEDIA_KNOWN, ESCERTKE_FORMAT_JSON, 0, ESCERTKE_ERR_PRIMITIVE },
};

static void reads_content_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        enum esc_http_media media;
        escertke_format format = 0;
        int ty;
        expect_err(types[i].value, esc_http_content_type_read(text_span(types[i].value), &media, &format, &ty), types[i].err,
                   NULL);
        if (types[i].err != ESCERTKE_OK)
            continue;
        expect_int(types[i].value, media, types[i].media);
        expect_int(types[i].value, format, types[i].format);
        expect_int(types[i].value, ty, types[i].ty);
    }
}

enum { J = ESCERTKE_FORMAT_JSON, X = ESCERTKE_FORMAT_XML, C = ESCERTKE_FORMAT_CBOR };

/* With all three serializations; a build without one is looked at below. */
static void reads_accept(void **state)
{
    static const struct {
        const char *first, *second;
        int chosen, of_json, of_cbor; /* for a request without content, with JSON, with CBOR; 0 = none */
    } cases[] = {
        { NULL, NULL, J, J, C },
        { "", NULL, J, J, C },
        { ",,", NULL, J, J, C },
        { "*/*", NULL, J, J, C },
        { "application/*", NULL, J, J, C },
        { "application/json", NULL, J, J, J },
        { "application/xml", NULL, X, X, X },
        { "application/cbor", NULL, C, C, C },
        { "Application/CBOR", NULL, C, C, C },
        { "application/vnd.onem2m-res+json", NULL, J, J, J },
        { "application/vnd.onem2m-prsp+xml", NULL, X, X, X },
        { "text/html, application/json;q=0.5", NULL, J, J, J },
        { "application/xml", "application/json", J, J, J },
        { "application/xml, application/cbor", NULL, X, X, C },
        { "application/xml;q=0.5, application/cbor;q=0.6", NULL, C, C, C },
        { "application/xml;q=0.5, application/cbor;q=0.599, */*;q=0.1", NULL, C, C, C },
        { "application/xml; q=1.000, application/json;q=0.9", NULL, X, X, X },
        { "application/xml;q=0.5, application/json;q=0.5", NULL, J, J, J },
        { "application/json;q=0.1, */*", NULL, X, X, C },
        { "text/html", NULL, 0, 0, 0 },
        { "application/json;q=0", NULL, 0, 0, 0 },
        { "application/json; q=0.000", NULL, 0, 0, 0 },
        { "*/*, application/json;q=0", NULL, X, X, C },
        { "application/json;q=0, */*", NULL, X, X, C },
        { "application/*;q=0, */*", NULL, 0, 0, 0 },
        { "application/*;q=0, application/json", NULL, J, J, J },
        { "application/json;q=0, application/vnd.onem2m-res+json", NULL, J, J, J },
        { "application/json;q=nonsense", NULL, J, J, J },
        { "application/json;q=7", NULL, J, J, J },
        { "application/json;q=0.00001", NULL, J, J, J }, /* more digits than there may be */
        { "json", NULL, 0, 0, 0 },
        { "xml, */*;q=0", NULL, 0, 0, 0 },
    };

    (void)state;
    if (!escertke_format_available(ESCERTKE_FORMAT_XML) || !escertke_format_available(ESCERTKE_FORMAT_CBOR))
        skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_accept accept = { 0 };
        if (cases[i].first)
            esc_http_accept_read(text_span(cases[i].first), &accept);
        if (cases[i].second)
            esc_http_accept_read(text_span(cases[i].second), &accept);
        expect_int(cases[i].first, esc_http_accept_choose(&accept, (escertke_format)0), cases[i].chosen);
        expect_int(cases[i].first, esc_http_accept_choose(&accept, ESCERTKE_FORMAT_JSON), cases[i].of_json);
        expect_int(cases[i].first, esc_http_accept_choose(&accept, ESCERTKE_FORMAT_CBOR), cases[i].of_cbor);
    }
}

/* What is not built is never chosen, however much it is liked. */
static void chooses_only_what_is_built(void **state)
{
    static const char *const values[] = { "application/json;q=0.1, */*", "application/xml", "application/cbor, application/json;q=0.5", "*/*" };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct esc_http_accept accept = { 0 };
        esc_http_accept_read(text_span(values[i]), &accept);
        escertke_format format = esc_http_accept_choose(&accept, (escertke_format)0);
        assert_true(!format || escertke_format_available(format));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_content_types),
        cmocka_unit_test(reads_accept),
        cmocka_unit_test(chooses_only_what_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

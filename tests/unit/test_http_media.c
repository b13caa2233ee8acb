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

static void reads_accept(void **state)
{
    static const struct {
        const char *first, *second;
        bool json;
    } cases[] = {
        { NULL, NULL, true },
        { "", NULL, true },
        { "*/*", NULL, true },
        { "application/*", NULL, true },
        { "application/json", NULL, true },
        { "text/html, application/json;q=0.5", NULL, true },
        { "application/vnd.onem2m-res+json", NULL, true },
        { "application/xml", "application/json", true },
        { "application/xml", NULL, false },
        { "application/cbor, text/*", NULL, false },
        { "application/json;q=0", NULL, false },
        { "application/json; q=0.000", NULL, false },
        { "*/*, application/json;q=0", NULL, false },
        { "application/json;q=0, */*", NULL, false },
        { "application/*;q=0, */*", NULL, false },
        { "application/*;q=0, application/json", NULL, true },
        { "application/json;q=0, application/vnd.onem2m-res+json", NULL, true },
        { ",,", NULL, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_accept accept = { 0 };
        if (cases[i].first)
            esc_http_accept_read(text_span(cases[i].first), &accept);
        if (cases[i].second)
            esc_http_accept_read(text_span(cases[i].second), &accept);
        expect_int(cases[i].first, esc_http_accept_json(&accept), cases[i].json);
    }
}

static void names_media_types(void **state)
{
    (void)state;
    expect_text("json", esc_http_media_name(ESCERTKE_FORMAT_JSON), "application/json");
    expect_text("xml", esc_http_media_name(ESCERTKE_FORMAT_XML), "application/xml");
    expect_text("cbor", esc_http_media_name(ESCERTKE_FORMAT_CBOR), "application/cbor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_content_types),
        cmocka_unit_test(reads_accept),
        cmocka_unit_test(names_media_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

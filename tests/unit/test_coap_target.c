#include "binding/coap_target.h"

#include "binding_support.h"

static const struct {
    const char *url, *written;
} urls[] = {
    { "coap://127.0.0.1", "coap://127.0.0.1:5683" },       { "coaps://a.example/", "coaps://a.example:5684" },
    { "coap://[::1]:61616/notify/", "coap://[::1]:61616/notify" }, { "coap://h:0", "coap://h:0" },
};

static const char *const bad_urls[] = { "http://a", "coap:/a", "coap://", "coap://a:70000", "coap://u@a", "coap://a?b",
                                        "coaps://a/%2" };

static void reads_urls(void **state)
{
    struct esc_http_url u;
    escertke_detail d;
    char text[600];

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        escertke_detail_init(&d);
        expect_err(urls[i].url, esc_coap_url_parse(urls[i].url, &u, &d), ESCERTKE_OK, &d);
        assert_int_equal(u.https, strncmp(urls[i].url, "coaps", 5) == 0);
        esc_coap_url_write(&u, u.port, text, sizeof text);
        expect_text(urls[i].url, text, urls[i].written);
    }
    for (size_t i = 0; i < COUNT(bad_urls); i++) {
        escertke_detail_init(&d);
        expect_err(bad_urls[i], esc_coap_url_parse(bad_urls[i], &u, &d), ESCERTKE_ERR_ARG, &d);
    }
}

#define SEGMENTS_MAX 8

static const struct {
    const char *name, *prefix;
    const char *segments[SEGMENTS_MAX];
    escertke_err err;
    const char *to;
} paths[] = {
    { "no path", "", { NULL }, ESCERTKE_OK, NULL },
    { "one empty segment", "", { "" }, ESCERTKE_OK, NULL },
    { "CSE-relative", "", { "in1base", "meterAE" }, ESCERTKE_OK, "in1base/meterAE" },
    { "shortcut", "", { "-" }, ESCERTKE_OK, "-" },
    { "SP-relative", "", { "~", "in1", "S5f0e" }, ESCERTKE_OK, "/in1/S5f0e" },
    { "Absolute", "", { "_", "m2m.prov.com", "in1", "-" }, ESCERTKE_OK, "//m2m.prov.com/in1/-" },
    { "empty at the end", "", { "~", "in1", "" }, ESCERTKE_OK, "/in1" },
    { "name that begins with a tilde", "", { "~x" }, ESCERTKE_OK, "~x" },
    { "prefix alone", "/notify", { "notify" }, ESCERTKE_OK, NULL },
    { "prefix and slash", "/notify", { "notify", "" }, ESCERTKE_OK, NULL },
    { "below the prefix", "/a/b", { "a", "b", "~", "in1", "C1" }, ESCERTKE_OK, "/in1/C1" },
    { "outside the prefix", "/notify", { "notifyme" }, ESCERTKE_ERR_NOT_FOUND, NULL },
    { "no path, prefix", "/notify", { NULL }, ESCERTKE_ERR_NOT_FOUND, NULL },
    { "half the prefix", "/a/b", { "a" }, ESCERTKE_ERR_NOT_FOUND, NULL },
    { "empty in the middle", "", { "a", "", "b" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "empty at the beginning", "", { "", "b" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "two empty", "", { "a", "", "" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "slash in a segment", "", { "a/b" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "up", "", { "a", "..", "b" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "tilde alone", "", { "~" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "underscore alone", "", { "_", "" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "control character", "", { "a\x01" }, ESCERTKE_ERR_PRIMITIVE, NULL },
    { "not UTF-8", "", { "\xff" }, ESCERTKE_ERR_PRIMITIVE, NULL },
};

static void reads_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct esc_coap_path p = { .len = 0 };
        escertke_primitive req;
        escertke_detail d;

        escertke_detail_init(&d);
        escertke_primitive_init(&req);
        for (size_t s = 0; s < SEGMENTS_MAX && paths[i].segments[s]; s++)
            esc_coap_path_add(&p, text_span(paths[i].segments[s]));
        expect_err(paths[i].name, esc_coap_path_read(&p, paths[i].prefix, &req, &d), paths[i].err, &d);
        assert_int_equal(d.reason[0] != '\0', paths[i].err != ESCERTKE_OK);
        expect_text(paths[i].name, req.to, paths[i].to);
        escertke_primitive_clear(&req);
    }
}

static void bounds_paths(void **state)
{
    struct esc_coap_path p = { .len = 0 };
    escertke_primitive req;
    char segment[256];

    (void)state;
    memset(segment, 'a', 255);
    segment[255] = '\0';
    for (int i = 0; i < 1000; i++)
        esc_coap_path_add(&p, text_span(segment));
    assert_true(p.bad && p.len <= ESC_COAP_TO_MAX);
    escertke_primitive_init(&req);
    assert_int_equal(esc_coap_path_read(&p, "", &req, NULL), ESCERTKE_ERR_PRIMITIVE);
    p = (struct esc_coap_path){ .len = 0 };
    esc_coap_path_add(&p, (escertke_span){ (const uint8_t *)"a\0b", 3 });
    assert_int_equal(esc_coap_path_read(&p, "", &req, NULL), ESCERTKE_ERR_PRIMITIVE);
    escertke_primitive_clear(&req);
}

static const struct {
    const char *pairs[4];
    escertke_err err;
    int rt, rcn, op;
    const char *atrl;
    bool other;
} queries[] = {
    { { NULL }, ESCERTKE_OK, 0, -1, 0, NULL, false },
    { { "rt=3", "rcn=0" }, ESCERTKE_OK, 3, 0, 0, NULL, false },
    { { "op=5", "rt=1" }, ESCERTKE_OK, 1, -1, 5, NULL, false },
    { { "atrl=esi+poa" }, ESCERTKE_OK, 0, -1, 0, "esi+poa", false },
    { { "lim=3", "", "nonsense" }, ESCERTKE_OK, 0, -1, 0, NULL, true },
    { { "rt=x" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, NULL, false },
    { { "rt=6" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, NULL, false },
    { { "rt=3", "rt=3" }, ESCERTKE_ERR_PRIMITIVE, 3, -1, 0, NULL, false },
    { { "rcn=1", "rcn=1" }, ESCERTKE_ERR_PRIMITIVE, 0, 1, 0, NULL, false },
    { { "op=6" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, NULL, false },
    { { "op=5", "op=5" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 5, NULL, false },
    { { "atrl=" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, NULL, false },
    { { "atrl=a b" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, NULL, false },
    { { "atrl=a", "atrl=b" }, ESCERTKE_ERR_PRIMITIVE, 0, -1, 0, "a", false },
};

static void reads_queries(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        const char *name = queries[i].pairs[0] ? queries[i].pairs[0] : "none";
        escertke_err err = ESCERTKE_OK;
        escertke_primitive req;
        int op = 0;

        escertke_primitive_init(&req);
        for (size_t k = 0; k < 4 && queries[i].pairs[k] && err == ESCERTKE_OK; k++)
            err = esc_coap_query_read(text_span(queries[i].pairs[k]), &req, &op, NULL);
        expect_err(name, err, queries[i].err, NULL);
        expect_int(name, req.rt, queries[i].rt);
        expect_int(name, req.rcn, queries[i].rcn);
        expect_int(name, op, queries[i].op);
        expect_text(name, req.atrl, queries[i].atrl);
        assert_int_equal(req.other_params, queries[i].other);
        escertke_primitive_clear(&req);
    }
}

static const struct {
    const char *name, *base;
    bool to_ae;
    const char *to, *atrl;
    int rt, rcn, op;
    escertke_err err;
    const char *written; /* segments and pairs */
} writes[] = {
    { "CSE-relative", "coap://h", false, "in1base/meterAE", NULL, 0, -1, 0, ESCERTKE_OK, "/in1base/meterAE" },
    { "SP-relative", "coap://h", false, "/in1/S5f0e", NULL, 0, -1, 0, ESCERTKE_OK, "/~/in1/S5f0e" },
    { "Absolute", "coap://h", false, "//m2m.prov.com/in1/-", NULL, 0, -1, 0, ESCERTKE_OK, "/_/m2m.prov.com/in1/-" },
    { "bare CSE-ID", "coap://h", false, "/in1", NULL, 0, -1, 0, ESCERTKE_OK, "/~/in1" },
    { "dot", "coap://h", false, "/in1/.", NULL, 0, -1, 0, ESCERTKE_OK, "/~/in1/-" },
    { "below a path", "coap://h/a%20b/c", false, "/in1/C1", NULL, 0, -1, 0, ESCERTKE_OK, "/a b/c/~/in1/C1" },
    { "AE with a path", "coap://h/notify", true, NULL, NULL, 0, -1, 0, ESCERTKE_OK, "/notify" },
    { "AE without a path", "coap://h", true, "/in1/C1", NULL, 0, -1, 0, ESCERTKE_OK, "/~/in1/C1" },
    { "query", "coap://h", false, "/in1/C1", "esi+poa", 2, 1, 5, ESCERTKE_OK, "/~/in1/C1?op=5?rt=2?rcn=1?atrl=esi+poa" },
    { "attribute in To", "coap://h", false, "/in1/C1#esi", NULL, 0, -1, 0, ESCERTKE_OK, "/~/in1/C1?atrl=esi" },
    { "attribute twice", "coap://h", false, "/in1/C1#esi", "poa", 0, -1, 0, ESCERTKE_ERR_ARG, NULL },
    { "no To", "coap://h", false, NULL, NULL, 0, -1, 0, ESCERTKE_ERR_ARG, NULL },
    { "To is no address", "coap://h", false, "/in1//x", NULL, 0, -1, 0, ESCERTKE_ERR_ARG, NULL },
};

static void show(escertke_span options, char *text)
{
    struct esc_coap_options it = { .rest = options };
    struct esc_coap_option o;

    *text = '\0';
    while (esc_coap_option_next(&it, &o))
        text += sprintf(text, "%c%.*s", o.number == ESC_COAP_URI_PATH ? '/' : '?', (int)o.value.len, (const char *)o.value.ptr);
}

static void writes_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        escertke_primitive req;
        escertke_detail d;
        escertke_buf options;
        struct esc_coap_writer w = { .out = &options };
        struct esc_http_url base;
        char text[1000];

        escertke_detail_init(&d);
        escertke_buf_init(&options, 2000);
        make_request(&req, ESCERTKE_OP_NOTIFY, writes[i].to, "r", NULL);
        set(&req.atrl, writes[i].atrl);
        req.rt = writes[i].rt;
        req.rcn = writes[i].rcn;
        assert_int_equal(esc_coap_url_parse(writes[i].base, &base, &d), ESCERTKE_OK);
        escertke_err err = esc_coap_path_write(&base, writes[i].to_ae, &req, &w, &d);
        if (err == ESCERTKE_OK)
            err = esc_coap_query_write(&req, !writes[i].to_ae || !base.path[0], writes[i].op, &w, &d);
        expect_err(writes[i].name, err, writes[i].err, &d);
        show(escertke_buf_span(&options), text);
        if (writes[i].written)
            expect_text(writes[i].name, text, writes[i].written);
        escertke_buf_free(&options);
        escertke_primitive_clear(&req);
    }
}

static void refuses_long_attributes(void **state)
{
    escertke_primitive req;
    escertke_buf options;
    struct esc_coap_writer w = { .out = &options };
    char atrl[260];

    (void)state;
    memset(atrl, 'a', sizeof atrl - 1);
    atrl[sizeof atrl - 1] = '\0';
    escertke_buf_init(&options, 2000);
    make_request(&req, ESCERTKE_OP_RETRIEVE, "/in1/C1", "r", NULL);
    set(&req.atrl, atrl);
    assert_int_equal(esc_coap_query_write(&req, true, 0, &w, NULL), ESCERTKE_ERR_ARG);
    escertke_buf_free(&options);
    escertke_primitive_clear(&req);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),     cmocka_unit_test(reads_paths),    cmocka_unit_test(bounds_paths),
        cmocka_unit_test(reads_queries),  cmocka_unit_test(writes_targets), cmocka_unit_test(refuses_long_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

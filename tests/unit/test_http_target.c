#include "binding/http_target.h"

#include "binding_support.h"

/* R-BH-2, R-BH-3, R-BH-7, A-53 */
static const struct {
    const char *base, *to, *atrl;
    bool to_ae;
    int rt, rcn;
    const char *target;
} written[] = {
    { "http://h:1", "in1base/meterAE", NULL, false, 0, -1, "/in1base/meterAE" },
    { "http://h:1", "-", NULL, false, 0, -1, "/-" },
    { "http://h:1", "S5f0e", NULL, false, 0, -1, "/S5f0e" },
    { "http://h:1", "/in1/S5f0e", NULL, false, 0, -1, "/~/in1/S5f0e" },
    { "http://h:1/", "/in1/-/meterAE/", NULL, false, 0, -1, "/~/in1/-/meterAE" },
    { "http://h:1", "/in1", NULL, false, 0, -1, "/~/in1" },
    { "http://h:1", "//m2m.prov.com/in1/-", NULL, false, 0, -1, "/_/m2m.prov.com/in1/-" },
    { "http://h:1/onem2m/", "/in1/S5f0e", NULL, false, 0, -1, "/onem2m/~/in1/S5f0e" },
    { "http://h:1/notify", "/in1/S5f0e", NULL, true, 0, -1, "/notify" },
    { "http://h:1/notify/", "/in1/S5f0e", NULL, true, 0, -1, "/notify" },
    { "http://h:1", "/in1/S5f0e", NULL, true, 0, -1, "/~/in1/S5f0e" },
    { "http://h:1", "-/x", "esi", false, 0, -1, "/-/x?atrl=esi" },
    { "http://h:1", "-/x#esi", NULL, false, 0, -1, "/-/x?atrl=esi" },
    { "http://h:1", "-/x", "esi+poa", false, 0, 1, "/-/x?rcn=1&atrl=esi+poa" },
    { "http://h:1", "-/x", NULL, false, 3, 0, "/-/x?rt=3&rcn=0" },
    { "http://h:1", "-/x", NULL, false, 0, 7, "/-/x?rcn=7" },
};

static void writes_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(written); i++) {
        struct esc_http_url base;
        escertke_primitive req;
        escertke_detail d;
        escertke_buf out;
        escertke_detail_init(&d);
        escertke_buf_init(&out, ESC_HTTP_TARGET_MAX);
        make_request(&req, ESCERTKE_OP_RETRIEVE, written[i].to, "1", NULL);
        set(&req.atrl, written[i].atrl);
        req.rt = written[i].rt;
        req.rcn = written[i].rcn;
        assert_int_equal(esc_http_url_parse(written[i].base, &base, NULL), ESCERTKE_OK);
        expect_err(written[i].target, esc_http_target_write(&base, written[i].to_ae, &req, &out, &d), ESCERTKE_OK, &d);
        assert_int_equal(escertke_buf_append(&out, "", 1), ESCERTKE_OK);
        expect_text(written[i].to, (char *)out.ptr, written[i].target);
        escertke_buf_free(&out);
        escertke_primitive_clear(&req);
    }
}

static void refuses_to_write(void **state)
{
    static const struct {
        const char *to, *atrl;
    } cases[] = { { NULL, NULL }, { "a//b", NULL }, { "a/../b", NULL }, { "x#esi", "esi" } };
    struct esc_http_url base;

    (void)state;
    assert_int_equal(esc_http_url_parse("http://h", &base, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive req;
        escertke_buf out;
        escertke_buf_init(&out, 100);
        make_request(&req, ESCERTKE_OP_RETRIEVE, cases[i].to, "1", NULL);
        set(&req.atrl, cases[i].atrl);
        expect_err("write", esc_http_target_write(&base, true, &req, &out, NULL), ESCERTKE_ERR_ARG, NULL);
        escertke_buf_free(&out);
        escertke_primitive_clear(&req);
    }
}

static const struct {
    const char *target, *prefix;
    escertke_err err;
    const char *to, *atrl;
    int rt, rcn;
    bool other;
} read_cases[] = {
    { "/in1base/meterAE", "", ESCERTKE_OK, "in1base/meterAE", NULL, 0, -1, false },
    { "/~/in1/S5f0e", "", ESCERTKE_OK, "/in1/S5f0e", NULL, 0, -1, false },
    { "/~/in1/S5f0e/", "", ESCERTKE_OK, "/in1/S5f0e", NULL, 0, -1, false },
    { "/_/m2m.prov.com/in1/-", "", ESCERTKE_OK, "//m2m.prov.com/in1/-", NULL, 0, -1, false },
    { "/%7E/in1/%53x", "", ESCERTKE_OK, "/in1/Sx", NULL, 0, -1, false },
    { "/notify", "/notify", ESCERTKE_OK, NULL, NULL, 0, -1, false },
    { "/notify/", "/notify", ESCERTKE_OK, NULL, NULL, 0, -1, false },
    { "/notify?rcn=1", "/notify", ESCERTKE_OK, NULL, NULL, 0, 1, false },
    { "/notify/~/in1/S1", "/notify", ESCERTKE_OK, "/in1/S1", NULL, 0, -1, false },
    { "/%6Eotify/x", "/notify", ESCERTKE_OK, "x", NULL, 0, -1, false },
    { "/notifyx", "/notify", ESCERTKE_ERR_NOT_FOUND, NULL, NULL, 0, -1, false },
    { "/", "/notify", ESCERTKE_ERR_NOT_FOUND, NULL, NULL, 0, -1, false },
    { "/other/notify", "/notify", ESCERTKE_ERR_NOT_FOUND, NULL, NULL, 0, -1, false },
    { "/", "", ESCERTKE_OK, NULL, NULL, 0, -1, false },
    { "http://h:8080/~/in1", "", ESCERTKE_OK, "/in1", NULL, 0, -1, false },
    { "HTTPS://h/x", "", ESCERTKE_OK, "x", NULL, 0, -1, false },
    { "http://h", "", ESCERTKE_OK, NULL, NULL, 0, -1, false },
    { "http://h?rcn=3", "", ESCERTKE_OK, NULL, NULL, 0, 3, false },
    { "/x?atrl=esi", "", ESCERTKE_OK, "x", "esi", 0, -1, false },
    { "/x?atrl=esi+poa&rt=3&rcn=1", "", ESCERTKE_OK, "x", "esi+poa", 3, 1, false },
    { "/x?atrl=esi%2Bpoa", "", ESCERTKE_OK, "x", "esi+poa", 0, -1, false },
    { "/x?", "", ESCERTKE_OK, "x", NULL, 0, -1, false },
    { "/x?&&", "", ESCERTKE_OK, "x", NULL, 0, -1, false },
    { "/x?fu=1&lbl=a", "", ESCERTKE_OK, "x", NULL, 0, -1, true },
    { "/x%23esi", "", ESCERTKE_OK, "x#esi", NULL, 0, -1, false },
    { "/~x/y", "", ESCERTKE_OK, "~x/y", NULL, 0, -1, false },
    { "/~", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/~/", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/_", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/_/", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/~//sp/cse", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/_//sp", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "//in1/x", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/%2Fin1/x", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/a%0d%0ab", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/a%00b", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/a%ff", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/a%4", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "x", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "*", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rt=0", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rt=6", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rt=", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rt", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rt=3&rt=3", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rcn=-1", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rcn=1&rcn=1", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?rcn=99999999999999999999", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?atrl=", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?atrl=a&atrl=b", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
    { "/x?atrl=a%0a", "", ESCERTKE_ERR_PRIMITIVE, NULL, NULL, 0, -1, false },
};

static void reads_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(read_cases); i++) {
        const char *name = read_cases[i].target;
        escertke_primitive req;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&req);
        expect_err(name, esc_http_target_read(text_span(name), read_cases[i].prefix, &req, &d), read_cases[i].err, &d);
        if (read_cases[i].err == ESCERTKE_OK) {
            expect_text(name, req.to, read_cases[i].to);
            expect_text(name, req.atrl, read_cases[i].atrl);
            expect_int(name, req.rt, read_cases[i].rt);
            expect_int(name, req.rcn, read_cases[i].rcn);
            expect_int(name, req.other_params, read_cases[i].other);
        } else {
            assert_true(d.reason[0]);
        }
        escertke_primitive_clear(&req);
    }
}

static void bounds_the_length(void **state)
{
    char target[ESC_HTTP_TARGET_MAX + 2];
    escertke_primitive req;

    (void)state;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    escertke_primitive_init(&req);
    assert_int_equal(esc_http_target_read((escertke_span){ (uint8_t *)target, ESC_HTTP_TARGET_MAX + 1 }, "", &req, NULL),
                     ESCERTKE_ERR_PRIMITIVE);
    assert_int_equal(esc_http_target_read((escertke_span){ (uint8_t *)target, ESC_HTTP_TARGET_MAX }, "", &req, NULL),
                     ESCERTKE_OK);
    assert_int_equal(strlen(req.to), ESC_HTTP_TARGET_MAX - 1);
    escertke_primitive_clear(&req);
}

/* The longest Absolute path gains one character when it becomes To. */
static void bounds_the_length_of_absolute(void **state)
{
    char target[ESC_HTTP_TARGET_MAX];
    escertke_primitive req;

    (void)state;
    memset(target, 'a', sizeof target);
    memcpy(target, "/_/", 3);
    escertke_primitive_init(&req);
    assert_int_equal(esc_http_target_read((escertke_span){ (uint8_t *)target, sizeof target }, "", &req, NULL), ESCERTKE_OK);
    assert_int_equal(strlen(req.to), sizeof target - 1);
    escertke_primitive_clear(&req);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_targets),
        cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(reads_targets),
        cmocka_unit_test(bounds_the_length),
        cmocka_unit_test(bounds_the_length_of_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "m2m_support.h"

#include <escertke/m2m.h>

static const struct {
    const char *text;
    escertke_scope scope;
    const char *sp, *cse, *path, *attr;
} good[] = {
    /* R 4.2 */
    { "in1base/meterAE", ESCERTKE_SCOPE_CSE, "", "", "in1base/meterAE", "" },
    { "-/meterAE", ESCERTKE_SCOPE_CSE, "", "", "-/meterAE", "" },
    { "S5f0e", ESCERTKE_SCOPE_CSE, "", "", "S5f0e", "" },
    { "-", ESCERTKE_SCOPE_CSE, "", "", "-", "" },
    { ".", ESCERTKE_SCOPE_CSE, "", "", ".", "" },
    { "./meterAE", ESCERTKE_SCOPE_CSE, "", "", "./meterAE", "" },
    { "in1base/meterAE/", ESCERTKE_SCOPE_CSE, "", "", "in1base/meterAE", "" },
    { "-/meterAE#esi", ESCERTKE_SCOPE_CSE, "", "", "-/meterAE", "esi" },
    { "-/meterAE/#esi", ESCERTKE_SCOPE_CSE, "", "", "-/meterAE", "esi" },
    { "/in1/in1base/meterAE", ESCERTKE_SCOPE_SP, "", "/in1", "in1base/meterAE", "" },
    { "/in1/-/meterAE", ESCERTKE_SCOPE_SP, "", "/in1", "-/meterAE", "" },
    { "/in1/S5f0e", ESCERTKE_SCOPE_SP, "", "/in1", "S5f0e", "" },
    { "/in1/-", ESCERTKE_SCOPE_SP, "", "/in1", "-", "" },
    { "/in1/.", ESCERTKE_SCOPE_SP, "", "/in1", ".", "" },
    { "/in1", ESCERTKE_SCOPE_SP, "", "/in1", "", "" },
    { "/in1/", ESCERTKE_SCOPE_SP, "", "/in1", "", "" },
    { "/in1#esi", ESCERTKE_SCOPE_SP, "", "/in1", "", "esi" },
    { "/tinyiot/4-20261124T165053,6840003", ESCERTKE_SCOPE_SP, "", "/tinyiot", "4-20261124T165053,6840003", "" },
    { "/in1/-/meterAE/pch/pcu", ESCERTKE_SCOPE_SP, "", "/in1", "-/meterAE/pch/pcu", "" },
    { "//m2m.prov.com/in1/-/meterAE", ESCERTKE_SCOPE_ABSOLUTE, "//m2m.prov.com", "/in1", "-/meterAE", "" },
    { "//m2m.prov.com/in1/S5f0e#esi", ESCERTKE_SCOPE_ABSOLUTE, "//m2m.prov.com", "/in1", "S5f0e", "esi" },
    { "//m2m.prov.com/in1", ESCERTKE_SCOPE_ABSOLUTE, "//m2m.prov.com", "/in1", "", "" },
    { "//m2m.prov.com/in1/", ESCERTKE_SCOPE_ABSOLUTE, "//m2m.prov.com", "/in1", "", "" },
};

static void assert_span(const char *text, escertke_span span, const char *expected)
{
    if (!escertke_span_equal(span, escertke_span_str(expected)))
        fail_msg("%s: expected \"%s\", found \"%.*s\"", text, expected, (int)span.len, (const char *)span.ptr);
}

static void parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        escertke_address a;
        expect_err(good[i].text, escertke_address_parse(escertke_span_str(good[i].text), &a), ESCERTKE_OK);
        assert_int_equal(a.scope, good[i].scope);
        assert_span(good[i].text, a.sp, good[i].sp);
        assert_span(good[i].text, a.cse, good[i].cse);
        assert_span(good[i].text, a.path, good[i].path);
        assert_span(good[i].text, a.attr, good[i].attr);
    }
}

static void refused(void **state)
{
    static const escertke_span bad[] = {
        BYTES(""),
        BYTES("/"),
        BYTES("//"),
        BYTES("///"),
        BYTES("//m2m.prov.com"),
        BYTES("//m2m.prov.com/"),
        BYTES("//M2M.org/in1"),
        BYTES("//m2m.prov.com//x"),
        BYTES("/in1//x"),
        BYTES("/in1/x//"),
        BYTES("x//y"),
        BYTES("x/../y"),
        BYTES("../y"),
        BYTES(".."),
        BYTES("/in1/.."),
        BYTES("/../in1"),
        BYTES("x/."),
        BYTES("x/./y"),
        BYTES("/-/x"),
        BYTES("/~/in1"),
        BYTES("/_/m2m.prov.com/in1"),
        BYTES("x y"),
        BYTES("x?a=b"),
        BYTES("x%2Fy"),
        BYTES("x\0y"),
        BYTES("x\ny"),
        BYTES("x#"),
        BYTES("x#e s"),
        BYTES("x#esi/"),
        BYTES("x#esi#poa"),
        BYTES("#esi"),
        BYTES("x\xc3\xbc"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        escertke_address a;
        expect_err((const char *)bad[i].ptr, escertke_address_parse(bad[i], &a), ESCERTKE_ERR_ID);
    }
}

static void length_limit(void **state)
{
    char text[ESCERTKE_ID_MAX + 1];
    escertke_address a;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(escertke_address_parse((escertke_span){ (const uint8_t *)text, ESCERTKE_ID_MAX }, &a), ESCERTKE_OK);
    assert_int_equal(escertke_address_parse((escertke_span){ (const uint8_t *)text, ESCERTKE_ID_MAX + 1 }, &a), ESCERTKE_ERR_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(refused),
        cmocka_unit_test(length_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

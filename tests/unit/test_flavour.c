#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <escertke/cert.h>

static void test_names(void **state)
{
    static const struct {
        escertke_flavour flavour;
        int number; /* Credential-ID type of TS-0003 12.3.2.1 */
        const char *name;
    } rows[] = {
        { ESCERTKE_FLAVOUR_BY_ID, 0, "" },   { ESCERTKE_FLAVOUR_RAW, 30, "raw" },   { ESCERTKE_FLAVOUR_DEVICE, 31, "device" },
        { ESCERTKE_FLAVOUR_CSE, 32, "cse" }, { ESCERTKE_FLAVOUR_AE, 33, "ae" },     { ESCERTKE_FLAVOUR_NODE, 34, "node" },
    };
    static const char *const unknown[] = { "AE", "a", "aes", "fqdn", " ae" };
    escertke_flavour f;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rows[i].flavour, rows[i].number);
        assert_string_equal(escertke_flavour_name(rows[i].flavour), rows[i].name);
        assert_int_equal(escertke_flavour_parse(rows[i].name, &f), ESCERTKE_OK);
        assert_int_equal(f, rows[i].flavour);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(escertke_flavour_parse(unknown[i], &f), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_flavour_parse(NULL, &f), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_flavour_parse("ae", NULL), ESCERTKE_ERR_ARG);
    assert_string_equal(escertke_flavour_name((escertke_flavour)35), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

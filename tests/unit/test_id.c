#include "m2m_support.h"

#include <escertke/m2m.h>

static const struct {
    const char *name;
    escertke_span text;
    escertke_err expected;
    escertke_id_kind kind;
    uint16_t sp_len, cse_len;
} absolutes[] = {
    { "CSE", BYTES("//m2m.prov.com/mn1"), ESCERTKE_OK, ESCERTKE_ID_CSE, 14, 4 },
    { "C-type AE", BYTES("//m2m.prov.com/mn1/Ca1b2c3"), ESCERTKE_OK, ESCERTKE_ID_AE_C, 14, 4 },
    { "S-type AE or CSE", BYTES("//m2m.prov.com/S5f0e"), ESCERTKE_OK, ESCERTKE_ID_CSE_OR_AE_S, 14, 6 },
    { "underscore behind S (A-69)", BYTES("//m2m.prov.com/S_SAH25"), ESCERTKE_OK, ESCERTKE_ID_CSE_OR_AE_S, 14, 8 },
    { "digits first (A-69)", BYTES("//3m2m.com/1in~x"), ESCERTKE_OK, ESCERTKE_ID_CSE, 10, 6 },
    { "C-type AE of a CSE that begins with S", BYTES("//a/Smn/Cx"), ESCERTKE_OK, ESCERTKE_ID_AE_C, 3, 4 },
    { "CSE named S", BYTES("//a/S"), ESCERTKE_OK, ESCERTKE_ID_CSE, 3, 2 },
    { "CSE that begins with C", BYTES("//a/Cx"), ESCERTKE_OK, ESCERTKE_ID_CSE, 3, 3 },
    { "empty", BYTES(""), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "SP alone", BYTES("//m2m.prov.com"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "SP and slash", BYTES("//m2m.prov.com/"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "slashes", BYTES("///in1"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "SP-relative", BYTES("/mn1/Cx"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "stem", BYTES("Cx"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "upper case in the SP", BYTES("//M2m.prov.com/mn1"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "empty label", BYTES("//m2m..com/mn1"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "S-stem behind a CSE", BYTES("//a/in1/S5f0e"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "resource behind a CSE", BYTES("//a/in1/base"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "C-stem without stem", BYTES("//a/in1/C"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "empty third component", BYTES("//a/in1/"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "empty second component", BYTES("//a//Cx"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "four components", BYTES("//a/in1/Cx/y"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "trailing slash", BYTES("//a/in1/Cx/"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "shortcut", BYTES("//a/-"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "dot dot", BYTES("//a/../Cx"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "bad character", BYTES("//a/in1/Cx y"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "NUL", BYTES("//a/in1/Cx\0"), ESCERTKE_ERR_ID, 0, 0, 0 },
    { "attribute", BYTES("//a/in1#esi"), ESCERTKE_ERR_ID, 0, 0, 0 },
};

static void parse_absolute(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(absolutes); i++) {
        escertke_id id;
        expect_err(absolutes[i].name, escertke_id_parse(absolutes[i].text, &id), absolutes[i].expected);
        if (absolutes[i].expected != ESCERTKE_OK)
            continue;
        assert_memory_equal(id.text, absolutes[i].text.ptr, absolutes[i].text.len);
        assert_int_equal(strlen(id.text), absolutes[i].text.len);
        assert_int_equal(id.kind, absolutes[i].kind);
        assert_int_equal(id.sp_len, absolutes[i].sp_len);
        assert_int_equal(id.cse_len, absolutes[i].cse_len);
    }
}

/* "//a/in1/C" and so many characters that the whole is @p len long. */
static escertke_err parse_of_length(size_t len, escertke_id *id)
{
    char text[ESCERTKE_ID_MAX + 2];

    memset(text, 'x', sizeof text);
    memcpy(text, "//a/in1/C", 9);
    return escertke_id_parse((escertke_span){ (const uint8_t *)text, len }, id);
}

static void length_limit(void **state)
{
    escertke_id id;

    (void)state;
    assert_int_equal(parse_of_length(ESCERTKE_ID_MAX, &id), ESCERTKE_OK);
    assert_int_equal(strlen(id.text), ESCERTKE_ID_MAX);
    assert_int_equal(parse_of_length(ESCERTKE_ID_MAX + 1, &id), ESCERTKE_ERR_ID);
}

static const struct {
    const char *name, *from, *sp, *cse;
    escertke_err expected;
    const char *absolute;
    escertke_id_kind kind;
} relatives[] = {
    { "bare C-stem", "Ca1b2c3", "//m2m.prov.com", "/in1", ESCERTKE_OK, "//m2m.prov.com/in1/Ca1b2c3", ESCERTKE_ID_AE_C },
    { "bare S-stem", "S5f0e", "//m2m.prov.com", "/in1", ESCERTKE_OK, "//m2m.prov.com/S5f0e", ESCERTKE_ID_CSE_OR_AE_S },
    { "bare S-stem, CSE unknown", "S5f0e", "//m2m.prov.com", NULL, ESCERTKE_OK, "//m2m.prov.com/S5f0e", ESCERTKE_ID_CSE_OR_AE_S },
    { "SP-relative AE", "/mn1/Ca1b2c3", "//m2m.prov.com", "/in1", ESCERTKE_OK, "//m2m.prov.com/mn1/Ca1b2c3", ESCERTKE_ID_AE_C },
    { "SP-relative S-type AE", "/S5f0e", "//m2m.prov.com", "/in1", ESCERTKE_OK, "//m2m.prov.com/S5f0e", ESCERTKE_ID_CSE_OR_AE_S },
    { "SP-relative CSE", "/mn1", "//m2m.prov.com", "", ESCERTKE_OK, "//m2m.prov.com/mn1", ESCERTKE_ID_CSE },
    { "Absolute stays", "//other.org/mn1/Cx", "//m2m.prov.com", "/in1", ESCERTKE_OK, "//other.org/mn1/Cx", ESCERTKE_ID_AE_C },
    { "Absolute needs no context", "//other.org/mn1", NULL, NULL, ESCERTKE_OK, "//other.org/mn1", ESCERTKE_ID_CSE },
    { "C-stem, CSE unknown", "Cx", "//a", NULL, ESCERTKE_ERR_ID, NULL, 0 },
    { "C-stem, CSE empty", "Cx", "//a", "", ESCERTKE_ERR_ID, NULL, 0 },
    { "SP unknown", "S5f0e", NULL, "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "SP unknown, SP-relative", "/mn1", "", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "empty", "", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "other first letter", "Xabc", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "lower case", "cabc", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "C without stem", "C", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "S without stem", "S", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "slash only", "/", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "S-stem that smuggles a C-stem", "Smn1/Cvictim", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "C-stem with more behind", "Cx/Cy", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "address of an S-type AE", "/in1/S5f0e", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "own CSE-ID without slash", "Cx", "//a", "in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "own CSE-ID of two components", "Cx", "//a", "/in1/x", ESCERTKE_ERR_ID, NULL, 0 },
    { "own SP-ID with a path", "/Cx", "//a/b", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
    { "line end", "Cx\n", "//a", "/in1", ESCERTKE_ERR_ID, NULL, 0 },
};

static void normalise(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(relatives); i++) {
        escertke_id_context ctx = { relatives[i].sp, relatives[i].cse };
        escertke_id id;
        expect_err(relatives[i].name, escertke_id_normalise(escertke_span_str(relatives[i].from), &ctx, &id),
                   relatives[i].expected);
        if (relatives[i].expected != ESCERTKE_OK)
            continue;
        assert_string_equal(id.text, relatives[i].absolute);
        assert_int_equal(id.kind, relatives[i].kind);
    }
}

static void normalised_length_limit(void **state)
{
    escertke_id_context ctx = { "//a", "/in1" };
    char stem[ESCERTKE_ID_MAX + 1];
    escertke_id id;

    (void)state;
    memset(stem, 'x', sizeof stem);
    stem[0] = 'C';
    escertke_span longest = { (const uint8_t *)stem, ESCERTKE_ID_MAX - strlen("//a/in1/") };
    assert_int_equal(escertke_id_normalise(longest, &ctx, &id), ESCERTKE_OK);
    assert_int_equal(strlen(id.text), ESCERTKE_ID_MAX);
    longest.len++;
    assert_int_equal(escertke_id_normalise(longest, &ctx, &id), ESCERTKE_ERR_ID);
    longest.len = ESCERTKE_ID_MAX + 1;
    assert_int_equal(escertke_id_normalise(longest, &ctx, &id), ESCERTKE_ERR_ID);
}

static const struct {
    const char *name, *id, *in;
    escertke_err expected;
    const char *domain;
} domains[] = {
    /* R-ID-51 */
    { "IN", "//m2m.prov.com/in1", NULL, ESCERTKE_OK, "in1.m2m.prov.com" },
    { "IN that knows its own id", "//m2m.prov.com/in1", "/in1", ESCERTKE_OK, "in1.m2m.prov.com" },
    { "MN", "//m2m.prov.com/mn1", "/in1", ESCERTKE_OK, "mn1.in1.m2m.prov.com" },
    { "ASN, upper case", "//m2m.prov.com/Asn7", "/in1", ESCERTKE_OK, "asn7.in1.m2m.prov.com" },
    { "begins with S", "//m2m.prov.com/Smn", "", ESCERTKE_OK, "smn.m2m.prov.com" },
    { "underscore and dot (A-20)", "//m2m.prov.com/a_b.c", NULL, ESCERTKE_OK, "a_b.c.m2m.prov.com" },
    { "AE", "//m2m.prov.com/mn1/Cx", "/in1", ESCERTKE_ERR_ID, NULL },
    { "tilde", "//m2m.prov.com/a~b", NULL, ESCERTKE_ERR_ID, NULL },
    { "leading dot", "//m2m.prov.com/.a", NULL, ESCERTKE_ERR_ID, NULL },
    { "trailing dot", "//m2m.prov.com/a.", NULL, ESCERTKE_ERR_ID, NULL },
    { "IN-CSE-ID without slash", "//m2m.prov.com/mn1", "in1", ESCERTKE_ERR_ID, NULL },
    { "label of 64", "//a/a123456789a123456789a123456789a123456789a123456789a123456789abcd", NULL, ESCERTKE_ERR_ID, NULL },
};

static void domain_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(domains); i++) {
        char name[ESCERTKE_ID_MAX + 1];
        escertke_id id;
        expect_err(domains[i].name, escertke_id_parse(escertke_span_str(domains[i].id), &id), ESCERTKE_OK);
        expect_err(domains[i].name, escertke_id_domain_name(&id, domains[i].in, name), domains[i].expected);
        if (domains[i].expected == ESCERTKE_OK)
            assert_string_equal(name, domains[i].domain);
    }
}

static void domain_name_too_long(void **state)
{
    char text[ESCERTKE_ID_MAX + 1], name[ESCERTKE_ID_MAX + 1];
    escertke_id id;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "//a/", 4);
    for (size_t i = 60; i < ESCERTKE_ID_MAX - 1; i += 60)
        text[i] = '.';
    text[ESCERTKE_ID_MAX] = '\0';
    assert_int_equal(escertke_id_parse(escertke_span_str(text), &id), ESCERTKE_OK);
    assert_int_equal(escertke_id_domain_name(&id, NULL, name), ESCERTKE_OK); /* 253 characters */
    assert_int_equal(strlen(name), 253);
    assert_int_equal(escertke_id_domain_name(&id, "/i", name), ESCERTKE_ERR_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_absolute),          cmocka_unit_test(length_limit), cmocka_unit_test(normalise),
        cmocka_unit_test(normalised_length_limit), cmocka_unit_test(domain_name),  cmocka_unit_test(domain_name_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

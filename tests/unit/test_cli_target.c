/* Where messages go and under which From; and in which forms peers stand in an access control rule. */
#include "cli_support.h"

#include <jansson.h>

#include "register.h"
#include "target.h"

static void make_identity(const char *id, const char *cse, struct identity *out)
{
    memset(out, 0, sizeof *out);
    assert_int_equal(escertke_id_parse(escertke_span_str(id), &out->id), ESCERTKE_OK);
    out->is_cse = out->id.kind == ESCERTKE_ID_CSE;
    snprintf(out->sp_id, sizeof out->sp_id, "%.*s", (int)out->id.sp_len, out->id.text);
    snprintf(out->cse_id, sizeof out->cse_id, "%s", cse);
    out->stem = out->is_cse ? NULL : strrchr(out->id.text, '/') + 1;
}

static const struct {
    const char *name, *self, *cse, *to;
    bool direct;
    const char *address;  /* given */
    const char *expected; /* To; NULL: CONFIG */
    const char *from;
} cases[] = {
    { "AE and AE of one CSE, via", "//sp/in1/Ca", "/in1", "//sp/in1/Cb", false, NULL, "/in1/Cb", "Ca" },
    { "AE and AE of one CSE, direct", "//sp/in1/Ca", "/in1", "//sp/in1/Cb", true, NULL, "/in1/Cb", "Ca" },
    { "another CSE, via", "//sp/mn1/Ca", "/mn1", "//sp/in1/Cb", false, NULL, "/in1/Cb", "Ca" },
    { "another CSE, direct", "//sp/mn1/Ca", "/mn1", "//sp/in1/Cb", true, NULL, "/in1/Cb", "/mn1/Ca" },
    { "another SP, via", "//sp/mn1/Ca", "/mn1", "//sp2/in1/Cb", false, NULL, "//sp2/in1/Cb", "Ca" },
    { "another SP, direct", "//sp/mn1/Ca", "/mn1", "//sp2/in1/Cb", true, NULL, "//sp2/in1/Cb", "//sp/mn1/Ca" },
    { "AE to its registrar", "//sp/in1/Ca", "/in1", "//sp/in1", true, NULL, "/in1/-", "Ca" },
    { "CSE to CSE", "//sp/mn1", "/mn1", "//sp/in1", true, NULL, "/in1/-", "/mn1" },
    { "CSE to an AE of its own", "//sp/in1", "/in1", "//sp/in1/Cb", true, NULL, "/in1/Cb", "/in1" },
    { "S-type AE as initiator, via", "//sp/Sa", "/in1", "//sp/in1/Cb", false, NULL, "/in1/Cb", "Sa" },
    { "S-type AE as initiator, direct to another CSE", "//sp/Sa", "/mn1", "//sp/in1/Cb", true, NULL, "/in1/Cb", "/Sa" },
    { "address given", "//sp/in1/Ca", "/in1", "//sp/in1/Cb", false, "-/meter", "-/meter", "Ca" },
    { "S-type AE or CSE without a rule", "//sp/in1/Ca", "/in1", "//sp/Sb", false, NULL, NULL, NULL },
};

static void finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identity self;
        struct target t;
        escertke_detail d;

        escertke_detail_init(&d);
        make_identity(cases[i].self, cases[i].cse, &self);
        escertke_err err = target_find(&self, cases[i].to, cases[i].direct, cases[i].address, &t, &d);
        if (err != (cases[i].expected ? ESCERTKE_OK : ESCERTKE_ERR_CONFIG))
            fail_msg("%s: %s %s", cases[i].name, escertke_err_name(err), d.reason);
        if (cases[i].expected && (strcmp(t.address, cases[i].expected) != 0 || strcmp(t.from, cases[i].from) != 0))
            fail_msg("%s: To %s, From %s", cases[i].name, t.address, t.from);
    }
}

static void rule_decides_about_s_type(void **state)
{
    escertke_peer peer = { .id = "//sp/Sb", .flavour = ESCERTKE_FLAVOUR_CSE };
    struct identity self;
    struct target t;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    make_identity("//sp/in1/Ca", "/in1", &self);
    self.peers = (struct peer_list){ .items = &peer, .count = 1 };
    assert_int_equal(target_find(&self, "//sp/Sb", false, NULL, &t, &d), ESCERTKE_OK);
    assert_true(t.is_cse);
    assert_string_equal(t.address, "/Sb/-");
    peer.flavour = ESCERTKE_FLAVOUR_AE;
    assert_int_equal(target_find(&self, "//sp/Sb", false, NULL, &t, &d), ESCERTKE_ERR_CONFIG);
    expect_words("address", d.reason, "give --address /CSE/Sb");
    escertke_detail_init(&d);
    assert_int_equal(target_find(&self, "//sp/Sb", false, "/in1/Sb", &t, &d), ESCERTKE_OK);
    assert_false(t.is_cse);
    assert_string_equal(t.address, "/in1/Sb");
}

static const struct {
    const char *id, *expected;
} originators[] = {
    { "//sp/in1/Cx", "[\"Cx\",\"/in1/Cx\"]" }, /* registered here */
    { "//sp/mn1/Cx", "[\"/mn1/Cx\"]" },        { "//sp/mn1", "[\"/mn1\"]" }, { "//sp/Sx", "[\"Sx\",\"/Sx\"]" },
    { "//sp2/in1/Cx", "[\"//sp2/in1/Cx\"]" },  { "not-an-id", "[]" },
};

static void writes_originators(void **state)
{
    struct identity self;

    (void)state;
    make_identity("//sp/in1/Cme", "/in1", &self);
    for (size_t i = 0; i < COUNT(originators); i++) {
        json_t *acor = json_array();
        registration_add_originator(acor, &self, originators[i].id);
        char *text = json_dumps(acor, JSON_COMPACT);
        assert_string_equal(text, originators[i].expected);
        free(text);
        json_decref(acor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(rule_decides_about_s_type),
        cmocka_unit_test(writes_originators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

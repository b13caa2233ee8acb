#include "cse_support.h"

#include <stdio.h>

#include "cse/internal.h"
#include "m2m/json.h"

static json_t *load(const char *text)
{
    char buf[4096];
    json_t *value;

    snprintf(buf, sizeof buf, "%s", text);
    for (char *c = buf; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (esc_json_load(escertke_span_str(buf), &value, NULL) != ESCERTKE_OK)
        fail_msg("%s", text);
    return value;
}

static const struct {
    const char *privileges;
    bool pv, pvs;
} shapes[] = {
    { "{'acr':[]}", true, false },
    { "{'acr':[{'acor':['all'],'acop':63}]}", true, true },
    { "{'acr':[{'acor':['all'],'acop':63,'acaf':true}]}", true, true },
    { "{'acr':[{'acor':['all'],'acop':63,'acco':[{'actw':['* * * * * * *']}]}]}", true, true },
    { "{'acr':[{'acor':['all'],'acop':63,'acod':[{'chty':[3]}]}]}", true, true },
    { "{}", false, false },
    { "{'acr':{}}", false, false },
    { "{'acr':null}", false, false },
    { "{'acr':[1]}", false, false },
    { "{'acr':[{}]}", false, false },
    { "{'acr':[],'x':1}", false, false },
    { "{'acr':[{'acor':['all']}]}", false, false },
    { "{'acr':[{'acop':63}]}", false, false },
    { "{'acr':[{'acor':[],'acop':63}]}", false, false },
    { "{'acr':[{'acor':'all','acop':63}]}", false, false },
    { "{'acr':[{'acor':[''],'acop':63}]}", false, false },
    { "{'acr':[{'acor':['all',5],'acop':63}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':0}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':64}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':-1}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':'63'}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':63,'acaf':1}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':63,'acco':'x'}]}", false, false },
    { "{'acr':[{'acor':['all'],'acop':63,'other':1}]}", false, false },
};

static void shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        json_t *value = load(shapes[i].privileges);
        if (esc_acp_valid(value, false) != shapes[i].pv || esc_acp_valid(value, true) != shapes[i].pvs)
            fail_msg("%s", shapes[i].privileges);
        json_decref(value);
    }
}

static void too_many(void **state)
{
    json_t *value = load("{'acr':[]}"), *rules = json_object_get(value, "acr");
    json_t *wide = load("{'acor':['all'],'acop':1}"), *acor = json_object_get(wide, "acor");

    (void)state;
    for (int i = 0; i < 32; i++)
        json_array_append_new(rules, load("{'acor':['all'],'acop':1}"));
    assert_true(esc_acp_valid(value, true));
    json_array_append_new(rules, load("{'acor':['all'],'acop':1}"));
    assert_false(esc_acp_valid(value, true));
    json_array_clear(rules);
    while (json_array_size(acor) < 64)
        json_array_append_new(acor, json_string("all"));
    json_array_append(rules, wide);
    assert_true(esc_acp_valid(value, true));
    json_array_append_new(acor, json_string("all"));
    assert_false(esc_acp_valid(value, true));
    json_decref(wide);
    json_decref(value);
}

#define ONE(acor) "{'acr':[{'acor':['" acor "'],'acop':16}]}"

/* At //m2m.example.org/in1; the originator is an Absolute ID. */
static const struct {
    const char *privileges, *id;
    unsigned op;
    bool permitted;
} rules[] = {
    { ONE("all"), SP "/in1/Ca", 16, true },
    { ONE("all"), "//other.org/x/Ca", 16, true },
    { ONE("all"), SP "/in1/Ca", 2, false },
    { ONE("Ca"), SP "/in1/Ca", 16, true },
    { ONE("Ca"), SP "/in1/Cab", 16, false },
    { ONE("Cab"), SP "/in1/Ca", 16, false },
    { ONE("Ca"), SP "/mn1/Ca", 16, false }, /* bare: of this CSE */
    { ONE("/in1/Ca"), SP "/in1/Ca", 16, true },
    { ONE("/mn1/Ca"), SP "/mn1/Ca", 16, true },
    { ONE("/mn1/Ca"), "//other.org/mn1/Ca", 16, false },
    { ONE(SP "/mn1/Ca"), SP "/mn1/Ca", 16, true },
    { ONE("Sa"), SP "/Sa", 16, true },
    { ONE("/Sa"), SP "/Sa", 16, true },
    { ONE("/mn1"), SP "/mn1", 16, true },
    { ONE("/mn1"), SP "/mn1/Ca", 16, false }, /* a CSE-ID means the CSE */
    { ONE("/mn1/*"), SP "/mn1/Ca", 16, true },
    { ONE("/mn1/C*"), SP "/mn1/Ca", 16, true },
    { ONE("/mn1/*"), SP "/mn1", 16, false },
    { ONE("/mn1/*"), SP "/mn2/Ca", 16, false },
    { ONE("/*/Ca"), SP "/mn2/Ca", 16, true },
    { ONE("/*"), SP "/mn2", 16, true },
    { ONE("/*"), SP "/mn2/Ca", 16, false }, /* up to the next slash */
    { ONE("/m*1/C*a"), SP "/mn1/Cbanana", 16, true },
    { ONE("/m*1/C*b"), SP "/mn1/Cbanana", 16, false },
    { ONE("C*"), SP "/in1/Ca", 16, true },
    { ONE("C*"), SP "/mn1/Ca", 16, false },
    { ONE("S*"), SP "/Sa", 16, true },
    { ONE("*"), SP "/in1/Ca", 16, true },
    { ONE("*"), SP "/mn1/Ca", 16, false },
    { ONE("//*/mn1/Ca"), SP "/mn1/Ca", 16, true },
    { ONE("m2m.example.org"), SP "/mn1/Ca", 16, true },
    { ONE("m2m.example.org"), "//m2m.example.com/mn1/Ca", 16, false },
    { ONE("m2m.example.or"), SP "/mn1/Ca", 16, false },
    { ONE("m2m.example.org"), "//other.org/mn1/Ca", 16, false },
    { ONE("in1base/group1"), SP "/in1/Ca", 16, false },
    { ONE("0001@role-issuer.org"), SP "/in1/Ca", 16, false },
    { "{'acr':[{'acor':['Cx'],'acop':16},{'acor':['Ca'],'acop':2},{'acor':['Ca'],'acop':24}]}", SP "/in1/Ca", 16, true },
    { "{'acr':[{'acor':['Cx'],'acop':16},{'acor':['Ca'],'acop':2}]}", SP "/in1/Ca", 16, false },
    { "{'acr':[{'acor':['all'],'acop':63,'acaf':true}]}", SP "/in1/Ca", 16, false },
    { "{'acr':[{'acor':['all'],'acop':63,'acaf':false}]}", SP "/in1/Ca", 16, true },
    { "{'acr':[{'acor':['all'],'acop':63,'acco':[]}]}", SP "/in1/Ca", 16, false },
    { "{'acr':[{'acor':['all'],'acop':63,'acod':[]}]}", SP "/in1/Ca", 16, false },
    { "{'acr':[]}", SP "/in1/Ca", 16, false },
};

static void evaluation(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct esc_originator o = { .kind = ESC_ORIGIN_REMOTE_AE };
        json_t *value = load(rules[i].privileges);
        assert_int_equal(escertke_id_parse(escertke_span_str(rules[i].id), &o.id), ESCERTKE_OK);
        if (esc_acp_permits(w->in, value, &o, rules[i].op) != rules[i].permitted)
            fail_msg("%s %s: expected %d", rules[i].privileges, rules[i].id, rules[i].permitted);
        o.kind = ESC_ORIGIN_NEW; /* nobody yet */
        assert_false(esc_acp_permits(w->in, value, &o, rules[i].op));
        json_decref(value);
    }
    world_free(w);
}

#define ACP "'rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'pv':{'acr':[]},'pvs':{'acr':[{'acor':['all'],'acop':63}]}}}"

static void limits(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Cother");
    for (int i = 0; i < ESC_ACP_PER_CREATOR_MAX; i++)
        expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cpanel'," ACP "}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cpanel'," ACP "}", 5000, "no room");
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cother'," ACP "}", 2001, NULL);
    for (int i = 0; i < ESC_CHILDREN_MAX; i++)
        expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel'," ACP "}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel'," ACP "}", 5000, "32 children");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shape), cmocka_unit_test(too_many), cmocka_unit_test(evaluation),
                                        cmocka_unit_test(limits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

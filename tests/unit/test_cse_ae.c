#include "cse_support.h"

#include <stdio.h>

#define AE "'rqi':'r1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3']}}"

static void assigned(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'NONE'," AE "}", 2001, "'ri':'C00000000000000");
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'C'," AE "}", 2001, "'aei':'C00000000000000");
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'S'," AE "}", 2001, "'ri':'S00000000000000");
    world_free(w);
}

/* The answer to R 10.9's registration, whole. */
static void representation(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    expect_answer(
        w, w->in,
        "{'op':1,'to':'-','fr':'S5f0e','rqi':'r1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'meterAE','api':'Nmeter',"
        "'apn':'meter','rr':true,'srv':['3'],'poa':['http://10.0.0.7:9000/notify'],'csz':['json'],'esi':{'esf':[43]}}}}",
        "{'rsc':2001,'rqi':'r1','pc':{'m2m:ae':{'rn':'meterAE','ty':2,'ri':'S5f0e','pi':'in1','ct':'20260601T120000',"
        "'lt':'20260601T120000','api':'Nmeter','apn':'meter','rr':true,'srv':['3'],'poa':['http://10.0.0.7:9000/notify'],"
        "'csz':['json'],'esi':{'esf':[43]},'aei':'S5f0e'}},'rvi':'3'}");
    world_free(w);
}

/* One after the other at /in1. */
static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { "{'op':1,'to':'-','fr':'Cpanel'," AE "}", 2001, "'rn':'Cpanel'" },
    { "{'op':1,'to':'-','fr':'Cpanel'," AE "}", 4117, NULL },
    { "{'op':1,'to':'/in1','fr':'Cpanel'," AE "}", 4117, NULL },
    { "{'op':1,'to':'-','fr':'Spanel'," AE "}", 2001, "'aei':'Spanel'" },
    { "{'op':1,'to':'-','fr':'Spanel'," AE "}", 4117, NULL },
    { "{'op':1,'to':'-','fr':'Cx'," AE ",'rcn':0}", 2001, "{'rsc':2001,'rqi':'r1','rvi':'3'}" },
    { "{'op':1,'to':'Cpanel','fr':'Cy'," AE "}", 4103, NULL },
    { "{'op':1,'to':'Cpanel','fr':'Cpanel'," AE "}", 4108, NULL },
    { "{'op':1,'to':'-','fr':'/mn1'," AE "}", 4005, "registers itself" },
    { "{'op':1,'to':'-','fr':'/mn1/Cz'," AE "}", 4005, "registers itself" },
    { "{'op':1,'to':'-','fr':'/in1/Cz'," AE "}", 4000, "bare" },
    { "{'op':1,'to':'/mn1/-','fr':'C'," AE "}", 4000, "own registrar" },
    { "{'op':1,'to':'-','fr':'Dx'," AE "}", 4000, "not an AE-ID" },
    { "{'op':1,'to':'-','fr':'C/x'," AE "}", 4000, "not an AE-ID" },
    { "{'op':1,'to':'-','fr':'Cy','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'Cpanel','api':'Nx','rr':true,'srv':['3']}}}",
      4105, "resource name" },
    { "{'op':1,'to':'-','fr':'Cy','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'y','api':'Nx','rr':true,'srv':['3'],'acpi':['-"
      "/no']}}}",
      4000, "acpi" },
    { "{'op':1,'to':'-','fr':'Cy'," AE "}", 2001, NULL },
    { "{'op':4,'to':'Cy','fr':'Cy','rqi':'1','rvi':'3'}", 2002, NULL },
    { "{'op':1,'to':'-','fr':'Cy'," AE "}", 2001, NULL },
    { "{'op':1,'to':'-','fr':'Cnorn','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'-','api':'Nx','rr':true,'srv':['3']}}}",
      4000, "rn must be" },
    { "{'op':1,'to':'-','fr':'Caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'," AE "}", 4000,
      "64 characters" },
};

static void registration(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    world_free(w);
}

/* S-stems belong to the SP: an MN-CSE takes one that was provisioned and assigns none. */
static void at_an_mn(void **state)
{
    struct world *w = world_new();

    (void)state;
    expect_rsc(w, w->mn, "{'op':1,'to':'-','fr':'S'," AE "}", 5001, "IN-CSE");
    expect_rsc(w, w->mn, "{'op':1,'to':'-','fr':'S5f0e'," AE "}", 2001, NULL);
    expect_rsc(w, w->mn, "{'op':1,'to':'-','fr':'C'," AE "}", 2001, NULL);
    world_free(w);
}

/* A stem that would hide <CSEBase>, or be hidden by it. */
static void taken_identifiers(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    cfg.cse_id = "/Cse";
    cfg.base_name = "Cbase";
    w = world_new_in(&cfg);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cse'," AE "}", 4105, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cbase'," AE "}", 4105, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cother'," AE "}", 2001, NULL);
    world_free(w);
}

/* No randomness, no identifier. */
static escertke_err no_random(void *ctx, uint8_t *out, size_t len)
{
    static int calls;

    (void)ctx;
    memset(out, 7, len);
    return calls++ ? ESCERTKE_ERR_BACKEND : ESCERTKE_OK; /* the index gets its seed */
}

static void random_fails(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    cfg.random = no_random;
    w = world_new_in(&cfg);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'C'," AE "}", 5000, "randomness");
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cgiven'," AE "}", 2001, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assigned), cmocka_unit_test(representation),    cmocka_unit_test(registration),
        cmocka_unit_test(at_an_mn), cmocka_unit_test(taken_identifiers), cmocka_unit_test(random_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

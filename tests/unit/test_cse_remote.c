#include "cse_support.h"

#include <stdio.h>

#include "cse/internal.h"

#define CSR "'rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/x/-','rr':true,'srv':['3'],'poa':['http://mn1']}}"

/* One after the other at /in1. */
static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { "{'op':1,'to':'-','fr':'/mn1'," CSR "}", 2001, "'csi':'/mn1'" },
    { "{'op':1,'to':'-','fr':'/mn1'," CSR "}", 4117, NULL },
    { "{'op':1,'to':'-','fr':'//m2m.example.org/mn1'," CSR "}", 4117, NULL },
    { "{'op':1,'to':'-','fr':'//m2m.example.org/mn2'," CSR "}", 2001, "'csi':'/mn2'" },
    { "{'op':1,'to':'-','fr':'//other.example.org/in9'," CSR "}", 2001, "'csi':'//other.example.org/in9'" },
    { "{'op':1,'to':'-','fr':'//other.example.org/mn1'," CSR "}", 2001, "'csi':'//other.example.org/mn1'" },
    { "{'op':1,'to':'-','fr':'/Smn'," CSR "}", 2001, "'csi':'/Smn'" },
    { "{'op':1,'to':'-','fr':'/Smn'," CSR "}", 4117, NULL },
    /* csi is what the hop says */
    { "{'op':1,'to':'-','fr':'/mn3','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/x/-','csi':'/"
      "mn1','rr':true,'srv':['3']}}}",
      2001, "'csi':'/mn3'" },
    { "{'op':1,'to':'-','fr':'Cpanel'," CSR "}", 4005, "only a CSE" },
    { "{'op':1,'to':'-','fr':'/mn1/Cx'," CSR "}", 4005, "only a CSE" },
    { "{'op':1,'to':'-','fr':'/in1'," CSR "}", 4106, NULL },
    { "{'op':1,'to':'Cpanel','fr':'/mn4'," CSR "}", 4103, NULL },
    { "{'op':1,'to':'-','fr':'/mn4'," CSR ",'rcn':0}", 2001, "{'rsc':2001,'rqi':'1','rvi':'3'}" },
    /* its own only: there is no policy */
    { "{'op':2,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3'}", 2000, "'dcse':['/mn8']" },
    { "{'op':2,'to':'-/mn5','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103, NULL },
    { "{'op':2,'to':'-/mn5','fr':'/mn5/Cx','rqi':'1','rvi':'3'}", 4103, NULL },
    { "{'op':3,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3','pc':{'m2m:csr':{'esi':{'esf':[43]}}}}", 2004, "'esi':{'esf':[43]}" },
    { "{'op':3,'to':'-/mn5','fr':'/mn1','rqi':'1','rvi':'3','pc':{'m2m:csr':{'poa':['http://evil']}}}", 4103, NULL },
    { "{'op':4,'to':'-/mn5','fr':'/mn1','rqi':'1','rvi':'3'}", 4103, NULL },
    { "{'op':4,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3'}", 2002, NULL },
    { "{'op':4,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':5,'to':'-/mn6','fr':'/mn6','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 4005, NULL },
};

static void registration(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    expect_rsc(
        w, w->in,
        "{'op':1,'to':'-','fr':'/mn5','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn5','cb':'/mn5/-','cst':2,'rr':true,"
        "'srv':['3'],'dcse':['/mn8']}}}",
        2001, "'cst':2");
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn6','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn6','cb':'/mn6/"
               "-','rr':true,'srv':['3']}}}",
               2001, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    world_free(w);
}

static void expect_way(struct world *w, const char *cse_id, const char *rn)
{
    const struct esc_resource *r = esc_remote_find(w->in, escertke_span_str(cse_id));

    if (rn ? !r || strcmp(r->rn, rn) != 0 : r != NULL)
        fail_msg("%s: expected %s, found %s", cse_id, rn ? rn : "nothing", r ? r->rn : "nothing");
}

/* A CSE's own registration goes before what another claims to reach. */
static void ways(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn1','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'one','cb':'/mn1/"
               "-','rr':true,'srv':['3']}}}",
               2001, NULL);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn2','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'two','cb':'/mn2/"
               "-','rr':true,'srv':['3'],"
               "'dcse':['/mn1','/mn3','//other.example.org/mn9']}}}",
               2001, NULL);
    expect_way(w, SP "/mn1", "one");
    expect_way(w, SP "/mn2", "two");
    expect_way(w, SP "/mn3", "two");
    expect_way(w, "//other.example.org/mn9", "two");
    expect_way(w, SP "/mn9", NULL);
    expect_way(w, "//other.example.org/mn1", NULL);
    expect_way(w, SP "/mn", NULL);
    expect_rsc(w, w->in, "{'op':4,'to':'-/one','fr':'/mn1','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_way(w, SP "/mn1", "two");
    expect_rsc(w, w->in, "{'op':4,'to':'-/two','fr':'/mn2','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_way(w, SP "/mn1", NULL);
    world_free(w);
}

static void limit(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    cfg.max_remote = 1;
    w = world_new_in(&cfg);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'/mn1'," CSR "}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'/mn2'," CSR "}", 5000, "no room");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(registration), cmocka_unit_test(ways), cmocka_unit_test(limit) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

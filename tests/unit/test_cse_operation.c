#include "cse_support.h"

#include <stdio.h>

#include "cse/internal.h"

/* One after the other at /in1, with Cmeter (name meter, policy open) and Cpanel. */
static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    /* Create */
    { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{}}}", 4000, "ty is missing" },
    { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':5,'pc':{'m2m:cb':{}}}", 4005, "CSEBase" },
    { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{}}}", 4108, "resource type 3" },
    { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':9,'pc':{'m2m:grp':{}}}", 5001, "resource type 9" },
    { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{}}}", 4108, "resource type 15" },
    { "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{}}}", 4108, "child" },
    { "{'op':1,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4108, "child" },
    { "{'op':1,'to':'-/nothing','fr':'Cpanel','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4004, NULL },
    { "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'open','pv':{'acr':[]},"
      "'pvs':{'acr':[{'acor':['all'],'acop':63}]}}}}",
      4105, "resource name" },
    { "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'rcn':0,'pc':{'m2m:acp':{'rn':'other','pv':{'acr':[]},"
      "'pvs':{'acr':[{'acor':['Cmeter'],'acop':63}]}}}}",
      2001, "{'rsc':2001,'rqi':'1','rvi':'3'}" },
    /* Update */
    { "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','rcn':0,'pc':{'m2m:ae':{'apn':'x'}}}", 2004,
      "{'rsc':2004,'rqi':'1','rvi':'3'}" },
    { "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['y']}}}", 2004, "'apn':'x','lbl':['y']" },
    /* a refused update changes nothing */
    { "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{'apn':'z','rr':5}}}", 4000, NULL },
    { "{'op':2,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000, "'apn':'x'" },
    /* Delete: silent unless asked, with all that is below */
    { "{'op':4,'to':'-/meter/other','fr':'Cmeter','rqi':'1','rvi':'3','rcn':1}", 2002, "'rn':'other'" },
    { "{'op':4,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002, "{'rsc':2002,'rqi':'1','rvi':'3'}" },
    { "{'op':2,'to':'-/meter/open','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':4,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':4,'to':'Cpanel','fr':'Cmeter','rqi':'1','rvi':'3'}", 4106, NULL },
};

static void operations(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_stats stats;

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 1);
    assert_int_equal(stats.acp, 0);
    assert_int_equal(stats.pending, 0);
    world_free(w);
}

/* lt moves with an update, ct does not. */
static void times(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    w->now.unix_s += 90;
    expect_rsc(w, w->in, "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{'apn':'x'}}}", 2004,
               "'ct':'20260601T120000','lt':'20260601T120130'");
    world_free(w);
}

/* A list of labels that makes a resource of about 32 * 128 octets each time. */
static void label_list(char *out, size_t cap, int count, int len)
{
    size_t at = (size_t)snprintf(out, cap, "[");

    for (int i = 0; i < count; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s'%0*d'", i ? "," : "", len, i);
    snprintf(out + at, cap - at, "]");
}

static void sizes(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse_stats stats;
    char labels[8192], request[24000], nl[400];

    (void)state;
    world_free(w);
    cfg.max_bytes = 9000;
    w = world_new_in(&cfg);
    add_ae(w, w->in, "Cpanel");
    label_list(labels, sizeof labels, 32, 128);
    snprintf(request, sizeof request, "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':%s}}}",
             labels);
    expect_rsc(w, w->in, request, 2004, NULL);
    expect_rsc(w, w->in, request, 2004, NULL); /* in the place of the old ones */

    /* nine more kilooctets do not fit one resource */
    memset(nl, 'x', 256);
    nl[256] = '\0';
    size_t at = (size_t)snprintf(request, sizeof request,
                                 "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{'poa':[");
    for (int i = 0; i < 8; i++)
        at += (size_t)snprintf(request + at, sizeof request - at, "%s'http://%s%s'", i ? "," : "", nl, nl + 20);
    snprintf(request + at, sizeof request - at, "]}}}");
    expect_rsc(w, w->in, request, 4000, "larger than 8192");
    esc_cse_get_stats(w->in, &stats);
    assert_true(stats.bytes > 4000 && stats.bytes < 5000);

    /* and a second AE of the same size does not fit the CSE */
    add_ae(w, w->in, "Cother");
    snprintf(request, sizeof request, "{'op':3,'to':'Cother','fr':'Cother','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':%s}}}",
             labels);
    expect_rsc(w, w->in, request, 2004, NULL);
    add_ae(w, w->in, "Cthird");
    snprintf(request, sizeof request, "{'op':3,'to':'Cthird','fr':'Cthird','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':%s}}}",
             labels);
    expect_rsc(w, w->in, request, 5000, "full");
    expect_rsc(w, w->in, "{'op':4,'to':'Cother','fr':'Cother','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_rsc(w, w->in, request, 2004, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(operations), cmocka_unit_test(times), cmocka_unit_test(sizes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cse_support.h"

#include <stdio.h>

/* Cmeter has a container "box" where everybody may create and nobody else read; mni 3, mbs 20. One after the other. */
static struct world *with_box(const struct esc_cse_config *cfg, const char *attrs)
{
    struct world *w = world_new_in(cfg);
    char request[512];

    add_ae(w, w->in, "Cmeter");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in,
               "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'write',"
               "'pv':{'acr':[{'acor':['Cmeter'],'acop':63},{'acor':['all'],'acop':1}]},'pvs':{'acr':[{'acor':['Cmeter'],'acop':63}]}}}}",
               2001, NULL);
    snprintf(request, sizeof request,
             "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box','acpi':['-/Cmeter/write']%s}}}",
             attrs);
    expect_rsc(w, w->in, request, 2001, NULL);
    return w;
}

#define PUT(con) "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'" con "'}}}"
#define GET(name, fr) "{'op':2,'to':'-/Cmeter/box" name "','fr':'" fr "','rqi':'1','rvi':'3'}"

static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { GET("", "Cmeter"), 2000, "'mni':3,'mbs':20,'st':0,'cni':0,'cbs':0}" },
    { GET("/la", "Cmeter"), 4004, "empty" },
    { GET("/ol", "Cmeter"), 4004, "empty" },
    { PUT("one"), 2001, "'con':'one','cs':3}" },
    { PUT("two"), 2001, NULL },
    { GET("/la", "Cmeter"), 2000, "'con':'two'" },
    { GET("/ol", "Cmeter"), 2000, "'con':'one'" },
    { GET("/la", "Cpanel"), 4103, NULL }, /* who writes does not read */
    { PUT("three"), 2001, NULL },
    { PUT("four"), 2001, NULL }, /* and the oldest goes */
    { GET("/ol", "Cmeter"), 2000, "'con':'two'" },
    { GET("", "Cmeter"), 2000, "'st':4,'cni':3,'cbs':12}" },
    { PUT("123456789012345678901"), 5207, "21 octets, at most 20" },
    { PUT("12345678901234567890"), 2001, NULL }, /* and all others go */
    { GET("", "Cmeter"), 2000, "'st':5,'cni':1,'cbs':20}" },
    { GET("#cni", "Cmeter"), 2000, "{'m2m:cnt':{'cni':1}}" },
    { "{'op':4,'to':'-/Cmeter/box/la','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103, NULL },
    { "{'op':4,'to':'-/Cmeter/box/la','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002, NULL },
    { GET("", "Cmeter"), 2000, "'cni':0,'cbs':0}" },
    /* creator */
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cr':null,'cnf':'application/vnd.onem2m-preq+json:0'}}}",
      2001, "'cr':'Cpanel'" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'/mn1/Cfar','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cr':null}}}", 2001,
      "'cr':'/mn1/Cfar'" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cr':'Cmeter'}}}", 4000, "cr must be null" },
    { PUT("y"), 2001, "'pc':{'m2m:cin':{'rn'" },
    /* wrong ones */
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{}}}", 4000, "con is missing" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':{'a':1}}}}", 4000, "con" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cs':7}}}", 4000, "cs" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cnf':'json'}}}", 4000, "cnf" },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','conr':'y'}}}", 5001, NULL },
    { "{'op':3,'to':'-/Cmeter/box/la','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cin':{'con':'z'}}}", 4005, "la" },
    { "{'op':5,'to':'-/Cmeter/box','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:sgn':{}}}", 4005, NULL },
    { "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{}}}", 4108, NULL },
    { "{'op':1,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{}}}", 4103, NULL },
    { "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'mni':0}}}", 4000, "mni" },
    { "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'li':'x'}}}", 5001, NULL },
    /* limits that are larger than the CSE's */
    { "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'big','mni':100000,'mbs':2000000000,'cr':null}}}", 2001,
      "'mni':256,'mbs':524288,'cr':'Cmeter'" },
    /* a container without acpi is its creator's alone */
    { "{'op':1,'to':'-/Cmeter/big','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x'}}}", 4103, NULL },
    { "{'op':1,'to':'-/Cmeter/big','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','rn':'a'}}}", 2001, NULL },
    { "{'op':1,'to':'-/Cmeter/big','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','rn':'a'}}}", 4105, NULL },
    { "{'op':1,'to':'-/Cmeter/big','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','rn':'la'}}}", 4000, NULL },
    { "{'op':3,'to':'-/Cmeter/big/a','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cin':{'lbl':['z']}}}", 4005, "never changed" },
    /* smaller ones later */
    { "{'op':3,'to':'-/Cmeter/box','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cnt':{'mni':1}}}", 2004, "'cni':1" },
};

static void instances(void **state)
{
    struct world *w = with_box(NULL, ",'mni':3,'mbs':20");
    struct esc_cse_stats stats;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    expect_rsc(w, w->in, "{'op':4,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002, NULL);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.containers + stats.instances + stats.subscriptions, 0);
    world_free(w);
}

static void ages(void **state)
{
    struct world *w = with_box(NULL, ",'mia':60");

    (void)state;
    expect_rsc(w, w->in, PUT("old"), 2001, "'et':'20260601T120100'");
    w->now.unix_s += 30;
    expect_rsc(w, w->in, PUT("young"), 2001, "'et':'20260601T120130'");
    expect_rsc(w, w->in, "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','et':'20260601T120040'}}}",
               2001, "'et':'20260601T120040'");
    w->now.unix_s += 30;
    esc_cse_tick(w->in, w->now);
    expect_rsc(w, w->in, GET("", "Cmeter"), 2000, "'cni':1,'cbs':5}");
    world_free(w);
}

static struct esc_cse_config config(void)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    return cfg;
}

/* 70,000 octets of con, and as many as the CSE takes but all of them quotes. */
static void sizes(void **state)
{
    struct world *w = with_box(NULL, "");
    static char request[140000];
    size_t at;

    (void)state;
    at = (size_t)snprintf(request, sizeof request, "{'op':1,'to':'-/Cmeter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'rcn':0,'pc':{'m2m:cin':{'con':'");
    memset(request + at, 'x', 70000);
    strcpy(request + at + 70000, "'}}}");
    expect_rsc(w, w->in, request, 5207, "at most 65536");
    strcpy(request + at + 65536, "'}}}");
    expect_rsc(w, w->in, request, 2001, NULL);
    for (size_t i = 0; i < 62000; i++)
        memcpy(request + at + 2 * i, "\\n", 2);
    strcpy(request + at + 124000, "'}}}");
    expect_rsc(w, w->in, request, 4000, "larger than 122880");
    world_free(w);
}

static void limits(void **state)
{
    struct esc_cse_config cfg = config();

    (void)state;
    cfg.max_containers = 1;
    cfg.max_instances = 2;
    struct world *w = with_box(&cfg, ",'mni':2");
    expect_rsc(w, w->in, "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{}}}", 5000, "another container");
    for (int i = 0; i < 3; i++) /* the third in the place of the first */
        expect_rsc(w, w->in, PUT("x"), 2001, NULL);
    expect_rsc(w, w->in, "{'op':3,'to':'-/Cmeter/box','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cnt':{'mni':5}}}", 2004, NULL);
    expect_rsc(w, w->in, PUT("x"), 5000, "another contentInstance");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(instances), cmocka_unit_test(ages), cmocka_unit_test(sizes), cmocka_unit_test(limits) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

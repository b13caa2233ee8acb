#include "cse_support.h"

#include <stdio.h>

/* At /in1 with the AEs Cmeter (name meter, with the policy open) and Smeter. */
static const struct {
    const char *to, *ri; /* ri NULL: 4004 */
} addresses[] = {
    { "-", "in1" },
    { ".", "in1" },
    { "in1base", "in1" },
    { "in1", "in1" },
    { "/in1", "in1" },
    { "/in1/", "in1" },
    { "/in1/-", "in1" },
    { "/in1/.", "in1" },
    { "/in1/in1base", "in1" },
    { "//m2m.example.org/in1", "in1" },
    { "//m2m.example.org/in1/-", "in1" },
    { "Cmeter", "Cmeter" },
    { "-/meter", "Cmeter" },
    { "./meter", "Cmeter" },
    { "in1base/meter", "Cmeter" },
    { "in1base/meter/", "Cmeter" },
    { "/in1/Cmeter", "Cmeter" },
    { "/in1/-/meter", "Cmeter" },
    { "/in1/in1base/meter", "Cmeter" },
    { "//m2m.example.org/in1/Cmeter", "Cmeter" },
    { "//m2m.example.org/in1/-/meter", "Cmeter" },
    { "Smeter", "Smeter" },
    { "/in1/Smeter", "Smeter" },
    { "meter", NULL },
    { "-/Cmeter", NULL },
    { "-/meter/nothing", NULL },
    { "Cmeter/open", NULL }, /* an unstructured identifier has nothing behind it */
    { "in1base2", NULL },
    { "-/-", NULL },
    { "/in1/other/meter", NULL },
    { "/Smeter", NULL }, /* an AE-ID is no address */
    { "/in2/-", NULL },
    { "//m2m.example.org/in2/-", NULL },
    { "//other.example.org/in1/-", NULL },
};

static void find(void **state)
{
    struct world *w = world_new_in(NULL);
    char request[256], ri[64];

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Smeter");
    for (size_t i = 0; i < COUNT(addresses); i++) {
        const char *fr = strstr(addresses[i].to, "Smeter") ? "Smeter" : "Cmeter";
        snprintf(request, sizeof request, "{'op':2,'to':'%s','fr':'%s','rqi':'1','rvi':'3'}", addresses[i].to, fr);
        snprintf(ri, sizeof ri, "'ri':'%s'", addresses[i].ri ? addresses[i].ri : "");
        expect_rsc(w, w->in, request, addresses[i].ri ? 2000 : 4004, addresses[i].ri ? ri : NULL);
    }
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'pi':'Cmeter'");
    world_free(w);
}

/* Enough to share chains of the index; each found, each removed, the rest still found. */
static void many(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse_stats stats;
    char text[160];

    (void)state;
    world_free(w);
    cfg.max_ae = 300;
    cfg.max_acp = cfg.max_remote = 1; /* few buckets */
    w = world_new_in(&cfg);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "Cx%d", i);
        add_ae(w, w->in, text);
    }
    expect_rsc(w, w->in, "{'op':1,'to':'-','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3']}}}", 5000,
               "no room");
    for (int i = 0; i < 300; i += 2) {
        snprintf(text, sizeof text, "{'op':4,'to':'-/Cx%d','fr':'Cx%d','rqi':'1','rvi':'3'}", i, i);
        expect_rsc(w, w->in, text, 2002, NULL);
    }
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 150);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "{'op':2,'to':'Cx%d','fr':'Cx%d','rqi':'1','rvi':'3'}", i, i);
        expect_rsc(w, w->in, text, i % 2 ? 2000 : 4106, NULL);
    }
    world_free(w);
}

static void expiry(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_stats stats;

    (void)state;
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Cbrief','rqi':'1','rvi':'3','ty':2,"
               "'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3'],'et':'20260601T120010'}}}",
               2001, "'et':'20260601T120010'");
    expect_rsc(w, w->in,
               "{'op':1,'to':'Cbrief','fr':'Cbrief','rqi':'1','rvi':'3','ty':1,"
               "'pc':{'m2m:acp':{'pv':{'acr':[]},'pvs':{'acr':[{'acor':['all'],'acop':63}]}}}}",
               2001, NULL);
    add_ae(w, w->in, "Clasting");
    w->now.unix_s = NOON + 9;
    esc_cse_tick(w->in, w->now);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 2);
    w->now.unix_s = NOON + 10;
    esc_cse_tick(w->in, w->now);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 1);
    assert_int_equal(stats.acp, 0);

    /* A request that comes before the tick does not find it either; an update moves the end. */
    expect_rsc(w, w->in, "{'op':3,'to':'Clasting','fr':'Clasting','rqi':'1','rvi':'3','pc':{'m2m:ae':{'et':'20260601T120020'}}}",
               2004, NULL);
    expect_rsc(w, w->in, "{'op':3,'to':'Clasting','fr':'Clasting','rqi':'1','rvi':'3','pc':{'m2m:ae':{'et':'20260601T120030'}}}",
               2004, NULL);
    w->now.unix_s = NOON + 29;
    expect_rsc(w, w->in, "{'op':2,'to':'Clasting','fr':'Clasting','rqi':'1','rvi':'3'}", 2000, NULL);
    w->now.unix_s = NOON + 30;
    expect_rsc(w, w->in, "{'op':2,'to':'Clasting','fr':'Clasting','rqi':'1','rvi':'3'}", 4106, NULL);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 0);
    assert_int_equal(stats.bytes, 2); /* the empty attributes of <CSEBase> */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(find), cmocka_unit_test(many), cmocka_unit_test(expiry) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

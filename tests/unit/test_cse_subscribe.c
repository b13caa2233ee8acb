#include "cse_support.h"

#include <stdio.h>

#define SUB(attrs) "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{" attrs "}}}"
#define NET "'enc':{'net':[3]}"

static struct world *with_box(void)
{
    struct world *w = world_new_in(NULL);

    add_meter(w, w->in, "['http://meter/notify','http://in1:8080/x','http://down']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in,
               "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'write',"
               "'pv':{'acr':[{'acor':['Cmeter'],'acop':63},{'acor':['all'],'acop':1}]},'pvs':{'acr':[{'acor':['Cmeter'],'acop':63}]}}}}",
               2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box','acpi':['-/meter/write']}}}",
               2001, NULL);
    w->sends = 0;
    return w;
}

static const struct {
    const char *request;
    int rsc, sends;
    const char *says;
} cases[] = {
    { SUB(NET ",'nu':['http://meter/notify'],'nct':1,'rn':'a','cr':null"), 2001, 1, "'cr':'Cmeter'" },
    { SUB(NET ",'nu':['http://meter/notify/below']"), 2001, 1, NULL },
    { SUB(NET ",'nu':['http://meter/notify?ct=json']"), 2001, 1, NULL },
    { SUB(NET ",'nu':['Cmeter'],'su':'/in1/Cmeter'"), 2001, 0, NULL }, /* the originator itself is not asked */
    { SUB(NET ",'nu':['-/meter']"), 2001, 0, NULL },
    /* strangers' doors */
    { SUB(NET ",'nu':['http://meter/other']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['http://meter/notifyx']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['http://127.0.0.1:22/']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['Cpanel']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['/mn1/Cx']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['-/meter/box']"), 4000, 0, "pointOfAccess" },
    { SUB(NET ",'nu':['http://in1:8080/x']"), 4000, 0, "pointOfAccess" }, /* this CSE itself */
    { SUB(NET ",'nu':['Cmeter'],'su':'http://stranger/'"), 4000, 0, "su must" },
    { SUB(NET ",'nu':['ftp://x/']"), 4000, 0, "nu" },
    { SUB(NET ",'nu':[]"), 4000, 0, "nu" },
    { SUB(NET ",'nu':'Cmeter'"), 4000, 0, "nu" },
    { SUB(NET), 4000, 0, "nu is missing" },
    { SUB(NET ",'nu':['Cmeter','-/meter']"), 5001, 0, "one entry" },
    { SUB("'nu':['Cmeter']"), 4000, 0, "enc is missing" },
    { SUB("'enc':{'net':[1]},'nu':['Cmeter']"), 5001, 0, "enc" },
    { SUB("'enc':{'net':[3,4]},'nu':['Cmeter']"), 5001, 0, "enc" },
    { SUB("'enc':{'net':[3],'atr':['x']},'nu':['Cmeter']"), 5001, 0, "enc" },
    { SUB("'enc':{'net':[9]},'nu':['Cmeter']"), 4000, 0, "enc" },
    { SUB(NET ",'nu':['Cmeter'],'nct':2"), 5001, 0, "nct" },
    { SUB(NET ",'nu':['Cmeter'],'bn':{}"), 5001, 0, "bn" },
    /* nobody there, or too late */
    { SUB(NET ",'nu':['http://down']"), 5204, 1, "2000" },
    /* who may only write does not hear what others write */
    { "{'op':1,'to':'-/meter/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{" NET ",'nu':['Cpanel']}}}", 4101, 0, NULL },
    { "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{" NET ",'nu':['Cmeter']}}}", 4108, 0, NULL },
    { SUB(NET ",'nu':['http://meter/notify'],'rn':'a'"), 4105, 0, NULL },
    { "{'op':2,'to':'-/meter/box/a','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103, 0, NULL },
    { SUB(NET ",'nu':['Cmeter']"), 2001, 0, NULL },
    { SUB(NET ",'nu':['Cmeter']"), 2001, 0, NULL },
    { SUB(NET ",'nu':['Cmeter']"), 2001, 0, NULL },
    { SUB(NET ",'nu':['Cmeter']"), 5000, 0, "another subscription" },
    { "{'op':4,'to':'-/meter/box/a','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002, 0, NULL },
};

static void subscriptions(void **state)
{
    struct world *w = with_box();
    struct esc_cse_stats stats;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int before = w->sends;
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
        if (w->sends - before != cases[i].sends)
            fail_msg("%s\n%d sends", cases[i].request, w->sends - before);
    }
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.subscriptions, 7);
    assert_int_equal(stats.pending, 0);
    world_free(w);
}

static void verification(void **state)
{
    struct world *w = with_box();
    static const struct {
        int said, rsc;
    } rows[] = { { 2000, 2001 }, { 2001, 5204 }, { 4000, 5204 }, { 4101, 4101 }, { 5205, 5205 }, { 5000, 5204 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->ae_rsc = rows[i].said;
        expect_rsc(w, w->in, SUB(NET ",'nu':['http://meter/notify']"), rows[i].rsc, NULL);
        if (strncmp(w->sent, "{'op':5,'to':'/in1/Cmeter','fr':'/in1','rqi':'in1-n", 51) ||
            !strstr(w->sent, "'pc':{'m2m:sgn':{'vrq':true,'cr':'Cmeter','sur':'/in1/sub"))
            fail_msg("%s", w->sent);
    }
    world_free(w);
}

/* The AE goes while it is asked: nothing is made. */
static void delete_ae(struct world *w)
{
    expect_rsc(w, w->in, "{'op':4,'to':'-/meter','fr':'Cmeter','rqi':'9','rvi':'3'}", 2002, NULL);
}

static void gone_meanwhile(void **state)
{
    struct world *w = with_box();
    struct esc_cse_stats stats;

    (void)state;
    w->meanwhile = delete_ae;
    expect_rsc(w, w->in, SUB(NET ",'nu':['http://meter/notify']"), 4106, NULL);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.subscriptions + stats.pending, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(subscriptions), cmocka_unit_test(verification), cmocka_unit_test(gone_meanwhile) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

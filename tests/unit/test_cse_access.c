#include "cse_support.h"

#include <stdio.h>

/*
 * One after the other at /in1: Cmeter has the policy `open` (everybody 18, itself 63; self-privileges its own), Cbare has none,
 * Clost's policy is deleted on the way.
 */
static const struct {
    const char *request;
    int rsc;
} cases[] = {
    /* policies decide */
    { "{'op':2,'to':'Cmeter','fr':'Cbare','rqi':'1','rvi':'3'}", 2000 },
    { "{'op':2,'to':'Cmeter','fr':'/mn1/Cfar','rqi':'1','rvi':'3'}", 2000 },
    { "{'op':5,'to':'Cmeter','fr':'/mn1/Cfar','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 2000 },
    { "{'op':3,'to':'Cmeter','fr':'Cbare','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['x']}}}", 4103 },
    { "{'op':4,'to':'Cmeter','fr':'Cbare','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':1,'to':'Cmeter','fr':'Cbare','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4103 },
    { "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['x']}}}", 2004 },
    /* without one, only the creator */
    { "{'op':2,'to':'Cbare','fr':'Cbare','rqi':'1','rvi':'3'}", 2000 },
    { "{'op':2,'to':'Cbare','fr':'Cmeter','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':2,'to':'Cbare','fr':'/mn1/Cfar','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':5,'to':'Cbare','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 4103 },
    { "{'op':3,'to':'Cbare','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/meter/open']}}}", 4103 },
    /* a policy guards itself by its self-privileges */
    { "{'op':2,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000 },
    { "{'op':2,'to':'-/meter/open','fr':'Cbare','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':3,'to':'-/meter/open','fr':'Cbare','rqi':'1','rvi':'3','pc':{'m2m:acp':{'pv':{'acr':[]}}}}", 4103 },
    { "{'op':4,'to':'-/meter/open','fr':'Cbare','rqi':'1','rvi':'3'}", 4103 },
    /* Clost's policy lets Cbare update Clost, yet who may exchange the policy is said by its self-privileges: Cmeter only */
    { "{'op':1,'to':'-','fr':'Clost','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'shared',"
      "'pv':{'acr':[{'acor':['Cbare'],'acop':63}]},'pvs':{'acr':[{'acor':['Cmeter'],'acop':63}]}}}}",
      2001 },
    { "{'op':3,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['/in1/in1base/shared']}}}", 2004 },
    { "{'op':3,'to':'Clost','fr':'Cbare','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['x']}}}", 2004 },
    { "{'op':3,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['x']}}}", 4103 },
    { "{'op':3,'to':'Clost','fr':'Cbare','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/meter/open']}}}", 4103 },
    { "{'op':3,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':null}}}", 4103 },
    { "{'op':3,'to':'Clost','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/shared']}}}", 2004 },
    /* the policy goes: back to the creator, and a namesake of it has no hold */
    { "{'op':4,'to':'-/shared','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002 },
    { "{'op':2,'to':'Clost','fr':'Cbare','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':1,'to':'-','fr':'Cbare','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'shared',"
      "'pv':{'acr':[{'acor':['Cbare'],'acop':63}]},'pvs':{'acr':[{'acor':['Cbare'],'acop':63}]}}}}",
      2001 },
    { "{'op':2,'to':'Clost','fr':'Cbare','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':2,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3'}", 2000 },
    /* an AE may always leave, and be removed by whom a policy lets */
    { "{'op':3,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/shared']}}}", 2004 },
    { "{'op':2,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3'}", 4103 },
    { "{'op':4,'to':'Clost','fr':'Clost','rqi':'1','rvi':'3'}", 2002 },
    /* <CSEBase>: registration, reading and NOTIFY are open, policies are for the registered */
    { "{'op':2,'to':'-','fr':'//other.org/x/Cfar','rqi':'1','rvi':'3'}", 2000 },
    { "{'op':5,'to':'-','fr':'//other.org/x/Cfar','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 5001 },
    { "{'op':1,'to':'-','fr':'/mn1/Cfar','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4103 },
    { "{'op':1,'to':'-','fr':'/mn1','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4103 },
    { "{'op':3,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cb':{'lbl':['x']}}}", 4005 },
    { "{'op':4,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3'}", 4005 },
    { "{'op':5,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 4005 },
};

static void privileges(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cbare");
    add_ae(w, w->in, "Clost");
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, NULL);
    world_free(w);
}

/* acaf asks for an authenticated originator; nobody on a plain hop is one. */
static void authentication_flag(void **state)
{
    struct world *w = world_new_in(NULL);
    static const char notify[] =
        "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}";

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, notify, 2000, NULL);
    expect_rsc(w, w->in,
               "{'op':3,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:acp':{'pv':{'acr':"
               "[{'acor':['all'],'acop':16,'acaf':true}]}}}}",
               2004, NULL);
    expect_rsc(w, w->in, notify, 4103, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(privileges), cmocka_unit_test(authentication_flag) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

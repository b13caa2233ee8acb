#include "cse_support.h"

#include <stdio.h>

/* Each a whole attribute object. */
static const struct {
    int ty;
    const char *root, *attrs;
    int rsc;
    const char *says;
} creates[] = {
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3']}", 2001, NULL },
    { 2, "m2m:ae", "{'rr':true,'srv':['3']}", 4000, "api is missing" },
    { 2, "m2m:ae", "{'api':'Nx','srv':['3']}", 4000, "rr is missing" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true}", 4000, "srv is missing" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'new':1}", 4000, "no attribute" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'pv':{'acr':[]}}", 4000, "no attribute" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'ri':'x'}", 4000, "ri must not be given" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'ct':'20260601T120000'}", 4000, "ct must not be given" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'aei':'Cx'}", 4000, "aei must not be given" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'apn':null}", 4000, "apn must be" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'at':['/in2']}", 5001, "at is not supported" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'et':'20260601T120000'}", 4000, "et is in the past" },
    { 2, "m2m:ae", "{'api':'Nx','rr':true,'srv':['3'],'et':'20260601T120001'}", 2001, NULL },
    { 2, "m2m:acp", "{'api':'Nx','rr':true,'srv':['3']}", 4000, "content must be m2m:ae" },
    { 2, "m2m:ae", "[]", 4000, "content must be m2m:ae" },
    { 2, "m2m:ae", "null", 4000, "content must be m2m:ae" },
    { 1, "m2m:acp", "{'pv':{'acr':[]},'pvs':{'acr':[{'acor':['all'],'acop':63}]}}", 2001, NULL },
    { 1, "m2m:acp", "{'pvs':{'acr':[{'acor':['all'],'acop':63}]}}", 4000, "pv is missing" },
    { 1, "m2m:acp", "{'pv':{'acr':[]}}", 4000, "pvs is missing" },
    { 1, "m2m:acp", "{'pv':{'acr':[]},'pvs':{'acr':[{'acor':['all'],'acop':63}]},'acpi':['-/x']}", 4000, "no attribute" },
    { 16, "m2m:csr", "{'rr':true,'srv':['3']}", 4000, "cb is missing" },
    { 16, "m2m:csr", "{'cb':'/x/-','srv':['3']}", 4000, "rr is missing" },
    { 16, "m2m:csr", "{'cb':'/x/-','rr':true}", 4000, "srv is missing" },
    { 16, "m2m:csr", "{'cb':'/x/-','rr':true,'srv':['3'],'api':'Nx'}", 4000, "no attribute" },
};

static void create(void **state)
{
    struct world *w = world_new_in(NULL);
    char request[512];

    (void)state;
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(creates); i++) {
        const char *fr = creates[i].ty == 2 ? "C" : creates[i].ty == 1 ? "Cpanel" : "/mn7";
        snprintf(request, sizeof request, "{'op':1,'to':'-','fr':'%s','rqi':'1','rvi':'3','ty':%d,'pc':{'%s':%s}}", fr,
                 creates[i].ty, creates[i].root, creates[i].attrs);
        expect_rsc(w, w->in, request, creates[i].rsc, creates[i].says);
    }
    world_free(w);
}

static const struct {
    const char *to, *fr, *content;
    int rsc;
    const char *says;
} updates[] = {
    { "Cpanel", "Cpanel", "{'m2m:ae':{'apn':'lamp'}}", 2004, "'apn':'lamp'" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'apn':null}}", 2004, "'m2m:ae'" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'apn':null}}", 2004, "'m2m:ae'" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'rr':false,'lbl':['a','b'],'poa':['http://x'],'csz':['json'],'esi':{'esf':[43]}}}", 2004,
      "'lbl':['a','b']" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{}}", 4000, "nothing to update" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'rr':null}}", 4000, "cannot be removed" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'rn':'x'}}", 4000, "rn must not be given" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'api':'Ny'}}", 4000, "api must not be given" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'lt':'20260601T120000'}}", 4000, "lt must not be given" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'aa':['esi']}}", 5001, "aa is not supported" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'what':1}}", 4000, "no attribute" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'rr':'yes'}}", 4000, "rr must be true or false" },
    { "Cpanel", "Cpanel", "{'m2m:acp':{'lbl':['x']}}", 4000, "content must be m2m:ae" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'acpi':['-/open'],'apn':'x'}}", 4000, "only attribute" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'acpi':['-/missing']}}", 4000, "no accessControlPolicy" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'acpi':['Cpanel']}}", 4000, "no accessControlPolicy" },
    { "Cpanel", "Cpanel", "{'m2m:ae':{'acpi':['/mn1/-/open']}}", 4000, "no accessControlPolicy" },
    { "-/open", "Cpanel", "{'m2m:acp':{'pvs':null}}", 4000, "cannot be removed" },
    { "-/open", "Cpanel", "{'m2m:acp':{'pvs':{'acr':[]}}}", 4000, "1 to 32 rules" },
    { "-/open", "Cpanel", "{'m2m:acp':{'pv':{'acr':[]}}}", 2004, "'pv':{'acr':[]}" },
    { "-/mn7", "/mn7", "{'m2m:csr':{'dcse':['/mn8']}}", 2004, "'dcse':['/mn8']" },
    { "-/mn7", "/mn7", "{'m2m:csr':{'csi':'/mn8'}}", 4000, "csi must not be given" },
    { "-/mn7", "/mn7", "{'m2m:csr':{'cb':'/mn8/-'}}", 4000, "cb must not be given" },
    { "-/mn7", "/mn7", "{'m2m:csr':{'cst':1}}", 4000, "cst must not be given" },
};

static void update(void **state)
{
    struct world *w = world_new_in(NULL);
    char request[512];

    (void)state;
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'open',"
               "'pv':{'acr':[]},'pvs':{'acr':[{'acor':['Cpanel'],'acop':63}]}}}}",
               2001, NULL);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn7','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn7','cb':'/mn7/"
               "-','rr':true,'srv':['3']}}}",
               2001, NULL);
    for (size_t i = 0; i < COUNT(updates); i++) {
        snprintf(request, sizeof request, "{'op':3,'to':'%s','fr':'%s','rqi':'1','rvi':'3','pc':%s}", updates[i].to,
                 updates[i].fr, updates[i].content);
        expect_rsc(w, w->in, request, updates[i].rsc, updates[i].says);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(create), cmocka_unit_test(update) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

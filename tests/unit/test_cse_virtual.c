#include "cse_support.h"

/* Cpanel has a <pollingChannel> "pch" with the identifier pch..., Cother has none. */
static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { "{'op':2,'to':'Cpanel/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':2,'to':'-/Cpanel/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':2,'to':'pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':2,'to':'-/Cpanel/pch/pcu/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':2,'to':'-/Cpanel/pch/la','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    { "{'op':2,'to':'-/Cpanel/pch/pc','fr':'Cpanel','rqi':'1','rvi':'3'}", 4004, NULL },
    /* all ways to say where it is: nothing comes, but that was found out by waiting */
    { "{'op':2,'to':'-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4008, "in time" },
    { "{'op':2,'to':'in1base/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4008, NULL },
    { "{'op':2,'to':'/in1/-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4008, NULL },
    { "{'op':2,'to':'" SP "/in1/-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4008, NULL },
    { "{'op':1,'to':'-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4005, "pcu" },
    { "{'op':3,'to':'-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:pch':{'lbl':['x']}}}", 4005, "pcu" },
    { "{'op':4,'to':'-/Cpanel/pch/pcu','fr':'Cpanel','rqi':'1','rvi':'3'}", 4005, "pcu" },
    { "{'op':2,'to':'-/Cpanel/pch/pcu','fr':'Cother','rqi':'1','rvi':'3'}", 4103, NULL },
    { "{'op':5,'to':'-/Cpanel/pch/pcu','fr':'Cother','rqi':'1','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'x'}}}", 4103, NULL },
};

static void names(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Cother");
    expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}", 2001, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

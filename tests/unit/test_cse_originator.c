#include "cse_support.h"

#include <stdio.h>

#define AE "'rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3']}}"
#define CSR "'rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/x/-','rr':false,'srv':['3']}}"

/* At /in1, where Cpanel, Spanel and the CSEs /mn1 and /Smn are registered. Anybody may read <CSEBase>. */
static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'Spanel','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'/mn1/Cfar','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'/Sfar','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'/Smn','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'//m2m.example.org/mn1/Cfar','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'//other.example.org/in1/Cfar','rqi':'1','rvi':'3'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'//other.example.org/Spanel','rqi':'1','rvi':'3'}", 2000, NULL },
    /* row 3 */
    { "{'op':2,'to':'-','fr':'NONE','rqi':'1','rvi':'3'}", 4000, "fr is missing" },
    { "{'op':1,'to':'-','fr':'NONE'," CSR "}", 4000, "fr is missing" },
    { "{'op':1,'to':'-'," AE "}", 2001, NULL },
    /* not an identifier */
    { "{'op':2,'to':'-','fr':'C','rqi':'1','rvi':'3'}", 4000, "not an AE-ID" },
    { "{'op':2,'to':'-','fr':'panel','rqi':'1','rvi':'3'}", 4000, "not an AE-ID" },
    { "{'op':2,'to':'-','fr':'/mn1/panel','rqi':'1','rvi':'3'}", 4000, "not an AE-ID" },
    { "{'op':2,'to':'-','fr':'//','rqi':'1','rvi':'3'}", 4000, "not an AE-ID" },
    { "{'op':2,'to':'-','fr':'C*','rqi':'1','rvi':'3'}", 4000, "not an AE-ID" },
    /* row 4 */
    { "{'op':2,'to':'-','fr':'/in1/Cpanel','rqi':'1','rvi':'3'}", 4000, "bare AE-ID-Stem" },
    { "{'op':2,'to':'-','fr':'/in1/Cnobody','rqi':'1','rvi':'3'}", 4000, "bare AE-ID-Stem" },
    { "{'op':2,'to':'-','fr':'//m2m.example.org/in1/Cpanel','rqi':'1','rvi':'3'}", 4000, "bare AE-ID-Stem" },
    { "{'op':2,'to':'-','fr':'/Spanel','rqi':'1','rvi':'3'}", 4000, "bare AE-ID-Stem" },
    { "{'op':2,'to':'-','fr':'//m2m.example.org/Spanel','rqi':'1','rvi':'3'}", 4000, "bare AE-ID-Stem" },
    /* row 7 */
    { "{'op':2,'to':'-','fr':'Cnobody','rqi':'1','rvi':'3'}", 4106, "not registered" },
    { "{'op':2,'to':'-','fr':'Sfar','rqi':'1','rvi':'3'}", 4106, "not registered" },
    { "{'op':2,'to':'/mn1/-','fr':'Cnobody','rqi':'1','rvi':'3'}", 4106, "not registered" },
    { "{'op':1,'to':'-','fr':'Cnobody','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{}}}", 4106, "not registered" },
    /* this CSE itself */
    { "{'op':2,'to':'-','fr':'/in1','rqi':'1','rvi':'3'}", 4106, "this CSE itself" },
    { "{'op':2,'to':'-','fr':'//m2m.example.org/in1','rqi':'1','rvi':'3'}", 4106, "this CSE itself" },
};

static void add_cse(struct world *w, const char *id)
{
    char request[256];

    snprintf(request, sizeof request, "{'op':1,'to':'-','fr':'%s'," CSR "}", id);
    expect_rsc(w, w->in, request, 2001, id);
}

static void forms_of_from(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Spanel");
    add_cse(w, "/mn1");
    add_cse(w, "/Smn");
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    world_free(w);
}

/* Row 8, where the configuration asks for it: nobody from beyond another CSE. */
static void association(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    cfg.require_association = true;
    w = world_new_in(&cfg);
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-','fr':'/mn1','rqi':'1','rvi':'3'}", 4107, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-','fr':'/mn1/Cfar','rqi':'1','rvi':'3'}", 4107, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-','fr':'/Sfar','rqi':'1','rvi':'3'}", 4107, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'/mn1'," CSR "}", 4107, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(forms_of_from), cmocka_unit_test(association) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cse_support.h"

#include <stdio.h>

static const struct {
    const char *request, *expected;
} cases[] = {
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3'}",
      "{'rsc':2000,'rqi':'1','pc':{'m2m:cb':{'rn':'in1base','ty':5,'ri':'in1','pi':null,'ct':'20260601T120000',"
      "'lt':'20260601T120000','csi':'/in1','cst':1,'srt':[1,2,3,4,5,15,16,23],'srv':['2','2a','3']," OWN_CSZ ",'poa':['http://"
      "in1:8080'],"
      "'esi':{'esf':[43]}}},'rvi':'3'}" },
    /* one attribute, in each of the ways to ask for it */
    { "{'op':2,'to':'-#esi','fr':'Cpanel','rqi':'1','rvi':'3'}",
      "{'rsc':2000,'rqi':'1','pc':{'m2m:cb':{'esi':{'esf':[43]}}},'rvi':'3'}" },
    { "{'op':2,'to':'/in1/Cmeter#esi','fr':'Cpanel','rqi':'1','rvi':'3'}",
      "{'rsc':2000,'rqi':'1','pc':{'m2m:ae':{'esi':{'esf':[43]}}},'rvi':'3'}" },
    { "{'op':2,'to':'/in1/Cmeter','fr':'/mn1/Ca1b2c3','rqi':'A0000','rvi':'3','pc':{'m2m:atrl':['esi']}}",
      "{'rsc':2000,'rqi':'A0000','pc':{'m2m:ae':{'esi':{'esf':[43]}}},'rvi':'3'}" },
    { "{'op':2,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:atrl':['rn','aei','rr']}}",
      "{'rsc':2000,'rqi':'1','pc':{'m2m:ae':{'rn':'meter','aei':'Cmeter','rr':true}},'rvi':'3'}" },
    /* not there: left out; poa is there, but not for others (R-RG-4) */
    { "{'op':2,'to':'Cpanel#esi','fr':'Cpanel','rqi':'1','rvi':'3'}", "{'rsc':2000,'rqi':'1','pc':{'m2m:ae':{}},'rvi':'3'}" },
    { "{'op':2,'to':'Cmeter#poa','fr':'Cpanel','rqi':'1','rvi':'3'}", "{'rsc':2000,'rqi':'1','pc':{'m2m:ae':{}},'rvi':'3'}" },
    { "{'op':2,'to':'Cmeter#poa','fr':'Cmeter','rqi':'1','rvi':'3'}",
      "{'rsc':2000,'rqi':'1','pc':{'m2m:ae':{'poa':['http://meter']}},'rvi':'3'}" },
    /* no such attribute */
    { "{'op':2,'to':'Cpanel#pv','fr':'Cpanel','rqi':'1','rvi':'3'}",
      "{'rsc':4000,'rqi':'1','pc':{'m2m:dbg':'m2m:ae has no attribute \\'pv\\''},'rvi':'3'}" },
    { "{'op':2,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{}}}",
      "{'rsc':4000,'rqi':'1','pc':{'m2m:dbg':'content of a Retrieve must be m2m:atrl, a list of 1 to 32 names'},'rvi':'3'}" },
};

static struct world *with_esi(void)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    cfg.esi = "{\"esf\":[43]}";
    return world_new_in(&cfg);
}

static void content(void **state)
{
    struct world *w = with_esi();

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_answer(w, w->in, cases[i].request, cases[i].expected);
    world_free(w);
}

/* ?atrl=esi+rr, and the list as a content that no parser of primitives has seen: the bindings' forms. */
static void forms_of_bindings(void **state)
{
    struct world *w = with_esi();
    static const struct {
        const char *atrl, *pc;
        int rsc;
        const char *content;
    } rows[] = {
        { "esi", NULL, 2000, "{\"m2m:ae\":{\"esi\":{\"esf\":[43]}}}" },
        { "esi+rr", NULL, 2000, "{\"m2m:ae\":{\"esi\":{\"esf\":[43]},\"rr\":true}}" },
        { "esi+", NULL, 4000, NULL },
        { "+esi", NULL, 4000, NULL },
        { "", NULL, 4000, NULL },
        { "nothing", NULL, 4000, NULL },
        { "rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn", NULL, 2000,
          "{\"m2m:ae\":{\"rn\":\"meter\"}}" },
        { "rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn+rn", NULL, 4000,
          NULL },
        { NULL, "{\"m2m:atrl\":[\"esi\",\"rr\"]}", 2000, "{\"m2m:ae\":{\"esi\":{\"esf\":[43]},\"rr\":true}}" },
        { "rr", "{\"m2m:atrl\":[\"esi\"]}", 2000, "{\"m2m:ae\":{\"rr\":true,\"esi\":{\"esf\":[43]}}}" },
        { NULL, "{\"m2m:atrl\":[\"\"]}", 4000, NULL },
        { NULL, "{\"m2m:atrl\":[5]}", 4000, NULL },
        { NULL, "{\"m2m:atrl\":[]}", 4000, NULL },
        { NULL, "{\"m2m:atrl\":\"esi\"}", 4000, NULL },
        { NULL, "{\"m2m:atrl\":[\"a123456789012345678901234567890123\"]}", 4000, NULL },
    };

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_primitive req, rsp;
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = ESCERTKE_OP_RETRIEVE;
        assert_int_equal(escertke_primitive_set(&req.to, escertke_span_str("Cmeter")), ESCERTKE_OK);
        assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cmeter")), ESCERTKE_OK);
        assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
        if (rows[i].atrl)
            assert_int_equal(escertke_primitive_set(&req.atrl, escertke_span_str(rows[i].atrl)), ESCERTKE_OK);
        if (rows[i].pc)
            assert_int_equal(escertke_buf_append(&req.content, rows[i].pc, strlen(rows[i].pc)), ESCERTKE_OK);
        esc_cse_handle(w->in, &req, w->now, &rsp);
        if (rsp.rsc != rows[i].rsc)
            fail_msg("row %zu: found %d", i, rsp.rsc);
        if (rows[i].content)
            assert_buf_text(&rsp.content, rows[i].content);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(content), cmocka_unit_test(forms_of_bindings) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

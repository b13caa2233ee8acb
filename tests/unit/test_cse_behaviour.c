#include "cse_support.h"

#include <stdio.h>

#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"
#define SGN "'pc':{'m2m:sgn':{'sur':'x','nev':{'net':1,'rep':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}}}"
#define NOTIFY(to, pc) "{'op':5,'to':'" to "','fr':'Cpanel','rqi':'1','rvi':'3'," pc "}"
#define AE(esi) "{'op':1,'to':'-','fr':'Cnew','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3'],'esi':" esi "}}}"

enum { STRICT, ACME, TINYIOT, KINDS };
static const char *const names[KINDS] = { "strict", "acme", "tinyiot" };

static const struct {
    const char *request;
    int ae_rsc; /* what the AE at http://meter answers, with m2m:dbg "no" */
    struct {
        int rsc;
        const char *answer; /* the whole of it, or what it contains when it begins with another character than { */
    } as[KINDS];
} cases[] = {
    { AE("{'esf':[43]}"), 0, { { 2001, "'esi':{'esf':[43]}" }, { 4000, "esi" }, { 4000, "esi" } } },
    { AE("'43'"), 0, { { 4000, "esi" }, { 2001, "'esi':'43'" }, { 4000, "esi" } } },
    { NOTIFY("Cmeter", SECI), 2000,
      { { 2000, "{'rsc':2000,'rqi':'1','pc':{'m2m:dbg':'no'},'rvi':'3'}" },
        { 4000, "{'rsc':4000,'rqi':'1','pc':{'m2m:dbg':'not a NOTIFY request'},'rvi':'3'}" },
        { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    { NOTIFY("Cmeter", SGN), 2000,
      { { 2000, "'m2m:dbg':'no'" }, { 2000, "'m2m:dbg':'no'" }, { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    { NOTIFY("Cmeter", SGN), 4116,
      { { 4116, "'m2m:dbg':'no'" }, { 5103, "'m2m:dbg':'no'" }, { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    { NOTIFY("Cmeter", SGN), 4106,
      { { 4106, "'m2m:dbg':'no'" }, { 4106, "'m2m:dbg':'no'" }, { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    /* to a CSE behind, which is asked as strictly */
    { NOTIFY("/mn5/Cx", SECI), 2000, { { 2000, "'m2m:dbg':'no'" }, { 4000, "not a NOTIFY" }, { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    { NOTIFY("/mn5/Cx", SGN), 2000, { { 2000, "'m2m:dbg':'no'" }, { 2000, "'m2m:dbg':'no'" }, { 2000, NULL } } },
    { NOTIFY("-", SECI), 0, { { 5001, "end-point" }, { 4000, "not a NOTIFY" }, { 2000, "{'rsc':2000,'rqi':'1','rvi':'3'}" } } },
    { NOTIFY("-", SGN), 0, { { 5001, "end-point" }, { 4000, "not a NOTIFY" }, { 2000, NULL } } },
    /* the first point of access is down */
    { NOTIFY("-/second", SGN), 2000, { { 2000, "'m2m:dbg':'no'" }, { 2000, NULL }, { 5103, NULL } } },
    { "{'op':1,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}", 0,
      { { 2001, NULL }, { 2001, NULL }, { 4000, "resource type is invalid" } } },
    /* what works everywhere */
    { "{'op':1,'to':'-/Cpanel/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x','cr':null}}}", 0,
      { { 2001, "'cr':'Cpanel'" }, { 2001, "'cr':'Cpanel'" }, { 2001, "'cr':'Cpanel'" } } },
    { "{'op':1,'to':'-/Cpanel/box','fr':'Cpanel','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{'enc':{'net':[3]},'nu':['Cpanel']}}}", 0,
      { { 2001, NULL }, { 2001, NULL }, { 2001, NULL } } },
};

static struct world *world_like(const char *name)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    cfg.behave_like = name;
    w = world_new_in(&cfg);
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3'],'poa':['http://meter']}}}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Csecond','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'second','api':'Nx','rr':true,'srv':['3'],'poa':['http://down','http://meter']}}}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'/mn5','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/mn5/-','rr':true,'srv':['3'],'poa':['http://meter']}}}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'open','pv':{'acr':[{'acor':['all'],'acop':63}]},'pvs':{'acr':[{'acor':['all'],'acop':63}]}}}}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/open']}}}", 2004, NULL);
    expect_rsc(w, w->in, "{'op':3,'to':'Csecond','fr':'Csecond','rqi':'1','rvi':'3','pc':{'m2m:ae':{'acpi':['-/open']}}}", 2004, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box'}}}", 2001, NULL);
    return w;
}

static void departures(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct world *w = world_like(names[kind]);
        for (size_t i = 0; i < COUNT(cases); i++) {
            const char *says = cases[i].as[kind].answer;
            w->ae_rsc = cases[i].ae_rsc;
            strcpy(w->ae_answer, "{'m2m:dbg':'no'}");
            expect_rsc(w, w->in, cases[i].request, cases[i].as[kind].rsc, says && *says != '{' ? says : NULL);
            if (says && *says == '{' && strcmp(answer(), says) != 0)
                fail_msg("%s %s\nexpected %s\nfound    %s", names[kind], cases[i].request, says, answer());
        }
        world_free(w);
    }
}

/* Which serializations a CSE reads; a request without content is read by all. */
static void serializations(void **state)
{
    static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };

    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct world *w = world_like(names[kind]);
        for (size_t i = 0; i < COUNT(formats); i++) {
            escertke_primitive req, rsp;
            if (!escertke_format_available(formats[i]))
                continue;
            for (int content = 0; content < 2; content++) {
                escertke_primitive_init(&req);
                escertke_primitive_init(&rsp);
                req.op = content ? ESCERTKE_OP_NOTIFY : ESCERTKE_OP_RETRIEVE;
                req.format = formats[i];
                assert_int_equal(escertke_primitive_set(&req.to, escertke_span_str("Cpanel")), ESCERTKE_OK);
                assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
                assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
                assert_int_equal(escertke_primitive_set(&req.rvi, escertke_span_str("3")), ESCERTKE_OK);
                if (content)
                    assert_int_equal(escertke_seci_write_eckm(req.format, escertke_span_str("x"), &req.content), ESCERTKE_OK);
                esc_cse_handle(w->in, &req, w->now, &rsp);
                bool unread = content && ((kind == ACME && req.format == ESCERTKE_FORMAT_XML) ||
                                          (kind == TINYIOT && req.format != ESCERTKE_FORMAT_JSON));
                char words[100] = "";
                escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), words, sizeof words);
                if (!content)
                    assert_int_equal(rsp.rsc, 2000);
                else if ((strcmp(words, "the content cannot be read") == 0) != unread)
                    fail_msg("%s format %d: %d %s", names[kind], (int)req.format, rsp.rsc, words);
                escertke_primitive_clear(&req);
                escertke_primitive_clear(&rsp);
            }
        }
        world_free(w);
    }
}

static void configuration(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse *cse;

    (void)state;
    cfg.behave_like = "mobius";
    assert_int_equal(esc_cse_new(&cfg, w->now, &cse, NULL), ESCERTKE_ERR_CONFIG);
    assert_true(esc_cse_behaviour_valid("acme"));
    assert_false(esc_cse_behaviour_valid(""));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(departures), cmocka_unit_test(serializations), cmocka_unit_test(configuration) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

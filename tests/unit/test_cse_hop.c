#include "cse_support.h"

#include <stdio.h>

#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"

/* What leaves /in1 towards its AE Cmeter for what comes in: R-ID-20...24, R-PR-13. */
static const struct {
    const char *in, *out;
} to_ae[] = {
    { "'fr':'Cpanel','rqi':'1','rvi':'3'", "'fr':'Cpanel','rqi':'Cpanel/1'" },
    { "'fr':'Spanel','rqi':'1','rvi':'3'", "'fr':'Spanel','rqi':'Spanel/1'" },
    { "'fr':'/mn1/Ca1b2c3','rqi':'Ca1b2c3/A0001','rvi':'3'", "'fr':'/mn1/Ca1b2c3','rqi':'Ca1b2c3/A0001'" },
    { "'fr':'/mn1','rqi':'1','rvi':'3'", "'fr':'/mn1','rqi':'1'" },
    { "'fr':'/S5f0e','rqi':'1','rvi':'3'", "'fr':'/S5f0e','rqi':'1'" },
    { "'fr':'//other.org/x/Cy','rqi':'1','rvi':'3'", "'fr':'//other.org/x/Cy','rqi':'1'" },
    /* an absolute time stays as it is, a relative one would grow with every hop */
    { "'fr':'/mn1','rqi':'1','rvi':'3','rqet':'20260601T120030'", "'rqet':'20260601T120030'" },
    { "'fr':'/mn1','rqi':'1','rvi':'3','rqet':'20260601T120030,123456'", "'rqet':'20260601T120030,123456'" },
    { "'fr':'/mn1','rqi':'1','rvi':'3','rqet':'30000'", "'rqet':'20260601T120030'" },
    { "'fr':'/mn1','rqi':'1','rvi':'3','rqet':'500'", "'rqet':'20260601T120001'" },
    { "'fr':'/mn1','rqi':'1','rvi':'3','rset':'60000'", "'rset':'20260601T120100'" },
    { "'fr':'/mn1','rqi':'1','rvi':'2a','ot':'20260601T115959','vsi':'v'", "'vsi':'v'" },
};

static void outgoing(void **state)
{
    struct world *w = world_new_in(NULL);
    char request[512];

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Spanel");
    for (size_t i = 0; i < COUNT(to_ae); i++) {
        snprintf(request, sizeof request, "{'op':5,'to':'/in1/Cmeter',%s," SECI "}", to_ae[i].in);
        expect_rsc(w, w->in, request, 2000, NULL);
        if (!strstr(w->sent, to_ae[i].out) || !strstr(w->sent, "'to':'/in1/Cmeter'"))
            fail_msg("%s\nsent %s", request, w->sent);
    }
    world_free(w);
}

/* rvi and vsi are not for a Release 1 entity, neither there nor on the way back. */
static void release_1(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'srv':['1']}}}", 2004, NULL);
    expect_answer(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','vsi':'v'," SECI "}",
                  "{'rsc':2000,'rqi':'1','rvi':'3'}");
    assert_null(strstr(w->sent, "rvi"));
    assert_null(strstr(w->sent, "vsi"));
    expect_rsc(w, w->in, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'srv':['1','3']}}}", 2004,
               NULL);
    expect_answer(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1'," SECI "}", "{'rsc':2000,'rqi':'1'}");
    world_free(w);
}

/* rqet bounds the way through the pointsOfAccess. */
static void deadline(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_meter(w, w->in, "['http://down1','http://down2','http://meter']");
    add_ae(w, w->in, "Cpanel");
    w->sends = 0;
    w->slow_ms = 4000;
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','rqet':'20260601T120007'," SECI "}", 4008,
               "rqet passed");
    assert_int_equal(w->sends, 2);
    w->now.unix_s = NOON;
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','rset':'20260601T120003'," SECI "}", 4008,
               NULL);
    w->now.unix_s = NOON;
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','rqet':'20260601T120010'," SECI "}", 2000,
               NULL);
    world_free(w);
}

/* A failed hop is in the log, with its URL, for the operator. */
static void logged(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_meter(w, w->in, "['http://down']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3'," SECI "}", 5103, NULL);
    assert_non_null(strstr(w->log, "cse.hop url=http://down error=UNREACHABLE"));
    assert_non_null(strstr(w->log, "cse.refused op=5 to=Cmeter fr=Cpanel rsc=5103"));
    assert_null(strstr(w->log, "FgMB"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(outgoing), cmocka_unit_test(release_1), cmocka_unit_test(deadline),
                                        cmocka_unit_test(logged) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cse_support.h"

#include <stdio.h>

#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"
#define TO_METER "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}"

static struct world *with_meter(const char *poa)
{
    struct world *w = world_new_in(NULL);

    add_meter(w, w->in, poa);
    add_ae(w, w->in, "Cpanel");
    w->sends = 0;
    return w;
}

static void delivered(void **state)
{
    struct world *w = with_meter("['http://meter/notify']");

    (void)state;
    strcpy(w->ae_answer, "{'m2m:seci':{'sit':6,'eckm':'FgMD'}}");
    expect_answer(w, w->in, TO_METER, "{'rsc':2000,'rqi':'A1','pc':{'m2m:seci':{'sit':6,'eckm':'FgMD'}},'rvi':'3'}");
    assert_string_equal(w->url, "http://meter/notify");
    assert_string_equal(w->receiver, "//m2m.example.org/in1/Cmeter");
    assert_true(w->to_ae);
    assert_string_equal(
        w->sent, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'Cpanel/A1','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}},'rvi':'3'}");
    world_free(w);
}

/* Whatever the AE says is passed back, code and content. */
static void refusals_of_the_ae(void **state)
{
    struct world *w = with_meter("['http://meter']");

    (void)state;
    w->ae_rsc = 4106;
    strcpy(w->ae_answer, "{'m2m:seci':{'sit':6,'eckm':'FQMDAAICKg=='}}");
    expect_answer(w, w->in, TO_METER, "{'rsc':4106,'rqi':'A1','pc':{'m2m:seci':{'sit':6,'eckm':'FQMDAAICKg=='}},'rvi':'3'}");
    w->ae_rsc = 4000;
    strcpy(w->ae_answer, "{'m2m:dbg':'ESCertKE: no pending handshake'}");
    expect_answer(w, w->in, TO_METER, "{'rsc':4000,'rqi':'A1','pc':{'m2m:dbg':'ESCertKE: no pending handshake'},'rvi':'3'}");
    w->ae_rsc = 2000;
    *w->ae_answer = '\0';
    expect_answer(w, w->in, TO_METER, "{'rsc':2000,'rqi':'A1','rvi':'3'}");
    w->ae_rsc = 0;
    expect_rsc(w, w->in, TO_METER, 5103, "does not answer");
    world_free(w);
}

static const struct {
    const char *poa;
    int rsc, sends;
    const char *says;
} ways[] = {
    { "['http://down','http://meter']", 2000, 2, NULL },
    { "['http://down','http://down2','http://other','mqtt://broker','http://meter']", 2000, 5, NULL },
    { "['http://meter','http://down']", 2000, 1, NULL },
    { "['http://down','http://down2']", 5103, 2, "at any pointOfAccess" },
    /* reached, so the next is not tried: the AE may have the request already */
    { "['http://late','http://meter']", 4008, 1, "in time" },
    { "['http://large','http://meter']", 5103, 1, "not usable" },
    { "['http://wrongrqi','http://meter']", 5103, 1, "does not answer" },
    { "['http://nomem','http://meter']", 5000, 1, "memory" },
    /* this CSE's own address */
    { "['http://in1:8080/x']", 5103, 0, "no usable" },
    { "['http://in1:8080','http://meter']", 2000, 1, NULL },
};

static void points_of_access(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct world *w = with_meter(ways[i].poa);
        expect_rsc(w, w->in, TO_METER, ways[i].rsc, ways[i].says);
        if (w->sends != ways[i].sends)
            fail_msg("%s: %d sends", ways[i].poa, w->sends);
        if (strstr(answer(), "http://"))
            fail_msg("the answer tells where the AE is: %s", answer());
        world_free(w);
    }
}

/* A broker is everybody's point of access; who is meant stands in the topic. */
static void at_the_own_broker(void **state)
{
    struct world *w = with_meter("['mqtts://broker/plant']");
    static const char *const poa[] = { "mqtts://broker/plant" };

    (void)state;
    assert_int_equal(esc_cse_set_poa(w->in, poa, 1), ESCERTKE_OK);
    expect_rsc(w, w->in, TO_METER, 2000, NULL);
    assert_string_equal(w->url, "mqtts://broker/plant");
    assert_string_equal(w->receiver, "//m2m.example.org/in1/Cmeter");
    world_free(w);
}

/* Attributes of the AE that stand in the way; each update on top of the ones before. */
static void unwilling(void **state)
{
    struct world *w = with_meter("['http://meter']");
    static const struct {
        const char *update;
        int rsc;
    } rows[] = {
        { "{'rr':false}", 5103 },    { "{'rr':true}", 2000 },
        { "{'csz':['xml','application/vnd.onem2m-res+json']}", 2000 },
        { "{'csz':null}", 2000 },    { "{'poa':null}", 5103 },
    };
    char request[256];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(request, sizeof request, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':%s}}",
                 rows[i].update);
        expect_rsc(w, w->in, request, 2004, NULL);
        expect_rsc(w, w->in, TO_METER, rows[i].rsc, NULL);
    }
    world_free(w);
}

static void without_deliver(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    cfg.deliver = NULL;
    w = world_new_in(&cfg);
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, TO_METER, 5103, NULL);
    world_free(w);
}

/* A request that comes round to the registrar gets one more stem in front each time. */
static void laps(void **state)
{
    struct world *w = with_meter("['http://meter']");

    (void)state;
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'Cpanel/Cpanel/Cpanel/1','rvi':'3'," SECI "}", 2000, NULL);
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'Cpanel/Cpanel/Cpanel/Cpanel/1','rvi':'3'," SECI "}", 4004,
               "again");
    world_free(w);
}

static void to_the_cse(void **state)
{
    struct world *w = with_meter("['http://meter']");

    (void)state;
    expect_rsc(w, w->in, "{'op':5,'to':'-','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}", 5001, "no ESCertKE end-point");
    expect_rsc(w, w->in, "{'op':5,'to':'/in1','fr':'/mn1/Cx','rqi':'A1','rvi':'3'," SECI "}", 5001, NULL);
    assert_int_equal(w->sends, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivered),  cmocka_unit_test(refusals_of_the_ae), cmocka_unit_test(points_of_access),  cmocka_unit_test(at_the_own_broker),
        cmocka_unit_test(unwilling),  cmocka_unit_test(without_deliver),    cmocka_unit_test(laps),
        cmocka_unit_test(to_the_cse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

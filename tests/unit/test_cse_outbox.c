#include "cse_support.h"

#include <stdio.h>

#define PUT "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'hello','cr':null}}}"

static struct world *with_subscriber(const char *poa, const char *sub)
{
    struct world *w = world_new_in(NULL);
    char request[512];

    add_meter(w, w->in, poa);
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box'}}}", 2001, NULL);
    snprintf(request, sizeof request,
             "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{'rn':'sub','enc':{'net':[3]},%s}}}", sub);
    expect_rsc(w, w->in, request, 2001, NULL);
    w->sends = 0;
    return w;
}

static size_t waiting(struct world *w)
{
    struct esc_cse_stats stats;

    esc_cse_get_stats(w->in, &stats);
    return stats.notes;
}

static void sent_later(void **state)
{
    struct world *w = with_subscriber("['http://meter/notify']", "'nu':['http://meter/notify/box']");

    (void)state;
    assert_false(esc_cse_send_due(w->in, w->now));
    expect_rsc(w, w->in, PUT, 2001, NULL);
    assert_int_equal(w->sends, 0); /* the creator has its answer before anybody hears of it */
    assert_int_equal(waiting(w), 1);
    assert_true(esc_cse_send_due(w->in, w->now));
    assert_int_equal(waiting(w), 0);
    assert_string_equal(w->url, "http://meter/notify/box");
    assert_non_null(strstr(w->sent, "'pc':{'m2m:sgn':{'nev':{'rep':{'m2m:cin':{'rn':'cin"));
    assert_non_null(strstr(w->sent, "'con':'hello','cr':'Cmeter','cs':5}},'net':3},'sur':'/in1/sub"));
    assert_false(esc_cse_send_due(w->in, w->now));
    world_free(w);
}

/* Nobody there: the same one again after 1, 2, 4... s, and given up after five minutes. */
static void tried_again(void **state)
{
    struct world *w = with_subscriber("['http://down']", "'nu':['Cmeter']");
    int tries = 0;

    (void)state;
    expect_rsc(w, w->in, PUT, 2001, NULL);
    for (int s = 0; s < 500 && waiting(w); s++) {
        tries += esc_cse_send_due(w->in, w->now);
        w->now.mono_ms += 1000;
    }
    assert_int_equal(waiting(w), 0);
    assert_int_equal(tries, 11); /* at 0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303 s */
    world_free(w);
}

/* Two subscriptions take turns, however much waits for the first. */
static void turns(void **state)
{
    struct world *w = with_subscriber("['http://meter']", "'nu':['Cmeter']");
    char sur[2][64];

    (void)state;
    expect_rsc(w, w->in,
               "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{'enc':{'net':[3]},'nu':['Cmeter']}}}",
               2001, NULL);
    for (int i = 0; i < 2; i++)
        expect_rsc(w, w->in, PUT, 2001, NULL);
    for (int i = 0; i < 2; i++) {
        assert_true(esc_cse_send_due(w->in, w->now));
        snprintf(sur[i], sizeof sur[i], "%.40s", strstr(w->sent, "'sur':"));
    }
    assert_string_not_equal(sur[0], sur[1]);
    world_free(w);
}

static void refused_is_final(void **state)
{
    struct world *w = with_subscriber("['http://meter']", "'nu':['Cmeter']");

    (void)state;
    w->ae_rsc = 4000;
    expect_rsc(w, w->in, PUT, 2001, NULL);
    assert_true(esc_cse_send_due(w->in, w->now));
    assert_int_equal(waiting(w), 0);
    world_free(w);
}

static void at_most_so_many(void **state)
{
    struct world *w = with_subscriber("['http://meter']", "'nu':['Cmeter']");

    (void)state;
    for (int i = 0; i < 100; i++)
        expect_rsc(w, w->in, PUT, 2001, NULL);
    assert_int_equal(waiting(w), 64);
    assert_non_null(strstr(w->log, "dropped=oldest"));
    world_free(w);
}

/* su hears of the end, whichever way it comes; without su nobody does. */
static void deleted(void **state)
{
    static const struct {
        const char *sub, *request;
        size_t notes;
    } rows[] = {
        { "'nu':['Cmeter'],'su':'Cmeter'", "{'op':4,'to':'-/meter/box/sub','fr':'Cmeter','rqi':'1','rvi':'3'}", 1 },
        { "'nu':['Cmeter'],'su':'Cmeter'", "{'op':4,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3'}", 1 },
        { "'nu':['Cmeter'],'su':'Cmeter'", "{'op':4,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3'}", 1 },
        { "'nu':['Cmeter']", "{'op':4,'to':'-/meter/box/sub','fr':'Cmeter','rqi':'1','rvi':'3'}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = with_subscriber("['http://meter']", rows[i].sub);
        expect_rsc(w, w->in, rows[i].request, 2002, NULL);
        assert_int_equal(waiting(w), rows[i].notes);
        if (rows[i].notes) {
            assert_true(esc_cse_send_due(w->in, w->now));
            assert_non_null(strstr(w->sent, "'m2m:sgn':{'sud':true,'sur':'/in1/sub"));
        }
        world_free(w);
    }
}

/* A point of access that the AE has given up is not notified any more. */
static void poa_given_up(void **state)
{
    struct world *w = with_subscriber("['http://meter']", "'nu':['http://meter']");

    (void)state;
    expect_rsc(w, w->in, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'poa':['http://other']}}}", 2004, NULL);
    expect_rsc(w, w->in, PUT, 2001, NULL);
    assert_int_equal(waiting(w), 0);
    world_free(w);
}

static void poll(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p1','rvi':'3'}", 2000, "'m2m:rqp':{'op':5,'to':'/in1/Cmeter','fr':'/in1'");
    char reply[512], rqi[128];
    const char *at = strstr(answer(), "'rqi':'in1-n");
    snprintf(rqi, sizeof rqi, "%.*s", (int)strcspn(at + 7, "'"), at + 7);
    snprintf(reply, sizeof reply,
             "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'%s'}}}", rqi);
    expect_rsc(w, w->in, reply, 2000, NULL);
}

static void by_polling_channel(void **state)
{
    struct world *w = with_subscriber("['http://down']", "'nu':['Cmeter']");

    (void)state;
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}", 2001, NULL);
    expect_rsc(w, w->in, PUT, 2001, NULL);
    w->while_waiting = poll;
    assert_true(esc_cse_send_due(w->in, w->now));
    assert_int_equal(waiting(w), 0);
    assert_int_equal(w->sends, 0);
    world_free(w);
}

static void stopped(void **state)
{
    struct world *w = with_subscriber("['http://meter']", "'nu':['Cmeter']");

    (void)state;
    expect_rsc(w, w->in, PUT, 2001, NULL);
    esc_cse_stop(w->in);
    assert_false(esc_cse_send_due(w->in, w->now));
    esc_cse_wait_due(w->in, 60000); /* comes back at once */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_later), cmocka_unit_test(tried_again),  cmocka_unit_test(turns), cmocka_unit_test(refused_is_final),   cmocka_unit_test(at_most_so_many),
        cmocka_unit_test(deleted),    cmocka_unit_test(poa_given_up), cmocka_unit_test(by_polling_channel), cmocka_unit_test(stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

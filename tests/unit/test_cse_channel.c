#include "cse_support.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"
#define TO_METER "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}"
#define POLL "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p1','rvi':'3'}"
#define REPLY(rqi, rest) \
    "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'" rqi "'" rest "}}}"
#define CREATE "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}"

static struct world *with_config(const struct esc_cse_config *cfg)
{
    struct world *w = world_new_in(cfg);

    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'rr':false}}}", 2004, NULL);
    expect_rsc(w, w->in, CREATE, 2001, "'m2m:pch':{'rn':'pch','ty':15,'ri':'pch");
    return w;
}

static struct esc_cse_config config(void)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    return cfg;
}

static void resource(void **state)
{
    struct world *w = with_config(NULL);
    static const struct {
        const char *request;
        int rsc;
    } rows[] = {
        { CREATE, 4105 },
        { "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'second'}}}", 4105 },
        { "{'op':1,'to':'-/meter','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{}}}", 4103 },
        { "{'op':1,'to':'Cpanel','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{}}}", 4103 },
        { "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rqag':true}}}", 5001 },
        { "{'op':1,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{}}}", 4108 },
        { "{'op':2,'to':'-/meter/pch','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000 },
        { "{'op':2,'to':'-/meter/pch','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103 }, /* though the policy lets all read the AE */
        { "{'op':4,'to':'-/meter/pch','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103 },
        { "{'op':3,'to':'-/meter/pch','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:pch':{'lbl':['x']}}}", 2004 },
        { "{'op':5,'to':'-/meter/pch','fr':'Cmeter','rqi':'1','rvi':'3'," SECI "}", 4005 },
        { "{'op':4,'to':'-/meter/pch','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002 },
        { CREATE, 2001 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_rsc(w, w->in, rows[i].request, rows[i].rsc, NULL);
    world_free(w);
}

/* One whose rights allow it everything but who is not the AE. */
static void only_the_entity_itself(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in,
               "{'op':3,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:acp':{'pv':{'acr':[{'acor':['all'],'acop':63}]}}}}",
               2004, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{}}}", 4103,
               "only the entity itself");
    world_free(w);
}

/* ---- handing over ------------------------------------------------------------------------------------------- */

static void poll_and_reply(struct world *w)
{
    w->while_waiting = NULL;
    expect_answer(w, w->in, POLL,
                  "{'rsc':2000,'rqi':'p1','pc':{'m2m:rqp':{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'Cpanel/A1',"
                  "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}},'rvi':'3'}},'rvi':'3'}");
    /* another channel's owner, an unknown rqi, no response at all */
    expect_rsc(w, w->in, REPLY("A1", ""), 4004, "rqi");
    expect_rsc(w, w->in, "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3'," SECI "}", 4000, "m2m:rsp");
    expect_rsc(w, w->in, "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'op':2,'to':'x','fr':'Cx','rqi':'y'}}}",
               4000, NULL);
    expect_rsc(w, w->in, "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':[]}}", 4000, NULL);
    expect_answer(w, w->in, REPLY("Cpanel/A1", ",'fr':'Cmeter','to':'Cpanel','pc':{'m2m:seci':{'sit':6,'eckm':'FgMD'}}"),
                  "{'rsc':2000,'rqi':'p2','rvi':'3'}");
    expect_rsc(w, w->in, REPLY("Cpanel/A1", ""), 4004, NULL); /* answered already */
}

static void request_first(void **state)
{
    struct world *w = with_config(NULL);
    struct esc_cse_stats stats;

    (void)state;
    w->while_waiting = poll_and_reply;
    expect_answer(w, w->in, TO_METER, "{'rsc':2000,'rqi':'A1','pc':{'m2m:seci':{'sit':6,'eckm':'FgMD'}},'rvi':'3'}");
    assert_int_equal(w->sends, 0); /* the poa is not tried */
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.held + stats.polls + stats.pending, 0);
    world_free(w);
}

static void refuse(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, POLL, 2000, NULL);
    expect_rsc(w, w->in,
               "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':4106,'rqi':'Cpanel/A1',"
               "'pc':{'m2m:dbg':'no'}}}}",
               2000, NULL);
}

static void poll_only(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, POLL, 2000, "Cpanel/A1");
    expect_rsc(w, w->in, POLL, 4008, NULL); /* handed out once */
}

static void delete_channel(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':4,'to':'-/meter/pch','fr':'Cmeter','rqi':'p2','rvi':'3'}", 2002, NULL);
}

static void delete_ae(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':4,'to':'-/meter','fr':'Cmeter','rqi':'p2','rvi':'3'}", 2002, NULL);
}

static void stop(struct world *w)
{
    w->while_waiting = NULL;
    esc_cse_stop(w->in);
}

static const struct {
    void (*meanwhile)(struct world *w);
    const char *request;
    int rsc;
    const char *says;
    uint64_t ms; /* that passed */
} ends[] = {
    { NULL, TO_METER, 4008, "in time", 20000 },
    { NULL, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','rqet':'20260601T120005'," SECI "}", 4008, NULL, 5000 },
    { NULL, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','rqet':'20260601T130000'," SECI "}", 4008, NULL, 20000 },
    { refuse, TO_METER, 4106, "'m2m:dbg':'no'", 0 },
    { poll_only, TO_METER, 4008, NULL, 20000 },
    { delete_channel, TO_METER, 5103, "gone", 0 },
    { delete_ae, TO_METER, 5103, "gone", 0 },
    { stop, TO_METER, 5103, "stopped", 0 },
    { NULL, POLL, 4008, NULL, 20000 },
    { NULL, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p1','rvi':'3','rqet':'20260601T120003'}", 4008, NULL, 3000 },
    { NULL, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p1','rvi':'3','rqet':'20260601T120500'}", 4008, NULL, 20000 },
    { NULL, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p1','rvi':'3','rqet':'20260601T115959'}", 4008, "past", 0 },
    { delete_channel, POLL, 5103, "gone", 0 },
    { delete_ae, POLL, 5103, "gone", 0 },
    { stop, POLL, 5103, "stopped", 0 },
};

static void ends_of_waiting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct world *w = with_config(NULL);
        struct esc_cse_stats stats;
        uint64_t before = w->now.mono_ms;

        w->while_waiting = ends[i].meanwhile;
        expect_rsc(w, w->in, ends[i].request, ends[i].rsc, ends[i].says);
        if (w->now.mono_ms - before != ends[i].ms && !(ends[i].meanwhile == poll_only && w->now.mono_ms - before >= ends[i].ms))
            fail_msg("case %zu took %llu ms", i, (unsigned long long)(w->now.mono_ms - before));
        esc_cse_get_stats(w->in, &stats);
        assert_int_equal(stats.held + stats.polls + stats.pending, 0);
        world_free(w);
    }
}

/* Without a clock nothing waits. */
static void without_a_clock(void **state)
{
    struct esc_cse_config cfg = config();

    (void)state;
    cfg.clock = NULL;
    struct world *w = with_config(&cfg);
    expect_rsc(w, w->in, POLL, 4008, NULL);
    expect_rsc(w, w->in, TO_METER, 4008, NULL);
    assert_int_equal(w->idles, 0);
    world_free(w);
}

static void newer_poll(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p9','rvi':'3'}", 4008, NULL);
}

static void the_older_poll_ends(void **state)
{
    struct world *w = with_config(NULL);

    (void)state;
    w->while_waiting = newer_poll;
    expect_rsc(w, w->in, POLL, 4105, "newer");
    world_free(w);
}

/* Two originators beyond this CSE with the same rqi: each gets its own answer. */
static void poll_twice(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, POLL, 2000, "'fr':'/mn1/Ca','rqi':'A1'");
    expect_rsc(w, w->in, POLL, 2000, "'fr':'/mn1/Cb','rqi':'A1~");
    char rqi[64], reply[512];
    const char *at = strstr(answer(), "'A1~");
    snprintf(rqi, sizeof rqi, "%.*s", (int)(strchr(at + 1, '\'') - at - 1), at + 1);
    snprintf(reply, sizeof reply,
             "{'op':5,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'%s','pc':{'m2m:dbg':'b'}}}}",
             rqi);
    expect_rsc(w, w->in, reply, 2000, NULL);
    expect_rsc(w, w->in, REPLY("A1", ",'pc':{'m2m:dbg':'a'}"), 2000, NULL);
}

static void second(struct world *w)
{
    w->while_waiting = poll_twice;
    expect_answer(w, w->in, "{'op':5,'to':'Cmeter','fr':'/mn1/Cb','rqi':'A1','rvi':'3'," SECI "}",
                  "{'rsc':2000,'rqi':'A1','pc':{'m2m:dbg':'b'},'rvi':'3'}");
}

static void equal_identifiers(void **state)
{
    struct world *w = with_config(NULL);

    (void)state;
    w->while_waiting = second;
    expect_answer(w, w->in, "{'op':5,'to':'Cmeter','fr':'/mn1/Ca','rqi':'A1','rvi':'3'," SECI "}",
                  "{'rsc':2000,'rqi':'A1','pc':{'m2m:dbg':'a'},'rvi':'3'}");
    world_free(w);
}

/* Cpanel polls and answers at its own channel: what is for the meter is none of its business. */
static void somebody_else(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':2,'to':'-/Cpanel/own/pcu','fr':'Cpanel','rqi':'p1','rvi':'3','rqet':'20260601T120001'}", 4008, NULL);
    expect_rsc(w, w->in, POLL, 2000, "Cpanel/A1");
    expect_rsc(w, w->in, "{'op':5,'to':'-/Cpanel/own/pcu','fr':'Cpanel','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'Cpanel/A1'}}}",
               4004, NULL);
    expect_rsc(w, w->in, REPLY("Cpanel/A1", ",'pc':{'m2m:dbg':'meter'}"), 2000, NULL);
}

static void channels_are_apart(void **state)
{
    struct world *w = with_config(NULL);

    (void)state;
    expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'own'}}}", 2001, NULL);
    w->while_waiting = somebody_else;
    expect_rsc(w, w->in, TO_METER, 2000, "'m2m:dbg':'meter'");
    world_free(w);
}

/* Requests on top of each other until one is refused. */
static int nested, refused_at;

static void one_more(struct world *w)
{
    char request[256];
    int n = ++nested;

    if (n > 40 || refused_at) {
        w->while_waiting = NULL;
        return;
    }
    snprintf(request, sizeof request, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'N%d','rvi':'3'," SECI "}", n);
    if (ask(w, w->in, request) == 5000 && !refused_at)
        refused_at = n;
}

static void limits(void **state)
{
    static const struct {
        size_t max_held, max_bytes;
        int refused_at; /* after the first */
    } rows[] = { { 0, 0, 16 }, { 3, 0, 3 }, { 0, 100, 2 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct esc_cse_config cfg = config();
        cfg.max_held = rows[i].max_held;
        cfg.max_held_bytes = rows[i].max_bytes;
        struct world *w = with_config(&cfg);
        nested = refused_at = 0;
        w->while_waiting = one_more;
        expect_rsc(w, w->in, TO_METER, 4008, NULL);
        assert_int_equal(refused_at, rows[i].refused_at);
        world_free(w);
    }
}

static void second_poller(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':2,'to':'-/Cpanel/own/pcu','fr':'Cpanel','rqi':'p1','rvi':'3'}", 5000, "too many polls");
    /* but the same entity again, whose older poll then does not count */
    expect_rsc(w, w->in, POLL, 4008, NULL);
}

static void limit_of_polls(void **state)
{
    struct esc_cse_config cfg = config();

    (void)state;
    cfg.max_polls = 1;
    struct world *w = with_config(&cfg);
    expect_rsc(w, w->in, "{'op':1,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'own'}}}", 2001, NULL);
    w->while_waiting = second_poller;
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/pch/pcu','fr':'Cmeter','rqi':'p0','rvi':'3','rqet':'20260601T120001'}", 4105, NULL);
    world_free(w);
}

/* A CSE that cannot be called polls for what is on its way to and through it. */
static void poll_for_cse(struct world *w)
{
    w->while_waiting = NULL;
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn5/pch/pcu','fr':'/mn5','rqi':'p1','rvi':'3'}", 2000,
               "'m2m:rqp':{'op':5,'to':'/mn5/Cx','fr':'/in1/Cpanel','rqi':'Cpanel/A1'");
    expect_rsc(w, w->in, "{'op':5,'to':'-/mn5/pch/pcu','fr':'/mn5','rqi':'p2','rvi':'3','pc':{'m2m:rsp':{'rsc':2000,'rqi':'Cpanel/A1'}}}",
               2000, NULL);
}

static void of_a_remote_cse(void **state)
{
    struct world *w = with_config(NULL);

    (void)state;
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn5','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn5','cb':'/mn5/-','rr':false,'srv':['3']}}}",
               2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}", 2001, NULL);
    w->while_waiting = poll_for_cse;
    expect_answer(w, w->in, "{'op':5,'to':'/mn5/Cx','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}", "{'rsc':2000,'rqi':'A1','rvi':'3'}");
    world_free(w);
}

/* ---- with threads and the system's time --------------------------------------------------------------------- */

static escertke_now system_clock(void *unused)
{
    struct timespec t;

    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (escertke_now){ (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000, NOON };
}

static void *poller(void *arg)
{
    struct esc_cse *cse = arg;
    escertke_primitive req, rsp;
    static const char reply[] = "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"Cpanel/T1\"}}";

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    assert_int_equal(escertke_primitive_set(&req.to, escertke_span_str("-/meter/pch/pcu")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cmeter")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("t1")), ESCERTKE_OK);
    esc_cse_handle(cse, &req, system_clock(NULL), &rsp);
    int rsc = rsp.rsc;
    escertke_primitive_clear(&rsp);
    req.op = ESCERTKE_OP_NOTIFY;
    assert_int_equal(escertke_buf_append(&req.content, reply, strlen(reply)), ESCERTKE_OK);
    esc_cse_handle(cse, &req, system_clock(NULL), &rsp);
    rsc += rsp.rsc;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return (void *)(intptr_t)rsc;
}

static void across_threads(void **state)
{
    struct esc_cse_config cfg = config();
    pthread_t thread;
    void *result;

    (void)state;
    cfg.idle = NULL;
    cfg.clock = system_clock;
    struct world *w = with_config(&cfg);
    w->now = system_clock(NULL);
    assert_int_equal(pthread_create(&thread, NULL, poller, w->in), 0);
    usleep(50000); /* most often the poll waits first; the outcome is the same if not */
    expect_answer(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'T1','rvi':'3'," SECI "}", "{'rsc':2000,'rqi':'T1','rvi':'3'}");
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, 4000);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resource),       cmocka_unit_test(only_the_entity_itself), cmocka_unit_test(request_first),
        cmocka_unit_test(ends_of_waiting), cmocka_unit_test(without_a_clock),      cmocka_unit_test(the_older_poll_ends),
        cmocka_unit_test(equal_identifiers), cmocka_unit_test(channels_are_apart), cmocka_unit_test(limits),            cmocka_unit_test(limit_of_polls),
        cmocka_unit_test(of_a_remote_cse), cmocka_unit_test(across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cse_support.h"

#include <stdio.h>

#include "cse/internal.h"

#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"
#define FIRST "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}"

static struct world *with_meter(void)
{
    struct world *w = world_new_in(NULL);

    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Cother");
    w->sends = 0;
    return w;
}

/* What comes while FIRST is out. */
static const struct {
    const char *request;
    int rsc;
} meanwhiles[] = {
    { "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMC'}}}", 4000 },
    { "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','pc':{'m2m:sgn':{}}}", 4000 },
    { "{'op':5,'to':'-/meter','fr':'Cpanel','rqi':'A1','rvi':'3'," SECI "}", 4000 },
    { "{'op':2,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3'}", 4000 },
    { "{'op':2,'to':'Cmeter','fr':'Cpanel','rqi':'A2','rvi':'3'}", 2000 },
    { "{'op':2,'to':'Cmeter','fr':'Cother','rqi':'A1','rvi':'3'}", 2000 },
    { FIRST, 2000 }, /* the same ESCertKE message again */
};

static size_t row;

static void ask_meanwhile(struct world *w)
{
    expect_rsc(w, w->in, meanwhiles[row].request, meanwhiles[row].rsc, meanwhiles[row].rsc == 4000 ? "is pending" : NULL);
}

static void pending_rqi(void **state)
{
    struct world *w = with_meter();

    (void)state;
    for (row = 0; row < COUNT(meanwhiles); row++) {
        w->meanwhile = ask_meanwhile;
        expect_rsc(w, w->in, FIRST, 2000, NULL);
        assert_null(w->meanwhile);
    }
    expect_rsc(w, w->in, FIRST, 2000, NULL); /* once it is answered the identifier is free again */
    world_free(w);
}

/* Repeats that are not ESCertKE do not pass, even when they are equal. */
static void same_again(struct world *w)
{
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','pc':{'m2m:seci':{'sit':3}}}", 4000,
               "is pending");
}

static void other_contents(void **state)
{
    struct world *w = with_meter();

    (void)state;
    w->meanwhile = same_again;
    expect_rsc(w, w->in, "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'A1','rvi':'3','pc':{'m2m:seci':{'sit':3}}}", 2000, NULL);
    world_free(w);
}

/* Identical messages one inside the other: a loop ends after ESC_DUPLICATES_MAX. */
static int depth;

static void deeper(struct world *w)
{
    w->meanwhile = deeper;
    depth++;
    if (ask(w, w->in, FIRST) != 2000)
        w->meanwhile = NULL;
}

static void loops_end(void **state)
{
    struct world *w = with_meter();

    (void)state;
    depth = 0;
    w->meanwhile = deeper;
    expect_rsc(w, w->in, FIRST, 2000, NULL);
    assert_int_equal(depth, ESC_DUPLICATES_MAX);
    world_free(w);
}

static void one_more(struct world *w)
{
    expect_rsc(w, w->in, "{'op':2,'to':'-','fr':'Cother','rqi':'x','rvi':'3'}", 5000, "too many");
}

static void limit(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse_stats stats;

    (void)state;
    world_free(w);
    cfg.max_pending = 1;
    w = world_new_in(&cfg);
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Cother");
    w->meanwhile = one_more;
    expect_rsc(w, w->in, FIRST, 2000, NULL);
    assert_null(w->meanwhile);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.delivered, 1);
    world_free(w);
}

/* AEs without an identifier yet share none that could clash. */
static void register_meanwhile(struct world *w)
{
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'C','rqi':'A1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}", 2001,
               NULL);
}

static void newcomers(void **state)
{
    struct world *w = with_meter();

    (void)state;
    w->meanwhile = register_meanwhile;
    expect_rsc(w, w->in, FIRST, 2000, NULL);
    world_free(w);
}

#define GROUP(gid, to) "{'op':2,'to':'" to "','fr':'Cmeter','rqi':'1','rvi':'3','gid':'" gid "'}"

static void group_requests(void **state)
{
    struct world *w = with_meter();
    char request[400], gid[300];

    (void)state;
    expect_rsc(w, w->in, GROUP("g1", "Cmeter"), 2000, NULL);
    expect_rsc(w, w->in, GROUP("g1", "-/meter"), 4104, NULL);
    expect_rsc(w, w->in, GROUP("g2", "Cmeter"), 2000, NULL);
    expect_rsc(w, w->in, GROUP("g1", "-"), 2000, NULL);
    w->now.mono_ms += 59999;
    expect_rsc(w, w->in, GROUP("g1", "Cmeter"), 4104, NULL);
    w->now.mono_ms += 1;
    expect_rsc(w, w->in, GROUP("g1", "Cmeter"), 2000, NULL);
    for (int i = 0; i < ESC_GID_MAX; i++) { /* the oldest is forgotten */
        snprintf(request, sizeof request, "{'op':2,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3','gid':'n%d'}", i);
        expect_rsc(w, w->in, request, 2000, NULL);
    }
    expect_rsc(w, w->in, GROUP("g1", "Cmeter"), 2000, NULL);
    memset(gid, 'g', 256);
    gid[256] = '\0';
    snprintf(request, sizeof request, "{'op':2,'to':'-','fr':'Cmeter','rqi':'1','rvi':'3','gid':'%s'}", gid);
    expect_rsc(w, w->in, request, 4000, "gid is longer");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_rqi), cmocka_unit_test(other_contents), cmocka_unit_test(loops_end),
        cmocka_unit_test(limit),       cmocka_unit_test(newcomers),      cmocka_unit_test(group_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

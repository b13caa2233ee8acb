#include "cse_support.h"

#include <stdio.h>

/* Both ends of a registration, whole. */
static void both_ends(void **state)
{
    struct world *w = world_new();

    (void)state;
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000,
               "'rr':true,'srv':['2','2a','3'],'poa':['http://mn1:8080'],'cb':'/mn1/mn1base','csi':'/mn1','cst':2}}");
    /* the mirror: readable like <CSEBase>, changeable by nobody */
    add_ae(w, w->mn, "Cpanel");
    expect_rsc(w, w->mn, "{'op':2,'to':'-/in1','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000,
               "'cb':'/in1/-','csi':'/in1','rr':true,'srv':['2','2a','3'],'poa':['http://in1:8080'],'cst':1," OWN_CSZ "}");
    expect_rsc(w, w->mn, "{'op':3,'to':'-/in1','fr':'/in1','rqi':'1','rvi':'3','pc':{'m2m:csr':{'poa':['http://evil']}}}", 4103,
               NULL);
    expect_rsc(w, w->mn, "{'op':4,'to':'-/in1','fr':'/in1','rqi':'1','rvi':'3'}", 4103, NULL);
    assert_non_null(strstr(w->log, "cse.registrar csi=/in1"));
    world_free(w);
}

static void expect_register(struct world *w, escertke_err expected, const char *says)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_cse_register(w->mn, w->now, &d);
    if (err != expected || d.err != expected || (says && !strstr(d.reason, says)))
        fail_msg("expected %s, found %s: %s", escertke_err_name(expected), escertke_err_name(err), d.reason);
}

/* Again, and after a restart with other addresses: one entry, brought up to date. */
static void again(void **state)
{
    struct world *w = world_new();
    static const char *const moved[] = { "http://mn1:9090", "https://mn1:9443" };
    struct esc_cse_stats stats;
    char mirror[1024];

    (void)state;
    expect_rsc(w, w->mn, "{'op':2,'to':'-/in1','fr':'/in1','rqi':'1','rvi':'3'}", 2000, NULL);
    snprintf(mirror, sizeof mirror, "%s", answer());
    expect_register(w, ESCERTKE_OK, NULL);
    expect_answer(w, w->mn, "{'op':2,'to':'-/in1','fr':'/in1','rqi':'1','rvi':'3'}", mirror); /* the same resource */
    assert_int_equal(esc_cse_set_poa(w->mn, moved, 2), ESCERTKE_OK);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000,
               "'poa':['http://mn1:9090','https://mn1:9443']");
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.remote, 1);
    esc_cse_get_stats(w->mn, &stats);
    assert_int_equal(stats.remote, 1);
    assert_int_equal(esc_cse_set_poa(w->mn, NULL, 0), ESCERTKE_OK);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, "'rr':false");
    world_free(w);
}

/* A registrar that knows the CSE under another name refuses the update: the old entry stays, the registration holds. */
static void unknown_name(void **state)
{
    struct world *w = world_new();

    (void)state;
    expect_rsc(w, w->in, "{'op':4,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn1','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'x','cb':'/mn1/"
               "-','rr':true,'srv':['3']}}}",
               2001, NULL);
    expect_register(w, ESCERTKE_OK, NULL);
    assert_non_null(strstr(w->log, "update of the registration: the registrar answered 4004"));
    world_free(w);
}

/* Somebody else's resource has the name: another one will do. */
static void taken_name(void **state)
{
    struct world *w = world_new();

    (void)state;
    expect_rsc(w, w->in, "{'op':4,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_rsc(
        w, w->in,
        "{'op':1,'to':'-','fr':'Cx','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'mn1','api':'Nx','rr':true,'srv':['3']}}}",
        2001, NULL);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'/mn1/-','fr':'Cx','rqi':'1','rvi':'3'}", 2000, "'csi':'/mn1'");
    /* and the other way round */
    add_ae(w, w->mn, "Cy");
    esc_cse_free(w->mn);
    struct esc_cse_config cfg = in_config(w);
    escertke_detail d;
    cfg.cse_id = "/mn1";
    cfg.registrar_url = "http://in1:8080";
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(&cfg, w->now, &w->mn, &d), ESCERTKE_OK);
    expect_rsc(
        w, w->mn,
        "{'op':1,'to':'-','fr':'Cy','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'in1','api':'Nx','rr':true,'srv':['3']}}}",
        2001, NULL);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/-','fr':'Cy','rqi':'1','rvi':'3'}", 2000, "'csi':'/in1'");
    world_free(w);
}

/* An IN-CSE has nowhere to register. */
static void at_an_in(void **state)
{
    struct world *w = world_new_in(NULL);
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_register(w->in, w->now, &d), ESCERTKE_OK);
    assert_int_equal(w->sends, 0);
    world_free(w);
}

/* Looked at later: there, gone on with, lost, and a registrar that is not well. */
static void expect_look(struct world *w, escertke_err expected, const char *lost, unsigned next_s)
{
    char text[200];
    unsigned seconds;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_cse_look(w->mn, w->now, text, sizeof text, &seconds, &d);
    if (err != expected || seconds != next_s || (lost ? !strstr(text, lost) : text[0] != '\0'))
        fail_msg("expected %s, \"%s\", %u; found %s, \"%s\", %u: %s", escertke_err_name(expected), lost ? lost : "", next_s,
                 escertke_err_name(err), text, seconds, d.reason);
}

static void looked_at(void **state)
{
    struct world *w = world_new();
    char time[16], update[200];

    (void)state;
    expect_look(w, ESCERTKE_OK, NULL, 0);
    escertke_timestamp_format(w->now.unix_s + 100, time);
    snprintf(update, sizeof update, "{'op':3,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3','pc':{'m2m:csr':{'et':'%s'}}}", time);
    expect_rsc(w, w->in, update, 2004, NULL);
    expect_look(w, ESCERTKE_OK, NULL, 50);
    w->now.unix_s += 20;
    expect_look(w, ESCERTKE_OK, NULL, 30);
    w->now.unix_s += 31;
    expect_look(w, ESCERTKE_OK, NULL, 50); /* more than half was over: as much again */
    escertke_timestamp_format(w->now.unix_s + 100, time);
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, time);
    expect_rsc(w, w->in, "{'op':4,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2002, NULL);
    expect_look(w, ESCERTKE_OK, "the registrar answered 4004 NOT_FOUND", 0);
    expect_rsc(
        w, w->in,
        "{'op':1,'to':'-','fr':'/mn2','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn1','cb':'/mn2/-','rr':true,'srv':['3']}}}",
        2001, NULL);
    expect_look(w, ESCERTKE_OK, "4004", 0); /* another's under the name */
    expect_register(w, ESCERTKE_OK, NULL);
    expect_look(w, ESCERTKE_OK, NULL, 0); /* its own is found by the ri that it was given */
    world_free(w);
}

/* Somebody has changed where it is reached. */
static void moved_by_others(void **state)
{
    struct world *w = world_new();

    (void)state;
    expect_rsc(w, w->in, "{'op':3,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3','pc':{'m2m:csr':{'poa':['http://else']}}}", 2004, NULL);
    expect_look(w, ESCERTKE_OK, "another poa", 0);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_look(w, ESCERTKE_OK, NULL, 0);
    expect_rsc(w, w->in, "{'op':3,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3','pc':{'m2m:csr':{'poa':null}}}", 2004, NULL);
    expect_look(w, ESCERTKE_OK, "another poa", 0);
    world_free(w);
}

static void replace_mn(struct world *w, const struct esc_cse_config *cfg)
{
    escertke_detail d;

    esc_cse_free(w->mn);
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(cfg, w->now, &w->mn, &d), ESCERTKE_OK);
}

static struct esc_cse_config mn_config(struct world *w, const char *url)
{
    struct esc_cse_config cfg = in_config(w);

    cfg.cse_id = "/mn1";
    cfg.registrar_url = url;
    cfg.esi = "{\"esf\":[43]}";
    return cfg;
}

static void expect_registration(struct world *w, bool created, bool esi, const char *address)
{
    struct esc_cse_registration found;

    esc_cse_get_registration(w->mn, &found);
    assert_int_equal(found.created, created);
    assert_int_equal(found.esi, esi);
    assert_non_null(strstr(found.address, address));
}

/* esi is in the <remoteCSE>; a registrar that refuses it gets the rest, when it is new and when it is there (R-IO-8). */
static void with_and_without_esi(void **state)
{
    static const char *const kinds[] = { NULL, "tinyiot" };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct world *w = world_new_in(NULL);
        struct esc_cse_config in = in_config(w), mn;
        world_free(w);
        in.behave_like = kinds[i];
        w = world_new_in(&in);
        mn = mn_config(w, "http://in1:8080");
        replace_mn(w, &mn);
        expect_registration(w, false, false, "-/mn1");
        expect_register(w, ESCERTKE_OK, NULL);
        expect_registration(w, true, !kinds[i], "/in1/csr");
        expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, kinds[i] ? "'rr':false" : "'esi':{'esf':[43]}");
        assert_true(!kinds[i] == !strstr(w->log, "once more without"));
        expect_register(w, ESCERTKE_OK, NULL);
        expect_registration(w, false, !kinds[i], "/in1/csr");
        world_free(w);
    }
}

/* A refusal that is not about esi is a refusal, however often it is asked. */
static void refused_with_and_without(void **state)
{
    struct world *w = world_new();
    struct esc_cse_config mn = mn_config(w, "http://in1:8080");
    struct esc_cse_stats stats;

    (void)state;
    mn.cse_id = "/mn2";
    mn.base_name = "b";
    replace_mn(w, &mn);
    struct esc_cse_config full = in_config(w);
    full.max_remote = 1;
    esc_cse_free(w->in);
    escertke_detail d;
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(&full, w->now, &w->in, &d), ESCERTKE_OK);
    expect_rsc(w, w->in, "{'op':1,'to':'-','fr':'/mn3','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/mn3/-','rr':true,'srv':['3']}}}", 2001, NULL);
    expect_register(w, ESCERTKE_ERR_RSC, "registration: the registrar answered 5000");
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.remote, 1);
    world_free(w);
}

static void expect_deregister(struct world *w, escertke_err expected, const char *says)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_cse_deregister(w->mn, &d);
    if (err != expected || d.err != expected || (says && !strstr(d.reason, says)))
        fail_msg("expected %s, found %s: %s", escertke_err_name(expected), escertke_err_name(err), d.reason);
}

static void deregistered(void **state)
{
    struct world *w = world_new();
    struct esc_cse_config mn;

    (void)state;
    expect_deregister(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 4004, NULL);
    expect_deregister(w, ESCERTKE_OK, NULL); /* not there is as good */
    expect_register(w, ESCERTKE_OK, NULL);
    expect_look(w, ESCERTKE_OK, NULL, 0);
    mn = mn_config(w, "http://r");
    replace_mn(w, &mn);
    w->ae_rsc = 4103;
    expect_deregister(w, ESCERTKE_ERR_RSC, "deregistration: the registrar answered 4103");
    mn.registrar_url = "http://down";
    replace_mn(w, &mn);
    expect_deregister(w, ESCERTKE_ERR_UNREACHABLE, NULL);
    mn.registrar_url = NULL;
    replace_mn(w, &mn);
    expect_deregister(w, ESCERTKE_OK, NULL); /* there is nothing */
    world_free(w);
}

static void reached_by_its_connection(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config mn = mn_config(w, "http://in1:8080");

    (void)state;
    mn.by_connection = true;
    replace_mn(w, &mn);
    expect_register(w, ESCERTKE_OK, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'-/mn1','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, "'rr':true");
    assert_null(strstr(answer(), "poa"));
    expect_look(w, ESCERTKE_OK, NULL, 0);
    world_free(w);
}

/* An end-point's CSE: it can be read, before and after it is registered; nothing is registered at it, nothing goes through it. */
static void bare(void **state)
{
    static const struct {
        const char *request;
        int rsc;
        const char *says;
    } rows[] = {
        { "{'op':2,'to':'/mn1/-','fr':'/in1/Cpanel','rqi':'1','rvi':'3'}", 2000, "'csi':'/mn1','cst':2,'srt':[5,16]" },
        { "{'op':2,'to':'/mn1/mn1base','fr':'/in1/Cpanel','rqi':'1','rvi':'3','pc':{'m2m:atrl':['esi']}}", 2000, "{'m2m:cb':{'esi':{'esf':[43]}}}" },
        { "{'op':2,'to':'//m2m.example.org/mn1/-#esi','fr':'//other.example.org/in9','rqi':'1','rvi':'3'}", 2000, "'esi'" },
        { "{'op':2,'to':'-/in1','fr':'/in1','rqi':'1','rvi':'3'}", 2000, "'csi':'/in1'" },
        { "{'op':2,'to':'-/nothing','fr':'/in1','rqi':'1','rvi':'3'}", 4004, NULL },
        { "{'op':1,'to':'-','fr':'Cx','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}", 4005, "nothing is registered here" },
        { "{'op':1,'to':'-','fr':'/mn7','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/mn7/-','rr':true,'srv':['3']}}}", 4005, "nothing is registered here" },
        { "{'op':2,'to':'/in1/-','fr':'/mn7/Cx','rqi':'1','rvi':'3'}", 4004, "passes nothing on" },
        { "{'op':5,'to':'/mn8/-','fr':'/in1/Cx','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}}", 4004, "passes nothing on" },
        { "{'op':3,'to':'-','fr':'/in1','rqi':'1','rvi':'3','pc':{'m2m:cb':{}}}", 4005, NULL },
        { "{'op':4,'to':'-','fr':'/in1','rqi':'1','rvi':'3'}", 4005, NULL },
    };
    struct world *w = world_new_in(NULL);
    struct esc_cse_config mn = mn_config(w, "http://in1:8080");

    (void)state;
    mn.bare = true;
    replace_mn(w, &mn);
    expect_rsc(w, w->mn, rows[0].request, rows[0].rsc, rows[0].says);
    expect_register(w, ESCERTKE_OK, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_rsc(w, w->mn, rows[i].request, rows[i].rsc, rows[i].says);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends),
        cmocka_unit_test(again),
        cmocka_unit_test(unknown_name),
        cmocka_unit_test(taken_name),
        cmocka_unit_test(at_an_in),
        cmocka_unit_test(looked_at),
        cmocka_unit_test(moved_by_others),
        cmocka_unit_test(with_and_without_esi),
        cmocka_unit_test(refused_with_and_without),
        cmocka_unit_test(deregistered),
        cmocka_unit_test(reached_by_its_connection),
        cmocka_unit_test(bare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* What a registrar may answer to the question for its <CSEBase>. */
static const struct {
    const char *url, *content;
    int rsc;
    escertke_err expected;
    const char *says;
} answers[] = {
    { "http://down", "", 0, ESCERTKE_ERR_UNREACHABLE, "http://down" },
    { "http://late", "", 0, ESCERTKE_ERR_DEADLINE, NULL },
    { "http://other", "", 0, ESCERTKE_ERR_HTTP, NULL },
    { "http://wrongrqi", "", 2000, ESCERTKE_ERR_RQI, "another rqi" },
    { "http://r", "", 2000, ESCERTKE_ERR_PRIMITIVE, "no CSEBase" },
    { "http://r", "{'m2m:ae':{}}", 2000, ESCERTKE_ERR_PRIMITIVE, "no CSEBase" },
    { "http://r", "{'m2m:cb':{}}", 2000, ESCERTKE_ERR_PRIMITIVE, "csi" },
    { "http://r", "{'m2m:cb':[]}", 2000, ESCERTKE_ERR_PRIMITIVE, "csi" },
    { "http://r", "{'m2m:cb':{'csi':5}}", 2000, ESCERTKE_ERR_PRIMITIVE, "csi" },
    { "http://r", "{'m2m:cb':{'csi':'/in1/Cx'}}", 2000, ESCERTKE_ERR_PRIMITIVE, "csi" },
    { "http://r", "{'m2m:cb':{'csi':'/mn1'}}", 2000, ESCERTKE_ERR_CONFIG, "own identifier" },
    { "http://r", "{'m2m:cb':{'csi':'//other.example.org/in1'}}", 2000, ESCERTKE_ERR_CONFIG, "another service provider" },
    { "http://r", "{'m2m:cb':{'csi':'/in1','cst':3}}", 2000, ESCERTKE_ERR_CONFIG, "ASN" },
    { "http://r", "{'m2m:dbg':'go away'}", 4103, ESCERTKE_ERR_RSC, "4103 ORIGINATOR_HAS_NO_PRIVILEGE go away" },
    /* takes 2000 for the creation as well */
    { "http://r", "{'m2m:cb':{'csi':'/in1','cst':'one','srv':'x','esi':{'esf':[]}}}", 2000, ESCERTKE_OK, NULL },
};

static void wrong_answers(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct esc_cse_config cfg = in_config(w);
        escertke_detail d;
        cfg.cse_id = "/mn1";
        cfg.registrar_url = answers[i].url;
        esc_cse_free(w->mn);
        escertke_detail_init(&d);
        assert_int_equal(esc_cse_new(&cfg, w->now, &w->mn, &d), ESCERTKE_OK);
        snprintf(w->ae_answer, sizeof w->ae_answer, "%s", answers[i].content);
        w->ae_rsc = answers[i].rsc;
        expect_register(w, answers[i].expected, answers[i].says);
    }
    world_free(w);
}

/* Where the registrar's ID is known beforehand, requests are addressed to it, and another one's answer does not count. */
static void known_registrar(void **state)
{
    static const struct {
        const char *id;
        escertke_err expected;
        const char *says;
    } rows[] = {
        { "//m2m.example.org/in1", ESCERTKE_OK, NULL },
        { "//m2m.example.org/in2", ESCERTKE_ERR_CONFIG, "the registrar is //m2m.example.org/in1, not //m2m.example.org/in2" },
    };
    struct world *w = world_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct esc_cse_config cfg = in_config(w);
        escertke_detail d;
        cfg.cse_id = "/mn1";
        cfg.registrar_url = "http://in1:8080";
        cfg.registrar_id = rows[i].id;
        esc_cse_free(w->mn);
        escertke_detail_init(&d);
        assert_int_equal(esc_cse_new(&cfg, w->now, &w->mn, &d), ESCERTKE_OK);
        expect_register(w, rows[i].expected, rows[i].says);
        assert_string_equal(w->receiver, rows[i].id);
    }
    world_free(w);
}

static void nothing_to_send_with(void **state)
{
    struct world *w = world_new();
    struct esc_cse_config cfg = in_config(w);
    escertke_detail d;

    (void)state;
    cfg.cse_id = "/mn1";
    cfg.registrar_url = "http://in1";
    cfg.deliver = NULL;
    esc_cse_free(w->mn);
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(&cfg, w->now, &w->mn, &d), ESCERTKE_OK);
    expect_register(w, ESCERTKE_ERR_UNREACHABLE, "nothing can be sent");
    /* and before it is registered, nothing goes up */
    add_ae(w, w->mn, "Cpanel");
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/-','fr':'Cpanel','rqi':'1','rvi':'3'}", 5107, "not registered");
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
    expect_look(w, ESCERTKE_OK, "4103", 0); /* another's under the name */
    expect_register(w, ESCERTKE_OK, NULL);
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
        cmocka_unit_test(wrong_answers),
        cmocka_unit_test(known_registrar),
        cmocka_unit_test(nothing_to_send_with),
        cmocka_unit_test(looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

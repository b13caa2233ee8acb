#include "cse_support.h"

#include <stdio.h>

static void expect_register(struct world *w, escertke_err expected, const char *says)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_cse_register(w->mn, w->now, &d);
    if (err != expected || d.err != expected || (says && !strstr(d.reason, says)))
        fail_msg("expected %s, found %s: %s", escertke_err_name(expected), escertke_err_name(err), d.reason);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_answers),
        cmocka_unit_test(known_registrar),
        cmocka_unit_test(nothing_to_send_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cse_support.h"

#include <stdio.h>

static void add_csr(struct world *w, struct esc_cse *cse, const char *fr, const char *rest)
{
    char request[512];

    snprintf(request, sizeof request,
             "{'op':1,'to':'-','fr':'%s','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'cb':'/x/-','rr':true,'srv':['3'],%s}}}",
             fr, rest);
    expect_rsc(w, cse, request, 2001, NULL);
}

/* At the MN-CSE /mn1: Cpanel, a descendant /asn1 with /asn2 behind it, and the registrar /in1. url NULL: not sent. */
static const struct {
    const char *to, *fr;
    int rsc;
    const char *url, *sent_fr;
} at_mn[] = {
    { "/in1/-", "Cpanel", 2000, "http://in1:8080", "/mn1/Cpanel" },
    { "//m2m.example.org/in1/-", "Cpanel", 2000, "http://in1:8080", "/mn1/Cpanel" },
    { "/in1/-", "Spanel", 2000, "http://in1:8080", "/Spanel" },
    { "/in1/-", "/asn1/Cx", 2000, "http://in1:8080", "/asn1/Cx" },
    { "/in1/-", "/asn1", 2000, "http://in1:8080", "/asn1" },
    { "/in1/-", "/asn2/Cx", 2000, "http://in1:8080", "/asn2/Cx" },
    { "/asn1/-", "Cpanel", 2000, "http://asn1", "/mn1/Cpanel" },
    { "/asn2/-", "Cpanel", 2000, "http://asn1", "/mn1/Cpanel" },
    { "/asn1/-", "/in1/Cx", 2000, "http://asn1", "/in1/Cx" },
    { "/asn1/-", "/mn7/Cx", 2000, "http://asn1", "/mn7/Cx" },
    /* unknown here: the registrar knows more, unless it asked */
    { "/mn7/-", "Cpanel", 4004, "http://in1:8080", "/mn1/Cpanel" },
    { "/mn7/-", "/in1/Cx", 4004, NULL, NULL },
    { "/mn7/-", "/mn8/Cx", 4004, NULL, NULL },
    { "//other.example.org/in1/-", "Cpanel", 4004, "http://in1:8080", "/mn1/Cpanel" },
    { "//other.example.org/in1/-", "//third.example.org/x/Cx", 4004, NULL, NULL },
    /* back where it came from */
    { "/asn1/-", "/asn1/Cx", 4004, NULL, NULL },
    { "/asn2/-", "/asn1/Cx", 4004, NULL, NULL },
    { "/in1/-", "/in1/Cx", 4004, NULL, NULL },
};

static void through_an_mn(void **state)
{
    struct world *w = world_new();
    char request[512], sent_fr[64];

    (void)state;
    add_ae(w, w->mn, "Cpanel");
    add_ae(w, w->mn, "Spanel");
    add_csr(w, w->mn, "/asn1", "'poa':['http://asn1'],'dcse':['/asn2']");
    for (size_t i = 0; i < COUNT(at_mn); i++) {
        w->sends = 0;
        snprintf(request, sizeof request, "{'op':2,'to':'%s','fr':'%s','rqi':'1','rvi':'3'}", at_mn[i].to, at_mn[i].fr);
        expect_rsc(w, w->mn, request, at_mn[i].rsc, NULL);
        if ((w->sends > 0) != (at_mn[i].url != NULL))
            fail_msg("%s: %d sends", request, w->sends);
        if (!at_mn[i].url)
            continue;
        snprintf(sent_fr, sizeof sent_fr, "'fr':'%s'", at_mn[i].sent_fr);
        if (strcmp(w->url, at_mn[i].url) != 0 || !strstr(w->sent, sent_fr) || w->to_ae ||
            strncmp(w->receiver, "//m2m.example.org/", 18) != 0 || !strstr(w->url, w->receiver + 18))
            fail_msg("%s\n%s %s %s", request, w->url, w->receiver, w->sent);
    }
    world_free(w);
}

/* At the IN-CSE: towards another SP the From becomes Absolute with the originator's own SP-ID. */
static void between_providers(void **state)
{
    struct world *w = world_new();
    static const struct {
        const char *to, *fr;
        int rsc;
        const char *sent_fr;
    } rows[] = {
        { "//other.example.org/in9/-", "Cpanel", 2000, "'fr':'//m2m.example.org/in1/Cpanel'" },
        { "//other.example.org/in9/-", "/mn1/Cx", 2000, "'fr':'//m2m.example.org/mn1/Cx'" },
        { "//other.example.org/in9/-", "/Sx", 2000, "'fr':'//m2m.example.org/Sx'" },
        { "/mn1/-", "//other.example.org/in9/Cx", 2000, "'fr':'//other.example.org/in9/Cx'" },
        { "/mn1/-", "Cpanel", 2000, "'fr':'/in1/Cpanel'" },
        { "/in9/-", "Cpanel", 4004, NULL },
        { "//third.example.org/in9/-", "Cpanel", 4004, NULL },
        { "//other.example.org/in9/-", "//other.example.org/in9/Cx", 4004, NULL },
    };
    char request[512];

    (void)state;
    add_ae(w, w->in, "Cpanel");
    add_csr(w, w->in, "//other.example.org/in9", "'poa':['http://in9']");
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->sends = 0;
        snprintf(request, sizeof request, "{'op':2,'to':'%s','fr':'%s','rqi':'1','rvi':'3'}", rows[i].to, rows[i].fr);
        expect_rsc(w, w->in, request, rows[i].rsc, NULL);
        if (w->sends != (rows[i].sent_fr != NULL) || (rows[i].sent_fr && !strstr(w->sent, rows[i].sent_fr)))
            fail_msg("%s\n%s", request, w->sent);
    }
    world_free(w);
}

static void unreachable(void **state)
{
    struct world *w = world_new();
    static const struct {
        escertke_err err;
        int rsc;
    } rows[] = {
        { ESCERTKE_ERR_UNREACHABLE, 5107 }, { ESCERTKE_ERR_DEADLINE, 4008 }, { ESCERTKE_ERR_HTTP, 5107 },
        { ESCERTKE_ERR_RQI, 5107 },         { ESCERTKE_OK, 2000 },
    };

    (void)state;
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->mn_err = rows[i].err;
        expect_rsc(w, w->in, "{'op':2,'to':'/mn1/-','fr':'Cpanel','rqi':'1','rvi':'3'}", rows[i].rsc, NULL);
    }
    add_csr(w, w->in, "/mn2", "'lbl':['no poa']");
    expect_rsc(w, w->in, "{'op':2,'to':'/mn2/-','fr':'Cpanel','rqi':'1','rvi':'3'}", 5107, "no usable");
    world_free(w);
}

/* A transit CSE leaves what is the host's business to the host. */
static void not_the_hosts_checks(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_ae(w, w->mn, "Cpanel");
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/-','fr':'Cpanel','rqi':'1','rvi':'7'}", 4001, NULL);
    assert_int_equal(w->sends, 1);
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/-','fr':'Cpanel','rqi':'1','rvi':'3','rqet':'-5'}", 4008, NULL);
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/-','fr':'Cpanel','rqi':'1','rvi':'3','oet':'-5'}", 4008, NULL);
    assert_int_equal(w->sends, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(through_an_mn), cmocka_unit_test(between_providers),
                                        cmocka_unit_test(unreachable), cmocka_unit_test(not_the_hosts_checks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

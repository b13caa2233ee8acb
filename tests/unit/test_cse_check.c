#include "cse_support.h"

#include <stdio.h>

#include "base/memory.h"

#define HEAD "'to':'-','fr':'Cpanel','rqi':'1','rvi':'3'"
#define SECI "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMB'}}"

static const struct {
    const char *request;
    int rsc;
    const char *says;
} cases[] = {
    { "{'op':2," HEAD "}", 2000, "in1base" },
    { "{'op':2,'to':'-','fr':'NONE','rqi':'1','rvi':'3'}", 4000, "fr is missing" },
    { "{'op':2,'to':'a//b','fr':'Cpanel','rqi':'1','rvi':'3'}", 4000, "not an address" },
    { "{'op':2,'to':'-/../x','fr':'Cpanel','rqi':'1','rvi':'3'}", 4000, "not an address" },
    { "{'op':4,'to':'-#esi','fr':'Cpanel','rqi':'1','rvi':'3'}", 4000, "Retrieve only" },
    /* times */
    { "{'op':2," HEAD ",'rqet':'20260601T120000'}", 4008, "rqet is in the past" },
    { "{'op':2," HEAD ",'rqet':'20260601T120001'}", 2000, NULL },
    { "{'op':2," HEAD ",'rqet':'-1'}", 4008, "rqet" },
    { "{'op':2," HEAD ",'rqet':'5000'}", 2000, NULL },
    { "{'op':2," HEAD ",'rset':'20260601T115959'}", 4008, "rset is in the past" },
    { "{'op':2," HEAD ",'oet':'20260601T115959'}", 4008, "oet is in the past" },
    { "{'op':2," HEAD ",'oet':'20260601T120100'}", 5001, "oet" },
    /* communication method */
    { "{'op':2," HEAD ",'rt':{'rtv':3}}", 2000, NULL },
    { "{'op':2," HEAD ",'rt':{'rtv':4}}", 2000, NULL },
    { "{'op':2," HEAD ",'rt':{'rtv':1}}", 5206, NULL },
    { "{'op':2," HEAD ",'rt':{'rtv':2}}", 5001, "blocking" },
    { "{'op':2," HEAD ",'rt':{'rtv':5}}", 5001, "blocking" },
    /* parameters that are not interpreted */
    { "{'op':2," HEAD ",'fc':{'fu':1}}", 5001, "not supported" },
    { "{'op':2," HEAD ",'ec':2}", 5001, "not supported" },
    /* release */
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'2'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'2a'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'5'}", 2000, NULL },
    { "{'op':2,'to':'-','fr':'Cpanel','rqi':'1','rvi':'9'}", 4001, "rvi" },
    /* result content */
    { "{'op':2," HEAD ",'rcn':1}", 2000, NULL },
    { "{'op':2," HEAD ",'rcn':0}", 4000, "rcn 0" },
    { "{'op':2," HEAD ",'rcn':4}", 5001, "rcn 4" },
    { "{'op':2," HEAD ",'rcn':11}", 4000, "rcn 11" },
    { "{'op':2," HEAD ",'rcn':2147483647}", 4000, "rcn" },
    { "{'op':5," HEAD ",'rcn':1," SECI "}", 4000, "rcn 1" },
    { "{'op':3," HEAD ",'rcn':2,'pc':{'m2m:cb':{}}}", 4000, "rcn 2" },
    /* content */
    { "{'op':1," HEAD ",'ty':2}", 4000, "pc is missing" },
    { "{'op':3,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3'}", 4000, "pc is missing" },
    { "{'op':4,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:ae':{}}}", 4000, "no pc" },
    { "{'op':5," HEAD "}", 4000, "pc is missing" },
};

static void requests(void **state)
{
    struct world *w = world_new_in(NULL);

    (void)state;
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_rsc(w, w->in, cases[i].request, cases[i].rsc, cases[i].says);
    world_free(w);
}

/* What no parser lets through, but a caller of the library could hand over. */
static void struct_only(void **state)
{
    struct world *w = world_new_in(NULL);
    escertke_primitive req, rsp;
    static const struct {
        int op, format;
        const char *to, *rqi, *content;
        int rsc;
    } rows[] = {
        { 0, ESCERTKE_FORMAT_JSON, "-", "1", NULL, 4000 },
        { 6, ESCERTKE_FORMAT_JSON, "-", "1", NULL, 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, NULL, "1", NULL, 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", NULL, NULL, 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", "", NULL, 4000 },
        { ESCERTKE_OP_RETRIEVE, 0, "-", "1", NULL, 4015 },
        { ESCERTKE_OP_RETRIEVE, 4, "-", "1", NULL, 4015 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", "1", "{", 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", "1", "{\"a\":1,\"b\":2}", 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", "1", "{\"m2m:atrl\":[\"esi\"],\"m2m:atrl\":[\"esi\"]}", 4000 },
        { ESCERTKE_OP_RETRIEVE, ESCERTKE_FORMAT_JSON, "-", "1", NULL, 2000 },
    };

    (void)state;
    add_ae(w, w->in, "Cpanel");
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = (escertke_op)rows[i].op;
        req.format = (escertke_format)rows[i].format;
        req.to = rows[i].to ? esc_strndup(rows[i].to, strlen(rows[i].to)) : NULL;
        req.rqi = rows[i].rqi ? esc_strndup(rows[i].rqi, strlen(rows[i].rqi)) : NULL;
        assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
        if (rows[i].content)
            assert_int_equal(escertke_buf_append(&req.content, rows[i].content, strlen(rows[i].content)), ESCERTKE_OK);
        esc_cse_handle(w->in, &req, w->now, &rsp);
        if (rsp.rsc != rows[i].rsc)
            fail_msg("row %zu: expected %d, found %d", i, rows[i].rsc, rsp.rsc);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    world_free(w);
}

static void long_rqi(void **state)
{
    struct world *w = world_new_in(NULL);
    char request[600], rqi[257];

    (void)state;
    add_ae(w, w->in, "Cpanel");
    memset(rqi, 'r', 256);
    rqi[256] = '\0';
    snprintf(request, sizeof request, "{'op':2,'to':'-','fr':'Cpanel','rqi':'%s','rvi':'3'}", rqi);
    expect_rsc(w, w->in, request, 4000, "rqi is longer");
    snprintf(request, sizeof request, "{'op':2,'to':'-','fr':'Cpanel','rqi':'%s','rvi':'3'}", rqi + 1);
    expect_rsc(w, w->in, request, 2000, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(struct_only),
        cmocka_unit_test(long_rqi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

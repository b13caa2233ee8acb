/* Requests to the CSE, and through it, in every serialization. */
#include "cse_support.h"

#include <stdio.h>

#define SECI "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}"

enum { J = ESCERTKE_FORMAT_JSON, X = ESCERTKE_FORMAT_XML, C = ESCERTKE_FORMAT_CBOR };

/* What the AE was sent last, and what it answers in; 0 = what it is asked for. */
static struct {
    escertke_format content, accept, answer;
    int sends;
} ae;

static void say(escertke_format format, const char *json, escertke_buf *out)
{
    assert_int_equal(escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_span_str(json), format, out, NULL), ESCERTKE_OK);
}

static void expect_json(escertke_format format, const escertke_buf *content, const char *json)
{
    escertke_buf out;

    escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
    assert_int_equal(escertke_content_convert(format, escertke_buf_span(content), ESCERTKE_FORMAT_JSON, &out, NULL), ESCERTKE_OK);
    assert_buf_text(&out, json);
    escertke_buf_free(&out);
}

static escertke_err answer_seci(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                                escertke_primitive *rsp, escertke_detail *d)
{
    (void)ctx;
    (void)receiver;
    (void)url;
    (void)to_ae;
    (void)d;
    ae.sends++;
    ae.content = req->format;
    ae.accept = req->accept;
    expect_json(req->format, &req->content, SECI);
    rsp->rsc = 2000;
    rsp->format = ae.answer ? ae.answer : req->accept ? req->accept : req->format;
    say(rsp->format, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMD\"}}", &rsp->content);
    return escertke_primitive_set(&rsp->rqi, escertke_span_str(req->rqi));
}

static struct world *with_ae(void)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    cfg.deliver = answer_seci;
    w = world_new_in(&cfg);
    add_meter(w, w->in, "['http://meter']");
    add_ae(w, w->in, "Cpanel");
    return w;
}

static void set_csz(struct world *w, const char *csz)
{
    char request[256];

    snprintf(request, sizeof request, "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'csz':%s}}}", csz);
    expect_rsc(w, w->in, request, 2004, NULL);
}

static int handle(struct world *w, escertke_op op, const char *to, int ty, escertke_format format, escertke_format accept, const char *json,
                  escertke_primitive *rsp)
{
    escertke_primitive req;

    escertke_primitive_init(&req);
    escertke_primitive_init(rsp);
    req.op = op;
    req.ty = ty;
    req.format = format;
    req.accept = accept;
    assert_int_equal(escertke_primitive_set(&req.to, escertke_span_str(to)), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("r1")), ESCERTKE_OK);
    if (json)
        say(format, json, &req.content);
    esc_cse_handle(w->in, &req, w->now, rsp);
    escertke_primitive_clear(&req);
    return rsp->rsc;
}

/* The receiver's csz decides what it is sent and asked for, the originator's Accept what comes back. */
static void notify_through(void **state)
{
    static const struct {
        const char *csz;
        int format, accept, answer; /* of the originator; what the AE answers in */
        int sent, asked, back, rsc;
    } cases[] = {
        { "null", J, 0, 0, J, J, J, 2000 },
        { "null", X, 0, 0, X, X, X, 2000 }, /* no csz: as it came */
        { "null", C, 0, 0, C, C, C, 2000 },
        { "null", C, X, 0, C, X, X, 2000 },
        { "null", C, J, X, C, J, J, 2000 }, /* answered in what nobody asked for */
        { "['json']", X, 0, 0, J, J, X, 2000 },
        { "['json']", C, 0, 0, J, J, C, 2000 },
        { "['json']", C, X, 0, J, J, X, 2000 },
        { "['cbor','xml']", J, 0, 0, C, C, J, 2000 },
        { "['xml','cbor']", J, 0, 0, X, X, J, 2000 },
        { "['xml','cbor']", C, 0, 0, C, C, C, 2000 },
        { "['application/cbor']", J, 0, 0, C, C, J, 2000 },
        { "['application/vnd.onem2m-res+xml']", C, J, 0, X, X, J, 2000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = with_ae();
        escertke_primitive rsp;
        set_csz(w, cases[i].csz);
        ae.answer = (escertke_format)cases[i].answer;
        int rsc = handle(w, ESCERTKE_OP_NOTIFY, "Cmeter", 0, (escertke_format)cases[i].format, (escertke_format)cases[i].accept, SECI, &rsp);
        if (rsc != cases[i].rsc || (int)ae.content != cases[i].sent || (int)ae.accept != cases[i].asked || (int)rsp.format != cases[i].back)
            fail_msg("case %zu: %d, sent %d, asked for %d, back %d", i, rsc, (int)ae.content, (int)ae.accept, (int)rsp.format);
        expect_json(rsp.format, &rsp.content, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMD\"}}");
        escertke_primitive_clear(&rsp);
        world_free(w);
    }
    ae.answer = (escertke_format)0;
}

/* What cannot be said in any serialization that the AE takes does not leave. */
static void what_cannot_be_converted(void **state)
{
    struct world *w = with_ae();
    escertke_primitive rsp;

    (void)state;
    set_csz(w, "['xml']");
    ae.sends = 0;
    assert_int_equal(handle(w, ESCERTKE_OP_NOTIFY, "Cmeter", 0, ESCERTKE_FORMAT_JSON, 0, "{\"m2m:sgn\":{\"sur\":\"\"}}", &rsp), 4015);
    assert_int_equal(ae.sends, 0);
    escertke_primitive_clear(&rsp);
    world_free(w);
}

static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };

/* A resource is the same whatever it is created, changed and read in. */
static void resources(void **state)
{
    static const char acp[] = "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":18}]},\"pvs\":{\"acr\":[{\"acor\":[\"Cpanel\"],\"acop\":63}]}}}";

    (void)state;
    for (size_t a = 0; a < COUNT(formats); a++)
        for (size_t b = 0; b < COUNT(formats); b++) {
            struct world *w = with_ae();
            escertke_primitive rsp;
            char found[64];
            assert_int_equal(handle(w, ESCERTKE_OP_CREATE, "Cpanel", 1, formats[a], formats[b], acp, &rsp), 2001);
            assert_int_equal(rsp.format, formats[b]);
            escertke_primitive_clear(&rsp);
            assert_int_equal(handle(w, ESCERTKE_OP_UPDATE, "-/Cpanel/p", 0, formats[a], 0, "{\"m2m:acp\":{\"lbl\":[\"x\",\"y\"]}}", &rsp), 2004);
            assert_int_equal(rsp.format, formats[a]);
            escertke_primitive_clear(&rsp);
            assert_int_equal(handle(w, ESCERTKE_OP_RETRIEVE, "-/Cpanel/p#lbl", 0, formats[a], formats[b], NULL, &rsp), 2000);
            expect_json(formats[b], &rsp.content, "{\"m2m:acp\":{\"lbl\":[\"x\",\"y\"]}}");
            escertke_primitive_clear(&rsp);
            assert_int_equal(handle(w, ESCERTKE_OP_RETRIEVE, "-/Cpanel/p", 0, formats[a], formats[b], "{\"m2m:atrl\":[\"pv\"]}", &rsp), 2000);
            expect_json(formats[b], &rsp.content, "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":18}]}}}");
            escertke_primitive_clear(&rsp);
            /* null removes */
            assert_int_equal(handle(w, ESCERTKE_OP_UPDATE, "-/Cpanel/p", 0, formats[a], formats[b], "{\"m2m:acp\":{\"lbl\":null}}", &rsp), 2004);
            escertke_primitive_clear(&rsp);
            assert_int_equal(handle(w, ESCERTKE_OP_RETRIEVE, "-/Cpanel/p#lbl", 0, formats[b], 0, NULL, &rsp), 2000);
            expect_json(formats[b], &rsp.content, "{\"m2m:acp\":{}}");
            escertke_primitive_clear(&rsp);
            /* a refusal is in words of the serialization that was asked for */
            assert_int_equal(handle(w, ESCERTKE_OP_RETRIEVE, "-/Cnobody", 0, formats[a], formats[b], NULL, &rsp), 4004);
            assert_true(escertke_dbg_read(formats[b], escertke_buf_span(&rsp.content), found, sizeof found));
            assert_string_equal(found, "this CSE has no such resource");
            escertke_primitive_clear(&rsp);
            world_free(w);
        }
}

/* A notification is said in what its subscriber names first of what is known here; JSON where it names nothing. */
static escertke_err keep_format(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                                escertke_primitive *rsp, escertke_detail *d)
{
    (void)ctx;
    (void)url;
    (void)receiver;
    (void)to_ae;
    (void)d;
    ae.content = req->format;
    rsp->rsc = 2000;
    return escertke_primitive_set(&rsp->rqi, escertke_span_str(req->rqi));
}

static void notifications(void **state)
{
    static const struct {
        const char *csz;
        int format;
    } rows[] = {
        { "null", J }, { "['json']", J }, { "['xml','json']", X }, { "['cbor','json']", C }, { "['json','xml']", J }, { "['application/cbor','xml']", C },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_new_in(NULL);
        struct esc_cse_config cfg = in_config(w);
        world_free(w);
        cfg.deliver = keep_format;
        w = world_new_in(&cfg);
        add_meter(w, w->in, "['http://meter']");
        set_csz(w, rows[i].csz);
        expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box'}}}", 2001, NULL);
        expect_rsc(w, w->in,
                   "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{'enc':{'net':[3]},'nu':['http://meter/here']}}}", 2001, NULL);
        if ((int)ae.content != rows[i].format)
            fail_msg("%s: verification in %d", rows[i].csz, (int)ae.content);
        ae.content = (escertke_format)0;
        expect_rsc(w, w->in, "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x'}}}", 2001, NULL);
        assert_true(esc_cse_send_due(w->in, w->now));
        if ((int)ae.content != rows[i].format)
            fail_msg("%s: notification in %d", rows[i].csz, (int)ae.content);
        world_free(w);
    }
}

/* Members that no standard names have the type that they have where that can be said: XML carries texts. */
static void unknown_members(void **state)
{
    static const char json[] = "{\"m2m:zz\":{\"n\":5,\"b\":true,\"t\":\"x\",\"o\":{\"n\":1.5}}}";

    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        escertke_buf said;
        escertke_buf_init(&said, ESCERTKE_PRIMITIVE_MAX);
        say(formats[i], json, &said);
        expect_json(formats[i], &said, formats[i] == ESCERTKE_FORMAT_XML ? "{\"m2m:zz\":{\"n\":\"5\",\"b\":\"true\",\"t\":\"x\",\"o\":{\"n\":\"1.5\"}}}" : json);
        escertke_buf_free(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notify_through),
        cmocka_unit_test(what_cannot_be_converted),
        cmocka_unit_test(resources),
        cmocka_unit_test(notifications),
        cmocka_unit_test(unknown_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

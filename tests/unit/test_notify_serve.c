/* The receiver's side of the notify carrier: each request that is not an acceptable ESCertKE NOTIFY, by its exact code and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

struct world {
    struct fixture *f;
    escertke_store store;
    escertke_terminator *t;
    int refused; /* events */
    const char *source; /* of the requests to come; NULL = not known */
    char reason[400];
};

static void note_event(void *ctx, const escertke_event *event)
{
    struct world *w = ctx;

    assert_int_equal(event->kind, ESCERTKE_EVENT_REFUSED);
    if (event->peer[0]) /* "" where From is missing */
        assert_string_equal(event->peer, PANEL);
    snprintf(w->reason, sizeof w->reason, "%d %s", event->detail->rsc, event->detail->reason);
    w->refused++;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->f = fixture_new();
    assert_int_equal(escertke_store_memory(16, &w->store), ESCERTKE_OK);
    escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(), .credential = w->f->meter.credential, .id = METER,
                                                     .ctx = { "//m2m.example.org", "/in1" }, .store = &w->store },
                                       .on_event = note_event,
                                       .event_ctx = w };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    escertke_terminator_free(w->t);
    escertke_store_close(&w->store);
    fixture_free(w->f);
    free(w);
    return 0;
}

static escertke_primitive serve(const struct world *w, const char *request)
{
    escertke_primitive req, rsp;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    if (escertke_primitive_parse_json(escertke_span_str(request), &req, &d) != ESCERTKE_OK)
        fail_msg("test request is not a primitive: %s (%s)", request, d.reason);
    if (w->source)
        snprintf(req.source, sizeof req.source, "%s", w->source);
    escertke_notify_serve(w->t, &req, w->f->now, &rsp);
    escertke_primitive_clear(&req);
    return rsp;
}

#define R(members) "{\"op\":5,\"to\":\"/in1/Cmeter\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"3\"" members "}"
#define PC(seci) R(",\"pc\":{\"m2m:seci\":" seci "}")

static void refusals(void **state)
{
    static const struct {
        const char *name, *request;
        int rsc;
        const char *words;
    } cases[] = {
        { "Retrieve", "{\"op\":2,\"to\":\"-\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"3\"}", 4005, "NOTIFY only" },
        { "rqet past", R(",\"rqet\":\"20200101T000000\""), 4008, "rqet has passed" },
        { "rqet relative and past", R(",\"rqet\":\"-1\""), 4008, "rqet has passed" },
        { "oet", R(",\"oet\":\"20400101T000000\""), 5001, "oet" },
        { "gid", R(",\"gid\":\"g\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}"), 4000, "gid" },
        { "non-blocking synch", R(",\"rt\":{\"rtv\":1}"), 5206, "blocking" },
        { "non-blocking asynch", R(",\"rt\":{\"rtv\":2}"), 5001, "blocking" },
        { "no response", R(",\"rt\":{\"rtv\":5}"), 4000, "response" },
        { "unknown release", "{\"op\":5,\"to\":\"-\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"9\"}", 4001, "rvi" },
        { "Release 1 said aloud", "{\"op\":5,\"to\":\"-\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"1\"}", 4001, "rvi" },
        { "no content", R(""), 4000, "content is missing" },
        { "another content", R(",\"pc\":{\"m2m:sgn\":{\"nev\":{}}}"), 4000, "m2m:s" },
        { "seci nested in sgn", R(",\"pc\":{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}}}}"), 4000, "m2m:s" },
        { "no sit", PC("{\"eckm\":\"FgMB\"}"), 4000, "sit" },
        { "sit 0", PC("{\"sit\":0}"), 4000, "sit" },
        { "sit 9", PC("{\"sit\":9}"), 4000, "sit" },
        { "sit as text", PC("{\"sit\":\"6\",\"eckm\":\"FgMB\"}"), 4000, "sit" },
        { "sit 3: rand object request", PC("{\"sit\":3}"), 5001, "securityInfoType 3" },
        { "no eckm", PC("{\"sit\":6}"), 4000, "eckm" },
        { "empty eckm", PC("{\"sit\":6,\"eckm\":\"\"}"), 4000, "eckm" },
        { "eckm is a number", PC("{\"sit\":6,\"eckm\":7}"), 4000, "eckm" },
        { "eckm is base64url", PC("{\"sit\":6,\"eckm\":\"_-8=\"}"), 4000, "base64" },
        { "eckm without padding", PC("{\"sit\":6,\"eckm\":\"Fg\"}"), 4000, "base64" },
        { "another child beside eckm", PC("{\"sit\":6,\"eckm\":\"FgMB\",\"epo\":\"a..b.c.d\"}"), 4000, "epo" },
        { "partial record", PC("{\"sit\":6,\"eckm\":\"FgMB\"}"), 4000, "record 1" },
        { "application data", PC("{\"sit\":6,\"eckm\":\"FwMDAAEA\"}"), 4000, "content type 23" },
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dbg[400] = "";
        w->refused = 0;
        escertke_primitive rsp = serve(w, cases[i].request);
        if (w->refused != 1 || atoi(w->reason) != cases[i].rsc || !strstr(w->reason, cases[i].words))
            fail_msg("%s: %d events, \"%s\"", cases[i].name, w->refused, w->reason); /* the operator is told once, and the same */
        bool has = escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), dbg, sizeof dbg);
        if (rsp.rsc != cases[i].rsc || !has || !strstr(dbg, cases[i].words) || !rsp.rqi || strcmp(rsp.rqi, "1") != 0)
            fail_msg("%s: rsc %d, dbg \"%s\"", cases[i].name, rsp.rsc, dbg);
        escertke_primitive_clear(&rsp);
    }
}

/* Contents that never become JSON, as a binding would hand them over. */
static void raw_contents(void **state)
{
    static const struct {
        const char *name, *content;
        size_t len;
    } cases[] = {
        { "not JSON", "hello", 5 },
        { "half", "{\"m2m:seci\":{\"sit\":6,", 21 },
        { "twice the same member", "{\"m2m:seci\":{\"sit\":6,\"sit\":6,\"eckm\":\"FgMB\"}}", 44 },
        { "bad UTF-8", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"\xff\xfe\"}}", 34 },
        { "a NUL", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"F\0MB\"}}", 36 },
        { "an escaped NUL", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"\\u0000\"}}", 38 },
        { "two objects", "{\"m2m:seci\":{\"sit\":3}}{}", 24 },
        { "deep", "{\"m2m:seci\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 86 },
    };
    const struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_primitive req, rsp;
        char dbg[400];
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = ESCERTKE_OP_NOTIFY;
        assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
        assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
        assert_int_equal(escertke_buf_append(&req.content, cases[i].content, cases[i].len), ESCERTKE_OK);
        escertke_notify_serve(w->t, &req, w->f->now, &rsp);
        if (rsp.rsc != 4000 || !escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), dbg, sizeof dbg))
            fail_msg("%s: rsc %d", cases[i].name, rsp.rsc);
        assert_null(rsp.rvi); /* no rvi in the request: a Release 1 entity gets none */
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
}

static void oversized(void **state)
{
    const struct world *w = *state;
    escertke_primitive req, rsp;
    size_t len = ESCERTKE_MESSAGE_MAX + 3;
    uint8_t *octets = calloc(1, len);
    escertke_buf text;
    char dbg[400];

    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_NOTIFY;
    assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&req.content, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"", 29), ESCERTKE_OK);
    assert_int_equal(escertke_base64_encode((escertke_span){ octets, len }, &req.content), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&req.content, "\"}}", 3), ESCERTKE_OK);
    escertke_notify_serve(w->t, &req, w->f->now, &rsp);
    assert_int_equal(rsp.rsc, 4000);
    assert_true(escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), dbg, sizeof dbg));
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    escertke_buf_free(&text);
    free(octets);
}

static void parameters_that_are_missing_or_wrong(void **state)
{
    const struct world *w = *state;

    for (int what = 0; what <= 2; what++) {
        escertke_primitive req, rsp;
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = ESCERTKE_OP_NOTIFY;
        if (what != 1)
            assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
        if (what)
            assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
        if (what == 2) /* both there, but a time that is none */
            assert_int_equal(escertke_primitive_set(&req.rqet, escertke_span_str("tomorrow")), ESCERTKE_OK);
        static const char content[] = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}";
        assert_int_equal(escertke_buf_append(&req.content, content, sizeof content - 1), ESCERTKE_OK);
        escertke_notify_serve(w->t, &req, w->f->now, &rsp);
        assert_int_equal(rsp.rsc, 4000);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
}

/* Nonsense in each of them: refused, in words of the serialization that the request accepts, else of its own. */
static void other_serializations(void **state)
{
    static const struct {
        int format, accept, rsc, answered;
    } cases[] = { { 1, 0, 4000, 1 }, { 2, 0, 4000, 2 }, { 3, 0, 4000, 3 }, { 2, 3, 4000, 3 }, { 3, 1, 4000, 1 }, { 4, 0, 4015, 1 }, { 4, 2, 4015, 2 },
                  { 1, 4, 4000, 1 } };
    const struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_primitive req, rsp;
        char dbg[100];
        bool built = escertke_format_available((escertke_format)cases[i].format);
        bool answerable = escertke_format_available((escertke_format)cases[i].answered);
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = ESCERTKE_OP_NOTIFY;
        req.format = (escertke_format)cases[i].format;
        req.accept = (escertke_format)cases[i].accept;
        assert_int_equal(escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")), ESCERTKE_OK);
        assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("1")), ESCERTKE_OK);
        assert_int_equal(escertke_buf_append(&req.content, "<x/>", 4), ESCERTKE_OK);
        escertke_notify_serve(w->t, &req, w->f->now, &rsp);
        assert_int_equal(rsp.rsc, built ? cases[i].rsc : 4015);
        assert_int_equal(rsp.format, answerable ? cases[i].answered : ESCERTKE_FORMAT_JSON);
        assert_true(escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), dbg, sizeof dbg));
        assert_true(dbg[0]);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
}

/* What the binding says of the hop reaches the limits. The messages are refused for what they are, or before that as too many. */
static void limited_per_source(void **state)
{
    static const struct {
        const char *source;
        bool limited;
    } steps[] = { { "192.0.2.1", false }, { "192.0.2.1", false }, { "192.0.2.1", true }, { "192.0.2.2", false },
                  { NULL, false },        { NULL, false },        { NULL, false },       { "192.0.2.1", true } };
    struct world *w = *state;
    escertke_terminator *before = w->t;
    escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(), .credential = w->f->meter.credential, .id = METER,
                                                     .ctx = { "//m2m.example.org", "/in1" }, .store = &w->store },
                                       .rate_from = { .burst = ESCERTKE_NO_LIMIT },
                                       .rate_source = { .burst = 2, .per_minute = 1 },
                                       .on_event = note_event,
                                       .event_ctx = w };

    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        w->source = steps[i].source;
        escertke_primitive rsp = serve(w, PC("{\"sit\":6,\"eckm\":\"FgMBAAQBAAAA\"}"));
        if ((rsp.rsc == 5000) != steps[i].limited || (strstr(w->reason, "too many") != NULL) != steps[i].limited)
            fail_msg("step %zu: rsc %d, \"%s\"", i, rsp.rsc, w->reason);
        escertke_primitive_clear(&rsp);
    }
    w->source = NULL;
    escertke_terminator_free(w->t);
    w->t = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refusals), cmocka_unit_test(raw_contents), cmocka_unit_test(oversized), cmocka_unit_test(parameters_that_are_missing_or_wrong),
                                        cmocka_unit_test(other_serializations), cmocka_unit_test(limited_per_source) };
    return cmocka_run_group_tests(tests, setup, teardown);
}

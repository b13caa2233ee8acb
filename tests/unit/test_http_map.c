#include "binding/http_map.h"

#include "binding_support.h"

#define LINES_MAX 12

/* Feed header lines "Name: value" as a server or a client would. */
static void feed(struct esc_http_in *in, const char *const *lines)
{
    for (size_t i = 0; i < LINES_MAX && lines[i]; i++) {
        const char *colon = strchr(lines[i], ':');
        esc_http_in_field(in, (escertke_span){ (const uint8_t *)lines[i], (size_t)(colon - lines[i]) }, text_span(colon + 1));
    }
}

#define RI "X-M2M-RI: A0001"
#define JSON "Content-Type: application/json"

static const struct {
    const char *name, *method, *target;
    const char *lines[LINES_MAX];
    const char *body;
    int rsc, status; /* 0 = taken */
    escertke_op op;
    int ty;
} requests[] = {
    { "notify", "POST", "/x", { RI, JSON }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "notify without content", "POST", "/x", { RI }, "", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "create", "POST", "/x", { RI, "Content-Type: application/json;ty=2" }, "{}", 0, 0, ESCERTKE_OP_CREATE, 2 },
    { "create without content", "POST", "/x", { RI, "Content-Type: application/json;ty=2" }, "", 0, 0, ESCERTKE_OP_CREATE, 2 },
    { "retrieve", "GET", "/x?atrl=esi", { RI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "retrieve with a type it does not need",
      "GET",
      "/x",
      { RI, "Content-Type: text/plain" },
      "",
      0,
      0,
      ESCERTKE_OP_RETRIEVE,
      0 },
    { "retrieve ignores ty", "GET", "/x", { RI, "Content-Type: application/json;ty=2" }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "update", "PUT", "/x", { RI, JSON }, "{}", 0, 0, ESCERTKE_OP_UPDATE, 0 },
    { "delete", "DELETE", "/x", { RI }, "", 0, 0, ESCERTKE_OP_DELETE, 0 },
    { "names in any case", "POST", "/x", { "x-m2m-ri:A", "CONTENT-TYPE: application/json" }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "unknown headers twice",
      "GET",
      "/x",
      { RI, "X-M2M-Foo: 1", "X-M2M-Foo: 2", "Cookie: a" },
      "",
      0,
      0,
      ESCERTKE_OP_RETRIEVE,
      0 },
    { "response header in a request", "GET", "/x", { RI, "X-M2M-RSC: foo" }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "accept in two fields", "GET", "/x", { RI, "Accept: text/html", "Accept: */*" }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "XML goes up", "POST", "/x", { RI, "Content-Type: application/xml" }, "<a/>", 0, 0, ESCERTKE_OP_NOTIFY, 0 },

    { "method", "PATCH", "/x", { RI }, "", 4005, 405, 0, 0 },
    { "HEAD", "HEAD", "/x", { RI }, "", 4005, 405, 0, 0 },
    { "method in lower case", "post", "/x", { RI, JSON }, "{}", 4005, 405, 0, 0 },
    { "empty method", "", "/x", { RI, JSON }, "{}", 4005, 405, 0, 0 },
    { "bad path", "GET", "//x", { RI }, "", 4000, 400, 0, 0 },
    { "no RI", "GET", "/x", { "X-M2M-Origin: C1" }, "", 4000, 400, 0, 0 },
    { "empty RI", "GET", "/x", { "X-M2M-RI:  " }, "", 4000, 400, 0, 0 },
    { "RI twice", "GET", "/x", { RI, RI }, "", 4000, 400, 0, 0 },
    { "origin twice", "GET", "/x", { RI, "X-M2M-Origin: C1", "x-m2m-origin: C2" }, "", 4000, 400, 0, 0 },
    { "GID twice", "GET", "/x", { RI, "X-M2M-GID: 1", "X-M2M-GID: " }, "", 4000, 400, 0, 0 },
    { "control character", "GET", "/x", { RI, "X-M2M-Origin: C\x01" }, "", 4000, 400, 0, 0 },
    { "line feed", "GET", "/x", { RI, "X-M2M-Origin: C\nX-M2M-RI: 2" }, "", 4000, 400, 0, 0 },
    { "not UTF-8", "GET", "/x", { RI, "X-M2M-Origin: C\xff" }, "", 4000, 400, 0, 0 },
    { "type twice", "POST", "/x", { RI, JSON, JSON }, "{}", 4000, 400, 0, 0 },
    { "ty not a number", "POST", "/x", { RI, "Content-Type: application/json;ty=x" }, "{}", 4000, 400, 0, 0 },
    { "unknown type", "POST", "/x", { RI, "Content-Type: text/plain" }, "{}", 4015, 415, 0, 0 },
    { "unknown type, PUT", "PUT", "/x", { RI, "Content-Type: application/json5" }, "{}", 4015, 415, 0, 0 },
    { "unknown type, no body", "POST", "/x", { RI, "Content-Type: text/plain" }, "", 4015, 415, 0, 0 },
    { "unknown type with GET and body", "GET", "/x", { RI, "Content-Type: text/plain" }, "{}", 4015, 415, 0, 0 },
    { "body without type", "POST", "/x", { RI }, "{}", 4015, 415, 0, 0 },
    { "accept", "GET", "/x", { RI, "Accept: text/html" }, "", 5207, 406, 0, 0 },
};

static void maps_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        const char *name = requests[i].name;
        if (!strncmp(name, "XML", 3) && !escertke_format_available(ESCERTKE_FORMAT_XML))
            continue;
        struct esc_http_in in;
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&p);
        esc_http_in_init(&in, false, &p, &d);
        esc_http_in_line(&in, requests[i].method, text_span(requests[i].target), "");
        feed(&in, requests[i].lines);
        esc_http_in_head(&in);
        assert_int_equal(escertke_buf_append(&p.content, requests[i].body, strlen(requests[i].body)), ESCERTKE_OK);
        esc_http_in_end(&in);
        if (in.rsc != requests[i].rsc || in.status != requests[i].status)
            fail_msg("%s: expected %d/%d, found %d/%d (%s)", name, requests[i].status, requests[i].rsc, in.status, in.rsc,
                     d.reason);
        assert_int_equal(in.err == ESCERTKE_OK, requests[i].rsc == 0);
        assert_int_equal(d.reason[0] == '\0', requests[i].rsc == 0);
        if (!in.rsc) {
            expect_int(name, p.op, requests[i].op);
            expect_int(name, p.ty, requests[i].ty);
            expect_text(name, p.to, "x");
        }
        escertke_primitive_clear(&p);
    }
}

/* What a request is in, and what its response is to be in (R-BH-6, R-PR-6). */
static void chooses_serializations(void **state)
{
    static const struct {
        const char *method, *type, *accept, *body;
        int format, wanted, rsc;
    } cases[] = {
        { "POST", "Content-Type: application/json", NULL, "{}", 1, 1, 0 },
        { "POST", "Content-Type: application/xml", NULL, "<x/>", 2, 2, 0 },
        { "POST", "Content-Type: application/cbor", NULL, "x", 3, 3, 0 },
        { "POST", "Content-Type: application/vnd.onem2m-ntfy+cbor", "Accept: application/xml", "x", 3, 2, 0 },
        { "POST", "Content-Type: application/xml", "Accept: */*", "<x/>", 2, 2, 0 },
        { "POST", "Content-Type: application/xml", "Accept: application/json;q=0.9, application/cbor", "<x/>", 2, 3, 0 },
        { "POST", "Content-Type: application/xml", "Accept: text/html", "<x/>", 2, 0, 5207 },
        { "GET", NULL, "Accept: application/cbor", "", 1, 3, 0 },
        { "GET", NULL, "Accept: application/xml;q=0.1, text/html", "", 1, 2, 0 },
        { "GET", NULL, NULL, "", 1, 1, 0 },
        { "POST", "Content-Type: text/plain", "Accept: application/xml", "x", 1, 2, 4015 },
    };

    (void)state;
    if (!escertke_format_available(ESCERTKE_FORMAT_XML) || !escertke_format_available(ESCERTKE_FORMAT_CBOR))
        skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *lines[LINES_MAX] = { "X-M2M-RI: r1", cases[i].accept ? cases[i].accept : "X-M2M-RVI: 3", cases[i].type };
        struct esc_http_in in;
        escertke_primitive p;
        escertke_primitive_init(&p);
        esc_http_in_init(&in, false, &p, NULL);
        esc_http_in_line(&in, cases[i].method, text_span("/x"), "");
        feed(&in, lines);
        esc_http_in_head(&in);
        assert_int_equal(escertke_buf_append(&p.content, cases[i].body, strlen(cases[i].body)), ESCERTKE_OK);
        esc_http_in_end(&in);
        expect_int(cases[i].type, in.rsc, cases[i].rsc);
        expect_int(cases[i].type, p.format, cases[i].format);
        expect_int(cases[i].type, p.accept, cases[i].wanted);
        expect_int(cases[i].type, esc_http_in_wanted(&in), cases[i].wanted);
        escertke_primitive_clear(&p);
    }
}

static void maps_all_parameters(void **state)
{
    static const char *const lines[LINES_MAX] = {
        "X-M2M-Origin: /mn1/C1",         "X-M2M-RI: r",      "X-M2M-RVI: 2a",
        "X-M2M-OT: 20260601T120000",     "X-M2M-RET: +5000", "X-M2M-RST: 20260601T120030",
        "X-M2M-OET: 20260601T120001",    "X-M2M-GID: g",     "X-M2M-VSI: v w",
        "Content-Type: application/cbor"
    };
    struct esc_http_in in;
    escertke_primitive p;

    (void)state;
    escertke_primitive_init(&p);
    esc_http_in_init(&in, false, &p, NULL);
    esc_http_in_line(&in, "POST", text_span("/~/in1/S5f0e?rt=3"), "");
    feed(&in, lines);
    bool built = escertke_format_available(ESCERTKE_FORMAT_CBOR);
    assert_int_equal(esc_http_in_head(&in), built ? ESCERTKE_OK : ESCERTKE_ERR_UNSUPPORTED);
    expect_text("to", p.to, "/in1/S5f0e");
    expect_text("fr", p.fr, "/mn1/C1");
    expect_text("rqi", p.rqi, "r");
    expect_text("rvi", p.rvi, "2a");
    expect_text("ot", p.ot, "20260601T120000");
    expect_text("rqet", p.rqet, "+5000");
    expect_text("rset", p.rset, "20260601T120030");
    expect_text("oet", p.oet, "20260601T120001");
    expect_text("gid", p.gid, "g");
    expect_text("vsi", p.vsi, "v w");
    assert_int_equal(p.format, ESCERTKE_FORMAT_CBOR);
    assert_int_equal(p.rt, 3);
    assert_false(p.other_params);
    escertke_primitive_clear(&p);
}

/* fr, rvi and the rest are the layer's above to demand. */
static void leaves_absent_parameters_absent(void **state)
{
    static const char *const lines[LINES_MAX] = { "X-M2M-RI: r", "X-M2M-Origin: " };
    struct esc_http_in in;
    escertke_primitive p;

    (void)state;
    escertke_primitive_init(&p);
    esc_http_in_init(&in, false, &p, NULL);
    esc_http_in_line(&in, "GET", text_span("/notify"), "/notify");
    feed(&in, lines);
    assert_int_equal(esc_http_in_head(&in), ESCERTKE_OK);
    assert_null(p.to);
    assert_null(p.fr);
    assert_null(p.rvi);
    assert_int_equal(p.rcn, -1);
    escertke_primitive_clear(&p);
}

static void notes_parameters_it_does_not_interpret(void **state)
{
    static const char *const lines[] = { "X-M2M-EC: 4", "X-M2M-RTU: http://a", "X-M2M-AS: x", "Authorization: x" };

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        const char *const two[LINES_MAX] = { RI, lines[i] };
        struct esc_http_in in;
        escertke_primitive p;
        escertke_primitive_init(&p);
        esc_http_in_init(&in, false, &p, NULL);
        esc_http_in_line(&in, "GET", text_span("/x"), "");
        feed(&in, two);
        assert_int_equal(esc_http_in_head(&in), ESCERTKE_OK);
        assert_true(p.other_params);
        escertke_primitive_clear(&p);
    }
}

/* The answer must repeat X-M2M-RI whatever was wrong before it. */
static void reads_on_after_a_refusal(void **state)
{
    static const char *const lines[LINES_MAX] = { "X-M2M-Origin: a\x01", RI, "X-M2M-RVI: 3" };
    struct esc_http_in in;
    escertke_primitive p;

    (void)state;
    escertke_primitive_init(&p);
    esc_http_in_init(&in, false, &p, NULL);
    esc_http_in_line(&in, "BREW", text_span("/../pot"), "");
    feed(&in, lines);
    assert_int_equal(esc_http_in_head(&in), ESCERTKE_ERR_HTTP);
    assert_int_equal(in.rsc, 4005);
    expect_text("rqi", p.rqi, "A0001");
    expect_text("rvi", p.rvi, "3");
    escertke_primitive_clear(&p);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static long memory_left = -1, memory_blocks;

static void *scarce_resize(void *p, size_t size)
{
    if (memory_left == 0)
        return NULL;
    if (memory_left > 0)
        memory_left--;
    memory_blocks += p == NULL;
    return realloc(p, size);
}

static void *scarce_alloc(size_t size)
{
    return scarce_resize(NULL, size);
}

static void scarce_release(void *p)
{
    memory_blocks--;
    free(p);
}

/* The nth allocation fails, for all n: 5000 and nothing left behind, at last success. */
static void survives_scarce_memory(void **state)
{
    static const escertke_memory scarce = { scarce_alloc, scarce_resize, scarce_release };
    static const char *const lines[LINES_MAX] = { RI, "X-M2M-Origin: C1", "X-M2M-RVI: 3", "X-M2M-VSI: v", JSON };
    bool done = false;

    (void)state;
    escertke_memory_set(&scarce);
    for (long n = 0; !done; n++) {
        struct esc_http_in in;
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&p);
        memory_left = n;
        esc_http_in_init(&in, false, &p, &d);
        esc_http_in_line(&in, "GET", text_span("/~/in1/x?atrl=esi"), "");
        feed(&in, lines);
        done = esc_http_in_head(&in) == ESCERTKE_OK;
        if (!done) {
            expect_err("scarce", in.err, ESCERTKE_ERR_NOMEM, &d);
            assert_int_equal(in.rsc, 5000);
            assert_true(d.reason[0]);
        }
        assert_true(n < 20);
        escertke_primitive_clear(&p);
        assert_int_equal(memory_blocks, 0);
    }
    memory_left = -1;
    escertke_memory_set(NULL);
}

/* ---- responses --------------------------------------------------------------------------------------------- */

#define RSC "X-M2M-RSC: 2000"

static const struct {
    const char *name;
    const char *lines[LINES_MAX];
    const char *body;
    escertke_err err;
    int rsc;
} responses[] = {
    { "with content", { RSC, RI, JSON, "X-M2M-RVI: 3" }, "{}", ESCERTKE_OK, 2000 },
    { "empty", { RSC, RI }, "", ESCERTKE_OK, 2000 },
    { "empty with a foreign type", { RSC, RI, "Content-Type: text/html" }, "", ESCERTKE_OK, 2000 },
    { "vnd type", { RSC, RI, "Content-Type: application/vnd.onem2m-prsp+json" }, "{}", ESCERTKE_OK, 2000 },
    { "an error is an answer", { "X-M2M-RSC: 4106", RI, JSON }, "{}", ESCERTKE_OK, 4106 },
    { "code of nobody", { "X-M2M-RSC: 6999", RI }, "", ESCERTKE_OK, 6999 },
    { "request header in a response", { RSC, RI, "X-M2M-GID: 1", "X-M2M-GID: 2" }, "", ESCERTKE_OK, 2000 },
    { "no RSC", { RI, JSON }, "{}", ESCERTKE_ERR_HTTP, 0 },
    { "nothing of oneM2M", { "Content-Type: text/html" }, "<html>", ESCERTKE_ERR_HTTP, 0 },
    { "RSC empty", { "X-M2M-RSC: ", RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RSC small", { "X-M2M-RSC: 999", RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RSC big", { "X-M2M-RSC: 7000", RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RSC not a number", { "X-M2M-RSC: 2000x", RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RSC huge", { "X-M2M-RSC: 99999999999", RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RSC twice", { RSC, RSC, RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "RI absent", { RSC }, "", ESCERTKE_ERR_RQI, 0 },
    { "RI of another", { RSC, "X-M2M-RI: A0002" }, "", ESCERTKE_ERR_RQI, 0 },
    { "RI in another case", { RSC, "X-M2M-RI: a0001" }, "", ESCERTKE_ERR_RQI, 0 },
    { "RI twice", { RSC, RI, RI }, "", ESCERTKE_ERR_HTTP, 0 },
    { "foreign type", { RSC, RI, "Content-Type: text/html" }, "<html>", ESCERTKE_ERR_HTTP, 0 },
    { "content without type", { RSC, RI }, "{}", ESCERTKE_ERR_HTTP, 0 },
};

static void maps_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(responses); i++) {
        struct esc_http_in in;
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&p);
        esc_http_in_init(&in, true, &p, &d);
        feed(&in, responses[i].lines);
        assert_int_equal(escertke_buf_append(&p.content, responses[i].body, strlen(responses[i].body)), ESCERTKE_OK);
        expect_err(responses[i].name, esc_http_in_response_end(&in, "A0001"), responses[i].err, &d);
        if (responses[i].err == ESCERTKE_OK)
            expect_int(responses[i].name, p.rsc, responses[i].rsc);
        escertke_primitive_clear(&p);
    }
}

/* What cannot be read has no identifier for the CSE: its refusal is told all the same. */
static void tells_what_came_without_an_identifier(void **state)
{
    static const char *const lines[] = { "X-M2M-RSC: 4000", "X-M2M-RI: None", "Content-Type: application/json", NULL };
    static const char body[] = "{\"m2m:dbg\":\"Malformed request\\n\"}";
    struct esc_http_in in;
    escertke_primitive p;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    escertke_primitive_init(&p);
    esc_http_in_init(&in, true, &p, &d);
    feed(&in, lines);
    assert_int_equal(escertke_buf_append(&p.content, body, sizeof body - 1), ESCERTKE_OK);
    assert_int_equal(esc_http_in_response_end(&in, "A0001"), ESCERTKE_ERR_RQI);
    assert_int_equal(d.rsc, 4000);
    expect_text("reason", d.reason, "X-M2M-RI should be A0001, found None, in an answer with RSC 4000: Malformed request?");
    escertke_primitive_clear(&p);
}

static void join(const struct esc_http_out *out, char *text, size_t cap)
{
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < out->count; i++)
        at += (size_t)snprintf(text + at, cap - at, "%s: %s\n", out->fields[i].name, out->fields[i].value);
}

/* R 10.4, first exchange */
static void writes_the_request_of_the_standard(void **state)
{
    struct esc_http_out out;
    escertke_primitive req;
    char text[1000];

    (void)state;
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "A0001", "{\"m2m:seci\":{}}");
    set(&req.ot, "20260601T120000");
    set(&req.rqet, "20260601T120030");
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_OK);
    join(&out, text, sizeof text);
    expect_text("method", out.method, "POST");
    expect_text("headers", text,
                "X-M2M-Origin: Ca1b2c3\nX-M2M-RI: A0001\nX-M2M-RVI: 3\nX-M2M-OT: 20260601T120000\n"
                "X-M2M-RET: 20260601T120030\nAccept: application/json\nContent-Type: application/json\n");
    escertke_primitive_clear(&req);
}

static void writes_requests(void **state)
{
    static const struct {
        escertke_op op;
        int ty;
        const char *content, *method, *headers;
    } cases[] = {
        { ESCERTKE_OP_CREATE, 2, "{}", "POST", "Accept: application/json\nContent-Type: application/json;ty=2\n" },
        { ESCERTKE_OP_CREATE, 2, "", "POST", "Accept: application/json\nContent-Type: application/json;ty=2\n" },
        { ESCERTKE_OP_RETRIEVE, 0, "", "GET", "Accept: application/json\n" },
        { ESCERTKE_OP_UPDATE, 0, "{}", "PUT", "Accept: application/json\nContent-Type: application/json\n" },
        { ESCERTKE_OP_DELETE, 0, "", "DELETE", "Accept: application/json\n" },
        { ESCERTKE_OP_NOTIFY, 0, "", "POST", "Accept: application/json\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_out out;
        escertke_primitive req;
        char text[1000], expected[1000];
        make_request(&req, cases[i].op, "x", "1", cases[i].content);
        req.ty = cases[i].ty;
        assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_OK);
        join(&out, text, sizeof text);
        snprintf(expected, sizeof expected, "X-M2M-Origin: Ca1b2c3\nX-M2M-RI: 1\nX-M2M-RVI: 3\n%s", cases[i].headers);
        expect_text("method", out.method, cases[i].method);
        expect_text("headers", text, expected);
        escertke_primitive_clear(&req);
    }
}

static void refuses_requests_that_cannot_be_written(void **state)
{
    struct esc_http_out out;
    escertke_primitive req;
    char smuggled[] = "C1\r\nX-M2M-RI: 2";
    char *kept;

    (void)state;
    make_request(&req, ESCERTKE_OP_NONE, "x", "1", NULL);
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_ERR_ARG);
    req.op = ESCERTKE_OP_CREATE;
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_ERR_ARG);
    req.op = ESCERTKE_OP_NOTIFY;
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_OK);
    kept = req.fr;
    req.fr = smuggled;
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_ERR_ARG);
    req.fr = kept;
    escertke_primitive_clear(&req);
    make_request(&req, ESCERTKE_OP_NOTIFY, "x", NULL, NULL);
    assert_int_equal(esc_http_out_request(&req, &out, NULL), ESCERTKE_ERR_ARG);
    escertke_primitive_clear(&req);
}

static void writes_responses(void **state)
{
    static const struct {
        const char *name, *req_rvi, *rvi, *rqi, *content, *headers;
        int rsc;
    } cases[] = {
        { "R 10.4", "3", "3", "A0001", "{}", "X-M2M-RSC: 2000\nX-M2M-RI: A0001\nX-M2M-RVI: 3\nContent-Type: application/json\n",
          2000 },
        { "identifier of another", "3", NULL, "B", "", "X-M2M-RSC: 4106\nX-M2M-RVI: 3\nX-M2M-RI: A0001\n", 4106 },
        { "Release 1", NULL, NULL, NULL, "", "X-M2M-RSC: 2000\nX-M2M-RI: A0001\n", 2000 },
        { "chosen above", NULL, "2a", NULL, "", "X-M2M-RSC: 2000\nX-M2M-RI: A0001\nX-M2M-RVI: 2a\n", 2000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_out out;
        escertke_primitive req, rsp;
        char text[1000];
        escertke_primitive_init(&req);
        set(&req.rqi, "A0001");
        set(&req.rvi, cases[i].req_rvi);
        escertke_primitive_init(&rsp);
        set(&rsp.rqi, cases[i].rqi);
        set(&rsp.rvi, cases[i].rvi);
        set(&rsp.gid, "never in a response");
        assert_int_equal(escertke_buf_append(&rsp.content, cases[i].content, strlen(cases[i].content)), ESCERTKE_OK);
        rsp.rsc = cases[i].rsc;
        esc_http_out_response(&req, &rsp, &out);
        join(&out, text, sizeof text);
        expect_text(cases[i].name, text, cases[i].headers);
        escertke_primitive_clear(&rsp);
        escertke_primitive_clear(&req);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_requests),
        cmocka_unit_test(chooses_serializations),
        cmocka_unit_test(maps_all_parameters),
        cmocka_unit_test(leaves_absent_parameters_absent),
        cmocka_unit_test(notes_parameters_it_does_not_interpret),
        cmocka_unit_test(reads_on_after_a_refusal),
        cmocka_unit_test(survives_scarce_memory),
        cmocka_unit_test(maps_responses),
        cmocka_unit_test(tells_what_came_without_an_identifier),
        cmocka_unit_test(writes_the_request_of_the_standard),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(refuses_requests_that_cannot_be_written),
        cmocka_unit_test(writes_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

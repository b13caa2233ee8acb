#include "binding/coap_map.h"

#include "binding_support.h"

#define OPTIONS_MAX 12
#define NOW_MS 1780315200123 /* 2026-06-01T12:00:00 */

struct text_option {
    unsigned number;
    const char *value; /* of its length; NULL = end of the list */
    size_t len;        /* 0 = strlen */
};

#define RQI { 283, "A0001", 0 }
#define JSON { 12, "\x32", 0 }
#define TO { 11, "x", 0 }

static void encode(const struct text_option *list, escertke_buf *out)
{
    struct esc_coap_writer w = { .out = out };

    escertke_buf_init(out, ESC_COAP_OPTIONS_MAX);
    for (size_t i = 0; i < OPTIONS_MAX && list[i].value; i++)
        esc_coap_add(&w, list[i].number,
                     (escertke_span){ (const uint8_t *)list[i].value, list[i].len ? list[i].len : strlen(list[i].value) });
    assert_int_equal(w.err, ESCERTKE_OK);
}

#define L16 "llllllllllllllll"
#define L64 L16 L16 L16 L16
static const char longest[] = L64 L64 L64 L64; /* 256 */

static const struct {
    const char *name;
    int method;
    struct text_option options[OPTIONS_MAX];
    const char *body;
    int rsc, code; /* 0 = taken */
    escertke_op op;
    int ty;
} requests[] = {
    { "notify", 2, { TO, JSON, RQI }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "notify without content", 2, { TO, RQI }, "", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "create", 2, { TO, JSON, { 267, "\x02", 0 }, RQI }, "{}", 0, 0, ESCERTKE_OP_CREATE, 2 },
    { "create, two octets", 2, { TO, JSON, { 267, "\0\x02", 2 }, RQI }, "{}", 0, 0, ESCERTKE_OP_CREATE, 2 },
    { "retrieve", 1, { TO, { 15, "atrl=esi", 0 }, RQI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "retrieve with a type it does not need", 1, { TO, { 12, "\x2a", 0 }, RQI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "update", 3, { TO, JSON, RQI }, "{}", 0, 0, ESCERTKE_OP_UPDATE, 0 },
    { "delete", 4, { TO, RQI }, "", 0, 0, ESCERTKE_OP_DELETE, 0 },
    { "retrieve, not blocking", 2, { TO, { 15, "op=2", 0 }, { 15, "rt=1", 0 }, RQI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "method and op agree", 1, { TO, { 15, "op=2", 0 }, RQI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "accept", 2, { TO, JSON, { 17, "\x32", 0 }, RQI }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "type of notifications", 2, { TO, { 12, "\x27\x13", 0 }, RQI }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "XML goes up", 2, { TO, { 12, "\x29", 0 }, RQI }, "<a/>", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "host and port", 2, { { 3, "h", 0 }, { 7, "\x16\x33", 0 }, TO, JSON, RQI }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "elective and unknown", 2, { TO, JSON, { 258, "\x02", 0 }, RQI, { 292, "t", 0 } }, "{}", 0, 0, ESCERTKE_OP_NOTIFY, 0 },
    { "elective, wrong length", 1, { TO, { 12, "123", 0 }, RQI }, "", 0, 0, ESCERTKE_OP_RETRIEVE, 0 },
    { "longest RQI", 2, { TO, { 283, longest, 255 } }, "", 0, 0, ESCERTKE_OP_NOTIFY, 0 },

    { "method", 5, { TO, RQI }, "", 4005, 405, 0, 0 },
    { "unknown and critical", 2, { TO, JSON, RQI, { 999, "x", 0 } }, "{}", 4000, 402, 0, 0 },
    { "If-Match", 3, { { 1, "x", 0 }, TO, JSON, RQI }, "{}", 4000, 402, 0, 0 },
    { "RQI twice", 2, { TO, RQI, RQI }, "", 4000, 402, 0, 0 },
    { "Accept twice", 2, { TO, { 17, "\x32", 0 }, { 17, "\x32", 0 }, RQI }, "", 4000, 402, 0, 0 },
    { "RQI past 255", 2, { TO, { 283, longest, 256 } }, "", 4000, 402, 0, 0 },
    { "RVI of 3", 2, { TO, { 271, "3aa", 0 }, RQI }, "", 4000, 402, 0, 0 },
    { "RQET of 14", 2, { TO, RQI, { 291, "20260601T12003", 0 } }, "", 4000, 402, 0, 0 },
    { "RQET of 16", 2, { TO, RQI, { 291, "20260601T120030,", 0 } }, "", 4000, 400, 0, 0 },
    { "RQET with a fraction of 7", 2, { TO, RQI, { 291, "20260601T120030,1234567", 0 } }, "", 4000, 402, 0, 0 },
    { "RQET relative", 2, { TO, RQI, { 291, "+5000", 0 } }, "", 4000, 402, 0, 0 },
    { "TY of 3", 2, { TO, JSON, { 267, "\x01\x01\x01", 0 }, RQI }, "{}", 4000, 402, 0, 0 },
    { "RSC in a request", 2, { TO, RQI, { 307, "\x07\xd0", 0 } }, "", 4000, 402, 0, 0 },
    { "Block1 of 4", 2, { TO, JSON, { 27, "\x01\x01\x01\x01", 0 }, RQI }, "{}", 4000, 402, 0, 0 },
    { "Block1 with SZX 7", 2, { TO, JSON, { 27, "\x0f", 0 }, RQI }, "{}", 4000, 400, 0, 0 },
    { "proxy", 2, { { 35, "http://a", 0 }, RQI }, "", 5001, 505, 0, 0 },
    { "RQET is no time", 2, { TO, RQI, { 291, "20260601T12003x", 0 } }, "", 4000, 400, 0, 0 },
    { "no RQI", 2, { TO, JSON, { 279, "C1", 0 } }, "{}", 4000, 400, 0, 0 },
    { "control character", 2, { TO, { 279, "C\x01", 0 }, RQI }, "", 4000, 400, 0, 0 },
    { "not UTF-8", 2, { TO, { 279, "C\xff", 0 }, RQI }, "", 4000, 400, 0, 0 },
    { "NUL", 2, { TO, { 279, "C\0x", 3 }, RQI }, "", 4000, 400, 0, 0 },
    { "bad path", 2, { { 11, "a/b", 0 }, RQI }, "", 4000, 400, 0, 0 },
    { "bad query", 2, { TO, { 15, "rt=9", 0 }, RQI }, "", 4000, 400, 0, 0 },
    { "method and op differ", 1, { TO, { 15, "op=5", 0 }, RQI }, "", 4000, 400, 0, 0 },
    { "unknown type", 2, { TO, { 12, "\x2a", 0 }, RQI }, "{}", 4015, 415, 0, 0 },
    { "unknown type, no content", 2, { TO, { 12, "\x2a", 0 }, RQI }, "", 4015, 415, 0, 0 },
    { "unknown type with GET and content", 1, { TO, { 12, "\x2a", 0 }, RQI }, "{}", 4015, 415, 0, 0 },
    { "content without type", 2, { TO, RQI }, "{}", 4015, 415, 0, 0 },
    { "text wanted", 2, { TO, JSON, { 17, "", 0 }, RQI }, "{}", 5207, 406, 0, 0 },
};

static void maps_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        const char *name = requests[i].name;
        struct esc_coap_msg m = { .code = requests[i].method };
        struct esc_coap_in in;
        escertke_primitive p;
        escertke_detail d;
        escertke_buf options;

        encode(requests[i].options, &options);
        m.options = escertke_buf_span(&options);
        escertke_detail_init(&d);
        escertke_primitive_init(&p);
        esc_coap_in_request(&in, &m, "", &p, &d);
        assert_int_equal(escertke_buf_append(&p.content, requests[i].body, strlen(requests[i].body)), ESCERTKE_OK);
        esc_coap_in_content(&in);
        if (in.rsc != requests[i].rsc || in.code != requests[i].code)
            fail_msg("%s: expected %d/%d, found %d/%d (%s)", name, requests[i].code, requests[i].rsc, in.code, in.rsc, d.reason);
        assert_int_equal(in.err == ESCERTKE_OK, requests[i].rsc == 0);
        assert_int_equal(d.reason[0] == '\0', requests[i].rsc == 0);
        if (!in.rsc) {
            expect_int(name, p.op, requests[i].op);
            expect_int(name, p.ty, requests[i].ty);
            expect_text(name, p.to, "x");
        }
        escertke_primitive_clear(&p);
        escertke_buf_free(&options);
    }
}

static void maps_all_parameters(void **state)
{
    static const struct text_option list[OPTIONS_MAX] = {
        { 12, "\x3c", 0 },           { 23, "\x04", 0 },           { 27, "\x1e", 0 },
        { 259, "20260601T120000,123456", 0 }, { 271, "2a", 0 },          { 279, "/mn1/C1", 0 },
        { 283, "r", 0 },             { 291, "20260601T120030", 0 }, { 299, "20260601T120001", 0 },
        { 311, "g", 0 },             { 331, "v w", 0 },
    };
    struct esc_coap_msg m = { .code = 2 };
    struct esc_coap_in in;
    escertke_primitive p;
    escertke_buf options;

    (void)state;
    encode(list, &options);
    m.options = escertke_buf_span(&options);
    escertke_primitive_init(&p);
    assert_int_equal(esc_coap_in_request(&in, &m, "", &p, NULL), ESCERTKE_OK);
    expect_text("fr", p.fr, "/mn1/C1");
    expect_text("rqi", p.rqi, "r");
    expect_text("rvi", p.rvi, "2a");
    expect_text("ot", p.ot, "20260601T120000,123456"); /* as ACME writes it */
    expect_text("rqet", p.rqet, "20260601T120030");
    expect_text("oet", p.oet, "20260601T120001");
    expect_text("gid", p.gid, "g");
    expect_text("vsi", p.vsi, "v w");
    assert_null(p.to);
    assert_int_equal(p.format, ESCERTKE_FORMAT_CBOR);
    assert_false(p.other_params);
    assert_true(in.has_block1 && in.block1.num == 1 && in.block1.more && in.block1.szx == 6);
    assert_true(in.has_block2 && in.block2.num == 0 && in.block2.szx == 4);
    escertke_primitive_clear(&p);
    escertke_buf_free(&options);
}

static void notes_what_it_does_not_interpret(void **state)
{
    static const unsigned numbers[] = { 263, 303, 335, 339 };

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct text_option list[OPTIONS_MAX] = { { numbers[i], "x", 0 } };
        struct esc_coap_msg m = { .code = 2 };
        struct esc_coap_in in;
        escertke_primitive p;
        escertke_buf options;

        encode(list, &options);
        m.options = escertke_buf_span(&options);
        escertke_primitive_init(&p);
        esc_coap_in_request(&in, &m, "", &p, NULL);
        assert_true(p.other_params);
        escertke_primitive_clear(&p);
        escertke_buf_free(&options);
    }
}

static const struct {
    const char *name;
    int code;
    struct text_option options[OPTIONS_MAX];
    const char *body;
    escertke_err err;
    int rsc;
} responses[] = {
    { "notify", 204, { JSON, RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_OK, 2000 },
    { "2.05 too", 205, { JSON, RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_OK, 2000 },
    { "refused", 403, { JSON, RQI, { 307, "\x10\x0a", 0 } }, "{}", ESCERTKE_OK, 4106 },
    { "deleted, by its code", 202, { RQI }, "", ESCERTKE_OK, 2002 },
    { "time-out, by its code", 504, { RQI }, "", ESCERTKE_OK, 4008 },
    { "elective and unknown", 204, { { 4, "etag", 0 }, JSON, RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_OK, 2000 },
    { "2.04 without RSC", 204, { JSON, RQI }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "4.02 without RSC", 402, { { 12, "\x32", 0 } }, "", ESCERTKE_ERR_COAP, 0 },
    { "RSC of another class", 403, { JSON, RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "success that refuses", 204, { JSON, RQI, { 307, "\x10\x0a", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "RSC too small", 204, { JSON, RQI, { 307, "\x01", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "RSC of 3", 204, { JSON, RQI, { 307, "\x01\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "critical and unknown", 204, { JSON, RQI, { 307, "\x07\xd0", 0 }, { 999, "x", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "no RQI", 204, { JSON, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_RQI, 0 },
    { "another RQI", 204, { JSON, { 283, "A0002", 0 }, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_RQI, 0 },
    { "content without type", 204, { RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
    { "unknown type", 204, { { 12, "\x2a", 0 }, RQI, { 307, "\x07\xd0", 0 } }, "{}", ESCERTKE_ERR_COAP, 0 },
};

static void maps_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(responses); i++) {
        const char *name = responses[i].name;
        struct esc_coap_msg m = { .code = responses[i].code };
        struct esc_coap_in in;
        escertke_primitive p;
        escertke_detail d;
        escertke_buf options;

        encode(responses[i].options, &options);
        m.options = escertke_buf_span(&options);
        escertke_detail_init(&d);
        escertke_primitive_init(&p);
        escertke_err err = esc_coap_in_response(&in, &m, "A0001", &p, &d);
        assert_int_equal(escertke_buf_append(&p.content, responses[i].body, strlen(responses[i].body)), ESCERTKE_OK);
        if (err == ESCERTKE_OK)
            err = esc_coap_in_response_content(&in);
        expect_err(name, err, responses[i].err, &d);
        if (err == ESCERTKE_OK)
            expect_int(name, p.rsc, responses[i].rsc);
        else
            assert_true(d.reason[0]);
        escertke_primitive_clear(&p);
        escertke_buf_free(&options);
    }
}

static void show(escertke_span options, char *text)
{
    struct esc_coap_options it = { .rest = options };
    struct esc_coap_option o;
    uint32_t n;

    *text = '\0';
    while (esc_coap_option_next(&it, &o)) {
        bool number = o.number == 12 || o.number == 14 || o.number == 17 || o.number == 267 || o.number == 307;
        if (number && esc_coap_uint(o.value, 4, &n))
            text += sprintf(text, "%u=%u ", o.number, (unsigned)n);
        else
            text += sprintf(text, "%u=%.*s ", o.number, (int)o.value.len, (const char *)o.value.ptr);
    }
}

/* The example of R 10.5. */
static void writes_the_example(void **state)
{
    struct esc_http_url base;
    escertke_primitive req, rsp;
    escertke_buf options;
    char text[600];
    int code;

    (void)state;
    assert_int_equal(esc_coap_url_parse("coap://127.0.0.1:1", &base, NULL), ESCERTKE_OK);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "A0001", "{}");
    set(&req.rqet, "20260601T120030");
    escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
    assert_int_equal(esc_coap_out_request(&base, false, &req, NOW_MS, &code, &options, NULL), ESCERTKE_OK);
    assert_int_equal(code, ESC_COAP_POST);
    show(escertke_buf_span(&options), text);
    expect_text("request", text, "11=~ 11=in1 11=S5f0e 12=50 17=50 271=3 279=Ca1b2c3 283=A0001 291=20260601T120030 ");

    escertke_primitive_init(&rsp);
    rsp.rsc = 2000;
    set(&rsp.rqi, "another");
    set(&rsp.fr, "/in1/S5f0e"); /* left out: A-77 */
    assert_int_equal(escertke_buf_append(&rsp.content, "{}", 2), ESCERTKE_OK);
    escertke_buf_reset(&options);
    assert_int_equal(esc_coap_out_response(&req, &rsp, NOW_MS, &code, &options), ESCERTKE_OK);
    assert_int_equal(code, 204);
    show(escertke_buf_span(&options), text);
    expect_text("response", text, "12=50 271=3 283=A0001 307=2000 ");

    req.op = ESCERTKE_OP_RETRIEVE;
    escertke_buf_reset(&options);
    assert_int_equal(esc_coap_out_response(&req, &rsp, NOW_MS, &code, &options), ESCERTKE_OK);
    assert_int_equal(code, 205);
    show(escertke_buf_span(&options), text);
    expect_text("response to GET", text, "12=50 14=0 271=3 283=A0001 307=2000 ");

    rsp.rsc = 4106;
    escertke_buf_reset(&rsp.content);
    escertke_buf_reset(&options);
    assert_int_equal(esc_coap_out_response(&req, &rsp, NOW_MS, &code, &options), ESCERTKE_OK);
    assert_int_equal(code, 403);
    show(escertke_buf_span(&options), text);
    expect_text("refusal", text, "271=3 283=A0001 307=4106 ");
    escertke_buf_free(&options);
    escertke_primitive_clear(&rsp);
    escertke_primitive_clear(&req);
}

/* a fraction is cut off, a relative time is counted from now. */
static void writes_times_that_fit(void **state)
{
    static const struct {
        const char *rqet, *sent;
    } times[] = { { "20260601T120030", "20260601T120030" },
                  { "20260601T120030,999", "20260601T120030" },
                  { "+30000", "20260601T120030" },
                  { "30000", "20260601T120030" },
                  { "soon", NULL } };

    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        struct esc_http_url base;
        escertke_primitive req;
        escertke_buf options;
        escertke_detail d;
        char text[600], expected[100];
        int code;

        escertke_detail_init(&d);
        assert_int_equal(esc_coap_url_parse("coap://127.0.0.1/n", &base, NULL), ESCERTKE_OK);
        make_request(&req, ESCERTKE_OP_NOTIFY, NULL, "r", NULL);
        set(&req.rqet, times[i].rqet);
        escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
        escertke_err err = esc_coap_out_request(&base, true, &req, NOW_MS, &code, &options, &d);
        expect_err(times[i].rqet, err, times[i].sent ? ESCERTKE_OK : ESCERTKE_ERR_ARG, &d);
        if (times[i].sent) {
            snprintf(expected, sizeof expected, "11=n 17=50 271=3 279=Ca1b2c3 283=r 291=%s ", times[i].sent);
            show(escertke_buf_span(&options), text);
            expect_text(times[i].rqet, text, expected);
        }
        escertke_buf_free(&options);
        escertke_primitive_clear(&req);
    }
}

static const struct {
    const char *name, *base;
    escertke_op op;
    int ty, rt;
    const char *rqi;
    size_t fr; /* its length; 0 = as it is */
    escertke_err err;
    int code;
    const char *options;
} writes[] = {
    { "retrieve", "coap://127.0.0.1", ESCERTKE_OP_RETRIEVE, 0, 0, "r", 0, ESCERTKE_OK, 1, "11=x 17=50 271=3 279=Ca1b2c3 283=r " },
    { "update", "coap://127.0.0.1", ESCERTKE_OP_UPDATE, 0, 3, "r", 0, ESCERTKE_OK, 3,
      "11=x 15=rt=3 17=50 271=3 279=Ca1b2c3 283=r " },
    { "delete", "coap://[::1]", ESCERTKE_OP_DELETE, 0, 0, "r", 0, ESCERTKE_OK, 4, "11=x 17=50 271=3 279=Ca1b2c3 283=r " },
    { "create", "coap://127.0.0.1", ESCERTKE_OP_CREATE, 2, 0, "r", 0, ESCERTKE_OK, 2,
      "11=x 17=50 267=2 271=3 279=Ca1b2c3 283=r " },
    { "not blocking", "coap://127.0.0.1", ESCERTKE_OP_RETRIEVE, 0, 1, "r", 0, ESCERTKE_OK, 2,
      "11=x 15=op=2 15=rt=1 17=50 271=3 279=Ca1b2c3 283=r " },
    { "by name", "coap://mn1.example", ESCERTKE_OP_DELETE, 0, 0, "r", 0, ESCERTKE_OK, 4,
      "3=mn1.example 11=x 17=50 271=3 279=Ca1b2c3 283=r " },
    { "no operation", "coap://127.0.0.1", ESCERTKE_OP_NONE, 0, 0, "r", 0, ESCERTKE_ERR_ARG, 0, NULL },
    { "no RQI", "coap://127.0.0.1", ESCERTKE_OP_NOTIFY, 0, 0, NULL, 0, ESCERTKE_ERR_ARG, 0, NULL },
    { "create without type", "coap://127.0.0.1", ESCERTKE_OP_CREATE, 0, 0, "r", 0, ESCERTKE_ERR_ARG, 0, NULL },
    { "type past 65535", "coap://127.0.0.1", ESCERTKE_OP_CREATE, 65536, 0, "r", 0, ESCERTKE_ERR_ARG, 0, NULL },
    { "From too long", "coap://127.0.0.1", ESCERTKE_OP_NOTIFY, 0, 0, "r", 256, ESCERTKE_ERR_ARG, 0, NULL },
};

static void writes_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        struct esc_http_url base;
        escertke_primitive req;
        escertke_buf options;
        escertke_detail d;
        char text[1000];
        int code = 0;

        escertke_detail_init(&d);
        assert_int_equal(esc_coap_url_parse(writes[i].base, &base, NULL), ESCERTKE_OK);
        make_request(&req, writes[i].op, "x", writes[i].rqi, NULL);
        req.ty = writes[i].ty;
        req.rt = writes[i].rt;
        if (writes[i].fr)
            assert_int_equal(escertke_primitive_set(&req.fr, (escertke_span){ (const uint8_t *)longest, writes[i].fr }),
                             ESCERTKE_OK);
        escertke_buf_init(&options, ESC_COAP_OPTIONS_MAX);
        expect_err(writes[i].name, esc_coap_out_request(&base, false, &req, NOW_MS, &code, &options, &d), writes[i].err, &d);
        if (writes[i].options) {
            expect_int(writes[i].name, code, writes[i].code);
            show(escertke_buf_span(&options), text);
            expect_text(writes[i].name, text, writes[i].options);
        } else {
            assert_true(d.reason[0]);
        }
        escertke_buf_free(&options);
        escertke_primitive_clear(&req);
    }
}

static void knows_all_formats(void **state)
{
    static const struct {
        long number;
        escertke_format format; /* 0 = none */
    } numbers[] = { { 50, ESCERTKE_FORMAT_JSON },    { 41, ESCERTKE_FORMAT_XML },     { 60, ESCERTKE_FORMAT_CBOR },
                    { 10001, ESCERTKE_FORMAT_JSON }, { 10014, ESCERTKE_FORMAT_XML },  { 10010, ESCERTKE_FORMAT_CBOR },
                    { 10003, ESCERTKE_FORMAT_JSON }, { 10002, ESCERTKE_FORMAT_XML },  { 10011, ESCERTKE_FORMAT_CBOR },
                    { 10007, ESCERTKE_FORMAT_JSON }, { 10006, ESCERTKE_FORMAT_XML },  { 10012, ESCERTKE_FORMAT_CBOR },
                    { 10009, ESCERTKE_FORMAT_JSON }, { 10008, ESCERTKE_FORMAT_XML },  { 10013, ESCERTKE_FORMAT_CBOR },
                    { 0, 0 },                        { -1, 0 },                       { 40, 0 },
                    { 10000, 0 },                    { 10004, 0 } };

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        escertke_format found = 0;
        assert_int_equal(esc_coap_format_find(numbers[i].number, &found), numbers[i].format != 0);
        assert_int_equal(found, numbers[i].format);
    }
    assert_int_equal(esc_coap_format_number(ESCERTKE_FORMAT_XML), 41);
    assert_int_equal(esc_coap_format_number(ESCERTKE_FORMAT_CBOR), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_requests),
        cmocka_unit_test(maps_all_parameters),
        cmocka_unit_test(notes_what_it_does_not_interpret),
        cmocka_unit_test(maps_responses),
        cmocka_unit_test(writes_the_example),
        cmocka_unit_test(writes_times_that_fit),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(knows_all_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <errno.h>

#include "http_support.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\n"
#define JSON_OK OK_HEAD "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

static escertke_http_client *new_client(uint32_t timeout_ms)
{
    const escertke_http_client_config cfg = { .connect_timeout_ms = 2000, .timeout_ms = timeout_ms };
    escertke_http_client *c = NULL;

    assert_int_equal(escertke_http_client_new(&cfg, &c), ESCERTKE_OK);
    return c;
}

static void base_of(const struct canned *server, const char *path, char *out, size_t cap)
{
    snprintf(out, cap, "http://127.0.0.1:%u%s", (unsigned)server->port, path);
}

/* One exchange with a server that says what the test wants. */
static escertke_err exchange(struct canned *server, uint32_t timeout_ms, escertke_primitive *rsp, escertke_detail *d)
{
    escertke_http_client *c = new_client(timeout_ms);
    escertke_primitive req;
    escertke_err err;
    char base[64];

    escertke_detail_init(d);
    escertke_primitive_init(rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "r1", "{\"m2m:seci\":{}}");
    canned_start(server);
    base_of(server, "", base, sizeof base);
    err = escertke_http_send(c, base, false, &req, rsp, d);
    canned_stop(server);
    escertke_http_client_free(c);
    escertke_primitive_clear(&req);
    return err;
}

static const struct {
    const char *name, *answer;
    escertke_err err;
    int rsc;
} answers[] = {
    { "good", JSON_OK, ESCERTKE_OK, 2000 },
    { "after a 100", "HTTP/1.1 100 Continue\r\nX-M2M-RSC: 4000\r\nX-M2M-RI: zz\r\n\r\n" JSON_OK, ESCERTKE_OK, 2000 },
    { "in chunks", OK_HEAD "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
      ESCERTKE_OK, 2000 },
    { "until the end of the connection", OK_HEAD "Content-Type: application/json\r\n\r\n{}", ESCERTKE_OK, 2000 },
    { "error code",
      "HTTP/1.1 403\r\nX-M2M-RSC: 4106\r\nX-M2M-RI: r1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
      ESCERTKE_OK, 4106 },
    { "status of another kind than the code",
      "HTTP/1.1 500 X\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\n\r\n{}",
      ESCERTKE_OK, 2000 },
    { "nothing", NULL, ESCERTKE_ERR_UNREACHABLE, 0 },
    { "half a status line", "HTTP/1.1 2", ESCERTKE_ERR_UNREACHABLE, 0 },
    { "half the headers", "HTTP/1.1 200 OK\r\nX-M2M-RSC: 20", ESCERTKE_ERR_UNREACHABLE, 0 },
    { "nothing behind a 100", "HTTP/1.1 100 Continue\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\n\r\n", ESCERTKE_ERR_UNREACHABLE, 0 },
    { "half the body", OK_HEAD "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{", ESCERTKE_ERR_UNREACHABLE, 0 },
    { "garbage", "\x16\x03\x03\x00\x05 this is not HTTP at all, really not\r\n\r\n", ESCERTKE_ERR_HTTP, 0 },
    { "garbage in the status", "HTTP/1.1 abc OK\r\nX-M2M-RSC: 2000\r\n\r\n", ESCERTKE_ERR_HTTP, 0 },
    { "bad chunk", OK_HEAD "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
      ESCERTKE_ERR_HTTP, 0 },
    { "redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_HTTP, 0 },
    { "a web server", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", ESCERTKE_ERR_HTTP,
      0 },
    { "no RSC", "HTTP/1.1 200 OK\r\nX-M2M-RI: r1\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_HTTP, 0 },
    { "RSC not a number", "HTTP/1.1 200 OK\r\nX-M2M-RSC: OK\r\nX-M2M-RI: r1\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_HTTP, 0 },
    { "RI of another", "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r2\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_RQI, 0 },
    { "no RI", "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_RQI, 0 },
    { "foreign content", OK_HEAD "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", ESCERTKE_ERR_HTTP, 0 },
    { "content without a type", OK_HEAD "Content-Length: 2\r\n\r\n{}", ESCERTKE_ERR_HTTP, 0 },
};

static void names_every_bad_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct canned server = { .answer = answers[i].answer };
        escertke_primitive rsp;
        escertke_detail d;
        expect_err(answers[i].name, exchange(&server, PATIENCE_S * 1000, &rsp, &d), answers[i].err, &d);
        expect_int(answers[i].name, rsp.rsc, answers[i].rsc);
        if (answers[i].err == ESCERTKE_OK)
            expect_content(answers[i].name, &rsp, "{}");
        else
            assert_true(d.err == answers[i].err && d.reason[0]);
        escertke_primitive_clear(&rsp);
    }
}

static void reads_all_headers_of_a_response(void **state)
{
    struct canned server = { .answer = OK_HEAD "x-m2m-rvi: 3\r\nX-M2M-Origin: /in1/S1\r\nX-M2M-OT: 20260601T120000\r\n"
                                               "X-M2M-RST: 20260601T120030\r\nX-M2M-VSI: v\r\nContent-Length: 0\r\n\r\n" };
    escertke_primitive rsp;
    escertke_detail d;

    (void)state;
    expect_err("headers", exchange(&server, PATIENCE_S * 1000, &rsp, &d), ESCERTKE_OK, &d);
    expect_text("rqi", rsp.rqi, "r1");
    expect_text("rvi", rsp.rvi, "3");
    expect_text("fr", rsp.fr, "/in1/S1");
    expect_text("ot", rsp.ot, "20260601T120000");
    expect_text("rset", rsp.rset, "20260601T120030");
    expect_text("vsi", rsp.vsi, "v");
    assert_int_equal(rsp.op, ESCERTKE_OP_NONE);
    assert_int_equal(rsp.content.len, 0);
    escertke_primitive_clear(&rsp);
}

static void bounds_what_it_takes(void **state)
{
    static const struct {
        const char *name, *head;
        size_t padding;
        const char *tail;
        escertke_err err;
    } cases[] = {
        { "body announced", OK_HEAD "Content-Type: application/json\r\nContent-Length: 204800\r\n\r\n", 204800, "",
          ESCERTKE_ERR_TOO_LARGE },
        { "body not announced", OK_HEAD "Content-Type: application/json\r\n\r\n", 204800, "", ESCERTKE_ERR_TOO_LARGE },
        { "body at the limit", OK_HEAD "Content-Type: application/json\r\nContent-Length: 131072\r\n\r\n", 131072, "",
          ESCERTKE_OK },
        { "header line", OK_HEAD "X-Pad: ", 40000, "\r\nContent-Length: 0\r\n\r\n", ESCERTKE_ERR_TOO_LARGE },
        { "header line past libcurl's limit", OK_HEAD "X-Pad: ", 204800, "\r\nContent-Length: 0\r\n\r\n",
          ESCERTKE_ERR_TOO_LARGE },
        { "header value", "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: ", 5000, "\r\nContent-Length: 0\r\n\r\n",
          ESCERTKE_ERR_HTTP },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t head = strlen(cases[i].head), tail = strlen(cases[i].tail);
        char *answer = malloc(head + cases[i].padding + tail);
        struct canned server = { .answer = answer, .len = head + cases[i].padding + tail };
        escertke_primitive rsp;
        escertke_detail d;

        assert_non_null(answer);
        memcpy(answer, cases[i].head, head);
        memset(answer + head, 'x', cases[i].padding);
        memcpy(answer + head + cases[i].padding, cases[i].tail, tail);
        expect_err(cases[i].name, exchange(&server, PATIENCE_S * 1000, &rsp, &d), cases[i].err, &d);
        escertke_primitive_clear(&rsp);
        free(answer);
    }
}

static void gives_up_in_time(void **state)
{
    static const struct canned cases[] = {
        { .answer = "", .stay = true },                                 /* silence */
        { .answer = "HTTP/1.1 200 OK\r\nX-M2M-RSC: 20", .stay = true }, /* silence in the middle */
        { .answer = JSON_OK, .delay_ms = 3000 },                        /* too late */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct canned server = cases[i];
        escertke_primitive rsp;
        escertke_detail d;
        expect_err("late", exchange(&server, 1000, &rsp, &d), ESCERTKE_ERR_DEADLINE, &d);
        assert_true(d.backend[0]);
        assert_int_equal(rsp.rsc, 0);
        escertke_primitive_clear(&rsp);
    }
}

/* A request that expires while it is on its way is given up then, however patient the client is. */
static void gives_up_at_rqet(void **state)
{
    static const struct {
        const char *rqet; /* relative, ms */
        bool stay;
        escertke_err err;
    } cases[] = { { "-1", false, ESCERTKE_ERR_DEADLINE }, { "1000", true, ESCERTKE_ERR_DEADLINE }, { "60000", false, ESCERTKE_OK } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct canned server = { .answer = cases[i].stay ? "" : JSON_OK, .stay = cases[i].stay };
        escertke_http_client *c = new_client(600 * 1000); /* past what the test may take in all */
        escertke_primitive req, rsp;
        escertke_detail d;
        char base[64];
        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "r1", "{\"m2m:seci\":{}}");
        assert_int_equal(escertke_primitive_set(&req.rqet, escertke_span_str(cases[i].rqet)), ESCERTKE_OK);
        canned_start(&server);
        base_of(&server, "", base, sizeof base);
        expect_err(cases[i].rqet, escertke_http_send(c, base, false, &req, &rsp, &d), cases[i].err, &d);
        canned_stop(&server);
        escertke_http_client_free(c);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
}

static void says_when_nobody_is_there(void **state)
{
    escertke_http_client *c = new_client(PATIENCE_S * 1000);
    struct canned server = { 0 };
    escertke_primitive req, rsp;
    escertke_detail d;
    char base[64];

    (void)state;
    canned_start(&server);
    base_of(&server, "", base, sizeof base);
    canned_stop(&server);
    escertke_detail_init(&d);
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "x", "r1", "{}");
    expect_err("closed port", escertke_http_send(c, base, false, &req, &rsp, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    assert_true(d.backend[0] && strstr(d.reason, base));
    escertke_detail_init(&d);
    expect_err("no such host", escertke_http_send(c, "http://host.invalid", false, &req, &rsp, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    escertke_http_client_free(c);
}

static void refuses_what_it_cannot_send(void **state)
{
    static const struct {
        const char *base, *to, *rqi;
        escertke_op op;
    } cases[] = {
        { "ftp://127.0.0.1", "x", "r1", ESCERTKE_OP_NOTIFY },    { "http://me:secret@127.0.0.1", "x", "r1", ESCERTKE_OP_NOTIFY },
        { "http://127.0.0.1:0", "x", "r1", ESCERTKE_OP_NOTIFY }, { "file:///etc/passwd", "x", "r1", ESCERTKE_OP_RETRIEVE },
        { "http://127.0.0.1", NULL, "r1", ESCERTKE_OP_NOTIFY },  { "http://127.0.0.1", "a//b", "r1", ESCERTKE_OP_NOTIFY },
        { "http://127.0.0.1", "x", NULL, ESCERTKE_OP_NOTIFY },   { "http://127.0.0.1", "x", "r1", ESCERTKE_OP_NONE },
    };
    escertke_http_client *c = new_client(1000);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive req, rsp;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        make_request(&req, cases[i].op, cases[i].to, cases[i].rqi, NULL);
        expect_err(cases[i].base, escertke_http_send(c, cases[i].base, false, &req, &rsp, &d), ESCERTKE_ERR_ARG, &d);
        assert_true(d.reason[0]);
        escertke_primitive_clear(&req);
    }
    escertke_http_client_free(c);
    escertke_http_client_free(NULL);
}

static const struct {
    const char *name, *path, *to, *request_line;
    bool to_ae;
} lines[] = {
    /* R-BH-2, R-BH-7 */
    { "SP-relative", "", "/in1/S5f0e", "POST /~/in1/S5f0e HTTP/1.1\r\n", false },
    { "Absolute", "/", "//m2m.prov.com/in1/-", "POST /_/m2m.prov.com/in1/- HTTP/1.1\r\n", false },
    { "CSE-relative", "", "in1base/x", "POST /in1base/x HTTP/1.1\r\n", false },
    { "CSE with a path", "/onem2m", "/in1/S5f0e", "POST /onem2m/~/in1/S5f0e HTTP/1.1\r\n", false },
    { "AE with a path", "/notify", "/in1/S5f0e", "POST /notify HTTP/1.1\r\n", true },
    { "AE without a path", "", "/in1/S5f0e", "POST /~/in1/S5f0e HTTP/1.1\r\n", true },
};

static void puts_on_the_wire_what_the_standard_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct canned server = { .answer = JSON_OK };
        escertke_http_client *c = new_client(PATIENCE_S * 1000);
        escertke_primitive req, rsp;
        escertke_detail d;
        char base[64], value[100], host[40];

        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        make_request(&req, ESCERTKE_OP_NOTIFY, lines[i].to, "r1", "{\"m2m:seci\":{}}");
        canned_start(&server);
        base_of(&server, lines[i].path, base, sizeof base);
        expect_err(lines[i].name, escertke_http_send(c, base, lines[i].to_ae, &req, &rsp, &d), ESCERTKE_OK, &d);
        canned_stop(&server);
        if (strncmp(server.request, lines[i].request_line, strlen(lines[i].request_line)) != 0)
            fail_msg("%s: %.80s", lines[i].name, server.request);
        snprintf(host, sizeof host, "127.0.0.1:%u", (unsigned)server.port);
        assert_true(header_of(server.request, "Host", value, sizeof value));
        expect_text("Host", value, host);
        assert_true(header_of(server.request, "Content-Type", value, sizeof value));
        expect_text("Content-Type", value, "application/json");
        assert_true(header_of(server.request, "Content-Length", value, sizeof value));
        expect_text("Content-Length", value, "15");
        assert_true(header_of(server.request, "X-M2M-RVI", value, sizeof value));
        assert_false(header_of(server.request, "Expect", value, sizeof value));
        assert_non_null(strstr(server.request, "\r\n\r\n{\"m2m:seci\":{}}"));
        escertke_http_client_free(c);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
}

static void sends_no_type_without_content(void **state)
{
    static const struct {
        escertke_op op;
        const char *line;
    } cases[] = { { ESCERTKE_OP_NOTIFY, "POST /x " }, { ESCERTKE_OP_RETRIEVE, "GET /x " }, { ESCERTKE_OP_DELETE, "DELETE /x " } };
    escertke_http_client *c = new_client(PATIENCE_S * 1000);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct canned server = { .answer = JSON_OK };
        escertke_primitive req, rsp;
        escertke_detail d;
        char base[64], value[100];

        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        make_request(&req, cases[i].op, "x", "r1", NULL);
        canned_start(&server);
        base_of(&server, "", base, sizeof base);
        expect_err(cases[i].line, escertke_http_send(c, base, false, &req, &rsp, &d), ESCERTKE_OK, &d);
        canned_stop(&server);
        assert_int_equal(strncmp(server.request, cases[i].line, strlen(cases[i].line)), 0);
        assert_false(header_of(server.request, "Content-Type", value, sizeof value));
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    escertke_http_client_free(c);
}

/* ---- many threads ------------------------------------------------------------------------------------------ */

static void echo_rqi(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)ctx;
    (void)now;
    rsp->rsc = escertke_buf_append(&rsp->content, req->rqi, strlen(req->rqi)) == ESCERTKE_OK ? 2000 : 5000;
}

struct sender {
    pthread_t thread;
    escertke_http_client *client;
    const char *base;
    int number, wrong;
};

static void *send_many(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < 25; i++) {
        escertke_primitive req, rsp;
        char rqi[32];
        snprintf(rqi, sizeof rqi, "t%d-%d", s->number, i);
        escertke_primitive_init(&req);
        escertke_primitive_init(&rsp);
        req.op = ESCERTKE_OP_NOTIFY;
        if (escertke_primitive_set(&req.to, escertke_span_str("x")) != ESCERTKE_OK ||
            escertke_primitive_set(&req.rqi, escertke_span_str(rqi)) != ESCERTKE_OK ||
            escertke_http_send(s->client, s->base, false, &req, &rsp, NULL) != ESCERTKE_OK || rsp.content.len != strlen(rqi) ||
            memcmp(rsp.content.ptr, rqi, strlen(rqi)) != 0)
            s->wrong++;
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    return NULL;
}

static void serves_many_threads(void **state)
{
    const escertke_http_server_config cfg = { .listen = "http://127.0.0.1:0", .handler = echo_rqi, .threads = 2 };
    escertke_http_client *c = new_client(PATIENCE_S * 1000);
    escertke_http_server *s = NULL;
    struct sender senders[8];

    (void)state;
    assert_int_equal(escertke_http_server_start(&cfg, &s, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(senders); i++) {
        senders[i] = (struct sender){ .client = c, .base = escertke_http_server_url(s), .number = (int)i };
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]), 0);
    }
    for (size_t i = 0; i < COUNT(senders); i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].wrong, 0);
    }
    escertke_http_client_free(c);
    escertke_http_server_stop(s, 1000);
}

/* A connection that the server has closed meanwhile must not cost the next request. */
static void survives_a_connection_closed_between_requests(void **state)
{
    const escertke_http_server_config cfg = { .listen = "http://127.0.0.1:0", .handler = echo_rqi, .timeout_s = 1 };
    escertke_http_client *c = new_client(PATIENCE_S * 1000);
    escertke_http_server *s = NULL;
    struct sender one = { .client = c };

    (void)state;
    assert_int_equal(escertke_http_server_start(&cfg, &s, NULL), ESCERTKE_OK);
    one.base = escertke_http_server_url(s);
    send_many(&one);
    pause_ms(2500);
    send_many(&one);
    assert_int_equal(one.wrong, 0);
    escertke_http_client_free(c);
    escertke_http_server_stop(s, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_bad_answer),
        cmocka_unit_test(reads_all_headers_of_a_response),
        cmocka_unit_test(bounds_what_it_takes),
        cmocka_unit_test(gives_up_in_time),
        cmocka_unit_test(gives_up_at_rqet),
        cmocka_unit_test(says_when_nobody_is_there),
        cmocka_unit_test(refuses_what_it_cannot_send),
        cmocka_unit_test(puts_on_the_wire_what_the_standard_shows),
        cmocka_unit_test(sends_no_type_without_content),
        cmocka_unit_test(serves_many_threads),
        cmocka_unit_test(survives_a_connection_closed_between_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

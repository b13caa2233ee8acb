#include "http_server_support.h"

static void says_nothing(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)ctx;
    (void)req;
    (void)now;
    (void)rsp;
}

static void says_source(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)ctx;
    (void)now;
    rsp->rsc = 2000;
    assert_int_equal(escertke_buf_append(&rsp->content, req->source, strlen(req->source)), ESCERTKE_OK);
}

/* Of the connection, whatever the request says. */
static void knows_who_brought_it(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .handler = says_source });
    char text[2000];

    (void)state;
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "X-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n", text, sizeof text),
                     200);
    assert_non_null(strstr(text, "\r\n\r\n127.0.0.1"));
    escertke_http_server_stop(s, 0);
}

/* ---- operations -------------------------------------------------------------------------------------------- */

static void serves_all_operations(void **state)
{
    static const struct {
        escertke_op op;
        int ty, rsc;
        const char *content, *answer;
    } cases[] = {
        { ESCERTKE_OP_CREATE, 2, 2001, "{\"m2m:ae\":{}}", "op=1 ty=2 to=/in1/x fr=Ca1b2c3 atrl=- rcn=-1 in=13" },
        { ESCERTKE_OP_RETRIEVE, 0, 2000, NULL, "op=2 ty=0 to=/in1/x fr=Ca1b2c3 atrl=esi rcn=1 in=0" },
        { ESCERTKE_OP_UPDATE, 0, 2004, "{}", "op=3 ty=0 to=/in1/x fr=Ca1b2c3 atrl=- rcn=-1 in=2" },
        { ESCERTKE_OP_DELETE, 0, 2002, NULL, "op=4 ty=0 to=/in1/x fr=Ca1b2c3 atrl=- rcn=-1 in=0" },
        { ESCERTKE_OP_NOTIFY, 0, 2000, "{}", "op=5 ty=0 to=/in1/x fr=Ca1b2c3 atrl=- rcn=-1 in=2" },
        { ESCERTKE_OP_NOTIFY, 0, 2000, NULL, "op=5 ty=0 to=/in1/x fr=Ca1b2c3 atrl=- rcn=-1 in=0" },
    };

    (void)state;
    for (unsigned workers = 0; workers <= 2; workers += 2) {
        escertke_http_server *s = start_with((escertke_http_server_config){ .workers = workers });
        escertke_http_client *c = new_client();
        for (size_t i = 0; i < COUNT(cases); i++) {
            escertke_primitive req, rsp;
            escertke_detail d;
            escertke_detail_init(&d);
            escertke_primitive_init(&rsp);
            make_request(&req, cases[i].op, "/in1/x", "r1", cases[i].content);
            req.ty = cases[i].ty;
            if (cases[i].op == ESCERTKE_OP_RETRIEVE) {
                set(&req.atrl, "esi");
                req.rcn = 1;
            }
            expect_err(cases[i].answer, escertke_http_send(c, escertke_http_server_url(s), false, &req, &rsp, &d), ESCERTKE_OK,
                       &d);
            expect_int(cases[i].answer, rsp.rsc, cases[i].rsc);
            expect_content(cases[i].answer, &rsp, cases[i].answer);
            expect_text("rvi", rsp.rvi, "3");
            escertke_primitive_clear(&req);
            escertke_primitive_clear(&rsp);
        }
        escertke_http_client_free(c);
        escertke_http_server_stop(s, 1000);
    }
}

static void answers_as_the_standard_shows(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ 0 });
    char text[4096];

    (void)state;
    assert_int_equal(ask(s,
                         "POST /~/in1/S5f0e HTTP/1.1\r\n" HEAD "Accept: application/json\r\nContent-Type: application/json\r\n"
                         "Content-Length: 2\r\n\r\n{}",
                         text, sizeof text),
                     200);
    expect_header(text, "X-M2M-RSC", "2000");
    expect_header(text, "X-M2M-RI", "r1");
    expect_header(text, "X-M2M-RVI", "3");
    expect_header(text, "Content-Type", "application/json");
    assert_non_null(strstr(text, "\r\n\r\nop=5 ty=0 to=/in1/S5f0e fr=C1 "));
    escertke_http_server_stop(s, 1000);
}

static const struct {
    const char *name, *request;
    int status;
    const char *rsc, *ri;
} refusals[] = {
    { "outside the prefix", "GET /x HTTP/1.1\r\n" HEAD "\r\n", 404, "4004", "r1" },
    { "beside the prefix", "GET /inx HTTP/1.1\r\n" HEAD "\r\n", 404, "4004", "r1" },
    { "method", "PATCH /in/x HTTP/1.1\r\n" HEAD "Content-Length: 0\r\n\r\n", 405, "4005", "r1" },
    { "OPTIONS", "OPTIONS /in/x HTTP/1.1\r\n" HEAD "\r\n", 405, "4005", "r1" },
    { "no RI", "GET /in/x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "4000", NULL },
    { "RI twice", "GET /in/x HTTP/1.1\r\n" HEAD "X-M2M-RI: r2\r\n\r\n", 400, "4000", "r1" },
    { "bad escape", "GET /in/%zz HTTP/1.1\r\n" HEAD "\r\n", 400, "4000", "r1" },
    { "NUL in the path", "GET /in/%00 HTTP/1.1\r\n" HEAD "\r\n", 400, "4000", "r1" },
    { "bad query", "GET /in/x?rcn=foo HTTP/1.1\r\n" HEAD "\r\n", 400, "4000", "r1" },
    { "content type", "POST /in/x HTTP/1.1\r\n" HEAD "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415, "4015",
      "r1" },
    { "no content type", "POST /in/x HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\n{}", 415, "4015", "r1" },
    { "accept", "GET /in/x HTTP/1.1\r\n" HEAD "Accept: text/html\r\n\r\n", 406, "5207", "r1" },
    { "announced too large", "POST /in/x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 101\r\n\r\n", 413,
      "4000", "r1" },
    { "announced absurdly large",
      "POST /in/x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 9000000000000000000\r\n\r\n", 413, "4000",
      "r1" },
    { "too large in pieces",
      "POST /in/x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n"
      "0123456789012345678901234567890123456789012345678901234567890123\r\n40\r\n"
      "0123456789012345678901234567890123456789012345678901234567890123\r\n0\r\n\r\n",
      413, "4000", "r1" },
};

static void refuses_with_the_right_code(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .listen = "http://127.0.0.1:0/in", .max_body = 100 });
    char text[4096], found[100];

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        expect_int(refusals[i].name, ask(s, refusals[i].request, text, sizeof text), refusals[i].status);
        expect_header(text, "X-M2M-RSC", refusals[i].rsc);
        expect_header(text, "X-M2M-RI", refusals[i].ri);
        if (refusals[i].status == 406)
            continue;
        expect_header(text, "Content-Type", "application/json");
        assert_non_null(strstr(text, "\r\n\r\n{\"m2m:dbg\":\""));
    }
    assert_int_equal(ask(s, refusals[2].request, text, sizeof text), 405);
    assert_true(header_of(text, "Allow", found, sizeof found));
    assert_int_equal(atomic_load(&handled), 0);
    escertke_http_server_stop(s, 1000);
}

static void takes_any_path_below_the_prefix(void **state)
{
    static const struct {
        const char *path, *to;
    } cases[] = { { "/notify", "to=- " },
                  { "/notify/", "to=- " },
                  { "/notify/~/in1/S1", "to=/in1/S1 " },
                  { "/notify/in1base/x", "to=in1base/x " } };
    escertke_http_server *s = start_with((escertke_http_server_config){ .listen = "http://127.0.0.1:0/notify/" });
    char text[4096], request[500];

    (void)state;
    assert_non_null(strstr(escertke_http_server_url(s), "/notify"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HEAD "\r\n", cases[i].path);
        assert_int_equal(ask(s, request, text, sizeof text), 200);
        assert_non_null(strstr(text, cases[i].to));
    }
    escertke_http_server_stop(s, 1000);
}

static void sends_no_body_after_head(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ 0 });
    char text[4096];
    int fd = raw_connect(port(s));
    size_t have = 0;
    ssize_t n;

    (void)state;
    raw_send(fd, "HEAD /x HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n");
    while ((n = recv(fd, text + have, sizeof text - have - 1, 0)) > 0)
        have += (size_t)n;
    text[have] = '\0';
    assert_int_equal(atoi(text + 9), 405);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
    escertke_http_server_stop(s, 1000);
}

static void an_unanswered_request_is_5000(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .handler = says_nothing });
    char text[4096];

    (void)state;
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "\r\n", text, sizeof text), 500);
    expect_header(text, "X-M2M-RSC", "5000");
    escertke_http_server_stop(s, 1000);
}

/* ---- limits ------------------------------------------------------------------------------------------------ */

static void limits_headers(void **state)
{
    static char request[70000];
    escertke_http_server *s = start_with((escertke_http_server_config){ 0 });
    char text[4096];
    size_t at = (size_t)snprintf(request, sizeof request, "GET /x HTTP/1.1\r\n" HEAD "X-Pad: ");
    int fd = raw_connect(port(s));
    int status;

    (void)state;
    memset(request + at, 'p', 65000);
    raw_write(fd, request, strlen(request));
    raw_write(fd, "\r\n\r\n", 4);
    status = raw_response(fd, text, sizeof text);
    if (status && status != 431 && status != 413 && status != 414)
        fail_msg("64 KiB of headers: status %d", status);
    close(fd);
    assert_int_equal(atomic_load(&handled), 0);
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "\r\n", text, sizeof text), 200);
    escertke_http_server_stop(s, 1000);
}

static void cuts_off_who_never_stops_sending(void **state)
{
    static char chunk[65536 + 16];
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_body = 1000 });
    int fd = raw_connect(port(s)), sent = 0;
    size_t len = (size_t)snprintf(chunk, sizeof chunk, "10000\r\n");

    (void)state;
    memset(chunk + len, 'x', 65536);
    memcpy(chunk + len + 65536, "\r\n", 2);
    raw_send(fd, "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (sent < 1000 && raw_write(fd, chunk, len + 65536 + 2))
        sent++;
    assert_true(sent < 1000); /* 64 MiB would have gone through */
    close(fd);
    escertke_http_server_stop(s, 1000);
}

static void closes_idle_connections(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .timeout_s = 1 });
    int idle = raw_connect(port(s)), half = raw_connect(port(s)), kept = raw_connect(port(s));
    char text[4096];

    (void)state;
    raw_send(half, "POST /x HTTP/1.1\r\nHost: x\r\nX-M2M-");
    raw_send(kept, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    assert_int_equal(raw_response(kept, text, sizeof text), 200);
    assert_true(raw_closed(idle));
    assert_true(raw_closed(half));
    assert_true(raw_closed(kept));
    close(idle);
    close(half);
    close(kept);
    escertke_http_server_stop(s, 1000);
}

/* A byte now and then is never idle; only the time in all ends it. */
static void ends_requests_that_trickle(void **state)
{
    static const char *const starts[] = { "GET /", "POST /x HTTP/1.1\r\n" HEAD
                                                   "Content-Type: application/json\r\nContent-Length: 90\r\n\r\n{" };
    escertke_http_server *s = start_with((escertke_http_server_config){ .timeout_s = 1 });
    int fds[COUNT(starts)];
    bool ended = false;

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_connect(port(s));
        raw_send(fds[i], starts[i]);
    }
    for (int i = 0; i < 80 && !ended; i++) { /* 90 bytes would be complete after 18 s */
        ended = true;
        for (size_t k = 0; k < COUNT(fds); k++)
            ended = !raw_write(fds[k], "x", 1) && ended;
        pause_ms(200);
    }
    assert_true(ended);
    assert_int_equal(atomic_load(&handled), 0);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    escertke_http_server_stop(s, 1000);
}

static void a_slow_handler_does_not_cost_the_connection(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .timeout_s = 1, .workers = 1 });
    int fd = raw_connect(port(s));
    char text[4096];

    (void)state;
    atomic_store(&sleep_ms, 3500);
    raw_send(fd, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    close(fd);
    escertke_http_server_stop(s, 1000);
}

static void waits_for_the_body_with_100(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_body = 100 });
    int fd = raw_connect(port(s));
    char text[4096];

    (void)state;
    raw_send(fd,
             "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 100);
    raw_send(fd, "{}");
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    raw_send(fd,
             "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 413);
    close(fd);
    escertke_http_server_stop(s, 1000);
}

/* The client still sends when the answer is there already; it must see it, not a reset. */
static void refuses_large_bodies_of_a_real_client(void **state)
{
    static char content[100000];
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_body = 1000 });
    escertke_http_client *c = new_client();

    (void)state;
    memset(content, 'x', sizeof content - 1);
    for (int i = 0; i < 20; i++) {
        escertke_primitive req, rsp;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_primitive_init(&rsp);
        make_request(&req, ESCERTKE_OP_NOTIFY, "x", "r1", content);
        expect_err("large", escertke_http_send(c, escertke_http_server_url(s), false, &req, &rsp, &d), ESCERTKE_OK, &d);
        assert_int_equal(rsp.rsc, 4000);
        escertke_primitive_clear(&req);
        escertke_primitive_clear(&rsp);
    }
    escertke_http_client_free(c);
    escertke_http_server_stop(s, 1000);
}

/* What one reader takes for the body, another could take for the next request. */
static void refuses_two_lengths(void **state)
{
    static const char *const fields[] = { "Content-Length: 2\r\nContent-Length: 40\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
                                          "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" };
    escertke_http_server *s = start_with((escertke_http_server_config){ .threads = 1 });
    char request[512], text[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        int fd = raw_connect(port(s));
        snprintf(request, sizeof request, "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\n%s\r\n{}", fields[i]);
        raw_send(fd, request);
        assert_int_equal(raw_response(fd, text, sizeof text), 400);
        expect_header(text, "X-M2M-RSC", "4000");
        assert_int_equal(recv(fd, text, sizeof text, 0), 0); /* and the connection ends: nobody knows what follows */
        close(fd);
    }
    assert_int_equal(atomic_load(&handled), 0);
    escertke_http_server_stop(s, 1000);
}

static void limits_connections(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_connections = 4, .threads = 1 });
    int fds[4], extra;
    char text[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_connect(port(s));
        raw_send(fds[i], "GET /x HTTP/1.1\r\n" HEAD "\r\n");
        assert_int_equal(raw_response(fds[i], text, sizeof text), 200);
    }
    extra = raw_connect(port(s)); /* the kernel takes it; the server does not answer until another one ends */
    raw_send(extra, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    pause_ms(200);
    assert_int_equal(atomic_load(&handled), 4);
    close(fds[0]);
    assert_int_equal(raw_response(extra, text, sizeof text), 200);
    close(extra);
    for (size_t i = 1; i < COUNT(fds); i++)
        close(fds[i]);
    escertke_http_server_stop(s, 1000);
}

/* ---- connections ------------------------------------------------------------------------------------------- */

static void keeps_connections(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_body = 100 });
    int fd = raw_connect(port(s));
    char text[4096];

    (void)state;
    for (int i = 0; i < 3; i++) {
        raw_send(fd, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
        assert_int_equal(raw_response(fd, text, sizeof text), 200);
    }
    raw_send(fd, "POST //bad HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_int_equal(raw_response(fd, text, sizeof text), 400); /* the body is read: the connection survives a refusal */
    raw_send(fd, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    close(fd);
    escertke_http_server_stop(s, 1000);
}

static void takes_requests_byte_by_byte(void **state)
{
    static const char request[] = "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]";
    escertke_http_server *s = start_with((escertke_http_server_config){ 0 });
    int fd = raw_connect(port(s));
    char text[4096];

    (void)state;
    for (size_t i = 0; request[i]; i++)
        assert_true(raw_write(fd, request + i, 1));
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    assert_non_null(strstr(text, "in=5"));
    close(fd);
    escertke_http_server_stop(s, 1000);
}

static void serves_fifty_connections_at_once(void **state)
{
    (void)state;
    for (unsigned workers = 0; workers <= 4; workers += 4) {
        escertke_http_server *s = start_with((escertke_http_server_config){ .workers = workers, .threads = 2 });
        int fds[50];
        char text[4096];
        for (size_t i = 0; i < COUNT(fds); i++)
            fds[i] = raw_connect(port(s));
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < COUNT(fds); i++)
                raw_send(fds[i], "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
            for (size_t i = 0; i < COUNT(fds); i++)
                assert_int_equal(raw_response(fds[i], text, sizeof text), 200);
        }
        for (size_t i = 0; i < COUNT(fds); i++)
            close(fds[i]);
        assert_int_equal(atomic_load(&handled), 150);
        escertke_http_server_stop(s, 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_who_brought_it),
        cmocka_unit_test(serves_all_operations),
        cmocka_unit_test(answers_as_the_standard_shows),
        cmocka_unit_test(refuses_with_the_right_code),
        cmocka_unit_test(takes_any_path_below_the_prefix),
        cmocka_unit_test(sends_no_body_after_head),
        cmocka_unit_test(an_unanswered_request_is_5000),
        cmocka_unit_test(limits_headers),
        cmocka_unit_test(cuts_off_who_never_stops_sending),
        cmocka_unit_test(closes_idle_connections),
        cmocka_unit_test(ends_requests_that_trickle),
        cmocka_unit_test(a_slow_handler_does_not_cost_the_connection),
        cmocka_unit_test(waits_for_the_body_with_100),
        cmocka_unit_test(refuses_large_bodies_of_a_real_client),
        cmocka_unit_test(refuses_two_lengths),
        cmocka_unit_test(limits_connections),
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(takes_requests_byte_by_byte),
        cmocka_unit_test(serves_fifty_connections_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

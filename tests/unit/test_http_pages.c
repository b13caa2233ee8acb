/* Pages of text: what is asked for, what is not there, and who does not behave. */
#include "binding/http_pages.h"
#include "binding/http_listen.h"

#include "http_support.h"

static void page(void *ctx, const char *path, struct esc_http_page *p)
{
    unsigned *asked = ctx;

    (*asked)++;
    if (strcmp(path, "/metrics") != 0)
        return;
    p->status = 200;
    p->type = "text/plain; version=0.0.4";
    assert_int_equal(escertke_buf_append(&p->body, "a 1\nb 2\n", 8), ESCERTKE_OK);
}

static struct esc_http_pages *start(unsigned *asked, int fd)
{
    const struct esc_http_pages_config cfg = {
        .listen = "http://127.0.0.1:0/metrics", .listen_fd = fd, .page = page, .page_ctx = asked
    };
    struct esc_http_pages *p = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err("start", esc_http_pages_start(&cfg, &p, &d), ESCERTKE_OK, &d);
    return p;
}

static uint16_t port(const struct esc_http_pages *p)
{
    return port_of(esc_http_pages_url(p));
}

static void answers(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *body; /* NULL = none */
        unsigned asked;
    } cases[] = {
        { "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200, "a 1\nb 2\n", 1 },
        { "GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "a 1\nb 2\n", 1 },
        { "GET /metrics HTTP/1.0\r\n\r\n", 200, "a 1\nb 2\n", 1 },
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL, 1 },
        { "GET /metrics/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL, 1 },
        { "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 405, NULL, 0 },
        { "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n", 405, NULL, 0 },
        { "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405, NULL, 0 },
    };
    unsigned asked;
    struct esc_http_pages *p = start(&asked, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        int fd = raw_connect(port(p));
        asked = 0;
        raw_send(fd, cases[i].request);
        int status = raw_response(fd, text, sizeof text);
        const char *body = strstr(text, "\r\n\r\n");
        if (status != cases[i].status || !body || strcmp(body + 4, cases[i].body ? cases[i].body : "") != 0 || asked != cases[i].asked)
            fail_msg("%s: %d, asked %u\n%s", cases[i].request, status, asked, text);
        close(fd);
    }
    esc_http_pages_stop(p);
}

static void head_has_the_length_alone(void **state)
{
    unsigned asked = 0;
    struct esc_http_pages *p = start(&asked, 0);
    char text[4096], length[32];
    int fd = raw_connect(port(p));

    (void)state;
    raw_send(fd, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    size_t have = 0;
    for (ssize_t n; (n = recv(fd, text + have, sizeof text - have - 1, 0)) > 0;)
        have += (size_t)n;
    text[have] = '\0';
    assert_true(header_of(text, "Content-Length", length, sizeof length));
    expect_text("length", length, "8");
    expect_text("body", strstr(text, "\r\n\r\n") + 4, "");
    close(fd);
    esc_http_pages_stop(p);
}

/* More connections than places: those that say nothing give way. */
static void idle_connections_shut_nobody_out(void **state)
{
    enum { IDLE = 40 };
    unsigned asked = 0;
    struct esc_http_pages *p = start(&asked, 0);
    char text[4096];
    int idle[IDLE];

    (void)state;
    for (int i = 0; i < IDLE; i++)
        idle[i] = raw_connect(port(p));
    int fd = raw_connect(port(p));
    raw_send(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    close(fd);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    esc_http_pages_stop(p);
}

static void too_large_headers(void **state)
{
    unsigned asked = 0;
    struct esc_http_pages *p = start(&asked, 0);
    char text[4096], header[40000];
    int fd = raw_connect(port(p));

    (void)state;
    memset(header, 'a', sizeof header);
    raw_send(fd, "GET /metrics HTTP/1.1\r\nX: ");
    (void)raw_write(fd, header, sizeof header);
    assert_true(raw_closed(fd));
    close(fd);
    fd = raw_connect(port(p));
    raw_send(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_response(fd, text, sizeof text), 200);
    assert_int_equal(asked, 1);
    close(fd);
    esc_http_pages_stop(p);
}

static void says_why_it_cannot_start(void **state)
{
    static const struct {
        const char *listen;
        escertke_err expected;
    } cases[] = {
        { "https://127.0.0.1:0/", ESCERTKE_ERR_ARG },
        { "127.0.0.1:0", ESCERTKE_ERR_ARG },
        { "http://192.0.2.1:0/", ESCERTKE_ERR_IO },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct esc_http_pages_config cfg = { .listen = cases[i].listen, .page = page };
        struct esc_http_pages *p;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].listen, esc_http_pages_start(&cfg, &p, &d), cases[i].expected, &d);
        assert_null(p);
        assert_true(d.reason[0]);
    }
    esc_http_pages_stop(NULL);
}

static void takes_a_socket_that_listens(void **state)
{
    unsigned asked = 0;
    int fd = -1;

    (void)state;
    assert_int_equal(escertke_http_listen("http://127.0.0.1:0", &fd, NULL), ESCERTKE_OK);
    uint16_t number = esc_http_bound_port(fd);
    struct esc_http_pages *p = start(&asked, fd);
    assert_int_equal(port(p), number);
    esc_http_pages_stop(p);
    assert_int_equal(raw_try_connect(number), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),           cmocka_unit_test(head_has_the_length_alone), cmocka_unit_test(idle_connections_shut_nobody_out),
        cmocka_unit_test(too_large_headers), cmocka_unit_test(says_why_it_cannot_start),  cmocka_unit_test(takes_a_socket_that_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sockets that listen before the server that uses them is there. */
#include "binding/http_listen.h"

#include "http_server_support.h"

static void listens_at_a_url(void **state)
{
    static const struct {
        const char *url;
        escertke_err expected;
    } cases[] = {
        { "http://127.0.0.1:0/x", ESCERTKE_OK },
        { "https://127.0.0.1:0/", ESCERTKE_OK }, /* of TLS nothing is known yet */
        { "ftp://127.0.0.1:0/", ESCERTKE_ERR_ARG },
        { "http://192.0.2.1:0/", ESCERTKE_ERR_IO }, /* an address that is nobody's */
        { "http://nowhere.invalid:0/", ESCERTKE_ERR_IO },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd = -1;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].url, escertke_http_listen(cases[i].url, &fd, &d), cases[i].expected, &d);
        if (cases[i].expected != ESCERTKE_OK)
            continue;
        assert_true(esc_http_bound_port(fd) > 0);
        int client = raw_connect(esc_http_bound_port(fd));
        close(client);
        close(fd);
    }
}

/* Who connects before the server is there waits, and is answered. */
static void a_server_takes_it_over(void **state)
{
    char text[2000];
    int fd = -1;

    (void)state;
    assert_int_equal(escertke_http_listen("http://127.0.0.1:0", &fd, NULL), ESCERTKE_OK);
    uint16_t number = esc_http_bound_port(fd);
    int early = raw_connect(number);
    raw_send(early, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    escertke_http_server *s = start_with((escertke_http_server_config){ .listen = "http://127.0.0.1:0", .listen_fd = fd });
    assert_int_equal(port(s), number);
    assert_int_equal(raw_response(early, text, sizeof text), 200);
    close(early);
    escertke_http_server_stop(s, 1000);
    assert_int_equal(raw_try_connect(number), -1);
}

static void a_server_that_does_not_start_closes_it(void **state)
{
    escertke_http_server *s = NULL;
    int fd = -1;

    (void)state;
    assert_int_equal(escertke_http_listen("https://127.0.0.1:0", &fd, NULL), ESCERTKE_OK);
    uint16_t number = esc_http_bound_port(fd);
    const escertke_http_server_config cfg = { .listen = "https://127.0.0.1:0", .listen_fd = fd, .handler = echo };
    assert_int_equal(escertke_http_server_start(&cfg, &s, NULL), ESCERTKE_ERR_CREDENTIAL); /* no certificate */
    assert_int_equal(raw_try_connect(number), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(listens_at_a_url), cmocka_unit_test(a_server_takes_it_over),
                                        cmocka_unit_test(a_server_that_does_not_start_closes_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

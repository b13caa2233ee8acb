#include <poll.h>

#include "http_server_support.h"

/* ---- workers and stop -------------------------------------------------------------------------------------- */

/* Twenty requests of 50 ms each over 10 workers: never ten at once would be a pool that works one by one. */
static void runs_blocking_handlers_side_by_side(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .workers = 10, .threads = 1 });
    int fds[20];
    char text[4096];

    (void)state;
    atomic_store(&sleep_ms, 50);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_connect(port(s));
        raw_send(fds[i], "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    }
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_int_equal(raw_response(fds[i], text, sizeof text), 200);
        close(fds[i]);
    }
    assert_true(atomic_load(&most_inside) > 1);
    assert_true(atomic_load(&most_inside) <= 10);
    escertke_http_server_stop(s, 1000);
}

static void a_full_queue_is_503(void **state)
{
    enum { RUNS = 1, WAIT = 16, FULL = 5 };
    escertke_http_server *s = start_with((escertke_http_server_config){ .workers = 1, .threads = 1 });
    struct pollfd fds[RUNS + WAIT + FULL];
    char text[4096];

    (void)state;
    atomic_store(&held, true);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = (struct pollfd){ .fd = raw_connect(port(s)), .events = POLLIN };
        raw_send(fds[i].fd, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
        while (!atomic_load(&inside))
            pause_ms(1);
    }
    for (int full = 0; full < FULL; full++) { /* these answers come while the handler stands still */
        size_t i = 0;
        assert_true(poll(fds, COUNT(fds), PATIENCE_S * 1000) > 0);
        while (!(fds[i].revents & POLLIN))
            i++;
        assert_int_equal(raw_response(fds[i].fd, text, sizeof text), 503);
        expect_header(text, "X-M2M-RSC", "5000");
        close(fds[i].fd);
        fds[i].fd = -1;
    }
    atomic_store(&held, false);
    for (size_t i = 0; i < COUNT(fds); i++) {
        if (fds[i].fd < 0)
            continue;
        assert_int_equal(raw_response(fds[i].fd, text, sizeof text), 200);
        close(fds[i].fd);
    }
    assert_int_equal(atomic_load(&handled), RUNS + WAIT);
    escertke_http_server_stop(s, 1000);
}

static void stop_lets_what_is_being_answered_end(void **state)
{
    (void)state;
    for (unsigned workers = 0; workers <= 1; workers++) {
        escertke_http_server *s = start_with((escertke_http_server_config){ .workers = workers, .threads = 1 });
        int fd = raw_connect(port(s));
        char text[4096];

        atomic_store(&sleep_ms, 300);
        raw_send(fd, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
        while (!atomic_load(&inside))
            pause_ms(1);
        escertke_http_server_stop(s, PATIENCE_S * 1000);
        assert_int_equal(raw_response(fd, text, sizeof text), 200);
        close(fd);
    }
}

static void stop_without_patience_still_ends_cleanly(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .workers = 2, .threads = 2 });
    int fds[20];

    (void)state;
    atomic_store(&sleep_ms, 500);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_connect(port(s));
        raw_send(fds[i], "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    }
    while (!atomic_load(&inside))
        pause_ms(1);
    escertke_http_server_stop(s, 0);
    assert_int_equal(atomic_load(&inside), 0);
    assert_true(atomic_load(&handled) < COUNT(fds));
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_true(raw_closed(fds[i]));
        close(fds[i]);
    }
    escertke_http_server_stop(NULL, 0);
}

static void *stop_in_thread(void *server)
{
    escertke_http_server_stop(server, PATIENCE_S * 1000);
    return NULL;
}

static bool closed_soon(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char c;

    return poll(&p, 1, 100) > 0 && recv(fd, &c, 1, 0) <= 0;
}

static void nobody_comes_in_while_it_drains(void **state)
{
    escertke_http_server *s = start_with((escertke_http_server_config){ .workers = 1, .threads = 1 });
    uint16_t number = port(s);
    int busy = raw_connect(number);
    bool refused = false;
    pthread_t stopper;
    char text[4096];

    (void)state;
    atomic_store(&held, true);
    raw_send(busy, "GET /x HTTP/1.1\r\n" HEAD "\r\n");
    while (!atomic_load(&inside))
        pause_ms(1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, s), 0);
    for (int i = 0; i < 100 && !refused; i++) { /* until the other thread has come so far */
        int late = raw_try_connect(number);
        refused = late < 0 || closed_soon(late);
        if (late >= 0)
            close(late);
    }
    atomic_store(&held, false);
    assert_int_equal(raw_response(busy, text, sizeof text), 200);
    expect_header(text, "Connection", "close");
    pthread_join(stopper, NULL);
    assert_true(refused);
    assert_int_equal(atomic_load(&handled), 1);
    close(busy);
}

/* Stopping races with event loops and workers that are just awake. */
static void starts_and_stops_many_times(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        escertke_http_server *s = start_with((escertke_http_server_config){ .workers = i % 3, .threads = 1 + i % 2 });
        int fds[6];
        for (size_t k = 0; k < COUNT(fds); k++) {
            fds[k] = raw_connect(port(s));
            if (k % 2)
                raw_send(fds[k], "GET /x HTTP/1.1\r\n" HEAD "\r\n");
        }
        escertke_http_server_stop(s, i % 5 ? 0 : 5);
        for (size_t k = 0; k < COUNT(fds); k++)
            close(fds[k]);
    }
}

/* ---- start ------------------------------------------------------------------------------------------------- */

static void says_why_it_cannot_start(void **state)
{
    static const struct {
        const char *listen;
        escertke_err err;
    } cases[] = {
        { "127.0.0.1:80", ESCERTKE_ERR_ARG },
        { "http://127.0.0.1:0/x?y", ESCERTKE_ERR_ARG },
        { "http://u@127.0.0.1:0", ESCERTKE_ERR_ARG },
        { "http://192.0.2.1:0", ESCERTKE_ERR_IO },
        { "https://127.0.0.1:0", ESCERTKE_ERR_CREDENTIAL },
    };
    escertke_http_server *s = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const escertke_http_server_config cfg = { .listen = cases[i].listen, .handler = echo };
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].listen, escertke_http_server_start(&cfg, &s, &d), cases[i].err, &d);
        assert_null(s);
        assert_true(d.reason[0]);
    }
    assert_int_equal(escertke_http_server_start(&(escertke_http_server_config){ .listen = "http://127.0.0.1:0" }, &s, NULL),
                     ESCERTKE_ERR_ARG);
}

static void names_a_port_in_use(void **state)
{
    escertke_http_server *first = start_with((escertke_http_server_config){ 0 }), *second = NULL;
    const escertke_http_server_config cfg = { .listen = escertke_http_server_url(first), .handler = echo };
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    expect_err("in use", escertke_http_server_start(&cfg, &second, &d), ESCERTKE_ERR_IO, &d);
    assert_non_null(strstr(d.reason, strerror(EADDRINUSE)));
    assert_null(second);
    escertke_http_server_stop(first, 1000);
}

static void a_port_is_free_again_after_stop(void **state)
{
    char url[100];
    escertke_http_server *s = start_with((escertke_http_server_config){ 0 });
    char text[4096];

    (void)state;
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "\r\n", text, sizeof text), 200);
    snprintf(url, sizeof url, "%s", escertke_http_server_url(s));
    escertke_http_server_stop(s, 1000);
    s = start_with((escertke_http_server_config){ .listen = url });
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "\r\n", text, sizeof text), 200);
    escertke_http_server_stop(s, 1000);
}

static void listens_on_ipv6(void **state)
{
    const escertke_http_server_config cfg = { .listen = "http://[::1]:0/", .handler = echo };
    escertke_http_server *s = NULL;
    escertke_http_client *c;
    escertke_primitive req, rsp;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    if (escertke_http_server_start(&cfg, &s, &d) == ESCERTKE_ERR_IO && strstr(d.reason, "assign"))
        skip(); /* a machine without IPv6 */
    assert_non_null(s);
    assert_int_equal(strncmp(escertke_http_server_url(s), "http://[::1]:", 13), 0);
    c = new_client();
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "x", "1", "{}");
    escertke_detail_init(&d);
    expect_err("IPv6", escertke_http_send(c, escertke_http_server_url(s), false, &req, &rsp, &d), ESCERTKE_OK, &d);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    escertke_http_client_free(c);
    escertke_http_server_stop(s, 1000);
}

/* At the limit of connections who says nothing gives way; a request that is being answered does not. */
static void idle_connections_shut_nobody_out(void **state)
{
    enum { PLACES = 4, IDLE = 12 };
    escertke_http_server *s = start_with((escertke_http_server_config){ .max_connections = PLACES, .threads = 1, .workers = 2 });
    escertke_http_server_stats stats;
    char text[4096];
    int idle[IDLE], running = raw_connect(port(s));

    (void)state;
    atomic_store(&held, true);
    raw_send(running, "GET /running HTTP/1.1\r\n" HEAD "\r\n");
    while (!atomic_load(&inside))
        pause_ms(1);
    for (int i = 0; i < IDLE; i++)
        idle[i] = raw_connect(port(s));
    do {
        pause_ms(20);
        escertke_http_server_get_stats(s, &stats);
    } while (stats.accepted < IDLE + 1);
    assert_true(stats.crowded_out >= IDLE + 1 - PLACES);
    assert_true(stats.connections <= PLACES);
    assert_int_equal(stats.busy, 1);
    atomic_store(&held, false);
    assert_int_equal(raw_response(running, text, sizeof text), 200);
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\n" HEAD "\r\n", text, sizeof text), 200);
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", text, sizeof text), 400);
    escertke_http_server_get_stats(s, &stats);
    assert_int_equal(stats.responses[1], 2);
    assert_int_equal(stats.responses[3], 1);
    assert_int_equal(stats.too_slow, 0);
    assert_int_equal(stats.turned_away, 0);
    close(running);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    escertke_http_server_stop(s, 1000);
}

/* Clients that close their half behind the request still take the answer, however long that takes. */
static void who_closes_its_half_is_answered(void **state)
{
    enum { CLIENTS = 8 };
    static const char request[] =
        "POST /x HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    char text[4096];
    int fds[CLIENTS];

    (void)state;
    for (unsigned workers = 0; workers < 3; workers++) {
        escertke_http_server *s = start_with((escertke_http_server_config){ .threads = 1, .workers = workers });
        for (int i = 0; i < CLIENTS; i++)
            fds[i] = raw_connect(port(s));
        atomic_store(&held, workers > 0);
        for (int i = 0; i < CLIENTS; i++) {
            raw_send(fds[i], request);
            assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
        }
        while (workers && !atomic_load(&inside))
            pause_ms(1);
        atomic_store(&held, false);
        for (int i = 0; i < CLIENTS; i++) {
            assert_int_equal(raw_response(fds[i], text, sizeof text), 200);
            close(fds[i]);
        }
        escertke_http_server_stop(s, 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_blocking_handlers_side_by_side),
        cmocka_unit_test(a_full_queue_is_503),
        cmocka_unit_test(idle_connections_shut_nobody_out),
        cmocka_unit_test(who_closes_its_half_is_answered),
        cmocka_unit_test(stop_lets_what_is_being_answered_end),
        cmocka_unit_test(stop_without_patience_still_ends_cleanly),
        cmocka_unit_test(nobody_comes_in_while_it_drains),
        cmocka_unit_test(starts_and_stops_many_times),
        cmocka_unit_test(says_why_it_cannot_start),
        cmocka_unit_test(names_a_port_in_use),
        cmocka_unit_test(a_port_is_free_again_after_stop),
        cmocka_unit_test(listens_on_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

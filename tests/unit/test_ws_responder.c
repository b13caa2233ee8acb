/* Requests over a connection: taken, turned away where too many wait, refused, and answered before the end. */
#include "ws_support.h"

static const struct {
    const char *name, *text;
    int rsc;
} refused[] = {
    { "no to", "{\"op\":5,\"fr\":\"Cpanel\",\"rqi\":\"r\",\"rvi\":\"3\"}", 4000 },
    { "no originator", "{\"op\":5,\"to\":\"/in1/Cmeter\",\"rqi\":\"r\",\"rvi\":\"3\"}", 4000 },
    { "a wrong type", "{\"op\":\"5\",\"fr\":\"Cpanel\",\"to\":\"/in1/Cmeter\",\"rqi\":\"r\",\"rvi\":\"3\"}", 4000 },
    { "another operation", "{\"op\":77,\"fr\":\"Cpanel\",\"to\":\"/in1/Cmeter\",\"rqi\":\"r\",\"rvi\":\"3\"}", 4000 },
};

static const char *const ignored[] = { "", "{", "[]", "null", "{\"op\":5}", "{\"rqi\":7}", "{\"rsc\":2000,\"rqi\":\"nobody's\"}" };

static void refuses_what_it_cannot_read(void **state)
{
    escertke_ws_server *s = start_server();
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, refused[i].text, strlen(refused[i].text), true));
        expect_int(refused[i].name, peer_gets(fd, "r"), refused[i].rsc);
    }
    for (size_t i = 0; i < COUNT(ignored); i++)
        assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, ignored[i], strlen(ignored[i]), true));
    assert_true(peer_requests(fd, "Cpanel", "next"));
    expect_int("the next", peer_gets(fd, "next"), 2000);
    expect_int("entered", atomic_load(&entered), 1);
    assert_in_range(server_stats(s).ignored, COUNT(ignored) - 1, COUNT(ignored)); /* an empty message need not be one */
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

static void answers_in_any_order(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .workers = 1 });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    char rqi[8];

    (void)state;
    for (int i = 0; i < 8; i++) { /* more than one at once, over one connection */
        snprintf(rqi, sizeof rqi, "r%d", i);
        assert_true(peer_requests(fd, "Cpanel", rqi));
    }
    for (int i = 0; i < 8; i++) {
        snprintf(rqi, sizeof rqi, "r%d", i);
        expect_int(rqi, peer_gets(fd, rqi), 2000);
    }
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* With one worker 16 may wait: 8 of one connection, and past that of nobody. */
static void turns_away_what_is_too_much(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .workers = 1 });
    int fds[4];
    char rqi[12];

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = ws_peer_open(port_of(s), "/", "oneM2M.json");
    atomic_store(&held, true);
    for (int i = 0; i < 8; i++) {
        snprintf(rqi, sizeof rqi, "r%d", i);
        assert_true(peer_requests(fds[0], "Cpanel", rqi));
    }
    eventually(atomic_load(&entered) == 1 && server_stats(s).requests == 8);
    assert_true(peer_requests(fds[0], "Cpanel", "greedy"));
    expect_int("the ninth", peer_gets(fds[0], "greedy"), 5000);
    for (int i = 0; i < 8; i++)
        assert_true(peer_requests(fds[1], "Cpanel", "another's"));
    eventually(server_stats(s).requests == 17);
    assert_true(peer_requests(fds[2], "Cpanel", "last"));
    eventually(server_stats(s).requests == 18);
    assert_true(peer_requests(fds[3], "Cpanel", "late"));
    expect_int("past all", peer_gets(fds[3], "late"), 5000);
    expect_int("turned away", (long)server_stats(s).turned_away, 2);
    atomic_store(&held, false);
    for (int i = 0; i < 8; i++) {
        snprintf(rqi, sizeof rqi, "r%d", i);
        expect_int(rqi, peer_gets(fds[0], rqi), 2000);
        expect_int("another's", peer_gets(fds[1], "another's"), 2000);
    }
    expect_int("last", peer_gets(fds[2], "last"), 2000);
    for (size_t i = 0; i < COUNT(fds); i++)
        ws_peer_close(fds[i]);
    escertke_ws_server_stop(s, 0);
}

static void *release(void *arg)
{
    (void)arg;
    pause_ms(300);
    atomic_store(&held, false);
    return NULL;
}

/* What runs is answered, what waits is refused, then it says that it goes. */
static void answers_before_it_ends(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .workers = 1 });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    pthread_t thread;

    (void)state;
    atomic_store(&held, true);
    assert_true(peer_requests(fd, "Cpanel", "r1"));
    eventually(atomic_load(&entered) == 1);
    assert_true(peer_requests(fd, "Cpanel", "r2"));
    eventually(server_stats(s).requests == 2);
    assert_int_equal(pthread_create(&thread, NULL, release, NULL), 0);
    escertke_ws_server_stop(s, 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_int("waited", peer_gets(fd, "r2"), 5000);
    expect_int("ran", peer_gets(fd, "r1"), 2000);
    expect_int("farewell", ws_peer_end(fd, PATIENCE_MS), 1001);
    ws_peer_close(fd);
}

static void silent(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)ctx;
    (void)req;
    (void)now;
    (void)rsp;
}

static void answers_for_a_handler_that_does_not(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .handler = silent });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(peer_requests(fd, "Cpanel", "r1"));
    expect_int("unanswered", peer_gets(fd, "r1"), 5000);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* An answer to who has gone is nobody's, and does no harm. */
static void survives_who_does_not_wait(void **state)
{
    escertke_ws_server *s = start_server();

    (void)state;
    atomic_store(&held, true);
    for (int i = 0; i < 4; i++) {
        int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
        assert_true(peer_requests(fd, "Cpanel", "r1"));
        eventually(atomic_load(&entered) == (unsigned)i + 1);
        ws_peer_close(fd);
    }
    eventually(server_stats(s).open == 0);
    atomic_store(&held, false);
    eventually(atomic_load(&handled) == 4);
    escertke_ws_server_stop(s, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_what_it_cannot_read, reset),
        cmocka_unit_test_setup(answers_in_any_order, reset),
        cmocka_unit_test_setup(turns_away_what_is_too_much, reset),
        cmocka_unit_test_setup(answers_before_it_ends, reset),
        cmocka_unit_test_setup(answers_for_a_handler_that_does_not, reset),
        cmocka_unit_test_setup(survives_who_does_not_wait, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

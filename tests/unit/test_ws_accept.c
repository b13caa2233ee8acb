/* Who comes in, and which handshakes a server refuses. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "ws_support.h"

#define START "GET /in HTTP/1.1\r\nHost: cse.example:7\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define JSON "Sec-WebSocket-Protocol: oneM2M.json\r\n"
#define END "\r\n"
#define HUNDRED "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define SIX_HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

enum { ENDED = 0 }; /* by the library, which finds no words for it */

static const struct {
    const char *name, *head;
    int status;
    const char *says;
} handshakes[] = {
    { "in order", START UPGRADE VERSION JSON END, 101, "oneM2M.json" },
    { "with a slash behind the path", "GET /in/ HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 101, "oneM2M.json" },
    { "the first that it has", START UPGRADE VERSION "Sec-WebSocket-Protocol: chat, oneM2M.json\r\n" END, 101, "oneM2M.json" },
    { "in two headers", START UPGRADE VERSION "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: oneM2M.json\r\n" END, 101, "oneM2M.json" },
    { "a page of this host", START UPGRADE VERSION JSON "Origin: http://CSE.example:7\r\n" END, 101, "oneM2M.json" },
    { "extensions are not taken", START UPGRADE VERSION JSON "Sec-WebSocket-Extensions: permessage-deflate\r\n" END, 101, "oneM2M.json" },
    { "no subprotocol", START UPGRADE VERSION END, 400, "" },
    { "another subprotocol", START UPGRADE VERSION "Sec-WebSocket-Protocol: chat\r\n" END, 400, "" },
    { "a subprotocol of nobody's", START UPGRADE VERSION "Sec-WebSocket-Protocol: \r\n" END, 400, "" },
    { "in other case", START UPGRADE VERSION "Sec-WebSocket-Protocol: ONEM2M.JSON\r\n" END, 400, "" },
    { "too long a list", START UPGRADE VERSION "Sec-WebSocket-Protocol: " SIX_HUNDRED ", oneM2M.json\r\n" END, 400, "" },
    { "the library's own", START UPGRADE VERSION "Sec-WebSocket-Protocol: escertke\r\n" END, 400, "" },
    { "another path", "GET /i HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 404, "" },
    { "a longer path", "GET /in/x HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 404, "" },
    { "a path by detours", "GET /x/../in HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 101, "oneM2M.json" },
    { "too long a path", "GET /in/" SIX_HUNDRED " HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 404, "" },
    { "a page of another host", START UPGRADE VERSION JSON "Origin: http://evil.example\r\n" END, 403, "" },
    { "a page of another port", START UPGRADE VERSION JSON "Origin: http://cse.example\r\n" END, 403, "" },
    { "a page of nowhere", START UPGRADE VERSION JSON "Origin: null\r\n" END, 403, "" },
    { "a page that is long", START UPGRADE VERSION JSON "Origin: http://" SIX_HUNDRED "\r\n" END, 403, "" },
    { "another upgrade", START "Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION JSON END, 400, "" },
    { "no upgrade", START END, 400, "TS-0020" },
    { "another method", "POST /in HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, 405, "" },
    { "another method with a content", "POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" UPGRADE VERSION JSON END "abc", 405, "" },
    { "an older version", START UPGRADE "Sec-WebSocket-Version: 8\r\n" JSON END, 400, "" },
    { "a newer version", START UPGRADE "Sec-WebSocket-Version: 14\r\n" JSON END, 400, "" },
    { "no version", START UPGRADE JSON END, 400, "" },
    { "no key", START "Upgrade: websocket\r\nConnection: Upgrade\r\n" VERSION JSON END, ENDED, "" },
    { "no host", "GET /in HTTP/1.1\r\n" UPGRADE VERSION JSON END, ENDED, "" },
    { "no HTTP", "\x16\x03\x01\x02" END END, 403, "" },
};

static void refuses_handshakes(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .listen = "ws://127.0.0.1:0/in" });
    const char *slash = strrchr(escertke_ws_server_url(s), ':');
    unsigned port = (unsigned)strtoul(slash + 1, NULL, 10);
    char answer[2000] = "";

    (void)state;
    for (size_t i = 0; i < COUNT(handshakes); i++) {
        int fd = ws_peer_connect(port);
        int status = ws_peer_ask(fd, handshakes[i].head, answer, sizeof answer);
        expect_int(handshakes[i].name, status, handshakes[i].status);
        if (status == 101 && (!strstr(answer, handshakes[i].says) || strstr(answer, "deflate")))
            fail_msg("%s: %s", handshakes[i].name, answer);
        ws_peer_close(fd);
    }
    int fd = ws_peer_open(port, "/in", "oneM2M.json"); /* after all that */
    assert_true(peer_requests(fd, "Cpanel", "r1"));
    expect_int("answer", peer_gets(fd, "r1"), 2000);
    ws_peer_close(fd);
    eventually(server_stats(s).open == 0);
    escertke_ws_server_stop(s, 0);
}

/* Half a handshake holds nobody up, and is not waited for. */
static void ends_handshakes_that_do_not_end(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .timeout_s = 1 });
    int fds[60];

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = ws_peer_connect(port_of(s));
        assert_true(ws_peer_say(fds[i], START, i % 2 ? strlen(START) : 0));
    }
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    assert_true(peer_requests(fd, "Cpanel", "r1"));
    expect_int("answer", peer_gets(fd, "r1"), 2000);
    for (size_t i = 0; i < COUNT(fds); i++) {
        expect_int("ended", ws_peer_end(fds[i], PATIENCE_MS), WS_ENDED);
        ws_peer_close(fds[i]);
    }
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* Past the limit the one goes that has been silent longest; who is being answered stays. */
static void makes_room(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .max_connections = 3 });
    int busy = ws_peer_open(port_of(s), "/", "oneM2M.json"), fds[4];

    (void)state;
    atomic_store(&held, true);
    assert_true(peer_requests(busy, "Cpanel", "r1"));
    eventually(atomic_load(&entered) == 1);
    for (size_t i = 0; i < COUNT(fds); i++) {
        pause_ms(5);
        fds[i] = ws_peer_open(port_of(s), "/", "oneM2M.json");
    }
    expect_int("the first", ws_peer_end(fds[0], PATIENCE_MS), WS_ENDED);
    expect_int("the second", ws_peer_end(fds[1], PATIENCE_MS), WS_ENDED);
    expect_int("the last but one", ws_peer_end(fds[2], 50), WS_STILL_OPEN);
    eventually(server_stats(s).open == 3);
    atomic_store(&held, false);
    expect_int("who was busy", peer_gets(busy, "r1"), 2000);
    ws_peer_close(busy);
    for (size_t i = 0; i < COUNT(fds); i++)
        ws_peer_close(fds[i]);
    escertke_ws_server_stop(s, 0);
}

/* Where all are busy there is no room. */
static void turns_away_past_the_limit(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .max_connections = 2 });
    int fds[2];

    (void)state;
    atomic_store(&held, true);
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = ws_peer_open(port_of(s), "/", "oneM2M.json");
        assert_true(peer_requests(fds[i], "Cpanel", "r1"));
    }
    eventually(atomic_load(&entered) == COUNT(fds));
    int more = ws_peer_connect(port_of(s));
    expect_int("one more", ws_peer_end(more, PATIENCE_MS), WS_ENDED);
    atomic_store(&held, false);
    for (size_t i = 0; i < COUNT(fds); i++) {
        expect_int("still there", peer_gets(fds[i], "r1"), 2000);
        ws_peer_close(fds[i]);
    }
    ws_peer_close(more);
    escertke_ws_server_stop(s, 0);
}

/* Without descriptors nobody is taken, and it does not go round and round; then who waits is. */
static void waits_for_descriptors(void **state)
{
    escertke_ws_server *s = start_server();
    struct rlimit before, none;
    struct timespec from, to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(s)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)fd + 1; /* it got the lowest that was free */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    pause_ms(1000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    long busy_ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    if (busy_ms > 150)
        fail_msg("busy for %ld of 1000 ms", busy_ms);
    expect_int("answer", ws_peer_ask(fd, "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION JSON END, NULL, 0), 101);
    assert_true(peer_requests(fd, "Cpanel", "r1"));
    expect_int("answer", peer_gets(fd, "r1"), 2000);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_handshakes, reset),
        cmocka_unit_test_setup(ends_handshakes_that_do_not_end, reset),
        cmocka_unit_test_setup(makes_room, reset),
        cmocka_unit_test_setup(turns_away_past_the_limit, reset),
        cmocka_unit_test_setup(waits_for_descriptors, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A client's connection: what is refused before it begins, what a server may answer, and how it is made again. */
#include "ws_support.h"

static const struct {
    const char *name;
    escertke_ws_client_config cfg;
    escertke_err err;
} refused[] = {
    { "no URL", { 0 }, ESCERTKE_ERR_ARG },
    { "another scheme", { .url = "http://127.0.0.1" }, ESCERTKE_ERR_ARG },
    { "no port", { .url = "ws://127.0.0.1:0" }, ESCERTKE_ERR_ARG },
    { "a fragment", { .url = "ws://127.0.0.1/#a" }, ESCERTKE_ERR_ARG },
    { "a user", { .url = "ws://me@127.0.0.1/" }, ESCERTKE_ERR_ARG },
    { "an unknown serialization", { .url = "ws://127.0.0.1/", .format = (escertke_format)77 }, ESCERTKE_ERR_UNSUPPORTED },
    { "certificate alone", { .url = "wss://127.0.0.1/", .tls_cert = { (const uint8_t *)"x", 1 } }, ESCERTKE_ERR_CREDENTIAL },
    { "anchors", { .url = "wss://127.0.0.1/", .tls_trust = { (const uint8_t *)"x", 1 } }, ESCERTKE_ERR_CREDENTIAL },
};

static void refuses_what_cannot_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        escertke_ws_client *c = NULL;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(refused[i].name, escertke_ws_client_start(&refused[i].cfg, &c, &d), refused[i].err, &d);
        assert_null(c);
    }
}

/* What a server says to a handshake, and what the client says of it. */
static const struct {
    const char *name;
    const char *subprotocol; /* chosen; NULL with answer: that is all */
    const char *answer;      /* instead of a welcome; "" = it closes */
    const char *words;
} servers[] = {
    { "another subprotocol", "chat", NULL, "PROTOCOL" },
    { "in other case", "onem2m.json", NULL, "PROTOCOL" },
    { "no subprotocol", NULL, NULL, "subprotocol" },
    { "closes", NULL, "", "no connection" },
    { "404", NULL, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "not 101" },
    { "no upgrade", NULL, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not 101" },
    { "a wrong key", NULL, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n"
      "Sec-WebSocket-Protocol: oneM2M.json\r\n\r\n", "no connection" },
    { "no HTTP", NULL, "hello\r\n\r\n", "no connection" },
};

static void takes_no_other_server(void **state)
{
    static char head[4000];
    char url[40];
    unsigned port;
    int listener = ws_peer_listen(&port);

    (void)state;
    url_of(port, url);
    for (size_t i = 0; i < COUNT(servers); i++) {
        escertke_ws_client *c = start_client_with((escertke_ws_client_config){ .connect_timeout_ms = 1500 }, url);
        struct sending sent = { .by = c, .rqi = "r1" };
        begin_sending(&sent);
        int fd = ws_peer_accept(listener);
        ws_peer_heard(fd, head, sizeof head);
        assert_non_null(strstr(head, "Sec-WebSocket-Protocol: oneM2M.json"));
        if (servers[i].answer)
            (void)ws_peer_say(fd, servers[i].answer, strlen(servers[i].answer));
        else
            ws_peer_welcome(fd, head, servers[i].subprotocol);
        if (!servers[i].answer || servers[i].answer[0])
            (void)ws_peer_end(fd, PATIENCE_MS);
        ws_peer_close(fd);
        ws_peer_close(listener); /* what it tries next comes to nothing */
        assert_int_equal(pthread_join(sent.thread, NULL), 0);
        expect_err(servers[i].name, sent.err, ESCERTKE_ERR_UNREACHABLE, &sent.d);
        expect_int(servers[i].name, (long)client_stats(c).connections, 0);
        escertke_ws_client_stop(c, 0);
        listener = ws_peer_listen(&port);
        url_of(port, url);
    }
    ws_peer_close(listener);
}

/* What is told of each attempt. */
struct states {
    pthread_mutex_t lock;
    unsigned ups, downs;
    char first[200]; /* why it was down */
};

static void on_state(void *ctx, bool up, const char *why)
{
    struct states *s = ctx;

    pthread_mutex_lock(&s->lock);
    if (up)
        s->ups++;
    else if (s->downs++ == 0)
        snprintf(s->first, sizeof s->first, "%s", why);
    pthread_mutex_unlock(&s->lock);
}

static unsigned downs(struct states *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned count = s->downs;
    pthread_mutex_unlock(&s->lock);
    return count;
}

static void says_why_there_is_no_connection(void **state)
{
    static char head[4000];

    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        struct states states = { .lock = PTHREAD_MUTEX_INITIALIZER };
        char url[40];
        unsigned port;
        int listener = ws_peer_listen(&port);
        url_of(port, url);
        escertke_ws_client *c = start_client_with((escertke_ws_client_config){ .handler = echo, .on_state = on_state, .state_ctx = &states }, url);
        int fd = ws_peer_accept(listener);
        ws_peer_heard(fd, head, sizeof head);
        if (servers[i].answer)
            (void)ws_peer_say(fd, servers[i].answer, strlen(servers[i].answer));
        else
            ws_peer_welcome(fd, head, servers[i].subprotocol);
        if (!servers[i].answer || servers[i].answer[0])
            (void)ws_peer_end(fd, PATIENCE_MS);
        ws_peer_close(fd);
        eventually(downs(&states) > 0);
        ws_peer_close(listener);
        escertke_ws_client_stop(c, 0);
        expect_int(servers[i].name, states.ups, 0);
        if (!strstr(states.first, servers[i].words))
            fail_msg("%s: \"%s\" expected in \"%s\"", servers[i].name, servers[i].words, states.first);
    }
}

/* Who takes the connection and says nothing is given up in time. */
static void waits_no_longer(void **state)
{
    escertke_detail d;
    unsigned port;
    int listener = ws_peer_listen(&port), rsc;
    char url[40];

    (void)state;
    url_of(port, url);
    escertke_ws_client *c = start_client_with((escertke_ws_client_config){ .connect_timeout_ms = 500 }, url);
    uint64_t began = mono_ms();
    expect_err("silent", notify_from(c, "Cpanel", "r1", &rsc, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    assert_in_range(mono_ms() - began, 499, PATIENCE_MS);
    int fd = ws_peer_accept(listener);
    expect_int("given up", ws_peer_end(fd, PATIENCE_MS), WS_ENDED);
    ws_peer_close(fd);
    ws_peer_close(listener);
    escertke_ws_client_stop(c, 0);
}

static void serve_one(int listener, int *fd)
{
    static char head[4000];

    *fd = ws_peer_accept(listener);
    ws_peer_heard(*fd, head, sizeof head);
    ws_peer_welcome(*fd, head, "oneM2M.json");
}

/* A client's frames are masked, with another mask each; the serialization is the server's choice. */
static void sends_as_the_standard_says(void **state)
{
    static struct ws_frame f;
    unsigned port;
    int listener = ws_peer_listen(&port), fd;
    char url[40];

    (void)state;
    url_of(port, url);
    escertke_ws_client *c = start_client(url);
    struct sending sent = { .by = c, .rqi = "r1" };
    begin_sending(&sent);
    serve_one(listener, &fd);
    assert_true(ws_peer_next(fd, &f));
    expect_int("text, whole", f.first, WS_FIN | WS_TEXT);
    assert_true(f.masked);
    assert_non_null(strstr((const char *)f.data, "\"rqi\":\"r1\""));
    /* libwebsockets 4.1 takes a server's frame with a mask, too. */
    assert_true(peer_answers(fd, "r1", true));
    expect_sent(&sent, ESCERTKE_OK, 2000);
    escertke_ws_client_stop(c, 0);
    expect_int("farewell", ws_peer_end(fd, PATIENCE_MS), 1001);
    ws_peer_close(fd);
    ws_peer_close(listener);
}

static void answers_over_its_connection(void **state)
{
    const char *request = "{\"op\":5,\"fr\":\"/in1\",\"to\":\"/in1/Cmeter\",\"rqi\":\"r7\",\"rvi\":\"3\",\"pc\":" SECI "}";
    unsigned port;
    int listener = ws_peer_listen(&port), fd;
    char url[40];

    (void)state;
    url_of(port, url);
    escertke_ws_client *c = start_client_with((escertke_ws_client_config){ .handler = echo }, url);
    serve_one(listener, &fd);
    assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, request, strlen(request), false));
    expect_int("answer", peer_gets(fd, "r7"), 2000);
    ws_peer_close(fd);
    escertke_ws_client_stop(c, 0);
    c = start_client(url); /* without a handler */
    struct sending sent = { .by = c, .rqi = "r1" };
    begin_sending(&sent);
    serve_one(listener, &fd);
    peer_is_asked(fd, "r1");
    assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, request, strlen(request), false));
    expect_int("not implemented", peer_gets(fd, "r7"), 5001);
    assert_true(peer_answers(fd, "r1", false));
    expect_sent(&sent, ESCERTKE_OK, 2000);
    ws_peer_close(fd);
    ws_peer_close(listener);
    escertke_ws_client_stop(c, 0);
}

/* A server that no longer answers pings is left, and looked for again; so is one that says that it goes. */
static void comes_back(void **state)
{
    struct states states = { .lock = PTHREAD_MUTEX_INITIALIZER };
    unsigned port;
    int listener = ws_peer_listen(&port), fd;
    char url[40];

    (void)state;
    url_of(port, url);
    escertke_ws_client *c = start_client_with(
        (escertke_ws_client_config){ .handler = echo, .keepalive_s = 1, .on_state = on_state, .state_ctx = &states }, url);
    serve_one(listener, &fd);
    expect_int("left", ws_peer_end(fd, PATIENCE_MS), WS_ENDED); /* pings are read, and not answered */
    ws_peer_close(fd);
    serve_one(listener, &fd);
    assert_true(ws_peer_frame(fd, WS_FIN | WS_CLOSE, "\x03\xe9", 2, false));
    expect_int("farewell is returned", ws_peer_end(fd, PATIENCE_MS), 1001);
    ws_peer_close(fd);
    serve_one(listener, &fd);
    eventually(client_stats(c).connections == 3);
    expect_int("downs", downs(&states), 2);
    ws_peer_close(fd);
    ws_peer_close(listener);
    escertke_ws_client_stop(c, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_what_cannot_work, reset),
        cmocka_unit_test_setup(takes_no_other_server, reset),
        cmocka_unit_test_setup(says_why_there_is_no_connection, reset),
        cmocka_unit_test_setup(waits_no_longer, reset),
        cmocka_unit_test_setup(sends_as_the_standard_says, reset),
        cmocka_unit_test_setup(answers_over_its_connection, reset),
        cmocka_unit_test_setup(comes_back, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Requests out over a connection: each gets its own response, in time, or is told why not. */
#include "ws_support.h"

/* A client, and a server that only the test speaks for. */
struct pair {
    escertke_ws_client *c;
    int listener, fd;
};

static void accept_client(struct pair *p)
{
    static char head[4000];

    p->fd = ws_peer_accept(p->listener);
    ws_peer_heard(p->fd, head, sizeof head);
    ws_peer_welcome(p->fd, head, "oneM2M.json");
}

/* With a handler, so that it connects at once. */
static void begin(struct pair *p, escertke_ws_client_config cfg)
{
    escertke_detail d;
    unsigned port;
    char url[40];

    p->listener = ws_peer_listen(&port);
    url_of(port, url);
    cfg.handler = echo;
    p->c = start_client_with(cfg, url);
    accept_client(p);
    escertke_detail_init(&d);
    expect_err("wait", escertke_ws_client_wait(p->c, PATIENCE_MS, &d), ESCERTKE_OK, &d);
}

static void finish(struct pair *p)
{
    ws_peer_close(p->fd);
    ws_peer_close(p->listener);
    escertke_ws_client_stop(p->c, 0);
}

static void gives_each_its_own(void **state)
{
    struct sending sent[6] = { { .rqi = "a" }, { .rqi = "b" }, { .rqi = "c" }, { .rqi = "d" }, { .rqi = "e" }, { .rqi = "f" } };
    struct pair p;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    for (size_t i = 0; i < COUNT(sent); i++) {
        sent[i].by = p.c;
        begin_sending(&sent[i]);
        peer_is_asked(p.fd, sent[i].rqi);
    }
    for (size_t i = COUNT(sent); i-- > 0;)
        assert_true(peer_answers(p.fd, sent[i].rqi, false));
    for (size_t i = 0; i < COUNT(sent); i++)
        expect_sent(&sent[i], ESCERTKE_OK, 2000);
    assert_true(peer_answers(p.fd, "a", false)); /* once more */
    eventually(client_stats(p.c).ignored == 1);
    finish(&p);
}

static void waits_no_longer(void **state)
{
    struct pair p;
    escertke_detail d;
    int rsc;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = 200 });
    uint64_t began = mono_ms();
    expect_err("silence", notify_from(p.c, "Cpanel", "r1", &rsc, &d), ESCERTKE_ERR_DEADLINE, &d);
    assert_in_range(mono_ms() - began, 199, PATIENCE_MS);
    peer_is_asked(p.fd, "r1");
    assert_true(peer_answers(p.fd, "r1", false)); /* late */
    eventually(client_stats(p.c).ignored == 1);
    finish(&p);
}

static const struct {
    const char *name, *text;
    escertke_err err;
} responses[] = {
    { "in order", "{\"rsc\":2000,\"rqi\":\"r1\"}", ESCERTKE_OK },
    { "an error", "{\"rsc\":4004,\"rqi\":\"r1\"}", ESCERTKE_OK },
    { "no number", "{\"rsc\":\"x\",\"rqi\":\"r1\"}", ESCERTKE_ERR_PRIMITIVE },
    { "neither", "{\"rqi\":\"r1\"}", ESCERTKE_ERR_PRIMITIVE },
};

static void reads_responses(void **state)
{
    struct pair p;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    for (size_t i = 0; i < COUNT(responses); i++) {
        struct sending sent = { .by = p.c, .rqi = "r1" };
        begin_sending(&sent);
        peer_is_asked(p.fd, "r1");
        assert_true(ws_peer_frame(p.fd, WS_FIN | WS_TEXT, responses[i].text, strlen(responses[i].text), false));
        assert_int_equal(pthread_join(sent.thread, NULL), 0);
        expect_err(responses[i].name, sent.err, responses[i].err, &sent.d);
    }
    finish(&p);
}

/* A response in fragments, with a ping between them. */
static void reads_fragments(void **state)
{
    static struct ws_frame f;
    struct sending sent = { .rqi = "r1" };
    struct pair p;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    sent.by = p.c;
    begin_sending(&sent);
    peer_is_asked(p.fd, "r1");
    assert_true(ws_peer_frame(p.fd, WS_TEXT, "{\"rsc\":20", 9, false));
    assert_true(ws_peer_frame(p.fd, WS_FIN | WS_PING, "?", 1, false));
    assert_true(ws_peer_frame(p.fd, WS_CONTINUES, "", 0, false));
    assert_true(ws_peer_next(p.fd, &f));
    expect_int("pong", f.first, WS_FIN | WS_PONG);
    assert_true(f.masked);
    assert_true(ws_peer_frame(p.fd, WS_FIN | WS_CONTINUES, "00,\"rqi\":\"r1\"}", 14, false));
    expect_sent(&sent, ESCERTKE_OK, 2000);
    finish(&p);
}

/* A connection that is lost in the middle of a request ends it; the next request goes over the next connection. */
static void ends_with_its_connection(void **state)
{
    struct sending sent = { .rqi = "r1" }, next = { .rqi = "r2" };
    struct pair p;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    sent.by = next.by = p.c;
    begin_sending(&sent);
    peer_is_asked(p.fd, "r1");
    ws_peer_close(p.fd);
    expect_sent(&sent, ESCERTKE_ERR_UNREACHABLE, 0);
    assert_non_null(strstr(sent.d.reason, "lost before the response"));
    begin_sending(&next);
    accept_client(&p);
    peer_is_asked(p.fd, "r2"); /* and not r1 again */
    assert_true(peer_answers(p.fd, "r2", false));
    expect_sent(&next, ESCERTKE_OK, 2000);
    expect_int("connections", (long)client_stats(p.c).connections, 2);
    finish(&p);
}

static void tells_originators_apart(void **state)
{
    struct sending first = { .rqi = "r1", .fr = "Ca" }, again = { .rqi = "r1", .fr = "Ca" };
    struct pair p;
    escertke_detail d;
    int rsc;

    (void)state;
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    first.by = again.by = p.c;
    begin_sending(&first);
    peer_is_asked(p.fd, "r1");
    expect_err("another's", notify_from(p.c, "Cb", "r1", &rsc, &d), ESCERTKE_ERR_LIMIT, &d);
    begin_sending(&again);
    peer_is_asked(p.fd, "r1");
    assert_true(peer_answers(p.fd, "r1", false));
    assert_true(peer_answers(p.fd, "r1", false));
    expect_sent(&first, ESCERTKE_OK, 2000);
    expect_sent(&again, ESCERTKE_OK, 2000);
    finish(&p);
}

/* What a server sends that is too long, or of the wrong kind, it is told. */
static void refuses_what_a_server_sends(void **state)
{
    static char blank[300000];
    struct pair p;

    (void)state;
    memset(blank, ' ', sizeof blank);
    begin(&p, (escertke_ws_client_config){ .timeout_ms = PATIENCE_MS });
    (void)ws_peer_frame(p.fd, WS_FIN | WS_TEXT, blank, sizeof blank, false);
    expect_int("too long", ws_peer_end(p.fd, PATIENCE_MS), 1009);
    ws_peer_close(p.fd);
    accept_client(&p);
    assert_true(ws_peer_frame(p.fd, WS_FIN | WS_BINARY, "{}", 2, false));
    expect_int("binary", ws_peer_end(p.fd, PATIENCE_MS), 1003);
    ws_peer_close(p.fd);
    accept_client(&p);
    assert_true(ws_peer_frame(p.fd, WS_FIN | WS_TEXT, "\xff", 1, false));
    expect_int("no UTF-8", ws_peer_end(p.fd, PATIENCE_MS), 1007);
    finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(gives_each_its_own, reset),
        cmocka_unit_test_setup(waits_no_longer, reset),
        cmocka_unit_test_setup(reads_responses, reset),
        cmocka_unit_test_setup(reads_fragments, reset),
        cmocka_unit_test_setup(ends_with_its_connection, reset),
        cmocka_unit_test_setup(tells_originators_apart, reset),
        cmocka_unit_test_setup(refuses_what_a_server_sends, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

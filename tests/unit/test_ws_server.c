/* A server: what it is told, both sides of our own make in every serialization, who is idle, and its end. */
#include "ws_support.h"

static const struct {
    const char *name;
    escertke_ws_server_config cfg;
    escertke_err err;
} refused[] = {
    { "no URL", { .listen = "", .handler = echo }, ESCERTKE_ERR_ARG },
    { "another scheme", { .listen = "http://127.0.0.1:0", .handler = echo }, ESCERTKE_ERR_ARG },
    { "no handler", { .listen = "ws://127.0.0.1:0" }, ESCERTKE_ERR_ARG },
    { "an address of another host", { .listen = "ws://192.0.2.1:0", .handler = echo }, ESCERTKE_ERR_IO },
    { "no certificate", { .listen = "wss://127.0.0.1:0", .handler = echo }, ESCERTKE_ERR_CREDENTIAL },
    { "a certificate that is none", { .listen = "wss://127.0.0.1:0", .handler = echo, .tls_cert = { (const uint8_t *)"x", 1 }, .tls_key = { (const uint8_t *)"x", 1 } }, ESCERTKE_ERR_CREDENTIAL },
};

static void refuses_what_cannot_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        escertke_ws_server *s = NULL;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(refused[i].name, escertke_ws_server_start(&refused[i].cfg, &s, &d), refused[i].err, &d);
        assert_null(s);
    }
}

static void speaks_every_serialization(void **state)
{
    static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };
    escertke_ws_server *s = start_server();

    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (!escertke_format_available(formats[i]))
            continue;
        escertke_ws_client *c = start_client_with((escertke_ws_client_config){ .format = formats[i] }, escertke_ws_server_url(s));
        expect_answer(c, "r1");
        expect_answer(c, "r2"); /* over the same connection */
        expect_int("connections", (long)client_stats(c).connections, 1);
        escertke_ws_client_stop(c, 0);
    }
    eventually(server_stats(s).open == 0);
    escertke_ws_server_stop(s, 0);
}

static void takes_over_a_socket(void **state)
{
    escertke_detail d;
    int fd = -1;

    (void)state;
    escertke_detail_init(&d);
    expect_err("listen", escertke_ws_listen("ws://127.0.0.1:0/p", &fd, &d), ESCERTKE_OK, &d);
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .listen = "ws://127.0.0.1:0/p", .listen_fd = fd });
    escertke_ws_client *c = start_client(escertke_ws_server_url(s));
    expect_answer(c, "r1");
    escertke_ws_client_stop(c, 0);
    escertke_ws_server_stop(s, 0);
}

/* Who says nothing and serves nobody goes; a registree stays. */
static void ends_who_is_idle(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .timeout_s = 1, .self = CSE });
    int idle = ws_peer_open(port_of(s), "/", "oneM2M.json"), registree = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(peer_requests(registree, "Cmeter", "r1"));
    expect_int("answer", peer_gets(registree, "r1"), 2000);
    expect_int("idle", ws_peer_end(idle, PATIENCE_MS), 1001);
    expect_int("registree", ws_peer_end(registree, 1500), WS_STILL_OPEN);
    ws_peer_close(idle);
    ws_peer_close(registree);
    escertke_ws_server_stop(s, 0);
}

/* Nobody new is taken, and who does not answer the farewell is not waited for. */
static void ends(void **state)
{
    escertke_ws_server *s = start_server();
    unsigned port = port_of(s);
    int fds[3];

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = ws_peer_open(port, "/", "oneM2M.json");
    uint64_t began = mono_ms();
    escertke_ws_server_stop(s, 0);
    assert_true(mono_ms() - began < PATIENCE_MS / 4);
    for (size_t i = 0; i < COUNT(fds); i++) {
        expect_int("farewell", ws_peer_end(fds[i], PATIENCE_MS), 1001);
        ws_peer_close(fds[i]);
    }
    escertke_ws_server_stop(NULL, 0);
}

/* Both sides under load of several threads, and ended in the middle of it. */
struct crowd {
    pthread_t thread;
    escertke_ws_client *c;
    unsigned number, done;
};

static void *crowd_run(void *arg)
{
    struct crowd *who = arg;
    escertke_detail d;
    char rqi[40], fr[20];
    int rsc;

    snprintf(fr, sizeof fr, "C%u", who->number);
    for (who->done = 0; who->done < 100; who->done++) {
        snprintf(rqi, sizeof rqi, "r%u-%u", who->number, who->done);
        if (notify_from(who->c, fr, rqi, &rsc, &d) != ESCERTKE_OK)
            break;
    }
    return NULL;
}

static void serves_many_at_once(void **state)
{
    escertke_ws_server *s = start_server();
    escertke_ws_client *clients[2] = { start_client_with((escertke_ws_client_config){ .connect_timeout_ms = 1000 }, escertke_ws_server_url(s)),
                                       start_client_with((escertke_ws_client_config){ .connect_timeout_ms = 1000 }, escertke_ws_server_url(s)) };
    struct crowd crowd[8];

    (void)state;
    for (unsigned i = 0; i < COUNT(crowd); i++) {
        crowd[i] = (struct crowd){ .c = clients[i % COUNT(clients)], .number = i };
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, crowd_run, &crowd[i]), 0);
    }
    for (size_t i = 0; i < COUNT(crowd); i++) {
        assert_int_equal(pthread_join(crowd[i].thread, NULL), 0);
        expect_int("answered", crowd[i].done, 100);
    }
    expect_int("handled", atomic_load(&handled), 100 * COUNT(crowd));
    for (unsigned i = 0; i < COUNT(crowd); i++)
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, crowd_run, &crowd[i]), 0);
    pause_ms(20);
    escertke_ws_server_stop(s, 100);
    for (size_t i = 0; i < COUNT(crowd); i++)
        assert_int_equal(pthread_join(crowd[i].thread, NULL), 0);
    for (size_t i = 0; i < COUNT(clients); i++)
        escertke_ws_client_stop(clients[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_what_cannot_work, reset),
        cmocka_unit_test_setup(speaks_every_serialization, reset),
        cmocka_unit_test_setup(takes_over_a_socket, reset),
        cmocka_unit_test_setup(ends_who_is_idle, reset),
        cmocka_unit_test_setup(ends, reset),
        cmocka_unit_test_setup(serves_many_at_once, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

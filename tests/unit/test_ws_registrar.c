/* Registrees: whose connection it is, requests over it, and who may not speak for them. */
#include "ws_support.h"

#define DOOR "//sp.org/in1/Cdoor"
#define LAMP "//sp.org/in1/Clamp"

static int accepts = 2000, refuses = 4103;

static escertke_ws_server *start_registrar(int *rsc, unsigned workers)
{
    return start_server_with((escertke_ws_server_config){ .self = CSE, .handler_ctx = rsc, .workers = workers, .request_timeout_ms = PATIENCE_MS });
}

/* A registree: its first request was answered. */
static int comes(escertke_ws_server *s, const char *fr)
{
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    assert_true(peer_requests(fd, fr, "hello"));
    expect_int(fr, peer_gets(fd, "hello"), 2000);
    return fd;
}

static void reaches_all_of_a_gateway(void **state)
{
    static const struct {
        const char *fr, *id;
    } things[] = { { "Cmeter", METER }, { "Cdoor", DOOR }, { "Clamp", LAMP } };
    escertke_ws_server *s = start_registrar(&accepts, 8);
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    for (size_t i = 0; i < COUNT(things); i++) {
        assert_true(peer_requests(fd, things[i].fr, "hello"));
        expect_int(things[i].fr, peer_gets(fd, "hello"), 2000);
    }
    int other = comes(s, "Cother");
    /* As many as wait for it at once, answered in another order. */
    struct sending sent[COUNT(things)] = { { .rqi = "a" }, { .rqi = "b" }, { .rqi = "c" } };
    for (size_t i = 0; i < COUNT(things); i++) {
        sent[i].from = s;
        sent[i].receiver = things[i].id;
        begin_sending(&sent[i]);
        peer_is_asked(fd, sent[i].rqi);
    }
    for (size_t i = COUNT(things); i-- > 0;)
        assert_true(peer_answers(fd, sent[i].rqi, true));
    for (size_t i = 0; i < COUNT(things); i++)
        expect_sent(&sent[i], ESCERTKE_OK, 2000);
    expect_int("registrees", server_stats(s).registrees, 4);
    ws_peer_close(fd);
    eventually(server_stats(s).registrees == 1);
    ws_peer_close(other);
    escertke_ws_server_stop(s, 0);
}

static const struct {
    const char *name, *text;
    int rsc;       /* of the CSE */
    unsigned held; /* places */
} shown[] = {
    { "an AE's", "{\"op\":2,\"fr\":\"Cmeter\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 2000, 1 },
    { "an AE's that is refused", "{\"op\":2,\"fr\":\"Cmeter\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 4103, 0 },
    { "an AE's of another CSE", "{\"op\":2,\"fr\":\"/mn1/Cmeter\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 2000, 0 },
    { "a stem alone", "{\"op\":2,\"fr\":\"C\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 2000, 0 },
    { "a CSE's that shows nothing", "{\"op\":2,\"fr\":\"/mn1\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 2000, 0 },
    { "a CSE's registration", "{\"op\":1,\"ty\":16,\"fr\":\"/mn1\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\",\"pc\":{\"m2m:csr\":{\"csi\":\"/mn1\"}}}", 2001, 1 },
    { "its refresh", "{\"op\":3,\"fr\":\"/mn1\",\"to\":\"/in1/mn1\",\"rqi\":\"r\",\"rvi\":\"3\",\"pc\":{\"m2m:csr\":{\"rr\":true}}}", 2004, 1 },
    { "a refresh of another's", "{\"op\":3,\"fr\":\"/mn1\",\"to\":\"/in1/mn2\",\"rqi\":\"r\",\"rvi\":\"3\",\"pc\":{\"m2m:csr\":{\"csi\":\"/mn2\"}}}", 2004, 0 },
    { "an update of something else", "{\"op\":3,\"fr\":\"/mn1\",\"to\":\"/in1/a\",\"rqi\":\"r\",\"rvi\":\"3\",\"pc\":{\"m2m:cnt\":{\"mni\":1}}}", 2004, 0 },
    { "of another service provider", "{\"op\":2,\"fr\":\"//sp2.org/in1/Cmeter\",\"to\":\"/in1\",\"rqi\":\"r\",\"rvi\":\"3\"}", 2000, 0 },
};

static void gives_places_to_who_has_shown_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shown); i++) {
        int rsc = shown[i].rsc;
        escertke_ws_server *s = start_registrar(&rsc, 2);
        int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
        assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, shown[i].text, strlen(shown[i].text), true));
        expect_int(shown[i].name, peer_gets(fd, "r"), rsc);
        expect_int(shown[i].name, server_stats(s).registrees, shown[i].held);
        ws_peer_close(fd);
        escertke_ws_server_stop(s, 0);
    }
}

static void holds_64_of_one_connection(void **state)
{
    escertke_ws_server *s = start_registrar(&accepts, 2);
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    char fr[20];

    (void)state;
    for (int i = 0; i < 66; i++) {
        snprintf(fr, sizeof fr, "C%d", i);
        assert_true(peer_requests(fd, fr, "r"));
        expect_int(fr, peer_gets(fd, "r"), 2000); /* its requests are answered, it is not reached */
    }
    expect_int("registrees", server_stats(s).registrees, 64);
    struct sending sent = { .from = s, .receiver = "//sp.org/in1/C65", .rqi = "x" };
    begin_sending(&sent);
    expect_sent(&sent, ESCERTKE_ERR_UNREACHABLE, 0);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

static void nobody_speaks_for_who_is_there(void **state)
{
    static const char *const forms[] = { "Cmeter", "/in1/Cmeter", METER };
    static struct ws_frame f;
    escertke_ws_server *s = start_registrar(&accepts, 2);
    int holder = comes(s, "Cmeter"), thief = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        assert_true(peer_requests(thief, forms[i], "r1"));
        assert_true(ws_peer_next(holder, &f));
        expect_int("it is asked", f.first, WS_FIN | WS_PING);
        assert_true(ws_peer_frame(holder, WS_FIN | WS_PONG, f.data, f.len, true));
        expect_int(forms[i], peer_gets(thief, "r1"), 4103);
    }
    expect_int("entered", atomic_load(&entered), 1); /* the handler has not seen it */
    assert_true(peer_requests(thief, "Cother", "r2")); /* for itself it may speak */
    expect_int("another", peer_gets(thief, "r2"), 2000);
    struct sending sent = { .from = s, .receiver = METER, .rqi = "a" };
    begin_sending(&sent);
    peer_is_asked(holder, "a");
    assert_true(peer_answers(thief, "a", true)); /* a response over another connection is nobody's */
    eventually(server_stats(s).ignored == 1);
    assert_true(peer_answers(holder, "a", true));
    expect_sent(&sent, ESCERTKE_OK, 2000);
    ws_peer_close(holder);
    ws_peer_close(thief);
    escertke_ws_server_stop(s, 0);
}

/* A half dead connection gives way. Meanwhile few workers wait for its answer: who else claims it is refused at once. */
static void takes_over_from_who_is_dead(void **state)
{
    escertke_ws_server *s = start_registrar(&accepts, 2);
    int dead = comes(s, "Cmeter"), next = ws_peer_open(port_of(s), "/", "oneM2M.json"), flood = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(peer_requests(next, "Cmeter", "r1"));
    pause_ms(200);
    uint64_t began = mono_ms();
    assert_true(peer_requests(flood, "Cmeter", "r2"));
    expect_int("at once", peer_gets(flood, "r2"), 4103);
    assert_true(mono_ms() - began < 1500);
    expect_int("after two seconds", peer_gets(next, "r1"), 2000);
    int end = ws_peer_end(dead, PATIENCE_MS);
    assert_int_equal(end, WS_ENDED); /* without a farewell, which it would not read */
    struct sending sent = { .from = s, .receiver = METER, .rqi = "a" };
    begin_sending(&sent);
    peer_is_asked(next, "a");
    assert_true(peer_answers(next, "a", true));
    expect_sent(&sent, ESCERTKE_OK, 2000);
    ws_peer_close(dead);
    ws_peer_close(next);
    ws_peer_close(flood);
    escertke_ws_server_stop(s, 0);
}

static void waits_for_who_comes_back(void **state)
{
    escertke_ws_server *s = start_registrar(&accepts, 8);
    int fd = comes(s, "Cmeter");

    (void)state;
    ws_peer_close(fd);
    eventually(server_stats(s).registrees == 0);
    struct sending sent = { .from = s, .receiver = METER, .rqi = "a" };
    begin_sending(&sent);
    pause_ms(100);
    static struct ws_frame f;
    fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    assert_true(peer_requests(fd, "Cmeter", "hello"));
    for (int i = 0; i < 2; i++) { /* the request, and the response to its own, in either order */
        assert_true(ws_peer_next(fd, &f));
        if (strstr((const char *)f.data, "\"rqi\":\"a\""))
            assert_true(peer_answers(fd, "a", true));
    }
    expect_sent(&sent, ESCERTKE_OK, 2000);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

static void ends_requests_to_who_goes(void **state)
{
    escertke_ws_server *s = start_registrar(&accepts, 8);
    int fd = comes(s, "Cmeter");
    struct sending lost = { .from = s, .receiver = METER, .rqi = "a" }, nobody = { .from = s, .receiver = DOOR, .rqi = "b" };

    (void)state;
    begin_sending(&lost);
    peer_is_asked(fd, "a");
    ws_peer_close(fd); /* it has left: it is not said again */
    expect_sent(&lost, ESCERTKE_ERR_UNREACHABLE, 0);
    assert_non_null(strstr(lost.d.reason, "lost"));
    begin_sending(&nobody);
    expect_sent(&nobody, ESCERTKE_ERR_UNREACHABLE, 0);
    assert_non_null(strstr(nobody.d.reason, "not connected"));
    escertke_ws_server_stop(s, 0);
}

static void says_who_it_is(void **state)
{
    static const char *const wrong[] = { "/in1", "in1", "//sp.org/in1/Cmeter", "" };
    escertke_ws_server *s = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        const escertke_ws_server_config cfg = { .listen = "ws://127.0.0.1:0", .handler = echo, .self = wrong[i] };
        expect_err(wrong[i], escertke_ws_server_start(&cfg, &s, &d), ESCERTKE_ERR_ARG, &d);
        assert_null(s);
    }
    s = start_server_with((escertke_ws_server_config){ .handler_ctx = &refuses }); /* no registrar: it reaches nobody */
    struct sending sent = { .from = s, .receiver = METER, .rqi = "a" };
    begin_sending(&sent);
    expect_sent(&sent, ESCERTKE_ERR_UNREACHABLE, 0);
    escertke_ws_server_stop(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reaches_all_of_a_gateway, reset),
        cmocka_unit_test_setup(gives_places_to_who_has_shown_it, reset),
        cmocka_unit_test_setup(holds_64_of_one_connection, reset),
        cmocka_unit_test_setup(nobody_speaks_for_who_is_there, reset),
        cmocka_unit_test_setup(takes_over_from_who_is_dead, reset),
        cmocka_unit_test_setup(waits_for_who_comes_back, reset),
        cmocka_unit_test_setup(ends_requests_to_who_goes, reset),
        cmocka_unit_test_setup(says_who_it_is, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

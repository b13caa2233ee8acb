/* Frames as they come over the wire: put together, answered, refused with the code that the standard names, and waited for. */
#include "binding/ws_endpoint.h"

#include "ws_support.h"

/* One connection, frames, and how it ends. */
struct step {
    int first; /* 0x80 FIN, the opcode; -1 = no more */
    const char *text;
    bool masked;
};
#define NO_MORE { -1, NULL, true }
#define HEAD "{\"op\":5,\"fr\":\"Cpanel\",\"to\":\"/in1/Cmeter\","
#define TAIL "\"rqi\":\"r\",\"rvi\":\"3\",\"pc\":" SECI "}"

static const struct {
    const char *name;
    struct step steps[6];
    int ends; /* close code; 0 = it is answered, and goes on */
} frames[] = {
    { "whole", { { WS_FIN | WS_TEXT, HEAD TAIL, true }, NO_MORE }, 0 },
    { "in two fragments", { { WS_TEXT, HEAD, true }, { WS_FIN | WS_CONTINUES, TAIL, true }, NO_MORE }, 0 },
    { "in many", { { WS_TEXT, "{", true }, { WS_CONTINUES, "", true }, { WS_CONTINUES, &HEAD[1], true }, { WS_FIN | WS_CONTINUES, TAIL, true }, NO_MORE }, 0 },
    { "an empty fragment first", { { WS_TEXT, "", true }, { WS_FIN | WS_CONTINUES, HEAD TAIL, true }, NO_MORE }, 0 },
    { "an empty fragment last", { { WS_TEXT, HEAD TAIL, true }, { WS_FIN | WS_CONTINUES, "", true }, NO_MORE }, 0 },
    { "a ping between fragments", { { WS_TEXT, HEAD, true }, { WS_FIN | WS_PING, "there?", true }, { WS_FIN | WS_CONTINUES, TAIL, true }, NO_MORE }, 0 },
    { "a pong between fragments", { { WS_TEXT, HEAD, true }, { WS_FIN | WS_PONG, "", true }, { WS_FIN | WS_CONTINUES, TAIL, true }, NO_MORE }, 0 },
    { "a letter across fragments", { { WS_TEXT, HEAD "\"ot\":\"\xc3", true }, { WS_FIN | WS_CONTINUES, "\xa9\"," TAIL, true }, NO_MORE }, 0 },
    { "empty", { { WS_FIN | WS_TEXT, "", true }, { WS_FIN | WS_TEXT, HEAD TAIL, true }, NO_MORE }, 0 },
    { "no UTF-8", { { WS_FIN | WS_TEXT, "\"\xff\xfe\"", true }, NO_MORE }, 1007 },
    { "a surrogate", { { WS_FIN | WS_TEXT, "\"\xed\xa0\x80\"", true }, NO_MORE }, 1007 },
    { "half a letter", { { WS_FIN | WS_TEXT, "\"\xc3", true }, NO_MORE }, 1007 },
    { "no UTF-8 in the second fragment", { { WS_TEXT, HEAD, true }, { WS_FIN | WS_CONTINUES, "\xff", true }, NO_MORE }, 1007 },
    { "binary for JSON", { { WS_FIN | WS_BINARY, HEAD TAIL, true }, NO_MORE }, 1003 },
    /* libwebsockets 4.1 does not tell whether a frame was masked. Masks keep scripts of clients from writing what a proxy takes for
     * HTTP; a server that reads a frame without one gives nothing away. */
    { "not masked", { { WS_FIN | WS_TEXT, HEAD TAIL, false }, NO_MORE }, 0 },
    { "a continuation of nothing", { { WS_FIN | WS_CONTINUES, HEAD TAIL, true }, NO_MORE }, 1002 },
    { "another message between fragments", { { WS_TEXT, HEAD, true }, { WS_FIN | WS_TEXT, HEAD TAIL, true }, NO_MORE }, 1002 },
    { "a reserved opcode", { { WS_FIN | 0x03, HEAD TAIL, true }, NO_MORE }, 1002 },
    { "a reserved control opcode", { { WS_FIN | 0x0b, "", true }, NO_MORE }, 1002 },
    { "a reserved bit", { { WS_FIN | 0x40 | WS_TEXT, HEAD TAIL, true }, NO_MORE }, 1002 },
    { "a ping in fragments", { { WS_PING, "a", true }, NO_MORE }, 1002 },
    { "farewell", { { WS_FIN | WS_CLOSE, "\x03\xe8", true }, NO_MORE }, 1000 },
};

static void takes_frames(void **state)
{
    escertke_ws_server *s = start_server();

    (void)state;
    for (size_t i = 0; i < COUNT(frames); i++) {
        int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
        for (const struct step *at = frames[i].steps; at->first >= 0; at++)
            (void)ws_peer_frame(fd, at->first, at->text, strlen(at->text), at->masked);
        if (frames[i].ends)
            expect_int(frames[i].name, ws_peer_end(fd, PATIENCE_MS), frames[i].ends);
        else
            expect_int(frames[i].name, peer_gets(fd, "r"), 2000);
        ws_peer_close(fd);
    }
    escertke_ws_server_stop(s, 0);
}

/* A ping's octets come back, also in the middle of a message. */
static void answers_pings(void **state)
{
    static struct ws_frame f;
    escertke_ws_server *s = start_server();
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(ws_peer_frame(fd, WS_TEXT, "{", 1, true));
    assert_true(ws_peer_frame(fd, WS_FIN | WS_PING, "12345", 5, true));
    assert_true(ws_peer_next(fd, &f));
    expect_int("pong", f.first, WS_FIN | WS_PONG);
    expect_text("its octets", (const char *)f.data, "12345");
    assert_false(f.masked);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* Octet by octet it is the same message. */
static void takes_octets_one_by_one(void **state)
{
    escertke_ws_server *s = start_server();
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    static const uint8_t start[] = { WS_FIN | WS_TEXT, 0x80 | 126, 0, sizeof(HEAD TAIL) - 1, 0, 0, 0, 0 };

    (void)state;
    assert_true(sizeof(HEAD TAIL) - 1 >= 126 || start[3] < 126);
    for (size_t i = 0; i < sizeof start; i++)
        assert_true(ws_peer_say(fd, start + i, 1));
    for (const char *c = HEAD TAIL; *c; c++)
        assert_true(ws_peer_say(fd, c, 1));
    expect_int("answer", peer_gets(fd, "r"), 2000);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* Fill a message up to a size with blanks, which JSON does not mind. */
static char *padded(size_t size)
{
    char *text = malloc(size + 1);

    assert_non_null(text);
    memset(text, ' ', size);
    memcpy(text, HEAD TAIL, sizeof(HEAD TAIL) - 1);
    text[size] = '\0';
    return text;
}

static void takes_no_message_past_the_limit(void **state)
{
    escertke_ws_server *s = start_server();
    char *text = padded(ESC_WHOLE_MAX + 1);
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, text, ESCERTKE_PRIMITIVE_MAX, true));
    expect_int("the longest primitive", peer_gets(fd, "r"), 2000);
    assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, text, ESC_WHOLE_MAX, true)); /* nothing is known of it, not even rqi */
    eventually(server_stats(s).ignored == 1);
    (void)ws_peer_frame(fd, WS_FIN | WS_TEXT, text, ESC_WHOLE_MAX + 1, true);
    expect_int("one past it", ws_peer_end(fd, PATIENCE_MS), 1009);
    ws_peer_close(fd);
    fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    assert_true(ws_peer_frame(fd, WS_TEXT, text, ESC_WHOLE_MAX, true));
    assert_true(ws_peer_frame(fd, WS_FIN | WS_CONTINUES, " ", 1, true));
    expect_int("one past it in fragments", ws_peer_end(fd, PATIENCE_MS), 1009);
    ws_peer_close(fd);
    expect_int("the handler saw one", (long)atomic_load(&handled), 1);
    free(text);
    escertke_ws_server_stop(s, 0);
}

/* What still comes after a message that was refused is not looked at, and does not sweep the close frame away. */
static void says_why_to_who_goes_on(void **state)
{
    escertke_ws_server *s = start_server();
    char *text = padded(100000);
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    for (int i = 0; i < 300; i++) /* long after the close frame has come */
        assert_true(ws_peer_frame(fd, i ? WS_CONTINUES : WS_TEXT, text, 100000, true));
    expect_int("fragments without an end", ws_peer_end(fd, PATIENCE_MS), 1009);
    ws_peer_close(fd);
    fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    assert_true(ws_peer_frame(fd, WS_FIN | WS_BINARY, "x", 1, true));
    for (int i = 0; i < 300; i++)
        assert_true(ws_peer_frame(fd, WS_FIN | WS_TEXT, text, 100000, true));
    expect_int("whole messages behind a wrong one", ws_peer_end(fd, PATIENCE_MS), 1003);
    ws_peer_close(fd);
    expect_int("the handler saw none", (long)atomic_load(&entered), 0);
    free(text);
    escertke_ws_server_stop(s, 0);
}

static void ends_who_is_slow_to_send(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .timeout_s = 1 });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    uint64_t began = mono_ms();
    assert_true(ws_peer_frame(fd, WS_TEXT, HEAD, sizeof HEAD - 1, true));
    for (int i = 0; i < 5; i++) { /* a little now and then is no help */
        pause_ms(100);
        assert_true(ws_peer_frame(fd, WS_CONTINUES, " ", 1, true));
    }
    expect_int("slow", ws_peer_end(fd, PATIENCE_MS), ESC_WS_POLICY);
    assert_true(mono_ms() - began >= 1000);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* In the middle of a frame, too, where no fragment has come yet. */
static void ends_who_stops_within_a_frame(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .timeout_s = 1 });
    static const uint8_t half[] = { WS_FIN | WS_TEXT, 0x80 | 100, 0, 0, 0, 0, '{' };
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(ws_peer_say(fd, half, sizeof half));
    int code = ws_peer_end(fd, PATIENCE_MS);
    assert_true(code == ESC_WS_POLICY || code == ESC_WS_GOING_AWAY);
    ws_peer_close(fd);
    fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    assert_true(ws_peer_say(fd, half, 3)); /* not even its head */
    expect_int("half a head", ws_peer_end(fd, PATIENCE_MS), ESC_WS_GOING_AWAY);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

/* Who asks much and takes nothing: what waits for him is bounded in number and octets, and in time. */
static void ends_who_is_slow_to_take(void **state)
{
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .timeout_s = 1 });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");
    unsigned asked = 0;

    (void)state;
    atomic_store(&answer_octets, 100000);
    uint64_t until = mono_ms() + PATIENCE_MS;
    for (; server_stats(s).open && mono_ms() < until; asked++) {
        char rqi[20];
        snprintf(rqi, sizeof rqi, "r%u", asked);
        if (!peer_requests(fd, "Cpanel", rqi))
            break;
        pause_ms(5);
    }
    eventually(server_stats(s).open == 0);
    assert_true(asked > 40); /* he was not ended for asking */
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

static void asks_who_is_silent(void **state)
{
    static struct ws_frame f;
    const int accepted = 2000;
    escertke_ws_server *s = start_server_with((escertke_ws_server_config){ .self = CSE, .keepalive_s = 1, .handler_ctx = (void *)(uintptr_t)&accepted });
    int fd = ws_peer_open(port_of(s), "/", "oneM2M.json");

    (void)state;
    assert_true(peer_requests(fd, "Cpanel", "r1")); /* a registree is not ended for being silent */
    expect_int("answer", peer_gets(fd, "r1"), 2000);
    for (int i = 0; i < 3; i++) { /* as long as it answers it stays */
        assert_true(ws_peer_next(fd, &f));
        expect_int("ping", f.first, WS_FIN | WS_PING);
        assert_true(ws_peer_frame(fd, WS_FIN | WS_PONG, f.data, f.len, true));
    }
    expect_int("registrees", server_stats(s).registrees, 1);
    int code = ws_peer_end(fd, PATIENCE_MS); /* reads pings, answers none */
    assert_int_equal(code, WS_ENDED);
    eventually(server_stats(s).registrees == 0);
    ws_peer_close(fd);
    escertke_ws_server_stop(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(takes_frames, reset),
        cmocka_unit_test_setup(answers_pings, reset),
        cmocka_unit_test_setup(takes_octets_one_by_one, reset),
        cmocka_unit_test_setup(takes_no_message_past_the_limit, reset),
        cmocka_unit_test_setup(says_why_to_who_goes_on, reset),
        cmocka_unit_test_setup(ends_who_is_slow_to_send, reset),
        cmocka_unit_test_setup(ends_who_stops_within_a_frame, reset),
        cmocka_unit_test_setup(ends_who_is_slow_to_take, reset),
        cmocka_unit_test_setup(asks_who_is_silent, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

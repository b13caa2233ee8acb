/* The server, asked by raw datagrams. */
#include "coap_support.h"

static const struct {
    const char *name;
    struct sent m;
    int code, rsc;
    const char *content; /* NULL = whatever; the beginning of it */
} asks[] = {
    { "notify", { 0, 2, 1, "t", 0, { TO, JSON, FR, RQI }, 0, 0, "{}", 0 }, 204, 2000,
      "op=5 to=x fr=C1 in=2/3938 from=127.0.0.1" },
    { "create", { 0, 2, 2, "t", 0, { TO, JSON, { 267, "\x02" }, FR, RQI }, 0, 0, "{}", 0 }, 201, 2001, "op=1" },
    { "retrieve", { 0, 1, 3, "", 0, { TO, FR, RQI }, 0, 0, NULL, 0 }, 205, 2000, "op=2" },
    { "update", { 0, 3, 4, "12345678", 0, { TO, JSON, FR, RQI }, 0, 0, "{}", 0 }, 204, 2004, "op=3" },
    { "delete", { 0, 4, 5, "t", 0, { TO, FR, RQI }, 0, 0, NULL, 0 }, 202, 2002, "op=4" },
    { "one block that is the last", { 0, 2, 6, "t", 0, { TO, JSON, RQI }, BLOCK(0, 0, 2), 0, "{}", 0 }, 204, 2000, "op=5" },
    { "method", { 0, 5, 7, "t", 0, { TO, RQI }, 0, 0, NULL, 0 }, 405, 4005, "{\"m2m:dbg\"" },
    { "unknown and critical", { 0, 2, 8, "t", 0, { TO, JSON, RQI, { 999, "x" } }, 0, 0, "{}", 0 }, 402, 4000, "{\"m2m:dbg\"" },
    { "no RQI", { 0, 2, 9, "t", 0, { TO, JSON }, 0, 0, "{}", 0 }, 400, 4000, "{\"m2m:dbg\"" },
    { "outside the prefix", { 0, 2, 10, "t", 0, { { 11, "y" }, JSON, RQI }, 0, 0, "{}", 0 }, 404, 4004, "{\"m2m:dbg\"" },
    { "no type", { 0, 2, 11, "t", 0, { TO, RQI }, 0, 0, "{}", 0 }, 415, 4015, "{\"m2m:dbg\"" },
    { "type", { 0, 2, 12, "t", 0, { TO, { 12, "\x2a" }, RQI }, 0, 0, "{}", 0 }, 415, 4015, "{\"m2m:dbg\"" },
    { "accept", { 0, 2, 13, "t", 0, { TO, JSON, { 17, "\x2a" }, RQI }, 0, 0, "{}", 0 }, 406, 5207, "" },
    { "answer in CBOR", { 0, 2, 21, "t", 0, { TO, JSON, { 17, "\x3c" }, { 283, "json" } }, 0, 0, "{}", 0 }, 204, 2000, "\xa1" },
    { "proxy", { 0, 2, 14, "t", 0, { { 35, "coap://a" }, RQI }, 0, 0, NULL, 0 }, 505, 5001, "{\"m2m:dbg\"" },
    { "block in the middle", { 0, 2, 15, "t", 0, { TO, JSON, RQI }, BLOCK(3, 1, 0), 0, "0123456789abcdef", 0 }, 408, 4000, "{" },
    { "last block of nothing", { 0, 2, 16, "t", 0, { TO, JSON, RQI }, BLOCK(3, 0, 0), 0, "0123", 0 }, 408, 4000, "{" },
    { "block that is not full", { 0, 2, 17, "t", 0, { TO, JSON, RQI }, BLOCK(0, 1, 0), 0, "0123", 0 }, 400, 4000, "{" },
    { "block too full", { 0, 2, 18, "t", 0, { TO, JSON, RQI }, BLOCK(0, 0, 0), 0, "0123456789abcdefg", 0 }, 400, 4000, "{" },
    { "block size reserved", { 0, 2, 19, "t", 0, { TO, JSON, RQI }, BLOCK(0, 0, 7), 0, "{}", 0 }, 400, 4000, "{" },
    { "block of a response that never was", { 0, 2, 20, "t", 0, { TO, JSON, RQI }, 0, BLOCK(1, 0, 6), NULL, 0 }, 408, 4000, "{" },
};

/* The prefix is "/p"; "x" is put below it, what begins with another letter is not. */
static void below_prefix(struct sent *m)
{
    if (m->options[0].number == ESC_COAP_URI_PATH && m->options[0].value[0] == 'x') {
        memmove(m->options + 1, m->options, 11 * sizeof *m->options);
        m->options[0].value = "p";
    }
}

static void answers(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .listen = "coap://127.0.0.1:0/p" });
    int fd = udp_socket((uint16_t)strtoul(escertke_coap_server_url(s) + strlen("coap://127.0.0.1:"), NULL, 10), NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct sent m = asks[i].m;
        struct came c;

        below_prefix(&m);
        send_msg(fd, &m);
        receive(fd, &c);
        expect_int(asks[i].name, c.m.code, asks[i].code);
        expect_int(asks[i].name, c.rsc, asks[i].rsc);
        expect_int(asks[i].name, c.m.type, ESC_COAP_ACK);
        expect_int(asks[i].name, c.m.mid, m.mid);
        expect_text(asks[i].name, c.token, m.token);
        if (strcmp(asks[i].name, "no RQI") != 0)
            expect_text(asks[i].name, c.rqi, c.format == 60 ? "json" : "r1");
        if (c.m.payload.len < strlen(asks[i].content) ||
            memcmp(c.m.payload.ptr ? (const char *)c.m.payload.ptr : "", asks[i].content, strlen(asks[i].content)) != 0)
            fail_msg("%s: found %.*s", asks[i].name, (int)c.m.payload.len, (const char *)c.m.payload.ptr);
        expect_int(asks[i].name, c.format, !c.m.payload.len ? -1 : asks[i].content[0] == '\xa1' ? 60 : 50);
        expect_int(asks[i].name, c.max_age, c.m.code == 205 ? 0 : -1);
    }
    escertke_coap_stats stats;
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.datagrams, COUNT(asks));
    assert_int_equal(stats.requests, 7);
    assert_int_equal(stats.responses[0], 7);
    assert_int_equal(stats.responses[1], 13);
    assert_int_equal(stats.responses[2], 1);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

/* RFC 7252 4.2, 4.3: a Confirmable message without meaning is rejected, others pass in silence. */
static void rejects_messages(void **state)
{
    static const struct sent ping = { .mid = 77 }, non_ping = { .type = ESC_COAP_NON, .mid = 78 },
                             response = { .code = 205, .mid = 79, .token = "a" }, reset = { .type = ESC_COAP_RST, .mid = 80 },
                             ack = { .type = ESC_COAP_ACK, .mid = 81 },
                             non_bad = { .type = ESC_COAP_NON, .code = 2, .mid = 82, .options = { TO, JSON, RQI, { 999, "" } } },
                             non = { .type = ESC_COAP_NON, .code = 1, .mid = 83, .token = "q", .options = { TO, RQI } };
    static const char malformed[] = "\x40\x01\x12\x34\xff", no_coap[] = "\x80\x01\x12\x34";
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    int fd = connect_to(s);
    struct came c;

    (void)state;
    send_msg(fd, &non_ping);
    send_msg(fd, &reset);
    send_msg(fd, &ack);
    send_msg(fd, &non_bad);
    assert_int_equal(send(fd, no_coap, 4, 0), 4);
    assert_int_equal(send(fd, no_coap, 0, 0), 0);
    send_msg(fd, &ping);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_RST && c.m.mid == 77 && c.m.code == 0);
    send_msg(fd, &response);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_RST && c.m.mid == 79);
    assert_int_equal(send(fd, malformed, 5, 0), 5);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_RST && c.m.mid == 0x1234);
    send_msg(fd, &non);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_NON && c.m.code == 205);
    assert_string_equal(c.token, "q");
    assert_int_equal(atomic_load(&handled), 1);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void answers_repeats_from_memory(void **state)
{
    static const struct sent m = { .code = 2, .mid = 9, .token = "t", .options = { TO, JSON, RQI }, .payload = "{}" };
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    int fd = connect_to(s), other = connect_to(s);
    struct came first, again;
    escertke_coap_stats stats;

    (void)state;
    send_msg(fd, &m);
    receive(fd, &first);
    for (int i = 0; i < 3; i++) {
        send_msg(fd, &m);
        receive(fd, &again);
        assert_int_equal(again.len, first.len);
        assert_memory_equal(again.raw, first.raw, first.len);
    }
    assert_int_equal(atomic_load(&handled), 1);
    send_msg(other, &m); /* the same number from another end-point is another message */
    receive(other, &again);
    assert_int_equal(atomic_load(&handled), 2);
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.repeats, 3);
    close(fd);
    close(other);
    escertke_coap_server_stop(s, 0);
}

/* Longer than 0.5 s: an acknowledgement first, the response on its own, again and again until it is confirmed. */
static void answers_separately(void **state)
{
    static const struct sent m = { .code = 2, .mid = 9, .token = "t", .options = { TO, JSON, RQI }, .payload = "{}" };
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    int fd = connect_to(s);
    struct came c, again;
    escertke_coap_stats stats;

    (void)state;
    atomic_store(&held, true);
    send_msg(fd, &m);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_ACK && c.m.code == 0 && c.m.mid == 9);
    send_msg(fd, &m); /* the acknowledgement was lost */
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_ACK && c.m.code == 0 && c.m.mid == 9);
    atomic_store(&held, false);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_CON && c.m.code == 204);
    assert_string_equal(c.token, "t");
    receive(fd, &again); /* 2 to 3 s later */
    assert_int_equal(again.len, c.len);
    assert_memory_equal(again.raw, c.raw, c.len);
    send_msg(fd, &(struct sent){ .type = ESC_COAP_ACK, .mid = c.m.mid });
    send_msg(fd, &m);
    receive(fd, &c);
    assert_true(c.m.type == ESC_COAP_ACK && c.m.code == 0 && c.m.mid == 9);
    expect_silence(fd, 6500);
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.resent, 1);
    assert_int_equal(stats.requests, 1);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

/* ---- blocks ------------------------------------------------------------------------------------------------ */

static struct sent block_of(uint16_t mid, const char *rqi, const char *content, unsigned num, unsigned szx)
{
    size_t size = 16u << szx, at = num * size, len = strlen(content);
    bool more = len - at > size;
    struct sent m = { .code = 2, .mid = mid, .token = "t", .options = { TO, JSON, { 283, rqi } } };

    m.block1 = BLOCK(num, more, szx);
    m.payload = content + at;
    m.payload_len = more ? size : len - at;
    return m;
}

static void ask(int fd, struct sent m, struct came *c)
{
    send_msg(fd, &m);
    receive(fd, c);
}

#define CONTENT "0123456789abcdef0123456789ABCDEF{}" /* 34 */

static void takes_contents_in_blocks(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    int fd = connect_to(s);
    struct came c;
    uint16_t mid = 100;

    (void)state;
    /* two contents of one end-point at a time, each begun anew once, known by their RQI */
    ask(fd, block_of(mid++, "r1", CONTENT, 0, 0), &c);
    assert_true(c.m.code == 231 && c.block1 == 8 && c.rsc == 0);
    ask(fd, block_of(mid++, "r2", CONTENT, 0, 0), &c);
    ask(fd, block_of(mid++, "r1", CONTENT, 2, 0), &c); /* one is missing */
    assert_true(c.m.code == 408 && c.rsc == 4000);
    ask(fd, block_of(mid++, "r1", CONTENT, 0, 0), &c);
    assert_int_equal(c.m.code, 231);
    ask(fd, block_of(mid++, "r1", CONTENT, 1, 0), &c);
    assert_true(c.m.code == 231 && c.block1 == (1 << 4 | 8));
    ask(fd, block_of(mid++, "r1", CONTENT, 1, 0), &c); /* again, with another number of the message */
    assert_int_equal(c.m.code, 231);
    ask(fd, block_of(mid++, "r2", CONTENT, 1, 0), &c);
    assert_int_equal(c.m.code, 231);
    assert_int_equal(atomic_load(&handled), 0);
    ask(fd, block_of(mid++, "r1", CONTENT, 2, 0), &c);
    assert_true(c.m.code == 204 && c.block1 == (2 << 4) && c.rsc == 2000);
    expect_int("octets", strncmp((const char *)c.m.payload.ptr, "op=5 to=x fr=- in=34/", 21), 0);
    ask(fd, block_of(mid++, "r2", CONTENT, 2, 0), &c);
    assert_int_equal(c.m.code, 204);
    ask(fd, block_of(mid++, "r1", CONTENT, 2, 0), &c); /* that one is over */
    assert_int_equal(c.m.code, 408);
    assert_int_equal(atomic_load(&handled), 2);

    escertke_coap_stats stats;
    pause_ms(50);
    ask(fd, (struct sent){ .mid = mid++ }, &c);
    escertke_coap_server_get_stats(s, &stats);
    assert_int_equal(stats.transfers, 0);
    assert_int_equal(stats.transfer_bytes, 0);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void bounds_contents(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){
        .handler = echo, .max_body = 40, .max_transfers = 8, .max_transfer_bytes = 60, .timeout_s = 1 });
    int fd = connect_to(s);
    struct came c;
    uint16_t mid = 1;
    char large[100];
    static const char *const rqis[] = { "a", "b", "c", "d" };

    (void)state;
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    ask(fd, (struct sent){ .code = 2, .mid = mid++, .options = { TO, JSON, RQI }, .payload = large }, &c);
    assert_true(c.m.code == 413 && c.rsc == 4000);
    ask(fd, block_of(mid++, "r1", large, 0, 0), &c);
    assert_int_equal(c.m.code, 231);
    ask(fd, block_of(mid++, "r1", large, 1, 0), &c);
    assert_int_equal(c.m.code, 231);
    ask(fd, block_of(mid++, "r1", large, 2, 0), &c); /* 48 octets */
    assert_int_equal(c.m.code, 413);
    /* of one address a quarter of 8: the oldest goes */
    for (size_t i = 0; i < COUNT(rqis); i++) {
        ask(fd, block_of(mid++, rqis[i], CONTENT, 0, 0), &c);
        assert_int_equal(c.m.code, 231);
        pause_ms(2);
    }
    ask(fd, block_of(mid++, "a", CONTENT, 1, 0), &c);
    assert_int_equal(c.m.code, 408);
    ask(fd, block_of(mid++, "d", CONTENT, 1, 0), &c);
    assert_int_equal(c.m.code, 231);
    ask(fd, block_of(mid++, "c", CONTENT, 1, 0), &c); /* 64 octets altogether */
    assert_int_equal(c.m.code, 503);
    ask(fd, block_of(mid++, "d", CONTENT, 2, 0), &c);
    assert_int_equal(c.m.code, 204);
    ask(fd, block_of(mid++, "e", CONTENT, 0, 0), &c);
    assert_int_equal(c.m.code, 231);
    pause_ms(2200); /* past the time for a block */
    ask(fd, block_of(mid++, "e", CONTENT, 1, 0), &c);
    assert_int_equal(c.m.code, 408);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void gives_contents_in_blocks(void **state)
{
    struct sent m = { .code = 1, .token = "t", .options = { TO, RQI } };
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    int fd = connect_to(s);
    struct came c;
    char got[3000];
    size_t have = 0;

    (void)state;
    atomic_store(&answer_len, 2500);
    for (unsigned num = 0; num < 3; num++) {
        m.mid = (uint16_t)(10 + num);
        m.block2 = num ? BLOCK(num, 0, 6) : 0;
        ask(fd, m, &c);
        assert_true(c.m.code == 205 && c.rsc == 2000 && c.block2 == (long)(num << 4 | (num < 2 ? 8 : 0) | 6));
        assert_string_equal(c.rqi, "r1");
        memcpy(got + have, c.m.payload.ptr, c.m.payload.len);
        have += c.m.payload.len;
    }
    assert_int_equal(have, 2500);
    for (size_t i = 0; i < have; i++)
        assert_int_equal(got[i], 'a' + (i / 7) % 26);
    assert_int_equal(atomic_load(&handled), 1);
    /* a block behind the end, and one of another request */
    m.mid = 20;
    m.block2 = BLOCK(3, 0, 6);
    ask(fd, m, &c);
    assert_int_equal(c.m.code, 408);
    m.mid = 21;
    m.block2 = BLOCK(1, 0, 6);
    m.options[1].value = "r2";
    ask(fd, m, &c);
    assert_int_equal(c.m.code, 408);
    /* smaller blocks, as the client wishes */
    m.mid = 22;
    m.block2 = BLOCK(0, 0, 2);
    ask(fd, m, &c);
    assert_true(c.m.code == 205 && c.block2 == (8 | 2) && c.m.payload.len == 64);
    m.mid = 23;
    m.block2 = BLOCK(39, 0, 2);
    ask(fd, m, &c);
    assert_true(c.m.code == 205 && c.block2 == (39 << 4 | 2) && c.m.payload.len == 4);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void says_when_responses_have_no_room(void **state)
{
    struct sent m = { .code = 1, .mid = 5, .token = "t", .options = { TO, RQI } };
    escertke_coap_server *s =
        start_with((escertke_coap_server_config){ .handler = echo, .max_transfer_bytes = 2000 });
    int fd = connect_to(s);
    struct came c;

    (void)state;
    atomic_store(&answer_len, 2500);
    ask(fd, m, &c);
    assert_true(c.m.code == 503 && c.rsc == 5000 && c.m.payload.len == 0);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

/* ---- load and end -------------------------------------------------------------------------------------------- */

static void turns_away_what_is_too_much(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo, .workers = 1 });
    int fd = connect_to(s);
    struct came c;
    escertke_coap_stats stats;
    int refused = 0, answered = 0;

    (void)state;
    atomic_store(&held, true);
    for (uint16_t i = 0; i < 20; i++)
        send_msg(fd, &(struct sent){ .type = ESC_COAP_NON, .code = 1, .mid = i, .options = { TO, RQI } });
    receive(fd, &c);
    assert_true(c.m.code == 503 && c.rsc == 5000);
    pause_ms(100);
    escertke_coap_server_get_stats(s, &stats);
    assert_in_range(stats.busy, 16, 17);
    atomic_store(&held, false);
    for (int i = 1; i < 20; i++) {
        receive(fd, &c);
        refused += c.m.code == 503;
        answered += c.m.code == 205;
    }
    assert_int_equal(answered, (int)stats.busy);
    assert_int_equal(refused, 19 - answered);
    close(fd);
    escertke_coap_server_stop(s, 0);
}

static void *let_go(void *unused)
{
    pause_ms(200);
    atomic_store(&held, false);
    return unused;
}

/* What is being answered is finished; what waits behind it is told. */
static void stops(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo, .workers = 1 });
    int fd = connect_to(s);
    struct came c;
    pthread_t thread;

    (void)state;
    atomic_store(&held, true);
    send_msg(fd, &(struct sent){ .code = 1, .mid = 1, .token = "1", .options = { TO, RQI } });
    pause_ms(50);
    send_msg(fd, &(struct sent){ .code = 1, .mid = 2, .token = "2", .options = { TO, RQI } });
    pause_ms(50);
    assert_int_equal(pthread_create(&thread, NULL, let_go, NULL), 0);
    escertke_coap_server_stop(s, 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) {
        receive(fd, &c);
        assert_int_equal(c.m.code, c.token[0] == '1' ? 205 : 503);
    }
    close(fd);
    escertke_coap_server_stop(NULL, 0);
}

static void refuses_to_start(void **state)
{
    static const struct {
        const char *url;
        escertke_err err;
    } urls[] = { { "http://127.0.0.1:0", ESCERTKE_ERR_ARG },
                 { "coap://127.0.0.1:0/%00", ESCERTKE_ERR_ARG },
                 { "coap://192.0.2.1:0", ESCERTKE_ERR_IO },
                 { "coaps://127.0.0.1:0", ESCERTKE_ERR_CREDENTIAL } };
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo }), *second = NULL;
    escertke_detail d;

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        escertke_coap_server_config cfg = { .listen = urls[i].url, .handler = echo };
        escertke_detail_init(&d);
        expect_err(urls[i].url, escertke_coap_server_start(&cfg, &second, &d), urls[i].err, &d);
        assert_true(d.reason[0]);
        assert_null(second);
    }
    escertke_coap_server_config same = { .listen = escertke_coap_server_url(s), .handler = echo };
    escertke_detail_init(&d);
    expect_err("port in use", escertke_coap_server_start(&same, &second, &d), ESCERTKE_ERR_IO, &d);
    same.handler = NULL;
    expect_err("no handler", escertke_coap_server_start(&same, &second, NULL), ESCERTKE_ERR_ARG, NULL);
    escertke_coap_server_stop(s, 0);
}

static void takes_a_socket(void **state)
{
    escertke_coap_server_config cfg = { .listen = "coap://127.0.0.1:0", .handler = echo };
    escertke_coap_server *s = NULL;
    struct came c;
    int fd = -1;

    (void)state;
    assert_int_equal(escertke_coap_listen(cfg.listen, &cfg.listen_fd, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_coap_listen("http://127.0.0.1", &fd, NULL), ESCERTKE_ERR_ARG);
    s = start_with(cfg);
    fd = connect_to(s);
    ask(fd, (struct sent){ .code = 1, .mid = 1, .options = { TO, RQI } }, &c);
    assert_int_equal(c.m.code, 205);
    close(fd);
    escertke_coap_server_stop(s, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(rejects_messages),
        cmocka_unit_test(answers_repeats_from_memory),
        cmocka_unit_test(answers_separately),
        cmocka_unit_test(takes_contents_in_blocks),
        cmocka_unit_test(bounds_contents),
        cmocka_unit_test(gives_contents_in_blocks),
        cmocka_unit_test(says_when_responses_have_no_room),
        cmocka_unit_test(turns_away_what_is_too_much),
        cmocka_unit_test(stops),
        cmocka_unit_test(refuses_to_start),
        cmocka_unit_test(takes_a_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

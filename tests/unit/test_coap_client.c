/* The client, answered by whatever a test wants to say. */
#include "coap_support.h"

enum { STEPS_MAX = 8 };

/* How to answer one request. NULL token: the request's. */
struct step {
    enum { PIGGYBACKED, SEPARATE, SEPARATE_NON, UNCONFIRMED, REJECT, SILENCE, GARBAGE, OTHER_TOKEN, OTHER_MID, TWICE } how;
    int code;
    struct option_text options[6];
    int64_t block1, block2; /* see BLOCK */
    const char *payload;
};

struct canned {
    struct step steps[STEPS_MAX];
    size_t count; /* of them; the last one answers what comes after it, too */
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_bool stop;
    size_t requests; /* without repeats */
    size_t repeats;
    long block1[STEPS_MAX], block2[STEPS_MAX];
    size_t lens[STEPS_MAX];
    char body[4096]; /* payloads one behind the other */
    size_t body_len;
    int rejected; /* RST that came */
};

static void answer(struct canned *c, const struct step *step, const struct came *in, const struct sockaddr_in *to)
{
    struct sent m = { .code = step->code, .block1 = step->block1, .block2 = step->block2, .payload = step->payload };
    const struct sockaddr *sa = (const struct sockaddr *)to;
    uint8_t bytes[4096];
    size_t len;

    memcpy(m.options, step->options, sizeof step->options);
    m.token = (const char *)in->m.token;
    m.token_len = in->m.token_len;
    m.mid = in->m.mid;
    m.type = step->how == SEPARATE ? ESC_COAP_CON : step->how == SEPARATE_NON ? ESC_COAP_NON : ESC_COAP_ACK;
    if (step->how == SILENCE)
        return;
    if (step->how == GARBAGE) {
        sendto(c->fd, "\x40\x00", 2, 0, sa, sizeof *to);
        return;
    }
    if (step->how == REJECT) {
        len = encode(&(struct sent){ .type = ESC_COAP_RST, .mid = m.mid }, bytes, sizeof bytes);
        sendto(c->fd, bytes, len, 0, sa, sizeof *to);
        return;
    }
    if (step->how == SEPARATE || step->how == SEPARATE_NON) {
        len = encode(&(struct sent){ .type = ESC_COAP_ACK, .mid = m.mid }, bytes, sizeof bytes);
        sendto(c->fd, bytes, len, 0, sa, sizeof *to);
        pause_ms(20);
        m.mid = 0x7777;
    }
    if (step->how == UNCONFIRMED) { /* a response without an acknowledgement confirms as well */
        m.type = ESC_COAP_CON;
        m.mid = 0x7778;
    }
    if (step->how == OTHER_TOKEN || step->how == OTHER_MID) { /* to be passed over; then the right one */
        struct sent wrong = m;
        if (step->how == OTHER_TOKEN)
            wrong.token = "notitnow"; /* of the same length */
        wrong.mid = step->how == OTHER_MID ? (uint16_t)(m.mid + 1) : m.mid;
        len = encode(&wrong, bytes, sizeof bytes);
        sendto(c->fd, bytes, len, 0, sa, sizeof *to);
        wrong.type = ESC_COAP_CON;
        wrong.token = "notitnow";
        wrong.mid = 0x6666;
        len = encode(&wrong, bytes, sizeof bytes);
        sendto(c->fd, bytes, len, 0, sa, sizeof *to);
    }
    len = encode(&m, bytes, sizeof bytes);
    sendto(c->fd, bytes, len, 0, sa, sizeof *to);
    if (step->how == TWICE)
        sendto(c->fd, bytes, len, 0, sa, sizeof *to);
}

static void *canned_run(void *arg)
{
    struct canned *c = arg;
    struct sockaddr_in from;
    uint16_t last_mid = 0;
    struct came in;

    while (!atomic_load(&c->stop)) {
        socklen_t len = sizeof from;
        uint8_t peeked[1];
        if (recvfrom(c->fd, peeked, 1, MSG_PEEK, (struct sockaddr *)&from, &len) < 0 || !try_receive(c->fd, &in))
            continue;
        c->rejected += in.m.type == ESC_COAP_RST;
        if (in.m.type == ESC_COAP_ACK || in.m.type == ESC_COAP_RST)
            continue;
        bool repeat = c->requests && in.m.mid == last_mid;
        last_mid = in.m.mid;
        if (repeat) {
            c->repeats++;
        } else if (c->requests < STEPS_MAX) {
            c->block1[c->requests] = in.block1;
            c->block2[c->requests] = in.block2;
            c->lens[c->requests] = in.m.payload.len;
            if (c->body_len + in.m.payload.len <= sizeof c->body && in.m.payload.len) {
                memcpy(c->body + c->body_len, in.m.payload.ptr, in.m.payload.len);
                c->body_len += in.m.payload.len;
            }
        }
        c->requests += !repeat;
        answer(c, &c->steps[c->requests < c->count ? c->requests - 1 : c->count - 1], &in, &from);
    }
    return NULL;
}

static void canned_start(struct canned *c)
{
    c->fd = udp_socket(0, &c->port);
    set_patience(c->fd, 20);
    assert_int_equal(pthread_create(&c->thread, NULL, canned_run, c), 0);
}

static void canned_stop(struct canned *c)
{
    atomic_store(&c->stop, true);
    struct came left;
    pthread_join(c->thread, NULL);
    while (try_receive(c->fd, &left)) /* what the client sent last may have come after the end */
        c->rejected += left.m.type == ESC_COAP_RST;
    close(c->fd);
}

static escertke_coap_client *new_client(uint32_t timeout_ms)
{
    const escertke_coap_client_config cfg = { .ack_timeout_ms = 100, .timeout_ms = timeout_ms };
    escertke_coap_client *c = NULL;

    assert_int_equal(escertke_coap_client_new(&cfg, &c), ESCERTKE_OK);
    return c;
}

static escertke_err exchange(struct canned *server, const char *content, uint32_t timeout_ms, escertke_primitive *rsp,
                             escertke_detail *d)
{
    escertke_coap_client *c = new_client(timeout_ms);
    escertke_primitive req;
    char base[64];

    escertke_detail_init(d);
    escertke_primitive_init(rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "r1", content);
    canned_start(server);
    snprintf(base, sizeof base, "coap://127.0.0.1:%u", (unsigned)server->port);
    escertke_err err = escertke_coap_send(c, base, false, &req, rsp, d);
    canned_stop(server);
    escertke_coap_client_free(c);
    escertke_primitive_clear(&req);
    return err;
}

#define RSC { 307, "\x07\xd0" }
#define OK_OPTIONS { JSON, RQI, RSC }

static const struct {
    const char *name;
    struct step step;
    escertke_err err;
    int rsc;
    unsigned repeats; /* at least */
} answers[] = {
    { "good", { PIGGYBACKED, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "2.05", { PIGGYBACKED, 205, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "separate", { SEPARATE, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "separate, not confirmable", { SEPARATE_NON, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "separate, acknowledgement lost", { UNCONFIRMED, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "twice", { TWICE, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "another token first", { OTHER_TOKEN, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "another message first", { OTHER_MID, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_OK, 2000, 0 },
    { "one block", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 0, 6), "{}" }, ESCERTKE_OK, 2000, 0 },
    { "refused", { PIGGYBACKED, 403, { JSON, RQI, { 307, "\x10\x0a" } }, 0, 0, "{}" }, ESCERTKE_OK, 4106, 0 },
    { "no RSC", { PIGGYBACKED, 204, { JSON, RQI }, 0, 0, "{}" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "4.02 of a CoAP library", { PIGGYBACKED, 402, { { 283, "" } }, 0, 0, "Bad Option" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "unknown and critical", { PIGGYBACKED, 204, { JSON, RQI, RSC, { 999, "" } }, 0, 0, "{}" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "another RQI", { PIGGYBACKED, 204, { JSON, { 283, "r2" }, RSC }, 0, 0, "{}" }, ESCERTKE_ERR_RQI, 0, 0 },
    { "no type", { PIGGYBACKED, 204, { RQI, RSC }, 0, 0, "{}" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "continue what was whole", { PIGGYBACKED, 231, { { 12, "\x32" } }, BLOCK(0, 1, 6), 0, NULL }, ESCERTKE_ERR_COAP, 0, 0 },
    { "begins in the middle", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(1, 0, 6), "{}" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "block that is not full", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 6), "{}" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "one block for ever", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 0), "0123456789abcdef" }, ESCERTKE_ERR_COAP, 0, 0 },
    { "rejected", { REJECT, 0, { { 0, NULL } }, 0, 0, NULL }, ESCERTKE_ERR_UNREACHABLE, 0, 0 },
    { "silence", { SILENCE, 0, { { 0, NULL } }, 0, 0, NULL }, ESCERTKE_ERR_UNREACHABLE, 0, 2 },
    { "garbage", { GARBAGE, 0, { { 0, NULL } }, 0, 0, NULL }, ESCERTKE_ERR_DEADLINE, 0, 2 },
};

static void judges_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct canned server = { .steps = { answers[i].step }, .count = 1 };
        escertke_primitive rsp;
        escertke_detail d;
        escertke_err err = exchange(&server, "{}", 1000, &rsp, &d);

        expect_err(answers[i].name, err, answers[i].err, &d);
        expect_int(answers[i].name, rsp.rsc, answers[i].rsc);
        if (err == ESCERTKE_OK)
            expect_content(answers[i].name, &rsp, "{}");
        else
            assert_true(d.reason[0] && rsp.content.len == 0);
        if (server.repeats < answers[i].repeats)
            fail_msg("%s: %zu repeats", answers[i].name, server.repeats);
        if (answers[i].step.how == OTHER_TOKEN)
            assert_int_equal(server.rejected, 1);
        escertke_primitive_clear(&rsp);
    }
}

/* 100 ms to 150, then twice that and so on: five transmissions in 3.1 to 4.7 s, and then it is given up. */
static void gives_up_after_five(void **state)
{
    struct canned server = { .steps = { { .how = SILENCE } }, .count = 1 };
    escertke_primitive rsp;
    escertke_detail d;
    uint64_t before = escertke_system_clock(NULL).mono_ms;

    (void)state;
    expect_err("silence", exchange(&server, "{}", 20000, &rsp, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    assert_in_range(escertke_system_clock(NULL).mono_ms - before, 3000, 9000);
    assert_int_equal(server.repeats, 4);
}

#define C64 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ{}"
#define C512 C64 C64 C64 C64 C64 C64 C64 C64
#define C1300 C512 C512 C64 C64 C64 C64 "0123456789abcdef{}!?"

static void sends_blocks(void **state)
{
    static const char content[] = C1300;
    struct canned server = { .steps = { { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 6), 0, NULL },
                                        { PIGGYBACKED, 204, OK_OPTIONS, BLOCK(1, 0, 6), 0, "{}" } },
                             .count = 2 };
    escertke_primitive rsp;
    escertke_detail d;

    (void)state;
    expect_err("two blocks", exchange(&server, content, 3000, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(server.requests, 2);
    assert_int_equal(server.block1[0], 8 | 6);
    assert_int_equal(server.block1[1], 1 << 4 | 6);
    assert_int_equal(server.body_len, strlen(content));
    assert_memory_equal(server.body, content, server.body_len);
    escertke_primitive_clear(&rsp);
}

/* RFC 7959 2.3: the server wants smaller blocks, after it has taken the first; after it has not; it has lost what came before. */
static void sends_blocks_as_the_server_wants(void **state)
{
    static const char content[] = C1300;
    struct canned smaller = { .steps = { { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 4), 0, NULL },
                                         { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(4, 1, 4), 0, NULL },
                                         { PIGGYBACKED, 204, OK_OPTIONS, BLOCK(5, 0, 4), 0, "{}" } },
                              .count = 3 };
    struct canned too_large = { .steps = { { PIGGYBACKED, 413, { { 0, NULL } }, BLOCK(0, 1, 5), 0, NULL },
                                           { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 5), 0, NULL },
                                           { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(1, 1, 5), 0, NULL },
                                           { PIGGYBACKED, 204, OK_OPTIONS, BLOCK(2, 0, 5), 0, "{}" } },
                                .count = 4 };
    struct canned lost = { .steps = { { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 6), 0, NULL },
                                      { PIGGYBACKED, 408, { { 0, NULL } }, BLOCK(1, 0, 6), 0, NULL },
                                      { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 6), 0, NULL },
                                      { PIGGYBACKED, 204, OK_OPTIONS, BLOCK(1, 0, 6), 0, "{}" } },
                           .count = 4 };
    struct canned lost_twice = { .steps = { { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 6), 0, NULL },
                                            { PIGGYBACKED, 408, { { 0, NULL } }, 0, 0, NULL },
                                            { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 6), 0, NULL },
                                            { PIGGYBACKED, 408, { { 0, NULL } }, 0, 0, NULL } },
                                 .count = 4 };
    escertke_primitive rsp;
    escertke_detail d;

    (void)state;
    expect_err("smaller", exchange(&smaller, content, 3000, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(smaller.requests, 3);
    assert_int_equal(smaller.block1[1], 4 << 4 | 8 | 4);
    assert_int_equal(smaller.body_len, strlen(content));
    assert_memory_equal(smaller.body, content, smaller.body_len);
    escertke_primitive_clear(&rsp);
    expect_err("too large", exchange(&too_large, content, 3000, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(too_large.requests, 4);
    assert_memory_equal(too_large.body + 1024, content, strlen(content)); /* behind the first block of 1024 */
    escertke_primitive_clear(&rsp);
    expect_err("lost", exchange(&lost, content, 3000, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(lost.requests, 4);
    escertke_primitive_clear(&rsp);
    expect_err("lost twice", exchange(&lost_twice, content, 3000, &rsp, &d), ESCERTKE_ERR_COAP, &d);
    assert_int_equal(lost_twice.requests, 4);
}

static const struct {
    const char *name;
    struct step first;
} wrong_confirmations[] = {
    { "another block", { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(1, 1, 6), 0, NULL } },
    { "none", { PIGGYBACKED, 231, { { 0, NULL } }, 0, 0, NULL } },
    { "larger blocks", { PIGGYBACKED, 231, { { 0, NULL } }, BLOCK(0, 1, 7), 0, NULL } },
    { "an answer too early", { PIGGYBACKED, 204, OK_OPTIONS, BLOCK(0, 1, 6), 0, "{}" } },
};

static void refuses_wrong_confirmations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_confirmations); i++) {
        struct canned server = { .steps = { wrong_confirmations[i].first }, .count = 1 };
        escertke_primitive rsp;
        escertke_detail d;

        expect_err(wrong_confirmations[i].name, exchange(&server, C1300, 2000, &rsp, &d), ESCERTKE_ERR_COAP, &d);
    }
}

static void fetches_blocks(void **state)
{
    struct canned server = { .steps = { { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 2), C64 },
                                        { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(1, 1, 2), C64 },
                                        { SEPARATE, 204, OK_OPTIONS, 0, BLOCK(2, 0, 2), "{}" } },
                             .count = 3 };
    struct canned smaller = { .steps = { { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 2), C64 },
                                         { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(4, 1, 0), "0123456789abcdef" },
                                         { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(5, 0, 0), "{}" } },
                              .count = 3 };
    escertke_primitive rsp;
    escertke_detail d;

    (void)state;
    expect_err("three blocks", exchange(&server, "{}", 3000, &rsp, &d), ESCERTKE_OK, &d);
    expect_content("three blocks", &rsp, C64 C64 "{}");
    assert_int_equal(server.block2[0], -1);
    assert_int_equal(server.block2[1], 1 << 4 | 2);
    assert_int_equal(server.block2[2], 2 << 4 | 2);
    assert_int_equal(server.lens[1], 0);
    escertke_primitive_clear(&rsp);
    expect_err("smaller", exchange(&smaller, "{}", 3000, &rsp, &d), ESCERTKE_OK, &d);
    expect_content("smaller", &rsp, C64 "0123456789abcdef{}");
    escertke_primitive_clear(&rsp);
}

static const struct {
    const char *name;
    struct step second;
    escertke_err err;
} second_blocks[] = {
    { "the one after it", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(2, 0, 2), "{}" }, ESCERTKE_ERR_COAP },
    { "the first again", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 2), C64 }, ESCERTKE_ERR_COAP },
    { "not full", { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(1, 1, 2), "{}" }, ESCERTKE_ERR_COAP },
    { "of another response", { PIGGYBACKED, 204, { JSON, { 283, "r2" }, RSC }, 0, BLOCK(1, 0, 2), "{}" }, ESCERTKE_ERR_RQI },
    { "of another type", { PIGGYBACKED, 204, { { 12, "\x3c" }, RQI, RSC }, 0, BLOCK(1, 0, 2), "{}" }, ESCERTKE_ERR_COAP },
    { "of another code", { PIGGYBACKED, 205, OK_OPTIONS, 0, BLOCK(1, 0, 2), "{}" }, ESCERTKE_ERR_COAP },
    { "lost", { PIGGYBACKED, 408, { JSON, RQI, { 307, "\x0f\xa0" } }, 0, 0, "{}" }, ESCERTKE_ERR_COAP },
    { "none", { PIGGYBACKED, 204, OK_OPTIONS, 0, 0, "{}" }, ESCERTKE_ERR_COAP },
    { "silence", { .how = SILENCE }, ESCERTKE_ERR_DEADLINE },
};

static void refuses_wrong_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(second_blocks); i++) {
        struct canned server = { .steps = { { PIGGYBACKED, 204, OK_OPTIONS, 0, BLOCK(0, 1, 2), C64 }, second_blocks[i].second },
                                 .count = 2 };
        escertke_primitive rsp;
        escertke_detail d;

        expect_err(second_blocks[i].name, exchange(&server, "{}", 1000, &rsp, &d), second_blocks[i].err, &d);
        assert_int_equal(rsp.content.len, 0);
    }
}

/* As large as a primitive may be: 128 blocks. */
static void fetches_the_largest_content(void **state)
{
    escertke_coap_server *s = start_with((escertke_coap_server_config){ .handler = echo });
    escertke_coap_client *c = new_client(10000);
    escertke_primitive req, rsp;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/S5f0e", "r1", "{}");
    atomic_store(&answer_len, ESCERTKE_PRIMITIVE_MAX);
    expect_err("limit", escertke_coap_send(c, escertke_coap_server_url(s), false, &req, &rsp, &d), ESCERTKE_OK, &d);
    assert_int_equal(rsp.content.len, ESCERTKE_PRIMITIVE_MAX);
    escertke_primitive_clear(&rsp);
    escertke_primitive_clear(&req);
    escertke_coap_client_free(c);
    escertke_coap_server_stop(s, 0);
}

static void refuses_arguments(void **state)
{
    static const struct {
        const char *base, *to;
        escertke_err err;
    } rows[] = { { "http://127.0.0.1", "/in1/C1", ESCERTKE_ERR_ARG },
                 { "coap://127.0.0.1:0", "/in1/C1", ESCERTKE_ERR_ARG },
                 { "coap://127.0.0.1", "/in1//C1", ESCERTKE_ERR_ARG },
                 { "coap://127.0.0.1", NULL, ESCERTKE_ERR_ARG },
                 { "coap://no.such.host.invalid", "/in1/C1", ESCERTKE_ERR_UNREACHABLE } };
    escertke_coap_client *c = new_client(1000);
    escertke_primitive req, rsp;
    escertke_detail d;

    (void)state;
    escertke_primitive_init(&rsp);
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_detail_init(&d);
        make_request(&req, ESCERTKE_OP_NOTIFY, rows[i].to, "r1", "{}");
        expect_err(rows[i].base, escertke_coap_send(c, rows[i].base, false, &req, &rsp, &d), rows[i].err, &d);
        assert_true(d.reason[0]);
        escertke_primitive_clear(&req);
    }
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/C1", "r1", "{}");
    set(&req.rqet, "20200101T000000");
    expect_err("past rqet", escertke_coap_send(c, "coap://127.0.0.1", false, &req, &rsp, NULL), ESCERTKE_ERR_DEADLINE, NULL);
    escertke_primitive_clear(&req);
    assert_int_equal(escertke_coap_send(NULL, "coap://127.0.0.1", false, &req, &rsp, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_coap_client_new(NULL, &c), ESCERTKE_ERR_ARG);
    escertke_coap_client_free(c);
    escertke_coap_client_free(NULL);
}

/* Nobody has the port: the system says so at once. */
static void tells_when_nobody_is_there(void **state)
{
    escertke_coap_client *c = new_client(10000);
    escertke_primitive req, rsp;
    uint64_t before = escertke_system_clock(NULL).mono_ms;
    uint16_t port;
    char base[64];

    (void)state;
    close(udp_socket(0, &port));
    snprintf(base, sizeof base, "coap://127.0.0.1:%u", (unsigned)port);
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/C1", "r1", "{}");
    assert_int_equal(escertke_coap_send(c, base, false, &req, &rsp, NULL), ESCERTKE_ERR_UNREACHABLE);
    assert_in_range(escertke_system_clock(NULL).mono_ms - before, 0, 2000);
    escertke_primitive_clear(&req);
    escertke_coap_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_answers),
        cmocka_unit_test(gives_up_after_five),
        cmocka_unit_test(sends_blocks),
        cmocka_unit_test(sends_blocks_as_the_server_wants),
        cmocka_unit_test(refuses_wrong_confirmations),
        cmocka_unit_test(fetches_blocks),
        cmocka_unit_test(refuses_wrong_blocks),
        cmocka_unit_test(fetches_the_largest_content),
        cmocka_unit_test(refuses_arguments),
        cmocka_unit_test(tells_when_nobody_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A polling channel at a CSE that the test is: what it answers is a list of answers, one poll each. */
#include "binding/polling.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fail.h"
#include "binding_support.h"

#define RQP(rqi) "{\"m2m:rqp\":{\"op\":5,\"to\":\"/in1/Cmeter\",\"fr\":\"/mn1/Cpanel\",\"rqi\":\"" rqi "\",\"rvi\":\"3\",\"pc\":{\"m2m:dbg\":\"x\"}}}"

struct scripted {
    escertke_err err;
    int rsc;
    const char *content;
    const char *rqi; /* NULL = that of the request */
};

struct cse {
    pthread_mutex_t lock;
    struct scripted create[8], find[8], polls[8]; /* the last of each kind stays; rsc 0 and err 0: wait and answer 4008 */
    size_t created, found, polled, creates;
    struct scripted answer; /* to NOTIFYs; rsc 0 = 2000 */
    atomic_bool interrupted;
    atomic_int notifies, ups, downs, handled, hold;
    char notified[8][600], polled_at[100], why[400], to[100];
    escertke_err down;
    uint32_t timeout_ms;
    bool busy_loop; /* the last poll is answered without end */
};

static escertke_err play(const struct scripted *s, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    if (s->err != ESCERTKE_OK)
        return esc_fail(d, s->err, "", "scripted");
    rsp->rsc = s->rsc;
    set(&rsp->rqi, s->rqi ? s->rqi : req->rqi);
    if (s->content)
        assert_int_equal(escertke_buf_append(&rsp->content, s->content, strlen(s->content)), ESCERTKE_OK);
    return ESCERTKE_OK;
}

static const struct scripted *next(struct cse *c, const struct scripted list[8], size_t *at)
{
    pthread_mutex_lock(&c->lock);
    const struct scripted *s = &list[*at < 7 ? *at : 7];
    ++*at;
    pthread_mutex_unlock(&c->lock);
    return s;
}

static escertke_err poll_it(struct cse *c, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct scripted *s = next(c, c->polls, &c->polled);

    snprintf(c->polled_at, sizeof c->polled_at, "%s", req->to);
    if (s->err != ESCERTKE_OK || s->rsc)
        return play(s, req, rsp, d);
    for (int i = 0; i < 100 && !atomic_load(&c->interrupted); i++)
        usleep(20000);
    return play(&(struct scripted){ .rsc = 4008 }, req, rsp, d);
}

static escertke_err send_it(void *ctx, const escertke_primitive *req, uint32_t timeout_ms, escertke_primitive *rsp, escertke_detail *d)
{
    struct cse *c = ctx;

    assert_string_equal(req->fr, "Cmeter");
    assert_string_equal(req->rvi, "3");
    if (req->op == ESCERTKE_OP_CREATE) {
        assert_int_equal(req->ty, 15);
        assert_string_equal(req->to, "/in1/Cmeter");
        expect_content("channel", req, "{\"m2m:pch\":{\"rn\":\"pch\"}}");
        return play(next(c, c->create, &c->created), req, rsp, d);
    }
    if (req->op == ESCERTKE_OP_RETRIEVE && !strstr(req->to, "/pcu")) {
        if (strcmp(req->to, "/in1/Cmeter") == 0)
            return play(&(struct scripted){ .rsc = 2000, .content = "{\"m2m:ae\":{\"rn\":\"meter\",\"ri\":\"Cmeter\"}}" }, req, rsp, d);
        assert_string_equal(req->to, "/in1/-/meter/pch");
        return play(next(c, c->find, &c->found), req, rsp, d);
    }
    if (req->op == ESCERTKE_OP_RETRIEVE) {
        assert_non_null(req->rqet);
        assert_int_equal(strlen(req->rqet), 15);
        c->timeout_ms = timeout_ms;
        return poll_it(c, req, rsp, d);
    }
    assert_int_equal(req->op, ESCERTKE_OP_NOTIFY);
    size_t i = (size_t)atomic_load(&c->notifies);
    snprintf(c->notified[i < 8 ? i : 7], sizeof c->notified[0], "%.*s", (int)req->content.len, (const char *)req->content.ptr);
    snprintf(c->to, sizeof c->to, "%s", req->to);
    escertke_err err = play(c->answer.rsc || c->answer.err ? &c->answer : &(struct scripted){ .rsc = 2000 }, req, rsp, d);
    atomic_fetch_add(&c->notifies, 1);
    return err;
}

static void interrupt(void *ctx)
{
    atomic_store(&((struct cse *)ctx)->interrupted, true);
}

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    struct cse *c = ctx;

    (void)now;
    for (int i = 0; i < 200 && atomic_load(&c->hold); i++)
        usleep(20000);
    atomic_fetch_add(&c->handled, 1);
    rsp->rsc = 2000;
    set(&rsp->rqi, req->rqi);
    set(&rsp->rvi, req->rvi);
    assert_int_equal(escertke_buf_append(&rsp->content, "{\"m2m:dbg\":\"y\"}", 15), ESCERTKE_OK);
}

static void on_state(void *ctx, bool up, const char *address, const escertke_detail *why)
{
    struct cse *c = ctx;

    if (!up) {
        pthread_mutex_lock(&c->lock);
        c->down = why->err;
        snprintf(c->why, sizeof c->why, "%s", why->reason);
        pthread_mutex_unlock(&c->lock);
    } else {
        assert_non_null(strstr(address, "/pcu"));
    }
    atomic_fetch_add(up ? &c->ups : &c->downs, 1);
}

#define MADE { .rsc = 2001, .content = "{\"m2m:pch\":{\"ri\":\"pch7\",\"rn\":\"pch\"}}" }

static void cse_init(struct cse *c)
{
    memset(c, 0, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    for (size_t i = 0; i < 8; i++)
        c->create[i] = (struct scripted)MADE;
}

static escertke_polling *start(struct cse *c, unsigned workers)
{
    const escertke_polling_config cfg = { .entity = "/in1/Cmeter",
                                          .from = "Cmeter",
                                          .poll_ms = 2000,
                                          .workers = workers,
                                          .send = send_it,
                                          .interrupt = interrupt,
                                          .send_ctx = c,
                                          .handler = handle,
                                          .handler_ctx = c,
                                          .on_state = on_state,
                                          .state_ctx = c };
    escertke_polling *p = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err("start", escertke_polling_start(&cfg, &p, &d), ESCERTKE_OK, &d);
    return p;
}

static void wait_for(const char *name, atomic_int *count, int least)
{
    for (int i = 0; i < 500 && atomic_load(count) < least; i++)
        usleep(20000);
    if (atomic_load(count) < least)
        fail_msg("%s: %d, expected %d", name, atomic_load(count), least);
}

static escertke_polling_stats end(escertke_polling *p)
{
    escertke_polling_stats stats;
    uint64_t begun_ms = escertke_system_clock(NULL).mono_ms;

    escertke_polling_get_stats(p, &stats);
    escertke_polling_stop(p);
    assert_true(escertke_system_clock(NULL).mono_ms - begun_ms < 1000);
    return stats;
}

static void a_request_and_its_answer(void **state)
{
    struct cse c;

    (void)state;
    cse_init(&c);
    c.polls[0] = (struct scripted){ .rsc = 2000, .content = RQP("Cpanel/1") };
    c.polls[1] = (struct scripted){ .rsc = 2000, .content = RQP("Cpanel/2") };
    escertke_polling *p = start(&c, 1);
    wait_for("answers", &c.notifies, 2);
    usleep(100000);
    escertke_polling_stats s = end(p);
    assert_string_equal(c.polled_at, "/in1/pch7/pcu");
    assert_string_equal(c.to, "/in1/pch7/pcu");
    assert_int_equal(c.timeout_ms, 2000 + 5000);
    assert_string_equal(c.notified[0],
                        "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"Cpanel/1\",\"pc\":{\"m2m:dbg\":\"y\"},\"to\":\"/mn1/Cpanel\",\"fr\":\"Cmeter\","
                        "\"rvi\":\"3\"}}");
    assert_non_null(strstr(c.notified[1], "\"rqi\":\"Cpanel/2\""));
    assert_int_equal(s.requests, 2);
    assert_int_equal(s.answered, 2);
    assert_int_equal(s.channels, 1);
    assert_true(s.up);
    assert_int_equal(atomic_load(&c.ups), 1);
    assert_int_equal(atomic_load(&c.downs), 0);
}

/* What makes the next step wait, its error and words, and that all is well again after it. */
static void wrong_answers(void **state)
{
    static const struct {
        const char *name;
        struct scripted poll;
        escertke_err err;
        const char *says;
    } cases[] = {
        { "no content of a request", { .rsc = 2000, .content = "{\"m2m:dbg\":\"hello\"}" }, ESCERTKE_ERR_PRIMITIVE, "expected an object m2m:rqp" },
        { "no JSON", { .rsc = 2000, .content = "hello" }, ESCERTKE_ERR_JSON, "" },
        { "a response", { .rsc = 2000, .content = "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"1\"}}" }, ESCERTKE_ERR_PRIMITIVE, "m2m:rqp" },
        { "a request without rqi", { .rsc = 2000, .content = "{\"m2m:rqp\":{\"op\":5,\"to\":\"a\",\"fr\":\"b\"}}" }, ESCERTKE_ERR_PRIMITIVE, "rqi" },
        { "another rqi", { .rsc = 2000, .content = RQP("1"), .rqi = "other" }, ESCERTKE_ERR_RQI, "has rqi other" },
        { "gone", { .rsc = 4004, .content = "{\"m2m:dbg\":\"what channel?\"}" }, ESCERTKE_ERR_RSC, "polling: the CSE answered 4004 NOT_FOUND: what channel?" },
        { "not yours", { .rsc = 4103 }, ESCERTKE_ERR_RSC, "4103" },
        { "ill", { .rsc = 5000 }, ESCERTKE_ERR_RSC, "5000" },
        { "not there", { .err = ESCERTKE_ERR_UNREACHABLE }, ESCERTKE_ERR_UNREACHABLE, "scripted" },
        { "silent", { .err = ESCERTKE_ERR_DEADLINE }, ESCERTKE_ERR_DEADLINE, "scripted" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cse c;
        cse_init(&c);
        c.polls[0] = cases[i].poll;
        c.polls[1] = (struct scripted){ .rsc = 2000, .content = RQP("1") };
        escertke_polling *p = start(&c, 1);
        wait_for(cases[i].name, &c.downs, 1);
        escertke_polling_retry(p);
        wait_for(cases[i].name, &c.notifies, 1);
        escertke_polling_stats s = end(p);
        if (c.down != cases[i].err || !strstr(c.why, cases[i].says))
            fail_msg("%s: %s, %s", cases[i].name, escertke_err_name(c.down), c.why);
        expect_int(cases[i].name, atomic_load(&c.downs), 1);
        expect_int(cases[i].name, atomic_load(&c.ups), 2);
        expect_int(cases[i].name, (long)s.requests, 1);
    }
}

/* A request that cannot be read, but answered. */
static void malformed_with_rqi(void **state)
{
    struct cse c;

    (void)state;
    cse_init(&c);
    c.polls[0] = (struct scripted){ .rsc = 2000, .content = "{\"m2m:rqp\":{\"op\":9,\"to\":\"a\",\"fr\":\"b\",\"rqi\":\"7\"}}" };
    escertke_polling *p = start(&c, 1);
    wait_for("answer", &c.notifies, 1);
    usleep(50000);
    escertke_polling_stats s = end(p);
    assert_non_null(strstr(c.notified[0], "{\"m2m:rsp\":{\"rsc\":4000,\"rqi\":\"7\",\"pc\":{\"m2m:dbg\":\"polled request: op"));
    assert_int_equal(s.malformed, 1);
    assert_int_equal(atomic_load(&c.handled), 0);
    assert_int_equal(atomic_load(&c.downs), 0);
}

static void channels(void **state)
{
    static const struct {
        const char *name;
        struct scripted create, find;
        const char *pcu, *says;
    } cases[] = {
        { "no representation", { .rsc = 2001 }, { 0 }, "/in1/Cmeter/pch/pcu", NULL },
        { "no ri", { .rsc = 2001, .content = "{\"m2m:pch\":{\"rn\":\"pch\"}}" }, { 0 }, "/in1/Cmeter/pch/pcu", NULL },
        { "SP-relative ri", { .rsc = 2001, .content = "{\"m2m:pch\":{\"ri\":\"/in1/x\"}}" }, { 0 }, "/in1/x/pcu", NULL },
        { "there already", { .rsc = 4105 }, { .rsc = 2000, .content = "{\"m2m:pch\":{\"ri\":\"old\"}}" }, "/in1/old/pcu", NULL },
        { "there already, 4000", { .rsc = 4000 }, { .rsc = 2000, .content = "{\"m2m:pch\":{\"ri\":\"old\"}}" }, "/in1/old/pcu", NULL },
        { "something else is", { .rsc = 4105 }, { .rsc = 2000, .content = "{\"m2m:cnt\":{\"ri\":\"old\"}}" }, NULL, "making a <pollingChannel>: the CSE answered 4105" },
        { "not supported", { .rsc = 5001, .content = "{\"m2m:dbg\":\"no such type\"}" }, { .rsc = 4004 }, NULL,
          "making a <pollingChannel>: the CSE answered 5001 NOT_IMPLEMENTED: no such type" },
        { "another resource", { .rsc = 2001, .content = "{\"m2m:ae\":{\"ri\":\"x\"}}" }, { 0 }, NULL, "expected a <pollingChannel>, found m2m:ae" },
        { "an ri that is none", { .rsc = 2001, .content = "{\"m2m:pch\":{\"ri\":\"a b\"}}" }, { 0 }, NULL, "ri is no identifier" },
        { "an empty ri", { .rsc = 2001, .content = "{\"m2m:pch\":{\"ri\":\"\"}}" }, { 0 }, NULL, "ri is no identifier" },
        { "unreachable", { .err = ESCERTKE_ERR_UNREACHABLE }, { 0 }, NULL, "scripted" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cse c;
        cse_init(&c);
        for (size_t k = 0; k < 8; k++)
            c.create[k] = cases[i].create, c.find[k] = cases[i].find;
        c.polls[0] = (struct scripted){ .rsc = 2000, .content = RQP("1") };
        escertke_polling *p = start(&c, 1);
        if (cases[i].pcu)
            wait_for(cases[i].name, &c.notifies, 1);
        else
            wait_for(cases[i].name, &c.downs, 1);
        end(p);
        if (cases[i].pcu)
            expect_text(cases[i].name, c.polled_at, cases[i].pcu);
        else if (!strstr(c.why, cases[i].says) || c.polled)
            fail_msg("%s: %s", cases[i].name, c.why);
    }
}

/* The same request while it is being answered, and again later; a full house is waited for. */
static void repeats(void **state)
{
    struct cse c;

    (void)state;
    cse_init(&c);
    for (size_t i = 0; i < 4; i++)
        c.polls[i] = (struct scripted){ .rsc = 2000, .content = i < 3 ? RQP("1") : RQP("2") };
    atomic_store(&c.hold, 1);
    escertke_polling *p = start(&c, 2);
    for (int i = 0; i < 200 && c.polled < 5; i++)
        usleep(10000);
    atomic_store(&c.hold, 0);
    wait_for("answers", &c.notifies, 2);
    usleep(100000);
    escertke_polling_stats s = end(p);
    assert_int_equal(s.requests, 4);
    assert_int_equal(s.repeats, 2);
    assert_int_equal(s.answered, 2);
    assert_int_equal(atomic_load(&c.handled), 2);

    cse_init(&c);
    c.polls[0] = c.polls[1] = (struct scripted){ .rsc = 2000, .content = RQP("1") };
    c.polls[1].content = RQP("1");
    p = start(&c, 1);
    wait_for("answers", &c.notifies, 1);
    for (int i = 0; i < 100 && atomic_load(&c.notifies) < 2; i++)
        usleep(10000);
    s = end(p);
    assert_int_equal(s.repeats + s.answered, 2);
}

static void a_full_house(void **state)
{
    static const char *const texts[] = { RQP("1"), RQP("2"), RQP("3"), RQP("4"), RQP("5"), RQP("6"), RQP("7") };
    struct cse c;

    (void)state;
    cse_init(&c);
    for (size_t i = 0; i < 7; i++)
        c.polls[i] = (struct scripted){ .rsc = 2000, .content = texts[i] };
    atomic_store(&c.hold, 1);
    escertke_polling *p = start(&c, 1);
    usleep(500000);
    assert_true(c.polled <= 4); /* one that runs, two that wait, one in hand */
    atomic_store(&c.hold, 0);
    wait_for("answers", &c.notifies, 7);
    usleep(50000);
    assert_int_equal(end(p).answered, 7);
}

/* Answers without end: each is a step that waits. */
static void no_end(void **state)
{
    static const struct scripted storms[] = {
        { .rsc = 4008 }, { .rsc = 2000 }, { .rsc = 5000 }, { .rsc = 2000, .content = "{}" }, { .rsc = 4004 }, { .err = ESCERTKE_ERR_UNREACHABLE },
    };

    (void)state;
    for (size_t k = 0; k < COUNT(storms); k++) {
        struct cse c;
        cse_init(&c);
        for (size_t i = 0; i < 8; i++)
            c.polls[i] = storms[k];
        escertke_polling *p = start(&c, 1);
        sleep(2);
        end(p);
        if (c.polled > 6 || c.created > 6)
            fail_msg("storm %zu: %zu polls, %zu channels in two seconds", k, c.polled, c.created);
    }
}

static void answers_that_are_refused(void **state)
{
    struct cse c;

    (void)state;
    cse_init(&c);
    c.polls[0] = (struct scripted){ .rsc = 2000, .content = RQP("1") };
    c.answer = (struct scripted){ .rsc = 4004 };
    escertke_polling *p = start(&c, 1);
    wait_for("answers", &c.notifies, 1);
    usleep(100000);
    escertke_polling_stats s = end(p);
    assert_int_equal(s.lost, 1);
    assert_int_equal(s.answered, 0);
    assert_true(s.up);
}

static void settings(void **state)
{
    struct cse c;
    static const struct {
        const char *entity, *from;
        uint32_t poll_ms;
        unsigned workers;
        bool handler;
    } cases[] = {
        { NULL, "Cmeter", 0, 0, true },        { "Cmeter", "Cmeter", 0, 0, true },  { "/in1", "Cmeter", 0, 0, true },
        { "/in1/Cmeter", NULL, 0, 0, true },   { "/in1/Cmeter", "", 0, 0, true },   { "/in1/Cmeter", "Cmeter", 999, 0, true },
        { "/in1/Cmeter", "Cmeter", 3600001, 0, true }, { "/in1/Cmeter", "Cmeter", 0, 17, true }, { "/in1/Cmeter", "Cmeter", 0, 0, false },
    };

    (void)state;
    cse_init(&c);
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_polling_config cfg = { .entity = cases[i].entity, .from = cases[i].from, .poll_ms = cases[i].poll_ms, .workers = cases[i].workers,
                                        .send = send_it, .send_ctx = &c, .handler = cases[i].handler ? handle : NULL };
        escertke_polling *p = (escertke_polling *)&c;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err("settings", escertke_polling_start(&cfg, &p, &d), ESCERTKE_ERR_ARG, &d);
        assert_null(p);
    }
    escertke_polling_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_answer), cmocka_unit_test(wrong_answers), cmocka_unit_test(malformed_with_rqi),
        cmocka_unit_test(channels),                 cmocka_unit_test(repeats),       cmocka_unit_test(a_full_house),
        cmocka_unit_test(no_end),                   cmocka_unit_test(answers_that_are_refused),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An attempt over a network that loses, damages and repeats: what is sent again, what begins anew, and when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "endpoint/attempt.h"
#include "fixture.h"

/* What happens to one exchange. */
enum fate {
    ARRIVES,
    REQUEST_LOST,
    ANSWER_LOST,
    ANSWER_DAMAGED, /* one bit of it */
    TOLD_5000,
    TOLD_4000,
    TOLD_4102,
    TOLD_4102_DECODE,
    TOLD_4103,
    TOLD_4106,
    TOLD_4106_DECRYPT,
    NO_RESPONSE_CONTENT,
    RESTARTED /* the peer lost what it had pending, just before */
};

struct world {
    struct fixture *f;
    escertke_now now;
    escertke_store meter_store, panel_store;
    escertke_terminator *t;
    escertke_attempt *a;
    uint8_t last[2048];
    size_t last_len;
    unsigned same, sends;
    uint64_t waited_ms;
    int alerts;
};

static void restart(struct world *w)
{
    escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(), .credential = w->f->meter.credential, .id = METER,
                                                     .ctx = { "//m2m.example.org", "/in1" }, .store = &w->meter_store } };
    escertke_terminator_free(w->t);
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static escertke_identity panel_of(struct world *w)
{
    return (escertke_identity){ .tls = fixture_tls(), .credential = w->f->panel.credential, .id = PANEL,
                                .ctx = { "//m2m.example.org", "/in1" }, .store = &w->panel_store };
}

static void world_open(struct world *w, struct fixture *f, const escertke_attempt_params *params)
{
    memset(w, 0, sizeof *w);
    w->f = f;
    w->now = f->now;
    assert_int_equal(escertke_store_memory(16, &w->meter_store), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(16, &w->panel_store), ESCERTKE_OK);
    restart(w);
    escertke_identity panel = panel_of(w);
    assert_int_equal(escertke_attempt_new(&panel, METER, params, w->now, &w->a, NULL), ESCERTKE_OK);
}

static void world_close(struct world *w)
{
    escertke_attempt_free(w->a);
    escertke_terminator_free(w->t);
    escertke_store_close(&w->meter_store);
    escertke_store_close(&w->panel_store);
}

static void told(struct world *w, escertke_err err, int rsc, int alert)
{
    escertke_detail d;

    escertke_detail_init(&d);
    d.err = err;
    d.rsc = rsc;
    d.alert = alert;
    escertke_attempt_unanswered(w->a, err, &d, w->now);
}

static void count_repetition(struct world *w, escertke_span message)
{
    if (w->last_len == message.len && memcmp(w->last, message.ptr, message.len) == 0)
        w->same++;
    assert_true(message.len <= sizeof w->last);
    memcpy(w->last, message.ptr, message.len);
    w->last_len = message.len;
    w->sends++;
}

static void deliver(struct world *w, escertke_span message, enum fate fate)
{
    escertke_answer answer;

    if (fate == RESTARTED)
        restart(w);
    escertke_answer_init(&answer);
    escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), message, 0, w->now, &answer);
    if (fate == ANSWER_LOST)
        told(w, ESCERTKE_ERR_DEADLINE, 0, -1);
    else if (answer.rsc != ESCERTKE_RSC_OK)
        told(w, answer.rsc == 4106 ? ESCERTKE_ERR_REFUSED_AUTH : ESCERTKE_ERR_RSC, answer.rsc, -1);
    else {
        if (fate == ANSWER_DAMAGED && answer.message.len)
            answer.message.ptr[answer.message.len - 3] ^= 1;
        escertke_attempt_answered(w->a, escertke_buf_span(&answer.message), w->now);
    }
    escertke_answer_clear(&answer);
}

static void exchange(struct world *w, const escertke_todo *todo, enum fate fate)
{
    if (todo->number == 0) {
        assert_int_equal(todo->message.ptr[0], 21);
        w->alerts++;
        told(w, ESCERTKE_ERR_UNREACHABLE, 0, -1); /* nobody listens, and that changes nothing */
        return;
    }
    count_repetition(w, todo->message);
    switch (fate) {
    case REQUEST_LOST: told(w, ESCERTKE_ERR_UNREACHABLE, 0, -1); break;
    case TOLD_5000: told(w, ESCERTKE_ERR_RSC, 5000, -1); break;
    case TOLD_4000: told(w, ESCERTKE_ERR_RSC, 4000, -1); break;
    case TOLD_4102: told(w, ESCERTKE_ERR_RSC, 4102, 40); break;
    case TOLD_4102_DECODE: told(w, ESCERTKE_ERR_RSC, 4102, 50); break;
    case TOLD_4103: told(w, ESCERTKE_ERR_PRIVILEGE, 4103, 49); break;
    case TOLD_4106: told(w, ESCERTKE_ERR_REFUSED_AUTH, 4106, 42); break;
    case TOLD_4106_DECRYPT: told(w, ESCERTKE_ERR_REFUSED_AUTH, 4106, 51); break;
    case NO_RESPONSE_CONTENT: told(w, ESCERTKE_ERR_NO_CONTENT, 2000, -1); break;
    default: deliver(w, todo->message, fate);
    }
}

/* Let it run; the n-th exchange meets the n-th fate, the last one all others. @return DONE or FAILED */
static escertke_todo_kind play(struct world *w, const enum fate *fates, size_t count)
{
    escertke_todo todo;
    size_t n = 0;

    for (int steps = 0; steps < 1000; steps++) {
        escertke_attempt_next(w->a, w->now, &todo);
        switch (todo.kind) {
        case ESCERTKE_TODO_WAIT:
            assert_true(todo.at_ms > w->now.mono_ms);
            w->waited_ms += todo.at_ms - w->now.mono_ms;
            w->now.mono_ms = todo.at_ms;
            break;
        case ESCERTKE_TODO_SEND:
            exchange(w, &todo, fates[n]);
            n += todo.number && n + 1 < count;
            break;
        default: return todo.kind;
        }
    }
    fail_msg("it never ends");
    return 0;
}

static void fates(void **state)
{
    static const struct {
        const char *name;
        enum fate fates[8];
        size_t count;
        escertke_todo_kind end;
        unsigned messages, runs, same;
        escertke_err err;
    } cases[] = {
        { "nothing happens", { ARRIVES }, 1, ESCERTKE_TODO_DONE, 2, 1, 0, 0 },
        { "M1 lost", { REQUEST_LOST, ARRIVES }, 2, ESCERTKE_TODO_DONE, 3, 1, 1, 0 },
        { "M2 lost twice", { ANSWER_LOST, ANSWER_LOST, ARRIVES }, 3, ESCERTKE_TODO_DONE, 4, 1, 2, 0 },
        { "M3 lost", { ARRIVES, REQUEST_LOST, ARRIVES }, 3, ESCERTKE_TODO_DONE, 3, 1, 1, 0 },
        { "M4 lost", { ARRIVES, ANSWER_LOST, ARRIVES }, 3, ESCERTKE_TODO_DONE, 3, 1, 1, 0 },
        { "too much to do there", { TOLD_5000, ARRIVES, TOLD_5000, ARRIVES }, 4, ESCERTKE_TODO_DONE, 4, 1, 2, 0 },
        { "M2 damaged", { ANSWER_DAMAGED, ARRIVES }, 2, ESCERTKE_TODO_DONE, 3, 2, 0, 0 }, /* an alert tells why */
        { "M4 damaged", { ARRIVES, ANSWER_DAMAGED, ARRIVES }, 3, ESCERTKE_TODO_DONE, 4, 2, 0, 0 },
        { "the peer restarted", { ARRIVES, RESTARTED, ARRIVES }, 3, ESCERTKE_TODO_DONE, 4, 2, 0, 0 },
        { "not known there any more", { ARRIVES, TOLD_4000, ARRIVES }, 3, ESCERTKE_TODO_DONE, 4, 2, 0, 0 },
        { "M1 damaged on the way", { TOLD_4102_DECODE, ARRIVES }, 2, ESCERTKE_TODO_DONE, 3, 2, 0, 0 },
        { "M3 damaged on the way", { ARRIVES, TOLD_4106_DECRYPT, ARRIVES }, 3, ESCERTKE_TODO_DONE, 4, 2, 0, 0 },
        { "all M1 lost", { REQUEST_LOST }, 1, ESCERTKE_TODO_FAILED, 4, 1, 3, ESCERTKE_ERR_UNREACHABLE },
        { "all M4 lost", { ARRIVES, ANSWER_LOST }, 2, ESCERTKE_TODO_FAILED, 5, 1, 3, ESCERTKE_ERR_DEADLINE },
        { "always forgotten", { TOLD_4000 }, 1, ESCERTKE_TODO_FAILED, 4, 4, 0, ESCERTKE_ERR_RSC },
        { "nothing in common", { TOLD_4102 }, 1, ESCERTKE_TODO_FAILED, 1, 1, 0, ESCERTKE_ERR_RSC },
        { "no privilege", { TOLD_4103 }, 1, ESCERTKE_TODO_FAILED, 1, 1, 0, ESCERTKE_ERR_PRIVILEGE },
        { "certificate refused", { ARRIVES, TOLD_4106 }, 2, ESCERTKE_TODO_FAILED, 2, 1, 0, ESCERTKE_ERR_REFUSED_AUTH },
        { "a CSE that returns nothing", { NO_RESPONSE_CONTENT }, 1, ESCERTKE_TODO_FAILED, 1, 1, 0, ESCERTKE_ERR_NO_CONTENT },
    };

    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct world w;
        escertke_key_entry a, b;
        unsigned messages, runs;
        world_open(&w, *state, NULL);
        if (play(&w, cases[k].fates, cases[k].count) != cases[k].end)
            fail_msg("%s: ended otherwise", cases[k].name);
        escertke_attempt_effort(w.a, &messages, &runs);
        if (messages != cases[k].messages + (unsigned)w.alerts || runs != cases[k].runs || w.same != cases[k].same)
            fail_msg("%s: %u messages, %u runs, %u repetitions", cases[k].name, messages, runs, w.same);
        if (cases[k].end == ESCERTKE_TODO_DONE) {
            assert_int_equal(escertke_attempt_entry(w.a, &a), ESCERTKE_OK);
            assert_int_equal(w.meter_store.ops->get(w.meter_store.state, a.key.id, w.now.unix_s, &b, NULL), ESCERTKE_OK);
            assert_memory_equal(&a.key, &b.key, sizeof a.key);
            escertke_key_entry_wipe(&a);
            escertke_key_entry_wipe(&b);
        } else {
            assert_int_equal(escertke_attempt_entry(w.a, &a), ESCERTKE_ERR_STATE);
            if (escertke_attempt_detail(w.a)->err != cases[k].err)
                fail_msg("%s: %s", cases[k].name, escertke_err_name(escertke_attempt_detail(w.a)->err));
        }
        world_close(&w);
    }
}

/* Up to the SEND of M3, which is not sent. */
static escertke_todo_kind play_to_m3(struct world *w)
{
    escertke_todo todo;

    for (;;) {
        escertke_attempt_next(w->a, w->now, &todo);
        if (todo.kind == ESCERTKE_TODO_FAILED || (todo.kind == ESCERTKE_TODO_SEND && todo.number == 3))
            return todo.kind;
        assert_int_equal(todo.kind, ESCERTKE_TODO_SEND);
        exchange(w, &todo, ARRIVES);
    }
}

static void attempt_again(struct world *w)
{
    escertke_identity panel = panel_of(w);

    escertke_attempt_free(w->a);
    assert_int_equal(escertke_attempt_new(&panel, METER, NULL, w->now, &w->a, NULL), ESCERTKE_OK);
}

static bool has_key_at(struct world *w, int64_t unix_s)
{
    escertke_key_entry e;

    escertke_err err = w->panel_store.ops->find(w->panel_store.state, PANEL, METER, ESCERTKE_USAGE_ESPRIM, unix_s, &e, NULL);
    escertke_key_entry_wipe(&e);
    return err == ESCERTKE_OK;
}

static escertke_err failing_retire(void *store, const char *own, const char *peer, escertke_usage usage, int64_t until_s,
                                   escertke_detail *d)
{
    (void)store, (void)own, (void)peer, (void)usage, (void)until_s, (void)d;
    return ESCERTKE_ERR_STORE_FULL;
}

/* The peer ends its older keys when it gets M3: this side's have the same end before M3 is out, whatever comes then. */
static void older_keys_are_retired(void **state)
{
    static const enum fate good[] = { ARRIVES }, no_m1[] = { REQUEST_LOST };
    escertke_store_ops failing;
    const escertke_store_ops *ops;
    struct world w;

    world_open(&w, *state, NULL);
    assert_int_equal(play(&w, good, 1), ESCERTKE_TODO_DONE);
    attempt_again(&w);
    assert_int_equal(play(&w, no_m1, 1), ESCERTKE_TODO_FAILED); /* the peer knows of nothing */
    assert_true(has_key_at(&w, w.now.unix_s + ESCERTKE_KEY_OVERLAP_S));

    failing = *(ops = w.panel_store.ops);
    failing.retire = failing_retire;
    w.panel_store.ops = &failing;
    attempt_again(&w);
    assert_int_equal(play_to_m3(&w), ESCERTKE_TODO_FAILED); /* and does not get M3 */
    assert_int_equal(escertke_attempt_detail(w.a)->err, ESCERTKE_ERR_STORE_FULL);
    w.panel_store.ops = ops;
    assert_true(has_key_at(&w, w.now.unix_s + ESCERTKE_KEY_OVERLAP_S));

    attempt_again(&w);
    assert_int_equal(play_to_m3(&w), ESCERTKE_TODO_SEND);
    assert_true(has_key_at(&w, w.now.unix_s + ESCERTKE_KEY_OVERLAP_S - 1));
    assert_false(has_key_at(&w, w.now.unix_s + ESCERTKE_KEY_OVERLAP_S));
    world_close(&w); /* nobody has said that it failed */
}

/* 1, 2 and 4 s, each shortened by at most a half, and not always by the same. */
static void waits(void **state)
{
    static const enum fate lost[] = { REQUEST_LOST };
    uint64_t least = UINT64_MAX, most = 0;

    for (int n = 0; n < 40; n++) {
        struct world w;
        world_open(&w, *state, NULL);
        assert_int_equal(play(&w, lost, 1), ESCERTKE_TODO_FAILED);
        assert_in_range(w.waited_ms, 3500, 7000);
        least = w.waited_ms < least ? w.waited_ms : least;
        most = w.waited_ms > most ? w.waited_ms : most;
        world_close(&w);
    }
    assert_true(most - least > 200);
}

static void limits(void **state)
{
    static const enum fate lost[] = { REQUEST_LOST }, forgotten[] = { TOLD_4000 }, late[] = { ARRIVES };
    struct world w;

    world_open(&w, *state, &(escertke_attempt_params){ .once = true });
    assert_int_equal(play(&w, lost, 1), ESCERTKE_TODO_FAILED);
    assert_int_equal(w.sends, 1);
    world_close(&w);

    world_open(&w, *state, &(escertke_attempt_params){ .repeats = 50, .most_ms = 2000, .give_up_ms = 10000 });
    assert_int_equal(play(&w, lost, 1), ESCERTKE_TODO_FAILED);
    assert_in_range(w.waited_ms, 8000, 12000);
    world_close(&w);

    world_open(&w, *state, &(escertke_attempt_params){ .runs = 2 });
    assert_int_equal(play(&w, forgotten, 1), ESCERTKE_TODO_FAILED);
    assert_int_equal(w.sends, 2);
    assert_int_equal(escertke_attempt_detail(w.a)->rsc, 4000);
    assert_int_equal(escertke_attempt_detail(w.a)->message, 1);
    world_close(&w);

    /* M1 leaves late: its run is over by then, and another is begun. */
    world_open(&w, *state, &(escertke_attempt_params){ .run_ms = 5000 });
    w.now.mono_ms += 6000;
    assert_int_equal(play(&w, late, 1), ESCERTKE_TODO_DONE);
    unsigned messages, runs;
    escertke_attempt_effort(w.a, &messages, &runs);
    assert_int_equal(runs, 2);
    world_close(&w);

    world_open(&w, *state, &(escertke_attempt_params){ .run_ms = 5000, .once = true });
    w.now.mono_ms += 6000;
    assert_int_equal(play(&w, late, 1), ESCERTKE_TODO_FAILED);
    assert_int_equal(escertke_attempt_detail(w.a)->err, ESCERTKE_ERR_DEADLINE);
    assert_int_equal(w.sends, 0);
    world_close(&w);
}

/* What is not asked for changes nothing; what is wrong from the start is said at the start. */
static void out_of_turn(void **state)
{
    static const enum fate good[] = { ARRIVES };
    struct world w;
    escertke_todo todo;
    escertke_attempt *second;
    escertke_detail d;

    world_open(&w, *state, NULL);
    escertke_attempt_answered(w.a, escertke_span_str("junk"), w.now);
    escertke_attempt_unanswered(w.a, ESCERTKE_ERR_PRIVILEGE, NULL, w.now);
    escertke_attempt_next(w.a, w.now, &todo);
    assert_int_equal(todo.kind, ESCERTKE_TODO_SEND);
    escertke_attempt_next(w.a, w.now, &todo); /* an answer is being waited for */
    assert_int_equal(todo.kind, ESCERTKE_TODO_WAIT);
    escertke_identity panel = panel_of(&w);
    escertke_detail_init(&d);
    assert_int_equal(escertke_attempt_new(&panel, METER, NULL, w.now, &second, &d), ESCERTKE_ERR_STATE);
    assert_string_equal(d.clause, "R-HS-36");
    assert_int_equal(escertke_attempt_new(&panel, "Cmeter", NULL, w.now, &second, NULL), ESCERTKE_ERR_ID);
    told(&w, ESCERTKE_ERR_UNREACHABLE, 0, -1);
    assert_int_equal(play(&w, good, 1), ESCERTKE_TODO_DONE);
    escertke_attempt_answered(w.a, escertke_span_str("junk"), w.now);
    escertke_attempt_next(w.a, w.now, &todo);
    assert_int_equal(todo.kind, ESCERTKE_TODO_DONE);
    world_close(&w);
    escertke_attempt_free(NULL);
}

static void request_ids_differ(void **state)
{
    struct world w;
    char a[18], b[18];

    world_open(&w, *state, NULL);
    assert_int_equal(esc_attempt_request_id(w.a, a), ESCERTKE_OK);
    assert_int_equal(esc_attempt_request_id(w.a, b), ESCERTKE_OK);
    assert_int_equal(strlen(a), 17);
    assert_string_not_equal(a, b);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates),
        cmocka_unit_test(older_keys_are_retired),
        cmocka_unit_test(waits),
        cmocka_unit_test(limits),
        cmocka_unit_test(out_of_turn),
        cmocka_unit_test(request_ids_differ),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

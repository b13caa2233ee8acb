/*
 * What lies below the end-points fails: the nth call of the TLS back end, or of the key store, of one end, for all n until a run
 * passes untouched. Then the error is exactly that one, or both ends have the same key; and the same two ends can run again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* ---- what fails ------------------------------------------------------------------------------------------------------ */

enum layer { BACK_END, RANDOM_ONLY, STORE, LAYERS };

/* Instead of what it should do; or it does it, and says that it has not. */
enum manner { INSTEAD, AFTERWARDS, MANNERS };

static struct plan {
    escertke_role side; /* whose calls */
    enum layer layer;
    enum manner manner;
    escertke_err with;
    long nth, count; /* which call fails; < 0 = none; how many there were */
    const char *failed; /* its name */
} plan;

/* Which end is at work: the vtable's functions are not told. */
static escertke_role at_work;

static bool falls(enum layer layer, bool random, const char *name)
{
    enum layer wanted = plan.layer == RANDOM_ONLY ? BACK_END : plan.layer;

    if (plan.side != at_work || wanted != layer || (plan.layer == RANDOM_ONLY && !random) || plan.count++ != plan.nth)
        return false;
    plan.failed = name;
    return true;
}

/* CALL: of something that returns an error; UNDO: what is to be taken back when it is said to have failed afterwards. */
#define FAILING(layer, random, name, call, undo)                                                                                           \
    do {                                                                                                                                   \
        bool this_one = falls(layer, random, name);                                                                                        \
        if (this_one && plan.manner == INSTEAD)                                                                                            \
            return plan.with;                                                                                                              \
        escertke_err err = (call);                                                                                                         \
        if (this_one && err == ESCERTKE_OK) {                                                                                              \
            undo;                                                                                                                          \
            err = plan.with;                                                                                                               \
        }                                                                                                                                  \
        return err;                                                                                                                        \
    } while (0)

static const escertke_tls_ops *real;

static escertke_err fail_open(const escertke_tls_open *cfg, void **conn)
{
    FAILING(BACK_END, false, "open", real->open(cfg, conn), real->close(*conn));
}

static escertke_err fail_step(void *conn, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done)
{
    size_t before = out->len;
    FAILING(BACK_END, false, "step", real->step(conn, in, unix_s, out, done), out->len = before);
}

static escertke_err fail_judge(void *conn, const escertke_span *sent, size_t count, int64_t unix_s)
{
    FAILING(BACK_END, false, "judge", real->judge(conn, sent, count, unix_s), (void)0);
}

static escertke_err fail_export(void *conn, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    FAILING(BACK_END, false, "export_key", real->export_key(conn, label, context, out, len), (void)0);
}

static escertke_err fail_peer_cert(void *conn, escertke_span *der)
{
    FAILING(BACK_END, false, "peer_cert", real->peer_cert(conn, der), (void)0);
}

static escertke_err fail_sha256(escertke_span in, uint8_t out[32])
{
    FAILING(BACK_END, false, "sha256", real->sha256(in, out), (void)0);
}

static escertke_err fail_random(uint8_t *out, size_t len)
{
    FAILING(BACK_END, true, "random", real->random(out, len), (void)0);
}

static escertke_err fail_ecdsa(escertke_span spki, escertke_span data, escertke_span signature)
{
    FAILING(BACK_END, false, "ecdsa_verify", real->ecdsa_verify(spki, data, signature), (void)0);
}

/* A store in memory behind one that fails. */
static escertke_err fail_put(void *s, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    escertke_store *in = s;
    FAILING(STORE, false, "put", in->ops->put(in->state, e, o, d), (void)0);
}

static escertke_err fail_get(void *s, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out, escertke_detail *d)
{
    escertke_store *in = s;
    FAILING(STORE, false, "get", in->ops->get(in->state, id, unix_s, out, d), escertke_key_entry_wipe(out));
}

static escertke_err fail_find(void *s, const char *own, const char *peer, escertke_usage usage, int64_t unix_s, escertke_key_entry *out,
                              escertke_detail *d)
{
    escertke_store *in = s;
    FAILING(STORE, false, "find", in->ops->find(in->state, own, peer, usage, unix_s, out, d), escertke_key_entry_wipe(out));
}

static escertke_err fail_get_reply(void *s, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                                   escertke_buf *m4, escertke_detail *d)
{
    escertke_store *in = s;
    size_t before = m4->len;
    FAILING(STORE, false, "get_reply", in->ops->get_reply(in->state, own, peer, m3_digest, unix_s, m4, d), m4->len = before);
}

static escertke_err fail_confirm(void *s, const uint8_t id[ESCERTKE_KEY_ID_LEN], const char *own, escertke_detail *d)
{
    escertke_store *in = s;
    FAILING(STORE, false, "confirm", in->ops->confirm(in->state, id, own, d), (void)0);
}

static escertke_err fail_retire(void *s, const char *own, const char *peer, escertke_usage usage, int64_t until_s, escertke_detail *d)
{
    escertke_store *in = s;
    FAILING(STORE, false, "retire", in->ops->retire(in->state, own, peer, usage, until_s, d), (void)0);
}

static escertke_tls_ops failing_tls(void)
{
    real = fixture_tls();
    escertke_tls_ops ops = *real;
    ops.open = fail_open;
    ops.step = fail_step;
    ops.judge = fail_judge;
    ops.export_key = fail_export;
    ops.peer_cert = fail_peer_cert;
    ops.sha256 = fail_sha256;
    ops.random = fail_random;
    ops.ecdsa_verify = fail_ecdsa;
    return ops;
}

static const escertke_store_ops failing_store = { .name = "failing", .put = fail_put, .get = fail_get, .find = fail_find,
                                                  .get_reply = fail_get_reply, .confirm = fail_confirm, .retire = fail_retire };

/* ---- two ends -------------------------------------------------------------------------------------------------------- */

struct world {
    struct fixture *f;
    escertke_tls_ops tls;
    escertke_store meter_in, panel_in, meter_store, panel_store;
    escertke_terminator *t;
    escertke_now now;
    bool lossy;    /* the first answer to each message is lost, and with M4 all that the terminator had in mind */
    bool lost[4];
    char meter_pin[72], panel_pin[72];
    void *meter_raw, *panel_raw;
    escertke_peer meter_peer, panel_peer;
};

static void *raw_of(const struct fixture *f, const struct party *who, char pin[72])
{
    escertke_credential_source src = { .raw = true, .key = escertke_span_str(who->key), .unix_s = f->now.unix_s };
    void *credential;
    uint8_t digest[32];

    assert_int_equal(real->credential_new(&src, &credential, NULL), ESCERTKE_OK);
    assert_int_equal(real->sha256(real->credential_cert(credential), digest), ESCERTKE_OK);
    assert_int_equal(escertke_key_identifier(digest, 256, pin), ESCERTKE_OK);
    return credential;
}

static escertke_identity identity_of(struct world *w, escertke_role role)
{
    bool panel = role == ESCERTKE_INITIATOR;
    void *raw = panel ? w->panel_raw : w->meter_raw;

    return (escertke_identity){ .tls = &w->tls, .credential = raw ? raw : panel ? w->f->panel.credential : w->f->meter.credential,
                                .raw = raw != NULL, .id = panel ? PANEL : METER, .ctx = { "//m2m.example.org", "/in1" },
                                .store = panel ? &w->panel_store : &w->meter_store,
                                .peers = raw ? (panel ? &w->meter_peer : &w->panel_peer) : NULL, .peer_count = raw != NULL };
}

/* That, too, may fail: once, and with that error. */
static void start_terminator(struct world *w)
{
    escertke_terminator_config cfg = { .identity = identity_of(w, ESCERTKE_TERMINATOR), .rate_from = { .burst = ESCERTKE_NO_LIMIT } };
    escertke_role before = at_work;

    at_work = ESCERTKE_TERMINATOR;
    escertke_err err = escertke_terminator_new(&cfg, &w->t, NULL);
    if (err != ESCERTKE_OK) {
        assert_int_equal(err, plan.with);
        assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
    }
    at_work = before;
}

static void world_open(struct world *w, struct fixture *f, bool raw, bool lossy)
{
    memset(w, 0, sizeof *w);
    w->lossy = lossy;
    w->f = f;
    w->now = f->now;
    w->tls = failing_tls();
    if (raw) {
        w->meter_raw = raw_of(f, &f->meter, w->meter_pin);
        w->panel_raw = raw_of(f, &f->panel, w->panel_pin);
        w->meter_peer = (escertke_peer){ .id = METER, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = w->meter_pin };
        w->panel_peer = (escertke_peer){ .id = PANEL, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = w->panel_pin };
    }
    assert_int_equal(escertke_store_memory(16, &w->meter_in), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(16, &w->panel_in), ESCERTKE_OK);
    w->meter_store = (escertke_store){ &failing_store, &w->meter_in };
    w->panel_store = (escertke_store){ &failing_store, &w->panel_in };
    start_terminator(w);
}

static void world_close(struct world *w)
{
    escertke_terminator_free(w->t);
    escertke_store_close(&w->meter_in);
    escertke_store_close(&w->panel_in);
    real->credential_free(w->meter_raw);
    real->credential_free(w->panel_raw);
}

static void nothing_pending(struct world *w)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(w->t, &stats);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
}

static void exchange(struct world *w, escertke_attempt *a, const escertke_todo *todo)
{
    escertke_answer answer;
    escertke_detail d;

    escertke_answer_init(&answer);
    at_work = ESCERTKE_TERMINATOR;
    escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), todo->message, 0, w->now, &answer);
    at_work = ESCERTKE_INITIATOR;
    escertke_detail_init(&d);
    d.rsc = answer.rsc;
    d.err = answer.rsc == 4106 ? ESCERTKE_ERR_REFUSED_AUTH : ESCERTKE_ERR_RSC;
    d.alert = answer.message.len == 7 && answer.message.ptr[0] == 21 ? answer.message.ptr[6] : -1;
    if (w->lossy && !w->lost[todo->number]) {
        w->lost[todo->number] = true;
        escertke_attempt_unanswered(a, ESCERTKE_ERR_UNREACHABLE, NULL, w->now);
        if (answer.rsc == ESCERTKE_RSC_OK && todo->number == 3) {
            escertke_terminator_free(w->t);
            start_terminator(w);
        }
    } else if (answer.rsc == ESCERTKE_RSC_OK)
        escertke_attempt_answered(a, escertke_buf_span(&answer.message), w->now);
    else
        escertke_attempt_unanswered(a, d.err, &d, w->now);
    escertke_answer_clear(&answer);
}

/* To the end, whatever that is. */
static escertke_err attempt(struct world *w, const escertke_attempt_params *params, escertke_key_entry *entry, escertke_detail *why)
{
    escertke_identity panel = identity_of(w, ESCERTKE_INITIATOR);
    escertke_attempt *a;
    escertke_todo todo;

    escertke_detail_init(why);
    at_work = ESCERTKE_INITIATOR;
    escertke_err err = escertke_attempt_new(&panel, METER, params, w->now, &a, why);
    if (err != ESCERTKE_OK)
        return err;
    do {
        escertke_attempt_next(a, w->now, &todo);
        if (todo.kind == ESCERTKE_TODO_SEND)
            exchange(w, a, &todo);
        else if (todo.kind == ESCERTKE_TODO_WAIT)
            w->now.mono_ms = todo.at_ms;
    } while (todo.kind == ESCERTKE_TODO_SEND || todo.kind == ESCERTKE_TODO_WAIT);
    if (todo.kind == ESCERTKE_TODO_DONE)
        assert_int_equal(escertke_attempt_entry(a, entry), ESCERTKE_OK);
    *why = *escertke_attempt_detail(a);
    assert_true(todo.kind == ESCERTKE_TODO_DONE || why->err != ESCERTKE_OK);
    escertke_attempt_free(a);
    at_work = 0;
    return todo.kind == ESCERTKE_TODO_DONE ? ESCERTKE_OK : why->err;
}

static void both_hold(struct world *w, const escertke_key_entry *entry)
{
    const escertke_store *stores[] = { &w->meter_in, &w->panel_in };
    escertke_key_entry held;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(stores[i]->ops->get(stores[i]->state, entry->key.id, w->now.unix_s, &held, NULL), ESCERTKE_OK);
        assert_memory_equal(&held.key, &entry->key, sizeof held.key);
        escertke_key_entry_wipe(&held);
    }
}

/* Which of the initiator's keys the terminator does not hold. */
struct lone {
    struct world *w;
    size_t count;
};

static bool is_held(void *ctx, const escertke_key_entry *e)
{
    struct lone *lone = ctx;
    escertke_key_entry held;
    bool known = lone->w->meter_in.ops->get(lone->w->meter_in.state, e->key.id, lone->w->now.unix_s, &held, NULL) == ESCERTKE_OK;

    escertke_key_entry_wipe(&held);
    lone->count += !known;
    return true;
}

/* ---- the sweep ------------------------------------------------------------------------------------------------------- */

struct tally {
    long calls, fatal;
};

static void say_and_fail(const char *what, const escertke_detail *why)
{
    fail_msg("%s, call %ld (%s) of the %s fails %s with %s: %s: %s (%d), %s", plan.layer == STORE ? "store" : "back end", plan.nth,
             plan.failed, escertke_role_name(plan.side), plan.manner == INSTEAD ? "instead" : "afterwards", escertke_err_name(plan.with),
             what, escertke_err_name(why->err), why->rsc, why->reason);
}

/* The initiator names what failed at his end. Of the terminator he hears 5000, or, if its run is gone with it, 4000 at most. */
static bool exact(const escertke_detail *why, bool once)
{
    if (plan.side == ESCERTKE_INITIATOR)
        return why->err == plan.with;
    return once && why->err == ESCERTKE_ERR_RSC && why->rsc == 5000;
}

struct way {
    bool raw, lossy;
    const escertke_attempt_params *params;
};

/* @return false when there were not so many calls */
static bool one(struct fixture *f, const struct way *way, struct tally *tally)
{
    struct world w;
    escertke_key_entry entry;
    escertke_detail why;

    world_open(&w, f, way->raw, way->lossy);
    escertke_err err = attempt(&w, way->params, &entry, &why);
    bool fell = plan.failed != NULL;
    if (err != ESCERTKE_OK && !exact(&why, way->params && way->params->once))
        say_and_fail("it ends with", &why);
    if (err == ESCERTKE_OK)
        both_hold(&w, &entry);
    struct lone lone = { &w, 0 };
    assert_int_equal(w.panel_in.ops->list(w.panel_in.state, is_held, &lone, NULL), ESCERTKE_OK);
    if (lone.count)
        say_and_fail("the initiator has a key that the terminator has not", &why);
    tally->calls += fell;
    tally->fatal += err != ESCERTKE_OK;

    /* and once more: the failure was one */
    plan.side = 0;
    err = attempt(&w, NULL, &entry, &why);
    if (err != ESCERTKE_OK)
        say_and_fail("the next run", &why);
    both_hold(&w, &entry);
    nothing_pending(&w);
    escertke_key_entry_wipe(&entry);
    world_close(&w);
    return fell;
}

static void sweep(struct fixture *f, const struct way *way)
{
    static const struct {
        enum layer layer;
        enum manner manner;
        escertke_err with;
    } rows[] = {
        { BACK_END, INSTEAD, ESCERTKE_ERR_BACKEND },    { BACK_END, INSTEAD, ESCERTKE_ERR_NOMEM },
        { BACK_END, AFTERWARDS, ESCERTKE_ERR_BACKEND }, { RANDOM_ONLY, INSTEAD, ESCERTKE_ERR_BACKEND },
        { STORE, INSTEAD, ESCERTKE_ERR_STORE },         { STORE, INSTEAD, ESCERTKE_ERR_STORE_FULL },
        { STORE, INSTEAD, ESCERTKE_ERR_IO },            { STORE, AFTERWARDS, ESCERTKE_ERR_IO },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (escertke_role side = ESCERTKE_INITIATOR; side <= ESCERTKE_TERMINATOR; side++) {
            struct tally tally = { 0, 0 };
            long n = 0;
            do
                plan = (struct plan){ .side = side, .layer = rows[i].layer, .manner = rows[i].manner, .with = rows[i].with, .nth = n++ };
            while (one(f, way, &tally));
            printf("%s's %s, %s %s: %ld calls, %ld of them fatal to the attempt\n", escertke_role_name(side),
                   (const char *const[]){ "back end", "random", "store" }[rows[i].layer], escertke_err_name(rows[i].with),
                   rows[i].manner == INSTEAD ? "instead" : "afterwards", tally.calls, tally.fatal);
            /* a peer that failed once is asked again */
            assert_true(side == ESCERTKE_INITIATOR || (way->params && way->params->once) || tally.fatal == 0);
        }
    }
}

static void with_repetitions(void **state)
{
    sweep(*state, &(struct way){ .raw = false });
}

static void with_one_run(void **state)
{
    sweep(*state, &(struct way){ .params = &(escertke_attempt_params){ .once = true } });
}

static void over_a_wire_that_loses(void **state)
{
    sweep(*state, &(struct way){ .lossy = true });
}

static void raw_keys(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    sweep(*state, &(struct way){ .raw = true, .lossy = true });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(with_repetitions), cmocka_unit_test(with_one_run),
                                        cmocka_unit_test(over_a_wire_that_loses), cmocka_unit_test(raw_keys) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

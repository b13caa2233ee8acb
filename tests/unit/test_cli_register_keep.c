/* A registration that is kept up: when it is made, looked at, made again, given up, undone. */
#include "register_keep.h"

#include <signal.h>

#include "base/fail.h"
#include "cli_support.h"

/* A CSE by its answers, one after the other; the last one stays. */
struct script {
    escertke_err make[4], look[4];
    const char *lost[4];
    atomic_uint next_s;
    atomic_int made, looked, undone;
    bool hangs;
    struct register_keep *keep;
};

static size_t place(int count)
{
    return count < 4 ? (size_t)count : 3;
}

static escertke_err make(void *ctx, escertke_now now, escertke_detail *d)
{
    struct script *s = ctx;

    (void)now;
    assert_true(register_keep_is_self(s->keep));
    while (s->hangs && !atomic_load(&s->keep->stop))
        usleep(10000);
    escertke_err err = s->make[place(atomic_fetch_add(&s->made, 1))];
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "made wrong");
}

static escertke_err look(void *ctx, escertke_now now, char *lost, size_t cap, unsigned *next_s, escertke_detail *d)
{
    struct script *s = ctx;
    size_t i = place(atomic_fetch_add(&s->looked, 1));

    (void)now;
    if (s->lost[i])
        snprintf(lost, cap, "%s", s->lost[i]);
    *next_s = atomic_load(&s->next_s);
    return s->look[i] == ESCERTKE_OK ? ESCERTKE_OK : esc_fail(d, s->look[i], "", "looked wrong");
}

static escertke_err undo(void *ctx, escertke_detail *d)
{
    struct script *s = ctx;

    assert_false(register_keep_is_self(s->keep));
    atomic_fetch_add(&s->undone, 1);
    return s->make[3] == ESCERTKE_OK ? ESCERTKE_OK : esc_fail(d, s->make[3], "", "undone wrong");
}

static void begin(struct script *s, struct register_keep *k, unsigned look_s)
{
    const struct register_kept what = { "/in1/Cmeter", "http://cse", make, look, undo, s, look_s };
    escertke_detail d;

    memset(k, 0, sizeof *k);
    s->keep = k;
    escertke_detail_init(&d);
    assert_int_equal(register_keep_start(k, &what, &d), ESCERTKE_OK);
}

static void wait_for(atomic_int *count, int least)
{
    for (int i = 0; i < 1000 && atomic_load(count) < least; i++)
        usleep(10000);
    assert_true(atomic_load(count) >= least);
}

static int end(struct register_keep *k, bool with_undo, struct capture *err, escertke_detail *d)
{
    escertke_detail_init(d);
    escertke_err failed = register_keep_failed(k, d);
    register_keep_stop(k, with_undo);
    register_keep_stop(k, with_undo); /* nothing to do any more */
    capture_end(err);
    return (int)failed;
}

static void made_when_it_can_be(void **state)
{
    struct script s = { .make = { ESCERTKE_ERR_UNREACHABLE, ESCERTKE_OK } };
    struct register_keep k;
    struct capture err;
    escertke_detail d;

    (void)state;
    capture_begin(&err, stderr);
    begin(&s, &k, 60);
    wait_for(&s.looked, 1); /* soon after, whatever look_s says: for the time that the CSE gave */
    assert_true(atomic_load(&k.registered));
    assert_int_equal(atomic_load(&s.made), 2);
    assert_int_equal(end(&k, false, &err, &d), ESCERTKE_OK);
    assert_int_equal(atomic_load(&s.undone), 0);
    assert_non_null(strstr(err.text, "not registered at http://cse: made wrong; next try in 1 s"));
}

static void made_again_when_lost(void **state)
{
    struct script s = { .lost = { NULL, "gone", NULL, NULL }, .look = { ESCERTKE_ERR_DEADLINE } };
    struct register_keep k;
    struct capture err, out;
    escertke_detail d;

    (void)state;
    capture_begin(&err, stderr);
    capture_begin(&out, stdout);
    begin(&s, &k, 1);
    wait_for(&s.made, 2);
    wait_for(&s.looked, 3);
    assert_int_equal(end(&k, true, &err, &d), ESCERTKE_OK);
    capture_end(&out);
    assert_int_equal(atomic_load(&s.made), 2);
    assert_int_equal(atomic_load(&s.undone), 1);
    assert_non_null(strstr(err.text, "cannot see whether http://cse has /in1/Cmeter: looked wrong; next look in 1 s"));
    assert_non_null(strstr(err.text, "registration at http://cse is lost: gone; registering again"));
    assert_non_null(strstr(out.text, "deregistered /in1/Cmeter at http://cse"));
    assert_false(atomic_load(&k.registered));
}

static void refused_at_first(void **state)
{
    struct script s = { .make = { ESCERTKE_ERR_PRIVILEGE } };
    struct register_keep k;
    struct capture err;
    escertke_detail d;
    sigset_t set;
    int number = 0;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    capture_begin(&err, stderr);
    begin(&s, &k, 1);
    assert_int_equal(sigwait(&set, &number), 0);
    assert_int_equal(number, SIGTERM);
    assert_int_equal(end(&k, true, &err, &d), ESCERTKE_ERR_PRIVILEGE);
    assert_string_equal(d.reason, "made wrong");
    assert_int_equal(atomic_load(&s.made), 1);
    assert_int_equal(atomic_load(&s.undone), 0); /* there is nothing */
}

/* Later a refusal may be a CSE's that has come back with half of its wits. */
static void refused_later(void **state)
{
    struct script s = { .make = { ESCERTKE_OK, ESCERTKE_ERR_PRIVILEGE, ESCERTKE_OK, ESCERTKE_ERR_PRIVILEGE }, .lost = { "gone", NULL } };
    struct register_keep k;
    struct capture err;
    escertke_detail d;

    (void)state;
    capture_begin(&err, stderr);
    begin(&s, &k, 1);
    wait_for(&s.made, 3);
    wait_for(&s.looked, 2);
    assert_int_equal(end(&k, true, &err, &d), ESCERTKE_OK);
    assert_non_null(strstr(err.text, "made wrong; next try in 1 s"));
    assert_non_null(strstr(err.text, "/in1/Cmeter stays at http://cse: undone wrong"));
}

static void hurried_and_timed(void **state)
{
    struct script s = { .next_s = 1 };
    struct register_keep k;
    struct capture err;
    escertke_detail d;

    (void)state;
    capture_begin(&err, stderr);
    begin(&s, &k, 60);
    wait_for(&s.looked, 3); /* the CSE gave little time */
    atomic_store(&s.next_s, 0);
    wait_for(&s.looked, 4);
    int before = atomic_load(&s.looked);
    register_keep_hurry(&k);
    wait_for(&s.looked, before + 1);
    assert_int_equal(end(&k, false, &err, &d), ESCERTKE_OK);
    assert_string_equal(err.text, "");
}

/* What was interrupted is nothing to undo; what was registered in the last moment is. */
static void stops_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct script s = { .hangs = true, .make = { i ? ESCERTKE_OK : ESCERTKE_ERR_UNREACHABLE } };
        struct register_keep k;
        struct capture err;
        escertke_detail d;

        capture_begin(&err, stderr);
        begin(&s, &k, 60);
        usleep(100000);
        uint64_t begun_ms = escertke_system_clock(NULL).mono_ms;
        assert_int_equal(end(&k, true, &err, &d), ESCERTKE_OK);
        assert_true(escertke_system_clock(NULL).mono_ms - begun_ms < 1000);
        assert_int_equal(atomic_load(&s.undone), i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_when_it_can_be), cmocka_unit_test(made_again_when_lost), cmocka_unit_test(refused_at_first),
        cmocka_unit_test(refused_later),       cmocka_unit_test(hurried_and_timed),    cmocka_unit_test(stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/http_workers.h"

#include <pthread.h>
#include <time.h>

#include "binding_support.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned running, done, dropped;
static bool gate_open;

static void reset(void)
{
    running = done = dropped = 0;
    gate_open = false;
}

/* A job that waits until the test opens the gate. */
static void run(void *job)
{
    (void)job;
    pthread_mutex_lock(&lock);
    running++;
    pthread_cond_broadcast(&changed);
    while (!gate_open)
        pthread_cond_wait(&changed, &lock);
    running--;
    done++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void drop(void *job)
{
    (void)job;
    dropped++;
}

static void open_gate(void)
{
    pthread_mutex_lock(&lock);
    gate_open = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *count, unsigned value)
{
    pthread_mutex_lock(&lock);
    while (*count < value)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void runs_jobs_at_the_same_time(void **state)
{
    struct esc_workers *w;
    int jobs[10];

    (void)state;
    reset();
    assert_int_equal(esc_workers_start(4, 10, run, &w), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(jobs); i++)
        assert_true(esc_workers_offer(w, &jobs[i]));
    wait_for(&running, 4); /* would wait for ever if one had to end before the next begins */
    open_gate();
    wait_for(&done, 10);
    esc_workers_stop(w, drop);
    esc_workers_free(w);
    assert_int_equal(dropped, 0);
}

static void refuses_when_full_and_when_stopped(void **state)
{
    struct esc_workers *w;
    int jobs[4];

    (void)state;
    reset();
    assert_int_equal(esc_workers_start(1, 2, run, &w), ESCERTKE_OK);
    assert_true(esc_workers_offer(w, &jobs[0]));
    wait_for(&running, 1);
    assert_true(esc_workers_offer(w, &jobs[1]));
    assert_true(esc_workers_offer(w, &jobs[2]));
    assert_false(esc_workers_offer(w, &jobs[3]));
    open_gate();
    wait_for(&done, 3);
    esc_workers_stop(w, drop);
    assert_false(esc_workers_offer(w, &jobs[3]));
    esc_workers_free(w);
    assert_int_equal(dropped, 0);
}

static void *open_later(void *unused)
{
    static const struct timespec pause = { 0, 50000000 };

    nanosleep(&pause, NULL);
    open_gate();
    return unused;
}

static void drops_what_waits_and_waits_for_what_runs(void **state)
{
    struct esc_workers *w;
    pthread_t opener;
    int jobs[5];

    (void)state;
    reset();
    assert_int_equal(esc_workers_start(2, 10, run, &w), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(jobs); i++)
        assert_true(esc_workers_offer(w, &jobs[i]));
    wait_for(&running, 2);
    assert_int_equal(pthread_create(&opener, NULL, open_later, NULL), 0);
    esc_workers_stop(w, drop);
    assert_int_equal(done, 2);
    assert_int_equal(dropped, 3);
    pthread_join(opener, NULL);
    esc_workers_free(w);
    esc_workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_jobs_at_the_same_time),
        cmocka_unit_test(refuses_when_full_and_when_stopped),
        cmocka_unit_test(drops_what_waits_and_waits_for_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A child puts keys, each with its reply and in place of older ones, from two threads and says each over a pipe after put has returned. It is killed at a random point, again
 * and again on the same file. Then the store must open, be sound, and hold every key that was said, whole.
 */
#include "keys_support.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 40
#define THREADS 2
#define KEYS_MAX 200000u

static char dir[256], path[320];
static bool said[KEYS_MAX + 3 * THREADS], there[KEYS_MAX + 3 * THREADS];
static escertke_store child_store;
static int said_fd;

#define FAR 1000000

/* Entry n. Two that follow each other in one thread are of one peer: the second takes the first one's place. */
static bool replaces(uint32_t n)
{
    return n / THREADS % 2 == 1 && n >= THREADS;
}

static escertke_key_entry entry_of(uint32_t n)
{
    escertke_key_entry e = entry_make(n, 100 + n, FAR);

    snprintf(e.peer, sizeof e.peer, PEER "%u", replaces(n) ? n - THREADS : n);
    return e;
}

static escertke_err put_entry(const escertke_key_entry *e, uint32_t n)
{
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(n, FAR, m4);
    const escertke_put_options o = { .replace = true, .overlap_s = 300, .reply = &reply };

    return child_store.ops->put(child_store.state, e, &o, NULL);
}

static void *put_for_ever(void *arg)
{
    for (uint32_t n = *(uint32_t *)arg; n < KEYS_MAX; n += THREADS) {
        escertke_key_entry e = entry_of(n), old;
        if (put_entry(&e, n) != ESCERTKE_OK || write(said_fd, &n, sizeof n) != sizeof n)
            _exit(1);
        if (n % 16 == 15) { /* deletions empty the log: killed in there as well. What was never said may go. */
            old = entry_make(KEYS_MAX + n, 1, 2);
            if (child_store.ops->put(child_store.state, &old, NULL, NULL) != ESCERTKE_OK ||
                child_store.ops->remove(child_store.state, old.key.id, NULL) != ESCERTKE_OK)
                _exit(1);
        }
    }
    _exit(2);
}

static void child(int fd, uint32_t first)
{
    uint32_t start[THREADS];
    pthread_t thread;

    said_fd = fd;
    if (escertke_store_sqlite(path, &child_store, NULL) != ESCERTKE_OK)
        _exit(3);
    for (uint32_t i = 0; i < THREADS; i++)
        start[i] = first + i;
    if (pthread_create(&thread, NULL, put_for_ever, &start[1]) != 0)
        _exit(4);
    put_for_ever(&start[0]);
}

static void check_integrity(void)
{
    sqlite3_stmt *st;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* All that a put does is there, or nothing of it. */
static bool check_entry(escertke_store *s, uint32_t n, bool follower_there)
{
    escertke_key_entry e = entry_of(n), out;
    escertke_err err = s->ops->get(s->state, e.key.id, 100, &out, NULL);

    if (reply_is_there(s, OWN, e.peer, n, 100) != (err == ESCERTKE_OK))
        fail_msg("key %u: %s, its reply otherwise", n, escertke_err_name(err));
    if (follower_there)
        e.expires_s = 100 + n + THREADS + 300 + 60;
    if (err == ESCERTKE_OK ? !entry_same(&e, &out) : said[n] || err != ESCERTKE_ERR_NOT_FOUND)
        fail_msg("key %u: %s%s, end %lld", n, escertke_err_name(err), said[n] ? ", and it was said" : "", (long long)out.expires_s);
    return err == ESCERTKE_OK;
}

static void check_store(uint32_t next)
{
    escertke_detail d = detail_new();
    escertke_store s;

    if (escertke_store_sqlite(path, &s, &d) != ESCERTKE_OK)
        fail_msg("not opened: %s", d.reason);
    for (uint32_t n = next + THREADS; n-- > 0;)
        there[n] = check_entry(&s, n, replaces(n + THREADS) && there[n + THREADS]);
    check_integrity();
    escertke_store_close(&s);
}

static void note_said(uint32_t n, uint32_t first, uint32_t *next)
{
    assert_true(n >= first && n < KEYS_MAX);
    said[n] = true;
    if (n >= *next)
        *next = n + 1;
}

/*
 * Run a child for that long, from its start or from its first key on; note what it said.
 * Returns the first number that no child has used.
 */
static uint32_t run_and_kill(uint32_t first, bool from_start, long life_us)
{
    const struct timespec life = { .tv_nsec = life_us * 1000 };
    uint32_t n, next = first;
    int fds[2], status;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(fds[1], first);
    }
    close(fds[1]);
    if (!from_start && read(fds[0], &n, sizeof n) == sizeof n)
        note_said(n, first, &next);
    nanosleep(&life, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(fds[0], &n, sizeof n) == sizeof n)
        note_said(n, first, &next);
    close(fds[0]);
    return next + THREADS; /* one put of each thread may have gone through unsaid */
}

static void killed_at_random_points(void **state)
{
    uint32_t seed = 20240607, next = 0;
    size_t count = 0;

    (void)state;
    dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/keys.db", dir);
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525u + 1013904223u;
        bool from_start = round % 4 == 0; /* a quarter of them dies while the store is opened, or soon after */
        next = run_and_kill(next, from_start, (long)(seed >> 8) % (from_start ? 4000 : 50000));
        check_store(next);
    }
    for (uint32_t n = 0; n < next; n++)
        count += said[n];
    print_message("  %zu keys said and held after %d kills\n", count, ROUNDS);
    assert_true(count > ROUNDS);
    dir_remove(dir, (const char *const[]){ "keys.db", NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(killed_at_random_points) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

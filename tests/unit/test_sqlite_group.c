/* Puts that share a transaction; every allocation that SQLite makes in one, failing. */
#include "keys_support.h"

#include <pthread.h>

#include "keys/sqlite.h"

static char dir[256], path[320];
static struct esc_conn writer;
static struct esc_group group;

/* An allocator below SQLite's that can fail: the nth call from now, and all after it. */
static sqlite3_mem_methods real_memory;
static long fail_from = -1;

static bool fails(void)
{
    if (fail_from > 0)
        fail_from--;
    return fail_from == 0;
}

static void *failing_malloc(int size)
{
    return fails() ? NULL : real_memory.xMalloc(size);
}

static void *failing_realloc(void *p, int size)
{
    return fails() ? NULL : real_memory.xRealloc(p, size);
}

static void open_group(void)
{
    char real[PATH_MAX];

    assert_ok(esc_sqlite_file_ready(path, real, NULL));
    assert_ok(esc_conn_open(&writer, real, true, NULL));
    assert_true(esc_group_init(&group, &writer));
}

static void close_group(void)
{
    esc_group_destroy(&group);
    esc_conn_close(&writer);
}

static int64_t ask(const char *sql)
{
    sqlite3_stmt *st;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static escertke_err put(uint32_t n, escertke_detail *d)
{
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(n, 500, m4);
    const escertke_put_options o = { .replace = true, .overlap_s = 10, .reply = &reply };
    escertke_key_entry e = entry_make(n, 100 + n, 900);

    return esc_group_put(&group, &e, &o, d);
}

/* What a put of entry n has left: all of it, or nothing. */
static bool is_there(uint32_t n)
{
    char sql[200];
    int64_t keys, replies, ended;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM keys WHERE created_s = %u", 100 + n);
    keys = ask(sql);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM keys WHERE created_s = %u AND length(m4) = %d", 100 + n, M4_LEN);
    replies = ask(sql);
    ended = ask("SELECT count(*) FROM keys WHERE expires_s < 900");
    assert_int_equal(keys, replies);
    assert_int_equal(ended, n - 2 + (uint32_t)keys); /* all but the newest */
    return keys == 1;
}

static void all_or_nothing_of_one_put(void **state)
{
    size_t failed = 0;
    uint32_t n = 1;

    (void)state;
    open_group();
    assert_ok(put(n++, NULL));
    for (long at = 1; at < 400; at++) {
        escertke_detail d = detail_new();
        sqlite3_db_release_memory(writer.db);
        fail_from = at;
        escertke_err err = put(n, &d);
        bool hit = fail_from == 0;
        fail_from = -1;
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOMEM)
            fail_msg("allocation %ld: %s %s", at, escertke_err_name(err), d.reason);
        assert_int_equal(d.err, err);
        if (is_there(n) != (err == ESCERTKE_OK))
            fail_msg("allocation %ld: %s", at, escertke_err_name(err));
        failed += err != ESCERTKE_OK;
        n += err == ESCERTKE_OK;
        if (!hit)
            break;
    }
    print_message("  %zu failures of memory\n", failed);
    assert_true(failed > 0);
    assert_ok(put(n, NULL));
    assert_true(is_there(n));
    close_group();
    unlink(path);
}

/* A statement of the transaction that is refused takes the others with it. */
static void a_statement_that_fails(void **state)
{
    static const char *const triggers[] = {
        "CREATE TRIGGER t BEFORE UPDATE OF expires_s ON keys BEGIN SELECT RAISE(FAIL, 'no'); END",
        "CREATE TRIGGER t AFTER UPDATE OF expires_s ON keys BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        "CREATE TRIGGER t AFTER INSERT ON keys BEGIN SELECT RAISE(FAIL, 'no'); END",
        "CREATE TRIGGER t BEFORE UPDATE OF m4 ON keys BEGIN SELECT RAISE(FAIL, 'no'); END",
        "CREATE TRIGGER t AFTER UPDATE OF m4 ON keys BEGIN SELECT RAISE(ABORT, 'no'); END",
    };
    uint32_t n = 1;

    (void)state;
    open_group();
    while (n <= ESCERTKE_REPLIES_MAX) /* the next one drops a reply */
        assert_ok(put(n++, NULL));
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
        escertke_detail d = detail_new();
        assert_int_equal(sqlite3_exec(writer.db, triggers[i], NULL, NULL, NULL), SQLITE_OK);
        escertke_err err = put(n, &d);
        if (err != ESCERTKE_ERR_STORE || d.err != err || is_there(n))
            fail_msg("%s: %s %s", triggers[i], escertke_err_name(err), d.reason);
        assert_int_equal(ask("SELECT count(*) FROM keys WHERE m4 IS NOT NULL"), ESCERTKE_REPLIES_MAX);
        assert_int_equal(sqlite3_exec(writer.db, "DROP TRIGGER t", NULL, NULL, NULL), SQLITE_OK);
    }
    assert_ok(put(n, NULL));
    assert_true(is_there(n));
    close_group();
    unlink(path);
}

static void *put_some(void *arg)
{
    uint32_t first = *(uint32_t *)arg, bad = 0;

    for (uint32_t n = first; n < first + 50; n++) {
        escertke_key_entry e = entry_make(n, 100, 900);
        snprintf(e.peer, sizeof e.peer, PEER "%u", first);
        bad += esc_group_put(&group, &e, NULL, NULL) != ESCERTKE_OK;
    }
    return (void *)(uintptr_t)bad;
}

static void nobody_is_forgotten(void **state)
{
    uint32_t first[4] = { 0, 100, 200, 300 };
    pthread_t thread[4];

    (void)state;
    open_group();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, put_some, &first[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *bad;
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_null(bad);
    }
    assert_int_equal(ask("SELECT count(*) FROM keys"), 200);
    assert_int_equal(group.waiting, 0);
    assert_false(group.leading);
    close_group();
    unlink(path);
}

static int set_up(void **state)
{
    sqlite3_mem_methods failing;

    (void)state;
    sqlite3_shutdown();
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    failing = real_memory;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
    dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/keys.db", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dir_remove(dir, (const char *const[]){ "keys.db", NULL });
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_or_nothing_of_one_put),
        cmocka_unit_test(a_statement_that_fails),
        cmocka_unit_test(nobody_is_forgotten),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#include "keys_support.h"

#include "keys/sqlite.h"

static char dir[256], path[320];

static void what_sqlite_says_is_mapped(void **state)
{
    static const struct {
        int rc;
        escertke_err err;
    } rows[] = {
        { SQLITE_FULL, ESCERTKE_ERR_STORE_FULL },       { SQLITE_NOMEM, ESCERTKE_ERR_NOMEM },
        { SQLITE_IOERR_NOMEM, ESCERTKE_ERR_NOMEM },     { SQLITE_CANTOPEN, ESCERTKE_ERR_IO },
        { SQLITE_CANTOPEN_ISDIR, ESCERTKE_ERR_IO },     { SQLITE_READONLY_DIRECTORY, ESCERTKE_ERR_IO },
        { SQLITE_PERM, ESCERTKE_ERR_IO },               { SQLITE_BUSY, ESCERTKE_ERR_STORE },
        { SQLITE_BUSY_RECOVERY, ESCERTKE_ERR_STORE },   { SQLITE_NOTADB, ESCERTKE_ERR_STORE },
        { SQLITE_CORRUPT_INDEX, ESCERTKE_ERR_STORE },   { SQLITE_IOERR_READ, ESCERTKE_ERR_STORE },
        { SQLITE_ERROR, ESCERTKE_ERR_STORE },           { SQLITE_CONSTRAINT_CHECK, ESCERTKE_ERR_STORE },
    };
    sqlite3 *db;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_detail d = detail_new();
        assert_int_equal(esc_sqlite_fail(db, rows[i].rc, "try this", &d), rows[i].err);
        assert_int_equal(d.err, rows[i].err);
        assert_non_null(strstr(d.reason, "cannot try this: "));
    }
    sqlite3_close(db);
}

/* Change the only entry of a store behind its back; constraints are off, as for a file that another program wrote. */
static void spoil(const char *set)
{
    char sql[400];
    sqlite3 *db;

    snprintf(sql, sizeof sql, "PRAGMA ignore_check_constraints=ON; UPDATE keys SET %s", set);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static bool count_entry(void *ctx, const escertke_key_entry *entry)
{
    (void)entry;
    ++*(size_t *)ctx;
    return true;
}

static void damaged_rows_are_not_taken_over(void **state)
{
    static const struct {
        const char *set;
        bool key_only; /* list does not read it */
    } rows[] = {
        { "key = x'00'", true }, { "key = zeroblob(33)", true }, { "key = '0123456789abcdef0123456789abcdef'", true },
        { "fingerprint = zeroblob(31)", false }, { "fingerprint = 5", false }, { "role = 3", false },
        { "role = 4294967297", false },
        { "role = -1", false }, { "usage = 'x'", false }, { "usage = 257", false }, { "flavour = 1", false },
        { "created_s = -5", false }, { "peer = ''", false },
        { "peer = printf('%.*c', 256, 'x')", false }, { "own = 'a' || char(0) || 'b'", false },
        { "suite = printf('%.*c', 64, 'x')", false }, { "engine = printf('%.*c', 100000, 'x')", false },
    };
    escertke_key_entry e = entry_make(1, 100, 200), out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_detail d = detail_new();
        escertke_store s;
        size_t count = 0;

        assert_ok(escertke_store_sqlite(path, &s, NULL));
        assert_ok(s.ops->put(s.state, &e, NULL, NULL));
        spoil(rows[i].set);
        out = e;
        escertke_err err = s.ops->get(s.state, e.key.id, 100, &out, &d);
        if (err != ESCERTKE_ERR_STORE || !strstr(d.reason, "entry is damaged") || !entry_is_zero(&out))
            fail_msg("%s: %s %s", rows[i].set, escertke_err_name(err), d.reason);
        err = s.ops->list(s.state, count_entry, &count, NULL);
        assert_int_equal(err, rows[i].key_only ? ESCERTKE_OK : ESCERTKE_ERR_STORE);
        assert_int_equal(count, rows[i].key_only ? 1 : 0);
        assert_ok(s.ops->remove(s.state, e.key.id, NULL)); /* a damaged entry can be got rid of */
        escertke_store_close(&s);
    }
}

static void every_commit_reaches_the_disk(void **state)
{
    static const struct {
        const char *pragma;
        int value;
    } rows[] = { { "PRAGMA synchronous", 2 }, { "PRAGMA secure_delete", 1 }, { "PRAGMA temp_store", 2 },
                 { "PRAGMA trusted_schema", 0 } };
    char real[PATH_MAX];
    struct esc_conn c;

    (void)state;
    assert_ok(esc_sqlite_file_ready(path, real, NULL));
    for (int writer = 1; writer >= 0; writer--) {
        assert_ok(esc_conn_open(&c, real, writer, NULL));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            sqlite3_stmt *st;
            assert_int_equal(sqlite3_prepare_v2(c.db, rows[i].pragma, -1, &st, NULL), SQLITE_OK);
            assert_int_equal(sqlite3_step(st), SQLITE_ROW);
            assert_int_equal(sqlite3_column_int(st, 0), rows[i].value);
            sqlite3_finalize(st);
        }
        assert_int_equal(sqlite3_exec(c.db, "DELETE FROM keys", NULL, NULL, NULL), writer ? SQLITE_OK : SQLITE_READONLY);
        esc_conn_close(&c);
    }
}

/* No look-up may read the whole table, nor sort it with keys in it. */
static void lookups_use_an_index(void **state)
{
    char real[PATH_MAX];
    struct esc_conn c;

    (void)state;
    assert_ok(esc_sqlite_file_ready(path, real, NULL));
    assert_ok(esc_conn_open(&c, real, false, NULL));
    for (int which = ESC_GET; which <= ESC_LIST; which++) {
        char sql[600];
        sqlite3_stmt *st;

        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", sqlite3_sql(c.statement[which]));
        assert_int_equal(sqlite3_prepare_v2(c.db, sql, -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(st, 3);
            assert_non_null(strstr(plan, "INDEX"));
        }
        sqlite3_finalize(st);
    }
    esc_conn_close(&c);
}

static int set_up(void **state)
{
    (void)state;
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
        cmocka_unit_test(what_sqlite_says_is_mapped),
        cmocka_unit_test(damaged_rows_are_not_taken_over),
        cmocka_unit_test(every_commit_reaches_the_disk),
        cmocka_unit_test(lookups_use_an_index),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

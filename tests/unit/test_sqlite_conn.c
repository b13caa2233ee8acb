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
        char sql[700];
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
        cmocka_unit_test(every_commit_reaches_the_disk),
        cmocka_unit_test(lookups_use_an_index),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

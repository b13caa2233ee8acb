#include "keys_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>

static char dir[256], path[320];

/* A file made by SQLite itself with these statements; closed, so all of it is in the file. */
static void make_database(const char *sql)
{
    sqlite3 *db;
    mode_t before = umask(077);

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    umask(before);
}

static void make_bytes(const void *bytes, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void clean(void)
{
    char beside[340];

    unlink(path);
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
}

static escertke_err try_open(escertke_detail *d)
{
    escertke_store s;

    *d = detail_new();
    escertke_err err = escertke_store_sqlite(path, &s, d);
    if (err == ESCERTKE_OK)
        escertke_store_close(&s);
    else
        assert_null(s.ops);
    return err;
}

static size_t read_whole(uint8_t *out, size_t cap)
{
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    ssize_t n = read(fd, out, cap);
    close(fd);
    assert_true(n >= 0);
    return (size_t)n;
}

static void other_files_are_refused_untouched(void **state)
{
    static const struct {
        const char *name, *sql, *reason;
    } rows[] = {
        { "tables of another program", "CREATE TABLE t (x); INSERT INTO t VALUES (1)", "another program" },
        { "another application_id", "PRAGMA application_id=1234; CREATE TABLE t (x)", "000004d2" },
        { "another program's version", "PRAGMA user_version=1", "another program" },
        { "newer version", "PRAGMA application_id=1163084619; PRAGMA user_version=3; CREATE TABLE keys (x)",
          "version 3 is newer" },
        { "version 0", "PRAGMA application_id=1163084619; CREATE TABLE keys (x)", "version 0" },
        { "negative version", "PRAGMA application_id=1163084619; PRAGMA user_version=-7; CREATE TABLE keys (x)", "version -7" },
        { "empty, but another's in name", "PRAGMA application_id=-1", "ffffffff" },
    };
    static uint8_t before[65536], after[65536];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_detail d;

        make_database(rows[i].sql);
        size_t len = read_whole(before, sizeof before);
        escertke_err err = try_open(&d);
        if (err != ESCERTKE_ERR_STORE || !strstr(d.reason, rows[i].reason))
            fail_msg("%s: %s %s", rows[i].name, escertke_err_name(err), d.reason);
        assert_int_equal(read_whole(after, sizeof after), len);
        assert_memory_equal(before, after, len);
        clean();
    }
}

/* A file as version 0.1 made it. */
#define VERSION_1 \
    "PRAGMA application_id=1163084619; PRAGMA user_version=1; PRAGMA journal_mode=WAL;" \
    "CREATE TABLE keys (" \
    " id BLOB NOT NULL CHECK (typeof(id) = 'blob' AND length(id) = 16)," \
    " own TEXT NOT NULL," \
    " peer TEXT NOT NULL," \
    " usage INTEGER NOT NULL," \
    " key BLOB NOT NULL CHECK (typeof(key) = 'blob' AND length(key) = 32)," \
    " role INTEGER NOT NULL," \
    " suite TEXT NOT NULL," \
    " engine TEXT NOT NULL," \
    " flavour INTEGER NOT NULL," \
    " fingerprint BLOB NOT NULL CHECK (typeof(fingerprint) = 'blob' AND length(fingerprint) = 32)," \
    " created_s INTEGER NOT NULL," \
    " expires_s INTEGER NOT NULL," \
    " UNIQUE (id, own));" \
    "CREATE INDEX keys_by_peer ON keys (own, peer, usage, created_s);" \
    "CREATE INDEX keys_by_created ON keys (created_s);"

static const char version_1_rows[] =
    VERSION_1
    "INSERT INTO keys VALUES (x'000102030405060708090a0b0c0d0e0f', '" OWN "', '" PEER "', 1,"
    " x'202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f', 1, 'S', 'openssl', 33, zeroblob(32), 100, 900);"
    "INSERT INTO keys VALUES (x'100102030405060708090a0b0c0d0e0f', '" OWN "', '" PEER "', 1,"
    " x'404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f', 2, 'S', 'gnutls', 34, zeroblob(32), 50, 800);";

static int64_t ask(const char *sql)
{
    sqlite3_stmt *st;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

static void version_1_is_brought_up_to_date(void **state)
{
    uint8_t id[ESCERTKE_KEY_ID_LEN] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    escertke_key_entry out, fresh = entry_make(8, 200, 1000);
    escertke_detail d;
    escertke_store s;
    uint8_t m4[M4_LEN];

    (void)state;
    make_database(version_1_rows);
    assert_ok(try_open(&d));
    assert_int_equal(ask("PRAGMA user_version"), 2);
    assert_ok(escertke_store_sqlite(path, &s, NULL));
    assert_ok(s.ops->get(s.state, id, 100, &out, NULL));
    assert_true(out.role == ESCERTKE_INITIATOR && out.confirmed && out.issued_count == 0);
    assert_true(out.key.key[0] == 0x20 && out.key.key[31] == 0x3f && out.created_s == 100 && out.expires_s == 900);
    id[0] = 0x10;
    assert_ok(s.ops->get(s.state, id, 100, &out, NULL));
    assert_true(out.role == ESCERTKE_TERMINATOR && !out.confirmed && out.issued_count == 0);
    assert_string_equal(out.engine, "gnutls");
    assert_false(reply_is_there(&s, OWN, PEER, 8, 100));

    escertke_reply reply = reply_make(8, 260, m4);
    const escertke_put_options o = { .replace = true, .overlap_s = 300, .reply = &reply };
    assert_ok(s.ops->put(s.state, &fresh, &o, NULL));
    assert_true(reply_is_there(&s, OWN, PEER, 8, 200));
    assert_ok(s.ops->get(s.state, id, 100, &out, NULL));
    assert_int_equal(out.expires_s, 560); /* a terminator's, so a run's time later */
    escertke_store_close(&s);
    clean();
}

/* It goes wrong after the first columns have been added: the file is as before, and a later try succeeds. */
static void a_migration_that_fails_changes_nothing(void **state)
{
    escertke_detail d;
    sqlite3 *db;

    (void)state;
    make_database(version_1_rows);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE INDEX keys_by_end ON keys (own)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(try_open(&d), ESCERTKE_ERR_STORE);
    assert_non_null(strstr(d.reason, "tables up to date"));
    assert_int_equal(ask("PRAGMA user_version"), 1);
    assert_int_equal(ask("SELECT count(*) FROM pragma_table_info('keys')"), 12);
    assert_int_equal(ask("SELECT count(*) FROM keys"), 2);
    assert_int_equal(ask("SELECT count(*) FROM sqlite_master WHERE name = 'keys_by_peer'"), 1);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP INDEX keys_by_end", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(try_open(&d));
    assert_int_equal(ask("SELECT count(*) FROM keys"), 2);
    clean();
}

/* The version before goes on with an open file: what it writes is as good as what it wrote before. */
static void the_version_before_may_still_write(void **state)
{
    escertke_store s;
    sqlite3 *old;
    size_t count;

    (void)state;
    make_database(VERSION_1);
    assert_int_equal(sqlite3_open(path, &old), SQLITE_OK);
    assert_ok(escertke_store_sqlite(path, &s, NULL));
    assert_int_equal(sqlite3_exec(old,
                                  "REPLACE INTO keys (id, own, peer, usage, key, role, suite, engine, flavour, fingerprint, "
                                  "created_s, expires_s) VALUES (zeroblob(16), 'a', 'b', 1, zeroblob(32), 2, 'S', 'E', 33,"
                                  " zeroblob(32), 1, 2)", NULL, NULL, NULL), SQLITE_OK);
    assert_ok(s.ops->prune(s.state, 2, &count, NULL));
    assert_int_equal(count, 1);
    sqlite3_close(old);
    escertke_store_close(&s);
    clean();
}

static void missing_tables_are_a_store_error(void **state)
{
    static const char *const sql[] = {
        "PRAGMA application_id=1163084619; PRAGMA user_version=1",
        "PRAGMA application_id=1163084619; PRAGMA user_version=1; CREATE TABLE keys (id, own, peer)",
        "PRAGMA application_id=1163084619; PRAGMA user_version=2; CREATE TABLE keys (id, own, peer)",
        VERSION_1 "DROP INDEX keys_by_peer",
        VERSION_1 "PRAGMA user_version=2",
    };
    escertke_detail d;

    (void)state;
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        make_database(sql[i]);
        assert_int_equal(try_open(&d), ESCERTKE_ERR_STORE);
        if (!strstr(d.reason, "tables"))
            fail_msg("%zu: %s", i, d.reason);
        clean();
    }
}

static void not_a_database(void **state)
{
    static uint8_t noise[9000];
    static const size_t lengths[] = { 1, 15, 16, 99, 100, 511, 512, 4095, 4096, 9000 };
    escertke_detail d;

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * i * 31 + 7);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        make_bytes(noise, lengths[i]);
        assert_int_equal(try_open(&d), ESCERTKE_ERR_STORE);
        assert_non_null(strstr(d.reason, "not an SQLite database"));
    }
    clean();
}

static void an_empty_file_becomes_a_store(void **state)
{
    escertke_detail d;

    (void)state;
    make_bytes("", 0); /* as a process leaves it that was killed between creating the file and its tables */
    assert_ok(try_open(&d));
    assert_ok(try_open(&d));
    clean();
}

static void the_file_is_ours_by_its_header(void **state)
{
    static uint8_t file[65536];
    escertke_detail d;

    (void)state;
    assert_ok(try_open(&d));
    assert_true(read_whole(file, sizeof file) >= 100);
    assert_memory_equal(file + 68, "ESCK", 4);
    assert_memory_equal(file + 60, "\0\0\0\2", 4);
    assert_memory_equal(file + 18, "\2\2", 2); /* WAL */
    clean();
}

/* A store with 200 keys, as one file. */
static size_t make_store(uint8_t *file, size_t cap)
{
    escertke_store s;

    assert_ok(escertke_store_sqlite(path, &s, NULL));
    for (uint32_t n = 0; n < 200; n++) {
        escertke_key_entry e = entry_make(n, 100, 200);
        assert_ok(s.ops->put(s.state, &e, NULL, NULL));
    }
    escertke_store_close(&s);
    size_t len = read_whole(file, cap);
    clean();
    return len;
}

/* Opening and every call must end with OK, NOT_FOUND or STORE, and what is found must be whole. */
static escertke_err use_all(escertke_detail *d)
{
    escertke_err worst = ESCERTKE_OK, err;
    escertke_store s;

    if ((err = escertke_store_sqlite(path, &s, d)) != ESCERTKE_OK)
        return err;
    for (uint32_t n = 0; n < 200; n += 9) {
        escertke_key_entry e = entry_make(n, 100, 200), out;
        err = s.ops->get(s.state, e.key.id, 100, &out, d);
        if (err == ESCERTKE_OK)
            assert_memory_equal(out.key.id, e.key.id, sizeof e.key.id);
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOT_FOUND)
            worst = err;
    }
    escertke_key_entry fresh = entry_make(1000, 150, 200);
    if ((err = s.ops->put(s.state, &fresh, NULL, d)) != ESCERTKE_OK)
        worst = err;
    if ((err = s.ops->prune(s.state, 199, NULL, d)) != ESCERTKE_OK)
        worst = err;
    escertke_store_close(&s);
    return worst;
}

static void truncated_files(void **state)
{
    static uint8_t file[400000];
    static const size_t cuts[] = { 1, 99, 100, 512, 4095, 4096, 4097, 8192, 40000 };
    size_t len;

    (void)state;
    len = make_store(file, sizeof file);
    assert_true(len > 50000 && len < sizeof file);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        escertke_detail d = detail_new();
        make_bytes(file, cuts[i]);
        if (use_all(&d) != ESCERTKE_ERR_STORE)
            fail_msg("cut to %zu: not noticed", cuts[i]);
        clean();
    }
    make_bytes(file, len);
    assert_ok(use_all(NULL));
    clean();
}

static void corrupted_files(void **state)
{
    static uint8_t file[400000], bad[400000];
    size_t len, noticed = 0;

    (void)state;
    len = make_store(file, sizeof file);
    for (size_t page = 0; page < len / 4096; page++) { /* a page overwritten each time, the header's page included */
        escertke_detail d = detail_new();
        memcpy(bad, file, len);
        memset(bad + page * 4096, 0xa5, 4096);
        make_bytes(bad, len);
        escertke_err err = use_all(&d);
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_STORE)
            fail_msg("page %zu: %s %s", page, escertke_err_name(err), d.reason);
        noticed += err == ESCERTKE_ERR_STORE;
        clean();
    }
    assert_true(noticed >= len / 4096 / 2); /* pages that no call above reads cannot be noticed */
}

static void *open_and_put(void *arg)
{
    escertke_key_entry e = entry_make((uint32_t)(uintptr_t)arg, 100, 200);
    escertke_store s;
    escertke_err err = escertke_store_sqlite(path, &s, NULL);

    if (err == ESCERTKE_OK) {
        err = s.ops->put(s.state, &e, NULL, NULL);
        escertke_store_close(&s);
    }
    return (void *)(uintptr_t)err;
}

static void many_may_open_at_once(void **state)
{
    pthread_t thread[6];
    escertke_detail d;

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, open_and_put, (void *)(uintptr_t)i), 0);
        for (size_t i = 0; i < 6; i++) {
            void *err;
            assert_int_equal(pthread_join(thread[i], &err), 0);
            assert_int_equal((uintptr_t)err, ESCERTKE_OK);
        }
        assert_ok(try_open(&d));
        clean();
    }
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
        cmocka_unit_test(other_files_are_refused_untouched),
        cmocka_unit_test(version_1_is_brought_up_to_date),
        cmocka_unit_test(a_migration_that_fails_changes_nothing),
        cmocka_unit_test(the_version_before_may_still_write),
        cmocka_unit_test(missing_tables_are_a_store_error),
        cmocka_unit_test(not_a_database),
        cmocka_unit_test(an_empty_file_becomes_a_store),
        cmocka_unit_test(the_file_is_ours_by_its_header),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(corrupted_files),
        cmocka_unit_test(many_may_open_at_once),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

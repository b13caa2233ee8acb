#include "keys_support.h"

#include "keys/sqlite.h"

static char dir[256], path[320];

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
        { "confirmed = 2", false }, { "confirmed = -1", false }, { "issued = 'x'", false }, { "issued = 5", false },
        { "issued = zeroblob(84)", false }, { "issued = zeroblob(86)", false }, { "issued = zeroblob(425)", false },
        { "issued = CAST(zeroblob(64) || x'15' || zeroblob(20) AS BLOB)", false },
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

/* A reply is given out whole and of a fitting length, or not at all; the key is as good as before. */
static void damaged_replies_are_not_given_out(void **state)
{
    static const struct {
        const char *set;
        escertke_err expected;
    } rows[] = {
        { "m4 = zeroblob(1025)", ESCERTKE_ERR_STORE },  { "m4 = zeroblob(10000000)", ESCERTKE_ERR_STORE },
        { "m4 = x''", ESCERTKE_ERR_STORE },             { "m4 = NULL", ESCERTKE_ERR_STORE },
        { "m4 = 'text'", ESCERTKE_ERR_STORE },          { "m4 = 5", ESCERTKE_ERR_STORE },
        { "m4 = 5.5", ESCERTKE_ERR_STORE },             { "m4 = zeroblob(1024)", ESCERTKE_OK },
        { "m3_digest = zeroblob(31)", ESCERTKE_ERR_NOT_FOUND },
        { "m3_digest = m3_digest || x'00'", ESCERTKE_ERR_NOT_FOUND },
        { "m3_digest = 'text'", ESCERTKE_ERR_NOT_FOUND }, { "m3_digest = NULL", ESCERTKE_ERR_NOT_FOUND },
        { "reply_until_s = -1", ESCERTKE_ERR_NOT_FOUND }, { "own = own || 'x'", ESCERTKE_ERR_NOT_FOUND },
        { "peer = x'00'", ESCERTKE_ERR_NOT_FOUND },
    };
    escertke_key_entry e = entry_make(1, 100, 900), next = entry_make(2, 100, 900);
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(1, 160, m4);
    const escertke_put_options o = { .replace = true, .reply = &reply };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_detail d = detail_new();
        escertke_store s;
        escertke_buf out;

        escertke_buf_init(&out, 65536);
        assert_ok(escertke_store_sqlite(path, &s, NULL));
        assert_ok(s.ops->put(s.state, &e, &o, NULL));
        spoil(rows[i].set);
        escertke_err err = s.ops->get_reply(s.state, OWN, PEER, reply.m3_digest, 100, &out, &d);
        if (err != rows[i].expected || d.err != err || (err == ESCERTKE_OK) != (out.len > 0))
            fail_msg("%s: %s %s", rows[i].set, escertke_err_name(err), d.reason);
        assert_ok(s.ops->put(s.state, &next, &o, NULL)); /* nothing is in its way */
        assert_ok(s.ops->prune(s.state, 1000, NULL, NULL));
        escertke_store_close(&s);
        escertke_buf_free(&out);
    }
}

/* Whatever stands in the columns: an exact error or a whole reply, and never a crash. */
static void columns_at_random(void **state)
{
    static const char *const columns[] = { "m4", "m3_digest", "reply_until_s", "issued", "confirmed", "expires_s", "role", "id" };
    static const char *const values[] = { "NULL", "1", "-1", "9223372036854775807", "0.5", "'x'", "x''", "zeroblob(32)",
                                          "zeroblob(85)", "zeroblob(1025)", "randomblob(33)", "printf('%.*c', 5000, 'y')" };
    escertke_key_entry e = entry_make(1, 100, 900), out;
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(1, 160, m4);
    const escertke_put_options o = { .replace = true, .overlap_s = 5, .reply = &reply };

    (void)state;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            char set[100];
            escertke_store s;
            escertke_buf m4_out;
            size_t count = 0;

            if (strcmp(values[k], "NULL") == 0 && i > 1)
                continue; /* NOT NULL cannot be switched off */
            snprintf(set, sizeof set, "%s = %s", columns[i], values[k]);
            escertke_buf_init(&m4_out, 65536);
            assert_ok(escertke_store_sqlite(path, &s, NULL));
            assert_ok(s.ops->put(s.state, &e, &o, NULL));
            spoil(set);
            escertke_err errs[] = {
                s.ops->get(s.state, e.key.id, 100, &out, NULL),
                s.ops->find(s.state, OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out, NULL),
                s.ops->get_reply(s.state, OWN, PEER, reply.m3_digest, 100, &m4_out, NULL),
                s.ops->list(s.state, count_entry, &count, NULL),
                s.ops->confirm(s.state, e.key.id, OWN, NULL),
                s.ops->retire(s.state, OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, NULL),
                s.ops->put(s.state, &e, &o, NULL),
            };
            for (size_t n = 0; n < sizeof errs / sizeof *errs; n++)
                if (errs[n] != ESCERTKE_OK && errs[n] != ESCERTKE_ERR_STORE && errs[n] != ESCERTKE_ERR_NOT_FOUND)
                    fail_msg("%s: call %zu: %s", set, n, escertke_err_name(errs[n]));
            escertke_buf_free(&m4_out);
            escertke_store_close(&s);
            unlink(path);
        }
}

static void what_is_written_is_read(void **state)
{
    escertke_store s;

    (void)state;
    assert_ok(escertke_store_sqlite(path, &s, NULL));
    for (uint32_t n = 0; n < 2 * (ESCERTKE_CHAIN_MAX + 1); n++) {
        escertke_key_entry e = entry_make(n, 100, 900), out;
        e.role = n % 3 ? ESCERTKE_INITIATOR : ESCERTKE_TERMINATOR;
        assert_ok(s.ops->put(s.state, &e, NULL, NULL));
        assert_ok(s.ops->get(s.state, e.key.id, 100, &out, NULL));
        assert_true(entry_same(&e, &out));
    }
    escertke_store_close(&s);
    unlink(path);
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
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(damaged_rows_are_not_taken_over),
        cmocka_unit_test(damaged_replies_are_not_given_out),
        cmocka_unit_test(columns_at_random),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

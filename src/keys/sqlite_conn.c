#include "keys/sqlite.h"

#include <errno.h>

#include "base/fail.h"

/* In the order of enum esc_column. */
#define COLUMNS_OF(key)                                                                                                          \
    "id, own, peer, usage, " key ", role, suite, engine, flavour, fingerprint, created_s, expires_s, confirmed, issued"
/* The first parameters of some. The index is named where the planner might take one that means sorting rows, keys and all. */
#define OF_PAIR "own = ?1 AND peer = ?2"
#define OF_ROLE OF_PAIR " AND usage = ?3 AND role = ?4"
#define NO_REPLY "m3_digest = NULL, m4 = NULL, reply_until_s = 0"

// clang-format off
static const struct {
    const char *sql;
    bool writer;
} statements[ESC_STATEMENTS] = {
    [ESC_BEGIN] = { "BEGIN IMMEDIATE", true },
    [ESC_COMMIT] = { "COMMIT", true },
    [ESC_ROLLBACK] = { "ROLLBACK", true },
    [ESC_PUT] = { "REPLACE INTO keys (" COLUMNS_OF("key") ", m3_digest, m4, reply_until_s)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)", true },
    [ESC_END] = { "UPDATE keys INDEXED BY keys_by_end SET expires_s = ?5 WHERE " OF_ROLE " AND expires_s > ?5"
                  " AND created_s <= ?6", true },
    [ESC_TRIM] = { "UPDATE keys SET " NO_REPLY " WHERE " OF_PAIR " AND m3_digest IS NOT NULL AND rowid NOT IN"
                   " (SELECT rowid FROM keys WHERE " OF_PAIR " AND m3_digest IS NOT NULL ORDER BY rowid DESC LIMIT ?3)", true },
    [ESC_CONFIRM] = { "UPDATE keys SET confirmed = 1 WHERE id = ?1 AND own = ?2", true },
    [ESC_REMOVE] = { "DELETE FROM keys WHERE id = ?1", true },
    [ESC_REMOVE_ROW] = { "DELETE FROM keys WHERE rowid = ?1 AND id = ?2", true },
    [ESC_PRUNE] = { "DELETE FROM keys WHERE expires_s <= ?1", true },
    [ESC_PRUNE_REPLIES] = { "UPDATE keys SET " NO_REPLY " WHERE m3_digest IS NOT NULL AND reply_until_s <= ?1", true },
    [ESC_GET] = { "SELECT " COLUMNS_OF("key") " FROM keys WHERE id = ?1 AND expires_s > ?2 ORDER BY own LIMIT 1", false },
    [ESC_FIND] = { "SELECT " COLUMNS_OF("key") " FROM keys INDEXED BY keys_by_role WHERE " OF_ROLE " AND expires_s > ?5"
                   " ORDER BY created_s DESC, rowid DESC LIMIT 1", false },
    [ESC_REPLY] = { "SELECT m4 FROM keys WHERE " OF_PAIR " AND m3_digest = ?3 AND reply_until_s > ?4 AND expires_s > ?4"
                    " LIMIT 1", false },
    [ESC_LIST] = { "SELECT " COLUMNS_OF("NULL") ", rowid FROM keys ORDER BY created_s, rowid", false },
};
// clang-format on

/* For every connection. No temporary file may ever hold a row; secure_delete overwrites what is deleted. */
static const char pragmas[] = "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
                              "PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=4194304;";

static bool is_full(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

static int last_errno(sqlite3_file *file)
{
    int number = 0;

    if (file && file->pMethods)
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* sqlite3_system_errno is not set when a commit fails to write; the file that could not be written knows. */
static int errno_of(sqlite3 *db, int rc)
{
    static const int pointers[] = { SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER };
    int number = 0;

    if (rc != SQLITE_IOERR_WRITE)
        return sqlite3_system_errno(db);
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers && number == 0; i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(db, "main", pointers[i], &file) == SQLITE_OK)
            number = last_errno(file);
    }
    return number;
}

escertke_err esc_sqlite_fail(sqlite3 *db, int rc, const char *doing, escertke_detail *d)
{
    static const struct {
        int code;
        escertke_err err;
        const char *what;
    } known[] = {
        { SQLITE_FULL, ESCERTKE_ERR_STORE_FULL, "no space left" },
        { SQLITE_NOMEM, ESCERTKE_ERR_NOMEM, "out of memory" },
        { SQLITE_CANTOPEN, ESCERTKE_ERR_IO, "cannot open it or a file beside it" },
        { SQLITE_READONLY, ESCERTKE_ERR_IO, "file or directory is read-only" },
        { SQLITE_PERM, ESCERTKE_ERR_IO, "permission denied" },
        { SQLITE_BUSY, ESCERTKE_ERR_STORE, "another process holds it for too long" },
        { SQLITE_NOTADB, ESCERTKE_ERR_STORE, "the file is not an SQLite database" },
        { SQLITE_CORRUPT, ESCERTKE_ERR_STORE, "the file is damaged; restore a copy, or move it away and establish new keys" },
    };
    int code = rc & 0xff, number = errno_of(db, rc);

    if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && is_full(number))
        code = SQLITE_FULL;
    if (rc == SQLITE_IOERR_NOMEM)
        code = SQLITE_NOMEM;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            return esc_fail(d, known[i].err, "", "key store: cannot %s: %s", doing, known[i].what);
    return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: cannot %s: %s (SQLite code %d, errno %d)", doing, sqlite3_errmsg(db),
                    rc, number);
}

escertke_err esc_sqlite_exec(sqlite3 *db, const char *sql, escertke_detail *d)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? ESCERTKE_OK : esc_sqlite_fail(db, rc, "open it", d);
}

static escertke_err prepare(struct esc_conn *c, bool writer, escertke_detail *d)
{
    for (int i = 0; i < ESC_STATEMENTS; i++) {
        if (statements[i].writer != writer)
            continue;
        int rc = sqlite3_prepare_v3(c->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT, &c->statement[i], NULL);
        if (rc != SQLITE_OK)
            return esc_sqlite_fail(c->db, rc, "prepare for its tables", d);
    }
    return ESCERTKE_OK;
}

static escertke_err make_ready(struct esc_conn *c, bool writer, escertke_detail *d)
{
    escertke_err err;

    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, ESC_SQLITE_BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if ((err = esc_sqlite_exec(c->db, pragmas, d)) != ESCERTKE_OK)
        return err;
    if (sqlite3_db_readonly(c->db, "main") == 1)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "key store: cannot open it: the file is read-only");
    err = writer ? esc_sqlite_schema_ready(c->db, d) : esc_sqlite_exec(c->db, "PRAGMA query_only=ON", d);
    return err == ESCERTKE_OK ? prepare(c, writer, d) : err;
}

escertke_err esc_conn_open(struct esc_conn *c, const char *real, bool writer, escertke_detail *d)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
    escertke_err err;

    *c = (struct esc_conn){ 0 };
    if (pthread_mutex_init(&c->lock, NULL) != 0)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a lock");
    int rc = sqlite3_open_v2(real, &c->db, flags, NULL);
    err = rc == SQLITE_OK ? make_ready(c, writer, d) : esc_sqlite_fail(c->db, rc, "open it", d);
    if (err != ESCERTKE_OK)
        esc_conn_close(c);
    return err;
}

void esc_conn_close(struct esc_conn *c)
{
    for (int i = 0; i < ESC_STATEMENTS; i++)
        sqlite3_finalize(c->statement[i]);
    sqlite3_close(c->db);
    pthread_mutex_destroy(&c->lock);
    *c = (struct esc_conn){ 0 };
}

void esc_conn_reset(struct esc_conn *c, enum esc_statement which)
{
    sqlite3_reset(c->statement[which]);
    sqlite3_clear_bindings(c->statement[which]);
}

escertke_err esc_conn_run(struct esc_conn *c, enum esc_statement which, const char *doing, escertke_detail *d)
{
    int rc = sqlite3_step(c->statement[which]);
    escertke_err err = rc == SQLITE_DONE ? ESCERTKE_OK : esc_sqlite_fail(c->db, rc, doing, d);

    esc_conn_reset(c, which);
    return err;
}

escertke_err esc_conn_run_bound(struct esc_conn *c, enum esc_statement which, int bound, const char *doing, escertke_detail *d)
{
    if (bound == SQLITE_OK)
        return esc_conn_run(c, which, doing, d);
    esc_conn_reset(c, which);
    return esc_sqlite_fail(c->db, bound, doing, d);
}

escertke_err esc_conn_finish(struct esc_conn *c, escertke_err err, escertke_detail *d)
{
    if (err == ESCERTKE_OK)
        err = esc_conn_run(c, ESC_COMMIT, "commit", d);
    if (!sqlite3_get_autocommit(c->db))
        (void)esc_conn_run(c, ESC_ROLLBACK, "roll back", NULL);
    return err;
}

escertke_err esc_conn_end(struct esc_conn *c, const char *own, const char *peer, escertke_usage usage,
                          const struct esc_ending *ending, escertke_detail *d)
{
    sqlite3_stmt *st = c->statement[ESC_END];
    int rc;

    if ((rc = sqlite3_bind_text(st, 1, own, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_text(st, 2, peer, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_int(st, 3, (int)usage)) == SQLITE_OK &&
        (rc = sqlite3_bind_int(st, 4, (int)ending->role)) == SQLITE_OK &&
        (rc = sqlite3_bind_int64(st, 5, ending->end_s)) == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 6, ending->until_s);
    return esc_conn_run_bound(c, ESC_END, rc, "give older keys an end", d);
}

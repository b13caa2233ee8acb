#include "keys/sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "keys/entry.h"

#define COLUMNS_OF(key) "id, own, peer, usage, " key ", role, suite, engine, flavour, fingerprint, created_s, expires_s"

enum column { ID, OWN, PEER, USAGE, KEY, ROLE, SUITE, ENGINE, FLAVOUR, FINGERPRINT, CREATED, EXPIRES };

static const struct {
    const char *sql;
    bool writer;
} statements[ESC_STATEMENTS] = {
    [ESC_BEGIN] = { "BEGIN IMMEDIATE", true },
    [ESC_COMMIT] = { "COMMIT", true },
    [ESC_ROLLBACK] = { "ROLLBACK", true },
    [ESC_PUT] = { "REPLACE INTO keys (" COLUMNS_OF("key") ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", true },
    [ESC_REMOVE] = { "DELETE FROM keys WHERE id = ?1", true },
    [ESC_PRUNE] = { "DELETE FROM keys WHERE expires_s <= ?1", true },
    [ESC_GET] = { "SELECT " COLUMNS_OF("key") " FROM keys WHERE id = ?1 AND expires_s > ?2 ORDER BY own LIMIT 1", false },
    [ESC_FIND] = { "SELECT " COLUMNS_OF("key") " FROM keys WHERE own = ?1 AND peer = ?2 AND usage = ?3 AND expires_s > ?4"
                   " ORDER BY created_s DESC, rowid DESC LIMIT 1", false },
    [ESC_LIST] = { "SELECT " COLUMNS_OF("NULL") " FROM keys ORDER BY created_s, rowid", false },
};

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
    return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: cannot %s: %s (SQLite code %d, errno %d)", doing,
                    sqlite3_errmsg(db), rc, number);
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

/* SQLITE_STATIC: SQLite reads our memory and keeps no copy among the bindings; the pages it writes are its own. */
int esc_conn_bind_entry(struct esc_conn *c, const escertke_key_entry *e)
{
    sqlite3_stmt *st = c->statement[ESC_PUT];
    const struct {
        enum column at;
        const void *bytes;
        size_t len;
    } blobs[] = {
        { ID, e->key.id, sizeof e->key.id },
        { KEY, e->key.key, sizeof e->key.key },
        { FINGERPRINT, e->peer_fingerprint, sizeof e->peer_fingerprint },
    };
    const struct {
        enum column at;
        const char *text;
    } texts[] = { { OWN, e->own }, { PEER, e->peer }, { SUITE, e->suite }, { ENGINE, e->engine } };
    const struct {
        enum column at;
        int64_t number;
    } numbers[] = {
        { USAGE, e->usage }, { ROLE, e->role }, { FLAVOUR, e->flavour }, { CREATED, e->created_s }, { EXPIRES, e->expires_s },
    };
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < sizeof blobs / sizeof *blobs; i++)
        rc = sqlite3_bind_blob(st, (int)blobs[i].at + 1, blobs[i].bytes, (int)blobs[i].len, SQLITE_STATIC);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof texts / sizeof *texts; i++)
        rc = sqlite3_bind_text(st, (int)texts[i].at + 1, texts[i].text, -1, SQLITE_STATIC);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof numbers / sizeof *numbers; i++)
        rc = sqlite3_bind_int64(st, (int)numbers[i].at + 1, numbers[i].number);
    return rc;
}

/* The file may have been written by others: nothing is taken over that does not fit exactly. */
static bool read_blob(sqlite3_stmt *st, enum column at, uint8_t *out, size_t len)
{
    const void *bytes = sqlite3_column_blob(st, (int)at);

    if (sqlite3_column_type(st, (int)at) != SQLITE_BLOB || !bytes || (size_t)sqlite3_column_bytes(st, (int)at) != len)
        return false;
    memcpy(out, bytes, len);
    return true;
}

static bool read_text(sqlite3_stmt *st, enum column at, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(st, (int)at);
    size_t len = (size_t)sqlite3_column_bytes(st, (int)at);

    if (!text || len >= cap || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* Enumerators are small; what does not fit into an int becomes a value that the check refuses. */
static int read_small(sqlite3_stmt *st, enum column at)
{
    int64_t v = sqlite3_column_int64(st, (int)at);

    return v >= 0 && v <= 255 ? (int)v : 255;
}

escertke_err esc_conn_read_entry(sqlite3_stmt *st, bool with_key, escertke_key_entry *out, escertke_detail *d)
{
    const char *fault = "a column is not of its type or length";

    memset(out, 0, sizeof *out);
    if (read_blob(st, ID, out->key.id, sizeof out->key.id) &&
        (!with_key || read_blob(st, KEY, out->key.key, sizeof out->key.key)) &&
        read_blob(st, FINGERPRINT, out->peer_fingerprint, sizeof out->peer_fingerprint) &&
        read_text(st, OWN, out->own, sizeof out->own) && read_text(st, PEER, out->peer, sizeof out->peer) &&
        read_text(st, SUITE, out->suite, sizeof out->suite) && read_text(st, ENGINE, out->engine, sizeof out->engine)) {
        out->usage = (escertke_usage)read_small(st, USAGE);
        out->role = (escertke_role)read_small(st, ROLE);
        out->flavour = (escertke_flavour)read_small(st, FLAVOUR);
        out->created_s = sqlite3_column_int64(st, CREATED);
        out->expires_s = sqlite3_column_int64(st, EXPIRES);
        fault = esc_entry_fault(out);
    }
    if (!fault)
        return ESCERTKE_OK;
    escertke_key_entry_wipe(out);
    return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: an entry is damaged: %s", fault);
}

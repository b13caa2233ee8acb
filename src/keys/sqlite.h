/* sqlite.h - the parts of the SQLite store: its file, its schema, its connections. */
#ifndef ESCERTKE_KEYS_SQLITE_H
#define ESCERTKE_KEYS_SQLITE_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#include <escertke/keys.h>

/** How long to wait for another process that holds the file, ms. */
#define ESC_SQLITE_BUSY_MS 5000

/** "ESCK": says in the file's header whose file it is. */
#define ESC_SQLITE_APPLICATION_ID 0x4553434b

/**
 * Make sure that the file exists, is a regular file of ours that nobody else may open, and can be read and written.
 * Created with mode 0600 whatever the umask says. Opens no existing file: closing it would drop the locks that this
 * process holds on it through SQLite.
 * @param real  absolute path without symbolic links
 * @return OK, IO, STORE (too short for a database), STORE_FULL
 */
escertke_err esc_sqlite_file_ready(const char *path, char real[PATH_MAX], escertke_detail *d);

/**
 * Refuse what is not a key store or is of another version (nothing is written to such a file); make the tables in an empty file.
 * @return OK, STORE, STORE_FULL, IO, NOMEM
 */
escertke_err esc_sqlite_schema_ready(sqlite3 *db, escertke_detail *d);

/** What SQLite's result code means here. @param doing  what was tried. @return STORE, STORE_FULL, IO, NOMEM */
escertke_err esc_sqlite_fail(sqlite3 *db, int rc, const char *doing, escertke_detail *d);

/** Run statements that give no rows. @return OK, or as esc_sqlite_fail */
escertke_err esc_sqlite_exec(sqlite3 *db, const char *sql, escertke_detail *d);

/** The statements of the store; each connection prepares those of its side. */
enum esc_statement {
    ESC_BEGIN, ESC_COMMIT, ESC_ROLLBACK, ESC_PUT, ESC_REMOVE, ESC_PRUNE, /* writer */
    ESC_GET, ESC_FIND, ESC_LIST,                                       /* reader */
    ESC_STATEMENTS
};

/** A connection and its prepared statements; used by the thread that holds the lock. */
struct esc_conn {
    sqlite3 *db;
    sqlite3_stmt *statement[ESC_STATEMENTS];
    pthread_mutex_t lock;
};

/**
 * @param real    as from esc_sqlite_file_ready
 * @param writer  which statements to prepare; the writer makes the schema, the reader changes nothing
 * @return OK, STORE, STORE_FULL, IO, NOMEM; on failure nothing is left open
 */
escertke_err esc_conn_open(struct esc_conn *c, const char *real, bool writer, escertke_detail *d);
void esc_conn_close(struct esc_conn *c);

/** Run a prepared statement that gives no row, with what is bound to it; reset and unbound afterwards. */
escertke_err esc_conn_run(struct esc_conn *c, enum esc_statement which, const char *doing, escertke_detail *d);
/** Bind an entry to ESC_PUT; it must live until the statement has run. @return as sqlite3_bind_* */
int esc_conn_bind_entry(struct esc_conn *c, const escertke_key_entry *e);
/** Read the row that @p st stands on. @return OK, STORE (not what the store writes) */
escertke_err esc_conn_read_entry(sqlite3_stmt *st, bool with_key, escertke_key_entry *out, escertke_detail *d);
/** Reset and forget what was bound. */
void esc_conn_reset(struct esc_conn *c, enum esc_statement which);

#endif

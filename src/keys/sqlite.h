/* sqlite.h - the parts of the SQLite store: its file, its schema, its connections. */
#ifndef ESCERTKE_KEYS_SQLITE_H
#define ESCERTKE_KEYS_SQLITE_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#include <escertke/keys.h>

#include "keys/entry.h"

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

// clang-format off
/** The statements of the store; each connection prepares those of its side. */
enum esc_statement {
    ESC_BEGIN, ESC_COMMIT, ESC_ROLLBACK, ESC_PUT, ESC_END, ESC_TRIM, ESC_CONFIRM, /* writer */
    ESC_REMOVE, ESC_REMOVE_ROW, ESC_PRUNE, ESC_PRUNE_REPLIES,
    ESC_GET, ESC_FIND, ESC_REPLY, ESC_LIST,                                     /* reader */
    ESC_STATEMENTS
};

/** Columns of what ESC_GET, ESC_FIND and ESC_LIST give, the last with the row's number; plus 1: parameters of ESC_PUT. */
enum esc_column {
    ESC_COL_ID, ESC_COL_OWN, ESC_COL_PEER, ESC_COL_USAGE, ESC_COL_KEY, ESC_COL_ROLE, ESC_COL_SUITE, ESC_COL_ENGINE,
    ESC_COL_FLAVOUR, ESC_COL_FINGERPRINT, ESC_COL_CREATED, ESC_COL_EXPIRES, ESC_COL_CONFIRMED, ESC_COL_ISSUED,
    ESC_COL_ROW, ESC_COL_M3_DIGEST = ESC_COL_ROW, ESC_COL_M4, ESC_COL_REPLY_UNTIL
};
// clang-format on

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
/** The same, unless binding failed. @param bound  what sqlite3_bind_* returned */
escertke_err esc_conn_run_bound(struct esc_conn *c, enum esc_statement which, int bound, const char *doing, escertke_detail *d);
/** Reset and forget what was bound. */
void esc_conn_reset(struct esc_conn *c, enum esc_statement which);

/** Bind an entry to ESC_PUT; it must live until the statement has run. @return as sqlite3_bind_* */
int esc_row_bind_entry(struct esc_conn *c, const escertke_key_entry *e);
/** The same of its reply, NULL = none. */
int esc_row_bind_reply(struct esc_conn *c, const escertke_reply *r);
/** Read the row that @p st stands on. @return OK, STORE (not what the store writes) */
escertke_err esc_row_read_entry(sqlite3_stmt *st, bool with_key, escertke_key_entry *out, escertke_detail *d);
/** The same of ESC_REPLY; appended. @return OK, STORE, TOO_LARGE (past the buffer's max), NOMEM */
escertke_err esc_row_read_reply(sqlite3_stmt *st, escertke_buf *m4, escertke_detail *d);

/** A put that waits for its transaction; lives on its caller's stack, as what it points to does. */
struct esc_waiter {
    const escertke_key_entry *entry;
    const escertke_put_options *options; /* NULL = none */
    escertke_detail *detail;
    escertke_err err;
    bool done;
    struct esc_waiter *next;
};

/**
 * Group commit. A commit waits for the disk, and the disk takes many entries in the time of one; so threads that put at the
 * same time share one transaction. One of them leads: it takes all that wait, writes them and wakes them. Before that it
 * waits a moment, never longer than a commit takes, for as many as the last round saw: without that two threads would
 * alternate, each waiting for the commit of the other. A single thread never waits.
 */
struct esc_group {
    struct esc_conn *writer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct esc_waiter *first, **last;
    size_t waiting;         /* in the list */
    size_t expected;        /* threads seen in the last round */
    unsigned penalty, skip; /* waits in vain: do without for skip rounds */
    bool leading;           /* somebody leads */
    int64_t commit_ns;      /* how long a commit takes, smoothed */
};

/** false = no memory. @param writer  outlives the group */
bool esc_group_init(struct esc_group *g, struct esc_conn *writer);
void esc_group_destroy(struct esc_group *g);
/** Thread-safe. The entry and the options have no fault. @return OK, STORE, STORE_FULL, IO, NOMEM */
escertke_err esc_group_put(struct esc_group *g, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d);

/**
 * Give an end to the keys of one (own, peer, usage) and role.
 * @return OK, STORE, STORE_FULL, IO, NOMEM
 */
escertke_err esc_conn_end(struct esc_conn *c, const char *own, const char *peer, escertke_usage usage,
                          const struct esc_ending *ending, escertke_detail *d);
/** End the transaction: all of it on disk, or none. @param err  what went before. @return err, or as the commit */
escertke_err esc_conn_finish(struct esc_conn *c, escertke_err err, escertke_detail *d);

#endif

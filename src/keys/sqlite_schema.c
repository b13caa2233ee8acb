#include "keys/sqlite.h"

#include <time.h>

#include "base/fail.h"

/*
 * Step n leads from version n to n + 1; a step that was released is never changed. The version stands in user_version.
 * rowid grows with every put (a replaced entry gets a new one), so that it tells entries of the same second apart.
 */
static const char *const steps[] = {
    "CREATE TABLE keys ("
    " id BLOB NOT NULL CHECK (typeof(id) = 'blob' AND length(id) = 16),"
    " own TEXT NOT NULL,"
    " peer TEXT NOT NULL,"
    " usage INTEGER NOT NULL,"
    " key BLOB NOT NULL CHECK (typeof(key) = 'blob' AND length(key) = 32),"
    " role INTEGER NOT NULL,"
    " suite TEXT NOT NULL,"
    " engine TEXT NOT NULL,"
    " flavour INTEGER NOT NULL,"
    " fingerprint BLOB NOT NULL CHECK (typeof(fingerprint) = 'blob' AND length(fingerprint) = 32),"
    " created_s INTEGER NOT NULL,"
    " expires_s INTEGER NOT NULL,"
    " UNIQUE (id, own));"
    "CREATE INDEX keys_by_peer ON keys (own, peer, usage, created_s);"
    "CREATE INDEX keys_by_created ON keys (created_s);",

    /* Whose the peer's certificates are, whether the peer holds the key (an initiator knows), and M4, of which A-12 wants the
     * same octets again. With the key in one row, so that neither is there without the other. */
    "ALTER TABLE keys ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN issued BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE keys ADD COLUMN m3_digest BLOB CHECK (m3_digest IS NULL OR"
    " typeof(m3_digest) = 'blob' AND length(m3_digest) = 32);"
    "ALTER TABLE keys ADD COLUMN m4 BLOB CHECK (m4 IS NULL OR typeof(m4) = 'blob');"
    "ALTER TABLE keys ADD COLUMN reply_until_s INTEGER NOT NULL DEFAULT 0;"
    "UPDATE keys SET confirmed = 1 WHERE role = 1;"
    "DROP INDEX keys_by_peer;"
    "CREATE INDEX keys_by_role ON keys (own, peer, usage, role, created_s);"
    "CREATE INDEX keys_by_end ON keys (own, peer, usage, role, expires_s);"
    "CREATE INDEX keys_by_reply ON keys (own, peer, m3_digest) WHERE m3_digest IS NOT NULL;",
};

#define VERSION ((int)(sizeof steps / sizeof *steps))

static escertke_err query_int(sqlite3 *db, const char *sql, int64_t *out, escertke_detail *d)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
        return ESCERTKE_OK;
    }
    escertke_err err = esc_sqlite_fail(db, rc, "read its header", d);
    sqlite3_finalize(st);
    return err;
}

/* Whose file is it, and of which version? 0 = empty. Inside a transaction, so that the three numbers fit together. */
static escertke_err identify(sqlite3 *db, int64_t *version, escertke_detail *d)
{
    int64_t application = 0, objects = 0;
    escertke_err err;

    if ((err = query_int(db, "PRAGMA application_id", &application, d)) != ESCERTKE_OK ||
        (err = query_int(db, "PRAGMA user_version", version, d)) != ESCERTKE_OK ||
        (err = query_int(db, "SELECT count(*) FROM sqlite_master", &objects, d)) != ESCERTKE_OK)
        return err;
    if (application == 0 && *version == 0 && objects == 0)
        return ESCERTKE_OK;
    if (application != ESC_SQLITE_APPLICATION_ID)
        return esc_fail(d, ESCERTKE_ERR_STORE, "",
                        "key store: an SQLite database of another program (application_id %08llx, expected %08x); left as it is",
                        (unsigned long long)(uint32_t)application, (unsigned)ESC_SQLITE_APPLICATION_ID);
    if (*version > VERSION)
        return esc_fail(d, ESCERTKE_ERR_STORE, "",
                        "key store: schema version %lld is newer than %d, the newest known here; use a newer escertke",
                        (long long)*version, VERSION);
    if (*version < 1)
        return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: schema version %lld, expected 1 to %d", (long long)*version,
                        VERSION);
    return ESCERTKE_OK;
}

static escertke_err rolled_back(sqlite3 *db, escertke_err err)
{
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* SQLite does not call its busy handler for this switch in every case, so wait here as well. */
static escertke_err enter_wal(sqlite3 *db, escertke_detail *d)
{
    const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
    const int64_t until = now_ms() + ESC_SQLITE_BUSY_MS;
    int rc;

    while (((rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL)) & 0xff) == SQLITE_BUSY && now_ms() < until)
        nanosleep(&pause, NULL);
    if (rc != SQLITE_OK)
        return esc_sqlite_fail(db, rc, "set its journal to WAL (needs to create files in its directory)", d);
    return ESCERTKE_OK;
}

static escertke_err migrate(sqlite3 *db, escertke_detail *d)
{
    int64_t version = 0;
    char numbers[96];
    escertke_err err;

    if ((err = esc_sqlite_exec(db, "BEGIN IMMEDIATE", d)) != ESCERTKE_OK)
        return err;
    if ((err = identify(db, &version, d)) != ESCERTKE_OK) /* another process may have been faster */
        return rolled_back(db, err);
    for (; version < VERSION; version++) {
        int rc = sqlite3_exec(db, steps[version], NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            return rolled_back(db, esc_sqlite_fail(db, rc, "bring its tables up to date", d));
    }
    sqlite3_snprintf((int)sizeof numbers, numbers, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                     ESC_SQLITE_APPLICATION_ID, VERSION);
    return rolled_back(db, esc_sqlite_exec(db, numbers, d));
}

escertke_err esc_sqlite_schema_ready(sqlite3 *db, escertke_detail *d)
{
    int64_t version = 0;
    escertke_err err;

    if ((err = esc_sqlite_exec(db, "BEGIN", d)) != ESCERTKE_OK)
        return err;
    if ((err = rolled_back(db, identify(db, &version, d))) != ESCERTKE_OK || (err = enter_wal(db, d)) != ESCERTKE_OK)
        return err;
    return version < VERSION ? migrate(db, d) : ESCERTKE_OK;
}

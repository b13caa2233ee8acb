#include <escertke/keys.h>

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "keys/entry.h"
#include "keys/sqlite.h"

/* Reads have their own connection, so that they do not wait for the disk behind a commit. */
struct file_store {
    struct esc_conn writer, reader;
    struct esc_group group;
};

static escertke_err file_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    const char *fault = esc_put_fault(e, o);

    if (fault)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: entry refused: %s", fault);
    return esc_group_put(&((struct file_store *)store)->group, e, o, d);
}

/* What a look-up in the reader came to; its lock is held. */
static escertke_err end_read(struct esc_conn *c, enum esc_statement which, int rc, escertke_err err, escertke_detail *d)
{
    if (rc == SQLITE_DONE && err == ESCERTKE_OK)
        err = ESCERTKE_ERR_NOT_FOUND;
    else if (rc != SQLITE_ROW && err == ESCERTKE_OK)
        err = esc_sqlite_fail(c->db, rc, "read a key", d);
    esc_conn_reset(c, which);
    return err;
}

static escertke_err file_get(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out,
                             escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->reader;
    escertke_err err;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&c->lock);
    int rc = sqlite3_bind_blob(c->statement[ESC_GET], 1, id, ESCERTKE_KEY_ID_LEN, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(c->statement[ESC_GET], 2, unix_s);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(c->statement[ESC_GET]);
    err = end_read(c, ESC_GET, rc, rc == SQLITE_ROW ? esc_row_read_entry(c->statement[ESC_GET], true, out, d) : ESCERTKE_OK, d);
    pthread_mutex_unlock(&c->lock);
    return err == ESCERTKE_ERR_NOT_FOUND ? esc_fail(d, err, "", "no valid key with this ID") : err;
}

struct owner {
    const char *own, *peer;
    escertke_usage usage;
};

/* The newest valid key of one role. */
static escertke_err find_newest(struct esc_conn *c, const struct owner *o, escertke_role role, int64_t unix_s,
                                escertke_key_entry *out, escertke_detail *d)
{
    sqlite3_stmt *st = c->statement[ESC_FIND];
    int rc;

    if ((rc = sqlite3_bind_text(st, 1, o->own, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_text(st, 2, o->peer, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_int(st, 3, (int)o->usage)) == SQLITE_OK && (rc = sqlite3_bind_int(st, 4, (int)role)) == SQLITE_OK &&
        (rc = sqlite3_bind_int64(st, 5, unix_s)) == SQLITE_OK)
        rc = sqlite3_step(st);
    return end_read(c, ESC_FIND, rc, rc == SQLITE_ROW ? esc_row_read_entry(st, true, out, d) : ESCERTKE_OK, d);
}

static escertke_err choose(struct esc_conn *c, const struct owner *o, int64_t unix_s, escertke_key_entry *out, escertke_detail *d)
{
    escertke_key_entry other;
    escertke_err err = find_newest(c, o, ESCERTKE_INITIATOR, unix_s, out, d);
    const escertke_key_entry *mine = err == ESCERTKE_OK ? out : NULL;

    if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOT_FOUND)
        return err;
    err = find_newest(c, o, ESCERTKE_TERMINATOR, unix_s, &other, d);
    if (err == ESCERTKE_OK && esc_entry_choose(mine, &other) == &other)
        *out = other;
    escertke_key_entry_wipe(&other);
    return err == ESCERTKE_ERR_NOT_FOUND && mine ? ESCERTKE_OK : err;
}

static escertke_err file_find(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                              escertke_key_entry *out, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->reader;
    const struct owner o = { own, peer, usage };

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&c->lock);
    escertke_err err = choose(c, &o, unix_s, out, d);
    pthread_mutex_unlock(&c->lock);
    if (err != ESCERTKE_OK)
        escertke_key_entry_wipe(out);
    return err == ESCERTKE_ERR_NOT_FOUND ? esc_fail(d, err, "", "no valid key for %s with %s", own, peer) : err;
}

static escertke_err file_get_reply(void *store, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                                   escertke_buf *m4, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->reader;
    sqlite3_stmt *st = c->statement[ESC_REPLY];
    int rc;

    pthread_mutex_lock(&c->lock);
    if ((rc = sqlite3_bind_text(st, 1, own, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_text(st, 2, peer, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_blob(st, 3, m3_digest, 32, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_int64(st, 4, unix_s)) == SQLITE_OK)
        rc = sqlite3_step(st);
    escertke_err err = end_read(c, ESC_REPLY, rc, rc == SQLITE_ROW ? esc_row_read_reply(st, m4, d) : ESCERTKE_OK, d);
    pthread_mutex_unlock(&c->lock);
    return err == ESCERTKE_ERR_NOT_FOUND ? esc_fail(d, err, "A-12", "no reply to this message") : err;
}

static escertke_err file_confirm(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], const char *own, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->writer;
    sqlite3_stmt *st = c->statement[ESC_CONFIRM];

    pthread_mutex_lock(&c->lock);
    int rc = sqlite3_bind_blob(st, 1, id, ESCERTKE_KEY_ID_LEN, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(st, 2, own, -1, SQLITE_STATIC);
    escertke_err err = esc_conn_run_bound(c, ESC_CONFIRM, rc, "confirm a key", d);
    bool found = sqlite3_changes(c->db) > 0;
    pthread_mutex_unlock(&c->lock);
    return err == ESCERTKE_OK && !found ? esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "%s has no key with this ID", own) : err;
}

static escertke_err file_retire(void *store, const char *own, const char *peer, escertke_usage usage, int64_t until_s,
                                escertke_detail *d)
{
    const struct esc_ending ending = { ESCERTKE_INITIATOR, INT64_MAX, until_s };
    struct esc_conn *c = &((struct file_store *)store)->writer;

    if (until_s < 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: an end before 1970");
    pthread_mutex_lock(&c->lock);
    escertke_err err = esc_conn_end(c, own, peer, usage, &ending, d);
    pthread_mutex_unlock(&c->lock);
    return err;
}

/* Called for each row, oldest first, with the reader's lock held. more = false ends it. */
typedef escertke_err (*row_fn)(void *ctx, const escertke_key_entry *shown, int64_t row, bool *more, escertke_detail *d);

static escertke_err each_row(struct file_store *s, row_fn fn, void *ctx, escertke_detail *d)
{
    struct esc_conn *c = &s->reader;
    sqlite3_stmt *st = c->statement[ESC_LIST];
    escertke_err err = ESCERTKE_OK;
    bool more = true;
    int rc = SQLITE_ROW;

    pthread_mutex_lock(&c->lock);
    while (more && err == ESCERTKE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        escertke_key_entry shown;
        err = esc_row_read_entry(st, false, &shown, d);
        if (err == ESCERTKE_OK)
            err = fn(ctx, &shown, sqlite3_column_int64(st, ESC_COL_ROW), &more, d);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = esc_sqlite_fail(c->db, rc, "list the keys", d);
    esc_conn_reset(c, ESC_LIST);
    pthread_mutex_unlock(&c->lock);
    return err;
}

struct lister {
    escertke_entry_fn fn;
    void *ctx;
};

static escertke_err list_row(void *ctx, const escertke_key_entry *shown, int64_t row, bool *more, escertke_detail *d)
{
    const struct lister *l = ctx;

    (void)row, (void)d;
    *more = l->fn(l->ctx, shown);
    return ESCERTKE_OK;
}

static escertke_err file_list(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d)
{
    struct lister l = { fn, ctx };

    return each_row(store, list_row, &l, d);
}

/*
 * Commit a deletion, then move the log into the file and cut it, because the log still holds the keys. Should a reader be in the
 * way, the next deletion or the last close does that.
 */
static escertke_err end_deletion(struct esc_conn *c, escertke_err err, size_t count, escertke_detail *d)
{
    if ((err = esc_conn_finish(c, err, d)) != ESCERTKE_OK || count == 0)
        return err;
    sqlite3_busy_timeout(c->db, ESC_SQLITE_BUSY_MS / 20);
    (void)sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(c->db, ESC_SQLITE_BUSY_MS);
    return ESCERTKE_OK;
}

static escertke_err file_remove(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->writer;
    size_t count = 0;

    pthread_mutex_lock(&c->lock);
    escertke_err err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d);
    if (err == ESCERTKE_OK) {
        int rc = sqlite3_bind_blob(c->statement[ESC_REMOVE], 1, id, ESCERTKE_KEY_ID_LEN, SQLITE_STATIC);
        err = esc_conn_run_bound(c, ESC_REMOVE, rc, "delete keys", d);
        count = (size_t)sqlite3_changes(c->db);
        err = end_deletion(c, err, count, d);
    }
    pthread_mutex_unlock(&c->lock);
    if (err == ESCERTKE_OK && count == 0)
        err = esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no key with this ID");
    return err;
}

static escertke_err prune_all(struct esc_conn *c, int64_t unix_s, size_t *count, escertke_detail *d)
{
    escertke_err err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d);

    if (err != ESCERTKE_OK)
        return err;
    err = esc_conn_run_bound(c, ESC_PRUNE, sqlite3_bind_int64(c->statement[ESC_PRUNE], 1, unix_s), "delete keys", d);
    *count = (size_t)sqlite3_changes(c->db);
    if (err == ESCERTKE_OK)
        err = esc_conn_run_bound(c, ESC_PRUNE_REPLIES, sqlite3_bind_int64(c->statement[ESC_PRUNE_REPLIES], 1, unix_s),
                                 "drop replies", d);
    return end_deletion(c, err, *count, d);
}

static escertke_err file_prune(void *store, int64_t unix_s, size_t *count, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->writer;
    size_t deleted = 0;

    pthread_mutex_lock(&c->lock);
    escertke_err err = prune_all(c, unix_s, &deleted, d);
    pthread_mutex_unlock(&c->lock);
    if (count)
        *count = err == ESCERTKE_OK ? deleted : 0;
    return err;
}

/* What a sweep has chosen. A row's number alone could be another key's by the time it is deleted. */
struct doomed {
    escertke_entry_fn fn;
    void *ctx;
    struct doomed_row {
        int64_t row;
        uint8_t id[ESCERTKE_KEY_ID_LEN];
    } * rows;
    size_t count, cap;
};

static escertke_err doom_row(void *ctx, const escertke_key_entry *shown, int64_t row, bool *more, escertke_detail *d)
{
    struct doomed *all = ctx;

    (void)more;
    if (!all->fn(all->ctx, shown))
        return ESCERTKE_OK;
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 64;
        struct doomed_row *rows = esc_resize(all->rows, cap * sizeof *rows);
        if (!rows)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a list of keys");
        all->rows = rows;
        all->cap = cap;
    }
    all->rows[all->count].row = row;
    memcpy(all->rows[all->count++].id, shown->key.id, ESCERTKE_KEY_ID_LEN);
    return ESCERTKE_OK;
}

static escertke_err delete_doomed(struct esc_conn *c, const struct doomed *all, size_t *count, escertke_detail *d)
{
    sqlite3_stmt *st = c->statement[ESC_REMOVE_ROW];
    escertke_err err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d);

    if (err != ESCERTKE_OK)
        return err;
    for (size_t i = 0; i < all->count && err == ESCERTKE_OK; i++) {
        int rc = sqlite3_bind_int64(st, 1, all->rows[i].row);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_blob(st, 2, all->rows[i].id, ESCERTKE_KEY_ID_LEN, SQLITE_STATIC);
        err = esc_conn_run_bound(c, ESC_REMOVE_ROW, rc, "delete keys", d);
        *count += (size_t)sqlite3_changes(c->db);
    }
    return end_deletion(c, err, *count, d);
}

/* Reading first, so that puts do not wait for fn. */
static escertke_err file_sweep(void *store, escertke_entry_fn fn, void *ctx, size_t *count, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->writer;
    struct doomed all = { .fn = fn, .ctx = ctx };
    size_t deleted = 0;

    escertke_err err = each_row(store, doom_row, &all, d);
    if (err == ESCERTKE_OK && all.count) {
        pthread_mutex_lock(&c->lock);
        err = delete_doomed(c, &all, &deleted, d);
        pthread_mutex_unlock(&c->lock);
    }
    esc_release(all.rows);
    if (count)
        *count = err == ESCERTKE_OK ? deleted : 0;
    return err;
}

static void file_close(void *store)
{
    struct file_store *s = store;

    if (!s)
        return;
    esc_conn_close(&s->reader);
    esc_conn_close(&s->writer);
    esc_group_destroy(&s->group);
    esc_release(s);
}

static const escertke_store_ops file_ops = {
    .name = "sqlite",
    .put = file_put,
    .get = file_get,
    .find = file_find,
    .get_reply = file_get_reply,
    .confirm = file_confirm,
    .retire = file_retire,
    .list = file_list,
    .remove = file_remove,
    .prune = file_prune,
    .sweep = file_sweep,
    .close = file_close,
};

static escertke_err open_connections(struct file_store *s, const char *path, escertke_detail *d)
{
    /* One at a time: a file just created must be closed before another thread has locks on it (see esc_sqlite_file_ready). */
    static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
    char real[PATH_MAX];
    escertke_err err;

    pthread_mutex_lock(&opening);
    err = esc_sqlite_file_ready(path, real, d);
    if (err == ESCERTKE_OK)
        err = esc_conn_open(&s->writer, real, true, d);
    if (err == ESCERTKE_OK && (err = esc_conn_open(&s->reader, real, false, d)) != ESCERTKE_OK)
        esc_conn_close(&s->writer);
    pthread_mutex_unlock(&opening);
    return err;
}

escertke_err escertke_store_sqlite(const char *path, escertke_store *out, escertke_detail *d)
{
    escertke_err err;

    if (!path || !*path || !out)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "store: path of the file or place for the store is missing");
    *out = (escertke_store){ 0 };
    struct file_store *s = esc_zalloc(sizeof *s);
    if (!s || !esc_group_init(&s->group, &s->writer)) {
        esc_release(s);
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store");
    }
    if ((err = open_connections(s, path, d)) != ESCERTKE_OK) {
        esc_group_destroy(&s->group);
        esc_release(s);
        return err;
    }
    *out = (escertke_store){ &file_ops, s };
    return ESCERTKE_OK;
}

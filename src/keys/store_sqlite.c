#include <escertke/keys.h>

#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/memory.h"
#include "keys/entry.h"
#include "keys/sqlite.h"

/* The longest that a put waits for others to share its transaction with, ns. */
#define GATHER_MAX_NS 10000000
/* After a wait that brought nobody, so many puts at most go without one. */
#define PENALTY_MAX 64u

/* A put that waits for its transaction; lives on its caller's stack, as its entry does. */
struct waiter {
    const escertke_key_entry *entry;
    escertke_detail *detail;
    escertke_err err;
    bool done;
    struct waiter *next;
};

/*
 * Group commit. A commit waits for the disk, and the disk takes many entries in the time of one; so threads that put at the
 * same time share one transaction. One of them leads: it takes all that wait, writes them and wakes them. Before that it
 * waits a moment, never longer than a commit takes, for as many as the last round saw: without that two threads would
 * alternate, each waiting for the commit of the other. A single thread never waits.
 */
struct group {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct waiter *first, **last;
    size_t waiting;         /* in the list */
    size_t expected;        /* threads seen in the last round */
    unsigned penalty, skip; /* waits in vain: do without for skip rounds */
    bool leading;           /* somebody leads */
    int64_t commit_ns;      /* how long a commit takes, smoothed */
};

/* Reads have their own connection, so that they do not wait for the disk behind a commit. */
struct file_store {
    struct esc_conn writer, reader;
    struct group group;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static escertke_err put_row(struct esc_conn *c, const escertke_key_entry *e, escertke_detail *d)
{
    int rc = esc_conn_bind_entry(c, e);

    if (rc == SQLITE_OK)
        return esc_conn_run(c, ESC_PUT, "write a key", d);
    esc_conn_reset(c, ESC_PUT);
    return esc_sqlite_fail(c->db, rc, "write a key", d);
}

/* End the transaction: all of it on disk, or none. */
static escertke_err finish(struct esc_conn *c, escertke_err err, escertke_detail *d)
{
    if (err == ESCERTKE_OK)
        err = esc_conn_run(c, ESC_COMMIT, "commit", d);
    if (!sqlite3_get_autocommit(c->db))
        (void)esc_conn_run(c, ESC_ROLLBACK, "roll back", NULL);
    return err;
}

static escertke_err commit_entries(struct esc_conn *c, const struct waiter *batch, escertke_detail *d)
{
    escertke_err err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d);

    if (err != ESCERTKE_OK)
        return err;
    for (const struct waiter *w = batch; w && err == ESCERTKE_OK; w = w->next)
        err = put_row(c, w->entry, d);
    return finish(c, err, d);
}

/* When the whole batch does not go, each entry has its own try and its own error: on a disk nearly full some still fit. */
static void commit_batch(struct esc_conn *c, struct waiter *batch)
{
    bool alone = !batch->next;
    escertke_err err = commit_entries(c, batch, alone ? batch->detail : NULL);

    for (struct waiter *w = batch; w; w = w->next) {
        struct waiter one = { .entry = w->entry };
        w->err = alone || err == ESCERTKE_OK ? err : commit_entries(c, &one, w->detail);
    }
}

/* Wait for the others of the last round; group->lock is held. */
static void gather(struct group *g)
{
    if (g->waiting >= g->expected)
        return;
    if (g->skip > 0) {
        g->skip--;
        return;
    }
    int64_t until = now_ns() + (g->commit_ns < GATHER_MAX_NS ? g->commit_ns : GATHER_MAX_NS);
    const struct timespec at = { .tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000) };
    int rc = 0;

    while (g->waiting < g->expected && rc == 0)
        rc = pthread_cond_timedwait(&g->changed, &g->lock, &at);
    if (g->waiting > 1)
        g->penalty = 0;
    else if (g->penalty < PENALTY_MAX)
        g->penalty = g->penalty ? g->penalty * 2 : 1;
    g->skip = g->penalty;
}

static struct waiter *take_all(struct group *g, size_t *count)
{
    struct waiter *batch = g->first;

    *count = g->waiting;
    g->first = NULL;
    g->last = &g->first;
    g->waiting = 0;
    return batch;
}

/* Commit for everybody who waits; group->lock is held before and after, not during the commit. */
static void lead(struct file_store *s)
{
    struct group *g = &s->group;
    size_t count;

    g->leading = true;
    gather(g);
    struct waiter *batch = take_all(g, &count);
    pthread_mutex_unlock(&g->lock);

    pthread_mutex_lock(&s->writer.lock);
    int64_t start = now_ns();
    commit_batch(&s->writer, batch);
    int64_t took = now_ns() - start;
    pthread_mutex_unlock(&s->writer.lock);

    pthread_mutex_lock(&g->lock);
    g->commit_ns += (took - g->commit_ns) / 4;
    g->expected = count + g->waiting;
    for (struct waiter *w = batch; w;) {
        struct waiter *next = w->next; /* w is gone as soon as its thread sees done */
        w->done = true;
        w = next;
    }
    g->leading = false;
    pthread_cond_broadcast(&g->changed);
}

static escertke_err file_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    struct file_store *s = store;
    struct group *g = &s->group;
    struct waiter w = { .entry = e, .detail = d };
    const char *fault = e ? esc_entry_fault(e) : "no entry";

    (void)o;
    if (fault)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "key store: entry refused: %s", fault);
    pthread_mutex_lock(&g->lock);
    *g->last = &w;
    g->last = &w.next;
    g->waiting++;
    if (g->leading && g->waiting >= g->expected)
        pthread_cond_broadcast(&g->changed);
    while (!w.done && g->leading)
        pthread_cond_wait(&g->changed, &g->lock);
    if (!w.done)
        lead(s);
    pthread_mutex_unlock(&g->lock);
    return w.err;
}

/* Run a statement of the reader that gives one row or none; its lock is held. */
static escertke_err read_one(struct esc_conn *c, enum esc_statement which, int bound, escertke_key_entry *out, escertke_detail *d)
{
    sqlite3_stmt *st = c->statement[which];
    int rc = bound == SQLITE_OK ? sqlite3_step(st) : bound;
    escertke_err err;

    if (rc == SQLITE_ROW)
        err = esc_conn_read_entry(st, true, out, d);
    else if (rc == SQLITE_DONE)
        err = ESCERTKE_ERR_NOT_FOUND;
    else
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
    err = read_one(c, ESC_GET, rc, out, d);
    pthread_mutex_unlock(&c->lock);
    return err == ESCERTKE_ERR_NOT_FOUND ? esc_fail(d, err, "", "no valid key with this ID") : err;
}

static escertke_err file_find(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                              escertke_key_entry *out, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->reader;
    sqlite3_stmt *st = c->statement[ESC_FIND];
    escertke_err err;
    int rc;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&c->lock);
    if ((rc = sqlite3_bind_text(st, 1, own, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_text(st, 2, peer, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_int(st, 3, (int)usage)) == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 4, unix_s);
    err = read_one(c, ESC_FIND, rc, out, d);
    pthread_mutex_unlock(&c->lock);
    return err == ESCERTKE_ERR_NOT_FOUND ? esc_fail(d, err, "", "no valid key for %s with %s", own, peer) : err;
}

static escertke_err file_list(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->reader;
    sqlite3_stmt *st = c->statement[ESC_LIST];
    escertke_err err = ESCERTKE_OK;
    bool more = true;
    int rc = SQLITE_ROW;

    pthread_mutex_lock(&c->lock);
    while (more && err == ESCERTKE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        escertke_key_entry shown;
        err = esc_conn_read_entry(st, false, &shown, d);
        if (err == ESCERTKE_OK)
            more = fn(ctx, &shown);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = esc_sqlite_fail(c->db, rc, "list the keys", d);
    esc_conn_reset(c, ESC_LIST);
    pthread_mutex_unlock(&c->lock);
    return err;
}

/*
 * Delete with a statement whose parameters are bound, then move the log into the file and cut it, because the log still
 * holds the keys. Should a reader be in the way, the next deletion or the last close does that.
 */
static escertke_err delete_rows(struct esc_conn *c, enum esc_statement which, int bound, size_t *count, escertke_detail *d)
{
    escertke_err err;

    if (bound != SQLITE_OK) {
        esc_conn_reset(c, which);
        return esc_sqlite_fail(c->db, bound, "delete keys", d);
    }
    if ((err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d)) != ESCERTKE_OK) {
        esc_conn_reset(c, which);
        return err;
    }
    err = esc_conn_run(c, which, "delete keys", d);
    *count = (size_t)sqlite3_changes(c->db);
    if ((err = finish(c, err, d)) != ESCERTKE_OK || *count == 0)
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
    int rc = sqlite3_bind_blob(c->statement[ESC_REMOVE], 1, id, ESCERTKE_KEY_ID_LEN, SQLITE_STATIC);
    escertke_err err = delete_rows(c, ESC_REMOVE, rc, &count, d);
    pthread_mutex_unlock(&c->lock);
    if (err == ESCERTKE_OK && count == 0)
        err = esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", "no key with this ID");
    return err;
}

static escertke_err file_prune(void *store, int64_t unix_s, size_t *count, escertke_detail *d)
{
    struct esc_conn *c = &((struct file_store *)store)->writer;
    size_t deleted = 0;

    pthread_mutex_lock(&c->lock);
    int rc = sqlite3_bind_int64(c->statement[ESC_PRUNE], 1, unix_s);
    escertke_err err = delete_rows(c, ESC_PRUNE, rc, &deleted, d);
    pthread_mutex_unlock(&c->lock);
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
    pthread_cond_destroy(&s->group.changed);
    pthread_mutex_destroy(&s->group.lock);
    esc_release(s);
}

static const escertke_store_ops file_ops = {
    .name = "sqlite",
    .put = file_put,
    .get = file_get,
    .find = file_find,
    .list = file_list,
    .remove = file_remove,
    .prune = file_prune,
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

static bool group_init(struct group *g)
{
    pthread_condattr_t attr;

    g->last = &g->first;
    g->expected = 1;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&g->changed, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!ok)
        return false;
    if (pthread_mutex_init(&g->lock, NULL) == 0)
        return true;
    pthread_cond_destroy(&g->changed);
    return false;
}

escertke_err escertke_store_sqlite(const char *path, escertke_store *out, escertke_detail *d)
{
    escertke_err err;

    if (!path || !*path || !out)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "store: path of the file or place for the store is missing");
    *out = (escertke_store){ 0 };
    struct file_store *s = esc_zalloc(sizeof *s);
    if (!s || !group_init(&s->group)) {
        esc_release(s);
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no memory for a key store");
    }
    if ((err = open_connections(s, path, d)) != ESCERTKE_OK) {
        pthread_cond_destroy(&s->group.changed);
        pthread_mutex_destroy(&s->group.lock);
        esc_release(s);
        return err;
    }
    *out = (escertke_store){ &file_ops, s };
    return ESCERTKE_OK;
}

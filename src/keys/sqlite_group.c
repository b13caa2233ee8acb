/* sqlite_group.c - puts at the same time share a transaction. */
#include "keys/sqlite.h"

#include <time.h>

#include "base/fail.h"

/* The longest that a put waits for others to share its transaction with, ns. */
#define GATHER_MAX_NS 10000000
/* After a wait that brought nobody, so many puts at most go without one. */
#define PENALTY_MAX 64u

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static escertke_err end_replaced(struct esc_conn *c, const escertke_key_entry *e, int64_t overlap_s, escertke_detail *d)
{
    const struct esc_ending ending = esc_entry_ending(e, overlap_s);

    return esc_conn_end(c, e->own, e->peer, e->usage, &ending, d);
}

static escertke_err trim_replies(struct esc_conn *c, const escertke_key_entry *e, escertke_detail *d)
{
    sqlite3_stmt *st = c->statement[ESC_TRIM];
    int rc;

    if ((rc = sqlite3_bind_text(st, 1, e->own, -1, SQLITE_STATIC)) == SQLITE_OK &&
        (rc = sqlite3_bind_text(st, 2, e->peer, -1, SQLITE_STATIC)) == SQLITE_OK)
        rc = sqlite3_bind_int(st, 3, ESCERTKE_REPLIES_MAX);
    return esc_conn_run_bound(c, ESC_TRIM, rc, "drop old replies", d);
}

static escertke_err put_row(struct esc_conn *c, const struct esc_waiter *w, escertke_detail *d)
{
    const escertke_reply *reply = w->options ? w->options->reply : NULL;
    escertke_err err = ESCERTKE_OK;

    if (w->options && w->options->replace)
        err = end_replaced(c, w->entry, w->options->overlap_s, d);
    if (err != ESCERTKE_OK)
        return err;
    int rc = esc_row_bind_entry(c, w->entry);
    if (rc == SQLITE_OK)
        rc = esc_row_bind_reply(c, reply);
    err = esc_conn_run_bound(c, ESC_PUT, rc, "write a key", d);
    return err == ESCERTKE_OK && reply ? trim_replies(c, w->entry, d) : err;
}

static escertke_err commit_entries(struct esc_conn *c, const struct esc_waiter *batch, escertke_detail *d)
{
    escertke_err err = esc_conn_run(c, ESC_BEGIN, "begin a transaction", d);

    if (err != ESCERTKE_OK)
        return err;
    for (const struct esc_waiter *w = batch; w && err == ESCERTKE_OK; w = w->next)
        err = put_row(c, w, d);
    return esc_conn_finish(c, err, d);
}

/* When the whole batch does not go, each entry has its own try and its own error: on a disk nearly full some still fit. */
static void commit_batch(struct esc_conn *c, struct esc_waiter *batch)
{
    bool alone = !batch->next;
    escertke_err err = commit_entries(c, batch, alone ? batch->detail : NULL);

    for (struct esc_waiter *w = batch; w; w = w->next) {
        struct esc_waiter one = { .entry = w->entry, .options = w->options };
        w->err = alone || err == ESCERTKE_OK ? err : commit_entries(c, &one, w->detail);
    }
}

/* Wait for the others of the last round; group->lock is held. */
static void gather(struct esc_group *g)
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

static struct esc_waiter *take_all(struct esc_group *g, size_t *count)
{
    struct esc_waiter *batch = g->first;

    *count = g->waiting;
    g->first = NULL;
    g->last = &g->first;
    g->waiting = 0;
    return batch;
}

/* Commit for everybody who waits; group->lock is held before and after, not during the commit. */
static void lead(struct esc_group *g)
{
    size_t count;

    g->leading = true;
    gather(g);
    struct esc_waiter *batch = take_all(g, &count);
    pthread_mutex_unlock(&g->lock);

    pthread_mutex_lock(&g->writer->lock);
    int64_t start = now_ns();
    commit_batch(g->writer, batch);
    int64_t took = now_ns() - start;
    pthread_mutex_unlock(&g->writer->lock);

    pthread_mutex_lock(&g->lock);
    g->commit_ns += (took - g->commit_ns) / 4;
    g->expected = count + g->waiting;
    for (struct esc_waiter *w = batch; w;) {
        struct esc_waiter *next = w->next; /* w is gone as soon as its thread sees done */
        w->done = true;
        w = next;
    }
    g->leading = false;
    pthread_cond_broadcast(&g->changed);
}

escertke_err esc_group_put(struct esc_group *g, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    struct esc_waiter w = { .entry = e, .options = o, .detail = d };

    pthread_mutex_lock(&g->lock);
    *g->last = &w;
    g->last = &w.next;
    g->waiting++;
    if (g->leading && g->waiting >= g->expected)
        pthread_cond_broadcast(&g->changed);
    while (!w.done && g->leading)
        pthread_cond_wait(&g->changed, &g->lock);
    if (!w.done)
        lead(g);
    pthread_mutex_unlock(&g->lock);
    return w.err;
}

bool esc_group_init(struct esc_group *g, struct esc_conn *writer)
{
    pthread_condattr_t attr;

    *g = (struct esc_group){ .writer = writer, .expected = 1 };
    g->last = &g->first;
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

void esc_group_destroy(struct esc_group *g)
{
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
}

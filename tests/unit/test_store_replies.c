/* M4 kept with its key, and the small changes to what is stored: confirmation, sweeping. Over each store. */
#include "keys_support.h"

#include <pthread.h>

#define THREADS 6
#define PER_THREAD 20

static char dir[256];
static escertke_store store;

static escertke_err put_reply(const escertke_key_entry *e, uint32_t n, int64_t until_s)
{
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(n, until_s, m4);
    const escertke_put_options o = { .reply = &reply };

    return store.ops->put(store.state, e, &o, NULL);
}

static void put_both(uint32_t n, int64_t expires_s, int64_t until_s)
{
    escertke_key_entry e = entry_make(n, 100, expires_s);

    assert_ok(put_reply(&e, n, until_s));
}

static bool there(uint32_t n, int64_t unix_s)
{
    return reply_is_there(&store, OWN, PEER, n, unix_s);
}

static bool has_key(uint32_t n)
{
    escertke_key_entry e = entry_make(n, 0, 0), out;

    return store.ops->get(store.state, e.key.id, 0, &out, NULL) == ESCERTKE_OK;
}

static void reply_is_bound_to_its_run(void)
{
    put_both(1, 900, 160);
    assert_true(there(1, 100));
    assert_true(there(1, 159));
    assert_false(there(1, 160));
    assert_false(there(2, 100));
    assert_false(reply_is_there(&store, PEER, OWN, 1, 100));
    assert_false(reply_is_there(&store, OWN, PEER "x", 1, 100));
    assert_false(reply_is_there(&store, OWN "x", PEER, 1, 100));
    assert_false(reply_is_there(&store, "", "", 1, 100));
    char long_id[ESCERTKE_ID_MAX + 50];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    assert_false(reply_is_there(&store, long_id, PEER, 1, 100));
    assert_false(reply_is_there(&store, OWN, long_id, 1, 100));
}

static void reply_goes_with_its_key(void)
{
    escertke_key_entry e = entry_make(1, 100, 130);

    put_both(1, 130, 160);
    assert_true(there(1, 129));
    assert_false(there(1, 130)); /* whoever gets M4 may count on the key */
    assert_ok(store.ops->remove(store.state, e.key.id, NULL));
    assert_false(there(1, 100));
    put_both(1, 900, 160);
    assert_true(there(1, 100));
    e.expires_s = 900;
    assert_ok(store.ops->put(store.state, &e, NULL, NULL)); /* replaced whole */
    assert_false(there(1, 100));
    put_both(1, 900, 160);
    assert_ok(put_reply(&e, 2, 160));
    assert_false(there(1, 100));
    assert_true(there(2, 100));
}

static void reply_is_appended(void)
{
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(1, 0, m4);
    escertke_detail d = detail_new();
    escertke_buf out;

    put_both(1, 900, 160);
    escertke_buf_init(&out, M4_LEN + 2);
    assert_ok(escertke_buf_append(&out, "ab", 2));
    assert_ok(store.ops->get_reply(store.state, OWN, PEER, reply.m3_digest, 100, &out, &d));
    assert_int_equal(out.len, M4_LEN + 2);
    assert_memory_equal(out.ptr, "ab", 2);
    assert_memory_equal(out.ptr + 2, m4, M4_LEN);
    assert_int_equal(store.ops->get_reply(store.state, OWN, PEER, reply.m3_digest, 100, &out, &d), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(d.err, ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, M4_LEN + 2);
    d = detail_new();
    assert_int_equal(store.ops->get_reply(store.state, OWN, PEER, reply.m3_digest, 160, &out, &d), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(d.err, ESCERTKE_ERR_NOT_FOUND);
    escertke_buf_free(&out);
}

static void only_the_newest_of_a_pair_are_kept(void)
{
    escertke_key_entry other = entry_make(99, 100, 900), again = entry_make(3, 100, 900);

    strcpy(other.peer, PEER "x");
    assert_ok(put_reply(&other, 99, 160));
    for (uint32_t n = 0; n < 4 + ESCERTKE_REPLIES_MAX; n++)
        put_both(n, 900, 160);
    for (uint32_t n = 0; n < 4 + ESCERTKE_REPLIES_MAX; n++) {
        assert_int_equal(there(n, 100), n >= 4);
        assert_true(has_key(n));
    }
    assert_true(reply_is_there(&store, OWN, PEER "x", 99, 100));
    assert_ok(put_reply(&again, 3, 160)); /* an old entry put again is new */
    assert_true(there(3, 100) && !there(4, 100) && there(5, 100));
    assert_ok(put_reply(&again, 3, 160));
    assert_true(there(3, 100) && there(5, 100)); /* the same again takes nobody's place */
}

static void prune_drops_what_nobody_may_ask_for(void)
{
    size_t count = 99;

    put_both(1, 900, 160);
    put_both(2, 900, 170);
    assert_ok(store.ops->prune(store.state, 160, &count, NULL));
    assert_int_equal(count, 0);
    assert_true(has_key(1) && has_key(2));
    assert_false(there(1, 100));
    assert_true(there(2, 100));
    assert_ok(store.ops->prune(store.state, 900, &count, NULL));
    assert_int_equal(count, 2);
    assert_false(there(2, 100));
}

static void odd_options_are_refused(void)
{
    static uint8_t octets[ESCERTKE_REPLY_MAX + 1];
    const struct {
        escertke_put_options o;
        escertke_reply r;
        const char *fault;
    } rows[] = {
        { { .replace = true, .overlap_s = -1 }, { .m4 = { octets, 1 } }, "negative overlap" },
        { { .overlap_s = -1 }, { .m4 = { octets, 1 } }, NULL },
        { { 0 }, { .m4 = { octets, 0 } }, "reply empty" },
        { { 0 }, { .m4 = { NULL, 5 } }, "reply empty" },
        { { 0 }, { .m4 = { octets, ESCERTKE_REPLY_MAX } }, NULL },
        { { 0 }, { .m4 = { octets, ESCERTKE_REPLY_MAX + 1 } }, "too large" },
        { { 0 }, { .m4 = { octets, 1 }, .until_s = -1 }, "before 1970" },
    };
    escertke_key_entry e = entry_make(1, 100, 900);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_put_options o = rows[i].o;
        escertke_detail d = detail_new();
        o.reply = &rows[i].r;
        escertke_err err = store.ops->put(store.state, &e, &o, &d);
        if (err != (rows[i].fault ? ESCERTKE_ERR_ARG : ESCERTKE_OK) || (rows[i].fault && !strstr(d.reason, rows[i].fault)))
            fail_msg("%zu: %s %s", i, escertke_err_name(err), d.reason);
        assert_int_equal(has_key(1), !rows[i].fault);
        if (!rows[i].fault)
            assert_ok(store.ops->remove(store.state, e.key.id, NULL));
    }
}

static void confirm_is_of_one_own_identity(void)
{
    escertke_key_entry e = entry_make(2, 100, 900), other = e, out;
    escertke_detail d = detail_new();

    strcpy(other.own, PEER);
    put_both(2, 900, 160);
    assert_ok(store.ops->put(store.state, &other, NULL, NULL));
    assert_int_equal(store.ops->confirm(store.state, e.key.id, OWN "x", &d), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(d.err, ESCERTKE_ERR_NOT_FOUND);
    assert_ok(store.ops->confirm(store.state, e.key.id, PEER, NULL));
    assert_ok(store.ops->find(store.state, OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out, NULL));
    assert_false(out.confirmed);
    assert_ok(store.ops->confirm(store.state, e.key.id, OWN, NULL));
    assert_ok(store.ops->confirm(store.state, e.key.id, OWN, NULL));
    assert_ok(store.ops->find(store.state, OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out, NULL));
    e.confirmed = true;
    assert_true(entry_same(&e, &out));
    assert_true(there(2, 100));
    assert_ok(store.ops->remove(store.state, e.key.id, NULL));
    assert_int_equal(store.ops->confirm(store.state, e.key.id, OWN, NULL), ESCERTKE_ERR_NOT_FOUND);
}

static bool is_odd(void *ctx, const escertke_key_entry *entry)
{
    static const uint8_t zero[ESCERTKE_KEY_LEN];

    assert_memory_equal(entry->key.key, zero, sizeof zero);
    ++*(size_t *)ctx;
    return entry->created_s % 2 == 1;
}

static void sweep_takes_what_is_chosen(void)
{
    size_t seen = 0, count = 99;

    for (uint32_t n = 0; n < 9; n++) {
        escertke_key_entry e = entry_make(n, 100 + n, 110); /* expired ones are shown, too */
        assert_ok(put_reply(&e, n, 160));
    }
    assert_ok(store.ops->sweep(store.state, is_odd, &seen, &count, NULL));
    assert_int_equal(seen, 9);
    assert_int_equal(count, 4);
    for (uint32_t n = 0; n < 9; n++)
        assert_int_equal(has_key(n), n % 2 == 0);
    assert_false(there(7, 100));
    assert_true(there(8, 100));
    assert_ok(store.ops->sweep(store.state, is_odd, &seen, NULL, NULL));
    assert_int_equal(seen, 14);
}

static void *put_and_ask(void *arg)
{
    uint32_t first = (uint32_t)(uintptr_t)arg * PER_THREAD;
    char peer[64];
    size_t bad = 0, seen = 0;

    snprintf(peer, sizeof peer, PEER "%u", first);
    for (uint32_t n = first; n < first + PER_THREAD; n++) {
        uint8_t m4[M4_LEN];
        escertke_reply reply = reply_make(n, 160, m4);
        const escertke_put_options o = { .replace = true, .overlap_s = 20, .reply = &reply };
        escertke_key_entry e = entry_make(n, 100, 10000);
        strcpy(e.peer, peer);
        bad += store.ops->put(store.state, &e, &o, NULL) != ESCERTKE_OK;
        bad += !reply_is_there(&store, OWN, peer, n, 100);
        bad += n >= first + ESCERTKE_REPLIES_MAX && reply_is_there(&store, OWN, peer, n - ESCERTKE_REPLIES_MAX, 100);
        bad += store.ops->confirm(store.state, e.key.id, OWN, NULL) != ESCERTKE_OK;
        bad += store.ops->retire(store.state, OWN, peer, ESCERTKE_USAGE_ESPRIM, 100, NULL) != ESCERTKE_OK;
        if (n % 8 == 0)
            bad += store.ops->prune(store.state, 90, NULL, NULL) != ESCERTKE_OK;
        if (n % 8 == 4)
            bad += store.ops->sweep(store.state, is_odd, &seen, NULL, NULL) != ESCERTKE_OK;
    }
    return (void *)(uintptr_t)bad;
}

static bool count_live(void *ctx, const escertke_key_entry *entry)
{
    *(size_t *)ctx += entry->expires_s == 10000;
    assert_true(entry->confirmed);
    return true;
}

static void threads_at_once(void)
{
    pthread_t thread[THREADS];
    size_t live = 0;

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, put_and_ask, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *bad;
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_int_equal((uintptr_t)bad, 0);
    }
    assert_ok(store.ops->list(store.state, count_live, &live, NULL));
    assert_int_equal(live, THREADS); /* each pair has one that nothing replaced */
}

static const struct {
    const char *name;
    void (*run)(void);
} suite[] = {
#define T(f) { #f, f }
    T(reply_is_bound_to_its_run), T(reply_goes_with_its_key), T(reply_is_appended), T(only_the_newest_of_a_pair_are_kept),
    T(prune_drops_what_nobody_may_ask_for), T(odd_options_are_refused), T(confirm_is_of_one_own_identity),
    T(sweep_takes_what_is_chosen), T(threads_at_once),
#undef T
};

static void run_suite(const char *uri)
{
    for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
        escertke_detail d = detail_new();

        print_message("  %.6s: %s\n", uri, suite[i].name);
        if (escertke_store_open(uri, &store, &d) != ESCERTKE_OK)
            fail_msg("%s", d.reason);
        suite[i].run();
        assert_ok(store.ops->prune(store.state, INT64_MAX, NULL, NULL));
        escertke_store_close(&store);
    }
}

static void memory_passes_the_suite(void **state)
{
    (void)state;
    run_suite("memory:");
}

static void sqlite_passes_the_suite(void **state)
{
    char uri[320];

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/keys.db", dir);
    run_suite(uri);
}

static void a_reply_outlives_the_process(void **state)
{
    char uri[320];

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/keys.db", dir);
    assert_ok(escertke_store_open(uri, &store, NULL));
    put_both(1, 900, 160);
    escertke_store_close(&store);
    assert_ok(escertke_store_open(uri, &store, NULL));
    assert_true(there(1, 159));
    escertke_store_close(&store);
}

static int set_up(void **state)
{
    (void)state;
    dir_make(dir, sizeof dir);
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
        cmocka_unit_test(memory_passes_the_suite),
        cmocka_unit_test(sqlite_passes_the_suite),
        cmocka_unit_test(a_reply_outlives_the_process),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

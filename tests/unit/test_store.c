/* What every store must do, run over each of them; and the opening by URI. */
#include "keys_support.h"

#include <pthread.h>

#define THREADS 8
#define PER_THREAD 40

static char dir[256];
static escertke_store store;

static escertke_err put(const escertke_key_entry *e)
{
    return store.ops->put(store.state, e, NULL, NULL);
}

static escertke_err get(const uint8_t *id, int64_t unix_s, escertke_key_entry *out)
{
    return store.ops->get(store.state, id, unix_s, out, NULL);
}

static escertke_err find(const char *own, const char *peer, escertke_usage usage, int64_t unix_s, escertke_key_entry *out)
{
    return store.ops->find(store.state, own, peer, usage, unix_s, out, NULL);
}

static void put_and_get(void)
{
    escertke_key_entry e = entry_make(1, 100, 200), out;

    assert_ok(put(&e));
    assert_ok(get(e.key.id, 100, &out));
    assert_true(entry_same(&e, &out));
    assert_ok(find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out));
    assert_true(entry_same(&e, &out));
}

static void longest_texts(void)
{
    escertke_key_entry e = entry_make(1, 0, INT64_MAX), out;

    memset(e.own, 'o', sizeof e.own - 1);
    memset(e.peer, 'p', sizeof e.peer - 1);
    memset(e.suite, 's', sizeof e.suite - 1);
    memset(e.engine, 'e', sizeof e.engine - 1);
    e.own[sizeof e.own - 1] = e.peer[sizeof e.peer - 1] = e.suite[sizeof e.suite - 1] = e.engine[sizeof e.engine - 1] = '\0';
    assert_ok(put(&e));
    assert_ok(find(e.own, e.peer, e.usage, INT64_MAX - 1, &out));
    assert_true(entry_same(&e, &out));
}

static void unknown_is_not_found(void)
{
    escertke_key_entry e = entry_make(1, 100, 200), other = entry_make(2, 100, 200), out;
    char long_id[ESCERTKE_ID_MAX + 50];
    escertke_detail d = detail_new();

    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    assert_int_equal(get(e.key.id, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_ok(put(&e));
    out = e;
    assert_int_equal(store.ops->get(store.state, other.key.id, 100, &out, &d), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(d.err, ESCERTKE_ERR_NOT_FOUND);
    assert_true(entry_is_zero(&out));
    out = e;
    assert_int_equal(find(OWN, "//m2m.example.org/mn1/Cmete", ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_true(entry_is_zero(&out));
    assert_int_equal(find(PEER, OWN, ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(find(OWN, PEER, ESCERTKE_USAGE_ESDATA, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(find(OWN, long_id, ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(find(long_id, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(store.ops->remove(store.state, other.key.id, NULL), ESCERTKE_ERR_NOT_FOUND);
}

static void expired_is_not_given(void)
{
    escertke_key_entry e = entry_make(1, 100, 200), out;

    assert_ok(put(&e));
    assert_ok(get(e.key.id, 199, &out));
    assert_int_equal(get(e.key.id, 200, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_true(entry_is_zero(&out));
    assert_ok(find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 199, &out));
    assert_int_equal(find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 200, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_true(entry_is_zero(&out));
}

static void find_gives_the_newest_valid(void)
{
    /* number, created, expires; put in this order */
    static const int rows[][3] = { { 1, 300, 900 }, { 2, 500, 600 }, { 3, 100, 999 }, { 4, 300, 900 } };
    static const struct {
        int now, number; /* 0 = none */
    } finds[] = { { 550, 2 }, { 599, 2 }, { 600, 4 }, { 899, 4 }, { 900, 3 }, { 998, 3 }, { 999, 0 } };
    escertke_key_entry e, out;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        e = entry_make((uint32_t)rows[i][0], rows[i][1], rows[i][2]);
        assert_ok(put(&e));
        e.key.id[15] ^= 0xff; /* neighbours that must not be taken for it */
        strcat(e.peer, "x");
        e.created_s = 800;
        assert_ok(put(&e));
    }
    for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
        escertke_err err = find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, finds[i].now, &out);
        assert_int_equal(err, finds[i].number ? ESCERTKE_OK : ESCERTKE_ERR_NOT_FOUND);
        if (finds[i].number) {
            e = entry_make((uint32_t)finds[i].number, 0, 0);
            assert_memory_equal(&out.key, &e.key, sizeof e.key);
        }
    }
}

static bool count_entry(void *ctx, const escertke_key_entry *entry)
{
    (void)entry;
    ++*(size_t *)ctx;
    return true;
}

static size_t count_all(void)
{
    size_t n = 0;

    assert_ok(store.ops->list(store.state, count_entry, &n, NULL));
    return n;
}

static void put_replaces_by_id_and_own(void)
{
    escertke_key_entry e = entry_make(1, 100, 200), again = e, mine = e, out;

    assert_ok(put(&e));
    again.key.key[0] ^= 1;
    again.expires_s = 300;
    strcpy(again.peer, "//m2m.example.org/mn1/Cother");
    assert_ok(put(&again));
    assert_int_equal(count_all(), 1);
    assert_ok(get(e.key.id, 250, &out));
    assert_true(entry_same(&again, &out));
    assert_int_equal(find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    strcpy(mine.own, PEER); /* both ends of a key in one store */
    strcpy(mine.peer, OWN);
    assert_ok(put(&mine));
    assert_int_equal(count_all(), 2);
    assert_ok(find(PEER, OWN, ESCERTKE_USAGE_ESPRIM, 100, &out));
    assert_true(entry_same(&mine, &out));
    assert_ok(get(e.key.id, 250, &out)); /* the other one has expired */
    assert_string_equal(out.own, OWN);
}

static void remove_takes_all_of_the_id(void)
{
    escertke_key_entry e = entry_make(1, 100, 200), mine = e, other = entry_make(2, 100, 200), out;

    strcpy(mine.own, PEER);
    assert_ok(put(&e));
    assert_ok(put(&mine));
    assert_ok(put(&other));
    assert_ok(store.ops->remove(store.state, e.key.id, NULL));
    assert_int_equal(get(e.key.id, 100, &out), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(count_all(), 1);
    assert_ok(get(other.key.id, 100, &out));
    assert_int_equal(store.ops->remove(store.state, e.key.id, NULL), ESCERTKE_ERR_NOT_FOUND);
}

static void prune_takes_what_expired(void)
{
    size_t count = 99;

    for (uint32_t i = 0; i < 10; i++) {
        escertke_key_entry e = entry_make(i, 100, 200 + i);
        assert_ok(put(&e));
    }
    assert_ok(store.ops->prune(store.state, 199, &count, NULL));
    assert_int_equal(count, 0);
    assert_ok(store.ops->prune(store.state, 203, &count, NULL));
    assert_int_equal(count, 4);
    assert_ok(store.ops->prune(store.state, 203, NULL, NULL));
    assert_int_equal(count_all(), 6);
    assert_ok(store.ops->prune(store.state, INT64_MAX, &count, NULL));
    assert_int_equal(count, 6);
}

struct listing {
    int64_t created[8];
    size_t count, stop_at;
};

static bool note_entry(void *ctx, const escertke_key_entry *entry)
{
    static const uint8_t zero[ESCERTKE_KEY_LEN];
    struct listing *l = ctx;

    assert_memory_equal(entry->key.key, zero, sizeof zero);
    assert_memory_not_equal(entry->key.id, zero, sizeof entry->key.id);
    assert_string_equal(entry->own, OWN);
    assert_string_equal(entry->engine, "openssl");
    l->created[l->count++] = entry->created_s;
    return l->count != l->stop_at;
}

static void list_is_oldest_first_without_keys(void)
{
    static const int64_t created[] = { 30, 10, 50, 20, 40 };
    struct listing all = { .stop_at = 99 }, some = { .stop_at = 2 };

    for (uint32_t i = 0; i < 5; i++) {
        escertke_key_entry e = entry_make(i, created[i], 45); /* some have expired at any time: listed all the same */
        assert_ok(put(&e));
    }
    assert_ok(store.ops->list(store.state, note_entry, &all, NULL));
    assert_int_equal(all.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(all.created[i], 10 * (int64_t)(i + 1));
    assert_ok(store.ops->list(store.state, note_entry, &some, NULL));
    assert_int_equal(some.count, 2);
    escertke_key_entry e = entry_make(9, 60, 70);
    assert_ok(put(&e)); /* a listing that was stopped holds nothing up */
    assert_int_equal(count_all(), 6);
}

static void bad_entry_is_refused(void)
{
    escertke_key_entry e = entry_make(1, 100, 200);
    escertke_detail d = detail_new();

    e.peer[0] = '\0';
    assert_int_equal(store.ops->put(store.state, &e, NULL, &d), ESCERTKE_ERR_ARG);
    assert_non_null(strstr(d.reason, "no peer identity"));
    assert_int_equal(put(NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(count_all(), 0);
}

static void *put_and_get_many(void *arg)
{
    uint32_t first = (uint32_t)(uintptr_t)arg * PER_THREAD;
    size_t bad = 0, found;

    for (uint32_t n = first; n < first + PER_THREAD; n++) {
        escertke_key_entry e = entry_make(n, 100 + n, 10000), out;
        bad += put(&e) != ESCERTKE_OK;
        bad += get(e.key.id, 100, &out) != ESCERTKE_OK || !entry_same(&e, &out);
        bad += find(OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out) != ESCERTKE_OK;
        if (n % 8 == 7) {
            e = entry_make(n - 4, 0, 0);
            bad += store.ops->remove(store.state, e.key.id, NULL) != ESCERTKE_OK;
            bad += get(e.key.id, 100, &out) != ESCERTKE_ERR_NOT_FOUND;
        }
        if (n % 16 == 3)
            bad += store.ops->list(store.state, count_entry, &found, NULL) != ESCERTKE_OK;
    }
    return (void *)(uintptr_t)bad;
}

static void threads_at_once(void)
{
    pthread_t thread[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, put_and_get_many, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *bad;
        assert_int_equal(pthread_join(thread[i], &bad), 0);
        assert_int_equal((uintptr_t)bad, 0);
    }
    assert_int_equal(count_all(), THREADS * (PER_THREAD - PER_THREAD / 8));
}

typedef void (*store_test)(void);

static const struct {
    const char *name;
    store_test run;
} suite[] = {
#define T(f) { #f, f }
    T(put_and_get), T(longest_texts), T(unknown_is_not_found), T(expired_is_not_given), T(find_gives_the_newest_valid),
    T(put_replaces_by_id_and_own), T(remove_takes_all_of_the_id), T(prune_takes_what_expired),
    T(list_is_oldest_first_without_keys), T(bad_entry_is_refused), T(threads_at_once),
#undef T
};

static void run_suite(const char *uri, const char *name)
{
    for (size_t i = 0; i < sizeof suite / sizeof *suite; i++) {
        escertke_detail d = detail_new();
        size_t dropped;

        print_message("  %s: %s\n", name, suite[i].name);
        if (escertke_store_open(uri, &store, &d) != ESCERTKE_OK)
            fail_msg("%s", d.reason);
        assert_string_equal(store.ops->name, name);
        suite[i].run();
        assert_ok(store.ops->prune(store.state, INT64_MAX, &dropped, NULL));
        escertke_store_close(&store);
        assert_null(store.ops);
    }
}

static void memory_passes_the_suite(void **state)
{
    (void)state;
    run_suite("memory:", "memory");
}

static void sqlite_passes_the_suite(void **state)
{
    char uri[320];

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/keys.db", dir);
    run_suite(uri, "sqlite");
}

static void bad_uris(void **state)
{
    static const char *const uris[] = { "", "memory", "memory:10", "sqlite:", "redis://127.0.0.1", "/tmp/keys.db", "SQLITE:x" };

    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        escertke_detail d = detail_new();
        escertke_store s = { store.ops, &d };
        assert_int_equal(escertke_store_open(uris[i], &s, &d), ESCERTKE_ERR_ARG);
        assert_null(s.ops);
        assert_int_equal(d.err, ESCERTKE_ERR_ARG);
        assert_true(d.reason[0]);
    }
    assert_int_equal(escertke_store_open(NULL, &store, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_store_open("memory:", NULL, NULL), ESCERTKE_ERR_ARG);
}

static void closing_nothing(void **state)
{
    escertke_store s = { 0 };

    (void)state;
    escertke_store_close(&s);
    escertke_store_close(NULL);
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
        cmocka_unit_test(bad_uris),
        cmocka_unit_test(closing_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

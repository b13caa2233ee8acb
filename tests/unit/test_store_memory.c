#include "keys_support.h"

#include <time.h>

static escertke_err put(escertke_store *s, uint32_t n, int64_t created_s, int64_t expires_s)
{
    escertke_key_entry e = entry_make(n, created_s, expires_s);

    return s->ops->put(s->state, &e, NULL, NULL);
}

static escertke_err get(escertke_store *s, uint32_t n, int64_t unix_s)
{
    escertke_key_entry e = entry_make(n, 0, 0), out;

    return s->ops->get(s->state, e.key.id, unix_s, &out, NULL);
}

static void full_is_a_limit(void **state)
{
    escertke_key_entry e = entry_make(4, 100, 200);
    escertke_detail d = detail_new();
    escertke_store s;

    (void)state;
    assert_ok(escertke_store_memory(3, &s));
    for (uint32_t n = 0; n < 3; n++)
        assert_ok(put(&s, n, 100, 200));
    assert_int_equal(s.ops->put(s.state, &e, NULL, &d), ESCERTKE_ERR_LIMIT);
    assert_non_null(strstr(d.reason, "holds 3 entries"));
    assert_ok(put(&s, 1, 150, 300)); /* to replace needs no room */
    for (uint32_t n = 0; n < 3; n++)
        assert_ok(get(&s, n, 150));
    assert_int_equal(get(&s, 4, 150), ESCERTKE_ERR_NOT_FOUND);
    escertke_store_close(&s);
}

static void expired_make_room(void **state)
{
    escertke_store s;

    (void)state;
    assert_ok(escertke_store_memory(3, &s));
    assert_ok(put(&s, 0, 100, 150));
    assert_ok(put(&s, 1, 100, 300));
    assert_ok(put(&s, 2, 100, 160));
    assert_int_equal(put(&s, 3, 149, 300), ESCERTKE_ERR_LIMIT);
    assert_ok(put(&s, 3, 150, 300)); /* entry 0 has expired by then */
    assert_int_equal(get(&s, 0, 100), ESCERTKE_ERR_NOT_FOUND);
    assert_ok(get(&s, 2, 100));
    assert_ok(get(&s, 1, 100));
    escertke_store_close(&s);
}

static void bad_arguments(void **state)
{
    escertke_store s;

    (void)state;
    assert_int_equal(escertke_store_memory(0, &s), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_store_memory(1, NULL), ESCERTKE_ERR_ARG);
}

/* An allocator that counts what is open, looks for a key in what is released, and fails when told to. */
static uint8_t watched[ESCERTKE_KEY_LEN];
static size_t blocks, found_in_released;
static int fail_after = -1;

static void *watch_alloc(size_t size)
{
    if (fail_after == 0 || (fail_after > 0 && fail_after-- == 0))
        return NULL;
    size_t *p = malloc(sizeof(max_align_t) + size);
    if (!p)
        return NULL;
    *p = size;
    blocks++;
    return (char *)p + sizeof(max_align_t);
}

static void watch_release(void *p)
{
    char *block = (char *)p - sizeof(max_align_t);
    size_t size = *(size_t *)(void *)block;

    for (size_t i = 0; i + sizeof watched <= size; i++)
        found_in_released += memcmp((char *)p + i, watched, sizeof watched) == 0;
    blocks--;
    free(block);
}

static void *watch_resize(void *p, size_t size)
{
    (void)p;
    (void)size;
    return NULL; /* the store has no use for it */
}

static void released_memory_is_wiped(void **state)
{
    const escertke_memory watch = { watch_alloc, watch_resize, watch_release };
    escertke_key_entry e = entry_make(7, 100, 200);
    escertke_store s;

    (void)state;
    memcpy(watched, e.key.key, sizeof watched);
    escertke_memory_set(&watch);
    assert_ok(escertke_store_memory(3, &s));
    assert_ok(put(&s, 7, 100, 200));
    assert_ok(s.ops->remove(s.state, e.key.id, NULL));
    assert_ok(put(&s, 7, 100, 200));
    assert_ok(s.ops->prune(s.state, 200, NULL, NULL));
    assert_ok(put(&s, 7, 100, 200));
    escertke_store_close(&s);
    assert_int_equal(found_in_released, 0);
    assert_int_equal(blocks, 0);
    escertke_memory_set(NULL);
}

static void out_of_memory(void **state)
{
    const escertke_memory watch = { watch_alloc, watch_resize, watch_release };
    escertke_store s;

    (void)state;
    escertke_memory_set(&watch);
    fail_after = 0;
    assert_int_equal(escertke_store_memory(3, &s), ESCERTKE_ERR_NOMEM);
    assert_null(s.ops);
    fail_after = -1;
    assert_ok(escertke_store_memory(3, &s));
    fail_after = 0;
    assert_int_equal(put(&s, 1, 100, 200), ESCERTKE_ERR_NOMEM);
    fail_after = -1;
    assert_int_equal(get(&s, 1, 100), ESCERTKE_ERR_NOT_FOUND);
    assert_ok(put(&s, 1, 100, 200));
    escertke_store_close(&s);
    assert_int_equal(blocks, 0);
    escertke_memory_set(NULL);
}

static escertke_err put_with_reply(escertke_store *s, uint32_t n, int64_t created_s, int64_t until_s)
{
    escertke_key_entry e = entry_make(n, created_s, 10000);
    uint8_t m4[M4_LEN];
    escertke_reply reply = reply_make(n, until_s, m4);
    const escertke_put_options o = { .replace = true, .overlap_s = 100, .reply = &reply };

    return s->ops->put(s->state, &e, &o, NULL);
}

/* Each allocation of a put that does everything fails once: then nothing has been done. */
static void a_put_that_runs_out_of_memory(void **state)
{
    const escertke_memory watch = { watch_alloc, watch_resize, watch_release };
    escertke_store s;
    int n = 0;

    (void)state;
    escertke_memory_set(&watch);
    assert_ok(escertke_store_memory(3, &s));
    assert_ok(put_with_reply(&s, 1, 100, 150));
    size_t before = blocks;
    for (;; n++) {
        fail_after = n;
        escertke_err err = put_with_reply(&s, 2, 200, 250);
        fail_after = -1;
        if (err == ESCERTKE_OK)
            break;
        assert_int_equal(err, ESCERTKE_ERR_NOMEM);
        assert_int_equal(blocks, before);
        assert_int_equal(get(&s, 2, 200), ESCERTKE_ERR_NOT_FOUND);
        assert_false(reply_is_there(&s, OWN, PEER, 2, 200));
        assert_true(reply_is_there(&s, OWN, PEER, 1, 100));
        assert_ok(get(&s, 1, 9999)); /* not ended */
    }
    assert_int_equal(n, 2); /* the entry and M4 */
    assert_int_equal(get(&s, 1, 360), ESCERTKE_ERR_NOT_FOUND);
    assert_ok(get(&s, 1, 359));
    fail_after = 0; /* replacing an entry takes memory for M4 only; without that it stays as it was */
    assert_int_equal(put_with_reply(&s, 2, 300, 350), ESCERTKE_ERR_NOMEM);
    fail_after = -1;
    assert_true(reply_is_there(&s, OWN, PEER, 2, 249));
    assert_ok(put_with_reply(&s, 2, 300, 350));
    assert_ok(put_with_reply(&s, 3, 300, 350));
    before = blocks;
    assert_int_equal(put_with_reply(&s, 4, 300, 350), ESCERTKE_ERR_LIMIT);
    assert_int_equal(blocks, before);
    escertke_store_close(&s);
    assert_int_equal(blocks, 0);
    escertke_memory_set(NULL);
}

static bool every_one(void *ctx, const escertke_key_entry *entry)
{
    (void)ctx, (void)entry;
    return true;
}

static void what_is_swept_is_wiped(void **state)
{
    const escertke_memory watch = { watch_alloc, watch_resize, watch_release };
    escertke_key_entry e = entry_make(7, 100, 200);
    escertke_store s;
    size_t count;

    (void)state;
    memcpy(watched, e.key.key, sizeof watched);
    found_in_released = 0;
    escertke_memory_set(&watch);
    assert_ok(escertke_store_memory(3, &s));
    assert_ok(put_with_reply(&s, 7, 100, 150));
    assert_ok(s.ops->prune(s.state, 150, NULL, NULL)); /* takes the reply */
    assert_false(reply_is_there(&s, OWN, PEER, 7, 100));
    assert_ok(put_with_reply(&s, 7, 100, 150));
    assert_ok(s.ops->sweep(s.state, every_one, NULL, &count, NULL));
    assert_int_equal(count, 1);
    assert_ok(put_with_reply(&s, 7, 100, 150));
    escertke_store_close(&s);
    assert_int_equal(found_in_released, 0);
    assert_int_equal(blocks, 0);
    escertke_memory_set(NULL);
}

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Time for as many look-ups of both kinds among the first n entries. */
static int64_t lookups(escertke_store *s, uint32_t n)
{
    int64_t start = cpu_ns();
    escertke_key_entry out;

    for (uint32_t i = 0; i < 3000; i++) {
        escertke_key_entry e = entry_make(i * 7919u % n, 0, 0);
        assert_ok(s->ops->get(s->state, e.key.id, 100, &out, NULL));
        assert_ok(s->ops->find(s->state, OWN, PEER, ESCERTKE_USAGE_ESPRIM, 100, &out, NULL));
    }
    return cpu_ns() - start;
}

/* Time for as many replacing puts towards one peer, in a store that holds n keys of it that have an end. */
static int64_t replacing_puts(uint32_t n)
{
    escertke_store s;

    assert_ok(escertke_store_memory(100000, &s));
    for (uint32_t i = 0; i < n; i++)
        assert_ok(put(&s, i, 100, 200));
    int64_t start = cpu_ns();
    for (uint32_t i = 0; i < 3000; i++)
        assert_ok(put_with_reply(&s, 50000 + i, 5000, 9000));
    int64_t took = cpu_ns() - start;
    escertke_store_close(&s);
    return took;
}

static void replacing_is_not_linear(void **state)
{
    (void)state;
    int64_t few = replacing_puts(100), many = replacing_puts(30000);

    assert_true(many < 30 * few);
}

/* A linear search would take 300 times as long among 300 times as many; leave room for caches and noise. */
static void lookups_are_not_linear(void **state)
{
    escertke_store s;
    uint32_t n = 0;

    (void)state;
    assert_ok(escertke_store_memory(100000, &s));
    for (; n < 100; n++)
        assert_ok(put(&s, n, 100, 200 + n));
    int64_t few = lookups(&s, n);
    for (; n < 30000; n++)
        assert_ok(put(&s, n, 100, 200 + n));
    int64_t many = lookups(&s, n);
    assert_true(many < 50 * few);
    escertke_store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_is_a_limit),          cmocka_unit_test(expired_make_room),
        cmocka_unit_test(bad_arguments),            cmocka_unit_test(released_memory_is_wiped),
        cmocka_unit_test(out_of_memory),            cmocka_unit_test(lookups_are_not_linear),
        cmocka_unit_test(a_put_that_runs_out_of_memory), cmocka_unit_test(what_is_swept_is_wiped),
        cmocka_unit_test(replacing_is_not_linear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

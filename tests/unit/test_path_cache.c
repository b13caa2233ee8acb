/* The cache of verified paths by itself: what is the same question, how long an answer counts, how much it holds, and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "tls/path_cache.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DAY INT64_C(86400)
#define NOW INT64_C(1750000000)

/* Certificates that differ in when they are valid. */
enum { YEAR, WEEK, TOMORROW, YESTERDAY, CERTS };

static escertke_span cert[CERTS];

static int make_certs(void **state)
{
    static const long valid[CERTS][2] = { { -DAY, 365 * DAY }, { -DAY, 7 * DAY }, { DAY, 365 * DAY }, { -9 * DAY, -DAY } };

    (void)state;
    for (size_t i = 0; i < CERTS; i++) {
        struct pki_cert c = pki_make(&(struct pki_params){ .base_s = NOW, .not_before_s = valid[i][0], .not_after_s = valid[i][1] });
        cert[i].ptr = pki_der(&c, &cert[i].len);
        pki_cert_free(&c);
    }
    return 0;
}

static int free_certs(void **state)
{
    (void)state;
    for (size_t i = 0; i < CERTS; i++)
        free((void *)(uintptr_t)cert[i].ptr);
    return 0;
}

/* ---- memory: how much the cache has ------------------------------------------------------------------------- */

static atomic_size_t held, blocks;
static bool no_memory;

static void *counted_alloc(size_t size)
{
    size_t *p = no_memory ? NULL : malloc(size + sizeof(max_align_t));

    if (!p)
        return NULL;
    *p = size;
    atomic_fetch_add(&held, size);
    atomic_fetch_add(&blocks, 1);
    return (char *)p + sizeof(max_align_t);
}

static void counted_release(void *p)
{
    if (!p)
        return;
    size_t *block = (size_t *)(void *)((char *)p - sizeof(max_align_t));
    atomic_fetch_sub(&held, *block);
    atomic_fetch_sub(&blocks, 1);
    free(block);
}

static void *never(void *p, size_t size)
{
    (void)p, (void)size;
    return NULL;
}

static int count_memory(void **state)
{
    static const escertke_memory counted = { counted_alloc, never, counted_release };

    (void)state;
    held = blocks = 0;
    no_memory = false;
    escertke_memory_set(&counted);
    return 0;
}

static int all_given_back(void **state)
{
    (void)state;
    escertke_memory_set(NULL);
    return blocks == 0 && held == 0 ? 0 : -1;
}

static struct esc_path_cache *cache_of(size_t octets)
{
    struct esc_path_cache *c;

    assert_int_equal(esc_path_cache_new(octets, fixture_tls()->sha256, &c), ESCERTKE_OK);
    return c;
}

/* ---- helpers ------------------------------------------------------------------------------------------------- */

static bool knows(struct esc_path_cache *c, const escertke_span *sent, size_t count, int64_t unix_s)
{
    struct esc_path_query q = { .sent = sent, .count = count, .unix_s = unix_s };
    const struct esc_cached_path *found = esc_path_cache_find(c, &q);

    esc_path_cache_release(c, found);
    return found != NULL;
}

/* Ask, and keep that path for what was asked. */
static void keep(struct esc_path_cache *c, const escertke_span *sent, size_t count, int64_t unix_s, const escertke_span *path,
                 size_t path_count)
{
    struct esc_path_query q = { .sent = sent, .count = count, .unix_s = unix_s };

    esc_path_cache_release(c, esc_path_cache_find(c, &q));
    esc_path_cache_put(c, &q, path, path_count);
}

/* One of 4^4 questions of four certificates. */
static void question(size_t number, escertke_span sent[4])
{
    for (size_t i = 0; i < 4; i++, number /= CERTS)
        sent[i] = cert[number % CERTS];
}

/* ---- what is the same ---------------------------------------------------------------------------------------- */

static void none(void **state)
{
    struct esc_path_cache *c = cache_of(0);

    (void)state;
    assert_null(c);
    keep(c, cert, 1, NOW, cert, 1);
    assert_false(knows(c, cert, 1, NOW));
    assert_null(esc_path_cache_hold(c));
    esc_path_cache_free(c);
}

static void gives_what_was_kept(void **state)
{
    struct esc_path_cache *c = cache_of(100000);
    const escertke_span path[] = { cert[YEAR], cert[TOMORROW], cert[YESTERDAY] };
    struct esc_path_query q = { .sent = cert, .count = 2, .unix_s = NOW };

    (void)state;
    assert_null(esc_path_cache_find(c, &q));
    esc_path_cache_put(c, &q, path, COUNT(path));
    const struct esc_cached_path *found = esc_path_cache_find(c, &q);
    assert_non_null(found);
    assert_int_equal(found->count, COUNT(path));
    for (size_t i = 0; i < COUNT(path); i++) {
        assert_true(escertke_span_equal(found->path[i], path[i]));
        assert_ptr_not_equal(found->path[i].ptr, path[i].ptr);
    }
    esc_path_cache_release(c, found);
    assert_true(knows(c, cert, 2, NOW));
    esc_path_cache_free(c);
}

static void every_octet_and_the_order_count(void **state)
{
    struct esc_path_cache *c = cache_of(100000);
    escertke_span sent[] = { cert[YEAR], cert[WEEK] }, longer[] = { cert[YEAR], cert[WEEK], cert[WEEK] };
    const escertke_span turned[] = { cert[WEEK], cert[YEAR] };

    (void)state;
    keep(c, sent, 2, NOW, cert, 1);
    assert_true(knows(c, sent, 2, NOW));
    assert_false(knows(c, turned, 2, NOW));
    assert_false(knows(c, sent, 1, NOW));
    assert_false(knows(c, longer, 3, NOW));
    assert_false(knows(c, sent, 0, NOW));
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; at < sent[i].len; at++) {
            uint8_t *octet = (uint8_t *)(uintptr_t)sent[i].ptr + at;
            *octet ^= 1;
            assert_false(knows(c, sent, 2, NOW));
            *octet ^= 1;
        }
    /* the same octets, shared out between two in another way */
    size_t len = sent[0].len + sent[1].len;
    uint8_t *both = malloc(len);
    memcpy(both, sent[0].ptr, sent[0].len);
    memcpy(both + sent[0].len, sent[1].ptr, sent[1].len);
    const escertke_span as_it_was[] = { { both, sent[0].len }, { both + sent[0].len, sent[1].len } };
    const escertke_span shifted[] = { { both, sent[0].len + 1 }, { both + sent[0].len + 1, sent[1].len - 1 } };
    const escertke_span joined = { both, len };
    assert_true(knows(c, as_it_was, 2, NOW));
    assert_false(knows(c, shifted, 2, NOW));
    assert_false(knows(c, &joined, 1, NOW));
    free(both);
    esc_path_cache_free(c);
}

static void more_than_may_be_sent(void **state)
{
    struct esc_path_cache *c = cache_of(100000);
    escertke_span many[ESC_PATH_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = cert[YEAR];
    keep(c, many, ESC_SENT_MAX + 1, NOW, cert, 1);
    assert_false(knows(c, many, ESC_SENT_MAX + 1, NOW));
    keep(c, many, ESC_SENT_MAX, NOW, many, ESC_PATH_MAX + 1);
    assert_false(knows(c, many, ESC_SENT_MAX, NOW));
    keep(c, many, ESC_SENT_MAX, NOW, many, ESC_PATH_MAX);
    assert_true(knows(c, many, ESC_SENT_MAX, NOW));
    esc_path_cache_free(c);
}

/* ---- how long it counts -------------------------------------------------------------------------------------- */

static void time_of_certificates(void **state)
{
    static const struct {
        const char *name;
        int sent, path;
        int64_t from, until; /* relative to NOW; both still good */
    } cases[] = {
        { "valid", YEAR, YEAR, -DAY, 365 * DAY },
        { "the shorter of the path", YEAR, WEEK, -DAY, 7 * DAY },
        { "the shorter of what was sent", WEEK, YEAR, -DAY, 7 * DAY },
        { "sent, and not valid yet", TOMORROW, YEAR, -DAY, DAY - 1 },
        { "sent, and not valid any more", YESTERDAY, YEAR, -DAY + 1, 365 * DAY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t inside[] = { NOW, NOW + cases[i].from, NOW + cases[i].until };
        const int64_t outside[] = { NOW + cases[i].from - 1, NOW + cases[i].until + 1, INT64_MIN, INT64_MAX };
        struct esc_path_cache *c = cache_of(100000);
        const escertke_span sent[] = { cert[YEAR], cert[cases[i].sent] }, path[] = { cert[YEAR], cert[cases[i].path] };
        keep(c, sent, 2, NOW, path, 2);
        for (size_t k = 0; k < COUNT(inside); k++)
            assert_true(knows(c, sent, 2, inside[k]));
        for (size_t k = 0; k < COUNT(outside); k++) {
            keep(c, sent, 2, NOW, path, 2);
            assert_true(knows(c, sent, 2, NOW));
            assert_false(knows(c, sent, 2, outside[k]));
            assert_false(knows(c, sent, 2, NOW)); /* dropped: the search is asked again */
            assert_int_equal(blocks, 1);
        }
        esc_path_cache_free(c);
    }
}

static void no_certificate(void **state)
{
    static const uint8_t octets[] = { 0x30, 0 };
    const escertke_span sent[] = { cert[YEAR], { octets, sizeof octets } };
    struct esc_path_cache *c = cache_of(100000);

    (void)state;
    keep(c, sent, 2, NOW, cert, 1); /* nobody can say how long that would count */
    assert_false(knows(c, sent, 2, NOW));
    keep(c, cert, 1, NOW, sent, 2);
    assert_false(knows(c, cert, 1, NOW));
    esc_path_cache_free(c);
}

/* ---- how much ------------------------------------------------------------------------------------------------ */

static void stays_within_its_bound(void **state)
{
    static const size_t bounds[] = { 1, 300, 3000, 10000, 50000, 200000 };

    (void)state;
    for (size_t i = 0; i < COUNT(bounds); i++) {
        struct esc_path_cache *c = cache_of(bounds[i]);
        size_t most = 0, index = held;
        escertke_span sent[4];
        for (size_t k = 0; k < 256; k++) {
            question(k, sent);
            keep(c, sent, 4, NOW, cert, 1 + k % 3);
            most = held > most ? held : most;
            assert_true(held == index || held <= bounds[i]);
            if (bounds[i] >= 10000)
                assert_true(knows(c, sent, 4, NOW));
        }
        if (bounds[i] >= 10000)
            assert_in_range(most, bounds[i] - 3000, bounds[i]);
        esc_path_cache_free(c);
    }
}

static void the_least_recent_go_first(void **state)
{
    struct esc_path_cache *c = cache_of(20000);
    escertke_span sent[4];
    size_t kept = 0;

    (void)state;
    for (size_t k = 0; k < 256; k++) {
        question(k, sent);
        keep(c, sent, 4, NOW, cert, 2);
        question(0, sent); /* the first one is asked for all the time */
        assert_true(knows(c, sent, 4, NOW));
    }
    for (size_t k = 1; k < 256; k++) { /* by now the last ones are there, without a gap */
        question(k, sent);
        bool there = knows(c, sent, 4, NOW);
        assert_true(there || !kept);
        kept += there;
    }
    assert_in_range(kept, 10, 30);
    esc_path_cache_free(c);
}

static void too_large_for_it(void **state)
{
    struct esc_path_cache *c = cache_of(2000);
    escertke_span large[ESC_PATH_MAX];
    escertke_span sent[4];

    (void)state;
    for (size_t i = 0; i < COUNT(large); i++)
        large[i] = cert[YEAR];
    keep(c, cert, 1, NOW, cert, 1);
    question(7, sent);
    keep(c, sent, 4, NOW, large, COUNT(large));
    assert_false(knows(c, sent, 4, NOW));
    assert_true(knows(c, cert, 1, NOW)); /* nothing went for it */
    esc_path_cache_free(c);
}

static void on_loan(void **state)
{
    struct esc_path_cache *c = cache_of(3000), *other = esc_path_cache_hold(c);
    struct esc_path_query q = { .sent = cert, .count = 2, .unix_s = NOW };
    escertke_span sent[4];

    (void)state;
    keep(c, cert, 2, NOW, cert, 2);
    const struct esc_cached_path *a = esc_path_cache_find(c, &q), *b = esc_path_cache_find(c, &q);
    for (size_t k = 0; k < 40; k++) {
        question(k, sent);
        keep(c, sent, 4, NOW, cert, 1);
        assert_in_range(held, 1, 3000); /* what is on loan counts */
    }
    assert_false(knows(c, cert, 2, NOW));
    assert_true(escertke_span_equal(a->path[1], cert[1]) && escertke_span_equal(b->path[1], cert[1]));
    esc_path_cache_free(c);
    esc_path_cache_release(other, a);
    assert_true(escertke_span_equal(b->path[0], cert[0]));
    esc_path_cache_release(other, b);
    esc_path_cache_free(other);
}

static void without_memory(void **state)
{
    struct esc_path_cache *c = cache_of(10000), *none_made;

    (void)state;
    no_memory = true;
    keep(c, cert, 1, NOW, cert, 1);
    assert_false(knows(c, cert, 1, NOW));
    assert_int_equal(esc_path_cache_new(10000, fixture_tls()->sha256, &none_made), ESCERTKE_ERR_NOMEM);
    assert_null(none_made);
    no_memory = false;
    keep(c, cert, 1, NOW, cert, 1);
    assert_true(knows(c, cert, 1, NOW));
    esc_path_cache_free(c);
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

/* What is kept under a question: its first certificate, and how often. */
static size_t answer(size_t number)
{
    return 1 + number % 3;
}

static void *ask_many(void *p)
{
    struct esc_path_cache *c = p;
    uintptr_t wrong = 0;
    unsigned seed = (unsigned)(uintptr_t)&wrong;

    for (size_t i = 0; i < 1500; i++) {
        size_t number = (size_t)rand_r(&seed) % 24;
        escertke_span sent[4];
        struct esc_path_query q = { .sent = sent, .count = 4, .unix_s = NOW };
        question(number, sent);
        const escertke_span path[] = { sent[0], sent[0], sent[0] };
        const struct esc_cached_path *found = esc_path_cache_find(c, &q);
        if (found)
            wrong += found->count != answer(number) || !escertke_span_equal(found->path[found->count - 1], sent[0]);
        else
            esc_path_cache_put(c, &q, path, answer(number));
        esc_path_cache_release(c, found);
    }
    return (void *)wrong;
}

static void by_many_threads(void **state)
{
    struct esc_path_cache *c = cache_of(15000);
    pthread_t thread[4];
    void *wrong;

    (void)state;
    for (size_t i = 0; i < COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_many, c), 0);
    for (size_t i = 0; i < COUNT(thread); i++) {
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_in_range(held, 1, 15000);
    esc_path_cache_free(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, count_memory, all_given_back)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(none), TEST(gives_what_was_kept), TEST(every_octet_and_the_order_count),
                                        TEST(more_than_may_be_sent), TEST(time_of_certificates), TEST(no_certificate),
                                        TEST(stays_within_its_bound), TEST(the_least_recent_go_first), TEST(too_large_for_it),
                                        TEST(on_loan), TEST(without_memory), TEST(by_many_threads) };
    return cmocka_run_group_tests(tests, make_certs, free_certs);
}

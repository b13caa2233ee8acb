#include "m2m_support.h"

static void grows_to_its_limit_and_no_further(void **state)
{
    escertke_buf b;
    uint8_t *at;

    (void)state;
    escertke_buf_init(&b, 100);
    assert_null(b.ptr);
    for (int i = 0; i < 100; i++)
        assert_int_equal(escertke_buf_append(&b, "x", 1), ESCERTKE_OK);
    assert_int_equal(b.len, 100);
    assert_int_equal(b.cap, 100);
    assert_int_equal(escertke_buf_append(&b, "y", 1), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(escertke_buf_reserve(&b, SIZE_MAX, &at), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(b.len, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(b.ptr[i], 'x');
    escertke_buf_free(&b);
    assert_int_equal(b.max, 100);
}

static void append_of_nothing_is_nothing(void **state)
{
    escertke_buf b;

    (void)state;
    escertke_buf_init(&b, 0);
    assert_int_equal(escertke_buf_append(&b, NULL, 0), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&b, "x", 1), ESCERTKE_ERR_TOO_LARGE);
    assert_null(b.ptr);
    escertke_buf_free(&b);
}

static void reserve_gives_the_place_behind(void **state)
{
    escertke_buf b;
    uint8_t *at;

    (void)state;
    escertke_buf_init(&b, 1000);
    assert_int_equal(escertke_buf_append(&b, "ab", 2), ESCERTKE_OK);
    assert_int_equal(escertke_buf_reserve(&b, 500, &at), ESCERTKE_OK);
    assert_ptr_equal(at, b.ptr + 2);
    assert_true(b.cap >= 502);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.ptr, "ab", 2);
    escertke_buf_free(&b);
}

static void out_of_memory_leaves_it_as_it_was(void **state)
{
    escertke_buf b;

    (void)state;
    memory_fails_after(1);
    escertke_buf_init(&b, 1000);
    assert_int_equal(escertke_buf_append(&b, "ab", 2), ESCERTKE_OK);
    size_t room = b.cap - b.len;
    assert_int_equal(escertke_buf_append(&b, (uint8_t[200]){ 0 }, room + 1), ESCERTKE_ERR_NOMEM);
    assert_buf_text(&b, "ab");
    escertke_buf_free(&b);
    memory_restored();
}

/* Blocks are looked at before they go: what was in them must be zero. */
static size_t released_with_content;

static void *plain_alloc(size_t size)
{
    return calloc(1, size);
}

static void looking_release(void *p)
{
    static const char secret[] = "secret";
    if (memcmp(p, secret, 6) == 0)
        released_with_content++;
    free(p);
}

static void what_is_released_is_wiped(void **state)
{
    const escertke_memory looking = { plain_alloc, realloc, looking_release };
    escertke_buf b;

    (void)state;
    escertke_memory_set(&looking);
    escertke_buf_init(&b, 4096);
    assert_int_equal(escertke_buf_append(&b, "secret", 6), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&b, (uint8_t[300]){ 0 }, 300), ESCERTKE_OK); /* moves */
    assert_memory_equal(b.ptr, "secret", 6);
    uint8_t *at = b.ptr;
    escertke_buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_ptr_equal(b.ptr, at);
    assert_memory_equal(b.ptr, "\0\0\0\0\0\0", 6);
    assert_int_equal(escertke_buf_append(&b, "secret", 6), ESCERTKE_OK);
    escertke_buf_free(&b);
    escertke_memory_set(NULL);
    assert_int_equal(released_with_content, 0);
}

static void spans(void **state)
{
    escertke_span none = escertke_span_str(NULL), empty = escertke_span_str(""), a = escertke_span_str("abc");

    (void)state;
    assert_int_equal(none.len, 0);
    assert_null(none.ptr);
    assert_true(escertke_span_equal(none, empty));
    assert_int_equal(a.len, 3);
    assert_true(escertke_span_equal(a, escertke_span_str("abc")));
    assert_false(escertke_span_equal(a, escertke_span_str("abd")));
    assert_false(escertke_span_equal(a, escertke_span_str("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_limit_and_no_further), cmocka_unit_test(append_of_nothing_is_nothing),
        cmocka_unit_test(reserve_gives_the_place_behind),    cmocka_unit_test(out_of_memory_leaves_it_as_it_was),
        cmocka_unit_test(what_is_released_is_wiped),         cmocka_unit_test(spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

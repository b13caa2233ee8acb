#include "m2m_support.h"

#include "base/memory.h"

static void goes_through_the_hook(void **state)
{
    (void)state;
    memory_fails_after(-1);
    void *a = esc_alloc(10);
    a = esc_resize(a, 20);
    uint8_t *z = esc_zalloc(10);
    char *s = esc_strndup("abcdef", 3);
    assert_int_equal(memory_blocks, 3);
    assert_memory_equal(z, "\0\0\0\0\0\0\0\0\0\0", 10);
    assert_string_equal(s, "abc");
    esc_release(a);
    esc_release(z);
    esc_release(s);
    esc_release(NULL);
    esc_release_wiped(NULL, 5);
    memory_restored();
}

static size_t smallest = SIZE_MAX;

static void *measuring_alloc(size_t size)
{
    smallest = size < smallest ? size : smallest;
    return malloc(size);
}

static void *measuring_resize(void *p, size_t size)
{
    smallest = size < smallest ? size : smallest;
    return realloc(p, size);
}

static void size_is_never_0(void **state)
{
    const escertke_memory measuring = { measuring_alloc, measuring_resize, free };

    (void)state;
    escertke_memory_set(&measuring);
    esc_release(esc_alloc(0));
    esc_release(esc_zalloc(0));
    esc_release(esc_resize(NULL, 0));
    char *empty = esc_strndup(NULL, 0);
    assert_string_equal(empty, "");
    esc_release(empty);
    escertke_memory_set(NULL);
    assert_int_equal(smallest, 1);
}

static void out_of_memory_is_null(void **state)
{
    (void)state;
    memory_fails_after(0);
    assert_null(esc_alloc(1));
    assert_null(esc_zalloc(1));
    assert_null(esc_resize(NULL, 1));
    assert_null(esc_strndup("a", 1));
    memory_restored();
}

static uint8_t seen[4];

static void copying_release(void *p)
{
    memcpy(seen, p, sizeof seen);
    free(p);
}

static void wiped_before_it_goes(void **state)
{
    const escertke_memory copying = { malloc, realloc, copying_release };

    (void)state;
    memset(seen, 1, sizeof seen);
    escertke_memory_set(&copying);
    uint8_t *p = esc_alloc(4);
    memcpy(p, "key!", 4);
    esc_release_wiped(p, 4);
    escertke_memory_set(NULL);
    assert_memory_equal(seen, "\0\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_through_the_hook),
        cmocka_unit_test(size_is_never_0),
        cmocka_unit_test(out_of_memory_is_null),
        cmocka_unit_test(wiped_before_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

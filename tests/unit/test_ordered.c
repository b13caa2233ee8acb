#include "keys_support.h"

#include "keys/ordered.h"

#define COUNT 5000

struct number {
    struct esc_link link;
    uint32_t value;
    bool in;
};

static struct number numbers[COUNT];
static size_t comparisons;

static uint32_t value_of(const struct esc_link *l)
{
    return ((const struct number *)(const void *)l)->value;
}

static int compare(const struct esc_link *a, const struct esc_link *b)
{
    comparisons++;
    return (value_of(a) > value_of(b)) - (value_of(a) < value_of(b));
}

static uint32_t next_random(uint32_t *seed)
{
    return *seed = *seed * 1664525u + 1013904223u;
}

/* The order of the priorities keeps the tree shallow. */
static void check_priorities(const struct esc_link *top)
{
    const struct esc_link *const children[] = { top->left, top->right };

    for (size_t i = 0; i < 2; i++)
        if (children[i]) {
            assert_true(children[i]->priority <= top->priority);
            check_priorities(children[i]);
        }
}

/* What the set says must be what a plain array says. */
static void check_against_array(const struct esc_ordered *o)
{
    struct esc_link *at = esc_ordered_first(o);
    uint32_t last = 0;

    for (uint32_t v = 0; v < COUNT; v++) {
        if (!numbers[v].in)
            continue;
        assert_ptr_equal(at, &numbers[v].link);
        if (v != last && last != 0)
            assert_ptr_equal(esc_ordered_below(o, at), &numbers[last - 1].link);
        last = v + 1;
        at = esc_ordered_above(o, at);
    }
    assert_null(at);
    if (o->root)
        check_priorities(o->root);
}

static void random_insertions_and_removals(void **state)
{
    struct esc_ordered o = { NULL, compare };
    uint32_t seed = 20;

    (void)state;
    for (uint32_t v = 0; v < COUNT; v++)
        numbers[v] = (struct number){ .value = v };
    for (int round = 0; round < 20000; round++) {
        struct number *n = &numbers[(next_random(&seed) >> 8) % COUNT];
        if (n->in)
            esc_ordered_remove(&o, &n->link);
        else
            esc_ordered_insert(&o, &n->link, next_random(&seed));
        n->in = !n->in;
        if (round % 1000 == 0)
            check_against_array(&o);
    }
    check_against_array(&o);
    for (uint32_t v = 0; v < COUNT; v++)
        if (numbers[v].in)
            esc_ordered_remove(&o, &numbers[v].link);
    assert_null(esc_ordered_first(&o));
}

static void probes_between_the_elements(void **state)
{
    static const struct {
        uint32_t probe;
        int below, above; /* -1 = none */
    } rows[] = { { 5, -1, 10 }, { 10, -1, 20 }, { 15, 10, 20 }, { 20, 10, 30 }, { 30, 20, -1 }, { 35, 30, -1 } };
    struct esc_ordered o = { NULL, compare };
    struct number n[3] = { { .value = 20 }, { .value = 30 }, { .value = 10 } };

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        esc_ordered_insert(&o, &n[i].link, i * 7 % 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct number probe = { .value = rows[i].probe };
        struct esc_link *below = esc_ordered_below(&o, &probe.link), *above = esc_ordered_above(&o, &probe.link);
        assert_int_equal(below ? (int)value_of(below) : -1, rows[i].below);
        assert_int_equal(above ? (int)value_of(above) : -1, rows[i].above);
    }
}

/* Comparisons for a search, on average. */
static size_t search_cost(const struct esc_ordered *o)
{
    comparisons = 0;
    for (uint32_t v = 1; v < COUNT; v++)
        assert_ptr_equal(esc_ordered_below(o, &numbers[v].link), &numbers[v - 1].link);
    return comparisons / COUNT;
}

/* Neither elements that arrive in order nor removals make a list of the tree. */
static void stays_shallow(void **state)
{
    struct esc_ordered o = { NULL, compare };
    uint32_t seed = 3;

    (void)state;
    for (uint32_t v = 0; v < COUNT; v++) {
        numbers[v] = (struct number){ .value = v };
        esc_ordered_insert(&o, &numbers[v].link, next_random(&seed));
    }
    assert_in_range(search_cost(&o), 10, 30);
    for (int round = 0; round < 100000; round++) {
        struct number *n = &numbers[(next_random(&seed) >> 8) % COUNT];
        esc_ordered_remove(&o, &n->link);
        esc_ordered_insert(&o, &n->link, n->link.priority);
    }
    assert_in_range(search_cost(&o), 10, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_insertions_and_removals),
        cmocka_unit_test(probes_between_the_elements),
        cmocka_unit_test(stays_shallow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Entries at random in and out of their orders: each order holds all of them, sorted, and nothing else. */
#include "keys_support.h"

#include "base/memory.h"
#include "keys/memory.h"

#define COUNT 400

static struct esc_memory m;
static struct esc_node *nodes[COUNT];
static uint32_t seed = 7;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static struct esc_node *node_new(uint32_t n)
{
    struct esc_node *node = esc_zalloc(sizeof *node);

    assert_non_null(node);
    node->entry = entry_make(n, chance(20), chance(20));
    node->entry.role = chance(2) ? ESCERTKE_INITIATOR : ESCERTKE_TERMINATOR;
    node->entry.usage = chance(2) ? ESCERTKE_USAGE_ESPRIM : ESCERTKE_USAGE_ESDATA;
    snprintf(node->entry.own, sizeof node->entry.own, OWN "%u", chance(3));
    if (chance(2)) {
        node->reply.m4 = (escertke_span){ esc_alloc(3), 3 };
        assert_non_null(node->reply.m4.ptr);
        node->reply.until_s = chance(20);
        node->reply.m3_digest[0] = (uint8_t)chance(5);
    }
    return node;
}

static void check_order(int order, size_t expected)
{
    struct esc_link *at = esc_ordered_first(&m.order[order]), *next;
    size_t count = 0;

    for (; at; at = next, count++) {
        next = esc_ordered_above(&m.order[order], at);
        assert_true(!next || m.order[order].compare(at, next) < 0);
    }
    assert_int_equal(count, expected);
}

static void check_all(void)
{
    size_t entries = 0, replies = 0;

    for (size_t i = 0; i < COUNT; i++) {
        entries += nodes[i] != NULL;
        replies += nodes[i] && nodes[i]->reply.m4.ptr;
    }
    assert_int_equal(m.count, entries);
    for (int order = 0; order < ESC_ORDERS; order++)
        check_order(order, order < ESC_ENTRY_ORDERS ? entries : replies);
}

static void change_one(void)
{
    size_t i = chance(COUNT);

    if (!nodes[i]) {
        nodes[i] = node_new((uint32_t)i);
        esc_memory_link_in(&m, nodes[i]);
    } else if (chance(3) == 0) {
        esc_memory_drop(&m, nodes[i]);
        nodes[i] = NULL;
    } else if (chance(2)) {
        esc_memory_set_end(&m, nodes[i], chance(20));
    } else {
        esc_memory_drop_reply(&m, nodes[i]);
    }
}

static void orders_hold_all(void **state)
{
    (void)state;
    esc_memory_init(&m);
    for (int step = 0; step < 3000; step++) {
        change_one();
        if (step % 50 == 0)
            check_all();
    }
    check_all();
}

static void what_has_expired_goes(void **state)
{
    size_t before = m.count, expired = 0, dropped;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        if (nodes[i] && nodes[i]->entry.expires_s <= 9) {
            nodes[i] = NULL; /* not to be looked at any more */
            expired++;
        }
    }
    dropped = esc_memory_drop_expired(&m, 9);
    assert_int_equal(dropped, expired);
    assert_int_equal(m.count, before - expired);
    check_all();
    esc_memory_drop_expired_replies(&m, 9);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(!nodes[i] || !nodes[i]->reply.m4.ptr || nodes[i]->reply.until_s > 9);
    check_all();
    esc_memory_drop_expired(&m, INT64_MAX);
    assert_int_equal(m.count, 0);
    for (int order = 0; order < ESC_ORDERS; order++)
        assert_null(m.order[order].root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_hold_all),
        cmocka_unit_test(what_has_expired_goes), /* of what the one before has left */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What waits for a connection: in order, bounded for each and for all, taken back, and lost with it. */
#include "binding/ws_endpoint.h"

#include "ws_support.h"

static const struct esc_ws_role nothing;
static uint8_t octets[ESC_WS_QUEUE_BYTES];

static void begin(struct esc_ws *ws)
{
    *ws = (struct esc_ws){ .role = &nothing };
    assert_int_equal(esc_ws_init(ws, 1), ESCERTKE_OK);
}

static struct esc_ws_conn *connection(struct esc_ws *ws)
{
    struct esc_ws_conn *c = esc_ws_conn_new(ws);

    assert_non_null(c);
    esc_ws_conn_opened(c, ESCERTKE_FORMAT_JSON);
    return c;
}

static escertke_err queue(struct esc_ws_conn *c, size_t len, uint64_t *ticket)
{
    uint64_t own;

    return esc_ws_conn_queue(c, (escertke_span){ octets, len }, ticket ? ticket : &own);
}

static void sends_in_order(void **state)
{
    struct esc_ws ws;
    uint64_t tickets[4];

    (void)state;
    begin(&ws);
    struct esc_ws_conn *c = connection(&ws);
    for (size_t i = 0; i < COUNT(tickets); i++)
        assert_int_equal(queue(c, i + 1, &tickets[i]), ESCERTKE_OK);
    assert_true(esc_ws_conn_withdraw(c, tickets[3])); /* the last */
    assert_false(esc_ws_conn_withdraw(c, tickets[3]));
    assert_true(esc_ws_conn_withdraw(c, tickets[1])); /* one within */
    assert_int_equal(queue(c, 9, NULL), ESCERTKE_OK);
    expect_int("waiting", (long)ws.queued_bytes, 1 + 3 + 9);
    const size_t expected[] = { 1, 3, 9 };
    for (size_t i = 0; i < COUNT(expected); i++) {
        struct esc_ws_out *m = esc_ws_conn_take(c);
        assert_non_null(m);
        expect_int("octets", (long)m->len, (long)expected[i]);
        esc_ws_out_free(m);
    }
    assert_null(esc_ws_conn_take(c));
    assert_false(esc_ws_conn_withdraw(c, tickets[0])); /* on its way */
    expect_int("waiting", (long)ws.queued_bytes, 0);
    esc_ws_conn_closed(c, "done");
    esc_ws_end(&ws, 0);
}

static void is_bounded(void **state)
{
    struct esc_ws ws;

    (void)state;
    begin(&ws);
    struct esc_ws_conn *c = connection(&ws), *other = connection(&ws);
    for (unsigned i = 0; i < ESC_WS_QUEUE_COUNT; i++)
        assert_int_equal(queue(c, 1, NULL), ESCERTKE_OK);
    assert_int_equal(queue(c, 1, NULL), ESCERTKE_ERR_LIMIT);
    assert_int_equal(queue(other, ESC_WS_QUEUE_BYTES - 1, NULL), ESCERTKE_OK);
    assert_int_equal(queue(other, 2, NULL), ESCERTKE_ERR_LIMIT);
    assert_int_equal(queue(other, 1, NULL), ESCERTKE_OK);
    esc_ws_conn_closed(c, "done");
    esc_ws_conn_closed(other, "done");
    expect_int("waiting", (long)ws.queued_bytes, 0);
    esc_ws_end(&ws, 0);
}

/* Many who take nothing leave room for the next message of each other. */
static void is_bounded_for_all(void **state)
{
    enum { GREEDY = ESC_WS_QUEUES_BYTES / ESC_WS_QUEUE_BYTES };
    struct esc_ws_conn *greedy[GREEDY];
    struct esc_ws ws;

    (void)state;
    begin(&ws);
    for (size_t i = 0; i < GREEDY; i++) {
        greedy[i] = connection(&ws);
        for (size_t k = 0; k < 16; k++)
            assert_int_equal(queue(greedy[i], ESC_WS_QUEUE_BYTES / 16, NULL), ESCERTKE_OK);
    }
    struct esc_ws_conn *modest = connection(&ws);
    assert_int_equal(queue(greedy[0], 1, NULL), ESCERTKE_ERR_LIMIT);
    assert_int_equal(queue(modest, 200000, NULL), ESCERTKE_OK); /* its only one */
    assert_int_equal(queue(modest, 1, NULL), ESCERTKE_ERR_LIMIT);
    struct esc_ws_conn *small = connection(&ws);
    assert_int_equal(queue(small, 1, NULL), ESCERTKE_OK);
    assert_int_equal(queue(small, ESC_WS_SHARE_BYTES - 1, NULL), ESCERTKE_OK);
    assert_int_equal(queue(small, 1, NULL), ESCERTKE_ERR_LIMIT);
    esc_ws_conn_closed(greedy[0], "done");
    assert_int_equal(queue(modest, 1, NULL), ESCERTKE_OK); /* there is room again */
    for (size_t i = 1; i < GREEDY; i++)
        esc_ws_conn_closed(greedy[i], "done");
    esc_ws_conn_closed(modest, "done");
    esc_ws_conn_closed(small, "done");
    expect_int("waiting", (long)ws.queued_bytes, 0);
    esc_ws_end(&ws, 0);
}

/* Who sent over a connection that has gone can tell what has not left. */
static void keeps_what_was_not_sent(void **state)
{
    struct esc_ws ws;
    uint64_t ticket;

    (void)state;
    begin(&ws);
    struct esc_ws_conn *c = connection(&ws), *shut = esc_ws_conn_new(&ws);
    assert_int_equal(queue(shut, 1, NULL), ESCERTKE_ERR_UNREACHABLE); /* not open yet */
    assert_int_equal(queue(c, 5, &ticket), ESCERTKE_OK);
    esc_ws_conn_keep(c);
    esc_ws_conn_closed(c, "lost");
    expect_int("waiting", (long)ws.queued_bytes, 0);
    assert_int_equal(queue(c, 1, NULL), ESCERTKE_ERR_UNREACHABLE);
    assert_true(esc_ws_conn_withdraw(c, ticket));
    assert_false(esc_ws_conn_alive(c, 20000)); /* says so at once */
    esc_ws_conn_release(c);
    esc_ws_conn_closed(shut, "done");
    expect_int("connections", ws.conn_count, 0);
    esc_ws_end(&ws, 0);
}

static void waits_for_a_pong_no_longer(void **state)
{
    struct esc_ws ws;

    (void)state;
    begin(&ws);
    struct esc_ws_conn *c = connection(&ws);
    uint64_t began = mono_ms();
    assert_false(esc_ws_conn_alive(c, 100));
    assert_true(mono_ms() - began >= 99 && c->ping);
    c->ponged_ms = mono_ms() + 1000;
    assert_true(esc_ws_conn_alive(c, 100));
    esc_ws_conn_closed(c, "done");
    esc_ws_end(&ws, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_in_order),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(is_bounded_for_all),
        cmocka_unit_test(keeps_what_was_not_sent),
        cmocka_unit_test(waits_for_a_pong_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

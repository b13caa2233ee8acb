#include "binding/coap_transfers.h"

#include <arpa/inet.h>
#include <string.h>

#include "binding_support.h"

static struct esc_coap_peer host(uint8_t last)
{
    struct esc_coap_peer p;

    memset(&p, 0, sizeof p);
    p.at.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5), .sin_addr.s_addr = htonl(0x7f000000u + last) };
    p.len = sizeof p.at.v4;
    return p;
}

static escertke_err begin(struct esc_coap_transfers *t, uint8_t from, const char *key, uint64_t now)
{
    struct esc_coap_peer p = host(from);
    struct esc_coap_transfer *x = NULL;
    escertke_err err = esc_coap_transfer_begin(t, &p, text_span(key), false, now, &x);

    assert_int_equal(err == ESCERTKE_OK, x != NULL);
    return err;
}

static struct esc_coap_transfer *find(struct esc_coap_transfers *t, uint8_t from, const char *key)
{
    struct esc_coap_peer p = host(from);

    return esc_coap_transfer_find(t, &p, text_span(key), false);
}

static void bounds_their_number(void **state)
{
    struct esc_coap_transfers t = { .max_count = 4, .max_per_host = 2, .max_bytes = 100, .max_body = 50, .idle_ms = 1000 };

    (void)state;
    assert_int_equal(begin(&t, 1, "a", 1), ESCERTKE_OK);
    assert_int_equal(begin(&t, 1, "b", 2), ESCERTKE_OK);
    assert_int_equal(begin(&t, 1, "b", 3), ESCERTKE_OK); /* begun anew */
    assert_int_equal(t.count, 2);
    assert_int_equal(begin(&t, 1, "c", 4), ESCERTKE_OK); /* the oldest of this host goes */
    assert_int_equal(t.count, 2);
    assert_null(find(&t, 1, "a"));
    assert_non_null(find(&t, 1, "b"));
    assert_int_equal(begin(&t, 2, "a", 5), ESCERTKE_OK);
    assert_int_equal(begin(&t, 3, "a", 6), ESCERTKE_OK);
    assert_int_equal(begin(&t, 4, "a", 7), ESCERTKE_ERR_LIMIT); /* others do not give way */
    assert_int_equal(begin(&t, 3, "b", 8), ESCERTKE_OK);        /* to oneself one does */
    assert_null(find(&t, 3, "a"));
    assert_int_equal(t.count, 4);
    esc_coap_transfers_tick(&t, 1003);
    assert_int_equal(t.count, 4);
    esc_coap_transfers_tick(&t, 1004);
    assert_int_equal(t.count, 3);
    assert_null(find(&t, 1, "b"));
    esc_coap_transfers_clear(&t);
    assert_int_equal(t.count, 0);
}

static void bounds_their_bytes(void **state)
{
    struct esc_coap_transfers t = { .max_count = 4, .max_per_host = 4, .max_bytes = 10, .max_body = 8, .idle_ms = 1000 };
    struct esc_coap_peer p = host(1);
    struct esc_coap_transfer *x, *down;

    (void)state;
    assert_int_equal(esc_coap_transfer_begin(&t, &p, text_span("k"), false, 0, &x), ESCERTKE_OK);
    assert_true(esc_coap_transfers_have_room(&t, 10));
    assert_false(esc_coap_transfers_have_room(&t, 11));
    assert_int_equal(escertke_buf_append(&x->body, "0123456", 7), ESCERTKE_OK);
    esc_coap_transfer_changed(&t, x, 0);
    assert_int_equal(t.bytes, 7);
    assert_false(esc_coap_transfers_have_room(&t, 4));
    assert_int_equal(escertke_buf_append(&x->body, "78", 2), ESCERTKE_ERR_TOO_LARGE);
    /* what comes and what goes are two things, and so are two sessions of one address */
    assert_int_equal(esc_coap_transfer_begin(&t, &p, text_span("k"), true, 0, &down), ESCERTKE_OK);
    assert_ptr_equal(esc_coap_transfer_find(&t, &p, text_span("k"), true), down);
    assert_ptr_equal(esc_coap_transfer_find(&t, &p, text_span("k"), false), x);
    p.session = 1;
    assert_null(esc_coap_transfer_find(&t, &p, text_span("k"), true));
    esc_coap_transfer_end(&t, x);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(t.count, 1);
    esc_coap_transfers_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_their_number),
        cmocka_unit_test(bounds_their_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/coap_recent.h"

#include <arpa/inet.h>
#include <string.h>

#include "binding_support.h"

static struct esc_coap_peer peer(uint16_t port, uint32_t session)
{
    struct esc_coap_peer p;

    memset(&p, 0, sizeof p);
    p.at.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    p.len = sizeof p.at.v4;
    p.session = session;
    return p;
}

static enum esc_coap_met meet(struct esc_coap_recent *r, uint16_t port, uint16_t mid, uint64_t now, const char **reply)
{
    struct esc_coap_peer p = peer(port, 0);
    static char text[64];
    escertke_span span = { NULL, 0 };
    enum esc_coap_met met = esc_coap_recent_meet(r, &p, mid, now, &span);

    snprintf(text, sizeof text, "%.*s", (int)span.len, span.ptr ? (const char *)span.ptr : "");
    if (reply)
        *reply = text;
    return met;
}

static void say(struct esc_coap_recent *r, uint16_t port, uint16_t mid, const char *reply)
{
    struct esc_coap_peer p = peer(port, 0);

    esc_coap_recent_answer(r, &p, mid, text_span(reply));
}

static void knows_what_came(void **state)
{
    struct esc_coap_recent *r = esc_coap_recent_new(8, 1000);
    const char *reply;

    (void)state;
    assert_int_equal(meet(r, 1, 7, 0, NULL), ESC_COAP_NEW);
    assert_int_equal(meet(r, 1, 7, 1, NULL), ESC_COAP_RUNNING);
    assert_int_equal(meet(r, 2, 7, 1, NULL), ESC_COAP_NEW);
    assert_int_equal(meet(r, 1, 8, 1, NULL), ESC_COAP_NEW);
    say(r, 1, 7, "seven");
    say(r, 1, 7, "another"); /* the first counts */
    say(r, 9, 9, "of nobody");
    assert_int_equal(meet(r, 1, 7, 2, &reply), ESC_COAP_ANSWERED);
    assert_string_equal(reply, "seven");
    assert_int_equal(meet(r, 2, 7, 2, NULL), ESC_COAP_RUNNING);
    /* after its lifetime a number may be used again */
    assert_int_equal(meet(r, 1, 7, 247000, NULL), ESC_COAP_ANSWERED);
    assert_int_equal(meet(r, 1, 7, 247001, NULL), ESC_COAP_NEW);
    assert_int_equal(meet(r, 1, 7, 247002, NULL), ESC_COAP_RUNNING);
    esc_coap_recent_free(r);
}

static void tells_sessions_apart(void **state)
{
    struct esc_coap_recent *r = esc_coap_recent_new(8, 1000);
    struct esc_coap_peer one = peer(1, 1), two = peer(1, 2);
    escertke_span span;

    (void)state;
    assert_int_equal(esc_coap_recent_meet(r, &one, 7, 0, &span), ESC_COAP_NEW);
    assert_int_equal(esc_coap_recent_meet(r, &two, 7, 0, &span), ESC_COAP_NEW);
    assert_int_equal(esc_coap_recent_meet(r, &one, 7, 0, &span), ESC_COAP_RUNNING);
    esc_coap_recent_free(r);
}

static void forgets_the_oldest(void **state)
{
    struct esc_coap_recent *r = esc_coap_recent_new(4, 10);
    const char *reply;

    (void)state;
    for (uint16_t mid = 0; mid < 5; mid++)
        assert_int_equal(meet(r, 1, mid, mid, NULL), ESC_COAP_NEW);
    assert_int_equal(meet(r, 1, 1, 9, NULL), ESC_COAP_RUNNING);
    assert_int_equal(meet(r, 1, 0, 9, NULL), ESC_COAP_NEW); /* in place of 1 */
    assert_int_equal(meet(r, 1, 2, 9, NULL), ESC_COAP_RUNNING);
    /* 10 octets of answers */
    say(r, 1, 2, "01234");
    say(r, 1, 4, "01234");
    assert_int_equal(meet(r, 1, 2, 9, NULL), ESC_COAP_ANSWERED);
    say(r, 1, 0, "56789"); /* 2 and 3, which are older, go */
    assert_int_equal(meet(r, 1, 4, 9, &reply), ESC_COAP_ANSWERED);
    assert_int_equal(meet(r, 1, 0, 9, &reply), ESC_COAP_ANSWERED);
    assert_string_equal(reply, "56789");
    assert_int_equal(meet(r, 1, 2, 9, NULL), ESC_COAP_NEW);
    say(r, 1, 2, "too long to be kept"); /* known, and not answered from memory */
    assert_int_equal(meet(r, 1, 2, 9, NULL), ESC_COAP_RUNNING);
    esc_coap_recent_free(r);
    esc_coap_recent_free(NULL);
}

static void tells_peers_apart(void **state)
{
    struct esc_coap_peer a = peer(1, 0), b = peer(2, 0), c = peer(1, 1), v6 = { .len = sizeof(struct sockaddr_in6) }, w6;

    (void)state;
    v6.at.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(1), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    w6 = v6;
    w6.at.v6.sin6_addr.s6_addr[15] = 2;
    assert_true(esc_coap_peer_same(&a, &a) && esc_coap_peer_same(&v6, &v6));
    assert_true(esc_coap_peer_same_host(&a, &b) && !esc_coap_peer_same_address(&a, &b) && !esc_coap_peer_same(&a, &b));
    assert_true(esc_coap_peer_same_address(&a, &c) && !esc_coap_peer_same(&a, &c));
    assert_false(esc_coap_peer_same_host(&a, &v6));
    assert_false(esc_coap_peer_same_host(&w6, &v6));
    w6 = v6;
    w6.at.v6.sin6_scope_id = 3;
    assert_false(esc_coap_peer_same_host(&w6, &v6));
    assert_true(esc_coap_peer_hash(&a) != esc_coap_peer_hash(&b) && esc_coap_peer_hash(&a) != esc_coap_peer_hash(&v6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_came),
        cmocka_unit_test(tells_sessions_apart),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(tells_peers_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Peer rules: checked once, looked up by Absolute ID. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "endpoint/peers.h"
#include "fixture.h"

static escertke_err check(const escertke_peer *peers, size_t count)
{
    escertke_identity identity = { .peers = peers, .peer_count = count };
    escertke_detail d;

    escertke_detail_init(&d);
    return esc_peers_check(&identity, &d);
}

static void rules_that_cannot_be(void **state)
{
    static const escertke_peer good[] = { { .id = METER }, { .id = IN1, .flavour = ESCERTKE_FLAVOUR_CSE } };
    static const escertke_peer relative[] = { { .id = "Cmeter" } }, twice[] = { { .id = METER }, { .id = METER } },
                               nobody[] = { { .id = NULL } };
    /* //m2m.example.org/in1 and a CSE elsewhere that is said to have the same name */
    static const escertke_peer one_name[] = { { .id = IN1, .flavour = ESCERTKE_FLAVOUR_CSE },
                                              { .id = "//m2m.example.org/mn1", .flavour = ESCERTKE_FLAVOUR_CSE, .san = "in1.m2m.example.org" } };

    (void)state;
    assert_int_equal(check(NULL, 0), ESCERTKE_OK);
    assert_int_equal(check(good, 2), ESCERTKE_OK);
    assert_int_equal(check(relative, 1), ESCERTKE_ERR_CONFIG);
    assert_int_equal(check(twice, 2), ESCERTKE_ERR_CONFIG);
    assert_int_equal(check(nobody, 1), ESCERTKE_ERR_CONFIG);
    assert_int_equal(check(one_name, 2), ESCERTKE_ERR_CONFIG);
}

static void lookup(void **state)
{
    static const escertke_peer rules[] = { { .id = IN1, .flavour = ESCERTKE_FLAVOUR_CSE, .san = "x.example.org" } };
    escertke_identity open = { .strict = true }, closed = { .peers = rules, .peer_count = 1 };
    escertke_expect e;

    (void)state;
    assert_int_equal(esc_peers_expect(&open, METER, &e), ESCERTKE_OK);
    assert_string_equal(e.id, METER);
    assert_int_equal(e.flavour, ESCERTKE_FLAVOUR_BY_ID);
    assert_true(e.strict);
    assert_int_equal(esc_peers_expect(&closed, METER, &e), ESCERTKE_ERR_PRIVILEGE);
    assert_int_equal(esc_peers_expect(&closed, IN1, &e), ESCERTKE_OK);
    assert_string_equal(e.san, "x.example.org");
}

/* A CSE as peer: which flavour its certificate showed is kept with the key. */
static void entry_of_a_cse(void **state)
{
    struct fixture *f = fixture_new();
    escertke_session *i = session_of(f, &f->panel, ESCERTKE_INITIATOR, IN1), *t = session_of(f, &f->in1, ESCERTKE_TERMINATOR, PANEL);
    escertke_store store;
    escertke_key_entry entry;
    escertke_span a, b;

    (void)state;
    assert_int_equal(escertke_store_memory(1, &store), ESCERTKE_OK);
    escertke_identity identity = { .tls = fixture_tls(), .credential = f->panel.credential, .id = PANEL,
                                   .key_lifetime_s = 100, .usage = ESCERTKE_USAGE_ESDATA, .store = &store };
    assert_int_equal(escertke_session_start(i, f->now, &a), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(t, a, f->now, &b), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(i, b, f->now, &a), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(t, a, f->now, &b), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(i, b, f->now, &a), ESCERTKE_OK);
    escertke_expect expect = { .id = IN1 };
    assert_int_equal(esc_peers_entry(&identity, &expect, i, ESCERTKE_INITIATOR, f->now, &entry), ESCERTKE_OK);
    assert_int_equal(entry.flavour, ESCERTKE_FLAVOUR_CSE);
    assert_int_equal(entry.expires_s, f->now.unix_s + 100);
    assert_int_equal(entry.usage, ESCERTKE_USAGE_ESDATA);
    assert_string_equal(entry.engine, fixture_tls()->name);
    escertke_session_free(i);
    escertke_session_free(t);
    escertke_store_close(&store);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rules_that_cannot_be), cmocka_unit_test(lookup), cmocka_unit_test(entry_of_a_cse) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

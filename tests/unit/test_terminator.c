/* The Terminating End-Point: every row of R-HS-34, limits, and many originators at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_support.h"

/* M1 and M3 with From in its three forms, another one each time: the identity is the same. */
static void good_run_with_changing_from(void **state)
{
    static const char *const forms[] = { "Cpanel", "/in1/Cpanel", PANEL };
    struct world w;
    struct copy m1, m3;

    for (size_t i = 0; i < 9; i++) {
        world_open(&w, *state, NULL);
        escertke_session *s = until_m3(&w, forms[i / 3], &m1, &m3);
        escertke_answer a = send(&w, forms[i % 3], span(&m3));
        finish(&w, s, &a);
        assert_int_equal(w.events[ESCERTKE_EVENT_ESTABLISHED], 1);
        assert_string_equal(w.last_peer, PANEL);
        world_close(&w);
    }
}

static void repeated_m1_and_m3(void **state)
{
    struct world w;
    struct copy m1, m3, m2;
    escertke_terminator_stats stats;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_answer a = send(&w, "Cpanel", span(&m1)), b;
    keep(&m2, escertke_buf_span(&a.message));
    escertke_answer_clear(&a);
    a = send(&w, "/in1/Cpanel", span(&m1));
    assert_true(escertke_span_equal(escertke_buf_span(&a.message), span(&m2)));
    escertke_answer_clear(&a);
    a = send(&w, "Cpanel", span(&m3));
    b = send(&w, "Cpanel", span(&m3));
    assert_true(escertke_span_equal(escertke_buf_span(&a.message), escertke_buf_span(&b.message)));
    escertke_answer_clear(&b);
    finish(&w, s, &a);
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.established, 1); /* one key, however often M3 came */
    assert_int_equal(stats.replayed, 3);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    pass(&w, ESCERTKE_TTL_MS + 1); /* the replay window has passed */
    expect_rsc("M3 after the window", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    world_close(&w);
}

static void altered_m3_is_not_a_repetition(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    m3.octets[m3.len - 1] ^= 1;
    expect_rsc("altered M3 after the run", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    s = until_m3(&w, "Cpanel", &m1, &m3);
    m3.octets[m3.len - 1] ^= 1;
    expect_rsc("altered M3", send(&w, "Cpanel", span(&m3)), 4106, ESCERTKE_ERR_SIGNATURE, 20);
    escertke_session_free(s);
    world_close(&w);
}

static void newer_m1_is_another_context(void **state)
{
    struct world w;
    struct copy m1, m3, newer_m1, newer_m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_session *newer = until_m3(&w, "Cpanel", &newer_m1, &newer_m3);
    escertke_answer a = send(&w, "Cpanel", span(&newer_m3));
    finish(&w, newer, &a);
    escertke_session_free(s);
    world_close(&w);
}

/* An M1 that TLS does not accept destroys nothing. */
static void broken_m1_destroys_nothing(void **state)
{
    struct world w;
    struct copy m1, m3, broken;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    broken = m1;
    broken.octets[5 + 5] = 1; /* client_version 3.1: TLS 1.0 */
    expect_rsc("broken M1", send(&w, "Cpanel", span(&broken)), 4102, ESCERTKE_ERR_NEGOTIATION, 70);
    broken = m1;
    broken.len -= 3;
    expect_rsc("partial M1", send(&w, "Cpanel", span(&broken)), 4000, ESCERTKE_ERR_FORMAT, -1);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

static void m3_without_m1_and_of_another(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    expect_rsc("M3 of another From", send(&w, "Cother", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    assert_int_equal(w.events[ESCERTKE_EVENT_REFUSED], 1);
    escertke_answer a = send(&w, "Cpanel", span(&m3)); /* and the genuine one is none the worse */
    finish(&w, s, &a);
    world_close(&w);
}

/* M1 and M3 of another: the certificate is panel's, From says Cother. */
static void from_that_is_not_the_certificates(void **state)
{
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cother", &m1, &m3);
    expect_rsc("identity is not From", send(&w, "Cother", span(&m3)), 4106, ESCERTKE_ERR_IDENTITY, 49);
    escertke_session_free(s);
    world_close(&w);
}

static void what_is_no_message_for_a_terminator(void **state)
{
    static const uint8_t m4[] = { 20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 1, 0 }, hello_request[] = { 22, 3, 3, 0, 4, 0, 0, 0, 0 };
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    expect_rsc("nothing", send(&w, "Cpanel", (escertke_span){ NULL, 0 }), 4000, ESCERTKE_ERR_FORMAT, -1);
    expect_rsc("M4", send(&w, "Cpanel", (escertke_span){ m4, sizeof m4 }), 4102, ESCERTKE_ERR_TLS, 10);
    expect_rsc("HelloRequest", send(&w, "Cpanel", (escertke_span){ hello_request, sizeof hello_request }), 4102, ESCERTKE_ERR_TLS, 10);
    expect_rsc("From that cannot be", send(&w, "panel", span(&m3)), 4000, ESCERTKE_ERR_ID, -1);
    expect_rsc("From that is not there", send(&w, "", span(&m3)), 4000, ESCERTKE_ERR_ID, -1);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

/* An alert is answered with 2000 and nothing, and destroys nothing: anybody can send one (R-HS-34). */
static void alert(void **state)
{
    static const uint8_t record[] = { 21, 3, 3, 0, 2, 2, 42 };
    struct world w;
    struct copy m1, m3;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_answer a = send(&w, "Cpanel", (escertke_span){ record, sizeof record });
    assert_int_equal(a.rsc, 2000);
    assert_int_equal(a.message.len, 0);
    assert_string_equal(a.dbg, "");
    escertke_answer_clear(&a);
    assert_int_equal(w.events[ESCERTKE_EVENT_ALERT], 1);
    a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

static void deadline(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_terminator_stats stats;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    w.now.mono_ms += ESCERTKE_TTL_MS - 1;
    escertke_terminator_tick(w.t, w.now);
    assert_int_equal(w.events[ESCERTKE_EVENT_EXPIRED], 0);
    w.now.mono_ms += 2;
    escertke_terminator_tick(w.t, w.now);
    assert_int_equal(w.events[ESCERTKE_EVENT_EXPIRED], 1);
    assert_string_equal(w.last_peer, PANEL);
    expect_rsc("M3 after the deadline", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_NO_PENDING, -1);
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    escertke_session_free(s);
    world_close(&w);
}

/* rqet may shorten the wait: M3 is then late even before the tick. */
static void shorter_deadline(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_answer a;
    escertke_span out;

    world_open(&w, *state, NULL);
    escertke_session *s = session_of(w.f, &w.f->panel, ESCERTKE_INITIATOR, METER);
    assert_int_equal(escertke_session_start(s, w.now, &out), ESCERTKE_OK);
    keep(&m1, out);
    escertke_answer_init(&a);
    escertke_terminator_answer(w.t, escertke_span_str("Cpanel"), span(&m1), 5000, w.now, &a);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&a.message), w.now, &out), ESCERTKE_OK);
    keep(&m3, out);
    escertke_answer_clear(&a);
    w.now.mono_ms += 5001;
    expect_rsc("late M3", send(&w, "Cpanel", span(&m3)), 4000, ESCERTKE_ERR_DEADLINE, -1);
    escertke_session_free(s);
    world_close(&w);
}

static void oldest_goes_first(void **state)
{
    struct world w;
    struct copy m1, first_m3, last_m3, m3;
    char from[16];
    escertke_terminator_stats stats;

    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = 4 });
    pass(&w, 1000);
    escertke_session *first = until_m3(&w, "Cpanel", &m1, &first_m3), *last = NULL;
    for (int i = 0; i < 6; i++) {
        escertke_session_free(last);
        pass(&w, ESCERTKE_GRACE_MS / 3);
        snprintf(from, sizeof from, "Cx%d", i);
        last = until_m3(&w, i == 5 ? "/in1/Cpanel" : from, &m1, i == 5 ? &last_m3 : &m3);
        escertke_terminator_get_stats(w.t, &stats);
        assert_true(stats.pending <= 4);
    }
    assert_int_equal(stats.evicted, 3);
    expect_rsc("the first has gone", send(&w, "Cpanel", span(&first_m3)), 4106, ESCERTKE_ERR_SIGNATURE, 51);
    escertke_session_free(first);
    escertke_session_free(last);
    world_close(&w);
}

static void bounded_by_octets(void **state)
{
    struct world w;
    struct copy m1, m3;
    char from[16];
    escertke_terminator_stats stats;
    size_t one;

    world_open(&w, *state, NULL);
    escertke_session_free(until_m3(&w, "Cpanel", &m1, &m3));
    escertke_terminator_get_stats(w.t, &stats);
    one = stats.pending_bytes;
    assert_in_range(one, fixture_tls()->conn_memory, 2 * fixture_tls()->conn_memory);
    world_close(&w);
    world_open(&w, *state, &(escertke_terminator_config){ .max_pending = 1000, .max_pending_bytes = 5 * one + one / 2 });
    for (int i = 0; i < 12; i++) {
        pass(&w, ESCERTKE_GRACE_MS / 5);
        snprintf(from, sizeof from, "Cx%d", i);
        escertke_session_free(until_m3(&w, from, &m1, &m3));
        escertke_terminator_get_stats(w.t, &stats);
        assert_true(stats.pending <= 5 && stats.pending_bytes <= 5 * one + one / 2);
    }
    assert_int_equal(stats.evicted, 7);
    world_close(&w);
    world_open(&w, *state, &(escertke_terminator_config){ .max_pending_bytes = 100 });
    escertke_session *s = session_of(w.f, &w.f->panel, ESCERTKE_INITIATOR, METER);
    escertke_span out;
    assert_int_equal(escertke_session_start(s, w.now, &out), ESCERTKE_OK);
    expect_rsc("no room for one", send(&w, "Cpanel", out), 5000, ESCERTKE_ERR_LIMIT, -1);
    escertke_session_free(s);
    world_close(&w);
}

static void peer_rules(void **state)
{
    static const escertke_peer rules[] = { { .id = "//m2m.example.org/in1/Cother" } };
    struct world w;
    escertke_span out;

    world_open(&w, *state, &(escertke_terminator_config){ .identity = { .peers = rules, .peer_count = 1 } });
    escertke_session *s = session_of(w.f, &w.f->panel, ESCERTKE_INITIATOR, METER);
    assert_int_equal(escertke_session_start(s, w.now, &out), ESCERTKE_OK);
    expect_rsc("no rule for this peer", send(&w, "Cpanel", out), 4103, ESCERTKE_ERR_PRIVILEGE, 49);
    escertke_session_free(s);
    world_close(&w);
}

/* ---- a store that fails: no key, no M4 ------------------------------------------------------------------------------ */

static escertke_err full_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    (void)store, (void)e, (void)o, (void)d;
    return ESCERTKE_ERR_STORE_FULL;
}

static void store_that_fails(void **state)
{
    struct world w;
    struct copy m1, m3;
    escertke_store_ops full;
    const escertke_store_ops *ops;

    world_open(&w, *state, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    ops = w.store.ops;
    full = *ops;
    full.put = full_put;
    w.store.ops = &full;
    expect_rsc("store is full", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_STORE_FULL, -1);
    assert_int_equal(w.events[ESCERTKE_EVENT_ESTABLISHED], 0);
    expect_rsc("and is still full", send(&w, "Cpanel", span(&m3)), 5000, ESCERTKE_ERR_STORE_FULL, -1);
    w.store.ops = ops;
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
}

static void lifetime_ends_with_the_certificates(void **state)
{
    struct fixture *f = *state;
    static const struct pki_name ae = { PKI_URI, PANEL, 0 };
    struct party brief = party_new(f, &(struct pki_params){ .san = &ae, .san_count = 1, .not_before_s = -60, .not_after_s = 3600,
                                                             .base_s = f->now.unix_s });
    struct party usual = f->panel;
    struct world w;
    struct copy m1, m3;
    escertke_key_entry entry;

    world_open(&w, f, NULL);
    f->panel = brief;
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_answer a = send(&w, "Cpanel", span(&m3));
    assert_int_equal(a.rsc, 2000);
    assert_int_equal(w.store.ops->find(w.store.state, METER, PANEL, ESCERTKE_USAGE_ESPRIM, w.now.unix_s, &entry, NULL), ESCERTKE_OK);
    assert_int_equal(entry.expires_s, w.now.unix_s + 3600);
    escertke_key_entry_wipe(&entry);
    f->panel = usual;
    escertke_answer_clear(&a);
    escertke_session_free(s);
    party_free(&brief);
    world_close(&w);
}

/* ---- many at once --------------------------------------------------------------------------------------------------- */

static void *one_client(void *arg)
{
    struct world *w = arg;
    struct copy m1, m3;

    for (int i = 0; i < 6; i++) {
        escertke_session *s = until_m3(w, "Cpanel", &m1, &m3);
        escertke_answer a = send(w, "Cpanel", span(&m3));
        escertke_answer_clear(&a);
        escertke_session_free(s);
    }
    return NULL;
}

static void *other_client(void *arg)
{
    struct world *w = arg;
    struct copy m1, m3;
    char from[32];

    for (int i = 0; i < 10; i++) {
        snprintf(from, sizeof from, "Cy%d", i);
        escertke_session_free(try_m3(w, from, &m1, &m3)); /* five threads, and four of one From at most */
        escertke_terminator_tick(w->t, w->now);
    }
    return NULL;
}

static void many_threads(void **state)
{
    struct world w;
    pthread_t threads[6];
    escertke_terminator_stats stats;

    world_open(&w, *state, NULL);
    escertke_terminator_free(w.t); /* the counters of events are not made for threads: without them */
    escertke_terminator_config cfg = { .identity = identity_of(&w, &w.f->meter, METER), .max_pending = 41 };
    assert_int_equal(escertke_terminator_new(&cfg, &w.t, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 1 ? one_client : other_client, &w), 0);
    for (size_t i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    escertke_terminator_get_stats(w.t, &stats);
    assert_true(stats.pending <= 40);
    assert_int_equal(stats.established, 6);
    assert_int_equal(stats.m1, 56);
    w.now.mono_ms += 2 * ESCERTKE_TTL_MS;
    escertke_terminator_tick(w.t, w.now);
    escertke_terminator_get_stats(w.t, &stats);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    assert_int_equal(stats.replay_entries, 0);
    world_close(&w);
}

/*
 * The very first handshakes of a credential, all at the same moment: what a TLS library would look up at first use and keep in
 * the shared anchors and certificates must be there before (run under ThreadSanitizer).
 */
static void *first_client(void *arg)
{
    struct world *w = arg;
    struct copy m1, m3;
    static atomic_uint next;
    char from[32];

    snprintf(from, sizeof from, "Cf%u", atomic_fetch_add(&next, 1));
    escertke_session *s = until_m3(w, from, &m1, &m3);
    escertke_answer a = send(w, from, span(&m3)); /* the path is validated; the identity is another one */
    assert_int_equal(a.detail.err, ESCERTKE_ERR_IDENTITY);
    escertke_answer_clear(&a);
    escertke_session_free(s);
    return NULL;
}

static void first_handshakes_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        struct fixture *fresh = fixture_new();
        struct world w;
        pthread_t threads[6];
        world_open(&w, fresh, NULL);
        escertke_terminator_free(w.t);
        escertke_terminator_config cfg = { .identity = identity_of(&w, &fresh->meter, METER) };
        assert_int_equal(escertke_terminator_new(&cfg, &w.t, NULL), ESCERTKE_OK);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, first_client, &w), 0);
        for (size_t i = 0; i < 6; i++)
            pthread_join(threads[i], NULL);
        world_close(&w);
        fixture_free(fresh);
    }
}

static void reload_in_the_middle(void **state)
{
    struct fixture *f = *state;
    static const struct pki_name ae = { PKI_URI, METER, 0 };
    struct party renewed = party_new(f, &(struct pki_params){ .san = &ae, .san_count = 1 });
    struct world w;
    struct copy m1, m3;

    world_open(&w, f, NULL);
    escertke_session *s = until_m3(&w, "Cpanel", &m1, &m3);
    escertke_terminator_set_credential(w.t, renewed.credential);
    escertke_answer a = send(&w, "Cpanel", span(&m3)); /* began with the old one, ends with it */
    finish(&w, s, &a);
    s = until_m3(&w, "Cpanel", &m1, &m3);
    a = send(&w, "Cpanel", span(&m3));
    finish(&w, s, &a);
    world_close(&w);
    party_free(&renewed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_run_with_changing_from), cmocka_unit_test(repeated_m1_and_m3), cmocka_unit_test(altered_m3_is_not_a_repetition),
        cmocka_unit_test(newer_m1_is_another_context), cmocka_unit_test(broken_m1_destroys_nothing),
        cmocka_unit_test(m3_without_m1_and_of_another), cmocka_unit_test(from_that_is_not_the_certificates),
        cmocka_unit_test(what_is_no_message_for_a_terminator), cmocka_unit_test(alert), cmocka_unit_test(deadline),
        cmocka_unit_test(shorter_deadline), cmocka_unit_test(oldest_goes_first), cmocka_unit_test(bounded_by_octets),
        cmocka_unit_test(peer_rules), cmocka_unit_test(store_that_fails), cmocka_unit_test(lifetime_ends_with_the_certificates),
        cmocka_unit_test(many_threads), cmocka_unit_test(first_handshakes_at_once), cmocka_unit_test(reload_in_the_middle),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

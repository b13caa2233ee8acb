/* The Initiating End-Point: a key exists only after M4, and only if the store has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "fixture.h"

static escertke_identity identity_of(const struct fixture *f, escertke_store *store)
{
    return (escertke_identity){ .tls = fixture_tls(), .credential = f->panel.credential, .id = PANEL,
                                .ctx = { "//m2m.example.org", "/in1" }, .store = store };
}

static size_t count_keys(escertke_store *store, const char *peer, int64_t unix_s)
{
    escertke_key_entry e;
    escertke_err err = store->ops->find(store->state, PANEL, peer, ESCERTKE_USAGE_ESPRIM, unix_s, &e, NULL);

    escertke_key_entry_wipe(&e);
    return err == ESCERTKE_OK;
}

static void good_run(void **state)
{
    const struct fixture *f = *state;
    escertke_store store;
    escertke_initiator *i;
    escertke_key_entry entry;
    escertke_span in, out;
    escertke_session *t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);

    assert_int_equal(escertke_store_memory(8, &store), ESCERTKE_OK);
    escertke_identity identity = identity_of(f, &store);
    assert_int_equal(escertke_initiator_new(&identity, METER, 0, &i, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_start(i, f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(t, out, f->now, &in), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_step(i, in, f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_entry(i, &entry), ESCERTKE_ERR_STATE);
    assert_int_equal(count_keys(&store, METER, f->now.unix_s), 0);
    assert_int_equal(escertke_session_step(t, out, f->now, &in), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_step(i, in, f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_entry(i, &entry), ESCERTKE_OK);
    assert_int_equal(count_keys(&store, METER, f->now.unix_s), 1);
    assert_int_equal(entry.role, ESCERTKE_INITIATOR);
    assert_string_equal(entry.peer, METER);
    assert_int_equal(entry.expires_s, f->now.unix_s + ESCERTKE_KEY_LIFETIME_S);
    escertke_key_entry_wipe(&entry);
    escertke_session_free(t);
    escertke_initiator_free(i);
    escertke_store_close(&store);
}

static escertke_err full_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    (void)store, (void)e, (void)o, (void)d;
    return ESCERTKE_ERR_STORE_FULL;
}

static void full_store(void **state)
{
    const struct fixture *f = *state;
    escertke_store store;
    escertke_initiator *i;
    escertke_key_entry entry;
    escertke_span in, out;
    escertke_session *t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);

    assert_int_equal(escertke_store_memory(8, &store), ESCERTKE_OK);
    const escertke_store_ops *ops = store.ops;
    escertke_store_ops full = *ops;
    full.put = full_put;
    store.ops = &full;
    escertke_identity identity = identity_of(f, &store);
    assert_int_equal(escertke_initiator_new(&identity, METER, 0, &i, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_start(i, f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(t, out, f->now, &in), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_step(i, in, f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_session_step(t, out, f->now, &in), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_step(i, in, f->now, &out), ESCERTKE_ERR_STORE_FULL);
    assert_int_equal(escertke_initiator_detail(i)->err, ESCERTKE_ERR_STORE_FULL);
    assert_int_equal(escertke_initiator_entry(i, &entry), ESCERTKE_ERR_STATE);
    store.ops = ops;
    escertke_session_free(t);
    escertke_initiator_free(i);
    escertke_store_close(&store);
}

static void refused_at_start(void **state)
{
    const struct fixture *f = *state;
    static const escertke_peer other[] = { { .id = IN1 } };
    escertke_store store;
    escertke_initiator *i, *second;
    escertke_detail d;

    assert_int_equal(escertke_store_memory(8, &store), ESCERTKE_OK);
    escertke_identity good = identity_of(f, &store), bad;
    assert_int_equal(escertke_initiator_new(&good, "Cmeter", 0, &i, NULL), ESCERTKE_ERR_ID);
    assert_int_equal(escertke_initiator_new(&good, "", 0, &i, NULL), ESCERTKE_ERR_ID);
    bad = good, bad.id = "panel";
    assert_int_equal(escertke_initiator_new(&bad, METER, 0, &i, NULL), ESCERTKE_ERR_ID);
    bad = good, bad.credential = NULL;
    assert_int_equal(escertke_initiator_new(&bad, METER, 0, &i, NULL), ESCERTKE_ERR_ARG);
    bad = good, bad.peers = other, bad.peer_count = 1;
    assert_int_equal(escertke_initiator_new(&bad, METER, 0, &i, NULL), ESCERTKE_ERR_CONFIG);
    /* one run per pair of end-points at a time (R-HS-36) */
    assert_int_equal(escertke_initiator_new(&good, METER, 0, &i, NULL), ESCERTKE_OK);
    escertke_detail_init(&d);
    assert_int_equal(escertke_initiator_new(&good, METER, 0, &second, &d), ESCERTKE_ERR_STATE);
    assert_string_equal(d.clause, "R-HS-36");
    assert_int_equal(escertke_initiator_new(&good, IN1, 0, &second, NULL), ESCERTKE_OK);
    escertke_initiator_free(second);
    escertke_initiator_free(i);
    assert_int_equal(escertke_initiator_new(&good, METER, 0, &i, NULL), ESCERTKE_OK);
    escertke_initiator_free(i);
    escertke_initiator_free(NULL);
    escertke_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(good_run), cmocka_unit_test(full_store), cmocka_unit_test(refused_at_start) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

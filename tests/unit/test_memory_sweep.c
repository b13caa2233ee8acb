/*
 * The whole run with memory under watch: the nth allocation fails, for every n, alone and in a crowd; and no block that is given
 * back holds a key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "pki_crl.h"

static struct {
    long countdown;  /* allocations until one fails; < 0 = never */
    long count;
    bool quarantine; /* keep what is released, to look into it */
    void *kept[20000];
    size_t kept_size[20000], kept_count;
} heap;

static void *sweep_alloc(size_t size)
{
    heap.count++;
    if (heap.countdown >= 0 && heap.countdown-- == 0)
        return NULL; /* this one; those after it succeed again */
    return malloc(size);
}

static void sweep_release(void *p)
{
    if (!heap.quarantine || heap.kept_count == sizeof heap.kept / sizeof *heap.kept) {
        free(p);
        return;
    }
    heap.kept[heap.kept_count] = p;
    heap.kept_size[heap.kept_count++] = malloc_usable_size(p);
}

static void *sweep_resize(void *p, size_t size)
{
    void *q = sweep_alloc(size);

    if (q && p) {
        size_t old = malloc_usable_size(p);
        memcpy(q, p, old < size ? old : size);
        sweep_release(p);
    }
    return q;
}

static void watch(bool on)
{
    static const escertke_memory memory = { sweep_alloc, sweep_resize, sweep_release };

    heap.countdown = -1;
    heap.count = 0;
    escertke_memory_set(on ? &memory : NULL);
}

struct world {
    const struct fixture *f;
    escertke_store meter_store, panel_store;
    escertke_terminator *t;
};

static escertke_err send(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct world *w = ctx;

    (void)d;
    escertke_notify_serve(w->t, req, w->f->now, rsp);
    return ESCERTKE_OK;
}

static escertke_now clock_of(void *ctx)
{
    return ((struct world *)ctx)->f->now;
}

/* One run from nothing to nothing; key and ID where it succeeded. */
static escertke_err whole_run(const struct fixture *f, escertke_key *key)
{
    struct world w = { .f = f };
    escertke_attempt *i = NULL;
    escertke_key_entry entry, other;
    escertke_detail d;
    escertke_err err;

    escertke_detail_init(&d);
    if ((err = escertke_store_memory(4, &w.meter_store)) == ESCERTKE_OK && (err = escertke_store_memory(4, &w.panel_store)) == ESCERTKE_OK) {
        escertke_identity panel = { .tls = fixture_tls(), .credential = f->panel.credential, .id = PANEL,
                                    .ctx = { "//m2m.example.org", "/in1" }, .store = &w.panel_store };
        escertke_terminator_config cfg = { .identity = panel };
        cfg.identity.credential = f->meter.credential;
        cfg.identity.id = METER;
        cfg.identity.store = &w.meter_store;
        escertke_notify_params p = { .to = "/in1/Cmeter", .from = "Cpanel", .send = send, .send_ctx = &w, .clock = clock_of, .clock_ctx = &w };
        if ((err = escertke_terminator_new(&cfg, &w.t, NULL)) == ESCERTKE_OK &&
            (err = escertke_attempt_new(&panel, METER, NULL, f->now, &i, &d)) == ESCERTKE_OK)
            err = escertke_notify_establish(i, &p, &d);
    }
    if (err == ESCERTKE_OK) { /* what the initiator believes, the terminator holds */
        assert_int_equal(escertke_attempt_entry(i, &entry), ESCERTKE_OK);
        assert_int_equal(w.meter_store.ops->get(w.meter_store.state, entry.key.id, f->now.unix_s, &other, NULL), ESCERTKE_OK);
        assert_memory_equal(&entry.key, &other.key, sizeof entry.key);
        *key = entry.key;
        escertke_key_entry_wipe(&entry);
        escertke_key_entry_wipe(&other);
    }
    escertke_attempt_free(i);
    escertke_terminator_free(w.t);
    escertke_store_close(&w.meter_store);
    escertke_store_close(&w.panel_store);
    return err;
}

static void nth_allocation_fails(void **state)
{
    escertke_key key;
    long total, failed = 0;

    watch(true);
    assert_int_equal(whole_run(*state, &key), ESCERTKE_OK);
    total = heap.count;
    assert_in_range(total, 20, 2000);
    for (long n = 0; n < total; n++) {
        watch(true);
        heap.countdown = n;
        escertke_err err = whole_run(*state, &key);
        escertke_class who = escertke_err_class(err);
        /* On this side it is NOMEM; where the other side ran out, it says 5000, or has no memory left even for the rqi. */
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOMEM && err != ESCERTKE_ERR_RSC && err != ESCERTKE_ERR_RQI)
            fail_msg("allocation %ld of %ld: %s (class %d)", n, total, escertke_err_name(err), (int)who);
        failed += err != ESCERTKE_OK;
    }
    watch(false);
    printf("%ld allocations, %ld of them fatal to the run\n", total, failed);
    assert_true(failed > total / 2);
}

/* ---- in a crowd ------------------------------------------------------------------------------------------------------ */

/* CRLs of both CAs, with nobody on them. */
struct lists {
    uint8_t *der[2];
    escertke_span files[2];
    char *issuers;
};

static void lists_make(const struct fixture *f, struct lists *l)
{
    const struct pki_cert *cas[] = { &f->pki.root, &f->pki.ca };

    for (size_t i = 0; i < 2; i++) {
        l->der[i] = pki_crl(&(struct pki_crl_params){ .issuer = cas[i], .base_s = f->now.unix_s }, &l->files[i].len);
        l->files[i].ptr = l->der[i];
    }
    l->issuers = pki_chain_pem(cas, 2);
}

static void lists_free(struct lists *l)
{
    free(l->der[0]);
    free(l->der[1]);
    free(l->issuers);
}

/* Two ends that know of revocations and keep paths, one of them with two more handshakes of the other's name. */
struct crowd {
    struct world w;
    escertke_crls *crls;
    void *meter, *panel;
};

static escertke_err credential_of(const struct fixture *f, const struct party *who, void **out)
{
    escertke_credential_source src = { .chain = escertke_span_str(who->chain), .key = escertke_span_str(who->key),
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s, .path_cache = 65536 };

    return fixture_tls()->credential_new(&src, out, NULL);
}

static escertke_identity identity_in(struct crowd *c, bool panel)
{
    return (escertke_identity){ .tls = fixture_tls(), .credential = panel ? c->panel : c->meter, .id = panel ? PANEL : METER,
                                .crls = c->crls, .ctx = { "//m2m.example.org", "/in1" },
                                .store = panel ? &c->w.panel_store : &c->w.meter_store };
}

static escertke_err gather(const struct fixture *f, const struct lists *l, struct crowd *c)
{
    const escertke_crls_source src = { .files = l->files, .count = 2, .issuers = escertke_span_str(l->issuers), .require = true,
                                       .unix_s = f->now.unix_s, .verify = fixture_tls()->ecdsa_verify, .sha256 = fixture_tls()->sha256 };
    escertke_err err;

    *c = (struct crowd){ .w = { .f = f } };
    if ((err = escertke_crls_new(&src, &c->crls, NULL)) != ESCERTKE_OK || (err = credential_of(f, &f->meter, &c->meter)) != ESCERTKE_OK ||
        (err = credential_of(f, &f->panel, &c->panel)) != ESCERTKE_OK ||
        (err = escertke_store_memory(8, &c->w.meter_store)) != ESCERTKE_OK ||
        (err = escertke_store_memory(8, &c->w.panel_store)) != ESCERTKE_OK)
        return err;
    escertke_terminator_config cfg = { .identity = identity_in(c, false), .rate_from = { .burst = ESCERTKE_NO_LIMIT }, .max_pending_per_from = 16 };
    return escertke_terminator_new(&cfg, &c->w.t, NULL);
}

static void scatter(struct crowd *c)
{
    escertke_terminator_free(c->w.t);
    escertke_store_close(&c->w.meter_store);
    escertke_store_close(&c->w.panel_store);
    fixture_tls()->credential_free(c->meter);
    fixture_tls()->credential_free(c->panel);
    escertke_crls_free(c->crls);
}

/* Somebody else's M1 in the panel's name; what becomes of it is not his business. */
static void stranger(struct crowd *c)
{
    escertke_session_config cfg = { .tls = fixture_tls(), .credential = c->panel, .role = ESCERTKE_INITIATOR, .expect = { .id = METER } };
    escertke_session *s;
    escertke_answer a;
    escertke_span m1;

    if (escertke_session_new(&cfg, &s) != ESCERTKE_OK)
        return;
    escertke_answer_init(&a);
    if (escertke_session_start(s, c->w.f->now, &m1) == ESCERTKE_OK)
        escertke_terminator_answer(c->w.t, escertke_span_str("Cpanel"), m1, 0, c->w.f->now, &a);
    escertke_answer_clear(&a);
    escertke_session_free(s);
}

static escertke_err run_in(struct crowd *c)
{
    escertke_notify_params p = { .to = "/in1/Cmeter", .from = "Cpanel", .send = send, .send_ctx = &c->w, .clock = clock_of, .clock_ctx = &c->w };
    escertke_identity panel = identity_in(c, true);
    escertke_key_entry entry, other;
    escertke_attempt *i = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_attempt_new(&panel, METER, NULL, c->w.f->now, &i, &d);
    if (err == ESCERTKE_OK)
        err = escertke_notify_establish(i, &p, &d);
    if (err == ESCERTKE_OK) {
        assert_int_equal(escertke_attempt_entry(i, &entry), ESCERTKE_OK);
        assert_int_equal(c->w.meter_store.ops->get(c->w.meter_store.state, entry.key.id, c->w.f->now.unix_s, &other, NULL), ESCERTKE_OK);
        assert_memory_equal(&entry.key, &other.key, sizeof entry.key);
        assert_true(entry.issued_count > 0);
        escertke_key_entry_wipe(&entry);
        escertke_key_entry_wipe(&other);
    }
    escertke_attempt_free(i);
    return err;
}

/* Runs among strangers: three, and if an allocation has failed one after it, which succeeds. @return what the failure came to */
static escertke_err crowded_runs(const struct fixture *f, const struct lists *l)
{
    escertke_terminator_stats stats;
    struct crowd c;
    escertke_err first = gather(f, l, &c);

    if (first != ESCERTKE_OK) {
        assert_int_equal(first, ESCERTKE_ERR_NOMEM);
        scatter(&c);
        return first;
    }
    bool over = false;
    for (int n = 0; !over && (n < 3 || heap.countdown < 0); n++) {
        over = heap.countdown < 0;
        stranger(&c);
        stranger(&c);
        escertke_err err = run_in(&c);
        if (over && err != ESCERTKE_OK)
            fail_msg("run %d, with memory for all: %s", n + 1, escertke_err_name(err));
        if (first == ESCERTKE_OK)
            first = err;
    }
    escertke_terminator_get_stats(c.w.t, &stats);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    scatter(&c);
    return first;
}

static void nth_allocation_in_a_crowd(void **state)
{
    struct lists l;
    long total, failed = 0;

    lists_make(*state, &l);
    watch(true);
    heap.countdown = 1000000; /* none of the three runs */
    assert_int_equal(crowded_runs(*state, &l), ESCERTKE_OK);
    total = heap.count;
    for (long n = 0; n < total; n++) {
        watch(true);
        heap.countdown = n;
        escertke_err err = crowded_runs(*state, &l);
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOMEM && err != ESCERTKE_ERR_RSC && err != ESCERTKE_ERR_RQI)
            fail_msg("allocation %ld of %ld: %s", n, total, escertke_err_name(err));
        failed += err != ESCERTKE_OK;
    }
    watch(false);
    lists_free(&l);
    printf("in a crowd: %ld allocations, %ld of them fatal to a run\n", total, failed);
    assert_true(failed > 0);
}

/* ---- what is given back ------------------------------------------------------------------------------------------------ */

static bool holds(const void *block, size_t size, const void *secret, size_t len)
{
    return memmem(block, size, secret, len) != NULL;
}

static void released_blocks_hold_no_key(void **state)
{
    escertke_key key;
    size_t found = 0, ids = 0;

    watch(true);
    heap.quarantine = true;
    escertke_err err = whole_run(*state, &key);
    heap.quarantine = false;
    watch(false);
    assert_int_equal(err, ESCERTKE_OK);
    for (size_t i = 0; i < heap.kept_count; i++) {
        found += holds(heap.kept[i], heap.kept_size[i], key.key, sizeof key.key) || holds(heap.kept[i], heap.kept_size[i], key.key, 16);
        ids += holds(heap.kept[i], heap.kept_size[i], "Cpanel", 6); /* the look itself works: names may stay behind */
        free(heap.kept[i]);
    }
    heap.kept_count = 0;
    assert_true(ids > 0);
    assert_int_equal(found, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nth_allocation_fails), cmocka_unit_test(nth_allocation_in_a_crowd),
                                        cmocka_unit_test(released_blocks_hold_no_key) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

/*
 * Revocation in the run itself, over memory: a session with CRLs refuses a revoked peer in either role with the right alert on the
 * wire, and a terminating end-point judges by the CRLs that it has when M3 comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "pki_crl.h"

#define HOUR 3600L

enum what { NOTHING, PEER, PEER_HELD, CA, SOMEBODY };

/* A set of one or two CRLs. */
struct known {
    bool none;                         /* no CRL at all */
    enum what revoked;                 /* on the CRL of its issuer; the other CA's has nothing */
    bool by_stranger;                  /* the issuing CA's CRL is signed by another key, and nobody known at load tells so */
    long next_update_s;                /* 0 = in a week */
    bool require;
};

static escertke_crls *set_of(const struct fixture *f, const struct party *peer, const struct known *k)
{
    const struct pki_revoked entry = { .cert = k->revoked == CA ? &f->pki.ca : k->revoked == SOMEBODY ? &f->pki.root : &peer->cert,
                                       .reason = k->revoked == PEER_HELD ? PKI_REASON(6) : PKI_REASON(1) };
    const long until = k->next_update_s ? k->next_update_s : 7 * 24 * HOUR;
    const struct pki_crl_params p[] = {
        { .issuer = &f->pki.ca, .signer = k->by_stranger ? &f->panel.cert : NULL, .no_key_id = true, .base_s = f->now.unix_s,
          .this_update_s = -HOUR, .next_update_s = until, .revoked = &entry, .revoked_count = k->revoked != NOTHING && k->revoked != CA },
        { .issuer = &f->pki.root, .base_s = f->now.unix_s, .this_update_s = -HOUR, .next_update_s = until, .revoked = &entry,
          .revoked_count = k->revoked == CA },
    };
    char *issuers = pki_chain_pem((const struct pki_cert *const[]){ &f->pki.root, &f->pki.ca }, 2);
    escertke_crls *set = NULL;
    escertke_span files[2];
    escertke_detail d;

    for (size_t i = 0; i < 2; i++)
        files[i].ptr = pki_crl(&p[i], &files[i].len);
    escertke_detail_init(&d);
    const escertke_crls_source src = { .files = files, .count = k->none ? 0 : 2, .issuers = escertke_span_str(k->by_stranger ? "" : issuers),
                                       .require = k->require, .unix_s = f->now.unix_s, .verify = fixture_tls()->ecdsa_verify,
                                       .sha256 = fixture_tls()->sha256 };
    if (escertke_crls_new(&src, &set, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    for (size_t i = 0; i < 2; i++)
        free((void *)(uintptr_t)files[i].ptr);
    free(issuers);
    return set;
}

/* ---- two sessions -------------------------------------------------------------------------------------------- */

/* Run until one side refuses or both are done; what the judging side said last is in *out. */
static escertke_err run(escertke_session *initiator, escertke_session *terminator, escertke_now now, escertke_span *out)
{
    escertke_err err = escertke_session_start(initiator, now, out);

    for (escertke_session *next = terminator; err == ESCERTKE_OK && out->len; next = next == terminator ? initiator : terminator)
        err = escertke_session_step(next, *out, now, out);
    return err;
}

static const struct {
    const char *name;
    struct known known;
    long later_s; /* the run is so long after the CRLs were loaded */
    escertke_err err;
    const char *where, *reason;
} cases[] = {
    { "nothing revoked", { .revoked = NOTHING }, 0, ESCERTKE_OK, NULL, NULL },
    { "nothing revoked, required", { .revoked = NOTHING, .require = true }, 0, ESCERTKE_OK, NULL, NULL },
    { "somebody else revoked", { .revoked = SOMEBODY, .require = true }, 0, ESCERTKE_OK, NULL, NULL },
    { "no CRL", { .none = true }, 0, ESCERTKE_OK, NULL, NULL },
    { "no CRL, required", { .none = true, .require = true }, 0, ESCERTKE_ERR_STATUS, "intermediate 1", "there is no CRL of CN=Test Root" },
    { "peer revoked", { .revoked = PEER }, 0, ESCERTKE_ERR_REVOKED, "leaf", "keyCompromise (CRL of CN=Test Issuing CA)" },
    { "peer on hold", { .revoked = PEER_HELD }, 0, ESCERTKE_ERR_REVOKED, "leaf", "certificateHold" },
    { "issuing CA revoked", { .revoked = CA }, 0, ESCERTKE_ERR_REVOKED, "intermediate 1", "(CRL of CN=Test Root)" },
    { "CRL expired", { .revoked = NOTHING, .next_update_s = 60 }, 61, ESCERTKE_ERR_STATUS, "intermediate 1", "CRL of CN=Test Root expired at" },
    { "CRL by a stranger", { .revoked = NOTHING, .by_stranger = true }, 0, ESCERTKE_ERR_STATUS, "leaf", "not signed by the key" },
};

static void sessions(void **state)
{
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int judge = ESCERTKE_INITIATOR; judge <= ESCERTKE_TERMINATOR; judge++) {
            const bool client = judge == ESCERTKE_INITIATOR;
            escertke_session *s[] = { session_of(f, &f->panel, ESCERTKE_INITIATOR, METER), session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL) };
            escertke_session *who = s[client ? 0 : 1];
            escertke_crls *set = set_of(f, client ? &f->meter : &f->panel, &cases[i].known);
            const escertke_now now = { f->now.mono_ms, f->now.unix_s + cases[i].later_s };
            const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, cases[i].err == ESCERTKE_ERR_REVOKED ? 44 : 46 };
            escertke_span out;

            escertke_session_set_crls(who, set);
            escertke_err err = run(s[0], s[1], now, &out);
            const escertke_detail *d = escertke_session_detail(who);
            if (err != cases[i].err || d->err != err || escertke_session_done(who) != (err == ESCERTKE_OK))
                fail_msg("%s, %s: %s, \"%s\"", cases[i].name, escertke_role_name((escertke_role)judge), escertke_err_name(err), d->reason);
            if (err != ESCERTKE_OK && (!escertke_span_equal(out, (escertke_span){ alert, sizeof alert }) || d->alert != alert[6] || d->message != (client ? 2 : 3)))
                fail_msg("%s, %s: %zu octets, alert %d at M%d", cases[i].name, escertke_role_name((escertke_role)judge), out.len, d->alert, d->message);
            if (err != ESCERTKE_OK && (!strstr(d->reason, cases[i].reason) || strncmp(d->certificate, cases[i].where, strlen(cases[i].where)) != 0))
                fail_msg("%s, %s: \"%s\" of \"%s\"", cases[i].name, escertke_role_name((escertke_role)judge), d->reason, d->certificate);
            escertke_session_free(s[0]);
            escertke_session_free(s[1]);
            escertke_crls_free(set);
        }
}

static escertke_session *cached_session(const void *credential, escertke_role role, const char *peer_id, const escertke_crls *crls)
{
    const escertke_session_config cfg = { .tls = fixture_tls(), .credential = credential, .role = role, .expect = { .id = peer_id }, .crls = crls };
    escertke_session *s;

    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_OK);
    return s;
}

/* A cache of verified paths spares signatures, never this question: each pair is {CRLs of both sides, what comes of the run}. */
static void although_the_path_is_cached(void **state)
{
    const struct fixture *f = *state;
    const struct party *who[] = { &f->panel, &f->meter };
    void *credential[2];
    escertke_crls *good = set_of(f, &f->panel, &(struct known){ .revoked = NOTHING }), *bad[] = { set_of(f, &f->panel, &(struct known){ .revoked = PEER }),
                                                                                                 set_of(f, &f->meter, &(struct known){ .revoked = PEER }) };
    escertke_span out;

    for (size_t i = 0; i < 2; i++) {
        const escertke_credential_source src = { .chain = escertke_span_str(who[i]->chain), .key = escertke_span_str(who[i]->key),
                                                 .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s, .path_cache = 1 << 20 };
        assert_int_equal(fixture_tls()->credential_new(&src, &credential[i], NULL), ESCERTKE_OK);
    }
    const struct {
        const escertke_crls *crls[2]; /* of initiator and terminator */
        escertke_err err;
    } runs[] = {
        { { good, good }, ESCERTKE_OK },     { { good, good }, ESCERTKE_OK },           { { good, bad[0] }, ESCERTKE_ERR_REVOKED },
        { { good, good }, ESCERTKE_OK },     { { bad[1], good }, ESCERTKE_ERR_REVOKED }, { { bad[1], bad[0] }, ESCERTKE_ERR_REVOKED },
        { { bad[0], bad[1] }, ESCERTKE_OK }, /* each other's lists name nobody of this run's peers */
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        escertke_session *a = cached_session(credential[0], ESCERTKE_INITIATOR, METER, runs[i].crls[0]);
        escertke_session *b = cached_session(credential[1], ESCERTKE_TERMINATOR, PANEL, runs[i].crls[1]);
        if (run(a, b, f->now, &out) != runs[i].err)
            fail_msg("run %zu", i);
        escertke_session_free(a);
        escertke_session_free(b);
    }
    fixture_tls()->credential_free(credential[0]);
    fixture_tls()->credential_free(credential[1]);
    escertke_crls_free(good);
    escertke_crls_free(bad[0]);
    escertke_crls_free(bad[1]);
}

/* Whoever was good in the run can be revoked later: what the session remembers is enough to tell. */
static void remembered(void **state)
{
    const struct fixture *f = *state;
    escertke_session *s[] = { session_of(f, &f->panel, ESCERTKE_INITIATOR, METER), session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL) };
    escertke_crls *good = set_of(f, &f->meter, &(struct known){ .revoked = NOTHING }), *bad = set_of(f, &f->meter, &(struct known){ .revoked = PEER });
    escertke_issued of_meter[ESCERTKE_CHAIN_MAX], of_panel[ESCERTKE_CHAIN_MAX];
    size_t meter_count, panel_count;
    escertke_span out;
    int64_t until;

    assert_int_equal(run(s[0], s[1], f->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_session_issued(s[0], of_meter, &meter_count, &until), ESCERTKE_OK);
    assert_int_equal(escertke_session_issued(s[1], of_panel, &panel_count, &until), ESCERTKE_OK);
    assert_int_equal(meter_count, 2);
    assert_int_equal(panel_count, 2);
    assert_int_equal(escertke_crls_check_issued(good, of_meter, meter_count, f->now.unix_s, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_issued(bad, of_meter, meter_count, f->now.unix_s, NULL), ESCERTKE_ERR_REVOKED);
    assert_int_equal(escertke_crls_check_issued(bad, of_panel, panel_count, f->now.unix_s, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_issued(bad, of_panel, panel_count, f->now.unix_s + 8 * 24 * HOUR, NULL), ESCERTKE_ERR_STATUS);
    escertke_session_free(s[0]);
    escertke_session_free(s[1]);
    escertke_crls_free(good);
    escertke_crls_free(bad);
}

/* ---- a terminating end-point --------------------------------------------------------------------------------- */

struct world {
    const struct fixture *f;
    escertke_store store;
    escertke_terminator *t;
    escertke_detail refused; /* of the last event that says so */
};

static void keep_refusal(void *ctx, const escertke_event *event)
{
    struct world *w = ctx;

    if (event->kind == ESCERTKE_EVENT_REFUSED)
        w->refused = *event->detail;
}

static void world_open(struct world *w, const struct fixture *f, escertke_crls *crls)
{
    escertke_terminator_config cfg = { .on_event = keep_refusal, .event_ctx = w };

    *w = (struct world){ .f = f };
    assert_int_equal(escertke_store_memory(8, &w->store), ESCERTKE_OK);
    cfg.identity = (escertke_identity){ .tls = fixture_tls(), .credential = f->meter.credential, .id = METER, .crls = crls,
                                        .ctx = { "//m2m.example.org", "/in1" }, .store = &w->store };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static void world_close(struct world *w)
{
    escertke_terminator_free(w->t);
    escertke_store_close(&w->store);
}

static escertke_answer send(struct world *w, escertke_span message)
{
    escertke_answer a;

    escertke_answer_init(&a);
    escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), message, 0, w->f->now, &a);
    return a;
}

/* M1 to M3 of the panel, which gets @p crls in between; RSC of the answer to M3, and its octets. */
static int run_to(struct world *w, escertke_crls *crls, uint8_t answer[7])
{
    escertke_session *s = session_of(w->f, &w->f->panel, ESCERTKE_INITIATOR, METER);
    escertke_span out;

    assert_int_equal(escertke_session_start(s, w->f->now, &out), ESCERTKE_OK);
    escertke_answer m2 = send(w, out);
    assert_int_equal(m2.rsc, 2000);
    if (crls)
        escertke_terminator_set_crls(w->t, crls);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&m2.message), w->f->now, &out), ESCERTKE_OK);
    escertke_answer m4 = send(w, out);
    memset(answer, 0, 7);
    if (m4.message.len == 7)
        memcpy(answer, m4.message.ptr, 7);
    if (m4.rsc == 2000)
        assert_int_equal(escertke_session_step(s, escertke_buf_span(&m4.message), w->f->now, &out), ESCERTKE_OK);
    int rsc = m4.rsc;
    escertke_answer_clear(&m2);
    escertke_answer_clear(&m4);
    escertke_session_free(s);
    return rsc;
}

static escertke_err no_put(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d)
{
    (void)store, (void)e, (void)o, (void)d;
    return ESCERTKE_ERR_IO;
}

/* A key that the store did not take is tried again when M3 comes again, but not if the peer has been revoked since. */
static void revoked_before_the_key_is_stored(void **state)
{
    const struct fixture *f = *state;
    escertke_crls *good = set_of(f, &f->panel, &(struct known){ .revoked = SOMEBODY }), *bad = set_of(f, &f->panel, &(struct known){ .revoked = PEER });
    escertke_session *s = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
    escertke_store_ops full;
    struct world w;
    escertke_span out;

    world_open(&w, f, good);
    const escertke_store_ops *ops = w.store.ops;
    full = *ops;
    full.put = no_put;
    w.store.ops = &full;
    assert_int_equal(escertke_session_start(s, f->now, &out), ESCERTKE_OK);
    escertke_answer m2 = send(&w, out);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&m2.message), f->now, &out), ESCERTKE_OK);
    escertke_answer first = send(&w, out);
    escertke_terminator_set_crls(w.t, bad);
    w.store.ops = ops;
    escertke_answer second = send(&w, out), third = send(&w, out);
    assert_int_equal(first.rsc, 5000);
    assert_int_equal(second.rsc, 4106);
    assert_int_equal(second.detail.err, ESCERTKE_ERR_REVOKED);
    assert_int_equal(third.rsc, 4000);
    escertke_answer_clear(&m2);
    escertke_answer_clear(&first);
    escertke_answer_clear(&second);
    escertke_answer_clear(&third);
    escertke_session_free(s);
    escertke_crls_free(good);
    escertke_crls_free(bad);
    world_close(&w);
}

static void crls_replaced_between_m1_and_m3(void **state)
{
    static const uint8_t revoked[] = { 21, 3, 3, 0, 2, 2, 44 }, unknown[] = { 21, 3, 3, 0, 2, 2, 46 };
    const struct fixture *f = *state;
    escertke_crls *good = set_of(f, &f->panel, &(struct known){ .revoked = SOMEBODY }), *bad = set_of(f, &f->panel, &(struct known){ .revoked = PEER }),
                  *none = set_of(f, &f->panel, &(struct known){ .none = true, .require = true });
    uint8_t answer[7];
    struct world w;

    world_open(&w, f, good);
    escertke_crls_free(good); /* the end-point holds it; what follows would be a use after free if it did not */
    assert_int_equal(run_to(&w, NULL, answer), 2000);
    assert_int_equal(run_to(&w, bad, answer), 4106);
    assert_memory_equal(answer, revoked, 7);
    assert_int_equal(w.refused.err, ESCERTKE_ERR_REVOKED);
    assert_int_equal(w.refused.rsc, 4106);
    assert_int_equal(w.refused.alert, 44);
    assert_non_null(strstr(w.refused.certificate, "leaf, "));
    assert_non_null(strstr(w.refused.found, "keyCompromise"));
    assert_int_equal(run_to(&w, NULL, answer), 4106);
    assert_int_equal(run_to(&w, none, answer), 4106);
    assert_memory_equal(answer, unknown, 7);
    assert_int_equal(w.refused.err, ESCERTKE_ERR_STATUS);
    escertke_terminator_set_crls(w.t, bad);
    good = set_of(f, &f->panel, &(struct known){ .revoked = SOMEBODY, .require = true });
    assert_int_equal(run_to(&w, good, answer), 2000);
    escertke_terminator_set_crls(w.t, bad);
    assert_int_equal(run_to(&w, NULL, answer), 4106);
    escertke_terminator_set_crls(w.t, NULL);
    assert_int_equal(run_to(&w, NULL, answer), 2000);
    escertke_crls_free(good);
    escertke_crls_free(bad);
    escertke_crls_free(none);
    world_close(&w);
}

/* The initiating end-point has CRLs of its own, and stores no key of a revoked terminator. */
static void an_initiating_end_point(void **state)
{
    const struct fixture *f = *state;
    escertke_crls *bad = set_of(f, &f->meter, &(struct known){ .revoked = PEER });
    escertke_store store;
    escertke_initiator *i;
    escertke_span out;
    struct world w;

    world_open(&w, f, NULL);
    assert_int_equal(escertke_store_memory(8, &store), ESCERTKE_OK);
    const escertke_identity panel = { .tls = fixture_tls(), .credential = f->panel.credential, .id = PANEL, .crls = bad,
                                      .ctx = { "//m2m.example.org", "/in1" }, .store = &store };
    assert_int_equal(escertke_initiator_new(&panel, METER, 0, &i, NULL), ESCERTKE_OK);
    escertke_crls_free(bad);
    assert_int_equal(escertke_initiator_start(i, f->now, &out), ESCERTKE_OK);
    escertke_answer m2 = send(&w, out);
    assert_int_equal(m2.rsc, 2000);
    assert_int_equal(escertke_initiator_step(i, escertke_buf_span(&m2.message), f->now, &out), ESCERTKE_ERR_REVOKED);
    assert_int_equal(out.len, 7);
    assert_int_equal(out.ptr[6], 44);
    assert_int_equal(escertke_initiator_detail(i)->alert, 44);
    escertke_answer_clear(&m2);
    escertke_initiator_free(i);
    escertke_store_close(&store);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sessions), cmocka_unit_test(although_the_path_is_cached), cmocka_unit_test(remembered),
                                        cmocka_unit_test(crls_replaced_between_m1_and_m3), cmocka_unit_test(revoked_before_the_key_is_stored), cmocka_unit_test(an_initiating_end_point) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

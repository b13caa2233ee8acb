/* Raw public keys (RFC 7250): both sides, one side, the wrong key, the wrong kind, and how small the messages are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* The meter is the terminator, the panel the initiator; each engine that has raw keys against each. */
static const escertke_tls_ops *t_tls, *i_tls;

static const escertke_tls_ops *tls_of(const struct fixture *f, const struct party *who)
{
    return who == &f->panel ? i_tls : t_tls;
}

/* The raw key of a party: what its certificate would be about. */
struct raw {
    void *credential;
    char pin[72], pin_128[72];
};

static struct raw raw_of(const struct fixture *f, const struct party *who, bool with_trust)
{
    escertke_credential_source src = { .raw = true, .key = escertke_span_str(who->key), .unix_s = f->now.unix_s,
                                       .trust = escertke_span_str(with_trust ? f->trust : NULL) };
    const escertke_tls_ops *tls = tls_of(f, who);
    struct raw r;
    uint8_t digest[32];

    assert_int_equal(tls->credential_new(&src, &r.credential, NULL), ESCERTKE_OK);
    assert_int_equal(tls->sha256(tls->credential_cert(r.credential), digest), ESCERTKE_OK);
    assert_int_equal(escertke_key_identifier(digest, 256, r.pin), ESCERTKE_OK);
    assert_int_equal(escertke_key_identifier(digest, 128, r.pin_128), ESCERTKE_OK);
    return r;
}

static void *x509_of(const struct fixture *f, const struct party *who)
{
    escertke_credential_source src = { .chain = escertke_span_str(who->chain), .key = escertke_span_str(who->key),
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s };
    void *credential;

    assert_int_equal(tls_of(f, who)->credential_new(&src, &credential, NULL), ESCERTKE_OK);
    return credential;
}

struct outcome {
    escertke_err i, t; /* first error on each side */
    int message;
    size_t sizes[5];
    bool same_key;
};

static escertke_session *open_session(void *credential, escertke_role role, const char *peer, const char *pin)
{
    escertke_session_config cfg = { .tls = role == ESCERTKE_INITIATOR ? i_tls : t_tls, .credential = credential, .role = role,
                                    .expect = { .id = peer, .pin = pin } };
    escertke_session *s;

    if (pin)
        cfg.expect.flavour = ESCERTKE_FLAVOUR_RAW;
    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_OK);
    return s;
}

/* @param i_sees  pin that the initiator expects of the terminator, NULL = X.509 */
static struct outcome run(const struct fixture *f, void *i_own, const char *i_sees, void *t_own, const char *t_sees)
{
    escertke_session *i = open_session(i_own, ESCERTKE_INITIATOR, METER, i_sees);
    escertke_session *t = open_session(t_own, ESCERTKE_TERMINATOR, PANEL, t_sees);
    struct outcome o = { 0 };
    escertke_span wire;
    escertke_key a, b;

    assert_int_equal(escertke_session_start(i, f->now, &wire), ESCERTKE_OK);
    o.sizes[1] = wire.len;
    for (int m = 1; m <= 4 && o.i == ESCERTKE_OK && o.t == ESCERTKE_OK; m++) {
        escertke_span in = wire;
        escertke_err err = escertke_session_step(m % 2 ? t : i, in, f->now, &wire);
        *(m % 2 ? &o.t : &o.i) = err;
        o.message = m;
        if (m < 4)
            o.sizes[m + 1] = wire.len;
    }
    o.same_key = escertke_session_key(i, &a) == ESCERTKE_OK && escertke_session_key(t, &b) == ESCERTKE_OK && memcmp(&a, &b, sizeof a) == 0;
    if (o.same_key) {
        escertke_span key;
        assert_int_equal(escertke_session_peer_cert(t, &key), ESCERTKE_OK);
        if (t_sees)
            assert_int_equal(key.len, 91);
    }
    escertke_session_free(i);
    escertke_session_free(t);
    return o;
}

static void both_raw(void **state)
{
    const struct fixture *f = *state;
    struct raw meter = raw_of(f, &f->meter, false), panel = raw_of(f, &f->panel, false);
    struct outcome o = run(f, panel.credential, meter.pin, meter.credential, panel.pin_128);

    assert_true(o.same_key);
    printf("raw public keys: M1 %zu, M2 %zu, M3 %zu, M4 %zu octets\n", o.sizes[1], o.sizes[2], o.sizes[3], o.sizes[4]);
    assert_in_range(o.sizes[1] + o.sizes[2] + o.sizes[3] + o.sizes[4], 1, 899);
    t_tls->credential_free(meter.credential);
    i_tls->credential_free(panel.credential);
}

/* Client and server types are negotiated apart from each other. */
static void one_raw(void **state)
{
    const struct fixture *f = *state;
    struct raw meter = raw_of(f, &f->meter, true), panel = raw_of(f, &f->panel, true);
    void *meter_x509 = x509_of(f, &f->meter), *panel_x509 = x509_of(f, &f->panel);

    assert_true(run(f, panel_x509, meter.pin, meter.credential, NULL).same_key);
    assert_true(run(f, panel.credential, NULL, meter_x509, panel.pin).same_key);
    t_tls->credential_free(meter.credential);
    i_tls->credential_free(panel.credential);
    t_tls->credential_free(meter_x509);
    i_tls->credential_free(panel_x509);
}

static void wrong_key(void **state)
{
    const struct fixture *f = *state;
    struct raw meter = raw_of(f, &f->meter, false), panel = raw_of(f, &f->panel, false), in1 = raw_of(f, &f->in1, false);
    struct outcome o = run(f, panel.credential, in1.pin, meter.credential, panel.pin);

    assert_int_equal(o.i, ESCERTKE_ERR_IDENTITY);
    assert_int_equal(o.message, 2);
    o = run(f, panel.credential, meter.pin, meter.credential, in1.pin);
    assert_int_equal(o.t, ESCERTKE_ERR_IDENTITY);
    assert_int_equal(o.message, 3);
    assert_false(o.same_key);
    t_tls->credential_free(meter.credential);
    i_tls->credential_free(panel.credential);
    t_tls->credential_free(in1.credential);
}

/* The kind of certificate is configured, never negotiated down or up. */
static void wrong_kind(void **state)
{
    const struct fixture *f = *state;
    struct raw meter = raw_of(f, &f->meter, true), panel = raw_of(f, &f->panel, true);
    void *meter_x509 = x509_of(f, &f->meter), *panel_x509 = x509_of(f, &f->panel);
    struct outcome o = run(f, panel.credential, meter.pin, meter_x509, panel.pin);

    assert_false(o.same_key);
    o = run(f, panel_x509, NULL, meter_x509, panel.pin);
    assert_false(o.same_key);
    o = run(f, panel.credential, NULL, meter_x509, NULL);
    assert_false(o.same_key);
    t_tls->credential_free(meter.credential);
    i_tls->credential_free(panel.credential);
    t_tls->credential_free(meter_x509);
    i_tls->credential_free(panel_x509);
}

static void refused_at_open(void **state)
{
    const struct fixture *f = *state;
    static const struct pki_name ae = { PKI_URI, METER, 0 };
    struct raw meter = raw_of(f, &f->meter, false);
    struct party p384 = party_new(f, &(struct pki_params){ .san = &ae, .san_count = 1, .key = PKI_P384 });
    escertke_session_config cfg = { .tls = t_tls, .credential = meter.credential, .role = ESCERTKE_TERMINATOR, .expect = { .id = PANEL } };
    escertke_credential_source src = { .raw = true, .key = escertke_span_str(p384.key), .unix_s = f->now.unix_s };
    escertke_session *s;
    escertke_detail d;
    void *credential;

    /* no anchors and a peer with X.509: nothing to judge it by */
    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_ERR_CREDENTIAL);
    escertke_detail_init(&d);
    assert_int_equal(t_tls->credential_new(&src, &credential, &d), ESCERTKE_ERR_PROFILE);
    src.key = escertke_span_str("no key");
    escertke_detail_init(&d);
    assert_int_equal(t_tls->credential_new(&src, &credential, &d), ESCERTKE_ERR_CREDENTIAL);
    party_free(&p384);
    t_tls->credential_free(meter.credential);
}

/* An engine without them says so. */
static void not_with_every_engine(void **state)
{
    const struct fixture *f = *state;
    const escertke_tls_ops *without = escertke_tls_openssl();
    struct raw meter = raw_of(f, &f->meter, false);
    escertke_credential_source src = { .raw = true, .key = escertke_span_str(f->meter.key), .unix_s = f->now.unix_s };
    escertke_session_config cfg = { .tls = without, .credential = f->meter.credential, .role = ESCERTKE_TERMINATOR,
                                    .expect = { .id = PANEL, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = meter.pin } };
    escertke_session *s;
    escertke_detail d;
    void *credential;

    if (!without->raw_keys) {
        escertke_detail_init(&d);
        assert_int_equal(without->credential_new(&src, &credential, &d), ESCERTKE_ERR_UNSUPPORTED);
        assert_non_null(strstr(d.reason, "GnuTLS"));
        assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_ERR_UNSUPPORTED);
    }
    t_tls->credential_free(meter.credential);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_raw), cmocka_unit_test(one_raw), cmocka_unit_test(wrong_key),
                                        cmocka_unit_test(wrong_kind), cmocka_unit_test(refused_at_open),
                                        cmocka_unit_test(not_with_every_engine) };
    const escertke_tls_ops *const engines[] = { escertke_tls_gnutls(), escertke_tls_openssl() };
    int failed = 0;

    for (size_t t = 0; t < sizeof engines / sizeof *engines; t++) {
        for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
            if (!engines[t]->raw_keys || !engines[i]->raw_keys)
                continue;
            t_tls = engines[t];
            i_tls = engines[i];
            printf("initiator %s, terminator %s\n", i_tls->name, t_tls->name);
            failed += cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
        }
    }
    return failed;
}

/* Two sessions of ours in one process: the good run, and every message in every state where it does not belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

struct copy {
    uint8_t octets[4096];
    size_t len;
};

static escertke_span span(const struct copy *c)
{
    return (escertke_span){ c->octets, c->len };
}

static void keep(struct copy *c, escertke_span s)
{
    assert_true(s.len <= sizeof c->octets);
    if (s.len)
        memcpy(c->octets, s.ptr, s.len);
    c->len = s.len;
}

/* A run as far as message n, each message kept. */
struct run {
    escertke_session *i, *t;
    struct copy m[5];
};

static void run_until(const struct fixture *f, struct run *r, int n)
{
    escertke_span out;

    r->i = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
    r->t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
    assert_int_equal(escertke_session_start(r->i, f->now, &out), ESCERTKE_OK);
    keep(&r->m[1], out);
    for (int k = 2; k <= n; k++) {
        escertke_session *who = k % 2 ? r->i : r->t;
        assert_int_equal(escertke_session_step(who, span(&r->m[k - 1]), f->now, &out), ESCERTKE_OK);
        keep(&r->m[k], out);
    }
}

static void run_free(struct run *r)
{
    escertke_session_free(r->i);
    escertke_session_free(r->t);
}

static void good_run(void **state)
{
    const struct fixture *f = *state;
    struct run r;
    escertke_key a, b, again;
    escertke_span out, cert;

    run_until(f, &r, 4);
    assert_true(escertke_session_done(r.t));
    assert_false(escertke_session_done(r.i));
    assert_int_equal(escertke_session_key(r.i, &a), ESCERTKE_ERR_STATE); /* no key before M4 */
    assert_int_equal(escertke_session_step(r.i, span(&r.m[4]), f->now, &out), ESCERTKE_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(escertke_session_key(r.i, &a), ESCERTKE_OK);
    assert_int_equal(escertke_session_key(r.t, &b), ESCERTKE_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(escertke_session_key(r.i, &again), ESCERTKE_ERR_STATE); /* once */
    assert_string_equal(escertke_session_suite(r.i), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    assert_int_equal(escertke_session_peer_cert(r.t, &cert), ESCERTKE_OK);
    size_t len;
    uint8_t *der = pki_der(&f->panel.cert, &len);
    assert_true(escertke_span_equal(cert, (escertke_span){ der, len }));
    free(der);
    run_free(&r);
}

/* What each message looks like on the wire (R-HS-21), and that M4 is small: no ticket. */
static void first_octets(void **state)
{
    static const uint8_t m4[] = { 20, 3, 3, 0, 1, 1, 22, 3, 3 };
    struct run r;

    run_until(*state, &r, 4);
    for (int k = 1; k <= 3; k++) {
        assert_int_equal(r.m[k].octets[0], 22);
        assert_int_equal(r.m[k].octets[1], 3);
    }
    assert_memory_equal(r.m[4].octets, m4, sizeof m4);
    assert_in_range(r.m[4].len, 1, 99);
    run_free(&r);
}

/* ClientHello: empty session id, no ticket, no raw public keys, one group, one signature algorithm, our three suites
 * (R-HS-27, R-TL-2, R-TL-6). */
static void client_hello(void **state)
{
    static const uint8_t suites[] = { 0xC0, 0x2B, 0xC0, 0x23, 0xC0, 0xAC, 0x00, 0xFF }; /* the last: a signal, no suite */
    struct run r;
    const uint8_t *at;
    bool ems = false;

    run_until(*state, &r, 1);
    at = r.m[1].octets + 5 + 4; /* record and handshake headers */
    assert_int_equal(at[0] << 8 | at[1], 0x0303);
    assert_int_equal(at[34], 0); /* session id */
    assert_int_equal(at[35], 0);
    assert_true(at[36] == 6 || at[36] == 8);
    assert_memory_equal(at + 37, suites, at[36]);
    at += 37 + at[36];
    assert_int_equal(at[0], 1); /* compression: null only */
    assert_int_equal(at[1], 0);
    for (at += 4; at < r.m[1].octets + r.m[1].len; at += 4 + (at[2] << 8 | at[3])) {
        int type = at[0] << 8 | at[1];
        const uint8_t *body = at + 4;
        /* GnuTLS cannot be kept from offering status_request (5) and record_size_limit (28). */
        if ((type == 5 || type == 28) && strcmp(fixture_tls()->name, "gnutls") == 0)
            continue;
        if (!(type == 10 || type == 11 || type == 13 || type == 22 || type == 23 || type == 65281))
            fail_msg("extension %d", type);
        ems = ems || type == 23;
        if (type == 10)
            assert_memory_equal(body, ((const uint8_t[]){ 0, 2, 0, 23 }), 4);
        /* Mbed TLS cannot be kept from offering RSA beside ECDSA, each with SHA-256 only; the suites leave no use for it. */
        if (type == 13 && strcmp(fixture_tls()->name, "mbedtls") == 0)
            assert_memory_equal(body, ((const uint8_t[]){ 0, 4, 4, 3, 4, 1 }), 6);
        else if (type == 13)
            assert_memory_equal(body, ((const uint8_t[]){ 0, 2, 4, 3 }), 4);
    }
    assert_true(ems);
    run_free(&r);
}

/* An AE has no host name; a CSE's public domain name goes into SNI. */
static void server_name(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *peer;
        bool named;
    } peers[] = { { METER, false }, { IN1, true }, { "//m2m.example.org/S5f0e", false } };

    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        escertke_session *s = session_of(f, &f->panel, ESCERTKE_INITIATOR, peers[i].peer);
        escertke_span m1;
        bool found = false;
        assert_int_equal(escertke_session_start(s, f->now, &m1), ESCERTKE_OK);
        for (size_t k = 0; k + 18 <= m1.len; k++)
            found = found || memcmp(m1.ptr + k, "in1.m2m.example.org", 19) == 0;
        assert_int_equal(found, peers[i].named);
        escertke_session_free(s);
    }
}

/* Every message in every state: a missing row of the table is a refused message. */
static void each_row(void **state)
{
    const struct fixture *f = *state;
    static const escertke_err at_terminator[5][5] = {
        /* in:            -  M1                     M2                 M3                 M4  */
        [1] = { 0, ESCERTKE_OK, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS },      /* idle */
        [3] = { 0, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS, ESCERTKE_OK, ESCERTKE_ERR_TLS },      /* waits for M3 */
        [4] = { 0, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE }, /* done */
    };
    static const escertke_err at_initiator[5][5] = {
        [0] = { 0, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE, ESCERTKE_ERR_STATE }, /* not started */
        [1] = { 0, ESCERTKE_ERR_TLS, ESCERTKE_OK, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS },      /* waits for M2 */
        [3] = { 0, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS, ESCERTKE_ERR_TLS, ESCERTKE_OK },      /* waits for M4 */
    };

    for (int in = 1; in <= 4; in++) {
        for (int reached = 0; reached <= 4; reached++) {
            struct run r;
            escertke_span out;
            run_until(f, &r, 4);
            struct run x = { .m = { { { 0 }, 0 } } };
            x.i = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
            x.t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
            run_free(&x);
            if (reached == 1 || reached == 3 || reached == 4) { /* terminator having got as far as M(reached - 1) */
                run_free(&r);
                run_until(f, &r, reached == 1 ? 1 : reached == 3 ? 2 : 4);
                struct run full;
                run_until(f, &full, 4);
                const struct copy *m = in == reached ? &r.m[in] : &full.m[in];
                if (reached == 3 && in == 3) { /* the genuine M3 of this run */
                    assert_int_equal(escertke_session_step(r.i, span(&r.m[2]), f->now, &out), ESCERTKE_OK);
                    keep(&r.m[3], out);
                }
                escertke_err err = escertke_session_step(r.t, span(m), f->now, &out);
                if (err != at_terminator[reached][in])
                    fail_msg("terminator after M%d, M%d in: %s", reached - 1, in, escertke_err_name(err));
                run_free(&full);
            }
            run_free(&r);
        }
    }
    for (int in = 1; in <= 4; in++) {
        for (int reached = 0; reached <= 3; reached++) {
            struct run full, r;
            escertke_span out;
            escertke_err err;
            if (reached == 2)
                continue;
            run_until(f, &full, 4);
            run_until(f, &r, reached ? reached : 1);
            if (reached == 0) {
                escertke_session_free(r.i);
                r.i = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
            }
            if ((reached == 1 && in == 2) || (reached == 3 && in == 4)) { /* its own run's answer */
                assert_int_equal(escertke_session_step(r.t, span(&r.m[reached]), f->now, &out), ESCERTKE_OK);
                keep(&r.m[in], out);
                err = escertke_session_step(r.i, span(&r.m[in]), f->now, &out);
            } else {
                err = escertke_session_step(r.i, span(&full.m[in]), f->now, &out);
            }
            if (err != at_initiator[reached][in])
                fail_msg("initiator after M%d, M%d in: %s", reached, in, escertke_err_name(err));
            if (err == ESCERTKE_ERR_TLS) /* final: the right message does not help any more */
                assert_int_equal(escertke_session_step(r.i, span(&full.m[2]), f->now, &out), ESCERTKE_ERR_STATE);
            run_free(&full);
            run_free(&r);
        }
    }
}

/* Octets that never reached TLS cost a terminator nothing: the genuine M3 still completes. */
static void refused_before_tls(void **state)
{
    const struct fixture *f = *state;
    static const uint8_t garbage[] = { 22, 3, 3, 0, 9, 1 }, alert[] = { 21, 3, 3, 0, 2, 2, 90 };
    struct run r;
    escertke_span out;

    run_until(f, &r, 3);
    assert_int_equal(escertke_session_step(r.t, (escertke_span){ garbage, sizeof garbage }, f->now, &out), ESCERTKE_ERR_FORMAT);
    assert_int_equal(escertke_session_step(r.t, (escertke_span){ alert, sizeof alert }, f->now, &out), ESCERTKE_ERR_ALERT);
    assert_int_equal(escertke_session_step(r.t, span(&r.m[2]), f->now, &out), ESCERTKE_ERR_TLS);
    assert_memory_equal(out.ptr, ((const uint8_t[]){ 21, 3, 3, 0, 2, 2, 10 }), 7);
    assert_int_equal(escertke_session_step(r.t, span(&r.m[3]), f->now, &out), ESCERTKE_OK);
    run_free(&r);
}

static void initiator_gets_alert(void **state)
{
    const struct fixture *f = *state;
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 48 };
    struct run r;
    escertke_span out;

    run_until(f, &r, 1);
    assert_int_equal(escertke_session_step(r.i, (escertke_span){ alert, sizeof alert }, f->now, &out), ESCERTKE_ERR_ALERT);
    assert_int_equal(escertke_session_detail(r.i)->alert, 48);
    assert_int_equal(escertke_session_detail(r.i)->message, 2);
    assert_int_equal(out.len, 0);
    run_free(&r);
}

static void altered_m3(void **state)
{
    const struct fixture *f = *state;
    struct run r;
    escertke_span out;
    escertke_key key;

    run_until(f, &r, 3);
    r.m[3].octets[r.m[3].len - 1] ^= 1; /* in Finished */
    assert_int_equal(escertke_session_step(r.t, span(&r.m[3]), f->now, &out), ESCERTKE_ERR_SIGNATURE);
    assert_int_equal(out.len, 7); /* one alert record, nothing of M4 */
    assert_int_equal(escertke_session_key(r.t, &key), ESCERTKE_ERR_STATE);
    assert_string_not_equal(escertke_session_detail(r.t)->reason, "");
    run_free(&r);
}

static void altered_m4(void **state)
{
    const struct fixture *f = *state;
    struct run r;
    escertke_span out;
    escertke_key key;

    run_until(f, &r, 4);
    r.m[4].octets[r.m[4].len - 1] ^= 1;
    assert_int_equal(escertke_session_step(r.i, span(&r.m[4]), f->now, &out), ESCERTKE_ERR_SIGNATURE);
    assert_int_equal(escertke_session_key(r.i, &key), ESCERTKE_ERR_STATE);
    run_free(&r);
}

/* The same flight in records of at most @p max octets, as far as it is not encrypted. */
static void fragment(struct copy *m, size_t max)
{
    struct copy cut = { .len = 0 };
    bool sealed = false;

    for (const uint8_t *at = m->octets; at < m->octets + m->len;) {
        size_t len = (size_t)at[3] << 8 | at[4], done = 0;
        sealed = sealed || at[0] == 20;
        do {
            size_t part = sealed || len - done < max ? len - done : max;
            assert_true(cut.len + 5 + part <= sizeof cut.octets);
            memcpy(cut.octets + cut.len, ((const uint8_t[]){ at[0], 3, 3, (uint8_t)(part >> 8), (uint8_t)part }), 5);
            memcpy(cut.octets + cut.len + 5, at + 5 + done, part);
            cut.len += 5 + part;
            done += part;
        } while (done < len);
        at += 5 + len;
    }
    *m = cut;
}

/* A handshake message may be spread over records in any way (RFC 5246 6.2.1). */
static void fragmented_flights(void **state)
{
    const struct fixture *f = *state;
    static const size_t sizes[] = { 1, 7, 64, 500 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct run r;
        escertke_span out;
        escertke_key a, b;
        bool fits = sizes[i] > 1; /* one octet a record is more than a copy holds, but for M1 */
        run_until(f, &r, 1);
        fragment(&r.m[1], sizes[i]);
        assert_int_equal(escertke_session_step(r.t, span(&r.m[1]), f->now, &out), ESCERTKE_OK);
        keep(&r.m[2], out);
        if (fits)
            fragment(&r.m[2], sizes[i]);
        assert_int_equal(escertke_session_step(r.i, span(&r.m[2]), f->now, &out), ESCERTKE_OK);
        keep(&r.m[3], out);
        if (fits)
            fragment(&r.m[3], sizes[i]);
        assert_int_equal(escertke_session_step(r.t, span(&r.m[3]), f->now, &out), ESCERTKE_OK);
        assert_int_equal(escertke_session_step(r.i, out, f->now, &out), ESCERTKE_OK);
        assert_int_equal(escertke_session_key(r.i, &a), ESCERTKE_OK);
        assert_int_equal(escertke_session_key(r.t, &b), ESCERTKE_OK);
        assert_memory_equal(&a, &b, sizeof a);
        run_free(&r);
    }
}

static void deadline(void **state)
{
    const struct fixture *f = *state;
    escertke_now late = { f->now.mono_ms + ESCERTKE_TTL_MS, f->now.unix_s + 60 };
    struct run r;
    escertke_span out;

    run_until(f, &r, 3);
    assert_int_equal(escertke_session_deadline(r.t), late.mono_ms);
    late.mono_ms++;
    assert_int_equal(escertke_session_step(r.t, span(&r.m[3]), late, &out), ESCERTKE_ERR_DEADLINE);
    run_free(&r);
}

/* The time that judges certificates is the caller's, not the machine's. */
static void caller_time(void **state)
{
    const struct fixture *f = *state;
    escertke_now in_five_years = { f->now.mono_ms, f->now.unix_s + 5LL * 365 * 86400 };
    struct run r;
    escertke_span out;

    run_until(f, &r, 3);
    assert_int_equal(escertke_session_step(r.t, span(&r.m[3]), in_five_years, &out), ESCERTKE_ERR_VALIDITY);
    assert_int_equal(out.ptr[6], 45); /* certificate_expired */
    run_free(&r);
}

static void wrong_arguments(void **state)
{
    const struct fixture *f = *state;
    escertke_session *s;
    escertke_session_config good = { .tls = fixture_tls(), .credential = f->meter.credential,
                                     .role = ESCERTKE_TERMINATOR, .expect = { .id = PANEL } }, bad;

    bad = good, bad.tls = NULL;
    assert_int_equal(escertke_session_new(&bad, &s), ESCERTKE_ERR_ARG);
    bad = good, bad.credential = NULL;
    assert_int_equal(escertke_session_new(&bad, &s), ESCERTKE_ERR_ARG);
    bad = good, bad.expect.id = NULL; /* nobody in particular is not somebody: never trust all */
    assert_int_equal(escertke_session_new(&bad, &s), ESCERTKE_ERR_ARG);
    bad = good, bad.role = 0;
    assert_int_equal(escertke_session_new(&bad, &s), ESCERTKE_ERR_ARG);
    escertke_session_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_run), cmocka_unit_test(first_octets), cmocka_unit_test(client_hello), cmocka_unit_test(server_name),
        cmocka_unit_test(each_row), cmocka_unit_test(refused_before_tls), cmocka_unit_test(initiator_gets_alert),
        cmocka_unit_test(altered_m3), cmocka_unit_test(fragmented_flights), cmocka_unit_test(altered_m4),
        cmocka_unit_test(deadline), cmocka_unit_test(caller_time), cmocka_unit_test(wrong_arguments),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

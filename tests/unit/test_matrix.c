/* Every back end against every other, in both roles: the same key on both ends. The table is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"

static const char *const engines[] = { "openssl", "gnutls", "mbedtls" };
enum { ENGINES = sizeof engines / sizeof *engines };

static void *load(const struct fixture *f, const struct party *who, const escertke_tls_ops *tls)
{
    escertke_credential_source src = { .chain = escertke_span_str(who->chain),
                                       .key = escertke_span_str(who->key),
                                       .trust = escertke_span_str(f->trust),
                                       .unix_s = f->now.unix_s };
    void *credential;

    assert_int_equal(tls->credential_new(&src, &credential, NULL), ESCERTKE_OK);
    return credential;
}

static escertke_session *open_session(const escertke_tls_ops *tls, void *credential, escertke_role role, const char *peer)
{
    escertke_session_config cfg = { .tls = tls, .credential = credential, .role = role, .expect = { .id = peer } };
    escertke_session *s;

    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_OK);
    tls->credential_free(credential); /* a session needs it during new only */
    return s;
}

static void pair(const struct fixture *f, const struct party *meter, const char *meter_id, const escertke_tls_ops *ti,
                 const escertke_tls_ops *tt)
{
    escertke_session *i = open_session(ti, load(f, &f->panel, ti), ESCERTKE_INITIATOR, meter_id);
    escertke_session *t = open_session(tt, load(f, meter, tt), ESCERTKE_TERMINATOR, PANEL);
    escertke_span a, b;
    escertke_key x, y;
    size_t sizes[5];

    assert_int_equal(escertke_session_start(i, f->now, &a), ESCERTKE_OK);
    sizes[1] = a.len;
    assert_int_equal(escertke_session_step(t, a, f->now, &b), ESCERTKE_OK);
    sizes[2] = b.len;
    assert_int_equal(escertke_session_step(i, b, f->now, &a), ESCERTKE_OK);
    sizes[3] = a.len;
    assert_int_equal(escertke_session_step(t, a, f->now, &b), ESCERTKE_OK);
    sizes[4] = b.len;
    assert_int_equal(escertke_session_step(i, b, f->now, &a), ESCERTKE_OK);
    assert_int_equal(escertke_session_key(i, &x), ESCERTKE_OK);
    assert_int_equal(escertke_session_key(t, &y), ESCERTKE_OK);
    assert_memory_equal(&x, &y, sizeof x);
    assert_string_equal(escertke_session_suite(i), escertke_session_suite(t));
    printf("%-8s -> %-8s %-22s M1 %4zu  M2 %4zu  M3 %4zu  M4 %3zu  %s\n", ti->name, tt->name,
           meter_id + 2 + strlen("m2m.example.org"), sizes[1], sizes[2], sizes[3], sizes[4], escertke_session_suite(i));
    escertke_session_free(i);
    escertke_session_free(t);
}

static void all_pairs(void **state)
{
    const struct fixture *f = *state;

    for (size_t i = 0; i < ENGINES; i++)
        for (size_t t = 0; t < ENGINES; t++) {
            const escertke_tls_ops *ti = escertke_tls_by_name(engines[i]), *tt = escertke_tls_by_name(engines[t]);
            if (!ti || !tt) /* left out of this build */
                continue;
            pair(f, &f->meter, METER, ti, tt);
            pair(f, &f->in1, IN1, ti, tt);
        }
}

static escertke_err accept_any(void *ctx, const escertke_span *path, size_t count, int *alert)
{
    (void)ctx, (void)path, (void)count, (void)alert;
    return ESCERTKE_OK;
}

static void *open_conn(const struct fixture *f, const escertke_tls_ops *tls, const struct party *who, escertke_role role)
{
    void *conn, *credential = load(f, who, tls);
    escertke_tls_open cfg = { .role = role, .credential = credential, .verify = accept_any };

    assert_int_equal(tls->open(&cfg, &conn), ESCERTKE_OK);
    tls->credential_free(credential);
    return conn;
}

/* Both connections, as far as complete. */
static void shake(const struct fixture *f, const escertke_tls_ops *ti, void *i, const escertke_tls_ops *tt, void *t)
{
    escertke_buf out[2];
    bool done = false;

    for (int k = 0; k < 2; k++)
        escertke_buf_init(&out[k], ESCERTKE_MESSAGE_MAX);
    for (int k = 0; k < 5; k++) { /* each answers what the other has written; the terminator first when k is odd */
        escertke_span in = escertke_buf_span(&out[1 - k % 2]);
        escertke_buf_reset(&out[k % 2]);
        escertke_err err = (k % 2 ? tt : ti)->step(k % 2 ? t : i, in, f->now.unix_s, &out[k % 2], &done);
        assert_int_equal(err, ESCERTKE_OK);
    }
    assert_true(done);
    for (int k = 0; k < 2; k++)
        escertke_buf_free(&out[k]);
}

/* RFC 5705 4: no context, an empty one and another are three keys, the same three at every back end. */
static void exporter_contexts(void **state)
{
    static const uint8_t some[] = { 'c' };
    static const escertke_span contexts[] = { { NULL, 0 }, { some, 0 }, { some, 1 } };
    const struct fixture *f = *state;

    for (size_t k = 0; k < ENGINES; k++) {
        const escertke_tls_ops *ti = escertke_tls_by_name(engines[k]), *tt = escertke_tls_openssl();
        uint8_t a[3][48], b[48];
        if (!ti)
            continue;
        void *i = open_conn(f, ti, &f->panel, ESCERTKE_INITIATOR), *t = open_conn(f, tt, &f->meter, ESCERTKE_TERMINATOR);
        assert_int_equal(ti->export_key(i, ESCERTKE_EXPORT_LABEL, contexts[0], b, sizeof b), ESCERTKE_ERR_STATE);
        shake(f, ti, i, tt, t);
        for (size_t c = 0; c < 3; c++) {
            assert_int_equal(ti->export_key(i, ESCERTKE_EXPORT_LABEL, contexts[c], a[c], sizeof a[c]), ESCERTKE_OK);
            assert_int_equal(tt->export_key(t, ESCERTKE_EXPORT_LABEL, contexts[c], b, sizeof b), ESCERTKE_OK);
            assert_memory_equal(a[c], b, sizeof b);
        }
        assert_memory_not_equal(a[0], a[1], sizeof b);
        assert_memory_not_equal(a[1], a[2], sizeof b);
        ti->close(i);
        tt->close(t);
    }
}

static void names(void **state)
{
    (void)state;
    assert_ptr_equal(escertke_tls_by_name("openssl"), escertke_tls_openssl());
    assert_ptr_equal(escertke_tls_by_name("gnutls"), escertke_tls_gnutls());
    assert_ptr_equal(escertke_tls_by_name("mbedtls"), escertke_tls_mbedtls());
    assert_non_null(escertke_tls_openssl());
    assert_non_null(escertke_tls_gnutls());
    assert_null(escertke_tls_by_name("schannel"));
    assert_null(escertke_tls_by_name(""));
    assert_null(escertke_tls_by_name(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_pairs), cmocka_unit_test(exporter_contexts),
                                        cmocka_unit_test(names) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

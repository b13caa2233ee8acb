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
    escertke_credential_source src = { .chain = escertke_span_str(who->chain), .key = escertke_span_str(who->key),
                                       .trust = escertke_span_str(f->trust), .unix_s = f->now.unix_s };
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

static void pair(const struct fixture *f, const struct party *meter, const char *meter_id, const escertke_tls_ops *ti, const escertke_tls_ops *tt)
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
    printf("%-8s -> %-8s %-22s M1 %4zu  M2 %4zu  M3 %4zu  M4 %3zu  %s\n", ti->name, tt->name, meter_id + 2 + strlen("m2m.example.org"),
           sizes[1], sizes[2], sizes[3], sizes[4], escertke_session_suite(i));
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_pairs), cmocka_unit_test(names) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

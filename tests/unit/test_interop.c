/* A plain TLS 1.2 client or server of another stack completes the handshake with ours and gets the same 48 octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "rawpeer.h"

static const struct {
    const char *openssl, *gnutls, *iana;
} suites[] = {
    { "ECDHE-ECDSA-AES128-GCM-SHA256", "+AES-128-GCM:+AEAD", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
    { "ECDHE-ECDSA-AES128-SHA256", "+AES-128-CBC:+SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" },
    { "ECDHE-ECDSA-AES128-CCM", "+AES-128-CCM:+AEAD", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM" },
};

static struct rawpeer *stock_peer(const struct fixture *f, bool gnutls, bool server, size_t suite)
{
    const struct party *who = server ? &f->meter : &f->panel;
    char priority[200];
    struct rawpeer_config cfg = { .server = server, .chain = who->chain, .key = who->key };

    if (!gnutls) {
        cfg.ciphers = suites[suite].openssl;
        return rawpeer_openssl(&cfg);
    }
    snprintf(priority, sizeof priority,
             "NONE:+VERS-TLS1.2:%s:+ECDHE-ECDSA:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:+COMP-NULL:+CTYPE-X509", suites[suite].gnutls);
    cfg.ciphers = priority;
    return rawpeer_gnutls(&cfg);
}

static void compare(escertke_session *s, struct rawpeer *peer, size_t suite, bool gnutls)
{
    uint8_t exported[48], by_prf[48];
    escertke_key key;

    assert_int_equal(escertke_session_key(s, &key), ESCERTKE_OK);
    rawpeer_export(peer, exported);
    assert_memory_equal(key.id, exported, 16);
    assert_memory_equal(key.key, exported + 16, 32);
    if (!gnutls) { /* and not even a library's exporter is taken at its word */
        rawpeer_export_by_prf(peer, by_prf);
        assert_memory_equal(exported, by_prf, 48);
    }
    assert_string_equal(escertke_session_suite(s), suites[suite].iana);
}

static void we_terminate(const struct fixture *f, bool gnutls, size_t suite)
{
    struct rawpeer *peer = stock_peer(f, gnutls, false, suite);
    escertke_session *s = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
    escertke_buf wire;
    escertke_span out;

    escertke_buf_init(&wire, ESCERTKE_MESSAGE_MAX);
    assert_int_equal(rawpeer_step(peer, (escertke_span){ NULL, 0 }, &wire), 0);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&wire), f->now, &out), ESCERTKE_OK);
    escertke_buf_reset(&wire);
    assert_int_equal(rawpeer_step(peer, out, &wire), 0);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&wire), f->now, &out), ESCERTKE_OK);
    escertke_buf_reset(&wire);
    assert_int_equal(rawpeer_step(peer, out, &wire), 1);
    assert_int_equal(wire.len, 0);
    compare(s, peer, suite, gnutls);
    escertke_buf_free(&wire);
    escertke_session_free(s);
    rawpeer_free(peer);
}

static void we_initiate(const struct fixture *f, bool gnutls, size_t suite)
{
    struct rawpeer *peer = stock_peer(f, gnutls, true, suite);
    escertke_session *s = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER);
    escertke_buf wire;
    escertke_span out;

    escertke_buf_init(&wire, ESCERTKE_MESSAGE_MAX);
    assert_int_equal(escertke_session_start(s, f->now, &out), ESCERTKE_OK);
    assert_int_equal(rawpeer_step(peer, out, &wire), 0);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&wire), f->now, &out), ESCERTKE_OK);
    escertke_buf_reset(&wire);
    assert_int_equal(rawpeer_step(peer, out, &wire), 1);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&wire), f->now, &out), ESCERTKE_OK);
    assert_int_equal(out.len, 0);
    compare(s, peer, suite, gnutls);
    escertke_buf_free(&wire);
    escertke_session_free(s);
    rawpeer_free(peer);
}

static void with_openssl(void **state)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        we_terminate(*state, false, i);
        we_initiate(*state, false, i);
    }
}

static void with_gnutls(void **state)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        we_terminate(*state, true, i);
        we_initiate(*state, true, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(with_openssl), cmocka_unit_test(with_gnutls) };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

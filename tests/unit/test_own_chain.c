/* An own certificate chain: its leaf, and the verdict on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fixture.h"
#include "tls/own_chain.h"

static void leaf_and_verdict(void **state)
{
    struct fixture *f = fixture_new();
    escertke_credential_source src = { .chain = escertke_span_str(f->meter.chain), .unix_s = f->now.unix_s };
    escertke_detail d;
    uint8_t *leaf, *want;
    size_t len, want_len;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(esc_own_chain_check(&src, &leaf, &len, &d), ESCERTKE_OK);
    want = pki_der(&f->meter.cert, &want_len);
    assert_int_equal(len, want_len);
    assert_memory_equal(leaf, want, len);
    free(want);
    esc_release(leaf);
    src.unix_s += 50LL * 365 * 86400;
    assert_int_equal(esc_own_chain_check(&src, &leaf, &len, &d), ESCERTKE_ERR_VALIDITY);
    assert_int_equal(d.err, ESCERTKE_ERR_VALIDITY);
    assert_null(leaf);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(leaf_and_verdict) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

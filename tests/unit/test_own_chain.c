/* PEM as files hold it: text around blocks, broken blocks, blocks of another kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fixture.h"
#include "tls/own_chain.h"

#define B "-----BEGIN X-----"
#define E "-----END X-----"

static void blocks(void **state)
{
    static const struct {
        const char *name, *text;
        escertke_err err;
        const char *octets, *rest;
    } cases[] = {
        { "one", B "\nTTI=\n" E "\n", ESCERTKE_OK, "M2", "\n" },
        { "words around", "subject: me\n" B "\nTTI=\n" E "\nbye", ESCERTKE_OK, "M2", "\nbye" },
        { "first of two", B "TTI=" E B "TTQ=" E, ESCERTKE_OK, "M2", B "TTQ=" E },
        { "none", "hello", ESCERTKE_ERR_NOT_FOUND, "", "hello" },
        { "nothing", "", ESCERTKE_ERR_NOT_FOUND, "", "" },
        { "another label", "-----BEGIN Y-----TTI=-----END Y-----", ESCERTKE_ERR_NOT_FOUND, "", "-----BEGIN Y-----TTI=-----END Y-----" },
        { "no end", B "TTI=", ESCERTKE_ERR_BASE64, "", "TTI=" },
        { "not base64", B "T?I=" E, ESCERTKE_ERR_BASE64, "", "" },
        { "headers of an encrypted block", B "\nProc-Type: 4,ENCRYPTED\n\nTTI=\n" E, ESCERTKE_ERR_BASE64, "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_span text = escertke_span_str(cases[i].text);
        escertke_buf der;
        escertke_buf_init(&der, 100);
        escertke_err err = esc_pem_next(&text, "X", &der);
        if (err != cases[i].err || !escertke_span_equal(text, escertke_span_str(cases[i].rest)) ||
            !escertke_span_equal(escertke_buf_span(&der), escertke_span_str(cases[i].octets)))
            fail_msg("%s: %s, rest \"%.*s\"", cases[i].name, escertke_err_name(err), (int)text.len, (const char *)text.ptr);
        escertke_buf_free(&der);
    }
}

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
    const struct CMUnitTest tests[] = { cmocka_unit_test(blocks), cmocka_unit_test(leaf_and_verdict) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* PEM blocks found in a text by their label, one after the other; broken ones are told from none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/pem.h"

static void blocks_in_order(void **state)
{
    static const struct {
        const char *name, *text, *octets; /* octets of all blocks one behind the other */
        size_t blocks;
        escertke_err last; /* what ends it */
    } cases[] = {
        { "nothing", "", "", 0, ESCERTKE_ERR_NOT_FOUND },
        { "a text", "- -- --- ---- ----- -----BEGIN\n", "", 0, ESCERTKE_ERR_NOT_FOUND },
        { "one", "-----BEGIN X-----\nYWJj\n-----END X-----\n", "abc", 1, ESCERTKE_ERR_NOT_FOUND },
        { "two, words around", "a\n-----BEGIN X-----\nYWJj\n-----END X-----\n------b\n-----BEGIN X-----\nZGVm\n-----END X-----", "abcdef", 2, ESCERTKE_ERR_NOT_FOUND },
        { "another label between", "-----BEGIN Y-----\nYWJj\n-----END Y-----\n-----BEGIN X-----\nZGVm\n-----END X-----", "def", 1, ESCERTKE_ERR_NOT_FOUND },
        { "a dash more in front", "------BEGIN X-----\nYWJj\n-----END X-----", "abc", 1, ESCERTKE_ERR_NOT_FOUND },
        { "CRLF", "-----BEGIN X-----\r\nYWJj\r\n-----END X-----\r\n", "abc", 1, ESCERTKE_ERR_NOT_FOUND },
        { "empty block", "-----BEGIN X-----\n-----END X-----", "", 1, ESCERTKE_ERR_NOT_FOUND },
        { "no end", "-----BEGIN X-----\nYWJj\n", "", 0, ESCERTKE_ERR_BASE64 },
        { "end cut", "-----BEGIN X-----\nYWJj\n-----END X----", "", 0, ESCERTKE_ERR_BASE64 },
        { "another end", "-----BEGIN X-----\nYWJj\n-----END Y-----\n", "", 0, ESCERTKE_ERR_BASE64 },
        { "not base64", "-----BEGIN X-----\nYW*j\n-----END X-----", "", 0, ESCERTKE_ERR_BASE64 },
        { "too large", "-----BEGIN X-----\nYWJjZGVmZ2hp\n-----END X-----", "", 0, ESCERTKE_ERR_TOO_LARGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_span text = escertke_span_str(cases[i].text);
        escertke_err err;
        escertke_buf out;
        size_t blocks = 0;

        escertke_buf_init(&out, 8);
        while ((err = esc_pem_next(&text, "X", &out)) == ESCERTKE_OK)
            blocks++;
        if (err != cases[i].last || blocks != cases[i].blocks || !escertke_span_equal(escertke_buf_span(&out), escertke_span_str(cases[i].octets)))
            fail_msg("%s: %zu blocks, then %s", cases[i].name, blocks, escertke_err_name(err));
        escertke_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(blocks_in_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

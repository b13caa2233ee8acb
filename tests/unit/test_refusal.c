/* From error to wire: every row of R 2.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/fail.h"
#include "endpoint/refusal.h"

static const struct {
    escertke_err err;
    int rsc, alert;
} rows[] = {
    { ESCERTKE_ERR_FORMAT, 4000, -1 },      { ESCERTKE_ERR_TOO_LARGE, 4000, -1 }, { ESCERTKE_ERR_ID, 4000, -1 },
    { ESCERTKE_ERR_NO_PENDING, 4000, -1 },  { ESCERTKE_ERR_DEADLINE, 4000, -1 },  { ESCERTKE_ERR_UNSUPPORTED, 5001, -1 },
    { ESCERTKE_ERR_NEGOTIATION, 4102, 40 }, { ESCERTKE_ERR_TLS, 4102, 10 },       { ESCERTKE_ERR_CERT, 4106, 42 },
    { ESCERTKE_ERR_IDENTITY, 4106, 49 },    { ESCERTKE_ERR_VALIDITY, 4106, 45 },  { ESCERTKE_ERR_PROFILE, 4106, 43 },
    { ESCERTKE_ERR_SIGNATURE, 4106, 51 },   { ESCERTKE_ERR_NO_CERT, 4106, 40 },   { ESCERTKE_ERR_PRIVILEGE, 4103, 49 },
    { ESCERTKE_ERR_NOMEM, 5000, -1 },       { ESCERTKE_ERR_STORE, 5000, -1 },     { ESCERTKE_ERR_STORE_FULL, 5000, -1 },
    { ESCERTKE_ERR_LIMIT, 5000, -1 },       { ESCERTKE_ERR_BACKEND, 5000, -1 },
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)rows[i].alert };
        escertke_answer a;
        escertke_answer_init(&a);
        (void)esc_fail(&a.detail, rows[i].err, "", "the reason");
        esc_refuse(rows[i].err, &a);
        assert_int_equal(a.rsc, rows[i].rsc);
        assert_int_equal(a.detail.rsc, rows[i].rsc);
        if (rows[i].alert >= 0) {
            assert_true(escertke_span_equal(escertke_buf_span(&a.message), (escertke_span){ record, 7 }));
            assert_string_equal(a.dbg, "");
        } else {
            assert_int_equal(a.message.len, 0);
            assert_string_not_equal(a.dbg, "");
        }
        escertke_answer_clear(&a);
    }
}

/* The engine's own alert is sent, not the row's. */
static void engine_alert_wins(void **state)
{
    escertke_answer a;

    (void)state;
    escertke_answer_init(&a);
    a.detail.alert = 48;
    (void)esc_fail(&a.detail, ESCERTKE_ERR_CERT, "", "untrusted");
    esc_refuse(ESCERTKE_ERR_CERT, &a);
    assert_int_equal(a.message.ptr[6], 48);
    escertke_answer_clear(&a);
}

/* What happened on this machine is nobody else's business. */
static void local_reasons_stay_local(void **state)
{
    escertke_answer a;

    (void)state;
    escertke_answer_init(&a);
    (void)esc_fail(&a.detail, ESCERTKE_ERR_STORE, "", "/var/lib/secret/path: broken");
    esc_refuse(ESCERTKE_ERR_STORE, &a);
    assert_null(strstr(a.dbg, "/var"));
    escertke_answer_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_row), cmocka_unit_test(engine_alert_wins),
                                        cmocka_unit_test(local_reasons_stay_local) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

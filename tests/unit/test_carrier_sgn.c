/* m2m:seci in a notification: what is written, what is recognised, each refusal by its exact error. */
#include "m2m_support.h"

#include "carrier/carrier.h"

static const uint8_t message[] = { 0x16, 0x03, 0x01, 0x00, 0x01, 0x01 };

static void written(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
    expect_err("json", esc_carrier_sgn.wrap(ESCERTKE_FORMAT_JSON, "/in1/Cmeter", (escertke_span){ message, sizeof message }, &out),
               ESCERTKE_OK);
    assert_buf_text(&out, "{\"m2m:sgn\":{\"sur\":\"/in1/Cmeter\",\"nev\":{\"net\":1,\"rep\":{\"m2m:seci\":{\"sit\":6,\"eckm\":"
                          "\"FgMBAAEB\"}}}}}");
    escertke_buf_free(&out);
}

/* The largest message that may be sent comes back whole, in every format. */
static void there_and_back(void **state)
{
    static uint8_t large[ESCERTKE_MESSAGE_MAX];

    (void)state;
    memset(large, 0x5a, sizeof large);
    for (int format = ESCERTKE_FORMAT_JSON; format <= ESCERTKE_FORMAT_CBOR; format++)
        for (size_t len = 1; len <= sizeof large; len = len == 1 ? 1000 : len == 1000 ? sizeof large : sizeof large + 1) {
            escertke_format f = (escertke_format)format;
            escertke_buf out;
            escertke_seci seci;
            if (!escertke_format_available(f))
                continue;
            escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
            expect_err("wrap", esc_carrier_sgn.wrap(f, "/in1/Cmeter", (escertke_span){ large, len }, &out), ESCERTKE_OK);
            assert_true(esc_carrier_sgn.recognise(f, escertke_buf_span(&out)));
            expect_err("open", esc_carrier_sgn.open(f, escertke_buf_span(&out), &seci, NULL), ESCERTKE_OK);
            assert_int_equal(seci.eckm.len, len);
            assert_memory_equal(seci.eckm.ptr, large, len);
            escertke_seci_clear(&seci);
            escertke_buf_free(&out);
        }
}

#define REP(seci) "{\"m2m:sgn\":{\"sur\":\"x\",\"nev\":{\"net\":1,\"rep\":" seci "}}}"

static void read_and_refused(void **state)
{
    static const struct {
        const char *name, *text;
        bool recognised;
        escertke_err err;
    } rows[] = {
        { "as written", REP("{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}"), true, ESCERTKE_OK },
        { "without sur and net", "{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:seci\":{\"sit\":6.0,\"eckm\":\"FgMB\"}}}}}", true, ESCERTKE_OK },
        { "no sit", REP("{\"m2m:seci\":{\"eckm\":\"FgMB\"}}"), true, ESCERTKE_ERR_SECINFO },
        { "not base64", REP("{\"m2m:seci\":{\"sit\":6,\"eckm\":\"F\"}}"), true, ESCERTKE_ERR_BASE64 },
        { "two representations", REP("{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"},\"m2m:cin\":{}}"), true, ESCERTKE_ERR_SECINFO },
        { "another representation", REP("{\"m2m:cin\":{}}"), false, ESCERTKE_ERR_SECINFO },
        { "no representation", "{\"m2m:sgn\":{\"vrq\":true}}", false, ESCERTKE_ERR_SECINFO },
        { "rep is a text", REP("\"m2m:seci\""), false, ESCERTKE_ERR_SECINFO },
        { "the standard's", "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMB\"}}", false, ESCERTKE_ERR_SECINFO },
        { "something beside", "{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:seci\":{}}}},\"a\":1}", false, ESCERTKE_ERR_SECINFO },
        { "not JSON", "m2m:sgn", false, ESCERTKE_ERR_JSON },
        { "an array", "[]", false, ESCERTKE_ERR_SECINFO },
        { "empty", "", false, ESCERTKE_ERR_JSON },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_seci seci;
        escertke_detail d;
        escertke_detail_init(&d);
        if (esc_carrier_sgn.recognise(ESCERTKE_FORMAT_JSON, escertke_span_str(rows[i].text)) != rows[i].recognised)
            fail_msg("%s: recognised: expected %d", rows[i].name, rows[i].recognised);
        expect_err(rows[i].name, esc_carrier_sgn.open(ESCERTKE_FORMAT_JSON, escertke_span_str(rows[i].text), &seci, &d), rows[i].err);
        if (rows[i].err != ESCERTKE_OK && (!d.reason[0] || d.err != rows[i].err || seci.eckm.len))
            fail_msg("%s: no reason, or something is left", rows[i].name);
        escertke_seci_clear(&seci);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(written), cmocka_unit_test(there_and_back),
                                        cmocka_unit_test(read_and_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/whole.h"

#include "binding_support.h"

static const char text[] = "{\"op\":5,\"to\":\"/in1/Cmeter\",\"fr\":\"Cpanel\",\"rqi\":\"r1\",\"pc\":{\"m2m:dbg\":\"x\"}}";

static void reads_what_it_writes(void **state)
{
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 1000);
    assert_int_equal(esc_whole_parse(ESCERTKE_FORMAT_JSON, text_span(text), &p, NULL), ESCERTKE_OK);
    assert_int_equal(p.op, ESCERTKE_OP_NOTIFY);
    assert_int_equal(esc_whole_write(&p, &out), ESCERTKE_OK);
    assert_true(escertke_span_equal(escertke_buf_span(&out), text_span(text)));
    escertke_primitive_clear(&p);
    escertke_buf_free(&out);
}

static void says_what_it_does_not_read(void **state)
{
    escertke_primitive p;
    escertke_detail d;
    escertke_buf out;

    (void)state;
    escertke_detail_init(&d);
    escertke_buf_init(&out, 1000);
    expect_err("none", esc_whole_parse((escertke_format)9, text_span(text), &p, &d), ESCERTKE_ERR_UNSUPPORTED, &d);
    assert_null(p.rqi);
    p.format = (escertke_format)9;
    assert_int_equal(esc_whole_write(&p, &out), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    escertke_primitive_clear(&p);
    escertke_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_what_it_writes), cmocka_unit_test(says_what_it_does_not_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

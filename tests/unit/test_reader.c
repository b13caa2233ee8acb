#include "m2m_support.h"

#include "base/reader.h"

static void reads_what_is_there(void **state)
{
    static const uint8_t bytes[] = { 0x16, 0x03, 0x01, 0x00, 0x01, 0x02, 0x00, 0x02, 0xAA, 0xBB, 0xCC };
    struct rd r = rd_init((escertke_span){ bytes, sizeof bytes });
    uint8_t u8;
    uint16_t u16;
    uint32_t u24;
    escertke_span v;

    (void)state;
    assert_int_equal(rd_u8(&r, &u8), ESCERTKE_OK);
    assert_int_equal(u8, 0x16);
    assert_int_equal(rd_u16(&r, &u16), ESCERTKE_OK);
    assert_int_equal(u16, 0x0301);
    assert_int_equal(rd_u24(&r, &u24), ESCERTKE_OK);
    assert_int_equal(u24, 0x000102);
    assert_int_equal(rd_vec16(&r, &v), ESCERTKE_OK);
    assert_int_equal(v.len, 2);
    assert_ptr_equal(v.ptr, bytes + 8);
    assert_int_equal(rd_end(&r), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), 1);
    assert_int_equal(rd_bytes(&r, 1, &v), ESCERTKE_OK);
    assert_int_equal(rd_end(&r), ESCERTKE_OK);
}

static void stays_where_it_was_when_there_is_too_little(void **state)
{
    static const uint8_t bytes[] = { 0x00, 0x02, 0xAA };
    struct rd r = rd_init((escertke_span){ bytes, sizeof bytes });
    uint16_t u16;
    uint32_t u24;
    escertke_span v;

    (void)state;
    assert_int_equal(rd_vec16(&r, &v), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), 3);
    assert_int_equal(rd_bytes(&r, 4, &v), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_bytes(&r, SIZE_MAX, &v), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), 3);
    assert_int_equal(rd_bytes(&r, 2, &v), ESCERTKE_OK);
    assert_int_equal(rd_u16(&r, &u16), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_u24(&r, &u24), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_vec16(&r, &v), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_left(&r), 1);
}

static void nothing_to_read(void **state)
{
    struct rd r = rd_init((escertke_span){ NULL, 0 });
    uint8_t u8;
    escertke_span v;

    (void)state;
    assert_int_equal(rd_u8(&r, &u8), ESCERTKE_ERR_FORMAT);
    assert_int_equal(rd_bytes(&r, 0, &v), ESCERTKE_OK);
    assert_int_equal(v.len, 0);
    assert_int_equal(rd_end(&r), ESCERTKE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(stays_where_it_was_when_there_is_too_little),
        cmocka_unit_test(nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "binding/coap_msg.h"

#include "binding_support.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    bool ok;
    int type, code, mid; /* what is left of a malformed one */
    size_t token, options, payload;
} datagrams[] = {
    { "ping", BYTES(0x40, 0, 0x12, 0x34), true, ESC_COAP_CON, 0, 0x1234, 0, 0, 0 },
    { "reset", BYTES(0x70, 0, 0, 1), true, ESC_COAP_RST, 0, 1, 0, 0, 0 },
    { "get with token", BYTES(0x42, 1, 0, 2, 'a', 'b'), true, ESC_COAP_CON, 1, 2, 2, 0, 0 },
    { "one option", BYTES(0x50, 2, 0, 3, 0xb1, '~'), true, ESC_COAP_NON, 2, 3, 0, 2, 0 },
    { "option and payload", BYTES(0x60, 0x44, 0, 4, 0xb1, 'x', 0xff, 1, 2), true, ESC_COAP_ACK, 204, 4, 0, 2, 2 },
    { "payload alone", BYTES(0x60, 0x44, 0, 4, 0xff, 0xff), true, ESC_COAP_ACK, 204, 4, 0, 0, 1 },
    { "delta of two octets", BYTES(0x40, 1, 0, 5, 0xe0, 0, 0), true, ESC_COAP_CON, 1, 5, 0, 3, 0 },
    { "longest token", BYTES(0x48, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8), true, ESC_COAP_CON, 1, 5, 8, 0, 0 },

    { "nothing", BYTES(0x40, 0, 0), false, ESC_COAP_RST, 0, 0, 0, 0, 0 },
    { "version 0", BYTES(0x00, 1, 0, 5), false, ESC_COAP_RST, 0, 0, 0, 0, 0 },
    { "version 2", BYTES(0x80, 1, 0, 5), false, ESC_COAP_RST, 0, 0, 0, 0, 0 },
    { "token of 9", BYTES(0x49, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "token cut", BYTES(0x42, 1, 0, 5, 1), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "empty with token", BYTES(0x41, 0, 0, 5, 1), false, ESC_COAP_CON, 0, 5, 0, 0, 0 },
    { "empty with payload", BYTES(0x40, 0, 0, 5, 0xff, 1), false, ESC_COAP_CON, 0, 5, 0, 0, 0 },
    { "marker without payload", BYTES(0x40, 1, 0, 5, 0xff), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "option cut", BYTES(0x40, 1, 0, 5, 0xb2, 'x'), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "delta 15", BYTES(0x40, 1, 0, 5, 0xf1, 'x'), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "length 15", BYTES(0x40, 1, 0, 5, 0x1f, 'x'), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "extended delta cut", BYTES(0x40, 1, 0, 5, 0xe0, 0), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "extended length cut", BYTES(0x40, 1, 0, 5, 0x1d), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
    { "number past 65535", BYTES(0x40, 1, 0, 5, 0xe0, 0xff, 0xff), false, ESC_COAP_CON, 1, 5, 0, 0, 0 },
};

static void takes_datagrams_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(datagrams); i++) {
        const char *name = datagrams[i].name;
        struct esc_coap_msg m;
        escertke_err err = esc_coap_parse((escertke_span){ datagrams[i].bytes, datagrams[i].len }, &m);

        expect_err(name, err, datagrams[i].ok ? ESCERTKE_OK : ESCERTKE_ERR_COAP, NULL);
        expect_int(name, m.type, datagrams[i].type);
        expect_int(name, m.code, datagrams[i].code);
        expect_int(name, m.mid, datagrams[i].mid);
        if (!datagrams[i].ok)
            continue;
        expect_int(name, (long)m.token_len, (long)datagrams[i].token);
        expect_int(name, (long)m.options.len, (long)datagrams[i].options);
        expect_int(name, (long)m.payload.len, (long)datagrams[i].payload);
    }
}

static escertke_span zeros(size_t len)
{
    static const uint8_t octets[2000];

    return (escertke_span){ octets, len };
}

/* Every border of RFC 7252 3.1 in numbers and lengths comes back as it went, with other options merged in between. */
static void writes_what_it_reads(void **state)
{
    static const struct {
        unsigned number;
        size_t len;
    } sent[] = { { 1, 0 }, { 13, 12 }, { 13, 13 }, { 26, 14 }, { 300, 268 }, { 569, 269 }, { 60000, 270 }, { 65535, 1034 } };
    static const struct esc_coap_extra extra[] = { { 23, 0 }, { 27, 0x100 }, { 60, 70000 } };
    static const struct {
        unsigned number;
        size_t len;
    } expected[] = { { 1, 0 },     { 13, 12 },    { 13, 13 },     { 23, 0 },      { 26, 14 },     { 27, 2 },
                     { 60, 3 },    { 300, 268 },  { 569, 269 },   { 60000, 270 }, { 65535, 1034 } };
    struct esc_coap_writer w;
    struct esc_coap_msg m = { .type = ESC_COAP_NON, .code = 205, .mid = 0xabcd, .token = { 7, 8, 9 }, .token_len = 3 }, back;
    struct esc_coap_options it;
    struct esc_coap_option o;
    escertke_buf options, out, key;
    uint32_t number;

    (void)state;
    escertke_buf_init(&options, 8192);
    escertke_buf_init(&out, 8192);
    escertke_buf_init(&key, 8192);
    w = (struct esc_coap_writer){ .out = &options };
    for (size_t i = 0; i < COUNT(sent); i++)
        esc_coap_add(&w, sent[i].number, zeros(sent[i].len));
    assert_int_equal(w.err, ESCERTKE_OK);
    esc_coap_add(&w, 5, zeros(0));
    assert_int_equal(w.err, ESCERTKE_ERR_ARG); /* out of order */
    m.options = escertke_buf_span(&options);
    m.payload = zeros(5);
    assert_int_equal(esc_coap_write(&m, extra, COUNT(extra), &out), ESCERTKE_OK);

    assert_int_equal(esc_coap_parse(escertke_buf_span(&out), &back), ESCERTKE_OK);
    assert_int_equal(back.type, m.type);
    assert_int_equal(back.code, m.code);
    assert_int_equal(back.mid, m.mid);
    assert_int_equal(back.token_len, 3);
    assert_memory_equal(back.token, m.token, 3);
    assert_int_equal(back.payload.len, 5);
    it = (struct esc_coap_options){ .rest = back.options };
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(esc_coap_option_next(&it, &o));
        assert_int_equal(o.number, expected[i].number);
        assert_int_equal(o.value.len, expected[i].len);
        if (o.number == 60)
            assert_true(esc_coap_uint(o.value, 4, &number) && number == 70000);
    }
    assert_false(esc_coap_option_next(&it, &o));
    assert_false(it.malformed);

    /* the key of a transfer is the same for all of its blocks */
    assert_int_equal(esc_coap_key(back.options, &key), ESCERTKE_OK);
    assert_int_equal(key.len, options.len);
    assert_memory_equal(key.ptr, options.ptr, key.len);
    m.token_len = 9;
    assert_int_equal(esc_coap_write(&m, NULL, 0, &out), ESCERTKE_ERR_ARG);
    escertke_buf_free(&key);
    escertke_buf_free(&out);
    escertke_buf_free(&options);
}

static void refuses_what_is_too_large(void **state)
{
    struct esc_coap_msg m = { .payload = zeros(50) };
    struct esc_coap_writer w;
    escertke_buf small;

    (void)state;
    escertke_buf_init(&small, 40);
    assert_int_equal(esc_coap_write(&m, NULL, 0, &small), ESCERTKE_ERR_TOO_LARGE);
    escertke_buf_reset(&small);
    w = (struct esc_coap_writer){ .out = &small };
    esc_coap_add(&w, 11, zeros(50));
    assert_int_equal(w.err, ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(small.len, 0); /* nothing half written */
    escertke_buf_free(&small);
}

static void reads_uints(void **state)
{
    uint32_t n = 9;

    (void)state;
    assert_true(esc_coap_uint(zeros(0), 4, &n) && n == 0);
    assert_true(esc_coap_uint((escertke_span){ BYTES(0, 0, 7) }, 3, &n) && n == 7);
    assert_true(esc_coap_uint((escertke_span){ BYTES(0xff, 0xff, 0xff, 0xff) }, 4, &n) && n == UINT32_MAX);
    assert_false(esc_coap_uint(zeros(3), 2, &n));
    assert_false(esc_coap_uint(zeros(5), 8, &n));
}

static void reads_blocks(void **state)
{
    struct esc_coap_block b;

    (void)state;
    assert_true(esc_coap_block_read(zeros(0), &b) && b.num == 0 && !b.more && b.szx == 0);
    assert_true(esc_coap_block_read((escertke_span){ BYTES(0x1e) }, &b) && b.num == 1 && b.more && b.szx == 6);
    assert_true(esc_coap_block_read((escertke_span){ BYTES(0xff, 0xff, 0xf6) }, &b) && b.num == 0xfffff && !b.more);
    assert_int_equal(esc_coap_block_value(&b), 0xfffff6);
    assert_false(esc_coap_block_read((escertke_span){ BYTES(0x07) }, &b));
    assert_false(esc_coap_block_read(zeros(4), &b));
    assert_int_equal(esc_coap_block_size(0), 16);
    assert_int_equal(esc_coap_block_size(6), 1024);
    assert_int_equal(esc_coap_fitting_szx(100, 6), 6);
    assert_int_equal(esc_coap_fitting_szx(100, 2), 2);
    assert_int_equal(esc_coap_fitting_szx(500, 6), 5);
    assert_int_equal(esc_coap_fitting_szx(5000, 6), 0);
}

static const struct {
    const char *name;
    size_t have; /* octets before */
    struct esc_coap_block b;
    size_t payload;
    int code;
    size_t after;
} takes[] = {
    { "first", 0, { 0, true, 0 }, 16, 0, 16 },
    { "first and last", 0, { 0, false, 0 }, 3, 0, 3 },
    { "empty", 0, { 0, false, 0 }, 0, 0, 0 },
    { "next", 16, { 1, true, 0 }, 16, 0, 32 },
    { "last", 32, { 2, false, 0 }, 5, 0, 37 },
    { "last came again", 37, { 2, false, 0 }, 5, 0, 37 },
    { "block came again", 32, { 1, true, 0 }, 16, 0, 32 },
    { "smaller from now on", 32, { 2, true, 0 }, 16, 0, 48 },
    { "larger from now on", 32, { 1, true, 1 }, 32, 0, 64 },
    { "one is missing", 16, { 2, true, 0 }, 16, 408, 16 },
    { "an older one", 48, { 1, true, 0 }, 16, 408, 48 },
    { "begins in the middle", 0, { 3, true, 0 }, 16, 408, 0 },
    { "far away", 16, { 0xfffff, false, 6 }, 1, 408, 16 },
    { "not full", 0, { 0, true, 0 }, 15, 400, 0 },
    { "more than full", 0, { 0, true, 0 }, 17, 400, 0 },
    { "last more than full", 0, { 0, false, 0 }, 17, 400, 0 },
    { "up to the limit", 48, { 3, false, 0 }, 16, 0, 64 },
    { "past the limit", 64, { 4, false, 0 }, 1, 413, 64 },
};

static void takes_blocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(takes); i++) {
        escertke_buf body;

        escertke_buf_init(&body, 64);
        if (takes[i].have)
            assert_int_equal(escertke_buf_append(&body, zeros(takes[i].have).ptr, takes[i].have), ESCERTKE_OK);
        expect_int(takes[i].name, esc_coap_block_take(&takes[i].b, zeros(takes[i].payload), &body), takes[i].code);
        expect_int(takes[i].name, (long)body.len, (long)takes[i].after);
        escertke_buf_free(&body);
    }
}

static void takes_no_other_block_for_the_same(void **state)
{
    static const uint8_t ones[16] = { 1 };
    escertke_buf body;

    (void)state;
    escertke_buf_init(&body, 64);
    assert_int_equal(escertke_buf_append(&body, zeros(16).ptr, 16), ESCERTKE_OK);
    assert_int_equal(esc_coap_block_take(&(struct esc_coap_block){ 0, true, 0 }, (escertke_span){ ones, 16 }, &body), 408);
    escertke_buf_free(&body);
}

static void cuts_blocks(void **state)
{
    struct esc_coap_block b = { 0, false, 0 };
    escertke_span part;

    (void)state;
    assert_true(esc_coap_block_cut(zeros(40), &b, &part) && b.more && part.len == 16);
    b.num = 2;
    assert_true(esc_coap_block_cut(zeros(40), &b, &part) && !b.more && part.len == 8 && part.ptr == zeros(40).ptr + 32);
    b.num = 1;
    assert_true(esc_coap_block_cut(zeros(32), &b, &part) && !b.more && part.len == 16);
    b.num = 2;
    assert_false(esc_coap_block_cut(zeros(32), &b, &part));
    b.num = 0;
    assert_true(esc_coap_block_cut((escertke_span){ NULL, 0 }, &b, &part) && !b.more && part.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_datagrams_apart),     cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(refuses_what_is_too_large), cmocka_unit_test(reads_uints),
        cmocka_unit_test(reads_blocks),              cmocka_unit_test(takes_blocks),
        cmocka_unit_test(cuts_blocks),               cmocka_unit_test(takes_no_other_block_for_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

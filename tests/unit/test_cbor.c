#include "m2m_support.h"

#include <stdio.h>

#include <escertke/m2m.h>

#include "m2m/cbor.h"
#include "m2m/serialization.h"

/* ---- what is read, as the JSON that it stands for ----------------------------------------------------------------- */

#define SIXTEEN(x) x x x x x x x x x x x x x x x x

static const struct {
    const char *name;
    escertke_span octets;
    const char *json; /* NULL: refused */
} reads[] = {
    { "empty map", BYTES("\xa0"), "{}" },
    { "empty array", BYTES("\x80"), "[]" },
    { "map", BYTES("\xa1\x61\x61\x01"), "{\"a\":1}" },
    { "empty name", BYTES("\xa1\x60\x01"), "{\"\":1}" },
    { "nested", BYTES("\xa2\x61\x61\x82\x01\x80\x61\x62\xa1\x61\x63\x60"), "{\"a\":[1,[]],\"b\":{\"c\":\"\"}}" },
    { "simple values", BYTES("\x83\xf4\xf5\xf6"), "[false,true,null]" },
    { "UTF-8", BYTES("\x82\x62\xc3\xbc\x64\xf0\x9f\x98\x80"), "[\"\xc3\xbc\",\"\xf0\x9f\x98\x80\"]" },

    /* integers: of any width, the shortest or not */
    { "0 and 23", BYTES("\x82\x00\x17"), "[0,23]" },
    { "24 and 255", BYTES("\x82\x18\x18\x18\xff"), "[24,255]" },
    { "widths", BYTES("\x83\x19\x07\xd0\x1a\x00\x01\x00\x00\x1b\x00\x00\x00\x01\x00\x00\x00\x00"), "[2000,65536,4294967296]" },
    { "not the shortest", BYTES("\x84\x18\x06\x19\x00\x06\x1a\x00\x00\x00\x06\x1b\x00\x00\x00\x00\x00\x00\x00\x06"), "[6,6,6,6]" },
    { "negative", BYTES("\x84\x20\x38\x18\x39\x01\x00\x3a\x00\x01\x00\x00"), "[-1,-25,-257,-65537]" },
    { "largest", BYTES("\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), "[9223372036854775807,-9223372036854775808]" },
    { "too large", BYTES("\x81\x1b\x80\x00\x00\x00\x00\x00\x00\x00"), NULL },
    { "too small", BYTES("\x81\x3b\x80\x00\x00\x00\x00\x00\x00\x00"), NULL },

    /* floats */
    { "6.0 in 2 octets", BYTES("\x81\xf9\x46\x00"), "[6.0]" },
    { "6.0 in 4 octets", BYTES("\x81\xfa\x40\xc0\x00\x00"), "[6.0]" },
    { "6.0 in 8 octets", BYTES("\x81\xfb\x40\x18\x00\x00\x00\x00\x00\x00"), "[6.0]" },
    { "not a number", BYTES("\x81\xf9\x7e\x00"), NULL },
    { "not a number, 8 octets", BYTES("\x81\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00"), NULL },
    { "infinity", BYTES("\x81\xfa\x7f\x80\x00\x00"), NULL },
    { "minus infinity", BYTES("\x81\xf9\xfc\x00"), NULL },

    /* byte strings count as the characters in them */
    { "a byte string as a value", BYTES("\xa1\x61\x61\x43\x46\x67\x4d"), "{\"a\":\"FgM\"}" },
    { "a byte string as a name", BYTES("\xa1\x43sit\x06"), "{\"sit\":6}" },
    { "bytes that are no UTF-8", BYTES("\x81\x42\xff\xfe"), NULL },
    { "the same name as text and as bytes", BYTES("\xa2\x61\x61\x01\x41\x61\x02"), NULL },

    /* indefinite lengths */
    { "map without a length", BYTES("\xbf\x61\x61\x01\x61\x62\x9f\xff\xff"), "{\"a\":1,\"b\":[]}" },
    { "array without a length", BYTES("\x9f\x01\x82\x02\x03\x9f\x04\xff\xff"), "[1,[2,3],[4]]" },
    { "empty without a length", BYTES("\x82\x9f\xff\xbf\xff"), "[[],{}]" },
    { "text in pieces", BYTES("\x81\x7f\x61\x61\x60\x62\x62\x63\xff"), "[\"abc\"]" },
    { "text of no piece", BYTES("\x81\x7f\xff"), "[\"\"]" },
    { "bytes in pieces", BYTES("\x81\x5f\x41\x61\x41\x62\xff"), "[\"ab\"]" },
    { "a name in pieces", BYTES("\xa1\x7f\x61\x61\x61\x62\xff\x01"), "{\"ab\":1}" },
    { "two texts in pieces", BYTES("\x82\x7f\x61\x61\xff\x7f\x61\x62\xff"), "[\"a\",\"b\"]" },
    { "a piece of another kind", BYTES("\x81\x7f\x41\x61\xff"), NULL },
    { "a piece of another kind, of bytes", BYTES("\x81\x5f\x61\x61\xff"), NULL },
    { "a number as a piece", BYTES("\x81\x7f\x01\xff"), NULL },
    { "a map as a piece", BYTES("\x81\x7f\xa0\xff"), NULL },
    { "a piece in pieces", BYTES("\x81\x7f\x7f\x61\x61\xff\xff"), NULL },
    { "a character in two pieces", BYTES("\x81\x7f\x61\xc3\x61\xbc\xff"), NULL },
    { "no end", BYTES("\x9f\x01"), NULL },
    { "no end of a text", BYTES("\x81\x7f\x61\x61"), NULL },
    { "an end too many", BYTES("\x9f\xff\xff"), NULL },
    { "an end at the beginning", BYTES("\xff"), NULL },
    { "an end in an array with a length", BYTES("\x82\x01\xff"), NULL },
    { "an end behind a name", BYTES("\xbf\x61\x61\xff"), NULL },
    { "an end in a map with a length", BYTES("\xa1\xff\x01"), NULL },

    /* names */
    { "a number as a name", BYTES("\xa1\x01\x01"), NULL },
    { "an array as a name", BYTES("\xa1\x80\x01"), NULL },
    { "null as a name", BYTES("\xa1\xf6\x01"), NULL },
    { "a name twice", BYTES("\xa2\x61\x61\x01\x61\x61\x01"), NULL },
    { "a name twice without a length", BYTES("\xbf\x61\x61\x01\x61\x61\x02\xff"), NULL },
    { "a name twice deep inside", BYTES("\xa1\x61\x61\x81\xa2\x61\x62\x01\x61\x62\x01"), NULL },
    { "the same name in two maps", BYTES("\x82\xa1\x61\x61\x01\xa1\x61\x61\x01"), "[{\"a\":1},{\"a\":1}]" },
    { "NUL in a name", BYTES("\xa1\x63\x61\x00\x62\x01"), NULL },

    /* what has no counterpart in JSON, or is nothing at all */
    { "a tag", BYTES("\xc1\x81\x01"), NULL },
    { "the tag that says CBOR", BYTES("\xd9\xd9\xf7\xa0"), NULL },
    { "a tag inside", BYTES("\x81\xc0\x61\x61"), NULL },
    { "a tag around a name", BYTES("\xa1\xc0\x61\x61\x01"), NULL },
    { "a tag in a text in pieces", BYTES("\x81\x7f\xc0\x61\x61\xff"), NULL },
    { "undefined", BYTES("\x81\xf7"), NULL },
    { "undefined in a text in pieces", BYTES("\x81\x7f\xf7\xff"), NULL },
    { "simple value 0", BYTES("\x81\xe0"), NULL },
    { "simple value 255", BYTES("\x81\xf8\xff"), NULL },
    { "reserved additional information", BYTES("\x81\x1c"), NULL },
    { "reserved for a text", BYTES("\x81\x7c\x61"), NULL },
    { "reserved for a map", BYTES("\xbc"), NULL },
    { "an integer of indefinite length", BYTES("\x81\x1f"), NULL },
    { "bad UTF-8", BYTES("\x81\x61\xff"), NULL },
    { "overlong UTF-8", BYTES("\x81\x62\xc0\x80"), NULL },
    { "a surrogate", BYTES("\x81\x63\xed\xa0\x80"), NULL },
    { "NUL", BYTES("\x81\x61\x00"), NULL },
    { "nothing", BYTES(""), NULL },
    { "a number alone", BYTES("\x01"), NULL },
    { "a text alone", BYTES("\x61\x61"), NULL },
    { "a text in pieces alone", BYTES("\x7f\x61\x61\xff"), NULL },
    { "null alone", BYTES("\xf6"), NULL },
    { "something behind", BYTES("\xa0\xa0"), NULL },
    { "NUL behind", BYTES("\xa0\x00"), NULL },
    { "JSON", BYTES("{\"a\":1}"), NULL },

    /* lengths that promise more than there is */
    { "an array of 2", BYTES("\x82\x01"), NULL },
    { "an array of 4 G", BYTES("\x9a\xff\xff\xff\xff\x01"), NULL },
    { "an array of 2^64-1", BYTES("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NULL },
    { "a map of 2^63", BYTES("\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x61\x61\x01"), NULL },
    { "a map of 2^63-1", BYTES("\xbb\x7f\xff\xff\xff\xff\xff\xff\xff\x61\x61\x01"), NULL },
    { "a text of 4 G", BYTES("\x81\x7a\xff\xff\xff\xff\x61"), NULL },
    { "a text of 2^64-1", BYTES("\x81\x7b\xff\xff\xff\xff\xff\xff\xff\xff\x61"), NULL },
    { "bytes of 2^64-1", BYTES("\x81\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x61"), NULL },
    { "a piece of 2^64-1", BYTES("\x81\x7f\x7b\xff\xff\xff\xff\xff\xff\xff\xff\x61\xff"), NULL },

    { "16 levels", BYTES(SIXTEEN("\x81") ""), NULL }, /* the innermost has no member */
    { "15 levels and an empty one", BYTES("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x80"), "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]" },
    { "17 levels", BYTES(SIXTEEN("\x81") "\x80"), NULL },
    { "17 levels without a length", BYTES(SIXTEEN("\x9f") "\x9f\xff" SIXTEEN("\xff")), NULL },
    { "1600 levels", BYTES(SIXTEEN(SIXTEEN("\x9f") "\x9f")), NULL },
};

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        escertke_err expected = reads[i].json ? ESCERTKE_OK : ESCERTKE_ERR_CBOR;
        escertke_detail d;
        json_t *v;
        escertke_detail_init(&d);
        expect_err(reads[i].name, esc_cbor_load(reads[i].octets, &v, &d), expected);
        assert_int_equal(d.err, expected);
        assert_true((v != NULL) == (expected == ESCERTKE_OK));
        assert_true(expected == ESCERTKE_OK || d.reason[0]);
        if (v) {
            char *json = json_dumps(v, JSON_COMPACT);
            if (strcmp(json, reads[i].json) != 0)
                fail_msg("%s: expected %s, found %s", reads[i].name, reads[i].json, json);
            free(json);
        }
        json_decref(v);
    }
}

/* Every octet that is missing at the end is missed; memory right behind the input is not touched (under AddressSanitizer). */
static void cut_at_every_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++)
        for (size_t len = 0; reads[i].json && len < reads[i].octets.len; len++) {
            uint8_t *copy = malloc(len + 1);
            uint8_t *tight = realloc(memcpy(copy, reads[i].octets.ptr, len), len ? len : 1);
            json_t *v;
            expect_err(reads[i].name, esc_cbor_load((escertke_span){ tight, len }, &v, NULL), ESCERTKE_ERR_CBOR);
            assert_null(v);
            free(tight);
        }
}

static escertke_err load_filled(size_t len, const char *head, size_t head_len, int fill)
{
    uint8_t *octets = malloc(len);
    json_t *v;

    memset(octets, fill, len);
    memcpy(octets, head, head_len);
    escertke_err err = esc_cbor_load((escertke_span){ octets, len }, &v, NULL);
    assert_true((v != NULL) == (err == ESCERTKE_OK));
    json_decref(v);
    free(octets);
    return err;
}

static void limits(void **state)
{
    (void)state;
    /* one text of all octets but its head: as large as it may be, and one octet more */
    assert_int_equal(load_filled(ESCERTKE_PRIMITIVE_MAX, "\x81\x7a\x00\x01\xff\xfa", 6, 'x'), ESCERTKE_OK);
    assert_int_equal(load_filled(ESCERTKE_PRIMITIVE_MAX + 1, "\x81\x7a\x00\x01\xff\xfb", 6, 'x'), ESCERTKE_ERR_TOO_LARGE);
    /* an array counts as one value; 16383 more are all */
    assert_int_equal(load_filled(3 + ESC_ITEMS_MAX - 1, "\x99\x3f\xff", 3, 0xa0), ESCERTKE_OK);
    assert_int_equal(load_filled(3 + ESC_ITEMS_MAX, "\x99\x40\x00", 3, 0xa0), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(load_filled(ESCERTKE_PRIMITIVE_MAX, "\x9f", 1, 0xa0), ESCERTKE_ERR_TOO_LARGE);
    /* the pieces of a text */
    assert_int_equal(load_filled(ESCERTKE_PRIMITIVE_MAX, "\x81\x7f", 2, 0x60), ESCERTKE_ERR_CBOR); /* never ends */
}

static void detail_names_the_place_and_quotes_nothing(void **state)
{
    static const uint8_t octets[] = "\xa1\x69swordfish\xc1\x01";
    escertke_detail d;
    json_t *v;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(esc_cbor_load((escertke_span){ octets, sizeof octets - 1 }, &v, &d), ESCERTKE_ERR_CBOR);
    assert_non_null(strstr(d.reason, "octet 11: a tag"));
    assert_null(strstr(d.reason, "swordfish"));
    assert_string_equal(d.clause, "TS-0004 8.5.1");
}

static void out_of_memory(void **state)
{
    static const uint8_t octets[] = "\xa2\x61\x61\x01\x61\x62\x7f\x61\x61\xff";
    escertke_err err = ESCERTKE_ERR_NOMEM;
    json_t *v;
    long n;

    (void)state;
    for (n = 0; err == ESCERTKE_ERR_NOMEM; n++) {
        memory_fails_after(n);
        err = esc_cbor_load((escertke_span){ octets, sizeof octets - 1 }, &v, NULL);
        assert_true((v != NULL) == (err == ESCERTKE_OK));
        json_decref(v);
        memory_restored();
    }
    assert_int_equal(err, ESCERTKE_OK);
    assert_int_equal(n, 4); /* two names, the pieces, and once with all of it */
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *json;
    escertke_span octets;
} writes[] = {
    { "{}", BYTES("\xa0") },
    { "[]", BYTES("\x80") },
    { "{\"b\":1,\"a\":[true,false,null]}", BYTES("\xa2\x61\x62\x01\x61\x61\x83\xf5\xf4\xf6") }, /* members in their order */
    { "[0,23,24,255,256,65535,65536,4294967295,4294967296]",
      BYTES("\x89\x00\x17\x18\x18\x18\xff\x19\x01\x00\x19\xff\xff\x1a\x00\x01\x00\x00\x1a\xff\xff\xff\xff\x1b\x00\x00\x00\x01\x00\x00\x00\x00") },
    { "[-1,-24,-25,-256,-257,9223372036854775807,-9223372036854775808]",
      BYTES("\x87\x20\x37\x38\x18\x38\xff\x39\x01\x00\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x3b\x7f\xff\xff\xff\xff\xff\xff\xff") },
    { "[6.0,1.5,0.1]", BYTES("\x83\xfa\x40\xc0\x00\x00\xfa\x3f\xc0\x00\x00\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a") },
    { "[\"\",\"\xc3\xbc\",\"123456789012345678901234\"]", BYTES("\x83\x60\x62\xc3\xbc\x78\x18" "123456789012345678901234") },
};

static void writing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        json_t *tree, *again;
        escertke_buf out;
        assert_int_equal(esc_json_load(escertke_span_str(writes[i].json), &tree, NULL), ESCERTKE_OK);
        escertke_buf_init(&out, writes[i].octets.len);
        expect_err(writes[i].json, esc_cbor_dump(tree, &out), ESCERTKE_OK);
        assert_int_equal(out.len, writes[i].octets.len);
        assert_memory_equal(out.ptr, writes[i].octets.ptr, out.len);
        assert_int_equal(esc_cbor_load(escertke_buf_span(&out), &again, NULL), ESCERTKE_OK);
        assert_true(json_equal(tree, again));
        json_decref(again);
        escertke_buf_free(&out);
        json_decref(tree);
    }
}

static void writing_within_bounds(void **state)
{
    json_t *deep = json_array(), *wide = json_array();
    escertke_buf out;

    (void)state;
    for (int i = 1; i < ESC_JSON_DEPTH_MAX; i++)
        deep = json_pack("[o]", deep);
    escertke_buf_init(&out, 1 << 20);
    assert_int_equal(esc_cbor_dump(deep, &out), ESCERTKE_OK);
    assert_int_equal(out.len, ESC_JSON_DEPTH_MAX);
    deep = json_pack("[o]", deep);
    assert_int_equal(esc_cbor_dump(deep, &out), ESCERTKE_ERR_CBOR);
    for (int i = 1; i < ESC_ITEMS_MAX; i++)
        json_array_append_new(wide, json_null());
    assert_int_equal(esc_cbor_dump(wide, &out), ESCERTKE_OK);
    json_array_append_new(wide, json_null());
    size_t len = out.len;
    assert_int_equal(esc_cbor_dump(wide, &out), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, len);
    escertke_buf_free(&out);
    json_decref(deep);
    json_decref(wide);
}

static void a_full_buffer_is_as_it_was(void **state)
{
    json_t *tree = json_pack("{s[isbf]}", "a", 70000, "text", 1, 0.1);

    (void)state;
    for (size_t max = 1; max < 24; max++) {
        escertke_buf out;
        escertke_buf_init(&out, max);
        assert_int_equal(escertke_buf_append(&out, "!", 1), ESCERTKE_OK);
        assert_int_equal(esc_cbor_dump(tree, &out), ESCERTKE_ERR_TOO_LARGE);
        assert_buf_text(&out, "!");
        escertke_buf_free(&out);
    }
    json_decref(tree);
}

/* ---- R 10.3, octet for octet -------------------------------------------------------------------------------------- */

/* The request and the response as printed there, spaces dropped. */
static const char request_hex[] = "a6626f700562746f6a2f696e312f533566306562667267436131623263336372716965413030303163727669613362706"
                                  "3a1686d326d3a73656369a2637369740664"
                                  "65636b6d6846674d424141413d";
static const char response_hex[] = "a4637273631907d063727169654130303031637276696133627063a1686d326d3a73656369a263736974066465636b6d684667"
                                   "4d444141413d";

static size_t from_hex(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = strlen(hex) / 2;

    assert_true(len <= cap && escertke_unhex(hex, out, len) == ESCERTKE_OK);
    return len;
}

static void request_of_the_text(void **state)
{
    uint8_t octets[128];
    size_t len = from_hex(request_hex, octets, sizeof octets);
    escertke_primitive p;
    escertke_seci s;

    (void)state;
    assert_int_equal(len, 79);
    assert_int_equal(escertke_primitive_parse(ESCERTKE_FORMAT_CBOR, (escertke_span){ octets, len }, &p, NULL), ESCERTKE_OK);
    assert_int_equal(p.op, 5);
    assert_string_equal(p.to, "/in1/S5f0e");
    assert_string_equal(p.fr, "Ca1b2c3");
    assert_string_equal(p.rqi, "A0001");
    assert_string_equal(p.rvi, "3");
    assert_int_equal(p.format, ESCERTKE_FORMAT_CBOR);
    assert_int_equal(escertke_seci_parse(p.format, escertke_buf_span(&p.content), &s, NULL), ESCERTKE_OK);
    assert_int_equal(s.sit, 6);
    assert_int_equal(s.eckm.len, 5);
    assert_memory_equal(s.eckm.ptr, "\x16\x03\x01\x00\x00", 5);
    escertke_seci_clear(&s);
    escertke_primitive_clear(&p);
}

static void response_of_the_text(void **state)
{
    uint8_t octets[128];
    size_t len = from_hex(response_hex, octets, sizeof octets);
    escertke_primitive p;
    escertke_seci s;

    (void)state;
    assert_int_equal(len, 57);
    assert_int_equal(escertke_primitive_parse(ESCERTKE_FORMAT_CBOR, (escertke_span){ octets, len }, &p, NULL), ESCERTKE_OK);
    assert_int_equal(p.rsc, 2000);
    assert_string_equal(p.rqi, "A0001");
    assert_int_equal(escertke_seci_parse(p.format, escertke_buf_span(&p.content), &s, NULL), ESCERTKE_OK);
    assert_memory_equal(s.eckm.ptr, "\x16\x03\x03\x00\x00", 5);
    escertke_seci_clear(&s);
    escertke_primitive_clear(&p);
}

/* Members come in the order of the tables here, which the example does not keep: rvi stands last. All else is the same. */
static void the_same_octets_are_written(void **state)
{
    static const struct {
        const char *hex;
        size_t rvi; /* where the member rvi stands, 6 octets */
    } cases[] = { { request_hex, 40 }, { response_hex, 18 } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t octets[128], expected[128];
        size_t len = from_hex(cases[i].hex, octets, sizeof octets), rvi = cases[i].rvi, end = rvi + 6;
        escertke_primitive p;
        escertke_buf out;
        assert_memory_equal(octets + rvi, "\x63rvi\x61\x33", 6);
        memcpy(expected, octets, rvi);
        memcpy(expected + rvi, octets + end, len - end);
        memcpy(expected + rvi + len - end, octets + rvi, end - rvi);
        assert_int_equal(escertke_primitive_parse(ESCERTKE_FORMAT_CBOR, (escertke_span){ octets, len }, &p, NULL), ESCERTKE_OK);
        escertke_buf_init(&out, len);
        assert_int_equal(escertke_primitive_write(ESCERTKE_FORMAT_CBOR, &p, &out), ESCERTKE_OK);
        assert_int_equal(out.len, len);
        assert_memory_equal(out.ptr, expected, len);
        escertke_buf_free(&out);
        escertke_primitive_clear(&p);
    }
}

static void primitive_cut_at_every_octet(void **state)
{
    uint8_t octets[128];
    size_t len = from_hex(request_hex, octets, sizeof octets);
    escertke_primitive p;

    (void)state;
    for (size_t n = 0; n < len; n++) {
        expect_err("cut", escertke_primitive_parse(ESCERTKE_FORMAT_CBOR, (escertke_span){ octets, n }, &p, NULL), ESCERTKE_ERR_CBOR);
        assert_null(p.rqi);
        escertke_primitive_clear(&p);
    }
}

/* Wrong types are the primitive's fault, not CBOR's. */
static void primitive_of_wrong_types(void **state)
{
    static const struct {
        const char *name;
        escertke_span octets;
        escertke_err expected;
    } cases[] = {
        { "op as a text", BYTES("\xa4\x62op\x61\x35\x62to\x61-\x62"
                                "fr\x61S\x63rqi\x61\x31"), ESCERTKE_ERR_PRIMITIVE },
        { "op as 5.0", BYTES("\xa4\x62op\xf9\x45\x00\x62to\x61-\x62"
                             "fr\x61S\x63rqi\x61\x31"), ESCERTKE_OK },
        { "rqi as a number", BYTES("\xa4\x62op\x05\x62to\x61-\x62"
                                   "fr\x61S\x63rqi\x01"), ESCERTKE_ERR_PRIMITIVE },
        { "an array", BYTES("\x82\x62op\x05"), ESCERTKE_ERR_PRIMITIVE },
        { "pc of two members", BYTES("\xa5\x62op\x05\x62to\x61-\x62"
                                     "fr\x61S\x63rqi\x61\x31\x62pc\xa2\x61\x61\x01\x61\x62\x01"), ESCERTKE_ERR_PRIMITIVE },
        { "an unknown member", BYTES("\xa5\x62op\x05\x62to\x61-\x62"
                                     "fr\x61S\x63rqi\x61\x31\x62zz\x80"), ESCERTKE_OK },
        { "wrapped, which JSON and CBOR are not", BYTES("\xa1\x67m2m:rqp\xa4\x62op\x05\x62to\x61-\x62"
                                                        "fr\x61S\x63rqi\x61\x31"), ESCERTKE_ERR_PRIMITIVE },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive p;
        expect_err(cases[i].name, escertke_primitive_parse(ESCERTKE_FORMAT_CBOR, cases[i].octets, &p, NULL), cases[i].expected);
        escertke_primitive_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(cut_at_every_octet),
        cmocka_unit_test(limits),
        cmocka_unit_test(detail_names_the_place_and_quotes_nothing),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(writing),
        cmocka_unit_test(writing_within_bounds),
        cmocka_unit_test(a_full_buffer_is_as_it_was),
        cmocka_unit_test(request_of_the_text),
        cmocka_unit_test(response_of_the_text),
        cmocka_unit_test(the_same_octets_are_written),
        cmocka_unit_test(primitive_cut_at_every_octet),
        cmocka_unit_test(primitive_of_wrong_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every kind of primitive, from every serialization to every other and back: nothing changes on the way. */
#include "m2m_support.h"

#include <stdio.h>

#include <escertke/m2m.h>

#include "m2m/serialization.h"

static const escertke_format all_formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };

/* Those that this build has. */
static size_t formats(escertke_format out[3])
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT(all_formats); i++)
        if (escertke_format_available(all_formats[i]))
            out[count++] = all_formats[i];
    return count;
}

/* What a primitive is in JSON, members as they are written. */
static const char *const primitives[] = {
    /* R 10.1 */
    "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}},"
    "\"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\"rvi\":\"3\"}",
    "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"/mn1/Ca1b2c3\",\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":"
    "\"FgMBAH8BAAB7\"}},\"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\"rvi\":\"3\"}",
    "{\"rsc\":2000,\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAGECAABd\"}},\"rvi\":\"3\"}",
    "{\"rsc\":4106,\"rqi\":\"A0002\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FQMDAAICKg==\"}},\"rvi\":\"3\"}",
    "{\"rsc\":4000,\"rqi\":\"A0002\",\"pc\":{\"m2m:dbg\":\"ESCertKE: no pending handshake\"},\"rvi\":\"3\"}",
    "{\"rsc\":4000,\"rqi\":\"A0002\",\"pc\":{\"m2m:dbg\":\" <&> ]]> \\\"'\\u00fc\\ud83d\\ude00 \"}}",
    "{\"op\":5,\"to\":\"/in1/-\",\"fr\":\"/mn1\",\"rqi\":\"1\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDA3YLAANy\"}}}",
    /* R 10.8: a poll, what it brings, how that is answered */
    "{\"op\":2,\"to\":\"/in1/-/meterAE/pch/pcu\",\"fr\":\"S5f0e\",\"rqi\":\"p1\",\"rqet\":\"20260601T120500\",\"rvi\":\"3\"}",
    "{\"rsc\":2000,\"rqi\":\"p1\",\"pc\":{\"m2m:rqp\":{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"/mn1/Ca1b2c3\",\"rqi\":\"Ca1b2c3/A0001\","
    "\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}},\"rvi\":\"3\"}},\"rvi\":\"3\"}",
    "{\"op\":5,\"to\":\"/in1/-/meterAE/pch/pcu\",\"fr\":\"S5f0e\",\"rqi\":\"p2\",\"pc\":{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":"
    "\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAGECAABd\"}},\"rvi\":\"3\"}},\"rvi\":\"3\"}",
    "{\"rsc\":2000,\"rqi\":\"p2\",\"rvi\":\"3\"}",
    /* R 10.9: registration, policies, capabilities */
    "{\"op\":1,\"to\":\"-\",\"fr\":\"S5f0e\",\"rqi\":\"r1\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rn\":\"meterAE\",\"apn\":\"meter\",\"api\":"
    "\"Nmeter\",\"poa\":[\"http://10.0.0.7:9000/notify\"],\"rr\":true,\"csz\":[\"json\",\"xml\",\"cbor\"],\"esi\":{\"esf\":[43]},"
    "\"srv\":[\"3\"]}},\"rvi\":\"3\"}",
    "{\"op\":1,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r2\",\"ty\":1,\"pc\":{\"m2m:acp\":{\"rn\":\"acpE2E\",\"pv\":{\"acr\":[{"
    "\"acor\":[\"/S5f0e\"],\"acop\":63},{\"acor\":[\"/mn1/Ca1b2c3\",\"Ca\"],\"acop\":18}]},\"pvs\":{\"acr\":[{\"acor\":[\"/S5f0e\"],"
    "\"acop\":63}]}}},\"rvi\":\"3\"}",
    "{\"op\":3,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r3\",\"pc\":{\"m2m:ae\":{\"acpi\":[\"in1base/meterAE/acpE2E\"]}},"
    "\"rvi\":\"3\"}",
    "{\"op\":2,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0000\",\"pc\":{\"m2m:atrl\":[\"esi\"]},\"rvi\":\"3\"}",
    "{\"op\":2,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0000\",\"pc\":{\"m2m:atrl\":[\"esi\",\"poa\"]},\"rvi\":\"2a\"}",
    "{\"rsc\":2000,\"rqi\":\"A0000\",\"pc\":{\"m2m:ae\":{\"esi\":{\"esf\":[43]}}},\"rvi\":\"3\"}",
    "{\"op\":1,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r4\",\"ty\":15,\"pc\":{\"m2m:pch\":{\"rn\":\"pch\"}},\"rvi\":\"3\"}",
    "{\"op\":1,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r4\",\"ty\":15,\"pc\":{\"m2m:pch\":{}}}",
    "{\"op\":3,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r5\",\"pc\":{\"m2m:ae\":{\"apn\":null,\"poa\":null,\"esi\":null}}}",
    "{\"op\":4,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r6\",\"rvi\":\"3\"}",
    /* what the CSE says of itself and of others */
    "{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"m2m:cb\":{\"rn\":\"in1base\",\"ty\":5,\"ri\":\"in1\",\"pi\":null,\"ct\":\"20260601T120000\","
    "\"lt\":\"20260601T120000\",\"cst\":1,\"csi\":\"/in1\",\"srt\":[1,2,5,16],\"poa\":[\"http://a\",\"http://b\"],\"csz\":[\"json\"],"
    "\"esi\":{\"esf\":[43,13]},\"srv\":[\"2\",\"2a\",\"3\"]}}}",
    "{\"op\":1,\"to\":\"-\",\"fr\":\"/mn1\",\"rqi\":\"1\",\"ty\":16,\"pc\":{\"m2m:csr\":{\"rn\":\"mn1\",\"cst\":2,\"poa\":[\"http://m\"],"
    "\"cb\":\"/mn1/mn1base\",\"csi\":\"/mn1\",\"rr\":true,\"dcse\":[\"/mn2\",\"/mn3\"],\"srv\":[\"3\"]}}}",
    /* R 10.10, and every other kind of securityInfo */
    "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"B1\",\"pc\":{\"m2m:seci\":{\"sit\":3}},\"rvi\":\"3\"}",
    "{\"rsc\":2000,\"rqi\":\"B1\",\"pc\":{\"m2m:seci\":{\"sit\":4,\"ero\":{\"esri\":\"u-3f1c\",\"esrv\":"
    "\"r00112233445566778899aabbccddeeff\",\"esrx\":\"20300101T000000\",\"esks\":[1],\"espa\":[12]}}},\"rvi\":\"3\"}",
    "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"B2\",\"pc\":{\"m2m:seci\":{\"sit\":5,\"epo\":"
    "\"aGVhZGVy..aXY.Y2lwaGVy.dGFn\"}},\"rvi\":\"3\"}",
    "{\"op\":5,\"to\":\"-\",\"fr\":\"Ca\",\"rqi\":\"1\",\"pc\":{\"m2m:seci\":{\"sit\":1,\"dreq\":{\"a\":\"b\",\"c\":{\"d\":\"e f\"}}}}}",
    /* a notification and its answer, a container's life (R 12.1) */
    "{\"op\":5,\"to\":\"/in1/Ca\",\"fr\":\"/in1\",\"rqi\":\"n1\",\"pc\":{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cin\":{\"rn\":\"c1\","
    "\"ty\":4,\"ri\":\"cin1\",\"st\":7,\"cr\":\"Cx\",\"cnf\":\"application/vnd.onem2m-preq+json:0\",\"cs\":12,\"con\":"
    "\"{\\\"op\\\":5,\\\"to\\\":\\\"<&>\\\"}\\n\"}},\"net\":3},\"sur\":\"/in1/sub1\"}}}",
    "{\"op\":5,\"to\":\"/in1/Ca\",\"fr\":\"/in1\",\"rqi\":\"n2\",\"pc\":{\"m2m:sgn\":{\"vrq\":true,\"sur\":\"/in1/sub1\",\"cr\":\"Ca\"}}}",
    "{\"op\":5,\"to\":\"/in1/Ca\",\"fr\":\"/in1\",\"rqi\":\"n3\",\"pc\":{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:seci\":{\"sit\":6,"
    "\"eckm\":\"FgMBAH8BAAB7\"}},\"net\":1},\"sur\":\"/in1/sub1\"}}}",
    "{\"op\":1,\"to\":\"-/a\",\"fr\":\"Ca\",\"rqi\":\"1\",\"ty\":23,\"pc\":{\"m2m:sub\":{\"rn\":\"s\",\"enc\":{\"net\":[3]},\"nu\":["
    "\"http://10.0.0.7:9000/notify\"],\"nct\":1}}}",
    "{\"op\":1,\"to\":\"-/a\",\"fr\":\"Ca\",\"rqi\":\"1\",\"ty\":3,\"pc\":{\"m2m:cnt\":{\"rn\":\"in\",\"lbl\":[\"a\",\"b\"],\"mni\":16,"
    "\"mbs\":65536,\"mia\":600}}}",
    "{\"op\":1,\"to\":\"-/a\",\"fr\":\"Ca\",\"rqi\":\"1\",\"ty\":4,\"pc\":{\"m2m:cin\":{\"cr\":null,\"cnf\":\"text/plain:0\",\"con\":\"5\"}}}",
    "{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"m2m:uril\":[\"in1base/a\",\"in1base/b\"]}}",
    "{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"m2m:uril\":[]}}",
    "{\"rsc\":2001,\"rqi\":\"1\",\"pc\":{\"m2m:uri\":\"in1base/a\"}}",
    /* every parameter that has a place in the struct */
    "{\"op\":5,\"to\":\"/in1/Ca\",\"fr\":\"Cb\",\"rqi\":\"1\",\"pc\":{\"m2m:seci\":{\"sit\":3}},\"ot\":\"20260601T120000,5\",\"rqet\":"
    "\"-5000\",\"rset\":\"20260601T120030\",\"oet\":\"20260601T120000\",\"rt\":{\"rtv\":3},\"rcn\":0,\"gid\":\"g 1\",\"rvi\":\"3\","
    "\"vsi\":\" x  y \"}",
    "{\"rsc\":2000,\"rqi\":\"1\",\"to\":\"Ca\",\"fr\":\"/in1\",\"ot\":\"20260601T120000\",\"rset\":\"1000\",\"rvi\":\"3\",\"vsi\":\"\"}",
    "{\"op\":1,\"to\":\"-\",\"fr\":\"\",\"rqi\":\"1\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rr\":false}}}",
};

static void parse_json(const char *text, escertke_primitive *p)
{
    expect_err(text, escertke_primitive_parse(ESCERTKE_FORMAT_JSON, escertke_span_str(text), p, NULL), ESCERTKE_OK);
}

/* Write @p p in a format and read what was written. */
static void through(escertke_format format, const char *name, const escertke_primitive *p, escertke_primitive *again)
{
    escertke_buf out;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
    expect_err(name, escertke_primitive_write(format, p, &out), ESCERTKE_OK);
    escertke_err err = escertke_primitive_parse(format, escertke_buf_span(&out), again, &d);
    if (err != ESCERTKE_OK)
        fail_msg("%s in %s: %s\n%.*s", name, escertke_format_name(format), d.reason, (int)out.len, (const char *)out.ptr);
    assert_int_equal(again->format, format);
    escertke_buf_free(&out);
}

static void assert_json(const char *name, const escertke_primitive *p, const char *expected)
{
    escertke_buf out;
    json_t *found_tree, *expected_tree;

    escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
    expect_err(name, escertke_primitive_write(ESCERTKE_FORMAT_JSON, p, &out), ESCERTKE_OK);
    /* the order of the parameters is that of the tables; members of a content keep theirs but in XML, which has one of its own */
    assert_int_equal(esc_json_load(escertke_buf_span(&out), &found_tree, NULL), ESCERTKE_OK);
    assert_int_equal(esc_json_load(escertke_span_str(expected), &expected_tree, NULL), ESCERTKE_OK);
    if (!json_equal(found_tree, expected_tree))
        fail_msg("%s: expected %s\nfound %.*s", name, expected, (int)out.len, (const char *)out.ptr);
    json_decref(found_tree);
    json_decref(expected_tree);
    escertke_buf_free(&out);
}

static void every_primitive_in_every_pair(void **state)
{
    escertke_format f[3];
    size_t count = formats(f), trips = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(primitives); i++)
        for (size_t a = 0; a < count; a++)
            for (size_t b = 0; b < count; b++) {
                char name[64];
                escertke_primitive p, in_a, in_b, back;
                snprintf(name, sizeof name, "primitive %zu, %s to %s", i, escertke_format_name(f[a]), escertke_format_name(f[b]));
                parse_json(primitives[i], &p);
                through(f[a], name, &p, &in_a);
                through(f[b], name, &in_a, &in_b);
                through(f[a], name, &in_b, &back);
                assert_json(name, &in_a, primitives[i]);
                assert_json(name, &in_b, primitives[i]);
                assert_json(name, &back, primitives[i]);
                escertke_primitive_clear(&p);
                escertke_primitive_clear(&in_a);
                escertke_primitive_clear(&in_b);
                escertke_primitive_clear(&back);
                trips++;
            }
    printf("%zu primitives, %zu pairs of serializations, %zu ways\n", COUNT(primitives), count * count, trips);
}

/* Twice through one serialization gives the same octets: what is signed or compared by its octets stays what it was. */
static void the_second_writing_is_the_first(void **state)
{
    escertke_format f[3];
    size_t count = formats(f);

    (void)state;
    for (size_t i = 0; i < COUNT(primitives); i++)
        for (size_t a = 0; a < count; a++) {
            escertke_primitive p, again;
            escertke_buf once, twice;
            escertke_buf_init(&once, ESCERTKE_PRIMITIVE_MAX);
            escertke_buf_init(&twice, ESCERTKE_PRIMITIVE_MAX);
            parse_json(primitives[i], &p);
            assert_int_equal(escertke_primitive_write(f[a], &p, &once), ESCERTKE_OK);
            assert_int_equal(escertke_primitive_parse(f[a], escertke_buf_span(&once), &again, NULL), ESCERTKE_OK);
            assert_int_equal(escertke_primitive_write(f[a], &again, &twice), ESCERTKE_OK);
            assert_true(escertke_span_equal(escertke_buf_span(&once), escertke_buf_span(&twice)));
            escertke_buf_free(&once);
            escertke_buf_free(&twice);
            escertke_primitive_clear(&p);
            escertke_primitive_clear(&again);
        }
}

/* ---- securityInfo, esi and debugInfo in every format --------------------------------------------------------------- */

static void a_message_of_any_size(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 91, 1239, ESCERTKE_MESSAGE_MAX };
    escertke_format f[3];
    size_t count = formats(f);
    uint8_t *message = malloc(ESCERTKE_MESSAGE_MAX + 1);

    (void)state;
    for (size_t i = 0; i <= ESCERTKE_MESSAGE_MAX; i++)
        message[i] = (uint8_t)(i * 151);
    for (size_t a = 0; a < count; a++) {
        escertke_buf out;
        escertke_seci s;
        escertke_buf_init(&out, ESCERTKE_PRIMITIVE_MAX);
        for (size_t i = 0; i < COUNT(sizes); i++) {
            escertke_buf_reset(&out);
            assert_int_equal(escertke_seci_write_eckm(f[a], (escertke_span){ message, sizes[i] }, &out), ESCERTKE_OK);
            assert_int_equal(escertke_seci_parse(f[a], escertke_buf_span(&out), &s, NULL), ESCERTKE_OK);
            assert_int_equal(s.sit, ESCERTKE_SIT_ESCERTKE);
            assert_int_equal(s.eckm.len, sizes[i]);
            assert_memory_equal(s.eckm.ptr, message, sizes[i]);
            escertke_seci_clear(&s);
        }
        escertke_buf_reset(&out);
        assert_int_equal(escertke_seci_write_eckm(f[a], (escertke_span){ message, ESCERTKE_MESSAGE_MAX + 1 }, &out), ESCERTKE_ERR_TOO_LARGE);
        escertke_buf_free(&out);
    }
    free(message);
}

static void every_kind_of_seci(void **state)
{
    static const struct {
        escertke_sit sit;
        const char *object;
    } kinds[] = {
        { ESCERTKE_SIT_DAS_REQUEST, "{\"a\":\"b\"}" },      { ESCERTKE_SIT_DAS_RESPONSE, "{\"a\":{\"b\":\"c\"}}" },
        { ESCERTKE_SIT_RAND_REQUEST, "" },                  { ESCERTKE_SIT_ESPRIM_OBJECT, "aa..bb.cc.dd" },
        { ESCERTKE_SIT_DAR_MAP_REQUEST, "{\"a\":\"\xc3\xbc\"}" }, { ESCERTKE_SIT_DAR_MAP_RESPONSE, "{\"a\":[\"x\",\"y\"]}" },
    };
    escertke_format f[3];
    size_t count = formats(f);

    (void)state;
    for (size_t a = 0; a < count; a++)
        for (size_t i = 0; i < COUNT(kinds); i++) {
            escertke_seci s, again;
            escertke_buf out;
            escertke_seci_init(&s);
            s.sit = kinds[i].sit;
            assert_int_equal(escertke_buf_append(&s.object, kinds[i].object, strlen(kinds[i].object)), ESCERTKE_OK);
            escertke_buf_init(&out, 1000);
            expect_err(kinds[i].object, escertke_seci_write(f[a], &s, &out), ESCERTKE_OK);
            expect_err(kinds[i].object, escertke_seci_parse(f[a], escertke_buf_span(&out), &again, NULL), ESCERTKE_OK);
            assert_int_equal(again.sit, s.sit);
            assert_buf_text(&again.object, kinds[i].object);
            escertke_buf_free(&out);
            escertke_seci_clear(&s);
            escertke_seci_clear(&again);
        }
}

static void debug_info_and_esi(void **state)
{
    static const char text[] = "expected <m2m:seci> & found \"]]>\"";
    static const char ae[] = "{\"m2m:ae\":{\"esi\":{\"esf\":[13,43],\"escert\":[\"MAA=\"],\"esro\":{\"esri\":\"s-1\",\"esrv\":\"r1\",\"esrx\":"
                             "\"20300101T000000\",\"esks\":[1],\"espa\":[10,12]}}}}";
    escertke_format f[3];
    size_t count = formats(f);

    (void)state;
    for (size_t a = 0; a < count; a++) {
        char found[100];
        escertke_buf out;
        escertke_esi esi;
        escertke_buf_init(&out, 1000);
        assert_int_equal(escertke_dbg_write(f[a], text, &out), ESCERTKE_OK);
        assert_true(escertke_dbg_read(f[a], escertke_buf_span(&out), found, sizeof found));
        assert_string_equal(found, text);
        escertke_buf_reset(&out);
        assert_int_equal(escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_span_str(ae), f[a], &out, NULL), ESCERTKE_OK);
        expect_err(escertke_format_name(f[a]), escertke_esi_find(f[a], escertke_buf_span(&out), &esi, NULL), ESCERTKE_OK);
        assert_int_equal(esi.esf_count, 2);
        assert_true(escertke_esi_has(&esi, 43) && esi.has_esro);
        assert_int_equal(esi.esro.espa[1], 12);
        escertke_buf_free(&out);
    }
}

/* ---- conversion ---------------------------------------------------------------------------------------------------- */

static void content_in_every_pair(void **state)
{
    static const char content[] = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}}";
    escertke_format f[3];
    size_t count = formats(f);

    (void)state;
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++) {
            escertke_buf in_a, in_b, back;
            escertke_buf_init(&in_a, 1000);
            escertke_buf_init(&in_b, 1000);
            escertke_buf_init(&back, 1000);
            assert_int_equal(escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_span_str(content), f[a], &in_a, NULL), ESCERTKE_OK);
            assert_int_equal(escertke_content_convert(f[a], escertke_buf_span(&in_a), f[b], &in_b, NULL), ESCERTKE_OK);
            assert_int_equal(escertke_content_convert(f[b], escertke_buf_span(&in_b), ESCERTKE_FORMAT_JSON, &back, NULL), ESCERTKE_OK);
            assert_buf_text(&back, content);
            escertke_buf_free(&in_a);
            escertke_buf_free(&in_b);
            escertke_buf_free(&back);
        }
}

static void conversion_fails(void **state)
{
    static const struct {
        const char *content;
        escertke_format from, to;
        escertke_err expected;
    } cases[] = {
        { "{\"a\":1,\"b\":2}", ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_JSON }, /* not one member */
        { "[1]", ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_JSON },
        { "{", ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_JSON },
        { "", ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_JSON },
        { "{\"a\":1}", (escertke_format)0, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_UNSUPPORTED },
        { "{\"a\":1}", ESCERTKE_FORMAT_JSON, (escertke_format)4, ESCERTKE_ERR_UNSUPPORTED },
        { "{\"a\":\"12345678901234567890123456789012\"}", ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_JSON, ESCERTKE_ERR_TOO_LARGE },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_buf out;
        escertke_detail d;
        escertke_buf_init(&out, 32);
        escertke_detail_init(&d);
        assert_int_equal(escertke_buf_append(&out, "!", 1), ESCERTKE_OK);
        expect_err(cases[i].content, escertke_content_convert(cases[i].from, escertke_span_str(cases[i].content), cases[i].to, &out, &d),
                   cases[i].expected);
        assert_int_equal(d.err, cases[i].expected);
        assert_true(d.reason[0]);
        assert_buf_text(&out, "!");
        escertke_buf_free(&out);
    }
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static void names(void **state)
{
    static const struct {
        const char *text;
        int format;
    } cases[] = {
        { "json", 1 }, { "xml", 2 }, { "cbor", 3 }, { "JSON", 1 }, { "Xml", 2 },
        { "application/json", 1 }, { "application/xml", 2 }, { "application/cbor", 3 }, { "Application/CBOR", 3 },
        { "application/vnd.onem2m-res+json", 1 }, { "application/vnd.onem2m-ntfy+xml", 2 }, { "application/vnd.onem2m-preq+cbor", 3 },
        { "application/vnd.onem2m-prsp+json", 1 }, { "application/vnd.onem2m-prsp+xml", 2 }, { "application/vnd.oneM2M-prsp+cbor", 3 },
        { "", 0 }, { "jso", 0 }, { "jsonx", 0 }, { "text/json", 0 }, { "application/", 0 }, { "application", 0 },
        { "vnd.onem2m-res+json", 0 }, { "application/vnd.onem2m-res+", 0 }, { "application/vnd.onem2m-other+json", 0 },
        { "application/vnd.onem2m-res+vnd.onem2m-res+json", 0 }, { "application/application/json", 0 }, { "application/json ", 0 },
        { "application/json;charset=utf-8", 0 }, { "application/x+json", 0 }, { "?", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_format format = (escertke_format)0;
        if (escertke_format_find(escertke_span_str(cases[i].text), &format) != (cases[i].format != 0) || (int)format != cases[i].format)
            fail_msg("%s: expected %d, found %d", cases[i].text, cases[i].format, (int)format);
    }
    for (size_t i = 0; i < COUNT(all_formats); i++) {
        escertke_format found;
        assert_true(escertke_format_find(escertke_span_str(escertke_format_name(all_formats[i])), &found));
        assert_int_equal(found, all_formats[i]);
        assert_true(escertke_format_find(escertke_span_str(escertke_format_media(all_formats[i])), &found));
        assert_int_equal(found, all_formats[i]);
    }
    assert_string_equal(escertke_format_name((escertke_format)4), "?");
    assert_string_equal(escertke_format_media((escertke_format)0), "");
    assert_true(escertke_format_available(ESCERTKE_FORMAT_JSON));
    assert_false(escertke_format_available((escertke_format)4));
}

/* A primitive that says nothing of itself, or too much, in every format. */
static void a_format_that_is_not_there(void **state)
{
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    assert_int_equal(escertke_primitive_parse((escertke_format)4, escertke_span_str("{}"), &p, NULL), ESCERTKE_ERR_UNSUPPORTED);
    escertke_primitive_clear(&p);
    parse_json(primitives[0], &p);
    escertke_buf_init(&out, 1000);
    assert_int_equal(escertke_primitive_write((escertke_format)4, &p, &out), ESCERTKE_ERR_UNSUPPORTED);
    p.format = (escertke_format)4; /* of the content */
    assert_int_equal(escertke_primitive_write(ESCERTKE_FORMAT_JSON, &p, &out), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    escertke_buf_free(&out);
    escertke_primitive_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_primitive_in_every_pair),
        cmocka_unit_test(the_second_writing_is_the_first),
        cmocka_unit_test(a_message_of_any_size),
        cmocka_unit_test(every_kind_of_seci),
        cmocka_unit_test(debug_info_and_esi),
        cmocka_unit_test(content_in_every_pair),
        cmocka_unit_test(conversion_fails),
        cmocka_unit_test(names),
        cmocka_unit_test(a_format_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "m2m_support.h"

#include <stdio.h>

#include <escertke/m2m.h>

static escertke_err parse(const char *text, escertke_primitive *p, escertke_detail *d)
{
    return escertke_primitive_parse_json(escertke_span_str(text), p, d);
}

static void assert_text(const char *found, const char *expected)
{
    if (!expected)
        assert_null(found);
    else
        assert_string_equal(found, expected);
}

/* ---- R 10.1, 10.9, 10.10: read, compare, write in the order of Tables 6.4.1-1 and 6.4.2-1 ----------------------- */

static const struct {
    const char *text;
    int op, rsc, ty;
    const char *to, *fr, *rqi, *rvi, *ot, *rqet, *content;
    const char *written; /* NULL = as read */
} examples[] = {
    { .text = "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0001\",\"rvi\":\"3\",\n"
              " \"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\n "
              "\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}}}",
      .op = 5,
      .to = "/in1/S5f0e",
      .fr = "Ca1b2c3",
      .rqi = "A0001",
      .rvi = "3",
      .ot = "20260601T120000",
      .rqet = "20260601T120030",
      .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}}",
      .written = "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":"
                 "\"FgMBAH8BAAB7\"}},\"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\"rvi\":\"3\"}" },
    { .text = "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"/mn1/Ca1b2c3\",\"rqi\":\"Ca1b2c3/A0001\",\"rvi\":\"3\",\n"
              " \"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\n "
              "\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}}}",
      .op = 5,
      .to = "/in1/S5f0e",
      .fr = "/mn1/Ca1b2c3",
      .rqi = "Ca1b2c3/A0001",
      .rvi = "3",
      .ot = "20260601T120000",
      .rqet = "20260601T120030",
      .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAH8BAAB7\"}}",
      .written =
          "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"/mn1/Ca1b2c3\",\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,"
          "\"eckm\":\"FgMBAH8BAAB7\"}},\"ot\":\"20260601T120000\",\"rqet\":\"20260601T120030\",\"rvi\":\"3\"}" },
    { .text =
          "{\"rsc\":2000,\"rqi\":\"Ca1b2c3/A0001\",\"rvi\":\"3\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAGECAABd\"}}}",
      .rsc = 2000,
      .rqi = "Ca1b2c3/A0001",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAGECAABd\"}}",
      .written =
          "{\"rsc\":2000,\"rqi\":\"Ca1b2c3/A0001\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMDAGECAABd\"}},\"rvi\":\"3\"}" },
    { .text = "{\"rsc\":2000,\"rqi\":\"A0002\",\"rvi\":\"3\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FAMDAAEBFgMD\"}}}",
      .rsc = 2000,
      .rqi = "A0002",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FAMDAAEBFgMD\"}}",
      .written = "{\"rsc\":2000,\"rqi\":\"A0002\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FAMDAAEBFgMD\"}},\"rvi\":\"3\"}" },
    { .text = "{\"rsc\":4106,\"rqi\":\"A0002\",\"rvi\":\"3\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FQMDAAICKg==\"}}}",
      .rsc = 4106,
      .rqi = "A0002",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FQMDAAICKg==\"}}",
      .written = "{\"rsc\":4106,\"rqi\":\"A0002\",\"pc\":{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FQMDAAICKg==\"}},\"rvi\":\"3\"}" },
    { .text = "{\"rsc\":4000,\"rqi\":\"A0002\",\"rvi\":\"3\",\"pc\":{\"m2m:dbg\":\"ESCertKE: no pending handshake\"}}",
      .rsc = 4000,
      .rqi = "A0002",
      .rvi = "3",
      .content = "{\"m2m:dbg\":\"ESCertKE: no pending handshake\"}",
      .written = "{\"rsc\":4000,\"rqi\":\"A0002\",\"pc\":{\"m2m:dbg\":\"ESCertKE: no pending handshake\"},\"rvi\":\"3\"}" },
    { .text =
          "{\"op\":1,\"to\":\"-\",\"fr\":\"S5f0e\",\"rqi\":\"r1\",\"rvi\":\"3\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rn\":\"meterAE\","
          "\"api\":\"Nmeter\",\n \"apn\":\"meter\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://10.0.0.7:9000/notify\"],\"csz\":"
          "[\"json\"],\"esi\":{\"esf\":[43]}}}}",
      .op = 1,
      .ty = 2,
      .to = "-",
      .fr = "S5f0e",
      .rqi = "r1",
      .rvi = "3",
      .content = "{\"m2m:ae\":{\"rn\":\"meterAE\",\"api\":\"Nmeter\",\"apn\":\"meter\",\"rr\":true,\"srv\":[\"3\"],\"poa\":"
                 "[\"http://10.0.0.7:9000/notify\"],\"csz\":[\"json\"],\"esi\":{\"esf\":[43]}}}",
      .written =
          "{\"op\":1,\"to\":\"-\",\"fr\":\"S5f0e\",\"rqi\":\"r1\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rn\":\"meterAE\",\"api\":"
          "\"Nmeter\",\"apn\":\"meter\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://10.0.0.7:9000/notify\"],\"csz\":[\"json\"],"
          "\"esi\":{\"esf\":[43]}}},\"rvi\":\"3\"}" },
    { .text =
          "{\"op\":1,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r2\",\"ty\":1,\"pc\":{\"m2m:acp\":{\"rn\":\"acpE2E\",\"pv\":"
          "{\"acr\":[{\"acor\":[\"/S5f0e\"],\"acop\":63},{\"acor\":[\"/mn1/Ca1b2c3\"],\"acop\":18}]},\"pvs\":{\"acr\":[{\"acor\":"
          "[\"/S5f0e\"],\"acop\":63}]}}},\"rvi\":\"3\"}",
      .op = 1,
      .ty = 1,
      .to = "-/meterAE",
      .fr = "S5f0e",
      .rqi = "r2",
      .rvi = "3",
      .content =
          "{\"m2m:acp\":{\"rn\":\"acpE2E\",\"pv\":{\"acr\":[{\"acor\":[\"/S5f0e\"],\"acop\":63},{\"acor\":[\"/mn1/Ca1b2c3\"],"
          "\"acop\":18}]},\"pvs\":{\"acr\":[{\"acor\":[\"/S5f0e\"],\"acop\":63}]}}}" },
    { .text = "{\"op\":3,\"to\":\"-/meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r3\",\"pc\":{\"m2m:ae\":{\"acpi\":[\"in1base/meterAE/"
              "acpE2E\"]}},"
              "\"rvi\":\"3\"}",
      .op = 3,
      .to = "-/meterAE",
      .fr = "S5f0e",
      .rqi = "r3",
      .rvi = "3",
      .content = "{\"m2m:ae\":{\"acpi\":[\"in1base/meterAE/acpE2E\"]}}" },
    { .text = "{\"rsc\":2000,\"rqi\":\"A0000\",\"pc\":{\"m2m:ae\":{\"esi\":{\"esf\":[43]}}},\"rvi\":\"3\"}",
      .rsc = 2000,
      .rqi = "A0000",
      .rvi = "3",
      .content = "{\"m2m:ae\":{\"esi\":{\"esf\":[43]}}}" },
    { .text = "{\"op\":1,\"to\":\"-/"
              "meterAE\",\"fr\":\"S5f0e\",\"rqi\":\"r4\",\"ty\":15,\"pc\":{\"m2m:pch\":{\"rn\":\"pch\"}},\"rvi\":\"3\"}",
      .op = 1,
      .ty = 15,
      .to = "-/meterAE",
      .fr = "S5f0e",
      .rqi = "r4",
      .rvi = "3",
      .content = "{\"m2m:pch\":{\"rn\":\"pch\"}}" },
    { .text =
          "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"B1\",\"pc\":{\"m2m:seci\":{\"sit\":3}},\"rvi\":\"3\"}",
      .op = 5,
      .to = "/in1/S5f0e",
      .fr = "Ca1b2c3",
      .rqi = "B1",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":3}}" },
    { .text = "{\"rsc\":2000,\"rqi\":\"B1\",\"pc\":{\"m2m:seci\":{\"sit\":4,\"ero\":{\"esri\":\"u-3f1c\",\"esrv\":"
              "\"r00112233445566778899aabbccddeeff\",\"esrx\":\"20300101T000000\",\"esks\":[1],\"espa\":[12]}}},\"rvi\":\"3\"}",
      .rsc = 2000,
      .rqi = "B1",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":4,\"ero\":{\"esri\":\"u-3f1c\",\"esrv\":\"r00112233445566778899aabbccddeeff\",\"esrx\":"
                 "\"20300101T000000\",\"esks\":[1],\"espa\":[12]}}}" },
    { .text = "{\"op\":5,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"B2\",\"pc\":{\"m2m:seci\":{\"sit\":5,\"epo\":"
              "\"aGVhZGVy..aXY.Y2lwaGVy.dGFn\"}},\"rvi\":\"3\"}",
      .op = 5,
      .to = "/in1/S5f0e",
      .fr = "Ca1b2c3",
      .rqi = "B2",
      .rvi = "3",
      .content = "{\"m2m:seci\":{\"sit\":5,\"epo\":\"aGVhZGVy..aXY.Y2lwaGVy.dGFn\"}}" },
};

static void examples_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(examples); i++) {
        escertke_primitive p;
        escertke_buf out;
        expect_err(examples[i].text, parse(examples[i].text, &p, NULL), ESCERTKE_OK);
        assert_int_equal(p.op, examples[i].op);
        assert_int_equal(p.rsc, examples[i].rsc);
        assert_int_equal(p.ty, examples[i].ty);
        assert_text(p.to, examples[i].to);
        assert_text(p.fr, examples[i].fr);
        assert_text(p.rqi, examples[i].rqi);
        assert_text(p.rvi, examples[i].rvi);
        assert_text(p.ot, examples[i].ot);
        assert_text(p.rqet, examples[i].rqet);
        assert_buf_text(&p.content, examples[i].content);
        assert_false(p.other_params);
        escertke_buf_init(&out, 2000);
        expect_err(examples[i].text, escertke_primitive_write_json(&p, &out), ESCERTKE_OK);
        assert_buf_text(&out, examples[i].written ? examples[i].written : examples[i].text);
        escertke_buf_free(&out);
        escertke_primitive_clear(&p);
    }
}

static void partial_retrieve(void **state)
{
    static const char text[] =
        "{\"op\":2,\"to\":\"/in1/S5f0e\",\"fr\":\"Ca1b2c3\",\"rqi\":\"A0000\",\"pc\":{\"m2m:atrl\":[\"esi\",\"poa\"]},"
        "\"rvi\":\"3\"}";
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    assert_int_equal(parse(text, &p, NULL), ESCERTKE_OK);
    assert_string_equal(p.atrl, "esi+poa");
    assert_int_equal(p.content.len, 0);
    escertke_buf_init(&out, 200);
    assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_OK);
    assert_buf_text(&out, text);
    escertke_buf_reset(&out);
    p.op = ESCERTKE_OP_UPDATE; /* only a Retrieve names attributes */
    assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_ERR_PRIMITIVE);
    p.op = ESCERTKE_OP_RETRIEVE;
    assert_int_equal(escertke_buf_append(&p.content, "{\"a\":1}", 7), ESCERTKE_OK); /* one pc, not two */
    assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_ERR_PRIMITIVE);
    escertke_buf_reset(&p.content);
    assert_int_equal(escertke_primitive_set(&p.atrl, escertke_span_str("esi++poa")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_ERR_PRIMITIVE);
    assert_int_equal(out.len, 0);
    escertke_buf_free(&out);
    escertke_primitive_clear(&p);
}

/* ---- every known parameter has its type -------------------------------------------------------------------------- */

#define REQ(more) "{\"op\":2,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"" more "}"
#define RSP(more) "{\"rsc\":2000,\"rqi\":\"1\"" more "}"

static const struct {
    const char *text;
    bool other;
} accepted[] = {
    { REQ(""), false },
    { "{\"op\":2.0,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", false },
    { "{\"rsc\":2000.0,\"rqi\":\"1\"}", false },
    { "{\"op\":1,\"to\":\"-\",\"rqi\":\"1\",\"ty\":2,\"pc\":{\"m2m:ae\":{}}}", false }, /* From comes with registration */
    { REQ(",\"unknown\":{\"a\":[1]}"), false },
    { REQ(",\"cnst\":\"a member of responses\""), false },
    { RSP(",\"op2\":5,\"fc\":\"a member of requests\""), false },
    { RSP(",\"to\":\"Cx\",\"fr\":\"/in1\",\"ot\":\"20260601T120000,5\",\"rset\":\"1000\",\"vsi\":\"v\""), false },
    { REQ(",\"rt\":{}"), false },
    { REQ(",\"rt\":{\"rtv\":5}"), false },
    { REQ(",\"rt\":{\"rtv\":2,\"nu\":[\"http://x\"]}"), true },
    { REQ(",\"rids\":[]"), true },
    { REQ(",\"rp\":\"20260601T120000\""), true },
    { REQ(",\"rp\":-5"), true },
    { REQ(",\"ec\":4"), true },
    { REQ(",\"da\":true"), true },
    { REQ(",\"fc\":{}"), true },
    { REQ(",\"drt\":1"), true },
    { REQ(",\"tkns\":[]"), true },
    { REQ(",\"tids\":[]"), true },
    { REQ(",\"ltids\":[]"), true },
    { REQ(",\"tqi\":false"), true },
    { REQ(",\"grtm\":[]"), true },
    { REQ(",\"asi\":false"), true },
    { REQ(",\"aus\":[]"), true },
    { REQ(",\"auri\":false"), true },
    { REQ(",\"sqi\":false"), true },
    { RSP(",\"ec\":4"), true },
    { RSP(",\"cnst\":1"), true },
    { RSP(",\"cnot\":0"), true },
    { RSP(",\"ati\":{}"), true },
    { RSP(",\"tqf\":{}"), true },
    { RSP(",\"asri\":true"), true },
};

static void accepted_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        escertke_primitive p;
        expect_err(accepted[i].text, parse(accepted[i].text, &p, NULL), ESCERTKE_OK);
        if (p.other_params != accepted[i].other)
            fail_msg("%s: other_params", accepted[i].text);
        escertke_primitive_clear(&p);
    }
}

static const struct {
    const char *text;
    escertke_err expected;
    const char *says, *rqi;
} refused[] = {
    { "", ESCERTKE_ERR_JSON, "nothing", NULL },
    { "op=2", ESCERTKE_ERR_JSON, "syntax", NULL },
    { REQ(",\"op\":2"), ESCERTKE_ERR_JSON, "twice", NULL },
    { "[]", ESCERTKE_ERR_PRIMITIVE, "array", NULL },
    { "{}", ESCERTKE_ERR_PRIMITIVE, "neither", NULL },
    { "{\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "neither", "1" },
    { REQ(",\"rsc\":2000"), ESCERTKE_ERR_PRIMITIVE, "both", "1" },
    { "{\"m2m:rqp\":" REQ("") "}", ESCERTKE_ERR_PRIMITIVE, "neither", NULL }, /* R-DT-32 */
    { "{\"op\":0,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "op", "1" },
    { "{\"op\":6,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "op", "1" },
    { "{\"op\":2.5,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "op", "1" },
    { "{\"op\":\"2\",\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE,
      "op: expected a whole number from 1 to 5", "1" },
    { "{\"op\":null,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "op", "1" },
    { "{\"rsc\":0,\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "rsc", "1" },
    { "{\"rsc\":-2000,\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "rsc", "1" },
    { "{\"rsc\":\"2000\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "rsc", "1" },
    { "{\"rsc\":4294969296,\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "rsc", "1" },
    { "{\"op\":2,\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "to", "1" },
    { "{\"op\":2,\"to\":\"\",\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "to", "1" },
    { "{\"op\":2,\"to\":\"-\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "fr", "1" },
    { "{\"op\":5,\"to\":\"-\",\"fr\":\"\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "fr", "1" },
    { "{\"op\":2,\"to\":\"-\",\"fr\":\"Cx\"}", ESCERTKE_ERR_PRIMITIVE, "rqi", NULL },
    { "{\"op\":2,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"\"}", ESCERTKE_ERR_PRIMITIVE, "rqi", "" },
    { "{\"op\":2,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":7}", ESCERTKE_ERR_PRIMITIVE, "rqi: expected a string, found number", NULL },
    { "{\"op\":2,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"a\\nb\"}", ESCERTKE_ERR_PRIMITIVE, "control", NULL },
    { "{\"rsc\":2000}", ESCERTKE_ERR_PRIMITIVE, "rqi", NULL },
    { "{\"op\":2,\"to\":5,\"fr\":\"Cx\",\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "to", "1" },
    { "{\"op\":2,\"to\":\"-\",\"fr\":[\"Cx\"],\"rqi\":\"1\"}", ESCERTKE_ERR_PRIMITIVE, "fr", "1" },
    { REQ(",\"rvi\":3"), ESCERTKE_ERR_PRIMITIVE, "rvi", "1" },
    { REQ(",\"ot\":1"), ESCERTKE_ERR_PRIMITIVE, "ot", "1" },
    { REQ(",\"gid\":1"), ESCERTKE_ERR_PRIMITIVE, "gid", "1" },
    { REQ(",\"vsi\":null"), ESCERTKE_ERR_PRIMITIVE, "vsi", "1" },
    { REQ(",\"ty\":\"2\""), ESCERTKE_ERR_PRIMITIVE, "ty", "1" },
    { REQ(",\"ty\":0"), ESCERTKE_ERR_PRIMITIVE, "ty", "1" },
    { REQ(",\"rcn\":-1"), ESCERTKE_ERR_PRIMITIVE, "rcn", "1" },
    { REQ(",\"rcn\":true"), ESCERTKE_ERR_PRIMITIVE, "rcn", "1" },
    { REQ(",\"rqet\":\"soon\""), ESCERTKE_ERR_PRIMITIVE, "rqet", "1" },
    { REQ(",\"rqet\":true"), ESCERTKE_ERR_PRIMITIVE, "rqet", "1" },
    { REQ(",\"rqet\":1.5"), ESCERTKE_ERR_PRIMITIVE, "rqet", "1" },
    { REQ(",\"rset\":\"2026-06-01T12:00:00\""), ESCERTKE_ERR_PRIMITIVE, "rset", "1" },
    { REQ(",\"oet\":\"\""), ESCERTKE_ERR_PRIMITIVE, "oet", "1" },
    { REQ(",\"rt\":3"), ESCERTKE_ERR_PRIMITIVE, "rt", "1" },
    { REQ(",\"rt\":{\"rtv\":6}"), ESCERTKE_ERR_PRIMITIVE, "rtv", "1" },
    { REQ(",\"rt\":{\"rtv\":\"3\"}"), ESCERTKE_ERR_PRIMITIVE, "rtv", "1" },
    { REQ(",\"pc\":\"x\""), ESCERTKE_ERR_PRIMITIVE, "pc", "1" },
    { REQ(",\"pc\":null"), ESCERTKE_ERR_PRIMITIVE, "pc", "1" },
    { REQ(",\"pc\":{}"), ESCERTKE_ERR_PRIMITIVE, "pc: expected an object with one member", "1" },
    { REQ(",\"pc\":{\"a\":1,\"b\":2}"), ESCERTKE_ERR_PRIMITIVE, "pc", "1" },
    { REQ(",\"pc\":{\"m2m:atrl\":[]}"), ESCERTKE_ERR_PRIMITIVE, "m2m:atrl", "1" },
    { REQ(",\"pc\":{\"m2m:atrl\":\"esi\"}"), ESCERTKE_ERR_PRIMITIVE, "m2m:atrl", "1" },
    { REQ(",\"pc\":{\"m2m:atrl\":[\"esi\",\"a+b\"]}"), ESCERTKE_ERR_PRIMITIVE, "m2m:atrl", "1" },
    { REQ(",\"pc\":{\"m2m:atrl\":[\"\"]}"), ESCERTKE_ERR_PRIMITIVE, "m2m:atrl", "1" },
    { REQ(",\"rids\":\"x\""), ESCERTKE_ERR_PRIMITIVE, "rids: expected an array", "1" },
    { REQ(",\"rp\":true"), ESCERTKE_ERR_PRIMITIVE, "rp", "1" },
    { REQ(",\"ec\":\"4\""), ESCERTKE_ERR_PRIMITIVE, "ec: expected a whole number", "1" },
    { REQ(",\"da\":1"), ESCERTKE_ERR_PRIMITIVE, "da: expected true or false", "1" },
    { REQ(",\"fc\":[]"), ESCERTKE_ERR_PRIMITIVE, "fc: expected an object", "1" },
    { REQ(",\"tkns\":{}"), ESCERTKE_ERR_PRIMITIVE, "tkns", "1" },
    { RSP(",\"cnst\":\"1\""), ESCERTKE_ERR_PRIMITIVE, "cnst", "1" },
    { RSP(",\"ati\":[]"), ESCERTKE_ERR_PRIMITIVE, "ati", "1" },
    { RSP(",\"asri\":0"), ESCERTKE_ERR_PRIMITIVE, "asri", "1" },
};

static void refused_parameters(void **state)
{
    (void)state;
    memory_fails_after(-1);
    for (size_t i = 0; i < COUNT(refused); i++) {
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(refused[i].text, parse(refused[i].text, &p, &d), refused[i].expected);
        if (!strstr(d.reason, refused[i].says))
            fail_msg("%s: %s", refused[i].text, d.reason);
        assert_text(p.rqi, refused[i].rqi); /* what an error response repeats */
        assert_null(p.to);
        assert_int_equal(p.op, 0);
        assert_int_equal(p.rsc, 0);
        assert_int_equal(p.content.len, 0);
        escertke_primitive_clear(&p);
    }
    memory_restored();
}

static void all_members_there_and_back(void **state)
{
    static const char request[] = "{\"op\":5,\"to\":\"-\",\"fr\":\"Cx\",\"rqi\":\"1\",\"ty\":2,\"pc\":{\"m2m:x\":1},\"ot\":"
                                  "\"20260601T120000\",\"rqet\":\"-1\","
                                  "\"rset\":\"20260601T120000,5\",\"oet\":\"7\",\"rt\":{\"rtv\":3},\"rcn\":0,\"gid\":\"g\","
                                  "\"rvi\":\"2a\",\"vsi\":\"\xc3\xbc\\\"\"}";
    static const char response[] =
        "{\"rsc\":2001,\"rqi\":\"1\",\"pc\":{\"m2m:x\":1},\"to\":\"Cx\",\"fr\":\"/in1\",\"ot\":\"o\",\"rset\":\"7\","
        "\"rvi\":\"3\",\"vsi\":\"v\"}";
    static const char *const texts[] = { request, response };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        escertke_primitive p;
        escertke_buf out;
        expect_err(texts[i], parse(texts[i], &p, NULL), ESCERTKE_OK);
        escertke_buf_init(&out, 2000);
        assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_OK);
        assert_buf_text(&out, texts[i]);
        escertke_buf_free(&out);
        escertke_primitive_clear(&p);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void relative_times_are_written_as_text(void **state)
{
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    assert_int_equal(parse(REQ(",\"rqet\":30000,\"oet\":-5"), &p, NULL), ESCERTKE_OK);
    assert_string_equal(p.rqet, "30000");
    assert_string_equal(p.oet, "-5");
    escertke_buf_init(&out, 200);
    assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_OK);
    assert_buf_text(&out, REQ(",\"rqet\":\"30000\",\"oet\":\"-5\""));
    escertke_buf_free(&out);
    escertke_primitive_clear(&p);
}

static void minimal(escertke_primitive *p)
{
    escertke_primitive_init(p);
    p->op = ESCERTKE_OP_NOTIFY;
    assert_int_equal(escertke_primitive_set(&p->to, escertke_span_str("-")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&p->fr, escertke_span_str("Cx")), ESCERTKE_OK);
    assert_int_equal(escertke_primitive_set(&p->rqi, escertke_span_str("1")), ESCERTKE_OK);
}

enum {
    NO_OP,
    BOTH_CODES,
    NO_TO,
    NO_FROM,
    NO_RQI,
    BAD_OP,
    BAD_RT,
    BAD_UTF8,
    SMUGGLED,
    NOT_ONE_MEMBER,
    TOO_DEEP,
    OTHER_FORMAT,
    CHANGES
};

static void spoil(escertke_primitive *p, int change)
{
    static const char *const contents[] = { [SMUGGLED] = "{\"a\":1},\"fr\":\"Sadmin\"",
                                            [NOT_ONE_MEMBER] = "{\"a\":1,\"b\":2}",
                                            [TOO_DEEP] = "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}",
                                            [OTHER_FORMAT] = "{\"a\":1}" };
    char **absent[] = { [NO_TO] = &p->to, [NO_FROM] = &p->fr, [NO_RQI] = &p->rqi };

    switch (change) {
    case NO_OP: p->op = ESCERTKE_OP_NONE; break;
    case BOTH_CODES: p->rsc = 2000; break;
    case NO_TO:
    case NO_FROM:
    case NO_RQI: assert_int_equal(escertke_primitive_set(absent[change], escertke_span_str(NULL)), ESCERTKE_OK); break;
    case BAD_OP: p->op = (escertke_op)6; break;
    case BAD_RT: p->rt = 6; break;
    case BAD_UTF8: p->fr[0] = (char)0xFF; break;
    default: assert_int_equal(escertke_buf_append(&p->content, contents[change], strlen(contents[change])), ESCERTKE_OK);
    }
    if (change == OTHER_FORMAT)
        p->format = ESCERTKE_FORMAT_CBOR;
}

static void what_could_not_be_read_is_not_written(void **state)
{
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 200);
    for (int change = 0; change <= CHANGES; change++) {
        char name[24];
        escertke_primitive p;
        minimal(&p);
        if (change < CHANGES)
            spoil(&p, change);
        snprintf(name, sizeof name, "change %d", change);
        expect_err(name, escertke_primitive_write_json(&p, &out), change < CHANGES ? ESCERTKE_ERR_PRIMITIVE : ESCERTKE_OK);
        if (change < CHANGES)
            assert_int_equal(out.len, 0);
        escertke_primitive_clear(&p);
    }
    escertke_buf_free(&out);
}

static void does_not_fit(void **state)
{
    escertke_primitive p;
    escertke_buf out;

    (void)state;
    assert_int_equal(parse(examples[0].text, &p, NULL), ESCERTKE_OK);
    for (size_t max = 0; max < strlen(examples[0].written); max += 7) {
        escertke_buf_init(&out, max);
        assert_int_equal(escertke_primitive_write_json(&p, &out), ESCERTKE_ERR_TOO_LARGE);
        assert_int_equal(out.len, 0);
        escertke_buf_free(&out);
    }
    escertke_primitive_clear(&p);
}

static void out_of_memory_at_every_place(void **state)
{
    escertke_err err;
    long count = 0;

    (void)state;
    do {
        escertke_primitive p;
        escertke_buf out;
        escertke_buf_init(&out, 2000);
        memory_fails_after(count++);
        err = parse(examples[0].text, &p, NULL);
        if (err == ESCERTKE_OK)
            err = escertke_primitive_write_json(&p, &out);
        escertke_primitive_clear(&p);
        escertke_buf_free(&out);
        memory_restored();
        if (err != ESCERTKE_OK)
            expect_err("example", err, ESCERTKE_ERR_NOMEM);
    } while (err != ESCERTKE_OK);
    assert_true(count > 8);
}

static void too_large(void **state)
{
    char *text = malloc(ESCERTKE_PRIMITIVE_MAX + 1);
    escertke_primitive p;

    (void)state;
    memset(text, ' ', ESCERTKE_PRIMITIVE_MAX + 1);
    assert_int_equal(escertke_primitive_parse_json((escertke_span){ (uint8_t *)text, ESCERTKE_PRIMITIVE_MAX + 1 }, &p, NULL),
                     ESCERTKE_ERR_TOO_LARGE);
    escertke_primitive_clear(&p);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_there_and_back),
        cmocka_unit_test(partial_retrieve),
        cmocka_unit_test(accepted_parameters),
        cmocka_unit_test(refused_parameters),
        cmocka_unit_test(all_members_there_and_back),
        cmocka_unit_test(relative_times_are_written_as_text),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(does_not_fit),
        cmocka_unit_test(out_of_memory_at_every_place),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

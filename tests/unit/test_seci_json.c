#include "m2m_support.h"

#include <stdio.h>

#include <escertke/m2m.h>

#define SECI(members) "{\"m2m:seci\":{" members "}}"
#define V2                                                                                                                       \
    "{\"esri\":\"u-3f1c\",\"esrv\":\"r00112233445566778899aabbccddeeff\",\"esrx\":\"20300101T000000\",\"esks\":[1],\"espa\":["   \
    "12]}"
/* Vector V-3, the whole object. */
#define V3                                                                                                                       \
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiM0I5QTY3NTdBRDA3NTQyQUQwRkY0MEUxMkFFMTA0QzkiLCJjdHkiOiJhcHBsaWNhdGlvbi92bm" \
    "Qub25lbTJtLXByZXEranNvbiIsIm9yaSI6InUtOWEwNyIsInJyaSI6InUtM2YxYyIsIm9ybyI6eyJlc3JpIjoidS05YTA3IiwiZXNydiI6InJmZmVlZGRjY2Ji" \
    "YWE5OTg4Nzc2NjU1NDQzMzIyMTEwMCIsImVzcngiOiIyMDI5MTIzMVQyMzU5NTkiLCJlc2siOjEsImVzcGEiOlsxMl19fQ..AAECAwQFBgcICQoL."          \
    "NorXkL6u3AGo9PwJLOgDyw7iCJIOZkTR5TcOHXkSgQgKL1pMqmygZcl9eaK9ws_ot1bSkYeIieTicK9dUy9hJEPb3MXwS6d272Bj9WW6R70."               \
    "Qlr50pZ3JPu1Be9MPtr_qw"

static escertke_err parse(const char *text, escertke_seci *s, escertke_detail *d)
{
    return escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_span_str(text), s, d);
}

/* ---- what is accepted, and comes back the same -------------------------------------------------------------- */

static const struct {
    const char *text;
    escertke_sit sit;
    const char *eckm, *object;
} round_trips[] = {
    { SECI("\"sit\":1,\"dreq\":{\"org\":\"Ca\",\"x\":[1,{\"y\":null}]}"), ESCERTKE_SIT_DAS_REQUEST, "",
      "{\"org\":\"Ca\",\"x\":[1,{\"y\":null}]}" },
    { SECI("\"sit\":2,\"dres\":{}"), ESCERTKE_SIT_DAS_RESPONSE, "", "{}" },
    { SECI("\"sit\":3"), ESCERTKE_SIT_RAND_REQUEST, "", "" },
    { SECI("\"sit\":4,\"ero\":" V2), ESCERTKE_SIT_RAND_RESPONSE, "", "" },
    { SECI("\"sit\":5,\"epo\":\"" V3 "\""), ESCERTKE_SIT_ESPRIM_OBJECT, "", V3 },
    { SECI("\"sit\":6,\"eckm\":\"FQMDAAICKg==\""), ESCERTKE_SIT_ESCERTKE, "\x15\x03\x03\x00\x02\x02\x2a", "" },
    { SECI("\"sit\":7,\"darq\":{\"a\":\"\\\"\"}"), ESCERTKE_SIT_DAR_MAP_REQUEST, "", "{\"a\":\"\\\"\"}" },
    { SECI("\"sit\":8,\"dars\":{\"a\":1.5}"), ESCERTKE_SIT_DAR_MAP_RESPONSE, "", "{\"a\":1.5}" },
};

static void all_types_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(round_trips); i++) {
        escertke_seci s;
        escertke_buf out;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(round_trips[i].text, parse(round_trips[i].text, &s, &d), ESCERTKE_OK);
        assert_int_equal(d.err, ESCERTKE_OK);
        assert_int_equal(s.sit, round_trips[i].sit);
        assert_buf_text(&s.object, round_trips[i].object);
        assert_int_equal(s.eckm.len, s.sit == ESCERTKE_SIT_ESCERTKE ? 7 : 0);
        if (s.eckm.len)
            assert_memory_equal(s.eckm.ptr, round_trips[i].eckm, 7);
        escertke_buf_init(&out, 2000);
        expect_err(round_trips[i].text, escertke_seci_write(ESCERTKE_FORMAT_JSON, &s, &out), ESCERTKE_OK);
        assert_buf_text(&out, round_trips[i].text);
        escertke_buf_free(&out);
        escertke_seci_clear(&s);
    }
}

static void rand_object_of_sit_4(void **state)
{
    escertke_seci s;

    (void)state;
    assert_int_equal(parse(SECI("\"sit\":4,\"ero\":" V2), &s, NULL), ESCERTKE_OK);
    assert_string_equal(s.ero.esri, "u-3f1c");
    assert_string_equal(s.ero.esrv, "r00112233445566778899aabbccddeeff");
    assert_string_equal(s.ero.esrx, "20300101T000000");
    assert_int_equal(s.ero.espa[0], 12);
    escertke_seci_clear(&s);
}

static void tolerated(void **state)
{
    static const char *const texts[] = {
        SECI("\"sit\":6.0,\"eckm\":\"Zg==\""), /* R-IO-5 */
        SECI("\"eckm\":\"Zg==\",\"sit\":6"),   /* any order */
        " { \"m2m:seci\" : { \"sit\" : 6 , \"eckm\" : \"Zg==\" } } ",
        SECI("\"sit\":6,\"eckm\":\" Z\\ng\\t=\\r=\""),          /* white space of XML (R-DT-3) */
        SECI("\"sit\":6,\"eckm\":\"Zg==\",\"new\":{\"a\":[]}"), /* unknown member */
        SECI("\"sit\":6,\"eckm\":\"Zg==\",\"epo2\":1,\"\":null"),
        "{\"m2m:seci\":{\"si\\u0074\":6,\"eckm\":\"Zg\\u003d=\"}}", /* escapes are spelling only */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        escertke_seci s;
        expect_err(texts[i], parse(texts[i], &s, NULL), ESCERTKE_OK);
        assert_int_equal(s.sit, ESCERTKE_SIT_ESCERTKE);
        assert_buf_text(&s.eckm, "f");
        escertke_seci_clear(&s);
    }
}

/* ---- what is refused, with its exact error ------------------------------------------------------------------- */

static const struct {
    const char *text;
    escertke_err expected;
    const char *says; /* in the detail */
} bad[] = {
    { "", ESCERTKE_ERR_JSON, "nothing" },
    { "hello", ESCERTKE_ERR_JSON, "syntax" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\"") "x", ESCERTKE_ERR_JSON, "follows" },
    { SECI("\"sit\":6,\"sit\":6,\"eckm\":\"Zg==\""), ESCERTKE_ERR_JSON, "twice" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"eckm\":\"Zg==\""), ESCERTKE_ERR_JSON, "twice" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"n\":{\"a\":1,\"a\":1}"), ESCERTKE_ERR_JSON, "twice" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\\u0000\""), ESCERTKE_ERR_JSON, "NUL" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"n\":\"\xff\""), ESCERTKE_ERR_JSON, "UTF-8" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"n\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"), ESCERTKE_ERR_JSON, "16" },
    { "[]", ESCERTKE_ERR_SECINFO, "m2m:seci" },
    { "{}", ESCERTKE_ERR_SECINFO, "m2m:seci" },
    { "{\"seci\":{\"sit\":6,\"eckm\":\"Zg==\"}}", ESCERTKE_ERR_SECINFO, "found 1, the first seci" },
    { "{\"m2m:sgn\":{\"nev\":{\"rep\":" SECI("\"sit\":6,\"eckm\":\"Zg==\"") "}}}", ESCERTKE_ERR_SECINFO, "m2m:sgn" }, /* */
    { "{\"m2m:sgn\":" SECI("\"sit\":6,\"eckm\":\"Zg==\"") "}", ESCERTKE_ERR_SECINFO, "m2m:sgn" },
    { "{\"m2m:seci\":{\"sit\":3},\"m2m:dbg\":\"x\"}", ESCERTKE_ERR_SECINFO, "found 2" },
    { "{\"m2m:seci\":[]}", ESCERTKE_ERR_SECINFO, "array" },
    { "{\"m2m:seci\":null}", ESCERTKE_ERR_SECINFO, "null" },
    { SECI(""), ESCERTKE_ERR_SECINFO, "sit: expected a whole number from 1 to 8, found nothing" },
    { SECI("\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "sit" },
    { SECI("\"sit\":\"6\",\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found string" },
    { SECI("\"sit\":true,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found boolean" },
    { SECI("\"sit\":null,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found null" },
    { SECI("\"sit\":[6],\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found array" },
    { SECI("\"sit\":6.5,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":0"), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":9"), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":-6,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":4294967302,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":1e300,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "found another number" },
    { SECI("\"sit\":6"), ESCERTKE_ERR_SECINFO, "eckm: expected the member for sit 6, found nothing" },
    { SECI("\"sit\":6,\"ECKM\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "eckm" },
    { SECI("\"sit\":6,\"eckm\":null"), ESCERTKE_ERR_SECINFO, "eckm: expected a base64 string for sit 6, found null" },
    { SECI("\"sit\":6,\"eckm\":[\"Zg==\"]"), ESCERTKE_ERR_SECINFO, "found array" },
    { SECI("\"sit\":6,\"eckm\":6"), ESCERTKE_ERR_SECINFO, "found number" },
    { SECI("\"sit\":6,\"eckm\":\"\""), ESCERTKE_ERR_SECINFO, "empty" },
    { SECI("\"sit\":6,\"eckm\":\" \""), ESCERTKE_ERR_SECINFO, "empty" },
    { SECI("\"sit\":6,\"eckm\":\"Zg\""), ESCERTKE_ERR_BASE64, "2 characters" },
    { SECI("\"sit\":6,\"eckm\":\"FgM-\""), ESCERTKE_ERR_BASE64, "base64" },
    { SECI("\"sit\":6,\"eckm\":\"FgM!\""), ESCERTKE_ERR_BASE64, "base64" },
    { SECI("\"sit\":6,\"eckm\":\"Zh==\""), ESCERTKE_ERR_BASE64, "base64" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"ero\":" V2), ESCERTKE_ERR_SECINFO, "ero: expected only with sit 4" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"epo\":\"" V3 "\""), ESCERTKE_ERR_SECINFO, "epo" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"dreq\":{}"), ESCERTKE_ERR_SECINFO, "dreq" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"dres\":{}"), ESCERTKE_ERR_SECINFO, "dres" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"darq\":{}"), ESCERTKE_ERR_SECINFO, "darq" },
    { SECI("\"sit\":6,\"eckm\":\"Zg==\",\"dars\":null"), ESCERTKE_ERR_SECINFO, "dars" },
    { SECI("\"sit\":3,\"eckm\":\"Zg==\""), ESCERTKE_ERR_SECINFO, "eckm: expected only with sit 6, found with sit 3" },
    { SECI("\"sit\":3,\"ero\":" V2), ESCERTKE_ERR_SECINFO, "ero" },
    { SECI("\"sit\":1"), ESCERTKE_ERR_SECINFO, "dreq" },
    { SECI("\"sit\":1,\"dreq\":\"x\""), ESCERTKE_ERR_SECINFO, "dreq: expected an object" },
    { SECI("\"sit\":1,\"dres\":{}"), ESCERTKE_ERR_SECINFO, "dres" },
    { SECI("\"sit\":2,\"dres\":[]"), ESCERTKE_ERR_SECINFO, "dres" },
    { SECI("\"sit\":7,\"darq\":1"), ESCERTKE_ERR_SECINFO, "darq" },
    { SECI("\"sit\":8"), ESCERTKE_ERR_SECINFO, "dars" },
    { SECI("\"sit\":4"), ESCERTKE_ERR_SECINFO, "ero" },
    { SECI("\"sit\":4,\"ero\":{}"), ESCERTKE_ERR_SECINFO, "esri" },
    { SECI("\"sit\":5"), ESCERTKE_ERR_SECINFO, "epo" },
    { SECI("\"sit\":5,\"epo\":{}"), ESCERTKE_ERR_SECINFO, "epo" },
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        escertke_detail d;
        escertke_seci s;
        escertke_detail_init(&d);
        expect_err(bad[i].text, parse(bad[i].text, &s, &d), bad[i].expected);
        assert_int_equal(d.err, bad[i].expected);
        if (!strstr(d.reason, bad[i].says))
            fail_msg("%s: %s", bad[i].text, d.reason);
        assert_memory_equal(d.clause, "TS-000", 6);
        assert_int_equal(s.sit, 0);
        assert_null(s.eckm.ptr);
        assert_null(s.object.ptr);
    }
}

static void other_formats(void **state)
{
    const escertke_format none = (escertke_format)4; /* what a build leaves out answers in the same way */
    escertke_span content = escertke_span_str("{\"m2m:seci\":{\"sit\":3}}");
    escertke_seci s;
    escertke_buf out;

    (void)state;
    assert_int_equal(escertke_seci_parse(none, content, &s, NULL), ESCERTKE_ERR_UNSUPPORTED);
    escertke_buf_init(&out, 100);
    s.sit = ESCERTKE_SIT_RAND_REQUEST;
    assert_int_equal(escertke_seci_write(none, &s, &out), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(escertke_seci_write_eckm(none, content, &out), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
}

static void compact_jwe(void **state)
{
    static const struct {
        const char *epo;
        bool valid;
    } cases[] = {
        { "aa..bb.cc.dd", true },
        { "aa.bb.cc.dd.ee", false },
        { "aa..bb.cc", false },
        { "aa..bb.cc.dd.ee", false },
        { "..bb.cc.dd", false },
        { "aa...cc.dd", false },
        { "aa..bb..dd", false },
        { "aa..bb.cc.", false },
        { "aa..bb.cc.d=", false },
        { "aa..bb.c+.dd", false },
        { "aa..bb.c/.dd", false },
        { "aaaaa..bb.cc.dd", false },
        { "", false },
        { "....", false },
        { "a a..bb.cc.dd", false },
        { "-_Az09..bb.cc.dd", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[200];
        escertke_seci s;
        escertke_buf out;
        snprintf(text, sizeof text, SECI("\"sit\":5,\"epo\":\"%s\""), cases[i].epo);
        expect_err(text, parse(text, &s, NULL), cases[i].valid ? ESCERTKE_OK : ESCERTKE_ERR_SECINFO);
        escertke_seci_clear(&s);
        s.sit = ESCERTKE_SIT_ESPRIM_OBJECT;
        assert_int_equal(escertke_buf_append(&s.object, cases[i].epo, strlen(cases[i].epo)), ESCERTKE_OK);
        escertke_buf_init(&out, 200);
        expect_err(text, escertke_seci_write(ESCERTKE_FORMAT_JSON, &s, &out),
                   cases[i].valid ? ESCERTKE_OK : ESCERTKE_ERR_SECINFO);
        assert_buf_text(&out, cases[i].valid ? text : "");
        escertke_buf_free(&out);
        escertke_seci_clear(&s);
    }
}

/* White space that base64 skips may stand in a JSON string only as an escape, on the short way too. */
static void bare_control_characters_in_eckm(void **state)
{
    static const char controls[] = "\t\n\r\x01";

    (void)state;
    for (size_t i = 0; i < strlen(controls); i++) {
        char text[] = SECI("\"sit\":6,\"eckm\":\"Zg =\\u003d\"");
        escertke_seci s;
        *strchr(text, ' ') = controls[i];
        expect_err("escape", parse(text, &s, NULL), ESCERTKE_ERR_JSON);
        char plain[] = SECI("\"sit\":6,\"eckm\":\"Zg ==\"");
        *strchr(plain, ' ') = controls[i];
        expect_err("plain", parse(plain, &s, NULL), ESCERTKE_ERR_JSON);
    }
}

/* ---- sizes ---------------------------------------------------------------------------------------------------- */

static void largest_message(void **state)
{
    uint8_t *message = malloc(ESCERTKE_MESSAGE_MAX + 1);
    escertke_buf content, b64;
    escertke_seci s;

    (void)state;
    for (size_t i = 0; i <= ESCERTKE_MESSAGE_MAX; i++)
        message[i] = (uint8_t)(i * 31);
    escertke_buf_init(&content, ESCERTKE_PRIMITIVE_MAX);
    assert_int_equal(escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, (escertke_span){ message, ESCERTKE_MESSAGE_MAX }, &content),
                     ESCERTKE_OK);
    assert_int_equal(escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&content), &s, NULL), ESCERTKE_OK);
    assert_int_equal(s.eckm.len, ESCERTKE_MESSAGE_MAX);
    assert_memory_equal(s.eckm.ptr, message, ESCERTKE_MESSAGE_MAX);
    escertke_seci_clear(&s);
    escertke_buf_reset(&content);
    assert_int_equal(
        escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, (escertke_span){ message, ESCERTKE_MESSAGE_MAX + 1 }, &content),
        ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(content.len, 0);

    escertke_buf_init(&b64, ESCERTKE_PRIMITIVE_MAX);
    assert_int_equal(escertke_base64_encode((escertke_span){ message, ESCERTKE_MESSAGE_MAX + 1 }, &b64), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&content, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"", 29), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&content, b64.ptr, b64.len), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&content, "\"}}", 3), ESCERTKE_OK);
    assert_int_equal(escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&content), &s, NULL), ESCERTKE_ERR_TOO_LARGE);
    escertke_buf_free(&b64);
    escertke_buf_free(&content);
    free(message);
}

static void largest_content(void **state)
{
    escertke_buf content;
    escertke_seci s;

    (void)state;
    escertke_buf_init(&content, ESCERTKE_PRIMITIVE_MAX + 1);
    assert_int_equal(escertke_buf_append(&content, "{\"m2m:seci\":{\"sit\":3}}", 22), ESCERTKE_OK);
    while (content.len < ESCERTKE_PRIMITIVE_MAX)
        assert_int_equal(escertke_buf_append(&content, " ", 1), ESCERTKE_OK);
    assert_int_equal(escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&content), &s, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&content, " ", 1), ESCERTKE_OK);
    assert_int_equal(escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&content), &s, NULL), ESCERTKE_ERR_TOO_LARGE);
    escertke_buf_free(&content);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static void write_eckm(void **state)
{
    static const uint8_t alert[] = { 0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x2a };
    static const char expected[] = SECI("\"sit\":6,\"eckm\":\"FQMDAAICKg==\"");
    escertke_span message = { alert, sizeof alert };
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, sizeof expected);
    assert_int_equal(escertke_buf_append(&out, "x", 1), ESCERTKE_OK);
    assert_int_equal(escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &out), ESCERTKE_OK);
    assert_buf_text(&out, "x" SECI("\"sit\":6,\"eckm\":\"FQMDAAICKg==\""));
    assert_int_equal(escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &out), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(out.len, sizeof expected);
    escertke_buf_free(&out);
    escertke_buf_init(&out, 100);
    memory_fails_after(0);
    assert_int_equal(escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &out), ESCERTKE_ERR_NOMEM);
    memory_restored();
}

static escertke_err write_object(escertke_sit sit, const char *object, escertke_buf *out)
{
    escertke_seci s;

    escertke_seci_init(&s);
    s.sit = sit;
    assert_int_equal(escertke_buf_append(&s.object, object, strlen(object)), ESCERTKE_OK);
    escertke_err err = escertke_seci_write(ESCERTKE_FORMAT_JSON, &s, out);
    escertke_seci_clear(&s);
    return err;
}

static void what_could_not_be_read_is_not_written(void **state)
{
    static const struct {
        escertke_sit sit;
        const char *object;
    } cases[] = {
        { (escertke_sit)0, "" },
        { (escertke_sit)9, "" },
        { ESCERTKE_SIT_ESCERTKE, "" }, /* without a message */
        { ESCERTKE_SIT_RAND_RESPONSE, "" },
        { ESCERTKE_SIT_DAS_REQUEST, "" },
        { ESCERTKE_SIT_DAS_REQUEST, "[]" },
        { ESCERTKE_SIT_DAS_RESPONSE, "{},\"sit\":6" },
        { ESCERTKE_SIT_DAR_MAP_REQUEST, "{\"a\":1,\"a\":2}" },
        { ESCERTKE_SIT_DAR_MAP_RESPONSE, "{\"a\":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}" }, /* 15 levels and two around them */
    };
    escertke_buf out;

    (void)state;
    escertke_buf_init(&out, 200);
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_err(cases[i].object, write_object(cases[i].sit, cases[i].object, &out), ESCERTKE_ERR_SECINFO);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(write_object(ESCERTKE_SIT_DAS_REQUEST, "{\"a\":[[[[[[[[[[[[[]]]]]]]]]]]]]}", &out), ESCERTKE_OK);
    escertke_buf_free(&out);
}

static void out_of_memory_at_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(round_trips); i++) {
        escertke_err err;
        long count = 0;
        do {
            escertke_seci s;
            escertke_buf out;
            escertke_buf_init(&out, 2000);
            memory_fails_after(count++);
            err = parse(round_trips[i].text, &s, NULL);
            if (err == ESCERTKE_OK)
                err = escertke_seci_write(ESCERTKE_FORMAT_JSON, &s, &out);
            escertke_seci_clear(&s);
            escertke_buf_free(&out);
            memory_restored();
            if (err != ESCERTKE_OK)
                expect_err(round_trips[i].text, err, ESCERTKE_ERR_NOMEM);
        } while (err != ESCERTKE_OK);
        assert_true(count >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_there_and_back),
        cmocka_unit_test(rand_object_of_sit_4),
        cmocka_unit_test(tolerated),
        cmocka_unit_test(refused),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(compact_jwe),
        cmocka_unit_test(bare_control_characters_in_eckm),
        cmocka_unit_test(largest_message),
        cmocka_unit_test(largest_content),
        cmocka_unit_test(write_eckm),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(out_of_memory_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "m2m_support.h"

#include <stdio.h>

#include <escertke/m2m.h>

#include "m2m/serialization.h"
#include "m2m/xml.h"

#define NS " xmlns:m2m=\"http://www.onem2m.org/xml/protocols\""
#define DECL "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define AE(members) "<m2m:ae" NS ">" members "</m2m:ae>"
#define SIXTEEN(x) x x x x x x x x x x x x x x x x

/* ---- what is read, as the JSON that it stands for ----------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *json; /* NULL: refused */
} reads[] = {
    { "<m2m:ae" NS "/>", "{\"m2m:ae\":{}}" },
    { AE(""), "{\"m2m:ae\":{}}" },
    { DECL "\n" AE("\n <rr>true</rr>\n") "\n", "{\"m2m:ae\":{\"rr\":true}}" },
    { "\xef\xbb\xbf" AE(""), "{\"m2m:ae\":{}}" }, /* a byte order mark */
    { "<?xml version='1.0'?>" AE(""), "{\"m2m:ae\":{}}" },
    { "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>" AE(""), "{\"m2m:ae\":{}}" },
    { "<!-- a --><m2m:ae" NS "><!-- <!DOCTYPE --></m2m:ae><!-- b -->", "{\"m2m:ae\":{}}" },
    { "<x:ae xmlns:x=\"http://www.onem2m.org/xml/protocols\"/>", "{\"m2m:ae\":{}}" }, /* the prefix is the writer's choice */

    /* types by name */
    { AE("<ty>2</ty><rr> false </rr><st>\n7\n</st>"), "{\"m2m:ae\":{\"ty\":2,\"rr\":false,\"st\":7}}" },
    { AE("<rr>1</rr>"), "{\"m2m:ae\":{\"rr\":true}}" },
    { AE("<ty>6.0</ty>"), "{\"m2m:ae\":{\"ty\":6.0}}" },
    { AE("<ri> Ca </ri><apn> my meter </apn>"), "{\"m2m:ae\":{\"ri\":\"Ca\",\"apn\":\" my meter \"}}" },
    { AE("<poa>http://a\n http://b\t</poa><srv>3</srv>"), "{\"m2m:ae\":{\"poa\":[\"http://a\",\"http://b\"],\"srv\":[\"3\"]}}" },
    { AE("<poa>a</poa><poa>b c</poa>"), "{\"m2m:ae\":{\"poa\":[\"a\",\"b\",\"c\"]}}" }, /* a list in two elements */
    { AE("<esi><esf>43 13</esf></esi>"), "{\"m2m:ae\":{\"esi\":{\"esf\":[43,13]}}}" },
    { "<m2m:acp" NS "><pv><acr><acor>a b</acor><acop>18</acop></acr></pv></m2m:acp>",
      "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"a\",\"b\"],\"acop\":18}]}}}" }, /* one of many is an array */
    { "<m2m:acp" NS "><pv><acr><acop>1</acop></acr><acr><acop>2</acop></acr></pv></m2m:acp>",
      "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acop\":1},{\"acop\":2}]}}}" },
    { "<m2m:sgn" NS "><nev><net>3</net></nev></m2m:sgn>", "{\"m2m:sgn\":{\"nev\":{\"net\":3}}}" },
    { "<m2m:sub" NS "><enc><net>3</net></enc></m2m:sub>", "{\"m2m:sub\":{\"enc\":{\"net\":[3]}}}" },
    { "<m2m:uril" NS "> a  b </m2m:uril>", "{\"m2m:uril\":[\"a\",\"b\"]}" },
    { "<m2m:uril" NS "/>", "{\"m2m:uril\":[]}" },
    { "<m2m:dbg" NS "> two  words\n</m2m:dbg>", "{\"m2m:dbg\":\" two  words\\n\"}" },
    { "<m2m:dbg" NS "/>", "{\"m2m:dbg\":\"\"}" },

    /* nothing */
    { AE("<apn/><lbl/><esi></esi><ty/><rr> </rr><x/>"), "{\"m2m:ae\":{\"apn\":null,\"lbl\":null,\"esi\":null,\"ty\":null,\"rr\":null,\"x\":null}}" },
    { "<m2m:rqp" NS "><fr/><vsi/></m2m:rqp>", "{\"m2m:rqp\":{\"fr\":\"\",\"vsi\":\"\"}}" },

    /* unknown names */
    { AE("<zz>5</zz>"), "{\"m2m:ae\":{\"zz\":\"5\"}}" },
    { AE("<zz><a>1</a><b/></zz>"), "{\"m2m:ae\":{\"zz\":{\"a\":\"1\",\"b\":null}}}" },
    { AE("<zz>1</zz><zz>2</zz><zz><a>3</a></zz>"), "{\"m2m:ae\":{\"zz\":[\"1\",\"2\",{\"a\":\"3\"}]}}" },
    { "<m2m:zzz" NS ">x</m2m:zzz>", "{\"m2m:zzz\":\"x\"}" },

    /* attributes */
    { "<m2m:ae" NS " rn=\"meter\"><rr>true</rr></m2m:ae>", "{\"m2m:ae\":{\"rn\":\"meter\",\"rr\":true}}" },
    { AE("<rn>meter</rn>"), "{\"m2m:ae\":{\"rn\":\"meter\"}}" },
    { "<m2m:ae" NS " rn='a&amp;&#x62;' ty=\"2\" x=''/>", "{\"m2m:ae\":{\"rn\":\"a&b\",\"ty\":2,\"x\":null}}" },
    { "<m2m:ae" NS " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"a b\" xml:lang=\"en\"/>", "{\"m2m:ae\":{}}" },
    { AE("<zz a=\"1\"><b>2</b></zz>"), "{\"m2m:ae\":{\"zz\":{\"a\":\"1\",\"b\":\"2\"}}}" },
    { "<m2m:ae" NS " rn=\"a\"><rn>b</rn></m2m:ae>", NULL }, /* twice */
    { "<m2m:ae" NS " rn=\"a\" rn=\"a\"/>", NULL },
    { AE("<zz a=\"1\">text</zz>"), NULL },
    { AE("<ty a=\"1\">2</ty>"), NULL },

    /* characters */
    { AE("<apn>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F600;</apn>"), "{\"m2m:ae\":{\"apn\":\"<>&'\\\"A\xf0\x9f\x98\x80\"}}" },
    { AE("<apn><![CDATA[<a>&amp;]]></apn>"), "{\"m2m:ae\":{\"apn\":\"<a>&amp;\"}}" },
    { AE("<apn>a<!-- b -->c</apn>"), "{\"m2m:ae\":{\"apn\":\"ac\"}}" },
    { AE("<apn>a\r\nb\rc&#13;</apn>"), "{\"m2m:ae\":{\"apn\":\"a\\nb\\nc\\r\"}}" },
    { AE("<apn>\xc3\xbc</apn>"), "{\"m2m:ae\":{\"apn\":\"\xc3\xbc\"}}" },
    { AE("<apn>\xff</apn>"), NULL },
    { AE("<apn>\xc0\x80</apn>"), NULL },
    { AE("<apn>\x01</apn>"), NULL },
    { AE("<apn>&#0;</apn>"), NULL },
    { AE("<apn>&#1;</apn>"), NULL },
    { AE("<apn>&#xFFFF;</apn>"), NULL },
    { AE("<apn>&#xD800;</apn>"), NULL },
    { AE("<apn>&#x110000;</apn>"), NULL },
    { AE("<apn>\xef\xbf\xbf</apn>"), NULL },

    /* document types, entities, instructions */
    { "<!DOCTYPE m2m:ae>" AE(""), NULL },
    { DECL "<!DOCTYPE m2m:ae SYSTEM \"http://127.0.0.1:1/x.dtd\">" AE(""), NULL },
    { "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" AE("<apn>&e;</apn>"), NULL },
    { "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>" AE("<apn>&c;</apn>"), NULL },
    { "<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/p\">%p;]>" AE(""), NULL },
    { "<!doctype x>" AE(""), NULL },
    { AE("<!DOCTYPE x>"), NULL },
    { AE("<!ENTITY e \"x\">"), NULL },
    { AE("<apn>&e;</apn>"), NULL },
    { AE("<apn>&nbsp;</apn>"), NULL },
    { "<m2m:ae" NS " x=\"&e;\"/>", NULL },
    { "<?xml-stylesheet href=\"x\"?>" AE(""), NULL },
    { AE("<?php x?>"), NULL },
    { AE("<?xml version=\"1.0\"?>"), NULL },
    { " " DECL AE(""), NULL },
    { "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"/etc/passwd\" parse=\"text\"/>", NULL },
    { AE("<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"/etc/passwd\" parse=\"text\"/>"), NULL },

    /* encodings and versions */
    { "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" AE(""), NULL },
    { "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" AE(""), NULL },
    { "<?xml version=\"1.0\" encoding=\"UTF-7\"?>" AE(""), NULL },
    { "<?xml version=\"1.0\" encoding=\"nonsense\"?>" AE(""), NULL },
    { "<?xml version=\"1.1\"?>" AE(""), NULL },
    { "<?xml version=\"2.0\"?>" AE(""), NULL },

    /* namespaces */
    { "<ae/>", NULL },
    { "<m2m:ae/>", NULL },
    { "<m2m:ae xmlns:m2m=\"http://example.org/\"/>", NULL },
    { "<ae xmlns=\"http://www.onem2m.org/xml/protocols\"/>", "{\"m2m:ae\":{}}" },
    { "<ae xmlns=\"http://www.onem2m.org/xml/protocols\"><rr>true</rr></ae>", "{\"m2m:ae\":{\"m2m:rr\":\"true\"}}" }, /* members have none */
    { AE("<h:x xmlns:h=\"http://example.org/\"/>"), NULL },
    { AE("<s:x xmlns:s=\"http://www.onem2m.org/technical/xml-schemas\">1</s:x>"), "{\"m2m:ae\":{\"sec:x\":\"1\"}}" },
    { "<m2m:a\xc3\xbc" NS "/>", NULL },

    /* wrong types */
    { AE("<ty>two</ty>"), NULL },
    { AE("<ty>2 3</ty>"), NULL },
    { AE("<ty>0x2</ty>"), NULL },
    { AE("<ty>1e999</ty>"), NULL },
    { AE("<ty>99999999999999999999</ty>"), NULL },
    { AE("<ty>\"2\"</ty>"), NULL },
    { AE("<ty><a/></ty>"), NULL },
    { AE("<ty>2</ty><ty>2</ty>"), NULL },
    { AE("<rr>yes</rr>"), NULL },
    { AE("<rr>True</rr>"), NULL },
    { AE("<esi>43</esi>"), NULL },
    { AE("<esi><esf>43</esf></esi><esi><esf>43</esf></esi>"), NULL },
    { AE("<esi><esf>43 x</esf></esi>"), NULL },
    { AE("<poa><a/></poa>"), NULL },
    { AE("text"), "{\"m2m:ae\":\"text\"}" }, /* that it must be an object is for who reads the resource */
    { AE("<rr>true</rr>text"), NULL },
    { AE("text<rr>true</rr>"), NULL },
    { AE("<zz>text<a/></zz>"), NULL },
    { AE("<zz><a/>text</zz>"), NULL },

    /* no XML */
    { "", NULL },
    { " ", NULL },
    { "<", NULL },
    { "text", NULL },
    { "{\"m2m:ae\":{}}", NULL },
    { "<m2m:ae" NS ">", NULL },
    { "<m2m:ae" NS "/><m2m:ae" NS "/>", NULL },
    { "<m2m:ae" NS "/>text", NULL },
    { "<m2m:ae" NS "></m2m:acp>", NULL },
    { AE("<rr>true</rR>"), NULL },
    { AE("<rr>true"), NULL },
    { AE("<apn>a & b</apn>"), NULL },
    { AE("<apn>a ]]> b</apn>"), NULL },
    { "<m2m:ae" NS " rn=meter/>", NULL },
    { "<m2m:ae" NS " rn/>", NULL },
    { AE("<!-- a -- b -->"), NULL },
    { AE("<1a/>"), NULL },
};

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        escertke_err expected = reads[i].json ? ESCERTKE_OK : ESCERTKE_ERR_XML;
        escertke_detail d;
        json_t *v;
        escertke_detail_init(&d);
        expect_err(reads[i].text, esc_xml_load(escertke_span_str(reads[i].text), &v, &d), expected);
        assert_int_equal(d.err, expected);
        assert_true((v != NULL) == (expected == ESCERTKE_OK));
        assert_true(expected == ESCERTKE_OK || d.reason[0]);
        if (v) {
            char *json = json_dumps(v, JSON_COMPACT);
            if (strcmp(json, reads[i].json) != 0)
                fail_msg("%s: expected %s, found %s", reads[i].text, reads[i].json, json);
            free(json);
        }
        json_decref(v);
    }
}

static void octets_that_are_no_text(void **state)
{
    static const struct {
        const char *name;
        escertke_span octets;
    } cases[] = {
        { "NUL behind", BYTES("<m2m:ae" NS "/>\0") },
        { "NUL inside", BYTES("<m2m:ae" NS "><apn>a\0b</apn></m2m:ae>") },
        { "UTF-16", BYTES("\xff\xfe<\0m\0/\0>\0") },
        { "UTF-16, the other way", BYTES("\xfe\xff\0<\0m\0/\0>") },
        { "UTF-16 without a mark", BYTES("<\0?\0x\0m\0l\0") },
        { "UTF-32", BYTES("\0\0\0<\0\0\0a") },
        { "EBCDIC", BYTES("\x4c\x6f\xa7\x94\x93") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *v;
        expect_err(cases[i].name, esc_xml_load(cases[i].octets, &v, NULL), ESCERTKE_ERR_XML);
        assert_null(v);
    }
}

static void cut_at_every_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        size_t full = strlen(reads[i].text), behind = full;
        while (behind && reads[i].text[behind - 1] != '>')
            behind--; /* white space at the end may be cut */
        if (reads[i].json && strstr(reads[i].text, "<!-- b -->"))
            continue; /* so may a comment */
        for (size_t len = 0; reads[i].json && len < behind; len++) {
            uint8_t *tight = malloc(len ? len : 1);
            json_t *v;
            memcpy(tight, reads[i].text, len);
            expect_err(reads[i].text, esc_xml_load((escertke_span){ tight, len }, &v, NULL), ESCERTKE_ERR_XML);
            assert_null(v);
            free(tight);
        }
    }
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

/* head, piece times, tail */
static escertke_err load_repeated(const char *head, const char *piece, size_t times, const char *tail, const char *says)
{
    size_t len = strlen(head) + strlen(piece) * times + strlen(tail);
    char *text = malloc(len + 1), *at = text;
    escertke_detail d;
    json_t *v;

    at += sprintf(at, "%s", head);
    for (size_t i = 0; i < times; i++)
        at += sprintf(at, "%s", piece);
    sprintf(at, "%s", tail);
    escertke_detail_init(&d);
    escertke_err err = esc_xml_load(escertke_span_str(text), &v, &d);
    assert_true((v != NULL) == (err == ESCERTKE_OK));
    if (says && !strstr(d.reason, says))
        fail_msg("expected \"%s\", found \"%s\"", says, d.reason);
    json_decref(v);
    free(text);
    return err;
}

static void limits(void **state)
{
    static const char ae[] = "<m2m:ae" NS ">", end[] = "</m2m:ae>";

    (void)state;
    /* octets */
    size_t rest = ESCERTKE_PRIMITIVE_MAX - strlen(ae) - strlen(end) - strlen("<apn></apn>");
    assert_int_equal(load_repeated("<m2m:ae" NS "><apn>", "x", rest, "</apn></m2m:ae>", NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated("<m2m:ae" NS "><apn>", "x", rest + 1, "</apn></m2m:ae>", "limit"), ESCERTKE_ERR_TOO_LARGE);
    /* values: the object around and the root are two of them; the attribute that declares the prefix counts as well, at first */
    assert_int_equal(load_repeated(ae, "<a/>", ESC_ITEMS_MAX - 3, end, NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated(ae, "<a/>", ESC_ITEMS_MAX, end, "elements"), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(load_repeated("<m2m:uril" NS ">", "a ", 20000, "</m2m:uril>", "values"), ESCERTKE_ERR_TOO_LARGE);
    /* attributes of one tag */
    assert_int_equal(load_repeated("<m2m:ae" NS, "", 0, "/>", NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated("<m2m:ae" NS " a='' b='' c=''", " ", 5000, "/>", NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated("<m2m:ae" NS, " a=\"\"", 64, "/>", "too many attributes"), ESCERTKE_ERR_XML);
    assert_int_equal(load_repeated("<m2m:ae" NS, " a=\"\"", 20000, "/>", "too many attributes"), ESCERTKE_ERR_XML);
    assert_int_equal(load_repeated("<m2m:ae" NS " x=\"", "=", 1000, "\"/>", NULL), ESCERTKE_OK); /* they are in a value */
    /* levels: the root's object is the first, an element with another in it one more; 15 are below the root's */
    assert_int_equal(load_repeated(ae, "<a>", 14, "x" "</a></a></a></a></a></a></a></a></a></a></a></a></a></a></m2m:ae>", NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated(ae, "<a>", 16, "x", "nested too deeply"), ESCERTKE_ERR_XML);
    assert_int_equal(load_repeated(ae, "<a>", 40000, "", "nested too deeply"), ESCERTKE_ERR_XML);
    assert_int_equal(load_repeated("", "<m2m:ae" NS ">", 16, SIXTEEN("</m2m:ae>"), "nested deeper"), ESCERTKE_ERR_XML);
    /* names */
    assert_int_equal(load_repeated(ae, "<a/>", 1, end, NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated("<m2m:ae" NS "><a", "b", ESC_XML_NAME_MAX - 1, "/></m2m:ae>", NULL), ESCERTKE_OK);
    assert_int_equal(load_repeated("<m2m:ae" NS "><a", "b", ESC_XML_NAME_MAX, "/></m2m:ae>", "too long"), ESCERTKE_ERR_XML);
}

static void detail_names_the_place_and_quotes_nothing(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { AE("\n<apn>swordfish & x</apn>"), "line 2" },
        { AE("\n\n<ty>swordfish</ty>"), "line 3: ty: expected a number" },
        { AE("<apn>&swordfish;</apn>"), "an entity" },
        { "<!DOCTYPE swordfish>" AE(""), "octet 0: a document type" },
        { AE("<?swordfish?>"), "a processing instruction" },
        { "<?xml version=\"1.0\" encoding=\"Latin-1\"?>" AE(""), "another encoding" },
        { "<swordfish/>", "expected a root of the namespace" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_detail d;
        json_t *v;
        escertke_detail_init(&d);
        assert_int_equal(esc_xml_load(escertke_span_str(cases[i].text), &v, &d), ESCERTKE_ERR_XML);
        if (!strstr(d.reason, cases[i].says))
            fail_msg("%s: %s", cases[i].text, d.reason);
        assert_true(!strstr(d.reason, "swordfish") || !strcmp(cases[i].text, "<swordfish/>")); /* a name is no secret */
        assert_string_equal(d.clause, "TS-0004 8.3");
    }
}

static void out_of_memory(void **state)
{
    json_t *v;

    (void)state;
    memory_fails_after(0);
    assert_int_equal(esc_xml_load(escertke_span_str(AE("<apn>x</apn>")), &v, NULL), ESCERTKE_ERR_NOMEM);
    assert_null(v);
    memory_restored();
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *json;
    const char *text; /* behind the declaration; NULL: refused */
} writes[] = {
    { "{\"m2m:ae\":{}}", "<m2m:ae" NS "/>" },
    { "{\"m2m:ae\":{\"rn\":\"m\"}}", "<m2m:ae" NS " rn=\"m\"/>" },
    { "{\"m2m:ae\":{\"rr\":true,\"rn\":\"a\\\"<&\\t\\n\\rb\"}}", "<m2m:ae" NS " rn=\"a&quot;&lt;&amp;&#9;&#10;&#13;b\"><rr>true</rr></m2m:ae>" },
    { "{\"m2m:ae\":{\"apn\":\"<&>\\\"'\\r\\n]]>\xc3\xbc\"}}", AE("<apn>&lt;&amp;&gt;\"'&#13;\n]]&gt;\xc3\xbc</apn>") },
    { "{\"m2m:ae\":{\"apn\":null,\"poa\":null,\"rn\":null}}", AE("<rn/><apn/><poa/>") },
    { "{\"m2m:seci\":{\"eckm\":\"AA==\",\"sit\":6}}", "<m2m:seci" NS "><sit>6</sit><eckm>AA==</eckm></m2m:seci>" }, /* in the schema's order */
    { "{\"m2m:seci\":{\"sit\":6.0}}", "<m2m:seci" NS "><sit>6.0</sit></m2m:seci>" },
    { "{\"m2m:ae\":{\"zz\":[1,\"a\",{\"b\":false}],\"esi\":{\"esf\":[43,13]}}}",
      AE("<esi><esf>43 13</esf></esi><zz>1</zz><zz>a</zz><zz><b>false</b></zz>") },
    { "{\"m2m:ae\":{\"sec:x\":{\"y\":\"z\"}}}",
      AE("<sec:x xmlns:sec=\"http://www.onem2m.org/technical/xml-schemas\"><y>z</y></sec:x>") },
    { "{\"m2m:dbg\":\"\"}", "<m2m:dbg" NS "/>" },
    { "{\"m2m:dbg\":\" x \"}", "<m2m:dbg" NS "> x </m2m:dbg>" },
    { "{\"m2m:uril\":[]}", "<m2m:uril" NS "></m2m:uril>" },
    { "{\"m2m:uril\":[\"a\",\"b\"]}", "<m2m:uril" NS ">a b</m2m:uril>" },
    { "{\"m2m:rqp\":{\"rqet\":5000,\"op\":5,\"fr\":\"\"}}", "<m2m:rqp" NS "><op>5</op><fr/><rqet>5000</rqet></m2m:rqp>" },
    { "{\"m2m:sub\":{\"enc\":{\"net\":[3,4]}}}", "<m2m:sub" NS "><enc><net>3</net><net>4</net></enc></m2m:sub>" },

    /* roots */
    { "{}", NULL },
    { "[]", NULL },
    { "{\"ae\":{}}", NULL },
    { "{\"m2m:a\":1,\"m2m:b\":2}", NULL },
    { "{\"x:ae\":{}}", NULL },
    { "{\"m2m:zz\":[1,2]}", NULL }, /* two roots */
    { "{\"m2m:zz\":[1]}", NULL },
    { "{\"m2m:ae\":null}", NULL },
    /* names that XML does not have */
    { "{\"m2m:ae\":{\"\":1}}", NULL },
    { "{\"m2m:ae\":{\"a b\":1}}", NULL },
    { "{\"m2m:ae\":{\"1a\":1}}", NULL },
    { "{\"m2m:ae\":{\"a><b\":1}}", NULL },
    { "{\"m2m:ae\":{\"hd:x\":1}}", NULL },
    { "{\"m2m:ae\":{\"m2m:\":1}}", NULL },
    { "{\"m2m:ae\":{\"m2m:a:b\":1}}", NULL },
    { "{\"m2m:ae\":{\"\xc3\xbc\":1}}", NULL },
    /* characters that XML does not have */
    { "{\"m2m:ae\":{\"apn\":\"\\u0001\"}}", NULL },
    { "{\"m2m:ae\":{\"apn\":\"\\u001f\"}}", NULL },
    { "{\"m2m:ae\":{\"apn\":\"\\ufffe\"}}", NULL },
    { "{\"m2m:ae\":{\"apn\":\"\\uffff\"}}", NULL },
    { "{\"m2m:ae\":{\"apn\":\"\\ufffd\"}}", AE("<apn>\xef\xbf\xbd</apn>") },
    { "{\"m2m:ae\":{\"rn\":\"a\\u0001\"}}", NULL },
    /* what would read as something else */
    { "{\"m2m:ae\":{\"apn\":\"\"}}", NULL },
    { "{\"m2m:ae\":{\"poa\":[]}}", NULL },
    { "{\"m2m:ae\":{\"poa\":[\"\"]}}", NULL },
    { "{\"m2m:ae\":{\"poa\":[\"a b\"]}}", NULL },
    { "{\"m2m:ae\":{\"poa\":[[\"a\"]]}}", NULL },
    { "{\"m2m:ae\":{\"poa\":\"a\"}}", NULL },
    { "{\"m2m:ae\":{\"esi\":{}}}", NULL },
    { "{\"m2m:ae\":{\"esi\":[{}]}}", NULL },
    { "{\"m2m:ae\":{\"esi\":\"x\"}}", NULL },
    { "{\"m2m:ae\":{\"ri\":\" a\"}}", NULL },
    { "{\"m2m:ae\":{\"rn\":\" a\"}}", NULL },
    { "{\"m2m:ae\":{\"rr\":\"true\"}}", NULL },
    { "{\"m2m:ae\":{\"rr\":1}}", NULL },
    { "{\"m2m:ae\":{\"ty\":\"2\"}}", NULL },
    { "{\"m2m:ae\":{\"ty\":[2]}}", NULL },
    { "{\"m2m:ae\":{\"zz\":[]}}", NULL },
    { "{\"m2m:ae\":{\"zz\":[[1],[2]]}}", NULL },
    { "{\"m2m:acp\":{\"pv\":{\"acr\":{}}}}", NULL },
    { "{\"m2m:rqp\":{\"fr\":null}}", NULL },
};

static void writing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        json_t *tree;
        escertke_buf out;
        escertke_err expected = writes[i].text ? ESCERTKE_OK : ESCERTKE_ERR_XML;
        assert_int_equal(esc_json_load(escertke_span_str(writes[i].json), &tree, NULL), ESCERTKE_OK);
        escertke_buf_init(&out, 1000);
        assert_int_equal(escertke_buf_append(&out, "!", 1), ESCERTKE_OK);
        expect_err(writes[i].json, esc_xml_dump(tree, &out), expected);
        if (expected == ESCERTKE_OK) {
            char text[1000];
            snprintf(text, sizeof text, "!" DECL "%s", writes[i].text);
            if (out.len != strlen(text) || memcmp(out.ptr, text, out.len) != 0)
                fail_msg("%s: expected %s\nfound %.*s", writes[i].json, text, (int)out.len, (const char *)out.ptr);
        } else {
            assert_buf_text(&out, "!");
        }
        escertke_buf_free(&out);
        json_decref(tree);
    }
}

static void a_full_buffer_is_as_it_was(void **state)
{
    json_t *tree = json_pack("{s{ss s[s] s{si}}}", "m2m:ae", "rn", "a", "poa", "b", "zz", "c", 1);
    escertke_buf whole;

    (void)state;
    escertke_buf_init(&whole, 1000);
    assert_int_equal(esc_xml_dump(tree, &whole), ESCERTKE_OK);
    for (size_t max = 1; max < whole.len; max++) {
        escertke_buf out;
        escertke_buf_init(&out, max);
        assert_int_equal(escertke_buf_append(&out, "!", 1), ESCERTKE_OK);
        assert_int_equal(esc_xml_dump(tree, &out), ESCERTKE_ERR_TOO_LARGE);
        assert_buf_text(&out, "!");
        escertke_buf_free(&out);
    }
    escertke_buf_free(&whole);
    memory_fails_after(1); /* the buffer, but not the order of the members */
    escertke_buf_init(&whole, 1000);
    assert_int_equal(esc_xml_dump(tree, &whole), ESCERTKE_ERR_NOMEM);
    escertke_buf_free(&whole);
    memory_restored();
    json_decref(tree);
}

/* ---- R 10.2 ------------------------------------------------------------------------------------------------------- */

static const char request[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                              "<m2m:rqp xmlns:m2m=\"http://www.onem2m.org/xml/protocols\">\n"
                              "  <op>5</op><to>/in1/S5f0e</to><fr>Ca1b2c3</fr><rqi>A0001</rqi>\n"
                              "  <pc><m2m:seci><sit>6</sit><eckm>FgMBAH8BAAB7</eckm></m2m:seci></pc>\n"
                              "  <rvi>3</rvi>\n"
                              "</m2m:rqp>";
static const char response[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<m2m:rsp xmlns:m2m=\"http://www.onem2m.org/xml/protocols\">\n"
                               "  <rsc>2000</rsc><rqi>A0001</rqi>\n"
                               "  <pc><m2m:seci><sit>6</sit><eckm>FgMDAGECAABd</eckm></m2m:seci></pc>\n"
                               "  <rvi>3</rvi>\n"
                               "</m2m:rsp>";

/* The text without what stands between its elements only to be read by people. */
static void assert_same_but_layout(const escertke_buf *found, const char *expected)
{
    char plain[1000];
    size_t len = 0;

    for (const char *at = expected; *at; at++) {
        if (*at == '\n')
            at += strspn(at, "\n ");
        plain[len++] = *at;
    }
    assert_int_equal(found->len, len);
    assert_memory_equal(found->ptr, plain, len);
}

static void examples_of_the_text(void **state)
{
    static const struct {
        const char *text;
        int op, rsc;
        const char *content;
    } cases[] = {
        { request, 5, 0, DECL "<m2m:seci" NS "><sit>6</sit><eckm>FgMBAH8BAAB7</eckm></m2m:seci>" },
        { response, 0, 2000, DECL "<m2m:seci" NS "><sit>6</sit><eckm>FgMDAGECAABd</eckm></m2m:seci>" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive p;
        escertke_buf out;
        expect_err(cases[i].text, escertke_primitive_parse(ESCERTKE_FORMAT_XML, escertke_span_str(cases[i].text), &p, NULL), ESCERTKE_OK);
        assert_int_equal(p.op, cases[i].op);
        assert_int_equal(p.rsc, cases[i].rsc);
        assert_string_equal(p.rqi, "A0001");
        assert_string_equal(p.rvi, "3");
        assert_buf_text(&p.content, cases[i].content);
        escertke_buf_init(&out, 1000);
        assert_int_equal(escertke_primitive_write(ESCERTKE_FORMAT_XML, &p, &out), ESCERTKE_OK);
        assert_same_but_layout(&out, cases[i].text);
        escertke_buf_free(&out);
        escertke_primitive_clear(&p);
    }
}

#define RQP(members) "<m2m:rqp" NS ">" members "</m2m:rqp>"
#define RSP(members) "<m2m:rsp" NS ">" members "</m2m:rsp>"
#define MUST "<op>5</op><to>-</to><fr>S</fr><rqi>1</rqi>"

static void primitives(void **state)
{
    static const struct {
        const char *text;
        escertke_err expected;
        bool rqi; /* is kept for the answer */
    } cases[] = {
        { RQP(MUST), ESCERTKE_OK, true },
        { RQP("<rqi> 1 </rqi><fr>S</fr><op> 5 </op><to>-</to>"), ESCERTKE_OK, true }, /* in another order */
        { RQP(MUST "<zz><a/></zz>"), ESCERTKE_OK, true },
        { RQP(MUST "<fc><fu>1</fu><lbl>a b</lbl></fc><tkns>a</tkns><da>true</da><rp>20260601T120000</rp>"), ESCERTKE_OK, true },
        { RQP(MUST "<rt><rtv>3</rtv><nu>http://a http://b</nu></rt>"), ESCERTKE_OK, true },
        { RSP("<rsc>2000</rsc><rqi>1</rqi>"), ESCERTKE_OK, true },
        { RQP(MUST "<pc><m2m:seci><sit>6</sit><eckm>FgMB\n  AAA=</eckm></m2m:seci></pc>"), ESCERTKE_OK, true },
        { RSP(MUST), ESCERTKE_ERR_PRIMITIVE, true }, /* the root says response, op says request */
        { RQP("<rsc>2000</rsc><rqi>1</rqi>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP(MUST "<rsc>2000</rsc>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP("<op>6</op><to>-</to><fr>S</fr><rqi>1</rqi>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP("<op>5</op><to>-</to><fr>S</fr>"), ESCERTKE_ERR_PRIMITIVE, false },
        { RQP("<op>5</op><to>-</to><fr/><rqi>1</rqi>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP("<op>5</op><to/><fr>S</fr><rqi>1</rqi>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP("<op>5</op><to>-</to><fr>S\nT</fr><rqi>1</rqi>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP(MUST "<pc/>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP(MUST "<pc><m2m:a/><m2m:b/></pc>"), ESCERTKE_ERR_PRIMITIVE, true },
        { RQP(MUST "<rqet>soon</rqet>"), ESCERTKE_ERR_PRIMITIVE, true },
        { "<m2m:seci" NS "><sit>3</sit></m2m:seci>", ESCERTKE_ERR_PRIMITIVE, false },
        { RQP(""), ESCERTKE_ERR_PRIMITIVE, false },
        { RQP("<op>five</op><to>-</to><fr>S</fr><rqi>1</rqi>"), ESCERTKE_ERR_XML, false },
        { RQP(MUST "<op>5</op>"), ESCERTKE_ERR_XML, false },
        { RQP(MUST "<pc>text</pc>"), ESCERTKE_ERR_XML, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive p;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].text, escertke_primitive_parse(ESCERTKE_FORMAT_XML, escertke_span_str(cases[i].text), &p, &d), cases[i].expected);
        assert_int_equal(d.err, cases[i].expected);
        assert_true((p.rqi != NULL) == cases[i].rqi);
        escertke_primitive_clear(&p);
    }
}

static void security_info(void **state)
{
    static const struct {
        const char *text;
        escertke_err expected;
    } cases[] = {
        { "<m2m:seci" NS "><sit>6</sit><eckm> FgMB AAA= </eckm></m2m:seci>", ESCERTKE_OK },
        { "<m2m:seci" NS "><eckm>FgMBAAA=</eckm><sit>6</sit></m2m:seci>", ESCERTKE_OK },
        { "<m2m:seci" NS "><sit>6</sit><eckm>FgMBAAA=</eckm><zz>1</zz></m2m:seci>", ESCERTKE_OK },
        { "<m2m:seci" NS "><sit>6</sit><eckm/></m2m:seci>", ESCERTKE_ERR_SECINFO },
        { "<m2m:seci" NS "><sit>6</sit></m2m:seci>", ESCERTKE_ERR_SECINFO },
        { "<m2m:seci" NS "><sit>6</sit><eckm>FgMBAAA</eckm></m2m:seci>", ESCERTKE_ERR_BASE64 },
        { "<m2m:seci" NS "><sit>6</sit><eckm><a/></eckm></m2m:seci>", ESCERTKE_ERR_XML },
        { "<m2m:seci" NS "><sit>9</sit></m2m:seci>", ESCERTKE_ERR_SECINFO },
        { "<m2m:seci" NS "><sit>6</sit><sit>6</sit><eckm>FgMBAAA=</eckm></m2m:seci>", ESCERTKE_ERR_XML },
        { "<m2m:seci" NS "><sit>6</sit><eckm>FgMBAAA=</eckm><ero><esri>a</esri></ero></m2m:seci>", ESCERTKE_ERR_SECINFO },
        { "<m2m:seci" NS "/>", ESCERTKE_ERR_SECINFO },
        { "<m2m:sgn" NS "><m2m:seci><sit>6</sit><eckm>FgMBAAA=</eckm></m2m:seci></m2m:sgn>", ESCERTKE_ERR_SECINFO },
        { "<seci><sit>3</sit></seci>", ESCERTKE_ERR_XML },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_seci s;
        expect_err(cases[i].text, escertke_seci_parse(ESCERTKE_FORMAT_XML, escertke_span_str(cases[i].text), &s, NULL), cases[i].expected);
        if (cases[i].expected == ESCERTKE_OK)
            assert_memory_equal(s.eckm.ptr, "\x16\x03\x01\x00\x00", 5);
        escertke_seci_clear(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(octets_that_are_no_text),
        cmocka_unit_test(cut_at_every_octet),
        cmocka_unit_test(limits),
        cmocka_unit_test(detail_names_the_place_and_quotes_nothing),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(writing),
        cmocka_unit_test(a_full_buffer_is_as_it_was),
        cmocka_unit_test(examples_of_the_text),
        cmocka_unit_test(primitives),
        cmocka_unit_test(security_info),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

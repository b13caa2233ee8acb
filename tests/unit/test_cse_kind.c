#include "cse_support.h"

#include <stdio.h>

#include "cse/internal.h"
#include "m2m/json.h"

#define NAME(kind) #kind, &kind

static const struct {
    const char *name;
    const struct esc_kind *kind;
    const char *value;
    bool ok;
} cases[] = {
    { NAME(esc_kind_string), "'x'", true },
    { NAME(esc_kind_string), "'\xC3\xA9'", true },
    { NAME(esc_kind_string), "''", false },
    { NAME(esc_kind_string), "5", false },
    { NAME(esc_kind_string), "'a\\nb'", false },
    { NAME(esc_kind_string), "'a\\u007fb'", false },
    { NAME(esc_kind_name), "'meter-1_a.b~'", true },
    { NAME(esc_kind_name), "'a/b'", false },
    { NAME(esc_kind_name), "'a b'", false },
    { NAME(esc_kind_name), "'-'", false },
    { NAME(esc_kind_name), "'.'", false },
    { NAME(esc_kind_name), "'..'", false },
    { NAME(esc_kind_name), "'fopt'", false },
    { NAME(esc_kind_name), "'la'", false },
    { NAME(esc_kind_name), "'a#b'", false },
    { NAME(esc_kind_name), "''", false },
    { NAME(esc_kind_name), "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", true },
    { NAME(esc_kind_name), "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'", false },
    { NAME(esc_kind_bool), "true", true },
    { NAME(esc_kind_bool), "'true'", false },
    { NAME(esc_kind_bool), "1", false },
    { NAME(esc_kind_app_id), "'Nmeter'", true },
    { NAME(esc_kind_app_id), "'R1.meter'", true },
    { NAME(esc_kind_app_id), "'r1.meter'", true },
    { NAME(esc_kind_app_id), "'N'", false },
    { NAME(esc_kind_app_id), "'meter'", false },
    { NAME(esc_kind_app_id), "'nmeter'", false },
    { NAME(esc_kind_time), "'20300101T000000'", true },
    { NAME(esc_kind_time), "'20300101T000000,5'", true },
    { NAME(esc_kind_time), "'20300101'", false },
    { NAME(esc_kind_time), "'19700101T000000'", false },
    { NAME(esc_kind_time), "'19600101T000000'", false },
    { NAME(esc_kind_time), "'20301301T000000'", false },
    { NAME(esc_kind_time), "1000", false },
    { NAME(esc_kind_labels), "['a']", true },
    { NAME(esc_kind_labels), "[]", false },
    { NAME(esc_kind_labels), "'a'", false },
    { NAME(esc_kind_labels), "['a',1]", false },
    { NAME(esc_kind_poa), "['http://10.0.0.7:9000/notify']", true },
    { NAME(esc_kind_poa), "['https://a','coap://a','coaps://a','mqtt://a','mqtts://a/x','ws://a','wss://a','http://[::1]:80/']",
      true },
    { NAME(esc_kind_poa), "['http://a','http://b','http://c','http://d','http://e','http://f','http://g','http://h','http://i']",
      false },
    { NAME(esc_kind_poa), "['file:///etc/passwd']", false },
    { NAME(esc_kind_poa), "['http:///path']", false },
    { NAME(esc_kind_poa), "['http://']", false },
    { NAME(esc_kind_poa), "['ftp://a']", false },
    { NAME(esc_kind_poa), "['gopher://a/http://b']", false },
    { NAME(esc_kind_poa), "['http://a b']", false },
    { NAME(esc_kind_poa), "['http://a\\r\\nX: y']", false },
    { NAME(esc_kind_poa), "['http://a#b']", false },
    { NAME(esc_kind_poa), "['http://\xC3\xA9']", false },
    { NAME(esc_kind_poa), "'http://a'", false },
    { NAME(esc_kind_poa), "[]", false },
    { NAME(esc_kind_srv), "['2','2a','3']", true },
    { NAME(esc_kind_srv), "['1']", true },
    { NAME(esc_kind_srv), "[]", false },
    { NAME(esc_kind_srv), "[3]", false },
    { NAME(esc_kind_srv), "['9']", false },
    { NAME(esc_kind_srv), "'3'", false },
    { NAME(esc_kind_csz), "['json','xml','cbor']", true },
    { NAME(esc_kind_csz), "['application/json']", true },
    { NAME(esc_kind_csz), "['application/vnd.onem2m-res+cbor']", true },
    { NAME(esc_kind_csz), "['JSON']", false },
    { NAME(esc_kind_csz), "['yaml']", false },
    { NAME(esc_kind_esi), "{'esf':[43]}", true },
    { NAME(esc_kind_esi), "{'esf':[13,43]}", true },
    { NAME(esc_kind_esi), "{}", false },
    { NAME(esc_kind_esi), "{'esf':[99]}", false },
    { NAME(esc_kind_esi), "'43'", false },
    { NAME(esc_kind_esi), "[43]", false },
    { NAME(esc_kind_addresses), "['-/a','in1base/meter/acp','/in1/acp1','//m2m.example.org/in1/-/acp']", true },
    { NAME(esc_kind_addresses), "['-/a#b']", false },
    { NAME(esc_kind_addresses), "['a b']", false },
    { NAME(esc_kind_addresses), "['a','a','a','a','a','a','a','a','a','a','a','a','a','a','a','a','a']", false },
    { NAME(esc_kind_addresses), "[]", false },
    { NAME(esc_kind_regs), "1", true },
    { NAME(esc_kind_regs), "3", false },
    { NAME(esc_kind_cse_type), "3", true },
    { NAME(esc_kind_cse_type), "0", false },
    { NAME(esc_kind_cse_type), "'2'", false },
    { NAME(esc_kind_address), "'/mn1/-'", true },
    { NAME(esc_kind_address), "['/mn1/-']", false },
    { NAME(esc_kind_cse_id), "'/mn1'", true },
    { NAME(esc_kind_cse_id), "'//m2m.example.org/mn1'", true },
    { NAME(esc_kind_cse_id), "'mn1'", false },
    { NAME(esc_kind_cse_id), "'/mn1/x'", false },
    { NAME(esc_kind_cse_ids), "['/mn1','/mn2']", true },
    { NAME(esc_kind_cse_ids), "['/mn1','mn2']", false },
    { NAME(esc_kind_cse_ids), "[]", false },
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        json_t *list;
        /* wrapped: a value alone is no JSON text here */
        snprintf(text, sizeof text, "[%s]", cases[i].value);
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        if (esc_json_load(escertke_span_str(text), &list, NULL) != ESCERTKE_OK)
            fail_msg("%s", text);
        if (cases[i].kind->ok(json_array_get(list, 0)) != cases[i].ok)
            fail_msg("%s %s: expected %d", cases[i].name, cases[i].value, cases[i].ok);
        json_decref(list);
        assert_false(cases[i].kind->ok(NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(values) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* --peer rules: what each flavour needs, and what is refused. */
#include "cli_support.h"

#include "peers.h"

#define PIN "ni:///sha-256;XNJS-wzokyQ2-vjM0QQJgbie5K1rn-niorfnGqyyfNM"

static const struct {
    const char *name, *rule;
    escertke_flavour flavour;
    const char *san, *pin;
} good[] = {
    { "ID alone", "//sp/in1/Cx", ESCERTKE_FLAVOUR_BY_ID, NULL, NULL },
    { "AE", "//sp/in1/Cx,flavour=ae", ESCERTKE_FLAVOUR_AE, NULL, NULL },
    { "CSE with its name", "//sp/mn1,flavour=cse,san=mn1.in1.sp", ESCERTKE_FLAVOUR_CSE, "mn1.in1.sp", NULL },
    { "order does not matter", "//sp/mn1,san=mn1.in1.sp,flavour=cse", ESCERTKE_FLAVOUR_CSE, "mn1.in1.sp", NULL },
    { "node", "//sp/in1/Cx,flavour=node,san=urn:gsma:imei:90420156-025763-0;svn=42", ESCERTKE_FLAVOUR_NODE,
      "urn:gsma:imei:90420156-025763-0;svn=42", NULL },
    { "raw key", "//sp/in1/Cx,flavour=raw,pin=" PIN, ESCERTKE_FLAVOUR_RAW, NULL, PIN },
    { "name without flavour", "//sp/in1,san=cse.example.org", ESCERTKE_FLAVOUR_BY_ID, "cse.example.org", NULL },
};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct text_list rules = { (const char *[]){ good[i].rule }, 1 };
        struct peer_list list;
        escertke_detail d;
        char why[320] = "", id[64];

        escertke_detail_init(&d);
        if (!peers_check_rule(good[i].rule, why, sizeof why) || peers_parse(&rules, &list, &d) != ESCERTKE_OK)
            fail_msg("%s: %s %s", good[i].name, why, d.reason);
        snprintf(id, sizeof id, "%.*s", (int)strcspn(good[i].rule, ","), good[i].rule);
        const escertke_peer *peer = peers_find(&list, id);
        if (!peer || peer->flavour != good[i].flavour || !same(peer->san, good[i].san) || !same(peer->pin, good[i].pin))
            fail_msg("%s: the parts differ", good[i].name);
        assert_null(peers_find(&list, "//sp/other"));
        peers_free(&list);
    }
}

static const struct {
    const char *name, *rule, *expected;
} bad[] = {
    { "no ID", ",flavour=ae", "expected an Absolute AE-ID or CSE-ID first" },
    { "relative ID", "/in1/Cx", "expected an Absolute AE-ID or CSE-ID first, found \"/in1/Cx\"" },
    { "unknown field", "//sp/in1/Cx,role=x", "expected flavour, san or pin" },
    { "field without value", "//sp/in1/Cx,san", "expected flavour=..., san=... or pin=..., found \"san\"" },
    { "field with empty value", "//sp/in1/Cx,san=", "expected flavour=" },
    { "empty field", "//sp/in1/Cx,", "expected flavour=" },
    { "unknown flavour", "//sp/in1/Cx,flavour=fqdn",
      "expected one flavour out of ae, cse, node, device and raw, found \"fqdn\"" },
    { "flavour twice", "//sp/in1/Cx,flavour=ae,flavour=ae", "expected one flavour" },
    { "name twice", "//sp/in1,san=a,san=b", "each once" },
    { "raw without pin", "//sp/in1/Cx,flavour=raw", "a raw public key needs the expected public key identifier: pin=ni:///sha-256;" },
    { "pin without raw", "//sp/in1/Cx,pin=" PIN, "pin=... goes with flavour=raw only" },
    { "pin that is none", "//sp/in1/Cx,flavour=raw,pin=sha256:00", "found \"sha256:00\"" },
    { "pin that is short", "//sp/in1/Cx,flavour=raw,pin=ni:///sha-256-32;f4OxZQ", "found \"ni:///sha-256-32;f4OxZQ\"" },
    { "raw with a name", "//sp/in1/Cx,flavour=raw,san=a,pin=" PIN, "a raw key has no names" },
    { "node without name", "//sp/in1/Cx,flavour=node", "a Node-ID certificate needs the expected M2M-Node-ID: san=..." },
    { "node of no form", "//sp/in1/Cx,flavour=node,san=box", "\"box\" is neither a URI nor an OID" },
    { "device without name", "//sp/in1/Cx,flavour=device", "a Device certificate needs the expected hardware instance identifier" },
    { "device of no form", "//sp/in1/Cx,flavour=device,san=0.2.481.1", "\"0.2.481.1\" is not of the form TYPE-ID:ARCS" },
    { "CSE for an AE", "//sp/in1/Cx,flavour=cse", "\"//sp/in1/Cx\" cannot have a certificate of flavour \"cse\"" },
    { "AE for a CSE", "//sp/in1,flavour=ae", "\"//sp/in1\" cannot have a certificate of flavour \"ae\"" },
    { "CSE with a URI", "//sp/in1,san=coap://in1.sp/", "san=coap://in1.sp/: the certificate of \"//sp/in1\" has a domain name there" },
    { "AE with a domain name", "//sp/in1/Cx,san=a.example.org", "san=a.example.org: the certificate of \"//sp/in1/Cx\" has a URI there" },
    { "either with neither", "//sp/Sx,san=a_/b", "san=a_/b: the certificate of \"//sp/Sx\" has a URI or a domain name there" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct text_list rules = { (const char *[]){ "//sp/in1/Cfirst", bad[i].rule }, 2 };
        struct peer_list list;
        escertke_detail d;
        char why[320] = "";

        escertke_detail_init(&d);
        if (peers_check_rule(bad[i].rule, why, sizeof why))
            fail_msg("%s: accepted", bad[i].name);
        expect_words(bad[i].name, why, bad[i].expected);
        assert_int_equal(peers_parse(&rules, &list, &d), ESCERTKE_ERR_CONFIG);
        expect_words(bad[i].name, d.reason, bad[i].expected);
        peers_free(&list);
    }
}

static void refuses_two_rules_for_one_peer(void **state)
{
    const struct text_list rules = { (const char *[]){ "//sp/in1/Cx", "//sp/in1/Cx,flavour=ae" }, 2 };
    struct peer_list list;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(peers_parse(&rules, &list, &d), ESCERTKE_ERR_CONFIG);
    assert_string_equal(d.reason, "two rules for //sp/in1/Cx; one is expected");
    peers_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_two_rules_for_one_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cli_pki_name.c - names of end-points: from options into a subjectAltName and back, and as rules that peers can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <string.h>

#include "peers.h"
#include "pki_name.h"

#define SP "//m2m.example.org"
#define METER SP "/in1/Cmeter"

static const struct name_case {
    const char *name;
    struct pki_who who;
    escertke_flavour flavour;
    int type;
    const char *text, *rule; /* rule NULL: none can say it */
    const char *der;         /* of the one GeneralName, hex; NULL: not looked at */
} cases[] = {
    { "AE", { .ae_id = METER }, ESCERTKE_FLAVOUR_AE, GEN_URI, METER, METER ",flavour=ae", NULL },
    { "CSE", { .cse_id = SP "/In1" }, ESCERTKE_FLAVOUR_CSE, GEN_DNS, "in1.m2m.example.org", SP "/In1,flavour=cse", NULL },
    { "CSE with a name of its own", { .cse_id = SP "/mn1", .dns = "MN.IN.m2m.example.org" }, ESCERTKE_FLAVOUR_CSE, GEN_DNS,
      "mn.in.m2m.example.org", SP "/mn1,flavour=cse,san=mn.in.m2m.example.org", NULL },
    { "URN", { .node_id = "urn:x:1", .peer_id = METER }, ESCERTKE_FLAVOUR_NODE, GEN_URI, "urn:x:1",
      METER ",flavour=node,san=urn:x:1", "860775726e3a783a31" },
    { "CSE-ID as Node-ID", { .node_id = SP "/in1", .peer_id = SP "/in1" }, ESCERTKE_FLAVOUR_NODE, GEN_URI, SP "/in1",
      SP "/in1,flavour=node,san=" SP "/in1", NULL },
    { "OID", { .node_id = "2.999.3", .peer_id = METER }, ESCERTKE_FLAVOUR_NODE, GEN_RID, "2.999.3",
      METER ",flavour=node,san=2.999.3", "8803883703" },
    { "node of another form", { .node_id = "1.2.3:A7", .peer_id = METER }, ESCERTKE_FLAVOUR_NODE, GEN_OTHERNAME, "1.2.3:A7",
      METER ",flavour=node,san=1.2.3:A7", "a00a06022a03a0040c024137" },
    { "device", { .device_id = "1.2.3:100.3030", .peer_id = METER }, ESCERTKE_FLAVOUR_DEVICE, GEN_OTHERNAME, "1.2.3:100.3030",
      METER ",flavour=device,san=1.2.3:100.3030", "a00b06022a03a0050d03649756" },
    { "device as one OID", { .device_id = "1.2.3.100.3030.1", .peer_id = METER }, ESCERTKE_FLAVOUR_DEVICE, GEN_OTHERNAME,
      "1.2.3:100.3030.1", METER ",flavour=device,san=1.2.3:100.3030.1", "a00c06022a03a0060d0464975601" },
    { "device with a text", { .device_id = "1.2.3:SN:1", .peer_id = METER }, ESCERTKE_FLAVOUR_DEVICE, GEN_OTHERNAME,
      "1.2.3:SN:1", METER ",flavour=device,san=1.2.3:SN:1", "a00c06022a03a0060c04534e3a31" },
    { "comma", { .node_id = "urn:x:a,b", .peer_id = METER }, ESCERTKE_FLAVOUR_NODE, GEN_URI, "urn:x:a,b", NULL, NULL },
};

static void hex_of(GENERAL_NAMES *names, char *out, size_t cap)
{
    uint8_t *der = NULL;
    int len = i2d_GENERAL_NAME(sk_GENERAL_NAME_value(names, 0), &der);

    assert_true(len > 0 && (size_t)len * 2 < cap);
    for (int i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", der[i]);
    OPENSSL_free(der);
}

static void there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct name_case *c = &cases[i];
        struct pki_name name, back;
        char rule[PKI_RULE_MAX], hex[2 * 600], why[400] = "";
        assert_int_equal(pki_who_check(&c->who, false, "x"), OPTIONS_RUN);
        assert_int_equal(pki_name_make(&c->who, &name, NULL), ESCERTKE_OK);
        assert_int_equal(name.flavour, c->flavour);
        assert_int_equal(name.type, c->type);
        assert_string_equal(name.text, c->text);
        assert_int_equal(pki_name_rule(&name, rule), c->rule != NULL);
        if (c->rule) {
            assert_string_equal(rule, c->rule);
            assert_true(peers_check_rule(rule, why, sizeof why));
        }
        GENERAL_NAMES *names = pki_name_list(&name);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        hex_of(names, hex, sizeof hex);
        if (c->der)
            assert_string_equal(hex, c->der);
        assert_int_equal(pki_name_read(sk_GENERAL_NAME_value(names, 0), c->flavour, &back, NULL), ESCERTKE_OK);
        assert_true(pki_name_equal(&name, &back));
        GENERAL_NAMES_free(names);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* Other encodings of a hardware instance identifier, and what none of them is. */
static const struct read_case {
    const char *name, *der, *text; /* text NULL: refused */
} others[] = {
    { "OBJECT IDENTIFIER of the whole", "a00b06022a03a00506032a0307", "1.2.3:7" },
    { "UTF8String of the arcs", "a00906022a03a0030c0137", "1.2.3:7" },
    { "OBJECT IDENTIFIER of something else", "a00a06022a03a00406022a04", NULL },
    { "INTEGER", "a00906022a03a003020107", NULL },
    { "a control character", "a00a06022a03a0040c020741", NULL },
    { "a wildcard", "a00906022a03a0030c012a", NULL },
    { "an empty text", "a00806022a03a0020c00", NULL },
    { "a NUL", "a00a06022a03a0040c024100", NULL },
    { "empty URI", "8600", NULL },
    { "e-mail address", "8105614062632e64", NULL },
    { "domain name with a final dot", "8203612e62", "a.b" },
    { "the same with the dot", "8204612e622e", NULL },
    { "wildcard", "82042a2e622e", NULL },
};

static void read_from_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint8_t der[64];
        const uint8_t *at = der;
        size_t len = strlen(others[i].der) / 2;
        struct pki_name name;
        assert_int_equal(escertke_unhex(others[i].der, der, len), ESCERTKE_OK);
        GENERAL_NAME *one = d2i_GENERAL_NAME(NULL, &at, (long)len);
        assert_non_null(one);
        escertke_err err = pki_name_read(one, ESCERTKE_FLAVOUR_BY_ID, &name, NULL);
        assert_int_equal(err == ESCERTKE_OK, others[i].text != NULL);
        if (others[i].text)
            assert_string_equal(name.text, others[i].text);
        GENERAL_NAME_free(one);
    }
    ERR_clear_error();
}

/* Every name that fits is written and read as it is; one that may have been cut is not taken. */
static void long_names(void **state)
{
    char id[PKI_NAME_MAX + 40];

    (void)state;
    for (size_t len = 8; len < sizeof id - 1; len++) {
        struct pki_who who = { .device_id = id };
        struct pki_name name, back;
        memset(id, 'x', len);
        memcpy(id, "1.2.3:", 6);
        id[len] = '\0';
        escertke_err err = pki_name_make(&who, &name, NULL);
        assert_int_equal(err == ESCERTKE_OK, len <= PKI_NAME_MAX);
        if (err != ESCERTKE_OK)
            continue;
        GENERAL_NAMES *names = pki_name_list(&name);
        err = pki_name_read(sk_GENERAL_NAME_value(names, 0), ESCERTKE_FLAVOUR_DEVICE, &back, NULL);
        assert_int_equal(err == ESCERTKE_OK, len < PKI_NAME_MAX);
        if (err == ESCERTKE_OK)
            assert_string_equal(back.text, id);
        GENERAL_NAMES_free(names);
    }
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(read_from_others),
        cmocka_unit_test(long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

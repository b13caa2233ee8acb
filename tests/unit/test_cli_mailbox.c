/* A mailbox at the CSE: made, found again, brought up to date; what a CSE may answer instead; where somebody's mailbox is. */
#include "mailbox_support.h"

#include "out.h"

#define BOX "/in1/-/meter/escertke"

static struct mailbox make(struct office *o, struct identity *self, const char *peer, const char *poa)
{
    self->stem = self->is_cse ? NULL : strrchr(self->id.text, '/') + 1;
    return (struct mailbox){ .exchange = office_exchange(o, self->stem ? self->stem : "/in1"), .identity = self, .peer = peer, .poa = poa };
}

static char *read_policy(struct office *o)
{
    char *text;

    assert_int_equal(office_ask(o, "Cmeter", ESCERTKE_OP_RETRIEVE, "/in1/-/meter/escertke-mailbox", 0, NULL, &text), ESCERTKE_RSC_OK);
    return text;
}

/* Made, found there, made again: one container, one policy; what an initiating end-point adds stays beside what is there. */
static void made_and_found(void **state)
{
    struct office *o = office_new();
    struct identity meter = office_identity(METER, false);
    struct mailbox m = make(o, &meter, PANEL, NULL);
    escertke_detail d;
    char *text;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(mailbox_open(&m, &d), ESCERTKE_OK);
    assert_string_equal(m.box, BOX);
    assert_string_equal(m.ae, "/in1/-/meter");
    assert_false(m.subscribed);
    text = read_policy(o);
    expect_words("one peer", text, "{\"acor\":[\"Cpanel\",\"/in1/Cpanel\"],\"acop\":1}");
    free(text);
    m = make(o, &meter, "//m2m.example.org/mn1/Cfar", NULL);
    assert_int_equal(mailbox_open(&m, &d), ESCERTKE_OK);
    text = read_policy(o);
    expect_words("and another", text, "{\"acor\":[\"/mn1/Cfar\",\"Cpanel\",\"/in1/Cpanel\"],\"acop\":1}");
    free(text);
    m = make(o, &meter, NULL, NULL); /* a terminating end-point says who may write, whoever was let in before */
    assert_int_equal(mailbox_open(&m, &d), ESCERTKE_OK);
    text = read_policy(o);
    expect_words("everybody", text, "{\"acor\":[\"all\"],\"acop\":1}");
    free(text);
    assert_int_equal(office_ask(o, "Cpanel", ESCERTKE_OP_CREATE, BOX, 4, "{'m2m:cin':{'con':'x','cr':null}}", NULL), ESCERTKE_RSC_CREATED);
    assert_int_equal(office_ask(o, "Cpanel", ESCERTKE_OP_RETRIEVE, BOX "/la", 0, NULL, NULL), ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
    office_free(o);
}

#define CREATE ESCERTKE_OP_CREATE
#define RETRIEVE ESCERTKE_OP_RETRIEVE
#define UPDATE ESCERTKE_OP_UPDATE
#define POLICY "/meter/escertke-mailbox"

/* A CSE that answers otherwise, at each step. */
static const struct {
    const char *name;
    struct oddity odd[3];
    const char *poa;
    escertke_err err;
    const char *words; /* in the reason, or, where all went well, on stderr */
} cases[] = {
    { "the policy is refused", { { CREATE, "/-/meter", 4103, "{'m2m:dbg':'not you'}", 1 } }, NULL, ESCERTKE_ERR_PRIVILEGE,
      "creating the mailbox's policy: the CSE answered 4103 ORIGINATOR_HAS_NO_PRIVILEGE: not you" },
    { "the policy is not known", { { CREATE, "/-/meter", 5001, NULL, 1 } }, NULL, ESCERTKE_ERR_UNSUPPORTED, "creating the mailbox's policy" },
    { "a code that nobody knows", { { CREATE, "/-/meter", 6999, NULL, 1 } }, NULL, ESCERTKE_ERR_RSC, "6999" },
    { "the policy cannot be read", { { RETRIEVE, POLICY, 4103, NULL, 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "the policy is not JSON", { { RETRIEVE, POLICY, 2000, "<html>", 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "the policy is a list", { { RETRIEVE, POLICY, 2000, "{'m2m:acp':[]}", 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "the policy is something else", { { RETRIEVE, POLICY, 2000, "{'m2m:cnt':{'ri':'x'}}", 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "ri is a number", { { RETRIEVE, POLICY, 2000, "{'m2m:acp':{'ri':7}}", 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "nothing for a policy", { { RETRIEVE, POLICY, 2000, NULL, 1 } }, NULL, ESCERTKE_ERR_PRIMITIVE, "does not say the ri" },
    { "the policy is there and stays as it is", { { CREATE, "/-/meter", 4105, NULL, 1 }, { RETRIEVE, POLICY, 2000, "{'m2m:acp':{'ri':'a','pv':7}}", 1 }, { UPDATE, POLICY, 4000, NULL, 1 } },
      NULL, ESCERTKE_ERR_RSC, "updating the mailbox's policy" },
    { "no container", { { CREATE, "/-/meter", 2001, NULL, 1 }, { RETRIEVE, POLICY, 2000, "{'m2m:acp':{'ri':'a'}}", 1 }, { CREATE, "/-/meter", 5001, NULL, 1 } },
      NULL, ESCERTKE_ERR_UNSUPPORTED, "creating the mailbox: the CSE answered 5001" },
    { "the container is there, of somebody else", { { CREATE, "/-/meter", 5106, NULL, 2 }, { RETRIEVE, POLICY, 2000, "{'m2m:acp':{'ri':'a'}}", 1 }, { UPDATE, POLICY, 2004, NULL, 1 } },
      NULL, ESCERTKE_ERR_NOT_FOUND, "setting acpi of the mailbox: the CSE answered 4004" },
    { "no subscription", { { CREATE, "/meter/escertke", 5204, "{'m2m:dbg':'nobody there'}", 1 } }, "http://127.0.0.1:9/", ESCERTKE_OK,
      "no subscription to the mailbox (subscribing to the mailbox: the CSE answered 5204 SUBSCRIPTION_VERIFICATION_INITIATION_FAILED: nobody there): it is looked into" },
    { "a subscription that cannot be replaced", { { CREATE, "/meter/escertke", 4105, NULL, 2 } }, "http://127.0.0.1:9/", ESCERTKE_OK,
      "an older subscription of the mailbox cannot be replaced" },
    { "one that can", { { CREATE, "/meter/escertke", 4105, NULL, 1 }, { CREATE, "/meter/escertke", 2001, NULL, 1 } }, "http://127.0.0.1:9/", ESCERTKE_OK, "" },
};

static void answered_otherwise(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct office *o = office_new();
        struct identity meter = office_identity(METER, false);
        struct mailbox m = make(o, &meter, NULL, cases[i].poa);
        struct capture err;
        escertke_detail d;

        memcpy(o->odd, cases[i].odd, sizeof cases[i].odd);
        escertke_detail_init(&d);
        capture_begin(&err, stderr);
        escertke_err found = mailbox_open(&m, &d);
        capture_end(&err);
        if (found != cases[i].err)
            fail_msg("%s: expected %s, found %s: %s", cases[i].name, escertke_err_name(cases[i].err), escertke_err_name(found), d.reason);
        expect_words(cases[i].name, found == ESCERTKE_OK ? err.text : d.reason, cases[i].words);
        if (cases[i].poa)
            assert_int_equal(m.subscribed, cases[i].words[0] == '\0');
        office_free(o);
    }
}

static void nobody_there(void **state)
{
    struct office *o = office_new();
    struct identity meter = office_identity(METER, false), cse = office_identity(IN1, true);
    struct mailbox m = make(o, &meter, NULL, NULL), none = make(o, &cse, NULL, NULL);
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(mailbox_open(&none, &d), ESCERTKE_ERR_CONFIG);
    expect_words("a CSE", d.reason, "a mailbox lies below an <AE>");
    m.exchange.url = "http://127.0.0.1:9/";
    escertke_detail_init(&d);
    assert_int_equal(mailbox_open(&m, &d), ESCERTKE_ERR_UNREACHABLE);
    office_free(o);
}

/* Where a mailbox is, as the CSE of its owner tells: what it says otherwise leads to the usual place, and nowhere else. */
static const struct {
    const char *name, *ae, *answer; /* NULL: the CSE's own */
    int rsc;
    escertke_err err;
    const char *box;
} places[] = {
    { "as the <AE> says", "/in1/Cmeter", "{'m2m:ae':{'rn':'other'}}", 2000, ESCERTKE_OK, "/in1/-/other/escertke" },
    { "Absolute", "//m2m.example.org/in1/Cmeter", "{'m2m:ae':{'rn':'other'}}", 2000, ESCERTKE_OK, "//m2m.example.org/in1/-/other/escertke" },
    { "structured, taken as it is", "/in1/-/shed/meter", NULL, 0, ESCERTKE_OK, "/in1/-/shed/meter/escertke" },
    { "not shown", "/in1/Cmeter", NULL, 4103, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "not there", "/in1/Cmeter", NULL, 4004, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "not JSON", "/in1/Cmeter", "no", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "a name that is none", "/in1/Cmeter", "{'m2m:ae':{'rn':7}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "a name that is empty", "/in1/Cmeter", "{'m2m:ae':{'rn':''}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "a name with a way in it", "/in1/Cmeter", "{'m2m:ae':{'rn':'../Cthief'}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "a name with a line's end", "/in1/Cmeter", "{'m2m:ae':{'rn':'x\\r\\nHost: y'}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "a name with an attribute", "/in1/Cmeter", "{'m2m:ae':{'rn':'x#acpi'}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "another resource", "/in1/Cmeter", "{'m2m:csr':{'rn':'x'}}", 2000, ESCERTKE_OK, "/in1/-/meter/escertke" },
    { "no address", "", NULL, 0, ESCERTKE_ERR_ID, NULL },
    { "no address either", "/in1/../x", NULL, 0, ESCERTKE_ERR_ID, NULL },
};

static void found_elsewhere(void **state)
{
    struct office *o = office_new();

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const struct exchange x = office_exchange(o, "Cpanel");
        char box[MAILBOX_ADDRESS_MAX];
        escertke_detail d;

        office_odd(o, 0, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/Cmeter", places[i].rsc, places[i].answer, places[i].rsc ? 1 : 0 });
        escertke_detail_init(&d);
        escertke_err err = mailbox_find(&x, places[i].ae, box, &d);
        if (err != places[i].err || (err == ESCERTKE_OK && strcmp(box, places[i].box) != 0))
            fail_msg("%s: found %s %s: %s", places[i].name, escertke_err_name(err), box, d.reason);
    }
    office_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_found),
        cmocka_unit_test(answered_otherwise),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(found_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

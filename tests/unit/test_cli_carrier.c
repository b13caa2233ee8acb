/* --carrier: names, which are taken, and by which one a handshake is made. */
#include "carrier.h"

#include "base/fail.h"
#include "cli_support.h"
#include "out.h"

static void names(void **state)
{
    static const struct {
        const char *name;
        bool one, any;
    } rows[] = {
        { "notify", true, true }, { "sgn", true, true }, { "mailbox", true, true }, { "auto", false, true },
        { "", false, false },     { "Notify", false, false }, { "pigeon", false, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[100] = "";
        if (carrier_check_one(rows[i].name, why, sizeof why) != rows[i].one || (why[0] == '\0') != rows[i].one)
            fail_msg("%s for serve: %s", rows[i].name, why);
        why[0] = '\0';
        if (carrier_check(rows[i].name, why, sizeof why) != rows[i].any || (why[0] == '\0') != rows[i].any)
            fail_msg("%s for establish: %s", rows[i].name, why);
    }
}

static void sums(void **state)
{
    const char *items[] = { "mailbox", "notify", "mailbox" };
    const struct text_list none = { 0 }, some = { .items = items, .count = 3 };

    (void)state;
    assert_int_equal(carrier_sum(&none), ESCERTKE_CARRIER_NOTIFY | ESCERTKE_CARRIER_SGN);
    assert_int_equal(carrier_sum(&some), ESCERTKE_CARRIER_NOTIFY | ESCERTKE_CARRIER_MAILBOX);
}

/* A way by its answers: what each carrier gives, and which were tried. */
struct way {
    struct {
        escertke_err err;
        int rsc, message, alert;
    } notify, sgn, mailbox;
    char tried[80];
};

static escertke_err run(void *ctx, escertke_carrier which, bool others_follow, escertke_detail *d)
{
    struct way *w = ctx;
    const int at = which == ESCERTKE_CARRIER_NOTIFY ? 0 : which == ESCERTKE_CARRIER_SGN ? 1 : 2;
    escertke_err err = at == 0 ? w->notify.err : at == 1 ? w->sgn.err : w->mailbox.err;
    size_t len = strlen(w->tried);

    snprintf(w->tried + len, sizeof w->tried - len, "%s%s ", escertke_carrier_name(which), others_follow ? "+" : "");
    d->rsc = at == 0 ? w->notify.rsc : at == 1 ? w->sgn.rsc : w->mailbox.rsc;
    d->message = at == 0 ? w->notify.message : at == 1 ? w->sgn.message : w->mailbox.message;
    if ((at == 0 ? w->notify.alert : at == 1 ? w->sgn.alert : w->mailbox.alert) > 0)
        d->alert = 40;
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s was refused", escertke_carrier_name(which));
}

#define NO(rsc) { ESCERTKE_ERR_RSC, rsc, 1, 0 }
#define YES { ESCERTKE_OK, 0, 0, 0 }

static const struct {
    const char *name, *carrier;
    escertke_carrier last;
    struct way way;
    escertke_err err;
    const char *tried, *words;
} runs[] = {
    { "none named", NULL, ESCERTKE_CARRIER_MAILBOX, { .notify = NO(4000) }, ESCERTKE_ERR_RSC, "notify ", "" },
    { "one named", "sgn", ESCERTKE_CARRIER_MAILBOX, { .sgn = NO(4000) }, ESCERTKE_ERR_RSC, "sgn ", "" },
    { "the first works", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = YES }, ESCERTKE_OK, "notify+ ", "carrier notify works through http://cse; --carrier notify goes there at once" },
    { "the second works", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = NO(4000), .sgn = YES }, ESCERTKE_OK, "notify+ sgn+ ",
      "carrier notify does not work through http://cse: notify was refused; trying sgn" },
    { "the last works", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = { ESCERTKE_ERR_UNSUPPORTED, 5001, 1, 0 }, .sgn = { ESCERTKE_ERR_UNREACHABLE, 5103, 1, 0 }, .mailbox = YES }, ESCERTKE_OK, "notify+ sgn+ mailbox ",
      "carrier mailbox works through" },
    { "none works", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = NO(4000), .sgn = NO(4005), .mailbox = { ESCERTKE_ERR_PRIVILEGE, 4103, 1, 0 } }, ESCERTKE_ERR_PRIVILEGE, "notify+ sgn+ mailbox ",
      "carrier mailbox does not work through http://cse: mailbox was refused\n" },
    { "the last may not be tried", "auto", ESCERTKE_CARRIER_SGN, { .notify = NO(4000), .sgn = NO(4000) }, ESCERTKE_ERR_RSC, "notify+ sgn ", "sgn does not work" },
    { "the peer refuses: no matter of the carrier", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = { ESCERTKE_ERR_REFUSED_AUTH, 4107, 1, 0 } },
      ESCERTKE_ERR_REFUSED_AUTH, "notify+ ", "" },
    { "an alert: nor this", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = { ESCERTKE_ERR_ALERT, 4000, 1, 1 } }, ESCERTKE_ERR_ALERT, "notify+ ", "" },
    { "nobody there: nor this", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = { ESCERTKE_ERR_UNREACHABLE, 0, 1, 0 } }, ESCERTKE_ERR_UNREACHABLE, "notify+ ", "" },
    { "refused in the middle: nor this", "auto", ESCERTKE_CARRIER_MAILBOX, { .notify = { ESCERTKE_ERR_RSC, 4000, 3, 0 } }, ESCERTKE_ERR_RSC, "notify+ ", "" },
};

static void tried(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct way way = runs[i].way;
        struct capture err;
        escertke_detail d;

        escertke_detail_init(&d);
        capture_begin(&err, stderr);
        escertke_err found = carrier_establish(runs[i].carrier, runs[i].last, "http://cse", run, &way, &d);
        capture_end(&err);
        if (found != runs[i].err || strcmp(way.tried, runs[i].tried) != 0)
            fail_msg("%s: found %s, tried %s", runs[i].name, escertke_err_name(found), way.tried);
        expect_words(runs[i].name, err.text, runs[i].words);
        if (!runs[i].words[0])
            assert_string_equal(err.text, "");
    }
}

static void as_json(void **state)
{
    struct way way = { .notify = NO(4000), .sgn = YES };
    struct capture out, err;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    out_use_json(true);
    capture_begin(&err, stderr);
    capture_begin(&out, stdout);
    assert_int_equal(carrier_establish("auto", ESCERTKE_CARRIER_MAILBOX, "http://cse", run, &way, &d), ESCERTKE_OK);
    capture_end(&out);
    capture_end(&err);
    out_use_json(false);
    expect_words("notify", out.text,
                 "{\"event\":\"carrier\",\"carrier\":\"notify\",\"via\":\"http://cse\",\"works\":false,\"error\":\"RSC\",\"rsc\":4000,\"reason\":\"notify was refused\"}\n");
    expect_words("sgn", out.text, "{\"event\":\"carrier\",\"carrier\":\"sgn\",\"via\":\"http://cse\",\"works\":true}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(sums),
        cmocka_unit_test(tried),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table of carriers, and whose word a failure is. */
#include "m2m_support.h"

#include "carrier/carrier.h"

static void names_and_order(void **state)
{
    static const char *const order[] = { "notify", "sgn", "mailbox" };
    escertke_carrier which = ESCERTKE_CARRIER_NONE, found;

    (void)state;
    for (size_t i = 0; i < COUNT(order); i++) {
        which = escertke_carrier_next(which);
        assert_string_equal(escertke_carrier_name(which), order[i]);
        assert_true(escertke_carrier_find(order[i], &found));
        assert_int_equal(found, which);
        assert_int_equal(esc_carrier_of(which)->which, which);
    }
    assert_int_equal(escertke_carrier_next(which), ESCERTKE_CARRIER_NONE);
    found = ESCERTKE_CARRIER_SGN;
    assert_false(escertke_carrier_find("auto", &found));
    assert_false(escertke_carrier_find(NULL, &found));
    assert_int_equal(found, ESCERTKE_CARRIER_SGN);
    assert_string_equal(escertke_carrier_name((escertke_carrier)3), "?");
    assert_null(esc_carrier_of(ESCERTKE_CARRIER_NONE));
}

static void to_blame(void **state)
{
    static const struct {
        const char *name;
        escertke_err err;
        int rsc, message, alert;
        bool expected;
    } rows[] = {
        { "2000 without content", ESCERTKE_ERR_NO_CONTENT, 0, 1, -1, true },
        { "2000 with another content", ESCERTKE_ERR_SECINFO, 0, 1, -1, true },
        { "not a NOTIFY request", ESCERTKE_ERR_RSC, 4000, 1, -1, true },
        { "not allowed", ESCERTKE_ERR_RSC, 4005, 1, -1, true },
        { "not implemented", ESCERTKE_ERR_UNSUPPORTED, 5001, 1, -1, true },
        { "media type", ESCERTKE_ERR_UNSUPPORTED, 4015, 1, -1, true },
        { "no privilege to notify", ESCERTKE_ERR_PRIVILEGE, 4103, 1, -1, true },
        { "no poa", ESCERTKE_ERR_UNREACHABLE, 5103, 1, -1, true },
        { "no remote", ESCERTKE_ERR_UNREACHABLE, 5107, 1, -1, true },
        { "nobody there", ESCERTKE_ERR_UNREACHABLE, 0, 1, -1, false },
        { "too late", ESCERTKE_ERR_DEADLINE, 4008, 1, -1, false },
        { "no such address", ESCERTKE_ERR_NOT_FOUND, 4004, 1, -1, false },
        { "5000", ESCERTKE_ERR_RSC, 5000, 1, -1, false },
        { "access_denied of the peer", ESCERTKE_ERR_PRIVILEGE, 4103, 1, 49, false },
        { "4000 with an alert", ESCERTKE_ERR_RSC, 4000, 1, 50, false },
        { "authentication", ESCERTKE_ERR_REFUSED_AUTH, 4106, 1, -1, false },
        { "authentication with an alert", ESCERTKE_ERR_REFUSED_AUTH, 4106, 3, 42, false },
        { "own judgement of the peer", ESCERTKE_ERR_CERT, 0, 2, -1, false },
        { "4000 to M3", ESCERTKE_ERR_RSC, 4000, 3, -1, false },
        { "no content to M3", ESCERTKE_ERR_NO_CONTENT, 0, 3, -1, false },
        { "before any message", ESCERTKE_ERR_RSC, 4000, 0, -1, false },
        { "local", ESCERTKE_ERR_STORE, 0, 1, -1, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        d.rsc = rows[i].rsc;
        d.message = rows[i].message;
        d.alert = rows[i].alert;
        if (escertke_carrier_to_blame(rows[i].err, &d) != rows[i].expected)
            fail_msg("%s: expected %d", rows[i].name, rows[i].expected);
    }
}

static void outcomes(void **state)
{
    (void)state;
    assert_int_equal(esc_carrier_outcome(4106), ESCERTKE_ERR_REFUSED_AUTH);
    assert_int_equal(esc_carrier_outcome(4103), ESCERTKE_ERR_PRIVILEGE);
    assert_int_equal(esc_carrier_outcome(4004), ESCERTKE_ERR_NOT_FOUND);
    assert_int_equal(esc_carrier_outcome(5001), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(esc_carrier_outcome(4242), ESCERTKE_ERR_RSC);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names_and_order), cmocka_unit_test(to_blame), cmocka_unit_test(outcomes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

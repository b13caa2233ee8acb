/* Record framing (R-HS-21...23): what each message looks like, and everything that is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/handshake.h>

#define B(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
#define CCS 20, 3, 3, 0, 1, 1
#define HS(first) 22, 3, 3, 0, 4, first, 0, 0, 0

static const struct {
    const char *name;
    escertke_span in;
    escertke_err err;
    escertke_flight flight;
    int alert;
} cases[] = {
    { "ClientHello", B(22, 3, 1, 0, 4, 1, 0, 0, 0), ESCERTKE_OK, ESCERTKE_FLIGHT_M1, -1 },
    { "ClientHello in two records", B(22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 3, 0, 0, 0), ESCERTKE_OK, ESCERTKE_FLIGHT_M1, -1 },
    { "ServerHello...", B(HS(2), HS(11)), ESCERTKE_OK, ESCERTKE_FLIGHT_M2, -1 },
    { "Certificate...Finished", B(HS(11), CCS, HS(0x5A)), ESCERTKE_OK, ESCERTKE_FLIGHT_M3, -1 },
    { "CCS, Finished", B(CCS, HS(0x77)), ESCERTKE_OK, ESCERTKE_FLIGHT_M4, -1 },
    { "alert", B(21, 3, 3, 0, 2, 2, 42), ESCERTKE_OK, ESCERTKE_FLIGHT_ALERT, 42 },
    { "HelloRequest", B(HS(0)), ESCERTKE_OK, ESCERTKE_FLIGHT_OTHER, -1 },
    { "NewSessionTicket before CCS", B(HS(4), CCS, HS(1)), ESCERTKE_OK, ESCERTKE_FLIGHT_M3, -1 },
    { "nothing", { NULL, 0 }, ESCERTKE_ERR_FORMAT, 0, -1 },
    { "half a header", B(22, 3, 3, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "partial record", B(22, 3, 3, 0, 5, 1, 0, 0, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "octet behind the last record", B(HS(1), 22), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "empty record", B(22, 3, 3, 0, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "SSL 2", B(22, 2, 0, 0, 4, 1, 0, 0, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "DTLS", B(22, 0xFE, 0xFD, 0, 4, 1, 0, 0, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "application data", B(23, 3, 3, 0, 1, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "application data behind M4", B(CCS, HS(1), 23, 3, 3, 0, 1, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "heartbeat", B(24, 3, 3, 0, 1, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "two CCS", B(HS(11), CCS, CCS, HS(1)), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "CCS last", B(HS(11), CCS), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "CCS alone", B(CCS), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "CCS of two octets", B(20, 3, 3, 0, 2, 1, 1, HS(1)), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "CCS of another value", B(20, 3, 3, 0, 1, 2, HS(1)), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "two alerts", B(21, 3, 3, 0, 2, 2, 42, 21, 3, 3, 0, 2, 1, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "alert behind a flight", B(HS(1), 21, 3, 3, 0, 2, 2, 42), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "long alert", B(21, 3, 3, 0, 3, 2, 42, 0), ESCERTKE_ERR_FORMAT, 0, -1 },
    { "M1 and M3 spliced: two flights in one", B(HS(1), HS(11), CCS, HS(1), CCS, HS(2)), ESCERTKE_ERR_FORMAT, 0, -1 },
};

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_detail d;
        escertke_flight flight = 0;
        int alert = 99;

        escertke_detail_init(&d);
        escertke_err err = escertke_flight_classify(cases[i].in, &flight, &alert, &d);
        if (err != cases[i].err || flight != cases[i].flight || alert != cases[i].alert || d.err != err || (err && !d.reason[0]))
            fail_msg("%s: got %s, flight %d, alert %d, reason \"%s\"", cases[i].name, escertke_err_name(err), (int)flight, alert, d.reason);
    }
}

static void size_limit(void **state)
{
    escertke_flight flight;
    escertke_detail d;
    uint8_t *big = calloc(1, ESCERTKE_MESSAGE_MAX + 1);
    size_t len = 0;
    int alert;

    (void)state;
    while (len < ESCERTKE_MESSAGE_MAX) { /* records of 2^14 octets and one that fills up exactly */
        size_t body = ESCERTKE_MESSAGE_MAX - len - 5 > 16384 ? 16000 : ESCERTKE_MESSAGE_MAX - len - 5;
        const uint8_t head[] = { 22, 3, 3, (uint8_t)(body >> 8), (uint8_t)body };
        memcpy(big + len, head, sizeof head);
        big[len + 5] = 1;
        len += 5 + body;
    }
    escertke_detail_init(&d);
    assert_int_equal(escertke_flight_classify((escertke_span){ big, len }, &flight, &alert, &d), ESCERTKE_OK);
    assert_int_equal(escertke_flight_classify((escertke_span){ big, len + 1 }, &flight, &alert, &d), ESCERTKE_ERR_TOO_LARGE);
    free(big);
}

static void oversized_record(void **state)
{
    enum { BODY = 16384 + 2048 + 1 };
    uint8_t *in = calloc(1, 5 + BODY);
    escertke_flight flight;
    int alert;

    (void)state;
    in[0] = 22, in[1] = 3, in[2] = 3, in[3] = BODY >> 8, in[4] = BODY & 0xFF, in[5] = 1;
    assert_int_equal(escertke_flight_classify((escertke_span){ in, 5 + BODY }, &flight, &alert, NULL), ESCERTKE_ERR_FORMAT);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_case), cmocka_unit_test(size_limit), cmocka_unit_test(oversized_record) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

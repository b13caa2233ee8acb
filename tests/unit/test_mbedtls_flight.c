/* Records as Mbed TLS is shown them: handshake messages spread over several are joined, all else stays as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tls/mbedtls.h"

/* In hexadecimal digits: two handshake messages, of three octets and of none; a handshake record's header, and a
 * ChangeCipherSpec. */
#define HELLO "01000003616263"
#define DONE "0e000000"
#define HS(len) "1603030" #len
#define CCS "140303000101"

static const struct {
    const char *name, *in, *shown;
} cases[] = {
    { "nothing", "", "" },
    { "one record, one message", HS(007) HELLO, HS(007) HELLO },
    { "one record, two messages", HS(00b) HELLO DONE, HS(00b) HELLO DONE },
    { "two whole records", HS(007) HELLO HS(004) DONE, HS(007) HELLO HS(004) DONE },
    { "body in two", HS(005) "0100000361" HS(002) "6263", HS(007) HELLO },
    { "header in two", HS(001) "01" HS(006) "000003616263", HS(007) HELLO },
    { "second begins in the first record", HS(009) HELLO "0e00" HS(002) "0000", HS(00b) HELLO DONE },
    { "then a whole one", HS(001) "01" HS(006) "000003616263" HS(004) DONE, HS(007) HELLO HS(004) DONE },
    { "an empty record between", HS(001) "01" HS(000) HS(006) "000003616263", HS(007) HELLO },
    { "never whole", HS(005) "0100000361", HS(005) "0100000361" },
    { "cut by another type", HS(005) "0100000361" CCS HS(002) "6263", HS(005) "0100000361" CCS HS(002) "6263" },
    { "encrypted", CCS HS(005) "0100000361" HS(002) "6263", CCS HS(005) "0100000361" HS(002) "6263" },
    { "no whole header", "160303", "160303" },
    { "no whole record", HS(007) "0100", HS(007) "0100" },
    { "second is no whole record", HS(005) "0100000361" HS(002) "62", HS(005) "0100000361" HS(002) "62" },
};

/* Read in pieces of @p piece, from a copy of exact size, so that a step outside is seen. */
static void check(size_t at, size_t piece)
{
    size_t in_len = strlen(cases[at].in) / 2, want_len = strlen(cases[at].shown) / 2, len = 0, got;
    uint8_t *in = malloc(in_len + !in_len), shown[64], want[64];
    struct mbedtls_flight flight = { .sealed = false };

    assert_int_equal(escertke_unhex(cases[at].in, in, in_len), ESCERTKE_OK);
    assert_int_equal(escertke_unhex(cases[at].shown, want, want_len), ESCERTKE_OK);
    esc_mbedtls_flight_init(&flight, (escertke_span){ in, in_len });
    while (len < sizeof shown - piece && (got = esc_mbedtls_flight_read(&flight, shown + len, piece)) != 0)
        len += got;
    free(in);
    if (len != want_len || memcmp(shown, want, len) != 0)
        fail_msg("%s, in pieces of %zu: %zu octets, not as expected", cases[at].name, piece, len);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 20; piece++)
            check(i, piece);
}

/* What was encrypted stays so in the next flight. */
static void sealed_stays(void **state)
{
    static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 }, split[] = { 22, 3, 3, 0, 1, 1, 22, 3, 3, 0, 3, 0, 0, 0 };
    struct mbedtls_flight flight = { .sealed = false };
    uint8_t shown[32];

    (void)state;
    esc_mbedtls_flight_init(&flight, (escertke_span){ ccs, sizeof ccs });
    while (esc_mbedtls_flight_read(&flight, shown, sizeof shown))
        continue;
    esc_mbedtls_flight_init(&flight, (escertke_span){ split, sizeof split });
    assert_int_equal(esc_mbedtls_flight_read(&flight, shown, 5), 5);
    assert_int_equal(shown[4], 1);
}

/* A message larger than a record may be is not joined: the library says what it thinks of it. */
static void too_large(void **state)
{
    size_t len = 3 * (5 + 8000);
    uint8_t *in = calloc(1, len), shown[5];
    struct mbedtls_flight flight = { .sealed = false };

    (void)state;
    for (size_t i = 0; i < 3; i++)
        memcpy(in + i * 8005, ((const uint8_t[]){ 22, 3, 3, 8000 >> 8, 8000 & 0xFF }), 5);
    memcpy(in + 5, ((const uint8_t[]){ 11, 0, 23996 >> 8, 23996 & 0xFF }), 4);
    esc_mbedtls_flight_init(&flight, (escertke_span){ in, len });
    assert_int_equal(esc_mbedtls_flight_read(&flight, shown, 5), 5);
    assert_int_equal(shown[3] << 8 | shown[4], 8000);
    free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(table), cmocka_unit_test(sealed_stays), cmocka_unit_test(too_large) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What inspect says of messages that no end-point of ours would send: malformed ones, and ones that a peer refuses. */
#include "cli_support.h"

#include "inspect.h"

/* Behind the header of its record, a ClientHello: version, random, session id, suites, compression. */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define HELLO(version, session, suites) version RANDOM session suites "\1\0"
#define OURS "\0\2\xC0\x2B"
#define EMS "\0\x17\0\0"

static json_t *hello(const char *octets, size_t len, bool client)
{
    json_t *thing = json_object();

    inspect_hello((escertke_span){ (const uint8_t *)octets, len }, client, thing);
    return thing;
}

static const struct {
    const char *name, *octets;
    size_t len;
    const char *said; /* NULL: neither notes nor malformed */
} hellos[] = {
#define ROW(name, octets, said) { name, octets, sizeof(octets) - 1, said }
    ROW("good", HELLO("\3\3", "\0", OURS) "\0\4" EMS, NULL),
    ROW("TLS 1.1", HELLO("\3\2", "\0", OURS) "\0\4" EMS, "not TLS 1.2: refused"),
    ROW("no suite of ours", HELLO("\3\3", "\0", "\0\2\xC0\x2F") "\0\4" EMS, "no cipher suite of ESCertKE"),
    ROW("no extensions", HELLO("\3\3", "\0", OURS), "no extended_master_secret: refused"),
    ROW("session", HELLO("\3\3", "\4abcd", OURS) "\0\4" EMS, "a session identifier: sessions of ESCertKE are never resumed"),
    ROW("ticket", HELLO("\3\3", "\0", OURS) "\0\x08" EMS "\0\x23\0\0", "session_ticket: sessions of ESCertKE are never resumed"),
    ROW("suites of odd length", HELLO("\3\3", "\0", "\0\3\xC0\x2B\0"), "its octets are not those of a hello"),
    ROW("cut in the random", "\3\3" "0123", "its octets are not those of a hello"),
    ROW("empty", "", "its octets are not those of a hello"),
    ROW("extensions of wrong length", HELLO("\3\3", "\0", OURS) "\0\5" EMS, "the extensions are malformed"),
    ROW("extension too long", HELLO("\3\3", "\0", OURS) "\0\4\0\x17\0\1", "the extensions are malformed"),
    ROW("groups of odd length", HELLO("\3\3", "\0", OURS) "\0\x0b" EMS "\0\x0a\0\3\0\1\x17", "its octets are not those of this extension"),
    ROW("host name that runs out", HELLO("\3\3", "\0", OURS) "\0\x0d" EMS "\0\0\0\5\0\3\0\0\x09", "its octets are not those of this extension"),
};

static void client_hellos(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hellos); i++) {
        json_t *thing = hello(hellos[i].octets, hellos[i].len, true);
        char *text = json_dumps(thing, 0);
        bool complains = strstr(text, "\"notes\"") || strstr(text, "\"malformed\"");
        if (hellos[i].said ? !strstr(text, hellos[i].said) : complains)
            fail_msg("%s: %s", hellos[i].name, text);
        free(text);
        json_decref(thing);
    }
}

/* Each shorter beginning of a good hello is malformed or shorter, and nothing behind it is read. */
static void hellos_cut(void **state)
{
    static const char good[] = HELLO("\3\3", "\0", OURS) "\0\x0c" EMS "\0\x0a\0\4\0\2\0\x17";

    (void)state;
    for (size_t len = 0; len < sizeof good - 1; len++) {
        char *exact = malloc(len + 1);
        memcpy(exact, good, len);
        json_decref(hello(exact, len, true));
        json_decref(hello(exact, len, false));
        free(exact);
    }
}

static void unprintable_host(void **state)
{
    static const char octets[] = HELLO("\3\3", "\0", OURS) "\0\x11" EMS "\0\0\0\x09\0\7\0\0\4a\x1b\n\xff";
    json_t *thing = hello(octets, sizeof octets - 1, true);
    char *text = json_dumps(thing, 0);

    (void)state;
    assert_non_null(strstr(text, "\"a???\""));
    free(text);
    json_decref(thing);
}

static void server_hello_says_one_suite(void **state)
{
    static const char octets[] = "\3\3" RANDOM "\0\xC0\xAC\0\0\4" EMS;
    json_t *thing = hello(octets, sizeof octets - 1, false);

    (void)state;
    assert_string_equal(json_string_value(json_array_get(json_object_get(thing, "cipher_suite"), 0)),
                        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM");
    assert_null(json_object_get(thing, "notes"));
    json_decref(thing);
}

static const struct {
    const char *name, *octets;
    size_t len;
    escertke_err err;
    const char *said;
} messages[] = {
#define MESSAGE(name, octets, err, said) { name, octets, sizeof(octets) - 1, err, said }
    MESSAGE("raw public key", "\x16\3\3\0\x0b\x0b\0\0\7\0\0\4\x30\2\5\0", ESCERTKE_OK, "\"raw_public_key\": \"ni:///sha-256;"),
    MESSAGE("no certificate", "\x16\3\3\0\7\x0b\0\0\3\0\0\0", ESCERTKE_OK, "\"certificates\": \"none\""),
    MESSAGE("certificate that is none", "\x16\3\3\0\x0b\x0b\0\0\7\0\0\4\0\0\1x", ESCERTKE_OK, "malformed (1 octets)"),
    MESSAGE("list that is none", "\x16\3\3\0\x09\x0b\0\0\5\0\0\2\0\0", ESCERTKE_OK, "neither a list of certificates nor a public key"),
    MESSAGE("message over two records", "\x16\3\3\0\5\x0b\0\0\3\0" "\x16\3\3\0\2\0\0", ESCERTKE_OK, "\"certificates\": \"none\""),
    MESSAGE("message that is cut", "\x16\3\3\0\4\x0b\0\0\3", ESCERTKE_OK, "octets that are no whole handshake message"),
    MESSAGE("unknown message", "\x16\3\3\0\4\x7f\0\0\0", ESCERTKE_OK, "unknown type 127"),
    MESSAGE("record that is cut", "\x16\3\3\0\4\x0b\0", ESCERTKE_ERR_FORMAT, "7 octets that are no whole record"),
    MESSAGE("version of another protocol", "\x16\2\3\0\1x", ESCERTKE_ERR_FORMAT, "\"message\": \"not acceptable\""),
    MESSAGE("unknown alert", "\x15\3\3\0\2\2\xf0", ESCERTKE_OK, "fatal alert 240 (unknown)"),
    MESSAGE("explicit curve", "\x16\3\3\0\6\x0c\0\0\2\1\2", ESCERTKE_OK, "no named curve and point where they belong"),
    MESSAGE("request that is none", "\x16\3\3\0\5\x0d\0\0\1\1", ESCERTKE_OK, "its octets are not those of a CertificateRequest"),
    MESSAGE("point that is none", "\x16\3\3\0\6\x10\0\0\2\5\0", ESCERTKE_OK, "its octets are not those of a point"),
    MESSAGE("signature that is none", "\x16\3\3\0\6\x0f\0\0\2\4\3", ESCERTKE_OK, "no algorithm and signature where they belong"),
};

static void messages_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct inspect_certs certs;
        escertke_buf flight;
        escertke_detail d;

        escertke_detail_init(&d);
        escertke_buf_init(&flight, INSPECT_MAX);
        json_t *thing = inspect_message_object((escertke_span){ (const uint8_t *)messages[i].octets, messages[i].len }, &flight, &certs, &d);
        char *text = json_dumps(thing, 0);
        if (d.err != messages[i].err || !strstr(text, messages[i].said))
            fail_msg("%s: %s %s", messages[i].name, escertke_err_name(d.err), text);
        free(text);
        json_decref(thing);
        escertke_buf_free(&flight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_hellos),
        cmocka_unit_test(hellos_cut),
        cmocka_unit_test(unprintable_host),
        cmocka_unit_test(server_hello_says_one_suite),
        cmocka_unit_test(messages_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The PEM texts of a connection to a broker; TLS itself is tried against a broker in tests/integration/mqtt_runs. */
#include "binding/mqtt_tls.h"

#include "binding_support.h"
#include "pki.h"

static struct pki_cert root, own, other;
static char *trust, *chain, *key, *other_key;

static int make(void **state)
{
    const struct pki_cert *list[2];

    (void)state;
    root = pki_make(&(struct pki_params){ .cn = "root", .is_ca = true });
    own = pki_make(&(struct pki_params){ .cn = "own", .issuer = &root });
    other = pki_make(&(struct pki_params){ .cn = "other", .issuer = &root });
    list[0] = &root;
    trust = pki_chain_pem(list, 1);
    list[0] = &own;
    list[1] = &root;
    chain = pki_chain_pem(list, 2);
    key = pki_key_pem(&own);
    other_key = pki_key_pem(&other);
    return 0;
}

static int unmake(void **state)
{
    char *const texts[] = { trust, chain, key, other_key };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        free(texts[i]);
    pki_cert_free(&root);
    pki_cert_free(&own);
    pki_cert_free(&other);
    return 0;
}

static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";

static void takes_texts_that_are_usable(void **state)
{
    const struct {
        const char *name, *host, *trust, *cert, *key;
        escertke_err err;
    } cases[] = {
        { "all", "broker.example.org", trust, chain, key, ESCERTKE_OK },
        { "anchors alone", "127.0.0.1", trust, "", "", ESCERTKE_OK },
        { "IPv6", "::1", trust, "", "", ESCERTKE_OK },
        { "the system's anchors", "broker", "", "", "", ESCERTKE_OK },
        { "no anchor", "broker", "nothing", "", "", ESCERTKE_ERR_CREDENTIAL },
        { "a key for anchors", "broker", key, "", "", ESCERTKE_ERR_CREDENTIAL },
        { "another's key", "broker", trust, chain, other_key, ESCERTKE_ERR_CREDENTIAL },
        { "a certificate for a key", "broker", trust, chain, chain, ESCERTKE_ERR_CREDENTIAL },
        { "a key for a certificate", "broker", trust, key, key, ESCERTKE_ERR_CREDENTIAL },
        { "a key that wants a password", "broker", trust, chain, encrypted, ESCERTKE_ERR_CREDENTIAL },
        { "certificate without key", "broker", trust, chain, "", ESCERTKE_ERR_CREDENTIAL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_tls_context *t;
        struct mosquitto *client;
        escertke_detail d;
        char why[160];
        bool to_write;
        escertke_detail_init(&d);
        expect_err(cases[i].name,
                   esc_tls_context_new(cases[i].host, "broker", text_span(cases[i].trust), text_span(cases[i].cert), text_span(cases[i].key), &t, &d),
                   cases[i].err, &d);
        assert_int_equal(t != NULL, cases[i].err == ESCERTKE_OK);
        if (!t) {
            assert_true(d.reason[0]);
            assert_null(strstr(d.backend, "BEGIN"));
            continue;
        }
        esc_tls_context_why(t, why, sizeof why);
        expect_text(cases[i].name, why, "");
        client = mosquitto_new("x", false, NULL);
        assert_non_null(client);
        assert_int_equal(esc_mqtt_tls_use(t, client), ESCERTKE_OK);
        assert_false(esc_mqtt_tls_unfinished(client, &to_write)); /* nothing is connected */
        mosquitto_destroy(client);
        esc_tls_context_free(t);
    }
    esc_tls_context_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_texts_that_are_usable) };
    mosquitto_lib_init();
    return cmocka_run_group_tests(tests, make, unmake);
}

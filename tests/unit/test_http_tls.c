#include "binding/http_tls.h"

#include <errno.h>
#include <openssl/ssl.h>

#include "http_support.h"
#include "pki.h"

/* A small PKI for the hop: server and client certificates under one root, and the same under another. */
struct hop_pki {
    struct pki_cert root, server, client, server_only;
    char *trust, *server_pem, *server_key, *client_pem, *client_key, *server_only_pem, *server_only_key;
};

static struct hop_pki ours, others;

static void hop_pki_make(struct hop_pki *p, const char *name)
{
    static const uint8_t loopback[] = { 127, 0, 0, 1 };
    const struct pki_name san[] = { { PKI_IP, loopback, sizeof loopback } };
    const struct pki_cert *one[1];

    p->root = pki_make(&(struct pki_params){ .cn = name, .is_ca = true });
    p->server =
        pki_make(&(struct pki_params){ .cn = "server", .issuer = &p->root, .san = san, .san_count = 1, .eku = PKI_EKU_SERVER });
    p->client = pki_make(&(struct pki_params){ .cn = "client", .issuer = &p->root, .eku = PKI_EKU_CLIENT });
    p->server_only = pki_make(&(struct pki_params){ .cn = "no client", .issuer = &p->root, .eku = PKI_EKU_SERVER });
    one[0] = &p->root;
    p->trust = pki_chain_pem(one, 1);
    one[0] = &p->server;
    p->server_pem = pki_chain_pem(one, 1);
    p->server_key = pki_key_pem(&p->server);
    one[0] = &p->client;
    p->client_pem = pki_chain_pem(one, 1);
    p->client_key = pki_key_pem(&p->client);
    one[0] = &p->server_only;
    p->server_only_pem = pki_chain_pem(one, 1);
    p->server_only_key = pki_key_pem(&p->server_only);
}

static void hop_pki_free(struct hop_pki *p)
{
    char *texts[] = {
        p->trust, p->server_pem, p->server_key, p->client_pem, p->client_key, p->server_only_pem, p->server_only_key
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        free(texts[i]);
    pki_cert_free(&p->root);
    pki_cert_free(&p->server);
    pki_cert_free(&p->client);
    pki_cert_free(&p->server_only);
}

static int set_up(void **state)
{
    (void)state;
    hop_pki_make(&ours, "our root");
    hop_pki_make(&others, "root of others");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hop_pki_free(&ours);
    hop_pki_free(&others);
    return 0;
}

static void says_ok(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    (void)ctx;
    (void)req;
    (void)now;
    rsp->rsc = ESCERTKE_RSC_OK;
}

static void judges_the_files(void **state)
{
    static const char nonsense[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const struct {
        const char *name, *cert, *key, *trust;
        escertke_err err;
    } cases[] = {
        { "good", ours.server_pem, ours.server_key, NULL, ESCERTKE_OK },
        { "good with anchors", ours.server_pem, ours.server_key, ours.trust, ESCERTKE_OK },
        { "no certificate", NULL, ours.server_key, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "no key", ours.server_pem, NULL, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "certificate is nonsense", nonsense, ours.server_key, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "key is nonsense", ours.server_pem, nonsense, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "swapped", ours.server_key, ours.server_pem, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "key of another", ours.server_pem, others.server_key, NULL, ESCERTKE_ERR_CREDENTIAL },
        { "anchors are nonsense", ours.server_pem, ours.server_key, nonsense, ESCERTKE_ERR_CREDENTIAL },
        { "anchors hold no certificate", ours.server_pem, ours.server_key, ours.server_key, ESCERTKE_ERR_CREDENTIAL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const escertke_http_server_config cfg = {
            .listen = "https://127.0.0.1:0",
            .handler = says_ok,
            .tls_cert = text_span(cases[i].cert),
            .tls_key = text_span(cases[i].key),
            .tls_client_trust = text_span(cases[i].trust),
        };
        escertke_http_server *s = NULL;
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].name, esc_http_tls_check(cfg.tls_cert, cfg.tls_key, cfg.tls_client_trust, &d), cases[i].err, &d);
        assert_int_equal(d.reason[0] == '\0', cases[i].err == ESCERTKE_OK);
        /* at the start, not at the first connection */
        expect_err(cases[i].name, escertke_http_server_start(&cfg, &s, NULL), cases[i].err, &d);
        escertke_http_server_stop(s, 0);
    }
}

static escertke_err exchange(const char *base, const escertke_http_client_config *cfg, escertke_detail *d)
{
    escertke_http_client *c = NULL;
    escertke_primitive req, rsp;
    escertke_err err;

    escertke_detail_init(d);
    escertke_primitive_init(&rsp);
    make_request(&req, ESCERTKE_OP_NOTIFY, "x", "1", "{}");
    assert_int_equal(escertke_http_client_new(cfg, &c), ESCERTKE_OK);
    err = escertke_http_send(c, base, false, &req, &rsp, d);
    if (err == ESCERTKE_OK)
        assert_int_equal(rsp.rsc, 2000);
    escertke_http_client_free(c);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

static escertke_http_server *start_https(bool client_certificates)
{
    const escertke_http_server_config cfg = {
        .listen = "https://127.0.0.1:0/x",
        .handler = says_ok,
        .tls_cert = text_span(ours.server_pem),
        .tls_key = text_span(ours.server_key),
        .tls_client_trust = text_span(client_certificates ? ours.trust : NULL),
    };
    escertke_http_server *s = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err("https", escertke_http_server_start(&cfg, &s, &d), ESCERTKE_OK, &d);
    assert_int_equal(strncmp(escertke_http_server_url(s), "https://127.0.0.1:", 18), 0);
    return s;
}

static void authenticates_the_server(void **state)
{
    escertke_http_server *s = start_https(false);
    char named[100];
    escertke_detail d;

    (void)state;
    expect_err("trusted",
               exchange(escertke_http_server_url(s), &(escertke_http_client_config){ .tls_trust = text_span(ours.trust) }, &d),
               ESCERTKE_OK, &d);
    expect_err("untrusted",
               exchange(escertke_http_server_url(s), &(escertke_http_client_config){ .tls_trust = text_span(others.trust) }, &d),
               ESCERTKE_ERR_UNREACHABLE, &d);
    assert_non_null(strstr(d.reason, "certificate"));
    assert_non_null(strstr(d.backend, "certificate"));
    expect_err("anchors of the system", exchange(escertke_http_server_url(s), &(escertke_http_client_config){ 0 }, &d),
               ESCERTKE_ERR_UNREACHABLE, &d);
    snprintf(named, sizeof named, "https://localhost:%u/x", (unsigned)port_of(escertke_http_server_url(s)));
    expect_err("another name", exchange(named, &(escertke_http_client_config){ .tls_trust = text_span(ours.trust) }, &d),
               ESCERTKE_ERR_UNREACHABLE, &d);
    snprintf(named, sizeof named, "http://127.0.0.1:%u/x", (unsigned)port_of(escertke_http_server_url(s)));
    expect_err("http to https", exchange(named, &(escertke_http_client_config){ 0 }, &d), ESCERTKE_ERR_UNREACHABLE, &d);
    escertke_http_server_stop(s, 1000);
}

/* A bare TLS client of one version: does the handshake end well? */
static bool handshakes_with(uint16_t port, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;
    int fd = raw_connect(port);
    bool ok;

    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0); /* or this side would refuse old versions itself */
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    ssl = SSL_new(ctx);
    assert_non_null(ssl);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    ok = SSL_connect(ssl) == 1;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return ok;
}

static void speaks_tls_1_2_and_1_3_only(void **state)
{
    static const struct {
        int version;
        bool ok;
    } cases[] = { { TLS1_VERSION, false }, { TLS1_1_VERSION, false }, { TLS1_2_VERSION, true }, { TLS1_3_VERSION, true } };
    escertke_http_server *s = start_https(false);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(handshakes_with(port_of(escertke_http_server_url(s)), cases[i].version), cases[i].ok);
    escertke_http_server_stop(s, 1000);
}

static void https_to_http_is_unreachable(void **state)
{
    const escertke_http_server_config cfg = { .listen = "http://127.0.0.1:0", .handler = says_ok };
    escertke_http_server *s = NULL;
    char url[100];
    escertke_detail d;

    (void)state;
    assert_int_equal(escertke_http_server_start(&cfg, &s, NULL), ESCERTKE_OK);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", (unsigned)port_of(escertke_http_server_url(s)));
    expect_err("https to http", exchange(url, &(escertke_http_client_config){ .tls_trust = text_span(ours.trust) }, &d),
               ESCERTKE_ERR_UNREACHABLE, &d);
    escertke_http_server_stop(s, 1000);
}

static void requires_client_certificates(void **state)
{
    const struct {
        const char *name, *cert, *key;
        escertke_err err;
    } cases[] = {
        { "client of ours", ours.client_pem, ours.client_key, ESCERTKE_OK },
        { "no certificate", NULL, NULL, ESCERTKE_ERR_UNREACHABLE },
        { "client of others", others.client_pem, others.client_key, ESCERTKE_ERR_UNREACHABLE },
        { "not for clients", ours.server_only_pem, ours.server_only_key, ESCERTKE_ERR_UNREACHABLE },
        { "key does not fit", ours.client_pem, others.client_key, ESCERTKE_ERR_CREDENTIAL },
        { "not PEM", ours.client_key, ours.client_key, ESCERTKE_ERR_CREDENTIAL },
    };
    escertke_http_server *s = start_https(true);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const escertke_http_client_config cfg = {
            .tls_trust = text_span(ours.trust),
            .tls_cert = text_span(cases[i].cert),
            .tls_key = text_span(cases[i].key),
        };
        escertke_detail d;
        expect_err(cases[i].name, exchange(escertke_http_server_url(s), &cfg, &d), cases[i].err, &d);
    }
    escertke_http_server_stop(s, 1000);
}

static void anchors_that_cannot_be_read_are_a_credential_error(void **state)
{
    escertke_http_server *s = start_https(false);
    escertke_detail d;

    (void)state;
    expect_err("anchors",
               exchange(escertke_http_server_url(s), &(escertke_http_client_config){ .tls_trust = text_span("no PEM") }, &d),
               ESCERTKE_ERR_CREDENTIAL, &d);
    escertke_http_server_stop(s, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_the_files),
        cmocka_unit_test(authenticates_the_server),
        cmocka_unit_test(speaks_tls_1_2_and_1_3_only),
        cmocka_unit_test(https_to_http_is_unreachable),
        cmocka_unit_test(requires_client_certificates),
        cmocka_unit_test(anchors_that_cannot_be_read_are_a_credential_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

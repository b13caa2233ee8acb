#include "binding/coap_dtls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* Suites of 1.2 as RFC 7252 9.1.3.3 and R-TL ask: ephemeral keys and AEAD. */
#define PRIORITIES                                                                                                               \
    "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+AES-128-CCM:+CHACHA20-POLY1305:+AES-128-CCM-8"
#define CLAUSE "TS-0008 7"

enum { MTU = 1400, RECORD_HEAD = 13, HANDSHAKE_RECORD = 22, CLIENT_HELLO = 1, MTU_MOST = 16000 };

struct esc_coap_credentials {
    gnutls_certificate_credentials_t cred;
    gnutls_priority_t priorities;
    bool verify; /* certificates of the peers are required */
};

struct esc_coap_cookies {
    gnutls_datum_t key;
    gnutls_dtls_prestate_st prestate;
};

struct esc_coap_session {
    gnutls_session_t tls;
    esc_coap_push_fn push;
    void *push_ctx;
    escertke_span inbox; /* the datagram at hand, until GnuTLS has taken it */
    bool up;
    char host[ESCERTKE_ID_MAX + 1];
    struct in6_addr address; /* of a host that is an IP address */
    gnutls_typed_vdata_st wanted[2];
};

/* ---- credentials --------------------------------------------------------------------------------------------- */

static gnutls_datum_t datum(escertke_span s)
{
    return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)s.ptr, .size = (unsigned)s.len }; /* only read by GnuTLS */
}

static escertke_err refuse(escertke_detail *d, const char *what, int code)
{
    escertke_err err = code == GNUTLS_E_MEMORY_ERROR ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_CREDENTIAL;

    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(gnutls_strerror(code)), d->backend, sizeof d->backend);
    return esc_fail(d, err, CLAUSE, "%s: %s", what, gnutls_strerror(code));
}

/* Read on its own first: what GnuTLS 3.7 has built of a certificate that it cannot read, it does not release later. */
static int set_certificate(gnutls_certificate_credentials_t cred, escertke_span cert, escertke_span key)
{
    gnutls_datum_t c = datum(cert), k = datum(key);
    gnutls_x509_crt_t crt;
    int code = gnutls_x509_crt_init(&crt);

    if (code < 0)
        return code;
    code = gnutls_x509_crt_import(crt, &c, GNUTLS_X509_FMT_PEM);
    gnutls_x509_crt_deinit(crt);
    return code < 0 ? code : gnutls_certificate_set_x509_key_mem(cred, &c, &k, GNUTLS_X509_FMT_PEM);
}

static int set_trust(gnutls_certificate_credentials_t cred, escertke_span trust)
{
    gnutls_datum_t t = datum(trust);
    int code = trust.len ? gnutls_certificate_set_x509_trust_mem(cred, &t, GNUTLS_X509_FMT_PEM)
                         : gnutls_certificate_set_x509_system_trust(cred);

    return code == 0 && trust.len ? GNUTLS_E_NO_CERTIFICATE_FOUND : code;
}

static escertke_err fill(struct esc_coap_credentials *c, bool server, escertke_span cert, escertke_span key, escertke_span trust,
                         escertke_detail *d)
{
    int code = gnutls_priority_init(&c->priorities, PRIORITIES, NULL);

    if (code < 0)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, CLAUSE, "cipher suites of DTLS: %s", gnutls_strerror(code));
    if ((code = gnutls_certificate_allocate_credentials(&c->cred)) < 0)
        return refuse(d, "credentials", code);
    if (server && (!cert.len || !key.len))
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "coaps needs a certificate and its private key");
    if (cert.len && (code = set_certificate(c->cred, cert, key)) < 0)
        return refuse(d, "certificate and key of the hop", code);
    c->verify = !server || trust.len;
    if (c->verify && (code = set_trust(c->cred, trust)) < 0)
        return refuse(d, "anchors for certificates of the hop", code);
    return ESCERTKE_OK;
}

escertke_err esc_coap_credentials_new(bool server, escertke_span cert, escertke_span key, escertke_span trust,
                                      struct esc_coap_credentials **out, escertke_detail *d)
{
    struct esc_coap_credentials *c = esc_zalloc(sizeof *c);
    escertke_err err = c ? fill(c, server, cert, key, trust, d) : ESCERTKE_ERR_NOMEM;

    *out = NULL;
    if (err == ESCERTKE_OK)
        *out = c;
    else
        esc_coap_credentials_free(c);
    return err;
}

void esc_coap_credentials_free(struct esc_coap_credentials *c)
{
    if (!c)
        return;
    if (c->cred)
        gnutls_certificate_free_credentials(c->cred);
    if (c->priorities)
        gnutls_priority_deinit(c->priorities);
    esc_release(c);
}

/* ---- cookies ------------------------------------------------------------------------------------------------- */

escertke_err esc_coap_cookies_new(struct esc_coap_cookies **out)
{
    struct esc_coap_cookies *c = esc_zalloc(sizeof *c);

    *out = c;
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    if (gnutls_key_generate(&c->key, GNUTLS_COOKIE_KEY_SIZE) >= 0)
        return ESCERTKE_OK;
    esc_coap_cookies_free(c);
    *out = NULL;
    return ESCERTKE_ERR_BACKEND;
}

void esc_coap_cookies_free(struct esc_coap_cookies *c)
{
    if (!c)
        return;
    if (c->key.data)
        escertke_wipe(c->key.data, c->key.size);
    gnutls_free(c->key.data);
    esc_release(c);
}

bool esc_coap_is_hello(escertke_span datagram)
{
    const uint8_t *at = datagram.ptr;

    return datagram.len > RECORD_HEAD && at[0] == HANDSHAKE_RECORD && at[3] == 0 && at[4] == 0 && at[RECORD_HEAD] == CLIENT_HELLO;
}

struct pushing {
    esc_coap_push_fn push;
    void *ctx;
};

static ssize_t push_cookie(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct pushing *p = ptr;

    p->push(p->ctx, (escertke_span){ data, len });
    return (ssize_t)len;
}

bool esc_coap_cookies_check(struct esc_coap_cookies *c, escertke_span address, escertke_span datagram, esc_coap_push_fn push,
                            void *push_ctx)
{
    struct pushing p = { push, push_ctx };
    void *client = (void *)(uintptr_t)address.ptr; /* only read */

    if (!esc_coap_is_hello(datagram))
        return false;
    memset(&c->prestate, 0, sizeof c->prestate);
    if (gnutls_dtls_cookie_verify(&c->key, client, address.len, (void *)(uintptr_t)datagram.ptr, datagram.len, &c->prestate) >= 0)
        return true;
    (void)gnutls_dtls_cookie_send(&c->key, client, address.len, &c->prestate, &p, push_cookie); /* lost, as a datagram may be */
    return false;
}

/* ---- transport ----------------------------------------------------------------------------------------------- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t cap)
{
    struct esc_coap_session *s = ptr;
    size_t len = s->inbox.len;

    if (!len) {
        gnutls_transport_set_errno(s->tls, EAGAIN);
        return -1;
    }
    if (len > cap)
        len = cap; /* what is cut does not decrypt, as in a socket's buffer */
    memcpy(data, s->inbox.ptr, len);
    s->inbox.len = 0;
    return (ssize_t)len;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    struct esc_coap_session *s = ptr;

    (void)ms; /* nothing here waits */
    return s->inbox.len ? 1 : 0;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct esc_coap_session *s = ptr;

    s->push(s->push_ctx, (escertke_span){ data, len });
    return (ssize_t)len;
}

static int set_up(struct esc_coap_session *s, struct esc_coap_credentials *cred, unsigned flags)
{
    int code = gnutls_init(&s->tls, flags | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);

    if (code >= 0)
        code = gnutls_priority_set(s->tls, cred->priorities);
    if (code >= 0)
        code = gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, cred->cred);
    if (code < 0)
        return code;
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_pull_function(s->tls, pull);
    gnutls_transport_set_pull_timeout_function(s->tls, pull_timeout);
    gnutls_transport_set_push_function(s->tls, push);
    gnutls_dtls_set_mtu(s->tls, MTU);
    gnutls_dtls_set_timeouts(s->tls, 1000, 60000);
    return 0;
}

static escertke_err finish(struct esc_coap_session *s, int code, struct esc_coap_session **out)
{
    *out = s;
    if (code >= 0)
        return ESCERTKE_OK;
    esc_coap_session_free(s);
    *out = NULL;
    return code == GNUTLS_E_MEMORY_ERROR ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_BACKEND;
}

static struct esc_coap_session *begin(esc_coap_push_fn push_fn, void *push_ctx)
{
    struct esc_coap_session *s = esc_zalloc(sizeof *s);

    if (s) {
        s->push = push_fn;
        s->push_ctx = push_ctx;
    }
    return s;
}

escertke_err esc_coap_session_accept(struct esc_coap_cookies *c, struct esc_coap_credentials *cred, esc_coap_push_fn push_fn,
                                     void *push_ctx, struct esc_coap_session **out)
{
    struct esc_coap_session *s = begin(push_fn, push_ctx);
    int code;

    *out = NULL;
    if (!s)
        return ESCERTKE_ERR_NOMEM;
    code = set_up(s, cred, GNUTLS_SERVER);
    if (code >= 0) {
        gnutls_dtls_prestate_set(s->tls, &c->prestate);
        if (cred->verify) {
            static unsigned char client_auth[] = GNUTLS_KP_TLS_WWW_CLIENT;
            s->wanted[0] = (gnutls_typed_vdata_st){ .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = client_auth };
            gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
            gnutls_session_set_verify_cert2(s->tls, s->wanted, 1, 0);
        }
    }
    return finish(s, code, out);
}

/* Whom the certificate must name: RFC 7252 9.1.3.3, by host name or address of the URL. */
static int want_host(struct esc_coap_session *s, const struct esc_http_url *to)
{
    static unsigned char server_auth[] = GNUTLS_KP_TLS_WWW_SERVER;
    unsigned char *name = (unsigned char *)s->host;
    struct in_addr v4;

    memcpy(s->host, to->host, sizeof s->host);
    s->wanted[0] = (gnutls_typed_vdata_st){ .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = server_auth };
    s->wanted[1] = (gnutls_typed_vdata_st){ .type = GNUTLS_DT_DNS_HOSTNAME, .data = name };
    if (inet_pton(AF_INET, s->host, &v4) == 1) {
        memcpy(&s->address, &v4, sizeof v4);
        s->wanted[1] = (gnutls_typed_vdata_st){ GNUTLS_DT_IP_ADDRESS, (unsigned char *)&s->address, sizeof v4 };
    } else if (to->v6 && inet_pton(AF_INET6, s->host, &s->address) == 1) {
        s->wanted[1] = (gnutls_typed_vdata_st){ GNUTLS_DT_IP_ADDRESS, (unsigned char *)&s->address, sizeof s->address };
    } else {
        int code = gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, s->host, strlen(s->host));
        if (code < 0)
            return code;
    }
    gnutls_session_set_verify_cert2(s->tls, s->wanted, 2, 0);
    return 0;
}

escertke_err esc_coap_session_connect(struct esc_coap_credentials *cred, const struct esc_http_url *to, esc_coap_push_fn push_fn,
                                      void *push_ctx, struct esc_coap_session **out)
{
    struct esc_coap_session *s = begin(push_fn, push_ctx);
    int code;

    *out = NULL;
    if (!s)
        return ESCERTKE_ERR_NOMEM;
    code = set_up(s, cred, GNUTLS_CLIENT);
    if (code >= 0)
        code = want_host(s, to);
    return finish(s, code, out);
}

void esc_coap_session_free(struct esc_coap_session *s)
{
    if (!s)
        return;
    s->inbox.len = 0;
    if (s->tls && s->up)
        (void)gnutls_bye(s->tls, GNUTLS_SHUT_WR); /* one datagram, which may be lost */
    if (s->tls)
        gnutls_deinit(s->tls);
    esc_release(s);
}

/* ---- handshake and records ----------------------------------------------------------------------------------- */

static escertke_err failed(struct esc_coap_session *s, int code, escertke_detail *d)
{
    gnutls_datum_t words = { NULL, 0 };
    const char *text = gnutls_strerror(code);

    if (code == GNUTLS_E_MEMORY_ERROR)
        return ESCERTKE_ERR_NOMEM;
    (void)gnutls_alert_send_appropriate(s->tls, code); /* the session ends either way */
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
        text = gnutls_alert_get_name(gnutls_alert_get(s->tls));
    else if (code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
             gnutls_certificate_verification_status_print(gnutls_session_get_verify_cert_status(s->tls), GNUTLS_CRT_X509, &words,
                                                          0) >= 0)
        text = (const char *)words.data;
    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(text), d->backend, sizeof d->backend);
    esc_fail(d, ESCERTKE_ERR_UNREACHABLE, CLAUSE, "DTLS of the hop: %s%s", code == GNUTLS_E_FATAL_ALERT_RECEIVED ? "alert " : "",
             text ? text : "failed");
    gnutls_free(words.data);
    return ESCERTKE_ERR_UNREACHABLE;
}

escertke_err esc_coap_session_handshake(struct esc_coap_session *s, escertke_span datagram, escertke_detail *d)
{
    int code;

    s->inbox = datagram;
    do
        code = gnutls_handshake(s->tls);
    while (code == GNUTLS_E_INTERRUPTED || (code < 0 && code != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(code)));
    s->inbox.len = 0;
    if (code == GNUTLS_E_AGAIN)
        return ESCERTKE_ERR_STATE;
    s->up = code >= 0;
    return s->up ? ESCERTKE_OK : failed(s, code, d);
}

bool esc_coap_session_is_up(const struct esc_coap_session *s)
{
    return s->up;
}

unsigned esc_coap_session_wait_ms(struct esc_coap_session *s)
{
    return gnutls_dtls_get_timeout(s->tls);
}

escertke_err esc_coap_session_open(struct esc_coap_session *s, escertke_span datagram, uint8_t *out, size_t cap, size_t *len)
{
    ssize_t got;

    s->inbox = datagram;
    got = gnutls_record_recv(s->tls, out, cap);
    s->inbox.len = 0;
    if (got > 0) {
        *len = (size_t)got;
        return ESCERTKE_OK;
    }
    if (got < 0 && !gnutls_error_is_fatal((int)got))
        return ESCERTKE_ERR_STATE;
    s->up = false;
    return ESCERTKE_ERR_UNREACHABLE;
}

escertke_err esc_coap_session_send(struct esc_coap_session *s, escertke_span message)
{
    ssize_t sent;

    if (message.len > gnutls_dtls_get_data_mtu(s->tls) && message.len < MTU_MOST)
        gnutls_dtls_set_data_mtu(s->tls, (unsigned)message.len); /* options of unusual length: let IP cut it in pieces */
    sent = gnutls_record_send(s->tls, message.ptr, message.len);
    if (sent == GNUTLS_E_LARGE_PACKET)
        return ESCERTKE_ERR_TOO_LARGE;
    return sent < 0 && gnutls_error_is_fatal((int)sent) ? ESCERTKE_ERR_UNREACHABLE : ESCERTKE_OK;
}

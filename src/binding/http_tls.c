#include "binding/http_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "base/fail.h"

static gnutls_datum_t datum(escertke_span s)
{
    return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)s.ptr, .size = (unsigned)s.len }; /* only read by GnuTLS */
}

static escertke_err refuse(escertke_detail *d, const char *what, int code)
{
    escertke_err err = code == GNUTLS_E_MEMORY_ERROR ? ESCERTKE_ERR_NOMEM : ESCERTKE_ERR_CREDENTIAL;

    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(gnutls_strerror(code)), d->backend, sizeof d->backend);
    return esc_fail(d, err, "TS-0009 7.2", "%s: %s", what, gnutls_strerror(code));
}

/* Read on its own first: what GnuTLS 3.7 has built of a certificate that it cannot read, it does not release in the call below.
 */
static int try_certificate(const gnutls_datum_t *pem)
{
    gnutls_x509_crt_t crt;
    int code = gnutls_x509_crt_init(&crt);

    if (code < 0)
        return code;
    code = gnutls_x509_crt_import(crt, pem, GNUTLS_X509_FMT_PEM);
    gnutls_x509_crt_deinit(crt);
    return code;
}

escertke_err esc_http_tls_check(escertke_span cert, escertke_span key, escertke_span trust, escertke_detail *d)
{
    gnutls_certificate_credentials_t cred;
    gnutls_datum_t c = datum(cert), k = datum(key), t = datum(trust);
    escertke_err err = ESCERTKE_OK;
    int code;

    if (!cert.len || !key.len)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "TS-0009 7.2", "https needs a certificate and its private key");
    code = gnutls_certificate_allocate_credentials(&cred);
    if (code < 0)
        return refuse(d, "credentials", code);
    code = try_certificate(&c);
    if (code >= 0)
        code = gnutls_certificate_set_x509_key_mem(cred, &c, &k, GNUTLS_X509_FMT_PEM);
    if (code < 0)
        err = refuse(d, "certificate and key of the https listener", code);
    if (err == ESCERTKE_OK && trust.len) {
        code = gnutls_certificate_set_x509_trust_mem(cred, &t, GNUTLS_X509_FMT_PEM);
        if (code <= 0)
            err = refuse(d, "anchors for client certificates", code < 0 ? code : GNUTLS_E_NO_CERTIFICATE_FOUND);
    }
    gnutls_certificate_free_credentials(cred);
    return err;
}

void esc_http_tls_require_client(struct MHD_Connection *connection)
{
    static unsigned char client_auth[] = GNUTLS_KP_TLS_WWW_CLIENT;
    static gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = client_auth };
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (!info || !info->tls_session)
        return;
    gnutls_session_t session = info->tls_session;
    /* libmicrohttpd only asks for a certificate; left at that, a client without one would be let in. */
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert2(session, &purpose, 1, 0);
}

/* crls_issuers.h - certificates that are known when CRLs are loaded: whose CRLs can be verified then. */
#ifndef ESCERTKE_CERT_CRLS_ISSUERS_H
#define ESCERTKE_CERT_CRLS_ISSUERS_H

#include <escertke/cert.h>

/** Zeroed = none. */
struct esc_issuers {
    struct esc_issuer *list;
    size_t count;
};

struct esc_issuer {
    escertke_buf der;
    escertke_cert cert;
    escertke_span key_id; /* keyIdentifier of the subject; empty = none */
};

/**
 * Read PEM certificates. One that is no certificate is left out: no path with it is ever accepted. Free @p out in any case.
 * @return OK, CREDENTIAL (broken PEM), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_issuers_read(escertke_span pem, struct esc_issuers *out, escertke_detail *d);
void esc_issuers_free(struct esc_issuers *issuers);
/** May this certificate's key sign CRLs: cRLSign, if it has keyUsage? @spec RFC 5280 6.3.3 (f) */
bool esc_may_sign_crls(const escertke_cert *cert);

#endif

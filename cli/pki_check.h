/* pki_check.h - what the parts of pki check share: findings, and the kinds of file that are looked at. */
#ifndef ESCERTKE_CLI_PKI_CHECK_H
#define ESCERTKE_CLI_PKI_CHECK_H

#include <escertke/cert.h>
#include <openssl/x509.h>

#include "options.h"

/** Most certificates of one file. */
#define PKI_CHECK_CERTS_MAX 16u

struct pki_report {
    const char *things; /* what findings are about: NULL = certificates, by their position */
    size_t errors, findings;
};

/** Say one finding. */
void pki_report_add(struct pki_report *r, const escertke_finding *finding);
/** A finding of level ERROR out of a failure; every peer refuses it. */
void pki_report_failure(struct pki_report *r, const char *clause, const escertke_detail *d, escertke_err err, const char *who);

/** Certificates as DER, for the library; free it. */
struct pki_path {
    escertke_span der[PKI_CHECK_CERTS_MAX];
    size_t count;
};
ESCERTKE_CHECKED escertke_err pki_path_make(STACK_OF(X509) * certs, const char *file, struct pki_path *path, escertke_detail *d);
void pki_path_free(struct pki_path *path);

/** What a path is validated with. */
struct pki_check_trust {
    const char *trust, *file;     /* anchors; the checked file, whose other certificates may be on the path */
    const struct text_list *crls; /* may be empty */
};
/** Path to an anchor, name constraints of each name, revocation. @return OK whatever was found, IO, CREDENTIAL, BACKEND, NOMEM */
ESCERTKE_CHECKED escertke_err pki_check_path(const struct pki_check_trust *with, STACK_OF(X509) * certs, struct pki_report *r,
                                             escertke_detail *d);

/** A certificate request. @return OK, CREDENTIAL (it is none) */
ESCERTKE_CHECKED escertke_err pki_check_request(const char *file, escertke_span content, struct pki_report *r,
                                                escertke_detail *d);
/** Is this a public key alone, in PEM or DER? @p der: to be freed with OPENSSL_free where true. */
bool pki_check_is_key(escertke_span content, escertke_span *der);
void pki_check_key(escertke_span spki, struct pki_report *r);
/** Says in words what a file with this first PEM label is, if it is known and of no use here; NULL otherwise. */
const char *pki_check_other(escertke_span content);

#endif

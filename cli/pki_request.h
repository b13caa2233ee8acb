/* pki_request.h - certificate signing requests (PKCS #10, RFC 2986) as TS-0003 10.1.4 wants them. */
#ifndef ESCERTKE_CLI_PKI_REQUEST_H
#define ESCERTKE_CLI_PKI_REQUEST_H

#include <escertke/cert.h>
#include <openssl/x509.h>

#include "pki_name.h"

/** Room for one finding about a request, in words. */
#define PKI_FINDING_MAX 320

/** Something found in a request. ERROR: no CA may sign it. @p err: OK for a note. */
typedef void (*pki_request_fn)(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text);

/**
 * Exactly one request, in PEM or DER, and nothing behind it.
 * @return OK, IO, CREDENTIAL (anything else), NOMEM
 */
ESCERTKE_CHECKED escertke_err pki_request_read(const char *path, X509_REQ **out, escertke_detail *d);
/** The same of octets; @p path is for words only. Used where a file may hold other things as well. */
ESCERTKE_CHECKED escertke_err pki_request_parse(const char *path, escertke_span file, X509_REQ **out, escertke_detail *d);
/** Does this file's first PEM label say that it is a request? */
bool pki_request_is_pem(escertke_span file);

/**
 * Judge a request: key on secp256r1, uncompressed; its signature; one name of a flavour; nothing a CA's certificate has.
 * What is asked for beyond that is told as NOTE and not taken over.
 * @param wanted  flavour meant where the name's form fits two (pki_name_read)
 * @param name    set if it returns OK
 * @return OK, or the error of the first finding of level ERROR: PROFILE, SIGNATURE, ID, CONFIG
 */
ESCERTKE_CHECKED escertke_err pki_request_judge(X509_REQ *req, escertke_flavour wanted, pki_request_fn fn, void *ctx,
                                                struct pki_name *name);

#endif

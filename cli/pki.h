/* pki.h - X.509 building blocks of the pki commands, on OpenSSL. */
#ifndef ESCERTKE_CLI_PKI_H
#define ESCERTKE_CLI_PKI_H

#include <escertke/base.h>
#include <openssl/x509v3.h>

#include "out.h"

/** A certificate with its private key; either may be NULL. */
struct pki_pair {
    EVP_PKEY *key;
    X509 *cert;
};

/** What a new certificate is to say. */
struct pki_subject {
    const char *common_name;
    const struct pki_pair *issuer; /* NULL: self-signed */
    long days;
};

void pki_pair_free(struct pki_pair *pair);
/** New P-256 key. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err pki_new_key(struct pki_pair *pair, escertke_detail *d);
/**
 * New unsigned certificate for pair->key: version 3, random serial of 16 octets, dates (not beyond the issuer's), names,
 * subject and authority key identifier. @return OK, BACKEND
 */
ESCERTKE_CHECKED escertke_err pki_new_cert(const struct pki_subject *subject, struct pki_pair *pair, escertke_detail *d);
/** Add an extension in OpenSSL's text form; only for values made here or validated. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err pki_add_extension(X509 *cert, int nid, const char *value, escertke_detail *d);
/** Sign with ecdsa-with-SHA256. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err pki_sign(X509 *cert, EVP_PKEY *key, escertke_detail *d);

/** Write a private key, mode 0600. @return OK, BACKEND, IO */
ESCERTKE_CHECKED escertke_err pki_write_key(const char *path, EVP_PKEY *key, bool replace, escertke_detail *d);
/** Write certificates (a NULL ends the list), mode 0644. @return OK, BACKEND, IO */
ESCERTKE_CHECKED escertke_err pki_write_certs(const char *path, X509 *const *certs, bool replace, escertke_detail *d);
/** Read NAME.crt and NAME.key of a PKI folder; a key that does not fit is an error. @return OK, IO, CREDENTIAL, KEY_MISMATCH */
ESCERTKE_CHECKED escertke_err pki_read_pair(const char *folder, const char *name, struct pki_pair *pair, escertke_detail *d);
/** Read NAME.crt alone. @return OK, IO, CREDENTIAL, NOMEM */
ESCERTKE_CHECKED escertke_err pki_read_cert(const char *folder, const char *name, X509 **cert, escertke_detail *d);
/** All certificates of a PEM file, or the one of a DER file. @return OK, IO, CREDENTIAL, NOMEM */
ESCERTKE_CHECKED escertke_err pki_read_certs(const char *path, STACK_OF(X509) * *certs, escertke_detail *d);
/** "FOLDER/NAME.SUFFIX" into @p out; false if it does not fit. */
bool pki_path(const char *folder, const char *name, const char *suffix, char *out, size_t cap);
/** ni:///sha-256;... of a DER SubjectPublicKeyInfo. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err pki_key_identifier(escertke_span spki, char id[72], escertke_detail *d);
/** Note a failure of libcrypto with its own words. @return BACKEND */
escertke_err pki_fail(escertke_detail *d, const char *what);

/** DNS name in letters, digits, "-", "_" and ".", no wildcard, labels not empty. option_check. */
bool pki_check_dns(const char *value, char *why, size_t cap);
/** SP domain, with or without "//". option_check. */
bool pki_check_sp(const char *value, char *why, size_t cap);

#endif

/* pki_key.h - an existing private key of the pki commands, in a PEM file or in a PKCS#11 token, behind one door. */
#ifndef ESCERTKE_CLI_PKI_KEY_H
#define ESCERTKE_CLI_PKI_KEY_H

#include <escertke/base.h>

/** An opened private key: P-256. It is used by one thread at a time. */
struct pki_key;

/**
 * Open the private key. A token's never leaves the token.
 * @param where     a PEM file (not encrypted), or a "pkcs11:..." URI (RFC 7512)
 * @param pin_file  file whose first line is the token's PIN; NULL = as the URI says (pin-value, pin-source); not with a file
 * @param out       release with pki_key_close
 * @return OK, IO, CONFIG (pin_file without a token, a URI that is none), CREDENTIAL (not readable, not P-256, the token's
 * reasons), BACKEND, NOMEM
 */
ESCERTKE_CHECKED escertke_err pki_key_open(const char *where, const char *pin_file, struct pki_key **out, escertke_detail *d);
/** Its public half, DER SubjectPublicKeyInfo; valid until close. */
escertke_span pki_key_spki(const struct pki_key *k);
/**
 * Sign: ECDSA with SHA-256 over the octets.
 * @param signature  initialised by the caller; DER Ecdsa-Sig-Value is appended
 * @return OK, BACKEND (the token would not), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err pki_key_sign(struct pki_key *k, escertke_span data, escertke_buf *signature, escertke_detail *d);
/** NULL allowed. */
void pki_key_close(struct pki_key *k);

#endif

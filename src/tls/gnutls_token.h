/* gnutls_token.h - a private key in a PKCS#11 token, reached through GnuTLS: for that back end and for the pki commands. */
#ifndef ESCERTKE_TLS_GNUTLS_TOKEN_H
#define ESCERTKE_TLS_GNUTLS_TOKEN_H

#include <escertke/base.h>

/** An opened key: ECDSA on P-256. Signing is thread-safe. */
struct esc_token_key;

/**
 * Open the key that the URI names, and have it sign once to see that it does. The PIN goes to one token, once: a token
 * counts wrong ones. It is wiped before this returns, unless the key wants it at every signature.
 * @param uri  "pkcs11:..." (RFC 7512), with module-path, pin-value or pin-source if need be
 * @param pin  the user's PIN; NULL = as the URI says, and none if it says nothing
 * @param out  release with esc_token_key_close; NULL after a failure
 * @return OK, CREDENTIAL (the reason says what to do), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_token_key_open(const char *uri, const char *pin, struct esc_token_key **out,
                                                 escertke_detail *d);
/** Does the key belong to this public key, DER SubjectPublicKeyInfo? */
bool esc_token_key_fits(const struct esc_token_key *key, escertke_span spki);
/**
 * The public half that stands beside the key in the token, DER SubjectPublicKeyInfo; valid until close.
 * @return OK, CREDENTIAL (there is none, or it is another key's)
 */
ESCERTKE_CHECKED escertke_err esc_token_key_spki(const struct esc_token_key *key, escertke_span *spki, escertke_detail *d);
/**
 * Sign with ECDSA and SHA-256. @param signature  DER Ecdsa-Sig-Value is appended
 * @return OK, BACKEND (the token does not; it may be gone), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_token_key_sign(struct esc_token_key *key, escertke_span data, escertke_buf *signature,
                                                 escertke_detail *d);
/**
 * If no open key signs any more, have the PKCS#11 modules begin anew at the next use: some see a token that comes back only
 * then. For a program that uses PKCS#11 through these functions alone. @return were they ended?
 */
bool esc_token_restart(void);
/** NULL allowed. */
void esc_token_key_close(struct esc_token_key *key);

#endif

/* own_chain.h - an own certificate chain or raw public key, looked at the same way whatever the TLS library. */
#ifndef ESCERTKE_TLS_OWN_CHAIN_H
#define ESCERTKE_TLS_OWN_CHAIN_H

#include <escertke/tls.h>

/**
 * Check the chain of a credential against the profile (escertke_cert_lint): better to say so now than at the first handshake.
 * @param leaf  DER of the leaf on OK; release it with esc_release
 * @return OK, CREDENTIAL (not PEM, too long), PROFILE, CERT, VALIDITY, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_own_chain_check(const escertke_credential_source *src, uint8_t **leaf, size_t *leaf_len,
                                                  escertke_detail *d);

/**
 * Check an own raw public key: what the peer is going to pin.
 * @param leaf  copy of @p spki (DER SubjectPublicKeyInfo) on OK; release it with esc_release
 * @return OK, PROFILE, CERT (as escertke_cert_check_raw), NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_own_raw_check(escertke_span spki, escertke_err (*sha256)(escertke_span in, uint8_t out[32]),
                                                uint8_t **leaf, size_t *leaf_len, escertke_detail *d);

#endif

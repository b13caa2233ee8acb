/*
 * judged.h - the certificates that a connection has been asked about before its handshake (escertke_tls_ops.judge). Those that
 * were found good are not judged a second time when the handshake brings them.
 */
#ifndef ESCERTKE_TLS_JUDGED_H
#define ESCERTKE_TLS_JUDGED_H

#include <escertke/crl.h>

/** More certificates than any path has: whoever sends so many is judged in the handshake only. */
#define ESC_JUDGED_MAX 8u

struct esc_judged {
    bool good;
    uint8_t digest[32]; /* of what was sent, octet by octet and in this order */
};

/** These have been found good, or, where their digest cannot be made, nothing has. */
void esc_judged_good(struct esc_judged *j, escertke_sha256_fn sha256, const escertke_span *sent, size_t count);
/** Are these the ones? */
bool esc_judged_are(const struct esc_judged *j, escertke_sha256_fn sha256, const escertke_span *sent, size_t count);

#endif

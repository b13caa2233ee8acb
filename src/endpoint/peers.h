/* peers.h - what an end-point expects of one peer, and what it writes into the key store after a run with it. */
#ifndef ESCERTKE_ENDPOINT_PEERS_H
#define ESCERTKE_ENDPOINT_PEERS_H

#include <escertke/endpoint.h>

/** Check peer rules once: each id Absolute, no id twice, no two CSEs with one domain name. @return OK, CONFIG */
ESCERTKE_CHECKED escertke_err esc_peers_check(const escertke_identity *identity, escertke_detail *d);

/**
 * What the peer with this Absolute ID must show. Without rules every ID is welcome; with rules only those listed.
 * The strings of @p out borrow from @p id and from the rules. @return OK, PRIVILEGE
 */
ESCERTKE_CHECKED escertke_err esc_peers_expect(const escertke_identity *identity, const char *id, escertke_expect *out);

/**
 * Fill the entry of a completed session: identities, suite, fingerprint, and a lifetime that neither certificate outlives.
 * Takes the key out of the session. @return OK, STATE, BACKEND, CERT
 */
ESCERTKE_CHECKED escertke_err esc_peers_entry(const escertke_identity *identity, const escertke_expect *expect,
                                              escertke_session *session, escertke_role role, escertke_now now,
                                              escertke_key_entry *out);
/** How long older keys stay valid beside a new one, seconds. */
int64_t esc_peers_overlap(const escertke_identity *identity);

#endif

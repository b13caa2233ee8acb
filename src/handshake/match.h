/*
 * match.h - an M3 before TLS sees it: whose key has signed it, and over which M1 and M2 (R-HS-37)? Only the handshake that it
 * belongs to is given it, so that what a stranger makes up destroys nothing.
 */
#ifndef ESCERTKE_HANDSHAKE_MATCH_H
#define ESCERTKE_HANDSHAKE_MATCH_H

#include <escertke/handshake.h>

/** What an M3 shows in the clear. The spans borrow from octets. */
struct esc_m3 {
    escertke_buf octets;       /* its handshake messages before ChangeCipherSpec, without record headers */
    escertke_span signed_part; /* Certificate and ClientKeyExchange: what the signature covers beside M1 and M2 */
    escertke_span list;        /* X.509: certificate_list, well-formed; raw: empty */
    escertke_span spki;        /* of the leaf, or the raw key */
    escertke_span signature;   /* of CertificateVerify */
};

/**
 * Take an M3 apart. The error is the one that a TLS server would have for it.
 *
 * @param message  whole records that escertke_flight_classify has called M3
 * @param raw      the peer must show a raw public key (RFC 7250), else an X.509 chain
 * @param out      to be cleared after success
 * @return OK, or ESCERTKE_ERR_
 *         TLS      other messages than Certificate, ClientKeyExchange and CertificateVerify, in this order and once; one of them
 *                  malformed, a record of another version than 3.3, another algorithm than ecdsa_secp256r1_sha256
 *         NO_CERT  Certificate is empty
 *         CERT     the leaf is no certificate
 *         PROFILE  its key is none on secp256r1 with an uncompressed point
 *         NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_m3_read(escertke_span message, bool raw, struct esc_m3 *out, escertke_detail *d);
void esc_m3_clear(struct esc_m3 *m3);

/**
 * Has the key that M3 shows signed this M1, this M2 and this M3 (RFC 5246 7.4.8)?
 * @param m1, m2  the messages as they went, records and all. @return OK, SIGNATURE (no), NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_m3_verify(const struct esc_m3 *m3, const escertke_tls_ops *tls, escertke_span m1,
                                            escertke_span m2);

/**
 * By what an M3 is known again: SHA-256 over its handshake messages before ChangeCipherSpec, in whatever records they came (RFC
 * 5246 6.2.1 lets anybody on the way break and join those), then all from ChangeCipherSpec on as it came, then the number of
 * octets of the first part (32 bits, big-endian).
 * @param message  whole records that escertke_flight_classify has called M3. @return OK, NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_m3_digest(const escertke_tls_ops *tls, escertke_span message, uint8_t digest[32]);

/** More certificates than any path has. */
#define ESC_M3_CERTIFICATES_MAX 8u

/** The certificates of an M3, leaf first, or its raw key. @param out  ESC_M3_CERTIFICATES_MAX. @return how many; 0 = there are
 * more
 */
size_t esc_m3_certificates(const struct esc_m3 *m3, escertke_span *out);

/**
 * session.c: would a pending terminator's session accept the certificates of this M3? It is as it was, whatever the answer, and
 * does not ask again when it is given that M3 next.
 * @param message  the M3 itself: what a refusal is explained with. @param d  why not
 * @return OK, STATE (waits for no M3), or as escertke_session_step: CERT, IDENTITY, VALIDITY, PROFILE, REVOKED, STATUS, NOMEM...
 */
ESCERTKE_CHECKED escertke_err esc_session_judge(escertke_session *s, const struct esc_m3 *m3, escertke_span message,
                                                escertke_now now, escertke_detail *d);

#endif

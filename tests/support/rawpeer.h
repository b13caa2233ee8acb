/*
 * rawpeer.h - the other side of a handshake, driven over memory by a stock TLS library that knows nothing of ESCertKE:
 * OpenSSL (configurable to be wrong in many ways) and GnuTLS. A failure to set up ends the process with a message.
 */
#ifndef TESTS_SUPPORT_RAWPEER_H
#define TESTS_SUPPORT_RAWPEER_H

#include <escertke/base.h>

struct rawpeer_config {
    bool server;
    const char *chain, *key; /* PEM; NULL = none (a client without certificate) */
    const char *trust;       /* PEM; NULL = do not verify */
    const char *ciphers;     /* OpenSSL names / GnuTLS priority string; NULL = the library's default for TLS 1.2 */
    const char *groups;      /* OpenSSL only; NULL = P-256 */
    const char *sigalgs;     /* OpenSSL only; NULL = ECDSA+SHA256 */
    int min_version, max_version; /* OpenSSL only: TLS1_1_VERSION...; 0 = TLS 1.2 */
    bool no_ems;             /* GnuTLS only: no extended master secret */
    bool tickets;            /* OpenSSL server: issues a session ticket */
    bool request_no_cert;    /* server: does not ask for a client certificate */
};

struct rawpeer;

struct rawpeer *rawpeer_openssl(const struct rawpeer_config *cfg);
struct rawpeer *rawpeer_gnutls(const struct rawpeer_config *cfg);

/** One flight in, one out (appended). 1 = handshake complete, 0 = wants more, -1 = failed (out may hold an alert). */
int rawpeer_step(struct rawpeer *p, escertke_span in, escertke_buf *out);
/** The library's own RFC 5705 exporter with our label and no context: 48 octets. */
void rawpeer_export(struct rawpeer *p, uint8_t out[48]);
/** OpenSSL only: the same 48 octets from the master secret, by the TLS 1.2 PRF as RFC 5705 writes it down. */
void rawpeer_export_by_prf(struct rawpeer *p, uint8_t out[48]);
/** Application data after the handshake (OpenSSL only): one protected record appended. */
void rawpeer_write(struct rawpeer *p, const void *data, size_t len, escertke_buf *out);
void rawpeer_free(struct rawpeer *p);

/** RFC 5705 for TLS 1.2 with PRF SHA-256 and no context; for vector V-1. */
void prf_export(const uint8_t master[48], const uint8_t client_random[32], const uint8_t server_random[32], uint8_t out[48]);

#endif

/*
 * mbedtls.h - what the files of the Mbed TLS back end share. Nothing else includes it.
 * For Mbed TLS 2.28: its installed ssl_internal.h shows what later versions hide, and the Certificate message is taken from it
 * there, because the library's own reading of one refuses the critical name constraints that every CA here carries (R-CE-17).
 */
#ifndef ESCERTKE_TLS_MBEDTLS_H
#define ESCERTKE_TLS_MBEDTLS_H

#include <escertke/cert.h>
#include <escertke/tls.h>

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_internal.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdatomic.h>

#include "tls/judged.h"
#include "tls/path_cache.h"

#if MBEDTLS_VERSION_NUMBER < 0x021C0000 || MBEDTLS_VERSION_NUMBER >= 0x03000000
#error "this back end is for Mbed TLS 2.28"
#endif
#if !defined(MBEDTLS_SSL_EXTENDED_MASTER_SECRET) || !defined(MBEDTLS_SSL_EXPORT_KEYS) ||                                         \
    !defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
#error "Mbed TLS must be built with EXTENDED_MASTER_SECRET, EXPORT_KEYS and KEEP_PEER_CERTIFICATE"
#endif

/* Shared by all handshakes of both roles; immutable after credential_new. Connections keep it alive by counting. */
struct mbedtls_credential {
    mbedtls_ssl_config initiator, terminator;
    mbedtls_x509_crt chain, trust;
    mbedtls_pk_context key;
    struct esc_path_cache *path_cache;
    uint8_t *leaf; /* own certificate, DER */
    size_t leaf_len;
    atomic_uint users; /* the credential's owner is one */
};

/* A flight on its way in, as records that the library can read: see mbedtls_flight.c. */
struct mbedtls_flight {
    escertke_span in;  /* what is left, from within a record or from the next one's header */
    size_t body;       /* octets left of the record as it came */
    uint8_t header[5]; /* of the record as it is shown */
    size_t header_left;
    size_t left; /* octets left of the record as it is shown */
    bool sealed; /* ChangeCipherSpec went by: records are encrypted and stay as they came */
};

struct mbedtls_conn {
    mbedtls_ssl_config conf; /* the credential's, with this connection's export callback; borrows what it points at */
    mbedtls_ssl_context ssl;
    struct mbedtls_credential *credential;
    escertke_role role;
    bool allow_without_ems;
    bool complete;
    struct esc_judged judged;
    bool verified; /* the peer's path was accepted */
    escertke_verify_fn verify;
    void *verify_ctx;
    escertke_err refused; /* by us, not by the library */
    int64_t unix_s;
    int alert; /* sent or received; -1 = none */
    bool alert_received;
    struct mbedtls_flight flight;
    escertke_buf *out;
    escertke_err io_err;
    bool has_secret;
    uint8_t master[48], randoms[64]; /* client's, then server's: what RFC 5705 exports from */
    char words[160];
};

/* mbedtls_credential.c */
escertke_err esc_mbedtls_credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d);
void esc_mbedtls_credential_free(void *credential);
escertke_span esc_mbedtls_credential_cert(const void *credential);
/** One more user of a credential. */
struct mbedtls_credential *esc_mbedtls_credential_share(const void *credential);
/** Random octets from the operating system (or the device's hardware_poll), as the library wants it. @return 0, or its error */
int esc_mbedtls_rng(void *unused, unsigned char *out, size_t len);

/* mbedtls_verify.c */
/** One certificate appended to a list. What the library does not know in it is left to escertke_cert_check_path. @return 0, or
 * its error */
int esc_mbedtls_add_cert(mbedtls_x509_crt *list, escertke_span der);
/** In place of the library's step: read the Certificate message, validate the path, ask verify. @return 0, or an error of the
 * library */
int esc_mbedtls_peer_certificate(struct mbedtls_conn *conn);
/** As in escertke_tls_ops. */
escertke_err esc_mbedtls_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s);

/* mbedtls_path.c */
enum esc_mbedtls_found { ESC_MBEDTLS_PATH, ESC_MBEDTLS_NO_PATH, ESC_MBEDTLS_BAD_SIGNATURE };
/**
 * A path from the first certificate of a list to a trust anchor, its signatures verified and nothing else.
 * @param unix_s  of several issuers, those valid at this time are tried first
 * @param path    ESC_PATH_MAX of them: leaf first, anchor last; borrowed from both lists
 */
enum esc_mbedtls_found esc_mbedtls_find_path(const mbedtls_x509_crt *sent, const mbedtls_x509_crt *trust, int64_t unix_s,
                                             escertke_span *path, size_t *count);

/* mbedtls_flight.c */
void esc_mbedtls_flight_init(struct mbedtls_flight *flight, escertke_span in);
/** At most @p len octets of the flight; 0 = nothing is left. */
size_t esc_mbedtls_flight_read(struct mbedtls_flight *flight, uint8_t *to, size_t len);

/* mbedtls_error.c */
/** What an error of the library means, and the alert to send for it (that the library sent one already says more: @p sent, -1 =
 * none). */
escertke_err esc_mbedtls_classify(int code, int sent, int *alert);
/** The library's words for an error. */
void esc_mbedtls_words(int code, char *out, size_t cap);
/** Were octets that should be a signature something else? */
bool esc_mbedtls_is_bad_input(int code);
/** Refuse in the middle of a step. @return an error to return to the library */
int esc_mbedtls_refuse(struct mbedtls_conn *conn, escertke_err err, int alert, const char *words);

/* mbedtls_crypto.c: as in escertke_tls_ops */
escertke_err esc_mbedtls_sha256(escertke_span in, uint8_t out[32]);
escertke_err esc_mbedtls_random(uint8_t *out, size_t len);
escertke_err esc_mbedtls_ecdsa_verify(escertke_span spki, escertke_span data, escertke_span signature);

#endif

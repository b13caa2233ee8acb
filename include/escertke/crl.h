/*
 * escertke/crl.h - revocation: CRLs (RFC 5280 5) as configured; nothing is ever fetched.
 * Works on DER. Only signatures are somebody else's: the TLS back end's, through one function.
 */
#ifndef ESCERTKE_CRL_H
#define ESCERTKE_CRL_H

#include <escertke/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Largest CRL, octets of DER, and most CRLs of one set. */
#define ESCERTKE_CRL_MAX (16u << 20)
#define ESCERTKE_CRLS_MAX 64u

/** Is this the ECDSA P-256 SHA-256 signature of the key over the data? escertke_tls_ops.ecdsa_verify is one. */
typedef escertke_err (*escertke_ecdsa_verify_fn)(escertke_span spki, escertke_span data, escertke_span signature);
/** SHA-256; escertke_tls_ops.sha256 is one. */
typedef escertke_err (*escertke_sha256_fn)(escertke_span in, uint8_t out[32]);

/** A CRL taken apart; spans borrow from the DER given to escertke_crl_parse. */
typedef struct escertke_crl {
    escertke_span der;
    escertke_span tbs;                /* TBSCertList, whole TLV: what is signed */
    escertke_span signature;          /* BIT STRING content without the unused-bits octet */
    escertke_span issuer;             /* Name, whole TLV */
    escertke_span key_id;             /* keyIdentifier of the authority key identifier; empty = none */
    escertke_span number;             /* CRL number, INTEGER content octets; empty = none */
    int64_t this_update, next_update; /* seconds since 1970; it is good from the first on, and before the second */
    escertke_span revoked;            /* content of revokedCertificates, empty = none */
    size_t revoked_count;
} escertke_crl;

/**
 * Take one DER CRL apart, every entry included. Strict DER as escertke_cert_parse. Refused with a reason of their own: version 1,
 * no nextUpdate, a delta CRL (deltaCRLIndicator), an issuing distribution point (indirect, partial), an unknown critical
 * extension, of the list or of an entry, and another signature algorithm than ecdsa-with-SHA256.
 * @return OK, ARG, TOO_LARGE, CERT (malformed), UNSUPPORTED (well-formed, but one of the above). @spec RFC 5280 5.1, 5.2
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_crl_parse(escertke_span der, escertke_crl *out, escertke_detail *d);

/** A set of CRLs. Never changes once made; thread-safe; counted: held by whoever uses it. */
typedef struct escertke_crls escertke_crls;

typedef struct escertke_crls_source {
    const escertke_span
        *files; /* each: PEM with any number of CRLs, or one CRL in DER; borrowed until escertke_crls_new returns */
    size_t count;
    escertke_span issuers; /* certificates, PEM: trust anchors and own chain; their CRLs are verified now, others at each use */
    bool require;          /* a certificate whose issuer has no CRL here is refused */
    int64_t unix_s;        /* now */
    escertke_ecdsa_verify_fn verify;
    escertke_sha256_fn sha256;
} escertke_crls_source;

/**
 * Load CRLs. All or nothing. Of several of one issuer and key the one with the latest this_update counts; of these the one with
 * the greatest number; of these the last. The others are forgotten, expired or not.
 * @return OK, ARG, CREDENTIAL (cannot be read), SIGNATURE (a certificate of its issuer is among issuers, and none of those signed
 *         it or may sign CRLs), VALIDITY (next_update has passed, or this_update is more than a day ahead), UNSUPPORTED (see
 *         escertke_crl_parse), LIMIT (one too large, or too many), NOMEM, BACKEND
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_crls_new(const escertke_crls_source *src, escertke_crls **out,
                                                             escertke_detail *d);
/** One more holder; NULL gives NULL. Each holder ends with escertke_crls_free. */
ESCERTKE_API escertke_crls *escertke_crls_hold(escertke_crls *c);
ESCERTKE_API void escertke_crls_free(escertke_crls *c);

/**
 * Status of each certificate of a path that the back end has validated, the anchor's own excepted.
 * The path has passed escertke_cert_check_path. A CRL counts for a certificate if its issuer's name is the one in the
 * certificate (RFC 5280 7.1, without folding of spaces), the issuer's key on the path has signed it, and that issuer may sign
 * CRLs (keyUsage cRLSign, if it has keyUsage). Judged from the anchor down; the first refusal is given. certificateHold is a
 * revocation.
 *
 * @param c      NULL = nothing is known and nothing required: OK
 * @param alert  set on error
 * @return OK, ARG, REVOKED (certificate_revoked), STATUS (no CRL of the issuer where one is required; or there is one, and it has
 *         expired, is not yet valid, or none of that name is signed by this issuer's key: certificate_unknown)
 * @spec RFC 5280 6.3; TS-0003 8.1.2.5; R-CE-33, A-25
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_crls_check_path(const escertke_crls *c, const escertke_span *path,
                                                                    size_t count, int64_t unix_s, int *alert, escertke_detail *d);

/** Who issued a certificate, and its serial: enough to ask for its status later, without the certificate. */
typedef struct escertke_issued {
    uint8_t issuer[32]; /* SHA-256 of the issuer's name as in the certificate, and of the issuer's SubjectPublicKeyInfo */
    uint8_t key[32];
    uint8_t serial_len, serial[20];
} escertke_issued;

/**
 * As escertke_crls_check_path, of certificates remembered by escertke_issued, leaf first. Only CRLs that were verified when they
 * were loaded can count here: one whose issuer was not known then makes the status of its certificates unknown.
 * @return OK, ARG, REVOKED, STATUS
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_crls_check_issued(const escertke_crls *c, const escertke_issued *issued,
                                                                      size_t count, int64_t unix_s, escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif

/*
 * escertke/cert.h - certificates as TS-0003 10.1 wants them: profile, identity, name constraints.
 * Works on DER, without any TLS library: every back end gives the same verdict. Signatures, path building and dates of
 * the path are the back end's; what is decided here is decided on the path that the back end has validated.
 */
#ifndef ESCERTKE_CERT_H
#define ESCERTKE_CERT_H

#include <escertke/base.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest chain accepted, certificates sent by the peer, anchor not counted. */
#define ESCERTKE_CHAIN_MAX 4u

/** Certificate flavours (TS-0003 8.1.2.1). */
typedef enum escertke_flavour {
    ESCERTKE_FLAVOUR_BY_ID = 0, /* AE-ID or CSE-ID, as the peer's identity allows (R-ID-31) */
    ESCERTKE_FLAVOUR_RAW = 30,
    ESCERTKE_FLAVOUR_DEVICE = 31,
    ESCERTKE_FLAVOUR_CSE = 32,
    ESCERTKE_FLAVOUR_AE = 33,
    ESCERTKE_FLAVOUR_NODE = 34 /* numbers: Credential-ID types of TS-0003 12.3.2.1 */
} escertke_flavour;

/** "ae", "cse", "node", "device", "raw", "" for BY_ID. Static storage. */
ESCERTKE_API const char *escertke_flavour_name(escertke_flavour f);
/** Inverse of escertke_flavour_name. @return OK, ARG */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_flavour_parse(const char *name, escertke_flavour *out);

/**
 * What the peer's certificate must say (R-HS-13, R-CE-30...34). Borrowed strings.
 *
 * san by flavour (A-19...A-22):
 *  - AE: another URI than id, octet by octet. CSE: another domain name than the one computed from id, in any case.
 *  - DEVICE (required): the hardware instance identifier as "TYPE-ID:ARCS", e.g. "0.2.481.1:100.3030.10011", in canonical
 * decimal: an otherName of exactly this type-id whose value is these arcs as RELATIVE-OID, the whole as OBJECT IDENTIFIER, or the
 * text of the arcs as UTF8String. A value that is no list of arcs, "TYPE-ID:TEXT", is that text as UTF8String.
 *  - NODE (required): the M2M-Node-ID. A URI or URN, and "//...": a uniformResourceIdentifier, octet by octet; a dotted OID: a
 *    registeredID; "TYPE-ID:VALUE": an otherName as for DEVICE. Another form has no name type of its own and must be given so.
 * For DEVICE, NODE and RAW the identity that goes with the credential is id, as configured.
 */
typedef struct escertke_expect {
    escertke_flavour flavour;
    const char *id;  /* Absolute ID of the peer */
    const char *san; /* expected SAN value where it is not the one computed from id; NULL = computed */
    const char *pin; /* ni:///... of the raw key, flavour RAW; NULL otherwise */
    bool client;     /* the peer is the TLS client (its EKU, if any, must allow clientAuth; A-73) */
    bool strict;     /* strict_profile: digitalSignature on CAs and nameConstraints on the issuing CA too */
} escertke_expect;

/**
 * Can this expectation be met at all? For configurations, before any peer comes.
 * @return OK, ARG (no or no Absolute ID; san or pin not of the form that the flavour needs), UNSUPPORTED (san missing),
 *         IDENTITY (no certificate of that flavour can name id)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_expect_check(const escertke_expect *expect, escertke_detail *d);

/**
 * The public domain name that the peer's certificate must carry if the peer is known to be a CSE: san where given, else computed.
 * @param out  at least ESCERTKE_ID_MAX + 1 characters
 * @return OK, ARG (an AE, or an identity that may be either), ID. @spec R-ID-50, A-20, A-29
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_expect_domain_name(const escertke_expect *expect, char *out);

#define ESCERTKE_KEY_USAGE_DIGITAL_SIGNATURE 0x8000u
#define ESCERTKE_KEY_USAGE_KEY_CERT_SIGN 0x0400u
#define ESCERTKE_KEY_USAGE_CRL_SIGN 0x0200u

/** A certificate taken apart; spans borrow from the DER given to escertke_cert_parse. */
typedef struct escertke_cert {
    escertke_span der;
    int version;                   /* 1...3 */
    escertke_span serial;          /* INTEGER content octets */
    escertke_span issuer, subject; /* Name, whole TLV */
    int64_t not_before, not_after; /* seconds since 1970 */
    escertke_span spki;            /* SubjectPublicKeyInfo, whole TLV */
    escertke_span public_key;      /* BIT STRING content without the unused-bits octet */
    bool key_is_p256;              /* id-ecPublicKey with the named curve secp256r1 */
    bool key_is_uncompressed;      /* 65 octets, 04 first */
    bool sig_is_ecdsa_sha256;      /* signatureAlgorithm, both places, without parameters */
    bool has_key_usage, has_basic_constraints, is_ca, has_eku;
    bool eku_client, eku_server;    /* also set by anyExtendedKeyUsage */
    uint16_t key_usage;             /* bit 0 of KeyUsage is 0x8000 */
    int path_len;                   /* -1 = none */
    escertke_span san;              /* content of GeneralNames, empty = none */
    escertke_span name_constraints; /* content of NameConstraints, empty = none */
    bool has_name_constraints;
    bool unknown_critical; /* a critical extension that is not one of the above */
} escertke_cert;

/**
 * Take one DER certificate apart. Strict DER: definite minimal lengths, no trailing bytes, each extension once.
 * @param d  NULL allowed, here and below
 * @return OK, ARG, CERT (malformed; detail says where)
 * @spec RFC 5280 4.1
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_parse(escertke_span der, escertke_cert *out, escertke_detail *d);

/**
 * Decide on a path that the TLS back end has validated: profile of each certificate, name constraints, identity of the leaf.
 *
 * @param path    DER, leaf first, trust anchor last; count >= 1
 * @param expect  what the peer must be
 * @param alert   set on error: the TLS alert that tells the peer (bad_certificate, access_denied, certificate_expired...)
 * @return OK, or ESCERTKE_ERR_
 *         CERT      malformed, name constraint violated, unknown critical extension
 *         PROFILE   key, curve, point form, signature algorithm, keyUsage, EKU, wildcard (R-CE-15, R-CE-16, R-ID-60)
 *         VALIDITY  @p unix_s outside a certificate's validity
 *         IDENTITY  no SAN of the flavour's type equals the expected identity
 *         UNSUPPORTED  flavour RAW, which has no path, or NODE or DEVICE without expect->san
 *         ARG       nothing to check, expect->id is not an Absolute ID, or expect->san cannot be a name of the flavour
 * @spec TS-0003 8.1.2.5, 10.1.1; RFC 5280 4.2.1.10
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_check_path(const escertke_span *path, size_t count,
                                                                    const escertke_expect *expect, int64_t unix_s, int *alert,
                                                                    escertke_detail *d);

/**
 * Decide on a raw public key (RFC 7250): its form, and that it is the configured one.
 *
 * @param spki    DER SubjectPublicKeyInfo as received; that the point is on the curve is the back end's business
 * @param expect  pin is required; client as in check_path
 * @param digest  SHA-256 of @p spki, from the back end
 * @return OK, PROFILE (other than secp256r1 with an uncompressed point), IDENTITY (another key), ARG (no pin, or not one)
 * @spec TS-0003 8.1.2.5, 10.1.1.2, 10.1.2; R-CE-30
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_check_raw(escertke_span spki, const escertke_expect *expect,
                                                                   const uint8_t digest[32], int *alert, escertke_detail *d);

/** How bad a finding of the profile lint is. */
typedef enum escertke_lint_level { ESCERTKE_LINT_NOTE, ESCERTKE_LINT_WARN, ESCERTKE_LINT_ERROR } escertke_lint_level;
/** One finding; strings are valid during the call. */
typedef struct escertke_finding {
    escertke_lint_level level;
    size_t position; /* on the path, 0 = leaf */
    const char *clause, *text;
    const char *refused_by; /* who will refuse it: "every peer", "peers with strict_profile"...; NULL = nobody */
    const char *advice;     /* what a person can do about it; NULL = the text says it */
} escertke_finding;
typedef void (*escertke_finding_fn)(void *ctx, const escertke_finding *finding);
/**
 * Check an own chain (leaf first; anchor optional) against the profile; used by `pki check`.
 * A finding per name of the leaf says which flavour it makes of the certificate (level NOTE), or who refuses it as that.
 * @return OK (no finding of level ERROR), ARG, CERT, PROFILE, VALIDITY
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_examine(const escertke_span *path, size_t count, int64_t unix_s,
                                                                 bool strict, escertke_finding_fn fn, void *ctx);

/** Called once per finding; strings valid during the call. */
typedef void (*escertke_lint_fn)(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text);
/** escertke_cert_examine with its findings in words: the text, and "; refused by ..." where somebody does. */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_lint(const escertke_span *path, size_t count, int64_t unix_s,
                                                              bool strict, escertke_lint_fn fn, void *ctx);

/** Who a certificate says it is, for people: "subject CN=…, serial 1F…, URI://sp/in1/Cx, DNS:…", printable. Cut to cap. */
ESCERTKE_API void escertke_cert_describe(const escertke_cert *cert, char *out, size_t cap);

/**
 * Does this SAN list hold that identity for the flavour? The matcher behind check_path, exposed for tests and fuzzing.
 * @return OK, CERT (a dNSName that is no domain name), PROFILE (wildcard), IDENTITY, UNSUPPORTED, ARG. @spec R-ID-60, A-19, A-20
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_cert_match_identity(const escertke_cert *leaf, const escertke_expect *expect,
                                                                        escertke_detail *d);

/**
 * Write "ni:///sha-256;..." (or sha-256-128, sha-256-120) of the SHA-256 digest of a DER SubjectPublicKeyInfo.
 * @param bits  256, 128 or 120   @param out  at least 72 characters
 * @return OK, ARG. @spec TS-0003 10.1.2; RFC 6920; A-68; vector V-4
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_key_identifier(const uint8_t digest[32], int bits, char *out);
/**
 * Constant-time match of "ni:///alg;value" against the digest.
 * @return OK, ARG (malformed, unknown algorithm, suite shorter than 120 bits), IDENTITY (differs)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_key_identifier_match(const char *ni, const uint8_t digest[32]);

#ifdef __cplusplus
}
#endif
#endif

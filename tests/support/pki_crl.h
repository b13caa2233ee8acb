/* pki_crl.h - CRLs for tests, made in memory: good ones in one call, and every kind of bad one. */
#ifndef TESTS_SUPPORT_PKI_CRL_H
#define TESTS_SUPPORT_PKI_CRL_H

#include "pki.h"

/** An extension as it stands in a list. */
struct pki_extension {
    const char *oid; /* dotted */
    bool critical;
    const void *value; /* what the OCTET STRING holds */
    size_t len;
};

#define PKI_NO_REASON 0
#define PKI_REASON(code) ((code) + 1)

/** One entry. Zeroed fields give a good one; what is revoked is cert, or octets, or number. */
struct pki_revoked {
    const struct pki_cert *cert;
    const void *octets; /* INTEGER content octets, or with whole the TLV of the entry */
    size_t len;
    bool whole;
    uint64_t number;
    int reason;                          /* PKI_REASON(code) */
    long at_s;                           /* relative to base_s; 0 = an hour ago */
    const char *raw_at;                  /* as pki_params.raw_not_before */
    const struct pki_extension *further; /* more extensions */
    size_t further_count;
};

/** What to make. Zeroed fields give a good CRL of version 2 with number 1 and key identifier, and nothing revoked. */
struct pki_crl_params {
    const struct pki_cert *issuer; /* its name, key identifier and, unless there is a signer, its key */
    const struct pki_cert *signer;
    const struct pki_revoked *revoked;
    size_t revoked_count;
    bool empty_list;                     /* revokedCertificates there, and empty */
    int64_t base_s;                      /* seconds since 1970; 0 = now */
    long this_update_s, next_update_s;   /* relative to base_s; both 0 = an hour ago until in a week */
    const char *raw_this_update, *raw_next_update; /* as pki_params.raw_not_before */
    bool no_next_update;
    int version;       /* as written; 0 = the right one, 1 */
    bool zero_version; /* version 1 written down, which DER has no place for */
    bool no_version;   /* version 1: goes with no_extensions */
    uint64_t number;   /* CRL number; 0 = 1 */
    bool no_number, no_key_id, no_extensions;
    const struct pki_extension *further;
    size_t further_count;
    const void *raw_issuer; /* Name, whole TLV; NULL = the issuer's */
    size_t raw_issuer_len;
    bool sha384;       /* ecdsa-with-SHA384 */
    bool two_algorithms; /* the inner one says SHA-384 */
    bool corrupt_signature;
    size_t pad;        /* a non-critical extension of about so many octets, to make it long */
};

/** DER, malloc'ed. */
uint8_t *pki_crl(const struct pki_crl_params *params, size_t *len);
/** PEM, NUL-terminated, malloc'ed. */
char *pki_crl_pem(const uint8_t *der, size_t len);

#endif

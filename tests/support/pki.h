/*
 * pki.h - certificates for tests, made in memory with libcrypto: good ones in one call, and every kind of bad one.
 * Nothing here is for use outside the tests: a failure of libcrypto ends the process with a message.
 */
#ifndef TESTS_SUPPORT_PKI_H
#define TESTS_SUPPORT_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/** A certificate and its private key. Zeroed = empty. */
struct pki_cert {
    EVP_PKEY *key;
    X509 *x509;
};

enum pki_key { PKI_P256 = 0, PKI_P256_COMPRESSED, PKI_P256_EXPLICIT, PKI_P384, PKI_P521, PKI_K256, PKI_RSA2048, PKI_ED25519 };

/** GeneralName choices by their tag number. */
enum pki_name_type {
    PKI_OTHER = 0, /* value: DER of the OtherName's content */
    PKI_EMAIL = 1,
    PKI_DNS = 2,
    PKI_DIR = 4, /* value: DER Name; with len 0 the text of one organizationName */
    PKI_URI = 6,
    PKI_IP = 7,
    PKI_RID = 8
};

/** One GeneralName. len 0 = value is a C string (which may be ""); otherwise so many bytes, NULs included. */
struct pki_name {
    enum pki_name_type type;
    const void *value;
    size_t len;
};

enum { PKI_EKU_CLIENT = 1, PKI_EKU_SERVER = 2, PKI_EKU_ANY = 4, PKI_EKU_OTHER = 8 };

/** What to make. Zeroed fields give a good P-256 leaf; lists end at their count. */
struct pki_params {
    const char *cn;  /* subject CN; NULL = "test"; "" = empty subject */
    const char *org; /* organizationName before the CN; NULL = none */
    const char *email; /* emailAddress in the subject; NULL = none */
    const struct pki_cert *issuer; /* NULL = self-signed */
    const char *issuer_cn;         /* with issuer: another issuer name than the issuer's subject; NULL = the right one */
    enum pki_key key;
    const struct pki_cert *reuse_key; /* take this key pair; NULL = a fresh one */

    const struct pki_name *san;
    size_t san_count;
    bool empty_san; /* a SAN extension with no name in it */

    bool is_ca;
    bool has_path_len;
    int path_len;
    bool no_basic_constraints; /* with is_ca: leave the extension out */
    uint16_t key_usage;        /* first bit is 0x8000; 0 = digitalSignature, and keyCertSign, cRLSign for a CA */
    bool no_key_usage;
    int eku; /* PKI_EKU_...; 0 = no extension */

    const struct pki_name *permitted, *excluded;
    size_t permitted_count, excluded_count;
    int constraint_minimum; /* written into every subtree when not 0 */
    int constraint_maximum; /* the same */

    long not_before_s, not_after_s; /* relative to base_s; both 0 = an hour ago until in a year */
    int64_t base_s;                 /* seconds since 1970; 0 = now */
    const char *digest;             /* NULL = "SHA256" */
    bool unknown_critical;          /* a critical extension that nobody knows */
    bool corrupt_signature;
    bool long_signature;  /* an octet behind it */
    bool padded_signature; /* two needless zeros before r */
    bool no_signature;    /* two octets in its place */
    bool other_signature; /* n - s in place of s: as valid as the one made */
    bool point_off_curve; /* the certificate's public key only: cert.key stays good */
    bool version_1;       /* v1 without extensions */
    bool negative_serial;
    bool zero_serial;
    bool long_serial;     /* 21 octets */
    bool repeat_san;      /* the SAN extension twice */
    bool repeat_key_usage;
    const char *raw_not_before, *raw_not_after; /* as written, behind "U" for a UTCTime or "G" for a GeneralizedTime; NULL = none */
};

/** Make one certificate. */
struct pki_cert pki_make(const struct pki_params *params);
void pki_cert_free(struct pki_cert *cert);

/** DER of the certificate, malloc'ed. */
uint8_t *pki_der(const struct pki_cert *cert, size_t *len);
/** DER SubjectPublicKeyInfo, malloc'ed. */
uint8_t *pki_spki(const struct pki_cert *cert, size_t *len);
/** PEM of certificates one behind the other, NUL-terminated, malloc'ed. */
char *pki_chain_pem(const struct pki_cert *const *certs, size_t count);
/** PKCS#8 PEM of the private key, not encrypted, NUL-terminated, malloc'ed. */
char *pki_key_pem(const struct pki_cert *cert);

/**
 * A whole small PKI: root, issuing CA (name constraints: URI and DNS m2m.example.org and below), AE leaf, CSE leaf.
 */
struct pki_simple {
    struct pki_cert root, ca, ae, cse;
};

/**
 * @param ae_id    URI SAN of the AE leaf, e.g. "//m2m.example.org/in1/Cmeter"; NULL = no such leaf
 * @param cse_dns  dNSName of the CSE leaf, e.g. "in1.m2m.example.org"; NULL = no such leaf
 */
struct pki_simple pki_simple_make(const char *ae_id, const char *cse_dns);
void pki_simple_free(struct pki_simple *pki);
/** PEM of leaf and issuing CA, as a credential carries them; malloc'ed. @param leaf  &pki->ae, &pki->cse or another of this CA */
char *pki_simple_chain(const struct pki_simple *pki, const struct pki_cert *leaf);
/** PEM of the root: the trust anchor; malloc'ed. */
char *pki_simple_trust(const struct pki_simple *pki);

#endif

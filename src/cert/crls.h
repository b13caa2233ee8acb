/*
 * crls.h - a set of CRLs from within. The handshake reaches the check through the head of it, so that a device without CRLs links
 * none of it.
 */
#ifndef ESCERTKE_CERT_CRLS_H
#define ESCERTKE_CERT_CRLS_H

#include <escertke/crl.h>

#include <stdatomic.h>

/** One CRL of a set. */
struct esc_crl {
    escertke_crl crl;
    escertke_buf der;      /* what crl borrows from */
    uint32_t *index;       /* esc_crl_index */
    size_t file, position; /* where it was: 1... */
    bool verified;         /* when it was loaded, by a certificate known then; the rest only if so */
    escertke_buf spki;     /* that certificate's SubjectPublicKeyInfo */
    uint8_t key[32];       /* SHA-256 of it */
    uint8_t subject[32];   /* SHA-256 of that certificate's subject; equal to issuer but for its spelling */
    uint8_t issuer[32];    /* SHA-256 of the CRL's issuer; of every CRL */
};

struct escertke_crls {
    atomic_uint holders;
    escertke_err (*check_path)(const escertke_crls *c, const escertke_span *path, size_t count, int64_t unix_s, int *alert,
                               escertke_detail *d);
    escertke_ecdsa_verify_fn verify;
    bool require;
    size_t count;
    struct esc_crl *list; /* in the order of the files */
};

/** Of two CRLs of one issuer and key, @p a standing behind @p b: does @p a count? By thisUpdate, then number, then place. */
bool esc_crl_supersedes(const struct esc_crl *a, const struct esc_crl *b);
void esc_crl_free(struct esc_crl *x);
/** "CRL of CN=Root", cut. */
void esc_crl_text(escertke_span issuer, char *out, size_t cap);
#define ESC_CRL_TEXT 160

#endif

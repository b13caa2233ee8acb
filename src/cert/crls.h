/*
 * crls.h - the head of a set of CRLs. The handshake reaches the check through it, so that a device without CRLs links none of it.
 */
#ifndef ESCERTKE_CERT_CRLS_H
#define ESCERTKE_CERT_CRLS_H

#include <escertke/crl.h>

#include <stdatomic.h>

struct escertke_crls {
    atomic_uint holders;
    escertke_err (*check_path)(const escertke_crls *c, const escertke_span *path, size_t count, int64_t unix_s, int *alert,
                               escertke_detail *d);
};

#endif

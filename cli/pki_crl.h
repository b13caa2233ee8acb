/* pki_crl.h - making the CRL of one CA (RFC 5280 5) from what the PKI's database says. */
#ifndef ESCERTKE_CLI_PKI_CRL_H
#define ESCERTKE_CLI_PKI_CRL_H

#include <openssl/x509.h>

#include "pki.h"
#include "pki_db.h"

/** The root's key is off-line most of the time: its CRL is made for so long, and kept as DIR/root.crl. */
#define PKI_ROOT_CRL_DAYS 365

/** A reason by its word in RFC 5280 5.3.1, "keyCompromise"; -1: no such word, or one that no full CRL has. */
int pki_reason_parse(const char *word);
/** The words, separated by ", ". Static storage. */
const char *pki_reason_words(void);

struct pki_crl {
    X509_CRL *list;
    json_int_t number;
    size_t entries;
    int64_t next_update;
};

/**
 * New CRL with the next number of a CA, which is on the disk when this returns.
 * A certificate that has expired is on one more list and then on none (RFC 5280 3.3).
 * @param out  free out->list  @return OK, BACKEND, IO, NOMEM
 */
ESCERTKE_CHECKED escertke_err pki_crl_make(const struct pki_pair *ca, enum pki_ca place, struct pki_db *db, long days,
                                           struct pki_crl *out, escertke_detail *d);
/** Write CRLs in PEM (a NULL ends the list), mode 0644, in place of what is there. @return OK, BACKEND, IO */
ESCERTKE_CHECKED escertke_err pki_crl_write(const char *path, X509_CRL *const *lists, escertke_detail *d);

#endif

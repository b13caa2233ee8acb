/*
 * pki_db.h - what the CAs of a PKI folder have issued and revoked, and their CRL numbers: the file DIR/issued.
 * A line of JSON per event, only ever appended and synchronised, so that a crash can cut the last line at most; that one was
 * never acknowledged and goes with the next opening. One process at a time: the file is locked while it is open.
 */
#ifndef ESCERTKE_CLI_PKI_DB_H
#define ESCERTKE_CLI_PKI_DB_H

#include <escertke/base.h>
#include <jansson.h>
#include <openssl/x509.h>

/** CAs that may stand in a folder, NAME.crt and NAME.key: the root, the issuing CA, that for names without a host. */
enum pki_ca { PKI_ROOT, PKI_ISSUING, PKI_NODES, PKI_CAS };
extern const char *const pki_ca_names[PKI_CAS]; /* "root", "ca", "nodes" */

/** Serial number in hex, upper case, without leading zeros: 20 octets of it at most are kept. */
#define PKI_SERIAL_MAX 40u

struct pki_db {
    int fd;
    const char *path; /* for words; lives as long as the db */
    json_t *certs;    /* "CA SERIAL" -> last event of it, "expires" and "name" kept from the first */
    struct pki_crl_state {
        json_int_t number; /* of the last CRL, 0 = none yet */
        int64_t at;        /* when it was made */
        bool changed;      /* something was revoked or released since */
    } crls[PKI_CAS];
};

/**
 * Open, lock and read, making the file if there is none; waits for another process up to 30 s.
 * @return OK, IO (also: locked by another process), STORE (a line that is not ours), NOMEM. pki_db_close in any case
 */
ESCERTKE_CHECKED escertke_err pki_db_open(const char *dir, struct pki_db *db, escertke_detail *d);
void pki_db_close(struct pki_db *db);

/** A certificate was made. @return OK, IO, NOMEM */
ESCERTKE_CHECKED escertke_err pki_db_add_issued(struct pki_db *db, enum pki_ca ca, X509 *cert, const char *name,
                                                escertke_detail *d);
/** It is revoked for this reason (a word of RFC 5280), or no longer on hold. @p entry: expires and name are copied from it. */
ESCERTKE_CHECKED escertke_err pki_db_add_revoked(struct pki_db *db, enum pki_ca ca, const char *serial, const char *reason,
                                                 json_t *entry, escertke_detail *d);
ESCERTKE_CHECKED escertke_err pki_db_add_released(struct pki_db *db, enum pki_ca ca, const char *serial, escertke_detail *d);
/** The next CRL number of a CA, written down before the CRL is given out. */
ESCERTKE_CHECKED escertke_err pki_db_next_crl(struct pki_db *db, enum pki_ca ca, int64_t now_s, json_int_t *number,
                                              escertke_detail *d);

/** Last event of a certificate, borrowed; NULL: not known. */
json_t *pki_db_find(const struct pki_db *db, enum pki_ca ca, const char *serial);
/** Is that event a revocation? */
bool pki_db_is_revoked(const json_t *entry);
/** "CA SERIAL" of pki_db.certs taken apart; false if it is another CA's. */
bool pki_db_key(const char *key, enum pki_ca ca, const char **serial);
/** Seconds since 1970 of a member such as "at"; 0 if there is none. */
int64_t pki_db_time(const json_t *entry, const char *member);

/** An entry for a certificate that is not in the db; NULL = out of memory. */
json_t *pki_db_new_entry(X509 *cert, const char *name);
/** Serial number as text. False if it is negative or too long. */
bool pki_serial_text(const X509 *cert, char out[PKI_SERIAL_MAX + 1]);

#endif

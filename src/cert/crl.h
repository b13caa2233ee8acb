/* crl.h - entries of a CRL, and where a serial number stands among them. */
#ifndef ESCERTKE_CERT_CRL_H
#define ESCERTKE_CERT_CRL_H

#include <escertke/crl.h>

#include "cert/der.h"

/** No RFC 5280 serial number has more content octets. */
#define ESC_SERIAL_MAX 20u

enum { ESC_REASON_NONE = -1, ESC_REASON_HOLD = 6, ESC_REASON_REMOVE = 8, ESC_REASON_LAST = 10 };

struct esc_crl_entry {
    escertke_span serial; /* INTEGER content octets */
    int64_t revoked_s;
    int reason; /* CRLReason, or ESC_REASON_NONE */
    bool has_extensions;
    const char *unsupported; /* what it says that cannot be judged here, though well-formed; NULL = nothing */
};

/** One entry of revokedCertificates. @return NULL, or what is malformed. @spec RFC 5280 5.1.2.6, 5.3 */
const char *esc_crl_entry_read(struct der *r, struct esc_crl_entry *e);
/** "keyCompromise"...; "no reason given". Static storage. */
const char *esc_crl_reason_name(int reason);

/** Order of two minimal INTEGERs that are not negative: the longer one is the greater. None at all is less than any. */
int esc_number_compare(escertke_span a, escertke_span b);

/**
 * The entries in the order of their serial numbers, as offsets into crl->revoked; release with esc_release. For CRLs that
 * escertke_crl_parse accepts. @return OK (@p out NULL if nothing is revoked), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_crl_index(const escertke_crl *crl, uint32_t **out);
/** The entry with that serial number (INTEGER content octets); false = there is none. */
bool esc_crl_find(const escertke_crl *crl, const uint32_t *index, escertke_span serial, struct esc_crl_entry *out);

#endif

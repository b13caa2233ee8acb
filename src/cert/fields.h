/* fields.h - what certificates and CRLs are both made of (RFC 5280 4.1, 5.1), taken apart. Errors are false. */
#ifndef ESCERTKE_CERT_FIELDS_H
#define ESCERTKE_CERT_FIELDS_H

#include <escertke/base.h>

#include "cert/der.h"

/** More extensions than that are no CA's: they are an attempt to make us compare long. */
#define ESC_EXTENSIONS_MAX 32u

/** A body, an algorithm and a signature over the body, in one SEQUENCE. */
struct esc_signed {
    struct der_tlv body;
    escertke_span algorithm; /* as esc_algorithm gives it */
    escertke_span signature; /* BIT STRING content without the unused-bits octet, which is 0 */
};

ESCERTKE_CHECKED bool esc_signed(escertke_span der, struct esc_signed *out);
/** AlgorithmIdentifier: an OID and at most one element of parameters; @p content is what stands in its SEQUENCE. */
ESCERTKE_CHECKED bool esc_algorithm(struct der *r, escertke_span *content);
/** ecdsa-with-SHA256, without parameters? */
bool esc_is_ecdsa_sha256(escertke_span algorithm);
/** A Name that esc_dn_valid accepts, whole TLV. */
ESCERTKE_CHECKED bool esc_name_field(struct der *r, escertke_span *name);
/** The same name, as esc_dn_within compares (RFC 5280 7.1, without folding of spaces). */
bool esc_name_equal(escertke_span a, escertke_span b);

struct esc_extension {
    escertke_span oid, value; /* content of the OBJECT IDENTIFIER and of the OCTET STRING */
    bool critical;
};

/** Walk over a list of extensions. */
struct esc_extensions {
    struct der at;
    escertke_span seen[ESC_EXTENSIONS_MAX];
    size_t count;
    const char *wrong; /* what is malformed; NULL = nothing so far */
};

/** @p list: the SEQUENCE OF Extension, whole TLV. */
struct esc_extensions esc_extensions(escertke_span list);
/** Next extension, one that was not there before; false at the end, or with wrong set. */
bool esc_extensions_next(struct esc_extensions *w, struct esc_extension *out);

#endif

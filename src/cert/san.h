/* san.h - the subjectAltName of a leaf: what may stand in it, and whether it holds an identity. */
#ifndef ESCERTKE_CERT_SAN_H
#define ESCERTKE_CERT_SAN_H

#include <escertke/cert.h>

#include "cert/names.h"

/**
 * Syntax of a leaf's names: no wildcard in a dNSName or URI, every dNSName a domain name without final dot or empty label.
 * @return OK, PROFILE (wildcard), CERT. @spec R-ID-60; RFC 5280 4.2.1.6
 */
ESCERTKE_CHECKED escertke_err esc_san_check(const escertke_cert *leaf, escertke_detail *d);
/** The identity match alone, for a leaf that esc_san_check accepted. @return OK, IDENTITY, UNSUPPORTED, ARG */
ESCERTKE_CHECKED escertke_err esc_san_match(const escertke_cert *leaf, const escertke_expect *expect, escertke_detail *d);
/** Does the leaf have a URI with a host, as an AE-ID certificate has? */
bool esc_san_names_ae(const escertke_cert *leaf);
/** "URI", "DNS", "otherName"...: how a type of name is called to people. Static storage. */
const char *esc_name_kind(uint8_t type);
/** One name for people, without its type, cut to cap; "" for types that nobody uses. */
void esc_name_text(const struct esc_name *name, char *out, size_t cap);
/** The names for people, "URI://sp/in1/Cx, DNS:in1.sp", cut to cap; "no subjectAltName" if there is none. */
void esc_san_text(const escertke_cert *cert, char *out, size_t cap);
/**
 * The names of some types (ESC_NAMES_OF) out of a list, "URI //sp/in1/Cx, URI //sp/in1/Cy, and 12 more": whole names as far as
 * there is room. @return how many there are of these types
 */
size_t esc_names_text(escertke_span san, unsigned types, char *out, size_t cap);

#endif

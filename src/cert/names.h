/* names.h - the names a certificate can carry: distinguished names, GeneralNames, domain names, URI hosts. */
#ifndef ESCERTKE_CERT_NAMES_H
#define ESCERTKE_CERT_NAMES_H

#include <escertke/base.h>

#include "cert/der.h"

/** GeneralName choices by their tag number (RFC 5280 4.2.1.6). */
enum {
    NAME_OTHER = 0,
    NAME_EMAIL = 1,
    NAME_DNS = 2,
    NAME_X400 = 3,
    NAME_DIRECTORY = 4,
    NAME_EDI = 5,
    NAME_URI = 6,
    NAME_IP = 7,
    NAME_REGISTERED_ID = 8,
};

struct esc_name {
    uint8_t type;
    escertke_span value; /* text or octets; for a directoryName the Name, whole TLV */
};

/**
 * Read one GeneralName. Refuses a wrong form for the type, text that is not printable ASCII (so no NUL), a malformed
 * otherName, directoryName or registeredID. What an otherName's value says is left to those who want it; the length of an
 * iPAddress is the caller's: it differs between names and constraints.
 */
ESCERTKE_CHECKED bool esc_general_name(struct der *r, struct esc_name *out);

/** Is this a Name: SEQUENCE OF SET OF SEQUENCE { OID, value }? @p name is the whole TLV. */
ESCERTKE_CHECKED bool esc_dn_valid(escertke_span name);
/** No RDN in it. For valid names. */
bool esc_dn_empty(escertke_span name);
/**
 * Does @p name start with all RDNs of @p base? Attribute values are compared as octets; text also across its string
 * types and ASCII case (RFC 5280 7.1, without folding of spaces). For valid names.
 */
bool esc_dn_within(escertke_span name, escertke_span base);
/** Value of the next attribute of this type from *@p at (start with 0) on; false = no more. For valid names. */
bool esc_dn_find(escertke_span name, escertke_span oid, size_t *at, escertke_span *value);

/**
 * The name for people, "O=Example, CN=meter", attributes in their order; commas and quotes in values stand behind a backslash, so
 * that no value can look like a further attribute. Cut to cap; "" for an empty name. For valid names.
 */
void esc_dn_text(escertke_span name, char *out, size_t cap);
/** Printable copy of untrusted text in which @p special characters and backslashes stand behind a backslash. Cut to cap. */
void esc_escape(escertke_span text, const char *special, char *out, size_t cap);

/** Same text, ASCII letters of either case. */
bool esc_text_equal(escertke_span a, escertke_span b);
/** Is @p text one or more labels of 1...63 letters, digits, "-" or "_", joined by single dots, 253 at most? */
bool esc_domain_valid(escertke_span text);
/** Length of "scheme:" in front of a URI; 0 = none. */
size_t esc_uri_scheme_len(escertke_span uri);
/**
 * Host of "//host[:port][/...]" or "scheme://host[:port]...": a domain name. False when there is none, when it is an IP address,
 * or when the authority has user information, where two readers might find two hosts.
 */
bool esc_uri_host(escertke_span uri, escertke_span *host);

#endif

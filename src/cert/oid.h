/* oid.h - object identifiers: dotted text, base-128 content, and the otherName that holds a hardware instance identifier.
 */
#ifndef ESCERTKE_CERT_OID_H
#define ESCERTKE_CERT_OID_H

#include <escertke/base.h>

/** Content octets; no dotted text of ESCERTKE_ID_MAX characters needs more. */
#define OID_MAX 256u

struct esc_oid {
    uint8_t octets[OID_MAX];
    size_t len;
};

/**
 * "0.2.481.1" as content of an OBJECT IDENTIFIER: two arcs at least, the first 0...2, the second below 40 unless the first is 2.
 * Arcs are canonical decimal of 39 digits at most (a UUID's): no sign, no leading zero, none empty. @p out is undefined on false.
 */
ESCERTKE_CHECKED bool esc_oid_parse(escertke_span text, struct esc_oid *out);
/** Append the arcs of "100.3030.10011" as content of a RELATIVE-OID; the same rules. */
ESCERTKE_CHECKED bool esc_oid_add_arcs(struct esc_oid *o, escertke_span text);
/** Is the OID @p name the OID @p base or one below it? For valid content, whose prefixes always end at an arc. */
bool esc_oid_within(escertke_span name, escertke_span base);
/** Valid content as dotted text, cut to nothing if it needs more than cap. @p relative: of a RELATIVE-OID. */
void esc_oid_text(escertke_span content, bool relative, char *out, size_t cap);

/** An otherName taken apart. */
struct esc_other {
    escertke_span type_id; /* OID content, valid */
    uint8_t tag;           /* of the value, which stands in [0] EXPLICIT */
    escertke_span value;   /* its content, of any form */
};

/** Content of an otherName: a type-id and one value, nothing else. @spec RFC 5280 4.2.1.6 */
ESCERTKE_CHECKED bool esc_other_read(escertke_span content, struct esc_other *out);
/**
 * The whole OID of a hardware instance identifier: type-id and the arcs behind it, whichever of the three encodings holds them
 * (RELATIVE-OID, OBJECT IDENTIFIER of the whole, UTF8String of the arcs). False for any other otherName.
 */
ESCERTKE_CHECKED bool esc_other_oid(const struct esc_other *other, struct esc_oid *out);
/** An otherName as san=... would name it, "0.2.481.1:100.3030.10011", or its type-id alone. For content that esc_other_read
 * accepts. */
void esc_other_text(escertke_span content, char *out, size_t cap);

#endif

/* constraints.h - name constraints of all CAs of a path against the names of all certificates below each (RFC 5280 4.2.1.10). */
#ifndef ESCERTKE_CERT_CONSTRAINTS_H
#define ESCERTKE_CERT_CONSTRAINTS_H

#include <escertke/cert.h>

/** More subtrees in one CA, more names in one certificate, or more comparisons on a path are refused. */
#define SUBTREES_MAX 64u
#define NAMES_MAX 256u
#define COMPARISONS_MAX (SUBTREES_MAX * NAMES_MAX)

/**
 * @param certs  the path as parsed, leaf first
 * @return OK, CERT (violated, malformed, a form that cannot be evaluated, or too much work). @spec
 */
ESCERTKE_CHECKED escertke_err esc_constraints_check(const escertke_cert *certs, size_t count, escertke_detail *d);

/**
 * The permitted or excluded subtrees of a CA for people, "URI m2m.example.org, DNS .example.org"; "" if there are none. For a CA
 * that has name constraints. False if they cannot be read. @p out holds at least 32 characters.
 */
ESCERTKE_CHECKED bool esc_constraints_text(const escertke_cert *ca, bool excluded, char *out, size_t cap);

/** Does a CA that has name constraints say which URIs are permitted below it? True also where they cannot be read. */
bool esc_constraints_permit_uris(const escertke_cert *ca);

#endif

/* token.h - the character rules that identifiers and addresses share (TS-0001 7.2, TS-0004 6.2.3; A-69). */
#ifndef ESCERTKE_M2M_TOKEN_H
#define ESCERTKE_M2M_TOKEN_H

#include <escertke/base.h>

/** "//" and a domain name: lower-case letters, digits, "-" inside a label, labels of 1 to 63 characters. */
bool esc_sp_valid(escertke_span sp);

/**
 * One component of an identifier: at least one RFC 3986 unreserved character and nothing else. The path shortcuts
 * "-", "_", "~", "." and ".." name no entity and are refused.
 */
bool esc_token_valid(escertke_span token);

/** Only RFC 3986 unreserved characters, at least one. */
bool esc_unreserved(escertke_span text);

/** Cut @p rest at the first "/": what stands before it is returned, @p rest keeps the "/" and what follows. */
escertke_span esc_token_next(escertke_span *rest);

/** Does the span spell this C string? */
bool esc_token_is(escertke_span token, const char *text);

#endif

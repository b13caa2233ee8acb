/* token.h - a private key that is named by a "pkcs11:" URI in place of a file, and its PIN: what the command says of them. */
#ifndef ESCERTKE_CLI_TOKEN_H
#define ESCERTKE_CLI_TOKEN_H

#include <escertke/base.h>

/** A "pkcs11:" URI? NULL is none. */
bool token_is(const char *key);
/** The key as it may be shown: a file's name whole, a URI without its query, where a PIN may stand. */
void token_show(const char *key, char *out, size_t cap);
/**
 * Does the URI read as one, and does the PIN come from one place? Said before anything is opened.
 * @return OK, CONFIG (the reason holds no PIN), NOMEM
 */
ESCERTKE_CHECKED escertke_err token_check(const char *key, const char *pin_file, escertke_detail *d);
/**
 * The PIN in @p pin_file, or "" without one.
 * @param pin  TOKEN_PIN_CAP characters, to be wiped by the caller
 * @return OK, CREDENTIAL
 */
#define TOKEN_PIN_CAP 256u
ESCERTKE_CHECKED escertke_err token_pin(const char *pin_file, char *pin, escertke_detail *d);
/** Words on stderr about a PIN that others may see: in the URI itself, or in a file that they may read. */
void token_warn(const char *key, const char *pin_file);

#endif

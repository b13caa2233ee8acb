/* token_uri.h - a "pkcs11:" URI (RFC 7512) as it is configured, taken apart: what names the key, and what must not be shown. */
#ifndef ESCERTKE_TLS_TOKEN_URI_H
#define ESCERTKE_TLS_TOKEN_URI_H

#include <escertke/base.h>

/** Longest URI that is read, in characters; longest PIN, in octets. */
#define ESC_TOKEN_URI_MAX 2048u
#define ESC_TOKEN_PIN_MAX 255u

/** The parts of a URI; what it does not have is NULL. */
struct esc_token_uri {
    char *name;     /* the path attributes alone, "pkcs11:token=...;object=...": may be shown */
    char *pin;      /* pin-value, decoded */
    char *pin_file; /* pin-source: absolute path of a file */
    char *module;   /* module-path: absolute path of a PKCS#11 module */
};

/** Does it begin with "pkcs11:"? NULL does not. */
bool esc_token_uri_is(const char *text);
/**
 * Take a URI apart. It must name a private key: by object or id, or both, and with type=private if it says a type.
 * @param out  to be freed in any case
 * @return OK, CREDENTIAL (the reason shows no value of the query), NOMEM
 * @spec RFC 7512 2.3, 2.4
 */
ESCERTKE_CHECKED escertke_err esc_token_uri_parse(const char *text, struct esc_token_uri *out, escertke_detail *d);
/** Wipes the PIN. */
void esc_token_uri_free(struct esc_token_uri *uri);
/** Value of a path attribute, decoded, NUL-terminated, cut to cap - 1; false if the URI does not have it. */
bool esc_token_uri_get(const char *uri, const char *attribute, char *out, size_t cap);
/** Do the attributes by which a token is known (token, manufacturer, serial, model), as far as the URI has them, say this token?
 */
bool esc_token_uri_fits(const char *uri, const char *token_uri);
/** The token's URI with the other attributes of @p uri behind it; NULL when out of memory. Release it with esc_release. */
char *esc_token_uri_narrow(const char *uri, const char *token_uri);
/**
 * The first line of a PIN file, without its line end. @param pin  ESC_TOKEN_PIN_MAX + 1 characters, to be wiped by the caller
 * @return OK, CREDENTIAL (not readable, empty, too long)
 */
ESCERTKE_CHECKED escertke_err esc_token_read_pin(const char *path, char *pin, escertke_detail *d);

#endif

#include "token.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "files.h"
#include "out.h"
#include "tls/token_uri.h"

_Static_assert(TOKEN_PIN_CAP == ESC_TOKEN_PIN_MAX + 1, "a PIN and its NUL");

bool token_is(const char *key)
{
    return esc_token_uri_is(key);
}

void token_show(const char *key, char *out, size_t cap)
{
    size_t len = token_is(key) ? strcspn(key, "?") : strlen(key);

    esc_printable((escertke_span){ (const uint8_t *)key, len }, out, cap);
}

escertke_err token_check(const char *key, const char *pin_file, escertke_detail *d)
{
    struct esc_token_uri uri;
    escertke_detail why;

    if (!token_is(key))
        return pin_file ? esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--pin-file goes with a key in a token (--key pkcs11:...) only")
                        : ESCERTKE_OK;
    escertke_detail_init(&why);
    escertke_err err = esc_token_uri_parse(key, &uri, &why);
    if (err == ESCERTKE_ERR_CREDENTIAL)
        err = esc_fail(d, ESCERTKE_ERR_CONFIG, why.clause, "%s", why.reason);
    if (err == ESCERTKE_OK && pin_file && (uri.pin || uri.pin_file))
        err = esc_fail(d, ESCERTKE_ERR_CONFIG, "RFC 7512",
                       "the PIN is given by --pin-file and in the URI of the key; one is expected");
    esc_token_uri_free(&uri);
    return err;
}

escertke_err token_pin(const char *pin_file, char *pin, escertke_detail *d)
{
    pin[0] = '\0';
    return pin_file ? esc_token_read_pin(pin_file, pin, d) : ESCERTKE_OK;
}

void token_warn(const char *key, const char *pin_file)
{
    struct esc_token_uri uri;

    if (esc_token_uri_parse(key, &uri, NULL) == ESCERTKE_OK) {
        const char *file = pin_file ? pin_file : uri.pin_file;
        if (uri.pin)
            out_words("warning: the PIN stands in the key's URI, where others see it: in the list of processes, or in the "
                      "configuration; --pin-file FILE keeps it from them");
        if (file && file_is_open_to_others(file))
            out_words("warning: the PIN file %s can be read by others; chmod 600 mends it", file);
    }
    esc_token_uri_free(&uri);
}

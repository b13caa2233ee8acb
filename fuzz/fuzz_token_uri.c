/*
 * "pkcs11:" URIs (RFC 7512), as somebody configures them: the first line of the input is one of a key, the second what a token
 * says of itself. What is taken has no PIN in the name that may be shown, and is found in itself; what is refused has a reason
 * that does not show the PIN either.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tls/token_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_parts(const struct esc_token_uri *uri)
{
    must(esc_token_uri_is(uri->name) && !strchr(uri->name, '?') && strlen(uri->name) <= ESC_TOKEN_URI_MAX);
    must(!uri->pin || !uri->pin_file);
    must(!uri->pin || (uri->pin[0] && strlen(uri->pin) <= ESC_TOKEN_PIN_MAX));
    must(!uri->pin_file || uri->pin_file[0] == '/');
    must(!uri->module || uri->module[0] == '/');
}

static void check_name(const char *name)
{
    struct esc_token_uri again;
    char object[16], id[16];

    must(esc_token_uri_fits(name, name));
    must(esc_token_uri_parse(name, &again, NULL) == ESCERTKE_OK);
    must(strcmp(again.name, name) == 0 && !again.pin && !again.pin_file && !again.module);
    must(esc_token_uri_get(name, "object", object, sizeof object) || esc_token_uri_get(name, "id", id, sizeof id));
    esc_token_uri_free(&again);
}

/* Of a token that fits, the narrowed URI names the same key. */
static void check_token(const char *name, const char *token)
{
    struct esc_token_uri of_token, narrow;

    if (esc_token_uri_parse(token, &of_token, NULL) == ESCERTKE_OK && esc_token_uri_fits(name, of_token.name)) {
        char *text = esc_token_uri_narrow(name, of_token.name);
        must(text != NULL && strncmp(text, of_token.name, strlen(of_token.name)) == 0);
        if (strlen(text) <= ESC_TOKEN_URI_MAX && esc_token_uri_parse(text, &narrow, NULL) == ESCERTKE_OK)
            must(esc_token_uri_fits(narrow.name, of_token.name));
        else
            esc_token_uri_free(&narrow);
        esc_token_uri_free(&narrow);
        esc_release(text);
    }
    esc_token_uri_free(&of_token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct esc_token_uri uri;
    escertke_detail d;
    char *text = malloc(size + 1), *token;

    must(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if ((token = strchr(text, '\n')) != NULL)
        *token++ = '\0';
    escertke_detail_init(&d);
    escertke_err err = esc_token_uri_parse(text, &uri, &d);
    if (err == ESCERTKE_OK) {
        check_parts(&uri);
        check_name(uri.name);
        if (token)
            check_token(uri.name, token);
    } else {
        must(err == ESCERTKE_ERR_CREDENTIAL && d.err == err && d.reason[0]);
        must(!uri.pin || strlen(uri.pin) < 12 || !strstr(d.reason, uri.pin));
    }
    esc_token_uri_free(&uri);
    free(text);
    return 0;
}

#include "tls/token_uri.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"

#define CLAUSE "RFC 7512"
#define SCHEME "pkcs11:"

static const char *const path_attributes[] = { "token",
                                               "manufacturer",
                                               "serial",
                                               "model",
                                               "library-version",
                                               "library-manufacturer",
                                               "library-description",
                                               "slot-id",
                                               "slot-manufacturer",
                                               "slot-description",
                                               "object",
                                               "id",
                                               "type" };
enum { PATH_ATTRIBUTES = sizeof path_attributes / sizeof *path_attributes };

static escertke_err refuse(escertke_detail *d, const char *what)
{
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "the URI of the private key: %s", what);
}

bool esc_token_uri_is(const char *text)
{
    return text && strncasecmp(text, SCHEME, sizeof SCHEME - 1) == 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of a value, at *at; -1: broken escape. */
static int next_octet(const char *value, size_t len, size_t *at)
{
    if (value[*at] != '%')
        return (unsigned char)value[(*at)++];
    int high = len - *at >= 3 ? digit(value[*at + 1]) : -1, low = len - *at >= 3 ? digit(value[*at + 2]) : -1;
    *at += 3;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* All escapes good, and no NUL where a text is meant? */
static bool is_encoded(const char *value, size_t len, bool text)
{
    for (size_t at = 0; at < len;) {
        int octet = next_octet(value, len, &at);
        if (octet < 0 || (text && octet == 0))
            return false;
    }
    return true;
}

static void decode(const char *value, size_t len, char *out, size_t cap)
{
    size_t used = 0;

    for (size_t at = 0; at < len && used + 1 < cap;)
        out[used++] = (char)next_octet(value, len, &at);
    out[used] = '\0';
}

/* One "name=value" of a list; false at its end. A part without "=" has an empty name. */
struct part {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool next_part(const char **at, const char *end, char separator, struct part *p)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, separator, (size_t)(end - *at));
    if (!stop)
        stop = end;
    const char *equals = memchr(*at, '=', (size_t)(stop - *at));
    p->name = *at;
    p->name_len = equals ? (size_t)(equals - *at) : 0;
    p->value = equals ? equals + 1 : *at;
    p->value_len = (size_t)(stop - p->value);
    *at = stop < end ? stop + 1 : end;
    return true;
}

static bool is_named(const struct part *p, const char *name)
{
    return strlen(name) == p->name_len && memcmp(p->name, name, p->name_len) == 0;
}

static escertke_err check_path(const char *at, const char *end, escertke_detail *d)
{
    bool seen[PATH_ATTRIBUTES] = { false }, named = false;
    struct part p;

    while (next_part(&at, end, ';', &p)) {
        size_t i = 0;
        while (i < PATH_ATTRIBUTES && !is_named(&p, path_attributes[i]))
            i++;
        if (i == PATH_ATTRIBUTES && p.name_len >= 3 && strncmp(p.name, "pin", 3) == 0)
            return refuse(d, "pin-value and pin-source are expected behind a \"?\", not among the attributes before it");
        if (i == PATH_ATTRIBUTES)
            return esc_fail(
                d, ESCERTKE_ERR_CREDENTIAL, CLAUSE,
                "the URI of the private key: unknown attribute \"%.*s\"; expected token, serial, model, manufacturer, "
                "slot-..., library-..., object, id or type",
                (int)(p.name_len < 40 ? p.name_len : 40), p.name);
        if (seen[i])
            return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "the URI of the private key: \"%s\" stands in it twice",
                            path_attributes[i]);
        if (!is_encoded(p.value, p.value_len, !is_named(&p, "id")))
            return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE,
                            "the URI of the private key: the value of \"%s\" is badly encoded; "
                            "a \"%%\" and two hexadecimal digits are expected for what is no plain character",
                            path_attributes[i]);
        if (is_named(&p, "type") && (p.value_len != 7 || memcmp(p.value, "private", 7) != 0))
            return refuse(d, "type=private is expected");
        named = named || ((is_named(&p, "object") || is_named(&p, "id")) && p.value_len);
        seen[i] = true;
    }
    return named ? ESCERTKE_OK : refuse(d, "it names a token but no key; object=LABEL or id=%01... is expected");
}

static escertke_err take_text(const struct part *p, char **out, escertke_detail *d)
{
    if (*out || !p->value_len || !is_encoded(p->value, p->value_len, true))
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "the URI of the private key: %.*s is %s", (int)p->name_len, p->name,
                        *out           ? "in it twice"
                        : p->value_len ? "badly encoded"
                                       : "empty");
    if (!(*out = esc_alloc(p->value_len + 1)))
        return ESCERTKE_ERR_NOMEM;
    decode(p->value, p->value_len, *out, p->value_len + 1);
    return ESCERTKE_OK;
}

/* "file:/path", "file:///path" and "/path" become the path. */
static escertke_err take_path(const struct part *p, char **out, escertke_detail *d)
{
    escertke_err err = take_text(p, out, d);

    if (err != ESCERTKE_OK)
        return err;
    const char *from = strncasecmp(*out, "file:", 5) == 0 ? *out + 5 : *out;
    if (strncmp(from, "//", 2) == 0)
        from += 2;
    if (from[0] != '/')
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE,
                        "the URI of the private key: an absolute path of a file is expected as %.*s", (int)p->name_len, p->name);
    memmove(*out, from, strlen(from) + 1);
    return ESCERTKE_OK;
}

static escertke_err take_query(const char *at, const char *end, struct esc_token_uri *out, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;
    struct part p;

    while (err == ESCERTKE_OK && next_part(&at, end, '&', &p)) {
        if (is_named(&p, "pin-value"))
            err = take_text(&p, &out->pin, d);
        else if (is_named(&p, "pin-source"))
            err = take_path(&p, &out->pin_file, d);
        else if (is_named(&p, "module-path"))
            err = take_path(&p, &out->module, d);
        else
            err = refuse(d, "behind the \"?\" only pin-value, pin-source and module-path are expected");
    }
    if (err == ESCERTKE_OK && out->pin && out->pin_file)
        err = refuse(d, "it has both pin-value and pin-source; one of them is expected");
    if (err == ESCERTKE_OK && out->pin && strlen(out->pin) > ESC_TOKEN_PIN_MAX)
        err = refuse(d, "the PIN is longer than 255 octets");
    return err;
}

escertke_err esc_token_uri_parse(const char *text, struct esc_token_uri *out, escertke_detail *d)
{
    *out = (struct esc_token_uri){ NULL, NULL, NULL, NULL };
    if (!esc_token_uri_is(text))
        return refuse(d, "it does not begin with \"pkcs11:\"");
    size_t len = strlen(text), name_len = strcspn(text, "?");
    if (len > ESC_TOKEN_URI_MAX)
        return refuse(d, "it is longer than 2048 characters");
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return refuse(d, "it has a blank or a character beyond ASCII; these are written as \"%\" and two hexadecimal digits");
    escertke_err err = check_path(text + sizeof SCHEME - 1, text + name_len, d);
    if (err == ESCERTKE_OK && name_len < len)
        err = take_query(text + name_len + 1, text + len, out, d);
    if (err == ESCERTKE_OK && !(out->name = esc_strndup(text, name_len)))
        err = ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK)
        memcpy(out->name, SCHEME, sizeof SCHEME - 1); /* GnuTLS wants it in small letters */
    return err;
}

void esc_token_uri_free(struct esc_token_uri *uri)
{
    if (uri->pin)
        esc_release_wiped(uri->pin, strlen(uri->pin));
    esc_release(uri->name);
    esc_release(uri->pin_file);
    esc_release(uri->module);
    *uri = (struct esc_token_uri){ NULL, NULL, NULL, NULL };
}

bool esc_token_uri_get(const char *uri, const char *attribute, char *out, size_t cap)
{
    const char *at = uri + sizeof SCHEME - 1, *end = uri + strcspn(uri, "?");
    struct part p;

    while (next_part(&at, end, ';', &p))
        if (is_named(&p, attribute)) {
            decode(p.value, p.value_len, out, cap);
            return true;
        }
    return false;
}

static const char *const token_attributes[] = { "token", "manufacturer", "serial", "model" };
enum { TOKEN_ATTRIBUTES = sizeof token_attributes / sizeof *token_attributes };

bool esc_token_uri_fits(const char *uri, const char *token_uri)
{
    char wanted[ESC_TOKEN_URI_MAX + 1], found[ESC_TOKEN_URI_MAX + 1];

    for (size_t i = 0; i < TOKEN_ATTRIBUTES; i++)
        if (esc_token_uri_get(uri, token_attributes[i], wanted, sizeof wanted) &&
            (!esc_token_uri_get(token_uri, token_attributes[i], found, sizeof found) || strcmp(wanted, found) != 0))
            return false;
    return true;
}

char *esc_token_uri_narrow(const char *uri, const char *token_uri)
{
    const char *at = uri + sizeof SCHEME - 1, *end = uri + strcspn(uri, "?");
    size_t used = strlen(token_uri), cap = used + strlen(uri) + 2;
    char *out = esc_alloc(cap);
    struct part p;

    if (!out)
        return NULL;
    memcpy(out, token_uri, used + 1);
    while (next_part(&at, end, ';', &p)) {
        size_t i = 0;
        while (i < TOKEN_ATTRIBUTES && !is_named(&p, token_attributes[i]))
            i++;
        if (i == TOKEN_ATTRIBUTES)
            used += (size_t)snprintf(out + used, cap - used, ";%.*s=%.*s", (int)p.name_len, p.name, (int)p.value_len, p.value);
    }
    return out;
}

/* A line is at hand or it is not: a file that has more in its first 256 octets than a PIN is no PIN file. */
static escertke_err read_line(int fd, const char *path, char *line, escertke_detail *d)
{
    size_t len = 0;
    ssize_t n = 1;

    while (len <= ESC_TOKEN_PIN_MAX && n > 0 && !memchr(line, '\n', len)) {
        n = read(fd, line + len, ESC_TOKEN_PIN_MAX + 1 - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "the PIN file %s cannot be read: %s", path, strerror(errno));
        else
            len += (size_t)n;
    }
    char *end = memchr(line, '\n', len);
    if (end && end > line && end[-1] == '\r')
        end--;
    size_t used = end ? (size_t)(end - line) : len;
    if (used > ESC_TOKEN_PIN_MAX)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "the first line of the PIN file %s is longer than 255 octets", path);
    if (!used || memchr(line, '\0', used))
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "",
                        "the PIN file %s: its first line is expected to be the token's PIN, and %s", path,
                        used ? "it has a NUL in it" : "it is empty");
    line[used] = '\0';
    return ESCERTKE_OK;
}

escertke_err esc_token_read_pin(const char *path, char *pin, escertke_detail *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "the PIN file %s cannot be opened: %s", path, strerror(errno));
    escertke_err err = read_line(fd, path, pin, d);
    close(fd);
    if (err != ESCERTKE_OK)
        escertke_wipe(pin, ESC_TOKEN_PIN_MAX + 1);
    return err;
}

#include "binding/http_url.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static unsigned hex_value(char c)
{
    return (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool host_ok(const char *host, size_t len, bool v6)
{
    if (!len || len > ESCERTKE_ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool ok = v6 ? is_hex(host[i]) || host[i] == ':' || host[i] == '.' : is_alnum(host[i]) || strchr("-._", host[i]);
        if (!ok)
            return false;
    }
    return true;
}

/* Characters of RFC 3986 "pchar" besides letters, digits and percent-encoding. */
static bool is_path_mark(char c)
{
    return c && strchr("-._~!$&'()*+,;=:@", c);
}

static bool path_ok(const char *path)
{
    for (const char *p = path; *p; p++) {
        if (*p == '%' && (!is_hex(p[1]) || !is_hex(p[2])))
            return false;
        if (*p == '/' && (p[1] == '/' || !strncmp(p, "/../", 4) || !strcmp(p, "/..")))
            return false;
        if (*p != '%' && *p != '/' && !is_alnum(*p) && !is_path_mark(*p))
            return false;
    }
    return true;
}

/* ":8080" or nothing, up to the path. */
static bool read_port(const char *at, size_t len, struct esc_http_url *out)
{
    unsigned long port = 0;

    if (!len)
        return true;
    if (at[0] != ':' || len < 2 || len > 6)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_digit(at[i]))
            return false;
        port = port * 10 + (unsigned long)(at[i] - '0');
    }
    out->port = (uint16_t)port;
    out->port_given = true;
    return port <= UINT16_MAX;
}

static bool read_scheme(const char **at, const struct esc_url_schemes *schemes, struct esc_http_url *out)
{
    size_t plain = strlen(schemes->plain.text), tls = strlen(schemes->tls.text);

    out->https = strncmp(*at, schemes->tls.text, tls) == 0;
    if (!out->https && strncmp(*at, schemes->plain.text, plain) != 0)
        return false;
    out->port = out->https ? schemes->tls.port : schemes->plain.port;
    *at += out->https ? tls : plain;
    return true;
}

static const char *read_authority(const char *at, struct esc_http_url *out)
{
    size_t len = strcspn(at, "/");
    const char *end = at + len, *host = at, *host_end;

    if (*at == '[') {
        out->v6 = true;
        host = at + 1;
        host_end = memchr(host, ']', len - 1);
        if (!host_end)
            return NULL;
        at = host_end + 1;
    } else {
        host_end = memchr(host, ':', len);
        if (!host_end)
            host_end = end;
        at = host_end;
    }
    if (!host_ok(host, (size_t)(host_end - host), out->v6) || !read_port(at, (size_t)(end - at), out))
        return NULL;
    memcpy(out->host, host, (size_t)(host_end - host));
    return end;
}

escertke_err esc_url_parse(const char *text, const struct esc_url_schemes *schemes, struct esc_http_url *out, escertke_detail *d)
{
    const char *at = text;

    memset(out, 0, sizeof *out);
    if (!text || !*text)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "URL expected, found nothing");
    if (!read_scheme(&at, schemes, out))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "URL must begin with %s or %s: %.200s", schemes->plain.text, schemes->tls.text,
                        text);
    if (memchr(at, '@', strcspn(at, "/")))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "user information is not allowed in a URL");
    if (at[strcspn(at, "?#")])
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "query or fragment is not allowed in this URL: %.200s", text);
    at = read_authority(at, out);
    if (!at)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "host or port of the URL is not valid: %.200s", text);

    size_t len = strlen(at);
    if (len && at[len - 1] == '/')
        len--;
    if (len > ESCERTKE_ID_MAX || !path_ok(at))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "path of the URL is too long or not valid: %.200s", text);
    memcpy(out->path, at, len);
    return ESCERTKE_OK;
}

escertke_err esc_http_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d)
{
    static const struct esc_url_schemes schemes = { { "http://", 80 }, { "https://", 443 } };

    return esc_url_parse(text, &schemes, out, d);
}

escertke_err esc_http_url_authority(const struct esc_http_url *url, escertke_buf *out)
{
    char text[ESCERTKE_ID_MAX + 24], port[8] = "";

    if (url->port_given)
        snprintf(port, sizeof port, ":%u", (unsigned)url->port);
    int len = snprintf(text, sizeof text, "http%s://%s%s%s%s", url->https ? "s" : "", url->v6 ? "[" : "", url->host,
                       url->v6 ? "]" : "", port);
    return escertke_buf_append(out, text, (size_t)len);
}

escertke_err esc_http_percent_decode(escertke_span in, char *out, size_t cap)
{
    size_t to = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = (char)in.ptr[i];
        if (c == '%') {
            if (in.len - i < 3 || !is_hex((char)in.ptr[i + 1]) || !is_hex((char)in.ptr[i + 2]))
                return ESCERTKE_ERR_ARG;
            c = (char)(hex_value((char)in.ptr[i + 1]) << 4 | hex_value((char)in.ptr[i + 2]));
            i += 2;
        }
        if (c == '\0' || to + 1 >= cap)
            return ESCERTKE_ERR_ARG;
        out[to++] = c;
    }
    out[to] = '\0';
    return ESCERTKE_OK;
}

escertke_err esc_http_percent_encode(escertke_span in, escertke_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; i < in.len && err == ESCERTKE_OK; i++) {
        char c = (char)in.ptr[i];
        char escaped[3] = { '%', digits[in.ptr[i] >> 4], digits[in.ptr[i] & 15] };
        bool plain = c == '/' || is_alnum(c) || (is_path_mark(c) && c != '&');
        err = plain ? escertke_buf_append(out, &c, 1) : escertke_buf_append(out, escaped, sizeof escaped);
    }
    return err;
}

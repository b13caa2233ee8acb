/* http_url.h - the URLs of listeners, points of access and registrars, taken apart and checked; of HTTP and, by their schemes, of
 * others. */
#ifndef ESCERTKE_BINDING_HTTP_URL_H
#define ESCERTKE_BINDING_HTTP_URL_H

#include <escertke/base.h>

struct esc_http_url {
    bool https;
    bool v6; /* host is an IPv6 address and stands in brackets */
    bool port_given;
    uint16_t port;                  /* the scheme's own if none is given; 0 is accepted here and means "any free" to a listener */
    char host[ESCERTKE_ID_MAX + 1]; /* without brackets */
    char path[ESCERTKE_ID_MAX + 1]; /* as written, without a "/" at its end; "" = none */
};

/** The two schemes of a binding, without and with TLS, and their ports. */
struct esc_url_schemes {
    struct {
        const char *text; /* "http://" */
        uint16_t port;
    } plain, tls;
};

/** Parse SCHEME://HOST[:PORT][/path]; https says whether the scheme is the one with TLS. @return OK, ARG */
escertke_err esc_url_parse(const char *text, const struct esc_url_schemes *schemes, struct esc_http_url *out, escertke_detail *d);
/** Parse http(s)://HOST[:PORT][/path]. User information, a query or a fragment is refused. @return OK, ARG */
escertke_err esc_http_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d);

/** Append "http://host:port", the port only if it was given. @return OK, TOO_LARGE, NOMEM */
escertke_err esc_http_url_authority(const struct esc_http_url *url, escertke_buf *out);

/** Remove percent-encoding; @p out has room for cap characters and gets a NUL. @return OK, ARG (bad escape, NUL, too long) */
escertke_err esc_http_percent_decode(escertke_span in, char *out, size_t cap);

/** Append with every character encoded that may not stand in a path or in a list of a query. @return OK, TOO_LARGE, NOMEM */
escertke_err esc_http_percent_encode(escertke_span in, escertke_buf *out);

#endif

/* http_fetch.h - GET of a small text that is no oneM2M primitive. */
#ifndef ESCERTKE_BINDING_HTTP_FETCH_H
#define ESCERTKE_BINDING_HTTP_FETCH_H

#include <escertke/base.h>

/**
 * Append what the URL has, in 10 seconds; no redirects, no proxies.
 * @return OK (status 200), HTTP (another), UNREACHABLE, TOO_LARGE (past the buffer's max), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_http_fetch(const char *url, escertke_buf *out, escertke_detail *d);

#endif

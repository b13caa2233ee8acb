/* http_pages.h - a small HTTP server for pages of text, made when they are asked for: metrics, health. GET and HEAD alone. */
#ifndef ESCERTKE_BINDING_HTTP_PAGES_H
#define ESCERTKE_BINDING_HTTP_PAGES_H

#include <escertke/base.h>

/** A page to be filled; status 404 and an empty body until then. */
struct esc_http_page {
    int status;
    const char *type; /* Content-Type; static storage */
    escertke_buf body;
};

/** Fill the page at @p path, percent-encoding removed, without a query. Called one at a time, from the server's only event loop.
 */
typedef void (*esc_http_page_fn)(void *ctx, const char *path, struct esc_http_page *page);

struct esc_http_pages_config {
    const char *listen; /* http://HOST:PORT[/path]; the path is for esc_http_pages_url alone */
    int listen_fd;      /* > 0: listens there already; closed by the server in any case */
    esc_http_page_fn page;
    void *page_ctx;
};

struct esc_http_pages;

/** Start. Bounded: 16 connections, 16 KiB of request each, 10 seconds. @return OK, ARG (URL), IO, NOMEM; d says which */
ESCERTKE_CHECKED escertke_err esc_http_pages_start(const struct esc_http_pages_config *cfg, struct esc_http_pages **out,
                                                   escertke_detail *d);
/** URL with the real port. */
const char *esc_http_pages_url(const struct esc_http_pages *p);
/** NULL allowed. */
void esc_http_pages_stop(struct esc_http_pages *p);

#endif

/* metrics_pages.c - where the metrics are served. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "binding/http_pages.h"
#include "binding/http_url.h"
#include "metrics.h"
#include "out.h"

struct metrics_pages {
    char url[2 * ESCERTKE_ID_MAX + 64], path[ESCERTKE_ID_MAX + 1];
    int fd; /* until the server has it; -1 = none */
    struct metrics *m;
    struct esc_http_pages *server;
};

/* A name might be anybody's address, today this and tomorrow that. */
static bool is_address(const char *host)
{
    struct in6_addr any;

    return strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static bool is_port(const char *value)
{
    return *value && strspn(value, "0123456789") == strlen(value) && strlen(value) <= 5 && strtol(value, NULL, 10) <= 65535;
}

bool metrics_check_url(const char *value, char *why, size_t cap)
{
    struct esc_http_url url;

    if (is_port(value) || (esc_http_url_parse(value, &url, NULL) == ESCERTKE_OK && !url.https && is_address(url.host) &&
                           strcmp(url.path, "/healthz") != 0 && strcmp(url.path, "/readyz") != 0))
        return true;
    snprintf(why, cap, "expected a port, on 127.0.0.1, or http://ADDRESS:PORT[/PATH] with localhost or an IP address");
    return false;
}

static void show(struct metrics_pages *p, escertke_err (*write)(struct metrics *m, escertke_buf *out), struct esc_http_page *page)
{
    escertke_err err = write(p->m, &page->body);

    page->status = err == ESCERTKE_OK ? 200 : err == ESCERTKE_ERR_STATE ? 503 : 500;
    if (page->status == 500)
        escertke_buf_reset(&page->body);
}

/* That it answers is all there is to it. */
static escertke_err write_alive(struct metrics *m, escertke_buf *out)
{
    (void)m;
    return escertke_buf_append(out, "ok\n", 3);
}

static void answer(void *ctx, const char *path, struct esc_http_page *page)
{
    struct metrics_pages *p = ctx;

    page->type = "text/plain; charset=utf-8";
    if (strcmp(path, p->path) == 0) {
        page->type = "text/plain; version=0.0.4; charset=utf-8";
        show(p, metrics_write, page);
    } else if (strcmp(path, "/healthz") == 0) {
        show(p, write_alive, page);
    } else if (strcmp(path, "/readyz") == 0) {
        show(p, metrics_write_ready, page);
    }
}

escertke_err metrics_listen(const char *value, struct metrics_pages **out, escertke_detail *d)
{
    struct metrics_pages *p = calloc(1, sizeof *p);
    struct esc_http_url url;

    *out = p;
    if (!p)
        return ESCERTKE_ERR_NOMEM;
    p->fd = -1;
    snprintf(p->url, sizeof p->url, "%s%s", is_port(value) ? "http://127.0.0.1:" : "", value);
    escertke_err err = esc_http_url_parse(p->url, &url, d);
    if (err == ESCERTKE_OK && !url.path[0]) {
        size_t len = strcspn(p->url + 7, "/") + 7; /* behind "http://" */
        snprintf(p->url + len, sizeof p->url - len, "/metrics");
        snprintf(url.path, sizeof url.path, "/metrics");
    }
    if (err == ESCERTKE_OK && esc_http_percent_decode(escertke_span_str(url.path), p->path, sizeof p->path) != ESCERTKE_OK)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "path of the URL has a NUL");
    return err == ESCERTKE_OK ? escertke_http_listen(p->url, &p->fd, d) : err;
}

escertke_err metrics_start(struct metrics_pages *p, struct metrics *m, escertke_detail *d)
{
    const struct esc_http_pages_config cfg = { .listen = p->url, .listen_fd = p->fd, .page = answer, .page_ctx = p };

    p->m = m;
    p->fd = -1;
    escertke_err err = esc_http_pages_start(&cfg, &p->server, d);
    if (err != ESCERTKE_OK)
        return err;
    json_t *event = out_new_event("metrics");
    out_text(event, "url", esc_http_pages_url(p->server));
    out_event(event, "metrics at %s", esc_http_pages_url(p->server));
    return ESCERTKE_OK;
}

void metrics_stop(struct metrics_pages *p)
{
    if (!p)
        return;
    esc_http_pages_stop(p->server);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

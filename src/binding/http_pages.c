#include "binding/http_pages.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/http_accept.h"
#include "binding/http_listen.h"

#define CONNECTIONS 16u
#define CONNECTION_MEMORY 16384
#define TIMEOUT_S 5u
#define TIME_IN_ALL_MS 10000u
#define PAGE_MAX ((size_t)1 << 20)

struct esc_http_pages {
    struct esc_http_pages_config cfg;
    int fd; /* until the acceptor has it; -1 = none */
    struct MHD_Daemon *daemon;
    struct esc_watch *watch;
    struct esc_acceptor *acceptor;
    escertke_buf url;
};

/* ---- one request ------------------------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct esc_http_pages *p = cls;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        esc_watch_remove(p->watch, *socket_state);
        *socket_state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    *socket_state = esc_watch_add(p->watch, fd);
    if (!*socket_state && fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)cls;
    (void)state;
    (void)why;
    if (info)
        esc_watched_begin(info->socket_context); /* for the next request */
}

static enum MHD_Result send_page(struct MHD_Connection *connection, const struct esc_http_page *page)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(page->body.len, page->body.ptr, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_YES;

    if (!response)
        return MHD_NO;
    if (page->type)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->type);
    if (result == MHD_YES && page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, (unsigned)page->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *data, size_t *data_len, void **state)
{
    struct esc_http_pages *p = cls;
    struct esc_http_page page = { .status = MHD_HTTP_NOT_FOUND };

    (void)version;
    (void)data;
    (void)data_len;
    (void)state;
    escertke_buf_init(&page.body, PAGE_MAX);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
    else
        p->cfg.page(p->cfg.page_ctx, path, &page);
    /* before a body, if there is one: libmicrohttpd closes the connection behind the answer */
    enum MHD_Result result = send_page(connection, &page);
    escertke_buf_free(&page.body);
    return result;
}

/* ---- life -------------------------------------------------------------------------------------------------- */

static void say_nothing(void *cls, const char *fmt, va_list args)
{
    (void)cls;
    (void)fmt;
    (void)args;
}

static escertke_err start_daemon(struct esc_http_pages *p)
{
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG;

    p->daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, p, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
                                 2 * CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_NOTIFY_CONNECTION,
                                 on_connection, p, MHD_OPTION_NOTIFY_COMPLETED, on_end, p, MHD_OPTION_END);
    return p->daemon ? ESCERTKE_OK : ESCERTKE_ERR_IO;
}

static escertke_err write_url(struct esc_http_pages *p, struct esc_http_url url)
{
    url.port = esc_http_bound_port(p->fd);
    url.port_given = true;
    escertke_err err = esc_http_url_authority(&url, &p->url);
    return err == ESCERTKE_OK ? escertke_buf_append(&p->url, url.path, strlen(url.path) + 1) : err;
}

static escertke_err start(struct esc_http_pages *p, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_err err = esc_http_url_parse(p->cfg.listen, &url, d);

    if (err == ESCERTKE_OK && url.https)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "expected http://, found %s", p->cfg.listen);
    if (err == ESCERTKE_OK && p->fd < 0)
        err = esc_http_listen(&url, &p->fd, d);
    if (err == ESCERTKE_OK)
        err = write_url(p, url);
    if (err == ESCERTKE_OK)
        err = esc_watch_start(TIME_IN_ALL_MS, &p->watch);
    if (err == ESCERTKE_OK)
        err = start_daemon(p);
    if (err == ESCERTKE_OK) {
        const struct esc_acceptor_config cfg = { .fd = p->fd, .limit = CONNECTIONS, .daemon = p->daemon, .watch = p->watch };
        err = esc_acceptor_start(&cfg, &p->acceptor);
        p->fd = err == ESCERTKE_OK ? -1 : p->fd;
    }
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s: %s", p->cfg.listen, escertke_err_text(err));
}

escertke_err esc_http_pages_start(const struct esc_http_pages_config *cfg, struct esc_http_pages **out, escertke_detail *d)
{
    struct esc_http_pages *p = esc_zalloc(sizeof *p);

    *out = NULL;
    if (!p) {
        if (cfg->listen_fd > 0)
            close(cfg->listen_fd);
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    }
    p->cfg = *cfg;
    p->fd = cfg->listen_fd > 0 ? cfg->listen_fd : -1;
    escertke_buf_init(&p->url, 2 * ESCERTKE_ID_MAX + 64);
    escertke_err err = start(p, d);
    if (err != ESCERTKE_OK) {
        esc_http_pages_stop(p);
        return err;
    }
    *out = p;
    return ESCERTKE_OK;
}

const char *esc_http_pages_url(const struct esc_http_pages *p)
{
    return (const char *)p->url.ptr;
}

void esc_http_pages_stop(struct esc_http_pages *p)
{
    if (!p)
        return;
    esc_acceptor_stop(p->acceptor);
    if (p->daemon)
        MHD_stop_daemon(p->daemon);
    esc_watch_stop(p->watch);
    if (p->fd >= 0)
        close(p->fd);
    escertke_buf_free(&p->url);
    esc_release(p);
}

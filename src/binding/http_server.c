#include "binding/http_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/http_listen.h"
#include "binding/http_tls.h"
#include "binding/http_url.h"
#include "binding/until.h"

#define CONNECTION_MEMORY 32768 /* request line, headers and read buffer of one connection, bytes */
#define THREADS_MAX 16u
#define CONNECTIONS_DEFAULT 1024u
#define TIMEOUT_DEFAULT_S 30u
#define QUEUE_PER_WORKER 16u
#define PEM_MAX ((size_t)1 << 20)

/* ---- start ------------------------------------------------------------------------------------------------- */

static void take_log(void *cls, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static void take_log(void *cls, const char *fmt, va_list args)
{
    escertke_http_server *s = cls;
    char text[160];

    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\r\n")] = '\0';
    pthread_mutex_lock(&s->lock);
    bool started = s->started;
    if (!started && !s->backend[0])
        esc_printable(escertke_span_str(text), s->backend, sizeof s->backend);
    pthread_mutex_unlock(&s->lock);
    if (started) /* every stranger can cause such lines */
        esc_log(&s->cfg.log, ESCERTKE_LEVEL_DEBUG, "http.server", "said=\"%s\"", text);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_state,
                          enum MHD_ConnectionNotificationCode what)
{
    escertke_http_server *s = cls;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        esc_watch_remove(s->watch, *socket_state);
        *socket_state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    *socket_state = esc_watch_add(s->watch, fd);
    if (!*socket_state && fd >= 0)
        shutdown(fd, SHUT_RDWR);
    if (s->require_client)
        esc_http_tls_require_client(connection);
}

static void fill_defaults(escertke_http_server_config *cfg)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (!cfg->threads)
        cfg->threads = cores > 0 ? (unsigned)cores : 1;
    if (cfg->threads > THREADS_MAX)
        cfg->threads = THREADS_MAX;
    if (!cfg->max_connections)
        cfg->max_connections = CONNECTIONS_DEFAULT;
    if (!cfg->timeout_s)
        cfg->timeout_s = TIMEOUT_DEFAULT_S;
    if (!cfg->max_body)
        cfg->max_body = ESCERTKE_PRIMITIVE_MAX;
}

static escertke_err copy_text(escertke_span text, escertke_buf *out)
{
    escertke_err err;

    escertke_buf_init(out, PEM_MAX);
    err = escertke_buf_append(out, text.ptr, text.len);
    return err == ESCERTKE_OK ? escertke_buf_append(out, "", 1) : err;
}

static escertke_err prepare_tls(escertke_http_server *s, escertke_detail *d)
{
    const escertke_http_server_config *cfg = &s->cfg;
    escertke_err err = esc_http_tls_check(cfg->tls_cert, cfg->tls_key, cfg->tls_client_trust, d);

    if (err == ESCERTKE_OK)
        err = copy_text(cfg->tls_cert, &s->tls_cert);
    if (err == ESCERTKE_OK)
        err = copy_text(cfg->tls_key, &s->tls_key);
    if (err == ESCERTKE_OK)
        err = copy_text(cfg->tls_client_trust, &s->tls_trust);
    s->require_client = cfg->tls_client_trust.len > 0;
    return err == ESCERTKE_ERR_TOO_LARGE ? esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "TLS file is larger than 1 MiB") : err;
}

static size_t tls_options(escertke_http_server *s, struct MHD_OptionItem *at)
{
    size_t n = 0;

    at[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, s->tls_cert.ptr };
    at[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, s->tls_key.ptr };
    at[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)ESC_HTTP_TLS_PRIORITIES };
    if (s->require_client)
        at[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, s->tls_trust.ptr };
    return n;
}

static escertke_err start_daemon(escertke_http_server *s, bool https, escertke_detail *d)
{
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[16] = {
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)s->cfg.max_connections * (s->cfg.threads + 1), NULL }, /* the acceptor counts */
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)s->cfg.timeout_s, NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)esc_exchange_begin, s },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)esc_exchange_end, s },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s },
    };
    size_t n = 6;

    if (s->cfg.threads > 1)
        options[n++] = (struct MHD_OptionItem){ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)s->cfg.threads, NULL };
    if (https) {
        flags |= MHD_USE_TLS;
        n += tls_options(s, options + n);
    }
    options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    /* the logger first: what the other options cause to be said would go to stderr */
    s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, esc_exchange_step, s, MHD_OPTION_EXTERNAL_LOGGER, take_log, s,
                                 MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    pthread_mutex_lock(&s->lock);
    s->started = s->daemon != NULL;
    pthread_mutex_unlock(&s->lock);
    if (s->daemon)
        return ESCERTKE_OK;
    if (d && d->err == ESCERTKE_OK)
        memcpy(d->backend, s->backend, sizeof d->backend);
    return esc_fail(d, ESCERTKE_ERR_IO, "", "the HTTP server did not start: %s", s->backend[0] ? s->backend : "no reason given");
}

static escertke_err write_url(escertke_http_server *s, struct esc_http_url url)
{
    escertke_err err;

    url.port = esc_http_bound_port(s->fd);
    url.port_given = true;
    err = esc_http_url_authority(&url, &s->url);
    if (err == ESCERTKE_OK)
        err = escertke_buf_append(&s->url, url.path, strlen(url.path) + 1);
    return err;
}

static escertke_err start_threads(escertke_http_server *s, escertke_detail *d)
{
    /* as long again as a connection may be idle for the request, or the response, itself */
    escertke_err err = esc_watch_start(2000 * (uint64_t)s->cfg.timeout_s, &s->watch);

    if (err == ESCERTKE_OK && s->cfg.workers)
        err = esc_workers_start(s->cfg.workers, (size_t)s->cfg.workers * QUEUE_PER_WORKER, esc_exchange_run, &s->workers);
    return err == ESCERTKE_ERR_IO ? esc_fail(d, err, "", "cannot start %u worker threads", s->cfg.workers) : err;
}

static escertke_err start_acceptor(escertke_http_server *s)
{
    const struct esc_acceptor_config cfg = {
        .fd = s->fd, .limit = s->cfg.max_connections, .daemon = s->daemon, .watch = s->watch
    };
    return esc_acceptor_start(&cfg, &s->acceptor);
}

static escertke_err start(escertke_http_server *s, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_err err = esc_http_url_parse(s->cfg.listen, &url, d);

    if (err == ESCERTKE_OK && esc_http_percent_decode(escertke_span_str(url.path), s->prefix, sizeof s->prefix) != ESCERTKE_OK)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "path of the URL has a NUL");
    if (err == ESCERTKE_OK && url.https)
        err = prepare_tls(s, d);
    if (err == ESCERTKE_OK && s->fd < 0)
        err = esc_http_listen(&url, &s->fd, d);
    if (err == ESCERTKE_OK)
        err = write_url(s, url);
    if (err == ESCERTKE_OK)
        err = start_threads(s, d);
    if (err == ESCERTKE_OK)
        err = start_daemon(s, url.https, d);
    if (err == ESCERTKE_OK && (err = start_acceptor(s)) == ESCERTKE_OK)
        s->fd = -1;
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s", escertke_err_text(err));
}

static void init_sync(escertke_http_server *s)
{
    pthread_mutex_init(&s->lock, NULL);
    esc_until_init(&s->idle);
}

escertke_err escertke_http_server_start(const escertke_http_server_config *cfg, escertke_http_server **out, escertke_detail *d)
{
    escertke_http_server *s;
    sigset_t all, before;
    escertke_err err;

    if (!cfg || !out || !cfg->listen || !cfg->handler)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a listener needs a URL and a handler");
    *out = NULL;
    s = esc_zalloc(sizeof *s);
    if (!s) {
        if (cfg->listen_fd > 0)
            close(cfg->listen_fd);
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    }
    s->cfg = *cfg;
    s->fd = cfg->listen_fd > 0 ? cfg->listen_fd : -1;
    escertke_buf_init(&s->url, 2 * ESCERTKE_ID_MAX + 64);
    init_sync(s);
    fill_defaults(&s->cfg);
    sigfillset(&all); /* the threads inherit it: signals are the program's business, in its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = start(s, d);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != ESCERTKE_OK) {
        escertke_http_server_stop(s, 0);
        return err;
    }
    esc_log(&s->cfg.log, ESCERTKE_LEVEL_INFO, "http.listening", "url=%s threads=%u workers=%u", escertke_http_server_url(s),
            s->cfg.threads, s->cfg.workers);
    *out = s;
    return ESCERTKE_OK;
}

const char *escertke_http_server_url(const escertke_http_server *s)
{
    return (const char *)s->url.ptr;
}

void escertke_http_server_get_stats(escertke_http_server *s, escertke_http_server_stats *out)
{
    struct esc_watch_counts counts;

    esc_watch_get_counts(s->watch, &counts);
    *out = (escertke_http_server_stats){
        .accepted = counts.seen, .too_slow = counts.slow, .crowded_out = counts.crowded, .connections = counts.now
    };
    for (size_t i = 0; i < sizeof s->responses / sizeof *s->responses; i++)
        out->responses[i] = atomic_load(&s->responses[i]);
    out->turned_away = atomic_load(&s->turned_away);
    pthread_mutex_lock(&s->lock);
    out->busy = s->busy;
    pthread_mutex_unlock(&s->lock);
}

/* ---- stop -------------------------------------------------------------------------------------------------- */

static void wait_idle(escertke_http_server *s, unsigned drain_ms)
{
    uint64_t until_ms = escertke_system_clock(NULL).mono_ms + drain_ms;
    int code = 0;

    pthread_mutex_lock(&s->lock);
    while (s->busy && !code)
        code = esc_until_wait(&s->idle, &s->lock, until_ms);
    pthread_mutex_unlock(&s->lock);
}

static void stop_daemon(escertke_http_server *s, unsigned drain_ms)
{
    atomic_store(&s->draining, true);
    esc_acceptor_stop(s->acceptor); /* nobody comes in any more */
    wait_idle(s, drain_ms);
    if (s->workers)
        esc_workers_stop(s->workers, esc_exchange_drop);
    MHD_stop_daemon(s->daemon);
}

void escertke_http_server_stop(escertke_http_server *s, unsigned drain_ms)
{
    if (!s)
        return;
    if (s->daemon)
        stop_daemon(s, drain_ms);
    else if (s->workers)
        esc_workers_stop(s->workers, esc_exchange_drop);
    if (s->fd >= 0)
        close(s->fd);
    esc_workers_free(s->workers);
    esc_watch_stop(s->watch);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    escertke_buf_free(&s->tls_key);
    escertke_buf_free(&s->tls_cert);
    escertke_buf_free(&s->tls_trust);
    escertke_buf_free(&s->url);
    esc_release(s);
}

#include "binding/coap_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/http_listen.h"
#include "binding/until.h"

#define WORKERS_DEFAULT 4u
#define WORKERS_MAX 256u
#define QUEUE_PER_WORKER 16u
#define SESSIONS_DEFAULT 1024u
#define TRANSFERS_DEFAULT 256u
#define TRANSFER_BYTES_DEFAULT ((size_t)8 << 20)
#define TIMEOUT_DEFAULT_S 30u
#define IDLE_DEFAULT_S 600u
#define RECENT_ENTRIES 8192u
#define RECENT_BYTES ((size_t)8 << 20)
#define DATAGRAMS_PER_TURN 64

void esc_coap_count(escertke_coap_server *s, uint64_t *counter)
{
    pthread_mutex_lock(&s->lock);
    ++*counter;
    pthread_mutex_unlock(&s->lock);
}

void esc_coap_server_push(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span datagram)
{
    (void)sendto(s->fd, datagram.ptr, datagram.len, MSG_NOSIGNAL | MSG_DONTWAIT, &peer->at.sa, peer->len); /* or it is lost */
}

/* ---- loop -------------------------------------------------------------------------------------------------------- */

static void receive(escertke_coap_server *s)
{
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        struct esc_coap_peer peer;
        escertke_span message;

        memset(&peer, 0, sizeof peer);
        peer.len = sizeof peer.at;
        ssize_t n = recvfrom(s->fd, s->raw, sizeof s->raw, MSG_DONTWAIT, &peer.at.sa, &peer.len);
        if (n < 0 && errno != ECONNREFUSED) /* of who has gone away since */
            return;
        if (n < 0)
            continue;
        message = (escertke_span){ s->raw, (size_t)n };
        if (!s->cred || esc_coap_associations_open(s, &peer, message, escertke_system_clock(NULL).mono_ms, &message))
            esc_coap_responder_take(s, &peer, message);
    }
}

/* What the workers have done. @return false: it is time to end */
static bool collect(escertke_coap_server *s)
{
    struct esc_coap_asked *done;
    bool quit;
    uint64_t unused;

    (void)!read(s->wake, &unused, sizeof unused);
    pthread_mutex_lock(&s->lock);
    done = s->done;
    s->done = NULL;
    quit = s->quit;
    pthread_mutex_unlock(&s->lock);
    esc_coap_responder_finish(s, done);
    return !quit;
}

static void show_sizes(escertke_coap_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stats.sessions = s->association_count;
    s->stats.transfers = s->transfers.count;
    s->stats.transfer_bytes = s->transfers.bytes;
    pthread_mutex_unlock(&s->lock);
}

static void *loop(void *arg)
{
    escertke_coap_server *s = arg;
    struct pollfd fds[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->wake, .events = POLLIN } };
    unsigned wait_ms = 0;

    do {
        if (poll(fds, 2, (int)wait_ms) > 0 && fds[0].revents)
            receive(s);
        uint64_t now_ms = escertke_system_clock(NULL).mono_ms;
        unsigned more_ms = esc_coap_responder_tick(s, now_ms);
        wait_ms = s->cred ? esc_coap_associations_tick(s, now_ms) : 1000;
        wait_ms = more_ms < wait_ms ? more_ms : wait_ms;
        show_sizes(s);
    } while (collect(s));
    return NULL;
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

escertke_err escertke_coap_listen(const char *listen_url, int *fd, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_err err = esc_coap_url_parse(listen_url, &url, d);

    return err == ESCERTKE_OK ? esc_datagram_bind(&url, fd, d) : err;
}

static void fill_defaults(escertke_coap_server_config *cfg)
{
    if (!cfg->workers)
        cfg->workers = WORKERS_DEFAULT;
    if (cfg->workers > WORKERS_MAX)
        cfg->workers = WORKERS_MAX;
    if (!cfg->max_sessions)
        cfg->max_sessions = SESSIONS_DEFAULT;
    if (!cfg->max_transfers)
        cfg->max_transfers = TRANSFERS_DEFAULT;
    if (!cfg->max_transfer_bytes)
        cfg->max_transfer_bytes = TRANSFER_BYTES_DEFAULT;
    if (!cfg->timeout_s)
        cfg->timeout_s = TIMEOUT_DEFAULT_S;
    if (!cfg->idle_s)
        cfg->idle_s = IDLE_DEFAULT_S;
    if (!cfg->max_body)
        cfg->max_body = ESCERTKE_PRIMITIVE_MAX;
}

static escertke_err prepare(escertke_coap_server *s, const struct esc_http_url *url, escertke_detail *d)
{
    const escertke_coap_server_config *cfg = &s->cfg;
    escertke_err err = ESCERTKE_OK;

    if (esc_http_percent_decode(escertke_span_str(url->path), s->prefix, sizeof s->prefix) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "path of the URL is not valid: %s", url->path);
    if (url->https) {
        err = esc_coap_credentials_new(true, cfg->tls_cert, cfg->tls_key, cfg->tls_client_trust, &s->cred, d);
        if (err == ESCERTKE_OK)
            err = esc_coap_cookies_new(&s->cookies);
    }
    if (err == ESCERTKE_OK && s->fd < 0)
        err = esc_datagram_bind(url, &s->fd, d);
    if (err != ESCERTKE_OK)
        return err;
    esc_coap_url_write(url, esc_http_bound_port(s->fd), s->url, sizeof s->url);
    s->transfers.max_count = cfg->max_transfers;
    s->transfers.max_per_host = cfg->max_transfers > 4 ? cfg->max_transfers / 4 : 1;
    s->transfers.max_bytes = cfg->max_transfer_bytes;
    s->transfers.max_body = cfg->max_body;
    s->transfers.idle_ms = (uint64_t)cfg->timeout_s * 1000;
    s->recent = esc_coap_recent_new(RECENT_ENTRIES, RECENT_BYTES);
    return s->recent ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

/* Threads of ours take no signals: they are the program's. */
static escertke_err start_threads(escertke_coap_server *s, escertke_detail *d)
{
    sigset_t all, before;
    escertke_err err;

    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0 || getrandom(&s->mid, sizeof s->mid, 0) != (ssize_t)sizeof s->mid)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot start: %s", strerror(errno));
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    err = esc_workers_start(s->cfg.workers, (size_t)s->cfg.workers * QUEUE_PER_WORKER, esc_coap_responder_run, &s->workers);
    if (err == ESCERTKE_OK && !(s->running = pthread_create(&s->thread, NULL, loop, s) == 0))
        err = ESCERTKE_ERR_IO;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err == ESCERTKE_ERR_IO ? esc_fail(d, err, "", "no thread could be started") : err;
}

escertke_err escertke_coap_server_start(const escertke_coap_server_config *cfg, escertke_coap_server **out, escertke_detail *d)
{
    struct esc_http_url url;
    escertke_coap_server *s;
    escertke_err err;

    if (!cfg || !out || !cfg->listen || !cfg->handler)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a URL to listen at and a handler are needed");
    *out = NULL;
    err = esc_coap_url_parse(cfg->listen, &url, d);
    s = err == ESCERTKE_OK ? esc_zalloc(sizeof *s) : NULL;
    if (!s) {
        if (cfg->listen_fd > 0)
            close(cfg->listen_fd);
        return err == ESCERTKE_OK ? ESCERTKE_ERR_NOMEM : err;
    }
    s->cfg = *cfg;
    fill_defaults(&s->cfg);
    s->fd = cfg->listen_fd > 0 ? cfg->listen_fd : -1;
    s->wake = -1;
    pthread_mutex_init(&s->lock, NULL);
    esc_until_init(&s->idle);
    escertke_buf_init(&s->out, ESC_COAP_MESSAGE_MAX);
    err = prepare(s, &url, d);
    if (err == ESCERTKE_OK)
        err = start_threads(s, d);
    if (err != ESCERTKE_OK) {
        escertke_coap_server_stop(s, 0);
        return esc_fail(d, err, "", "%s", escertke_err_text(err));
    }
    *out = s;
    return ESCERTKE_OK;
}

const char *escertke_coap_server_url(const escertke_coap_server *s)
{
    return s->url;
}

void escertke_coap_server_get_stats(escertke_coap_server *s, escertke_coap_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    pthread_mutex_unlock(&s->lock);
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static void wait_idle(escertke_coap_server *s, unsigned drain_ms)
{
    uint64_t until_ms = escertke_system_clock(NULL).mono_ms + drain_ms;
    int code = 0;

    pthread_mutex_lock(&s->lock);
    s->draining = true;
    while (s->stats.busy && !code)
        code = esc_until_wait(&s->idle, &s->lock, until_ms);
    pthread_mutex_unlock(&s->lock);
}

void escertke_coap_server_stop(escertke_coap_server *s, unsigned drain_ms)
{
    static const uint8_t one[8] = { 1 };

    if (!s)
        return;
    if (s->running)
        wait_idle(s, drain_ms);
    if (s->workers)
        esc_workers_stop(s->workers, esc_coap_responder_drop);
    if (s->running) {
        pthread_mutex_lock(&s->lock);
        s->quit = true;
        pthread_mutex_unlock(&s->lock);
        (void)!write(s->wake, one, sizeof one);
        pthread_join(s->thread, NULL);
    }
    esc_workers_free(s->workers);
    esc_coap_associations_clear(s);
    esc_coap_responder_clear(s);
    esc_coap_recent_free(s->recent);
    esc_coap_cookies_free(s->cookies);
    esc_coap_credentials_free(s->cred);
    if (s->fd >= 0)
        close(s->fd);
    if (s->wake >= 0)
        close(s->wake);
    escertke_buf_free(&s->out);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    esc_release(s);
}

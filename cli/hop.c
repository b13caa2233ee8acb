#include "hop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "files.h"
#include "out.h"

bool hop_check_url(const char *value, char *why, size_t cap)
{
    static const char *const later[] = { "coap:", "coaps:", "mqtt:", "mqtts:", "ws:", "wss:" };

    if ((strncmp(value, "http://", 7) == 0 && value[7]) || (strncmp(value, "https://", 8) == 0 && value[8]))
        return true;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strncmp(value, later[i], strlen(later[i])) == 0) {
            snprintf(why, cap, "this build has the HTTP binding only; expected http:// or https://");
            return false;
        }
    snprintf(why, cap, "expected a URL http(s)://HOST[:PORT][/PATH]");
    return false;
}

static escertke_err read_one(const char *path, escertke_buf *out, escertke_detail *d)
{
    return path ? file_read(path, out, d) : ESCERTKE_OK;
}

escertke_err hop_files_read(const struct hop_settings *s, struct hop_files *f, escertke_detail *d)
{
    escertke_err err;

    memset(f, 0, sizeof *f);
    if (!s->tls_cert != !s->tls_key)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--tls-cert and --tls-key go together; found %s alone",
                        s->tls_cert ? "--tls-cert" : "--tls-key");
    if ((err = read_one(s->tls_cert, &f->cert, d)) != ESCERTKE_OK || (err = read_one(s->tls_key, &f->key, d)) != ESCERTKE_OK ||
        (err = read_one(s->tls_trust, &f->trust, d)) != ESCERTKE_OK)
        return err;
    return read_one(s->tls_client_trust, &f->client_trust, d);
}

void hop_files_free(struct hop_files *f)
{
    escertke_buf_free(&f->cert);
    escertke_buf_free(&f->key);
    escertke_buf_free(&f->trust);
    escertke_buf_free(&f->client_trust);
}

static void say_listening(const char *url)
{
    json_t *event = out_new_event("listening");

    out_text(event, "url", url);
    out_event(event, "listening on %s", url);
}

static escertke_err check_count(const struct text_list *urls, escertke_detail *d)
{
    if (urls->count > HOP_LISTENERS_MAX)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "expected at most %u --listen, found %zu", HOP_LISTENERS_MAX, urls->count);
    return ESCERTKE_OK;
}

escertke_err hop_open(const struct text_list *urls, struct hop_listeners *l, escertke_detail *d)
{
    escertke_err err = check_count(urls, d);

    for (size_t i = 0; i < urls->count && err == ESCERTKE_OK; i++)
        err = escertke_http_listen(urls->items[i], &l->fds[i], d);
    return err;
}

escertke_err hop_listen(const struct text_list *urls, const struct hop_files *files, const escertke_http_server_config *base,
                        struct hop_listeners *l, escertke_detail *d)
{
    escertke_http_server_config cfg = *base;

    escertke_err err = check_count(urls, d);

    l->count = 0;
    if (err != ESCERTKE_OK)
        return err;
    cfg.tls_cert = escertke_buf_span(&files->cert);
    cfg.tls_key = escertke_buf_span(&files->key);
    cfg.tls_client_trust = escertke_buf_span(&files->client_trust);
    for (size_t i = 0; i < urls->count; i++) {
        cfg.listen = urls->items[i];
        cfg.listen_fd = l->fds[i];
        l->fds[i] = 0;
        if ((err = escertke_http_server_start(&cfg, &l->servers[i], d)) != ESCERTKE_OK) {
            hop_stop(l, 0);
            return err;
        }
        l->count = i + 1;
    }
    for (size_t i = 0; i < l->count; i++)
        say_listening(escertke_http_server_url(l->servers[i]));
    return ESCERTKE_OK;
}

void hop_stop(struct hop_listeners *l, unsigned drain_ms)
{
    for (size_t i = 0; i < l->count; i++)
        escertke_http_server_stop(l->servers[i], drain_ms);
    l->count = 0;
    for (size_t i = 0; i < HOP_LISTENERS_MAX; i++) {
        if (l->fds[i] > 0)
            close(l->fds[i]);
        l->fds[i] = 0;
    }
}

escertke_err hop_client(const struct hop_files *files, uint32_t timeout_ms, escertke_http_client **out)
{
    escertke_http_client_config cfg = { .timeout_ms = timeout_ms };

    cfg.tls_trust = escertke_buf_span(&files->trust);
    cfg.tls_cert = escertke_buf_span(&files->cert);
    cfg.tls_key = escertke_buf_span(&files->key);
    return escertke_http_client_new(&cfg, out);
}

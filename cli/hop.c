#include "hop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "files.h"
#include "out.h"

#define BROKER_PATIENCE_MS 5000u /* for a broker at the start; after that it is waited for in the background */

bool hop_check_url(const char *value, char *why, size_t cap)
{
    escertke_detail d;

    escertke_detail_init(&d);
    if (esc_url_check(value, &d) == ESCERTKE_OK)
        return true;
    snprintf(why, cap, "%s", d.reason);
    return false;
}

bool hop_check_serialization(const char *value, char *why, size_t cap)
{
    escertke_format format;

    if (!strchr(value, '/') && escertke_format_find(escertke_span_str(value), &format) && escertke_format_available(format))
        return true;
    snprintf(why, cap, "expected a serialization that this build has: json%s%s",
             escertke_format_available(ESCERTKE_FORMAT_XML) ? ", xml" : "",
             escertke_format_available(ESCERTKE_FORMAT_CBOR) ? ", cbor" : "");
    return false;
}

escertke_format hop_format(const struct hop_settings *s)
{
    escertke_format format = ESCERTKE_FORMAT_JSON;

    if (s->serialization)
        (void)escertke_format_find(escertke_span_str(s->serialization), &format);
    return format;
}

static escertke_err read_one(const char *path, escertke_buf *out, escertke_detail *d)
{
    return path ? file_read(path, out, d) : ESCERTKE_OK;
}

/* The first line of the file. */
static escertke_err read_password(const struct hop_settings *s, escertke_buf *out, escertke_detail *d)
{
    escertke_err err;

    if (!s->mqtt_password_file)
        return ESCERTKE_OK;
    if (!s->mqtt_user)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--mqtt-password-file needs --mqtt-user");
    if ((err = file_read(s->mqtt_password_file, out, d)) != ESCERTKE_OK)
        return err;
    if (memchr(out->ptr, '\0', out->len))
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "%s is no text", s->mqtt_password_file);
    if ((err = escertke_buf_append(out, "\n", 2)) != ESCERTKE_OK)
        return err;
    out->ptr[strcspn((char *)out->ptr, "\r\n")] = '\0';
    return ESCERTKE_OK;
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
    if ((err = read_one(s->tls_client_trust, &f->client_trust, d)) != ESCERTKE_OK)
        return err;
    return read_password(s, &f->mqtt_password, d);
}

void hop_files_free(struct hop_files *f)
{
    escertke_buf_free(&f->cert);
    escertke_buf_free(&f->key);
    escertke_buf_free(&f->trust);
    escertke_buf_free(&f->client_trust);
    escertke_buf_free(&f->mqtt_password);
}

escertke_err hop_new(const struct hop_settings *s, const struct hop_files *files, const char *self, bool is_cse,
                     uint32_t timeout_ms, escertke_log log, struct esc_hops **out, escertke_detail *d)
{
    struct esc_hops_config cfg = { .self = self,
                                   .is_cse = is_cse,
                                   .tls_cert = escertke_buf_span(&files->cert),
                                   .tls_key = escertke_buf_span(&files->key),
                                   .tls_trust = escertke_buf_span(&files->trust),
                                   .tls_client_trust = escertke_buf_span(&files->client_trust),
                                   .timeout_ms = timeout_ms,
                                   .format = s->serialization ? hop_format(s) : (escertke_format)0,
                                   .mqtt_client_id = s->mqtt_client_id,
                                   .mqtt_user = s->mqtt_user,
                                   .mqtt_password = files->mqtt_password.len ? (const char *)files->mqtt_password.ptr : NULL,
                                   .log = log };
    escertke_err err = esc_hops_new(&cfg, out, d);

    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "the bindings could not be started: %s", escertke_err_text(err));
}

/* ---- listeners ------------------------------------------------------------------------------------------------ */

static void say_listening(const char *url)
{
    json_t *event = out_new_event("listening");

    out_text(event, "url", url);
    out_event(event, "listening on %s", url);
}

/* Of a broker, in its connection's thread. */
static void on_state(void *ctx, bool up, const char *why)
{
    struct hop_state *s = ctx;

    if (up)
        atomic_fetch_add(&s->ups, 1);
    if (up && !atomic_exchange(&s->was_up, true))
        say_listening(s->url);
    else if (up)
        out_words("connected to %s again", s->url);
    else
        out_words("not connected to %s: %s; trying again", s->url, why);
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
        err = esc_hops_reserve(urls->items[i], &l->fds[i], d);
    return err;
}

/* What listens at once is said by us, a broker's connection by its state. */
static void announce(struct hop_listeners *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i].http || l->list[i].coap || l->list[i].ws_server)
            say_listening(esc_listener_url(&l->list[i]));
    for (size_t i = 0; i < l->count; i++)
        (void)!esc_listener_ready(&l->list[i], BROKER_PATIENCE_MS, NULL);
}

escertke_err hop_listen(struct esc_hops *hops, const struct text_list *urls, const struct esc_listen *base,
                        struct hop_listeners *l, escertke_detail *d)
{
    struct esc_listen cfg = *base;
    escertke_err err = check_count(urls, d);

    l->count = 0;
    if (err != ESCERTKE_OK)
        return err;
    for (size_t i = 0; i < urls->count; i++) {
        snprintf(l->states[i].url, sizeof l->states[i].url, "%s", urls->items[i]);
        cfg.url = urls->items[i];
        cfg.fd = l->fds[i];
        cfg.on_state = on_state;
        cfg.state_ctx = &l->states[i];
        l->fds[i] = 0;
        if ((err = esc_hops_listen(hops, &cfg, &l->list[i], d)) != ESCERTKE_OK) {
            hop_stop(l, 0);
            return err;
        }
        l->count = i + 1;
    }
    announce(l);
    return ESCERTKE_OK;
}

bool hop_is_two_way(const char *url)
{
    return url && (strncmp(url, "ws:", 3) == 0 || strncmp(url, "wss:", 4) == 0);
}

bool hop_came_back(const struct hop_listeners *l, size_t number, unsigned *ups)
{
    unsigned now = number < l->count ? atomic_load(&l->states[number].ups) : 0, before = *ups;

    *ups = now;
    return now > before && now > 1;
}

escertke_err hop_connect(struct esc_hops *hops, const char *url, const struct esc_listen *base, struct hop_listeners *l,
                         escertke_detail *d)
{
    struct hop_state *state = &l->states[l->count];
    struct esc_listen cfg = *base;

    snprintf(state->url, sizeof state->url, "%s", url);
    cfg.url = url;
    cfg.fd = 0;
    cfg.over_connection = true;
    cfg.on_state = on_state;
    cfg.state_ctx = state;
    escertke_err err = esc_hops_listen(hops, &cfg, &l->list[l->count], d);
    if (err != ESCERTKE_OK)
        return err;
    (void)!esc_listener_ready(&l->list[l->count], BROKER_PATIENCE_MS, NULL);
    l->count++;
    return ESCERTKE_OK;
}

void hop_stop(struct hop_listeners *l, unsigned drain_ms)
{
    for (size_t i = 0; i < l->count; i++)
        esc_listener_stop(&l->list[i], drain_ms);
    l->count = 0;
    for (size_t i = 0; i < HOP_LISTENERS_MAX; i++) {
        if (l->fds[i] > 0)
            close(l->fds[i]);
        l->fds[i] = 0;
    }
}

#include "binding/mqtt_link.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/mqtt_loop.h"
#include "binding/until.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int library_code;

static void library_init(void)
{
    library_code = mosquitto_lib_init();
}

/* ---- start -------------------------------------------------------------------------------------------------- */

static void init_sync(struct esc_mqtt_link *l)
{
    pthread_mutex_init(&l->lock, NULL);
    esc_until_init(&l->change);
}

static escertke_err copy_topics(struct esc_mqtt_link *l, const struct esc_mqtt_link_config *cfg)
{
    if (cfg->topic_count > ESC_MQTT_SUBSCRIPTIONS_MAX)
        return ESCERTKE_ERR_ARG;
    for (size_t i = 0; i < cfg->topic_count; i++) {
        l->topics[i] = esc_strndup(cfg->topics[i], strlen(cfg->topics[i]));
        if (!l->topics[i])
            return ESCERTKE_ERR_NOMEM;
    }
    return ESCERTKE_OK;
}

static escertke_err start(struct esc_mqtt_link *l, const struct esc_mqtt_link_config *cfg, escertke_detail *d)
{
    sigset_t all, before;
    escertke_err err = copy_topics(l, cfg);

    if (err == ESCERTKE_OK && l->url.at.https)
        err = esc_tls_context_new(l->url.at.host, "broker", cfg->tls_trust, cfg->tls_cert, cfg->tls_key, &l->tls, d);
    if (err != ESCERTKE_OK)
        return err;
    l->client = mosquitto_new(cfg->client_id, false, l);
    if (!l->client)
        return ESCERTKE_ERR_NOMEM;
    if (cfg->user && mosquitto_username_pw_set(l->client, cfg->user, cfg->password) != MOSQ_ERR_SUCCESS)
        return ESCERTKE_ERR_BACKEND;
    if (l->tls && (err = esc_mqtt_tls_use(l->tls, l->client)) != ESCERTKE_OK)
        return err;
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake < 0)
        return ESCERTKE_ERR_IO;
    sigfillset(&all); /* the thread inherits it: signals are the program's business, in its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->running = pthread_create(&l->thread, NULL, esc_mqtt_loop, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return l->running ? ESCERTKE_OK : ESCERTKE_ERR_IO;
}

escertke_err esc_mqtt_link_start(const struct esc_mqtt_link_config *cfg, struct esc_mqtt_link **out, escertke_detail *d)
{
    struct esc_mqtt_link *l;
    escertke_err err;

    *out = NULL;
    if (pthread_once(&once, library_init) || library_code != MOSQ_ERR_SUCCESS)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "libmosquitto could not be started");
    l = esc_zalloc(sizeof *l);
    if (!l)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    l->cfg = *cfg;
    l->url = *cfg->url;
    l->wake = -1;
    init_sync(l);
    snprintf(l->why, sizeof l->why, "not connected yet");
    *out = l; /* before there is a thread: its callbacks may use it */
    err = start(l, cfg, d);
    if (err == ESCERTKE_OK)
        return ESCERTKE_OK;
    *out = NULL;
    esc_mqtt_link_free(l);
    return esc_fail(d, err, "", "%s", escertke_err_text(err));
}

/* ---- queue -------------------------------------------------------------------------------------------------- */

static void wake(struct esc_mqtt_link *l)
{
    uint64_t one = 1;
    ssize_t written = write(l->wake, &one, sizeof one);

    (void)written; /* it can only be that it is awake already */
}

escertke_err esc_mqtt_link_publish(struct esc_mqtt_link *l, const char *topic, escertke_span payload, uint64_t *ticket)
{
    escertke_err err;
    bool first;

    pthread_mutex_lock(&l->lock);
    first = !l->queue.count; /* behind another the thread knows already, or has its reasons to let them wait */
    err = esc_mqtt_queue_add(&l->queue, topic, payload, ticket);
    pthread_mutex_unlock(&l->lock);
    if (err == ESCERTKE_OK && first)
        wake(l);
    return err;
}

bool esc_mqtt_link_withdraw(struct esc_mqtt_link *l, uint64_t ticket)
{
    bool there;

    pthread_mutex_lock(&l->lock);
    there = esc_mqtt_queue_remove(&l->queue, ticket);
    pthread_mutex_unlock(&l->lock);
    return there;
}

escertke_err esc_mqtt_link_wait(struct esc_mqtt_link *l, uint64_t until_ms, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;
    char host[ESCERTKE_ID_MAX + 1];
    int code = 0;

    pthread_mutex_lock(&l->lock);
    l->waiters++;
    if (!l->up)
        wake(l); /* it need not be patient any more */
    while (!l->up && !l->stopping && code == 0)
        code = esc_until_wait(&l->change, &l->lock, until_ms);
    l->waiters--;
    if (!l->up || l->stopping) {
        esc_printable(escertke_span_str(l->url.at.host), host, sizeof host);
        err = esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "broker %.80s port %u: %s", host, (unsigned)l->url.at.port,
                       l->stopping ? "shutting down" : l->why);
    }
    pthread_mutex_unlock(&l->lock);
    return err;
}

void esc_mqtt_link_get_stats(struct esc_mqtt_link *l, struct esc_mqtt_link_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = (struct esc_mqtt_link_stats){ l->connections, l->sent, l->queue.count, l->up };
    pthread_mutex_unlock(&l->lock);
}

/* ---- end ---------------------------------------------------------------------------------------------------- */

void esc_mqtt_link_stop(struct esc_mqtt_link *l, unsigned drain_ms)
{
    if (!l->running)
        return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    l->drain_until = escertke_system_clock(NULL).mono_ms + drain_ms;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
    wake(l);
    pthread_join(l->thread, NULL);
    l->running = false;
}

void esc_mqtt_link_free(struct esc_mqtt_link *l)
{
    if (!l)
        return;
    if (l->client)
        mosquitto_destroy(l->client);
    esc_tls_context_free(l->tls);
    if (l->addresses)
        freeaddrinfo(l->addresses);
    if (l->wake >= 0)
        close(l->wake);
    esc_mqtt_queue_clear(&l->queue);
    for (size_t i = 0; i < ESC_MQTT_SUBSCRIPTIONS_MAX; i++)
        esc_release(l->topics[i]);
    pthread_cond_destroy(&l->change);
    pthread_mutex_destroy(&l->lock);
    esc_release(l);
}

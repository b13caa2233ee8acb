/*
 * The row of MQTT: one connection to each broker, for what is sent and for what is taken. Where an AE or a CSE says that it is
 * reached at another broker, a connection is made when there is something to send; the one that nobody has used for longest gives
 * way when there are too many.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/binding.h"
#include "binding/mqtt_client.h"

enum { BROKERS_MAX = 16 };

struct broker {
    escertke_mqtt *mqtt; /* NULL = unused */
    bool listens;
    unsigned users;
    uint64_t used_ms; /* last */
};

struct brokers {
    const struct esc_hops_config *cfg;
    pthread_mutex_t lock;
    struct broker list[BROKERS_MAX];
};

static escertke_err check(const char *url, escertke_detail *d)
{
    struct esc_mqtt_url parsed;

    return esc_mqtt_url_parse(url, &parsed, d);
}

static escertke_err open_brokers(const struct esc_hops_config *cfg, void **state, escertke_detail *d)
{
    struct brokers *b = esc_zalloc(sizeof *b);

    (void)d;
    *state = b;
    if (!b)
        return ESCERTKE_ERR_NOMEM;
    b->cfg = cfg;
    pthread_mutex_init(&b->lock, NULL);
    return ESCERTKE_OK;
}

static void close_brokers(void *state)
{
    struct brokers *b = state;

    if (!b)
        return;
    for (size_t i = 0; i < BROKERS_MAX; i++)
        escertke_mqtt_stop(b->list[i].mqtt, 0);
    pthread_mutex_destroy(&b->lock);
    esc_release(b);
}

/* ---- connections, with the lock held ---------------------------------------------------------------------------- */

static struct broker *find(struct brokers *b, const struct esc_mqtt_url *url)
{
    char text[2 * ESCERTKE_ID_MAX + 32];

    esc_mqtt_url_write(url, text, sizeof text);
    for (size_t i = 0; i < BROKERS_MAX; i++)
        if (b->list[i].mqtt && strcmp(escertke_mqtt_url(b->list[i].mqtt), text) == 0)
            return &b->list[i];
    return NULL;
}

/* A place for one more. What must go for it is put into *out, to be stopped without the lock. NULL: all are in use */
static struct broker *place(struct brokers *b, escertke_mqtt **out)
{
    struct broker *oldest = NULL;

    *out = NULL;
    for (size_t i = 0; i < BROKERS_MAX; i++) {
        struct broker *one = &b->list[i];
        if (!one->mqtt)
            return one;
        if (!one->listens && !one->users && (!oldest || one->used_ms < oldest->used_ms))
            oldest = one;
    }
    if (oldest) {
        *out = oldest->mqtt;
        oldest->mqtt = NULL;
    }
    return oldest;
}

static bool any(const struct brokers *b)
{
    for (size_t i = 0; i < BROKERS_MAX; i++)
        if (b->list[i].mqtt)
            return true;
    return false;
}

/*
 * The first connection has the Client Identifier of the standard. Others, to where strangers say that they are reached, have a
 * number behind it: it may be the first one's broker under another name, which would throw that one out.
 */
static escertke_err connect_to(struct brokers *b, const char *url, const struct esc_listen *l, struct broker *at,
                               escertke_detail *d)
{
    const struct esc_hops_config *cfg = b->cfg;
    escertke_mqtt_config mqtt = { .url = url,
                                  .self = cfg->self,
                                  .is_cse = cfg->is_cse,
                                  .client_id = cfg->mqtt_client_id,
                                  .user = cfg->mqtt_user,
                                  .password = cfg->mqtt_password,
                                  .timeout_ms = cfg->timeout_ms,
                                  .tls_trust = cfg->tls_trust,
                                  .tls_cert = cfg->tls_cert,
                                  .tls_key = cfg->tls_key,
                                  .log = cfg->log };
    char own[2 * ESCERTKE_ID_MAX], numbered[2 * ESCERTKE_ID_MAX + 16];

    if (!cfg->self)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.4", "MQTT needs an own AE-ID or CSE-ID");
    if (!l && any(b)) {
        esc_mqtt_client_id(cfg->self, cfg->is_cse, own, sizeof own);
        snprintf(numbered, sizeof numbered, "%s::%zu", mqtt.client_id ? mqtt.client_id : own, (size_t)(at - b->list) + 1);
        mqtt.client_id = numbered;
    }
    if (l) {
        mqtt.handler = l->handler;
        mqtt.handler_ctx = l->handler_ctx;
        mqtt.workers = l->workers;
        mqtt.on_state = l->on_state;
        mqtt.state_ctx = l->state_ctx;
    }
    *at = (struct broker){ .listens = l != NULL };
    return escertke_mqtt_start(&mqtt, &at->mqtt, d);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static escertke_err acquire(struct brokers *b, const char *url, struct broker **out, escertke_detail *d)
{
    struct esc_mqtt_url parsed;
    escertke_mqtt *gone = NULL;
    escertke_err err = esc_mqtt_url_parse(url, &parsed, d);

    if (err != ESCERTKE_OK)
        return err;
    pthread_mutex_lock(&b->lock);
    struct broker *at = find(b, &parsed);
    if (!at) {
        at = place(b, &gone);
        err = at ? connect_to(b, url, NULL, at, d) : esc_fail(d, ESCERTKE_ERR_LIMIT, "", "connected to %d brokers", BROKERS_MAX);
    }
    if (err == ESCERTKE_OK)
        at->users++;
    pthread_mutex_unlock(&b->lock);
    escertke_mqtt_stop(gone, 0);
    *out = at;
    return err;
}

static void give_back(struct brokers *b, struct broker *at)
{
    pthread_mutex_lock(&b->lock);
    at->users--;
    at->used_ms = escertke_system_clock(NULL).mono_ms;
    pthread_mutex_unlock(&b->lock);
}

static escertke_err send_request(void *state, const struct esc_next *next, const escertke_primitive *req, escertke_primitive *rsp,
                                 escertke_detail *d)
{
    struct brokers *b = state;
    struct broker *at;
    escertke_err err;

    if (!next->receiver || !next->receiver[0])
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.4", "over MQTT the receiver's ID must be known: %.200s", next->url);
    if ((err = acquire(b, next->url, &at, d)) != ESCERTKE_OK)
        return err;
    err = esc_mqtt_send(at->mqtt, next->receiver, req, &next->patience, rsp, d);
    give_back(b, at);
    return err;
}

/* ---- listening ------------------------------------------------------------------------------------------------ */

static escertke_err listen_at(void *state, const struct esc_hops_config *cfg, const struct esc_listen *l,
                              struct esc_listener *out, escertke_detail *d)
{
    struct brokers *b = state;
    struct esc_mqtt_url parsed;
    escertke_mqtt *gone = NULL;
    escertke_err err = esc_mqtt_url_parse(l->url, &parsed, d);

    (void)cfg;
    if (err != ESCERTKE_OK)
        return err;
    pthread_mutex_lock(&b->lock);
    struct broker *at = find(b, &parsed) ? NULL : place(b, &gone);
    if (at)
        err = connect_to(b, l->url, l, at, d);
    else
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "%.200s is used already, or too many brokers are", l->url);
    if (err == ESCERTKE_OK)
        out->mqtt = at->mqtt;
    pthread_mutex_unlock(&b->lock);
    escertke_mqtt_stop(gone, 0);
    return err;
}

static const char *broker_url(const struct esc_listener *l)
{
    return escertke_mqtt_url(l->mqtt);
}

static escertke_err broker_ready(const struct esc_listener *l, uint32_t ms, escertke_detail *d)
{
    return escertke_mqtt_wait(l->mqtt, ms, d);
}

/* Released with all others by close_brokers(): handlers of another listener may still be sending over it. */
static void stop_listening(struct esc_listener *l, unsigned drain_ms)
{
    esc_mqtt_drain(l->mqtt, drain_ms);
}

const struct esc_binding esc_binding_mqtt = {
    .schemes = { "mqtt:", "mqtts:" },
    .url_form = "mqtt(s)://BROKER[:PORT][/PREFIX]",
    .check = check,
    .open = open_brokers,
    .close = close_brokers,
    .send = send_request,
    .listen = listen_at,
    .url = broker_url,
    .ready = broker_ready,
    .stop = stop_listening,
};

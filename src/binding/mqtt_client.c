#include "binding/mqtt_client.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/until.h"
#include "binding/whole.h"

#define QUEUE_PER_WORKER 16u

/* ---- messages ------------------------------------------------------------------------------------------------- */

static bool is_self(const struct escertke_mqtt *m, escertke_span name)
{
    return esc_mqtt_name_means(name, &m->self);
}

/* @return why it means nothing here; NULL = it does */
static const char *sort(struct escertke_mqtt *m, const char *text, escertke_span payload, bool retained)
{
    struct esc_mqtt_topic topic;

    if (retained)
        return "retained";
    if (esc_mqtt_topic_parse(escertke_span_str(text), m->url.prefix, &topic) != ESCERTKE_OK)
        return "not a topic of oneM2M";
    switch (topic.kind) {
    case ESC_MQTT_REQ:
    case ESC_MQTT_REG_REQ:
        if (!is_self(m, topic.receiver) || (topic.kind == ESC_MQTT_REG_REQ && !m->cfg.is_cse))
            return "for another receiver";
        return esc_mqtt_responder_take(m, text, &topic, payload) ? NULL : "empty or too large, or no request is taken";
    case ESC_MQTT_RESP:
        if (!is_self(m, topic.originator))
            return "for another originator";
        break;
    case ESC_MQTT_REG_RESP: break;
    }
    return esc_mqtt_requester_take(m, &topic, payload) ? NULL : "a response that nobody waits for";
}

static void on_message(void *ctx, const char *text, escertke_span payload, bool retained)
{
    struct escertke_mqtt *m = ctx;
    const char *why = sort(m, text, payload, retained);
    char topic[160];

    if (!why)
        return;
    atomic_fetch_add(&m->ignored, 1);
    esc_printable(escertke_span_str(text), topic, sizeof topic);
    esc_log(&m->cfg.log, ESCERTKE_LEVEL_INFO, "mqtt.ignored", "topic=%s bytes=%zu reason=\"%s\"", topic, payload.len, why);
}

static void on_state(void *ctx, bool up, const char *why)
{
    struct escertke_mqtt *m = ctx;

    if (m->cfg.on_state)
        m->cfg.on_state(m->cfg.state_ctx, up, why);
}

/* ---- start -------------------------------------------------------------------------------------------------- */

/* Topics to listen at: requests to and responses for the own name in each of its forms, and of registrations (R-BM-2). */
struct topics {
    char text[ESC_MQTT_SUBSCRIPTIONS_MAX][ESC_MQTT_TOPIC_MAX + 1];
    const char *list[ESC_MQTT_SUBSCRIPTIONS_MAX];
    size_t count;
};

static void add_topic(struct topics *t, const char *prefix, const char *kind, const char *levels, const char *name)
{
    snprintf(t->text[t->count], sizeof t->text[0], "%s/oneM2M/%s/%s%s/#", prefix, kind, levels, name);
    t->list[t->count] = t->text[t->count];
    t->count++;
}

static void write_topics(const struct escertke_mqtt *m, struct topics *t)
{
    char name[ESC_MQTT_NAME_MAX + 1];

    t->count = 0;
    for (int form = 0; form < ESC_MQTT_FORMS; form++) {
        if (!esc_mqtt_name(&m->self, (enum esc_mqtt_form)form, name))
            continue;
        add_topic(t, m->url.prefix, "resp", "", name);
        if (m->cfg.handler)
            add_topic(t, m->url.prefix, "req", "+/", name);
        if (m->cfg.handler && m->cfg.is_cse)
            add_topic(t, m->url.prefix, "reg_req", "+/", name);
    }
    if (!m->cfg.is_cse)
        add_topic(t, m->url.prefix, "reg_resp", "", m->credential);
}

/* Who registers: a Credential-ID, with ":" for "/"; in want of one the own name. */
static escertke_err set_credential(struct escertke_mqtt *m, const char *credential, escertke_detail *d)
{
    struct esc_mqtt_topic probe = { .kind = ESC_MQTT_REG_REQ, .format = ESCERTKE_FORMAT_JSON };
    char topic[ESC_MQTT_TOPIC_MAX + 1];

    if (!credential) {
        (void)esc_mqtt_name(&m->self, ESC_MQTT_RELATIVE, m->credential);
        return ESCERTKE_OK;
    }
    if (strlen(credential) > ESC_MQTT_NAME_MAX)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.4", "the Credential-ID is too long");
    for (size_t i = 0; i <= strlen(credential); i++)
        m->credential[i] = credential[i] == '/' ? ':' : credential[i];
    probe.originator = probe.receiver = escertke_span_str(m->credential);
    if (esc_mqtt_topic_write("", &probe, topic, sizeof topic) == ESCERTKE_OK)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.4", "a Credential-ID that cannot stand in a topic: %.100s", credential);
}

static escertke_err check(struct escertke_mqtt *m, escertke_detail *d)
{
    const escertke_mqtt_config *cfg = &m->cfg;
    escertke_err err = esc_mqtt_url_parse(cfg->url, &m->url, d);

    if (err == ESCERTKE_OK && escertke_id_parse(escertke_span_str(cfg->self), &m->self) != ESCERTKE_OK)
        err =
            esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.3", "not an Absolute AE-ID or CSE-ID: %.200s", cfg->self ? cfg->self : "");
    if (err == ESCERTKE_OK && !cfg->tls_cert.len != !cfg->tls_key.len)
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "certificate and key for the broker go together");
    if (err == ESCERTKE_OK && (cfg->keepalive_s < 5 || (cfg->client_id && !*cfg->client_id)))
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "the Client Identifier is empty, or the keep-alive shorter than 5 s");
    return err == ESCERTKE_OK ? set_credential(m, cfg->credential_id, d) : err;
}

void esc_mqtt_client_id(const char *self, bool is_cse, char *out, size_t cap)
{
    const char *relative = strncmp(self, "//", 2) == 0 ? strchr(self + 2, '/') : NULL;

    snprintf(out, cap, "%s::%s", is_cse ? "C" : "A", relative ? relative : self);
}

static escertke_err open_link(struct escertke_mqtt *m, escertke_detail *d)
{
    const escertke_mqtt_config *cfg = &m->cfg;
    char id[ESCERTKE_ID_MAX + 8];
    struct topics *topics = esc_alloc(sizeof *topics);

    if (!topics)
        return ESCERTKE_ERR_NOMEM;
    write_topics(m, topics);
    esc_mqtt_client_id(m->self.text, cfg->is_cse, id, sizeof id);
    struct esc_mqtt_link_config link = { .url = &m->url,
                                         .client_id = cfg->client_id ? cfg->client_id : id,
                                         .user = cfg->user,
                                         .password = cfg->password,
                                         .tls_trust = cfg->tls_trust,
                                         .tls_cert = cfg->tls_cert,
                                         .tls_key = cfg->tls_key,
                                         .topics = topics->list,
                                         .topic_count = topics->count,
                                         .connect_timeout_ms = cfg->connect_timeout_ms,
                                         .keepalive_s = cfg->keepalive_s,
                                         .message = on_message,
                                         .state = on_state,
                                         .ctx = m,
                                         .log = cfg->log };
    escertke_err err = esc_mqtt_link_start(&link, &m->link, d);
    esc_release(topics);
    return err;
}

static void init_sync(struct escertke_mqtt *m)
{
    pthread_mutex_init(&m->lock, NULL);
    esc_until_init(&m->idle);
}

static escertke_err start(struct escertke_mqtt *m, escertke_detail *d)
{
    escertke_err err = check(m, d);

    if (err != ESCERTKE_OK)
        return err;
    esc_mqtt_url_write(&m->url, m->text, sizeof m->text);
    if (m->cfg.handler) {
        m->recent = esc_mqtt_recent_new();
        if (!m->recent)
            return ESCERTKE_ERR_NOMEM;
        err = esc_workers_start(m->cfg.workers, (size_t)m->cfg.workers * QUEUE_PER_WORKER, esc_mqtt_responder_run, &m->workers);
    }
    return err == ESCERTKE_OK ? open_link(m, d) : err;
}

escertke_err escertke_mqtt_start(const escertke_mqtt_config *cfg, escertke_mqtt **out, escertke_detail *d)
{
    escertke_mqtt *m;
    escertke_err err;

    if (!cfg || !out || !cfg->url)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a broker's URL is needed");
    *out = NULL;
    m = esc_zalloc(sizeof *m);
    if (!m)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
    m->cfg = *cfg;
    esc_whole_defaults(&m->cfg.workers, &m->cfg.connect_timeout_ms, &m->cfg.timeout_ms, &m->cfg.keepalive_s);
    init_sync(m);
    err = start(m, d);
    if (err == ESCERTKE_OK) {
        *out = m;
        return ESCERTKE_OK;
    }
    escertke_mqtt_stop(m, 0);
    return esc_fail(d, err, "", "%s", escertke_err_text(err));
}

const char *escertke_mqtt_url(const escertke_mqtt *m)
{
    return m->text;
}

escertke_err escertke_mqtt_wait(escertke_mqtt *m, uint32_t ms, escertke_detail *d)
{
    return esc_mqtt_link_wait(m->link, escertke_system_clock(NULL).mono_ms + ms, d);
}

void escertke_mqtt_get_stats(escertke_mqtt *m, escertke_mqtt_stats *out)
{
    struct esc_mqtt_link_stats link;

    esc_mqtt_link_get_stats(m->link, &link);
    *out = (escertke_mqtt_stats){ .connections = link.connections,
                                  .requests = atomic_load(&m->requests),
                                  .repeats = atomic_load(&m->repeats),
                                  .turned_away = atomic_load(&m->turned_away),
                                  .ignored = atomic_load(&m->ignored),
                                  .sent = link.sent,
                                  .waiting = link.waiting,
                                  .up = link.up };
}

/* ---- stop -------------------------------------------------------------------------------------------------- */

static void wait_idle(struct escertke_mqtt *m, uint64_t until_ms)
{
    int code = 0;

    pthread_mutex_lock(&m->lock);
    while (m->busy && !code)
        code = esc_until_wait(&m->idle, &m->lock, until_ms);
    pthread_mutex_unlock(&m->lock);
}

void esc_mqtt_drain(struct escertke_mqtt *m, unsigned drain_ms)
{
    uint64_t until_ms = escertke_system_clock(NULL).mono_ms + drain_ms;

    atomic_store(&m->draining, true);
    if (m->link)
        wait_idle(m, until_ms);
    if (m->workers)
        esc_workers_stop(m->workers, esc_mqtt_responder_drop);
    if (m->link) {
        uint64_t now_ms = escertke_system_clock(NULL).mono_ms;
        esc_mqtt_link_stop(m->link, now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0);
    }
    esc_mqtt_requester_end(m);
}

void escertke_mqtt_stop(escertke_mqtt *m, unsigned drain_ms)
{
    if (!m)
        return;
    esc_mqtt_drain(m, drain_ms);
    esc_mqtt_link_free(m->link);
    esc_workers_free(m->workers);
    esc_mqtt_recent_free(m->recent);
    pthread_cond_destroy(&m->idle);
    pthread_mutex_destroy(&m->lock);
    esc_release(m);
}

#include "binding/mqtt_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"

#define FIRST_WAIT_MS 500u
#define MOST_WAIT_MS 15000u
#define SETTLING_MS                                                                                                              \
    1000u /* and twice the wait before it: a connection that lives longer was a good one, the next wait is short */
#define SHORT_LIVES 3
#define WANTED_MS 1000u    /* longest wait while somebody waits for the connection */
#define TICK_MS 1000u      /* how often libmosquitto looks at its clock */
#define UNACKNOWLEDGED 64u /* messages that the broker has not confirmed; more wait in the queue */
#define GOODBYE_MS 500u
#define QOS 1
#define REFUSED 0x80 /* in a SUBACK */

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

/* What went wrong first tells more than what follows from it. */
static void note(struct esc_mqtt_link *l, const char *what, const char *more)
{
    char words[160];

    if (l->reason[0])
        return;
    esc_printable(escertke_span_str(more), words, sizeof words);
    snprintf(l->reason, sizeof l->reason, "%.100s%s%.90s", what, more[0] ? ": " : "", words);
}

static void enter(struct esc_mqtt_link *l, enum esc_mqtt_phase phase)
{
    l->phase = phase;
    l->since_ms = now_ms();
    l->tick_at_ms = l->since_ms + TICK_MS;
}

static void tell(struct esc_mqtt_link *l, bool up, const char *why)
{
    pthread_mutex_lock(&l->lock);
    l->up = up;
    l->connections += up;
    snprintf(l->why, sizeof l->why, "%s", why);
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
    esc_log(&l->cfg.log, ESCERTKE_LEVEL_INFO, up ? "mqtt.up" : "mqtt.down", "broker=%s:%u why=\"%s\"", l->url.at.host,
            (unsigned)l->url.at.port, why);
    if (l->cfg.state)
        l->cfg.state(l->cfg.ctx, up, why);
}

/* ---- down --------------------------------------------------------------------------------------------------- */

/* Of two clients that throw each other out, each lives as long as the other waits: that is no more than twice its own wait. */
static bool has_lasted(const struct esc_mqtt_link *l)
{
    return l->phase == ESC_MQTT_UP && now_ms() - l->since_ms >= 2 * (uint64_t)l->waited_ms + SETTLING_MS;
}

/* The connection, or the attempt at one, is over. The next address is tried at once, the first one again after a wait. */
static void failed(struct esc_mqtt_link *l, const char *what, const char *more)
{
    char tls[160];
    bool lasted = has_lasted(l);
    int fd = mosquitto_socket(l->client);

    esc_tls_context_why(l->tls, tls, sizeof tls);
    if (tls[0]) {
        l->reason[0] = '\0';
        note(l, tls, "");
    }
    note(l, what, more);
    if (fd >= 0) {
        shutdown(fd, SHUT_RDWR); /* libmosquitto has no word for "close it without a farewell" */
        (void)mosquitto_loop_read(l->client, 1);
    }
    if (lasted)
        esc_backoff_reset(&l->backoff);
    enter(l, ESC_MQTT_DOWN);
    l->try_at_ms = l->next_address ? l->since_ms : l->since_ms + (l->waited_ms = esc_backoff_next(&l->backoff));
    tell(l, false, l->reason);
    l->reason[0] = '\0';
}

/* Two clients of one Client Identifier throw each other out: what is told from a broker that ends by its being there at once. */
static const char *lost(struct esc_mqtt_link *l)
{
    if (l->phase == ESC_MQTT_CONNECTING) {
        l->short_lives = 0;
        return "no connection";
    }
    l->short_lives = has_lasted(l) ? 0 : l->short_lives + 1;
    return l->short_lives < SHORT_LIVES
               ? "the connection was lost"
               : "the connection is lost again and again: perhaps another client has the Client Identifier";
}

static const char *code_words(int rc)
{
    if (rc == MOSQ_ERR_CONN_LOST)
        return ""; /* there is no more to say */
    return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);
}

/* ---- up ----------------------------------------------------------------------------------------------------- */

static bool resolve(struct esc_mqtt_link *l)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

    if (l->next_address)
        return true;
    if (l->addresses)
        freeaddrinfo(l->addresses);
    l->addresses = NULL;
    int code = getaddrinfo(l->url.at.host, NULL, &hints, &l->addresses);
    l->next_address = code == 0 ? l->addresses : NULL;
    if (l->next_address)
        return true;
    l->addresses = NULL;
    failed(l, "the broker's name cannot be resolved", gai_strerror(code));
    return false;
}

/* libmosquitto would try a name's first address only, since it does not wait to see whether somebody is there. */
static void connect_next(struct esc_mqtt_link *l)
{
    char address[NI_MAXHOST];
    const struct addrinfo *ai;

    if (!resolve(l))
        return;
    ai = l->next_address;
    l->next_address = ai->ai_next;
    enter(l, ESC_MQTT_CONNECTING);
    l->give_up_at_ms = l->since_ms + l->cfg.connect_timeout_ms;
    int code = getnameinfo(ai->ai_addr, ai->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    int rc = code ? MOSQ_ERR_EAI : mosquitto_connect_async(l->client, address, l->url.at.port, (int)l->cfg.keepalive_s);
    if (rc != MOSQ_ERR_SUCCESS)
        failed(l, "no connection", code_words(rc));
}

static void on_connect(struct mosquitto *client, void *ctx, int code)
{
    struct esc_mqtt_link *l = ctx;

    if (code) {
        note(l, "the broker refuses the connection", mosquitto_connack_string(code));
        return;
    }
    enter(l, ESC_MQTT_SUBSCRIBING);
    int rc = mosquitto_subscribe_multiple(client, NULL, (int)l->cfg.topic_count, l->topics, QOS, 0, NULL);
    if (rc != MOSQ_ERR_SUCCESS)
        note(l, "topics cannot be subscribed to", mosquitto_strerror(rc));
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count, const int *granted)
{
    struct esc_mqtt_link *l = ctx;

    (void)client;
    (void)mid;
    for (int i = 0; i < count; i++)
        if (granted[i] >= REFUSED && (size_t)i < l->cfg.topic_count)
            note(l, "the broker refuses the topic", l->topics[i]);
    if (l->phase != ESC_MQTT_SUBSCRIBING || l->reason[0])
        return;
    l->next_address = NULL; /* after this connection the name is looked up anew */
    enter(l, ESC_MQTT_UP);
    tell(l, true, "connected");
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *m)
{
    struct esc_mqtt_link *l = ctx;

    (void)client;
    if (m->payloadlen >= 0)
        l->cfg.message(l->cfg.ctx, m->topic, (escertke_span){ m->payload, (size_t)m->payloadlen }, m->retain);
}

static void on_publish(struct mosquitto *client, void *ctx, int mid)
{
    struct esc_mqtt_link *l = ctx;

    (void)client;
    (void)mid;
    if (l->unacknowledged)
        l->unacknowledged--;
}

static void on_log(struct mosquitto *client, void *ctx, int level, const char *text)
{
    struct esc_mqtt_link *l = ctx;
    char words[200];

    (void)client;
    if (level != MOSQ_LOG_ERR && level != MOSQ_LOG_WARNING)
        return;
    esc_printable(escertke_span_str(text), words, sizeof words);
    esc_log(&l->cfg.log, ESCERTKE_LEVEL_DEBUG, "mqtt.library", "said=\"%s\"", words);
    if (level == MOSQ_LOG_ERR && l->phase != ESC_MQTT_UP)
        note(l, words, "");
}

static struct esc_mqtt_message *take(struct esc_mqtt_link *l)
{
    struct esc_mqtt_message *m;

    pthread_mutex_lock(&l->lock);
    m = esc_mqtt_queue_take(&l->queue);
    l->sent += m != NULL;
    pthread_mutex_unlock(&l->lock);
    return m;
}

/* Hand over what waits. From here on libmosquitto keeps it until the broker has confirmed it. */
static void publish_waiting(struct esc_mqtt_link *l)
{
    struct esc_mqtt_message *m;

    while (l->phase == ESC_MQTT_UP && l->unacknowledged < UNACKNOWLEDGED && (m = take(l)) != NULL) {
        int rc = mosquitto_publish(l->client, NULL, m->topic, (int)m->payload.len, m->payload.ptr, QOS, false);
        if (rc == MOSQ_ERR_SUCCESS)
            l->unacknowledged++;
        else
            esc_log(&l->cfg.log, ESCERTKE_LEVEL_WARN, "mqtt.dropped", "topic=%s reason=\"%s\"", m->topic, code_words(rc));
        esc_mqtt_message_free(m);
    }
}

/* Whatever is to be said, confirmations too, without asking first whether there is room: there nearly always is. */
static void write_waiting(struct esc_mqtt_link *l)
{
    if (l->phase != ESC_MQTT_UP || !mosquitto_want_write(l->client))
        return;
    errno = 0;
    int rc = mosquitto_loop_write(l->client, 1);
    if (rc != MOSQ_ERR_SUCCESS)
        failed(l, lost(l), code_words(rc));
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */

static uint64_t next_try(struct esc_mqtt_link *l)
{
    pthread_mutex_lock(&l->lock);
    bool wanted = l->waiters > 0;
    pthread_mutex_unlock(&l->lock);
    return wanted && l->try_at_ms > l->since_ms + WANTED_MS ? l->since_ms + WANTED_MS : l->try_at_ms;
}

static int poll_wait(struct esc_mqtt_link *l, uint64_t now, uint64_t stop_ms)
{
    uint64_t until = l->phase == ESC_MQTT_DOWN ? next_try(l) : l->tick_at_ms;

    if ((l->phase == ESC_MQTT_CONNECTING || l->phase == ESC_MQTT_SUBSCRIBING) && l->give_up_at_ms < until)
        until = l->give_up_at_ms;
    if (stop_ms && stop_ms < until)
        until = stop_ms;
    return until > now ? (int)(until - now) : 0;
}

static void drain_wake(const struct esc_mqtt_link *l)
{
    uint64_t count;
    ssize_t len = read(l->wake, &count, sizeof count);

    (void)len;
}

/* A connection that was refused, or closed in the middle of TLS, which libmosquitto 2.0 takes for a reason to go on waiting. */
static bool is_dead(int fd, short revents, bool shaking, char *words, size_t cap)
{
    int code = 0;
    socklen_t len = sizeof code;

    if (!(revents & (POLLERR | POLLHUP)) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        return false;
    snprintf(words, cap, "%s", code ? strerror(code) : "closed by the broker");
    return code != 0 || shaking;
}

static void serve_socket(struct esc_mqtt_link *l, int fd, short revents)
{
    bool to_write, shaking = esc_mqtt_tls_unfinished(l->client, &to_write);
    char words[100];
    int rc = MOSQ_ERR_SUCCESS;

    if (l->phase == ESC_MQTT_CONNECTING && is_dead(fd, revents, shaking, words, sizeof words)) {
        failed(l, lost(l), words);
        return;
    }
    errno = 0;
    if ((revents & (POLLIN | POLLERR | POLLHUP)) || (shaking && (revents & POLLOUT)))
        rc = mosquitto_loop_read(l->client, 1);
    if (rc == MOSQ_ERR_SUCCESS && !shaking && (revents & POLLOUT))
        rc = mosquitto_loop_write(l->client, 1);
    if (rc != MOSQ_ERR_SUCCESS)
        failed(l, lost(l), code_words(rc));
    else if (l->reason[0] && l->phase != ESC_MQTT_UP)
        failed(l, "", "");
}

static void wait_and_serve(struct esc_mqtt_link *l, uint64_t stop_ms)
{
    bool to_write, shaking = esc_mqtt_tls_unfinished(l->client, &to_write);
    int fd = l->phase == ESC_MQTT_DOWN ? -1 : mosquitto_socket(l->client);
    struct pollfd fds[2] = { { .fd = l->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

    if (fd >= 0 && (shaking ? to_write : mosquitto_want_write(l->client)))
        fds[1].events |= POLLOUT;
    if (poll(fds, 2, poll_wait(l, now_ms(), stop_ms)) < 0)
        return;
    if (fds[0].revents)
        drain_wake(l);
    if (fd >= 0 && fds[1].revents)
        serve_socket(l, fd, fds[1].revents);
}

static void look_at_clock(struct esc_mqtt_link *l)
{
    uint64_t now = now_ms();

    if (l->phase == ESC_MQTT_DOWN) {
        if (now >= next_try(l))
            connect_next(l);
        return;
    }
    if (l->phase != ESC_MQTT_UP && now >= l->give_up_at_ms) {
        failed(l, l->phase == ESC_MQTT_CONNECTING ? "no connection in time" : "topics not subscribed to in time", "");
        return;
    }
    if (now < l->tick_at_ms)
        return;
    l->tick_at_ms = now + TICK_MS;
    int rc = mosquitto_loop_misc(l->client);
    if (rc != MOSQ_ERR_SUCCESS)
        failed(l, lost(l), rc == MOSQ_ERR_KEEPALIVE ? "the broker does not answer" : code_words(rc));
    else if (mosquitto_socket(l->client) < 0)
        failed(l, lost(l), "");
}

/* May the thread end? @return until when it may go on, 0 = no end in sight */
static bool is_over(struct esc_mqtt_link *l, uint64_t *stop_ms)
{
    bool over;

    pthread_mutex_lock(&l->lock);
    *stop_ms = l->stopping ? l->drain_until : 0;
    over = l->stopping && (!(l->queue.count || l->unacknowledged) || now_ms() >= l->drain_until);
    pthread_mutex_unlock(&l->lock);
    return over;
}

static void say_goodbye(struct esc_mqtt_link *l)
{
    uint64_t until = now_ms() + GOODBYE_MS;

    if (l->phase != ESC_MQTT_UP || mosquitto_disconnect(l->client) != MOSQ_ERR_SUCCESS)
        return;
    while (mosquitto_socket(l->client) >= 0 && now_ms() < until) {
        struct pollfd fd = { .fd = mosquitto_socket(l->client), .events = POLLOUT };
        if (poll(&fd, 1, (int)GOODBYE_MS) <= 0 || mosquitto_loop_write(l->client, 1) != MOSQ_ERR_SUCCESS)
            return;
    }
}

void *esc_mqtt_loop(void *link)
{
    struct esc_mqtt_link *l = link;
    uint64_t stop_ms;

    l->backoff = (struct esc_backoff){ .first_ms = FIRST_WAIT_MS, .most_ms = MOST_WAIT_MS };
    mosquitto_connect_callback_set(l->client, on_connect);
    mosquitto_subscribe_callback_set(l->client, on_subscribe);
    mosquitto_message_callback_set(l->client, on_message);
    mosquitto_publish_callback_set(l->client, on_publish);
    mosquitto_log_callback_set(l->client, on_log);
    mosquitto_int_option(l->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311);
    mosquitto_int_option(l->client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(l->client, MOSQ_OPT_SEND_MAXIMUM, UNACKNOWLEDGED);
    mosquitto_threaded_set(l->client, true); /* what is published is written below, where failure is seen */
    while (!is_over(l, &stop_ms)) {
        look_at_clock(l);
        publish_waiting(l);
        write_waiting(l);
        wait_and_serve(l, stop_ms);
    }
    say_goodbye(l);
    return NULL;
}

#include "mqtt_broker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 8, SESSIONS = 16, FILTERS = 16, INPUT = 1 << 20, POLL_MS = 5 };

struct message {
    struct message *next;
    uint16_t id;
    bool sent; /* to this connection or an earlier one: the next time it is a duplicate */
    bool retained;
    size_t len;
    char topic[1100];
    uint8_t payload[];
};

struct session {
    char id[300];
    char filters[FILTERS][1100];
    size_t count;
    struct message *messages; /* not acknowledged, the oldest first */
    uint16_t next_id;
};

struct client {
    int fd;
    struct session *session;
    uint8_t *in;
    size_t len;
};

struct broker {
    pthread_t thread;
    pthread_mutex_t lock;
    bool stopping, down;
    int fd;
    uint16_t port;
    char url[64];
    struct broker_faults faults;
    struct broker_seen seen;
    struct client clients[CLIENTS];
    struct session sessions[SESSIONS];
    struct message *held;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* ---- faults --------------------------------------------------------------------------------------------------- */

static bool closes(struct broker *b, enum broker_step step)
{
    if (b->faults.close_at != step)
        return false;
    if (b->faults.close_times && --b->faults.close_times == 0)
        b->faults.close_at = BROKER_NEVER;
    return true;
}

static void drop_client(struct client *c)
{
    if (c->fd < 0)
        return;
    close(c->fd);
    free(c->in);
    *c = (struct client){ .fd = -1 };
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

static void put(struct client *c, const void *octets, size_t len)
{
    const char *at = octets;

    while (c->fd >= 0 && len) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the end of the connection is seen when it is read */
        at += n;
        len -= (size_t)n;
    }
}

static void put_publish(struct client *c, const struct message *m, bool duplicate)
{
    size_t topic = strlen(m->topic), rest = 2 + topic + 2 + m->len, at = 0;
    uint8_t *out = malloc(rest + 5);

    must(out != NULL, "malloc");
    out[at++] = (uint8_t)(0x32 | (duplicate ? 8 : 0) | (m->retained ? 1 : 0));
    for (size_t left = rest; at == 1 || left;) {
        out[at++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
        left >>= 7;
    }
    out[at++] = (uint8_t)(topic >> 8);
    out[at++] = (uint8_t)topic;
    memcpy(out + at, m->topic, topic);
    at += topic;
    out[at++] = (uint8_t)(m->id >> 8);
    out[at++] = (uint8_t)m->id;
    memcpy(out + at, m->payload, m->len);
    put(c, out, at + m->len);
    free(out);
}

static struct client *client_of(struct broker *b, const struct session *s)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (b->clients[i].fd >= 0 && b->clients[i].session == s)
            return &b->clients[i];
    return NULL;
}

static struct message *new_message(const char *topic, const void *payload, size_t len, bool retained)
{
    struct message *m = calloc(1, sizeof *m + len);

    must(m != NULL, "calloc");
    snprintf(m->topic, sizeof m->topic, "%s", topic);
    memcpy(m->payload, payload, len);
    m->len = len;
    m->retained = retained;
    return m;
}

static void queue_to(struct broker *b, struct session *s, const struct message *from)
{
    struct message *m = new_message(from->topic, from->payload, from->len, from->retained), **end = &s->messages;
    struct client *c = client_of(b, s);

    while (*end)
        end = &(*end)->next;
    *end = m;
    m->id = ++s->next_id;
    for (int i = 0; c && i <= b->faults.copies; i++)
        put_publish(c, m, i > 0);
    m->sent = c != NULL;
}

static bool matches(const char *filter, const char *topic)
{
    while (*filter) {
        if (*filter == '#')
            return true;
        if (*filter == '+') {
            topic += strcspn(topic, "/");
            filter++;
        } else if (*filter++ != *topic++) {
            return false;
        }
    }
    return *topic == '\0';
}

static void deliver(struct broker *b, const struct message *m)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        struct session *s = &b->sessions[i];
        bool wanted = false;
        for (size_t k = 0; k < s->count; k++)
            wanted = wanted || matches(s->filters[k], m->topic);
        if (wanted)
            queue_to(b, s, m);
    }
}

/* ---- in ------------------------------------------------------------------------------------------------------- */

static const uint8_t *take_text(const uint8_t *at, const uint8_t *end, char *out, size_t cap)
{
    if (!at || end - at < 2)
        return NULL;
    size_t len = (size_t)at[0] << 8 | at[1];
    if ((size_t)(end - at - 2) < len)
        return NULL;
    snprintf(out, cap, "%.*s", (int)len, (const char *)at + 2);
    return at + 2 + len;
}

static struct session *session_of(struct broker *b, const char *id)
{
    for (size_t i = 0; i < SESSIONS; i++)
        if (strcmp(b->sessions[i].id, id) == 0)
            return &b->sessions[i];
    for (size_t i = 0; i < SESSIONS; i++)
        if (!b->sessions[i].id[0]) {
            snprintf(b->sessions[i].id, sizeof b->sessions[i].id, "%s", id);
            return &b->sessions[i];
        }
    abort();
}

static void take_connect(struct broker *b, struct client *c, const uint8_t *at, const uint8_t *end)
{
    uint8_t connack[4] = { 0x20, 2, 0, (uint8_t)b->faults.connack };
    char protocol[8] = "", will[8];
    struct client *other;

    b->seen.connects++;
    at = take_text(at, end, protocol, sizeof protocol);
    if (!at || end - at < 4 || strcmp(protocol, "MQTT") != 0) {
        drop_client(c);
        return;
    }
    b->seen.level = at[0];
    b->seen.connect_flags = at[1];
    b->seen.keepalive = (uint16_t)(at[2] << 8 | at[3]);
    at = take_text(at + 4, end, b->seen.client_id, sizeof b->seen.client_id);
    if (b->seen.connect_flags & 4)
        at = take_text(take_text(at, end, will, sizeof will), end, will, sizeof will);
    b->seen.user[0] = b->seen.password[0] = '\0';
    if (b->seen.connect_flags & 0x80)
        at = take_text(at, end, b->seen.user, sizeof b->seen.user);
    if (b->seen.connect_flags & 0x40)
        (void)take_text(at, end, b->seen.password, sizeof b->seen.password);
    if (closes(b, BROKER_AT_CONNECT)) {
        drop_client(c);
        return;
    }
    if (b->faults.mute)
        return;
    if (b->faults.garbage) {
        put(c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        return;
    }
    struct session *s = session_of(b, b->seen.client_id);
    if ((other = client_of(b, s)) != NULL)
        drop_client(other);
    c->session = s;
    connack[2] = s->count > 0;
    put(c, connack, sizeof connack);
    for (struct message *m = s->messages; m && !b->faults.connack; m = m->next) {
        put_publish(c, m, m->sent);
        m->sent = true;
    }
}

static void take_subscribe(struct broker *b, struct client *c, const uint8_t *at, const uint8_t *end)
{
    uint8_t suback[4 + FILTERS] = { 0x90, 2, at[0], at[1] };
    struct session *s = c->session;

    b->seen.subscribes++;
    b->seen.topics[0] = '\0';
    if (closes(b, BROKER_AT_SUBSCRIBE)) {
        drop_client(c);
        return;
    }
    s->count = 0;
    for (at += 2; at && at < end && s->count < FILTERS;) {
        size_t used = strlen(b->seen.topics);
        at = take_text(at, end, s->filters[s->count], sizeof s->filters[0]);
        if (!at)
            break;
        snprintf(b->seen.topics + used, sizeof b->seen.topics - used, "%s%s", used ? " " : "", s->filters[s->count]);
        suback[4 + s->count++] = *at++;
        suback[1]++;
    }
    if (b->faults.suback_refuses)
        suback[3 + s->count] = 0x80;
    if (!b->faults.mute)
        put(c, suback, 4 + s->count);
}

static void take_publish(struct broker *b, struct client *c, uint8_t flags, const uint8_t *at, const uint8_t *end)
{
    char topic[1100];

    b->seen.publishes++;
    b->seen.duplicates += (flags & 8) != 0;
    b->seen.publish_flags = flags;
    if (closes(b, BROKER_AT_PUBLISH) || !(at = take_text(at, end, topic, sizeof topic)) || end - at < 2) {
        drop_client(c);
        return;
    }
    uint8_t puback[4] = { 0x40, 2, at[0], at[1] };
    at += 2;
    snprintf(b->seen.last_topic, sizeof b->seen.last_topic, "%s", topic);
    snprintf(b->seen.payload, sizeof b->seen.payload, "%.*s", (int)(end - at), (const char *)at);
    struct message *m = new_message(topic, at, (size_t)(end - at), false);
    bool cut = closes(b, BROKER_AT_PUBACK); /* it has the message, but does not say so */
    if (!cut && !b->faults.mute)
        put(c, puback, sizeof puback);
    if (b->faults.hold) {
        m->next = b->held;
        b->held = m;
    } else {
        if (!b->faults.drop)
            deliver(b, m);
        free(m);
    }
    if (cut || closes(b, BROKER_AFTER_PUBACK))
        drop_client(c);
}

static void take_puback(struct broker *b, struct client *c, const uint8_t *at)
{
    uint16_t id = (uint16_t)(at[0] << 8 | at[1]);

    b->seen.pubacks++;
    for (struct message **m = &c->session->messages; *m; m = &(*m)->next)
        if ((*m)->id == id) {
            struct message *done = *m;
            *m = done->next;
            free(done);
            return;
        }
}

static void take_packet(struct broker *b, struct client *c, uint8_t first, const uint8_t *at, size_t len)
{
    if (first >> 4 != 1 && !c->session) {
        drop_client(c);
        return;
    }
    switch (first >> 4) {
    case 1: take_connect(b, c, at, at + len); break;
    case 3: take_publish(b, c, first & 15, at, at + len); break;
    case 4: take_puback(b, c, at); break;
    case 8: take_subscribe(b, c, at, at + len); break;
    case 12:
        b->seen.pings++;
        if (!b->faults.mute)
            put(c, "\xD0\0", 2);
        break;
    case 14: b->seen.disconnects++; /* fall through */
    default: drop_client(c);
    }
}

static void take_octets(struct broker *b, struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, INPUT - c->len, 0);

    if (n <= 0) {
        drop_client(c);
        return;
    }
    c->len += (size_t)n;
    while (c->fd >= 0 && c->len >= 2) {
        size_t rest = 0, at = 1, shift = 0;
        while (at < c->len && at < 5) {
            rest |= (size_t)(c->in[at] & 127) << shift;
            shift += 7;
            if (!(c->in[at++] & 128))
                break;
        }
        if (c->in[at - 1] & 128 || c->len < at + rest)
            return;
        take_packet(b, c, c->in[0], c->in + at, rest);
        if (c->fd < 0)
            return;
        c->len -= at + rest;
        memmove(c->in, c->in + at + rest, c->len);
    }
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static void take_client(struct broker *b)
{
    int fd = accept(b->fd, NULL, NULL);

    for (size_t i = 0; fd >= 0 && i < CLIENTS; i++)
        if (b->clients[i].fd < 0) {
            if (closes(b, BROKER_AT_ACCEPT))
                break;
            b->clients[i] = (struct client){ .fd = fd, .in = malloc(INPUT) };
            must(b->clients[i].in != NULL, "malloc");
            return;
        }
    if (fd >= 0)
        close(fd);
}

static void *serve(void *arg)
{
    struct broker *b = arg;

    for (;;) {
        struct pollfd fds[CLIENTS + 1];
        pthread_mutex_lock(&b->lock);
        bool stopping = b->stopping;
        for (size_t i = 0; i < CLIENTS; i++)
            fds[i] = (struct pollfd){ .fd = b->clients[i].fd, .events = POLLIN };
        fds[CLIENTS] = (struct pollfd){ .fd = b->down ? -1 : b->fd, .events = POLLIN };
        pthread_mutex_unlock(&b->lock);
        if (stopping)
            return NULL;
        if (poll(fds, CLIENTS + 1, POLL_MS) <= 0)
            continue;
        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < CLIENTS; i++)
            if (fds[i].fd >= 0 && fds[i].fd == b->clients[i].fd && fds[i].revents)
                take_octets(b, &b->clients[i]);
        if (fds[CLIENTS].revents && !b->down)
            take_client(b);
        pthread_mutex_unlock(&b->lock);
    }
}

static void open_port(struct broker *b)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(b->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int one = 1;

    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(b->fd >= 0, "socket");
    setsockopt(b->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(bind(b->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(b->fd, 16) == 0, "listen");
    must(getsockname(b->fd, (struct sockaddr *)&at, &len) == 0, "getsockname");
    b->port = ntohs(at.sin_port);
}

struct broker *broker_start(void)
{
    struct broker *b = calloc(1, sizeof *b);

    must(b != NULL, "calloc");
    pthread_mutex_init(&b->lock, NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        b->clients[i].fd = -1;
    open_port(b);
    snprintf(b->url, sizeof b->url, "mqtt://127.0.0.1:%u", (unsigned)b->port);
    must(pthread_create(&b->thread, NULL, serve, b) == 0, "pthread_create");
    return b;
}

const char *broker_url(const struct broker *b)
{
    return b->url;
}

void broker_set(struct broker *b, const struct broker_faults *f)
{
    pthread_mutex_lock(&b->lock);
    b->faults = *f;
    pthread_mutex_unlock(&b->lock);
}

void broker_get(struct broker *b, struct broker_seen *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->seen;
    pthread_mutex_unlock(&b->lock);
}

void broker_release(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->faults.hold = false;
    while (b->held) {
        struct message *m = b->held;
        b->held = m->next;
        deliver(b, m);
        free(m);
    }
    pthread_mutex_unlock(&b->lock);
}

void broker_inject(struct broker *b, const char *topic, const void *payload, size_t len, bool retained)
{
    struct message *m = new_message(topic, payload, len, retained);

    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < CLIENTS; i++)
        if (b->clients[i].fd >= 0 && b->clients[i].session)
            queue_to(b, b->clients[i].session, m);
    pthread_mutex_unlock(&b->lock);
    free(m);
}

static void lose_session(struct session *s)
{
    while (s->messages) {
        struct message *m = s->messages;
        s->messages = m->next;
        free(m);
    }
    memset(s, 0, sizeof *s);
}

void broker_down(struct broker *b, bool lose_sessions)
{
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < CLIENTS; i++)
        drop_client(&b->clients[i]);
    for (size_t i = 0; lose_sessions && i < SESSIONS; i++)
        lose_session(&b->sessions[i]);
    close(b->fd);
    b->fd = -1;
    b->down = true;
    pthread_mutex_unlock(&b->lock);
    usleep(4 * POLL_MS * 1000); /* until the other thread has stopped to poll it, the socket still takes connections */
}

void broker_up(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    open_port(b);
    b->down = false;
    pthread_mutex_unlock(&b->lock);
}

void broker_stop(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    if (!b->down)
        broker_down(b, true);
    for (size_t i = 0; i < SESSIONS; i++)
        lose_session(&b->sessions[i]);
    while (b->held) {
        struct message *m = b->held;
        b->held = m->next;
        free(m);
    }
    pthread_mutex_destroy(&b->lock);
    free(b);
}

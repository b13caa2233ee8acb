/* metrics.c - the text: names as Prometheus wants them (snake_case, base units, _total), one table for what is simply counted. */
#include "metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct text {
    escertke_buf *out;
    escertke_err err; /* the first */
};

static void put(struct text *t, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);

static void put(struct text *t, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (t->err == ESCERTKE_OK)
        t->err = len < 0 || len >= (int)sizeof line ? ESCERTKE_ERR_TOO_LARGE : escertke_buf_append(t->out, line, (size_t)len);
}

static void head(struct text *t, const char *name, const char *type, const char *help)
{
    put(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct text *t, const char *name, const char *help, uint64_t value)
{
    head(t, name, "counter", help);
    put(t, "%s %" PRIu64 "\n", name, value);
}

static void gauge(struct text *t, const char *name, const char *help, double value)
{
    head(t, name, "gauge", help);
    put(t, "%s %.17g\n", name, value);
}

/* ---- the end-point ------------------------------------------------------------------------------------------ */

static void write_counters(struct text *t, const escertke_terminator_stats *s)
{
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        { "escertke_established_total", "Keys established.", s->established },
        { "escertke_replayed_total", "Repeated messages that got the answer they had got before.", s->replayed },
        { "escertke_alerts_total", "TLS alerts received.", s->alerts },
        { "escertke_expired_total", "Half-open handshakes that passed their deadline.", s->expired },
        { "escertke_evicted_total", "Half-open handshakes that gave up their place.", s->evicted },
        { "escertke_superseded_total", "Half-open handshakes that went because another of the same originator led to a key.",
          s->superseded },
        { "escertke_limited_total", "Messages refused because a rate or the number of half-open handshakes was reached.",
          s->limited },
        { "escertke_unmatched_total", "Messages M3 that fitted no half-open handshake.", s->unmatched },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        counter(t, rows[i].name, rows[i].help, rows[i].value);
}

static void write_refused(struct text *t, const struct event_counts *c)
{
    static const char name[] = "escertke_refused_total";

    head(t, name, "counter", "Messages answered with an error, by the error's name.");
    for (int i = 0; i < EVENT_BOOK_ERRORS; i++)
        if (c->refused[i])
            put(t, "%s{error=\"%s\"} %" PRIu64 "\n", name, escertke_err_name((escertke_err)i), c->refused[i]);
}

static void write_endpoint(struct text *t, struct metrics *m)
{
    escertke_terminator_stats s;
    struct event_counts c;

    escertke_terminator_get_stats(m->terminator, &s);
    event_book_get_counts(m->book, &c);
    head(t, "escertke_messages_total", "counter", "ESCertKE messages received.");
    put(t, "escertke_messages_total{message=\"m1\"} %" PRIu64 "\n", s.m1);
    put(t, "escertke_messages_total{message=\"m3\"} %" PRIu64 "\n", s.m3);
    write_counters(t, &s);
    write_refused(t, &c);
    head(t, "escertke_run_seconds", "summary", "Time from the first message to the key, of runs that led to one.");
    put(t, "escertke_run_seconds_sum %.3f\nescertke_run_seconds_count %" PRIu64 "\n", (double)c.runs_ms / 1000, c.runs);
    gauge(t, "escertke_pending", "Half-open handshakes.", (double)s.pending);
    gauge(t, "escertke_pending_bytes", "Memory counted for them.", (double)s.pending_bytes);
    gauge(t, "escertke_replay_entries", "Last answers kept for repetitions.", (double)s.replay_entries);
    if (m->registered)
        gauge(t, "escertke_registered", "1 if the own resource is registered at the CSE.", atomic_load(m->registered));
}

/* ---- HTTP, all listeners together ------------------------------------------------------------------------------ */

static void write_http(struct text *t, const struct hop_listeners *l)
{
    escertke_http_server_stats all = { 0 }, s;

    for (size_t i = 0; i < l->count; i++) {
        if (!l->list[i].http)
            continue;
        escertke_http_server_get_stats(l->list[i].http, &s);
        all.accepted += s.accepted;
        all.too_slow += s.too_slow;
        all.crowded_out += s.crowded_out;
        all.turned_away += s.turned_away;
        all.connections += s.connections;
        all.busy += s.busy;
        for (int k = 0; k < 5; k++)
            all.responses[k] += s.responses[k];
    }
    counter(t, "escertke_http_accepted_total", "Connections accepted.", all.accepted);
    head(t, "escertke_http_connections_ended_total", "counter", "Connections ended by this side.");
    put(t, "escertke_http_connections_ended_total{reason=\"slow\"} %" PRIu64 "\n", all.too_slow);
    put(t, "escertke_http_connections_ended_total{reason=\"crowded\"} %" PRIu64 "\n", all.crowded_out);
    head(t, "escertke_http_responses_total", "counter", "Responses by class of their status.");
    for (int k = 2; k <= 5; k++)
        put(t, "escertke_http_responses_total{class=\"%dxx\"} %" PRIu64 "\n", k, all.responses[k - 1]);
    counter(t, "escertke_http_turned_away_total", "Requests answered 503 because too many waited.", all.turned_away);
    gauge(t, "escertke_http_connections", "Connections there are.", (double)all.connections);
    gauge(t, "escertke_http_requests_active", "Requests being answered.", (double)all.busy);
}

/* ---- CoAP, all listeners together; nothing where none is used --------------------------------------------------- */

static void write_coap(struct text *t, const struct hop_listeners *l)
{
    escertke_coap_stats all = { 0 }, s;
    unsigned listeners = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (!l->list[i].coap)
            continue;
        escertke_coap_server_get_stats(l->list[i].coap, &s);
        listeners++;
        all.datagrams += s.datagrams;
        all.malformed += s.malformed;
        all.repeats += s.repeats;
        all.requests += s.requests;
        all.turned_away += s.turned_away;
        all.resent += s.resent;
        all.sessions_lost += s.sessions_lost;
        all.sessions += s.sessions;
        all.transfers += s.transfers;
        all.busy += s.busy;
        for (int k = 0; k < 3; k++)
            all.responses[k] += s.responses[k];
    }
    if (!listeners)
        return;
    counter(t, "escertke_coap_messages_total", "Messages received.", all.datagrams);
    counter(t, "escertke_coap_malformed_total", "Of these, no CoAP.", all.malformed);
    counter(t, "escertke_coap_repeats_total", "Requests that came again and were not taken again.", all.repeats);
    counter(t, "escertke_coap_requests_total", "Requests taken.", all.requests);
    head(t, "escertke_coap_responses_total", "counter", "Responses by class of their code, one for each block.");
    for (int k = 0; k < 3; k++)
        put(t, "escertke_coap_responses_total{class=\"%d.xx\"} %" PRIu64 "\n", k ? k + 3 : 2, all.responses[k]);
    counter(t, "escertke_coap_turned_away_total", "Requests answered 5.03 because too much was under way.", all.turned_away);
    counter(t, "escertke_coap_resent_total", "Responses sent again because nobody confirmed them.", all.resent);
    counter(t, "escertke_coap_sessions_lost_total", "DTLS handshakes that failed, and sessions that gave way to others.",
            all.sessions_lost);
    gauge(t, "escertke_coap_sessions", "DTLS sessions there are.", (double)all.sessions);
    gauge(t, "escertke_coap_transfers", "Contents under way in blocks.", (double)all.transfers);
    gauge(t, "escertke_coap_requests_active", "Requests being answered.", (double)all.busy);
}

/* ---- MQTT, all brokers together; nothing where none is used ------------------------------------------------------ */

static void write_mqtt(struct text *t, const struct hop_listeners *l)
{
    escertke_mqtt_stats all = { 0 }, s;
    unsigned brokers = 0, up = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (!l->list[i].mqtt)
            continue;
        escertke_mqtt_get_stats(l->list[i].mqtt, &s);
        brokers++;
        up += s.up;
        all.connections += s.connections;
        all.requests += s.requests;
        all.repeats += s.repeats;
        all.turned_away += s.turned_away;
        all.ignored += s.ignored;
        all.sent += s.sent;
        all.waiting += s.waiting;
    }
    if (!brokers)
        return;
    gauge(t, "escertke_mqtt_brokers", "Brokers that are listened at.", brokers);
    gauge(t, "escertke_mqtt_brokers_connected", "Of these, connected to.", up);
    counter(t, "escertke_mqtt_connections_total", "Connections made.", all.connections);
    counter(t, "escertke_mqtt_requests_total", "Requests taken.", all.requests);
    counter(t, "escertke_mqtt_repeats_total", "Of these, delivered again and not handled again.", all.repeats);
    counter(t, "escertke_mqtt_turned_away_total", "Requests answered 5000 because too many waited.", all.turned_away);
    counter(t, "escertke_mqtt_ignored_total", "Messages that mean nothing here.", all.ignored);
    counter(t, "escertke_mqtt_sent_total", "Messages given to a broker.", all.sent);
    gauge(t, "escertke_mqtt_waiting", "Messages that wait for a broker.", (double)all.waiting);
}

/* ---- the process -------------------------------------------------------------------------------------------- */

static void write_memory(struct text *t)
{
    char line[256], *rest;
    FILE *f = fopen("/proc/self/statm", "re");
    long page = sysconf(_SC_PAGESIZE);

    if (!f)
        return;
    if (fgets(line, sizeof line, f)) { /* "size resident ...", in pages */
        unsigned long size = strtoul(line, &rest, 10), resident = strtoul(rest, NULL, 10);
        gauge(t, "process_virtual_memory_bytes", "Virtual memory.", (double)size * (double)page);
        gauge(t, "process_resident_memory_bytes", "Resident memory.", (double)resident * (double)page);
    }
    fclose(f);
}

static void write_descriptors(struct text *t)
{
    struct rlimit limit;
    unsigned count = 0;
    DIR *d = opendir("/proc/self/fd");

    while (d && readdir(d))
        count++;
    if (d) {
        closedir(d);
        gauge(t, "process_open_fds", "Open file descriptors.", count - 3); /* ".", ".." and the folder itself */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        gauge(t, "process_max_fds", "File descriptors allowed.", (double)limit.rlim_cur);
}

static void write_process(struct text *t, const struct metrics *m)
{
    struct timespec cpu = { 0, 0 };

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    head(t, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
    put(t, "process_cpu_seconds_total %.3f\n", (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    gauge(t, "process_start_time_seconds", "Start, seconds since 1970.", (double)m->started_s);
    write_memory(t);
    write_descriptors(t);
    head(t, "escertke_build_info", "gauge", "1; the labels say the version.");
    put(t, "escertke_build_info{version=\"%s\"} 1\n", ESCERTKE_VERSION);
}

escertke_err metrics_write(struct metrics *m, escertke_buf *out)
{
    struct text t = { .out = out };

    write_endpoint(&t, m);
    write_http(&t, m->listeners);
    write_coap(&t, m->listeners);
    write_mqtt(&t, m->listeners);
    write_process(&t, m);
    return t.err;
}

/* ---- ready? ------------------------------------------------------------------------------------------------- */

escertke_err metrics_write_ready(struct metrics *m, escertke_buf *out)
{
    static const uint8_t nobodys[ESCERTKE_KEY_ID_LEN]; /* any will do: the store has to look for it */
    struct text t = { .out = out };
    escertke_key_entry entry;
    escertke_detail d;
    size_t before = out->len;

    escertke_detail_init(&d);
    escertke_err err = m->store->ops->get(m->store->state, nobodys, (int64_t)time(NULL), &entry, &d);
    if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOT_FOUND)
        put(&t, "the key store does not answer: %.300s\n", d.reason[0] ? d.reason : escertke_err_text(err));
    escertke_wipe(&entry, sizeof entry);
    if (m->registered && !atomic_load(m->registered))
        put(&t, "not registered yet\n");
    if (m->polling && !atomic_load(m->polling))
        put(&t, "no polling channel\n");
    for (size_t i = 0; i < m->listeners->count; i++)
        if (esc_listener_ready(&m->listeners->list[i], 0, NULL) != ESCERTKE_OK)
            put(&t, "not connected to the broker %s\n", esc_listener_url(&m->listeners->list[i]));
    if (t.err != ESCERTKE_OK)
        return t.err;
    if (out->len != before)
        return ESCERTKE_ERR_STATE;
    put(&t, "ready\n");
    return t.err;
}

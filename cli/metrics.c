/* metrics.c - the text: names as Prometheus wants them (snake_case, base units, _total), one table for what is simply counted. */
#include "metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "metrics_text.h"

/* ---- the end-point ------------------------------------------------------------------------------------------ */

static void write_counters(struct metrics_text *t, const escertke_terminator_stats *s)
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
        metrics_counter(t, rows[i].name, rows[i].help, rows[i].value);
}

static void write_refused(struct metrics_text *t, const struct event_counts *c)
{
    static const char name[] = "escertke_refused_total";

    metrics_head(t, name, "counter", "Messages answered with an error, by the error's name.");
    for (int i = 0; i < EVENT_BOOK_ERRORS; i++)
        if (c->refused[i])
            metrics_put(t, "%s{error=\"%s\"} %" PRIu64 "\n", name, escertke_err_name((escertke_err)i), c->refused[i]);
}

static void write_endpoint(struct metrics_text *t, struct metrics *m)
{
    escertke_terminator_stats s;
    struct event_counts c;

    escertke_terminator_get_stats(m->terminator, &s);
    event_book_get_counts(m->book, &c);
    metrics_head(t, "escertke_messages_total", "counter", "ESCertKE messages received.");
    metrics_put(t, "escertke_messages_total{message=\"m1\"} %" PRIu64 "\n", s.m1);
    metrics_put(t, "escertke_messages_total{message=\"m3\"} %" PRIu64 "\n", s.m3);
    write_counters(t, &s);
    write_refused(t, &c);
    metrics_head(t, "escertke_run_seconds", "summary", "Time from the first message to the key, of runs that led to one.");
    metrics_put(t, "escertke_run_seconds_sum %.3f\nescertke_run_seconds_count %" PRIu64 "\n", (double)c.runs_ms / 1000, c.runs);
    metrics_gauge(t, "escertke_pending", "Half-open handshakes.", (double)s.pending);
    metrics_gauge(t, "escertke_pending_bytes", "Memory counted for them.", (double)s.pending_bytes);
    metrics_gauge(t, "escertke_replay_entries", "Last answers kept for repetitions.", (double)s.replay_entries);
    if (m->registered)
        metrics_gauge(t, "escertke_registered", "1 if the own resource is registered at the CSE.", atomic_load(m->registered));
}

/* ---- the process -------------------------------------------------------------------------------------------- */

static void write_memory(struct metrics_text *t)
{
    char line[256], *rest;
    FILE *f = fopen("/proc/self/statm", "re");
    long page = sysconf(_SC_PAGESIZE);

    if (!f)
        return;
    if (fgets(line, sizeof line, f)) { /* "size resident ...", in pages */
        unsigned long size = strtoul(line, &rest, 10), resident = strtoul(rest, NULL, 10);
        metrics_gauge(t, "process_virtual_memory_bytes", "Virtual memory.", (double)size * (double)page);
        metrics_gauge(t, "process_resident_memory_bytes", "Resident memory.", (double)resident * (double)page);
    }
    fclose(f);
}

static void write_descriptors(struct metrics_text *t)
{
    struct rlimit limit;
    unsigned count = 0;
    DIR *d = opendir("/proc/self/fd");

    while (d && readdir(d))
        count++;
    if (d) {
        closedir(d);
        metrics_gauge(t, "process_open_fds", "Open file descriptors.", count - 3); /* ".", ".." and the folder itself */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_gauge(t, "process_max_fds", "File descriptors allowed.", (double)limit.rlim_cur);
}

static void write_process(struct metrics_text *t, const struct metrics *m)
{
    struct timespec cpu = { 0, 0 };

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    metrics_head(t, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
    metrics_put(t, "process_cpu_seconds_total %.3f\n", (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    metrics_gauge(t, "process_start_time_seconds", "Start, seconds since 1970.", (double)m->started_s);
    write_memory(t);
    write_descriptors(t);
    metrics_head(t, "escertke_build_info", "gauge", "1; the labels say the version.");
    metrics_put(t, "escertke_build_info{version=\"%s\"} 1\n", ESCERTKE_VERSION);
}

escertke_err metrics_write(struct metrics *m, escertke_buf *out)
{
    struct metrics_text t = { .out = out };

    write_endpoint(&t, m);
    metrics_bindings(&t, m->listeners);
    write_process(&t, m);
    return t.err;
}

/* ---- ready? ------------------------------------------------------------------------------------------------- */

escertke_err metrics_write_ready(struct metrics *m, escertke_buf *out)
{
    static const uint8_t nobodys[ESCERTKE_KEY_ID_LEN]; /* any will do: the store has to look for it */
    struct metrics_text t = { .out = out };
    escertke_key_entry entry;
    escertke_detail d;
    size_t before = out->len;

    escertke_detail_init(&d);
    escertke_err err = m->store->ops->get(m->store->state, nobodys, (int64_t)time(NULL), &entry, &d);
    if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOT_FOUND)
        metrics_put(&t, "the key store does not answer: %.300s\n", d.reason[0] ? d.reason : escertke_err_text(err));
    escertke_wipe(&entry, sizeof entry);
    if (m->registered && !atomic_load(m->registered))
        metrics_put(&t, "not registered yet\n");
    if (m->polling && !atomic_load(m->polling))
        metrics_put(&t, "no polling channel\n");
    for (size_t i = 0; i < m->listeners->count; i++)
        if (esc_listener_ready(&m->listeners->list[i], 0, NULL) != ESCERTKE_OK)
            metrics_put(&t, "not connected to the broker %s\n", esc_listener_url(&m->listeners->list[i]));
    if (t.err != ESCERTKE_OK)
        return t.err;
    if (out->len != before)
        return ESCERTKE_ERR_STATE;
    metrics_put(&t, "ready\n");
    return t.err;
}

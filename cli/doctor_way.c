#include "doctor.h"

#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "binding/binding.h"
#include "out.h"

/* ---- where this machine is reached ------------------------------------------------------------------------------ */

static bool split(const char *url, char *host, size_t cap)
{
    const char *at = strstr(url, "://"), *end;

    if (!at)
        return false;
    at += 3;
    end = *at == '[' ? strchr(at, ']') : at + strcspn(at, ":/");
    at += *at == '[';
    if (!end || (size_t)(end - at) >= cap)
        return false;
    memcpy(host, at, (size_t)(end - at));
    host[end - at] = '\0';
    return true;
}

/* A datagram socket that is connected knows the address it would send from; nothing is sent. */
static bool local_name(const struct addrinfo *to, char *out, size_t cap)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    char name[64];
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 && getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
              getnameinfo((struct sockaddr *)&own, len, name, sizeof name, NULL, 0, NI_NUMERICHOST) == 0;

    if (fd >= 0)
        close(fd);
    return ok && snprintf(out, cap, to->ai_family == AF_INET6 ? "[%s]" : "%s", name) < (int)cap;
}

bool doctor_over_connection(const char *url)
{
    return strncmp(url, "ws", 2) == 0;
}

bool doctor_own_host(const char *url, char *out, size_t cap, char *why, size_t why_cap)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *list;
    char host[256];
    int code = split(url, host, sizeof host) ? getaddrinfo(host, "9", &hints, &list) : EAI_NONAME;
    bool ok = false;

    if (code) {
        snprintf(why, why_cap, "%.200s: %s", url, gai_strerror(code));
        return false;
    }
    for (const struct addrinfo *ai = list; ai && !ok; ai = ai->ai_next)
        ok = local_name(ai, out, cap);
    freeaddrinfo(list);
    if (!ok)
        snprintf(why, why_cap, "no way from here to %.200s", host);
    return ok;
}

/* ---- command lines ---------------------------------------------------------------------------------------------- */

struct line {
    const char *argv[DOCTOR_ARGS_MAX + 1];
    size_t count;
};

static void add(struct line *l, const char *first, ...)
{
    va_list args;

    va_start(args, first);
    for (const char *word = first; word && l->count < DOCTOR_ARGS_MAX; word = va_arg(args, const char *))
        l->argv[l->count++] = word;
    va_end(args);
    l->argv[l->count] = NULL;
}

static void add_hop(struct line *l, const struct hop_settings *hop)
{
    if (hop->tls_cert)
        add(l, "--tls-cert", hop->tls_cert, "--tls-key", hop->tls_key, NULL);
    if (hop->tls_trust)
        add(l, "--tls-trust", hop->tls_trust, NULL);
    if (hop->mqtt_user)
        add(l, "--mqtt-user", hop->mqtt_user, NULL);
    if (hop->mqtt_password_file)
        add(l, "--mqtt-password-file", hop->mqtt_password_file, NULL);
}

/* What both ends say of the way. */
static void add_way(struct line *l, const struct way *w)
{
    add(l, "--via", w->via, NULL);
    if (strcmp(w->serialization, "json") != 0)
        add(l, "--serialization", w->serialization, NULL);
    if (strcmp(w->carrier, "notify") != 0)
        add(l, "--carrier", w->carrier, NULL);
}

/*
 * Where the terminating end-point listens: at the broker where there is one, else at an address that the CSE can see, without a
 * path, which not every CSE minds; "" = it is reached over its own connection.
 */
static bool listen_url(struct way *w, char *out, size_t cap)
{
    char host[80], why[300];

    *out = '\0';
    if (w->polling || doctor_over_connection(w->via))
        return true;
    if (strncmp(w->via, "mqtt", 4) == 0)
        return snprintf(out, cap, "%s", w->via) < (int)cap;
    if (!doctor_own_host(w->via, host, sizeof host, why, sizeof why)) {
        snprintf(w->reason, sizeof w->reason, "%s", why);
        return false;
    }
    return snprintf(out, cap, "%.4s://%s:0", w->via, host) < (int)cap;
}

static void write_line(char *out, size_t cap, const char *command, const struct way *w, const char *more, const char *value)
{
    bool json = strcmp(w->serialization, "json") == 0, notify = strcmp(w->carrier, "notify") == 0;

    snprintf(out, cap, "escertke %s --id ID --cert FILE --key FILE --trust FILE --via %s%s%s%s%s%s%s", command, w->via,
             json ? "" : " --serialization ", json ? "" : w->serialization, notify ? "" : " --carrier ", notify ? "" : w->carrier,
             more, value);
}

/* What was tried, so that it works as it stands. */
static void write_lines(struct way *w, const char *listen)
{
    write_line(w->serve, sizeof w->serve, "serve", w, w->polling ? " --polling" : *listen ? " --listen " : "", listen);
    write_line(w->establish, sizeof w->establish, "establish", w, " --to ID", "");
}

/* ---- what the commands said ----------------------------------------------------------------------------------------- */

/* Length of the line that begins here. */
static size_t line_len(const char *text, size_t cap)
{
    size_t n = 0;

    while (n < cap && text[n] != '\n' && text[n] != '\0')
        n++;
    return n;
}

/* What stderr said: behind "reason:", else in the last line about @p what, else in the last line. */
static void take_words(struct way *w, const struct process *p, const char *what)
{
    const char *text = (const char *)p->texts[1].ptr;
    escertke_span found = { NULL, 0 };
    int rank = 0;

    for (size_t i = 0, n; i < p->texts[1].len; i += n + 1) {
        char line[500];
        n = line_len(text + i, p->texts[1].len - i);
        esc_printable((escertke_span){ (const uint8_t *)text + i, n }, line, sizeof line);
        int of = !strncmp(line, "  reason:", 9) ? 3 : strstr(line, what) ? 2 : line[0] && line[0] != ' ' ? 1 : 0;
        if (!of || of < rank)
            continue;
        size_t skip = of == 3 ? 9 : !strncmp(line, "escertke: ", 10) ? 10 : 0;
        rank = of;
        found = (escertke_span){ (const uint8_t *)text + i + skip, n - skip };
    }
    for (; found.len && *found.ptr == ' '; found.len--)
        found.ptr++;
    if (found.len)
        esc_printable(found, w->reason, sizeof w->reason);
}

static bool fail_at(struct way *w, const char *stage, const struct process *p)
{
    w->stage = stage;
    if (p && !p->pid) {
        w->code = p->code;
        w->absent = p->code == EXIT_USAGE;
    } else {
        w->code = 5; /* it tries still, and nothing has come of it in time */
    }
    if (p)
        take_words(w, p, strcmp(stage, "polling") == 0 ? "not polling at" : "not registered at");
    if (p && !w->reason[0])
        snprintf(w->reason, sizeof w->reason, "no answer in time");
    return true;
}

static void take_failure(struct way *w, json_t *event)
{
    const char *error = json_string_value(json_object_get(event, "error"));
    const char *reason = json_string_value(json_object_get(event, "reason"));

    w->rsc = (int)json_integer_value(json_object_get(event, "rsc"));
    snprintf(w->error, sizeof w->error, "%s", error ? error : "");
    if (reason)
        snprintf(w->reason, sizeof w->reason, "%s", reason);
}

static void take_outcome(struct way *w, struct process *p)
{
    json_t *event;

    while ((event = process_next_event(p))) {
        const char *name = json_string_value(json_object_get(event, "event"));
        w->ok = w->ok || (name && strcmp(name, "established") == 0);
        if (name && (strcmp(name, "refused") == 0 || strcmp(name, "failed") == 0))
            take_failure(w, event);
        json_decref(event);
    }
}

/* ---- one way ---------------------------------------------------------------------------------------------------------- */

static bool await(struct doctor *d, struct process *p, const char *name, long seconds)
{
    d->crew.deadline_ms = escertke_system_clock(NULL).mono_ms + (uint64_t)seconds * 1000;
    json_t *event = p ? crew_await(&d->crew, p, name) : NULL;

    json_decref(event);
    return event != NULL;
}

static void end_process(struct doctor *d, struct process *p)
{
    if (!p)
        return;
    d->crew.deadline_ms = escertke_system_clock(NULL).mono_ms + 6000;
    if (p->pid && (kill(p->pid, SIGTERM) != 0 || !crew_finish(&d->crew, p)))
        crew_kill(p);
    crew_release(p);
}

static void establish(struct doctor *d, struct way *w)
{
    char seconds[24];
    struct line l = { .count = 0 };

    snprintf(seconds, sizeof seconds, "%ld", d->timeout_s);
    add(&l, "escertke", "establish", "--id", d->initiator, "--cert", "a.crt", "--key", "a.key", "--trust", "pki/root.crt",
        "--store", "sqlite:a.db", "--to", d->terminator, "--timeout", seconds, "--repeat", "0", "--json", NULL);
    add_way(&l, w);
    add_hop(&l, d->hop);
    d->crew.deadline_ms = escertke_system_clock(NULL).mono_ms + (uint64_t)(d->timeout_s + 5) * 1000;
    struct process *p = crew_start(&d->crew, "establish", l.argv);
    if (!p)
        return;
    bool ended = crew_finish(&d->crew, p);
    take_outcome(w, p);
    if (!w->ok)
        w->stage = "establish";
    w->code = ended ? p->code : 5;
    w->absent = ended && p->code == EXIT_USAGE;
    if (!w->ok && !w->reason[0])
        take_words(w, p, "establish");
    end_process(d, p);
}

bool doctor_try(struct doctor *d, struct way *w)
{
    char listen[512] = "";
    struct line l = { .count = 0 };

    if (!listen_url(w, listen, sizeof listen))
        return fail_at(w, "register", NULL);
    write_lines(w, listen);
    add(&l, "escertke", "serve", "--id", d->terminator, "--cert", "b.crt", "--key", "b.key", "--trust", "pki/root.crt", "--store",
        "sqlite:b.db", "--peer", d->initiator, "--deregister", "--json", NULL);
    if (w->polling)
        add(&l, "--polling", "--poll-time", "10", NULL);
    else if (*listen)
        add(&l, "--listen", listen, NULL);
    add_way(&l, w);
    add_hop(&l, d->hop);
    struct process *p = crew_start(&d->crew, "serve", l.argv);
    if (!await(d, p, "registered", d->timeout_s)) {
        w->dead = p && p->pid; /* it would wait on */
        fail_at(w, "register", p);
    } else if (w->polling && !await(d, p, "polling", 5)) {
        fail_at(w, "polling", p);
        w->code = 3;
    } else {
        establish(d, w);
    }
    end_process(d, p);
    return true;
}

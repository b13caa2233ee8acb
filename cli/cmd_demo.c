/* cmd_demo.c - demo: everything on loopback with real processes and real HTTP, and a proof of what it is for. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <escertke/http.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "commands.h"
#include "demo.h"
#include "options.h"
#include "out.h"

#define TIMEOUT_S 20
#define TAIL_LINES 12u

struct settings {
    long timeout_s;
    bool keep, json;
};

static const struct option_def demo_options[] = {
    FLAG_ROW("keep", offsetof(struct settings, keep),
             "leave the folder with certificates, key stores and state, and say where it is"),
    NUMBER_ROW("timeout", "S", offsetof(struct settings, timeout_s), 1, 600, "seconds for all of it, default 20"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON, one object per step"),
    OPTION_END,
};

static const struct options_spec demo_spec = {
    .command = "demo",
    .synopsis = "[--keep] [--timeout S] [--json]",
    .about =
        "Make a PKI, start two CSEs and a terminating AE on loopback, establish a key through both CSEs, show the messages, and "
        "prove that both ends hold the same key and that no CSE ever held it; then with two wrong certificates, which must be "
        "refused; then a run over each binding, HTTP, MQTT (if there is a mosquitto), CoAP and WebSocket. Works in a private "
        "folder below $TMPDIR. Exit code 0 only if all of that was so, else 1.",
    .groups = { demo_options },
};

static bool make_folder(char *path, size_t cap)
{
    const char *base = getenv("TMPDIR");

    if (snprintf(path, cap, "%s/escertke-demo-XXXXXX", base && *base ? base : "/tmp") >= (int)cap) {
        out_words("demo: TMPDIR is too long: %s", base);
        return false;
    }
    if (mkdtemp(path)) /* mode 0700 */
        return true;
    out_words("demo: folder: %s cannot be made: %s", path, strerror(errno));
    fprintf(stderr, "  do:     let TMPDIR name a folder that is there and may be written\n");
    return false;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static bool remove_folder(const char *path)
{
    if (nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0)
        return true;
    out_words("demo: folder: %s cannot be removed: %s", path, strerror(errno));
    return false;
}

/* The last lines that a process said on stderr. */
static void show_tail(const struct process *p)
{
    char line[256];
    const uint8_t *text = p->texts[1].ptr;
    size_t end = p->texts[1].len, start = end, lines = 0;

    while (start > 0 && (lines += start < end && (text[start - 1] == '\n' || text[start - 1] == '\0')) < TAIL_LINES)
        start--;
    if (start == end)
        return;
    fprintf(stderr, "  %s said:\n", p->name);
    for (size_t i = start; i < end; i++) {
        size_t len = 0;
        while (i + len < end && text[i + len] != '\n' && text[i + len] != '\0')
            len++;
        esc_printable((escertke_span){ text + i, len }, line, sizeof line);
        fprintf(stderr, "    %s\n", line);
        i += len;
    }
}

static void report_step(const struct demo *d, const struct demo_step *step, enum demo_result result)
{
    static const char *const words[] = {
        [DEMO_OK] = "ok", [DEMO_FAILED] = "FAILED", [DEMO_SKIPPED] = "SKIPPED", [DEMO_MISSING] = "missing"
    };
    const char *text = result == DEMO_OK ? d->said : d->crew.why;
    json_t *event = out_new_event("step");

    out_text(event, "name", step->name);
    json_object_set_new(event, "ok", json_boolean(result == DEMO_OK));
    if (result == DEMO_SKIPPED)
        json_object_set_new(event, "skipped", json_true());
    if (result == DEMO_MISSING)
        json_object_set_new(event, "missing", json_true());
    out_text(event, result == DEMO_OK ? "text" : "reason", text);
    out_event(event, "%-8s%-15s %s", words[result], step->name, text);
    if (result != DEMO_FAILED)
        return;
    out_words("demo: %s: %s", step->name, text);
    if (d->crew.blamed)
        show_tail(d->crew.blamed);
}

/* What cannot be tried does not hinder what follows; a failure does. What this build or machine has not got is no fault of it. */
static bool run_steps(struct demo *d)
{
    bool all = true;

    for (const struct demo_step *step = demo_steps; step->name; step++) {
        enum demo_result result = step->run(d);
        report_step(d, step, result);
        all &= result == DEMO_OK || result == DEMO_MISSING;
        if (result == DEMO_FAILED)
            break;
    }
    return all;
}

/* "HTTP, CoAP and WebSocket" */
static void list_bindings(const struct demo *d, char *out, size_t cap)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < d->shown_count && used < cap; i++)
        used += (size_t)snprintf(out + used, cap - used, "%s%s", !i ? "" : i + 1 < d->shown_count ? ", " : " and ", d->shown[i]);
}

static void report_end(const struct demo *d, bool ok, double seconds, const char *kept)
{
    json_t *event = out_new_event("demo"), *bindings = json_array();
    char names[64];

    json_object_set_new(event, "ok", json_boolean(ok));
    json_object_set_new(event, "seconds", json_real(seconds));
    for (size_t i = 0; i < d->shown_count; i++)
        json_array_append_new(bindings, json_string(d->shown[i]));
    json_object_set_new(event, "bindings", bindings);
    out_text(event, "folder", kept);
    list_bindings(d, names, sizeof names);
    if (ok)
        out_event(
            event,
            "\nShown in %.1f s: two AEs on two CSEs established a key in two NOTIFY exchanges; both hold it, neither CSE ever "
            "did;\nwho came with another AE's or another CA's certificate got none. Keys were established over %s.",
            seconds, names);
    else
        out_event(event, "\nNOT shown (%.1f s): see the step marked FAILED or SKIPPED.", seconds);
    if (kept)
        out_line("Kept in %s; its key stores hold the key.", kept);
}

static int demo(const struct settings *s)
{
    uint64_t start_ms = escertke_system_clock(NULL).mono_ms;
    char folder[256];
    struct demo d = { .key_id = "" };

    crew_catch_signals();
    if (!make_folder(folder, sizeof folder))
        return EXIT_LOCAL;
    crew_init(&d.crew, folder, start_ms + (uint64_t)s->timeout_s * 1000);
    bool ok = run_steps(&d);
    crew_stop(&d.crew);
    crew_free(&d.crew);
    escertke_wipe(d.key, sizeof d.key);
    if (!s->keep && !remove_folder(folder))
        ok = false;
    report_end(&d, ok, (double)(escertke_system_clock(NULL).mono_ms - start_ms) / 1000.0, s->keep ? folder : NULL);
    return ok ? EXIT_DONE : EXIT_LOCAL;
}

int cmd_demo(int argc, char **argv)
{
    struct settings s = { .timeout_s = TIMEOUT_S };
    struct options o;
    int code = options_parse(&demo_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        code = demo(&s);
    }
    options_free(&o);
    return code;
}

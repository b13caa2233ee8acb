/*
 * demo_proof.c - that no relay ever held the key: their memory, what they wrote. A search that finds nothing proves nothing until
 * it has been seen to find what is there: each writing of the key in a process that holds it, and in each relay what it must
 * know.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"
#include "demo_scan.h"
#include "files.h"

#define MIB (1024.0 * 1024.0)
#define STATE_MAX ((size_t)4 << 20)

/* The writings of the key, and one thing more that must be found. */
struct search {
    struct scan_needle needles[SCAN_WRITINGS + 1];
    size_t count;
    struct scan_stats stats;
};

static bool prepare(struct demo *d, struct search *s, const char *must)
{
    size_t len = must ? strlen(must) : 0;

    *s = (struct search){ .count = SCAN_WRITINGS };
    if (!scan_write_key(d->key, s->needles) || len > SCAN_NEEDLE_MAX)
        return crew_fail(&d->crew, NULL, "out of memory");
    if (!must)
        return true;
    s->needles[s->count].name = must;
    memcpy(s->needles[s->count].bytes, must, len);
    s->needles[s->count++].len = len;
    return true;
}

/* No writing of the key may have been found; what must be there has to be. */
static bool judge(struct demo *d, const struct search *s, const char *where)
{
    for (size_t i = 0; i < SCAN_WRITINGS; i++)
        if (s->needles[i].found)
            return crew_fail(&d->crew, NULL, "the key is in %s (%s)", where, s->needles[i].name);
    for (size_t i = SCAN_WRITINGS; i < s->count; i++)
        if (!s->needles[i].found)
            return crew_fail(&d->crew, NULL, "\"%s\" was not found in %s, where it must be: the search proves nothing",
                             s->needles[i].name, where);
    return true;
}

static enum demo_result look(struct demo *d, struct process *p, struct search *s)
{
    if (!crew_pause(&d->crew, p))
        return DEMO_FAILED;
    escertke_err err = scan_memory(p->pid, s->needles, s->count, &s->stats);
    crew_resume(p);
    if (err == ESCERTKE_ERR_UNSUPPORTED) {
        crew_fail(&d->crew, NULL,
                  "the kernel lets nobody read the memory of %s (%s): kernel.yama.ptrace_scope must be 0 or 1 and the program "
                  "readable for you; or run the demo as root",
                  p->name, strerror(s->stats.denied));
        return DEMO_SKIPPED;
    }
    if (err != ESCERTKE_OK || s->stats.unread) {
        crew_fail(&d->crew, p, "the memory of %s was not read whole (%s; %" PRIu64 " octets not read)", p->name,
                  escertke_err_text(err), s->stats.unread);
        return DEMO_FAILED;
    }
    return DEMO_OK;
}

enum demo_result demo_try_scanner(struct demo *d)
{
    struct search s;
    struct process *holder = prepare(d, &s, NULL) ? crew_start_copy(&d->crew, "a process that holds the key") : NULL;
    enum demo_result result = holder ? look(d, holder, &s) : DEMO_FAILED;

    for (size_t i = 0; result == DEMO_OK && i < s.count; i++)
        if (!s.needles[i].found) {
            crew_fail(&d->crew, NULL, "in the memory of a process that holds it, the key was not found (%s)", s.needles[i].name);
            result = DEMO_FAILED;
        }
    if (holder) {
        crew_kill(holder);
        crew_release(holder);
    }
    escertke_wipe(&s, sizeof s);
    if (result != DEMO_OK)
        return result;
    return demo_say(d, "a search of the memory of a process that does hold the key finds it in all %u writings", SCAN_WRITINGS);
}

enum demo_result demo_scan_relays(struct demo *d)
{
    /* The IN-CSE was told the meter's point of access by the meter, the MN-CSE the panel's AE-ID by the panel. */
    const struct {
        struct process *relay;
        const char *must;
    } relays[] = { { d->in, d->meter_url }, { d->mn, "Cpanel" } };
    double mib[2];

    for (size_t i = 0; i < sizeof relays / sizeof *relays; i++) {
        struct search s;
        enum demo_result result = prepare(d, &s, relays[i].must) ? look(d, relays[i].relay, &s) : DEMO_FAILED;
        char where[128];

        snprintf(where, sizeof where, "the memory of %s", relays[i].relay->name);
        if (result == DEMO_OK && !judge(d, &s, where))
            result = DEMO_FAILED;
        mib[i] = (double)s.stats.read / MIB;
        escertke_wipe(&s, sizeof s);
        if (result != DEMO_OK)
            return result;
    }
    return demo_say(d, "no writing of the key in %.0f MiB of memory of %s and %.0f MiB of %s, where the AEs' data was found",
                    mib[0], d->in->name, mib[1], d->mn->name);
}

static bool scan_said(struct demo *d, const struct process *p, const char *must, size_t *total)
{
    static const char *const names[] = { "stdout", "stderr" };
    const char *const musts[] = { must, "http.answered" };
    struct search s;
    char where[128];
    bool ok = true;

    for (int i = 0; ok && i < 2; i++) {
        snprintf(where, sizeof where, "%s of %s", names[i], p->name);
        ok = prepare(d, &s, musts[i]);
        scan_text(escertke_buf_span(&p->texts[i]), s.needles, s.count);
        ok = ok && judge(d, &s, where);
        *total += p->texts[i].len;
        escertke_wipe(&s, sizeof s);
    }
    return ok;
}

/* Appended to @p text; a journal may not be there yet. */
static bool read_state(struct demo *d, const char *file, const char *ending, escertke_buf *text)
{
    char path[512];
    escertke_buf part;
    escertke_detail detail;

    escertke_detail_init(&detail);
    snprintf(path, sizeof path, "%s/%s%s", d->crew.folder, file, ending);
    if (ending[0] && access(path, F_OK) != 0)
        return true;
    bool ok = file_read(path, &part, &detail) == ESCERTKE_OK || crew_fail(&d->crew, NULL, "%s", detail.reason);
    if (ok && escertke_buf_append(text, part.ptr, part.len) != ESCERTKE_OK)
        ok = crew_fail(&d->crew, NULL, "%s is too large", path);
    escertke_buf_free(&part);
    return ok;
}

/* The state file, and the journal beside it of what has changed since. */
static bool scan_state(struct demo *d, const char *file, const char *must, size_t *total)
{
    escertke_buf text;
    struct search s;

    escertke_buf_init(&text, STATE_MAX);
    bool ok = read_state(d, file, "", &text) && read_state(d, file, ".journal", &text);
    ok = prepare(d, &s, must) && ok;
    if (ok) {
        scan_text(escertke_buf_span(&text), s.needles, s.count);
        ok = judge(d, &s, file);
        *total += text.len;
    }
    escertke_wipe(&s, sizeof s);
    escertke_buf_free(&text);
    return ok;
}

enum demo_result demo_scan_logs(struct demo *d)
{
    size_t total = 0;

    if (!scan_said(d, d->in, d->in_url, &total) || !scan_said(d, d->mn, d->mn_url, &total) ||
        !scan_state(d, "in1.state", d->meter_url, &total) || !scan_state(d, "mn1.state", "Cpanel", &total))
        return DEMO_FAILED;
    return demo_say(d, "nor in the %zu octets of their stdout, their stderr with --verbose, and their state files", total);
}

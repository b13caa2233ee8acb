/*
 * demo_process.h - the processes of the demo: commands of this same program, run as a user would run them, with their stdout and
 * stderr read by pipe. Whatever happens to the demo, none of them outlives it.
 */
#ifndef ESCERTKE_CLI_DEMO_PROCESS_H
#define ESCERTKE_CLI_DEMO_PROCESS_H

#include <escertke/base.h>
#include <jansson.h>
#include <sys/types.h>

#define CREW_MAX 16u
/** What one process may say on stdout or stderr, octets. */
#define CREW_TEXT_MAX (1024u * 1024u)

struct process {
    const char *name; /* for words; NULL: a free place */
    pid_t pid;        /* 0: has ended */
    int code;         /* then its exit code, or 128 and the number of the signal that ended it */
    int fds[2];       /* stdout, stderr; -1: at their end */
    escertke_buf texts[2];
    size_t events_seen, lines_seen;                                /* octets of stdout and of stderr that were looked at */
    void (*on_line)(void *ctx, const char *line, uint64_t now_ms); /* lines of stderr as they come; NULL: nobody wants them */
    void *on_line_ctx;
};

struct crew {
    const char *folder;   /* where they work */
    uint64_t deadline_ms; /* monotonic, for everything */
    struct process items[CREW_MAX];
    const struct process *blamed; /* whose stderr may tell more about the last failure */
    char why[512];                /* the last failure in words */
};

void crew_init(struct crew *c, const char *folder, uint64_t deadline_ms);
/** Wipe and forget what they said. They must have ended. */
void crew_free(struct crew *c);
/** From now on SIGINT, SIGTERM and SIGHUP make every wait fail; SIGPIPE is ignored. */
void crew_catch_signals(void);
/** Has one of them come? */
bool crew_interrupted(void);
/** Note a failure; always false. */
bool crew_fail(struct crew *c, const struct process *blamed, const char *fmt, ...) ESCERTKE_PRINTF(3, 4);

/** Start `escertke argv...`; NULL after crew_fail(). @p name and @p argv are borrowed. */
struct process *crew_start(struct crew *c, const char *name, const char *const *argv);
/** The same with another program. */
struct process *crew_start_other(struct crew *c, const char *name, const char *program, const char *const *argv);
/** A copy of this process that does nothing: it holds in memory what this one holds. */
struct process *crew_start_copy(struct crew *c, const char *name);
/** Wait for an event of that name on its stdout. A new reference; NULL after crew_fail(). */
json_t *crew_await(struct crew *c, struct process *p, const char *event);
/** Wait until that is so. false after crew_fail(): it has ended, or time is over. @p what in words */
bool crew_wait(struct crew *c, struct process *p, const char *what, bool (*is_so)(void *ctx), void *ctx);
/** Wait for its end; p->code is then set. */
bool crew_finish(struct crew *c, struct process *p);
/** Start, wait for the end, demand that exit code. The place is to be given back by crew_release() unless NULL is returned. */
struct process *crew_run(struct crew *c, const char *name, const char *const *argv, int code);
/** Wipe what an ended process said and make its place free. */
void crew_release(struct process *p);
/** The next event from where crew_await() stopped reading. A new reference; NULL: no more whole lines. */
json_t *process_next_event(struct process *p);

/** Let it stand still, so that its memory does not change while it is read; and go on. */
bool crew_pause(struct crew *c, struct process *p);
void crew_resume(const struct process *p);

/** End it at once. */
void crew_kill(struct process *p);
/** End all: SIGTERM, SIGKILL for who does not heed it. false after crew_fail() unless all ended with exit code 0. */
bool crew_stop(struct crew *c);

#endif

#include "demo_process.h"

#include <escertke/http.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define SLICE_MS 50 /* a signal or a child's end is seen at the latest after this time */
#define MOMENT_MS 2
#define GRACE_MS 10000u /* longer than serve and relay wait for what is under way */

static volatile sig_atomic_t caught; /* number of the signal that asked the demo to end */

static void on_signal(int number)
{
    caught = number;
}

void crew_catch_signals(void)
{
    struct sigaction end = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };

    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool crew_interrupted(void)
{
    return caught != 0;
}

static uint64_t now_ms(void)
{
    return escertke_system_clock(NULL).mono_ms;
}

bool crew_fail(struct crew *c, const struct process *blamed, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(c->why, sizeof c->why, fmt, args);
    va_end(args);
    c->blamed = blamed;
    return false;
}

void crew_init(struct crew *c, const char *folder, uint64_t deadline_ms)
{
    *c = (struct crew){ .folder = folder, .deadline_ms = deadline_ms };
}

void crew_release(struct process *p)
{
    for (int i = 0; i < 2; i++)
        escertke_buf_free(&p->texts[i]);
    *p = (struct process){ 0 };
}

void crew_free(struct crew *c)
{
    for (size_t i = 0; i < CREW_MAX; i++)
        if (c->items[i].name)
            crew_release(&c->items[i]);
}

/* ---- starting -------------------------------------------------------------------------------------------------------------- */

/* Both ends beyond stderr, whatever was open when this program began, and not for the other children. */
static bool make_pipe(int ends[2])
{
    int raw[2];

    if (pipe(raw) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 3);
        close(raw[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0)
        return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return false;
}

/* In the child: as if a user had started it, but bound to end when the demo does. @return false with errno set */
static bool become_child(const struct crew *c, pid_t parent, int out, int err)
{
    struct sigaction normal = { .sa_handler = SIG_DFL };
    sigset_t none;
    int in = open("/dev/null", O_RDONLY);

    sigaction(SIGINT, &normal, NULL);
    sigaction(SIGTERM, &normal, NULL);
    sigaction(SIGHUP, &normal, NULL);
    sigaction(SIGPIPE, &normal, NULL);
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return false;
    if (getppid() != parent) /* it had ended before that was set */
        _exit(127);
    /* A group of its own: Ctrl-C is for the demo, which then ends its children in order. */
    return setpgid(0, 0) == 0 && chdir(c->folder) == 0 && in >= 0 && dup2(in, STDIN_FILENO) >= 0 &&
           dup2(err, STDERR_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0;
}

static _Noreturn void run_child(const struct crew *c, pid_t parent, const int ends[2], const char *program,
                                const char *const *argv)
{
    if (become_child(c, parent, ends[0], ends[1])) {
        while (!argv)
            pause();
        execv(program, (char *const *)argv);
    }
    dprintf(ends[1], "escertke: %s cannot be started: %s\n", program, strerror(errno));
    _exit(127);
}

static struct process *free_place(struct crew *c)
{
    for (size_t i = 0; i < CREW_MAX; i++)
        if (!c->items[i].name)
            return &c->items[i];
    return NULL;
}

static struct process *start(struct crew *c, const char *name, const char *program, const char *const *argv)
{
    struct process *p = free_place(c);
    int out[2] = { -1, -1 }, err[2] = { -1, -1 };
    pid_t parent = getpid();

    if (!p || !make_pipe(out) || !make_pipe(err)) {
        crew_fail(c, NULL, "%s cannot be started: no pipe (%s)", name, strerror(errno));
        if (out[0] >= 0)
            close(out[0]), close(out[1]);
        return NULL;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_child(c, parent, (const int[2]){ out[1], err[1] }, program, argv);
    int reason = errno;
    close(out[1]);
    close(err[1]);
    if (pid < 0) {
        close(out[0]);
        close(err[0]);
        crew_fail(c, NULL, "%s cannot be started: %s", name, strerror(reason));
        return NULL;
    }
    *p = (struct process){ .name = name, .pid = pid, .fds = { out[0], err[0] } };
    for (int i = 0; i < 2; i++) {
        escertke_buf_init(&p->texts[i], CREW_TEXT_MAX);
        fcntl(p->fds[i], F_SETFL, O_NONBLOCK);
    }
    return p;
}

struct process *crew_start(struct crew *c, const char *name, const char *const *argv)
{
    return start(c, name, SELF, argv);
}

struct process *crew_start_other(struct crew *c, const char *name, const char *program, const char *const *argv)
{
    return start(c, name, program, argv);
}

struct process *crew_start_copy(struct crew *c, const char *name)
{
    return start(c, name, SELF, NULL);
}

/* ---- listening to them ----------------------------------------------------------------------------------------------------- */

/* The next whole line of a text behind *seen, without its line feed; NULL: not yet. Valid until more is read. */
static const char *next_line(escertke_buf *text, size_t *seen)
{
    if (text->len <= *seen)
        return NULL;
    char *line = (char *)text->ptr + *seen;
    char *end = memchr(line, '\n', text->len - *seen);
    if (!end)
        return NULL;
    *end = '\0';
    *seen = (size_t)(end - (char *)text->ptr) + 1;
    return line;
}

static void hear(struct process *p)
{
    const char *line;

    /* The line feed becomes a NUL only for whom somebody listens to; the others' stderr stays as it was said. */
    while (p->on_line && (line = next_line(&p->texts[1], &p->lines_seen)))
        p->on_line(p->on_line_ctx, line, now_ms());
}

/* Read what has come. false: no memory, or more than CREW_TEXT_MAX. */
static bool drain(struct process *p, int which)
{
    uint8_t *at;
    ssize_t got;

    do {
        if (escertke_buf_reserve(&p->texts[which], 4096, &at) != ESCERTKE_OK)
            return false;
        got = read(p->fds[which], at, 4096);
        if (got > 0)
            p->texts[which].len += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got == 0 || errno != EAGAIN) {
        close(p->fds[which]);
        p->fds[which] = -1;
    }
    if (which == 1)
        hear(p);
    return true;
}

/* Has one of them said its last word, and is about to end? Nothing will be heard of that. */
static bool ends_soon(const struct crew *c)
{
    for (size_t i = 0; i < CREW_MAX; i++)
        if (c->items[i].name && c->items[i].pid && c->items[i].fds[0] < 0 && c->items[i].fds[1] < 0)
            return true;
    return false;
}

/* Wait a moment for any of them to say something. */
static bool pump(struct crew *c)
{
    struct pollfd fds[2 * CREW_MAX];
    struct process *whose[2 * CREW_MAX];
    nfds_t count = 0;

    for (size_t i = 0; i < CREW_MAX; i++)
        for (int which = 0; c->items[i].name && which < 2; which++)
            if (c->items[i].fds[which] >= 0) {
                whose[count] = &c->items[i];
                fds[count++] = (struct pollfd){ .fd = c->items[i].fds[which], .events = POLLIN };
            }
    if (poll(fds, count, ends_soon(c) ? MOMENT_MS : SLICE_MS) <= 0)
        return true;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents && !drain(whose[i], fds[i].fd == whose[i]->fds[1]))
            return crew_fail(c, whose[i], "%s says more than %u octets", whose[i]->name, CREW_TEXT_MAX);
    return true;
}

static void note_end(struct process *p, int status)
{
    p->pid = 0;
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All it said was read, and it is no more. */
static bool has_ended(struct process *p)
{
    int status;

    if (p->fds[0] >= 0 || p->fds[1] >= 0)
        return false;
    if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid)
        note_end(p, status);
    return !p->pid;
}

static bool may_wait(struct crew *c, const struct process *p, const char *what)
{
    if (caught)
        return crew_fail(c, NULL, "ended by signal %d (%s)", (int)caught, strsignal(caught));
    if (now_ms() >= c->deadline_ms)
        return crew_fail(c, p, "%s: %s had not come when the time for the demo was over", p->name, what);
    return true;
}

json_t *process_next_event(struct process *p)
{
    const char *line = next_line(&p->texts[0], &p->events_seen);
    json_t *event;

    while (line && !(event = json_loads(line, JSON_REJECT_DUPLICATES, NULL)))
        line = next_line(&p->texts[0], &p->events_seen);
    return line ? event : NULL;
}

json_t *crew_await(struct crew *c, struct process *p, const char *event)
{
    do {
        bool ended = has_ended(p); /* before looking: then nothing can come after */
        json_t *found;
        while ((found = process_next_event(p))) {
            const char *name = json_string_value(json_object_get(found, "event"));
            if (name && strcmp(name, event) == 0)
                return found;
            json_decref(found);
        }
        if (ended) {
            crew_fail(c, p, "%s ended with exit code %d before it said \"%s\"", p->name, p->code, event);
            return NULL;
        }
    } while (may_wait(c, p, event) && pump(c));
    return NULL;
}

bool crew_wait(struct crew *c, struct process *p, const char *what, bool (*is_so)(void *ctx), void *ctx)
{
    while (!is_so(ctx)) {
        if (has_ended(p))
            return crew_fail(c, p, "%s ended with exit code %d before %s was there", p->name, p->code, what);
        if (!may_wait(c, p, what) || !pump(c))
            return false;
    }
    return true;
}

bool crew_finish(struct crew *c, struct process *p)
{
    while (!has_ended(p))
        if (!may_wait(c, p, "its end") || !pump(c))
            return false;
    return true;
}

struct process *crew_run(struct crew *c, const char *name, const char *const *argv, int code)
{
    struct process *p = crew_start(c, name, argv);

    if (!p || !crew_finish(c, p))
        return NULL;
    if (p->code == code)
        return p;
    crew_fail(c, p, "%s ended with exit code %d, expected %d", name, p->code, code);
    return NULL;
}

/* ---- pausing and ending ---------------------------------------------------------------------------------------------------- */

bool crew_pause(struct crew *c, struct process *p)
{
    int status;

    if (!p->pid || kill(p->pid, SIGSTOP) != 0 || waitpid(p->pid, &status, WUNTRACED) != p->pid)
        return crew_fail(c, p, "%s cannot be paused: %s", p->name, p->pid ? strerror(errno) : "it has ended");
    if (WIFSTOPPED(status))
        return true;
    note_end(p, status);
    return crew_fail(c, p, "%s ended with exit code %d", p->name, p->code);
}

void crew_resume(const struct process *p)
{
    if (p->pid)
        kill(p->pid, SIGCONT);
}

void crew_kill(struct process *p)
{
    int status;

    if (p->pid && kill(p->pid, SIGKILL) == 0) {
        pid_t got;
        while ((got = waitpid(p->pid, &status, 0)) < 0 && errno == EINTR)
            continue;
        if (got == p->pid)
            note_end(p, status);
    }
    for (int i = 0; i < 2; i++)
        if (p->fds[i] >= 0)
            close(p->fds[i]), p->fds[i] = -1;
}

bool crew_stop(struct crew *c)
{
    uint64_t end_ms = now_ms() + GRACE_MS;
    bool running = true, good = true;

    for (size_t i = 0; i < CREW_MAX; i++)
        if (c->items[i].name && c->items[i].pid) {
            kill(c->items[i].pid, SIGTERM);
            crew_resume(&c->items[i]);
        }
    while (running && now_ms() < end_ms) {
        running = false;
        for (size_t i = 0; i < CREW_MAX; i++)
            running |= c->items[i].name && !has_ended(&c->items[i]);
        if (running && !pump(c))
            break;
    }
    for (size_t i = 0; i < CREW_MAX; i++) {
        struct process *p = &c->items[i];
        if (!p->name)
            continue;
        crew_kill(p);
        if (p->code != 0)
            good = crew_fail(c, p, "%s did not end cleanly on SIGTERM but with exit code %d", p->name, p->code);
    }
    return good;
}

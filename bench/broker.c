/* broker.c - a mosquitto of the bench's own: its configuration lies in memory, and it ends when the bench does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "bench/bench.h"
#include "cli/broker.h"

enum { START_MS = 10000, LOOK_MS = 10 };

struct broker {
    pid_t pid;
    unsigned port;
};

static _Noreturn void become(const char *program, int settings, pid_t parent)
{
    char path[64];
    char *const argv[] = { (char *)(uintptr_t) "mosquitto", (char *)(uintptr_t) "-c", path, NULL };

    int null = open("/dev/null", O_RDWR);

    snprintf(path, sizeof path, "/proc/self/fd/%d", settings);
    /* What it has to say when it is started as root it says before it has read that it should not. */
    if (null >= 0 && dup2(null, STDERR_FILENO) >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
        execv(program, argv);
    _exit(127);
}

static int settings_file(unsigned port)
{
    char text[BROKER_SETTINGS_MAX];
    int fd = memfd_create("mosquitto.conf", 0);

    broker_settings(port, text);
    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool wait_until_up(struct broker *b)
{
    const struct timespec moment = { .tv_nsec = LOOK_MS * 1000000L };

    for (unsigned waited = 0; waited < START_MS; waited += LOOK_MS) {
        if (broker_is_up(b->port))
            return true;
        if (waitpid(b->pid, NULL, WNOHANG) != 0) {
            b->pid = 0;
            return false;
        }
        nanosleep(&moment, NULL);
    }
    return false;
}

escertke_err bench_broker_start(struct broker **out, escertke_detail *d)
{
    char program[BROKER_PATH_MAX];
    struct broker *b = calloc(1, sizeof *b);
    pid_t parent = getpid();

    *out = b;
    if (!b)
        return ESCERTKE_ERR_NOMEM;
    if (!broker_find(program))
        return esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "", BROKER_MISSING);
    b->port = broker_free_port();
    int settings = settings_file(b->port);
    if (!b->port || settings < 0)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "bench: no port or no file for a broker: %s", strerror(errno));
    fflush(NULL);
    b->pid = fork();
    if (b->pid == 0)
        become(program, settings, parent);
    close(settings);
    if (b->pid > 0 && wait_until_up(b))
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_IO, "", "bench: %s does not start at port %u", program, b->port);
}

void bench_broker_stop(struct broker *b)
{
    if (b && b->pid > 0) {
        kill(b->pid, SIGTERM);
        while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    free(b);
}

unsigned bench_broker_port(const struct broker *b)
{
    return b->port;
}

double bench_broker_us(const struct broker *b)
{
    clockid_t clock;
    struct timespec t;

    if (!b || clock_getcpuclockid(b->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/*
 * A configuration file (--config) for a command that has every kind of option: settings that are all within their bounds, or
 * words on stderr and the exit code of a wrong use.
 */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "options.h"
#include "out.h"
#include "peers.h"
#include "rate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
    const char *id, *rate, *config;
    struct text_list peers;
    long seconds;
    bool json;
};

static const struct option_def rows[] = {
    TEXT_ROW("id", "ID", offsetof(struct settings, id), NULL, "who"),
    TEXT_ROW("rate", "N/M", offsetof(struct settings, rate), rate_check, "how often"),
    LIST_ROW("peer", "RULE", offsetof(struct settings, peers), peers_check_rule, "whom"),
    NUMBER_ROW("seconds", "S", offsetof(struct settings, seconds), 1, 1000, "how long"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON"),
    CONFIG_ROW("config", offsetof(struct settings, config), "file"),
    OPTION_END,
};

static const struct options_spec spec = { .command = "fuzz", .synopsis = "", .about = "", .groups = { rows } };

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* The file is one in memory; what goes to stderr is read by nobody. */
static int load(const uint8_t *data, size_t size, struct options *o)
{
    static int silent = -1;
    char path[32];
    int fd = memfd_create("config", MFD_CLOEXEC), kept = dup(STDERR_FILENO);

    if (silent < 0)
        silent = open("/dev/null", O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && kept >= 0 && silent >= 0 && (!size || write(fd, data, size) == (ssize_t)size));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    must(dup2(silent, STDERR_FILENO) >= 0);
    int code = config_load(o, path);
    must(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(fd);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings s = { .seconds = 5 };
    struct options o = { .spec = &spec, .settings = &s };
    escertke_rate rate;

    int code = load(data, size, &o);
    must(code == OPTIONS_RUN || code == EXIT_USAGE || (code == EXIT_LOCAL && size > 1u << 20));
    must(s.seconds >= 1 && s.seconds <= 1000 && s.peers.count <= OPTIONS_LIST_MAX && !s.config);
    if (s.rate)
        must(rate_parse(s.rate, &rate));
    for (size_t i = 0; i < s.peers.count; i++) {
        char why[1024];
        must(peers_check_rule(s.peers.items[i], why, sizeof why));
    }
    options_free(&o);
    return 0;
}

/*
 * escertke-sim: end-points, a wire and an attacker, simulated. After every event it is checked that
 *  - nobody believes in another key under an identifier than somebody else,
 *  - what an initiator holds, its terminator holds, durably,
 *  - a terminator's key comes from an M3 that the peer of that name itself has sent,
 *  - a run between honest ends completes where the wire only loses a little, and where it is only attacked,
 *  - pending handshakes keep within their limits in number and octets, and are gone in time,
 *  - a key that only the terminator holds can be told from others,
 *  - no block of memory is given back with a key in it, and all blocks are given back at the end.
 * What happens follows from the seed: a failure is repeated by the same options.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name, *help;
} words[] = {
    { "--seed N", "where chance begins; default: the time" },
    { "--events N", "so many events, default 1,000,000" },
    { "--hours H", "so much simulated time in place of events" },
    { "--end-points N", "initiators, default 400" },
    { "--terminators N", "default one for twenty initiators" },
    { "--every S", "seconds between two attempts of one initiator, about; default 300" },
    { "--loss PERCENT", "of exchanges in calm times, default 2" },
    { "--calm", "loss and restarts only" },
    { "--flood", "forged M1 from ever new originators, all the time" },
    { "--verbose", "say what happens" },
    { "--plant FAULT", "lose-put, other-key, any-signature, leave-key, confirm, judge-late, forget-reply: one that must be found" },
};

static int usage(void)
{
    fputs("usage: escertke-sim [OPTION...]\n", stderr);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        fprintf(stderr, "  %-16s %s\n", words[i].name, words[i].help);
    return 2;
}

static bool number(const char *text, double *out)
{
    char *end;

    *out = text ? strtod(text, &end) : -1;
    return text && *text && !*end && *out >= 0;
}

static enum sim_plant plant_of(const char *name)
{
    static const char *const names[PLANTS] = { "", "lose-put", "other-key", "any-signature", "leave-key", "confirm", "judge-late",
                                               "forget-reply" };

    for (int p = 1; name && p < PLANTS; p++)
        if (strcmp(names[p], name) == 0)
            return (enum sim_plant)p;
    return NO_PLANT;
}

static bool parse(int argc, char **argv, struct sim_options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        double n;
        if (strcmp(name, "--calm") == 0) {
            o->only_calm = true;
        } else if (strcmp(name, "--flood") == 0) {
            o->flood = true;
        } else if (strcmp(name, "--verbose") == 0) {
            o->verbose = true;
        } else if (strcmp(name, "--plant") == 0) {
            o->plant = plant_of(argv[++i]);
            if (o->plant == NO_PLANT)
                return false;
        } else if (!number(argv[i + 1], &n)) {
            return false;
        } else {
            i++;
            if (strcmp(name, "--seed") == 0)
                o->seed = strtoull(argv[i], NULL, 10);
            else if (strcmp(name, "--events") == 0)
                o->events = (uint64_t)n;
            else if (strcmp(name, "--hours") == 0)
                o->hours = n, o->events = 0;
            else if (strcmp(name, "--end-points") == 0 && n >= 1 && n <= 4000000)
                o->end_points = (unsigned)n;
            else if (strcmp(name, "--terminators") == 0 && n >= 1 && n <= 100000)
                o->terminators = (unsigned)n;
            else if (strcmp(name, "--every") == 0 && n >= 1 && n <= 1000000)
                o->every_s = (unsigned)n;
            else if (strcmp(name, "--loss") == 0 && n <= 50)
                o->loss_percent = (unsigned)n;
            else
                return false;
        }
    }
    if (!o->terminators)
        o->terminators = o->end_points / 20 + 1;
    return true;
}

static void report(const struct sim *s, double seconds)
{
    const struct sim_counts *c = &s->counts;

    printf("sim: seed %llu: %llu events in %.1f h of simulated time, %.1f s\n", (unsigned long long)s->o.seed,
           (unsigned long long)c->events, (double)s->now.mono_ms / 3600000, seconds);
    printf("sim: %llu attempts, %llu keys at both ends, %llu given up in storms, %llu orphans at terminators\n",
           (unsigned long long)c->attempts, (unsigned long long)c->established, (unsigned long long)c->given_up,
           (unsigned long long)c->orphans);
    printf("sim: %llu restarts, %llu M4 repeated after one, %llu forged messages, %llu refused, %llu of them by a limit; "
           "library memory at most %zu KiB\n",
           (unsigned long long)c->restarts, (unsigned long long)c->found_again, (unsigned long long)c->forged, (unsigned long long)c->refused,
           (unsigned long long)c->limited, sim_memory_peak() / 1024);
}

int main(int argc, char **argv)
{
    struct sim_options o = { .seed = (uint64_t)time(NULL), .events = 1000000, .end_points = 400, .every_s = 300, .loss_percent = 2 };
    struct sim s;
    struct timespec from, to;

    if (!parse(argc, argv, &o))
        return usage();
    clock_gettime(CLOCK_MONOTONIC, &from);
    toy_start();
    if (!sim_open(&s, &o))
        return 1;
    while (sim_step(&s))
        ;
    if (!s.failed)
        (void)sim_settle(&s);
    clock_gettime(CLOCK_MONOTONIC, &to);
    report(&s, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    sim_close(&s);
    toy_end();
    if (!s.failed && (!s.counts.established || (!o.only_calm && !s.counts.forged))) {
        fputs("sim: nothing has happened: too short to say anything\n", stderr);
        return 1;
    }
    puts(s.failed ? "sim: FAILED" : "sim: every invariant held");
    return s.failed;
}

/*
 * replay.c - run a fuzz target with any compiler: over files and folders of files, the corpus as a regression test, and then over
 * changed copies of them for a moment (REPLAY_SECONDS, default 1), always the same ones in the same order. A copy that ends the
 * program is left behind in the folder that REPLAY_FOLDER names, as fuzz_<name>-changed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"

#define LONGEST 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#pragma weak LLVMFuzzerCustomMutator
#pragma weak LLVMFuzzerCustomCrossOver
void __sanitizer_set_death_callback(void (*fn)(void));
#pragma weak __sanitizer_set_death_callback

struct seed {
    uint8_t *data;
    size_t size;
};

static struct seed *seeds;
static size_t count;
static uint8_t changed[LONGEST];
static size_t changed_size;
static bool changing; /* changed holds what the target is being given */
static char left_behind[4096];

/* ---- what was given ---------------------------------------------------------------------------------------------- */

static void keep_input(void)
{
    int fd = changing ? open(left_behind, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

    if (fd < 0)
        return;
    if (write(fd, changed, changed_size) == (ssize_t)changed_size)
        (void)!write(STDERR_FILENO, left_behind, strlen(left_behind));
    (void)!write(STDERR_FILENO, ": what has ended this program\n", 30);
    close(fd);
    changing = false;
}

static void on_signal(int number)
{
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch(const char *program)
{
    static const int numbers[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM };
    const char *folder = getenv("REPLAY_FOLDER"), *name = strrchr(program, '/');

    snprintf(left_behind, sizeof left_behind, "%s/%s-changed", folder ? folder : ".", name ? name + 1 : program);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
}

/* ---- changing ------------------------------------------------------------------------------------------------------ */

/* libFuzzer's part, where there is no libFuzzer. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    static struct mutate_random r = { 1 };

    for (size_t times = 1 + mutate_below(&r, 4); times--;) {
        size_t at = mutate_below(&r, size);
        switch (mutate_below(&r, 4)) {
        case 0:
            if (size < max_size) {
                memmove(data + at + 1, data + at, size++ - at);
                data[at] = (uint8_t)mutate_below(&r, 256);
            }
            break;
        case 1:
            if (size > 1)
                memmove(data + at, data + at + 1, --size - at);
            break;
        case 2:
            if (size)
                data[at] ^= (uint8_t)(1u << mutate_below(&r, 8));
            break;
        default:
            if (size)
                data[at] = (uint8_t)mutate_below(&r, 256);
        }
    }
    return size;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void change(unsigned int number)
{
    const struct seed *s = &seeds[number % count], *other = &seeds[number / 7 % count];

    memcpy(changed, s->data, s->size);
    if (LLVMFuzzerCustomCrossOver && number % 5 == 4)
        changed_size = LLVMFuzzerCustomCrossOver(s->data, s->size, other->data, other->size, changed, LONGEST, number);
    else if (LLVMFuzzerCustomMutator)
        changed_size = LLVMFuzzerCustomMutator(changed, s->size, LONGEST, number);
    else
        changed_size = LLVMFuzzerMutate(changed, s->size, LONGEST);
}

static unsigned int change_for_a_moment(void)
{
    const char *word = getenv("REPLAY_SECONDS");
    double until = seconds() + (word ? atof(word) : 1);
    unsigned int number = 0;

    for (; seconds() < until; number++) {
        changing = false;
        change(number);
        changing = true;
        LLVMFuzzerTestOneInput(changed, changed_size);
    }
    changing = false;
    return number;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static void replay_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    size_t size = f && fstat(fileno(f), &st) == 0 ? (size_t)st.st_size : 0;
    uint8_t *data = malloc(size + 1);
    struct seed *longer = realloc(seeds, (count + 1) * sizeof *seeds);

    if (!f || !data || !longer || fread(data, 1, size, f) != size) {
        perror(path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    seeds = longer;
    seeds[count++] = (struct seed){ data, size < LONGEST ? size : LONGEST };
}

/* In the order of their names: the order of a folder is nobody's. */
static void replay(const char *path)
{
    char name[4096];
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);

    if (n < 0) {
        replay_file(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
            replay_file(name);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    watch(argv[0]);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%zu inputs\n", count);
    if (!count)
        return 1; /* an empty corpus is a test that tests nothing */
    printf("%u changed ones\n", change_for_a_moment());
    while (count)
        free(seeds[--count].data);
    free(seeds);
    return 0;
}

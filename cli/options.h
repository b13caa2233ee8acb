/*
 * options.h - the command line of every command as a table: parsing, value checks, --help and the keys of --config come from it.
 * Every command calls options_parse() with its spec and a settings struct that the rows point into.
 */
#ifndef ESCERTKE_CLI_OPTIONS_H
#define ESCERTKE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_GROUPS 6u
#define OPTIONS_MAX 64u       /* rows of all groups of one command */
#define OPTIONS_LIST_MAX 256u /* repetitions of one list option */
#define OPTIONS_ARGS_MAX 4u   /* positional arguments */

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* long, within min...max */
    OPTION_LIST,   /* struct text_list; repeatable; a sequence in YAML */
    OPTION_CONFIG  /* const char *: a YAML file whose keys are the names of the other options */
};

struct text_list {
    const char **items;
    size_t count;
};

/** Look at a value; false with the reason in words ("expected ..., found ...") if it is not acceptable. */
typedef bool (*option_check)(const char *value, char *why, size_t cap);

struct option_def {
    const char *name; /* long name without "--"; NULL ends a table */
    const char *arg;  /* word for the value in --help; NULL for a flag */
    const char *help;
    enum option_kind kind;
    size_t offset;      /* of the member in the settings struct */
    option_check check; /* NULL: any text that is not empty */
    long min, max;      /* NUMBER */
    bool required;
};

/* Rows of an option table: name, word for the value, offset of the member, check (NULL = none), help. */
#define FLAG_ROW(name_, offset_, help_)                                                                                          \
    {                                                                                                                            \
        .name = name_, .help = help_, .kind = OPTION_FLAG, .offset = offset_                                                     \
    }
#define TEXT_ROW(name_, arg_, offset_, check_, help_)                                                                            \
    {                                                                                                                            \
        .name = name_, .arg = arg_, .help = help_, .kind = OPTION_TEXT, .offset = offset_, .check = check_                       \
    }
#define NEEDED_TEXT_ROW(name_, arg_, offset_, check_, help_)                                                                     \
    {                                                                                                                            \
        .name = name_, .arg = arg_, .help = help_, .kind = OPTION_TEXT, .offset = offset_, .check = check_, .required = true     \
    }
#define LIST_ROW(name_, arg_, offset_, check_, help_)                                                                            \
    {                                                                                                                            \
        .name = name_, .arg = arg_, .help = help_, .kind = OPTION_LIST, .offset = offset_, .check = check_                       \
    }
#define NEEDED_LIST_ROW(name_, arg_, offset_, check_, help_)                                                                     \
    {                                                                                                                            \
        .name = name_, .arg = arg_, .help = help_, .kind = OPTION_LIST, .offset = offset_, .check = check_, .required = true     \
    }
#define NUMBER_ROW(name_, arg_, offset_, min_, max_, help_)                                                                      \
    {                                                                                                                            \
        .name = name_, .arg = arg_, .help = help_, .kind = OPTION_NUMBER, .offset = offset_, .min = min_, .max = max_            \
    }
#define CONFIG_ROW(name_, offset_, help_)                                                                                        \
    {                                                                                                                            \
        .name = name_, .arg = "FILE", .help = help_, .kind = OPTION_CONFIG, .offset = offset_                                    \
    }
#define OPTION_END                                                                                                               \
    {                                                                                                                            \
        .name = NULL                                                                                                             \
    }

struct options_spec {
    const char *command;  /* "pki issue" */
    const char *synopsis; /* what follows it: "DIR --ae-id ID --out PREFIX" */
    const char *about;    /* paragraph of --help */
    const struct option_def *groups[OPTIONS_GROUPS];
    size_t args_min, args_max; /* positional arguments */
    const char *args_words;    /* their names for error texts: "DIR" */
};

/** What options_parse() leaves besides the settings; lists and texts from a config file live until options_free(). */
struct options {
    const struct options_spec *spec;
    void *settings;
    const char *args[OPTIONS_ARGS_MAX];
    size_t args_count;
    bool given[OPTIONS_MAX]; /* by index over all groups in order */
    char **texts;            /* owned copies */
    size_t texts_count;
};

/** options_parse(): the command may run. */
#define OPTIONS_RUN (-1)

/**
 * Parse @p argv (argv[0] is the command's own word) into @p settings, which holds the defaults.
 * --help prints to stdout; anything wrong is said on stderr and leaves stdout empty.
 *
 * @return OPTIONS_RUN, or the exit code with which the program is to end: 0 (--help), 1 (memory, unreadable config), 2 (usage).
 *         options_free() in any case.
 */
int options_parse(const struct options_spec *spec, int argc, char **argv, void *settings, struct options *o);
void options_free(struct options *o);

/** The row at an index over all groups; NULL past the end. */
const struct option_def *options_at(const struct options_spec *spec, size_t index);
/** Index of the row with that name, or OPTIONS_MAX. */
size_t options_find(const struct options_spec *spec, const char *name);
/** Was the option set, on the command line or by the config file? @p name must be in the tables. */
bool options_given(const struct options *o, const char *name);
/** Set one option from text; @p where ("--to" or "FILE: key \"to\"") opens the error text. @return true, or false after words on
 * stderr. */
bool options_set(struct options *o, size_t index, const char *value, const char *where);
/** Print the help text of a command to stdout. */
void options_help(const struct options_spec *spec);

/** Read a YAML file into the options that the command line did not set. @return OPTIONS_RUN, 1 or 2 after words on stderr */
int config_load(struct options *o, const char *path);

/** The candidate nearest to @p word if it is near enough to be a slip of the hand, else NULL; candidates come by index until
 * NULL. */
const char *nearest_word(const char *word, const char *(*candidate)(const void *ctx, size_t index), const void *ctx);

#endif

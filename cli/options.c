#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

const struct option_def *options_at(const struct options_spec *spec, size_t index)
{
    for (size_t g = 0; g < OPTIONS_GROUPS && spec->groups[g]; g++)
        for (const struct option_def *d = spec->groups[g]; d->name; d++)
            if (index-- == 0)
                return d;
    return NULL;
}

size_t options_find(const struct options_spec *spec, const char *name)
{
    const struct option_def *d;

    for (size_t i = 0; i < OPTIONS_MAX && (d = options_at(spec, i)) != NULL; i++)
        if (strcmp(d->name, name) == 0)
            return i;
    return OPTIONS_MAX;
}

bool options_given(const struct options *o, const char *name)
{
    size_t index = options_find(o->spec, name);
    return index < OPTIONS_MAX && o->given[index];
}

static bool check_value(const struct option_def *d, const char *value, const char *where)
{
    char why[320] = "";

    if (!*value) {
        out_words("%s: the value is empty; expected %s", where, d->arg);
        return false;
    }
    if (d->check && !d->check(value, why, sizeof why)) {
        out_words("%s %s: %s", where, value, why);
        return false;
    }
    return true;
}

static bool set_number(const struct option_def *d, void *member, const char *value, const char *where)
{
    char *end;

    errno = 0;
    long n = strtol(value, &end, 10);
    if (errno || end == value || *end || n < d->min || n > d->max) {
        out_words("%s %s: expected a whole number from %ld to %ld", where, value, d->min, d->max);
        return false;
    }
    memcpy(member, &n, sizeof n);
    return true;
}

static bool set_flag(void *member, const char *value, const char *where)
{
    bool on = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;

    if (!on && strcmp(value, "false") != 0 && strcmp(value, "no") != 0) {
        out_words("%s %s: expected true or false", where, value);
        return false;
    }
    memcpy(member, &on, sizeof on);
    return true;
}

static bool append(struct text_list *list, const char *value, const char *where)
{
    if (list->count == OPTIONS_LIST_MAX) {
        out_words("%s: given more than %u times", where, OPTIONS_LIST_MAX);
        return false;
    }
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) {
        out_words("out of memory");
        return false;
    }
    list->items = items;
    list->items[list->count++] = value;
    return true;
}

/* A copy that lives as long as the options. */
static const char *keep(struct options *o, const char *value)
{
    char **texts = realloc(o->texts, (o->texts_count + 1) * sizeof *texts);
    if (!texts)
        return NULL;
    o->texts = texts;
    return o->texts[o->texts_count] = strdup(value), o->texts[o->texts_count++];
}

bool options_set(struct options *o, size_t index, const char *value, const char *where)
{
    const struct option_def *d = options_at(o->spec, index);
    void *member = (char *)o->settings + d->offset;

    if (d->kind != OPTION_LIST && o->given[index]) {
        out_words("%s: given twice; once is expected", where);
        return false;
    }
    if (d->kind == OPTION_FLAG) {
        if (!set_flag(member, value, where))
            return false;
    } else if (!check_value(d, value, where)) {
        return false;
    } else if (d->kind == OPTION_NUMBER) {
        if (!set_number(d, member, value, where))
            return false;
    } else {
        const char *copy = keep(o, value);
        if (!copy) {
            out_words("out of memory");
            return false;
        }
        if (d->kind == OPTION_LIST) {
            if (!append(member, copy, where))
                return false;
        } else {
            memcpy(member, &copy, sizeof copy);
        }
    }
    o->given[index] = true;
    return true;
}

static const char *option_name(const void *ctx, size_t index)
{
    const struct option_def *d = options_at(ctx, index);
    return d ? d->name : NULL;
}

static int unknown_option(const struct options_spec *spec, const char *name)
{
    const char *near = nearest_word(name, option_name, spec);

    if (near)
        return out_usage(spec->command, "unknown option --%s; did you mean --%s?", name, near);
    return out_usage(spec->command, "unknown option --%s", name);
}

/* One "--name", "--name=VALUE" or "--name VALUE" at argv[*at]; moves *at onto a separate value. */
static int parse_option(struct options *o, int argc, char **argv, int *at)
{
    const char *word = argv[*at] + 2, *equals = strchr(word, '='), *value;
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    char name[40], where[48];

    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), word);
    snprintf(where, sizeof where, "--%s", name);
    size_t index = len < sizeof name ? options_find(o->spec, name) : OPTIONS_MAX;
    if (index == OPTIONS_MAX)
        return unknown_option(o->spec, name);
    const struct option_def *d = options_at(o->spec, index);
    if (d->kind == OPTION_FLAG) {
        if (equals)
            return out_usage(o->spec->command, "%s takes no value", where);
        value = "true";
    } else if (equals) {
        value = equals + 1;
    } else if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0) {
        value = argv[++*at];
    } else {
        return out_usage(o->spec->command, "%s needs a value: %s", where, d->arg);
    }
    if (!options_set(o, index, value, where))
        return out_usage(o->spec->command, NULL);
    return OPTIONS_RUN;
}

static int parse_words(struct options *o, int argc, char **argv)
{
    bool only_args = false;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!only_args && strcmp(word, "--") == 0) {
            only_args = true;
        } else if (!only_args && strncmp(word, "--", 2) == 0) {
            int code = parse_option(o, argc, argv, &i);
            if (code != OPTIONS_RUN)
                return code;
        } else if (!only_args && word[0] == '-' && word[1]) {
            return out_usage(o->spec->command, "unknown option %s; options have long names and begin with --", word);
        } else if (o->args_count == o->spec->args_max || o->args_count == OPTIONS_ARGS_MAX) {
            return out_usage(o->spec->command, "unexpected argument \"%s\"", word);
        } else {
            o->args[o->args_count++] = word;
        }
    }
    return OPTIONS_RUN;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int load_config(struct options *o)
{
    const struct option_def *d;

    for (size_t i = 0; (d = options_at(o->spec, i)) != NULL; i++) {
        const char *path;
        if (d->kind != OPTION_CONFIG || !o->given[i])
            continue;
        memcpy(&path, (char *)o->settings + d->offset, sizeof path);
        return config_load(o, path);
    }
    return OPTIONS_RUN;
}

static int check_complete(const struct options *o)
{
    const struct option_def *d;

    if (o->args_count < o->spec->args_min)
        return out_usage(o->spec->command, "%s is missing", o->spec->args_words);
    for (size_t i = 0; (d = options_at(o->spec, i)) != NULL; i++)
        if (d->required && !o->given[i])
            return out_usage(o->spec->command, "--%s %s is missing", d->name, d->arg);
    return OPTIONS_RUN;
}

int options_parse(const struct options_spec *spec, int argc, char **argv, void *settings, struct options *o)
{
    int code;

    memset(o, 0, sizeof *o);
    o->spec = spec;
    o->settings = settings;
    if (wants_help(argc, argv)) {
        options_help(spec);
        return EXIT_DONE;
    }
    if ((code = parse_words(o, argc, argv)) != OPTIONS_RUN || (code = load_config(o)) != OPTIONS_RUN)
        return code;
    return check_complete(o);
}

void options_free(struct options *o)
{
    const struct option_def *d;

    for (size_t i = 0; (d = options_at(o->spec, i)) != NULL; i++) {
        if (d->kind != OPTION_LIST)
            continue;
        struct text_list *list = (struct text_list *)(void *)((char *)o->settings + d->offset);
        free(list->items);
        *list = (struct text_list){ NULL, 0 };
    }
    for (size_t i = 0; i < o->texts_count; i++)
        free(o->texts[i]);
    free(o->texts);
    o->texts = NULL;
    o->texts_count = 0;
}

/* Help text behind column `indent`, broken at spaces before `width`. */
static void print_wrapped(const char *text, int indent, int width)
{
    int column = indent;

    while (*text) {
        int len = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + len > width) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", len, text);
        column += len;
        text += len;
        if (*text == '\n') {
            printf("\n%*s", indent, "");
            column = indent;
        }
        if (*text)
            text++;
    }
    putchar('\n');
}

void options_help(const struct options_spec *spec)
{
    const struct option_def *d;

    printf("usage: escertke %s %s\n\n", spec->command, spec->synopsis);
    print_wrapped(spec->about, 0, 100);
    printf("\noptions:\n");
    for (size_t i = 0; (d = options_at(spec, i)) != NULL; i++) {
        int len = printf("  --%s%s%s%s", d->name, d->arg ? " " : "", d->arg ? d->arg : "", d->kind == OPTION_LIST ? "..." : "");
        printf("%*s", len < 28 ? 28 - len : 2, "");
        print_wrapped(d->help, 28 + (len < 28 ? 0 : len + 2 - 28), 100);
    }
    printf("  %-26sthis text\n", "--help");
}

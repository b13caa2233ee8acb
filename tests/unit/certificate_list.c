#include "certificate_recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLES 64
#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct recipe_line *recipe_reading;

void recipe_need(bool ok, const char *what, const char *word)
{
    if (ok)
        return;
    fprintf(stderr, "certificates.txt:%d: %s: %s\n", recipe_reading ? recipe_reading->number : 0, what, word);
    abort();
}

char *recipe_trim(char *s)
{
    s += strspn(s, " \t\n");
    for (size_t n = strlen(s); n && strchr(" \t\n", s[n - 1]); n--)
        s[n - 1] = '\0';
    return s;
}

/* ---- lines and variables ------------------------------------------------------------------------------------ */

static struct {
    char name[32];
    char value[256];
} variables[VARIABLES];
static size_t variable_count;

static void append(char *out, size_t cap, const char *text, size_t len)
{
    size_t used = strlen(out);

    recipe_need(used + len < cap, "too long", out);
    memcpy(out + used, text, len);
    out[used + len] = '\0';
}

/* Each $NAME (capital letters, digits, underscore) by its value. */
static void substitute(const char *in, char *out, size_t cap)
{
    out[0] = '\0';
    while (*in) {
        size_t plain = strcspn(in, "$"), i;
        append(out, cap, in, plain);
        in += plain;
        if (!*in)
            return;
        size_t len = strspn(++in, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        for (i = 0; i < variable_count; i++)
            if (strlen(variables[i].name) == len && strncmp(variables[i].name, in, len) == 0)
                break;
        recipe_need(i < variable_count, "no such variable", in);
        append(out, cap, variables[i].value, strlen(variables[i].value));
        in += len;
    }
}

static void set_variable(char *line)
{
    char *value = strchr(line, '=');

    recipe_need(value && variable_count < VARIABLES, "expected NAME = VALUE or seven columns", line);
    *value++ = '\0';
    snprintf(variables[variable_count].name, sizeof variables->name, "%s", recipe_trim(line));
    substitute(recipe_trim(value), variables[variable_count].value, sizeof variables->value);
    variable_count++;
}

static void split_line(struct recipe_line *l)
{
    const char **columns[] = { &l->name, &l->chain, &l->expect, &l->peer, &l->judges, &l->error, &l->alert };
    char *at = l->text;

    for (size_t i = 0; i < COUNT(columns); i++) {
        char *bar = strchr(at, '|');
        recipe_need((bar != NULL) == (i + 1 < COUNT(columns)), "expected seven columns", l->text);
        if (bar)
            *bar = '\0';
        *columns[i] = recipe_trim(at);
        at = bar ? bar + 1 : at;
    }
}

size_t recipe_read_file(const char *path, struct recipe_line **lines)
{
    FILE *f = fopen(path, "r");
    char text[2048], full[4096];
    struct recipe_line *list = NULL;
    size_t count = 0;

    recipe_need(f != NULL, "cannot be opened", path);
    for (int number = 1; fgets(text, sizeof text, f); number++) {
        struct recipe_line line = { .number = number };
        recipe_reading = &line;
        char *at = recipe_trim(text);
        if (!*at || *at == '#')
            continue;
        if (!strchr(at, '|')) {
            set_variable(at);
            continue;
        }
        substitute(at, full, sizeof full);
        line.text = strdup(full);
        list = realloc(list, (count + 1) * sizeof *list);
        recipe_need(line.text && list, "memory", "");
        split_line(&line);
        list[count++] = line;
    }
    fclose(f);
    *lines = list;
    return count;
}

void recipe_lines_free(struct recipe_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(lines[i].text);
    free(lines);
}

/* config.c - --config FILE.yaml: the options of a command as YAML keys, read by libcyaml with a schema made from the option
 * tables. */
#include <cyaml/cyaml.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "options.h"
#include "out.h"

/* What one key gives: a scalar or a sequence of scalars. */
struct slot {
    char *text;
    char **items;
    uint32_t count;
};

struct schema {
    cyaml_schema_field_t fields[OPTIONS_MAX + 1];
    size_t option[OPTIONS_MAX]; /* index of the option behind each field */
    size_t count;
    cyaml_schema_value_t top;
};

/* The library's words about what is wrong, collected. */
struct complaint {
    char text[512];
    char key[64]; /* the key that is not known, if that is the complaint */
};

static const cyaml_schema_value_t scalar = {
    .type = CYAML_STRING, .flags = CYAML_FLAG_POINTER, .data_size = 1, .string = { .min = 0, .max = 4096 }
};

static void make_schema(const struct options_spec *spec, struct schema *s)
{
    const struct option_def *d;

    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < OPTIONS_MAX && (d = options_at(spec, i)) != NULL; i++) {
        if (d->kind == OPTION_CONFIG)
            continue;
        cyaml_schema_field_t *f = &s->fields[s->count];
        uint32_t at = (uint32_t)(s->count * sizeof(struct slot));
        f->key = d->name;
        f->value = scalar;
        f->data_offset = at + (uint32_t)offsetof(struct slot, text);
        if (d->kind == OPTION_LIST) {
            f->value.type = CYAML_SEQUENCE;
            f->value.data_size = sizeof(char *);
            f->value.sequence.entry = &scalar;
            f->value.sequence.min = 0;
            f->value.sequence.max = OPTIONS_LIST_MAX;
            f->data_offset = at + (uint32_t)offsetof(struct slot, items);
            f->count_offset = at + (uint32_t)offsetof(struct slot, count);
            f->count_size = sizeof(uint32_t);
        }
        f->value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
        s->option[s->count++] = i;
    }
    s->top.type = CYAML_MAPPING;
    s->top.flags = CYAML_FLAG_POINTER;
    s->top.data_size = (uint32_t)(s->count * sizeof(struct slot));
    s->top.mapping.fields = s->fields;
}

static void collect(cyaml_log_t level, void *ctx, const char *fmt, va_list args) ESCERTKE_PRINTF(3, 0);

static void collect(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    static const char unknown[] = "Load: Unexpected key: ";
    struct complaint *c = ctx;
    char line[256];

    (void)level;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, unknown, sizeof unknown - 1) == 0)
        snprintf(c->key, sizeof c->key, "%.*s", (int)sizeof c->key - 1, line + sizeof unknown - 1);
    if (strstr(line, "Backtrace"))
        return;
    const char *words = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    size_t used = strlen(c->text);
    snprintf(c->text + used, sizeof c->text - used, "%s%s", used ? " " : "", words + strspn(words, " "));
}

/* Line of a top-level key; the library reports the place before it. */
static size_t line_of(const char *text, const char *key)
{
    size_t len = strlen(key), line = 1;

    for (const char *at = text; at; line++) {
        const char *word = at + strspn(at, " \"'");
        if (strncmp(word, key, len) == 0 && strchr(" \"':", word[len]) && word[len])
            return line;
        at = strchr(at, '\n');
        if (at)
            at++;
    }
    return 0;
}

static const char *key_name(const void *ctx, size_t index)
{
    const struct schema *s = ctx;
    return index < s->count ? s->fields[index].key : NULL;
}

static int complain(const char *path, const char *text, const struct schema *s, const struct complaint *c)
{
    if (c->key[0]) {
        const char *near = nearest_word(c->key, key_name, s);
        out_words("%s: line %zu: unknown key \"%s\"; expected the name of an option of this command without \"--\"%s%s%s", path,
                  line_of(text, c->key), c->key, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    } else {
        out_words("%s: not usable as configuration: %s", path, c->text[0] ? c->text : "not a YAML mapping");
    }
    return EXIT_USAGE;
}

static bool apply_slot(struct options *o, size_t index, const struct slot *slot, const char *path)
{
    const struct option_def *d = options_at(o->spec, index);
    char where[512];

    snprintf(where, sizeof where, "%.400s: key \"%s\"", path, d->name);
    if (d->kind != OPTION_LIST)
        return !slot->text || options_set(o, index, slot->text, where);
    for (uint32_t i = 0; i < slot->count; i++)
        if (!options_set(o, index, slot->items[i], where))
            return false;
    return true;
}

/* The command line wins over the file, a list as a whole. */
static int apply(struct options *o, const struct schema *s, const struct slot *slots, const char *path)
{
    for (size_t i = 0; i < s->count; i++)
        if (!o->given[s->option[i]] && !apply_slot(o, s->option[i], &slots[i], path))
            return EXIT_USAGE;
    return OPTIONS_RUN;
}

int config_load(struct options *o, const char *path)
{
    struct schema schema;
    struct complaint c = { "", "" };
    escertke_detail d;
    escertke_buf file;
    struct slot *slots = NULL;

    escertke_detail_init(&d);
    escertke_err err = file_read(path, &file, &d);
    if (err != ESCERTKE_OK)
        return out_failure(err, &d, "--config %s", path);
    make_schema(o->spec, &schema);
    cyaml_config_t cfg = {
        .log_fn = collect, .log_ctx = &c, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_WARNING, .flags = CYAML_CFG_NO_ALIAS
    };
    int code = OPTIONS_RUN;
    if (cyaml_load_data(file.ptr, file.len, &cfg, &schema.top, (void **)&slots, NULL) != CYAML_OK)
        code = complain(path, (const char *)file.ptr, &schema, &c);
    else if (slots)
        code = apply(o, &schema, slots, path);
    cyaml_free(&cfg, &schema.top, slots, 0);
    escertke_buf_free(&file);
    return code;
}

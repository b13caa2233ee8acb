#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding/http_fetch.h"
#include "hop.h"
#include "options.h"
#include "out.h"

#define METRICS_MAX ((size_t)1 << 20)
#define NAME_COLUMN 34

struct settings {
    const char *status;
    bool json;
};

static const struct option_def status_options[] = {
    NEEDED_TEXT_ROW("status", "URL", offsetof(struct settings, status), status_check_url, "metrics of a running serve"),
    FLAG_ROW("json", offsetof(struct settings, json), "one JSON object"),
    OPTION_END,
};

static const struct options_spec status_spec = {
    .command = "serve",
    .synopsis = "--status URL [--json]",
    .about = "Print the metrics of a running serve as a table.",
    .groups = { status_options },
};

static bool is_port(const char *value)
{
    return *value && strspn(value, "0123456789") == strlen(value);
}

bool status_check_url(const char *value, char *why, size_t cap)
{
    if (is_port(value) || strncmp(value, "http", 4) == 0)
        return is_port(value) || hop_check_url(value, why, cap);
    snprintf(why, cap, "expected a port, or a URL http(s)://HOST[:PORT][/PATH]");
    return false;
}

/* ---- the text ----------------------------------------------------------------------------------------------- */

bool status_parse_row(const char *line, size_t len, struct status_row *out)
{
    char text[256], *end;

    memset(out, 0, sizeof *out);
    if (!len || len >= sizeof text || line[0] == '#')
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");
    const char *at = text + name;
    if (!name || name >= sizeof out->name)
        return false;
    memcpy(out->name, text, name);
    if (*at == '{') {
        const char *open = strchr(at, '"'), *close = open ? strchr(open + 1, '"') : NULL;
        if (!close || close[1] != '}' || (size_t)(close - open) > sizeof out->label)
            return false;
        memcpy(out->label, open + 1, (size_t)(close - open - 1));
        at = close + 2;
    }
    if (*at != ' ')
        return false;
    out->value = strtod(at + 1, &end);
    return end != at + 1 && !*end && isfinite(out->value);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void show_value(const struct status_row *row, char *value, size_t cap)
{
    if (ends_with(row->name, "_bytes"))
        snprintf(value, cap, "%.1f MiB", row->value / (1024 * 1024));
    else if (ends_with(row->name, "start_time_seconds") && row->value >= 0 && row->value < 2e11 && cap >= 24)
        out_time((int64_t)row->value, value);
    else if (row->value == floor(row->value) && fabs(row->value) < 1e15)
        snprintf(value, cap, "%.0f", row->value);
    else
        snprintf(value, cap, "%.3f", row->value);
}

void status_show_row(const struct status_row *row, char *name, size_t name_cap, char *value, size_t value_cap)
{
    static const char own[] = "escertke_", total[] = "_total";
    const char *from = strncmp(row->name, own, sizeof own - 1) == 0 ? row->name + sizeof own - 1 : row->name;
    size_t len = strlen(from) - (ends_with(from, total) ? sizeof total - 1 : 0);

    snprintf(name, name_cap, "%.*s%s%s%s", (int)len, from, row->label[0] ? " (" : "", row->label, row->label[0] ? ")" : "");
    for (char *at = name; *at && *at != '('; at++)
        if (*at == '_')
            *at = ' ';
    show_value(row, value, value_cap);
}

static void add_json(json_t *metrics, const struct status_row *row)
{
    json_t *number =
        row->value == floor(row->value) && fabs(row->value) < 1e15 ? json_integer((json_int_t)row->value) : json_real(row->value);

    if (!row->label[0]) {
        json_object_set_new(metrics, row->name, number);
        return;
    }
    json_t *labels = json_object_get(metrics, row->name);
    if (!labels && json_object_set_new(metrics, row->name, json_object()) == 0)
        labels = json_object_get(metrics, row->name);
    json_object_set_new(labels, row->label, number);
}

static int print(const char *url, const escertke_buf *text)
{
    json_t *event = out_new_event("status"), *metrics = json_object();
    const char *at = (const char *)text->ptr, *end = at + text->len;
    char name[176], value[40];
    struct status_row row;
    unsigned rows = 0;

    for (const char *stop; at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        if (!status_parse_row(at, (size_t)(stop - at), &row))
            continue;
        rows++;
        add_json(metrics, &row);
        status_show_row(&row, name, sizeof name, value, sizeof value);
        out_line("%-*s %s", NAME_COLUMN, name, value);
    }
    out_text(event, "url", url);
    json_object_set(event, "metrics", metrics);
    json_decref(metrics);
    if (out_is_json() && rows)
        out_event(event, "%s", url);
    else
        json_decref(event);
    return rows ? EXIT_DONE : out_failure(ESCERTKE_ERR_HTTP, NULL, "%s: these are no metrics", url);
}

/* ---- the way there ------------------------------------------------------------------------------------------ */

static int show(const struct settings *s)
{
    bool path = strchr(s->status, '/') && strchr(strstr(s->status, "//") + 2, '/');
    char url[1024];
    escertke_detail d;
    escertke_buf text;

    snprintf(url, sizeof url, "%s%s%s", is_port(s->status) ? "http://127.0.0.1:" : "", s->status, path ? "" : "/metrics");
    escertke_detail_init(&d);
    escertke_buf_init(&text, METRICS_MAX);
    escertke_err err = esc_http_fetch(url, &text, &d);
    int code = err == ESCERTKE_OK ? print(url, &text) : out_failure(err, &d, "status of %s", url);
    escertke_buf_free(&text);
    return code;
}

int cmd_serve_status(int argc, char **argv)
{
    struct settings s = { NULL, false };
    struct options o;
    int code = options_parse(&status_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        code = show(&s);
    }
    options_free(&o);
    return code;
}

#include "metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void metrics_put(struct metrics_text *t, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (t->err == ESCERTKE_OK)
        t->err = len < 0 || len >= (int)sizeof line ? ESCERTKE_ERR_TOO_LARGE : escertke_buf_append(t->out, line, (size_t)len);
}

void metrics_head(struct metrics_text *t, const char *name, const char *type, const char *help)
{
    metrics_put(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_counter(struct metrics_text *t, const char *name, const char *help, uint64_t value)
{
    metrics_head(t, name, "counter", help);
    metrics_put(t, "%s %" PRIu64 "\n", name, value);
}

void metrics_gauge(struct metrics_text *t, const char *name, const char *help, double value)
{
    metrics_head(t, name, "gauge", help);
    metrics_put(t, "%s %.17g\n", name, value);
}

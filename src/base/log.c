#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fail.h"

void esc_log(const escertke_log *log, escertke_level level, const char *event, const char *fmt, ...)
{
    char raw[512], fields[512];
    va_list args;

    if (!log || !log->fn)
        return;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    esc_printable(escertke_span_str(raw), fields, sizeof fields);
    log->fn(log->ctx, level, event, fields);
}

/* metrics_text.h - lines of Prometheus' text format, and the lines that tell of the bindings. */
#ifndef ESCERTKE_CLI_METRICS_TEXT_H
#define ESCERTKE_CLI_METRICS_TEXT_H

#include <escertke/base.h>

struct hop_listeners;

struct metrics_text {
    escertke_buf *out;
    escertke_err err; /* the first: NOMEM, TOO_LARGE */
};

void metrics_put(struct metrics_text *t, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);
void metrics_head(struct metrics_text *t, const char *name, const char *type, const char *help);
void metrics_counter(struct metrics_text *t, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics_text *t, const char *name, const char *help, double value);

/** What is counted of HTTP, and of each other binding that is used: all its listeners and connections together. */
void metrics_bindings(struct metrics_text *t, const struct hop_listeners *l);

#endif

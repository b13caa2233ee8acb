/* bench_rows.h - rows of `escertke bench` that are measured in CPU time of one thread. */
#ifndef ESCERTKE_CLI_BENCH_ROWS_H
#define ESCERTKE_CLI_BENCH_ROWS_H

#include <escertke/base.h>
#include <jansson.h>

struct people;

enum { BENCH_ROUNDS_MAX = 101 };

struct bench_settings {
    long rounds, count, http;
};

/** First the OpenSSL row beside the bare loop and the floor, then the other back ends; all in the same rounds. @return false:
 * failed */
bool bench_handshakes(const struct bench_settings *s, const struct people *p, bool metered);
/** Clients that come for the first time and again, per back end. @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err bench_repeats(const struct bench_settings *s, escertke_detail *d);

/** A figure of a row. */
void bench_real(json_t *event, const char *name, double value);

#endif
